/** Scales, searches and windows of the charts: numbers alone, without a page. */

import { minus, ticks } from "./numbers.js";

/** Decades between the smallest and the largest value from which an axis is logarithmic by itself. */
export const DECADES = 2;
/** The fewest experiments that a zoomed chart shows. */
export const NARROWEST = 4;

/** Return the smallest and the largest of some numbers: without a spread, which overflows the stack where there are very many. */
export function extent(values) {
  let low = Infinity, high = -Infinity;
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [low, high];
}

/** Return a scale: a function from values to pixels. `ends` are values, the logarithms of values where `log` is set. */
export function makeScale(ends, pixels, log = false) {
  const [low, high] = ends, [from, to] = pixels, share = (to - from) / (high - low || 1);
  return log ? (v) => from + (Math.log10(v) - low) * share : (v) => from + (v - low) * share;
}

/** Return the first index whose key is at least `wanted`, by binary search; the items are sorted by that key. */
export function firstAtLeast(items, wanted, key) {
  let low = 0, high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (key(items[middle]) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Return the index of the point {x, y} that is nearest to a place, -1 where none is within `reach` pixels. The points are sorted by x: the
 * search begins at the place and goes outwards until the distance in x alone is too large. A distance in y counts 0.6 times.
 */
export function nearestPoint(points, x, y, reach = 36) {
  const start = firstAtLeast(points, x, (p) => p.x);
  let best = -1, least = reach;
  const look = (index) => {
    const distance = Math.hypot(points[index].x - x, (points[index].y - y) * 0.6);
    if (distance < least) [best, least] = [index, distance];
  };
  for (let i = start; i < points.length && points[i].x - x < least; i++) look(i);
  for (let i = start - 1; i >= 0 && x - points[i].x < least; i--) look(i);
  return best;
}

/**
 * Whether an axis is logarithmic by itself: all values are above zero, and the kept ones, or nine tenths of all, span more than two
 * decades. Single values far outside do not count: they are arrows at the edge.
 */
export function spansDecades(values, kept) {
  if (!values.length || values.some((v) => !(v > 0))) return false;
  const sorted = [...values].sort((a, b) => a - b), at = (q) => sorted[Math.round(q * (sorted.length - 1))];
  const few = sorted.length < 20 ? 0 : 0.05, [low, high] = extent(kept);
  return Math.log10(at(1 - few) / at(few)) > DECADES || (high > low && Math.log10(high / low) > DECADES);
}

/** Return the ticks of a logarithmic axis between two logarithms, at 1, 2 and 5 of each decade where there is room, and a formatter. */
export function logTicks(low, high, count) {
  const format = (v) => {
    const power = Math.floor(Math.log10(v) + 1e-9);
    if (power >= 6 || power < -4) return minus(v.toExponential(Number((v / 10 ** power).toPrecision(6)) % 1 ? 1 : 0).replace("+", ""));
    return `${Number(v.toPrecision(6))}`;
  };
  const within = (mantissas, every = 1) => {
    const found = [];
    for (let power = Math.floor(low); power <= Math.ceil(high); power++) {
      if (power % every) continue;
      for (const m of mantissas) {
        const v = Number(`${m}e${power}`), at = Math.log10(v);
        if (v > 0 && Number.isFinite(v) && at >= low - 1e-9 && at <= high + 1e-9) found.push(v);
      }
    }
    return found;
  };
  const most = Math.max(2, Math.ceil(1.5 * count));
  const fine = within([1, 2, 5]);
  if (fine.length < 2) return ticks(10 ** low, 10 ** high, count); // less than a step of 1-2-5: as on a linear axis
  if (fine.length <= most) return { at: fine, format };
  return { at: within([1], Math.max(1, Math.ceil((high - low) / most))), format };
}

/**
 * Return a window [from, to] of the x-axis moved into [0, end] and made as wide as it may be; null for the whole axis.
 */
export function clampWindow([from, to], end) {
  const width = Math.max(Math.min(NARROWEST, end), to - from);
  if (!(width < 0.999 * end)) return null;
  const start = Math.min(Math.max(0, (from + to - width) / 2), end - width);
  return [start, start + width];
}

/** Return a window that is `factor` times as wide around the place `at`, which stays where it is. */
export const zoomed = ([from, to], at, factor) => [at - (at - from) * factor, at + (to - at) * factor];
