/** The tabs below the tiles, as the ARIA pattern has them: arrow keys, Home and End go from one to the next, and only the open one is in the order of Tab. */

import { h } from "./elements.js";

let tabLists = 0; // ids must be unique in the document, which may show several panels

/**
 * Build the tabs. `pages` are [name, label, nodes]; the open one is `panel.view.tab`, the first at the start.
 * `opened` is called with the name of a page that was opened. Returns {list, pages}: the list of tabs, and the nodes of all pages in their order.
 */
export function buildTabs(panel, pages, opened) {
  const id = `arm-tabs-${++tabLists}`;
  panel.view.tab ??= pages[0][0];
  const tabs = pages.map(([name, label]) => h("button", { type: "button", role: "tab", class: "tab", id: `${id}-${name}`, "aria-controls": `${id}-${name}-page`,
    onclick: () => open(name) }, label));
  const nodes = pages.map(([name, , inside]) => h("div", { role: "tabpanel", class: "tabpage", id: `${id}-${name}-page`, "aria-labelledby": `${id}-${name}` }, ...inside));

  function show() {
    pages.forEach(([name], i) => {
      const chosen = name === panel.view.tab;
      tabs[i].setAttribute("aria-selected", `${chosen}`);
      tabs[i].tabIndex = chosen ? 0 : -1;
      nodes[i].hidden = !chosen;
    });
  }
  function open(name) {
    if (panel.view.tab === name) return;
    panel.view.tab = name;
    show();
    opened(name);
    panel.update();
  }
  const list = h("div", { class: "tabs", role: "tablist", "aria-label": "What is shown of the study", onkeydown: (event) => {
    const at = tabs.indexOf(event.target), end = tabs.length - 1;
    const to = { ArrowLeft: at ? at - 1 : end, ArrowRight: at < end ? at + 1 : 0, Home: 0, End: end }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    open(pages[to][0]);
    tabs[to].focus();
  } }, ...tabs);
  show();
  return { list, pages: nodes };
}
