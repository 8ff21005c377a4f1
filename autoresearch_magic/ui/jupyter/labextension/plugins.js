/** The plug-ins of the extension: each is told which of JupyterLab's services it needs. */

import { watchNotebooks } from "./notebooks.js";
import { makeSavedPanels } from "./saved_panel.js";
import { shared } from "./shared.js";

/** Return the plug-ins. */
export async function plugins() {
  const style = document.createElement("style");
  style.textContent = STYLE;
  document.head.append(style);
  const [notebook, consoles, rendermime, widgets] = await Promise.all(
    ["@jupyterlab/notebook", "@jupyterlab/console", "@jupyterlab/rendermime", "@lumino/widgets"].map(shared));
  return [
    {
      id: "autoresearch-magic:saved-panel",
      description: "Shows what a study has found where its panel has no kernel.",
      autoStart: true,
      requires: [notebook.INotebookTracker, rendermime.IRenderMimeRegistry],
      optional: [consoles?.IConsoleTracker].filter(Boolean),
      activate: (app, tracker, registry, consoleTracker) => makeSavedPanels(registry, [
        { tracker, registryOf: (panel) => panel.content.rendermime, cellsOf: (panel) => panel.content.model?.cells ?? [] },
        ...(consoleTracker ? [{ tracker: consoleTracker, registryOf: (panel) => panel.console.rendermime, cellsOf: () => [] }] : []),
      ], widgets),
    },
    {
      id: "autoresearch-magic:notebooks",
      description: "Puts versions into the target cell.",
      autoStart: true,
      requires: [notebook.INotebookTracker],
      activate: (app, tracker) => { watchNotebooks(tracker, notebook.NotebookActions); },
    },
  ];
}
