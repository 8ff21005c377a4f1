"""The progress bar in a notebook cell's output."""

from __future__ import annotations

import html
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import DisplayHandle

ALIVE = 3
"""The widgets of ended bars that are kept: a page that was loaded again meanwhile has nothing else of them."""
_VIEW = "application/vnd.jupyter.widget-view+json"


def in_notebook() -> bool:
    """Whether the shell belongs to a Jupyter kernel (JupyterLab, VS Code, Colab), not to a terminal."""
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class NotebookBar:
    """A progress bar in a cell's output: a widget while it moves, plain HTML and text at the end and where no widgets are."""

    def __init__(self) -> None:
        self._handle = DisplayHandle()
        self._displayed = False
        self._share, self._text = 0.0, ""
        self._line = _new_line()

    def show(self, share: float, text: str) -> None:
        """Show the share that is done, 0 to 1, and what is being done."""
        self._share, self._text = share, text
        if self._line is not None:
            with self._line.hold_sync():
                self._line.share, self._line.words = round(share, 4), text
        data = self._as_text()
        if self._line is not None and not self._displayed:
            view = self._line._repr_mimebundle_()
            data[_VIEW] = (view[0] if isinstance(view, tuple) else view)[_VIEW]
        if not self._displayed:
            self._handle.display(data, raw=True)
            self._displayed = True
        elif self._line is None:
            self._handle.update(data, raw=True)

    def close(self, last: str | None = None) -> None:
        """Leave the bar as it is, with `last` behind its text."""
        if last:
            self.show(self._share, f"{self._text} · {last}")
        if self._line is not None and self._displayed:
            # What is saved needs no widget. A page that was loaded again does not hear of it, and keeps the widget.
            self._handle.update(self._as_text(), raw=True)
        self._line = None

    def _as_text(self) -> dict[str, Any]:
        filled = round(30 * self._share)
        return {
            "text/plain": f"{'█' * filled}{'░' * (30 - filled)} {self._share:4.0%}  {self._text}",
            "text/html": (
                '<div style="display:flex;align-items:center;gap:10px;font-size:13px">'
                f'<progress max="1" value="{self._share:.4f}" style="width:220px;max-width:40%;flex:none" aria-label="progress"></progress>'
                f"<span>{html.escape(self._text)}</span></div>"
            ),
        }


_lines: list[Any] = []


def _new_line() -> Any:
    """Return a widget for a bar, and close the oldest ones; None where widgets cannot be had."""
    try:
        from .wait_line import WaitLine
    except ModuleNotFoundError:
        return None
    while len(_lines) >= ALIVE:
        _lines.pop(0).close()
    _lines.append(WaitLine())
    return _lines[-1]
