"""The runner for repositories: runs a command in an export of one version and reads the metric from its output.

The command runs under the same worker as cells do, with the same walls, limits, kill rules and log.
"""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..experiment import Measurement, Outcome
from ..metric import Metric
from ..runs import Conditions, Point
from ..source.files import join, split
from ..storage.git.checkout import ignored_folders
from ..storage.git.export import calls_git
from ..storage.scratch import scratch_folder
from ..storage.wall_clock import Began
from . import GuardResult, Runner, Watch
from .environment import experiment_environment
from .exit_status import ExitRule, Statuses, exit_rule, read_statuses
from .export import Export
from .fleet import ALONE, Place
from .imports import runs_python, with_hook, write_list
from .metric_unit import MetricUnit
from .moved_folders import MovedFolders
from .output.all_numbers import printed_numbers
from .output.also import AlsoNumbers
from .output.artifacts import ArtifactFiles
from .output.failing_lines import failing_lines, quoted
from .output.log_file import output_of, readable_log
from .output.metric_reader import ReadingRule, parse_rule, read_metric
from .output.named_lines import named_values
from .output.notes import printed_notes
from .output.readings import Reading, Unreadable
from .output.validity import Condition, check_printed, not_valid, parse_condition
from .stage import Stage
from .summaries import lacking, read_summaries
from .tools import find_tools, missing_module, packages
from .unchanged import Unchanged
from .walls import DEFAULT, Walls
from .walls.words import remedy_for_output, tried_to_write
from .worker.client import WorkerClient
from .worker.failures import not_finite
from .worker.protocol import KILLED

SLACK = 0.02
"""Seconds that a file system's clock may lag: a result file that is older than the run by less than that was written by it."""
TAIL = 4_000
"""Characters of output that a measurement or the guard's result keeps."""


@dataclass(frozen=True)
class GuardCommand:
    """A command that must still pass for a target to be kept.

    Attributes
    ----------
    command : str
    metric : Metric or None
        Read from the command's output; None when only the exit status counts.
    threshold : float
        Percentage of the baseline's value by which the metric may be worse.
    """

    command: str
    metric: Metric | None = None
    threshold: float = 0.0


@dataclass(frozen=True)
class _CommandRun:
    """A command that has ended.

    Attributes
    ----------
    result : dict
        The worker's.
    curve : list of Point
    output : str
        All of it.
    since : float
        When it began, in epoch seconds.
    statuses : Statuses
    repackaged : str
        A package that it has changed in a linked environment; empty for none.
    moved : list of str
        Folders with files that measure which it has moved, also if it has put them back.
    started : list of str or None
        Of the unchanged version: the modules that it imported from its folder and that are installed as well; None where no Python that it
        started had the hook (`imports`).
    read_only : list of str
        Files that it could not write, where there are mounts.
    artifacts : Mapping of str to str
        What it has written of the files that ``--artifacts`` selects.
    """

    result: dict[str, Any]
    curve: list[Point]
    output: str
    since: float
    statuses: Statuses
    repackaged: str
    moved: list[str]
    started: list[str] | None
    read_only: list[str]
    artifacts: Mapping[str, str]

    @property
    def exit_code(self) -> int | None:
        return self.result.get("exit")


