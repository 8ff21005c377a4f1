/** The chart of a learning curve. */

import { axisWidth, drawAxes } from "./axes.js";
import { div, h, s, setText, span } from "./elements.js";
import { quantile, ticks } from "./numbers.js";
import { extent, firstAtLeast } from "./scales.js";
import { smoothed, thinned } from "./smoothing.js";

/** Name the run of a learning curve. */
export function curveName({ kind, number, repeat, flying }) {
  if (kind === "trial") return "your question";
  if (flying) return "new";
  if (kind === "best") return number ? `best #${number}` : "baseline";
  const again = ["incumbent", "control", "final"].includes(kind) ? ", again" : kind === "candidate" && repeat ? `, run ${repeat + 1}` : "";
  return (number ? `#${number}` : "baseline") + again;
}

/** The class of what belongs to a slot, which gives it its colour; the ninth slot has that of the first. */
export const slotClass = (slot) => `slot slot-${slot % 8}`;

const slotName = (now, slot) => now?.slots?.[slot]?.place ?? `worker ${slot + 1}`;

/** Return the points of a curve that have a value, raw and smoothed. */
export function curveData(points) {
  const raw = points.filter((p) => Number.isFinite(p[0]) && Number.isFinite(p[1]));
  const smooth = smoothed(raw), noisy = smooth.some((y, i) => y !== raw[i][1]);
  return { raw, smooth: raw.map((p, i) => [p[0], smooth[i]]), noisy };
}

/** Return the smoothed value of a curve at a share of the budget; null outside of it. */
export function valueAt({ smooth }, x) {
  if (!smooth.length || x < smooth[0][0] || x > smooth.at(-1)[0]) return null;
  const after = firstAtLeast(smooth, x, (p) => p[0]), [x1, y1] = smooth[after], [x0, y0] = smooth[Math.max(0, after - 1)];
  return x1 > x0 ? y0 + ((y1 - y0) * (x - x0)) / (x1 - x0) : y1;
}

/** Build the chart of the learning curve of the current run, over that of the best experiment. */
export function buildCurve(panel) {
  const { store, view } = panel;
  const lines = s("g", {}), pointer = s("g", {});
  const svg = s("svg", { class: "svg", role: "slider", tabindex: "0", "aria-label": "Learning curve of the current run", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 100,
    "aria-valuetext": "nothing yet" }, lines, pointer);
  const title = h("span", { class: "caption" }, "Learning curve"), legend = h("span", { class: "legend" });
  const empty = div("empty", "The curve of the current run will appear here."), tip = h("div", { class: "tooltip", hidden: "" });
  const plot = h("div", { class: "plot small" }, svg, tip, empty);
  const node = h("figure", { class: "chart side" }, h("figcaption", {}, title, legend), plot);
  let key = "", scales = null, live = curveData([]), other = live, more = [], otherOf = null, at = null, names = ["", ""], waiting = null;

  const draw = (now) => {
    const c = store.curve, [width, height] = [plot.clientWidth, plot.clientHeight];
    const wanted = [width, height, store.epoch, c?.kind, c?.number, c?.repeat, c?.points.length, c?.incumbent.length, now?.best?.number,
      ...store.beside.flatMap((each) => [each.slot, each.number, each.count, each.points.at(-1)?.[1]])].join();
    if (width <= 60 || wanted === key) return;
    key = wanted;
    live = curveData(c?.points ?? []);
    more = store.beside.map((each) => ({ ...curveData(each.points), slot: each.slot, name: slotName(now, each.slot) }));
    const several = c?.slot !== undefined;
    if (several) Object.assign(live, { slot: c.slot, noisy: false });
    if (otherOf !== (c?.incumbent ?? null)) [otherOf, other] = [c?.incumbent ?? null, curveData(c?.incumbent ?? [])];
    names = c ? [curveName(c), now?.best?.number && c.kind !== "best" ? `best #${now.best.number}` : "baseline"] : ["", ""];
    if (several) names[0] = slotName(now, c.slot);
    for (const [name, value] of [["width", width], ["height", height], ["viewBox", `0 0 ${width} ${height}`]]) svg.setAttribute(name, value);
    scales = drawCurves(lines, width, height, live, other, now?.study.budget === "" ? "run" : "budget", more);
    empty.hidden = Boolean(c?.points.length);
    setText(title, c?.name ? `Learning curve, ${c.name}` : "Learning curve");
    svg.setAttribute("aria-label", c?.points.length ? `Learning curve of ${names[0]}${other.raw.length ? ` beside ${names[1]}` : ""}; arrow keys read its values` : "Learning curve of the current run");
    const runs = [...more, ...(several ? [{ slot: live.slot, name: names[0] }] : [])].sort((a, b) => a.slot - b.slot);
    const keys = several ? [...runs.map((each) => span(`key ${slotClass(each.slot)}`, h("i"), each.name)), ...(other.raw.length && now?.best ? [span("key other", h("i"), names[1])] : [])] : [...(live.raw.length ? [h("span", { class: "key live", title: live.noisy ? "strong: smoothed; thin: as it was reported" : null }, h("i"), names[0])] : []),
      ...(other.raw.length && now?.best ? [span("key other", h("i"), names[1])] : []),
      ...(live.noisy ? [span("key raw", h("i"), "as reported")] : [])];
    if (legend.textContent !== keys.map((each) => each.textContent).join("")) legend.replaceChildren(...keys);
    read(at, at !== null && !tip.hidden);
  };

  /** Show the values at a share of the budget; null hides them. */
  const read = (share, shown = true) => {
    at = share;
    const found = share === null ? [] : [[live, names[0], live.slot === undefined ? "live" : slotClass(live.slot)], ...more.map((each) => [each, each.name, slotClass(each.slot)]), [other, names[1], "other"]].map(([data, name, kind]) => [valueAt(data, share), name, kind]).filter(([v]) => v !== null);
    const where = share === null ? "" : `${Math.round(100 * share)}%`;
    svg.setAttribute("aria-valuenow", Math.round(100 * (share ?? live.raw.at(-1)?.[0] ?? 0)));
    const last = live.smooth.at(-1);
    svg.setAttribute("aria-valuetext", found.length ? [where, ...found.map(([v, name]) => `${name} ${curveFigure(v, scales.unit)}`)].join(", ") : last ? `${names[0]} ${curveFigure(last[1], scales.unit)} at its end` : "nothing yet");
    if (!found.length || !shown) {
      pointer.replaceChildren();
      tip.hidden = true;
      return;
    }
    const x = scales.X(share), { box, Y } = scales, inside = (y) => Math.min(box[3], Math.max(box[1], y));
    pointer.replaceChildren(s("line", { class: "cursor", x1: x, x2: x, y1: box[1], y2: box[3] }),
      ...found.map(([v, , kind]) => s("circle", { class: `dot ${kind}`, cx: x, cy: inside(Y(v)), r: 3.2 })));
    tip.replaceChildren(div("quiet", `${where} of the ${scales.whole}`), ...found.map(([v, name, kind]) => div(`reading key ${kind}`, h("i"), name, span("tipvalue", curveFigure(v, scales.unit)))));
    tip.hidden = false;
    tip.style.left = `${x > (box[0] + box[2]) / 2 ? Math.max(0, x - tip.offsetWidth - 12) : x + 12}px`;
    tip.style.top = `${box[1]}px`;
  };
  svg.addEventListener("pointermove", (event) => {
    if (waiting === null) requestAnimationFrame(() => {
      const { left } = svg.getBoundingClientRect(), x = waiting;
      waiting = null;
      if (x !== null && scales) read(Math.min(1, Math.max(0, (x - left - scales.box[0]) / (scales.box[2] - scales.box[0]))));
    });
    waiting = event.clientX;
  });
  for (const kind of ["pointerleave", "blur"]) svg.addEventListener(kind, () => { waiting = null; read(null); });
  svg.addEventListener("pointerdown", () => svg.classList.add("arm-pointed"));
  for (const kind of ["keydown", "blur"]) svg.addEventListener(kind, () => svg.classList.remove("arm-pointed"));
  svg.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !live.raw.length) return;
    const end = live.raw.at(-1)[0], now = at ?? end, step = 0.02;
    const to = { ArrowLeft: now - step, ArrowDown: now - step, ArrowRight: now + step, ArrowUp: now + step, Home: 0, End: end, Escape: null }[event.key];
    if (to === undefined) return;
    read(to === null ? null : Math.min(1, Math.max(0, to)));
    event.preventDefault();
  });
  return { node, update: draw };
}

