/** What the chart of all experiments shows: the metric, or another number of the runs (--also, --limit) with its limits. */

import { historyData } from "./history_data.js";
import { buildSelect } from "./insights_canvas.js";
import { readNumbers } from "./insights_slice.js";
import { makeFormat } from "./numbers.js";
import { VALUED } from "./verdicts.js";

const numberStored = (store) => `autoresearch-magic:number:${store.now?.study.name ?? ""}`;

/**
 * Build the choice of what is shown. `apply(data, now)` returns {data, now, number, format}: the rows and facts with the chosen number in place of
 * the metric, and `number` as {name, limits, value(row)}; what it was given where the metric is chosen, or the number has not come yet.
 */
export function buildNumberChoice(panel, changed) {
  const { store } = panel;
  let chosen = null, asked = "", read = null, made = null;
  const select = buildSelect("Number in the chart", (name) => {
    chosen = name;
    try { sessionStorage.setItem(numberStored(store), name); } catch { /* a page without storage */ }
    changed();
  });
  select.node.hidden = true;

  function columns() {
    const wanted = [store.epoch, store.since, store.revision].join();
    if (wanted !== asked && store.answers.has("numbers")) store.outdated.add("numbers");
    asked = wanted;
    const answer = panel.ask("numbers", { type: "numbers" });
    if (!answer?.buffers) return null;
    if (read?.answer === answer) return read;
    const [numbers, ...values] = readNumbers(answer, answer.names.length);
    const places = new Map(Array.from(numbers, (number, i) => [number, i]));
    read = { answer, places, values: new Map(answer.names.map((name, i) => [name, values[i]])), limits: new Map(answer.names.map((name, i) => [name, answer.limits[i]])) };
    return read;
  }

  function apply(data, now) {
    const names = now?.numbers ?? [];
    select.node.hidden = !names.length;
    if (!names.length) return { data, now, number: null, format: panel.view.format };
    if (chosen === null) { try { chosen = sessionStorage.getItem(numberStored(store)) ?? ""; } catch { chosen = ""; } }
    if (!names.includes(chosen)) chosen = "";
    select.set([["", now.study.metric], ...names.map((name) => [name, name])], chosen);
    const found = chosen ? columns() : null, column = found?.values.get(chosen);
    if (!column) return { data, now, number: null, format: panel.view.format };
    if (made?.data === data && made.column === column && made.name === chosen) return { ...made.result, now: factsOf(made.result, now) };
    const valueOf = (row) => (VALUED.has(row.verdict) && Number.isFinite(column[found.places.get(row.number)]) ? column[found.places.get(row.number)] : null);
    const shown = historyData({ rows: new Map(data.rows.map((row) => [row.number, { ...row, value: valueOf(row), metric: row.value }])) });
    const limits = found.limits.get(chosen) ?? [], base = shown.valued.find((row) => row.verdict === "baseline"), best = shown.kept.at(-1);
    const result = { data: shown, number: { name: chosen, limits }, format: makeFormat(shown.valued.map((row) => row.value)), base, best };
    made = { data, column, name: chosen, result };
    return { ...result, now: factsOf(result, now) };
  }
  const factsOf = ({ number, base, best }, now) => ({ ...now, noise: null, headline: null, baseline: base ? { value: base.value, sd: 0 } : null,
    best: best ? { number: best.number, value: best.value } : null, study: { ...now.study, metric: number.name, minimize: !number.limits.some(([sign]) => sign[0] === ">") } });
  return { node: select.node, apply };
}
