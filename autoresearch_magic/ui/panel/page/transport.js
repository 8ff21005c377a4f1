/** Pulls and messages between the view and Python. */

import { AT_REST } from "./states.js";
import { takeDelta, whatIsKnown } from "./store.js";

/** Milliseconds between two pulls, while the study works and while it does not. */
export const PULL = 1000, PULL_AT_REST = 3000;
/** Milliseconds after which an unanswered pull is repeated: the first time, and at most (the time doubles). */
export const LOST = 10_000, PATIENCE = 80_000;
/** Milliseconds without an answer until the panel says so, and that a refusal stays on the screen. */
export const SILENT = 5000, TOAST = 6000;

/**
 * Send pulls and receive messages. `onMessage` is called after each message; `onSilence` a few times a second with "" (all is
 * well), "busy" (no answer for a while) or "none" (there never was an answer).
 */
export function openTransport(model, store, onMessage, onSilence) {
  const clock = () => performance.now();
  let waiting = false, sentAt = 0, due = 0, patience = LOST, silentSince = clock(), answered = false;

  const send = (content) => {
    try { model.send(content); } catch { /* no kernel: onSilence reports it */ }
  };
  const pull = () => {
    if (!waiting) silentSince = clock(); // a hidden tab sends late: silence counts from an open pull
    else patience = Math.min(2 * patience, PATIENCE); // it may wait in a busy kernel's queue, and so would all that are sent after it
    [waiting, sentAt] = [true, clock()];
    send({ type: "pull", ...whatIsKnown(store) });
  };
  const tick = () => {
    const now = clock();
    if (waiting ? now - sentAt >= patience : now >= due) pull();
    onSilence(waiting && now - silentSince >= SILENT ? (answered ? "busy" : "none") : "");
  };
  const receive = (content, buffers) => {
    if (content?.type === "delta") {
      const whole = takeDelta(store, content, buffers);
      const lacking = store.since > (store.gains?.rows ?? 0); // gains are being worked out
      const pause = document.hidden || (AT_REST.has(store.now?.state) && !lacking) ? PULL_AT_REST : lacking ? PULL / 2 : PULL;
      answered = true;
      if (waiting && !content.asked) sentAt = silentSince = clock(); // sent unasked: our pull is not lost, it waits in the queue
      else {
        [waiting, patience, due] = [false, LOST, clock() + pause];
        if (!whole) pull();
      }
    } else if (content?.key !== undefined) {
      if (content.type !== "refused") { // else it is not asked again for a while
        store.open.delete(content.key);
        store.outdated.delete(content.key);
        store.answers.set(content.key, { ...content, buffers });
      }
    }
    onMessage(content);
    tick();
  };
  const wake = () => { if (!document.hidden && !waiting) pull(); };

  model.on("msg:custom", receive);
  document.addEventListener("visibilitychange", wake);
  const timer = setInterval(tick, 250);
  tick();
  /**
   * Return the answer to a question, undefined until it is there; `update` is called when it comes. A question is asked once for
   * each key, and again when nothing has come for a while. Keys about one experiment begin with its number and a colon: they are asked
   * again when it changes, and the old answer stays until the new one is there. `store.outdated.add(key)` does the same for others.
   */
  const ask = (key, content) => {
    const known = store.answers.get(key);
    const wanted = known === undefined || store.outdated.has(key);
    if (wanted && clock() - (store.open.get(key) ?? -Infinity) > LOST) {
      store.open.set(key, clock());
      send({ ...content, key });
    }
    return known;
  };
  return {
    send,
    ask,
    close() {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", wake);
      model.off("msg:custom", receive);
    },
  };
}
