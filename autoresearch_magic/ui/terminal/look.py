"""Marks and colours of the terminal view. They are those of the terminal's own palette, and nothing is told by colour alone."""

from __future__ import annotations

from ...events import State
from ...experiment import Experiment, Verdict

QUIET = "bright_black"
GOOD, BAD, LIVE, WAITS = "green", "red", "blue", "yellow"

KEPT_PROVEN, KEPT, BASELINE, DISCARDED, FAILED, NO_VALUE, ABOVE, BELOW = "●○◆∙×–▴▾"
BEYOND = "!"
"""A version that is beyond a limit, in the chart of that number."""

STATES = {
    State.RUNNING: LIVE, State.BASELINE: LIVE, State.STARTING: LIVE, State.CONFIRMING: LIVE, State.MEASURING: LIVE,
    State.PAUSING: WAITS, State.PAUSED: WAITS, State.WAITING: WAITS, State.STOPPING: WAITS, State.FINISHED: GOOD, State.FAILED: BAD,
}  # fmt: skip
"""The colours of states; others are quiet."""

TOKENS = {
    "kw": "magenta", "str": "green", "num": "cyan", "com": QUIET, "name": "blue", "bi": "cyan", "dec": "yellow", "file": "bold", "err": "red",
}  # fmt: skip
"""The colours of the classes of `highlight.CLASSES`; others are plain."""


def mark(e: Experiment, proven: bool) -> tuple[str, str]:
    """Return the mark of an experiment, and its style."""
    match e.verdict:
        case Verdict.BASELINE:
            return BASELINE, QUIET
        case Verdict.KEEP:
            return (KEPT_PROVEN if proven else KEPT), f"bold {GOOD}"
        case Verdict.DISCARD:
            return DISCARDED, QUIET
        case None | Verdict.PRUNED | Verdict.DUPLICATE:
            return NO_VALUE, QUIET
        case _:
            return FAILED, BAD
