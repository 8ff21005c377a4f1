/** A line below each target cell: which version of which study it holds, its value and verdict. It is part of the page alone, not of the file. */

import { element } from "./elements.js";
import { targetCells } from "./target_cells.js";

/** Milliseconds from a change to the next look at the cells. */
const LATER = 300;

/** Show the badges of a notebook, from now until it is closed. */
export function watchBadges(panel, link, { Widget }) {
  const notebook = panel.content;
  const badges = new Map(); // cell -> widget
  const before = new Map(); // id of a cell's model -> the last version that it held
  let timer = 0, answered = "";

  function later() {
    timer ||= setTimeout(() => {
      timer = 0;
      void look();
    }, LATER);
  }

  async function look() {
    if (panel.isDisposed) return;
    const studies = link.studies.filter((each) => each.cell);
    const targets = studies.length ? targetCells(notebook) : [];
    for (const [cell, badge] of badges) {
      if (targets.some((each) => each.cell === cell && badge.parent === cell)) continue;
      badge.dispose();
      badges.delete(cell);
      answered = "";
    }
    const codes = targets.map((each) => each.code);
    const question = JSON.stringify([codes, studies.map((each) => [each.name, each.changes])]);
    if (!targets.length || (question === answered && badges.size === targets.length)) return;
    const answer = await link.ask({ type: "which", texts: codes });
    if (!answer || panel.isDisposed) return;
    answered = question;
    targets.forEach(({ cell }, i) => {
      if (cell.isDisposed) return;
      const version = answer.versions[i];
      if (version) before.set(cell.model.id, version);
      show(cell, version ?? edited(before.get(cell.model.id), targets.length === 1 ? studies[0] : null));
    });
  }

  function show(cell, said) {
    const badge = badges.get(cell) ?? newBadge(cell);
    if (!badge) return;
    badge.setHidden(!said);
    if (!said) return;
    const { node } = badge, mark = marks(said);
    node.title = [said.text, said.sentence].filter(Boolean).join("\n");
    node.replaceChildren(element("span", { class: `arx-mark arx-${mark}`, "aria-hidden": "true" }), element("span", {}, `target · ${said.text}`));
    if (said.sentence) node.append(element("span", { class: "arx-more" }, said.sentence));
  }

  /** Return a new badge below the cell's input; null while the cell is not drawn yet. */
  function newBadge(cell) {
    const above = cell.inputArea?.parent;
    if (!above || above.parent !== cell) {
      cell.inViewportChanged?.connect(later);
      return null;
    }
    const badge = new Widget({ node: element("div", { class: "arx-badge", role: "note" }) });
    cell.layout.insertWidget(cell.layout.widgets.indexOf(above) + 1, badge);
    badges.set(cell, badge);
    return badge;
  }

  const watch = () => { notebook.model?.contentChanged.connect(later); };
  watch();
  notebook.modelChanged.connect(() => { watch(); later(); });
  link.changed.add(later);
  later();
}

/** Return what is said of a cell whose code no version has: what it was before, or of the only study. */
function edited(version, study) {
  if (version) return { text: `edited since ${version.number ? `version ${version.number}` : "the baseline"} of ${version.study}`, verdict: "" };
  return study?.experiments ? { text: `no version of ${study.name} has this code`, verdict: "" } : null;
}

const marks = ({ verdict, number }) => (verdict.startsWith("keep") ? "keep" : number === undefined ? "edited" : number === 0 ? "baseline" : "other");
