/** How much each constant matters: bars with their intervals, the best value and the range that was tried. */

import { div, h, span } from "./elements.js";
import { buildChoice } from "./insights_canvas.js";
import { inPercent, makeCard } from "./insights_card.js";

const IMPORTANCE_METHODS = {
  fanova: ["fANOVA", "Optuna's fANOVA: how much of the metric's variance over these runs each constant explains by itself"],
  "ped-anova": ["PED-ANOVA", "Optuna's PED-ANOVA: how differently a constant's values are spread among the best runs than among all"],
};

export function importanceMissing({ names, valued, needed, tried, of, current, example, failed }) {
  if (names.length) return "";
  if (failed) return "The importances could not be computed: the process that does it ended without an answer.";
  if (!of) return "Which constants matter will be shown here, once there are experiments.";
  const others = of - valued;
  if (valued < needed) {
    const more = others ? `${valued} of the ${of} runs with a result share their code with ${current ? "the best" : `experiment ${example}`}, constants aside` : `There ${valued === 1 ? "is 1 run" : `are ${valued} runs`} with a result so far`;
    return `${more}; importances need ${needed}.`;
  }
  return tried ? "All these runs have the same result, so nothing can be said to matter." : "No constant has had two values yet in versions that share their code: nothing can be compared.";
}

export function importanceWords(answer) {
  const { kind, names, shares, low, high, clear, first, runs, of, current, example } = answer;
  const from = `from ${runs} of ${of} runs${current ? "" : `, all with the code of experiment ${example}, not of the best`} (${IMPORTANCE_METHODS[kind][0]})`;
  const sure = names.filter((_, i) => clear[i]);
  if (!sure.length) return `No constant stands out from chance yet, ${from}.`;
  const lead = clear[0] ? `${names[0]} matters most: ${inPercent(shares[0], 1)} of the importance, ${inPercent(low[0], 1)} to ${inPercent(high[0], 1)} in 9 of 10 resamples` : `${names[0]} has the longest bar, but chance may explain it`;
  const sureOf = first >= 0.8 || !clear[0] ? "" : `; it comes first in ${inPercent(first, 1)} of them, so its place is not settled`;
  const rest = names.filter((_, i) => !clear[i]).length;
  return `${lead}${sureOf}, ${from}.${rest ? ` What ${rest === 1 ? "the hollow bar shows" : `the ${rest} hollow bars show`} may be chance.` : ""}`;
}

export function buildImportance(panel, feed) {
  let kind = "", all = false;
  const choice = buildChoice("Method", Object.entries(IMPORTANCE_METHODS).map(([name, [text, title]]) => [name, text, title]), (name) => { kind = name; panel.update(); });
  const rows = div("bars"), more = h("button", { type: "button", class: "showmore", onclick: () => { all = !all; panel.update(); } }), note = h("p", { class: "footnote" });
  return makeCard(panel, feed, {
    part: "importance",
    again: 8000,
    title: () => "Which constants matter",
    question: () => (kind ? { kind } : {}),
    state: () => all,
    missing: importanceMissing,
    words: importanceWords,
    draw: (body, answer) => {
      if (!body.firstChild) body.append(rows, more, note, choice.node);
      const shown = all ? answer.names.length : Math.min(8, answer.names.length), top = Math.max(...answer.high, ...answer.shares, 0.01);
      rows.replaceChildren(...answer.names.slice(0, shown).map((name, i) => {
        const [share, low, high] = [answer.shares[i], answer.low[i], answer.high[i]];
        const said = `${name}: ${inPercent(share, 1)}, ${inPercent(low, 1)} to ${inPercent(high, 1)} in resamples${answer.clear[i] ? "" : ", may be chance"}`;
        return div("barrow", div("barname", name),
          h("div", { class: `bartrack${answer.clear[i] ? "" : " unclear"}`, role: "img", "aria-label": said, title: said },
            h("i", { style: `width:${(100 * share) / top}%` }), h("b", { style: `left:${(100 * low) / top}%;width:${(100 * (high - low)) / top}%` })),
          div("barshare", inPercent(share, 1)),
          div("barvalue", answer.best.length ? span("barbest", answer.best[i]) : "", span("barrange", answer.best.length ? `best, of ${answer.range[i]}` : answer.range[i])));
      }));
      more.hidden = answer.names.length <= 8;
      more.textContent = all ? "Show fewer" : `Show ${answer.names.length - 8} more`;
      note.textContent = answer.kind === "ped-anova"
        ? `A line is the middle 90% of 20 resamples. PED-ANOVA also counts what varies without harm among the best runs${answer.possible.length < 2 ? "; with scikit-learn installed, fANOVA is shown" : ""}.`
        : "A line is the middle 90% of 20 resamples of the runs; constants that were changed together share the credit.";
      choice.node.hidden = answer.possible.length < 2;
      choice.set(answer.kind);
    },
  });
}
