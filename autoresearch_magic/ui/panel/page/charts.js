/** Both charts, with pointer and keyboard. */

import { drawMarkers, layMarkers, makeMarkers, markerKeys, markerTip, markerWhere, markerWords } from "./chart_markers.js";
import { buildNumberChoice } from "./chart_number.js";
import { buildCurve } from "./curve_chart.js";
import { div, h, s, setText, span } from "./elements.js";
import { axisEnds, drawAbove, drawBehind, layHistory } from "./history_chart.js";
import { bestBefore, historyData, noiseAt, pointWords, whyNotKept } from "./history_data.js";
import { beyondLimit } from "./limits.js";
import { buildInks, paintMarks, readInks } from "./marks_canvas.js";
import { twoDigits } from "./numbers.js";
import { firstAtLeast, nearestPoint, spansDecades } from "./scales.js";
import { AT_REST } from "./states.js";
import { MEANING, PROVEN, chip, figuresOf, isProven, tinyMark } from "./verdicts.js";
import { buildZoomButtons, makeZoom, watchPointers, zoomKey } from "./zoom.js";

/** Build both charts. What was zoomed and which axis was chosen is in `panel.view.chart`. */
export function buildCharts(panel) {
  const history = buildHistory(panel), curve = buildCurve(panel);
  const node = div("charts", history.node, curve.node);
  const update = (now) => {
    // Without a curve to come the history takes the whole width: at rest, and for commands, which rarely print one.
    const mayCome = now && !AT_REST.has(now.state) && !now.study.verify;
    node.classList.toggle("arm-alone", Boolean(now) && !mayCome && !panel.store.curve?.points.length);
    history.update(now);
    curve.update(now);
  };
  return { node, update };
}

