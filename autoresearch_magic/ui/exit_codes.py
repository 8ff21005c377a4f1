"""The exit codes of the command line, which ``docs/command-line.md`` documents."""

from __future__ import annotations

DONE, FAILED, USAGE, NOT_SHOWN, WORSE, NOT_KEPT, RUNNING = range(7)
"""Done; failed, interrupted, or the doctor found a failure; wrong usage; no improvement was shown: there is none, or chance may
explain it; a comparison found that the second version is worse; a version that was tried was not kept; what was waited for still runs."""

VERDICT_CODES = {"STABLE": DONE, "UNDECIDED": NOT_SHOWN, "UNSTABLE": WORSE, "BASELINE_UNAVAILABLE": FAILED}
"""By the verdict of a comparison."""
