/**
 * The live panel of a study: the front end of `panel.py`, an anywidget module without dependencies.
 *
 * Sections: elements and numbers · store · transport · header, progress, tiles · charts · table and details · panel.
 *
 * About once a second the view sends a "pull" that says which rows it has, with one request in flight. Python answers with a
 * "delta": the study's status, the new rows, older rows that have changed (an experiment may be run again after its verdict;
 * `revision` counts such changes), and the new points of the current learning curve as 32-bit floats. A lost or repeated
 * message does no harm, so a reload, a second view or a slow line only delays the panel.
 *
 *   sent:     {type: "pull", since, revision, epoch, gains, curve: {kind, number, repeat, stride, points}}
 *             {type: "command", name: "pause" | "resume" | "stop"}
 *             {type: "show", number}
 *   received: {type: "delta", asked, since, after, revision, rows, ...} with two buffers of (progress, value) pairs; `rows`
 *             are those from the requested row to `since`, and the older ones that changed between `after` and `revision`;
 *             `gains` is {state, rows} when anything has changed since the state that the view has, with a `Gain` for every row;
 *             `process` is the other process that runs the study, null where none does, and `behind` whether a run has ended since it
 *             told last what it does;
 *             `asked` is false when it answers no pull, because a cell blocks the kernel; see `takeDelta`
 *             {type: "detail", number, hypothesis, evidence, reason, numbers, notes, diff, output, error}
 *             {type: "refused", message}
 *
 * Summaries, reasons and code are written by agents, so they are inserted as text nodes and never as markup.
 *
 * @typedef {{number: number, verdict: string, value: number | null, seconds: number,
 *            agent: string, summary: string, reason: string, repeats: number, averaged: number}} Row
 *   `repeats` counts all its runs, `averaged` those that its value is of.
 * @typedef {[string, string, string, boolean]} Gain
 *   The expected gain over the version before it, its 95% interval, the chance of being better, and whether it is proven.
 * @typedef {{kind: string, number: number, repeat: number, stride: number, name: string, points: number[][], incumbent: number[][]}} Curve
 * @typedef {{epoch: string, since: number, revision: number, now: any, rows: Map<number, Row>, gains: Gain[], known: string, curve: Curve | null,
 *            details: Map<number, any>, stale: Set<number>, dirty: Set<number>}} Store
 */

/** Milliseconds between two pulls, while the study works and while it does not. */
const PULL = 1000, PULL_AT_REST = 3000;
/** Milliseconds after which an unanswered pull is repeated: the first time, and at most (the time doubles). */
const LOST = 10_000, PATIENCE = 80_000;
/** Milliseconds without an answer until the panel says so, and that a refusal stays on the screen. */
const SILENT = 5000, TOAST = 6000;
const AT_REST = new Set(["paused", "stopped", "finished", "failed"]);
const AT_WORK = new Set(["starting", "baseline", "running", "waiting", "confirming", "measuring"]);
/** Verdicts with a value to draw; the others are drawn as a small mark at the edge of the chart. */
const VALUED = new Set(["baseline", "keep", "discard"]);
const KEPT = new Set(["baseline", "keep"]);
const MUTED = new Set(["discard", "pruned", "duplicate"]);
/** What the verdicts mean, for tooltips. */
const MEANING = {
  baseline: "the target as it was at the start",
  keep: "expected to be better than the best before it; later experiments build on it",
  discard: "ran, but is not expected to be better than the best so far",
  crash: "the code raised an error or died",
  timeout: "took too long and was ended",
  pruned: "stopped early, because its learning curve was hopeless beside the best one's",
  duplicate: "the same code was tried before, so it was not run",
  "guard-failed": "the guard command failed: something that must keep working broke",
  "metric-error": "ran, but the metric could not be read",
  rejected: "refused: it changed frozen code or a seed, or its value is impossible",
};

const PROVEN = [`${MEANING.keep}; not proven yet`, `${MEANING.keep}; proven: the chance that it is better is at least 99%, and later runs show it`];

// ---------------------------------------------------------------------------------------------- elements and numbers

/** Make an HTML element; children are nodes or plain text. Class names get the prefix `arm-`. */
function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an SVG element. */
function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

const div = (name, ...children) => h("div", { class: name }, ...children);
const span = (name, ...children) => h("span", { class: name }, ...children);

/** Set attributes (functions become event listeners) and append children, leaving out what is empty. */
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, name === "class" ? `${value}`.replace(/[\w-]+/g, "arm-$&") : `${value}`);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

/** Set text only if it differs, so that a selection or a screen reader is not disturbed. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const minus = (text) => text.replaceAll("-", "−");
const twoDigits = (value) => minus(`${Number(value.toPrecision(2))}`);
const percent = (share) => `${(100 * share).toFixed(Math.abs(share) < 0.0995 ? 1 : 0)}%`;

/**
 * Return a formatter with as many decimals as the noise allows (the last is a tenth of the standard deviation's first digit), or
 * where there is no noise, as are needed to tell these values apart; the same for all so that columns align.
 * A value that would be rounded to zero is written with an exponent.
 */
function makeFormat(values, sd = 0) {
  const finite = values.filter(Number.isFinite);
  const top = finite.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const sorted = [...finite].sort((a, b) => a - b);
  const sizes = finite.map(Math.abs).filter(Boolean).sort((a, b) => a - b);
  const usual = quantile(sizes, 0.5) ?? 1; // the median: the largest may be an outlier, and would leave the others too few decimals
  const spread = sorted.length > 2 ? sorted[Math.floor(sorted.length * 0.8)] - sorted[Math.floor(sorted.length * 0.2)] : 0;
  const allowed = sd > 0 ? 1 - Math.floor(Math.log10(sd)) : null;
  if (top >= 1e7 || (top > 0 && top < 1e-4)) {
    const digits = allowed === null ? 3 : Math.min(8, Math.max(1, allowed + Math.floor(Math.log10(top))));
    return (v) => (v === null || v === undefined ? "–" : minus(v.toExponential(digits)));
  }
  const wanted = spread > 0 ? Math.ceil(-Math.log10(spread / 50)) : 0;
  const counted = finite.length && finite.every(Number.isInteger); // counts have no decimals
  const decimals = counted ? 0 : allowed !== null ? Math.min(10, Math.max(0, allowed)) : Math.min(wanted > 6 ? 12 : 6, Math.max(0, 3 - Math.floor(Math.log10(usual)), wanted));
  return (v) => {
    if (v === null || v === undefined) return "–";
    const text = v.toFixed(finite.length ? decimals : 3);
    return minus(v !== 0 && !/[1-9]/.test(text) ? v.toExponential(1) : text);
  };
}

