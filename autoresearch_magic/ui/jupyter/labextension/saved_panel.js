/**
 * The output of a panel: the widget where its model lives, else a summary of what the study had found when the notebook was saved.
 *
 * The bundle of a panel has our type beside the widget's, with the name of the study, a summary and the model's id. JupyterLab prefers the
 * type of the lowest rank, and the widgets' is -10.
 */

import { code, element } from "./elements.js";

export const PANEL_TYPE = "application/vnd.autoresearch.panel+json";
const WIDGET_TYPE = "application/vnd.jupyter.widget-view+json", RANK = -20;
const ATTEMPTS = 200, PATIENCE = 3000; // attempts for twenty seconds at most; milliseconds

/**
 * Register the renderer.
 *
 * @param registry JupyterLab's registry of renderers; those of notebooks and consoles are copies of it
 * @param places the trackers of notebooks and consoles, with functions that return the registry and the cells of one of their widgets
 */
export function makeSavedPanels(registry, places, { Panel }) {
  /** Return the notebook or console whose registry has made a renderer: that registry alone knows the widgets of its kernel. */
  function ownPlace(resolver) {
    for (const { tracker, registryOf, cellsOf } of places) {
      const found = tracker.find((widget) => registryOf(widget).resolver === resolver);
      if (found) return { registry: registryOf(found), cells: cellsOf(found) };
    }
    return null;
  }

  /**
   * Return a renderer for widgets and the manager that it has, both null where widgets are not supported. A notebook is tracked, and gets its
   * manager, a moment after it is made; a renderer that was made before that would have none.
   */
  async function widgetRenderer(resolver) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const own = ownPlace(resolver)?.registry;
      if (own?.mimeTypes.includes(WIDGET_TYPE)) {
        const inner = own.createRenderer(WIDGET_TYPE);
        if (!inner._manager) return { inner, manager: null }; // not the renderer that we know: it is on its own
        const manager = await Promise.race([inner._manager.promise, after(50)]);
        if (manager) return { inner, manager };
        inner.dispose();
      }
      await after(50);
    }
    return { inner: null, manager: null };
  }

  class PanelOutput extends Panel {
    constructor({ resolver }) {
      super();
      this.addClass("arx-output");
      this.resolver = resolver;
      this.shown = "";
    }

    async renderModel(model) {
      const { model_id: id } = model.data[PANEL_TYPE];
      if (this.shown === id) return; // a living panel is left alone
      const { inner, manager } = await widgetRenderer(this.resolver);
      const living = inner && (!manager || (model.trusted && await lives(manager, id)));
      if (this.isDisposed || this.shown === id) {
        inner?.dispose();
      } else if (living) {
        this.showWidget(inner, model, id);
      } else {
        inner?.dispose();
        this.showSummary(model, manager?.restoredStatus ?? true);
        const again = () => {
          manager.restored.disconnect(again);
          if (!this.isDisposed) void this.renderModel(model);
        };
        manager?.restored.connect(again);
      }
    }

    showWidget(inner, model, id) {
      this.shown = id;
      this.node.replaceChildren();
      this.addWidget(inner);
      return inner.renderModel(model);
    }

    /** Show what is known without the model; `lost` says that it will not come. */
    showSummary(model, lost) {
      const { study, summary, model_id: id } = model.data[PANEL_TYPE];
      const gone = element("p", { hidden: !lost }, "This is what was saved: the kernel that showed the panel is gone. ",
        code("%load_ext autoresearch_magic"), " and ", code(`%autoresearch watch ${study}`), " show it again.");
      this.node.replaceChildren(element("section", { class: "arx-saved", "aria-label": `Study ${study}` },
        element("strong", {}, study), " · ", element("span", {}, laterSummary(ownPlace(this.resolver)?.cells ?? [], id, study) || summary), gone));
      if (!lost) setTimeout(() => { gone.hidden = false; }, PATIENCE); // there may be no kernel that could tell
    }
  }

  registry.addFactory({ safe: true, mimeTypes: [PANEL_TYPE], createRenderer: (options) => new PanelOutput(options) }, RANK);
}

/** Return the summary beside the picture, which is the next output of the cell: it was updated until the end. */
function laterSummary(cells, id, study) {
  for (const cell of cells) {
    const outputs = Array.from({ length: cell.outputs?.length ?? 0 }, (_, i) => cell.outputs.get(i).data);
    const panel = outputs.findIndex((data) => data[PANEL_TYPE]?.model_id === id);
    if (panel < 0) continue;
    const texts = outputs.slice(panel + 1).map((data) => [data["text/plain"] ?? ""].flat().join(""));
    return texts.find((text) => text.startsWith(`${study}: `))?.slice(study.length + 2) ?? "";
  }
  return "";
}

const after = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

/** Whether a kernel has the model; one that was saved with the notebook has no kernel behind it. */
async function lives(manager, id) {
  if (!manager.has_model(id)) return false;
  const model = await manager.get_model(id).catch(() => null);
  return Boolean(model?.comm_live);
}
