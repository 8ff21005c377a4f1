/** Both charts, with pointer and keyboard. */

import { curveName, drawCurve } from "./curve_chart.js";
import { div, h, s, setText, span } from "./elements.js";
import { drawHistory } from "./history_chart.js";
import { AT_REST } from "./states.js";
import { MEANING, PROVEN, chip, figuresOf, gainWords, isProven, tinyMark } from "./verdicts.js";

/** Build both charts; `select` is called with the number of a clicked experiment. */
export function buildCharts(store, select) {
  // Screen readers pass arrow keys to an "application", but not to an "img".
  const svg = (label, keys) => s("svg", { class: "svg", role: keys ? "application" : "img", "aria-label": label, tabindex: keys ? "0" : null });
  const history = svg("History of the study", true), curve = svg("Learning curve of the current run", false);
  const tip = h("div", { class: "tooltip", hidden: "" }), spoken = h("div", { class: "spoken", role: "status" });
  const title = h("span", { class: "caption" }, "Metric by experiment"), curveTitle = h("span", { class: "caption" }, "Learning curve");
  const keys = [["keep", "kept, proven", PROVEN[1]], ["keep", "kept, not proven yet", PROVEN[0]], ["discard", "discarded"],
    ["crash", "failed", "no value: crash, timeout, guard, metric or refusal"], ["pruned", "stopped early, duplicate"]];
  const legend = span("legend", ...keys.map(([verdict, word, title], i) => h("span", { class: "key", title: title ?? MEANING[verdict] }, tinyMark(verdict, i === 0), word)));
  const curveLegend = h("span", { class: "legend" });
  const empty = div("empty", "Each experiment will be a point here.");
  const curveEmpty = div("empty", "The curve of the current run will appear here.");
  const main = h("div", { class: "plot big" }, history, tip, spoken, empty), side = h("div", { class: "plot small" }, curve, curveEmpty);
  const node = h("div", { class: "charts" }, h("figure", { class: "chart" }, h("figcaption", {}, title, legend), main),
    h("figure", { class: "chart side" }, h("figcaption", {}, curveTitle, curveLegend), side));
  let points = [], at = -1, format = String, key = "", curveKey = "";

  const hide = () => { at = -1; tip.hidden = true; history.querySelector(".arm-hover")?.remove(); };
  const words = ({ row }) => [`Experiment ${row.number}: ${row.verdict}`, format(row.value), ...gainWords(figuresOf(store, row.number), row.verdict), row.summary || row.reason].join(", ");
  const show = (index) => {
    hide();
    const p = points[(at = index)];
    if (!p) return;
    history.append(s("circle", { class: "hover", cx: p.x, cy: p.y, r: 7 }));
    const { row } = p, said = gainWords(figuresOf(store, row.number), row.verdict);
    tip.replaceChildren(div("tiphead", h("b", {}, `#${row.number}`), chip(row.verdict, isProven(store, row.number)), span("tipvalue", format(row.value))),
      h("div", {}, row.summary || row.reason), said.length ? div("quiet", said.join(", ")) : "");
    tip.hidden = false;
    const [w, room] = [tip.offsetWidth, main.clientWidth];
    tip.style.left = `${Math.max(0, Math.min(room - w, p.x > room / 2 ? p.x - w - 14 : p.x + 14))}px`;
    tip.style.top = `${Math.max(0, Math.min(main.clientHeight - tip.offsetHeight, p.y - tip.offsetHeight / 2))}px`;
  };
  const nearest = (event) => {
    const area = history.getBoundingClientRect();
    const distance = (p) => Math.hypot(p.x - event.clientX + area.left, (p.y - event.clientY + area.top) * 0.6);
    const best = points.reduce((a, p, i) => (a < 0 || distance(p) < distance(points[a]) ? i : a), -1);
    return best >= 0 && distance(points[best]) < 36 ? best : -1;
  };
  history.addEventListener("pointermove", (event) => { const i = nearest(event); if (i < 0) hide(); else if (i !== at) show(i); });
  history.addEventListener("pointerleave", hide);
  history.addEventListener("blur", hide);
  history.addEventListener("click", (event) => { const i = nearest(event); if (i >= 0) select(points[i].row.number); });
  history.addEventListener("keydown", (event) => {
    const end = points.length - 1;
    const to = { ArrowLeft: at < 0 ? end : Math.max(0, at - 1), ArrowRight: Math.min(end, at + 1), Home: 0, End: end }[event.key];
    if (to !== undefined) {
      show(to);
      setText(spoken, points[to] ? words(points[to]) : "");
    }
    else if ((event.key === "Enter" || event.key === " ") && points[at]) select(points[at].row.number);
    else if (event.key === "Escape") hide();
    else return;
    event.preventDefault();
  });

  const size = (plot, image) => {
    const [w, height] = [plot.clientWidth, plot.clientHeight];
    for (const [name, value] of [["width", `${w}`], ["height", `${height}`], ["viewBox", `0 0 ${w} ${height}`]]) {
      if (image.getAttribute(name) !== value) image.setAttribute(name, value);
    }
    return [w, height];
  };
  const draw = (selected, newFormat, changed) => {
    format = newFormat;
    // Without a curve to come the history takes the whole width: at rest, and for commands, which rarely print one.
    const mayCome = store.now && !AT_REST.has(store.now.state) && !store.now.study.verify;
    node.classList.toggle("arm-alone", Boolean(store.now) && !mayCome && !store.curve?.points.length);
    const { now } = store, [w, height] = size(main, history);
    // Redraw only when something visible has changed: there may be hundreds of marks.
    const wanted = [w, height, changed, store.epoch, selected, now?.running?.number, now?.running?.kind, now?.state, now?.study.total].join();
    if (w > 60 && wanted !== key) {
      key = wanted;
      const hovered = points[at]?.row.number;
      points = drawHistory(history, w, height, store, selected);
      if (hovered !== undefined) show(points.findIndex((p) => p.row.number === hovered));
      empty.hidden = store.rows.size > 0;
      legend.lastChild.hidden = !points.some((p) => p.row.verdict === "pruned" || p.row.verdict === "duplicate");
      if (now) {
        setText(title, `${now.study.metric} by experiment, ${now.study.minimize ? "lower" : "higher"} is better`);
        const best = now.best ? ` Best ${format(now.best.value)}, experiment ${now.best.number}.` : "";
        history.setAttribute("aria-label", `${now.study.metric} of ${store.rows.size} experiments.${best} Arrow keys go from one to the next, Enter opens it.`);
      }
    }
    const c = store.curve, [w2, height2] = size(side, curve);
    const curveWanted = [w2, height2, store.epoch, c?.kind, c?.number, c?.repeat, c?.points.length, c?.incumbent.length, now?.best?.number].join();
    if (w2 > 60 && curveWanted !== curveKey) {
      curveKey = curveWanted;
      drawCurve(curve, w2, height2, c, now?.study.budget === "" ? "run" : "budget");
      curveEmpty.hidden = Boolean(c?.points.length);
      setText(curveTitle, c?.name ? `Learning curve, ${c.name}` : "Learning curve");
      curveLegend.replaceChildren(...(c?.points.length ? [span("key live", h("i"), curveName(c))] : []),
        ...(c?.incumbent.length && now?.best ? [span("key other", h("i"), now.best.number && c.kind !== "best" ? `best #${now.best.number}` : "baseline")] : []));
    }
  };
  return { node, draw };
}
