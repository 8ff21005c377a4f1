/** What can be done with a version: put it into the target cell, copy it, run it again, begin a study at it. */

import { h, span } from "./elements.js";
import { setUsable, usable } from "./header.js";
import { copyText } from "./host.js";
import { VALUED } from "./verdicts.js";

/** The event by which a front end that can do so puts a version into the target cell; who does calls `preventDefault`. */
const RESTORE = "autoresearch-magic:restore";
/** Milliseconds between two looks for an answer, and looks until it counts as lost. */
const LOOK = 50, LOOKS = 200;

/** Promise {source, cell, instead} of an experiment: its source, the cell that makes it the target, and what to do where there is no cell. */
export async function versionSource(panel, number) {
  for (let looks = 0; looks < LOOKS; looks++) {
    const found = panel.ask(`${number}:source`, { type: "source", number });
    if (found) return found;
    await new Promise((resolve) => { setTimeout(resolve, LOOK); });
  }
  throw new Error("no answer");
}

/** Put a version into the target cell where the front end can, else into the clipboard; say what to do next. */
export async function restore(panel, number) {
  const found = await versionSource(panel, number).catch(() => null);
  if (!found) return panel.tell("The kernel did not answer: press Restore again when it is free.");
  if (!found.cell) return panel.tell(found.instead, "plain");
  const { source, cell } = found, done = (message, tone = "good") => panel.tell(message, tone);
  const detail = { study: panel.store.now.study.name, number, source, cell, done };
  const asked = new CustomEvent(RESTORE, { bubbles: true, cancelable: true, composed: true, detail });
  if (!panel.root.dispatchEvent(asked)) return undefined; // it is done there, and `done` is called
  const copied = await copyText(cell), command = `%autoresearch restore ${number}`;
  return panel.tell(copied ? `Version ${number} is in the clipboard, as a whole cell: paste it over the target cell, and run that. Or run  ${command} , which makes a new cell.`
    : `This page may change no cell, and copy nothing: run  ${command} , which makes a new cell with version ${number}.`, copied ? "good" : "bad");
}

/** Copy the source of a version. */
export async function copyVersion(panel, number) {
  const done = await versionSource(panel, number).then((found) => copyText(found.source)).catch(() => false);
  panel.tell(done ? `The source of experiment ${number} is in the clipboard.` : "The browser lets nothing be copied here: select the text, and copy it by key.", done ? "good" : "bad");
}

/**
 * Build the buttons of a version, whose number `chosen` returns: Restore, and those that need the study, Run again and Branch from here.
 * `update` is given its row.
 */
export function buildVersionButtons(panel, chosen) {
  const button = (label, act) => h("button", { type: "button", class: "button", "aria-disabled": "false",
    onclick: (event) => { if (usable(event.currentTarget)) act(chosen()); } }, span("", label));
  const back = button("Restore", (number) => restore(panel, number));
  const again = button("Run again", (number) => panel.command("again", { number })), branch = button("Branch from here", (number) => panel.command("branch", { number }));
  // Some browsers copy only at once after a press: the source is asked for before it.
  for (const name of ["pointerenter", "focus"]) back.addEventListener(name, () => { panel.ask(`${chosen()}:source`, { type: "source", number: chosen() }); });

  function update(row) {
    const { now } = panel.store, { pending } = panel.view, { state, study } = now;
    setUsable(back, true, study.verify ? "How this version comes into your files" : "Put this version into the target cell, or into the clipboard");
    const why = row.verdict === "running" ? "It is not judged yet" : !VALUED.has(row.verdict) || row.value === null ? `Experiment ${row.number} has no value (${row.verdict})` : study.agent.startsWith("replay:") ? "Nothing is measured in a replay" : "";
    const busy = ["stopping", "confirming", "measuring", "starting", "baseline"].includes(state) ? `The study is ${state}: wait for the end of that` : "";
    setUsable(again, !why && !busy && pending !== "again", why || busy || "Run this version once more; its value joins those of its runs, and the judge looks again");
    const never = study.verify ? "A study of a repository begins at a commit: apply the version first" : why;
    setUsable(branch, !never && pending !== "branch", never || "Make a new study that begins at this version, with the same program, setup and settings");
  }
  return { restore: back, nodes: [back, again, branch], update };
}
