/** The table of experiments: sorted, searched and filtered here; of long studies only the rows in sight are in the page. */

import { openComparison } from "./compare.js";
import { div, h, setText, span } from "./elements.js";
import { duration, minus } from "./numbers.js";
import { KEPT, MUTED, VALUED, chip, figuresOf, gainOf, gainWords } from "./verdicts.js";

/** Rows up to which all of them are in the page, where the browser's own search finds them; and rows beyond the edges of longer tables. */
const SHOWN_WHOLE = 500, MARGIN = 12;
/** Pixels of a row, as in table.css. */
const ROW = 33;

/**
 * The columns: name, CSS class, how it is sorted (a number, or a text), and a title. Numbers sort the largest first at the first click, texts and
 * what is better when it is smaller the other way.
 */
const COLUMNS = [
  ["#", "num number", (row) => row.number, "the number of the experiment"],
  ["verdict", "verdict", (row, store) => ORDER.indexOf(row.verdict) - (figuresOf(store, row.number)[3] ? 0.5 : 0), "what was decided about the experiment"],
  ["value", "num value", (row) => row.value, "what was measured: the mean of the runs that count"],
  ["gain", "num gain", (row, store) => gainOf(store, row.number)?.gain, "expected gain over the version that it was compared with, the best at that time; above zero is better"],
  ["95% interval", "num roomy interval", (row, store) => gainOf(store, row.number)?.low, "of the gain; sorted by its lower end"],
  ["chance", "num chance", (row, store) => gainOf(store, row.number)?.chance, "chance of being better than that version"],
  ["time", "num wide time", (row) => row.seconds, "wall clock of its runs"],
  ["agent", "wide agent", (row) => row.agent, "who proposed it"],
  ["summary", "summary", (row) => row.summary, "what was changed"],
  ["why", "why", (row) => row.reason, "why it was decided so"],
];
const ORDER = ["keep", "baseline", "discard", "pruned", "duplicate", "guard-failed", "metric-error", "rejected", "timeout", "crash"];

