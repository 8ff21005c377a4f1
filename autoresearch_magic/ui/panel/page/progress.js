/** What the study is doing, and how far it is. */

import { slotClass } from "./curve_chart.js";
import { div, h, setText, span } from "./elements.js";
import { duration, roughly } from "./numbers.js";
import { AT_REST } from "./states.js";

/** Say what the study is doing. */
export function sentence(now) {
  const { state, running: run, study, done } = now;
  const words = now.words[0].toUpperCase() + now.words.slice(1); // the state and where in the study, as in every text
  const pieces = [], driven = study.agent === "me"; // then the versions come from a person or a program outside
  if (now.slots?.length && !AT_REST.has(state)) {
    const busy = now.slots.filter((each) => each.kind).length;
    return [busy === now.slots.length ? `${busy} runs at once` : `${busy} of ${now.slots.length} workers at work`, ...(state === "pausing" ? ["then pause"] : state === "stopping" ? ["stopping"] : [])].join(" · ");
  }
  if (run && !AT_REST.has(state)) {
    const training = study.verify ? "measuring" : run.step ? `training, step ${run.step.toLocaleString("en")}` : "training";
    pieces.push(run.what, run.phase === "training" ? training : run.phase === "setup" ? `setup is running, ${Math.round(run.elapsed)} s` : run.phase);
    if (state === "pausing") pieces.push("then pause");
    return pieces.join(" · ");
  }
  return {
    new: "Not started yet",
    starting: "Starting: the setup runs once, then the baseline is measured",
    baseline: "Measuring the baseline",
    running: now.behind ? "Between two runs" : driven ? "Waiting for the next version to try" : `Waiting for the next idea from ${study.agent}`,
    waiting: `Waiting until ${study.agent} can be reached; the study then continues by itself`,
    pausing: "Pausing after the current run",
    paused: `${words}; press Resume to continue`,
    stopping: "Stopping the current run",
    stopped: `${words}; ${driven ? "the next one comes with autoresearch try" : "press Continue to go on"}`,
    confirming: "Measuring the best and the baseline again",
    measuring: "Measuring to answer your question",
    finished: `Finished: ${done} experiment${done === 1 ? "" : "s"} in ${duration(now.elapsed)}`,
    failed: `${words}; ${driven ? "autoresearch try tries again" : "press Continue to try again"}`,
  }[state] ?? state;
}

export function buildProgress(panel) {
  const bar = (name, label) => h("div", { class: `bar ${name}`, role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 },
    div("fill"));
  const parts = {
    text: div("doing skeleton"), run: bar("run", "This run"), left: div("left skeleton"), all: bar("all", "The study"), most: 0, done: -1,
  };
  parts.log = h("button", { type: "button", class: "link", hidden: "", title: "What the run has printed so far, and what it tries", onclick: () => panel.select(panel.store.now.running.number) }, "Log");
  parts.slots = h("ul", { class: "slots", hidden: "", "aria-label": "Runs in progress" });
  parts.node = div("progress", div("lane", div("doing-line", parts.text, parts.log), parts.run), div("lane", parts.left, parts.all), parts.slots);
  return parts;
}

export function updateProgress(parts, now) {
  const { study, running, state, done } = now;
  const part = running && !AT_REST.has(state) ? Math.min(1, Math.max(0, running.progress || 0)) : 0;
  const over = state === "confirming" || state === "finished";
  // Only the first run of an experiment moves the bar, so that it does not go back with each repeat.
  const firstRuns = (now.slots ?? []).filter((each) => each.kind === "candidate").map((each) => (each.repeat ? 1 : Math.min(1, each.progress)));
  const mine = firstRuns.length ? firstRuns.reduce((sum, each) => sum + each, 0) : running?.kind === "candidate" ? (running.repeat ? 1 : part) : 0;
  parts.most = parts.done === done ? Math.max(parts.most, mine) : mine;
  parts.done = done;
  // By experiments or by the time limit, whichever is further.
  const share = state === "finished" ? 1 : Math.min(1, Math.max(now.spent, study.total ? (done + parts.most) / study.total : 0));
  for (const node of [parts.text, parts.left]) node.classList.remove("arm-skeleton");
  setText(parts.text, sentence(now));
  updateSlots(parts, AT_REST.has(state) ? [] : now.slots ?? [], study);
  parts.log.hidden = !running || Boolean(now.slots?.length) || running.kind === "trial" || AT_REST.has(state);
  const left = AT_REST.has(state) || !Number.isFinite(now.remaining ?? NaN) ? "" : ` · about ${roughly(now.remaining)} left`;
  setText(parts.left, `${done}${study.total ? ` / ${study.total}` : ""}${left || (state === "confirming" ? " · measuring the result again" : "")}`);
  for (const [bar, value] of [[parts.run, part], [parts.all, over ? Math.max(share, done / Math.max(1, study.total)) : share]]) {
    bar.classList.toggle("arm-back", 100 * value < Number(bar.getAttribute("aria-valuenow")) - 1); // a new run: no transition backwards
    bar.setAttribute("aria-valuenow", `${Math.round(100 * value)}`);
    bar.firstChild.style.transform = `scaleX(${value})`;
  }
  parts.run.classList.toggle("arm-busy", Boolean(running) && running.phase !== "training" && !AT_REST.has(state));
  parts.run.classList.toggle("arm-idle", !running);
  parts.run.classList.toggle("arm-gone", AT_REST.has(state) || Boolean(now.slots?.length));
}

/** Show a row for each slot: where it is, what it tries, and how far its run is. */
function updateSlots(parts, slots, study) {
  parts.slots.hidden = !slots.length;
  while (parts.slots.children.length > slots.length) parts.slots.lastChild.remove();
  while (parts.slots.children.length < slots.length) {
    const bar = h("div", { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, div("fill"));
    parts.slots.append(h("li", { class: "slot-row" }, span(`slot-name key ${slotClass(parts.slots.children.length)}`, h("i"), span("slot-place")), span("slot-what"), bar, span("slot-phase")));
  }
  slots.forEach((slot, i) => {
    const [name, what, bar, phase] = parts.slots.children[i].children, share = Math.min(1, Math.max(0, slot.progress || 0));
    setText(name.lastChild, slot.place);
    setText(what, slot.kind ? slot.what : "free");
    if (what.title !== slot.what) what.title = slot.what;
    const training = study.verify ? "measuring" : "training";
    setText(phase, !slot.kind ? "" : slot.phase === "training" ? `${training} ${Math.round(100 * share)}%` : slot.phase === "setup" ? `setup ${Math.round(slot.elapsed)} s` : slot.phase);
    bar.setAttribute("aria-label", `Run in ${slot.place}`);
    bar.classList.toggle("arm-back", 100 * share < Number(bar.getAttribute("aria-valuenow")) - 1);
    bar.setAttribute("aria-valuenow", `${Math.round(100 * share)}`);
    bar.firstChild.style.transform = `scaleX(${share})`;
    parts.slots.children[i].classList.toggle("arm-free", !slot.kind);
  });
}
