/** Puts a version into the target cell of a notebook, where Ctrl+Z undoes it, else into a new cell. */

import { targetCells } from "./target_cells.js";

/**
 * Put a version into its place, and return in words what was done and what to do next.
 *
 * The target cell is the one whose code is a version of the study, or which is empty. Code that no version has is the user's own and stays: the
 * version goes into a new cell below it.
 *
 * @param defined whether the kernel has made it the target already
 * @param near a node of the page in the cell that asked; without target cells the version goes below that, else below the active cell
 */
export async function place(panel, link, { study, number, source, cell, defined = false }, near = null) {
  const notebook = panel.content;
  const targets = targetCells(notebook);
  const answer = await link.ask({ type: "which", texts: targets.map((each) => each.code) });
  targets.forEach((each, i) => { each.version = answer?.versions[i]; });
  const named = `${number ? `version ${number}` : "the baseline"} of ${study}`;
  const fits = ({ cell, code, version }) => editable(cell) && (version?.study === study || !code.trim());
  const chosen = targets.find((each) => fits(each) && each.version) ?? targets.find(fits);
  if (chosen) {
    const text = `${chosen.line}\n${source.trimEnd()}`;
    const model = chosen.cell.model.sharedModel;
    if (same(model.getSource(), text)) {
      await show(panel, chosen.cell);
      return `The target cell holds ${named} already.`;
    }
    model.undoManager?.stopCapturing(); // a step of its own, not joined to what was typed a moment ago
    model.setSource(text);
    model.undoManager?.stopCapturing();
    await show(panel, chosen.cell);
    return `The target cell now holds ${named}. ${defined ? "Ctrl+Z in the cell brings back what was there: run the cell then."
      : "Run the cell, or undo it with Ctrl+Z in the cell."}`;
  }
  const beside = targets.at(-1)?.cell ?? notebook.widgets.find((each) => near && each.node.contains(near)) ?? notebook.activeCell;
  const index = notebook.widgets.indexOf(beside) + 1;
  notebook.model.sharedModel.insertCell(index, { cell_type: "code", source: cell });
  await show(panel, notebook.widgets[index]);
  const where = targets.length ? `a new cell below the target cell, which ${why(targets, answer, study)}` : "a new cell";
  return `${upper(named)} is in ${where}.${defined ? "" : " Run the new cell to use it."}`;
}

function why(targets, answer, study) {
  if (targets.every(({ cell }) => !editable(cell))) return "cannot be edited";
  if (!answer) return "could not be compared with the versions";
  if (targets.every(({ version }) => version)) return `belongs to ${targets[0].version.study}`;
  return `holds code that no version of ${study} has`;
}

const editable = (cell) => !cell.model.getMetadata || cell.model.getMetadata("editable") !== false;
const same = (a, b) => a.trimEnd() === b.trimEnd();
const upper = (text) => text[0].toUpperCase() + text.slice(1);

/** Go to a cell and into its editor, so that Shift+Enter and Ctrl+Z mean it. */
async function show(panel, cell) {
  const notebook = panel.content;
  const index = notebook.widgets.indexOf(cell);
  notebook.deselectAll();
  notebook.activeCellIndex = index;
  await notebook.scrollToItem(index).catch(() => {});
  if (document.querySelector("dialog:modal")) return; // it keeps the focus
  notebook.mode = "edit";
  cell.editor?.focus();
}
