/** The line to tell the agent something, and what it was told so far. */

import { div, h, setText, span } from "./elements.js";
import { setUsable, usable } from "./header.js";

/** Characters of a note, at most: a note is read with every question. */
const LONGEST_NOTE = 4000;

export function buildSteering(panel) {
  const text = h("input", { type: "text", class: "field", maxlength: `${LONGEST_NOTE}`, autocomplete: "off", "aria-label": "A note to the agent",
    oninput: () => update(), onkeydown: (event) => { if (event.key === "Enter" && !event.isComposing) send(); } });
  const button = h("button", { type: "button", class: "button tell", "aria-disabled": "true", onclick: () => send() }, h("span", {}, "Tell the agent"));
  const list = h("ul", { class: "notes" }), head = h("summary", {}, ""), told = h("details", { class: "told", hidden: "" }, head, list);
  const node = h("div", { class: "steering", role: "group", "aria-label": "Notes to the agent" }, div("noteline", text, button), told);
  let sent = "", shown = "", key = "", waits = false;

  function send() {
    if (!usable(button)) return;
    sent = text.value;
    panel.command("note", { text: sent });
  }

  function update() {
    const { now } = panel.store;
    if (!now) return;
    if (waits && panel.view.pending !== "note") settle();
    waits = panel.view.pending === "note";
    const { study } = now, why = reason(now);
    setText(button.firstChild, waits ? "telling…" : "Tell the agent");
    setUsable(button, !why && !waits && Boolean(text.value.trim()), why || (text.value.trim() ? `${study.agent} is told with its next question` : "Write what it should know first"));
    if (text.disabled !== Boolean(why)) text.disabled = Boolean(why);
    button.hidden = Boolean(study.deaf); // its room is for the reason
    const hint = why || `What ${study.agent === "me" ? "whoever tries versions" : study.agent} should know, such as: keep the batch size`;
    if (text.placeholder !== hint) [text.placeholder, text.title] = [hint, why];
    showNotes(now);
  }

  /** The note was taken or refused: what was taken leaves the line. */
  function settle() {
    if (panel.view.refused !== "note" && text.value === sent) text.value = "";
  }

  function showNotes(now) {
    // Asked again when a note was left or read here, and with each experiment, as another process may have done so.
    const { store } = panel, wanted = `${store.epoch} ${now.notes} ${store.since}`;
    if (wanted !== key && store.answers.has("notes")) store.outdated.add("notes");
    key = wanted;
    if (now.state === "new") return;
    const found = panel.ask("notes", { type: "notes" })?.notes;
    if (!found) return;
    const mark = JSON.stringify(found);
    if (mark === shown) return;
    shown = mark;
    told.hidden = !found.length;
    const unread = found.filter((note) => note.read === null).length;
    setText(head, `${found.length} note${found.length === 1 ? "" : "s"} to the agent${unread ? `, ${unread} not read yet` : ""}`);
    list.replaceChildren(...found.map((note) => h("li", {}, span("notetext", note.text), " ",
      span(note.read === null ? "wait" : "quiet", note.read === null ? "not read yet" : `read for experiment ${note.read}`))).reverse());
  }
  return { node, update };
}

/** Why no note can be left; empty where one can. */
function reason(now) {
  if (now.study.deaf) return now.study.deaf;
  return now.state === "new" ? "A note can be left when the study has started" : "";
}