/** Write a duration, such as "5.2 s" or "1 h 05 min". */
function duration(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (hours) return `${hours} h ${String(minutes).padStart(2, "0")} min`;
  return whole < 600 && rest ? `${minutes} min ${String(rest).padStart(2, "0")} s` : `${minutes} min`;
}

/** Write an estimated duration, rounded up. */
const roughly = (seconds) => (seconds < 50 ? `${Math.max(5, Math.ceil(seconds / 5) * 5)} s` : seconds < 3600
  ? `${Math.ceil(seconds / 60)} min` : duration(seconds));

/** Return about `count` round tick positions inside [low, high], and a formatter for them. */
function ticks(low, high, count, whole = false) {
  const raw = (high - low) / Math.max(1, count);
  // Below the precision of floats, adding a step would never reach the end.
  if (!(raw > 1e-13 * Math.max(Math.abs(low), Math.abs(high)))) return { at: [low], format: (v) => minus(`${Number(v.toPrecision(6))}`) };
  const power = 10 ** Math.floor(Math.log10(raw));
  let step = power * ([1, 2, 5, 10].find((m) => m * power >= raw * 0.999) ?? 10);
  if (whole) step = Math.max(1, Math.round(step));
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(i * step);
  if (found.length < 2 && !whole) return ticks(low, high, 2 * Math.max(1, count)); // one tick is no scale
  return { at: found, format: (v) => minus(step >= 1 && Math.abs(v) < 1e7 ? v.toFixed(0) : step < 1e-6 || Math.abs(v) >= 1e7
    ? v.toExponential(1) : v.toFixed(Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)))) };
}

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(q * (sorted.length - 1))))];

// ------------------------------------------------------------------------------------------------------------- store

/** @returns {Store} */
const newStore = () => ({
  epoch: "", since: 0, revision: 0, now: null, rows: new Map(), gains: [], known: "", curve: null, details: new Map(), stale: new Set(), dirty: new Set(),
});

/**
 * Apply a delta, which may also be one that another view of the same model has requested: each row is inserted or replaced,
 * and `since` is the number of rows without a gap. `revision` advances only if the changes begin at or before the last one
 * known. Returns false when something is missing and must be requested at once.
 */
function takeDelta(store, delta, buffers) {
  if (delta.epoch !== store.epoch) Object.assign(store, newStore(), { epoch: delta.epoch });
  store.now = delta;
  for (const row of delta.rows) {
    if (JSON.stringify(store.rows.get(row.number)) === JSON.stringify(row)) continue;
    store.rows.set(row.number, row);
    if (store.details.has(row.number)) store.stale.add(row.number);
    store.dirty.add(row.number);
  }
  if (delta.gains) takeGains(store, delta.gains);
  let held = 0;
  while (store.rows.has(held)) held++;
  store.since = Math.min(held, delta.since);
  if (delta.after <= store.revision) store.revision = Math.max(store.revision, delta.revision);
  return takeCurve(store, delta.curve, buffers) && store.since >= delta.since && store.revision >= delta.revision;
}

/** Take the gains of all rows; those that are shown otherwise than before are drawn again. */
function takeGains(store, { state, rows }) {
  rows.forEach((gain, number) => {
    if (!store.rows.has(number) || `${store.gains[number]}` === `${gain}`) return;
    store.dirty.add(number);
    if (store.details.has(number)) store.stale.add(number);
  });
  [store.gains, store.known] = [rows, state];
}

/** Add new points of the current curve. If they do not follow those we have, forget the curve, so that all of it is sent. */
function takeCurve(store, piece, buffers) {
  if (!piece) {
    if (AT_REST.has(store.now.state)) store.curve = null; // the last run is over, and there is no curve of the best
    return true;
  }
  const same = ["kind", "number", "repeat", "stride"].every((name) => store.curve?.[name] === piece[name]);
  if (piece.from > (same ? store.curve.points.length : 0)) {
    store.curve = null;
    return false;
  }
  if (!same) {
    const { kind, number, repeat, stride } = piece;
    store.curve = { kind, number, repeat, stride, name: "", points: [], incumbent: [] };
  }
  const curve = store.curve;
  curve.name = piece.name ?? "";
  curve.points.length = piece.from;
  for (const point of pairs(buffers?.[0])) curve.points.push(point); // no spread: too many arguments overflow the stack
  if (piece.incumbent) curve.incumbent = pairs(buffers?.[1]);
  return true;
}

/** Read pairs of little-endian 32-bit floats. */
function pairs(buffer) {
  if (!buffer) return [];
  const view = ArrayBuffer.isView(buffer) ? new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength) : new DataView(buffer);
  return Array.from({ length: Math.floor(view.byteLength / 8) }, (_, i) => [view.getFloat32(8 * i, true), view.getFloat32(8 * i + 4, true)]);
}

// --------------------------------------------------------------------------------------------------------- transport

/**
 * Send pulls and receive messages. `onMessage` is called after each message; `onSilence` a few times a second with "" (all is
 * well), "busy" (no answer for a while) or "none" (there never was an answer).
 */
