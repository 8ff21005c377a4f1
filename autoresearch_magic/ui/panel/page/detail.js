/** One experiment, closely: a dialog that fits the window, with buttons to the experiments before and after it. */

import { buildComparison, comparedWith, openComparison } from "./compare.js";
import { buildDetailBody } from "./detail_body.js";
import { div, h, s, setText, span } from "./elements.js";
import { usable } from "./header.js";
import { copyText, shownInFlow } from "./host.js";
import { buildPicker } from "./picker.js";
import { buildVersionButtons } from "./restore.js";
import { KEPT, chip, figuresOf, gainWords, isProven } from "./verdicts.js";

/** Build the dialog of `panel.view.selected`. */
export function buildDetail(panel) {
  const { store, view } = panel;
  const icon = (path) => s("svg", { viewBox: "0 0 12 12", class: "icon", "aria-hidden": "true" }, s("path", { d: path }));
  const button = (label, path, act, word = "") => h("button", { type: "button", class: "button", "aria-label": word ? null : label, title: label,
    "aria-disabled": "false", onclick: (event) => { if (usable(event.currentTarget)) act(event.currentTarget); } }, path && icon(path), word && span("", word));
  const number = h("b", { class: "detail-number" }), verdict = span("detail-verdict"), value = h("b", { class: "detail-value" }), gain = span("quiet detail-gain");
  const before = button("The experiment before it (Alt+Left)", "M8 1.5 3.5 6 8 10.5z", () => step(-1)), after = button("The experiment after it (Alt+Right)", "M4 1.5 8.5 6 4 10.5z", () => step(1));
  const only = h("input", { type: "checkbox", onchange: () => { view.keptOnly = only.checked; update(); } });
  const kept = h("label", { class: "detail-only" }, only, "kept only");
  const close = button("Close (Escape)", "M2.6 1.5 6 4.9l3.4-3.4 1.1 1.1L7.1 6l3.4 3.4-1.1 1.1L6 7.1l-3.4 3.4-1.1-1.1L4.9 6 1.5 2.6z", () => panel.select(-1));
  const summary = h("p", { class: "detail-summary" });
  const copy = button("Copy this version's source", "", copySource, "Copy");
  // Some browsers copy only at once after a press: the source is asked for before it.
  for (const name of ["pointerenter", "focus"]) copy.addEventListener(name, () => { content.source(view.selected).catch(() => {}); });
  const compare = button("Compare with another experiment", "", () => choose(!chooser.node.checkVisibility()), "Compare with…");
  const chooser = buildPicker(panel, "Compare with experiment", (other) => { choose(false); openComparison(panel, other, view.selected); });
  chooser.input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault(); // the dialog stays
    event.stopPropagation();
    choose(false);
    compare.focus();
  });
  chooser.node.hidden = true;
  const version = buildVersionButtons(panel, () => view.selected);
  const back = button("Show the experiment alone", "", () => { view.comparison = null; update(); }, "Back"), swap = button("Exchange both sides", "", () => openComparison(panel, view.selected, view.comparison[0]), "Swap");
  const actions = h("div", { class: "detail-actions", role: "group", "aria-label": "With this version" }, version.restore, copy, compare, chooser.node, ...version.nodes.slice(1), back, swap);
  const head = h("header", { class: "detail-head" }, div("detail-line", div("detail-title", number, verdict, value, gain),
    h("div", { class: "detail-steps", role: "group", "aria-label": "Other experiments" }, kept, before, after, close)),
  summary, actions);
  const content = buildDetailBody(panel), comparison = buildComparison(panel);
  const body = h("div", { class: "detail-body", tabindex: "0", role: "region", "aria-label": "Details" }, content.node, comparison.node);
  const flow = shownInFlow();
  const dialog = h("dialog", { class: `detail${flow ? " flow" : ""}`, tabindex: "-1" }, div("detail-frame", head, body));
  let shown = -1, besides = -1, cameFrom = null, pressedOutside = false, key = "";

  /** Return the number of the next experiment in a direction, -1 where there is none. */
  function neighbour(from, way) {
    const last = Math.max(store.since - 1, ...(store.rows.has(from) ? [from] : []));
    for (let n = from + way; n >= 0 && n <= last; n += way) {
      const row = store.rows.get(n);
      if (row && (!view.keptOnly || KEPT.has(row.verdict))) return n;
    }
    return -1;
  }

  function step(way) {
    const to = neighbour(view.selected, way);
    if (to >= 0) panel.select(to, true);
  }

  async function copySource() {
    const done = await content.source(view.selected).then(copyText).catch(() => false);
    panel.tell(done ? `The source of experiment ${view.selected} is in the clipboard.` : "The browser lets nothing be copied here: select the text below, and copy it by key.", done ? "good" : "bad");
  }

  function choose(on) {
    chooser.node.hidden = !on;
    chooser.input.value = "";
    if (on) chooser.input.focus();
  }

  function open() {
    const root = panel.root.getRootNode();
    if (shown < 0) cameFrom = root.activeElement;
    if (dialog.open) dialog.close(); // taken out of the page and put back: it is no longer above the page
    if (flow) dialog.show();
    else dialog.showModal();
    body.focus({ preventScroll: !flow });
  }

  function shut() {
    shown = -1;
    view.comparison = null;
    dialog.close();
    const back = cameFrom?.isConnected && panel.root.contains(cameFrom) ? cameFrom : panel.root.querySelector(".arm-scroll");
    cameFrom = null;
    back?.focus({ preventScroll: true });
  }

  const outside = (event) => {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    return event.target === dialog && !(event.clientX >= left && event.clientX <= right && event.clientY >= top && event.clientY <= bottom);
  };
  dialog.addEventListener("cancel", (event) => { event.preventDefault(); panel.select(-1); });
  dialog.addEventListener("mousedown", (event) => { pressedOutside = outside(event); });
  dialog.addEventListener("click", (event) => { if (!flow && pressedOutside && outside(event)) panel.select(-1); });
  dialog.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (way && event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey) step(way);
    else if (flow && event.key === "Escape") panel.select(-1);
    else return;
    event.preventDefault();
  });
  // The notebook around it would take a press for one of its cells, and show its own menu behind the dialog.
  for (const name of ["keydown", "keyup", "mousedown", "mouseup", "click", "dblclick", "contextmenu", "copy", "cut", "paste"]) {
    dialog.addEventListener(name, (event) => event.stopPropagation());
  }

  function update(now = store.now) {
    const n = view.selected;
    if (n < 0) {
      if (shown >= 0) shut();
      return;
    }
    const row = store.rows.get(n) ?? runningRow(now, n);
    if (!row) return;
    const other = comparedWith(view);
    if (shown !== n || besides !== other || (!flow && dialog.isConnected && !dialog.matches(":modal"))) {
      const opens = shown < 0 || !dialog.open;
      if (opens || !(flow || dialog.matches(":modal"))) open();
      [shown, besides] = [n, other];
      body.scrollTop = 0;
      choose(false);
      dialog.setAttribute("aria-label", other < 0 ? `Experiment ${n}` : `Experiments ${other} and ${n}`);
      for (const each of [copy, ...version.nodes, kept, before, after, verdict, value, gain, summary, content.node]) each.hidden = other >= 0;
      for (const each of [back, swap, comparison.node]) each.hidden = other < 0;
    }
    version.update(row);
    const wanted = [store.epoch, other, JSON.stringify(row), figuresOf(store, n), view.sample, view.keptOnly, store.rows.size].join();
    if (wanted !== key) {
      key = wanted;
      setText(number, other < 0 ? `#${n}` : `#${other} and #${n}`);
      verdict.replaceChildren(row.verdict === "running" ? span("chip running", "running") : chip(row.verdict, isProven(store, n)));
      setText(value, row.verdict === "running" ? "" : row.value === null ? "no value" : view.format(row.value));
      value.title = now?.study.metric ?? "";
      setText(gain, gainWords(figuresOf(store, n)).slice(0, 2).join(", "));
      setText(summary, row.summary || (n ? "" : "The target as it was at the start"));
      summary.title = row.summary;
      compare.hidden = other >= 0 || row.verdict === "running";
      only.checked = Boolean(view.keptOnly);
      for (const [each, way] of [[before, -1], [after, 1]]) each.setAttribute("aria-disabled", String(neighbour(n, way) < 0));
    }
    if (other < 0) content.update(row);
    else comparison.update(other, n);
  }

  return { node: dialog, update };
}

/** Return the experiment that is running, in place of its row, which comes when it is judged. */
function runningRow(now, n) {
  const run = now?.running;
  if (run?.number !== n) return null;
  return { number: n, verdict: "running", value: null, seconds: 0, agent: "", summary: run.summary, reason: run.what, repeats: 0, averaged: 0, parent: now.best?.number ?? null };
}
