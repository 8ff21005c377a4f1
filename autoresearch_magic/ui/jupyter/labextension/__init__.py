"""The JupyterLab extension: restores versions in place, marks cells, and shows studies outside of their panel.

JupyterLab 4 and Notebook 7 load a prebuilt extension from a folder that is named in its package.json: one script that leaves a container in
``window._JUPYTERLAB``. Bundlers write such containers; `container.js` is one by hand, so that nothing has to be built with Node. The modules
beside it are joined into that script when the wheel is made (`hatch_build.py` in the root of the project).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ...panel.assets import join_modules

NAME = "autoresearch-magic"
FOLDER = f"share/jupyter/labextensions/{NAME}"
"""Where JupyterLab looks for it, below the prefix of an environment."""
HERE = Path(__file__).parent


def extension_files(version: str) -> dict[str, str]:
    """Return the files of the extension by their paths in its folder.

    Parameters
    ----------
    version : str
        The version of the package.
    """
    style = json.dumps((HERE / "style.css").read_text("utf-8"))
    script = f"(() => {{\nconst STYLE = {style};\n{join_modules(HERE, 'container')}}})();\n"
    # The name changes with the content, so that no browser shows an older one after an update.
    load = f"static/extension.{hashlib.sha256(script.encode()).hexdigest()[:12]}.js"
    package = {
        "name": NAME,
        "version": version,
        "description": "Studies of autoresearch_magic in JupyterLab and Notebook 7",
        "license": "MIT",
        "jupyterlab": {"extension": True, "_build": {"load": load, "extension": "./extension"}},
    }
    install = {
        "packageManager": "python",
        "packageName": NAME,
        "uninstallInstructions": f"pip uninstall {NAME}, or disable it: jupyter labextension disable {NAME}",
    }
    return {
        "package.json": json.dumps(package, indent=2) + "\n",
        "install.json": json.dumps(install, indent=2) + "\n",
        load: script,
    }


def write_extension(folder: Path, version: str) -> None:
    """Write the extension into a folder."""
    for name, text in extension_files(version).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
