/**
 * The live panel of a study: the front end of `ui/panel/`, without dependencies. `assets.py` joins these modules into one script.
 *
 * A section of the panel is a module with a function `buildNAME(panel)`, which returns {node, update(now)}: `update` is called after each
 * message and must change nothing in the page when nothing has changed. All share one `panel`:
 *
 * @typedef {{store: Store, view: View, root: HTMLElement, send: (content: any) => void, ask: (key: string, content: any) => any,
 *   command: (name: string, more?: any) => void, select: (number: number) => void, update: () => void,
 *   tell: (message: string, tone?: string) => void, say: (text: string) => void}} Panel
 *   `ask` returns the answer to a question, undefined until it has come (`update` is called then); `command` asks Python to do something with
 *   the study; `select` opens an experiment; `tell` shows a line for a few seconds; `say` is heard by screen readers.
 *
 * `store.js` says what comes from Python and what the view keeps of it. Summaries, reasons and code are written by agents, so they are inserted
 * as text nodes and never as markup.
 */

import { buildCharts } from "./charts.js";
import { buildDetail } from "./detail.js";
import { h, setText, useShell, worded } from "./elements.js";
import { buildHeader, updateHeader } from "./header.js";
import { isDark, keepKeys } from "./host.js";
import { buildInsights } from "./insights.js";
import { makeFormat } from "./numbers.js";
import { buildPoster } from "./poster.js";
import { buildProgress, updateProgress } from "./progress.js";
import { AT_WORK } from "./states.js";
import { buildSteering } from "./steering.js";
import { newStore } from "./store.js";
import { buildTable } from "./table.js";
import { buildTabs } from "./tabs.js";
import { buildTiles, updateTiles } from "./tiles.js";
import { PATIENCE, TOAST, openTransport } from "./transport.js";
import { VALUED } from "./verdicts.js";
import { buildVersions } from "./versions.js";

/** Return commands to try after the end of a study; in a shell those that it has. */
export function hints(now, shell = false) {
  const number = now.headline?.number || now.best?.number || 0;
  if (!number) return ["%autoresearch best", "%autoresearch history"];
  const out = now.study.verify ? ["apply"] : shell ? ["restore"] : ["use", "restore"]; // out of the study: to the branch, into the kernel, into a cell
  return ["%autoresearch best", ...["diff", ...out].map((command) => `%autoresearch ${command} ${number}`)];
}

