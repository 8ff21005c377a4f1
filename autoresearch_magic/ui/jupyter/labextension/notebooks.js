/** Watches the open notebooks: a link for each, and versions that are to be put into their target cells. */

import { Link } from "./link.js";
import { place } from "./placing.js";

/**
 * Watch the notebooks of a tracker. Returns {links, changed}: notebook panel -> link, and a function that takes what is to be called when any
 * of them has changed.
 *
 * @param NotebookActions JupyterLab's; its signal says which cells have run
 * @param opened called with each notebook's panel and link
 */
export function watchNotebooks(tracker, NotebookActions, opened) {
  const links = new Map(), calls = new Set();
  const tell = () => { for (const call of calls) call(); };

  function add(panel) {
    const link = new Link(panel);
    link.offered = (version) => place(panel, link, version);
    link.changed.add(tell);
    links.set(panel, link);
    panel.disposed.connect(() => { links.delete(panel); tell(); });
    opened(panel, link);
  }

  tracker.widgetAdded.connect((_, panel) => { add(panel); });
  tracker.forEach(add);
  NotebookActions.executed.connect((_, { notebook, cell }) => {
    const link = [...links.values()].find((each) => each.panel.content === notebook);
    if (link && cell.model.type === "code" && cell.model.sharedModel.getSource().includes("autoresearch")) void link.open();
  });
  // The panel of a study asks so; `page/restore.js` says what is in it.
  document.addEventListener("autoresearch-magic:restore", (event) => {
    const panel = [...links.keys()].find((each) => each.node.contains(event.target));
    if (!panel) return;
    event.preventDefault();
    place(panel, links.get(panel), event.detail, event.target).then(
      (message) => event.detail.done(message), (error) => event.detail.done(`It could not be put into a cell: ${error.message}`));
  });
  return { links, changed: (call) => { calls.add(call); } };
}
