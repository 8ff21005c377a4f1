"""Subcommands of the command line alone, on files: run a notebook or a program, plan a program."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...config.argument_parser import given
from ...errors import UserError
from ...study.definition import read_program
from ...study.study import Study
from ..drafting import draft_reply
from ..replies import plan_reply
from ..reply import Reply, prose_reply
from ..run_notebook import run_notebook
from ..session import Place, Session, known_layout, program_settings, sealed_file
from .table import NAME, argument, command

TARGET = argument("--target", metavar="FILE", help="the code that experiments may change (for a program)")
SETUP = argument("--setup", metavar="FILE", help="frozen code that runs once before them (for a program)")


@command(
    "run", argument("file", metavar="NOTEBOOK.ipynb | PROGRAM.md"), TARGET, SETUP, NAME,
    argument("--out", metavar="PATH", help="the executed notebook (default: NAME.executed.ipynb beside it)"),
    settings=True, places=[Place.SHELL],
)  # fmt: skip
def run(session: Session, arguments: argparse.Namespace) -> Reply:
    """Run a notebook or a program to its end."""
    if arguments.file.endswith(".ipynb"):
        return run_notebook(Path(arguments.file), Path(arguments.out) if arguments.out else None, given(arguments))
    study = file_study(session, arguments)
    remarks = study.take_remarks()
    study.start()
    return prose_reply("\n".join([f"{study.name}: {study.settings.describe()}", *remarks]), watch=study)


@command(
    "plan", argument("file", metavar="PROGRAM.md | GOAL"), TARGET, SETUP, NAME, settings=True, json=True,
    places=[Place.SHELL],
)  # fmt: skip
def plan(session: Session, arguments: argparse.Namespace) -> Reply:
    """Estimate noise, time and cost of a program before a start; or draft a program from a goal in plain words."""
    if not Path(arguments.file).is_file() and not arguments.file.endswith(".md"):
        return draft_reply(arguments.file, given(arguments), session.root)
    study = file_study(session, arguments)
    return Reply("", work=lambda show: plan_reply(study.plan(show)))


def file_study(
    session: Session, arguments: argparse.Namespace, options: dict[str, Any] | None = None, weak: dict[str, Any] | None = None
) -> Study:  # fmt: skip
    """Make a study of the files that were given.

    Parameters
    ----------
    session : Session
    arguments : argparse.Namespace
    options : dict, optional
        Raw settings; by default those among the arguments.
    weak : dict, optional
        Raw settings that those of the program override.

    Raises
    ------
    UserError
        When nothing says what the target is, or the study cannot work.
    """
    program, options = read_program(Path(arguments.file)), given(arguments) if options is None else options
    program = replace(program, settings={**(weak or {}), **program.settings})
    if not arguments.target and not program_settings(program, options).get("verify") and not known_layout(program, {}):
        raise UserError(
            "Say which file experiments may change: autoresearch run PROGRAM.md --target FILE , or --scope GLOBS --verify COMMAND"
        )
    sealed = sealed_file(options := dict(options))
    return Study(
        program, Path(arguments.target) if arguments.target else "",
        Path(arguments.setup) if arguments.setup else "", sealed=sealed, name=arguments.name, root=session.root, **options,
    )  # fmt: skip
