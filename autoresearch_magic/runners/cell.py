"""The runner for notebook cells: sends targets to the worker and turns its results into measurements."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..budget import Budget
from ..errors import UserError
from ..experiment import Measurement, Outcome
from ..metric import Metric
from ..runs import Conditions
from ..source.sealed import defined_names, sealed_hint
from ..storage.wall_clock import Began
from . import Runner, Watch
from .environment import experiment_environment
from .fleet import ALONE, Place
from .metric_unit import MetricUnit
from .output.all_numbers import bounded, printed_numbers
from .output.also import AlsoNumbers
from .output.artifacts import ArtifactFiles, State
from .output.cell_metric import PrintedMetric, printed_metric
from .output.cell_validity import printed_condition
from .output.holdout import parse_holdout
from .output.log_file import output_of, readable_log
from .output.notes import printed_notes
from .output.readings import NothingToRead, Unreadable
from .output.validity import check_printed, not_valid
from .outside_clock import OutsideClock, Timing
from .own_folder import OwnFolders, written_files
from .recheck import Recheck, same
from .walls import DEFAULT, Walls
from .worker.client import WorkerClient
from .worker.failures import not_finite
from .worker.sentences import missing_module
from .worker.working_folder import WORK

_SECOND: dict[bool | None, str] = {
    None: "",
    True: " One value in twenty, and each best one, is computed a second time in another fork.",
    False: " It is not computed a second time, because two runs of your own target with one seed differ.",
}


class CellRunner(Runner):
    """Measures targets in forks of one worker process, which has run the setup (see `autoresearch_magic.runners.worker.server`).

    Parameters
    ----------
    setup : str
        Frozen source, run once.
    target : str
        The first target; the worker imports its modules in advance.
    metric : Metric
    budget : Budget
    threads : int
        Threads of an experiment.
    memory : int
        Bytes an experiment may use; 0 for no limit.
    seed : int
    pass_env : iterable of str
        Environment variables that experiments see in addition to the allow-list.
    mode : {"auto", "fresh"}
        With ``fresh``, every experiment starts in a new process that runs the setup itself.
    folders : iterable of Path
        Put first on ``sys.path``, for the user's own modules.
    setup_name : str
        Module name by which the target may import the setup; empty for none.
    setup_log, on_note
        See `WorkerClient`.
    valid : str
        The condition on valid runs: a Python expression or a format; empty for none.
    wall : bool
        Whether the clock charges all of the wall clock (see `runtime.Clock`).
    artifacts : sequence of str
        Globs of text files that runs write, relative to the working folder.
    also, on_problem
        See `AlsoNumbers`.
    keep : Path, optional
        The study's folder, in which the caches of compiled code that the baseline has left are kept.
    place : Place
        Which processors and GPU its experiments have.
    working_folder : Path, optional
        Where the setup runs; by default the working folder of this process.
    walls : Walls
        What experiments may read, write and reach.
    sealed : str
        Source that runs after the setup, where the metric is computed; targets cannot see its names.
    holdout : str
        ``NAME=EXPRESSION``, evaluated after the metric in the runs that ask for it; empty for none.

    Attributes
    ----------
    worker : WorkerClient
    """

    def __init__(
        self,
        setup: str,
        target: str,
        metric: Metric,
        budget: Budget,
        *,
        threads: int = 1,
        memory: int = 0,
        setup_log: Path,
        seed: int = 0,
        pass_env: Iterable[str] = (),
        mode: str = "auto",
        folders: Iterable[Path] = (),
        setup_name: str = "",
        on_note: Callable[[str], object] | None = None,
        valid: str = "",
        wall: bool = False,
        artifacts: Sequence[str] = (),
        also: Sequence[str] = (),
        on_problem: Callable[[str], object] | None = None,
        walls: Walls = DEFAULT,
        sealed: str = "",
        holdout: str = "",
        keep: Path | None = None,
        place: Place = ALONE,
        working_folder: Path | None = None,
    ) -> None:
        self._baseline, self._recheck = target, Recheck(metric)
        self._outside = OutsideClock(setup, target, keep and keep / "baseline-times.json")
        self._unit, self._baseline = MetricUnit(metric.name, keep and keep / "metric-unit.json"), target
        self._folders = OwnFolders(target, keep and keep / "cache")
        self._wall, self._files = wall, ArtifactFiles(artifacts)
        self._also = AlsoNumbers(also, verified=False, on_problem=on_problem)
        self.metric, self.threads, self.memory = metric, threads, memory
        self.budget: Budget = budget
        self._holdout, self._sealed_names = parse_holdout(holdout) if holdout else None, defined_names(sealed)
        self._printed, self._valid = printed_metric(metric), valid.strip()
        config = {
            "setup": setup, "target": target, "seed": seed, "threads": threads, "mode": mode,
            "folders": list(map(str, folders)), "setup_name": setup_name, "walls": walls.to_json(),
            "projects": [str(working_folder or os.getcwd()), *map(str, folders)],
            **({"working_folder": str(working_folder)} if working_folder else {}),
            **({"sealed": sealed} if sealed.strip() else {}), **({"cores": place.cores} if place.cores else {}),
        }  # fmt: skip
        self._sealed, self._on_note = bool(sealed.strip()), on_note or (lambda line: None)
        environment = experiment_environment(threads=threads, seed=seed, extra=pass_env) | place.environment
        self.worker = WorkerClient(config, environment, setup_log=setup_log, on_note=on_note)

    def measure(
        self, target: str, *, seed: int, deadline: float, watch: Watch | None = None, log: str = os.devnull, holdout: bool = False
    ) -> Measurement:  # fmt: skip
        """Run a target once, in a folder of its own; see `Runner.measure`."""
        measured = self._in_own_folder(target, seed, deadline, watch, log, holdout)
        known = self.learned
        if not measured.ok or holdout or known is None or known["mode"] == "clean":
            return measured

        def again() -> Measurement:
            return self._in_own_folder(target, seed, deadline, None, os.devnull, False)

        if target == self._baseline and "reproducible" not in known:
            self.learned = {**known, "reproducible": (second := again()).ok and same(second, measured)}
        elif self._recheck.chosen(target, measured) and known.get("reproducible") and target != self._baseline:
            return self._recheck.checked(measured, again)
        return measured

    def _in_own_folder(
        self, target: str, seed: int, deadline: float, watch: Watch | None, log: str, holdout: bool
    ) -> Measurement:
        own, ok = self._folders.begin(), False
        try:
            measured = self._measure(target, seed, deadline, watch, log, holdout, own)
            ok = measured.ok
        finally:
            self._folders.end(own, target, self.worker.folder, ok=ok)
        return measured

    def _measure(
        self, target: str, seed: int, deadline: float, watch: Watch | None, log: str, holdout: bool, own: Path
    ) -> Measurement:  # fmt: skip
        printed = self._printed
        evaluated = "" if printed is not None and printed.always else self.metric.expression
        job = {
            "target": target, "seed": seed, "budget": (self.budget.amount, self.budget.unit), "wall": self._wall, "threads": self.threads,
            "metric": {"name": self.metric.name, "expression": evaluated, "valid": self._valid},
            "also": self._also.expressions, "folder": str(own),
        }  # fmt: skip
        if holdout and self._holdout is not None:
            job["holdout"] = dict(zip(("name", "expression"), self._holdout, strict=True))
        folder = own / WORK
        while True:
            job["calibration"] = self.learned
            began = Began()
            with readable_log(log) as path:
                result, curve = self.worker.run(job, limit=deadline, memory=self.memory, log=str(path), watch=watch)
                output = output_of(result, path)
            since = began.since
            if (learned := result.get("calibration")) is None or self.learned is not None:
                break
            self._learn(learned)
            if learned["mode"] == "clean":
                break
        artifacts = self._files.changed(folder, self._untouched(folder)) if self._files.any else {}
        missing = result.get("missing_module")
        conditions = Conditions.from_json(result.get("conditions"))
        measured = Measurement(
            outcome=Outcome(result["outcome"]),
            value=result.get("value"),
            seed=seed,
            seconds=result["seconds"],
            charged=result.get("charged", 0.0),
            evaluation=result.get("evaluation", 0.0),
            steps=result.get("steps", 0),
            memory=result.get("memory", 0.0),
            curve=tuple(curve),
            error=missing_module(missing, "target")
            if missing
            else sealed_hint(result.get("error", ""), self._sealed_names),
            traceback=result.get("traceback", ""),
            output=result.get("output", ""),
            names=tuple(result.get("names", ())),
            numbers=bounded({**result.get("numbers", {}), **printed_numbers(output, self.metric.name)}),
            conditions=conditions and replace(conditions, lost=result.get("lost"), paused=result.get("paused", 0.0)),
            notes=printed_notes(output),
            artifacts=artifacts,
            holdout=result.get("holdout"),
            holdout_error=result.get("holdout_error", ""),
        )
        if measured.outcome is Outcome.MISSING_METRIC and printed is not None:
            measured = self._with_printed_metric(measured, printed, output, folder, since, target == self._baseline)
        if measured.outcome is not Outcome.OK:
            return measured
        if too_long := self._outside.problem(target, self.budget, Timing.from_json(result.get("timing"))):
            return replace(measured, outcome=Outcome.OVERTIME, error=too_long)
        also = self._also.read(result, output, folder=folder, since=since, seconds=measured.seconds)
        measured = replace(measured, numbers=self._also.beside(also, measured.numbers))
        if not self._valid:
            return measured
        problem = result.get("invalid")
        if problem is None and (condition := printed_condition(self._valid)) is not None:
            problem = check_printed(condition, output, metric=self.metric.name, folder=folder, since=since)
        return (
            replace(measured, outcome=Outcome.INVALID, error=not_valid(problem, self.metric, measured.value))
            if problem
            else measured
        )

    def _learn(self, learned: dict[str, Any]) -> None:
        """Keep how the metric is computed, as the baseline's run has shown, and tell what the user should know of it."""
        self.learned = learned
        if learned["mode"] != "clean" and self._sealed:
            raise UserError(
                f"The metric cannot be computed apart from the target ({learned['why']}), so nothing can be sealed from it: let evaluate() "
                "take what the target returns, such as predictions, or leave the sealed cell out."
            )
        if learned["mode"] != "clean" or learned.get("told"):
            self._on_note(self._how_measured())

    def _how_measured(self) -> str:
        """Return in a sentence where the metric is computed; empty while that is not known."""
        if (known := self.learned) is None:
            return ""
        name = self.metric.name
        if known["mode"] != "clean":
            return (
                f"The target could reach {name}: it is computed in the target's own process, because it cannot be computed apart from "
                f"it ({known['why']}).{_SECOND[known.get('reproducible')]}"
            )
        if known.get("told"):
            return f"The target could reach {name}: a method of its own returns the value. Let evaluate() compute it from predictions."
        shared = ", ".join(known.get("shared", ()))
        own = f" The target changes {shared} of the setup, which is taken for the target's own." if shared else ""
        return f"{name} is computed in a process where the target's code never ran.{own}"

    def _untouched(self, folder: Path) -> dict[str, State]:
        """Return the states of the files in a run's folder that are copies of the user's, for `ArtifactFiles.changed`."""
        written = {path for path, _ in written_files(folder, self.worker.folder)}
        return {path: state for path, state in self._files.look(folder).items() if path not in written}

    def keep_files(self, target: str, folder: Path) -> None:
        """Keep what the last run of a target wrote; see `Runner.keep_files`."""
        self._folders.keep(target, folder)

    def _with_printed_metric(
        self, m: Measurement, printed: PrintedMetric, output: str, folder: Path, since: float, unchanged: bool
    ) -> Measurement:
        """Return the measurement with the metric that the target has printed, if it has."""
        try:
            reading = printed.read(output, folder=folder, since=since, seconds=m.seconds)
        except NothingToRead as nothing:
            if printed.always:
                return replace(m, error=f"The metric was not printed: {nothing}")
            return replace(m, error=f"{m.error.rstrip('.')}, and no line '{printed.name}: value' was printed.")
        except Unreadable as reason:
            return replace(
                m, outcome=Outcome.METRIC_ERROR, error=f"The printed {printed.name} cannot be read: {reason}"
            )
        value = reading.value
        if not math.isfinite(value):
            return replace(m, outcome=Outcome.NOT_FINITE, value=value, error=not_finite(self.metric.name, value))
        if why := self._unit.problem(reading, unchanged=unchanged):
            return replace(m, outcome=Outcome.METRIC_ERROR, error=why)
        return replace(m, outcome=Outcome.OK, value=value, error="")

    def describe(self) -> list[str]:
        """Return how experiments are started and what the setup leaves open, once it has run; see `Runner.describe`."""
        return [
            *([self.worker.walls] if self.worker.walls else []),
            *self.worker.notes,
            *([how] if (how := self._how_measured()) else []),
            *([self._files.problem] if self._files.problem else []),
            *self._also.problems.values(),
        ]

    def interrupt(self) -> None:
        """Kill the current run; see `Runner.interrupt`."""
        self.worker.interrupt()

    def close(self) -> None:
        """End the worker and every process below it, and delete the folders of runs."""
        self.worker.close()
        self._folders.close()
