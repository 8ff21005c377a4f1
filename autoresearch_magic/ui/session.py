"""What the subcommands do: a `Session` holds the definitions that cells have made and carries out one command at a time.

Every command returns a `Reply`, which a notebook shows as Markdown and a terminal as text.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..agents.registry import agent_names
from ..budget import parse_duration
from ..config.argument_parser import given
from ..config.layouts import lab_files, original_settings
from ..config.program import parse_program
from ..config.settings import make_settings
from ..errors import UserError
from ..events import State
from ..source.constants import find_constants
from ..source.edits import check_syntax
from ..storage.folders import ROOT, study_names
from ..study.definition import read_source
from ..study.opening import current, open_study
from ..study.registry import running
from ..study.study import Study
from ..study.summary import history_markdown, history_text, result_line, status_text
from ..text import escape, fenced
from .replies import (
    ablation_reply,
    answer_reply,
    diff_reply,
    doctor_reply,
    evals_reply,
    experiment_reply,
    report_reply,
    shown_path,
)
from .reply import Reply, said
from .starting import draft_reply, list_reply, skill_reply

MAGIC = "%autoresearch"
AGENTS = {
    "tuner": "offline: finds the constants of the target and lets Optuna choose (tuner:LR,WIDTH for those alone)",
    "claude": "a Claude model (claude:MODEL); the key comes from ANTHROPIC_API_KEY, or is asked for",
    "openai": "any OpenAI-compatible server: openai:MODEL[@URL], such as openai:qwen3@http://localhost:11434/v1",
    "command": "any program that reads the briefing and writes the reply: command:claude -p",
    "hybrid": "a model for structure and the tuner for numbers (hybrid:claude+tuner)",
    "replay": "plays a recorded study: replay:STUDY[@SPEED]",
    "recorded": "plays back the edits that were recorded on a skill's example: recorded:SKILL",
}
OFFLINE = ("tuner", "replay", "recorded")
"""Agents that read nothing of what they are told."""


@dataclass
class Source:
    """One definition: its text, and the file where it is one."""

    text: str
    path: Path | None = None

    def as_argument(self) -> str | Path:
        """Return what `Study` takes."""
        return self.path if self.path is not None else self.text


@dataclass
class Session:
    """What has been defined so far, and the commands that use it.

    Parameters
    ----------
    root : Path
        Where studies are kept.
    """

    root: Path = field(default_factory=lambda: Path(ROOT))
    setup: Source | None = None
    target: Source | None = None
    program: Source | None = None
    options: dict[str, Any] = field(default_factory=dict)

    # -- define ------------------------------------------------------------------------------------------------

    def define_setup(self, arguments: argparse.Namespace, cell: str | None) -> Reply:
        """Take the frozen code."""
        source = self._source(arguments, cell, "setup")
        check_syntax(source.text, "setup")
        self.setup = source
        return said(f"Setup: {_lines(source.text)}, frozen. It runs once, in the study's own process.{_later()}")

    def define_target(self, arguments: argparse.Namespace, cell: str | None) -> Reply:
        """Take the editable code."""
        source = self._source(arguments, cell, "target")
        check_syntax(source.text, "target")
        if not source.text.strip():
            raise UserError("The target is empty: put the code that experiments may change below the line.")
        self.target = source
        names = [constant.name for constant in find_constants(source.text)]
        tunable = f"; the tuner can change {', '.join(names)}" if names else ""
        return said(f"Target: {_lines(source.text)}{tunable}.{_later()}")

    def define_program(self, arguments: argparse.Namespace, cell: str | None) -> Reply:
        """Take the program, with settings for the start."""
        source = self._source(arguments, cell, "program")
        program = parse_program(source.text)
        options = given(arguments)
        if {"metric", "verify"} & {**program.settings, **options}.keys():
            make_settings(program.settings, options)  # a wrong value is told now, not at the start
        self.program, self.options = source, options
        return said(f"Program: {program.title or 'without a title'}. Start it with  {MAGIC} start{_later()}")

    def _source(self, arguments: argparse.Namespace, cell: str | None, what: str) -> Source:
        if arguments.path and cell is not None and cell.strip():
            raise UserError(f"Both a file and a cell for the {what}: give one of them.")
        if arguments.path:
            return Source(*read_source(Path(arguments.path), what))
        if cell is None:
            raise UserError(
                f"Give the {what} in the cell, below  %%autoresearch {what}, or a file: {MAGIC} {what} PATH"
            )
        return Source(cell)

    def skills(self, arguments: argparse.Namespace) -> Reply:
        """List the skills: program templates, with examples that they work on as they stand."""
        return list_reply(self.root)

    def skill(self, arguments: argparse.Namespace) -> Reply:
        """Put a skill's program into the next cell, and copy its example where one is wanted."""
        return skill_reply(arguments, self.root)

    def doctor(self, arguments: argparse.Namespace) -> Reply:
        """See whether everything that a study needs is there and works, and what to do where it is not."""
        return doctor_reply(self.root)

    # -- start and steer -------------------------------------------------------------------------------------------

    def start_program(self, arguments: argparse.Namespace, cell: str) -> Reply:
        """Take the program and start: the bare ``%%autoresearch``."""
        self.program, self.options = Source(cell), given(arguments)
        return self.start(arguments)

    def start(self, arguments: argparse.Namespace) -> Reply:
        """Start a study of what has been defined."""
        study = self._new_study(arguments)
        study.start()
        return self._started(study)

    def _new_study(self, arguments: argparse.Namespace) -> Study:
        if (other := running()) is not None:
            raise UserError(
                f"The study {other.name} is {other.state}: wait for it ({MAGIC} wait) or stop it ({MAGIC} stop) "
                "before you start another."
            )
        options = {**self.options, **given(arguments)}
        program = self.program or _program_of(options)
        if program is None and self.target is not None:
            raise UserError(
                "No program yet: write goal and rules into a cell that begins with  %%autoresearch --metric NAME=EXPRESSION"
            )
        name = getattr(arguments, "name", None)
        if program is not None and (_verify(program, options) or (self.target is None and _original(program, options))):
            return Study(program.as_argument(), name=name, root=self.root, **options)
        if program is None or self.target is None:
            raise UserError(
                "No target yet: put the code that experiments may change into a cell that begins with  %%autoresearch target  "
                "(or give --scope and --verify, for files of a repository)"
            )
        return Study(
            program.as_argument(), self.target.as_argument(), self.setup.as_argument() if self.setup else "",
            name=name, root=self.root, **options,
        )  # fmt: skip

    def _started(self, study: Study) -> Reply:
        text = (
            f"{study.name}: {study.settings.describe()}\n"
            f"It runs in the background. {MAGIC} status · pause · stop · wait · history · best"
        )
        return said(text, watch=study)

    def step(self, arguments: argparse.Namespace) -> Reply:
        """Do one experiment, then pause."""
        study = current()
        if study is None or (not study.active and study.state == State.FINISHED):
            study = self._new_study(arguments)
        study.step()
        return said(f"{study.name}: one experiment, then a pause. {MAGIC} wait waits for it.", watch=study)

    def pause(self, arguments: argparse.Namespace) -> Reply:
        """Pause after the run under way."""
        study = self._study().pause()
        return said(f"{study.name} pauses after the run under way. Go on with  {MAGIC} resume")

    def resume(self, arguments: argparse.Namespace) -> Reply:
        """Go on after a pause, a stop or a crash."""
        study = self._study(arguments.study)
        paused = study.active
        study.resume(**given(arguments))
        n = len(study.experiments)
        where = (
            ""
            if paused or not n
            else f" with experiment {n}, incumbent {study.incumbent.number if study.incumbent else 0}"
        )
        return said(f"{study.name} goes on{where}.", watch=None if paused else study)

    def stop(self, arguments: argparse.Namespace) -> Reply:
        """End it now; it can be resumed."""
        study = self._study()
        if not study.active:
            return said(f"{study.name} is {study.state} already.")
        study.stop()
        return said(f"{study.name} is stopped: {result_line(study.status)}. Go on with  {MAGIC} resume {study.name}")

    def wait(self, arguments: argparse.Namespace) -> Reply:
        """Wait for the end or a pause."""
        timeout = None if arguments.timeout is None else parse_duration(arguments.timeout, "timeout")
        return Reply("", wait=(self._study(), timeout))

    def watch(self, arguments: argparse.Namespace) -> Reply:
        """Show the live panel again."""
        study = self._study(arguments.study)
        return said(repr(study), watch=study)

    # -- look --------------------------------------------------------------------------------------------------

    def say(self, arguments: argparse.Namespace) -> Reply:
        """Tell the agent something; its next proposal sees it."""
        study = self._study().say(" ".join(arguments.text))
        agent = study.settings.agent
        if agent.partition(":")[0] in OFFLINE:
            return said(f"Noted, but {agent} reads no notes: a language model does (--agent).")
        return said(f"Noted: {agent} sees it when it is asked for the next proposal.")

    def briefing(self, arguments: argparse.Namespace) -> Reply:
        """Show what a language model would be told now."""
        text = self._study().briefing()
        return Reply(text, f"{len(text):,} characters, about {len(text) // 4:,} tokens:\n\n{fenced(text, 'text')}")

    def agents(self, arguments: argparse.Namespace) -> Reply:
        """List the agents that can propose."""
        told = {name: AGENTS.get(name, "registered by another package") for name in agent_names()}
        width = max(map(len, told))
        rows = [f"| `{name}` | {escape(what)} |" for name, what in told.items()]
        return Reply(
            "\n".join(f"{name:<{width}}  {what}" for name, what in told.items()),
            "\n".join(["| agent | what it is |", "| --- | --- |", *rows]),
        )

    def status(self, arguments: argparse.Namespace) -> Reply:
        """Say where the study stands."""
        if arguments.study is None and current() is None:
            names = study_names(self.root)
            if not names:
                return said(f"No study yet. {MAGIC} help shows how to begin.")
            return said(f"No study is open. There is {', '.join(names)}: {MAGIC} resume {names[-1]}")
        study = self._study(arguments.study)
        return said(status_text(study.status))

    def history(self, arguments: argparse.Namespace) -> Reply:
        """List the experiments."""
        study = self._study(arguments.study)
        shown = [e for e in study.experiments if not arguments.kept or (e.kept)]
        if not shown:
            return said(f"{study.name} has no finished experiment yet.")
        return Reply(history_text(study.status, shown), history_markdown(study.status, shown))

    def show(self, arguments: argparse.Namespace) -> Reply:
        """Show one experiment whole."""
        study = self._study()
        return experiment_reply(study, study.experiment(arguments.number))

    def best(self, arguments: argparse.Namespace) -> Reply:
        """Show the best experiment."""
        study = self._study()
        if (best := study.incumbent) is None:
            raise UserError(f"{study.name} has no finished experiment yet: {MAGIC} wait")
        return experiment_reply(study, best, result_line(study.status))

    def diff(self, arguments: argparse.Namespace) -> Reply:
        """Show what an experiment changed, or how two differ."""
        study = self._study()
        one = study.experiment(arguments.number)
        if arguments.other is not None:
            before, after = one, study.experiment(arguments.other)
        elif one.parent is None:
            raise UserError("The baseline has nothing before it: give two numbers, for example  diff 0 3")
        else:
            before, after = study.experiment(one.parent), one
        return diff_reply(study, before, after)

    def restore(self, arguments: argparse.Namespace) -> Reply:
        """Make an experiment's version the target again."""
        study = self._study()
        source = study.restore(arguments.number)
        if study.definition.checkout is not None:
            raise UserError(
                f"{study.name} is of a repository: {MAGIC} apply {arguments.number}  commits the experiment to your branch, and "
                f"git show {study.experiment(arguments.number).commit[:10]}  shows it."
            )
        self.target = Source(source)
        where = (
            "in the cell below"
            if study.definition.target_path is None
            else f"in a cell, not in {study.definition.target_path.name}"
        )
        return said(
            f"The target is experiment {study.experiment(arguments.number).number} of {study.name} again: it stands {where}.",
            next_cell=f"%%autoresearch target\n{source.rstrip()}",
        )

    def apply(self, arguments: argparse.Namespace) -> Reply:
        """Commit the best, or experiment N, to the branch of your repository; nothing is pushed."""
        study = self._study()
        made = study.apply(arguments.number)
        checkout = study.definition.checkout
        assert checkout is not None
        return said(
            f"Committed to your branch as {made[:10]}, nothing is pushed. Take it back with  git reset --hard {made[:10]}~1"
        )

    # -- ask ---------------------------------------------------------------------------------------------------

    def plan(self, arguments: argparse.Namespace) -> Reply:
        """Find out what a study would be like before anything is spent, or draft one from a goal in plain words."""
        goal = " ".join(getattr(arguments, "goal", ()))
        if goal or self._goal_alone(arguments):
            return draft_reply(
                goal or (self.program.text if self.program else ""), {**self.options, **given(arguments)}, self.root
            )
        study = self._new_study(arguments)

        def work(show: Callable[[float, str], None]) -> Reply:
            text = str(study.plan(show))
            lines = [f"- {escape(line)}" for line in text.splitlines()]
            return Reply(text, "\n".join(lines), prose=True)

        return Reply("", work=work)

    def _goal_alone(self, arguments: argparse.Namespace) -> bool:
        """Whether there is a program without a metric, and nothing that could be measured by one."""
        if self.program is None or self.target is not None:
            return False
        options = {**self.options, **given(arguments)}
        told = {**parse_program(self.program.text).settings, **options}
        return not ({"metric", "verify", "scope"} & told.keys() or _original(self.program, options))

    def evals(self, arguments: argparse.Namespace) -> Reply:
        """Say how the study goes: trend, plateau, what paid off, what failed, what to do next."""
        return evals_reply(self._study(arguments.study))

    def regression(self, arguments: argparse.Namespace) -> Reply:
        """Find out whether experiment B is no worse than A, by running both side by side."""
        study = self._study().ask_regression(arguments.a, arguments.b, _count(arguments.samples))
        return Reply("", wait=(study, None), then=lambda: answer_reply(study))

    def ablate(self, arguments: argparse.Namespace) -> Reply:
        """Find out what each kept change contributes, by undoing it; offers to remove what contributes nothing."""
        study = self._study().ask_ablation(_count(arguments.samples))
        return Reply("", wait=(study, None), then=lambda: ablation_reply(study))

    def report(self, arguments: argparse.Namespace) -> Reply:
        """Write the report, and say where it is; measures the result again first where that was not done."""
        study = self._study()
        if study.unconfirmed:
            study.ask_confirmation()
            return Reply("", wait=(study, None), then=lambda: report_reply(study, arguments.path))
        return report_reply(study, arguments.path)

    def export(self, arguments: argparse.Namespace) -> Reply:
        """Write the best target or the history."""
        return said(f"Written: {shown_path(self._study().export(arguments.path, arguments.columns))}")

    def _study(self, name: str | None = None) -> Study:
        if name:
            return open_study(name, self.root)
        study = current()
        if study is not None:
            return study
        names = study_names(self.root)
        if names:
            raise UserError(f"No study is open: {MAGIC} resume {names[-1]}  goes on with the last one.")
        raise UserError("No study yet: a cell that begins with  %%autoresearch --metric NAME=EXPRESSION  starts one.")


def _program_of(options: dict[str, Any]) -> Source | None:
    """Return the program.md of the repository that the options name, where there is one."""
    path = Path(str(options.get("repo") or ".")).expanduser() / "program.md"
    return Source(*read_source(path, "program")) if "repo" in options and path.is_file() else None


def _verify(program: Source, options: dict[str, Any]) -> bool:
    """Whether a study of files of a repository is meant, and not of a cell."""
    return bool({**parse_program(program.text).settings, **options}.get("verify"))


def _original(program: Source, options: dict[str, Any]) -> bool:
    """Whether program or options are of a repository of the original's layout."""
    if options.get("repo"):
        return bool(original_settings(Path(str(options["repo"])).expanduser()))
    folder = program.path.parent if program.path is not None else None
    return folder is not None and bool(original_settings(folder) or lab_files(folder))


def _count(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 2:
        raise UserError(f"--samples takes a whole number from 2 up, not {text!r}.")
    return int(text)


def _lines(text: str) -> str:
    n = len(text.strip().splitlines())
    return f"{n} line{'s' if n != 1 else ''}"


def _later() -> str:
    study = running()
    return f" ({study.name} goes on with what it began with; this is for the next start.)" if study else ""
