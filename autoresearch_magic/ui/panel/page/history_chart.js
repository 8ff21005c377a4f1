/** The chart of all experiments: where everything is, and what is drawn as SVG. `marks_canvas.js` draws the marks. */

import { axisWidth, drawTicks, xEnd, yRange, yRangeLog } from "./axes.js";
import { s } from "./elements.js";
import { bestBefore, noiseAt } from "./history_data.js";
import { ticks } from "./numbers.js";
import { beyondLimit } from "./limits.js";
import { extent, firstAtLeast, logTicks, makeScale } from "./scales.js";
import { AT_REST } from "./states.js";
import { KEPT } from "./verdicts.js";

/** Pixels of the strips for experiments without a value, for markers, and for the result that was measured again. */
const LANE_ROOM = 18, MARKER_ROOM = 14, AGAIN_ROOM = 96;

/** Return the run in progress of a new experiment; not one of an old experiment that is measured again. */
const newRun = (now) => (now?.running?.kind === "candidate" && !AT_REST.has(now.state) ? now.running : null);

/** Return the ends of the x-axis: {end, last}, the last experiment being the one that runs. */
export function axisEnds(data, now) {
  const last = Math.max(0, data.last, newRun(now)?.number ?? 0);
  return { end: xEnd(now?.study.total ?? 10, last), last };
}

/**
 * Lay the chart out: scales, ticks, and a place for each mark in the window.
 *
 * @param {{rows: any[], valued: any[], kept: any[], last: number}} data
 * @param {any} now
 * @param {{width: number, height: number, window: [number, number] | null, log: boolean, marked: boolean}} wanted
 *   `window` is a part of the x-axis, null for all of it; `marked` leaves room for markers.
 */
export function layHistory(data, now, { width, height, window, log, marked, limits = [] }) {
  const { rows, valued, kept } = data, down = now?.study.minimize ?? true;
  const run = newRun(now), { end, last } = axisEnds(data, now);
  const xs = window ?? [0, end], inside = (all) => all.slice(firstAtLeast(all, xs[0] - 1e-9, (r) => r.number), firstAtLeast(all, xs[1] + 1e-9, (r) => r.number));
  const atEnd = xs[1] >= data.last, head = atEnd ? now?.headline ?? null : null;
  const shown = window ? inside(rows) : rows, drawn = window ? inside(valued) : valued;
  const before = window ? bestBefore(data, xs[0]) : null; // its line comes in from the left
  const again = head ? [head.best, head.baseline].filter((v) => Number.isFinite(v) && !(log && v <= 0)).map((value) => ({ verdict: "keep", value })) : [];
  const measured = [...drawn, ...(before ? [before] : []), ...again];
  const ranged = [...measured, ...limitsNear(limits, measured, log)]; // limits that are not far off are shown
  const based = !window || xs[0] <= 0 ? now?.baseline : null;
  const ys = (log ? yRangeLog : yRange)(ranged, based && Number.isFinite(based.value) ? based : null, down, window ? 0.9 : 0) ?? [0, 1];
  const tickY = ranged.length ? (log ? logTicks : ticks)(ys[0], ys[1], height / 48) : { at: [0], format: () => "" };
  const lane = shown.length > drawn.length ? LANE_ROOM : 0, strip = head ? Math.min(AGAIN_ROOM, width / 5) : 0;
  const foot = height - 26 - (marked ? MARKER_ROOM : 0);
  const box = [axisWidth(tickY), 12 + (down ? 0 : lane), width - 14 - strip, foot - (down ? lane : 0)];
  const X = makeScale(xs, [box[0], box[2]]), Y = makeScale(ys, [box[3], box[1]], log);
  const laneY = down ? box[3] + 11 : box[1] - 11, marksAt = new Set(drawn);
  const span = xs[1] - xs[0], radius = span > 150 ? 2.2 : span > 60 ? 2.8 : 3.4;
  const points = shown.map((row) => {
    if (!marksAt.has(row)) return { row, x: X(row.number), y: laneY, clipped: 0, value: false };
    const y = Y(row.value), clipped = y < box[1] - 2 ? -1 : y > box[3] + 2 ? 1 : 0;
    return { row, x: X(row.number), y: clipped < 0 ? box[1] + 4 : clipped > 0 ? box[3] - 4 : y, clipped, value: true, beyond: limits.some((limit) => beyondLimit(row.value, limit)) };
  });
  const steps = points.filter((p) => p.value && KEPT.has(p.row.verdict));
  const line = before ? [{ row: before, x: box[0], y: Math.min(box[3], Math.max(box[1], Y(before.value))) }, ...steps] : steps;
  return { width, height, box, X, Y, xs, log, head, strip, run, radius, points, kept: steps, line, limits, lineEnd: Math.min(box[2], Math.max(line.at(-1)?.x ?? 0, X(last))),
    tickX: ticks(xs[0], xs[1], Math.min(10, (box[2] - box[0]) / 70), true), tickY, markerY: marked ? foot + 9 : 0, down };
}

