/** A card of the insights: a title that says what it shows, a sentence that reads it, the drawing, or what is missing for one. */

import { div, h, setText } from "./elements.js";

/** Milliseconds until a part is asked for again while the study goes on. */
export const ASK_AGAIN = 2000;

/** Return a function that gives the newest answer to a part's question, undefined until there is one; it asks anew when the study has changed. Cards may share a part. */
export function newFeed(panel) {
  const slots = new Map();
  const feed = (part, more = {}, again = ASK_AGAIN) => {
    const { store } = panel, slot = slots.get(part) ?? {};
    slots.set(part, slot);
    const question = JSON.stringify(more), wanted = [store.epoch, store.since, store.revision, store.now?.state, question].join();
    if (slot.epoch !== store.epoch || slot.question !== question) Object.assign(slot, { epoch: store.epoch, question, answer: undefined, pending: undefined, at: -Infinity });
    if (!slot.pending && slot.known !== wanted && performance.now() - slot.at > again) Object.assign(slot, { pending: wanted, at: performance.now() });
    if (slot.pending) {
      const key = `insights ${part} ${slot.pending}`, answer = panel.ask(key, { type: "insights", part, ...more });
      if (answer) {
        store.answers.delete(key);
        Object.assign(slot, { answer, known: slot.pending, pending: undefined });
      }
    }
    return slot.answer;
  };
  feed.known = (part) => slots.get(part)?.answer; // without asking for it
  return feed;
}

/**
 * Build a card.
 *
 * @param {{part?: string, local?: () => any, title: (now: any) => string, wide?: boolean, tall?: boolean, again?: number, question?: () => any,
 *   missing: (answer: any, now: any) => string, words: (answer: any, now: any) => string,
 *   draw: (body: HTMLElement, answer: any, width: number, now: any) => void, state?: () => any}} made
 *   `part` names the question to Python; `local` answers from what the page knows instead. `missing` says what is needed where there is nothing to draw yet, else ""; `state` is what else the drawing depends on.
 */
export function makeCard(panel, feed, made) {
  const title = h("h3", { class: "cardtitle" }), words = h("p", { class: "cardwords" }), body = div("cardbody"), lacks = h("p", { class: "lacks" }, "Computing …");
  const node = h("section", { class: `card${made.wide ? " wide" : made.tall ? " tall" : ""}` }, title, words, body, lacks);
  let drawn = "", last, own = {};
  /** What the page itself knows, computed anew when rows have changed. */
  const computed = () => {
    const { epoch, since, revision, changes } = panel.store, known = [epoch, since, revision, changes].join();
    if (own.known !== known && (own.at ?? -Infinity) < performance.now() - 500) own = { known, answer: made.local(), at: performance.now() };
    return own.answer;
  };
  [words.hidden, body.hidden] = [true, true];
  function update(now) {
    setText(title, made.title(now));
    if (!node.getAttribute("aria-label")) node.setAttribute("aria-label", title.textContent);
    const answer = made.local ? computed() : feed(made.part, made.question?.(), made.again);
    if (!answer) return;
    const width = Math.round(node.clientWidth - parseFloat(getComputedStyle(node).paddingLeft) * 2);
    if (width < 60) return;
    const key = [width, panel.root.getAttribute("data-arm-theme"), panel.view.sample, JSON.stringify(made.state?.())].join();
    if (answer === last && key === drawn) return;
    [last, drawn] = [answer, key];
    const missing = made.missing(answer, now);
    [words.hidden, body.hidden, lacks.hidden] = [Boolean(missing), Boolean(missing), !missing];
    setText(lacks, missing);
    if (missing) return;
    setText(words, made.words(answer, now));
    made.draw(body, answer, width, now);
  }
  return { node, body, update };
}

/** "1 experiment", "2 experiments". */
export const countedWords = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
/** A share in per cent, for sentences. */
export const inPercent = (part, of) => {
  const share = (100 * part) / Math.max(1, of);
  return `${share > 0 && share < 0.95 ? Math.max(0.1, Number(share.toFixed(1))) : Math.round(share)}%`;
};
