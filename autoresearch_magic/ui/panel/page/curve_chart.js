/** The chart of a learning curve. */

import { axisWidth, drawAxes } from "./axes.js";
import { s } from "./elements.js";
import { quantile, ticks } from "./numbers.js";

/** Name the run of a learning curve. */
export function curveName({ kind, number, repeat }) {
  if (kind === "trial") return "your question";
  if (kind === "best") return number ? `best #${number}` : "baseline";
  const again = ["incumbent", "control", "final"].includes(kind) ? ", again" : kind === "candidate" && repeat ? `, run ${repeat + 1}` : "";
  return (number ? `#${number}` : "baseline") + again;
}

/** Draw the learning curve of the current run over that of the best experiment. */
export function drawCurve(svg, width, height, curve, whole) {
  svg.replaceChildren();
  const values = [...(curve?.points ?? []), ...(curve?.incumbent ?? [])].map((p) => p[1]).filter(Number.isFinite).sort((a, b) => a - b);
  // The first values of a run are often far off and would flatten the others: leave the most extreme out of the range.
  const ends = [curve?.points.at(-1)?.[1], curve?.incumbent.at(-1)?.[1]].filter(Number.isFinite);
  const few = values.length < 12 ? 0 : 0.04;
  const [low, high] = values.length ? [Math.min(quantile(values, few), ...ends), Math.max(quantile(values, 1 - few), ...ends)] : [0, 1];
  const pad = (high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high)) ? 0.06 * (high - low) : Math.abs(high) * 0.02) || 1;
  const ys = [low - pad, high + pad];
  const tickY = values.length ? ticks(ys[0], ys[1], height / 48) : { at: [ys[0]], format: () => "" };
  const box = [axisWidth(tickY), 12, width - 14, height - 26];
  const share = (v) => (v === 1 ? (width > 340 ? `100% of the ${whole}` : "100%") : v ? "50%" : "0");
  const { X, Y } = drawAxes(svg, box, [0, 1], ys, [0, 0.5, 1], tickY, share);
  // A nested svg clips to the plot; a clip path would need an id, which two views would share.
  const plot = s("svg", { x: 0, y: box[1] - 2, width, height: box[3] - box[1] + 4, viewBox: `0 ${box[1] - 2} ${width} ${box[3] - box[1] + 4}` });
  svg.append(plot);
  for (const [points, name] of [[curve?.incumbent ?? [], "other"], [curve?.points ?? [], "live"]]) {
    const stride = Math.max(1, Math.floor(points.length / width));
    const some = points.filter((p, i) => Number.isFinite(p[1]) && (i % stride === 0 || i === points.length - 1));
    if (!some.length) continue;
    plot.append(s("path", { class: `line ${name}`, d: some.map((p, i) => `${i ? "L" : "M"}${X(p[0]).toFixed(1)} ${Y(p[1]).toFixed(1)}`).join("") }));
    if (name === "live") plot.append(s("circle", { class: "tip", cx: X(some.at(-1)[0]), cy: Y(some.at(-1)[1]), r: 3.2 }));
  }
}