/** Draw what lies behind the marks: axes, the baseline, the band of noise around the best line, the place of the run in progress. */
export function drawBehind(svg, layout, now) {
  const { box, X, Y, tickX, tickY, run, xs, strip, width } = layout;
  svg.replaceChildren();
  drawBand(svg, layout, now?.noise);
  drawTicks(svg, box, X, Y, tickX.at, tickY, tickX.format);
  drawBaseline(svg, box, Y, now?.baseline);
  for (const [, bound] of layout.limits) {
    const y = layout.log && bound <= 0 ? NaN : Y(bound);
    if (y >= box[1] - 1 && y <= box[3] + 1) svg.append(s("line", { class: "limitline", x1: box[0], x2: box[2], y1: y, y2: y }));
  }
  if (strip) svg.append(s("line", { class: "edge", x1: box[2] + 14, x2: box[2] + 14, y1: box[1], y2: box[3] }),
    s("text", { class: "tick", x: box[2] + 14 + strip / 2, y: Number(svg.getAttribute("height")) - 6, "text-anchor": "middle" }, strip > 90 ? "measured again" : "again"));
  if (run && run.number >= xs[0] && run.number <= xs[1]) svg.append(s("line", { class: "nowline", x1: X(run.number), x2: X(run.number), y1: box[1], y2: box[3] }));
}

/** Return rows for the limits that are within one and a half ranges of the values, so that the axis shows them. */
function limitsNear(limits, rows, log) {
  const values = rows.filter((row) => KEPT.has(row.verdict)).map((row) => row.value);
  if (!values.length) return [];
  const [low, high] = extent(values), span = Math.max(high - low, 0.2 * Math.abs(high));
  return limits.filter(([, bound]) => bound >= low - 1.5 * span && bound <= high + 1.5 * span && !(log && bound <= 0)).map(([, value]) => ({ verdict: "keep", value }));
}

/** Draw one standard deviation of a single run to each side of the best line. */
function drawBand(svg, { box: [left, top, right, bottom], line, lineEnd, Y, log }, noise) {
  if (!line.length || !(noise?.sd > 0)) return;
  const inside = (low, v, high) => Math.min(high, Math.max(low, v));
  const y = (v) => inside(top, log && v <= 0 ? bottom : Y(v), bottom);
  const edges = line.map(({ row, x }, i) => {
    const sd = noiseAt(noise, row.value), ends = [x, line[i + 1]?.x ?? lineEnd].map((each) => inside(left, each, right));
    return { ends, up: y(row.value + sd), low: y(row.value - sd) };
  });
  const there = edges.map(({ ends, up }, i) => `${i ? "L" : "M"}${ends[0]} ${up}H${ends[1]}`).join("");
  const back = edges.reverse().map(({ ends, low }) => `L${ends[1]} ${low}H${ends[0]}`).join("");
  svg.append(s("path", { class: "band", d: `${there}${back}Z` }));
}

/** Draw the baseline as a faint line. */
function drawBaseline(svg, [left, top, right, bottom], Y, baseline) {
  if (!baseline || !Number.isFinite(baseline.value)) return;
  const y = Y(baseline.value);
  if (!(y >= top && y <= bottom)) return;
  svg.append(s("line", { class: "baseline", x1: left, x2: right, y1: y, y2: y }),
    s("text", { class: "tick halo", x: right, y: y - 5 < top + 6 ? y + 13 : y - 5, "text-anchor": "end" }, "baseline"));
}

/** Draw what lies above the marks: the summaries of kept experiments, the result that was measured again, the ring of the open experiment. */
export function drawAbove(svg, layout, selected, format) {
  svg.replaceChildren();
  drawLabels(svg, layout);
  drawAgain(svg, layout, format);
  const chosen = layout.points[firstAtLeast(layout.points, selected, (p) => p.row.number)];
  if (chosen?.row.number === selected) svg.append(s("circle", { class: "chosen", cx: chosen.x, cy: chosen.y, r: layout.radius + 5 }));
}

