/** Markers below the chart of all experiments: notes to the agent, changes of the machine, resumes. */

import { h, s, span } from "./elements.js";

/** What the kinds of markers are called, in the order of the legend. */
export const MARKERS = { note: "note to the agent", drift: "machine changed", resume: "resumed" };
const MARKER_SHAPES = { note: "M-4 -4h8v6h-4l-2.5 3v-3h-1.5z", drift: "M-5 1l3 -5l3 8l3 -5", resume: "M-3.5 -4.5v9l8 -4.5z" };

/**
 * Ask for the markers when there can be new ones: with each change of the experiments, of the state, and after a command. What was
 * known stays until the answer is there. Returns a function that returns the markers.
 */
export function makeMarkers(panel) {
  let asked = "";
  return (now) => {
    const { store } = panel, wanted = [now.state, store.since, store.revision, panel.view.sentAt].join();
    if (wanted !== asked && store.answers.has("markers")) store.outdated.add("markers");
    asked = wanted;
    return panel.ask("markers", { type: "markers" })?.markers ?? [];
  };
}

/**
 * Return where the markers in the window stand: {x, kinds, words, number}. One stands behind the last experiment before it; those that would
 * cover each other are one.
 */
export function layMarkers(markers, { X, xs, box }) {
  const found = [];
  for (const { kind, after, text } of markers) {
    const at = after + 0.5;
    if (!(kind in MARKERS) || at < xs[0] - 0.5 || at > xs[1] + 1) continue;
    const x = Math.min(box[2], Math.max(box[0], X(at))), last = found.at(-1);
    if (last && x - last.x < 11) {
      if (!last.kinds.includes(kind)) last.kinds.push(kind);
      last.words.push([kind, text]);
    } else found.push({ x, kinds: [kind], words: [[kind, text]], after });
  }
  return found;
}

const markerGlyph = (kind, x, y) => s("path", { class: `marker ${kind}`, d: MARKER_SHAPES[kind], transform: `translate(${x} ${y})` });

/** Draw the markers at the foot of the chart, each with a faint line upwards. */
export function drawMarkers(svg, places, { box, markerY }) {
  for (const { x, kinds } of places) {
    svg.append(s("line", { class: `markline ${kinds.includes("drift") ? "drift" : ""}`, x1: x, x2: x, y1: box[1], y2: markerY - 6 }),
      markerGlyph(kinds.includes("drift") ? "drift" : kinds[0], x, markerY));
  }
}

/** Return the keys of the legend for the kinds that there are. */
export function markerKeys(markers) {
  const kinds = Object.keys(MARKERS).filter((kind) => markers.some((m) => m.kind === kind));
  return kinds.map((kind) => span("key", s("svg", { class: "tiny", viewBox: "-5 -5 10 10", "aria-hidden": "true" }, markerGlyph(kind, 0, 0)), MARKERS[kind]));
}

/** The words of a marker, a line for each of those that it stands for. */
export const markerWords = (place) => place.words.map(([kind, text]) => [`${MARKERS[kind][0].toUpperCase()}${MARKERS[kind].slice(1)}`, text].filter(Boolean).join(": "));

/** Where a marker stands, in words. */
export const markerWhere = ({ after }) => (after ? `after experiment ${after}` : "after the baseline");

/** What the tooltip shows of a marker. */
export function markerTip(place) {
  const lines = markerWords(place), shown = lines.slice(0, 6);
  return [h("div", { class: "quiet" }, markerWhere(place)), ...shown.map((text) => h("div", {}, text)),
    lines.length > shown.length ? h("div", { class: "quiet" }, `and ${lines.length - shown.length} more`) : ""];
}
