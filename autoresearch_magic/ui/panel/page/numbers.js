/** How numbers and durations are written, and where an axis has its ticks. */

export const minus = (text) => text.replaceAll("-", "−");
export const twoDigits = (value) => minus(`${Number(value.toPrecision(2))}`);
export const percent = (share) => `${(100 * share).toFixed(Math.abs(share) < 0.0995 ? 1 : 0)}%`;

/**
 * Return a formatter with as many decimals as the noise allows (the last is a tenth of the standard deviation's first digit), or
 * where there is no noise, as are needed to tell these values apart; the same for all so that columns align.
 * A value that would be rounded to zero is written with an exponent.
 */
export function makeFormat(values, sd = 0) {
  const finite = values.filter(Number.isFinite);
  const top = finite.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const sorted = [...finite].sort((a, b) => a - b);
  const sizes = finite.map(Math.abs).filter(Boolean).sort((a, b) => a - b);
  const usual = quantile(sizes, 0.5) ?? 1; // the median: the largest may be an outlier, and would leave the others too few decimals
  const spread = sorted.length > 2 ? sorted[Math.floor(sorted.length * 0.8)] - sorted[Math.floor(sorted.length * 0.2)] : 0;
  const allowed = sd > 0 ? 1 - Math.floor(Math.log10(sd)) : null;
  const size = Math.min(top, 1e3 * usual); // a run that has diverged does not decide how the others are written
  if (size >= 1e7 || (top > 0 && top < 1e-4)) {
    const digits = allowed === null ? 3 : Math.min(8, Math.max(1, allowed + Math.floor(Math.log10(size))));
    return (v) => (v === null || v === undefined ? "–" : minus(v.toExponential(digits)));
  }
  const wanted = spread > 0 ? Math.ceil(-Math.log10(spread / 50)) : 0;
  const counted = finite.length && finite.every(Number.isInteger); // counts have no decimals
  const decimals = counted ? 0 : allowed !== null ? Math.min(10, Math.max(0, allowed)) : Math.min(wanted > 6 ? 12 : 6, Math.max(0, 3 - Math.floor(Math.log10(usual)), wanted));
  return (v) => {
    if (v === null || v === undefined) return "–";
    if (Math.abs(v) >= 1e7) return minus(v.toExponential(1));
    const text = v.toFixed(finite.length ? decimals : 3);
    return minus(v !== 0 && !/[1-9]/.test(text) ? v.toExponential(1) : text);
  };
}

/** Write a duration, such as "5.2 s" or "1 h 05 min". */
export function duration(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (hours) return `${hours} h ${String(minutes).padStart(2, "0")} min`;
  return whole < 600 && rest ? `${minutes} min ${String(rest).padStart(2, "0")} s` : `${minutes} min`;
}

/** Write an estimated duration, rounded up. */
export const roughly = (seconds) => (seconds < 50 ? `${Math.max(5, Math.ceil(seconds / 5) * 5)} s` : seconds < 3600
  ? `${Math.ceil(seconds / 60)} min` : duration(seconds));

/** Return about `count` round tick positions inside [low, high], and a formatter for them. */
export function ticks(low, high, count, whole = false) {
  const raw = (high - low) / Math.max(1, count);
  // Below the precision of floats, adding a step would never reach the end.
  if (!(raw > 1e-13 * Math.max(Math.abs(low), Math.abs(high)))) return { at: [low], format: (v) => minus(`${Number(v.toPrecision(6))}`) };
  const power = 10 ** Math.floor(Math.log10(raw));
  let step = power * ([1, 2, 5, 10].find((m) => m * power >= raw * 0.999) ?? 10);
  if (whole) step = Math.max(1, Math.round(step));
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(i * step);
  if (found.length < 2 && !whole) return ticks(low, high, 2 * Math.max(1, count)); // one tick is no scale
  return { at: found, format: (v) => minus(step >= 1 && Math.abs(v) < 1e7 ? v.toFixed(0) : step < 1e-6 || Math.abs(v) >= 1e7
    ? v.toExponential(1) : v.toFixed(Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)))) };
}

export const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(q * (sorted.length - 1))))];

/** Write a number with the digits that mean something, as `metric.format_number` does; `noise` is 0 where it is not known. */
export function plainNumber(value, noise = 0) {
  if (value === 0) return (0).toFixed(noise > 0 ? Math.min(Math.max(1 - Math.floor(Math.log10(noise)), 0), 6) : 0);
  if (!(noise > 0) && Number.isInteger(value) && Math.abs(value) < 1e15) return `${value}`;
  const digits = noise > 0 ? Math.min(Math.max(2 - Math.floor(Math.log10(noise)) + Math.floor(Math.log10(Math.abs(value))), 2), 12) : 6;
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e"), size = Number(exponent);
  const short = (text) => (noise > 0 || !text.includes(".") ? text : text.replace(/\.?0+$/, ""));
  if (size >= -5 && size < 15) return short(value.toFixed(Math.max(0, digits - 1 - size)));
  return `${short(mantissa)}e${size < 0 ? "-" : "+"}${String(Math.abs(size)).padStart(2, "0")}`;
}
