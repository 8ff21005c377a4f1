/** Two versions beside each other: what is known of both, the constants that differ, and the difference of their sources. */

import { buildDiff } from "./diff.js";
import { div, h, span } from "./elements.js";
import { duration, minus } from "./numbers.js";
import { memory } from "./runs.js";
import { chip, figuresOf, isProven } from "./verdicts.js";

/** Open the dialog with experiment `a` against experiment `b`. */
export function openComparison(panel, a, b) {
  panel.view.comparison = [a, b];
  panel.select(b);
}

/** Return the experiment that the open one is compared with, -1 where it is shown alone. */
export const comparedWith = ({ comparison, selected }) => (comparison?.[1] === selected ? comparison[0] : -1);

/** Build the comparison; `update(a, b)` shows it. */
export function buildComparison(panel) {
  const { store, view } = panel;
  const difference = buildDiff(panel), both = div("comparison"), node = div("box", both, difference.node);
  let drawn = "", shown = null;

  function update(a, b) {
    difference.update(b, store.rows.get(b)?.parent ?? null, a);
    const found = panel.ask(`${b}:compare ${a}`, { type: "compare", a, b });
    const wanted = [a, b, view.sample, ...[a, b].flatMap((n) => [JSON.stringify(store.rows.get(n)), figuresOf(store, n)])].join();
    if (found === shown && wanted === drawn) return;
    [shown, drawn] = [found, wanted];
    both.replaceChildren(sides(a, b, found), ...(found ? findings(found) : [div("loading", "Loading both versions from the kernel…")]));
  }

  function sides(a, b, found) {
    const cells = (read) => [a, b].map((n, i) => h("td", {}, read(store.rows.get(n), n, found?.sides[i] ?? null) || "–"));
    const line = (label, read) => h("tr", {}, h("th", { scope: "row" }, label), ...cells(read));
    const figure = (at) => (row, n) => minus(figuresOf(store, n)[at]);
    return h("div", { class: "runs-scroll", tabindex: "0", role: "region", "aria-label": "Both experiments" }, h("table", { class: "table runs sides" },
      h("thead", {}, h("tr", {}, h("td", {}, span("spoken", "what")), ...[a, b].map((n) => h("th", { scope: "col" }, `#${n}`)))),
      h("tbody", {},
        line("verdict", (row, n) => row && chip(row.verdict, isProven(store, n))), line(store.now.study.metric, (row) => row && view.format(row.value)),
        line("gain over its parent", figure(0)), line("95% interval", figure(1)), line("chance of being better", figure(2)),
        line("parent", (row) => (row?.parent === null || row?.parent === undefined ? "" : row.parent ? `#${row.parent}` : "baseline")),
        line("runs that count", (row, n, side) => side && `${side.runs}`), line("time", (row) => row?.seconds > 0 && duration(row.seconds)),
        ...(found?.sides.some((side) => side.steps) ? [line("steps", (row, n, side) => side?.steps && side.steps.toLocaleString("en"))] : []),
        ...(found?.sides.some((side) => side.memory) ? [line("memory", (row, n, side) => side?.memory && memory(side.memory))] : []),
        line("proposed by", (row) => row?.agent), line("summary", (row) => row?.summary))));
  }

  function findings({ difference: said, constants, a, b }) {
    const table = h("table", { class: "table runs" }, h("thead", {}, h("tr", {}, ...["constant", `#${a}`, `#${b}`].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, ...constants.map((row) => h("tr", {}, h("th", { scope: "row" }, row[0]), h("td", {}, row[1]), h("td", {}, row[2])))));
    return [div("findings", h("dl", {}, ...said.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)])),
      ...(constants.length ? [span("caption", "Constants that differ"), h("div", { class: "runs-scroll", tabindex: "0", role: "region", "aria-label": "Constants that differ" }, table)] : []))];
  }

  return { node, update };
}
