/**
 * What the view knows of the study, and how it takes what Python sends.
 *
 * About once a second the view sends a "pull" that says what it has, with one request in flight. Python answers with a "delta": what has changed
 * of the study's facts, the new rows and the older ones that have changed (an experiment may be run again after its verdict; `revision` counts
 * such changes), texts of rows, all gains when anything is new, and new points of the current learning curve. What is not new is not there. A
 * lost or repeated message does no harm, so a reload, a second view or a slow line only delays the panel.
 *
 *   sent:     {type: "pull", epoch, seen, since, revision, texts: [from, to], gains, curve: {kind, number, repeat, stride, points}}
 *             any question of `ask`, with a `key` that its answer repeats; {type: "command", name, ...}
 *   received: {type: "delta", asked, epoch, stamp, base, facts, rows, texts, gains, curve, beside, more}; see the functions below for the parts, and
 *             `delta.py`. `asked` is false when it answers no pull, because a cell blocks the kernel. `more` asks for the next pull at once.
 *             {type: "refused", message} and {type: "told", message}: a line for the user
 *             {type: "taken", name}: a command was carried out or refused
 *
 * @typedef {{number: number, verdict: string, value: number | null, seconds: number, parent: number | null, agent: string, repeats: number,
 *            averaged: number, summary: string, reason: string, cause: string}} Row
 *   `repeats` counts all its runs, `averaged` those that its value is of. `cause` names what a failure came from. Texts may come a moment later.
 * @typedef {{kind: string, number: number, repeat: number, stride: number, name: string, points: number[][], incumbent: number[][]}} Curve
 * @typedef {{epoch: string, stamp: number | null, now: any, rows: Map<number, Row>, since: number, revision: number, texts: number[] | null,
 *            gains: any, curve: Curve | null, beside: any[], changes: number, dirty: Set<number>, answers: Map<string, any>, open: Map<string, number>,
 *            outdated: Set<string>}} Store
 *   `now` holds the facts, `since` the number of rows without a gap; `changes` counts changes of rows, `dirty` are the rows that changed since the
 *   last update. `answers` holds the answers to the questions of `ask` by their keys, `open` when the others were asked, `outdated` those that are
 *   to be asked again. `gainOf` and `figuresOf` in verdicts.js read the gains.
 */

import { AT_REST } from "./states.js";

/** @returns {Store} */
export const newStore = () => ({
  epoch: "", stamp: null, now: null, rows: new Map(), since: 0, revision: 0, texts: null, gains: null, curve: null, beside: [], changes: 0,
  dirty: new Set(), answers: new Map(), open: new Map(), outdated: new Set(),
});

/** What the next pull says that the view has. */
export function whatIsKnown(store) {
  const { kind = "", number = -1, repeat = 0, stride = 1, points = [] } = store.curve ?? {};
  return {
    epoch: store.epoch, seen: store.stamp, since: store.since, revision: store.revision, texts: store.texts, gains: store.gains?.state ?? "",
    curve: { kind, number, repeat, stride, points: points.length },
  };
}

/**
 * Apply a delta, which may also be one that another view of the same model has requested: facts that are relative to others than
 * ours are left out, each row is inserted or replaced, and `since` is the number of rows without a gap. `revision` advances only if the
 * changes begin at or before the last one known. Returns false when something is missing and must be requested at once.
 */
export function takeDelta(store, delta, buffers) {
  if (delta.epoch !== store.epoch) Object.assign(store, newStore(), { epoch: delta.epoch });
  let whole = takeFacts(store, delta) && !delta.more, at = 0;
  if (delta.rows) whole = takeRows(store, delta.rows, buffers[at++]) && whole;
  if (delta.gains) takeGains(store, delta.gains, buffers[at++]);
  if (delta.texts) takeTexts(store, delta.texts);
  store.beside = takeBeside(delta.beside ?? [], buffers?.[at + (delta.curve ? 2 : 0)]);
  return takeCurve(store, delta.curve, buffers?.slice(at)) && whole;
}

/** Take the facts of the study: all of them, or those that have changed since the ones that we have. */
function takeFacts(store, { stamp, base, facts }) {
  if (!facts) return store.stamp === stamp;
  if (base !== null && base !== store.stamp) return Boolean(store.now); // of another view: ours come with our own pull
  const merged = base === null ? facts : { ...store.now };
  if (base !== null) {
    for (const [name, value] of Object.entries(facts)) merged[name] = isParts(value) && isParts(merged[name]) ? { ...merged[name], ...value } : value;
  }
  [store.now, store.stamp] = [merged, stamp];
  return true;
}

const isParts = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

const READERS = {
  "<f8": [8, "getFloat64"], "<f4": [4, "getFloat32"], "<i4": [4, "getInt32"], "<u2": [2, "getUint16"], u1: [1, "getUint8"],
};

