/** The difference of two versions: coloured, unified or side by side. */

import { div, h, span } from "./elements.js";
import { buildPicker } from "./picker.js";

/** The kinds of rows, as `differences.py` numbers them. */
const SAME_LINE = 0, ADDED_LINE = 2, REMOVED_LINE = 3, GAP = 4, FILE = 5; // 1 is a line that has changed
/** Pixels from which two versions have room beside each other. */
const ROOM = 720;
/** Rows that are asked for at first, and when more are wanted. */
const FIRST_ROWS = 1000, ALL_ROWS = 20_000;

/** Build the part of the detail that shows a difference. */
export function buildDiff(panel) {
  const { view } = panel;
  const state = { number: -1, against: undefined, most: FIRST_ROWS };
  const option = (label, act, title = null) => h("button", { type: "button", class: "option", "aria-pressed": "false", title, onclick: () => { act(); render(); } }, label);
  const group = (label, ...options) => h("span", { class: "group", role: "group", "aria-label": label }, ...options);
  const compareTo = (against) => { [state.against, state.most] = [against, FIRST_ROWS]; };
  const parent = option("parent", () => compareTo(state.parent)), baseline = option("baseline", () => compareTo(0)), source = option("source only", () => compareTo(null));
  const picker = buildPicker(panel, "Difference from another experiment", (number) => { compareTo(number); render(); });
  const unified = option("unified", () => { view.sideBySide = false; }), beside = option("side by side", () => { view.sideBySide = true; });
  const contexts = [[3, "3 lines"], [12, "12"], [null, "whole"]].map(([lines, label]) => {
    const made = option(label, () => { view.context = lines; }, lines === null ? "The whole source" : `${lines} unchanged lines around each change`);
    made.lines = lines;
    return made;
  });
  const from = group("Difference from", parent, baseline, source), layout = group("Layout", unified, beside), around = group("Unchanged lines", ...contexts);
  const counts = span("quiet diff-counts"), title = span("caption");
  const place = div("diff-place");
  const node = h("section", { class: "diff-part", "aria-label": "Difference" },
    div("diff-controls", title, counts, from, picker.node, layout, around), place);
  let drawn = "", answer = null;

  const room = () => node.clientWidth >= ROOM;

  function render() {
    const { number, against, most } = state, context = view.context === undefined ? 3 : view.context, source_ = against === null;
    const key = `${number}:diff ${against} ${source_ ? "" : context} ${most}`;
    const found = panel.ask(key, { type: "diff", number, against, context, most });
    const side = !source_ && Boolean(view.sideBySide) && room();
    const press = (each, on) => each.setAttribute("aria-pressed", String(on));
    press(parent, against === state.parent && !source_);
    press(baseline, against === 0 && state.parent !== 0);
    press(source, source_);
    for (const each of contexts) press(each, each.lines === context);
    press(unified, !side);
    press(beside, side);
    parent.textContent = state.parent === 0 ? "baseline" : `parent #${state.parent}`;
    parent.hidden = state.parent === null || state.fixed;
    baseline.hidden = state.parent === 0 || number === 0 || state.fixed;
    from.hidden = state.fixed || (number === 0 && state.parent === null && against === null);
    picker.node.hidden = state.fixed;
    if (panel.root.getRootNode().activeElement !== picker.input) picker.input.value = [undefined, null, 0, state.parent].includes(against) ? "" : `${against}`;
    layout.hidden = source_ || !room();
    around.hidden = source_;
    title.textContent = source_ ? "Source" : `Changed since ${against ? `#${against}` : "the baseline"}`;
    if (found) answer = found;
    const shown = found ?? (answer?.number === number ? answer : null); // the one before stays until the new one is there
    place.classList.toggle("arm-waiting", !found);
    const wanted = shown ? [shown.number, shown.against, shown.context, shown.rows.length, side].join() : "";
    if (shown === place.shown && wanted === drawn) return;
    [place.shown, drawn] = [shown, wanted];
    if (!shown) {
      counts.textContent = "";
      place.replaceChildren(div("loading", "Loading the source from the kernel…"));
      return;
    }
    counts.textContent = shown.against === null ? "" : `${shown.added} added, ${shown.removed} removed`;
    const label = shown.against === null ? `Source of experiment ${number}` : `Difference from experiment ${shown.against} to experiment ${shown.number}`;
    const lines = shown.rows.length ? drawRows(shown, side) : [div("empty", shown.against === null ? "The source is empty." : "Both versions have the same source.")];
    const more = shown.left ? [h("button", { type: "button", class: "button more", onclick: () => { state.most = ALL_ROWS; render(); } }, `Show ${shown.left.toLocaleString("en")} more lines`)] : [];
    place.replaceChildren(h("div", { class: `code ${side ? "beside" : "unified"}`, tabindex: "0", role: "region", "aria-label": label }, h("div", { class: "code-lines", style: `--arm-digits: ${lineDigits(shown.rows)}ch` }, ...lines)), ...more);
  }

  /** Show the difference of an experiment; `fixed` is the other version where it cannot be chosen. Returns whether there is one to show. */
  function update(number, parentNumber, fixed = null) {
    if (state.number !== number || state.wanted !== fixed) Object.assign(state, { number, wanted: fixed, against: fixed ?? parentNumber, most: FIRST_ROWS });
    state.parent = parentNumber;
    state.fixed = fixed !== null;
    render();
    return answer?.number === number;
  }

  return { node, update };
}

