/** The table of experiments. */

import { div, h, setText, span } from "./elements.js";
import { duration, minus } from "./numbers.js";
import { KEPT, chip, figuresOf, gainWords } from "./verdicts.js";

/** Build the table of experiments; `open(number)` opens an experiment, `filter` is called with "all" or "kept". */
export function buildTable(open, filter) {
  const parts = { body: h("tbody", {}), lines: new Map(), value: h("th", { scope: "col", class: "num value" }, "value") };
  const option = (name) => h("button", { type: "button", class: "option", "aria-pressed": String(name === "all"), onclick: () => filter(name) },
    name === "all" ? "All" : "Kept");
  parts.options = { all: option("all"), kept: option("kept") };
  parts.empty = h("div", { class: "empty" }, "No experiment is finished yet.");
  const th = (name, kind = null, title = null) => h("th", { scope: "col", class: kind, title }, name);
  const head = h("tr", {}, th("#", "num"), th("verdict", null, "what was decided about the experiment"), parts.value,
    th("gain", "num", "expected gain over the version that it was compared with, the best at that time; above zero is better"),
    th("95% interval", "num roomy", "of the gain"), th("chance", "num", "chance of being better than that version"), th("time", "num wide"), th("agent", "wide"), th("summary", "summary"));
  parts.scroll = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Experiments" },
    h("table", { class: "table" }, h("thead", {}, head), parts.body), parts.empty);
  parts.node = h("section", { class: "history" }, div("bar-head", span("caption", "Experiments"),
    h("span", { class: "filter", role: "group", "aria-label": "Show" }, parts.options.all, parts.options.kept)), parts.scroll);
  parts.select = open;
  return parts;
}

/** Whether a click (of the mouse, not a key) ends a selection of the row's text. */
export function selecting(event) {
  const chosen = getSelection();
  return event.detail > 0 && chosen?.type === "Range" && chosen.containsNode(event.currentTarget, true);
}

export function tableLine(row, gain, format, open) {
  const [size, interval, chance, proven] = gain ?? ["–", "–", "–", false];
  // A better value that was not kept may be chance: not green.
  const good = row.verdict === "keep" && size.startsWith("+");
  const opener = h("button", { type: "button", class: "opener", "aria-haspopup": "dialog", "aria-label": `Experiment ${row.number}, details` },
    String(row.number));
  const td = (kind, ...content) => h("td", { class: kind }, ...content);
  const times = row.averaged > 1 ? h("span", { class: "times", title: `from ${row.averaged} runs` }, `×${row.averaged}`) : "";
  return h("tr", { class: `row ${KEPT.has(row.verdict) ? "kept" : "other"}`, onclick: (event) => { if (!selecting(event)) open(row.number); } },
    td("num", opener), td(null, chip(row.verdict, proven)), td("num value", format(row.value), times),
    h("td", { class: `num ${good ? "good" : "quiet"}`, title: interval === "–" ? null : gainWords(gain, row.verdict).join(", ") }, minus(size)),
    td("num roomy quiet", minus(interval)), td(`num ${proven ? "good" : "quiet"}`, chance),
    td("num wide quiet", row.seconds > 0 ? duration(row.seconds) : "–"), td("wide quiet", row.agent || "–"), td("summary", row.summary || "–"));
}

/** Update the table: only changed rows are replaced. */
export function updateTable(parts, store, view) {
  const { now } = store, all = view.format !== parts.format ? store.rows.keys() : store.dirty;
  if (parts.epoch !== store.epoch) {
    parts.body.replaceChildren();
    parts.lines.clear();
    parts.scroll.scrollTop = 0;
  }
  for (const number of [...all].sort((a, b) => a - b)) {
    const line = tableLine(store.rows.get(number), figuresOf(store, number), view.format, parts.select), old = parts.lines.get(number);
    if (old) {
      const focused = old.contains(document.activeElement);
      old.replaceWith(line);
      if (focused) line.querySelector(".arm-opener").focus({ preventScroll: true });
    } else {
      const above = [...parts.lines.keys()].filter((n) => n > number);
      if (above.length) parts.lines.get(Math.min(...above)).after(line);
      else parts.body.prepend(line);
    }
    parts.lines.set(number, line);
  }
  store.dirty.clear();
  Object.assign(parts, { epoch: store.epoch, format: view.format });
  setText(parts.value, now.study.metric);
  parts.scroll.classList.toggle("arm-repeated", [...store.rows.values()].some((r) => r.averaged > 1)); // makes room for ×n
  const kept = [...store.rows.values()].filter((r) => KEPT.has(r.verdict)).length;
  for (const [name, count] of [["all", store.rows.size], ["kept", kept]]) {
    setText(parts.options[name], `${name === "all" ? "All" : "Kept"} ${count}`);
    parts.options[name].setAttribute("aria-pressed", String(view.filter === name));
  }
  parts.scroll.classList.toggle("arm-only-kept", view.filter === "kept");
  parts.empty.hidden = store.rows.size > 0;
  const marked = parts.lines.get(view.selected);
  if (parts.marked !== marked) parts.marked?.classList.remove("arm-open");
  marked?.classList.add("arm-open");
  parts.marked = marked;
}
