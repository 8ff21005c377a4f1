/** The metric against memory, time or another number of the runs, with the Pareto front: the versions that no other one beats in both. */

import { div } from "./elements.js";
import { buildChoice, buildMarks, buildSelect, usefulRange, viewFigure, viewGrid, viewInks, viewLabels, viewMark, viewScale } from "./insights_canvas.js";
import { countedWords, makeCard } from "./insights_card.js";
import { readNumbers } from "./insights_slice.js";
import { duration } from "./numbers.js";

/** The rows of the Pareto front, from small x to large; `less` says whether less of x is better. */
export function paretoFront(xs, ys, less, minimize) {
  const rows = Array.from(xs.keys()).filter((i) => Number.isFinite(xs[i]) && Number.isFinite(ys[i]));
  const worth = (i) => (minimize ? ys[i] : -ys[i]), cost = (i) => (less ? xs[i] : -xs[i]);
  rows.sort((a, b) => cost(a) - cost(b) || worth(a) - worth(b));
  const front = [];
  let best = Infinity;
  for (const i of rows) {
    if (worth(i) >= best) continue;
    front.push(i);
    best = worth(i);
  }
  return front.sort((a, b) => xs[a] - xs[b]);
}

export function buildTradeoff(panel, feed) {
  let chosen = "", way = "less", held = null;
  const X_WORDS = { memory: "peak memory", seconds: "time of a run" };
  const write = (name, v) => (name === "memory" ? `${viewFigure(v)} GiB` : name === "seconds" ? duration(v) : viewFigure(v));
  const marks = buildMarks(panel, "The metric against what it takes", (mark) => {
    const row = panel.store.rows.get(mark.number);
    return [`Experiment ${mark.number}: ${row?.verdict ?? ""}${mark.front ? ", on the Pareto front" : ""}`, `${panel.store.now.study.metric} ${panel.view.format(mark.metric)}, ${X_WORDS[mark.name] ?? mark.name} ${write(mark.name, mark.value)}`, row?.summary];
  });
  const select = buildSelect("Against", (name) => { [chosen, way] = [name, X_WORDS[name] ? "less" : "none"]; panel.update(); });
  const ways = buildChoice("What is better", [["less", "lower is better"], ["more", "higher is better"], ["none", "neither"]], (name) => { way = name; panel.update(); });
  const read = (answer) => {
    if (held?.answer === answer) return held;
    const [numbers, metric, ...columns] = readNumbers(answer, answer.names.length + 3);
    held = { answer, numbers, metric, columns: new Map(["memory", "seconds", ...answer.names].map((name, i) => [name, columns[i]])) };
    return held;
  };
  const constant = (column) => column.every((v) => v === column[0] || Number.isNaN(v));
  const current = (answer) => {
    const { columns } = read(answer);
    return columns.has(chosen) ? chosen : [...columns.keys()].find((name) => !constant(columns.get(name))) ?? "seconds";
  };
  const frontOf = (answer, now) => {
    const name = current(answer), { columns, metric } = read(answer);
    return way === "none" ? [] : paretoFront(columns.get(name), metric, way === "less", now.study.minimize);
  };
  return makeCard(panel, feed, {
    part: "tradeoff",
    title: (now) => `${now.study.metric} against memory or time`,
    state: () => [chosen, way],
    missing: ({ runs }) => (runs ? "" : "Memory and time of each version will be shown against the metric, once there are results."),
    words: (answer, now) => {
      const name = current(answer), { columns, metric, numbers } = read(answer), xs = columns.get(name), what = X_WORDS[name] ?? name, front = frontOf(answer, now);
      if (constant(xs)) return `${what[0].toUpperCase()}${what.slice(1)} is ${write(name, xs[0])} in every run.`;
      if (!front.length) return `${countedWords(answer.runs, "version")} by ${what}; say which way is better, and the Pareto front is drawn.`;
      const better = (a, b) => (now.study.minimize ? metric[a] < metric[b] : metric[a] > metric[b]), best = front.reduce((a, b) => (better(b, a) ? b : a));
      const thrifty = front.reduce((a, b) => ((way === "less" ? xs[b] < xs[a] : xs[b] > xs[a]) ? b : a));
      if (front.length === 1) return `Experiment ${numbers[best]} is best in both: ${panel.view.format(metric[best])} with ${write(name, xs[best])}. There is nothing to trade.`;
      return `${front.length} of ${countedWords(answer.runs, "version")} are on the Pareto front, which no other one beats in both. From experiment ${numbers[best]} (${panel.view.format(metric[best])}, ${write(name, xs[best])}) to ${numbers[thrifty]} (${panel.view.format(metric[thrifty])}, ${write(name, xs[thrifty])}).`;
    },
    draw: (body, answer, width, now) => {
      if (!body.firstChild) body.append(div("cardtools", select.node, ways.node), marks.node);
      const name = current(answer), { columns, metric, numbers } = read(answer), xs = columns.get(name);
      select.set(["memory", "seconds", ...answer.names].map((each) => [each, X_WORDS[each] ?? each]), name);
      ways.set(way);
      ways.node.hidden = Boolean(X_WORDS[name]);
      const height = 230, ctx = marks.start(width, height), inks = viewInks(panel.root), [left, top, right, bottom] = [52, 8, width - 12, height - 38];
      const rows = Array.from(xs.keys()).filter((i) => Number.isFinite(xs[i]));
      const Y = viewScale(null, { from: bottom, to: top, range: usefulRange(metric, now.study.minimize), count: 4 });
      const [low, high] = [rows.reduce((a, i) => Math.min(a, xs[i]), Infinity), rows.reduce((a, i) => Math.max(a, xs[i]), -Infinity)];
      const X = viewScale([low, high], { log: low > 0 && high > 30 * low, from: left + 6, to: right, count: Math.max(2, Math.floor(width / 90)) });
      viewGrid(ctx, inks, Y, left, right);
      viewLabels(ctx, inks, X, bottom + 8, right);
      ctx.textAlign = "right";
      ctx.fillText({ memory: "peak memory, GiB", seconds: "seconds of a run" }[name] ?? name, right, bottom + 23);
      const front = new Set(frontOf(answer, now)), small = rows.length > 400 ? 2 : 3;
      marks.marks = rows.map((i) => {
        const y = Y.at(metric[i]), beyond = y < top ? -1 : y > bottom ? 1 : 0;
        return { row: i, number: numbers[i], name, value: xs[i], metric: metric[i], beyond, front: front.has(i), x: X.at(xs[i]), y: beyond < 0 ? top : beyond > 0 ? bottom : y };
      });
      const steps = marks.marks.filter((mark) => mark.front).sort((a, b) => a.x - b.x);
      ctx.strokeStyle = inks.live;
      ctx.lineWidth = 1.75;
      ctx.beginPath();
      steps.forEach((mark, i) => {
        if (!i) ctx.moveTo(mark.x, mark.y);
        else if (way === "less") { ctx.lineTo(mark.x, steps[i - 1].y); ctx.lineTo(mark.x, mark.y); }
        else { ctx.lineTo(steps[i - 1].x, mark.y); ctx.lineTo(mark.x, mark.y); }
      });
      ctx.stroke();
      const kept = (mark) => ["keep", "baseline"].includes(panel.store.rows.get(mark.number)?.verdict);
      for (const last of [false, true]) for (const mark of marks.marks) if (kept(mark) === last) viewMark(ctx, inks, mark.x, mark.y, panel.store.rows.get(mark.number)?.verdict, small, mark.beyond);
      ctx.fillStyle = inks.live;
      for (const mark of steps) { ctx.beginPath(); ctx.arc(mark.x, mark.y, small - 0.5, 0, 7); ctx.fill(); }
      const best = marks.marks.find((mark) => mark.number === now.best?.number);
      if (best) {
        ctx.strokeStyle = inks.good;
        ctx.lineWidth = 1.75;
        ctx.beginPath();
        ctx.arc(best.x, best.y, small + 4, 0, 7);
        ctx.stroke();
        ctx.fillStyle = inks.ink;
        ctx.font = `600 11px ${inks.font}`;
        ctx.textAlign = best.x > right - 60 ? "right" : "left";
        ctx.textBaseline = "alphabetic";
        ctx.fillText("best", best.x + (best.x > right - 60 ? -10 : 10), best.y > bottom - 10 ? best.y - 7 : best.y + 12);
      }
      marks.marks.sort((a, b) => a.x - b.x);
      marks.say(`${now.study.metric} against ${X_WORDS[name] ?? name} of ${rows.length} versions, ${front.size} on the Pareto front.`);
    },
  });
}