/** Build the chart of all experiments: an SVG of axes, a canvas of marks above it, and an SVG of labels and rings above both. */
function buildHistory(panel) {
  const { store, view } = panel;
  const chart = view.chart ??= { window: null, follows: true, last: 0, scale: "" };
  const behind = s("svg", { class: "svg", "aria-hidden": "true" }), canvas = h("canvas", { class: "marks", "aria-hidden": "true" });
  const labels = s("g", {}), rings = s("g", {}), scrubbed = s("g", {});
  // Screen readers pass arrow keys to an "application", but not to an "img".
  const front = s("svg", { class: "svg front", role: "application", "aria-label": "History of the study", tabindex: "0",
    "data-arm-keys": "+ = - 0 Shift+ArrowLeft Shift+ArrowRight" }, labels, scrubbed, rings);
  const inks = buildInks(), tip = h("div", { class: "tooltip", hidden: "" }), spoken = h("div", { class: "spoken", role: "status" });
  const title = h("span", { class: "caption" }, "Metric by experiment"), empty = div("empty", "Each experiment will be a point here.");
  const main = h("div", { class: "plot big" }, behind, canvas, front, inks, tip, spoken, empty), legend = buildLegend();
  const zoom = makeZoom(chart, () => ({ end: axis.end, last: axis.last }), () => soon()), buttons = buildZoomButtons(zoom);
  const scales = buildScales((name) => { chart.scale = name; remember(name); soon(); });
  const choice = buildNumberChoice(panel, () => { key = ""; soon(); });
  const node = h("figure", { class: "chart" }, h("figcaption", {}, title, span("tools-row", choice.node, scales.node, buttons.node), legend.node), main);
  const markersOf = makeMarkers(panel);
  let metricData = historyData(store), data = metricData, shown = { data, now: null, number: null, format: view.format }, layout = null, places = [], axis = { end: 1, last: 0 }, at = -1, marked = -1, key = "", drawing = false, rowsKey = "", automatic = false;

  const hide = () => {
    if (at < 0 && marked < 0 && tip.hidden) return;
    at = marked = -1;
    tip.hidden = true;
    rings.replaceChildren();
  };
  const place = (x, y) => {
    tip.hidden = false;
    const [w, room] = [tip.offsetWidth, main.clientWidth];
    tip.style.left = `${Math.max(0, Math.min(room - w, x > room / 2 ? x - w - 14 : x + 14))}px`;
    tip.style.top = `${Math.max(0, Math.min(main.clientHeight - tip.offsetHeight, y - tip.offsetHeight / 2))}px`;
  };
  const explain = (row) => shown.number ? numberWords(row, shown, store.now, view.format) : whyNotKept(row, bestBefore(data, row.number), store.now?.noise, store.now?.study.minimize ?? true);
  const show = (index) => {
    hide();
    const p = layout?.points[index];
    if (!p) return;
    at = index;
    rings.append(s("circle", { class: "hover", cx: p.x, cy: p.y, r: 7 }));
    const { row } = p, why = explain(row), lines = pointWords(row, figuresOf(store, row.number));
    tip.replaceChildren(div("tiphead", h("b", {}, `#${row.number}`), chip(row.verdict, isProven(store, row.number)), span("tipvalue", shown.format(row.value))),
      h("div", { class: "tiptext" }, row.summary || row.reason || ""), lines.length ? div("quiet", lines.join(", ")) : "", why ? h("div", {}, why) : "");
    place(p.x, p.y);
  };
  const showMarker = (index) => {
    hide();
    const found = places[index];
    if (!found) return;
    marked = index;
    rings.append(s("circle", { class: "hover", cx: found.x, cy: layout.markerY, r: 8 }));
    tip.replaceChildren(...markerTip(found));
    place(found.x, layout.markerY - 20);
  };
  const showAgain = (y) => {
    hide();
    tip.replaceChildren(...againTip(layout.head, view.format));
    place(layout.box[2], y);
  };
  const hover = (x, y) => {
    if (!layout) return;
    if (layout.markerY && y > layout.markerY - 9 && y < layout.markerY + 12) {
      const near = places.findIndex((p) => Math.abs(p.x - x) < 9);
      if (near >= 0) {
        if (near !== marked) showMarker(near);
        return;
      }
    }
    if (layout.strip && x > layout.box[2] + 14) return showAgain(y);
    const near = nearestPoint(layout.points, x, y);
    if (near < 0) hide();
    else if (near !== at) show(near);
  };
  const pointers = watchPointers(front, zoom, {
    plot: () => ({ left: layout?.box[0] ?? 0, right: layout?.box[2] ?? 1 }), hover, leave: hide,
    press: (x, y) => {
      const near = layout && y < layout.height - 24 ? nearestPoint(layout.points, x, y, 24) : -1; // a double click on the axis shows all
      if (near >= 0) panel.select(layout.points[near].row.number, true);
    },
  });
  front.addEventListener("blur", hide);
  // A click of the mouse needs no frame around the chart; the browser cannot be told so by :focus-visible everywhere.
  front.addEventListener("pointerdown", () => front.classList.add("arm-pointed"));
  for (const kind of ["keydown", "blur"]) front.addEventListener(kind, () => front.classList.remove("arm-pointed"));
  front.addEventListener("keydown", (event) => {
    const points = layout?.points ?? [], end = points.length - 1;
    if (zoomKey(event, zoom, points[at]?.row.number)) return event.preventDefault();
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const to = { ArrowLeft: at < 0 ? end : Math.max(0, at - 1), ArrowRight: Math.min(end, at + 1), Home: 0, End: end }[event.key];
    const mark = { ArrowDown: marked < 0 ? places.length - 1 : Math.max(0, marked - 1), ArrowUp: Math.min(places.length - 1, marked + 1) }[event.key];
    if (to !== undefined) {
      show(to);
      setText(spoken, points[to] ? pointSaid(points[to]) : "");
    } else if (mark !== undefined && places.length) {
      showMarker(mark);
      setText(spoken, [markerWhere(places[mark]), ...markerWords(places[mark])].join("; "));
    } else if ((event.key === "Enter" || event.key === " ") && points[at]) panel.select(points[at].row.number, true);
    else if (event.key === "Escape") {
      pointers.cancel();
      hide();
    } else return;
    event.preventDefault();
  });
  const pointSaid = (p) => [`Experiment ${p.row.number}: ${p.row.verdict}`, shown.format(p.row.value), ...pointWords(p.row, figuresOf(store, p.row.number)), explain(p.row), p.row.summary || p.row.reason].filter(Boolean).join(", ");

  /** Draw before the next frame, once, however many events ask for it. */
  const soon = () => {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      if (node.isConnected) draw(store.now);
    });
  };
  const stored = () => `autoresearch-magic:axis:${store.now?.study.name ?? ""}`;
  const remember = (name) => { try { sessionStorage.setItem(stored(), name); } catch { /* a page without storage */ } };
  const recall = () => { try { return sessionStorage.getItem(stored()) ?? ""; } catch { return ""; } };

  function draw(now) {
    const [width, height] = [main.clientWidth, main.clientHeight];
    if (width <= 60) return;
    const changes = `${store.epoch},${store.changes}`;
    if (changes !== rowsKey) {
      if (rowsKey && rowsKey.split(",")[0] !== store.epoch) Object.assign(chart, { window: null, follows: true, last: 0 });
      rowsKey = changes;
      metricData = historyData(store);
    }
    const before = shown;
    shown = choice.apply(metricData, now);
    if (shown.data !== data || before.number?.name !== shown.number?.name) {
      data = shown.data;
      automatic = spansDecades(data.valued.map((r) => r.value), data.kept.map((r) => r.value));
    }
    if (now && !chart.scale) chart.scale = recall() || "auto";
    const markers = now ? markersOf(now) : [], colours = readInks(inks), scale = window.devicePixelRatio;
    const wanted = [width, height, scale, changes, shown.number?.name ?? "", data.valued.length, chart.window, chart.scale, view.selected, view.format(1.23456789), now?.running?.number, now?.running?.kind, now?.state,
      now?.study.total, now?.noise?.sd, now?.headline?.number, now?.headline?.best, markers.length, markers.at(-1)?.text, Object.values(colours).join(" ")].join();
    if (wanted === key) return ring();
    key = wanted;
    const hovered = layout?.points[at]?.row.number;
    const log = data.positive && (chart.scale === "log" || (chart.scale !== "linear" && automatic));
    scales.update(data.positive && data.valued.length > 1, log);
    axis = axisEnds(data, shown.now);
    zoom.follow();
    layout = layHistory(data, shown.now, { width, height, window: chart.window, log, marked: markers.length > 0, limits: shown.number?.limits ?? [] });
    for (const svg of [behind, front]) {
      for (const [name, value] of [["width", width], ["height", height], ["viewBox", `0 0 ${width} ${height}`]]) {
        if (svg.getAttribute(name) !== `${value}`) svg.setAttribute(name, value);
      }
    }
    [canvas.style.width, canvas.style.height] = [`${width}px`, `${height}px`];
    places = layMarkers(markers, layout);
    drawBehind(behind, layout, shown.now);
    drawMarkers(behind, places, layout);
    paintMarks(canvas, layout, colours, store);
    drawAbove(labels, layout, view.selected, shown.format);
    if (at >= 0) show(layout.points.findIndex((p) => p.row.number === hovered));
    else if (marked >= 0) showMarker(marked);
    empty.hidden = store.rows.size > 0;
    buttons.refresh(!store.rows.size);
    legend.update(data, layout, shown.now, markers);
    if (now) name(shown.now, shown.number);
    ring();
  }
  /** Ring the version that the scrubber is at, which needs no new drawing of the marks. */
  function ring() {
    const n = view.scrubbed ?? -1, found = layout.points[firstAtLeast(layout.points, n, (p) => p.row.number)];
    const p = found?.row.number === n ? found : null, is = p ? `${p.x} ${p.y} ${layout.radius}` : "";
    if (scrubbed.getAttribute("data-arm-at") === is) return;
    scrubbed.setAttribute("data-arm-at", is);
    scrubbed.replaceChildren(...(p ? [s("circle", { class: "scrubbed", cx: p.x, cy: p.y, r: layout.radius + 4 })] : []));
  }
  function name(now, number) {
    const limits = number?.limits.length ? `, limit ${number.limits.map(([sign, bound]) => `${sign} ${bound}`).join(" and ")}` : "";
    setText(title, number ? `${number.name} by experiment${limits}` : `${now.study.metric} by experiment, ${now.study.minimize ? "lower" : "higher"} is better`);
    const best = now.best ? ` Best ${shown.format(now.best.value)}, experiment ${now.best.number}.` : "", part = chart.window ? ` Zoomed to experiments ${Math.ceil(chart.window[0])} to ${Math.floor(chart.window[1])}.` : "";
    const again = now.headline ? ` Measured again: ${now.headline.text}.` : "";
    front.setAttribute("aria-label", `${now.study.metric} of ${store.rows.size} experiments.${best}${again}${part} Arrow keys left and right go from one to the next, Enter opens it${
      places.length ? ", up and down go through the markers" : ""}; plus, minus and 0 zoom.`);
  }
  return { node, update: draw };
}

