"""One running experiment, seen from outside its process, and what its end comes to.

Not here: starting, watching and killing it, which are the worker's; what happens inside is `child`'s.
"""

from __future__ import annotations

import math
import os
import re
import signal
import time
from typing import Any

from ...experiment import Outcome
from ..output.progress_lines import ProgressLines
from .child import not_finite
from .output_log import OutputLog

BEGIN = 600.0
"""Seconds a fresh process may take to run the setup before its target begins."""
OUTPUT_TAIL = 4_000
"""Characters of output that travel with the result."""

_WHY = {"timeout": Outcome.TIMEOUT, "memory": Outcome.OUT_OF_MEMORY, "pruned": Outcome.PRUNED}


class RunningJob:
    """One running experiment.

    Parameters
    ----------
    id : int
    job : dict
        What it runs: a target with ``metric``, ``seed`` and ``budget``, or a ``command``.
    limit : float
        Seconds after which it is killed, from when its target begins.
    memory : int
        Bytes it may use; 0 for no limit.
    log : str
        Path of the file that takes its output.
    pipes : (int, int)
        Descriptors to read from: what it says of itself, and what it prints.
    """

    def __init__(
        self, id: int, job: dict[str, Any], limit: float, memory: int, log: str, pipes: tuple[int, int]
    ) -> None:
        self.id, self.job, self.limit, self.memory = id, job, limit, memory
        self.events, self.output = pipes
        self.log = OutputLog(log)
        self.pid = 0
        self.started = time.monotonic()
        self.began: float | None = None  # when the target began: the setup was before that, in a fresh process
        self.deadline = self.started + BEGIN
        self.pending = b""
        self.result: dict[str, Any] | None = None
        self.lines: ProgressLines | None = None  # reads printed progress, where that is the only curve there is
        self.tick: dict[str, Any] | None = None  # the clock's last sign of life
        self.why = ""  # why it is being killed
        self.kill_at = 0.0
        self.next_look = 0.0
        self.peak = 0

    def begin(self) -> None:
        """Count the limit from now: the target begins."""
        self.began = time.monotonic()
        self.deadline = self.began + self.limit


def result_of(run: RunningJob, status: int, resident_peak: int) -> dict[str, Any]:
    """Say how a run ended.

    Parameters
    ----------
    run : Run
        With all that its pipes held.
    status : int
        As wait(2) gives it.
    resident_peak : int
        Bytes, of the process alone, as the system has counted them.

    Returns
    -------
    dict
        ``outcome``, ``seconds``, ``memory`` (GB) and ``output`` always; ``error``, ``value`` and whatever else is known.
    """
    result = run.result or {}
    tail = run.log.tail.decode("utf-8", "replace")
    if run.why and not run.result:
        result = {"outcome": _WHY.get(run.why, Outcome.STOPPED), "error": _killed(run)}
    elif not run.result:
        code = os.waitstatus_to_exitcode(status)
        result = {"outcome": Outcome.OK, "exit": code} if "command" in run.job and code >= 0 else _died(-code)
    elif result["outcome"] == Outcome.MISSING_METRIC:
        result = _printed(result, run.job["metric"], tail)
    result["seconds"] = time.monotonic() - run.started
    result["memory"] = (result.pop("gpu_memory", 0) or max(resident_peak, run.peak)) / 1e9
    result["output"] = tail[-OUTPUT_TAIL:]
    return result


def _printed(result: dict[str, Any], metric: dict[str, str], tail: str) -> dict[str, Any]:
    """Look for the metric in a printed line ``name: value``, the last one if there are several."""
    expression = metric["expression"]
    if not expression.isidentifier():
        return result
    found = re.findall(rf"^\s*{re.escape(expression)}\s*[:=]\s*(\S+)\s*$", tail, re.MULTILINE)
    if not found:
        return {**result, "error": f"{result['error'].rstrip('.')}, and no line '{expression}: value' was printed."}
    try:
        value = float(found[-1].replace(",", ""))
    except ValueError:
        return {**result, "error": f"The printed line '{expression}: {found[-1]}' holds no number."}
    if not math.isfinite(value):
        return {**result, "outcome": Outcome.NOT_FINITE, "value": value, "error": not_finite(metric["name"], value)}
    return {**result, "outcome": Outcome.OK, "value": value, "error": ""}


def _killed(run: RunningJob) -> str:
    if run.why == "timeout":
        return f"Killed after {run.limit:.0f} s: it ran past its hard limit (--timeout)."
    if run.why == "memory":
        return f"Killed at {run.peak / 1e9:.1f} GB of memory: the limit is {run.memory / 1e9:.1f} GB (--memory)."
    return "Stopped."


def _died(number: int) -> dict[str, Any]:
    if number == signal.SIGKILL:
        return {"outcome": Outcome.OUT_OF_MEMORY, "error": "Killed by the system, most likely for lack of memory."}
    if number > 0:
        return {"outcome": Outcome.CRASH, "error": f"The process died of {signal.Signals(number).name}."}
    return {
        "outcome": Outcome.CRASH,
        "error": f"The process ended by itself with exit code {-number}, before the metric.",
    }
