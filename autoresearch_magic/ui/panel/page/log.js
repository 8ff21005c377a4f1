/** What a run has printed: its end first, and live for the run in progress. */

import { h, span } from "./elements.js";

/** Milliseconds between two questions for what a running run has printed, and the most characters that are kept here. */
const EACH = 1000, KEPT_TEXT = 400_000;
/** Escape sequences of terminals: colours, movements of the cursor, titles. */
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_]|[ -/]+[0-~])/g;

/** Return a log as a terminal would show it: without escape sequences, and of a progress bar the last state. */
export function plainLog(text) {
  return text.replace(ESCAPES, "").replaceAll("\r\n", "\n").split("\n").map((line) => line.slice(line.replace(/\r+$/, "").lastIndexOf("\r") + 1).replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "")).join("\n");
}

/** Build the part of the detail with the output of an experiment's runs. */
export function buildLog(panel) {
  const state = { number: -1, run: null, from: 0, to: null, raw: "", asked: "", at: -Infinity, live: false, started: false, size: 0 };
  const title = span("", "Output"), note = span("quiet log-note"), chooser = h("span", { class: "group", role: "group", "aria-label": "Run" });
  const earlier = h("button", { type: "button", class: "button more", hidden: "", onclick: () => ask({ before: state.from }) }, "Show what is before it");
  const text = h("pre", { class: "pre log-text", tabindex: "0", "aria-label": "Output" });
  const box = h("details", { class: "detail-log", ontoggle: () => update(state.number, state.wanted) }, h("summary", {}, span("caption", title), note), chooser, earlier, text);
  let row = null, marked = "";

  function ask(more = {}) {
    const key = `log ${state.number} ${state.run} ${more.before ?? ""} ${state.to}`;
    if (state.asked) panel.store.answers.delete(state.asked);
    Object.assign(state, { asked: key, at: performance.now(), before: more.before });
    panel.store.answers.delete(key);
    panel.ask(key, question());
  }
  const question = () => ({ type: "log", number: state.number, run: state.live ? null : state.run, ...(state.before === undefined ? { from: state.to } : { before: state.before }) });

  function take(found) {
    if (found.before) return;
    const atEnd = text.scrollTop + text.clientHeight >= text.scrollHeight - 8, height = text.scrollHeight - text.scrollTop;
    const begins = state.before !== undefined, gone = found.live !== state.live && state.live; // the run has ended
    if (begins) [state.raw, state.from] = [found.text + state.raw, found.from];
    else if (state.to === null || found.from !== state.to) [state.raw, state.from, state.to] = [found.text, found.from, found.to];
    else [state.raw, state.to] = [state.raw + found.text, found.to];
    if (state.raw.length > KEPT_TEXT && !begins) state.raw = state.raw.slice(-KEPT_TEXT);
    Object.assign(state, { live: found.live, size: found.size, run: found.live ? null : found.run, before: undefined });
    if (gone) Object.assign(state, { to: null, at: -Infinity });
    const plain = plainLog(state.raw);
    if (text.textContent !== plain) text.textContent = plain;
    if (begins) text.scrollTop = text.scrollHeight - height;
    else if (atEnd || !state.started) text.scrollTop = text.scrollHeight;
    state.started = true;
    earlier.hidden = state.from <= 0;
    note.textContent = !plain.trim() ? (found.live ? "nothing printed yet" : "nothing was printed") : found.live ? "live" : "the end of it";
    text.hidden = !plain;
  }

  /** Show the output of an experiment: `wanted` has `runs`, whether it is `running`, and whether it `failed`. */
  function update(number, wanted) {
    if (number !== state.number) {
      Object.assign(state, { number, run: null, from: 0, to: null, raw: "", asked: "", at: -Infinity, live: wanted.running, started: false, before: undefined });
      [row, marked] = [null, ""];
      text.textContent = "";
      note.textContent = "";
      earlier.hidden = true;
      box.open = wanted.running || wanted.failed;
    } else if (wanted.running && !state.wanted.running) Object.assign(state, { run: null, to: null, live: true, started: false });
    state.wanted = wanted;
    box.hidden = !wanted.runs && !wanted.running;
    if (box.hidden || !box.open) return;
    drawChooser(wanted.runs + Number(wanted.running));
    const found = state.asked && panel.ask(state.asked, question());
    if (found && found !== row) {
      row = found;
      take(found);
    }
    const due = state.to === null || (state.live && found === row && performance.now() - state.at > EACH);
    if (due && (!state.asked || found)) ask();
  }

  function drawChooser(count) {
    const at = state.live ? count - 1 : state.run ?? count - 1, key = `${count} ${at}`;
    chooser.hidden = count < 2;
    if (key === marked) return;
    marked = key;
    const held = chooser.contains(panel.root.getRootNode().activeElement);
    chooser.replaceChildren(...Array.from({ length: count }, (_, i) => h("button", { type: "button", class: "option", "aria-pressed": String(i === at), onclick: () => {
      const live = Boolean(state.wanted.running) && i === count - 1;
      Object.assign(state, { run: live ? null : i, live, to: null, from: 0, raw: "", started: false, asked: "", before: undefined });
      update(state.number, state.wanted);
    } }, `run ${i + 1}`)));
    if (held) chooser.querySelector("[aria-pressed=true]")?.focus();
  }

  return { node: box, update };
}
