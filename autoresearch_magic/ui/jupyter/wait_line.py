"""The widget of a progress bar; `progress_bar` shows it where widgets can be had."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets


class WaitLine(anywidget.AnyWidget):  # type: ignore[misc]
    """A progress bar that a page which is loaded again shows as it is then.

    A cell's output belongs to the page in which the cell was run: JupyterLab drops later updates of it when the page is loaded
    again. A widget's state stays in the kernel.
    """

    _esm = (Path(__file__).parent / "wait_line.js").read_text("utf-8")
    _css = """
    .arm-wait { display: flex; align-items: center; gap: 10px; padding: 2px 0; font-size: 13px;
      font-family: var(--jp-ui-font-family, system-ui, sans-serif);
      color: var(--jp-content-font-color1, var(--vscode-foreground, inherit)); }
    .arm-wait progress { flex: none; width: min(220px, 40%); }
    """
    share = traitlets.Float(0.0).tag(sync=True)
    words = traitlets.Unicode("").tag(sync=True)
