/** Ranges and axes of the charts. */

import { s } from "./elements.js";
import { quantile } from "./numbers.js";
import { extent, makeScale } from "./scales.js";
import { KEPT } from "./verdicts.js";

/**
 * Return the range of the y-axis: all kept values, the baseline with one standard deviation, and the discarded values that
 * are not far from these. Values outside are drawn as arrows at the edge. At least the share `least`
 * of the distances to the kept values is inside.
 */
export function yRange(rows, baseline, minimize, least = 0) {
  const kept = rows.filter((r) => KEPT.has(r.verdict)).map((r) => r.value);
  const all = rows.map((r) => r.value);
  if (!all.length) return null;
  const anchors = kept.length ? kept : all;
  const sd = baseline?.sd ?? 0;
  const [low, high] = extent(anchors);
  const distances = all.map((v) => Math.max(low - v, v - high, 0)).filter((d) => d > 0).sort((a, b) => a - b);
  const reach = Math.max(0.6 * (high - low), 3 * sd, high - low > 0 ? 0 : 1.2 * (quantile(distances, 0.5) ?? 0), least ? quantile(distances, least) ?? 0 : 0);
  const around = all.length > 1 ? sd : 2 * sd; // with the baseline alone, its band should not fill the chart
  const middle = baseline ? [baseline.value - around, baseline.value + around] : [];
  const inside = all.filter((v) => v >= low - reach && v <= high + reach).concat(middle);
  const [from, to] = extent(inside);
  const apart = to - from > 1e-9 * Math.max(Math.abs(from), Math.abs(to)); // else they differ only by rounding
  const pad = (apart ? 0.07 * (to - from) : Math.abs(to) * 0.01) || 1;
  return minimize ? [from - 2 * pad, to + pad] : [from - pad, to + 2 * pad]; // room for the labels of the best
}

/** Return the range of a logarithmic y-axis, in logarithms; all values are above zero. */
export function yRangeLog(rows, baseline, minimize, least = 0) {
  const logs = rows.map((r) => ({ verdict: r.verdict, value: Math.log10(r.value) }));
  const middle = baseline?.value > 0 ? { value: Math.log10(baseline.value), sd: Math.min(0.5, (baseline.sd ?? 0) / baseline.value / Math.LN10) } : null;
  return yRange(logs, middle, minimize, least);
}

/** Return the end of the x-axis: all planned experiments, or a part while a long study has just begun. */
export function xEnd(total, last) {
  if (!(total > 30) || last * 3 >= total) return Math.max(total || 0, last, 1);
  const wanted = Math.max(12, last * 1.6);
  const power = 10 ** Math.floor(Math.log10(wanted));
  return Math.min(total, power * [1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].find((m) => m * power >= wanted));
}

/** Draw the lines and numbers of two linear axes and return their scales. `box` is the inside of the plot: [left, top, right, bottom]. */
export function drawAxes(svg, box, xs, ys, ticksX, ticksY, formatX) {
  const X = makeScale(xs, [box[0], box[2]]), Y = makeScale(ys, [box[3], box[1]]);
  drawTicks(svg, box, X, Y, ticksX, ticksY, formatX);
  return { X, Y };
}

/** Draw the lines and numbers of two axes by their scales. */
export function drawTicks(svg, box, X, Y, ticksX, ticksY, formatX) {
  const [left, top, right, bottom] = box;
  for (const v of ticksY.at) {
    const y = Y(v);
    if (!(y > top - 1 && y < bottom + 1)) continue;
    svg.append(s("line", { class: "grid", x1: left, x2: right, y1: y, y2: y }),
      s("text", { class: "tick", x: left - 8, y, "text-anchor": "end", "dominant-baseline": "central" }, ticksY.format(v)));
  }
  const base = Number(svg.getAttribute("height")) - 6;
  for (const v of ticksX) svg.append(s("text", { class: "tick", x: X(v), y: base, "text-anchor": X(v) > right - 10 ? "end" : "middle" }, formatX(v)));
}

export const axisWidth = (tickY) => 14 + 6.4 * Math.max(2, ...tickY.at.map((v) => tickY.format(v).length));
