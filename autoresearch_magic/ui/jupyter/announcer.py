"""What a terminal IPython prints of a running study: above the prompt, when it happens."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ...events import Event, Judged, Notice, State, StateChanged
from ...experiment import Verdict
from ...metric import format_number

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class Announcer:
    """Prints a line for each kept experiment, notice and end: above the prompt at once, else after the user's cell.

    Parameters
    ----------
    shell : InteractiveShell, optional
        The one whose prompt is looked at; without it, everything waits for `flush`.
    """

    def __init__(self, shell: InteractiveShell | None = None) -> None:
        self._shell = shell
        self._lines: list[str] = []

    def __call__(self, event: Event) -> None:
        """Take an event; called in the study's thread."""
        self._add(event)
        if self._lines and self._at_prompt():
            # While the prompt is open, prompt_toolkit has replaced the standard output by one that any thread may print to: it
            # takes the prompt away, prints, and draws the prompt again with what was typed.
            self.flush()

    def _at_prompt(self) -> bool:
        """Whether the user is at the prompt of a prompt_toolkit that takes care of what is printed."""
        app = getattr(getattr(self._shell, "pt_app", None), "app", None)
        return bool(getattr(app, "is_running", False)) and type(sys.stdout).__name__ == "StdoutProxy"

    def _add(self, event: Event) -> None:
        match event:
            case Judged(e) if e.verdict is Verdict.KEEP:
                self._lines.append(
                    f"[autoresearch] experiment {e.number} kept, {format_number(e.value or 0.0, e.deviation)}: {e.summary}"
                )
            case Notice(message):
                self._lines.append(f"[autoresearch] {message}")
            case StateChanged(State.WAITING, message) if message:
                self._lines.append(f"[autoresearch] {message}")
            case StateChanged(state, message) if not state.ongoing:
                self._lines.append(f"[autoresearch] {state}{': ' + message if message else ''}")
            case _:
                pass

    def flush(self, *_: Any) -> None:
        """Print the collected lines; IPython calls this after each cell."""
        lines, self._lines = self._lines, []
        if lines:
            print("\n".join(lines), flush=True)
