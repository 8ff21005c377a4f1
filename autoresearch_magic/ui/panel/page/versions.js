/** A scrubber through the versions of the target: the kept ones, or all, each with its value and its difference to the one before it. */

import { drawRows, lineDigits } from "./diff.js";
import { div, h, s, setText, span } from "./elements.js";
import { setUsable, usable } from "./header.js";
import { buildVersionButtons, copyVersion } from "./restore.js";
import { KEPT, chip, figuresOf, gainWords, isProven } from "./verdicts.js";

/** Milliseconds that a version is shown while they are played, and without a move until its difference is asked for. */
const PLAYED = 1300, SETTLED = 90;
/** Rows of a difference that are shown here; the details have all. */
const MOST_ROWS = 1000;

const PATHS = {
  first: "M2 1.5h1.6v9H2zM10.5 1.5v9L4 6z", previous: "M9 1.5v9L2.5 6z", play: "M3 1.5v9l7-4.5z", pause: "M3 2h2v8H3zM7 2h2v8H7z",
  next: "M3 1.5v9L9.5 6z", last: "M8.4 1.5H10v9H8.4zM1.5 1.5v9L8 6z",
};

export function buildVersions(panel) {
  const { store, view } = panel;
  const state = { all: false, at: null, playing: 0, asked: 0, list: [], listKey: "", drawn: null, key: "", selected: -1 };
  const tool = (name, label, act) => h("button", { type: "button", class: "button version-tool", "aria-label": label, title: label, "aria-disabled": "false",
    onclick: (event) => { if (usable(event.currentTarget)) act(); } }, s("svg", { viewBox: "0 0 12 12", class: "icon", "aria-hidden": "true" }, s("path", { d: PATHS[name] })));
  const first = tool("first", "First version", () => move(0)), previous = tool("previous", "Previous version", () => move(place() - 1));
  const play = tool("play", "Play", () => (state.playing ? stop() : start()));
  const next = tool("next", "Next version", () => move(place() + 1)), last = tool("last", "Last version", () => move(state.list.length - 1));
  const slider = h("input", { type: "range", class: "version-slider", min: "0", max: "0", value: "0", step: "1", "aria-label": "Version", oninput: () => move(slider.valueAsNumber, true) });
  const option = (all, label) => h("button", { type: "button", class: "option", "aria-pressed": "false", onclick: () => choose(all) }, label);
  const kept = option(false, "Kept"), all = option(true, "All");
  const number = h("b", {}), verdict = span(""), value = h("b", {}), gain = span("quiet"), summary = div("version-summary");
  const buttons = buildVersionButtons(panel, () => shownNumber());
  const copy = h("button", { type: "button", class: "button", title: "Copy this version's source", onclick: () => copyVersion(panel, shownNumber()) }, span("", "Copy"));
  const details = h("button", { type: "button", class: "button", title: "All that is known of this version", onclick: () => panel.select(shownNumber()) }, span("", "Details"));
  for (const name of ["pointerenter", "focus"]) copy.addEventListener(name, () => { panel.ask(`${shownNumber()}:source`, { type: "source", number: shownNumber() }); });
  const counts = span("quiet"), place_ = div("version-diff"), position = span("quiet version-position");
  const node = h("section", { class: "versions", "aria-label": "Versions of the target", hidden: "" },
    div("version-head", h("h3", { class: "caption version-title" }, "Versions of the target"), h("span", { class: "filter", role: "group", "aria-label": "Which versions" }, kept, all)),
    div("version-bar", h("div", { class: "version-tools", role: "group", "aria-label": "Go through the versions" }, first, previous, play, next, last), slider, position),
    div("version-what", number, verdict, value, gain, counts),
    div("version-line", summary, h("div", { class: "version-buttons", role: "group", "aria-label": "With this version" }, buttons.restore, copy, details)),
    place_);

  /** The place in the list: the one that was moved to, else the newest. */
  function place() {
    if (state.at === null) return state.list.length - 1;
    const found = state.list.indexOf(state.at);
    return found >= 0 ? found : state.list.findLastIndex((n) => n <= state.at);
  }
  const shownNumber = () => state.list[Math.max(0, place())] ?? 0;

  function move(to, dragged = false) {
    const at = Math.max(0, Math.min(state.list.length - 1, to));
    if (state.playing && dragged) stop();
    state.at = at === state.list.length - 1 ? null : state.list[at]; // from the last one on, it follows the newest
    state.asked = performance.now() + (dragged ? SETTLED : 0);
    if (dragged) setTimeout(() => update(), SETTLED + 5);
    view.scrubbed = state.list[at];
    panel.update();
  }

  function choose(every) {
    if (every !== state.all) state.at = shownNumber(); // it stays where it is
    state.all = every;
    stop();
    panel.update();
  }

  const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  function start() {
    if (place() >= state.list.length - 1) move(0);
    else move(place());
    state.playing = setInterval(step, PLAYED);
    update();
  }
  function step() {
    if (!node.isConnected) return stop(); // the panel is gone
    if (document.hidden || !answer()) return undefined; // who does not see it misses nothing
    move(place() + 1);
    if (place() >= state.list.length - 1) stop();
    return undefined;
  }
  function stop() {
    clearInterval(state.playing);
    state.playing = 0;
    update();
  }

  const before = () => state.list[place() - 1] ?? null;
  function answer() {
    const n = shownNumber(), against = before();
    // The same key as in the details, so that nothing is asked twice.
    return panel.ask(`${n}:diff ${against} ${against === null ? "" : 3} ${MOST_ROWS}`, { type: "diff", number: n, against, context: 3, most: MOST_ROWS });
  }

  function list() {
    const key = `${store.epoch} ${store.changes} ${store.since} ${state.all}`;
    if (key === state.listKey) return;
    state.listKey = key;
    const found = [];
    let keeps = 0;
    for (let n = 0; n < store.since; n++) {
      const is = KEPT.has(store.rows.get(n).verdict);
      keeps += is;
      if (state.all || is) found.push(n);
    }
    state.list = found;
    setText(kept, `Kept ${keeps.toLocaleString("en")}`);
    setText(all, `All ${store.since.toLocaleString("en")}`);
  }

  function update() {
    const { now } = store;
    if (!now) return;
    list();
    node.hidden = store.since < 2;
    if (node.hidden) return;
    // What is opened in the chart or the table is where the scrubber goes.
    if (view.selected !== state.selected) {
      state.selected = view.selected;
      if (view.selected >= 0 && view.selected !== state.at && state.list.includes(view.selected)) state.at = view.scrubbed = view.selected;
    }
    if (state.at === null && view.scrubbed >= 0) view.scrubbed = shownNumber();
    const at = Math.max(0, place()), n = shownNumber(), row = store.rows.get(n), end = state.list.length - 1;
    for (const [button, on] of [[kept, !state.all], [all, state.all]]) if (button.getAttribute("aria-pressed") !== `${on}`) button.setAttribute("aria-pressed", `${on}`);
    if (slider.max !== `${end}`) slider.max = `${end}`;
    if (slider.value !== `${at}`) slider.value = `${at}`;
    if (slider.disabled !== end < 1) slider.disabled = end < 1;
    setUsable(first, at > 0);
    setUsable(previous, at > 0);
    setUsable(next, at < end);
    setUsable(last, at < end);
    const motion = still();
    setUsable(play, end > 0 && !motion, end < 1 ? "There is one version" : motion ? "Your system asks for less motion: go from one to the next" : state.playing ? "Pause" : "Play the versions one after another");
    const path = play.querySelector("path"), icon = PATHS[state.playing ? "pause" : "play"], label = state.playing ? "Pause the versions" : "Play";
    if (path.getAttribute("d") !== icon) path.setAttribute("d", icon);
    if (play.getAttribute("aria-label") !== label) play.setAttribute("aria-label", label);
    buttons.update(row);
    const proven = isProven(store, n), figures = figuresOf(store, n), against = before();
    const key = [store.epoch, n, against, end, JSON.stringify(row), proven, figures, view.sample].join();
    if (key !== state.key) {
      state.key = key;
      const shown = row.value === null ? "no value" : view.format(row.value), words = gainWords(figures).slice(0, 2).join(", ");
      slider.setAttribute("aria-valuetext", `Experiment ${n}, ${row.verdict}, ${shown}${row.summary ? `, ${row.summary}` : ""}`);
      setText(position, `${(at + 1).toLocaleString("en")} of ${(end + 1).toLocaleString("en")}`);
      setText(number, `#${n}`);
      verdict.replaceChildren(chip(row.verdict, proven));
      setText(value, shown);
      setText(gain, words);
      setText(summary, row.summary || (n ? "" : "The target as it was at the start"));
    }
    show(n, against);
  }

  function show(n, against) {
    if (performance.now() < state.asked) return; // the slider is being dragged
    const found = answer();
    place_.classList.toggle("arm-waiting", !found);
    if (!found || found === state.drawn) return;
    state.drawn = found;
    setText(counts, against === null ? "" : `${found.added} added, ${found.removed} removed since #${against}`);
    const label = against === null ? `Source of experiment ${n}` : `Difference from experiment ${against} to experiment ${n}`;
    const lines = found.rows.length ? drawRows(found, false) : [div("empty", against === null ? "The source is empty." : `The same source as #${against}.`)];
    if (found.left) lines.push(div("code-gap", `${found.left.toLocaleString("en")} more lines: see Details`));
    place_.replaceChildren(h("div", { class: "code unified", tabindex: "0", role: "region", "aria-label": label }, h("div", { class: "code-lines", style: `--arm-digits: ${lineDigits(found.rows)}ch` }, ...lines)));
  }

  return { node, update };
}
