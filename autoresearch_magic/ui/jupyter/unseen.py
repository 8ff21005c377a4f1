"""Says once that a study still runs where no page shows its panel any more, as after a reload of a notebook that was not saved."""

from __future__ import annotations

import sys
import time
from typing import Any

from ...events import State
from ...study.study import Study

UNHEARD = 6.0
"""Seconds without a question of any panel, in which the kernel was free; an open panel asks every second, at rest every three."""
KNOWING = frozenset({"watch", "stop", "resume"})
"""Commands of somebody who knows that the study runs."""


class Unseen:
    """Finds studies of this kernel that run while nobody looks."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}
        self._free_since = time.monotonic()

    def cell_ended(self, *_: Any) -> None:
        """Take note that a cell has ended: before, the panels could not ask everywhere."""
        self._free_since = time.monotonic()

    def line(self, typed: str = "") -> str:
        """Return the line to say before a command is carried out; empty where there is nothing to say, or it was said.

        To an empty command, which asks what there is, it is said each time.

        Parameters
        ----------
        typed : str
            The command, without the magic's name.
        """
        words = typed.split()
        if (words and words[0] in KNOWING) or "--json" in words:
            return ""
        # No panel was shown where its module was not imported: in a terminal, and where its packages are missing.
        if (module := sys.modules.get(f"{__package__}.panel")) is None:
            return ""
        now = time.monotonic()
        for study, heard in module.heard_last():
            if (
                study.status.state.ongoing
                and now - max(heard, self._free_since) > UNHEARD
                and (not words or self._told.get(study.name) != heard)
            ):
                self._told[study.name] = heard
                return still_runs(study)
        return ""


def still_runs(study: Study) -> str:
    """Return that a study runs, where it is, and how its panel is shown."""
    status = study.status
    at = status.live.experiment.number if status.live is not None and not status.live.flying else status.done
    of = f" of {study.settings.planned}" if study.settings.planned else ""
    runs = "is still paused" if status.doing is State.PAUSED else "still runs"
    return f"{study.name} {runs} (experiment {at}{of}):  %autoresearch watch  shows its panel."