/** Take rows: those that have changed (`again`), and those from `from` to `to`, in columns one after another. */
function takeRows(store, { from, to, again, after, revision, columns, verdicts, agents }, buffer) {
  const data = viewOf(buffer), numbers = [...again];
  for (let n = from; n < to; n++) numbers.push(n);
  const made = numbers.map((number) => ({ number, summary: "", reason: "", cause: "" }));
  let at = 0;
  for (const [name, type] of columns) {
    const [size, read] = READERS[type];
    for (const row of made) {
      row[name] = data[read](at, true);
      at += size;
    }
  }
  for (const row of made) {
    const old = store.rows.get(row.number);
    if (Number.isNaN(row.value)) row.value = null;
    row.verdict = verdicts[row.verdict];
    row.agent = agents[row.agent] ?? "";
    if (row.parent < 0) row.parent = null;
    if (old) {
      [row.summary, row.reason, row.cause] = [old.summary, old.reason, old.cause];
      if (SAME.every((name) => old[name] === row[name])) continue;
    }
    store.rows.set(row.number, row);
    touch(store, row.number);
  }
  while (store.rows.has(store.since)) store.since++;
  if (after <= store.revision) store.revision = Math.max(store.revision, revision);
  return store.since >= to && store.revision >= revision;
}

const SAME = ["verdict", "value", "seconds", "repeats", "averaged", "parent"];

/** Note that a row is shown otherwise than before; what was answered about it (its keys begin with its number and a colon) is asked again. */
function touch(store, number) {
  store.dirty.add(number);
  store.changes++;
  for (const key of store.answers.keys()) if (key.startsWith(`${number}:`)) store.outdated.add(key);
}

/** Take texts of rows; what we have stays one stretch without gaps. */
function takeTexts(store, { from, rows, again }) {
  const set = (number, [summary = "", reason = "", cause = ""]) => {
    const row = store.rows.get(number);
    if (!row || (row.summary === summary && row.reason === reason && row.cause === cause)) return;
    Object.assign(row, { summary, reason, cause });
    touch(store, number);
  };
  for (const [number, text] of Object.entries(again)) set(Number(number), text);
  if (!rows.every((_, i) => store.rows.has(from + i))) return; // of another view, which has more rows
  rows.forEach((text, i) => set(from + i, text));
  const end = from + rows.length;
  if (!store.texts) store.texts = [from, end];
  else if (from <= store.texts[1] && end >= store.texts[0]) store.texts = [Math.min(from, store.texts[0]), Math.max(end, store.texts[1])];
}

/** Take the gains of all rows; those that are shown otherwise than before are drawn again. */
function takeGains(store, { state, rows }, buffer) {
  const { buffer: bytes } = viewOf(buffer), old = store.gains;
  const made = { state, rows, table: new Float32Array(bytes, 0, 5 * rows), bits: new Uint8Array(bytes, 20 * rows, rows) };
  store.gains = made;
  for (let n = 0; n < rows; n++) {
    const before = old && n < old.rows;
    if (before && old.bits[n] === made.bits[n] && near(old, made, n)) continue;
    if (store.rows.has(n)) touch(store, n); // another view of the model may have asked for more rows
  }
}

/** Whether a row's gain is shown as before: it has moved by less than a hundredth of its interval. */
function near(old, made, n) {
  const reach = Math.abs(made.table[2 * made.rows + n] - made.table[made.rows + n]) / 100 || 0;
  for (let column = 0; column < 5; column++) {
    const [a, b] = [old.table[column * old.rows + n], made.table[column * made.rows + n]];
    if (Number.isNaN(a) !== Number.isNaN(b) || Math.abs(a - b) > (column === 3 ? 0.004 : reach)) return false;
  }
  return true;
}

/** Return the curves of the other slots with their points, which come one after another in one buffer. */
function takeBeside(told, buffer) {
  const all = told.length ? pairs(buffer) : [];
  let at = 0;
  return told.map((each) => ({ ...each, points: all.slice(at, (at += each.count)) }));
}

/** Add new points of the current curve. If they do not follow those we have, forget the curve, so that all of it is sent. */
function takeCurve(store, piece, buffers) {
  if (!piece) {
    if (store.now && AT_REST.has(store.now.state) && !store.now.curved) store.curve = null; // the last run is over, and the best has none
    return true;
  }
  const same = ["kind", "number", "repeat", "stride"].every((name) => store.curve?.[name] === piece[name]);
  if (piece.from > (same ? store.curve.points.length : 0)) {
    store.curve = null;
    return false;
  }
  if (!same) {
    const { kind, number, repeat, stride, slot, flying } = piece;
    store.curve = { kind, number, repeat, stride, slot, flying, name: "", points: [], incumbent: [] };
  }
  const curve = store.curve;
  curve.name = piece.name ?? "";
  curve.points.length = piece.from;
  for (const point of pairs(buffers?.[0])) curve.points.push(point); // no spread: too many arguments overflow the stack
  if (piece.incumbent) curve.incumbent = pairs(buffers?.[1]);
  return true;
}

/** A view of a buffer's bytes, copied to where typed arrays may begin. */
export function viewOf(buffer) {
  const bytes = ArrayBuffer.isView(buffer) ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength) : new Uint8Array(buffer);
  return new DataView(bytes.slice().buffer);
}

/** Read pairs of little-endian 32-bit floats. */
export function pairs(buffer) {
  if (!buffer) return [];
  const view = ArrayBuffer.isView(buffer) ? new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength) : new DataView(buffer);
  return Array.from({ length: Math.floor(view.byteLength / 8) }, (_, i) => [view.getFloat32(8 * i, true), view.getFloat32(8 * i + 4, true)]);
}
