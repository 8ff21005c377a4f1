/** The plug-ins of the extension: each is told which of JupyterLab's services it needs, and can be disabled by its name. */

import { watchBadges } from "./badges.js";
import { watchNotebooks } from "./notebooks.js";
import { addCommands } from "./palette.js";
import { programHighlighting } from "./program_cells.js";
import { makeSavedPanels } from "./saved_panel.js";
import { shared } from "./shared.js";
import { makeStatus } from "./status.js";

/** Return the plug-ins; those whose services this application does not share are left out. */
export async function plugins() {
  const style = document.createElement("style");
  style.textContent = STYLE;
  document.head.append(style);
  const names = ["notebook", "console", "rendermime", "apputils", "statusbar", "codemirror"].map((name) => `@jupyterlab/${name}`);
  const more = ["@lumino/widgets", "@lumino/signaling", "@codemirror/language", "@codemirror/state", "@lezer/common"];
  const [notebook, consoles, rendermime, apputils, statusbar, editors, widgets, signaling, language, state, lezer] =
    await Promise.all([...names, ...more].map(shared));
  const plugin = (name, description, requires, optional, activate) => ({
    id: `autoresearch-magic:${name}`, description, autoStart: true, requires, optional: optional.filter(Boolean), activate,
  });
  return [
    plugin("saved-panel", "Shows what a study has found where its panel has no kernel.",
      [notebook.INotebookTracker, rendermime.IRenderMimeRegistry], [consoles?.IConsoleTracker],
      (app, tracker, registry, consoleTracker) => {
        makeSavedPanels(registry, [
          { tracker, registryOf: (panel) => panel.content.rendermime, cellsOf: (panel) => panel.content.model?.cells ?? [] },
          ...(consoleTracker ? [{ tracker: consoleTracker, registryOf: (panel) => panel.console.rendermime, cellsOf: () => [] }] : []),
        ], widgets);
      }),
    plugin("notebooks", "Puts versions into the target cell, marks it, and adds commands and running studies.",
      [notebook.INotebookTracker], [apputils?.ICommandPalette, statusbar?.IStatusBar],
      (app, tracker, ...services) => {
        const [palette, bar] = [apputils?.ICommandPalette, statusbar?.IStatusBar].map((token) => (token ? services.shift() : null));
        const notebooks = watchNotebooks(tracker, notebook.NotebookActions, (panel, link) => watchBadges(panel, link, widgets));
        if (palette) addCommands(app, tracker, notebooks.links, palette, apputils, notebook.NotebookActions);
        if (bar || app.name === "Jupyter Notebook") makeStatus(app.shell, notebooks, bar, widgets, signaling);
      }),
    ...(editors && language && state && lezer ? [plugin("program-cells", "Colours program cells as Markdown.",
      [editors.IEditorExtensionRegistry, editors.IEditorLanguageRegistry], [],
      async (app, extensions, languages) => {
        const found = await Promise.all(["text/x-python", "text/x-ipythongfm", "text/x-yaml"].map((type) => languages.getLanguage(type)));
        const [python, markdown, yaml] = found.map((each) => each?.support?.language.parser);
        const highlighting = programHighlighting({ python, markdown, yaml }, { language, state, lezer });
        extensions.addExtension({
          name: "autoresearch-magic:program-cells",
          factory: ({ model }) => editors.EditorExtensionRegistry.createImmutableExtension(highlighting(model.sharedModel.getSource())),
        });
      })] : []),
  ];
}
