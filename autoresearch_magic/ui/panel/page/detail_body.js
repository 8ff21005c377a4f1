/** What the detail of an experiment holds: facts, difference, output. */

import { diffBlock } from "./diff.js";
import { div, h } from "./elements.js";
import { duration } from "./numbers.js";

/** Build what is below the head of the detail. `update` is given the row of the experiment; `source` promises its source. */
export function buildDetailBody(panel) {
  const node = div("box");
  let shown = null;

  const details = (row) => panel.ask(`${row.number}:show`, { type: "show", number: row.number }) ?? null;

  async function source(number) {
    for (let tries = 0; tries < 100; tries++) {
      const found = panel.ask(`${number}:source`, { type: "source", number });
      if (found) return found.source;
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
    throw new Error("no answer");
  }

  function update(row) {
    const detail = details(row);
    if (shown && shown[0] === row && shown[1] === detail) return;
    shown = [row, detail];
    node.replaceChildren(...detailBox(row, detail));
  }

  return { node, update, source };
}

function detailBox(row, detail) {
  const item = (label, text) => (text ? [h("dt", {}, label), h("dd", {}, text)] : []);
  const facts = [row.seconds > 0 ? duration(row.seconds) : "", row.repeats > 1 ? `${row.repeats} runs` : "", row.agent].filter(Boolean).join(" · ");
  const pre = (name, label, text) => h("pre", { class: name, tabindex: "0", "aria-label": label }, text);
  if (!detail) return [div("loading", "Loading the details from the kernel…")];
  return [
    h("dl", {}, ...item("Hypothesis", detail.hypothesis), ...(detail.evidence ?? []).flatMap((each) => item(...each)),
      ...item("What decided", detail.reason || row.reason), ...item("Also measured", detail.numbers), ...item("Notes", detail.notes), ...item("Run", facts)),
    ...(detail.error ? [h("pre", { class: "pre error", tabindex: "0", "aria-label": "Error" }, detail.error)] : []),
    ...(detail.diff ? [row.number === 0 ? pre("pre", "Source", detail.diff) : diffBlock(detail.diff)] : []),
    ...(detail.output ? [h("details", { class: "output", open: detail.error ? "" : null }, h("summary", {}, "Output (the end of it)"), pre("pre", "Output", detail.output))] : []),
  ];
}
