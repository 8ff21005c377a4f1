"""Measures versions of the user's repository: runs a command in a worktree and reads the metric off what it prints.

The command runs under the same worker as cells do, so it is limited, killed whole and logged in the same way. Kept in bounds by
that, and no further: a command may read and write what its user may.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..experiment import Measurement, Outcome
from ..metric import Metric
from ..source import files
from . import Checked, Runner, Watch
from .environment import experiment_environment
from .output.metric_reader import ReadingRule, parse_rule, read_metric
from .output.named_lines import named_values
from .output.readings import Unreadable
from .worker.child import not_finite
from .worker.client import WorkerClient
from .worktree import Worktree, command_environment

SLACK = 0.02
"""Seconds by which a file system's clock may be behind: a result file that much older than the run is still its own."""
TAIL = 4_000
"""Characters of a guard's output that are kept and shown to the agent."""


@dataclass(frozen=True)
class GuardCommand:
    """What must still pass.

    Attributes
    ----------
    command : str
    metric : Metric or None
        Read off what it prints; None where its exit status is all that counts.
    threshold : float
        By how many percent of the baseline's value the metric may be worse.
    """

    command: str
    metric: Metric | None = None
    threshold: float = 0.0


class CommandRunner(Runner):
    """Measures targets that are files of a repository (see `files`).

    Parameters
    ----------
    worktree : Worktree
    verify : str
        The command, for ``sh -c`` in the worktree's top folder.
    metric : Metric
        Its expression says how it is read (`metric_reader.parse_rule`).
    guard : GuardCommand, optional
    threads, memory, seed, pass_env
        See `CellRunner`.
    worker_log : Path
        Takes what the worker itself prints, which is nothing when all is well.
    keep : bool
        Whether the worktree stays at the end, for the next time.
    """

    def __init__(
        self, worktree: Worktree, verify: str, metric: Metric, *, guard: GuardCommand | None = None, threads: int = 1,
        memory: int = 0, seed: int = 0, pass_env: Iterable[str] = (), worker_log: Path, keep: bool = True,
    ) -> None:  # fmt: skip
        self.worktree, self.verify, self.metric, self.guard, self.memory = worktree, verify, metric, guard, memory
        self._rule = parse_rule(metric.expression)
        environment = experiment_environment(threads=threads, seed=seed, extra=pass_env)
        config = {"setup": "", "target": "", "seed": seed, "threads": threads, "mode": "auto"}
        self._client = WorkerClient(config, command_environment(environment, sys.executable), setup_log=worker_log)
        self.exit_code: int | None = None  # of the last command; None when it was ended from outside
        self._seconds: list[float] = []
        self._open, self._keep = False, keep

    def measure(
        self, target: str, *, seed: int, deadline: float, watch: Watch | None = None, log: str = os.devnull
    ) -> Measurement:
        """Bring the worktree to `target`, run the command and read the metric; see `Runner.measure`."""
        self._show(target)
        self._make_stale(self._rule)
        since = time.time()
        result, curve, output = self._run(self.verify, seed, deadline, log, watch)
        m = Measurement(
            outcome=Outcome(result["outcome"]), value=None, seed=seed, seconds=result["seconds"],
            memory=result.get("memory", 0.0), curve=tuple(curve), error=result.get("error", ""), output=output[-TAIL:],
        )  # fmt: skip
        if m.outcome is not Outcome.OK:
            return replace(m, traceback=_tail(output))
        self._seconds.append(m.seconds)
        return self._read(m, result.get("exit", 0), output, since)

    def _read(self, m: Measurement, code: int, output: str, since: float) -> Measurement:
        if tampered := self.worktree.tampered():
            return replace(
                m,
                outcome=Outcome.TAMPERED,
                error=f"The run has changed {tampered[0]}, which is frozen: tests, and what measures.",
            )
        if code and not self._rule.format.any_exit_status:
            return replace(
                m, outcome=Outcome.CRASH, error=f"The command ended with exit status {code}.", traceback=_tail(output)
            )
        try:
            found = read_metric(
                output, self.metric.name, self._rule, folder=self.worktree.folder, since=since - SLACK, exit_code=code,
                seconds=m.seconds,
            )  # fmt: skip
        except Unreadable as error:
            if code:
                error_line = f"The command ended with exit status {code}."
                return replace(m, outcome=Outcome.CRASH, error=error_line, traceback=_tail(output))
            return replace(m, outcome=Outcome.METRIC_ERROR, error=str(error), traceback=_tail(output))
        values = named_values(output)
        memory = values["peak_vram_mb"] / 1024 if values.get("peak_vram_mb") else m.memory
        if not math.isfinite(found.value):
            return replace(
                m, outcome=Outcome.NOT_FINITE, value=found.value,
                error=not_finite(self.metric.name, found.value),
            )  # fmt: skip
        return replace(m, value=found.value, memory=memory, steps=int(values.get("num_steps", 0)))

    def check(self, target: str, *, deadline: float, allowed: float | None, log: str) -> Checked:
        """Run the guard on `target`; see `runners.Guard`."""
        assert self.guard is not None
        self._show(target)
        rule = parse_rule(self.guard.metric.expression) if self.guard.metric else None
        self._make_stale(rule)
        since = time.time()
        result, _, output = self._run(self.guard.command, 0, deadline, log, None)
        tail, seconds, code = output[-TAIL:], result["seconds"], result.get("exit", 0)
        if result["outcome"] != Outcome.OK:
            return Checked(f"The guard: {result.get('error') or result['outcome']}", tail, None, seconds)
        metric = self.guard.metric
        if metric is None or rule is None or (code and not rule.format.any_exit_status):
            return Checked(f"The guard ended with exit status {code}." if code else "", tail, None, seconds)
        try:
            found = read_metric(
                output, metric.name, rule, folder=self.worktree.folder, since=since - SLACK,
                exit_code=code, seconds=seconds,
            )  # fmt: skip
        except Unreadable as error:
            return Checked(f"The guard's {metric.name} cannot be read: {error}", tail, None, seconds)
        if not math.isfinite(found.value):
            return Checked(f"The guard's {metric.name} is {found.value}.", tail, None, seconds)
        room = abs(allowed or 0.0) * self.guard.threshold / 100
        if allowed is not None and metric.gain(found.value, over=allowed) < -room:
            worse = f"The guard's {metric.name} is {metric.format(found.value)}, and {metric.format(allowed)} before"
            return Checked(f"{worse}: {self.guard.threshold:g}% is allowed.", tail, found.value, seconds)
        return Checked("", tail, found.value, seconds)

    def _show(self, target: str) -> None:
        try:
            if not self._open:
                self.worktree.open()
                self._open = True
            self.worktree.show(files.split(target))
        except OSError as error:
            raise UserError(f"The worktree {self.worktree.folder} cannot be written: {error.strerror}.") from None

    def _make_stale(self, rule: ReadingRule | None) -> None:
        """Make a result file that is there already look old: what counts must be written by the run that comes.

        Its time alone does not tell: one that the repository holds has just been checked out.
        """
        if rule is None or not rule.file:
            return
        place = (self.worktree.folder / rule.file).resolve()
        if self.worktree.folder.resolve() in place.parents and place.is_file():
            os.utime(place, ns=(0, 0))

    def _run(
        self, command: str, seed: int, deadline: float, log: str, watch: Watch | None
    ) -> tuple[dict[str, Any], list[Any], str]:
        expected = sum(self._seconds) / len(self._seconds) if self._seconds else 0.0
        job = {
            "command": command, "folder": str(self.worktree.folder), "environment": {"AUTORESEARCH_SEED": str(seed)},
            "budget": (expected or deadline, "seconds"),
        }  # fmt: skip

        def tick(seconds: float) -> dict[str, Any]:
            share = min(0.99, seconds / expected) if expected else 0.0
            return {"elapsed": seconds, "progress": share, "step": 0}

        with tempfile.TemporaryDirectory(prefix="autoresearch-") as folder:
            path = log if log and log != os.devnull else str(Path(folder) / "output.log")
            result, curve = self._client.run(
                job, limit=deadline, memory=self.memory, log=path, watch=watch, tick=tick if watch else None
            )
            self.exit_code = result.get("exit")
            # Not `read_text`, which makes lines of carriage returns: of a bar that is what is under the last drawing.
            output = Path(path).read_bytes().decode("utf-8", "replace")
        return result, curve, output

    def interrupt(self) -> None:
        """See `Runner.interrupt`."""
        self._client.interrupt()

    def close(self) -> None:
        """End the worker and everything below it, and take the worktree away where it is not kept."""
        self._client.close()
        if self._open and not self._keep:
            self.worktree.remove()


def _tail(output: str) -> str:
    return "\n".join(output.rstrip().splitlines()[-30:])[-TAIL:]