/** Write a value of a curve: with two more digits than its axis. */
const curveFigure = (value, unit) => (Math.abs(value) >= 1e7 || (value && Math.abs(value) < 1e-5) ? value.toExponential(3) : value.toFixed(Math.min(10, Math.max(0, 2 - Math.floor(Math.log10(unit)))))).replaceAll("-", "−");

/** Draw both curves: smoothed, and behind the first one as it was reported. Returns the scales. */
export function drawCurves(svg, width, height, live, other, whole, more = []) {
  svg.replaceChildren();
  const values = [...live.raw, ...other.smooth, ...more.flatMap((each) => each.smooth)].map((p) => p[1]).sort((a, b) => a - b);
  // The first values of a run are often far off and would flatten the others: leave the most extreme out of the range.
  const ends = [live.raw.at(-1)?.[1], other.smooth.at(-1)?.[1], ...more.map((each) => each.smooth.at(-1)?.[1])].filter(Number.isFinite);
  const few = values.length < 12 ? 0 : 0.04;
  const [low, high] = values.length ? extent([quantile(values, few), quantile(values, 1 - few), ...ends]) : [0, 1];
  const pad = (high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high)) ? 0.06 * (high - low) : Math.abs(high) * 0.02) || 1;
  const ys = [low - pad, high + pad];
  const tickY = values.length ? ticks(ys[0], ys[1], height / 48) : { at: [ys[0]], format: () => "" };
  const box = [axisWidth(tickY), 12, width - 14, height - 26];
  const share = (v) => (v === 1 ? (width > 340 ? `100% of the ${whole}` : "100%") : v ? "50%" : "0");
  svg.setAttribute("height", height);
  const { X, Y } = drawAxes(svg, box, [0, 1], ys, [0, 0.5, 1], tickY, share);
  // A nested svg clips to the plot; a clip path would need an id, which two views would share.
  const plot = s("svg", { x: 0, y: box[1] - 2, width, height: box[3] - box[1] + 4, viewBox: `0 ${box[1] - 2} ${width} ${box[3] - box[1] + 4}` });
  svg.append(plot);
  const path = (points, name) => {
    const some = thinned(points, X);
    if (some.length) plot.append(s("path", { class: `line ${name}`, d: some.map((p, i) => `${i ? "L" : "M"}${X(p[0]).toFixed(1)} ${Y(p[1]).toFixed(1)}`).join("") }));
  };
  if (live.noisy) path(live.raw, "raw");
  path(other.smooth, "other");
  for (const each of [...more, live]) {
    const name = each.slot === undefined ? "live" : slotClass(each.slot), tip = each.smooth.at(-1);
    path(each.smooth, name);
    if (tip) plot.append(s("circle", { class: each.slot === undefined ? "tip" : `tip ${name}`, cx: X(tip[0]), cy: Y(tip[1]), r: 3.2 }));
  }
  return { X, Y, box, whole, unit: (ys[1] - ys[0]) || 1 };
}