class CommandRunner(Runner):
    """Measures targets that are files of a repository, held in one text (see `autoresearch_magic.source.files`).

    Parameters
    ----------
    export : Export
    verify : str
        The command, for the shell (see `shell`), in the top folder of the export.
    metric : Metric
        Its expression says how it is read (`metric_reader.parse_rule`).
    guard : GuardCommand, optional
    threads, memory, seed, pass_env
        See `CellRunner`.
    worker_log : Path
        Log file for messages of the worker itself; empty unless something is wrong.
    keep : bool
        Whether `close` keeps the export, for the study's next start.
    valid : str
        The condition on valid runs (`validity.parse_condition`); empty for none.
    artifacts, hide : sequence of str
        Globs of text files that runs write, relative to the export, and of those of them that are not to be read.
    also, on_problem
        See `AlsoNumbers`.
    on_note : callable, optional
        Called with what happens to the worker, a line each.
    walls, place
        See `CellRunner`.
    stages : sequence of str
        Commands of cheap stages, which `at_stage` runs.

    Attributes
    ----------
    worker : WorkerClient
    tools : Tools
        Shell, Python and environment variables of the commands.
    exit_code : int or None
        Of the last command; None when it was killed.
    """

    def __init__(
        self, export: Export, verify: str, metric: Metric, *, guard: GuardCommand | None = None, threads: int = 1,
        memory: int = 0, seed: int = 0, pass_env: Iterable[str] = (), worker_log: Path, keep: bool = True,
        valid: str = "", artifacts: Sequence[str] = (), hide: Sequence[str] = (),
        also: Sequence[str] = (), on_problem: Callable[[str], object] | None = None,
        on_note: Callable[[str], object] | None = None, walls: Walls = DEFAULT,
        place: Place = ALONE, stages: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self._files, self._walls = ArtifactFiles(artifacts, hide), walls
        self._also = AlsoNumbers(also, verified=True, on_problem=on_problem)
        self.export, self.verify, self.metric, self.guard, self.memory = export, verify, metric, guard, memory
        self._rule = parse_rule(metric.expression)
        self._condition = parse_condition(valid) if valid else None
        environment = experiment_environment(threads=threads, seed=seed, extra=pass_env) | place.environment
        config = {"setup": "", "target": "", "seed": seed, "threads": threads, "mode": "auto", "kind": "command", "walls": walls.to_json(),
                  "projects": [str(export.checkout.folder)], **({"cores": place.cores} if place.cores else {})}  # fmt: skip
        self.worker = WorkerClient(config, environment, setup_log=worker_log, on_note=on_note)
        self._commands = [verify, *([guard.command] if guard else []), *stages]
        checkout = export.checkout
        self.tools = find_tools(
            checkout.folder, export.folder, checkout.tracked, self._commands, environment, export.linked,
            ignored_folders(checkout.folder),
        )  # fmt: skip
        export.link(self.tools.linked, self.tools.mirrored)
        export.repository |= calls_git(self._commands, checkout.folder, checkout.frozen, checkout.tracked)
        self._unit = MetricUnit(metric.name, export.unit)
        self._units: dict[Stage, MetricUnit] = {}
        self._unchanged = Unchanged(export.notes, checkout.commit, export.base or {})
        self._hooked: dict[str, bool] = {}
        self.exit_code: int | None = None
        self._seconds: list[float] = []
        self._open, self._keep = False, keep

    @contextmanager
    def at_stage(self, stage: Stage) -> Iterator[None]:
        """See `Runner.at_stage`; the condition on valid runs (``--valid``) is for the full command."""
        full = self.verify, self.metric, self._rule, self._condition, self._seconds, self._unit
        rule, unit = parse_rule(stage.metric.expression), self._units.setdefault(stage, MetricUnit(stage.metric.name))
        self.verify, self.metric, self._rule, self._condition, self._seconds, self._unit = (
            stage.command,
            stage.metric,
            rule,
            None,
            [],
            unit,
        )
        try:
            yield
        finally:
            self.verify, self.metric, self._rule, self._condition, self._seconds, self._unit = full

    def measure(
        self, target: str, *, seed: int, deadline: float, watch: Watch | None = None, log: str = os.devnull, holdout: bool = False
    ) -> Measurement:  # fmt: skip
        """Write `target` into the export, run the command and read the metric; see `Runner.measure`."""
        run = self._run(self.verify, target, self._rule, deadline, log, seed, watch)
        if self._lacks_git(run):
            run = self._run(self.verify, target, self._rule, deadline, log, seed, watch)
        m = Measurement(
            outcome=Outcome(run.result["outcome"]), value=None, seed=seed, seconds=run.result["seconds"],
            memory=run.result.get("memory", 0.0), curve=tuple(run.curve), error=run.result.get("error", ""),
            output=run.output[-TAIL:], numbers=printed_numbers(run.output, self.metric.name),
            conditions=Conditions.from_json(run.result.get("conditions")), notes=printed_notes(run.output), artifacts=run.artifacts,
        )  # fmt: skip
        last_lines = "\n".join(run.output.rstrip().splitlines()[-30:])[-TAIL:]
        if m.outcome is not Outcome.OK:
            return replace(m, traceback=last_lines)
        self._seconds.append(m.seconds)
        if changed := self._tampered(run, self.verify):
            return replace(m, outcome=Outcome.TAMPERED, error=changed)
        exits, status = exit_rule(self.verify, self.metric.name), run.exit_code or 0
        accepted = not status or exits.accepts(status, run.statuses)
        crashed = replace(m, outcome=Outcome.CRASH, error=self._why_failed(self.verify, run), traceback=last_lines)
        if status == 128 + signal.SIGKILL:  # the shell has survived; see `worker.job` for when it has not
            if run.result.get("out_of_memory") is False:
                return replace(crashed, error=KILLED)
            return replace(crashed, outcome=Outcome.OUT_OF_MEMORY,
                           error="Killed by the system, probably because memory ran out.")  # fmt: skip
        if self._rule.format.keyword != "exit" and (why := exits.crash(status, run.statuses, run.output)):
            return replace(crashed, error=self._why_failed(self.verify, run, why))
        if not accepted and not self._rule.format.any_exit_status:
            return replace(crashed, error=crashed.error + self._hint(run))
        try:
            reading = self._reading(run, self.metric, self._rule)
            value = reading.value
            if why := self._unit.problem(reading, unchanged=self.export.unchanged):
                return replace(m, outcome=Outcome.METRIC_ERROR, error=why, traceback=last_lines)
        except Unreadable as reason:
            nothing = exits.silent_at_zero and exits.alone and not run.output.strip()
            if nothing and status and accepted:
                value = 0.0
            elif not accepted:
                return crashed
            else:
                why = self._why_failed(self.verify, run, str(reason))
                return replace(m, outcome=Outcome.METRIC_ERROR, error=why, traceback=last_lines)
        if value == 0 and (why := self._no_zero(exits, run)):
            return replace(crashed, error=why)
        if why := self._fewer_tests(run, self.verify, passed=False):
            return replace(crashed, error=f"The number does not count: {why}.")
        if not math.isfinite(value):
            return replace(m, outcome=Outcome.NOT_FINITE, value=value, error=not_finite(self.metric.name, value))
        if self._condition is not None and (problem := self._problem(run, self._condition)):
            return replace(
                m,
                outcome=Outcome.INVALID,
                value=value,
                error=not_valid(problem, self.metric, value),
                traceback=last_lines,
            )
        self.export.keep_built()
        printed = named_values(run.output)
        # The original's MB are 2**20 bytes, as `experiment.GIB` says.
        memory = printed["peak_vram_mb"] / 1024 if printed.get("peak_vram_mb") else m.memory
        steps = printed.get("num_steps", 0.0)
        own = self._also.read(
            {},
            run.output,
            folder=self.export.folder,
            since=run.since - SLACK,
            exit_code=run.exit_code or 0,
            seconds=m.seconds,
        )
        numbers = self._also.beside(own, m.numbers)
        return replace(m, value=value, memory=memory, steps=int(steps) if math.isfinite(steps) else 0, numbers=numbers)

    def _tampered(self, run: _CommandRun, command: str) -> str:
        """Return which frozen file or linked environment a run has changed, in one line; empty for none."""
        known = self._unchanged.get(command)
        forgiven = self._touched(run) if self.export.unchanged else known.touched if known else ()
        if tampered := self.export.tampered(forgiven):
            return f"The run has changed {tampered[0]}, which is frozen: files that test or measure must stay as they are, also for a while."
        if moved := sorted({*run.moved}.difference(name.rstrip("/") for name in forgiven)):
            return f"The run has moved the folder {moved[0]}, in which frozen files are: they must stay as they are, also for a while."
        if run.exit_code and (tried := tried_to_write(run.output, run.read_only)):
            return f"The run has tried to change {tried}, which is frozen: files that test or measure must stay as they are."
        if run.repackaged:
            return (
                f"The run has changed {run.repackaged}, which is linked from your checkout: install packages there yourself, before the "
                "study, and take the installation out of the command."
            )
        return ""

    def _touched(self, run: _CommandRun) -> list[str]:
        """Return the files that a run has touched, and with a slash behind them the folders that it has moved."""
        return [*self.export.touched(), *(f"{name}/" for name in run.moved)]

    def _fewer_tests(self, run: _CommandRun, command: str, *, passed: bool) -> str:
        """Return why the tests that ran are not those of the unchanged version, whose own are noted; empty when they are."""
        found = read_summaries(run.output)
        if self.export.unchanged:
            self._unchanged.note(command, self._touched(run), found, run.started or ())
            self._hooked[command] = run.started is not None
            return ""
        known = self._unchanged.get(command)
        return lacking(known.summaries, found, passed=passed) if known else ""

    def _lacks_git(self, run: _CommandRun) -> bool:
        """Whether the unchanged version asks for a repository that it has not got; it gets one then."""
        lacks = not self.export.repository and self.export.unchanged and "not a git repository" in run.output
        if lacks:
            self.export.add_repository()
        return lacks

    def _why_failed(self, command: str, run: _CommandRun, why: str = "") -> str:
        """Return in one line why a command gave no value: a module that is missing, else `why`, else its exit status."""
        checkout = self.export.checkout
        if missing := missing_module(run.output, command, self.tools, checkout.folder, checkout.tracked):
            return f"{missing[:1].upper()}{missing[1:]}"
        remedy = remedy_for_output(run.output, self._walls) if run.exit_code else ""
        why = why or f"The command ended with exit status {run.exit_code}."
        return f"{why.rstrip('.')}: {remedy}." if remedy else why

    def _hint(self, run: _CommandRun) -> str:
        """Return what to do where a number was printed by a command whose exit status says that it failed; else nothing."""
        try:
            value = self._read(run, self.metric, self._rule)
        except Unreadable:
            return ""
        return f" The {self.metric.name} that it printed, {self.metric.format(value)}, does not count then; with --metric NAME=re:REGEX it would."

    def _no_zero(self, exits: ExitRule, run: _CommandRun) -> str:
        """Return why a value of 0 is not counted: what would have been counted has failed. Empty when it is."""
        keyword = self._rule.format.keyword
        if keyword in ("exit", "seconds", "file"):
            return ""
        if why := exits.empty_count(run.statuses):
            return why
        if keyword == "lines" and run.exit_code and run.exit_code not in exits.found:
            return (
                f"The command ended with exit status {run.exit_code}, and no line matches: this is taken for a crash."
            )
        return ""

    def describe(self) -> list[str]:
        """Return what the commands run with, and which exit statuses count; see `Runner.describe`."""
        lines = self.tools.describe()
        keyword = self._rule.format.keyword
        if keyword == "exit":
            lines.append("Exit status: it is the metric.")
        elif self._rule.format.any_exit_status:
            lines.append(
                f"Exit status: any counts with {keyword}:, except that of a command that was not found, was killed or raised an exception."
            )
        else:
            lines.append(exit_rule(self.verify, self.metric.name).describe())
        if (
            self.guard is not None
            and self.guard.metric is None
            and (why := exit_rule(self.guard.command).always_passes)
        ):
            lines.append(f"The guard always passes: {why}.")
        if self.guard is not None and (known := self._unchanged.get(self.guard.command)):
            ran = [f"{counts.passed} tests of {name}" for name, counts in known.summaries.items() if counts.total]
            lines.append(
                f"Guard: as many tests must pass as of the unchanged version, by the summary that is printed ({', '.join(ran)})." if ran
                else "Guard: its exit status alone counts, because it prints no summary of a known test runner."
            )  # fmt: skip
        lines += [
            f"Python in {command!r} does not get the PYTHONPATH that it is given, so files that a run leaves in place of installed modules are imported."
            for command, hooked in self._hooked.items() if not hooked and runs_python(command)
        ]  # fmt: skip
        if self.export.repository:
            lines.append("A command calls git: runs have a throw-away repository of their own, without remotes.")
        if self._files.problem:
            lines.append(self._files.problem)
        if self.worker.walls:
            lines.append(self.worker.walls)
        return [*lines, *self._also.problems.values()]

    def check(self, target: str, *, deadline: float, allowed: float | None, log: str) -> GuardResult:
        """Run the guard on `target`; see `Runner.check`."""
        assert self.guard is not None
        metric = self.guard.metric
        rule = parse_rule(metric.expression) if metric else None
        base = self.export.base
        if self._unchanged.get(self.guard.command) is None and base and split(target) != base:
            first = self._run(self.guard.command, join(base), rule, deadline, log)
            if changed := self._tampered(first, self.guard.command):
                return GuardResult(f"The guard: {changed}", first.output[-TAIL:], None, first.result["seconds"])
            if first.result["outcome"] == Outcome.OK:
                self._fewer_tests(first, self.guard.command, passed=True)
        run = self._run(self.guard.command, target, rule, deadline, log)
        passed = GuardResult("", run.output[-TAIL:], None, run.result["seconds"])
        if run.result["outcome"] != Outcome.OK:
            return replace(passed, failure=f"The guard: {run.result.get('error') or run.result['outcome']}")
        if changed := self._tampered(run, self.guard.command):
            return replace(passed, failure=f"The guard: {changed}")
        exits, status = exit_rule(self.guard.command, metric.name if metric else ""), run.exit_code or 0
        explicit = rule is not None and rule.format.any_exit_status
        accepted = explicit or (rule is not None and exits.accepts(status, run.statuses))
        if status and not accepted:
            lines = tuple(failing_lines(run.output))
            said = f": {quoted(lines).rstrip('.')}." if lines else "."
            why = self._why_failed(self.guard.command, run, f"The guard ended with exit status {status}{said}")
            return replace(passed, failure=why if why.startswith("The guard") else f"The guard: {why}", lines=lines)
        if why := exits.crash(status, run.statuses, run.output):
            return replace(passed, failure=f"The guard: {why}")
        if why := self._fewer_tests(run, self.guard.command, passed=True):
            return replace(passed, failure=f"The guard ended with exit status {status}, but {why}.")
        if metric is None or rule is None:
            return passed
        try:
            value = self._read(run, metric, rule)
        except Unreadable as reason:
            return replace(passed, failure=f"The guard's {metric.name} cannot be read: {reason}")
        if not math.isfinite(value):
            return replace(passed, failure=f"The guard's {metric.name} is {value}.")
        passed = replace(passed, value=value)
        threshold = self.guard.threshold
        if allowed is None or metric.gain(value, over=allowed) >= -abs(allowed) * threshold / 100:
            return passed
        return replace(passed, failure=(
            f"The guard's {metric.name} is {metric.format(value)}; the baseline's is {metric.format(allowed)}, and at most "
            f"{threshold:g}% worse is allowed."
        ))  # fmt: skip

    def _run(
        self,
        command: str,
        target: str,
        rule: ReadingRule | None,
        deadline: float,
        log: str,
        seed: int = 0,
        watch: Watch | None = None,
    ) -> _CommandRun:
        """Write `target` into the export and run a command there."""
        self._write(target)
        for each in (rule, *self._also.rules):
            self._make_result_file_old(each)
        expected = sum(self._seconds) / len(self._seconds) if self._seconds else 0.0
        environments = [self.export.folder / name for name in self.tools.linked]
        before = [packages(folder) for folder in environments]

        def tick(seconds: float) -> dict[str, Any]:
            share = min(0.99, seconds / expected) if expected else 0.0
            return {"elapsed": seconds, "progress": share, "step": 0}

        known = None if self.export.unchanged else self._unchanged.get(command)
        frozen = self.export.read_only(known.touched) if known else []
        files, began = self._files.look(self.export.folder), Began()
        moved = MovedFolders(self.export.folder, self.export.measuring_folders())
        with readable_log(log) as path, scratch_folder() as scratch, moved:
            statuses, started = scratch / "statuses", scratch / "started"
            hook = write_list(
                self.export.imports,
                self.export.modules(known.touched if known else None, known.imports if known else ()),
            )
            environment = {
                **self.tools.environment,
                "AUTORESEARCH_SEED": str(seed),
                "GIT_CEILING_DIRECTORIES": str(self.export.folder.parent),
            }
            job = {
                "command": command, "arguments": self.tools.shell.arguments(with_hook(command), str(statuses)),
                "folder": str(self.export.folder), "budget": (expected or deadline, "seconds"),
                "environment": hook.environment(environment, started), "writable": [str(scratch)], "readable": [str(hook.path)],
                "frozen": frozen,
            }  # fmt: skip
            result, curve = self.worker.run(
                job, limit=deadline, memory=self.memory, log=str(path), watch=watch, tick=tick if watch else None
            )
            if result.get("filled"):
                self._write(target)  # what it has written goes now, not before the next run
            output = output_of(result, path)
            written = statuses.read_text(encoding="utf-8", errors="replace") if statuses.exists() else ""
            names = started.read_text(errors="replace").split() if started.exists() else None
        self.exit_code = result.get("exit")
        written_files = self._files.changed(self.export.folder, files)
        repackaged = ""
        for place, packages_before in zip(environments, before, strict=True):
            if different := dict(packages_before.items() ^ packages(place).items()):
                repackaged = f"{place.name} ({min(different)})"
        ended = read_statuses(written, self.exit_code or 0)
        imports = None if names is None else sorted({*names} - {"."})
        return _CommandRun(
            result, curve, output, began.since, ended, repackaged, moved.moved, imports, frozen, written_files
        )

    def _write(self, target: str) -> None:
        try:
            if not self._open:
                self.export.open()
                self._open = True
            self.export.show(split(target))
        except OSError as error:
            raise UserError(f"The folder {self.export.folder} cannot be written: {error.strerror}.") from None

    def _make_result_file_old(self, rule: ReadingRule | None) -> None:
        """Set the time of an existing result file to 1970, so that it counts only when the coming run writes it.

        Its own time does not tell: a file of the repository has just been checked out.
        """
        if rule is None or not rule.file:
            return
        path = (self.export.folder / rule.file).resolve()
        if self.export.folder.resolve() in path.parents and path.is_file():
            os.utime(path, ns=(0, 0))

    def _read(self, run: _CommandRun, metric: Metric, rule: ReadingRule) -> float:
        return self._reading(run, metric, rule).value

    def _reading(self, run: _CommandRun, metric: Metric, rule: ReadingRule) -> Reading:
        return read_metric(
            run.output, metric.name, rule, folder=self.export.folder, since=run.since - SLACK,
            exit_code=run.exit_code or 0, seconds=run.result["seconds"],
        )  # fmt: skip

    def _problem(self, run: _CommandRun, condition: Condition) -> str:
        """Return why a run is not valid; empty when it is."""
        folder, since = self.export.folder, run.since - SLACK
        return check_printed(condition, run.output, metric=self.metric.name, folder=folder, since=since)

    def interrupt(self) -> None:
        """Kill the current run; see `Runner.interrupt`."""
        self.worker.interrupt()

    def close(self) -> None:
        """End the worker and every process below it; delete the export unless it is to be kept."""
        self.worker.close()
        if self._open and not self._keep:
            self.export.remove()
