"""The progress bar in a notebook cell's output."""

from __future__ import annotations

import html

from IPython.core.getipython import get_ipython
from IPython.display import DisplayHandle


def in_notebook() -> bool:
    """Whether the shell belongs to a Jupyter kernel (JupyterLab, VS Code, Colab), not to a terminal."""
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class NotebookBar:
    """A progress bar that redraws itself in a cell's output."""

    def __init__(self) -> None:
        self._handle = DisplayHandle()
        self._displayed = False
        self._share, self._text = 0.0, ""

    def show(self, share: float, text: str) -> None:
        """Show the share that is done, 0 to 1, and what is being done."""
        self._share, self._text = share, text
        filled = round(30 * share)
        data = {
            "text/plain": f"{'█' * filled}{'░' * (30 - filled)} {share:4.0%}  {text}",
            "text/html": (
                '<div style="display:flex;align-items:center;gap:10px;font-size:13px">'
                f'<progress max="1" value="{share:.4f}" style="width:220px;flex:none" aria-label="progress"></progress>'
                f"<span>{html.escape(text)}</span></div>"
            ),
        }
        if self._displayed:
            self._handle.update(data, raw=True)
        else:
            self._handle.display(data, raw=True)
            self._displayed = True

    def close(self, last: str | None = None) -> None:
        """Leave the bar as it is, with `last` behind its text."""
        if last:
            self.show(self._share, f"{self._text} · {last}")
