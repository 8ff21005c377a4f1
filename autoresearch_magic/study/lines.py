"""Work on several lines in turn (``--lines``): which version the next proposal builds on, and what becomes of it.

The journal holds the lines as notes (`judging.lines`): from them they are rebuilt when a study goes on. A study with one line has none of this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ..agents.base import Briefing, LineBriefing
from ..experiment import Experiment, Proposal, Verdict
from ..judging.judge import Decision
from ..judging.lines import (
    ENDED,
    MOVED,
    OF,
    OPENING,
    Level,
    Line,
    Lines,
    ancestor,
    near_miss,
    next_line,
    to_end,
    together,
)
from ..source.edits import fingerprint, merge
from ..storage.journal import Journal
from .status import StudyStatus

PATIENCE = 3
"""Times `OPENING` bold proposals without a value, after which a line begins at the best version instead."""

MERGED = "lines"
"""Name of the agent on proposals that apply what one line has found to another."""


def line_notes(journal: Journal) -> list[tuple[str, dict[str, Any]]]:
    """Return what a journal tells of lines of work, in order."""
    return [(kind, body) for _, kind, body in journal.notes(OF, MOVED, ENDED)]


def read_lines(notes: Sequence[tuple[str, dict[str, Any]]], count: int, judged: int) -> Lines | None:
    """Return the lines of a study by its journal's notes; None for one that has a single one and never had more."""
    return Lines.read(count, notes, judged) if count > 1 or notes else None


