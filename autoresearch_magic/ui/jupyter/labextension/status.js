/** The running studies of all open notebooks, in the status bar, or in the bar of Notebook 7's menu. A press goes to the panel of the study. */

import { element } from "./elements.js";
import { PANEL_TYPE } from "./saved_panel.js";

/** Where Notebook 7, which has no status bar, gets it: left of whether the notebook is trusted. */
const MENU_RANK = 10_900;

/**
 * Make the item, and put it where it is seen.
 *
 * @param shell JupyterLab's or Notebook's
 * @param statusBar null where there is none
 * @param notebooks what `watchNotebooks` returns
 */
export function makeStatus(shell, { links, changed }, statusBar, { Widget }, { Signal }) {
  const item = new Widget({ node: element("div", { class: "arx-status" }) });
  const shown = new Signal(item), buttons = new Map(); // kernel and name -> button
  item.id = "autoresearch-magic-studies";

  function update() {
    const running = new Map();
    for (const link of links.values()) {
      const kernel = link.panel.sessionContext.session?.kernel?.id;
      for (const study of link.studies) if (study.ongoing) running.set(`${kernel}:${study.name}`, { study, panel: link.panel });
    }
    const before = buttons.size;
    for (const [key, button] of buttons) {
      if (running.has(key)) continue;
      button.remove();
      buttons.delete(key);
    }
    for (const [key, { study, panel }] of running) {
      const button = buttons.get(key) ?? element("button", { type: "button", class: "arx-running" });
      button.onclick = () => { void goTo(shell, panel, study.name); };
      if (button.textContent !== study.line) button.textContent = study.line;
      button.title = `Go to the panel of ${study.name}`;
      if (!buttons.has(key)) item.node.append(button);
      buttons.set(key, button);
    }
    if (Boolean(before) === Boolean(buttons.size)) return;
    shown.emit(undefined);
    if (!statusBar) item.setHidden(!buttons.size);
  }

  if (statusBar) {
    item.addClass("jp-StatusBar-TextItem");
    statusBar.registerStatusItem("autoresearch-magic:studies", {
      item, align: "left", rank: 900, isActive: () => buttons.size > 0, activeStateChanged: shown,
    });
  } else {
    item.hide();
    shell.add(item, "menu", { rank: MENU_RANK });
  }
  changed(update);
}

/** Go to a notebook and to the last panel of a study in it, else to its last cell that mentions autoresearch. */
async function goTo(shell, panel, name) {
  shell.activateById(panel.id);
  const cells = panel.content.widgets.map((cell, index) => ({ cell, index }));
  const shows = ({ cell }) => Array.from({ length: cell.model.outputs?.length ?? 0 }, (_, i) => cell.model.outputs.get(i).data[PANEL_TYPE]?.study).includes(name);
  const found = cells.findLast(shows) ?? cells.findLast(({ cell }) => cell.model.sharedModel.getSource().includes("%autoresearch"));
  if (!found) return;
  panel.content.activeCellIndex = found.index;
  await panel.content.scrollToItem(found.index).catch(() => {});
  found.cell.node.querySelector(".arm-panel, .arx-output")?.scrollIntoView({ block: "nearest" });
}
