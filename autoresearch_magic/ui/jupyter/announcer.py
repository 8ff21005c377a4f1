"""What a terminal IPython prints of a running study."""

from __future__ import annotations

from typing import Any

from ...events import Event, Judged, Notice, State, StateChanged
from ...experiment import Verdict
from ...metric import format_number


class Announcer:
    """Collects a line for each kept experiment, notice and change of state, and prints them after the user's next cell."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def __call__(self, event: Event) -> None:
        """Take an event; called in the study's thread, so nothing is printed here."""
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
        for line in lines:
            print(line)
