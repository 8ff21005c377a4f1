"""What a language model is told of the line of work that its proposal is for (``--lines``)."""

from __future__ import annotations

from ..text import shorten
from .base import Briefing

SUMMARY = 160
"""Characters of a version's summary."""


def line_lines(briefing: Briefing) -> list[str]:
    """Return lines on the line of work of a briefing, and on what the others have tried; none where there is a single line."""
    if (line := briefing.line) is None:
        return []
    known = {e.number: e for e in briefing.history}
    others = [known[n] for n in dict.fromkeys(line.others) if n in known and n]
    told = [f"- experiment {e.number}: {shorten(e.summary, SUMMARY)}" for e in others]
    which = f"This is line {line.number} of {line.count}."
    if line.begins:
        first = f"{which} It begins: propose a bold change, another approach than those of the other lines"
        return [f"{first}, which are:" if told else f"{first}.", *told]
    first = f"{which} Its version, experiment {briefing.incumbent.number}, need not be the best of the study: improve it in its own way"
    return [f"{first}. The other lines are at, or began at:" if told else f"{first}.", *told]
