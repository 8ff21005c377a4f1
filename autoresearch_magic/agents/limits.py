"""What language models are told of the limits (``--limit``): the limits themselves, and each experiment's numbers beside them."""

from __future__ import annotations

from ..experiment import Experiment
from ..judging.constraints import Constraint, parse_limit
from ..run_numbers import mean_number
from .base import Briefing

TOLD = 8
"""Latest experiments whose numbers are told, besides those of the baseline and the incumbent."""


def limit_sentence(briefing: Briefing) -> str:
    """Return the limits as a sentence that follows others; empty without any."""
    if not briefing.limits:
        return ""
    limits = " and ".join(f"`{text}`" for text in briefing.limits)
    return f" A version is kept only if {limits} holds as well, whatever its metric."


def limit_lines(briefing: Briefing) -> list[str]:
    """Return a line for each of some experiments, with its numbers that have limits; empty without limits."""
    limits = [parse_limit(text) for text in briefing.limits]
    ran = [e for e in briefing.history if e.ran and any(m.ok for m in e.current)]
    chosen = {e.number: e for e in [*ran[:1], briefing.incumbent, *reversed(ran[-TOLD:])]}
    if not limits:
        return []
    return [f"- {_name(e, briefing)}: {', '.join(_number(e, limit) for limit in limits)}" for e in chosen.values()]


def _name(e: Experiment, briefing: Briefing) -> str:
    is_present = e.number == briefing.incumbent.number
    words = [*(["baseline"] if e.number == 0 else []), *(["the present target"] if is_present else [])]
    return f"{e.number} ({', '.join(words)})" if words else f"{e.number}"


def _number(e: Experiment, limit: Constraint) -> str:
    value = mean_number(e, limit.name)
    if value is None:
        return f"{limit.name} has no value"
    said = "within" if limit.holds(value) else "BEYOND"
    return f"{limit.name} {value:.4g} ({said} the limit {limit.sign} {limit.bound:g})"