export function render({ model, el, signal }) {
  useShell(model.shell);
  const store = newStore();
  const view = { selected: -1, compare: [], format: makeFormat([]), sample: "", pending: "", refused: "", sentAt: 0, rows: 0 };
  const panel = {
    store, view, command, select, update, tell, send: (content) => transport.send(content), ask: (key, content) => transport.ask(key, content),
    say: (text) => setText(spoken, text),
  };
  const header = buildHeader(panel), progress = buildProgress(panel), tiles = buildTiles(), charts = buildCharts(panel), table = buildTable(panel);
  const notice = h("div", { class: "notice", role: "status", hidden: "" }), toast = h("div", { class: "toast", role: "alert", hidden: "" });
  const message = h("div", { class: "message", hidden: "" });
  const traceback = h("pre", { class: "pre error trace", tabindex: "0", "aria-label": "What was printed", hidden: "" });
  const ledger = h("p", { class: "ledger", hidden: true }), lines = h("p", { class: "ledger", hidden: true });
  const hint = h("div", { class: "hint", hidden: "" }), spoken = h("div", { class: "spoken", role: "status", "aria-live": "polite" });
  const steering = buildSteering(panel), versions = buildVersions(panel), insights = buildInsights(panel);
  const tabs = buildTabs(panel, [["experiments", "Experiments", [charts.node, versions.node, table.node]], ["insights", "Insights", [insights.node]]],
    (name) => (name === "insights" ? insights : charts).node.after(detail.node)); // it opens from both, and is not shown in a hidden one
  const root = h("section", { class: "panel", "aria-label": "Autoresearch study" }, header.node, notice, toast, progress.node, message,
    traceback, tiles.node, ledger, lines, steering.node, tabs.list, ...tabs.pages, hint, spoken);
  panel.root = root;
  const detail = buildDetail(panel), poster = buildPoster(root);
  charts.node.after(detail.node);
  const sections = [detail, versions, steering, insights]; // those that are built from `panel` alone

  function command(name, more = {}) {
    [view.pending, view.refused, view.sentAt] = [name, "", performance.now()];
    transport.send({ type: "command", name, ...more });
    update();
  }

  function select(number) {
    view.selected = number;
    update();
    if (number >= 0) table.reveal(number);
  }

  /** Show a line for a few seconds: a refusal, or with the tone "good" that something is done. */
  function tell(text, tone = "bad") {
    setText(toast, worded(text));
    if (detail.node.matches(":modal")) detail.node.prepend(toast); // it is above the page
    else notice.after(toast);
    for (const [name, on] of [["arm-done", tone === "good"], ["arm-plain", tone === "plain"]]) toast.classList.toggle(name, on);
    toast.hidden = false;
    clearTimeout(view.toast);
    const long = text.includes("autoresearch "); // what to type is to be read and copied
    view.toast = setTimeout(() => { toast.hidden = true; }, long ? 4 * TOAST : TOAST);
  }

  function onMessage(content) {
    if (content?.type === "refused") {
      [view.refused, view.pending] = [view.pending, ""];
      tell(content.message);
    }
    if (content?.type === "told") tell(content.message, "good");
    if (content?.type === "taken" && content.name === view.pending) view.pending = "";
    if (content?.type === "delta") settle(store.now?.state);
    update();
  }

  /** Forget the pending command when its effect shows, or when it seems to be lost. */
  function settle(state) {
    const ended = ["stopped", "finished", "failed", "stopping"].includes(state);
    const works = AT_WORK.has(state), done = { pause: !works, resume: works, more: works, step: works, stop: ended }[view.pending];
    if (done || performance.now() - view.sentAt > PATIENCE) view.pending = "";
  }

  const theme = () => {
    const name = isDark(root) ? "dark" : "light";
    if (root.getAttribute("data-arm-theme") === name) return;
    root.setAttribute("data-arm-theme", name);
    charts.update(store.now); // a canvas takes no colours by itself
  };

  function onSilence(kind) {
    notice.hidden = !kind;
    root.classList.toggle("arm-stale", Boolean(kind));
    poster.heard(kind);
    theme();
    const said = kind && model.silence?.(kind); // a host that is no kernel has its own words
    if (said !== undefined && kind) [notice.hidden, notice.textContent] = [!said, said];
    else if (kind === "busy") setText(notice, "The kernel is busy. The study keeps running; this panel updates when the kernel is free.");
    else if (kind === "none" && !notice.firstElementChild) {
      notice.replaceChildren("No answer from the kernel: run the cell again, or ", h("code", {}, "%autoresearch resume NAME"), ". If the kernel is only busy, the panel fills in by itself.");
    }
    if (kind === "none") setText(header.pill.lastChild, said === undefined ? "no kernel" : "no answer");
  }

  function update() {
    const { now } = store;
    if (!now) return charts.update(null);
    model.told?.(now);
    poster.away(now.study.name);
    view.rows = store.changes;
    const measured = [store.epoch, store.changes, now.baseline?.sd, now.headline?.best].join();
    if (measured !== view.measured) chooseFormat(now, measured);
    if (view.selected >= 0 && !store.rows.has(view.selected) && now.running?.number !== view.selected) view.selected = -1;
    updateHeader(header, now, view.pending);
    updateProgress(progress, now);
    updateTiles(tiles, now, view.format);
    table.update(now);
    charts.update(now);
    for (const section of sections) section.update(now);
    store.dirty.clear();
    updateTexts(now);
  }

  /** Choose how values are written. A new formatter redraws every row, so the old one is kept while the decimals are the same. */
  function chooseFormat(now, measured) {
    const values = [...store.rows.values()].filter((row) => VALUED.has(row.verdict)).map((row) => row.value);
    const format = makeFormat(values.concat([now.baseline?.value, now.headline?.best, now.headline?.baseline].filter((v) => v !== undefined)), now.baseline?.sd ?? 0);
    if (format(1.23456789) !== view.sample) [view.format, view.sample] = [format, format(1.23456789)];
    view.measured = measured;
  }

  function updateTexts(now) {
    const failed = now.state === "failed";
    root.classList.toggle("arm-bare", failed && !store.rows.size);
    message.hidden = !now.message;
    message.classList.toggle("arm-failure", failed);
    setText(message, now.message ?? "");
    ledger.hidden = !now.ledger;
    setText(ledger, now.ledger ?? "");
    lines.hidden = !now.lines;
    setText(lines, now.lines ?? "");
    traceback.hidden = !now.traceback; // of a failed study, or what an agent has printed that ended the search
    setText(traceback, now.traceback ?? "");
    hint.hidden = now.state !== "finished";
    const next = hints(now, model.shell).map(worded);
    if (!hint.hidden && hint.getAttribute("data-arm-for") !== next.join()) {
      hint.setAttribute("data-arm-for", next.join());
      hint.replaceChildren("Next: ", ...next.flatMap((text, i) => [i ? " · " : "", h("code", {}, text)]));
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
    charts.update(store.now);
    if (store.now) for (const section of [detail, insights]) section.update(store.now);
  });
  resized.observe(root);
  let closed = false;
  const close = () => {
    if (closed) return;
    closed = true;
    transport.close();
    poster.back();
    resized.disconnect();
    window.removeEventListener("keydown", keys, true);
    clearTimeout(view.toast);
    root.remove();
  };
  signal?.addEventListener("abort", close, { once: true });
  return close;
}

export default { render };
