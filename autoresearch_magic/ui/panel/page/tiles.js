/** The four figures: best or result, baseline, experiments, time; at the end, where there is one, also the holdout's. */

import { div, h, setText, span } from "./elements.js";
import { duration, percent, twoDigits } from "./numbers.js";

export function buildTiles() {
  const tile = (name, label) => div(`tile ${name}`, div("label", label), div("figure skeleton"), div("note"));
  const parts = {
    best: tile("best", "Best so far"), baseline: tile("baseline", "Baseline"),
    counts: tile("counts", "Experiments"), time: tile("time", "Elapsed"), holdout: tile("holdout", "Holdout"),
  };
  parts.holdout.hidden = true;
  parts.node = h("div", { class: "tiles" }, parts.best, parts.baseline, parts.counts, parts.time, parts.holdout);
  return parts;
}

/** Write a gain with "better" or "worse": a sign alone does not say which way is better. */
export function gainText(gain, reference, format) {
  const share = reference ? ` (${percent(Math.abs(gain / reference))})` : "";
  return gain === 0 ? "no change" : `${format(Math.abs(gain))} ${gain > 0 ? "better" : "worse"}${share}`;
}

/** The gain at the end in words, and its tone: green only if chance does not explain it. */
export function resultText({ number, gain, reach, text, contradicted }) {
  if (number === 0) return ["plain", "nothing beat the baseline"];
  if (contradicted) return ["plain", `not confirmed by the holdout: ${text}`];
  return [reach !== null && gain > reach ? "good" : "plain", text];
}

/** What the tile of the holdout says: its label, its figure, and its notes, each with its tone. */
export function holdoutText({ name, best, sd, good, text, share, looks, warning, error }) {
  if (error) return ["Holdout", ["–", ""], [["plain", error]]];
  const notes = [[good ? "good" : "plain", text], ["", `\u00a0· ${share}`]];
  if (looks > 1) notes.push(["", `\u00a0· looked at ${looks}\u00a0times`]);
  if (warning) notes.unshift(["bad", `${warning} `]);
  return [`Holdout ${name}, which the search never used`, [`best ${best}`, sd ? ` sd ${sd}` : ""], notes];
}

export function updateTiles(parts, now, format) {
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
    sd === null ? "noise not known" : sd ? `noise sd\u00a0${twoDigits(sd)}` : "no noise so far");
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
  parts.holdout.hidden = !now.holdout;
  if (now.holdout) {
    const [label, figure, notes] = holdoutText(now.holdout);
    parts.holdout.classList.toggle("arm-unsure", !now.holdout.good);
    parts.holdout.classList.toggle("arm-against", Boolean(now.holdout.warning));
    set(parts.holdout, label, figure, ...notes.map(([tone, words]) => (tone ? span(tone, words) : words)));
  }
  set(parts.counts, "Experiments", [`${done}`, study.total ? ` / ${study.total}` : ""],
    [`${counts.keep}\u00a0kept${counts.keep && counts.proven !== null ? `, ${counts.proven}\u00a0proven` : ""}`, `${counts.discard}\u00a0discarded`, counts.failed && `${counts.failed}\u00a0failed`].filter(Boolean).join("\u00a0· "));
  set(parts.time, "Elapsed", [duration(now.elapsed)], now.pace ? `${duration(now.pace)} per experiment` : study.budget ? `${study.budget} per run` : "");
}
