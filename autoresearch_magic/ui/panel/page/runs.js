/** The runs of an experiment as a table, and their learning curves beside that of its parent. */

import { curveData, drawCurves } from "./curve_chart.js";
import { div, h, s, span } from "./elements.js";
import { duration, minus } from "./numbers.js";
import { pairs } from "./store.js";

/** What the runs were for. */
const PURPOSES = { baseline: "baseline", candidate: "to judge it", incumbent: "again, as the best", final: "confirmation", reworked: "before it was reworked" };

/** Build both: `table` and `chart` are updated together. */
export function buildRuns(panel) {
  const { view } = panel;
  const svg = s("svg", { class: "svg", role: "img", "aria-label": "Learning curve" }), legend = span("legend"), title = span("caption");
  const plot = h("div", { class: "plot small" }, svg), chooser = h("span", { class: "group", role: "group", "aria-label": "Run" });
  const chart = h("figure", { class: "chart detail-curve", hidden: "" }, h("figcaption", {}, title, legend, chooser), plot);
  const table = h("section", { class: "detail-runs", "aria-label": "Runs", hidden: "" });
  let shown = null, chosen = -1, drawn = "";

  /** Show the runs of an experiment; they are asked for `now`, or else shown as far as they are known. */
  function update(number, now) {
    const key = `${number}:runs`, found = now ? panel.ask(key, { type: "runs", number }) : panel.store.answers.get(key);
    if (found !== shown) {
      if (found?.number !== shown?.number) chosen = -1;
      shown = found;
      if (shown) drawTable(shown);
    }
    table.hidden = !shown?.rows.length;
    drawChart();
  }

  function drawTable({ rows }) {
    const some = (read) => rows.some(read);
    const columns = [
      ["", "num", (run, i) => `${i + 1}`], ...(some((run) => run.purpose) ? [["for", null, (run) => PURPOSES[run.purpose] ?? run.purpose]] : []), ["seed", "num", (run) => `${run.seed}`],
      [panel.store.now.study.metric, "num", (run) => (run.value === null ? "–" : view.format(run.value))], ["time", "num", (run) => duration(run.seconds)],
      ...(some((run) => run.steps) ? [["steps", "num", (run) => (run.steps ? run.steps.toLocaleString("en") : "–")]] : []),
      ...(some((run) => run.memory) ? [["memory", "num", (run) => (run.memory ? memory(run.memory) : "–")]] : []),
      ...(some((run) => run.remark) ? [["remarks", "summary", (run) => minus(run.remark)]] : []),
    ];
    table.replaceChildren(span("caption", rows.length === 1 ? "Run" : `${rows.length} runs`),
      h("div", { class: "runs-scroll", tabindex: "0", role: "region", "aria-label": "Table of runs" }, h("table", { class: "table runs" },
        h("thead", {}, h("tr", {}, ...columns.map(([name, kind]) => h("th", { scope: "col", class: kind }, name || span("spoken", "run"))))),
        h("tbody", {}, ...rows.map((run, i) => h("tr", { class: run.ok ? null : "failed-run" }, ...columns.map(([, kind, read]) => h("td", { class: kind }, read(run, i)))))))));
  }

  function drawChart() {
    const curves = shown ? shown.sizes.map((size, i) => [i, size]).filter(([, size]) => size > 1) : [];
    chart.hidden = !curves.length;
    if (!curves.length) return;
    const at = curves.some(([i]) => i === chosen) ? chosen : curves.at(-1)[0];
    const width = plot.clientWidth, height = plot.clientHeight, wanted = [shown.number, shown.sizes, at, width, height, shown.buffers[0].byteLength].join();
    if (wanted === drawn || width < 60) return;
    drawn = wanted;
    const before = shown.sizes.slice(0, at).reduce((sum, size) => sum + size, 0), all = pairs(shown.buffers[0]);
    const curve = curveData(all.slice(before, before + shown.sizes[at])), parent = curveData(pairs(shown.buffers[1]));
    for (const [name, value] of [["width", width], ["height", height], ["viewBox", `0 0 ${width} ${height}`]]) svg.setAttribute(name, value);
    drawCurves(svg, width, height, curve, parent, panel.store.now.study.budget === "" ? "run" : "budget");
    title.textContent = `Learning curve${shown.name ? `, ${shown.name}` : ""}`;
    svg.setAttribute("aria-label", `${title.textContent}, of run ${shown.first + at + 1}; its last value is ${curve.raw.at(-1)[1].toPrecision(4)}`);
    legend.replaceChildren(span("key live", h("i"), curves.length > 1 ? `run ${shown.first + at + 1}` : `#${shown.number}`),
      ...(parent.raw.length ? [span("key other", h("i"), shown.parent ? `parent #${shown.parent}` : "baseline")] : []));
    chooser.hidden = curves.length < 2;
    chooser.replaceChildren(...curves.map(([i]) => h("button", { type: "button", class: "option", "aria-pressed": String(i === at), "aria-label": `Run ${shown.first + i + 1}`, onclick: () => {
      chosen = i;
      drawChart();
      chooser.querySelector("[aria-pressed=true]")?.focus(); // the pressed one was replaced
    } }, `${shown.first + i + 1}`)));
  }

  return { chart, table, update };
}

/** Write an amount of memory in GiB. */
export const memory = (gib) => (gib < 0.0995 ? `${(1024 * gib).toPrecision(2)} MiB` : `${gib.toPrecision(3)} GiB`);
