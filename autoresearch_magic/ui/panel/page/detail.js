/** One experiment, closely. */

import { diffBlock } from "./diff.js";
import { div, h } from "./elements.js";
import { duration } from "./numbers.js";
import { KEPT } from "./verdicts.js";

/** Put the details of the open experiment under its row; they are requested once, and again after a change. */
export function placeDetails(parts, store, selected) {
  const line = parts.lines.get(selected), detail = store.details.get(selected);
  if (parts.marked !== line) {
    for (const [each, open] of [[parts.marked, false], [line, true]]) {
      each?.classList.toggle("arm-open", open);
      each?.querySelector(".arm-opener").setAttribute("aria-expanded", String(open));
    }
    parts.marked = line;
  }
  if (!line) parts.open?.remove();
  else if (parts.shown !== detail || parts.open?.previousSibling !== line) {
    parts.open?.remove();
    const row = store.rows.get(selected);
    parts.open = h("tr", { class: `detail ${KEPT.has(row.verdict) ? "kept" : "other"}` }, h("td", { colspan: 9 }, detailBox(row, detail)));
    line.after(parts.open);
  }
  parts.shown = detail;
}

export function detailBox(row, detail) {
  const item = (label, text) => (text ? [h("dt", {}, label), h("dd", {}, text)] : []);
  const facts = [row.seconds > 0 ? duration(row.seconds) : "", row.repeats > 1 ? `${row.repeats} runs` : "", row.agent].filter(Boolean).join(" · ");
  const box = div("box", h("dl", {}, ...item("Hypothesis", detail?.hypothesis), ...(detail?.evidence ?? []).flatMap((each) => item(...each)),
    ...item("What decided", detail?.reason || row.reason), ...item("Also measured", detail?.numbers), ...item("Notes", detail?.notes), ...item("Run", facts)));
  const pre = (name, label, text) => h("pre", { class: name, tabindex: "0", "aria-label": label }, text);
  if (!detail) box.append(h("div", { class: "loading" }, "Loading the details from the kernel…"));
  if (detail?.error) box.append(h("pre", { class: "pre error", tabindex: "0", "aria-label": "Error" }, detail.error));
  if (detail?.diff) box.append(row.number === 0 ? pre("pre", "Source", detail.diff) : diffBlock(detail.diff));
  if (detail?.output) {
    box.append(h("details", { class: "output", open: detail.error ? "" : null }, h("summary", {}, "Output (the end of it)"), pre("pre", "Output", detail.output)));
  }
  return box;
}
