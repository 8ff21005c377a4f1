"""Subcommands that show a study and change nothing: its status, its experiments, the prompt of the agent."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...agents.registry import agent_names, description
from ...errors import UserError
from ...storage.folders import study_names
from ...study import summary
from ...study.opening import current
from ...study.results_table import is_results_table, read_results
from ...study.summary import history_markdown, history_text, result_line
from ...text import escape, fenced
from ..replies import diff_reply, evals_reply, experiment_reply, table_evals_reply
from ..reply import Reply, prose_reply
from ..session import MAGIC, Place, Session
from .control import go_on
from .table import NUMBER, STUDY, argument, command


@command("status", STUDY)
def status(session: Session, arguments: argparse.Namespace) -> Reply:
    """Show the state of the study and its result so far."""
    if session.place is Place.MAGIC and arguments.study is None and current() is None:
        names = study_names(session.root)
        if not names:
            return prose_reply(f"No study yet. {MAGIC} help shows how to begin.")
        return prose_reply(f"No study is open. There is {', '.join(names)}: {MAGIC} resume {names[-1]}")
    study = session.study(arguments.study)
    return prose_reply("\n".join([summary.status_text(study.status), *go_on(study, session.place)]))


@command("history", STUDY, argument("--kept", action="store_true", help="only kept experiments"))
def history(session: Session, arguments: argparse.Namespace) -> Reply:
    """List the experiments."""
    study = session.study(arguments.study)
    shown = [e for e in study.experiments if e.kept or not arguments.kept]
    if not shown:
        return prose_reply(f"{study.name} has no finished experiment yet.")
    return Reply(history_text(study.status, shown), history_markdown(study.status, shown))


@command("show", NUMBER)
def show(session: Session, arguments: argparse.Namespace) -> Reply:
    """Show an experiment: its result, the agent's reasoning, its code, and its error if it failed."""
    study = session.study()
    return experiment_reply(study, study.experiment(arguments.number))


@command(
    "diff", NUMBER,
    argument("other", nargs="?", metavar="M", help="compare N with M instead of with the version it was made from"),
)  # fmt: skip
def diff(session: Session, arguments: argparse.Namespace) -> Reply:
    """Show what an experiment changed, or how two differ."""
    study = session.study()
    before = after = study.experiment(arguments.number)
    if arguments.other is not None:
        after = study.experiment(arguments.other)
    elif after.parent is not None:
        before = study.experiment(after.parent)
    else:
        raise UserError("The baseline has nothing before it: give two numbers, for example  diff 0 3")
    return diff_reply(study, before, after)


@command("best")
def best(session: Session, arguments: argparse.Namespace) -> Reply:
    """Show the best experiment."""
    study = session.study()
    if (incumbent := study.status.incumbent) is None:
        raise UserError(f"{study.name} has no finished experiment yet: {MAGIC} wait")
    return experiment_reply(study, incumbent, result_line(study.status))


@command(
    "evals", argument("study", nargs="?", metavar="NAME | RESULTS.tsv", help="a study's name (default: the current one), or a results table of any such loop", values=study_names),
    argument("--minimize", action="store_true", default=None, help="lower is better, for a table that does not say it"),
    argument("--maximize", dest="minimize", action="store_false", help="higher is better, for such a table"),
)  # fmt: skip
def evals(session: Session, arguments: argparse.Namespace) -> Reply:
    """Analyze the study: trend, plateau, which changes helped or failed, what to do next."""
    if arguments.study is not None and is_results_table(arguments.study):
        return table_evals_reply(Path(arguments.study), read_results(Path(arguments.study), arguments.minimize))
    if arguments.minimize is not None:
        raise UserError("--minimize and --maximize are for a table: a study knows its direction.")
    return evals_reply(session.study(arguments.study))


@command("briefing", places=[Place.MAGIC])
def briefing(session: Session, arguments: argparse.Namespace) -> Reply:
    """Show the prompt that a language model would get now."""
    text = session.study().briefing()
    return Reply(text, f"{len(text):,} characters, about {len(text) // 4:,} tokens:\n\n{fenced(text, 'text')}")


@command("agents", places=[Place.MAGIC])
def agents(session: Session, arguments: argparse.Namespace) -> Reply:
    """List the agents that can propose changes."""
    known = {name: description(name) for name in agent_names()}
    width = max(map(len, known))
    rows = [f"| `{name}` | {escape(what)} |" for name, what in known.items()]
    return Reply(
        "\n".join(f"{name:<{width}}  {what}" for name, what in known.items()),
        "\n".join(["| agent | what it is |", "| --- | --- |", *rows]),
    )
