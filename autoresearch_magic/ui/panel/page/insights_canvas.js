/** A drawing of many marks: on a canvas, with a tooltip, the pointer, and arrow keys that go from mark to mark. */

import { div, h, setText } from "./elements.js";
import { minus, ticks } from "./numbers.js";

const INK_NAMES = ["ink", "quiet", "dim", "rule", "bg", "good", "bad", "live"];

/** The panel's colours as a canvas takes them: custom properties, resolved. */
export function viewInks(root) {
  const probe = h("span", { hidden: true });
  root.append(probe);
  const inks = Object.fromEntries(INK_NAMES.map((name) => {
    probe.style.color = `var(--arm-${name})`;
    return [name, getComputedStyle(probe).color];
  }));
  inks.font = getComputedStyle(root).fontFamily;
  probe.remove();
  return inks;
}

/**
 * Build a canvas for marks. `describe(mark)` returns the lines of a mark's tooltip, the first in bold; `order` are the marks as the keys go through
 * them. A drawing calls `start(width, height)`, which returns the context, and sets `marks` as {x, y, number}.
 */
export function buildMarks(panel, label, describe, look = "") {
  const canvas = h("canvas", { role: "application", tabindex: "0", class: "viewcanvas" }), ring = div("ring"), tip = h("div", { class: "tooltip", hidden: "" });
  const spoken = h("div", { class: "spoken", role: "status" });
  const node = div(`plot viewmarks ${look}`, canvas, ring, tip, spoken);
  const made = { node, canvas, marks: [], start, say, show, current: () => at };
  let at = -1;
  ring.hidden = true;

  function start(width, height) {
    const scale = window.devicePixelRatio || 1;
    node.style.height = `${height}px`;
    [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    [canvas.style.width, canvas.style.height] = [`${width}px`, `${height}px`];
    const ctx = canvas.getContext("2d");
    ctx.scale(scale, scale);
    hide();
    return ctx;
  }
  function say(text) {
    canvas.setAttribute("aria-label", `${label}. ${text} Arrow keys go from one to the next, Enter opens it.`);
  }
  function hide() {
    at = -1;
    [ring.hidden, tip.hidden] = [true, true];
  }
  function show(index) {
    const mark = made.marks[index];
    if (!mark) return hide();
    at = index;
    ring.hidden = false;
    ring.style.transform = `translate(${mark.x - 7}px, ${mark.y - 7}px)`;
    const [head, ...lines] = describe(mark);
    tip.replaceChildren(h("b", {}, head), ...lines.filter(Boolean).map((line) => h("div", {}, line)));
    tip.hidden = false;
    const room = node.clientWidth;
    tip.style.left = `${Math.max(0, Math.min(room - tip.offsetWidth, mark.x > room / 2 ? mark.x - tip.offsetWidth - 14 : mark.x + 14))}px`;
    tip.style.top = `${Math.max(0, Math.min(node.clientHeight - tip.offsetHeight, mark.y - tip.offsetHeight / 2))}px`;
  }
  const nearest = (event) => {
    const area = canvas.getBoundingClientRect(), x = event.clientX - area.left, y = event.clientY - area.top;
    let best = -1, least = 26 ** 2;
    made.marks.forEach((mark, i) => {
      const distance = (mark.x - x) ** 2 + (mark.y - y) ** 2;
      if (distance < least) [best, least] = [i, distance];
    });
    return best;
  };
  canvas.addEventListener("pointermove", (event) => { const i = nearest(event); if (i < 0) hide(); else if (i !== at) show(i); });
  canvas.addEventListener("pointerleave", hide);
  canvas.addEventListener("blur", hide);
  canvas.addEventListener("click", (event) => { const i = nearest(event); if (i >= 0) panel.select(made.marks[i].number); });
  canvas.addEventListener("keydown", (event) => {
    const end = made.marks.length - 1, forward = event.key === "ArrowRight" || event.key === "ArrowDown";
    let to = { Home: 0, End: end }[event.key];
    if (made.step && event.key.startsWith("Arrow")) to = made.step(at, event.key);
    else if (event.key.startsWith("Arrow")) to = at < 0 ? (forward ? 0 : end) : Math.min(end, Math.max(0, at + (forward ? 1 : -1)));
    if (to !== undefined && end >= 0) {
      show(to);
      if (made.marks[to]) setText(spoken, describe(made.marks[to]).filter(Boolean).join(", "));
    } else if ((event.key === "Enter" || event.key === " ") && made.marks[at]) panel.select(made.marks[at].number);
    else if (event.key === "Escape" && at >= 0) hide();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return made;
}

/** A scale from values to pixels, with its ticks as [value, text]. `words` are the names of the positions 0, 1, 2, ... */
export function viewScale(values, { log = false, words = null, whole = false, from, to, count = 5, range = null }) {
  if (words) {
    const n = Math.max(1, words.length), step = (to - from) / n;
    return { at: (v) => from + (v + 0.5) * step, ticks: words.map((word, i) => [i, word]), low: -0.5, high: n - 0.5 };
  }
  let [low, high] = range ?? [Math.min(...valuesOrEnds(values)), Math.max(...valuesOrEnds(values))];
  if (!Number.isFinite(low)) [low, high] = [0, 1];
  if (log && low > 0) {
    if (high / low < 1.05) [low, high] = [low / 1.5, high * 1.5];
    const [a, b] = [Math.log10(low), Math.log10(high)], pad = range ? 0 : (b - a) * 0.03;
    const at = (v) => from + ((Math.log10(v) - a + pad) / (b - a + 2 * pad)) * (to - from);
    const found = [];
    for (let power = Math.floor(a); power <= Math.ceil(b); power++) for (const m of b - a > count * 0.8 ? [1] : [1, 2, 5]) {
      const v = Number(`${m}e${power}`);
      if (v >= low * 0.999 && v <= high * 1.001) found.push([v, viewFigure(v)]);
    }
    const every = Math.ceil(found.length / count);
    return { at, ticks: found.length > 1 ? found.filter((_, i) => i % every === 0) : [[low, viewFigure(low)], [high, viewFigure(high)]], low, high };
  }
  if (high - low <= 1e-12 * Math.max(Math.abs(low), Math.abs(high))) [low, high] = [low - (Math.abs(low) * 0.02 || 1), high + (Math.abs(high) * 0.02 || 1)];
  const pad = range ? 0 : (high - low) * 0.04, found = ticks(low, high, count, whole);
  return { at: (v) => from + ((v - low + pad) / (high - low + 2 * pad)) * (to - from), ticks: found.at.map((v) => [v, found.format(v)]), low, high };
}

/** Spreading more arguments than this overflows the stack. */
const valuesOrEnds = (values) => (values.length < 50_000 ? values : [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))]);

/** A number of three digits, as a person would write it. */
export function viewFigure(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  return minus(size && (size < 1e-3 || size >= 1e6) ? value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e") : `${Number(value.toPrecision(4))}`);
}

/** Where the better nine tenths of sorted values are, and of these those that are within five times the median's distance from the best. */
export function mostOf(sorted, minimize) {
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))], middle = at(0.5), best = at(minimize ? 0 : 1), far = middle + 4 * (middle - best);
  if (middle === best) return minimize ? [best, at(0.9)] : [at(0.1), best];
  return minimize ? [best, Math.min(at(0.9), far)] : [Math.max(at(0.1), far), best];
}