class Work:
    """The lines of one study, while it runs.

    Parameters
    ----------
    journal : Journal
    status : StudyStatus
        Its `lines` are those of the journal, and are kept up to date.
    level : callable
        Returns the expected level of a version, positive for better; see `judging.lines`.
    """

    def __init__(self, journal: Journal, status: StudyStatus, level: Level) -> None:
        self.journal, self.status, self.level = journal, status, level
        self._compared: dict[
            int, int
        ] = {}  # candidates that lead their line, and the best with which they are compared

    @property
    def lines(self) -> Lines:
        """The lines as they are."""
        lines = self.status.lines
        assert lines is not None
        return lines

    @property
    def best(self) -> Experiment:
        """The best version of the study."""
        best = self.status.incumbent
        assert best is not None
        return best

    def _note(self, kind: str, **body: int) -> None:
        self.journal.note(kind, **body)
        self.status.lines = self.lines.after(kind, body)

    # -- before a proposal ------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Let the best version belong to a line, and begin lines anew that have fallen behind."""
        best, known = self.best.number, len(self.status.experiments)
        if best not in self.lines.versions():  # it was chosen anew among versions of the past
            self._note(MOVED, line=self.lines.line_of(best), experiment=best, at=known)
        while (line := to_end(self.lines, self.level, best, known - 1)) is not None:
            start = best if line.number == 1 else None
            if line.number > 1 and line.life % 2 == 0:
                start = near_miss(self.lines, self.level, self.status.experiments)
            body = {} if start is None else {"experiment": start}
            self._note(ENDED, line=line.number, at=known, **body)

    def brief(self, briefing: Briefing, pending: Sequence[int] = ()) -> Briefing:
        """Return a briefing for the line that goes on next; `pending` are the lines of proposals that have no verdict yet."""
        waiting = {n: [*pending].count(n) for n in pending}
        number = next_line(self.lines, self.level, self.best.number, len(self.status.experiments) - 1, waiting)
        return self.brief_for(briefing, number)

    def brief_for(self, briefing: Briefing, number: int) -> Briefing:
        """Return a briefing as one for a line as it is now."""
        lines = self.lines
        number = min(number, len(lines.lines))
        line = lines.lines[number - 1]
        others = [*lines.starts, *(each.version for each in lines.lines if each.number != number)]
        told = LineBriefing(
            number, len(lines.lines), line.trunk, line.members, line.opened, tuple(n for n in others if n is not None)
        )
        incumbent = self.best.number if line.version is None else line.version
        return replace(briefing, incumbent=briefing.history[incumbent], line=told)

    def merged(self, number: int) -> Experiment | None:
        """Return an experiment that tries together what two lines have found, where that is worth most and was not tried."""
        best, experiments = self.best, self.status.experiments
        for other in together(self.lines, self.level, best.number, experiments):
            base = experiments[ancestor(best.number, other, experiments)]
            target = merge(base.target, best.target, experiments[other].target)
            if target is None or any(e.fingerprint == fingerprint(target) for e in experiments):
                continue
            line = self.lines.line_of(other)
            proposal = Proposal(
                target, f"experiment {other} of line {line} on top of experiment {best.number}",
                hypothesis=f"What line {line} has found since experiment {base.number} may help the best version as well.", agent=MERGED,
            )  # fmt: skip
            return Experiment(number, best.number, proposal, fingerprint(target), statistic=best.statistic)
        return None

    # -- an experiment ----------------------------------------------------------------------------------------------

    def belongs(self, number: int, line: int) -> None:
        """Record to which line a proposal belongs."""
        self._note(OF, line=line, experiment=number)

    def base_of(self, e: Experiment) -> Experiment:
        """Return the version that an experiment is to be compared with by now: its line's, or the best for a bold first proposal."""
        known = self.status.experiments
        if e.number not in self.lines.of:  # given from outside, or not numbered yet
            return known[e.parent or 0] if e.parent in self.lines.versions() else self.best
        version = self.lines.lines[self.lines.of[e.number] - 1].version if self._current(e.number) else e.parent
        return known[e.parent or 0] if version is None else known[version]

    def _current(self, number: int) -> bool:
        """Whether an experiment belongs to a line that is there, in its present life."""
        line = self.lines.of[number]
        return line <= len(self.lines.lines) and number in self.lines.lines[line - 1].members

    def name(self, e: Experiment) -> str:
        """Return what the version is called that an experiment builds on."""
        return "the current best" if e.parent == self.best.number else f"line {self.lines.line_of(e.number)}"

    def decided(self, e: Experiment, decision: Decision, compare: Callable[[Experiment], Decision]) -> Decision:
        """Return the decision on an experiment whose comparison with its parent is decided: compared with the best, where it leads its line.

        Parameters
        ----------
        e : Experiment
        decision : Decision
        compare : callable
            Returns the judge's decision on an experiment.
        """
        if e.parent == self.best.number:
            opens = e.number in self.lines.of and self._current(e.number) and self._line(e.number).version is None
            return replace(decision, leads=True) if opens and decision.verdict is Verdict.DISCARD else decision
        self._compared.pop(e.number, None)
        if decision.verdict is not Verdict.KEEP:
            return decision
        own = compare(replace(e, parent=self.best.number))
        self._compared[e.number] = self.best.number
        if own.verdict is not Verdict.DISCARD:
            return own
        line = self.lines.line_of(e.number)
        return Decision(Verdict.DISCARD, f"Better in line {line}: {decision.reason} {own.reason}", leads=True)

    def _line(self, number: int) -> Line:
        return self.lines.lines[self.lines.of[number] - 1]

    def against(self, candidate: Experiment) -> Experiment:
        """Return the version with which a candidate is compared at the moment: its parent, or the best where it leads its line."""
        return self.status.experiments[self._compared.get(candidate.number, candidate.parent) or 0]

    def judged(self, e: Experiment, decision: Decision) -> None:
        """Let the line go on with an experiment that is about to be recorded, where it leads it."""
        if e.number == 0:
            return
        kept = decision.verdict is Verdict.KEEP
        if e.number not in self.lines.of:
            self.belongs(e.number, self.lines.line_of(e.parent or 0))
        if not self._current(e.number):
            if kept:  # its line has begun anew meanwhile
                self._note(MOVED, line=1, experiment=e.number, at=e.number + 1, since=e.number)
            return
        line = self._line(e.number)
        if line.version is not None:
            if kept or decision.leads:
                self._note(MOVED, line=line.number, experiment=e.number, at=e.number + 1, since=e.number)
            return
        chosen = e.number if kept else self._opened(line, e)
        if chosen is not None:
            self._note(MOVED, line=line.number, experiment=chosen, at=e.number + 1, since=chosen)

    def _opened(self, line: Line, latest: Experiment) -> int | None:
        """Return with which version a line goes on after its bold first proposals; None while it makes more of them."""
        if len(line.members) < OPENING:
            return None
        known = self.status.experiments
        levels = {n: self.level(n) for n in line.members if n < len(known) and known[n].verdict is Verdict.DISCARD}
        value = latest.value
        if value is not None and latest.number not in levels and len(latest.measurements) == len(latest.values):
            levels[latest.number] = -value if self.status.metric.minimize else value
        found = {n: level for n, level in levels.items() if level is not None}
        if not found:
            return self.best.number if len(line.members) >= PATIENCE * OPENING else None
        return max(found, key=lambda n: found[n])
