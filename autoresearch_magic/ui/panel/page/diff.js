/** Differences between two versions. */

import { h } from "./elements.js";

export function diffBlock(diff) {
  let inside = false; // before the first @@ a leading - or + belongs to a file name
  const kinds = { "+": "added", "-": "removed", "@": "hunk" };
  const lines = diff.replace(/\n$/, "").split("\n");
  return h("pre", { class: "pre diff", tabindex: "0", "aria-label": "Difference" }, h("code", {}, ...lines.map((text) => {
    inside ||= text.startsWith("@@");
    return h("span", { class: inside ? kinds[text[0]] ?? "same" : "hunk" }, `${text}\n`);
  })));
}
