/** What the detail of an experiment holds below its head: facts, curve, difference, runs, output, files. */

import { buildDiff } from "./diff.js";
import { div, h, span } from "./elements.js";
import { duration } from "./numbers.js";
import { buildLog } from "./log.js";
import { buildRuns, memory } from "./runs.js";
import { buildTalk } from "./talk.js";
import { MEANING, PROVEN, isProven } from "./verdicts.js";

/** Build what is below the head of the detail. `update` is given the row of the experiment; `source` promises its source. */
export function buildDetailBody(panel) {
  const { store } = panel;
  const difference = buildDiff(panel), runs = buildRuns(panel), log = buildLog(panel), talk = buildTalk(panel);
  const facts = div("detail-facts"), error = h("section", { class: "detail-error", "aria-label": "Error", hidden: "" }), files = div("detail-files");
  const node = div("box", div("detail-top", facts, runs.chart), error, difference.node, runs.table, log.node, talk.node, files);
  let drawn = "", shown = null;

  async function source(number) {
    for (let tries = 0; tries < 100; tries++) {
      const found = panel.ask(`${number}:source`, { type: "source", number });
      if (found) return found.source;
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
    throw new Error("no answer");
  }

  function update(row) {
    // The difference is asked for first, and what takes Python long when it is there: it is what is looked for.
    const key = `${row.number}:show`, known = store.answers.get(key);
    const there = difference.update(row.number, (row.verdict === "running" && known ? known.parent : row.parent) ?? null);
    const detail = panel.ask(key, { type: "show", number: row.number });
    const wanted = [row.number, row.verdict, row.reason, row.summary, isProven(store, row.number)].join();
    if (detail !== shown || wanted !== drawn) {
      [shown, drawn] = [detail, wanted];
      facts.replaceChildren(h("dl", {}, ...factLines(row, detail ?? {}, isProven(store, row.number))), ...(detail ? [] : [div("loading", "Loading the details from the kernel…")]));
      error.hidden = !detail?.error;
      error.replaceChildren(span("caption", "Error"), h("pre", { class: "pre error", tabindex: "0", "aria-label": "Error" }, detail?.error ?? ""));
      files.replaceChildren(...(detail?.artifacts ?? []).map(([path, text]) => h("details", { class: "detail-file" }, h("summary", {}, span("quiet", "File of the run: "), path),
        h("pre", { class: "pre", tabindex: "0", "aria-label": path }, text))));
    }
    runs.update(row.number, there);
    const running = store.now.running?.number === row.number;
    log.node.classList.toggle("arm-first", row.verdict === "running"); // there is nothing else to see yet
    log.update(row.number, { runs: detail?.runs ?? row.repeats, running, failed: Boolean(detail?.error) });
    talk.update(row.number, row.agent, Boolean(detail?.asked));
  }

  return { node, update, source };
}

function factLines(row, detail, proven) {
  const item = (label, ...text) => (text.some(Boolean) ? [h("dt", {}, label), h("dd", {}, ...text)] : []);
  const meaning = row.verdict === "keep" ? PROVEN[Number(proven)] : MEANING[row.verdict];
  const summary = detail.summary ?? row.summary, long = summary.length > 160; // the head shows two lines of it
  return [
    ...(long ? item("Summary", summary) : []), ...item(row.verdict === "running" ? "Now" : "Verdict", row.verdict === "running" ? row.reason : `${row.verdict}: ${meaning}`), ...(row.verdict === "running" ? [] : item("What decided", detail.reason || row.reason)),
    ...evidenceLines(detail.evidence ?? []).flatMap(([name, text]) => item(name, text)), ...item("Hypothesis", detail.hypothesis), ...item("What came of it", signs(detail.forecast ?? "")),
    ...item("Also measured", signs(detail.numbers ?? "")), ...item("Notes", ...(detail.notes ?? []).map((note) => div("", note))),
    ...item("Took", [row.seconds > 0 && `${duration(row.seconds)}${row.repeats > 1 ? ` in ${row.repeats} runs` : ""}`, detail.memory > 0 && `${memory(detail.memory)} of memory at most`].filter(Boolean).join(", ")),
    ...item("Proposed by", [row.agent, ...usageWords(detail.usage ?? {})].filter(Boolean).join(" · ")), ...item("Commit", detail.commit),
  ];
}

/** Put gain, interval and chance into one line; whether a keep is proven is another one. */
function evidenceLines(evidence) {
  const known = new Map(evidence), proven = known.get("Proven");
  const gain = [known.get("Expected gain"), known.has("95% interval") && `95% interval ${known.get("95% interval")}`, known.has("Chance of being better") && `chance of being better ${known.get("Chance of being better")}`];
  return [["Expected gain", signs(gain.filter(Boolean).join(", "))], ["Proven", proven === "yes" ? "" : proven ?? ""]];
}

/** Write the minus signs of numbers as such. */
const signs = (text) => text.replace(/(^|[\s(])-(?=[\d.])/g, "$1−");

function usageWords({ input, output, seconds, cost }) {
  if (seconds === undefined) return [];
  const money = cost === null ? "cost unknown" : cost ? `$${cost.toFixed(cost < 1 ? 3 : 2)}` : "";
  return [input || output ? `${input.toLocaleString("en")} tokens in, ${output.toLocaleString("en")} out` : "", seconds ? duration(seconds) : "", money];
}