/** Build the table; a row opens its details. Returns also `reveal(number)`, which scrolls to a row. */
export function buildTable(panel) {
  const { store, view } = panel;
  Object.assign(view, { sort: { by: 0, down: true }, filter: { kept: false, verdict: "", agent: "", cause: "", text: "" }, compare: view.compare ?? [] });
  const state = { list: [], lines: new Map(), key: "", shown: "", active: -1, epoch: "" };
  const again = () => { if (store.now) update(store.now); };
  const filter = (change) => { Object.assign(view.filter, change); parts.scroll.scrollTop = 0; again(); };

  const option = (name, kept) => h("button", { type: "button", class: "option", "aria-pressed": String(!kept), onclick: () => filter({ kept, verdict: "" }) }, name);
  const choice = (name, label) => h("select", { class: "choice", "aria-label": label, onchange: (event) => filter({ [name]: event.target.value, ...(name === "verdict" ? { kept: false } : {}) }) });
  const parts = {
    all: option("All", false), kept: option("Kept", true),
    verdict: choice("verdict", "Only this verdict"), agent: choice("agent", "Only this agent"), cause: choice("cause", "Only this failure"),
    search: h("input", { type: "search", class: "search", placeholder: "Search", "aria-label": "Search in summaries and reasons",
      oninput: (event) => filter({ text: event.target.value }) }),
    count: h("span", { class: "count", role: "status" }),
    compare: h("span", { class: "chosen-two", hidden: "" }),
    body: h("tbody", {}), top: spacer(), bottom: spacer(),
    empty: h("div", { class: "empty" }, "No experiment is finished yet."),
  };
  const heads = COLUMNS.map(([name, kind, , title], i) => h("th", { scope: "col", class: kind, title }, h("button", { type: "button", class: "sorter", onclick: () => sort(i) }, name)));
  const head = h("tr", {}, h("th", { scope: "col", class: "tickcell" }, span("spoken", "compare")), ...heads);
  parts.table = h("table", { class: "table" }, h("thead", {}, head), parts.body);
  parts.scroll = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Experiments", onscroll: () => place(), onkeydown: keys }, parts.table, parts.empty);
  const node = h("section", { class: "history" }, div("bar-head", span("caption", "Experiments"), parts.count, parts.compare,
    div("filter", parts.search, parts.verdict, parts.agent, parts.cause, h("span", { class: "group", role: "group", "aria-label": "Show" }, parts.all, parts.kept))), parts.scroll);

  function sort(by) {
    const text = typeof COLUMNS[by][2]([...store.rows.values()][0] ?? { summary: "" }, store) === "string", smaller = by === 2 && store.now?.study.minimize;
    view.sort = view.sort.by === by ? { by, down: !view.sort.down } : { by, down: !(text || smaller || by === 1) };
    parts.scroll.scrollTop = 0;
    again();
  }

  /** Work out which rows are shown, in which order. */
  function arrange() {
    const { kept, verdict, agent, cause, text } = view.filter, words = text.trim().toLowerCase();
    const number = /^#?\d+$/.test(words) ? Number(words.replace("#", "")) : null;
    let list = [...store.rows.values()];
    if (kept) list = list.filter((row) => KEPT.has(row.verdict));
    if (verdict) list = list.filter((row) => (verdict === "failed" ? failed(row) : verdict === "proven" ? figuresOf(store, row.number)[3] : row.verdict === verdict));
    if (agent) list = list.filter((row) => row.agent === agent);
    if (cause) list = list.filter((row) => row.cause === cause);
    if (number !== null) list = list.filter((row) => row.number === number || row.summary.includes(words));
    else if (words) list = list.filter((row) => `${row.summary} ${row.reason} ${row.agent} ${row.verdict}`.toLowerCase().includes(words));
    const { by, down } = view.sort;
    if (by === 0) return list.sort((one, other) => (down ? other.number - one.number : one.number - other.number));
    const keyOf = COLUMNS[by][2], keyed = list.map((row) => [keyOf(row, store) ?? NaN, row]);
    const direction = down ? -1 : 1;
    keyed.sort(([a, one], [b, other]) => {
      if (typeof a === "string") return direction * a.localeCompare(b) || other.number - one.number;
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b) || other.number - one.number; // what has none comes last
      return direction * (a - b) || other.number - one.number;
    });
    return keyed.map(([, row]) => row);
  }

  /** Put the rows in sight into the page. Nothing is touched where they are there already. */
  function place() {
    const { list } = state, long = list.length > SHOWN_WHOLE;
    const seen = Math.ceil((parts.scroll.clientHeight || 400) / ROW), from = Math.max(0, Math.floor(parts.scroll.scrollTop / ROW) - MARGIN);
    const [start, end] = long ? [from, Math.min(list.length, from + seen + 2 * MARGIN)] : [0, list.length];
    const rows = list.slice(start, end), key = `${start},${end},${state.key}`;
    if (state.shown === key) return;
    state.shown = key;
    const focused = parts.body.contains(document.activeElement) ? document.activeElement.closest("tr")?.getAttribute("data-arm-number") : null;
    const top = parts.scroll.scrollTop;
    const lines = new Map(rows.map((row) => [row.number, state.lines.get(row.number) ?? tableLine(panel, row)]));
    state.lines = lines;
    parts.top.firstChild.style.height = `${start * ROW}px`;
    parts.bottom.firstChild.style.height = `${(list.length - end) * ROW}px`;
    parts.body.replaceChildren(...(start ? [parts.top] : []), ...lines.values(), ...(end < list.length ? [parts.bottom] : []));
    if (long) parts.scroll.scrollTop = top; // where the focused row was taken out, the browser has scrolled meanwhile
    rows.forEach((row, i) => lines.get(row.number).setAttribute("aria-rowindex", `${start + i + 2}`));
    mark();
    if (focused !== null) lines.get(Number(focused))?.querySelector(".arm-opener").focus({ preventScroll: true });
  }

  /** Mark the open row, the chosen ones, and the one that the keyboard is at. */
  function mark() {
    const at = state.lines.has(state.active) ? state.active : state.lines.keys().next().value;
    for (const [number, line] of state.lines) {
      const opener = line.querySelector(".arm-opener"), pick = line.querySelector(".arm-tickbox"), open = number === view.selected;
      line.classList.toggle("arm-open", open);
      for (const [node, name, value] of [[opener, "tabindex", number === at ? "0" : "-1"], [pick, "tabindex", number === at ? "0" : "-1"]]) {
        if (node.getAttribute(name) !== value) node.setAttribute(name, value);
      }
      pick.checked = view.compare.includes(number);
    }
  }

  function keys(event) {
    const { list } = state, page = Math.max(1, Math.floor(parts.scroll.clientHeight / ROW) - 2);
    const line = event.target.closest?.("tr[data-arm-number]");
    if (!line && event.target !== parts.scroll) return;
    const at = line ? list.findIndex((row) => row.number === Number(line.getAttribute("data-arm-number"))) : -1;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: list.length - 1 }[event.key];
    if (to === undefined || !list.length) return;
    event.preventDefault();
    const row = list[Math.max(0, Math.min(list.length - 1, to))];
    state.active = row.number;
    reveal(row.number);
    state.lines.get(row.number)?.querySelector(event.target.classList?.contains("arm-tickbox") ? ".arm-tickbox" : ".arm-opener").focus({ preventScroll: true });
  }

  /** Scroll to a row, if it is shown. Only the table scrolls: scrollIntoView would move the notebook too. */
  function reveal(number) {
    const at = state.list.findIndex((row) => row.number === number), head = parts.table.tHead.offsetHeight, { scroll } = parts;
    if (at < 0) return;
    if (at * ROW < scroll.scrollTop) scroll.scrollTop = at * ROW;
    else if ((at + 1) * ROW + head > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = (at + 1) * ROW + head - scroll.clientHeight;
    place();
    mark();
  }

  function update(now) {
    if (state.epoch !== store.epoch) {
      Object.assign(state, { epoch: store.epoch, lines: new Map(), active: -1 });
      parts.scroll.scrollTop = 0;
      view.compare = [];
    }
    for (const number of store.dirty) state.lines.delete(number);
    if (state.format !== view.format) [state.lines, state.format] = [new Map(), view.format];
    const key = [store.epoch, store.changes, JSON.stringify(view.filter), JSON.stringify(view.sort), view.sample].join();
    if (key !== state.key) {
      [state.key, state.list] = [key, arrange()];
      updateControls(now);
    }
    place();
    mark();
    updateChosen();
  }

  /** Count what can be filtered. */
  function count() {
    const rows = [...store.rows.values()], tally = (name) => rows.reduce((found, row) => (row[name] ? found.set(row[name], (found.get(row[name]) ?? 0) + 1) : found), new Map());
    const valued = rows.map((row) => row.value).filter(Number.isFinite), ends = [valued.reduce((a, b) => Math.min(a, b), 0), valued.reduce((a, b) => Math.max(a, b), 0)];
    return {
      all: rows.length, kept: rows.filter((row) => KEPT.has(row.verdict)).length, failures: rows.filter(failed).length, repeated: rows.some((row) => row.averaged > 1),
      verdict: tally("verdict"), agent: tally("agent"), cause: tally("cause"), widest: Math.max(6, ...ends.map((value) => view.format(value).length)),
    };
  }

  function updateControls(now) {
    const counted = `${store.epoch},${store.changes},${view.sample}`;
    if (state.counted !== counted) [state.counted, state.counts] = [counted, count()];
    const { all, kept, failures, repeated, verdict, agent, cause, widest } = state.counts, { filter } = view, { proven } = now.counts;
    setText(parts.all, `All ${all}`);
    setText(parts.kept, `Kept ${kept}`);
    parts.all.setAttribute("aria-pressed", String(!filter.kept && !filter.verdict));
    parts.kept.setAttribute("aria-pressed", String(filter.kept));
    const verdicts = [...(proven ? [["proven", proven]] : []), ...ORDER.filter((name) => verdict.has(name)).map((name) => [name, verdict.get(name)]), ...(failures ? [["failed", failures]] : [])];
    offerChoices(parts.verdict, "any verdict", verdicts, filter.verdict, (name) => (name === "failed" ? "any failure" : name));
    offerChoices(parts.agent, "any agent", [...agent], filter.agent);
    offerChoices(parts.cause, "any failure", [...cause].sort((a, b) => b[1] - a[1]), filter.cause);
    parts.verdict.hidden = verdict.size < 2;
    parts.agent.hidden = agent.size < 2;
    parts.cause.hidden = !cause.size;
    parts.search.hidden = all < 8 && !filter.text;
    const { length } = state.list;
    setText(parts.count, length < all ? `${length.toLocaleString("en")} of ${all.toLocaleString("en")}` : "");
    parts.empty.hidden = length > 0;
    setText(parts.empty, all ? "No experiment is like this: change the search or the filters." : "No experiment is finished yet.");
    setText(heads[2].firstChild, now.study.metric);
    heads.forEach((each, i) => {
      const said = view.sort.by === i ? (view.sort.down ? "descending" : "ascending") : null;
      if (said === null) each.removeAttribute("aria-sort");
      else each.setAttribute("aria-sort", said);
    });
    parts.table.setAttribute("aria-rowcount", `${length + 1}`);
    parts.scroll.classList.toggle("arm-repeated", repeated); // makes room for ×n
    heads[2].style.width = `${widest + (repeated ? 7 : 3)}ch`;
  }

  function updateChosen() {
    const [a, b] = view.compare, key = `${a},${b}`;
    if (state.chosen === key) return;
    state.chosen = key;
    parts.compare.hidden = a === undefined;
    const clear = h("button", { type: "button", class: "option", onclick: () => { view.compare = []; again(); } }, "Clear");
    if (a === undefined) parts.compare.replaceChildren();
    else if (b === undefined) parts.compare.replaceChildren(span("quiet", `#${a} chosen; choose another to compare`), clear);
    else parts.compare.replaceChildren(h("button", { type: "button", class: "option strong", onclick: () => openComparison(panel, a, b) }, `Compare #${a} with #${b}`), clear);
  }

  return { node, update, reveal };
}

