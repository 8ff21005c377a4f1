/** The marks of the chart of all experiments, on a canvas: ten thousand of them as elements of the page would make everything slow. */

import { div, h } from "./elements.js";
import { MUTED, VALUED, isProven } from "./verdicts.js";

/** The colours of the marks by the names of the rules in charts.css that give them. */
const INKS = ["paper", "good", "bad", "quiet", "dim", "mark"];

/** Build hidden elements whose colours are those of the marks: a canvas knows no custom properties. */
export const buildInks = () => h("div", { class: "inks", "aria-hidden": "true", hidden: "" }, ...INKS.map((name) => div(`ink-${name}`)));

/** Read the colours as they are now. */
export function readInks(node) {
  return Object.fromEntries([...node.children].map((child, i) => [INKS[i], getComputedStyle(child).color]));
}

/** Draw all marks and the best line of a layout. `inks` are the colours, `proven(number)` says whether a keep is proven. */
export function paintMarks(canvas, layout, inks, store) {
  const scale = Math.min(4, window.devicePixelRatio || 1), { width, height, box, points, kept, line, lineEnd, radius } = layout;
  const [w, tall] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== tall) canvas.height = tall;
  const pen = canvas.getContext("2d"), stamps = new Map();
  const stamp = (kind, size, x, y) => {
    if (!stamps.has(kind)) stamps.set(kind, drawStamp(kind, size, inks, scale));
    const image = stamps.get(kind);
    pen.drawImage(image, Math.round(x * scale - image.width / 2), Math.round(y * scale - image.height / 2)); // whole pixels stay sharp
  };
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, w, tall);
  pen.save();
  pen.beginPath();
  pen.rect((box[0] - 8) * scale, 0, (box[2] - box[0] + 16) * scale, tall);
  pen.clip();
  const keeps = new Set(kept);
  for (const p of points) {
    if (keeps.has(p)) continue;
    if (p.clipped) stamp(p.clipped < 0 ? "above" : "below", radius, p.x, p.y);
    else stamp(p.beyond ? "beyond" : p.value ? "discard" : VALUED.has(p.row.verdict) || MUTED.has(p.row.verdict) ? "muted" : "failure", radius, p.x, p.y);
  }
  if (line.length) {
    pen.save();
    pen.scale(scale, scale);
    pen.beginPath();
    line.forEach((p, i) => {
      if (i) pen.lineTo(p.x, line[i - 1].y);
      pen[i ? "lineTo" : "moveTo"](p.x, p.y);
    });
    pen.lineTo(lineEnd, line.at(-1).y);
    Object.assign(pen, { strokeStyle: inks.good, lineWidth: 1.75, lineJoin: "round" });
    pen.stroke();
    pen.restore();
  }
  for (const p of kept) stamp(p.row.verdict === "baseline" ? "baseline" : isProven(store, p.row.number) ? "keep" : "unproven", radius + 0.9, p.x, p.y);
  pen.restore();
}

/** Draw one mark into a canvas of its own, which is then copied to each place; the same shapes as `mark` in verdicts.js. */
function drawStamp(kind, r, inks, scale) {
  const half = Math.ceil((r + 3) * scale), canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * half, 2 * half];
  const pen = canvas.getContext("2d");
  pen.translate(half, half);
  pen.scale(scale, scale);
  pen.beginPath();
  if (kind === "muted") strokes(pen, [-r + 0.5, 0, r - 0.5, 0]);
  else if (kind === "failure") {
    const q = r - 0.7;
    strokes(pen, [-q, -q, q, q], [q, -q, -q, q]);
  } else if (kind === "above" || kind === "below") {
    const way = kind === "above" ? -1 : 1;
    pen.moveTo(-3.2, -2 * way);
    pen.lineTo(3.2, -2 * way);
    pen.lineTo(0, 3 * way);
    pen.closePath();
  } else pen.arc(0, 0, kind === "unproven" ? r - 1 : r, 0, 2 * Math.PI);
  const [fill, stroke, wide] = {
    keep: [inks.good, inks.paper, 1.4], baseline: [inks.quiet, inks.paper, 1.4], unproven: [inks.paper, inks.good, 1.8],
    discard: [inks.paper, inks.mark, 1.4], beyond: [inks.paper, inks.bad, 1.5], muted: [null, inks.mark, 1.4], failure: [null, inks.bad, 1.5], above: [inks.dim], below: [inks.dim],
  }[kind];
  Object.assign(pen, { fillStyle: fill ?? "", strokeStyle: stroke ?? "", lineWidth: wide ?? 1, lineCap: kind === "failure" ? "round" : "butt" });
  if (fill) pen.fill();
  if (stroke) pen.stroke();
  return canvas;
}

function strokes(pen, ...lines) {
  for (const [x1, y1, x2, y2] of lines) {
    pen.moveTo(x1, y1);
    pen.lineTo(x2, y2);
  }
}
