"""Which version of a study the text of a target cell is, and what is said of it and of running studies outside of the panel."""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass, field
from typing import Any

from ...events import State
from ...experiment import Experiment, Verdict
from ...study.evidence import ends, verdict_words
from ...study.registry import registered
from ...study.study import Study
from ...text import shorten
from ..panel.gains import gains_of

SECOND_CHOICE = {Verdict.DUPLICATE, Verdict.REJECTED}
"""Verdicts of experiments that did not run: where another one has the same source, that is the version."""
SUMMARY = 200
"""Characters of a summary below a cell."""


def cell_studies() -> list[Study]:
    """Return the studies of this process whose target is a cell, the current one first."""
    found = [s for s in registered() if isinstance(s, Study) and s.definition.checkout is None]
    return [s for s in reversed(found) if s.definition.target_path is None]


def target_cell(source: str, first: str = "%%autoresearch target") -> str:
    """Return the text of a target cell."""
    return f"{first}\n{source.rstrip()}"


def version_of(text: str) -> tuple[Study, Experiment] | None:
    """Return the study and experiment that have this text as their target; the current study's where several have."""
    wanted = _plain(text)
    for study in cell_studies():
        number = _index_of(study).find(study, wanted)
        if number is not None:
            return study, study.status.experiments[number]
    return None


def version_facts(text: str) -> dict[str, Any] | None:
    """Return what is said below a cell with this text; None where no study has such a version."""
    found = version_of(text)
    if found is None:
        return None
    study, e = found
    status = study.status
    _shown.add(study)
    # For ten thousand experiments the gains take seconds: then proof is said a moment later.
    gains = status.gains if gains_of(study).ready(study) else {}
    what = f"version {e.number}" if e.number else "baseline"
    value = f"{study.metric.name} {status.format(e.value)}" if e.value is not None else ""
    gain = gains.get(e.number)
    more = [shorten(e.summary, SUMMARY)] if e.number else []
    if gain is not None and gain.low != gain.high and e.verdict is Verdict.KEEP:
        more.append(f"95% interval of the gain: {ends(gain, status.spread(e))}")
    verdict = verdict_words(e, gains) if e.number else ""
    return {
        "study": study.name,
        "number": e.number,
        "value": value,
        "verdict": verdict,
        "text": " · ".join(part for part in (f"{what} of {study.name}", value, verdict) if part),
        "sentence": " · ".join(more),
    }


def study_line(study: Study) -> str:
    """Return a running study in one line: ``train: 12/24 · best 2.70 · about 4 min left``."""
    status = study.status
    planned = study.settings.planned
    parts = [f"{study.name}: {status.done}/{planned}" if planned else f"{study.name}: {status.done}"]
    if status.doing not in _USUAL:
        parts.append(str(status.doing))
    if (best := status.incumbent) is not None:
        parts.append(f"best {status.format(best.value)}")
    if status.doing in _AT_WORK and (left := status.remaining):
        minutes = math.ceil(left / 60)
        parts.append(f"about {minutes} min left" if left > 60 else "less than a minute left")
    return " · ".join(parts)


def study_facts(study: Study) -> dict[str, Any]:
    """Return what the front end knows of a study all the time; `changes` differs when its versions may have to be said anew."""
    status = study.status
    gains = gains_of(study).now(study).state if study in _shown else ""
    ongoing = status.state.ongoing and status.doing.ongoing
    return {
        "name": study.name,
        "state": str(status.doing),
        "ongoing": ongoing,
        "line": study_line(study) if ongoing else "",
        "best": status.incumbent.number if status.incumbent else None,
        "experiments": len(status.experiments),
        "changes": f"{len(status.experiments)}.{len(status.revised)}.{gains}",
        "cell": study.definition.checkout is None and study.definition.target_path is None,
    }


@dataclass
class _Index:
    """The numbers of a study's experiments by their source."""

    numbers: dict[str, int] = field(default_factory=dict)
    seen: int = 0

    def find(self, study: Study, wanted: str) -> int | None:
        experiments = study.status.experiments
        if len(experiments) < self.seen:  # another opening of the study
            self.numbers.clear()
            self.seen = 0
        for e in experiments[self.seen :]:
            key = _plain(e.target)
            known = self.numbers.get(key)
            if known is None or experiments[known].verdict in SECOND_CHOICE:
                self.numbers[key] = e.number
        self.seen = len(experiments)
        return self.numbers.get(wanted)


_USUAL = frozenset({State.RUNNING, State.BASELINE})
"""States that need not be said of a study whose experiments are counted."""
_AT_WORK = _USUAL | {State.STARTING, State.CONFIRMING}
_shown: weakref.WeakSet[Study] = weakref.WeakSet()
"""Studies of which something is said below a cell."""
_indices: weakref.WeakKeyDictionary[Study, _Index] = weakref.WeakKeyDictionary()


def _index_of(study: Study) -> _Index:
    found = _indices.get(study)
    if found is None:
        found = _indices[study] = _Index()
    return found


def _plain(text: str) -> str:
    """Return a source without what a cell cannot keep: spaces at the ends of lines, empty lines around it."""
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines()).strip("\n")
