/** The panel's host on a page of its own: it carries messages by HTTP, says when the server is away, and keeps the tab's title. */

import panel from "/panel.js";

/** Milliseconds between two tries to reach a server that is away. */
const AGAIN = 1000;

const view = crypto.randomUUID();
const calls = new Set();
const absent = document.getElementById("absent");
const known = { name: "", lost: null };

/** Split an answer of the server into its messages; see `framing.py`. */
function unpack(bytes) {
  const size = new DataView(bytes).getUint32(0, true), filled = (n) => n + ((8 - (n % 8)) % 8);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, size)));
  let at = 8 + filled(size);
  return head.map(([content, lengths]) => [content, lengths.map((length) => {
    const buffer = new DataView(bytes, at, length);
    at += filled(length);
    return buffer;
  })]);
}

async function post(content) {
  const answer = await fetch(`/message?view=${view}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) });
  if (answer.status === 403) throw new Error("token");
  if (!answer.ok) throw new Error(`${answer.status}`);
  return unpack(await answer.arrayBuffer());
}

/** Send a message. What was lost is asked for again, here or by the panel; only of a command the user has to know. */
async function send(content) {
  try {
    const messages = await post(content);
    present();
    for (const [each, buffers] of messages) receive(each, buffers);
  } catch (error) {
    away(error);
    if (content.type === "pull") known.lost = content;
    if (content.type === "command") receive({ type: "refused", message: "The server has not answered: press it again when the page has found it." }, []);
  }
}

function receive(content, buffers) {
  for (const call of [...calls]) call(content, buffers);
}

/** Put the study's name and how far it is into the tab's title. */
function name({ study, state, done }) {
  known.name = study.name;
  const sign = { running: "▶", baseline: "▶", starting: "▶", confirming: "▶", paused: "⏸", pausing: "⏸", waiting: "…", finished: "✓", failed: "✗" }[state] ?? "■";
  const title = `${sign} ${done}${study.total ? `/${study.total}` : ""} · ${study.name}`;
  if (document.title !== title) document.title = title;
}

function present() {
  known.lost = null;
  clearTimeout(known.timer);
  known.timer = 0;
  if (absent.matches(":popover-open")) absent.hidePopover();
}

/** Say that the server is away, and try to reach it: with the request that was lost, so that the panel goes on where it was. */
function away(error) {
  const command = document.createElement("code");
  command.textContent = `autoresearch watch ${known.name} --web`.replace("  ", " ");
  if (error.message === "token") absent.replaceChildren("The server was started anew with another token: open the address that it has printed.");
  else absent.replaceChildren("The server of this page has ended; the study is not affected. ", command, " starts it again, and the page goes on by itself.");
  if (!absent.matches(":popover-open")) absent.showPopover(); // above an open dialog
  known.timer ||= setTimeout(() => {
    known.timer = 0;
    if (known.lost) send(known.lost);
  }, AGAIN);
}

/** Restore: there is no cell here, so the version goes into the clipboard, and a command writes it into a file. */
document.addEventListener("autoresearch-magic:restore", async (event) => {
  event.preventDefault();
  const { number, source, study, done } = event.detail, command = `autoresearch restore ${number} --study ${study} --to FILE`;
  const copied = await navigator.clipboard?.writeText(source).then(() => true, () => false);
  done(copied ? `Version ${number} is in the clipboard: paste it over the target's code. Or write it into a file:  ${command}`
    : `The browser lets nothing be copied here: write version ${number} into a file:  ${command}`, copied ? "good" : "bad");
});

if (location.search) history.replaceState(null, "", "/"); // the token is in the cookie, and need not be in the history
const model = {
  shell: true, // commands are typed in a shell
  send,
  on: (kind, call) => calls.add(call),
  off: (kind, call) => calls.delete(call),
  told: name,
  silence: () => (absent.matches(":popover-open") ? "" : "The machine is busy: the panel goes on when the server has answered."),
};
panel.render({ model, el: document.getElementById("study") });
