/** Smoothed curves. */

/** The standard error that a smoothed curve may have, as a share of the curve's height, and the widest window, as a share of its points. */
const SMOOTH_ERROR = 0.012, WIDEST_SHARE = 0.1;

/**
 * Return the smoothed values of [x, y] points: at each point the value of the straight line that fits best (least squares) to it and its
 * `reach` neighbours on both sides, twice, so that the result has no corners. `reach` adapts to the curve: it is the smallest with which noise moves the result by about 1% of the
 * curve's height, and at most a twentieth of the points, so a curve without noise stays as it is. A line, not a mean, because a mean of a
 * falling curve is late at both ends. Running sums, so that a long curve costs as much per point as a short one.
 */
export function smoothed(points) {
  const ys = points.map((p) => p[1]), noise = noiseOf(ys), reach = smoothingReach(ys, noise);
  return reach < 1 ? ys : fitted(fitted(ys, reach, noise), reach, noise);
}

/**
 * Return the value of the straight line through each value and its neighbours. A slope that may be noise (two standard errors) is left out:
 * in the middle it changes nothing, and at the ends it would bend the curve at random.
 */
function fitted(ys, reach, noise) {
  const n = ys.length;
  const middle = ys.reduce((sum, y) => sum + y / n, 0); // sums of differences to it lose fewer digits
  const sums = new Float64Array(n + 1), moments = new Float64Array(n + 1);
  for (let i = 0; i < n; i++) {
    sums[i + 1] = sums[i] + (ys[i] - middle);
    moments[i + 1] = moments[i] + i * (ys[i] - middle);
  }
  return ys.map((_, i) => {
    const from = Math.max(0, i - reach), to = Math.min(n, i + reach + 1), count = to - from;
    const centre = (from + to - 1) / 2, mean = (sums[to] - sums[from]) / count;
    const square = (count * (count * count - 1)) / 12; // of the distances to the centre
    const slope = (moments[to] - moments[from] - centre * (sums[to] - sums[from])) / square;
    return middle + mean + slope * Math.max(0, 1 - (4 * noise * noise) / (square * slope * slope) || 0) * (i - centre);
  });
}

/** Return the standard deviation of a curve's noise; 0 for a curve of few points. */
function noiseOf(ys) {
  const n = ys.length;
  if (n < 12) return 0;
  // Of white noise the second difference has 6 times the variance; the median is that of a normal distribution.
  const steps = [];
  for (let i = 2, stride = Math.max(1, Math.floor(n / 4096)); i < n; i += stride) steps.push(Math.abs(ys[i] - 2 * ys[i - 1] + ys[i - 2]));
  steps.sort((a, b) => a - b);
  return steps[steps.length >> 1] / 0.6745 / Math.sqrt(6);
}

/** Return how many neighbours on each side a curve is smoothed over; see `smoothed`. */
function smoothingReach(ys, noise) {
  const n = ys.length;
  if (!(noise > 0)) return 0;
  const sorted = [...ys].sort((a, b) => a - b), height = sorted[Math.floor(0.98 * (n - 1))] - sorted[Math.floor(0.02 * (n - 1))];
  if (!(height > 0)) return 0;
  const wanted = (noise / (SMOOTH_ERROR * height)) ** 2; // points whose mean has this standard error
  return Math.min(Math.ceil((wanted - 1) / 2), Math.floor((WIDEST_SHARE * n) / 2));
}

/**
 * Return the points of a curve that a chart of so many pixels needs: of each pixel column the lowest and the highest one, in their order.
 * Unlike every n-th point they lose no spike. `points` are [x, y] with x ascending; `X` gives pixels.
 */
export function thinned(points, X) {
  const found = [];
  let column = NaN, low = null, high = null;
  const close = () => {
    if (!low) return;
    const pair = low === high ? [low] : low[2] < high[2] ? [low, high] : [high, low];
    for (const each of pair) found.push(each);
  };
  points.forEach(([x, y], i) => {
    const at = Math.floor(X(x));
    if (at !== column) {
      close();
      [column, low, high] = [at, null, null];
    }
    if (!low || y < low[1]) low = [x, y, i];
    if (!high || y > high[1]) high = [x, y, i];
  });
  close();
  return found;
}