/** What is said of a point in the chart of another number: its metric, and that it is beyond a limit. */
function numberWords(row, { number, now }, facts, format) {
  const broken = Number.isFinite(row.value) ? number.limits.filter((limit) => beyondLimit(row.value, limit)) : [];
  const beyond = broken.length ? `; beyond the limit ${broken.map(([sign, bound]) => `${sign} ${bound}`).join(" and ")}` : "";
  return now && Number.isFinite(row.metric) ? `${facts.study.metric} ${format(row.metric)}${beyond}` : "";
}

/** What the strip at the right says: best and baseline as they were measured again. */
function againTip(head, format) {
  const line = (name, value, reach) => `${name} ${format(value)}${reach ? `, 95% interval ${format(value - reach)} to ${format(value + reach)}` : ""}`;
  return [div("tiphead", h("b", {}, "Measured again")), div("quiet", `${head.repeats} ${head.repeats === 1 ? "run" : "runs"} each, on fresh seeds`),
    h("div", {}, line(head.number ? `Best #${head.number}` : "Best", head.best, head.best_reach)), h("div", {}, line("Baseline", head.baseline, head.baseline_reach)), div("quiet", head.text)];
}

/** Build the switch between a linear and a logarithmic axis. */
function buildScales(choose) {
  const button = (name) => h("button", { type: "button", class: "tool", "aria-pressed": "false", onclick: () => choose(name) }, name);
  const both = { linear: button("linear"), log: button("log") };
  const node = h("span", { class: "tools", role: "group", "aria-label": "Scale of the values", hidden: "" }, both.linear, both.log);
  return {
    node,
    update(possible, log) {
      node.hidden = !possible;
      both.linear.setAttribute("aria-pressed", String(!log));
      both.log.setAttribute("aria-pressed", String(log));
    },
  };
}

