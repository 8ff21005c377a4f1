/** Limits on numbers besides the metric (--limit). */

/** Whether a value is beyond a limit, [sign, bound]. */
export const beyondLimit = (value, [sign, bound]) => !((sign[0] === "<" ? value < bound : value > bound) || (value === bound && sign.length > 1));
