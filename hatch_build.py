"""Put the JupyterLab extension into the wheel: `autoresearch_magic/ui/jupyter/labextension/` says what it is."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ExtensionHook(BuildHookInterface):  # type: ignore[type-arg]
    """Writes the extension's files before the wheel is built; the same for an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the files, and name them as data of the wheel."""
        sys.path.insert(0, self.root)
        from autoresearch_magic.ui.jupyter.labextension import FOLDER, write_extension

        self.made = tempfile.TemporaryDirectory()
        write_extension(Path(self.made.name), self.metadata.version)
        build_data["shared_data"][self.made.name] = FOLDER

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the files."""
        self.made.cleanup()
