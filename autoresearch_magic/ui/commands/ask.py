"""Subcommands that run something to answer a question: a plan before the start, comparisons of experiments after it."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from ...config.argument_parser import given
from ...errors import UserError
from ...text import escape
from ..drafting import draft_reply
from ..replies import ablation_reply, answer_reply
from ..reply import Reply
from ..session import Place, Session, known_layout, program_settings
from .table import argument, command


def sample_count(text: str) -> int:
    """Return the number of runs of each version.

    Raises
    ------
    UserError
        Unless it is a whole number from 2 up.
    """
    if not text.isdecimal() or int(text) < 2:
        raise UserError(f"--samples takes a whole number from 2 up, not {text!r}.")
    return int(text)


SAMPLES = argument("--samples", metavar="N", type=sample_count, help="runs of each version")


@command(
    "plan",
    argument("goal", nargs="*", metavar="GOAL", help="a goal in plain words: the agent writes a program for it; without, the program is planned"),
    settings=True, places=[Place.MAGIC],
)  # fmt: skip
def plan(session: Session, arguments: argparse.Namespace) -> Reply:
    """Estimate noise, time and cost before a start; or draft a program from a goal in plain words."""
    goal, options = " ".join(arguments.goal), {**session.options, **given(arguments)}
    if not goal and session.program is not None and session.target is None and not _measurable(session, options):
        goal = session.program.text
    if goal:
        return draft_reply(goal, options, session.root)
    study = session.new_study(arguments)

    def work(show: Callable[[float, str], None]) -> Reply:
        text = str(study.plan(show))
        return Reply(text, "\n".join(f"- {escape(line)}" for line in text.splitlines()), prose=True)

    return Reply("", work=work)


def _measurable(session: Session, options: dict[str, object]) -> bool:
    """Whether the program says what to measure, or its repository's layout does."""
    assert session.program is not None
    settings = program_settings(session.program, options)
    return bool({"metric", "verify", "scope"} & settings.keys()) or known_layout(session.program, options)


@command(
    "regression", argument("a", metavar="A", help="number of an experiment, 0 for the baseline"),
    argument("b", metavar="B", help="number of another"), SAMPLES,
)  # fmt: skip
def regression(session: Session, arguments: argparse.Namespace) -> Reply:
    """Test whether experiment B is no worse than A, by running both side by side."""
    study = session.study().ask_regression(arguments.a, arguments.b, arguments.samples)
    return Reply("", wait=(study, None), then=lambda: answer_reply(study))


@command("ablate", SAMPLES)
def ablate(session: Session, arguments: argparse.Namespace) -> Reply:
    """Measure what each kept change contributes, by undoing it; offers to remove those that contribute nothing."""
    study = session.study().ask_ablation(arguments.samples)
    return Reply("", wait=(study, None), then=lambda: ablation_reply(study))