/** Build the legend: what there is in the chart, and nothing else. */
function buildLegend() {
  const key = (verdict, word, meaning, proven) => h("span", { class: "key", title: meaning ?? MEANING[verdict] }, tinyMark(verdict, proven), word);
  const swatch = s("svg", { class: "tiny wide-tiny", viewBox: "0 0 16 10", "aria-hidden": "true" }, s("rect", { class: "band", width: 16, height: 10 }), s("path", { class: "step", d: "M0 5H16" }));
  const band = h("span", {}), bandKey = h("span", { class: "key" }, swatch, band), more = h("span", { class: "keys" });
  const stopped = key("pruned", "stopped early, duplicate");
  const node = span("legend", key("keep", "kept, proven", PROVEN[1], true), key("keep", "kept, not proven yet", PROVEN[0], false), key("discard", "discarded"),
    key("crash", "failed", "no value: crash, timeout, guard, metric or refusal"), stopped, bandKey, more);
  let shown = "";
  return {
    node,
    update(data, layout, now, markers) {
      stopped.hidden = !data.rows.some((r) => r.verdict === "pruned" || r.verdict === "duplicate");
      const best = data.kept.at(-1), sd = best ? noiseAt(now?.noise, best.value) : null;
      bandKey.hidden = !sd;
      setText(band, sd ? `band: what one run varies by chance, sd ${twoDigits(sd)}` : "");
      bandKey.title = "One standard deviation of a single run to each side of the best line. A point that is better than the line and inside of the band may be luck.";
      const kinds = markerKeys(markers);
      if (`${kinds.map((k) => k.textContent)}` !== shown) more.replaceChildren(...kinds);
      shown = `${kinds.map((k) => k.textContent)}`;
    },
  };
}