const failed = (row) => !VALUED.has(row.verdict) && !MUTED.has(row.verdict);

const spacer = () => h("tr", { class: "spacer", "aria-hidden": "true" }, h("td", { colspan: COLUMNS.length + 1 }));

/** Fill a choice with names and how often each occurs; what is chosen stays. */
function offerChoices(select, none, counted, value, say = String) {
  const wanted = JSON.stringify([counted, value]);
  if (select.getAttribute("data-arm-offers") === wanted) return;
  select.setAttribute("data-arm-offers", wanted);
  const option = (name, text) => Object.assign(h("option", { value: name }, text), { selected: name === value });
  select.replaceChildren(option("", none), ...counted.map(([name, count]) => option(name, `${say(name)} ${count.toLocaleString("en")}`)));
}

/** Whether a click (of the mouse, not a key) ends a selection of the row's text. */
function selecting(event) {
  const chosen = getSelection();
  return event.detail > 0 && chosen?.type === "Range" && chosen.containsNode(event.currentTarget, true);
}

function tableLine(panel, row) {
  const { store, view } = panel, figures = figuresOf(store, row.number), [size, interval, chance, proven] = figures;
  // A better value that was not kept may be chance: not green.
  const good = row.verdict === "keep" && size.startsWith("+");
  const opener = h("button", { type: "button", class: "opener", "aria-haspopup": "dialog", "aria-label": `Experiment ${row.number}, details` }, String(row.number));
  const picker = h("input", { type: "checkbox", class: "tickbox", "aria-label": `Choose experiment ${row.number} to compare`, onclick: (event) => event.stopPropagation(),
    onchange: () => {
      view.compare = view.compare.includes(row.number) ? view.compare.filter((n) => n !== row.number) : [...view.compare, row.number].slice(-2);
      panel.update();
    } });
  const td = (kind, ...content) => h("td", { class: kind }, ...content);
  const text = (kind, words) => h("td", { class: kind, title: words.length > 24 ? words : null }, words || "–");
  const times = row.averaged > 1 ? h("span", { class: "times", title: `from ${row.averaged} runs` }, `×${row.averaged}`) : "";
  return h("tr", { class: `row ${KEPT.has(row.verdict) ? "kept" : "other"}`, "data-arm-number": row.number, onclick: (event) => { if (!selecting(event)) panel.select(row.number); } },
    h("td", { class: "tickcell", onclick: (event) => event.stopPropagation() }, picker), td("num number", opener), td("verdict", chip(row.verdict, proven)), td("num value", view.format(row.value), times),
    h("td", { class: `num gain ${good ? "good" : "quiet"}`, title: interval === "–" ? null : gainWords(figures, row.verdict).join(", ") }, minus(size)),
    td("num roomy interval quiet", minus(interval)), td(`num chance ${proven ? "good" : "quiet"}`, chance),
    td("num wide time quiet", row.seconds > 0 ? duration(row.seconds) : "–"), text("wide agent quiet", row.agent), text("summary", row.summary), text("why quiet", row.reason));
}