function openTransport(model, store, onMessage, onSilence) {
  const clock = () => performance.now();
  let waiting = false, sentAt = 0, due = 0, patience = LOST, silentSince = clock(), answered = false;

  const send = (content) => {
    try { model.send(content); } catch { /* no kernel: onSilence reports it */ }
  };
  const pull = () => {
    const { kind = "", number = -1, repeat = 0, stride = 1, points = [] } = store.curve ?? {}, { since, revision, epoch, known } = store;
    if (!waiting) silentSince = clock(); // a hidden tab sends late: silence counts from an open pull
    else patience = Math.min(2 * patience, PATIENCE); // it may wait in a busy kernel's queue, and so would all that are sent after it
    [waiting, sentAt] = [true, clock()];
    send({ type: "pull", since, revision, epoch, gains: known, curve: { kind, number, repeat, stride, points: points.length } });
  };
  const tick = () => {
    const now = clock();
    if (waiting ? now - sentAt >= patience : now >= due) pull();
    onSilence(waiting && now - silentSince >= SILENT ? (answered ? "busy" : "none") : "");
  };
  const receive = (content, buffers) => {
    if (content?.type === "delta") {
      const whole = takeDelta(store, content, buffers);
      const pause = document.hidden || AT_REST.has(content.state) ? PULL_AT_REST : PULL;
      answered = true;
      if (waiting && !content.asked) sentAt = silentSince = clock(); // sent unasked: our pull is not lost, it waits in the queue
      else {
        [waiting, patience, due] = [false, LOST, clock() + pause];
        if (!whole) pull();
      }
    } else if (content?.type === "detail") store.details.set(content.number, content);
    onMessage(content);
    tick();
  };
  const wake = () => { if (!document.hidden && !waiting) pull(); };

  model.on("msg:custom", receive);
  document.addEventListener("visibilitychange", wake);
  const timer = setInterval(tick, 250);
  tick();
  return {
    send,
    close() {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", wake);
      model.off("msg:custom", receive);
    },
  };
}

// ------------------------------------------------------------------------------------------- header, progress, tiles

/** Say what the study is doing. */
function sentence(now) {
  const { state, running: run, study, done } = now;
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
    paused: `Paused after experiment ${done}; press Resume to continue`,
    stopping: "Stopping the current run",
    stopped: `Stopped after experiment ${done}; ${driven ? "the next one comes with autoresearch try" : "press Resume to continue"}`,
    confirming: "Measuring the best and the baseline again",
    measuring: "Measuring to answer your question",
    finished: `Finished: ${done} experiment${done === 1 ? "" : "s"} in ${duration(now.elapsed)}`,
    failed: "Failed; press Resume to try again",
  }[state] ?? state;
}

/** Buttons use aria-disabled: with the attribute `disabled`, one that was pressed by a key would lose the focus. */
const usable = (button) => button.getAttribute("aria-disabled") !== "true";

