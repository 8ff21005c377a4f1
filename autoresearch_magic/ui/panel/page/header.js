/** The head of the panel: what is studied, in which state, and the buttons. */

import { div, h, s, setText } from "./elements.js";
import { AT_WORK } from "./states.js";

/** Buttons use aria-disabled: with the attribute `disabled`, one that was pressed by a key would lose the focus. */
export const usable = (button) => button.getAttribute("aria-disabled") !== "true";

export function buildHeader(command) {
  const button = (name, path) => h("button", { type: "button", class: `button ${name}`, "aria-disabled": "true", onclick: (event) => { if (usable(event.currentTarget)) command(name); } },
    s("svg", { viewBox: "0 0 12 12", class: "icon", "aria-hidden": "true" }, s("path", { d: path })),
    h("span", {}, name[0].toUpperCase() + name.slice(1)));
  const parts = {
    goal: h("div", { class: "goal skeleton", role: "heading", "aria-level": "2" }),
    facts: h("div", { class: "facts skeleton" }),
    pill: h("span", { class: "pill", "data-arm-state": "starting" }, h("span", { class: "dot" }), h("span", {}, "connecting")),
    pause: button("pause", "M3 2h2v8H3zM7 2h2v8H7z"),
    resume: button("resume", "M3.5 1.5v9l7-4.5z"),
    stop: button("stop", "M2.5 2.5h7v7h-7z"),
  };
  parts.node = h("header", { class: "header" }, h("div", { class: "titles" }, parts.goal, parts.facts),
    div("controls", parts.pill,
      h("div", { class: "buttons", role: "group", "aria-label": "Study controls" }, parts.pause, parts.resume, parts.stop)));
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
  const off = (button, value) => { if (usable(button) === value) button.setAttribute("aria-disabled", String(value)); };
  off(parts.pause, Boolean(pending) || !AT_WORK.has(state));
  const goesOn = ["pausing", "paused", ...(study.agent === "me" ? [] : ["stopped", "failed"])];
  off(parts.resume, Boolean(pending) || !goesOn.includes(state));
  off(parts.stop, pending === "stop" || !(AT_WORK.has(state) || state === "pausing" || state === "paused"));
  setText(parts.stop.lastChild, pending === "stop" || state === "stopping" ? "stopping…" : "Stop");
}
