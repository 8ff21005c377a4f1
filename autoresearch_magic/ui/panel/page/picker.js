/** A field for the number of an experiment, which offers those that fit what is typed. */

import { h } from "./elements.js";

/** Most experiments that are offered: a list of thousands is slow, and nobody reads it. */
const OFFERED = 40;
let pickers = 0;

/** Build the field; `choose(number)` is called with the number of an experiment that there is. */
export function buildPicker(panel, label, choose) {
  const { store } = panel, id = `arm-picker-${++pickers}`;
  const list = h("datalist", { id }), input = h("input", { class: "picker", type: "text", list: id, size: 8, placeholder: "number", "aria-label": label, autocomplete: "off", spellcheck: "false" });

  function fits() {
    const typed = input.value.trim().replace(/^#/, "").toLowerCase(), found = [];
    for (let n = store.since - 1; n >= 0 && found.length < OFFERED; n--) {
      const row = store.rows.get(n);
      if (!typed ? row.verdict === "keep" || row.verdict === "baseline" : `${n}`.startsWith(typed) || row.summary.toLowerCase().includes(typed)) found.push(row);
    }
    return found;
  }
  const offer = () => list.replaceChildren(...fits().map((row) => h("option", { value: `${row.number}` }, `#${row.number} ${row.verdict} ${row.summary.slice(0, 60)}`)));
  function take() {
    const number = Number(/^#?(\d+)$/.exec(input.value.trim())?.[1] ?? NaN);
    input.toggleAttribute("aria-invalid", !store.rows.has(number));
    if (store.rows.has(number)) choose(number);
    else if (input.value.trim()) panel.tell(`There is no experiment ${input.value.trim()}: they are numbered 0 to ${store.since - 1}.`);
  }
  input.addEventListener("focus", offer);
  input.addEventListener("input", offer);
  input.addEventListener("change", take);
  return { node: h("span", {}, input, list), input };
}
