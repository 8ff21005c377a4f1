/** The part of the x-axis that the chart shows: wheel, brush, panning, pinch and keys. It is kept in `panel.view.chart`. */

import { h, s } from "./elements.js";
import { clampWindow, zoomed } from "./scales.js";

/** Factor of one step of the buttons and keys, share of the window that a key pans, and pixels from which a press is a drag. */
const ZOOM_STEP = 1.6, PAN_SHARE = 0.2, DRAG_FROM = 4;

/**
 * Keep a window on the x-axis. `axis()` returns {end, last}: the end of the axis and the last experiment; `changed` is called after each change.
 * While the window reaches the last experiment it follows new ones.
 */
export function makeZoom(chart, axis, changed) {
  const whole = () => [0, axis().end], window = () => chart.window ?? whole();
  const set = (wanted) => {
    const { end, last } = axis(), next = wanted && clampWindow(wanted, end);
    const same = `${next}` === `${chart.window}`;
    Object.assign(chart, { window: next, follows: !next || next[1] >= last, last });
    if (!same) changed();
    return !same;
  };
  return {
    window,
    set,
    all: () => set(null),
    by: (factor, at) => set(zoomed(window(), at ?? (window()[0] + window()[1]) / 2, factor)),
    pan(share) {
      if (!chart.window) return false;
      const [from, to] = chart.window, shift = share * (to - from), { end } = axis();
      const kept = Math.min(end - to, Math.max(-from, shift)); // at the ends it stops, and does not become narrower
      return set([from + kept, to + kept]);
    },
    /** Move on with new experiments, where the window reached the last one. */
    follow() {
      const { end, last } = axis();
      if (!chart.window || last === chart.last) return;
      const [from, to] = chart.window;
      if (chart.follows && last > to) chart.window = clampWindow([from + Math.min(end, last) - to, Math.min(end, last)], end);
      else chart.window = clampWindow(chart.window, end);
      chart.last = last;
    },
    get zoomed() { return chart.window !== null; },
    get closest() { return window()[1] - window()[0] <= Math.min(4, axis().end) * 1.001; },
  };
}

/** Build the buttons of a zoom; `refresh` shows which of them can do something. */
export function buildZoomButtons(zoom) {
  const tool = (text, label, call) => h("button", { type: "button", class: "tool", "aria-label": label, title: label, "aria-disabled": "true",
    onclick: (event) => { if (event.currentTarget.getAttribute("aria-disabled") !== "true") call(); } }, text);
  const out = tool("−", "Zoom out (−)", () => zoom.by(ZOOM_STEP)), into = tool("+", "Zoom in (+)", () => zoom.by(1 / ZOOM_STEP));
  const all = tool("All", "Show all experiments (0)", () => zoom.all());
  const off = (button, value) => { if (button.getAttribute("aria-disabled") !== String(value)) button.setAttribute("aria-disabled", String(value)); };
  return {
    node: h("span", { class: "tools", role: "group", "aria-label": "Zoom of the chart" }, out, into, all),
    refresh(empty) {
      off(out, empty || !zoom.zoomed);
      off(all, empty || !zoom.zoomed);
      off(into, empty || zoom.closest);
    },
  };
}

/** Do what a key means for the zoom; return whether it means anything. `at` is the place that stays where it is, if there is one. */
export function zoomKey(event, zoom, at) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.key === "+" || event.key === "=") zoom.by(1 / ZOOM_STEP, at);
  else if (event.key === "-") zoom.by(ZOOM_STEP, at);
  else if (event.key === "0") zoom.all();
  else if (event.shiftKey && event.key === "ArrowLeft") zoom.pan(-PAN_SHARE);
  else if (event.shiftKey && event.key === "ArrowRight") zoom.pan(PAN_SHARE);
  else return false;
  return true;
}

/**
 * Let pointers zoom: Ctrl or Cmd with the wheel, a drag over a part of the chart, Shift with a drag to pan, two fingers, a double click for all.
 *
 * `plot()` returns {left, right} in pixels of the svg; `hover(x, y)`, `leave()` and `press(x, y)` are called for what is no gesture.
 */
