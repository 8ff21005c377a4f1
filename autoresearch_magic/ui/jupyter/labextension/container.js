/**
 * The container that JupyterLab loads: `init` is given the modules that JupyterLab shares, `get` returns the extension.
 *
 * The interface is that of Module Federation: `shared[package][version].get()` returns a promise of a function that returns the module.
 */

import { plugins } from "./plugins.js";
import { setShared } from "./shared.js";

const container = {
  init: (scope) => setShared(scope),
  get: async (name) => {
    if (name !== "./extension") throw new Error(`autoresearch-magic has no module ${name}`);
    const found = await plugins();
    return () => ({ __esModule: true, default: found });
  },
};

(window._JUPYTERLAB ??= {})["autoresearch-magic"] = container;
