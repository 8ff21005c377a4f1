/**
 * Parallel coordinates: an axis for each constant and one for the metric, and a line for each run. A part of an axis can be brushed, with the
 * pointer or with keys, and then only the lines that go through it are in colour.
 */

import { div, h, setText } from "./elements.js";
import { mostOf, viewFigure, viewInks, viewScale } from "./insights_canvas.js";
import { countedWords, makeCard } from "./insights_card.js";
import { constantsMissing, readColumns, valueText } from "./insights_slice.js";

/** Cividis, from bad to good, which people with any colour vision can order; its faint end is darker (in the dark lighter) than the original, so that each line can be seen. */
const LINES_RAMPS = { light: ["#b08f2c", "#8c8156", "#67686f", "#3c4c74", "#00224e"], dark: ["#6475a8", "#7d8089", "#9a947e", "#c4b468", "#fee838"] };
const LINES_HEIGHT = 260, LINES_TOP = 34, LINES_BOTTOM = 20, LINES_NEAR = 9;

/** The colour of a rank between 0 (worst) and 1 (best). */
export function rampColour(dark, rank) {
  const stops = LINES_RAMPS[dark ? "dark" : "light"], at = Math.min(stops.length - 1.0001, Math.max(0, rank) * (stops.length - 1)), i = Math.floor(at);
  const parts = (hex) => [1, 3, 5].map((from) => parseInt(hex.slice(from, from + 2), 16)), [a, b] = [parts(stops[i]), parts(stops[i + 1])];
  return `rgb(${a.map((v, k) => Math.round(v + (b[k] - v) * (at - i))).join(" ")})`;
}