/** The part of the metric's range that is drawn: from the best to a little beyond most of the others; what lies outside is drawn at the edge. */
export function usefulRange(values, minimize) {
  const sorted = [...values].sort((a, b) => a - b), n = sorted.length;
  if (!n) return [0, 1];
  let [low, high] = mostOf(sorted, minimize);
  if (high - low <= 1e-12 * Math.max(Math.abs(low), Math.abs(high))) [low, high] = [sorted[0], sorted[n - 1]];
  const pad = (high - low) * 0.08 || Math.abs(high) * 0.02 || 1;
  return [low - pad, high + pad];
}

/** Draw a grid with its labels to the left. */
export function viewGrid(ctx, inks, scale, left, right) {
  ctx.font = `11px ${inks.font}`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  for (const [v, text] of scale.ticks) {
    const y = Math.round(scale.at(v)) + 0.5;
    ctx.strokeStyle = inks.rule;
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(right, y);
    ctx.stroke();
    ctx.fillStyle = inks.quiet;
    ctx.fillText(text, left - 7, y);
  }
}

/** Draw the labels of an axis below. */
export function viewLabels(ctx, inks, scale, y, right, room = 64) {
  ctx.font = `11px ${inks.font}`;
  ctx.fillStyle = inks.quiet;
  ctx.textBaseline = "top";
  ctx.textAlign = "center";
  let free = -Infinity;
  for (const [v, text] of scale.ticks) {
    const short = text.length > 14 ? `${text.slice(0, 13)}…` : text, x = scale.at(v), half = ctx.measureText(short).width / 2;
    if (x - half < free || x + half > right + 12) continue;
    ctx.fillText(short, x, y);
    free = x + half + Math.min(10, room);
  }
}

/** Draw the mark of a verdict: kept filled, the others hollow; beyond the edge an arrow. */
export function viewMark(ctx, inks, x, y, verdict, r, beyond = 0) {
  ctx.beginPath();
  if (beyond) {
    ctx.fillStyle = inks.dim;
    ctx.moveTo(x - 3, y - beyond * 2);
    ctx.lineTo(x + 3, y - beyond * 2);
    ctx.lineTo(x, y + beyond * 3);
    ctx.fill();
    return;
  }
  ctx.arc(x, y, verdict === "keep" || verdict === "baseline" ? r + 0.8 : r, 0, 2 * Math.PI);
  if (verdict === "keep" || verdict === "baseline") {
    ctx.fillStyle = verdict === "keep" ? inks.good : inks.quiet;
    ctx.fill();
    ctx.strokeStyle = inks.bg;
  } else ctx.strokeStyle = inks.dim;
  ctx.lineWidth = 1.2;
  ctx.stroke();
}

/** Buttons of which one is pressed. */
export function buildChoice(label, options, pick) {
  const buttons = options.map(([name, text, title]) => h("button", { type: "button", class: "pick", title, "aria-pressed": "false", onclick: () => pick(name) }, text));
  const node = h("div", { class: "picks", role: "group", "aria-label": label }, ...buttons);
  return { node, set: (chosen) => options.forEach(([name], i) => buttons[i].setAttribute("aria-pressed", `${name === chosen}`)) };
}

/** A drop-down; its options are [value, text]. */
export function buildSelect(label, pick) {
  const select = h("select", { class: "select", "aria-label": label, onchange: () => pick(select.value) });
  let shown = "";
  return {
    node: h("label", { class: "selectlabel" }, h("span", { "aria-hidden": "true" }, label), select),
    set(options, chosen) {
      if (shown !== JSON.stringify(options)) {
        shown = JSON.stringify(options);
        select.replaceChildren(...options.map(([value, text]) => h("option", { value }, text)));
      }
      if (select.value !== chosen) select.value = chosen;
    },
  };
}