function buildHeader(command) {
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
function updateHeader(parts, now, pending) {
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

function buildProgress() {
  const bar = (name, label) => h("div", { class: `bar ${name}`, role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 },
    div("fill"));
  const parts = {
    text: div("doing skeleton"), run: bar("run", "This run"), left: div("left skeleton"), all: bar("all", "The study"), most: 0, done: -1,
  };
  parts.node = div("progress", div("lane", parts.text, parts.run), div("lane", parts.left, parts.all));
  return parts;
}

function updateProgress(parts, now) {
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

function buildTiles() {
  const tile = (name, label) => div(`tile ${name}`, div("label", label), div("figure skeleton"), div("note"));
  const parts = {
    best: tile("best", "Best so far"), baseline: tile("baseline", "Baseline"),
    counts: tile("counts", "Experiments"), time: tile("time", "Elapsed"),
  };
  parts.node = h("div", { class: "tiles" }, parts.best, parts.baseline, parts.counts, parts.time);
  return parts;
}

/** Write a gain with "better" or "worse": a sign alone does not say which way is better. */
function gainText(gain, reference, format) {
  const share = reference ? ` (${percent(Math.abs(gain / reference))})` : "";
  return gain === 0 ? "no change" : `${format(Math.abs(gain))} ${gain > 0 ? "better" : "worse"}${share}`;
}

/** The gain at the end in words, and its tone: green only if chance does not explain it. */
function resultText({ number, gain, reach, text }) {
  if (number === 0) return ["plain", "nothing beat the baseline"];
  return [reach !== null && gain > reach ? "good" : "plain", text];
}

function updateTiles(parts, now, format) {
  const { baseline, best, headline: head, study, counts, done } = now;
  const set = (tile, label, figure, ...notes) => {
    const [first, second, third] = tile.children;
    second.classList.remove("arm-skeleton");
    setText(first, label);
    if (second.textContent !== figure.join("")) second.replaceChildren(figure[0], figure[1] ? span("sd", figure[1]) : "");
    if (third.textContent !== notes.map((n) => n.textContent ?? n).join("")) third.replaceChildren(...notes);
  };
  const times = (n) => `${n}\u00a0run${n === 1 ? "" : "s"}`;
  const sd = baseline?.sd ?? null;
  const noise = h("span", { title: "sd: the standard deviation of one run of the baseline, from its own runs; where it ran once, estimated from the versions that ran more often" },
    sd === null ? "noise not known" : sd ? `noise\u00a0sd\u00a0${twoDigits(sd)}` : "no noise so far");
  set(parts.baseline, "Baseline", [format(baseline?.value ?? null)],
    ...(baseline ? [noise, `\u00a0· ${times(baseline.repeats)}`] : ["not measured yet"]));
  parts.node.classList.toggle("arm-result", Boolean(head));
  if (head) {
    const [tone, words] = resultText(head);
    parts.best.classList.toggle("arm-unsure", tone !== "good");
    set(parts.best, `Result, measured again ${head.repeats}\u00a0× each`, [`best ${format(head.best)}`, head.best_sd ? ` sd ${twoDigits(head.best_sd)}` : ""],
      h("span", { class: tone, title: "The gain of the best over the baseline, with its confidence interval. sd: the standard deviation of single runs" }, words),
      `\u00a0· baseline ${format(head.baseline)}${head.baseline_sd ? `, sd ${twoDigits(head.baseline_sd)}` : ""}`,
      head.number ? `\u00a0· experiment\u00a0${head.number}` : "");
  } else if (best && baseline && best.number !== 0) {
    const gain = (baseline.value - best.value) * (study.minimize ? 1 : -1);
    set(parts.best, `Best so far\u00a0· experiment\u00a0${best.number}`, [format(best.value)],
      span(gain > 0 ? "good" : "plain", gainText(gain, baseline.value, format)), best.summary ? `\u00a0· ${best.summary}` : "");
  } else set(parts.best, "Best so far", [best ? format(best.value) : "–"], best ? "the baseline; nothing has beaten it yet" : "");
  set(parts.counts, "Experiments", [`${done}`, study.total ? ` / ${study.total}` : ""],
    [counts.keep ? `${counts.keep}\u00a0kept, ${counts.proven}\u00a0proven` : "0\u00a0kept", `${counts.discard}\u00a0discarded`, counts.failed && `${counts.failed}\u00a0failed`].filter(Boolean).join("\u00a0· "));
  set(parts.time, "Elapsed", [duration(now.elapsed)], now.pace ? `${duration(now.pace)} per experiment` : study.budget ? `${study.budget} per run` : "");
}

// ------------------------------------------------------------------------------------------------------------ charts

/** Draw the mark of a verdict, the same in chart, legend and table; the shapes differ without colour too. A keep that is not proven is hollow. */
function mark(verdict, x, y, r = 3.5, proven = true) {
  const at = { class: `mark ${VALUED.has(verdict) || MUTED.has(verdict) ? verdict : "failure"}${verdict === "keep" && !proven ? " unproven" : ""}` };
  if (verdict === "keep" && !proven) r -= 1; // its outline adds to it
  if (VALUED.has(verdict)) return s("circle", { ...at, cx: x, cy: y, r });
  if (MUTED.has(verdict)) return s("path", { ...at, d: `M${x - r + 0.5} ${y}h${2 * r - 1}` });
  const q = r - 0.7;
  return s("path", { ...at, d: `M${x - q} ${y - q}l${2 * q} ${2 * q}m0 ${-2 * q}l${-2 * q} ${2 * q}` });
}

const tinyMark = (verdict, proven) => s("svg", { class: "tiny", viewBox: "0 0 10 10", "aria-hidden": "true" }, mark(verdict, 5, 5, 3.5, proven));
const isProven = (store, number) => store.gains[number]?.[3] ?? false;

/** What a gain says, in words: without what is not known. */
function gainWords(gain, verdict) {
  const [size, interval, chance, proven] = gain ?? ["–", "–", "–", false], known = (text) => text !== "–";
  return [known(size) && `gain ${minus(size)}`, interval === "exact" ? "no noise so far" : known(interval) && `95% interval ${minus(interval)}`,
    known(chance) && `chance of being better ${chance}`, verdict === "keep" && (proven ? "proven" : "not proven yet")].filter(Boolean);
}

/**
 * Return the range of the y-axis: all kept values, the baseline with one standard deviation, and the discarded values that
 * are not far from these. Values outside are drawn as arrows at the edge.
 */
function yRange(rows, baseline, minimize) {
  const kept = rows.filter((r) => KEPT.has(r.verdict)).map((r) => r.value);
  const all = rows.map((r) => r.value);
  if (!all.length) return null;
  const anchors = kept.length ? kept : all;
  const sd = baseline?.sd ?? 0;
  const [low, high] = [Math.min(...anchors), Math.max(...anchors)];
  const distances = all.map((v) => Math.max(low - v, v - high, 0)).filter((d) => d > 0).sort((a, b) => a - b);
  const reach = Math.max(0.6 * (high - low), 3 * sd, high - low > 0 ? 0 : 1.2 * (quantile(distances, 0.5) ?? 0));
  const around = all.length > 1 ? sd : 2 * sd; // with the baseline alone, its band should not fill the chart
  const middle = baseline ? [baseline.value - around, baseline.value + around] : [];
  const inside = all.filter((v) => v >= low - reach && v <= high + reach).concat(middle);
  const [from, to] = [Math.min(...inside), Math.max(...inside)];
  const apart = to - from > 1e-9 * Math.max(Math.abs(from), Math.abs(to)); // else they differ only by rounding
  const pad = (apart ? 0.07 * (to - from) : Math.abs(to) * 0.01) || 1;
  return minimize ? [from - 2 * pad, to + pad] : [from - pad, to + 2 * pad]; // room for the labels of the best
}

/** Return the end of the x-axis: all planned experiments, or a part while a long study has just begun. */
function xEnd(total, last) {
  if (!(total > 30) || last * 3 >= total) return Math.max(total || 0, last, 1);
  const wanted = Math.max(12, last * 1.6);
  const power = 10 ** Math.floor(Math.log10(wanted));
  return Math.min(total, power * [1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].find((m) => m * power >= wanted));
}

/** Draw axes and return the scales. `box` is the inside of the plot: [left, top, right, bottom]. */
function drawAxes(svg, box, xs, ys, ticksX, ticksY, formatX) {
  const [left, top, right, bottom] = box;
  const X = (v) => left + ((v - xs[0]) / (xs[1] - xs[0] || 1)) * (right - left);
  const Y = (v) => bottom - ((v - ys[0]) / (ys[1] - ys[0] || 1)) * (bottom - top);
  for (const v of ticksY.at) {
    svg.append(s("line", { class: "grid", x1: left, x2: right, y1: Y(v), y2: Y(v) }),
      s("text", { class: "tick", x: left - 8, y: Y(v), "text-anchor": "end", "dominant-baseline": "central" }, ticksY.format(v)));
  }
  const base = Number(svg.getAttribute("height")) - 6;
  for (const v of ticksX) svg.append(s("text", { class: "tick", x: X(v), y: base, "text-anchor": X(v) > right - 10 ? "end" : "middle" }, formatX(v)));
  return { X, Y };
}

const axisWidth = (tickY) => 14 + 6.4 * Math.max(2, ...tickY.at.map((v) => tickY.format(v).length));

/** Draw the chart of all experiments. Returns the marks as {x, y, row}, for pointer and keyboard. */
function drawHistory(svg, width, height, store, selected) {
  const { now } = store;
  const rows = [...store.rows.values()].sort((a, b) => a.number - b.number);
  const drawn = rows.filter((r) => VALUED.has(r.verdict) && Number.isFinite(r.value));
  const valueless = rows.filter((r) => !drawn.includes(r));
  const down = now?.study.minimize ?? true;
  svg.replaceChildren();
  const run = now?.running?.kind === "candidate" && !AT_REST.has(now.state) ? now.running : null; // not an old one that is measured again
  const last = Math.max(0, rows.at(-1)?.number ?? 0, run?.number ?? 0);
  const end = xEnd(now?.study.total ?? 10, last);
  const ys = yRange(drawn, now?.baseline, down) ?? [0, 1];
  const tickY = drawn.length ? ticks(ys[0], ys[1], height / 48) : { at: [0], format: () => "" };
  const lane = valueless.length ? 18 : 0;
  const box = [axisWidth(tickY), 12 + (down ? 0 : lane), width - 14, height - 26 - (down ? lane : 0)];
  const tickX = ticks(0, end, Math.min(10, width / 70), true);
  const { X, Y } = drawAxes(svg, box, [0, end], ys, tickX.at, tickY, tickX.format);
  const laneY = down ? box[3] + 11 : box[1] - 11;
  drawBaseline(svg, box, Y, now?.baseline);
  if (run) svg.append(s("line", { class: "nowline", x1: X(run.number), x2: X(run.number), y1: box[1], y2: box[3] }));

  const radius = end > 150 ? 2.2 : end > 60 ? 2.8 : 3.4;
  const points = drawn.map((row) => {
    const y = Y(row.value), clipped = y < box[1] - 2 ? -1 : y > box[3] + 2 ? 1 : 0;
    return { row, x: X(row.number), y: clipped < 0 ? box[1] + 4 : clipped > 0 ? box[3] - 4 : y, clipped };
  });
  const kept = points.filter((p) => KEPT.has(p.row.verdict));
  for (const p of points.filter((q) => !KEPT.has(q.row.verdict))) {
    const arrow = `M${p.x - 3.2} ${p.y - p.clipped * 2}h6.4l-3.2 ${p.clipped * 5}z`;
    svg.append(p.clipped ? s("path", { class: "mark clipped", d: arrow }) : mark("discard", p.x, p.y, radius));
  }
  const bottom = valueless.map((row) => ({ row, x: X(row.number), y: laneY, clipped: 0 }));
  for (const p of bottom) svg.append(mark(p.row.verdict, p.x, p.y, radius));
  if (kept.length) {
    const path = kept.map((p, i) => (i ? `H${p.x}V${p.y}` : `M${p.x} ${p.y}`)).join("");
    svg.append(s("path", { class: "step", d: `${path}H${Math.max(kept.at(-1).x, X(last))}` }));
    for (const p of kept) svg.append(mark(p.row.verdict, p.x, p.y, radius + 0.9, isProven(store, p.row.number)));
  }
  drawLabels(svg, box, kept, points);
  const all = [...points, ...bottom].sort((a, b) => a.x - b.x);
  const chosen = all.find((p) => p.row.number === selected);
  if (chosen) svg.append(s("circle", { class: "chosen", cx: chosen.x, cy: chosen.y, r: radius + 5 }));
  return all;
}

/** Draw the baseline as a faint line, with a band of one standard deviation to each side. */
function drawBaseline(svg, [left, top, right, bottom], Y, baseline) {
  if (!baseline || !Number.isFinite(baseline.value)) return;
  const [y, y1, y2] = [0, baseline.sd || 0, -(baseline.sd || 0)].map((d) => Math.min(bottom, Math.max(top, Y(baseline.value + d))));
  if (y2 - y1 > 1) svg.append(s("rect", { class: "band", x: left, y: y1, width: right - left, height: y2 - y1 }));
  svg.append(s("line", { class: "baseline", x1: left, x2: right, y1: y, y2: y }),
    s("text", { class: "tick halo", x: right, y: y - 5 < top + 6 ? y + 13 : y - 5, "text-anchor": "end" }, "baseline"));
}

/** Label the latest kept experiments where there is room: not over another label, a point or the step line. */
function drawLabels(svg, [left, top, right, bottom], kept, points) {
  const hit = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
  const taken = kept.map((p) => [p.x - 6, p.y - 6, p.x + 6, p.y + 6]);
  kept.forEach((p, i) => {
    const next = kept[i + 1];
    taken.push([p.x, p.y - 2, next ? next.x : right, p.y + 2]);
    if (next) taken.push([next.x - 2, Math.min(p.y, next.y), next.x + 2, Math.max(p.y, next.y)]);
  });
  taken.push([right - 60, points[0]?.y - 14 || 0, right, points[0]?.y + 14 || 0]); // the label "baseline"
  let placed = 0;
  for (const p of kept.filter((q) => q.row.number > 0).reverse()) {
    if (placed >= 5) break;
    const words = p.row.summary.replace(/\s+/g, " ").trim();
    const places = [[8, 15, "start"], [8, -9, "start"], [-8, 15, "end"], [-8, -9, "end"], [0, 19, "middle"], [0, -13, "middle"]];
    const lengths = words.length <= 16 ? [34] : words.length <= 24 ? [34, 16] : [34, 24, 16];
    const best = lengths.flatMap((length) => places.map(([dx, dy, anchor]) => {
      const text = words.length > length ? `${words.slice(0, length - 1).trimEnd()}…` : words;
      const w = 6.6 * text.length + 4; // capitals are wide
      const x0 = p.x + dx - (anchor === "end" ? w : anchor === "middle" ? w / 2 : 0);
      const area = [x0, p.y + dy - 11, x0 + w, p.y + dy + 4];
      const free = area[0] > left && area[2] < right && area[1] > top && area[3] < bottom && !taken.some((b) => hit(area, b));
      return { text, area, dx, dy, anchor, free: free && !points.some((q) => hit(area, [q.x - 3, q.y - 3, q.x + 3, q.y + 3])) };
    })).find((place) => place.free);
    if (!best || !words) continue;
    svg.append(s("text", { class: "name halo", x: p.x + best.dx, y: p.y + best.dy, "text-anchor": best.anchor }, best.text));
    taken.push(best.area);
    placed++;
  }
}

/** Name the run of a learning curve. */
function curveName({ kind, number, repeat }) {
  if (kind === "trial") return "your question";
  if (kind === "best") return number ? `best #${number}` : "baseline";
  const again = ["incumbent", "control", "final"].includes(kind) ? ", again" : kind === "candidate" && repeat ? `, run ${repeat + 1}` : "";
  return (number ? `#${number}` : "baseline") + again;
}

/** Draw the learning curve of the current run over that of the best experiment. */
function drawCurve(svg, width, height, curve, whole) {
  svg.replaceChildren();
  const values = [...(curve?.points ?? []), ...(curve?.incumbent ?? [])].map((p) => p[1]).filter(Number.isFinite).sort((a, b) => a - b);
  // The first values of a run are often far off and would flatten the others: leave the most extreme out of the range.
  const ends = [curve?.points.at(-1)?.[1], curve?.incumbent.at(-1)?.[1]].filter(Number.isFinite);
  const few = values.length < 12 ? 0 : 0.04;
  const [low, high] = values.length ? [Math.min(quantile(values, few), ...ends), Math.max(quantile(values, 1 - few), ...ends)] : [0, 1];
  const pad = (high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high)) ? 0.06 * (high - low) : Math.abs(high) * 0.02) || 1;
  const ys = [low - pad, high + pad];
  const tickY = values.length ? ticks(ys[0], ys[1], height / 48) : { at: [ys[0]], format: () => "" };
  const box = [axisWidth(tickY), 12, width - 14, height - 26];
  const share = (v) => (v === 1 ? (width > 340 ? `100% of the ${whole}` : "100%") : v ? "50%" : "0");
  const { X, Y } = drawAxes(svg, box, [0, 1], ys, [0, 0.5, 1], tickY, share);
  // A nested svg clips to the plot; a clip path would need an id, which two views would share.
  const plot = s("svg", { x: 0, y: box[1] - 2, width, height: box[3] - box[1] + 4, viewBox: `0 ${box[1] - 2} ${width} ${box[3] - box[1] + 4}` });
  svg.append(plot);
  for (const [points, name] of [[curve?.incumbent ?? [], "other"], [curve?.points ?? [], "live"]]) {
    const stride = Math.max(1, Math.floor(points.length / width));
    const some = points.filter((p, i) => Number.isFinite(p[1]) && (i % stride === 0 || i === points.length - 1));
    if (!some.length) continue;
    plot.append(s("path", { class: `line ${name}`, d: some.map((p, i) => `${i ? "L" : "M"}${X(p[0]).toFixed(1)} ${Y(p[1]).toFixed(1)}`).join("") }));
    if (name === "live") plot.append(s("circle", { class: "tip", cx: X(some.at(-1)[0]), cy: Y(some.at(-1)[1]), r: 3.2 }));
  }
}

/** Build both charts; `select` is called with the number of a clicked experiment. */
function buildCharts(store, select) {
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
  const words = ({ row }) => [`Experiment ${row.number}: ${row.verdict}`, format(row.value), ...gainWords(store.gains[row.number], row.verdict), row.summary || row.reason].join(", ");
  const show = (index) => {
    hide();
    const p = points[(at = index)];
    if (!p) return;
    history.append(s("circle", { class: "hover", cx: p.x, cy: p.y, r: 7 }));
    const { row } = p, said = gainWords(store.gains[row.number], row.verdict);
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

// ------------------------------------------------------------------------------------------------- table and details

/** The name of a verdict with its mark; that of a keep says whether it is proven. */
const chip = (verdict, proven) => h("span", { title: verdict === "keep" ? PROVEN[Number(proven)] : MEANING[verdict],
  class: `chip ${VALUED.has(verdict) || MUTED.has(verdict) ? verdict : "failure"}` }, tinyMark(verdict, proven), verdict,
verdict === "keep" && proven ? span("proven", ", proven") : "");

/** Build the table of experiments; `toggle(number)` opens or closes a row, `filter` is called with "all" or "kept". */
function buildTable(toggle, filter) {
  const parts = { body: h("tbody", {}), lines: new Map(), value: h("th", { scope: "col", class: "num value" }, "value") };
  const option = (name) => h("button", { type: "button", class: "option", "aria-pressed": String(name === "all"), onclick: () => filter(name) },
    name === "all" ? "All" : "Kept");
  parts.options = { all: option("all"), kept: option("kept") };
  parts.empty = h("div", { class: "empty" }, "No experiment is finished yet.");
  const th = (name, kind = null, title = null) => h("th", { scope: "col", class: kind, title }, name);
  const head = h("tr", {}, th("#", "num"), th("verdict", null, "what was decided about the experiment"), parts.value,
    th("gain", "num", "expected gain over the version that it was compared with, the best at that time; above zero is better"),
    th("95% interval", "num roomy", "of the gain"), th("chance", "num", "chance of being better than that version"), th("time", "num wide"), th("agent", "wide"), th("summary", "summary"));
  parts.scroll = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Experiments" },
    h("table", { class: "table" }, h("thead", {}, head), parts.body), parts.empty);
  parts.node = h("section", { class: "history" }, div("bar-head", span("caption", "Experiments"),
    h("span", { class: "filter", role: "group", "aria-label": "Show" }, parts.options.all, parts.options.kept)), parts.scroll);
  parts.toggle = toggle;
  return parts;
}

/** Whether a click (of the mouse, not a key) ends a selection of the row's text. */
function selecting(event) {
  const chosen = getSelection();
  return event.detail > 0 && chosen?.type === "Range" && chosen.containsNode(event.currentTarget, true);
}

function tableLine(row, gain, format, toggle) {
  const [size, interval, chance, proven] = gain ?? ["–", "–", "–", false];
  // A better value that was not kept may be chance: not green.
  const good = row.verdict === "keep" && size.startsWith("+");
  const opener = h("button", { type: "button", class: "opener", "aria-expanded": "false", "aria-label": `Experiment ${row.number}, details` },
    String(row.number));
  const td = (kind, ...content) => h("td", { class: kind }, ...content);
  const times = row.averaged > 1 ? h("span", { class: "times", title: `from ${row.averaged} runs` }, `×${row.averaged}`) : "";
  return h("tr", { class: `row ${KEPT.has(row.verdict) ? "kept" : "other"}`, onclick: (event) => { if (!selecting(event)) toggle(row.number); } },
    td("num", opener), td(null, chip(row.verdict, proven)), td("num value", format(row.value), times),
    h("td", { class: `num ${good ? "good" : "quiet"}`, title: interval === "–" ? null : gainWords(gain, row.verdict).join(", ") }, minus(size)),
    td("num roomy quiet", minus(interval)), td(`num ${proven ? "good" : "quiet"}`, chance),
    td("num wide quiet", row.seconds > 0 ? duration(row.seconds) : "–"), td("wide quiet", row.agent || "–"), td("summary", row.summary || "–"));
}

/** Update the table: only changed rows are replaced; the open one is followed by its details. */
function updateTable(parts, store, view) {
  const { now } = store, all = view.format !== parts.format ? store.rows.keys() : store.dirty;
  if (parts.epoch !== store.epoch) {
    parts.body.replaceChildren();
    parts.lines.clear();
    parts.scroll.scrollTop = 0;
  }
  for (const number of [...all].sort((a, b) => a - b)) {
    const line = tableLine(store.rows.get(number), store.gains[number], view.format, parts.toggle), old = parts.lines.get(number);
    if (old) {
      const focused = old.contains(document.activeElement);
      old.replaceWith(line);
      if (focused) line.querySelector(".arm-opener").focus({ preventScroll: true });
    } else {
      const above = [...parts.lines.keys()].filter((n) => n > number);
      if (above.length) parts.lines.get(Math.min(...above)).after(line);
      else parts.body.prepend(line);
    }
    parts.lines.set(number, line);
  }
  store.dirty.clear();
  Object.assign(parts, { epoch: store.epoch, format: view.format });
  setText(parts.value, now.study.metric);
  parts.scroll.classList.toggle("arm-repeated", [...store.rows.values()].some((r) => r.averaged > 1)); // makes room for ×n
  const kept = [...store.rows.values()].filter((r) => KEPT.has(r.verdict)).length;
  for (const [name, count] of [["all", store.rows.size], ["kept", kept]]) {
    setText(parts.options[name], `${name === "all" ? "All" : "Kept"} ${count}`);
    parts.options[name].setAttribute("aria-pressed", String(view.filter === name));
  }
  parts.scroll.classList.toggle("arm-only-kept", view.filter === "kept");
  parts.empty.hidden = store.rows.size > 0;
  placeDetails(parts, store, view.selected);
}

/** Put the details of the open experiment under its row; they are requested once, and again after a change. */
function placeDetails(parts, store, selected) {
  const line = parts.lines.get(selected), detail = store.details.get(selected);
  if (parts.marked !== line) {
    for (const [each, open] of [[parts.marked, false], [line, true]]) {
      each?.classList.toggle("arm-open", open);
      each?.querySelector(".arm-opener").setAttribute("aria-expanded", String(open));
    }
    parts.marked = line;
  }
  if (!line) parts.open?.remove();
  else if (parts.shown !== detail || parts.open?.previousSibling !== line) {
    parts.open?.remove();
    const row = store.rows.get(selected);
    parts.open = h("tr", { class: `detail ${KEPT.has(row.verdict) ? "kept" : "other"}` }, h("td", { colspan: 9 }, detailBox(row, detail)));
    line.after(parts.open);
  }
  parts.shown = detail;
}

function detailBox(row, detail) {
  const item = (label, text) => (text ? [h("dt", {}, label), h("dd", {}, text)] : []);
  const facts = [row.seconds > 0 ? duration(row.seconds) : "", row.repeats > 1 ? `${row.repeats} runs` : "", row.agent].filter(Boolean).join(" · ");
  const box = div("box", h("dl", {}, ...item("Hypothesis", detail?.hypothesis), ...(detail?.evidence ?? []).flatMap((each) => item(...each)),
    ...item("What decided", detail?.reason || row.reason), ...item("Also measured", detail?.numbers), ...item("Notes", detail?.notes), ...item("Run", facts)));
  const pre = (name, label, text) => h("pre", { class: name, tabindex: "0", "aria-label": label }, text);
  if (!detail) box.append(h("div", { class: "loading" }, "Loading the details from the kernel…"));
  if (detail?.error) box.append(h("pre", { class: "pre error", tabindex: "0", "aria-label": "Error" }, detail.error));
  if (detail?.diff) box.append(row.number === 0 ? pre("pre", "Source", detail.diff) : diffBlock(detail.diff));
  if (detail?.output) {
    box.append(h("details", { class: "output", open: detail.error ? "" : null }, h("summary", {}, "Output (the end of it)"), pre("pre", "Output", detail.output)));
  }
  return box;
}

function diffBlock(diff) {
  let inside = false; // before the first @@ a leading - or + belongs to a file name
  const kinds = { "+": "added", "-": "removed", "@": "hunk" };
  const lines = diff.replace(/\n$/, "").split("\n");
  return h("pre", { class: "pre diff", tabindex: "0", "aria-label": "Difference" }, h("code", {}, ...lines.map((text) => {
    inside ||= text.startsWith("@@");
    return h("span", { class: inside ? kinds[text[0]] ?? "same" : "hunk" }, `${text}\n`);
  })));
}

// ------------------------------------------------------------------------------------------------------------- panel

/** Whether the page is dark: by the background that the host sets, else by the system's preference. */
function isDark(root) {
  const style = getComputedStyle(root);
  const surfaces = ["--jp-layout-color1", "--vscode-editor-background", "--colab-primary-surface-color"];
  const hosted = surfaces.some((name) => style.getPropertyValue(name).trim());
  const rgb = hosted ? style.backgroundColor.match(/[\d.]+/g)?.map(Number) : null;
  const white = style.backgroundColor.startsWith("color(") ? 1 : 255; // how color-mix() is computed
  return rgb && rgb.length >= 3 ? 0.3 * rgb[0] + 0.59 * rgb[1] + 0.11 * rgb[2] < white / 2 : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Return commands to try after the end of a study. */
function hints(now) {
  const number = now.headline?.number || now.best?.number || 0;
  if (!number) return ["%autoresearch best", "%autoresearch history"];
  const out = now.study.verify ? ["apply"] : ["use", "restore"]; // out of the study: to the branch, into the kernel, into a cell
  return ["%autoresearch best", ...["diff", ...out].map((command) => `%autoresearch ${command} ${number}`)];
}

/**
 * In command mode JupyterLab handles Enter, Space and arrows as shortcuts before a button here sees them. The attribute on
 * the focused element prevents that; it is set only for keys that the panel uses, so that Ctrl+S still saves.
 */
function keepKeys(event) {
  const plain = !(event.ctrlKey || event.metaKey || event.altKey || event.shiftKey);
  const ours = plain && ["Enter", " ", "Escape", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key);
  event.target.toggleAttribute("data-lm-suppress-shortcuts", ours);
}

function render({ model, el, signal }) {
  const store = newStore();
  const view = { selected: -1, filter: "all", format: makeFormat([]), sample: "", pending: "", sentAt: 0, shownAt: 0, rows: 0 };
  const header = buildHeader(command), progress = buildProgress(), tiles = buildTiles(), charts = buildCharts(store, (n) => select(n, true));
  const table = buildTable((n) => select(view.selected === n ? -1 : n), (name) => { view.filter = name; update(); });
  const notice = h("div", { class: "notice", role: "status", hidden: "" }), toast = h("div", { class: "toast", role: "alert", hidden: "" });
  const message = h("div", { class: "message", hidden: "" });
  const traceback = h("pre", { class: "pre error trace", tabindex: "0", "aria-label": "What was printed", hidden: "" });
  const ledger = h("p", { class: "ledger", hidden: true });
  const hint = h("div", { class: "hint", hidden: "" }), spoken = h("div", { class: "spoken", role: "status", "aria-live": "polite" });
  const root = h("section", { class: "panel", "aria-label": "Autoresearch study" }, header.node, notice, toast, progress.node, message,
    traceback, tiles.node, ledger, charts.node, table.node, hint, spoken);

  function command(name) {
    [view.pending, view.sentAt] = [name, performance.now()];
    transport.send({ type: "command", name });
    update();
  }

  function select(number, reveal = false) {
    view.selected = number;
    const row = store.rows.get(number);
    if (row && (!store.details.has(number) || store.stale.delete(number))) fetchDetail(number);
    if (row && view.filter === "kept" && !KEPT.has(row.verdict)) view.filter = "all";
    update();
    const line = table.lines.get(number);
    // Scroll only the table: scrollIntoView would move the notebook too.
    if (reveal && line) table.scroll.scrollTop = line.offsetTop - 40;
  }

  function fetchDetail(number) {
    view.shownAt = performance.now();
    transport.send({ type: "show", number });
  }

  function onMessage(content) {
    if (content?.type === "refused") {
      view.pending = "";
      setText(toast, content.message);
      toast.hidden = false;
      clearTimeout(view.toast);
      view.toast = setTimeout(() => { toast.hidden = true; }, TOAST);
    }
    if (content?.type === "delta") settle(content.state);
    update();
  }

  /** Forget the pending command when its effect shows, or when it seems to be lost. */
  function settle(state) {
    const ended = ["stopped", "finished", "failed", "stopping"].includes(state);
    const done = { pause: !AT_WORK.has(state), resume: AT_WORK.has(state), stop: ended }[view.pending];
    if (done || performance.now() - view.sentAt > LOST) view.pending = "";
  }

  const theme = () => root.setAttribute("data-arm-theme", isDark(root) ? "dark" : "light");

  function onSilence(kind) {
    notice.hidden = !kind;
    root.classList.toggle("arm-stale", Boolean(kind));
    theme();
    if (kind === "busy") setText(notice, "The kernel is busy. The study keeps running; this panel updates when the kernel is free.");
    if (kind === "none" && !notice.firstElementChild) {
      notice.replaceChildren("No answer from the kernel: run the cell again, or ", h("code", {}, "%autoresearch resume NAME"), ". If the kernel is only busy, the panel fills in by itself.");
    }
    if (kind === "none") setText(header.pill.lastChild, "no kernel");
  }

  function update() {
    const { now } = store;
    if (!now) return charts.draw(-1, view.format, 0);
    view.rows += store.dirty.size;
    // A new formatter redraws every row, so keep the old one while the decimals are the same.
    const format = makeFormat([...store.rows.values()].filter((r) => VALUED.has(r.verdict)).map((r) => r.value)
      .concat([now.baseline?.value, now.headline?.best, now.headline?.baseline].filter((v) => v !== undefined)), now.baseline?.sd ?? 0);
    if (format(1.23456789) !== view.sample) [view.format, view.sample] = [format, format(1.23456789)];
    if (view.selected >= 0 && !store.rows.has(view.selected)) view.selected = -1;
    const lost = performance.now() - view.shownAt > LOST;
    if (store.stale.delete(view.selected)) fetchDetail(view.selected); // the old details stay until the new ones arrive
    if (view.selected >= 0 && !store.details.has(view.selected) && lost) fetchDetail(view.selected);
    updateHeader(header, now, view.pending);
    updateProgress(progress, now);
    updateTiles(tiles, now, view.format);
    updateTable(table, store, view);
    charts.draw(view.selected, view.format, view.rows);
    updateTexts(now);
  }

  function updateTexts(now) {
    const failed = now.state === "failed";
    root.classList.toggle("arm-bare", failed && !store.rows.size);
    message.hidden = !now.message;
    message.classList.toggle("arm-failure", failed);
    setText(message, now.message ?? "");
    ledger.hidden = !now.ledger;
    setText(ledger, now.ledger ?? "");
    traceback.hidden = !now.traceback; // of a failed study, or what an agent has printed that ended the search
    setText(traceback, now.traceback ?? "");
    hint.hidden = now.state !== "finished";
    if (!hint.hidden && hint.getAttribute("data-arm-for") !== hints(now).join()) {
      hint.setAttribute("data-arm-for", hints(now).join());
      hint.replaceChildren("Next: ", ...hints(now).flatMap((text, i) => [i ? " · " : "", h("code", {}, text)]));
    }
    const last = store.rows.get(store.rows.size - 1);
    setText(spoken, [now.state, last ? `experiment ${last.number}: ${last.verdict}, ${view.format(last.value)}` : ""].filter(Boolean).join("; "));
  }

  el.append(root);
  const keys = (event) => { if (root.contains(event.target)) keepKeys(event); };
  window.addEventListener("keydown", keys, true); // on the window, because JupyterLab listens on the document
  const transport = openTransport(model, store, onMessage, onSilence);
  const resized = new ResizeObserver(() => {
    theme();
    charts.draw(view.selected, view.format, view.rows);
  });
  resized.observe(charts.node);
  let closed = false;
  const close = () => {
    if (closed) return;
    closed = true;
    transport.close();
    resized.disconnect();
    window.removeEventListener("keydown", keys, true);
    clearTimeout(view.toast);
    root.remove();
  };
  signal?.addEventListener("abort", close, { once: true });
  return close;
}

export default { render };
