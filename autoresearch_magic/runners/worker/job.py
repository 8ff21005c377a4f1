"""A running experiment as the worker sees it from outside its process, and the result when it has ended.

Not here: starting, watching and killing it (`server`), and what happens inside its process (`child`).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from typing import Any

from ...experiment import GIB, Outcome
from ...runs import Conditions
from ..output.progress_lines import ProgressLines
from .child import NO_PIPE
from .clean.run import CleanRun
from .disk import DiskWatch
from .event_rate import EventRate
from .machine_load import Counts
from .memory import MOST_PROCESSES, MemoryWatch
from .oom import oom_kills, ran_out
from .output_log import OutputLog
from .protocol import KILLED, NOT_EVALUATED, SETUP_FACTOR, SETUP_LIMIT, LineBuffer
from .stopwatch import Stopwatch

OUTPUT_TAIL = 4_000
"""Characters of output that are sent with the result."""
_OUTCOME_OF_KILL = {
    "timeout": Outcome.TIMEOUT,
    "memory": Outcome.OUT_OF_MEMORY,
    "pruned": Outcome.PRUNED,
    "processes": Outcome.CRASH,
    "disk": Outcome.CRASH,
    "broken": Outcome.CRASH,
}


class RunningJob:
    """The state of one running experiment.

    Parameters
    ----------
    id : int
    job : dict
        What it runs: a target with ``metric``, ``seed`` and ``budget``, or a ``command``.
    limit : float
        Seconds from the beginning of the target after which the run is killed.
    memory : int
        Bytes it may use; 0 for no limit.
    log : str
        Path of the log file for its output.
    pipes : (int, int)
        Descriptors to read from: its events, and what it prints.
    setup_seconds : float
        How long the worker took to run the setup.
    load : Counts, optional
        The machine's counts at its start.
    disk : str
        What it may write (see `DiskWatch`); empty for no limit.
    """

    def __init__(
        self, id: int, job: dict[str, Any], limit: float, memory: int, log: str, pipes: tuple[int, int],
        setup_seconds: float = 0.0, load: Counts | None = None, disk: str = "",
    ) -> None:  # fmt: skip
        self.id, self.job, self.limit = id, job, limit
        self.memory = MemoryWatch(memory)
        self.disk = DiskWatch(disk, own_folders(job))
        self.setup_limit = max(SETUP_LIMIT, SETUP_FACTOR * setup_seconds, limit)
        self.events, self.output = pipes
        self.log = OutputLog(log)
        self.load = load
        self.oom_kills = oom_kills()
        self.pid = 0
        self.started = time.monotonic()
        self.began: float | None = None  # when the target began, after the setup in a fresh process
        self.deadline = self.started + self.setup_limit
        self.pending, self.rate = LineBuffer(), EventRate()  # of events
        self.evaluating = False
        self.result: dict[str, Any] | None = None
        self.lines: ProgressLines | None = None  # reads the curve from printed lines, unless the run reports it
        self.tick: dict[str, Any] | None = None  # the last event of the target's clock
        self.clean: CleanRun | None = None  # where the clean side measures
        self.muted = False  # whether what it prints is not kept any more
        self.stopwatch: Stopwatch | None = None  # from the target's beginning
        self.kill_reason = ""
        self.kill_at = 0.0

    def seen(self, event: Mapping[str, Any]) -> bool:
        """Return whether an event comes a second time of which a run has one, as where a target writes it by hand."""
        if "evaluating" in event:
            before, self.evaluating = self.evaluating, True
            if self.stopwatch is not None:
                self.stopwatch.target_ended()
            return before
        return "begin" in event and self.began is not None

    def begin(self) -> None:
        """Start the time limit, because the target begins."""
        self.began = time.monotonic()
        if "command" not in self.job:
            self.stopwatch = Stopwatch(self.pid)
        self.deadline = self.began + self.limit


def own_folders(job: Mapping[str, Any]) -> list[str]:
    """Return the folders that a job may write to and that are its own."""
    return [job["folder"], *(job.get("writable", ()) if "command" in job else ())] if "folder" in job else []


def result_of(run: RunningJob, status: int, resident_peak: int, conditions: Conditions | None = None) -> dict[str, Any]:
    """Return the result of a run that has ended.

    Parameters
    ----------
    run : RunningJob
        After everything in its pipes has been read.
    status : int
        As returned by wait(2).
    resident_peak : int
        Bytes of the experiment's own process, as counted by the system.
    conditions : Conditions, optional
        What else the machine did in the meantime.

    Returns
    -------
    dict
        Always ``outcome``, ``seconds``, ``memory`` (GiB), ``output`` and ``conditions``; ``error``, ``value`` and others where known.
        ``killed`` says that a SIGKILL ended it which was neither ours nor, as far as can be told, for want of memory.
    """
    result = run.result if run.result and "outcome" in run.result else {}
    if run.clean is not None:
        result = run.clean.result_with(run.result or {})
    elif result:
        for key in ("calibration", "measured"):  # the clean side's to say
            if key == "calibration" or result.get(key) not in (None, "in-process"):
                result.pop(key, None)
    tail = run.log.tail.decode("utf-8", "replace")
    if run.kill_reason and not result:
        result = {"outcome": _OUTCOME_OF_KILL.get(run.kill_reason, Outcome.STOPPED), "error": _describe_kill(run)}
        result["filled"] = run.kill_reason == "disk"
    elif not result:
        code = os.waitstatus_to_exitcode(status)
        memory = None  # whether it ran out, where the run was killed
        if killed := code == -signal.SIGKILL or ("command" in run.job and code == 128 + signal.SIGKILL):
            memory = ran_out(run.oom_kills, max(run.memory.peak, resident_peak), run.memory.limit)
        command = "command" in run.job and code >= 0
        result = {"outcome": Outcome.OK, "exit": code} if command else _result_of_death(code, memory)
        if run.clean is not None and code == 0:
            result["error"] = run.clean.result.get("error", NOT_EVALUATED)
            killed = run.clean.lost
        if killed:
            result.update(killed=not memory, out_of_memory=memory)
    result["seconds"] = time.monotonic() - run.started
    result["memory"] = (result.pop("gpu_memory", 0) or _peak_memory(run, result, resident_peak)) / GIB
    result["output"] = tail[-OUTPUT_TAIL:]
    if run.log.printed is not None:
        result.update(printed=run.log.printed.decode("utf-8", "replace"), log_problem=run.log.problem)
    result["conditions"] = conditions and conditions.to_json()
    result["timing"] = run.stopwatch and run.stopwatch.times()
    return result


def _peak_memory(run: RunningJob, result: dict[str, Any], resident_peak: int) -> int:
    """Return the peak memory in bytes, in which what is shared with other processes counts in proportion."""
    if "command" in run.job:
        return max(run.memory.peak, resident_peak)
    if (shared := result.pop("shared_memory", None)) is not None:
        return max(run.memory.peak, resident_peak - int(shared))
    return run.memory.peak or resident_peak


def _describe_kill(run: RunningJob) -> str:
    if run.kill_reason == "timeout" and run.began is None:
        return (
            f"The setup, which runs in every new process, had not ended after {run.setup_limit:.0f} s: a larger --timeout gives it "
            "more time."
        )
    if run.kill_reason == "timeout":
        return f"Killed after {run.limit:.0f} s, the hard limit of one run (--timeout)."
    if run.kill_reason == "memory":
        used, limit = run.memory.peak / GIB, run.memory.limit / GIB
        return f"Killed at {used:.2f} GiB of memory: the limit is {limit:.2f} GiB (--memory)."
    if run.kill_reason == "disk":
        return run.disk.why
    if run.kill_reason == "processes":
        return f"Killed because it had more than {MOST_PROCESSES:,} processes."
    if run.kill_reason == "broken":
        return "The worker could not follow the run any further; its log says why."
    return "Stopped."


def _result_of_death(code: int, out_of_memory: bool | None = None) -> dict[str, Any]:
    """Return the result of a process that ended without one; `code` is negative for a signal."""
    if code == -signal.SIGKILL and out_of_memory is False:
        return {"outcome": Outcome.CRASH, "error": KILLED}
    if code == -signal.SIGKILL:
        return {"outcome": Outcome.OUT_OF_MEMORY, "error": "Killed by the system, probably because memory ran out."}
    if code < 0:
        return {"outcome": Outcome.CRASH, "error": f"The process was killed by {_signal_name(-code)}."}
    if code == NO_PIPE:
        return {
            "outcome": Outcome.CRASH,
            "error": "The result could not be sent: the target has closed descriptors that it had not opened.",
        }
    return {"outcome": Outcome.CRASH, "error": f"The process ended with exit code {code} before the metric was read."}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
