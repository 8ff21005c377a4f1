/** What was used of each limit, as bars, and where the study is heading. */

import { div, h, span } from "./elements.js";
import { countedWords, makeCard } from "./insights_card.js";
import { duration } from "./numbers.js";

const LIMIT_NAMES = { experiments: "Experiments", time: "Time at work", cost: "Cost of the agent", tokens: "Tokens", patience: "Runs without a keep" };

const wholeNumber = (n) => Math.round(n).toLocaleString("en");
const dollars = (usd) => (usd > 0 && usd < 0.005 ? "under 0.01" : usd.toFixed(2));

/** "0.82 of 5.00 USD", "12 of 60", "1 min of 2 h"; without a limit only what was used. */
export function usedWords(name, used, limit) {
  const [write, unit] = { time: [duration, ""], cost: [dollars, " USD"] }[name] ?? [wholeNumber, ""];
  if (used === null) return limit === null ? "not known" : `not known, of ${write(limit)}${unit}`;
  return limit === null ? `${write(used)}${unit}` : `${write(used)} of ${write(limit)}${unit}`;
}

/** What the forecast says, beside a limit that it may pass. */
export function forecastWords(name, used, limit, forecast, done, planned) {
  if (forecast === null) return limit === null && used !== null ? "no limit" : "";
  if (limit !== null && used >= limit) return "used up";
  const about = `about ${usedWords(name, name === "tokens" ? Number(forecast.toPrecision(2)) : forecast, null)} after all ${planned} experiments`;
  if (limit === null) return `no limit; ${about}`;
  if (forecast <= limit) return about;
  return `at this pace the limit comes after about ${countedWords(Math.max(done, Math.floor((done * limit) / used)), "experiment")}, before all ${planned}`;
}

export function limitWords({ name, used, limit, forecast, done, planned, over }) {
  const shares = name.map((each, i) => [each, limit[i] && used[i] !== null ? used[i] / limit[i] : -1]).filter(([, part]) => part >= 0);
  const up = name.filter((each, i) => each !== "experiments" && limit[i] !== null && used[i] !== null && used[i] >= limit[i]);
  if (up.length) return `${up.map((each) => LIMIT_NAMES[each]).join(" and ")}: the limit is used up.`;
  if (over) return `The study is at rest after ${countedWords(done, "experiment")}.`;
  if (!shares.length) return "No limit is set: the study goes on until it is stopped.";
  const first = name.map((each, i) => [each, forecast[i] !== null && limit[i] !== null && forecast[i] > limit[i] ? limit[i] / forecast[i] : Infinity]).sort((a, b) => a[1] - b[1])[0];
  if (first[1] < Infinity) return `${LIMIT_NAMES[first[0]]} will run out first, at this pace: before all ${planned} experiments are made.`;
  const [most, part] = shares.sort((a, b) => b[1] - a[1])[0];
  return `${LIMIT_NAMES[most]} ${most === "experiments" ? "are" : "is"} the limit that is nearest, ${Math.floor(100 * part)}% used.`;
}

export function buildLimits(panel, feed) {
  const list = div("limits"), agents = h("table", { class: "kinds agents" });
  return makeCard(panel, feed, {
    part: "limits",
    title: () => "What it takes, against the limits",
    missing: ({ name }) => (name.length ? "" : "What the study uses will be here once it has begun."),
    words: limitWords,
    draw: (body, answer) => {
      if (!body.firstChild) body.append(list, agents);
      list.replaceChildren(...answer.name.map((name, i) => {
        const [used, limit, forecast] = [answer.used[i], answer.limit[i], answer.forecast[i]];
        const part = limit && used !== null ? Math.min(1, used / limit) : null, ahead = limit && forecast !== null ? Math.min(1, forecast / limit) : null;
        const said = usedWords(name, used, limit), more = forecastWords(name, used, limit, forecast, answer.done, answer.planned);
        const bar = part === null ? null : h("div", { class: `limitbar${part > 0.9 ? " near" : ""}`, role: "meter", "aria-label": LIMIT_NAMES[name], "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(100 * part), "aria-valuetext": `used ${said}` },
          ahead === null ? null : h("i", { class: "ahead", style: `width:${100 * ahead}%` }), h("i", { style: `width:${100 * part}%` }));
        return div("limit", div("limithead", span("limitname", LIMIT_NAMES[name]), span("limitused", part === null ? said : `used ${said}`)), bar, more ? div("limitmore", more) : null);
      }));
      const { name, tried, kept, calls, tokens, cost } = answer.agents;
      agents.hidden = name.length < 2;
      if (agents.hidden) return;
      agents.replaceChildren(h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "agent"), ...["tried", "kept", "calls", "tokens", "USD"].map((word) => h("th", { scope: "col", class: "num" }, word)))),
        h("tbody", {}, ...name.map((each, i) => h("tr", {}, h("th", { scope: "row" }, each || "unnamed"), ...[tried[i], kept[i], calls[i], tokens[i]].map((n) => h("td", { class: "num" }, wholeNumber(n))),
          h("td", { class: "num" }, cost[i] === null ? "not known" : dollars(cost[i]))))));
    },
  });
}
