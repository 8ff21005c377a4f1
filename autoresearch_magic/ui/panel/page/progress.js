/** What the study is doing, and how far it is. */

import { div, h, setText } from "./elements.js";
import { duration, roughly } from "./numbers.js";
import { AT_REST } from "./states.js";

/** Say what the study is doing. */
export function sentence(now) {
  const { state, running: run, study, done } = now;
  const words = now.words[0].toUpperCase() + now.words.slice(1); // the state and where in the study, as in every text
  const pieces = [], driven = study.agent === "me"; // then the versions come from a person or a program outside
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
  parts.node = div("progress", div("lane", div("doing-line", parts.text, parts.log), parts.run), div("lane", parts.left, parts.all));
  return parts;
}

export function updateProgress(parts, now) {
  const { study, running, state, done } = now;
  const part = running && !AT_REST.has(state) ? Math.min(1, Math.max(0, running.progress || 0)) : 0;
  const over = state === "confirming" || state === "finished";
  // Only the first run of an experiment moves the bar, so that it does not go back with each repeat.
  const mine = running?.kind === "candidate" ? (running.repeat ? 1 : part) : 0;
  parts.most = parts.done === done ? Math.max(parts.most, mine) : mine;
  parts.done = done;
  // By experiments or by the time limit, whichever is further.
  const share = state === "finished" ? 1 : Math.min(1, Math.max(now.spent, study.total ? (done + parts.most) / study.total : 0));
  for (const node of [parts.text, parts.left]) node.classList.remove("arm-skeleton");
  setText(parts.text, sentence(now));
  parts.log.hidden = !running || running.kind === "trial" || AT_REST.has(state);
  const left = AT_REST.has(state) || !Number.isFinite(now.remaining ?? NaN) ? "" : ` · about ${roughly(now.remaining)} left`;
  setText(parts.left, `${done}${study.total ? ` / ${study.total}` : ""}${left || (state === "confirming" ? " · measuring the result again" : "")}`);
  for (const [bar, value] of [[parts.run, part], [parts.all, over ? Math.max(share, done / Math.max(1, study.total)) : share]]) {
    bar.classList.toggle("arm-back", 100 * value < Number(bar.getAttribute("aria-valuenow")) - 1); // a new run: no transition backwards
    bar.setAttribute("aria-valuenow", `${Math.round(100 * value)}`);
    bar.firstChild.style.transform = `scaleX(${value})`;
  }
  parts.run.classList.toggle("arm-busy", Boolean(running) && running.phase !== "training" && !AT_REST.has(state));
  parts.run.classList.toggle("arm-idle", !running);
  parts.run.classList.toggle("arm-gone", AT_REST.has(state));
}
