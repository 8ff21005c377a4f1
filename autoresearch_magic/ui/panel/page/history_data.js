/** What the chart of all experiments shows, without pixels: values, the best line, and what explains a point. */

import { twoDigits } from "./numbers.js";
import { firstAtLeast } from "./scales.js";
import { KEPT, VALUED, gainWords } from "./verdicts.js";

/** Return the rows of the store by number, and of these the ones with a value, and the kept ones. */
export function historyData(store) {
  const rows = [...store.rows.values()];
  if (rows.some((row, i) => i && rows[i - 1].number > row.number)) rows.sort((a, b) => a.number - b.number);
  const valued = rows.filter((r) => VALUED.has(r.verdict) && Number.isFinite(r.value));
  const kept = valued.filter((r) => KEPT.has(r.verdict));
  return { rows, valued, kept, positive: valued.length > 0 && valued.every((r) => r.value > 0), last: rows.at(-1)?.number ?? 0 };
}

/** Return the standard deviation of one run at a value; null while the noise is not known. `noise` is {sd, power, size}. */
export function noiseAt(noise, value) {
  if (!noise) return null;
  return noise.power && noise.size ? noise.sd * (Math.abs(value) / noise.size) ** noise.power : noise.sd;
}

/** Return the row of the version that was the best before an experiment. */
export const bestBefore = (data, number) => data.kept[firstAtLeast(data.kept, number, (r) => r.number) - 1] ?? null;

/** Say why a value that is better than the best line was not kept; "" for all others. */
export function whyNotKept(row, best, noise, minimize) {
  if (row.verdict !== "discard" || !best || !Number.isFinite(row.value)) return "";
  const gain = minimize ? best.value - row.value : row.value - best.value, sd = noiseAt(noise, best.value);
  if (!(gain > 0)) return "";
  const than = `${twoDigits(gain)} better than the best at that time (#${best.number})`;
  if (/^Too small a gain/.test(row.reason ?? "")) return `${than}: less than the smallest gain that is kept`;
  if (sd === null) return `${than}; how much runs vary by chance is not known`;
  if (sd === 0) return `${than}, but not enough to keep`;
  const vary = `but runs vary by sd ${twoDigits(sd)}`;
  return gain <= 1.5 * sd ? `${than}, ${vary}: not enough to keep` : `${than}, ${vary}, and most changes do not help: a gain is not expected`;
}

/** What is said of a point below its value: gain, interval and chance, the version that it was built on. */
export function pointWords(row, gain) {
  const parent = row.parent ?? null;
  return [...gainWords(gain, row.verdict), parent === null ? "" : parent ? `built on #${parent}` : "built on the baseline"].filter(Boolean);
}
