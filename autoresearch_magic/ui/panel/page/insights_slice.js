/** One constant against the metric: a mark for each run. */

import { div } from "./elements.js";
import { buildMarks, buildSelect, viewGrid, viewLabels, viewMark, viewFigure, viewInks, viewScale, usefulRange } from "./insights_canvas.js";
import { makeCard } from "./insights_card.js";

/** Read the columns of the part "constants": the numbers of the experiments, the values of each constant, and the metric last. */
export function readColumns({ constants, buffers }) {
  const [numbers, ...columns] = readNumbers({ buffers }, constants.length + 1);
  return { numbers, metric: columns.pop(), columns };
}

/** Read buffers as the numbers of experiments and `count` columns of floats; they are copied, as a buffer may begin anywhere. */
export function readNumbers({ buffers }, count) {
  const bytes = (buffer) => (ArrayBuffer.isView(buffer) ? buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength) : buffer.slice(0));
  const [numbers, ...columns] = buffers.map(bytes);
  return [new Int32Array(numbers), ...columns.slice(0, count).map((column) => new Float64Array(column))];
}

/** The best tenth of the runs, five at least, as their rows. */
export function bestRows(metric, minimize) {
  const order = Array.from(metric.keys()).sort((a, b) => (minimize ? metric[a] - metric[b] : metric[b] - metric[a]));
  return order.slice(0, Math.max(Math.min(5, order.length), Math.round(order.length / 10)));
}

export function constantsMissing({ constants, of }) {
  if (!of) return "Each run will be a mark here, once there are experiments.";
  return constants.length ? "" : "No constant has had two values yet in versions that share their code.";
}

/** A value of a constant as it is written. */
export const valueText = (constant, value) => (constant.words ? constant.words[value] : viewFigure(value));

export function buildSlice(panel, feed) {
  let chosen = "", held = null;
  const marks = buildMarks(panel, "One constant against the metric", (mark) => {
    const row = panel.store.rows.get(mark.number);
    return [`Experiment ${mark.number}: ${row?.verdict ?? ""}`, `${mark.constant.name} ${valueText(mark.constant, mark.value)}, ${panel.store.now.study.metric} ${panel.view.format(mark.metric)}`, row?.summary];
  });
  const select = buildSelect("Constant", (name) => { chosen = name; panel.update(); });
  /** The constant that is shown: the chosen one, else the most important, else the first. */
  const current = (answer) => {
    const important = feed.known("importance")?.names ?? [], names = answer.constants.map((c) => c.name);
    return names.includes(chosen) ? chosen : important.find((name) => names.includes(name)) ?? names[0];
  };
  return makeCard(panel, feed, {
    part: "constants",
    title: (now) => `One constant against ${now.study.metric}`,
    state: () => [chosen, feed.known("importance")?.names[0]],
    missing: constantsMissing,
    words: (answer, now) => {
      if (held?.answer !== answer) held = { answer, ...readColumns(answer) };
      const at = answer.constants.findIndex((c) => c.name === current(answer)), constant = answer.constants[at];
      const best = bestRows(held.metric, now.study.minimize), values = best.map((i) => held.columns[at][i]);
      const ends = [viewFigure(Math.min(...values)), viewFigure(Math.max(...values))];
      const place = constant.words ? [...new Set(values)].map((v) => constant.words[v]).join(", ") : ends[0] === ends[1] ? ends[0] : ends.join(" to ");
      const [low, high] = constant.words ? [] : [viewFigure(held.columns[at].reduce((a, b) => Math.min(a, b))), viewFigure(held.columns[at].reduce((a, b) => Math.max(a, b)))];
      return `In the best ${best.length} of ${held.metric.length} runs ${constant.name} was ${place}${constant.words ? "" : `; ${low} to ${high} in all`}. The best run has ${valueText(constant, values[0])}.`;
    },
    draw: (body, answer, width, now) => {
      if (!body.firstChild) body.append(div("cardtools", select.node), marks.node);
      const at = answer.constants.findIndex((c) => c.name === current(answer)), constant = answer.constants[at], values = held.columns[at];
      select.set(answer.constants.map((c) => [c.name, c.name]), constant.name);
      const height = 220, ctx = marks.start(width, height), inks = viewInks(panel.root), [left, top, right, bottom] = [52, 8, width - 12, height - 24];
      const [low, high] = usefulRange(held.metric, now.study.minimize);
      const Y = viewScale(null, { from: bottom, to: top, range: [low, high], count: 4 });
      const X = viewScale(values, { log: constant.log, words: constant.words, whole: constant.whole, from: left + 6, to: right, count: Math.max(2, Math.floor(width / 90)) });
      viewGrid(ctx, inks, Y, left, right);
      viewLabels(ctx, inks, X, bottom + 8, right);
      const small = values.length > 400 ? 2 : 3;
      marks.marks = Array.from(values, (value, i) => {
        const y = Y.at(held.metric[i]), beyond = y < top ? -1 : y > bottom ? 1 : 0, jitter = constant.words ? ((held.numbers[i] * 0.618) % 1 - 0.5) * Math.min(40, (right - left) / constant.words.length / 2) : 0;
        return { number: held.numbers[i], value, metric: held.metric[i], constant, beyond, x: X.at(value) + jitter, y: beyond < 0 ? top : beyond > 0 ? bottom : y };
      });
      const kept = (mark) => ["keep", "baseline"].includes(panel.store.rows.get(mark.number)?.verdict);
      for (const last of [false, true]) for (const mark of marks.marks) if (kept(mark) === last) viewMark(ctx, inks, mark.x, mark.y, panel.store.rows.get(mark.number)?.verdict, small, mark.beyond);
      marks.marks.sort((a, b) => a.x - b.x);
      marks.say(`${constant.name} against ${now.study.metric} of ${values.length} runs${constant.log ? ", logarithmic axis" : ""}.`);
    },
  });
}
