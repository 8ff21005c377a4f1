/**
 * The commands in JupyterLab's palette, below "Autoresearch".
 *
 * What shows something in the notebook is run in a new cell below the active one, as if it had been typed: that keeps the result. What only tells
 * a study something is asked of the kernel directly, so that it works while a cell runs, and leaves no cell behind.
 */

import { place } from "./placing.js";

const CATEGORY = "Autoresearch";
const IN_A_CELL = [
  ["status", "Show Status of the Study"], ["history", "Show History of Experiments"], ["best", "Show Best Version"], ["wait", "Wait for the Study"],
  ["step", "Step: Run One Experiment"], ["resume", "Resume the Study"], ["watch", "Show Panel of the Study"], ["report", "Write Report of the Study"],
  ["doctor", "Doctor: Check This Environment for Studies"], ["help", "Help with %autoresearch"],
];
const STOPPING = 30_000; // milliseconds that a study may take to end
const ASKED = [["pause", "Pause the Study"], ["stop", "Stop the Study"]];

/**
 * Add the commands.
 *
 * @param app JupyterLab
 * @param links notebook panel -> link
 * @param apputils its `Notification` and `InputDialog`
 */
export function addCommands(app, tracker, links, palette, { Notification, InputDialog }, NotebookActions) {
  const current = () => (tracker.currentWidget && tracker.currentWidget === app.shell.currentWidget ? tracker.currentWidget : null);

  function add(id, label, caption, execute) {
    const command = `autoresearch:${id}`;
    app.commands.addCommand(command, {
      label, caption, isEnabled: () => current() !== null, execute: () => execute(current()),
      describedBy: { args: { type: "object", properties: {} } },
    });
    palette.addItem({ command, category: CATEGORY });
  }

  async function inACell(panel, line) {
    NotebookActions.insertBelow(panel.content);
    panel.content.activeCell.model.sharedModel.setSource(line);
    await NotebookActions.run(panel.content, panel.sessionContext);
  }

  async function asked(panel, name) {
    const link = links.get(panel);
    if (!link?.comm) return inACell(panel, `%autoresearch ${name}`);
    const answer = await link.ask({ type: "command", name }, STOPPING);
    if (!answer) return void Notification.error(`The kernel did not answer: nothing is known of this ${name}.`);
    return void (answer.refused ? Notification.error(answer.refused) : Notification.success(answer.text, { autoClose: 5000 }));
  }

  async function restore(panel) {
    const link = links.get(panel), study = link?.studies.find((each) => each.cell && each.experiments);
    if (!study) return void Notification.info("There is no study in this kernel yet whose versions could go into a cell.");
    const { value } = await InputDialog.getNumber({
      title: `Restore a version of ${study.name}`, label: `Number of the experiment (0 to ${study.experiments - 1})`, value: study.best ?? 0,
    });
    if (value === null) return undefined;
    const answer = await link.ask({ type: "version", study: study.name, number: value });
    if (!answer) return void Notification.error("The kernel did not answer: nothing was changed.");
    if (answer.refused) return void Notification.error(answer.refused);
    return void Notification.success(await place(panel, link, answer), { autoClose: 8000 });
  }

  for (const [name, label] of IN_A_CELL) add(name, label, `Run %autoresearch ${name} in a new cell below`, (panel) => inACell(panel, `%autoresearch ${name}`));
  for (const [name, label] of ASKED) add(name, label, `%autoresearch ${name}, without a cell`, (panel) => asked(panel, name));
  add("restore", "Restore a Version…", "Put a version into the target cell", restore);
}
