/** The chart of all experiments. */

import { axisWidth, drawAxes, xEnd, yRange } from "./axes.js";
import { s } from "./elements.js";
import { ticks } from "./numbers.js";
import { AT_REST } from "./states.js";
import { KEPT, VALUED, isProven, mark } from "./verdicts.js";

/** Draw the chart of all experiments. Returns the marks as {x, y, row}, for pointer and keyboard. */
export function drawHistory(svg, width, height, store, selected) {
  const { now } = store;
  const rows = [...store.rows.values()].sort((a, b) => a.number - b.number);
  const drawn = rows.filter((r) => VALUED.has(r.verdict) && Number.isFinite(r.value));
  const valueless = rows.filter((r) => !drawn.includes(r));
  const down = now?.study.minimize ?? true;
  svg.replaceChildren();
  const run = now?.running?.kind === "candidate" && !AT_REST.has(now.state) ? now.running : null; // not an old one that is measured again
  const last = Math.max(0, rows.at(-1)?.number ?? 0, run?.number ?? 0);
  const end = xEnd(now?.study.total ?? 10, last);
  const ys = yRange(drawn, now?.baseline, down) ?? [0, 1];
  const tickY = drawn.length ? ticks(ys[0], ys[1], height / 48) : { at: [0], format: () => "" };
  const lane = valueless.length ? 18 : 0;
  const box = [axisWidth(tickY), 12 + (down ? 0 : lane), width - 14, height - 26 - (down ? lane : 0)];
  const tickX = ticks(0, end, Math.min(10, width / 70), true);
  const { X, Y } = drawAxes(svg, box, [0, end], ys, tickX.at, tickY, tickX.format);
  const laneY = down ? box[3] + 11 : box[1] - 11;
  drawBaseline(svg, box, Y, now?.baseline);
  if (run) svg.append(s("line", { class: "nowline", x1: X(run.number), x2: X(run.number), y1: box[1], y2: box[3] }));

  const radius = end > 150 ? 2.2 : end > 60 ? 2.8 : 3.4;
  const points = drawn.map((row) => {
    const y = Y(row.value), clipped = y < box[1] - 2 ? -1 : y > box[3] + 2 ? 1 : 0;
    return { row, x: X(row.number), y: clipped < 0 ? box[1] + 4 : clipped > 0 ? box[3] - 4 : y, clipped };
  });
  const kept = points.filter((p) => KEPT.has(p.row.verdict));
  for (const p of points.filter((q) => !KEPT.has(q.row.verdict))) {
    const arrow = `M${p.x - 3.2} ${p.y - p.clipped * 2}h6.4l-3.2 ${p.clipped * 5}z`;
    svg.append(p.clipped ? s("path", { class: "mark clipped", d: arrow }) : mark("discard", p.x, p.y, radius));
  }
  const bottom = valueless.map((row) => ({ row, x: X(row.number), y: laneY, clipped: 0 }));
  for (const p of bottom) svg.append(mark(p.row.verdict, p.x, p.y, radius));
  if (kept.length) {
    const path = kept.map((p, i) => (i ? `H${p.x}V${p.y}` : `M${p.x} ${p.y}`)).join("");
    svg.append(s("path", { class: "step", d: `${path}H${Math.max(kept.at(-1).x, X(last))}` }));
    for (const p of kept) svg.append(mark(p.row.verdict, p.x, p.y, radius + 0.9, isProven(store, p.row.number)));
  }
  drawLabels(svg, box, kept, points);
  const all = [...points, ...bottom].sort((a, b) => a.x - b.x);
  const chosen = all.find((p) => p.row.number === selected);
  if (chosen) svg.append(s("circle", { class: "chosen", cx: chosen.x, cy: chosen.y, r: radius + 5 }));
  return all;
}

/** Draw the baseline as a faint line, with a band of one standard deviation to each side. */
export function drawBaseline(svg, [left, top, right, bottom], Y, baseline) {
  if (!baseline || !Number.isFinite(baseline.value)) return;
  const [y, y1, y2] = [0, baseline.sd || 0, -(baseline.sd || 0)].map((d) => Math.min(bottom, Math.max(top, Y(baseline.value + d))));
  if (y2 - y1 > 1) svg.append(s("rect", { class: "band", x: left, y: y1, width: right - left, height: y2 - y1 }));
  svg.append(s("line", { class: "baseline", x1: left, x2: right, y1: y, y2: y }),
    s("text", { class: "tick halo", x: right, y: y - 5 < top + 6 ? y + 13 : y - 5, "text-anchor": "end" }, "baseline"));
}

/** Label the latest kept experiments where there is room: not over another label, a point or the step line. */
export function drawLabels(svg, [left, top, right, bottom], kept, points) {
  const hit = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
  const taken = kept.map((p) => [p.x - 6, p.y - 6, p.x + 6, p.y + 6]);
  kept.forEach((p, i) => {
    const next = kept[i + 1];
    taken.push([p.x, p.y - 2, next ? next.x : right, p.y + 2]);
    if (next) taken.push([next.x - 2, Math.min(p.y, next.y), next.x + 2, Math.max(p.y, next.y)]);
  });
  taken.push([right - 60, points[0]?.y - 14 || 0, right, points[0]?.y + 14 || 0]); // the label "baseline"
  let placed = 0;
  for (const p of kept.filter((q) => q.row.number > 0).reverse()) {
    if (placed >= 5) break;
    const words = p.row.summary.replace(/\s+/g, " ").trim();
    const places = [[8, 15, "start"], [8, -9, "start"], [-8, 15, "end"], [-8, -9, "end"], [0, 19, "middle"], [0, -13, "middle"]];
    const lengths = words.length <= 16 ? [34] : words.length <= 24 ? [34, 16] : [34, 24, 16];
    const best = lengths.flatMap((length) => places.map(([dx, dy, anchor]) => {
      const text = words.length > length ? `${words.slice(0, length - 1).trimEnd()}…` : words;
      const w = 6.6 * text.length + 4; // capitals are wide
      const x0 = p.x + dx - (anchor === "end" ? w : anchor === "middle" ? w / 2 : 0);
      const area = [x0, p.y + dy - 11, x0 + w, p.y + dy + 4];
      const free = area[0] > left && area[2] < right && area[1] > top && area[3] < bottom && !taken.some((b) => hit(area, b));
      return { text, area, dx, dy, anchor, free: free && !points.some((q) => hit(area, [q.x - 3, q.y - 3, q.x + 3, q.y + 3])) };
    })).find((place) => place.free);
    if (!best || !words) continue;
    svg.append(s("text", { class: "name halo", x: p.x + best.dx, y: p.y + best.dy, "text-anchor": best.anchor }, best.text));
    taken.push(best.area);
    placed++;
  }
}
