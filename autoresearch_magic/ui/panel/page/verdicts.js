/** Verdicts: what they mean, how they are marked, and what a gain says in words. */

import { h, s, span } from "./elements.js";
import { minus, plainNumber } from "./numbers.js";

/** Verdicts with a value to draw; the others are drawn as a small mark at the edge of the chart. */
export const VALUED = new Set(["baseline", "keep", "discard"]);
export const KEPT = new Set(["baseline", "keep"]);
export const MUTED = new Set(["discard", "pruned", "duplicate"]);
/** What the verdicts mean, for tooltips. */
export const MEANING = {
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

export const PROVEN = [`${MEANING.keep}; not proven yet`, `${MEANING.keep}; proven: the chance that it is better is at least 99%, and later runs show it`];

/** Draw the mark of a verdict, the same in chart, legend and table; the shapes differ without colour too. A keep that is not proven is hollow. */
export function mark(verdict, x, y, r = 3.5, proven = true) {
  const at = { class: `mark ${VALUED.has(verdict) || MUTED.has(verdict) ? verdict : "failure"}${verdict === "keep" && !proven ? " unproven" : ""}` };
  if (verdict === "keep" && !proven) r -= 1; // its outline adds to it
  if (VALUED.has(verdict)) return s("circle", { ...at, cx: x, cy: y, r });
  if (MUTED.has(verdict)) return s("path", { ...at, d: `M${x - r + 0.5} ${y}h${2 * r - 1}` });
  const q = r - 0.7;
  return s("path", { ...at, d: `M${x - q} ${y - q}l${2 * q} ${2 * q}m0 ${-2 * q}l${-2 * q} ${2 * q}` });
}

export const tinyMark = (verdict, proven) => s("svg", { class: "tiny", viewBox: "0 0 10 10", "aria-hidden": "true" }, mark(verdict, 5, 5, 3.5, proven));
const DASH = "–", PROVEN_BIT = 1, EXACT_BIT = 2;

export const isProven = (store, number) => number < (store.gains?.rows ?? 0) && Boolean(store.gains.bits[number] & PROVEN_BIT);

/**
 * Return the gain of an experiment over its parent in numbers: {gain, low, high, chance, sd, proven, exact}, in the metric's unit and above
 * zero for better; NaN where something is not known, null where there is no gain. `sd` is that of one run at its value.
 */
export function gainOf(store, number) {
  const { gains } = store;
  if (!gains || number >= gains.rows) return null;
  const [gain, low, high, chance, sd] = [0, 1, 2, 3, 4].map((column) => gains.table[column * gains.rows + number]);
  if (Number.isNaN(gain)) return null;
  return { gain, low, high, chance, sd: sd || 0, proven: isProven(store, number), exact: Boolean(gains.bits[number] & EXACT_BIT) };
}

/** Return gain, 95% interval and chance of an experiment as a table shows them, and whether it is proven; as `study/evidence.py` writes them. */
export function figuresOf(store, number) {
  const found = gainOf(store, number);
  if (!found) return [DASH, DASH, DASH, false];
  const { gain, low, high, chance, sd, proven, exact } = found, known = !Number.isNaN(low), reach = known && !exact ? (high - low) / 2 : 0;
  const fine = reach > 0 ? Math.min(reach, sd > 0 ? sd : Infinity) : 0;
  const amount = (value) => writeAmount(value, fine, known);
  const size = amount(Math.abs(gain)), zero = !/[1-9]/.test(size), percents = Math.round(100 * chance);
  return [
    zero ? size : `${gain > 0 ? "+" : "-"}${size}`,
    !known ? DASH : exact ? "exact" : `${amount(low)} to ${amount(high)}`,
    Number.isNaN(chance) ? DASH : exact ? `${percents}%` : percents >= 100 ? ">99%" : percents <= 0 ? "<1%" : `${percents}%`,
    proven,
  ];
}

/** Write a figure of a gain; all of one gain have the same decimals, a tenth of the first digit of the spread. */
function writeAmount(value, fine, known) {
  if (fine > 1e-6 && fine < 1e12) {
    const decimals = Math.max(0, 1 - Math.floor(Math.log10(fine))), text = value.toFixed(decimals);
    return /[1-9]/.test(text) ? text : text.replace("-", "");
  }
  return plainNumber(fine > 0 || known ? value : Number(value.toPrecision(3)), fine);
}

/** What a gain says, in words: without what is not known. */
export function gainWords(gain, verdict) {
  const [size, interval, chance, proven] = gain ?? ["–", "–", "–", false], known = (text) => text !== "–";
  return [known(size) && `gain ${minus(size)}`, interval === "exact" ? "no noise so far" : known(interval) && `95% interval ${minus(interval)}`,
    known(chance) && `chance of being better ${chance}`, verdict === "keep" && (proven ? "proven" : "not proven yet")].filter(Boolean);
}

/** The name of a verdict with its mark; that of a keep says whether it is proven. */
export const chip = (verdict, proven) => h("span", { title: verdict === "keep" ? PROVEN[Number(proven)] : MEANING[verdict],
  class: `chip ${VALUED.has(verdict) || MUTED.has(verdict) ? verdict : "failure"}` }, tinyMark(verdict, proven), verdict,
verdict === "keep" && proven ? span("proven", ", proven") : "");
