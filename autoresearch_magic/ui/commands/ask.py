"""Subcommands that run something to answer a question: a plan before the start, comparisons of experiments after it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from ...config.argument_parser import given
from ...errors import UserError
from ...study.again import again_text, version_name
from ...study.comparisons import SAMPLES as SAMPLES_OF_REFS
from ...study.ref_comparison import COMPARED, compare_refs
from ...study.regression_table import read_regression
from ...study.results_table import is_results_table
from ...text import fenced
from ..drafting import draft_reply
from ..exit_codes import VERDICT_CODES
from ..facts import metric_facts, plain_dict
from ..replies import ablation_reply, answer_reply, plan_reply
from ..reply import Reply, prose_reply
from ..session import Place, Session, known_layout, program_settings
from .table import NUMBER, argument, command
from .values import experiments


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
    settings=True, json=True, places=[Place.MAGIC],
)  # fmt: skip
def plan(session: Session, arguments: argparse.Namespace) -> Reply:
    """Estimate noise, time and cost before a start; or draft a program from a goal in plain words."""
    goal, options = " ".join(arguments.goal), {**session.options, **given(arguments)}
    if not goal and session.program is not None and session.target is None and not _measurable(session, options):
        goal = session.program.text
    if goal:
        drafting = {
            name: value for name, value in session.defaults().items() if name in ("agent", "effort", "base_url")
        }
        return draft_reply(goal, {**drafting, **options}, session.root)
    study = session.new_study(arguments)

    def work(show: Callable[[float, str], None]) -> Reply:
        return plan_reply(study.plan(show))

    return Reply("", work=work)


def _measurable(session: Session, options: dict[str, object]) -> bool:
    """Whether the program says what to measure, or its repository's layout does."""
    assert session.program is not None
    settings = program_settings(session.program, options)
    return bool({"metric", "verify", "scope"} & settings.keys()) or known_layout(session.program, options)


@command(
    "regression", argument("a", metavar="A | RESULTS.tsv", help="number of an experiment, 0 for the baseline; or a git ref; or the skill's table of a regression", values=experiments),
    argument("b", nargs="?", metavar="B", help="number of another experiment, or another git ref", values=experiments), SAMPLES,
    settings=COMPARED, of_study=True, json=True,
)  # fmt: skip
def regression(session: Session, arguments: argparse.Namespace) -> Reply:
    """Test whether experiment B, or git ref B, is no worse than A, by running both side by side."""
    a, b, options = arguments.a, arguments.b, given(arguments)
    if b is None and is_results_table(a):
        verdict = read_regression(Path(a))
        return Reply(
            verdict.text(), exit_code=VERDICT_CODES[verdict.verdict], prose=True,
            data={"table": a, **plain_dict(vars(verdict)), "text": verdict.text()},
        )  # fmt: skip
    if b is None:
        raise UserError(
            "Give two: numbers of experiments, as in  regression 0 5 , or git refs, as in  regression main HEAD"
        )
    if a.lstrip("#").isdecimal() and b.lstrip("#").isdecimal():
        if options:
            raise UserError("Options of a comparison are for git refs: experiments are run as their study runs them.")
        study = session.study(arguments.study).ask_regression(a, b, arguments.samples)
        return Reply("", wait=(study, None), then=lambda: answer_reply(study))
    program, settings = session.to_compare(options)

    def work(show: Callable[[float, str], None]) -> Reply:
        answer = compare_refs(a, b, settings, program, arguments.samples or SAMPLES_OF_REFS, show)
        text = answer.text()
        return Reply(
            text, fenced(text, "text"), exit_code=VERDICT_CODES[answer.verdict],
            data={**plain_dict(vars(answer)), "metric": metric_facts(answer.metric), "text": text},
        )  # fmt: skip

    return Reply("", work=work)


@command("again", NUMBER, of_study=True)
def again(session: Session, arguments: argparse.Namespace) -> Reply:
    """Run experiment N once more: the value joins those of its runs, and the judge looks again."""
    study = session.study(arguments.study)
    before, rests = study.status.experiments, not study.status.state.ongoing
    number = study.experiment(arguments.number).number
    study.run_again(number)
    if rests:
        return Reply("", wait=(study, None), then=lambda: prose_reply(again_text(study.status, before, number)))
    return prose_reply(f"{study.name} runs {version_name(number)} again after the run in progress.")


@command("ablate", SAMPLES, of_study=True)
def ablate(session: Session, arguments: argparse.Namespace) -> Reply:
    """Measure what each kept change contributes, by undoing it; offers to remove those that contribute nothing."""
    study = session.study(arguments.study).ask_ablation(arguments.samples)
    return Reply("", wait=(study, None), then=lambda: ablation_reply(study))
