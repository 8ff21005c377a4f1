/** What an agent was asked for an experiment and what it answered, loaded when they are opened. */

import { h, span } from "./elements.js";

/** Build both parts; `update(number, agent, asked)` shows them where the agent was asked. */
export function buildTalk(panel) {
  const part = (name, words) => {
    const text = h("pre", { class: "pre talk-text", tabindex: "0", "aria-label": words }), title = span("caption"), size = span("quiet");
    const box = h("details", { class: "detail-talk", ontoggle: () => load() }, h("summary", {}, title, " ", size), text);
    return { name, box, text, title, size };
  };
  const prompt = part("prompt", "Prompt"), reply = part("reply", "Reply"), node = h("div", { class: "detail-files", hidden: "" }, prompt.box, reply.box);
  let number = -1, shown = null;

  function load() {
    if (node.hidden || !(prompt.box.open || reply.box.open)) return;
    const found = panel.ask(`${number}:talk`, { type: "talk", number });
    if (found === shown) return;
    shown = found;
    for (const each of [prompt, reply]) {
      const text = found?.[each.name] ?? "";
      each.text.textContent = found ? text || (each.name === "prompt" ? "Not kept: the study was begun with an earlier version, or the agent was not asked." : "The agent has answered without text.") : "Loading…";
      each.size.textContent = text ? `${text.length.toLocaleString("en")} characters` : "";
    }
  }

  function update(wanted, agent, asked) {
    if (wanted !== number) {
      [number, shown] = [wanted, null];
      for (const each of [prompt, reply]) {
        each.box.open = false;
        [each.text.textContent, each.size.textContent] = ["", ""];
      }
    }
    node.hidden = !asked;
    prompt.title.textContent = `What ${agent || "the agent"} was asked`;
    reply.title.textContent = "What it answered";
    load();
  }

  return { node, update };
}
