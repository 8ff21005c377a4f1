"""Progress in text: a bar in a cell's output, and in a terminal one line per kept experiment."""

from __future__ import annotations

import html
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import DisplayHandle

from ...events import Event, Judged, Notice, StateChanged
from ...experiment import Verdict
from ...study.study import Study
from ...study.summary import result_line
from ..progress_bar import caption
from .panel import nudge


def in_notebook() -> bool:
    """Whether the shell belongs to a Jupyter kernel (JupyterLab, VS Code, Colab), not to a terminal."""
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class Announcer:
    """Collects one line per kept experiment, to be printed when no cell of the user's is printing."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def __call__(self, event: Event) -> None:
        """Take an event; runs in the study's thread, so nothing is printed here."""
        match event:
            case Judged(e) if e.verdict is Verdict.KEEP:
                self._lines.append(f"[autoresearch] experiment {e.number} kept, {e.value:.6g}: {e.summary}")
            case Notice(message):
                self._lines.append(f"[autoresearch] {message}")
            case StateChanged(state, message) if not state.active:
                self._lines.append(f"[autoresearch] {state}{': ' + message if message else ''}")
            case _:
                pass

    def flush(self, *_: Any) -> None:
        """Print what has come together; IPython calls this after each cell."""
        lines, self._lines = self._lines, []
        for line in lines:
            print(line)


class NotebookMeter:
    """A bar that redraws itself in a cell's output."""

    def __init__(self) -> None:
        self._handle = DisplayHandle()
        self._shown = False

    def put(self, share: float, text: str) -> None:
        """Show how far it is, 0 to 1, and what is being done."""
        filled = round(30 * share)
        data = {
            "text/plain": f"{'█' * filled}{'░' * (30 - filled)} {share:4.0%}  {text}",
            "text/html": (
                '<div style="display:flex;align-items:center;gap:10px;font-size:13px">'
                f'<progress max="1" value="{share:.4f}" style="width:220px;flex:none" aria-label="progress"></progress>'
                f"<span>{html.escape(text)}</span></div>"
            ),
        }
        if self._shown:
            self._handle.update(data, raw=True)
        else:
            self._handle.display(data, raw=True)
            self._shown = True

    def close(self) -> None:
        """Leave it standing as it is."""


class NotebookBar:
    """A study's bar in a cell's output."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self._meter = NotebookMeter()

    def draw(self) -> None:
        """Show how far it is; the panels too, where the waiting keeps them from asking."""
        self._meter.put(self.study.status.fraction, caption(self.study))
        nudge(self.study)

    def close(self) -> None:
        """Leave the last word: the result."""
        self._meter.put(self.study.status.fraction, f"{caption(self.study)} · {result_line(self.study.status)}")
