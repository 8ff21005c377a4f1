"""Subcommands that show a study and change nothing: its status, its experiments, the prompt of the agent."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from ...errors import UserError
from ...storage.folders import study_names
from ...study import summary
from ...study.export import history as data_frame
from ...study.opening import current, newest
from ...study.priors import known_line
from ...study.results_table import is_results_table, read_results
from ...study.study import Study
from ...study.summary import history_markdown, history_text, result_line
from ...text import fenced
from ..facts import history_facts, status_facts
from ..replies import diff_reply, evals_reply, experiment_reply, table_evals_reply
from ..reply import Reply, prose_reply, table_width
from ..session import MAGIC, Place, Session
from .control import go_on
from .table import NUMBER, STUDY, argument, command
from .values import experiments, studies


@command("status", STUDY, of_study=True, json=True)
def status(session: Session, arguments: argparse.Namespace) -> Reply:
    """Show the state of the study and its result so far."""
    if session.place is Place.MAGIC and arguments.study is None and current() is None:
        names = study_names(session.root)
        if not names:
            return replace(prose_reply(f"No study yet. {MAGIC} help shows how to begin."), data={"study": None})
        last = newest(session.root)
        text = f"No study is open. There is {', '.join(names)}: {MAGIC} status {last}  opens it."
        return replace(prose_reply(text), data={"study": None})
    study = session.study(arguments.study)
    known = known_line(study.priors)
    lines = [
        summary.status_text(study.status),
        *([known] if known else []),
        *_passed_over(session, study),
        *go_on(study, session.place),
    ]
    return replace(prose_reply("\n".join(lines)), data=status_facts(study))


def _passed_over(session: Session, study: Study) -> list[str]:
    """Return a line about a later study that the default passes over because it has no experiment, if there is one."""
    names = study_names(session.root)
    if session.place is Place.MAGIC or study.name not in names or study.name == names[-1]:
        return []
    return [f"A later study, {names[-1]}, has no finished experiment: --study {names[-1]} shows it."]


@command(
    "history", STUDY, argument("--kept", action="store_true", help="only kept experiments"), of_study=True, json=True
)  # fmt: skip
def history(session: Session, arguments: argparse.Namespace) -> Reply:
    """List the experiments."""
    study = session.study(arguments.study)
    shown = [e for e in study.experiments if e.kept or not arguments.kept]
    if not shown:
        return Reply(
            f"{study.name} has no finished experiment yet.", prose=True, data=history_facts(study, []),
            value=lambda: data_frame(study.status, []),
        )  # fmt: skip
    return Reply(
        history_text(study.status, shown, table_width()), history_markdown(study.status, shown), data=history_facts(study, shown),
        value=lambda: data_frame(study.status, shown),
    )  # fmt: skip


@command("show", NUMBER, of_study=True, json=True)
def show(session: Session, arguments: argparse.Namespace) -> Reply:
    """Show an experiment: its result, the agent's reasoning, its code, and its error if it failed."""
    study = session.study(arguments.study)
    return experiment_reply(study, study.experiment(arguments.number), place=session.place)


@command(
    "diff", NUMBER,
    argument("other", nargs="?", metavar="M", help="compare N with M instead of with the version it was made from", values=experiments),
    of_study=True,
)  # fmt: skip
def diff(session: Session, arguments: argparse.Namespace) -> Reply:
    """Show what an experiment changed, or how two differ."""
    study = session.study(arguments.study)
    before = after = study.experiment(arguments.number)
    if arguments.other is not None:
        after = study.experiment(arguments.other)
    elif after.parent is not None:
        before = study.experiment(after.parent)
    else:
        raise UserError("The baseline has nothing before it: give two numbers, for example  diff 0 3")
    return diff_reply(study, before, after)


@command("best", of_study=True, json=True)
def best(session: Session, arguments: argparse.Namespace) -> Reply:
    """Show the best experiment."""
    study = session.study(arguments.study)
    if (incumbent := study.status.incumbent) is None:
        raise UserError(f"{study.name} has no finished experiment yet: {MAGIC} wait")
    return experiment_reply(study, incumbent, result_line(study.status), place=session.place)


@command(
    "evals", argument("named", nargs="?", metavar="NAME | RESULTS.tsv", help="the same as --study NAME; or a results table of any such loop", values=studies),
    argument("--minimize", action="store_true", default=None, help="lower is better, for a table that does not say it"),
    argument("--maximize", dest="minimize", action="store_false", help="higher is better, for such a table"),
    of_study=True, json=True,
)  # fmt: skip
def evals(session: Session, arguments: argparse.Namespace) -> Reply:
    """Analyze the study: trend, plateau, which changes helped or failed, what to do next."""
    if arguments.study is not None and is_results_table(arguments.study):
        return table_evals_reply(Path(arguments.study), read_results(Path(arguments.study), arguments.minimize))
    if arguments.minimize is not None:
        raise UserError("--minimize and --maximize are for a table: a study knows its direction.")
    return evals_reply(session.study(arguments.study))


@command("briefing", of_study=True)
def briefing(session: Session, arguments: argparse.Namespace) -> Reply:
    """Show what an agent would be told now: the prompt of a language model, or what one that edits files gets."""
    text = session.study(arguments.study).briefing()
    return Reply(
        text, f"{len(text):,} characters, about {len(text) // 4:,} tokens:\n\n{fenced(text, 'text')}", verbatim=True,
        data={"briefing": text},
    )  # fmt: skip