/** How many digits the line numbers have. */
export const lineDigits = (rows) => rows.reduce((most, row) => (row[0] === FILE ? most : Math.max(most, `${row[1] ?? ""}`.length, `${row[2] ?? ""}`.length)), 2);

export function drawRows({ rows, against }, side) {
  const plain = against === null;
  const drawn = [];
  let added = [];
  const number = (n) => span("line-number", n ? h("span", { "data-arm-n": n }) : "");
  const one = (tag, kind, left, right, line, marks) => h(tag, { class: `code-line ${kind}` }, number(left), plain ? "" : number(right), h("code", {}, ...drawLine(line, marks)));
  const half = (tag, kind, n, line, marks) => h(tag, { class: `code-half ${kind}` }, number(n), h("code", {}, ...(line ? drawLine(line, marks) : [])));
  const flush = () => { drawn.push(...added); added = []; };
  for (const [kind, before, after, old, new_, oldMarks, newMarks] of rows) {
    if (kind === FILE) {
      flush();
      drawn.push(div("code-file", before, after ? span("quiet", ` ${after}`) : ""));
    } else if (kind === GAP) {
      flush();
      drawn.push(div("code-gap", `${old.toLocaleString("en")} unchanged line${old === 1 ? "" : "s"}`));
    } else if (side) {
      if (kind === SAME_LINE) drawn.push(div("code-pair", half("div", "same", before, old), half("div", "same", after, old)));
      else {
        drawn.push(div("code-pair", kind === ADDED_LINE ? half("div", "none") : half("del", "removed", before, old, oldMarks),
          kind === REMOVED_LINE ? half("div", "none") : half("ins", "added", after, new_, newMarks)));
      }
    } else if (kind === SAME_LINE) {
      flush();
      drawn.push(one("div", "same", before, after, old));
    } else {
      if (kind !== ADDED_LINE) drawn.push(one("del", "removed", before, null, old, oldMarks));
      if (kind !== REMOVED_LINE) added.push(one("ins", "added", null, after, new_, newMarks));
    }
  }
  flush();
  return drawn;
}

/** Draw a line of tokens (class and text in turn), with what differs in it marked. */
function drawLine(tokens, marks = []) {
  const found = [];
  let at = 0, next = 0;
  for (let i = 0; i < tokens.length; i += 2) {
    const name = tokens[i], text = tokens[i + 1];
    let start = 0;
    while (start < text.length) {
      while (next < marks.length && marks[next][1] <= at + start) next++;
      const mark = marks[next], inside = mark && mark[0] <= at + start;
      const end = Math.min(text.length, inside ? mark[1] - at : mark ? mark[0] - at : text.length), part = text.slice(start, end);
      found.push(name || inside ? span(`${name ? `t-${name}` : ""}${inside ? " marked" : ""}`.trim(), part) : part);
      start = end;
    }
    at += text.length;
  }
  return found.length ? found : ["\n"];
}
