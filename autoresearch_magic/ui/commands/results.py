"""Subcommands that bring results out of a study: into a cell, a branch, a report or a file."""

from __future__ import annotations

import argparse

from ...errors import UserError
from ..replies import report_reply, shown_path
from ..reply import Reply, prose_reply
from ..session import MAGIC, Place, Session, Source
from .table import NUMBER, argument, command


@command("restore", NUMBER, places=[Place.MAGIC])
def restore(session: Session, arguments: argparse.Namespace) -> Reply:
    """Make an experiment's version the target again, in a new cell."""
    study = session.study()
    experiment = study.experiment(arguments.number)
    if study.definition.checkout is not None:
        raise UserError(
            f"{study.name} is of a repository: {MAGIC} apply {experiment.number}  commits the experiment to your branch, "
            f"and  git show {experiment.commit[:10]}  shows it."
        )
    session.target = Source(experiment.target)
    path = study.definition.target_path
    where = "in the cell below" if path is None else f"in a cell, not in {path.name}"
    return prose_reply(
        f"The target is experiment {experiment.number} of {study.name} again: it is {where}.",
        next_cell=f"%%autoresearch target\n{experiment.target.rstrip()}",
    )


@command(
    "apply", argument("number", nargs="?", metavar="N", help="number of an experiment (default: the best)")
)  # fmt: skip
def apply(session: Session, arguments: argparse.Namespace) -> Reply:
    """Commit the best, or experiment N, to the branch of your repository; pushes nothing."""
    commit = session.study().apply(arguments.number)
    return prose_reply(
        f"Committed to your branch as {commit[:10]}, nothing is pushed. Undo it with  git reset --hard {commit[:10]}~1"
    )


@command("report", argument("path", nargs="?", metavar="PATH", help="where to write it, in Markdown"))
def report(session: Session, arguments: argparse.Namespace) -> Reply:
    """Write a report; measures the best and the baseline again first if that was not done yet."""
    study = session.study()
    if study.unconfirmed:
        study.ask_confirmation()
        return Reply("", wait=(study, None), then=lambda: report_reply(study, arguments.path))
    return report_reply(study, arguments.path)


@command(
    "export",
    argument("path", metavar="PATH", help=".py or .ipynb: the best target; .csv, .tsv, .json: the history"),
    argument("--columns", type=int, choices=(5, 9), default=5, help="of a .tsv: the original's 5 (default), or the generalised skill's 9"),
)  # fmt: skip
def export(session: Session, arguments: argparse.Namespace) -> Reply:
    """Write the best target or the history to a file."""
    return prose_reply(f"Written: {shown_path(session.study().export(arguments.path, arguments.columns))}")
