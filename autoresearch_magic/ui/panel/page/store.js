/** What the view knows of the study, and how it takes what Python sends. */

import { AT_REST } from "./states.js";

/** @returns {Store} */
export const newStore = () => ({
  epoch: "", since: 0, revision: 0, now: null, rows: new Map(), gains: [], known: "", curve: null, details: new Map(), stale: new Set(), dirty: new Set(), answers: new Map(), open: new Map(),
});

/**
 * Apply a delta, which may also be one that another view of the same model has requested: each row is inserted or replaced,
 * and `since` is the number of rows without a gap. `revision` advances only if the changes begin at or before the last one
 * known. Returns false when something is missing and must be requested at once.
 */
export function takeDelta(store, delta, buffers) {
  if (delta.epoch !== store.epoch) Object.assign(store, newStore(), { epoch: delta.epoch });
  store.now = delta;
  for (const row of delta.rows) {
    if (JSON.stringify(store.rows.get(row.number)) === JSON.stringify(row)) continue;
    store.rows.set(row.number, row);
    if (store.details.has(row.number)) store.stale.add(row.number);
    store.dirty.add(row.number);
  }
  if (delta.gains) takeGains(store, delta.gains);
  let held = 0;
  while (store.rows.has(held)) held++;
  store.since = Math.min(held, delta.since);
  if (delta.after <= store.revision) store.revision = Math.max(store.revision, delta.revision);
  return takeCurve(store, delta.curve, buffers) && store.since >= delta.since && store.revision >= delta.revision;
}

/** Take the gains of all rows; those that are shown otherwise than before are drawn again. */
export function takeGains(store, { state, rows }) {
  rows.forEach((gain, number) => {
    if (!store.rows.has(number) || `${store.gains[number]}` === `${gain}`) return;
    store.dirty.add(number);
    if (store.details.has(number)) store.stale.add(number);
  });
  [store.gains, store.known] = [rows, state];
}

/** Add new points of the current curve. If they do not follow those we have, forget the curve, so that all of it is sent. */
export function takeCurve(store, piece, buffers) {
  if (!piece) {
    if (AT_REST.has(store.now.state)) store.curve = null; // the last run is over, and there is no curve of the best
    return true;
  }
  const same = ["kind", "number", "repeat", "stride"].every((name) => store.curve?.[name] === piece[name]);
  if (piece.from > (same ? store.curve.points.length : 0)) {
    store.curve = null;
    return false;
  }
  if (!same) {
    const { kind, number, repeat, stride } = piece;
    store.curve = { kind, number, repeat, stride, name: "", points: [], incumbent: [] };
  }
  const curve = store.curve;
  curve.name = piece.name ?? "";
  curve.points.length = piece.from;
  for (const point of pairs(buffers?.[0])) curve.points.push(point); // no spread: too many arguments overflow the stack
  if (piece.incumbent) curve.incumbent = pairs(buffers?.[1]);
  return true;
}

/** Read pairs of little-endian 32-bit floats. */
export function pairs(buffer) {
  if (!buffer) return [];
  const view = ArrayBuffer.isView(buffer) ? new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength) : new DataView(buffer);
  return Array.from({ length: Math.floor(view.byteLength / 8) }, (_, i) => [view.getFloat32(8 * i, true), view.getFloat32(8 * i + 4, true)]);
}
