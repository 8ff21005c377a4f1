/** What kinds of change paid off: a table with small bars, those that brought the most first. */

import { h, span } from "./elements.js";
import { countedWords, makeCard } from "./insights_card.js";
import { minus } from "./numbers.js";

/** Rows that are shown before the button for the others. */
export const FIRST_KINDS = 8;

/** A gain as it is written in a narrow column: signed, of two digits. */
export function signedGain(value) {
  if (value === null || value === undefined) return "–";
  const text = `${Number(Math.abs(value).toPrecision(2))}`;
  return value === 0 ? "0" : minus(`${value > 0 ? "+" : "-"}${text}`);
}

/** A kind of change in words; names of constants stay as they are. */
export function kindName(kind, first = false) {
  const known = { "several constants": "several constants at once", "structure: more code": "more code", "structure: less code": "less code",
    "structure: as much code": "other code of the same size", nothing: "layout and comments alone" }[kind];
  return !known ? kind : first ? known[0].toUpperCase() + known.slice(1) : known;
}

export function kindWords(answer) {
  const { kind, tried, kept, total } = answer;
  const all = tried.reduce((a, b) => a + b, 0), wins = kept.reduce((a, b) => a + b, 0);
  if (!wins) return `Nothing was kept so far: ${all === 1 ? "1 try" : `${all} tries`} of ${countedWords(kind.length, "kind")} of change.`;
  const sum = total.reduce((a, b) => a + Math.max(0, b), 0);
  const part = sum > 0 && total[0] > 0 ? `, ${Math.round((100 * total[0]) / sum)}% of all that was gained` : "";
  const idle = kind.map((name, i) => [name, tried[i], kept[i]]).filter(([, n, k]) => !k && n >= 3).sort((a, b) => b[1] - a[1])[0];
  return `${kindName(kind[0], true)} paid off most: ${tried[0]} tried, ${kept[0]} kept${part}.${idle ? ` Nothing came of ${kindName(idle[0])} in ${idle[1]} tries.` : ""}`;
}

export function buildKinds(panel, feed) {
  let all = false;
  return makeCard(panel, feed, {
    part: "kinds",
    title: () => "What kinds of change paid off",
    state: () => all,
    missing: ({ kind }) => (kind.length ? "" : "Each kind of change will be a row here, once experiments have run: a constant by its name, several constants, or the structure of the code."),
    words: kindWords,
    draw: (body, answer) => {
      const shown = all ? answer.kind.length : Math.min(answer.kind.length, FIRST_KINDS);
      const rows = Array.from({ length: shown }, (_, i) => {
        const [hits, of, low, high] = [answer.kept[i], answer.tried[i], answer.keptLow[i], answer.keptHigh[i]].map(Number);
        const bar = h("span", { class: "ratebar", "aria-hidden": "true" }, h("i", { style: `width:${(100 * hits) / of}%` }),
          h("b", { style: `left:${100 * low}%;width:${100 * (high - low)}%` }));
        const range = answer.low[i] === null ? "" : `${signedGain(answer.low[i])} to ${signedGain(answer.high[i])}`;
        return h("tr", {}, h("th", { scope: "row" }, kindName(answer.kind[i])), h("td", { class: "num" }, `${of}`),
          h("td", { class: "num ratecell", title: `Kept ${hits} of ${of}; 95% interval of the rate ${Math.round(100 * low)}% to ${Math.round(100 * high)}%` }, bar, `${hits}`),
          h("td", { class: "num roomy" }, `${answer.proven[i]}`),
          h("td", { class: "num mean" }, signedGain(answer.mean[i]), range ? span("range", range) : ""),
          h("td", { class: `num ${answer.total[i] > 0 ? "good" : ""}` }, answer.kept[i] ? signedGain(answer.total[i]) : "–"));
      });
      const head = (text, title, name = "num") => h("th", { scope: "col", class: name, title }, text);
      const more = answer.kind.length - shown;
      body.replaceChildren(h("table", { class: "kinds" },
        h("thead", {}, h("tr", {}, head("change", "A constant by its name, or what happened to the code", ""), head("tried", "Experiments that were run"),
          head("kept", "The bar is the share that was kept, the line its 95% interval"), head("proven", "Kept, and shown to be a gain by later runs", "num roomy"),
          head("mean gain", "Of all tries, kept or not, with its 95% interval; positive is better"), head("in all", "The sum of the gains of those kept; positive is better"))),
        h("tbody", {}, ...rows)),
      more > 0 || all ? h("button", { type: "button", class: "showmore", onclick: () => { all = !all; panel.update(); body.querySelector(".arm-showmore")?.focus(); } },
        all ? "Show fewer" : `Show ${countedWords(more, "other kind")}`) : "");
    },
  });
}
