"""Try a version that comes from outside the study: check it, give it to the study's thread, and wait for the verdict."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import PurePosixPath

from ..agents.clean import clean_proposal
from ..errors import UserCodeError, UserError
from ..events import State
from ..experiment import Experiment, Proposal
from ..source import files
from ..source.edits import line_counts, source_lines
from ..storage.journal import Journal
from ..text import counted, shorten
from .background import BackgroundStudy
from .control import Given
from .definition import Definition

Source = str | Mapping[str, str | None]
"""A version of the target: the text of a cell; in a repository, a text of all files (`source.files.join`), or the files that change, by
path, where None deletes one."""

LONGEST_SUMMARY = 200
"""Characters of a summary; a longer one is cut."""

SLICE = 0.1
"""Seconds between two looks whether the verdict is there."""


class Try:
    """A version that a study tries now or next.

    Parameters
    ----------
    study : BackgroundStudy
    proposal : Proposal
    drop : bool
        Whether an experiment that was begun and not finished is given up, instead of finished first.

    Attributes
    ----------
    unfinished : Experiment or None
        An experiment that was begun and not finished when this was given. Where it is of the same version, it is finished, and is the
        answer; else it comes first.

    Raises
    ------
    UserError
        When the study cannot take it; see `BackgroundStudy.start`.
    """

    def __init__(self, study: BackgroundStudy, proposal: Proposal, *, drop: bool = False) -> None:
        self.study, self._given, self._drop = study, Given(proposal), drop
        self.unfinished = unfinished(study)
        if self.resumes:
            assert self.unfinished is not None
            self._given.number = self.unfinished.number
            study.last_given = self._given
            study.begin()
        else:
            study._give(self._given, drop=drop)
        self._control = study._control

    @property
    def resumes(self) -> bool:
        """Whether it finishes what was begun, instead of beginning another experiment."""
        open_one = self.unfinished
        return not self._drop and open_one is not None and open_one.target == self._given.proposal.target

    @property
    def summary(self) -> str:
        """One line about the version."""
        return self._given.proposal.summary

    @property
    def number(self) -> int | None:
        """The number of its experiment; None while something else comes first."""
        return self._given.number

    @property
    def experiment(self) -> Experiment | None:
        """The judged experiment; None until it is."""
        number, experiments = self.number, self.study.status.experiments
        return None if number is None or number >= len(experiments) else experiments[number]

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the verdict; an interrupt of the wait leaves the study running.

        Parameters
        ----------
        timeout : float, optional
            Seconds.

        Returns
        -------
        bool
            Whether the verdict is there, or there will be none, which `answer` then says; False when the timeout came first.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            active = self.study.active  # looked at first: the verdict comes before the end
            if self.experiment is not None and not (active and self._ending):
                return True
            if not active and not self._again():
                return True
            left = SLICE if end is None else min(SLICE, end - time.monotonic())
            if left <= 0:
                return False
            with self.study.changed:
                self.study.changed.wait(left)

    @property
    def _ending(self) -> bool:
        """Whether the study ends with this version, as far as is known: it has no agent of its own, and no other one waits."""
        return self.study.driven and not self._control.has_given and self.study.status.live is None

    def _again(self) -> bool:
        """Give the version to a study that has ended by itself before its turn; return whether it was."""
        study = self.study
        if self.number is not None or self._control.stopping or study.status.state is State.FAILED:
            return False
        study._give(self._given)
        self._control = study._control
        return True

    def answer(self) -> Experiment:
        """Return the judged experiment.

        Raises
        ------
        UserError
            When there is none: the study was stopped before, or has failed.
        """
        if (experiment := self.experiment) is not None:
            return experiment
        study = self.study
        if study.status.state is State.FAILED:
            raise UserCodeError(study.status.message, study.status.traceback)
        if self.number is None:
            raise UserError(f"{study.name} was stopped before your version was run: try it again.")
        raise UserError(
            f"{study.name} was stopped while experiment {self.number}, your version, was run: the next try finishes it first."
        )


def make_proposal(
    study: BackgroundStudy, source: Source, *, summary: str = "", hypothesis: str = "", expect: str = "", agent: str = "me"
) -> Proposal:  # fmt: skip
    """Return a version from outside as a proposal for a study.

    Raises
    ------
    UserError
        When it is no version of this study's target, changes nothing, or changes what is outside the scope.
    """
    definition = study.definition
    if definition.settings.agent.startswith("replay:"):
        raise UserError(
            f"{study.name} replays a recorded study: it cannot measure another version. Start one with a real agent."
        )
    study.refresh()
    best = study.status.incumbent
    base = best.target if best is not None else definition.target
    target = _as_target(definition, base, source)
    if target.rstrip() == base.rstrip():
        what = f"experiment {best.number}, the best so far" if best is not None and best.number else "the baseline"
        raise UserError(f"There is nothing to try: the version is the same as {what}.")
    checkout = definition.checkout
    if checkout is not None and (outside := checkout.refusal(base, target, definition.settings.link)):
        raise UserError(outside)
    if not agent.strip():
        raise UserError("Say who proposes: agent is empty.")
    made = Proposal(
        target, shorten(summary.strip() or describe(base, target), LONGEST_SUMMARY), hypothesis.strip(), expect.strip(), agent.strip()
    )  # fmt: skip
    return clean_proposal(made, base)


def unfinished(study: BackgroundStudy) -> Experiment | None:
    """Return the experiment that was begun and not finished, such as by a process that was killed; None where there is none."""
    path = study.folder / "journal.sqlite"
    if study.active or not path.is_file():
        return None
    with Journal(path) as journal:
        return next((e for e in journal.experiments() if e.verdict is None and e.number > 0), None)


def _as_target(definition: Definition, base: str, source: Source) -> str:
    name = "the study" if definition.checkout is None else definition.checkout.folder.name
    if isinstance(source, str):
        if definition.checkout is not None and not files.is_bundle(source):
            raise UserError(
                f"The target is made of files of {name}: give the changed ones as a dict of paths to contents."
            )
        if not source.strip():
            raise UserError("There is nothing to try: the version is empty.")
        return source
    if definition.checkout is None:
        raise UserError("The target is a cell: give its whole new text.")
    contents = files.split(base)
    for path, content in source.items():
        path = PurePosixPath(path).as_posix()
        if content is None:
            if contents.pop(path, None) is None:
                raise UserError(f"There is no file {path} in the target to delete.")
        else:
            contents[path] = content
    if not contents:
        raise UserError("There is nothing to try: the version has no file left.")
    return files.join(contents)


def describe(before: str, after: str) -> str:
    """Return in one line how two versions differ: the line itself, where it is one."""
    added, removed = line_counts(before, after)
    if added == removed == 1:
        old, new = source_lines(before), source_lines(after)
        pairs = [(a, b) for a, b in zip(old, new, strict=False) if a != b]
        if len(pairs) == 1:
            return " → ".join(shorten(line.strip(), 80) for line in pairs[0])
    where = files.changed(before, after)
    inside = f" in {shorten(', '.join(where), 80)}" if where else ""
    return f"{counted(added, 'line')} added, {removed:,} removed{inside}"
