"""A cheap stage before the full run (``--stage``): a shorter budget of a cell, or a cheaper command of a repository."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..budget import Budget, parse_budget
from ..errors import UserError
from ..metric import Metric
from ..text import shorten
from .output.metric_reader import parse_rule, parse_verified_metric

MOST_STAGES = 4
"""Stages that a study may have."""
ARROW = "=>"
"""Between a stage's command and its own metric: an ``=`` alone stands in commands, as in ``FAST=1 python train.py``."""


@dataclass(frozen=True)
class Stage:
    """A stage.

    Attributes
    ----------
    text : str
        As the user gave it.
    metric : Metric
        What is read at the stage: the study's own, unless the stage says another.
    budget : Budget or None
        What a run of a cell may spend there.
    command : str
        What is run in place of the verify command; empty for a cell.
    """

    text: str
    metric: Metric
    budget: Budget | None = None
    command: str = ""

    def __str__(self) -> str:
        return str(self.budget) if self.budget is not None else shorten(self.command, 40)


def parse_stages(texts: Sequence[str], metric: Metric, budget: Budget, *, verified: bool) -> tuple[Stage, ...]:
    """Read the option.

    Parameters
    ----------
    texts : sequence of str
        A budget, or with `verified` a command, with ``=> METRIC`` behind it where its number is another one.
    metric : Metric
        The study's.
    budget : Budget
        That of a full run of a cell.
    verified : bool
        Whether a command measures.

    Raises
    ------
    UserError
        When a stage can never work.
    """
    if len(texts) > MOST_STAGES:
        raise UserError(f"--stage takes {MOST_STAGES} stages at most, not {len(texts)}.")
    read = _command if verified else _shorter
    found: list[Stage] = []
    for text in texts:
        stage = read(text.strip(), metric, budget)
        if any(other.text == stage.text for other in found):
            raise UserError(f"--stage {shorten(text)!r} is given twice.")
        if stage.budget is not None and found and not _less(before := found[-1].budget, stage.budget):
            raise UserError(f"--stage {stage.budget} comes after --stage {before}: give the cheaper one first.")
        found.append(stage)
    return tuple(found)


def _shorter(text: str, metric: Metric, budget: Budget) -> Stage:
    try:
        own = parse_budget(text)
    except UserError:
        raise UserError(
            f"--stage {shorten(text)!r} is no budget such as 5s or 100steps. A cheaper command is a stage of a repository (with --verify) alone."
        ) from None
    if not _less(own, budget):
        raise UserError(
            f"--stage {own} must be less than --budget {budget}, in the same unit: it is what losers are spared from."
        )
    return Stage(text, metric, own)


def _less(one: Budget | None, other: Budget) -> bool:
    return one is None or (one.unit == other.unit and one.amount < other.amount)


def _command(text: str, metric: Metric, _: Budget) -> Stage:
    try:
        parse_budget(text)
    except UserError:
        pass
    else:
        raise UserError(
            f"--stage {text} is a budget, but a command ends by itself (--verify): give a cheaper command, such as 'python quick.py'."
        )
    command, arrow, own = (part.strip() for part in text.partition(ARROW))
    if not command or (arrow and not own):
        raise UserError(f"--stage {shorten(text)!r}: it takes a command, or  COMMAND {ARROW} METRIC  as in --metric.")
    if not own:
        return Stage(text, metric, command=command)
    try:
        name, expression, minimize = parse_verified_metric(own)
        parse_rule(expression)
    except UserError as error:
        raise UserError(f"--stage {shorten(text)!r}: {error}") from None
    return Stage(text, Metric(name, expression, metric.minimize if minimize is None else minimize), command=command)
