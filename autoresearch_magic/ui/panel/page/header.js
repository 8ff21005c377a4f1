/** The head of the panel: what is studied, in which state, and the buttons. */

import { div, h, s, setText, worded } from "./elements.js";
import { AT_WORK, ENDED } from "./states.js";

/** Buttons use aria-disabled: with the attribute `disabled`, one that was pressed by a key would lose the focus. */
export const usable = (button) => button.getAttribute("aria-disabled") !== "true";

/** Make a button of the panel usable, or not, and say in its title what it does or why it cannot. */
export function setUsable(button, on, title) {
  if (usable(button) !== on) button.setAttribute("aria-disabled", String(!on));
  if (title !== undefined && button.title !== title) button.title = title;
}

const ICONS = {
  pause: "M3 2h2v8H3zM7 2h2v8H7z", resume: "M3.5 1.5v9l7-4.5z", step: "M2 1.5v9l5.5-4.5zM8.5 2h2v8h-2z", stop: "M2.5 2.5h7v7h-7z",
};
const GO_ON = new Set(["resume", "more"]);
/** The most further experiments that can be asked for at once. */
const MOST = 1_000_000;

export function buildHeader(panel) {
  const button = (name, label, press) => h("button", { type: "button", class: "button", "aria-disabled": "true", onclick: (event) => { if (usable(event.currentTarget)) press(); } },
    s("svg", { viewBox: "0 0 12 12", class: "icon", "aria-hidden": "true" }, s("path", { d: ICONS[name] })),
    h("span", {}, label));
  const go = () => panel.command(parts.does, parts.does === "more" ? { count: parts.count.valueAsNumber } : {});
  const parts = {
    goal: h("div", { class: "goal skeleton", role: "heading", "aria-level": "2" }),
    facts: h("div", { class: "facts skeleton" }),
    pill: h("span", { class: "pill", "data-arm-state": "starting" }, h("span", { class: "dot" }), h("span", {}, "connecting")),
    go: button("pause", "Pause", go), // pauses, resumes, and after the end continues: one place
    does: "pause", offered: "",
    count: h("input", { type: "number", min: "1", max: `${MOST}`, step: "1", value: "1", "aria-label": "Further experiments", title: "How many further experiments",
      oninput: () => panel.update(), onkeydown: (event) => { if (event.key === "Enter" && usable(parts.go)) go(); } }),
    step: button("step", "Step", () => panel.command("step")),
    stop: button("stop", "Stop", () => panel.command("stop")),
  };
  parts.more = h("label", { class: "further", hidden: "" }, h("span", { "aria-hidden": "true" }, "+"), parts.count);
  parts.node = h("header", { class: "header" }, h("div", { class: "titles" }, parts.goal, parts.facts),
    div("controls", parts.pill,
      h("div", { class: "buttons", role: "group", "aria-label": "Study controls" }, parts.go, parts.more, parts.step, parts.stop)));
  return parts;
}

/** `pending` is a command that was sent and has had no effect yet. */
export function updateHeader(parts, now, pending) {
  const { study, state } = now;
  for (const node of [parts.goal, parts.facts]) node.classList.remove("arm-skeleton");
  setText(parts.goal, study.goal || study.name);
  const metric = `${study.metric} ${study.minimize ? "↓" : "↑"}`;
  setText(parts.facts, [study.goal ? study.name : "", metric, study.budget ? `${study.budget} per run` : study.verify, `agent ${study.agent}`].filter(Boolean).join("  ·  "));
  parts.pill.setAttribute("data-arm-state", state);
  setText(parts.pill.lastChild, now.process ? `${state} in process ${now.process}` : state); // another process runs it
  updateButtons(parts, now, pending);
}

function updateButtons(parts, now, pending) {
  const { study, state } = now, ended = ENDED.has(state), held = state === "paused" || state === "pausing";
  const driven = study.agent === "me" ? worded("The next version comes from you: %autoresearch try SUMMARY") : "";
  const bounded = ended && now.further !== null && now.further !== undefined && !driven;
  parts.does = !ended ? (held ? "resume" : "pause") : bounded ? "more" : "resume";
  dress(parts.go, parts.does === "pause" ? "pause" : "resume", !ended ? (held ? "Resume" : "Pause") : "Continue");
  offer(parts, now, bounded);
  const busy = Boolean(pending) && pending !== "note", count = parts.count.valueAsNumber, fits = Number.isInteger(count) && count >= 1 && count <= MOST;
  const many = bounded && fits ? `${count.toLocaleString("en")} further experiment${count === 1 ? "" : "s"}` : "further experiments";
  const goes = ended ? !driven && (!bounded || fits) : held || AT_WORK.has(state);
  setUsable(parts.go, goes && !busy, ended ? driven || (bounded && !fits ? `How many? A whole number from 1 to ${MOST.toLocaleString("en")}` : `Run ${many}`)
    : state === "paused" ? "Go on" : state === "pausing" ? "Take the pause back" : AT_WORK.has(state) ? "Pause after the current run" : WHY[state] ?? "");
  setUsable(parts.step, (ended || state === "paused") && !driven && !now.process && !busy, now.process ? `Process ${now.process} runs it: a step can be made there`
    : driven || (ended || state === "paused" ? "Run one experiment, then pause" : state === "pausing" ? "It pauses in a moment; a step is one experiment from a pause"
      : AT_WORK.has(state) ? "Pause first: a step is one experiment from a pause" : WHY[state] ?? ""));
  const stopping = pending === "stop" || state === "stopping";
  setUsable(parts.stop, !stopping && (AT_WORK.has(state) || held), stopping ? WHY.stopping : ended ? "It has ended: there is nothing to stop"
    : WHY[state] ?? "End the study now, and the run in progress; it can be continued");
  setText(parts.stop.lastChild, stopping ? "stopping…" : "Stop");
  for (const [button, names] of [[parts.go, parts.does === "pause" ? ["pause"] : [...GO_ON]], [parts.step, ["step"]], [parts.stop, ["stop"]]]) {
    const waits = names.includes(pending);
    if (button.classList.contains("arm-waits") !== waits) {
      button.classList.toggle("arm-waits", waits);
      button.setAttribute("aria-busy", String(waits));
    }
  }
}

/** Why a button can do nothing in a state. */
const WHY = { new: "It has not started yet", stopping: "It is stopping" };

/** Give a button another icon and label, and keep the element, so that it keeps the focus. */
function dress(button, icon, label) {
  const path = button.querySelector("path");
  if (path.getAttribute("d") !== ICONS[icon]) path.setAttribute("d", ICONS[icon]);
  setText(button.lastChild, label);
}

/** Offer a number of further experiments; one that was typed stays until experiments were made. */
function offer(parts, now, bounded) {
  parts.more.hidden = !bounded;
  const offered = bounded ? `${now.done} ${now.further}` : "";
  if (offered && offered !== parts.offered) parts.count.value = `${now.further}`;
  parts.offered = offered || parts.offered;
}
