/** Watches the open notebooks: a link for each, and versions that are to be put into their target cells. */

import { Link } from "./link.js";
import { place } from "./placing.js";

/**
 * Watch the notebooks of a tracker, and return their links.
 *
 * @param NotebookActions JupyterLab's; its signal says which cells have run
 */
export function watchNotebooks(tracker, NotebookActions) {
  const links = new Map(); // notebook panel -> link

  function add(panel) {
    const link = new Link(panel);
    link.offered = (version) => place(panel, link, version);
    links.set(panel, link);
    panel.disposed.connect(() => { links.delete(panel); });
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
  return links;
}