export function watchPointers(svg, zoom, { plot, hover, leave, press }) {
  const fingers = new Map();
  let drag = null, moved = false, waiting = null, shown = false;
  const place = (event) => {
    const area = svg.getBoundingClientRect();
    return [event.clientX - area.left, event.clientY - area.top];
  };
  const value = (x) => {
    const { left, right } = plot(), [from, to] = zoom.window();
    return from + ((Math.min(right, Math.max(left, x)) - left) / (right - left || 1)) * (to - from);
  };
  const end = () => {
    drag?.brush?.remove();
    drag = null;
  };
  const pinch = () => {
    const [a, b] = [...fingers.values()].map(([x]) => x).sort((one, two) => one - two);
    return { middle: (a + b) / 2, width: Math.max(20, b - a) };
  };

  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the notebook scrolls
    event.preventDefault();
    zoom.by(Math.exp(Math.max(-0.5, Math.min(0.5, event.deltaY * (event.deltaMode ? 0.05 : 0.002)))), value(place(event)[0]));
  }, { passive: false });
  svg.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const [x, y] = place(event);
    fingers.set(event.pointerId, [x, y]);
    moved = false;
    if (fingers.size === 2) {
      end();
      drag = { kind: "pinch", from: pinch(), window: zoom.window() };
      moved = true;
    } else drag = { kind: event.pointerType === "touch" || event.shiftKey ? "pan" : "brush", x, id: event.pointerId, window: zoom.window() };
  });
  svg.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, [x, y]);
    if (!drag) {
      // At once, and then at most once in each frame.
      if (shown) waiting = [x, y];
      else {
        hover(x, y);
        shown = true;
        requestAnimationFrame(() => {
          if (waiting) hover(...waiting);
          [waiting, shown] = [null, false];
        });
      }
      return;
    }
    if (!moved && Math.abs(x - drag.x) < DRAG_FROM) return;
    if (!moved) {
      moved = true;
      waiting = null;
      leave();
      svg.setPointerCapture(event.pointerId);
    }
    const { left, right } = plot(), [from, to] = drag.window, unit = (to - from) / (right - left || 1);
    if (drag.kind === "pinch" && fingers.size === 2) {
      const { middle, width } = pinch(), at = from + (drag.from.middle - left) * unit, factor = drag.from.width / width;
      zoom.set([at - (middle - left) * unit * factor, at + (right - middle) * unit * factor]);
    } else if (drag.kind === "pan" && zoom.zoomed) {
      zoom.pan((from - (x - drag.x) * unit - zoom.window()[0]) / (to - from));
    } else if (drag.kind === "brush") {
      const [a, b] = [drag.x, x].map((each) => Math.min(right, Math.max(left, each))).sort((one, two) => one - two);
      drag.brush ??= svg.appendChild(s("rect", { class: "brush", y: 0, height: svg.getAttribute("height") }));
      drag.brush.setAttribute("x", a);
      drag.brush.setAttribute("width", Math.max(0, b - a));
    }
  });
  svg.addEventListener("pointerup", (event) => {
    fingers.delete(event.pointerId);
    const done = drag;
    end();
    if (!done) return;
    const [x] = place(event);
    if (moved && done.kind === "brush" && Math.abs(x - done.x) > 2 * DRAG_FROM) zoom.set([value(done.x), value(x)].sort((a, b) => a - b));
  });
  for (const kind of ["pointercancel", "lostpointercapture"]) svg.addEventListener(kind, (event) => { fingers.delete(event.pointerId); end(); });
  svg.addEventListener("pointerleave", () => { waiting = null; leave(); });
  svg.addEventListener("click", (event) => { if (!moved) press(...place(event)); });
  svg.addEventListener("dblclick", () => zoom.all());
  return { get dragging() { return Boolean(drag && moved); }, cancel: end };
}