export function buildParallel(panel, feed) {
  const canvas = h("canvas", { class: "viewcanvas", role: "application", tabindex: "0" }), over = h("canvas", { class: "viewcanvas over", "aria-hidden": "true" });
  const tip = h("div", { class: "tooltip", hidden: "" }), spoken = h("div", { class: "spoken", role: "status" });
  const plot = div("plot viewmarks", canvas, over, tip, spoken), told = h("span", {}), clear = h("button", { type: "button", class: "showmore", onclick: () => { brushes.clear(); paint(); canvas.focus(); } }, "Show all");
  const ramp = h("i", { class: "ramp", "aria-hidden": "true" }), legend = h("span", { class: "legend" }, h("span", { class: "key" }, "worst", ramp, "best"));
  const tools = div("parallelfoot", legend, h("span", {}, told, clear));
  const brushes = new Map(); // by the name of the axis: [from, to] as shares of its height, from the bottom
  let held = null, shown = null, hovered = -1, axis = 0, drag = null, mark = null;

  /** The axes: the most important constants first where that is known, the metric last. */
  function axesOf(answer, now, width) {
    const important = feed.known("importance")?.names ?? [], most = Math.max(2, Math.min(7, Math.floor(width / 86) - 1));
    const place = (c) => { const at = important.indexOf(c.name); return at < 0 ? important.length : at; };
    const chosen = answer.constants.map((constant, i) => ({ constant, column: held.columns[i] })).sort((a, b) => place(a.constant) - place(b.constant)).slice(0, most);
    const [top, bottom] = [LINES_TOP, LINES_HEIGHT - LINES_BOTTOM];
    const made = chosen.map(({ constant, column }) => ({ name: constant.name, constant, column,
      scale: viewScale(column, { log: constant.log, words: constant.words, whole: constant.whole, from: bottom, to: top, count: 4 }) }));
    const best = now.study.minimize ? [top, bottom] : [bottom, top]; // the best is on top
    made.push({ name: now.study.metric, constant: null, column: held.metric, scale: viewScale(held.metric, { from: best[0], to: best[1], count: 4, range: metricAxisRange(held.metric, now.study.minimize) }) });
    return made;
  }

  const clamp = (y) => Math.min(LINES_HEIGHT - LINES_BOTTOM + 5, Math.max(LINES_TOP - 5, y));
  const share = (y) => Math.min(1, Math.max(0, (LINES_HEIGHT - LINES_BOTTOM - y) / (LINES_HEIGHT - LINES_BOTTOM - LINES_TOP)));
  const inside = (row) => shown.axes.every(({ name }, a) => {
    const brush = brushes.get(name), at = share(shown.ys[a][row]);
    return !brush || (at >= brush[0] - 1e-9 && at <= brush[1] + 1e-9);
  });

  function sized(element) {
    const scale = window.devicePixelRatio || 1;
    [element.width, element.height] = [Math.round(shown.width * scale), LINES_HEIGHT * scale];
    [element.style.width, element.style.height] = [`${shown.width}px`, `${LINES_HEIGHT}px`];
    const ctx = element.getContext("2d");
    ctx.scale(scale, scale);
    return ctx;
  }
  const trace = (ctx, row) => {
    ctx.beginPath();
    shown.axes.forEach((_, a) => ctx[a ? "lineTo" : "moveTo"](shown.xs[a], shown.ys[a][row]));
    ctx.stroke();
  };

  function paint() {
    const { width, axes, xs, order, dark } = shown, ctx = sized(canvas), inks = viewInks(panel.root), n = order.length;
    over.width = 0;
    [hovered, tip.hidden] = [-1, true];
    const within = order.map(inside), some = brushes.size > 0, left = within.filter(Boolean).length;
    ctx.lineWidth = n > 1500 ? 0.7 : 1.1;
    if (some) {
      ctx.strokeStyle = inks.rule;
      ctx.globalAlpha = n > 500 ? 0.4 : 1;
      order.forEach((row, k) => { if (!within[k]) trace(ctx, row); });
    }
    ctx.globalAlpha = left > 3000 ? 0.25 : left > 500 ? 0.45 : left > 120 ? 0.75 : 0.95;
    order.forEach((row, k) => { // the worst first, so that the best are on top
      if (!within[k]) return;
      ctx.strokeStyle = rampColour(dark, n > 1 ? k / (n - 1) : 1);
      trace(ctx, row);
    });
    ctx.globalAlpha = 1;
    axes.forEach(({ name, scale, constant }, a) => {
      const x = xs[a], right = a === axes.length - 1;
      ctx.strokeStyle = inks.dim;
      ctx.lineWidth = 1;
      ctx.beginPath();
      ctx.moveTo(x, LINES_TOP);
      ctx.lineTo(x, LINES_HEIGHT - LINES_BOTTOM);
      ctx.stroke();
      ctx.font = `${a === axis && document.activeElement === canvas ? "700" : "600"} 11px ${inks.font}`;
      ctx.fillStyle = inks.ink;
      ctx.textBaseline = "alphabetic";
      ctx.textAlign = right ? "right" : a ? "center" : "left";
      const most = width / axes.length - 8;
      let text = name;
      while (text.length > 2 && ctx.measureText(text).width > most) text = `${text.slice(0, -2).replace(/…$/, "")}…`;
      ctx.fillText(text, right ? x + 8 : a ? x : x - 8, 14);
      ctx.font = `11px ${inks.font}`;
      ctx.textBaseline = "middle";
      ctx.textAlign = right ? "right" : "left";
      const at = constant?.words ? scale.ticks.slice(0, 12) : scale.ticks;
      for (const [v, label] of at) {
        const y = scale.at(v);
        if (y < LINES_TOP - 2 || y > LINES_HEIGHT - LINES_BOTTOM + 2) continue;
        ctx.lineWidth = 3;
        ctx.strokeStyle = inks.bg;
        ctx.strokeText(label.slice(0, 12), right ? x - 6 : x + 6, y);
        ctx.fillStyle = inks.quiet;
        ctx.fillText(label.slice(0, 12), right ? x - 6 : x + 6, y);
      }
      const brush = brushes.get(name);
      if (brush) {
        const [y0, y1] = brush.map((part) => LINES_HEIGHT - LINES_BOTTOM - part * (LINES_HEIGHT - LINES_BOTTOM - LINES_TOP));
        ctx.fillStyle = inks.live;
        ctx.globalAlpha = 0.25;
        ctx.fillRect(x - 7, y1, 14, Math.max(2, y0 - y1));
        ctx.globalAlpha = 1;
        ctx.strokeStyle = inks.live;
        ctx.lineWidth = 1.5;
        ctx.strokeRect(x - 7, y1, 14, Math.max(2, y0 - y1));
      }
    });
    setText(told, some ? `${left} of ${countedWords(n, "run")} shown. ` : "");
    clear.hidden = !some;
    canvas.setAttribute("aria-label", `Parallel coordinates of ${countedWords(n, "run")}: ${axes.map((each) => each.name).join(", ")}. Right and left choose an axis, up and down go from run to run along it, Enter opens the run; `
      + "B at one run and B again at another keeps only the runs between them, Escape shows all.");
  }

  function hover(row, x = null) {
    if (row === hovered) return;
    hovered = row;
    if (row < 0) { over.width = 0; tip.hidden = true; return; }
    const ctx = sized(over), inks = viewInks(panel.root), number = held.numbers[row], data = panel.store.rows.get(number);
    ctx.lineWidth = 5;
    ctx.strokeStyle = inks.bg;
    trace(ctx, row);
    ctx.lineWidth = 2.5;
    ctx.strokeStyle = inks.live;
    trace(ctx, row);
    tip.replaceChildren(h("b", {}, `Experiment ${number}: ${data?.verdict ?? ""}`), h("div", {}, `${shown.axes.at(-1).name} ${panel.view.format(held.metric[row])}`),
      ...shown.axes.slice(0, -1).map(({ constant, column }) => h("div", { class: "quiet" }, `${constant.name} ${valueText(constant, column[row])}`)));
    tip.hidden = false;
    const at = x ?? shown.xs[axis];
    tip.style.left = `${Math.max(0, Math.min(shown.width - tip.offsetWidth, at > shown.width / 2 ? at - tip.offsetWidth - 18 : at + 18))}px`;
    tip.style.top = `${Math.max(0, Math.min(LINES_HEIGHT - tip.offsetHeight, LINES_TOP))}px`;
  }

  /** The line at the pointer: of those in colour the nearest one, the best of equals. */
  function lineAt(x, y) {
    const { xs, ys, order } = shown;
    let a = 0;
    while (a < xs.length - 2 && x > xs[a + 1]) a++;
    const part = Math.min(1, Math.max(0, (x - xs[a]) / (xs[a + 1] - xs[a])));
    let best = -1, least = LINES_NEAR;
    for (const row of order) {
      const distance = Math.abs(ys[a][row] + (ys[a + 1][row] - ys[a][row]) * part - y);
      if (distance <= least && inside(row)) [best, least] = [row, distance];
    }
    return best;
  }
  const axisAt = (x) => shown.xs.findIndex((each) => Math.abs(each - x) <= 8);
  const place = (event) => { const area = canvas.getBoundingClientRect(); return [event.clientX - area.left, event.clientY - area.top]; };

  canvas.addEventListener("pointerdown", (event) => {
    const [x, y] = place(event), a = axisAt(x);
    if (a < 0 || event.button) return;
    drag = { a, from: share(y), moved: false };
    canvas.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    if (!drag) {
      canvas.style.cursor = axisAt(x) < 0 ? "pointer" : "ns-resize";
      return hover(lineAt(x, y), x);
    }
    const ends = [drag.from, share(y)].sort((p, q) => p - q);
    drag.moved = drag.moved || ends[1] - ends[0] > 0.015;
    if (!drag.moved) return;
    brushes.set(shown.axes[drag.a].name, ends);
    paint();
  });
  canvas.addEventListener("pointerup", (event) => {
    const [x, y] = place(event), was = drag;
    drag = null;
    if (was && !was.moved) { brushes.delete(shown.axes[was.a].name); paint(); } // a click on an axis takes its brush away
    if (was) return canvas.focus();
    const row = lineAt(x, y);
    if (row >= 0) panel.select(held.numbers[row]);
  });
  canvas.addEventListener("pointerleave", () => { if (!drag) hover(-1); });
  canvas.addEventListener("blur", () => hover(-1));
  canvas.addEventListener("keydown", (event) => {
    const { axes, ys, order } = shown, { key } = event;
    const along = () => order.filter(inside).sort((p, q) => ys[axis][q] - ys[axis][p]); // from the bottom up
    if (key === "ArrowLeft" || key === "ArrowRight") {
      axis = Math.min(axes.length - 1, Math.max(0, axis + (key === "ArrowRight" ? 1 : -1)));
      const row = hovered;
      paint();
      if (row >= 0) hover(row);
      setText(spoken, `Axis ${axes[axis].name}`);
    } else if (key === "ArrowUp" || key === "ArrowDown" || key === "Home" || key === "End") {
      const rows = along(), at = rows.indexOf(hovered), last = rows.length - 1;
      const to = key === "Home" ? 0 : key === "End" ? last : at < 0 ? last : Math.min(last, Math.max(0, at + (key === "ArrowUp" ? 1 : -1)));
      if (rows[to] === undefined) return;
      hover(rows[to]);
      const { constant, column } = axes[axis];
      setText(spoken, `Experiment ${held.numbers[rows[to]]}, ${axes[axis].name} ${constant ? valueText(constant, column[rows[to]]) : viewFigure(column[rows[to]])}, ${axes.at(-1).name} ${panel.view.format(held.metric[rows[to]])}`);
    } else if (key === "Enter" || key === " ") {
      if (hovered >= 0) panel.select(held.numbers[hovered]);
    } else if (key === "b" || key === "B") {
      if (hovered < 0) return;
      const at = share(ys[axis][hovered]), row = hovered;
      if (mark?.name !== axes[axis].name) {
        mark = { name: axes[axis].name, at };
        setText(spoken, `From here on ${mark.name}; B at another run ends it.`);
      } else {
        brushes.set(mark.name, [mark.at, at].sort((p, q) => p - q));
        mark = null;
        paint();
        hover(row);
        setText(spoken, told.textContent);
      }
    } else if (key === "Escape" && (brushes.size || hovered >= 0)) {
      [mark] = [null];
      if (hovered >= 0 && !brushes.size) hover(-1);
      else { brushes.clear(); paint(); setText(spoken, "All runs are shown."); }
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });

  return makeCard(panel, feed, {
    part: "constants",
    wide: true,
    title: (now) => `All constants and ${now.study.metric} together`,
    state: () => feed.known("importance")?.names,
    missing: (answer) => constantsMissing(answer),
    words: (answer, now) => {
      const others = answer.of - answer.runs, left = answer.left ? `; ${countedWords(answer.left, "constant")} with the fewest values left out` : "";
      return `A line is a run; its colour is its rank by ${now.study.metric}, best on top. ${countedWords(answer.runs, "run")} share${answer.runs === 1 ? "s" : ""} the code of experiment ${answer.example}${others ? `, ${others} other${others === 1 ? " has" : "s have"} other code and ${others === 1 ? "is" : "are"} left out` : ""}${left}. Drag along an axis to keep a part of it.`;
    },
    draw: (body, answer, width, now) => {
      if (!body.firstChild) body.append(plot, tools);
      if (held?.answer !== answer) held = { answer, ...readColumns(answer) };
      const axes = axesOf(answer, now, width), dark = panel.root.getAttribute("data-arm-theme") === "dark";
      const xs = axes.map((_, a) => 10 + (a * (width - 20)) / Math.max(1, axes.length - 1));
      const jitter = (row, words) => ((held.numbers[row] * 0.618) % 1 - 0.5) * Math.min(16, (LINES_HEIGHT - LINES_TOP - LINES_BOTTOM) / words.length / 2);
      const ys = axes.map(({ scale, column, constant }) => Float32Array.from(column, (v, row) => clamp(scale.at(v) + (constant?.words ? jitter(row, constant.words) : 0))));
      const order = Array.from(held.metric.keys()).sort((p, q) => (now.study.minimize ? held.metric[q] - held.metric[p] : held.metric[p] - held.metric[q]));
      shown = { width, axes, xs, ys, order, dark };
      axis = Math.min(axis, axes.length - 1);
      plot.style.height = `${LINES_HEIGHT}px`;
      ramp.style.background = `linear-gradient(90deg, ${LINES_RAMPS[dark ? "dark" : "light"].join(", ")})`;
      paint();
    },
  });
}

/** The metric's axis: from the best to where most of the runs are, without padding. */
function metricAxisRange(values, minimize) {
  const sorted = [...values].sort((a, b) => a - b), ends = mostOf(sorted, minimize);
  return ends[1] > ends[0] ? ends : [sorted[0], sorted.at(-1)];
}
