"""Subcommands that bring results out of a study: into a cell, a branch, a report or a file."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from ...errors import UserError
from ...storage.folders import checked_name
from ...study.applying import applied_text, instead_of_restoring
from ...study.branching import branch_text
from ...study.export import TABLES
from ...study.gain_words import beyond_chance
from ..exit_codes import DONE, NOT_SHOWN
from ..replies import shown_path
from ..reply import Reply, prose_reply
from ..report import report_reply
from ..session import Place, Session, Source
from .ask import SAMPLES
from .table import NUMBER, argument, command
from .values import experiments, paths

TO = argument(
    "--to", metavar="FILE", help="write it into this file; a file that holds anything but a version stays as it is"
)


@command("restore", NUMBER, of_study=True, places=[Place.MAGIC])
def restore(session: Session, arguments: argparse.Namespace) -> Reply:
    """Make an experiment's version the target again, in the target cell or a new one."""
    study = session.study(arguments.study)
    experiment = study.experiment(arguments.number)
    if study.definition.checkout is not None:
        raise UserError(instead_of_restoring(study.status, experiment))
    session.target = Source(study.restore(experiment.number))
    path = study.definition.target_path
    again = f"The target is experiment {experiment.number} of {study.name} again"
    if path is None and (placed := session.put_into_cell(study, experiment.number)):
        return prose_reply(f"{again}. {placed}")
    where = "in the cell below" if path is None else f"in a cell, not in {path.name}"
    return prose_reply(
        f"{again}: it is {where}.",
        next_cell=f"%%autoresearch target\n{study.restore(experiment.number).rstrip()}",
    )


@command(
    "branch",
    NUMBER,
    argument("--name", metavar="NAME", type=checked_name, help="name of the new study (default: NAME-from-N)"),
    of_study=True,
)
def branch(session: Session, arguments: argparse.Namespace) -> Reply:
    """Make a new study that begins at experiment N, with the same program, setup and settings; resume starts it."""
    study = session.study(arguments.study)
    made = study.branch(arguments.number, arguments.name)
    return prose_reply(
        branch_text(study.name, made.name, study.experiment(arguments.number).number, made.settings.agent)
    )


@command("restore", NUMBER, TO, of_study=True, places=[Place.SHELL])
def restore_file(session: Session, arguments: argparse.Namespace) -> Reply:
    """Print an experiment's version of the target, or write it into a file."""
    study = session.study(arguments.study)
    experiment = study.experiment(arguments.number)
    if study.definition.checkout is not None:
        raise UserError(instead_of_restoring(study.status, experiment))
    if arguments.to is None:
        return Reply(experiment.target.rstrip("\n"), verbatim=True)
    path = Path(arguments.to).expanduser()
    versions = {e.target.strip() for e in study.experiments}
    if path.exists() and path.read_text(encoding="utf-8", errors="replace").strip() not in {"", *versions}:
        raise UserError(f"{path} holds something else than a version of {study.name}: move it away first.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(study.restore(experiment.number), encoding="utf-8")
    return prose_reply(f"{shown_path(path)} is experiment {experiment.number} of {study.name} now.")


@command(
    "apply",
    argument("number", nargs="?", metavar="N", help="number of an experiment (default: the best)", values=experiments),
    argument("--each", nargs="?", const="commits", choices=("commits", "branches"), help="instead, run each proven keep's own change by itself, and make new branches of them: one with a commit for each (default), or one branch for each"),
    SAMPLES,
    of_study=True,
)  # fmt: skip
def apply(session: Session, arguments: argparse.Namespace) -> Reply:
    """Commit the best, or experiment N, to the branch of your repository; or with --each, the proven keeps to new ones; pushes nothing."""
    if arguments.each is not None:
        if arguments.number is not None:
            raise UserError("--each is for all proven keeps: leave the number out, or leave --each out.")
        each = session.study(arguments.study).ask_winners(arguments.each, arguments.samples)
        return Reply("", wait=(each, None), then=lambda: Reply(each.apply_winners(arguments.each)))
    if arguments.samples is not None:
        raise UserError("--samples goes with --each.")
    study = session.study(arguments.study)
    experiment = study.incumbent if arguments.number is None else study.experiment(arguments.number)
    commit = study.apply(experiment.number)
    head = study.headline
    shown = head is not None and head.number == experiment.number and beyond_chance(head)
    reply = prose_reply(
        f"Committed to your branch as {commit[:10]}, nothing is pushed. {applied_text(study.status, experiment)} "
        f"Undo it with  git reset --hard {commit[:10]}~1"
    )
    return replace(reply, exit_code=DONE if shown else NOT_SHOWN)


PATH = argument(
    "path", nargs="?", metavar="PATH", values=paths,
    help="where to write it: .html for a page that needs nothing else (default), .md for Markdown",
)  # fmt: skip


@command("report", PATH, of_study=True, json=True, places=[Place.MAGIC])
def report(session: Session, arguments: argparse.Namespace) -> Reply:
    """Write a report; measures the best and the baseline again first if that was not done yet."""
    return _report(session, arguments, browser=False)


@command(
    "report", PATH, argument("--open", action="store_true", help="open it in the browser"), of_study=True, json=True, places=[Place.SHELL]
)  # fmt: skip
def report_file(session: Session, arguments: argparse.Namespace) -> Reply:
    """Write a report; measures the best and the baseline again first if that was not done yet."""
    return _report(session, arguments, browser=arguments.open)


def _report(session: Session, arguments: argparse.Namespace, browser: bool) -> Reply:
    study = session.study(arguments.study)

    def written() -> Reply:
        return report_reply(study, arguments.path, session.notebook(), browser=browser)

    if study.unconfirmed:
        study.ask_confirmation()
        return Reply("", wait=(study, None), then=written)
    return written()


@command(
    "export",
    argument("path", nargs="?", metavar="PATH", help=".py or .ipynb: the best target; .csv, .tsv, .json: the history; .png, .svg: the chart for slides", values=paths),
    argument("--columns", type=int, choices=TABLES, default=5, help="of a .tsv: the original's 5 (default), 10 with gain, interval and chance beside them, or the generalised skill's 9"),
    argument("--dark", action="store_true", help="a chart with a dark background"),
    argument("--optuna", metavar="STORAGE", help="write the experiments into a storage of Optuna instead, or bring it up to date: a URL such as sqlite:///trials.db, or a journal file"),
    argument("--as", dest="name_there", metavar="NAME", help="name of the Optuna study (default: the study's)"),
    of_study=True,
)  # fmt: skip
def export(session: Session, arguments: argparse.Namespace) -> Reply:
    """Write the best target, the history or a chart to a file, or the experiments into a storage of Optuna."""
    study, path, storage, name = (
        session.study(arguments.study), arguments.path, arguments.optuna, arguments.name_there,
    )  # fmt: skip
    if (path is None) == (storage is None):
        raise UserError(
            "Say where to write it: a file, as in  export history.csv , or a storage of Optuna, as in  export --optuna sqlite:///trials.db"
            if path is None
            else "Give a file or --optuna STORAGE, not both."
        )
    if storage is not None:
        if arguments.dark or arguments.columns != 5:
            raise UserError("--dark and --columns are for files, not for --optuna.")
        return Reply("", work=lambda show: prose_reply(study.export_optuna(storage, name or "", show=show).text()))
    if name is not None:
        raise UserError("--as names a study in a storage of Optuna: it goes with --optuna STORAGE.")
    return prose_reply(f"Written: {shown_path(study.export(path, arguments.columns, dark=arguments.dark))}")