/** Draw best and baseline as they were measured again at the end, each with the 95% interval of its level. */
function drawAgain(svg, { head, strip, box: [, top, right, bottom], Y }, format) {
  if (!head) return;
  const place = (name) => right + 14 + strip / 2 + (name === "best" ? 14 : -14), inside = (v) => Math.min(bottom, Math.max(top, Number.isFinite(v) ? v : bottom));
  const ends = [["other", head.baseline, head.baseline_reach], ["best", head.best, head.best_reach]].filter(([, value]) => Number.isFinite(value));
  for (const [name, value, reach] of ends) {
    const x = place(name), y = inside(Y(value)), [y1, y2] = [inside(Y(value + (reach ?? 0))), inside(Y(value - (reach ?? 0)))];
    if (reach) svg.append(s("path", { class: `whisker ${name}`, d: `M${x} ${y1}V${y2}M${x - 4} ${y1}h8M${x - 4} ${y2}h8` }));
    svg.append(s("path", { class: `again ${name}`, d: `M${x} ${y - 4.5}l4.5 4.5l-4.5 4.5l-4.5 -4.5z` }));
  }
  // The numbers stand on the far sides of the two, where there is room.
  const [first, second] = ends.map(([name, value, reach]) => ({ name, value, y: inside(Y(value)), reach })).sort((a, b) => a.y - b.y);
  for (const [each, way] of [[first, -1], ...(second ? [[second, 1]] : [])]) {
    const far = inside(Y(each.value - way * (each.reach ?? 0))), other = inside(Y(each.value + way * (each.reach ?? 0)));
    const edge = way < 0 ? Math.min(far, other, each.y - 5) : Math.max(far, other, each.y + 5);
    const y = Math.min(bottom - 2, Math.max(top + 8, edge + (way < 0 ? -5 : 13)));
    svg.append(s("text", { class: `${each.name === "best" ? "name" : "tick"} halo`, x: place(each.name), y, "text-anchor": "middle" }, format(each.value)));
  }
}

/** Label the latest kept experiments where there is room: not over another label, a point or the step line. */
function drawLabels(svg, { box: [left, top, right, bottom], kept, points, line, Y }) {
  const hit = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
  const taken = kept.map((p) => [p.x - 6, p.y - 6, p.x + 6, p.y + 6]);
  line.forEach((p, i) => {
    const next = line[i + 1];
    taken.push([p.x, p.y - 2, next ? next.x : right, p.y + 2]);
    if (next) taken.push([next.x - 2, Math.min(p.y, next.y), next.x + 2, Math.max(p.y, next.y)]);
  });
  const first = points.find((p) => p.value)?.y ?? 0;
  taken.push([right - 60, first - 14, right, first + 14]); // the label "baseline"
  const covered = (area) => {
    for (let i = firstAtLeast(points, area[0] - 3, (p) => p.x); i < points.length && points[i].x < area[2] + 3; i++) {
      if (points[i].y > area[1] - 3 && points[i].y < area[3] + 3) return true;
    }
    return false;
  };
  let placed = 0;
  for (const p of kept.filter((q) => q.row.number > 0).slice(-60).reverse()) {
    if (placed >= 5) break;
    const words = (p.row.summary ?? "").replace(/\s+/g, " ").trim();
    if (!words) continue;
    const places = [[8, 15, "start"], [8, -9, "start"], [-8, 15, "end"], [-8, -9, "end"], [0, 19, "middle"], [0, -13, "middle"]];
    const lengths = words.length <= 16 ? [34] : words.length <= 24 ? [34, 16] : [34, 24, 16];
    let best = null;
    for (const length of lengths) {
      const text = words.length > length ? `${words.slice(0, length - 1).trimEnd()}…` : words, w = 6.6 * text.length + 4; // capitals are wide
      for (const [dx, dy, anchor] of places) {
        const x0 = p.x + dx - (anchor === "end" ? w : anchor === "middle" ? w / 2 : 0), area = [x0, p.y + dy - 11, x0 + w, p.y + dy + 4];
        const within = area[0] > left && area[2] < right && area[1] > top && area[3] < bottom;
        if (!best && within && !taken.some((b) => hit(area, b)) && !covered(area)) best = { text, area, dx, dy, anchor };
      }
    }
    if (!best) continue;
    svg.append(s("text", { class: "name halo", x: p.x + best.dx, y: p.y + best.dy, "text-anchor": best.anchor }, best.text));
    taken.push(best.area);
    placed++;
  }
}
