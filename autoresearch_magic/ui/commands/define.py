"""Subcommands that define what the next study is made of: setup, target, program."""

from __future__ import annotations

import argparse
from dataclasses import replace

from ...config.argument_parser import given
from ...config.effective import make_settings
from ...config.program import parse_program
from ...errors import UserError
from ...source.constants import find_constants
from ...source.edits import check_syntax
from ...source.sealed import defined_names
from ...study.registry import running
from ...text import counted
from ..reply import Reply, prose_reply
from ..session import MAGIC, Place, Session, Source
from .table import NAME, argument, command
from .values import paths

SHOWN = 12
"""Number of constants that are listed."""

PATH = argument("path", nargs="?", metavar="PATH", help="a file instead of the cell", values=paths)


HERE = argument("--here", action="store_true", help="run it in the kernel too, so that later cells can use its names")


SEALED = argument(
    "--sealed", action="store_true",
    help="code beside the setup, which runs after it: labels, answers, held-out text; metric and holdout alone can use its names, and no agent "
    "sees it. An empty cell takes it back",
)  # fmt: skip


@command("setup", PATH, HERE, SEALED, takes_cell=True, places=[Place.MAGIC])
def define_setup(session: Session, arguments: argparse.Namespace) -> Reply:
    """Define the frozen code, in the cell or a file."""
    if arguments.sealed:
        return _define_sealed(session, arguments)
    source = _given_source(arguments, "setup")
    check_syntax(source.text, "setup")
    session.setup = source
    where = "in the study's own process, and now in this kernel too" if arguments.here else "in the study's own process"
    reply = prose_reply(f"Setup: {_lines(source)}, frozen. It runs once, {where}.{_next_start()}")
    return (
        replace(reply, run_here=(source.text, lambda names: session.here.add(source.text))) if arguments.here else reply
    )


def _define_sealed(session: Session, arguments: argparse.Namespace) -> Reply:
    if arguments.here:
        raise UserError(
            "--here and --sealed exclude each other: what runs in this kernel is not sealed. Take one of them out."
        )
    source = _given_source(arguments, "setup --sealed")
    check_syntax(source.text, "sealed code")
    if not source.text.strip():
        was, session.sealed = session.sealed, None
        taken = "is taken back: the next study has none" if was else "is empty: there is none"
        return prose_reply(f"The sealed code {taken}.{_next_start()}")
    session.sealed = source
    names = sorted(defined_names(source.text))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    named = f" ({', '.join(names[:SHOWN])}{more})" if names else ""
    return prose_reply(
        f"Sealed: {_lines(source)}. It runs after the setup, where the metric is computed; what it defines{named} is for metric and "
        f"holdout alone. No experiment can use it, and no agent sees it.{_next_start()}"
    )


@command("target", PATH, takes_cell=True, places=[Place.MAGIC])
def define_target(session: Session, arguments: argparse.Namespace) -> Reply:
    """Define the code that experiments may change, in the cell or a file."""
    source = _given_source(arguments, "target")
    check_syntax(source.text, "target")
    if not source.text.strip():
        raise UserError("The target is empty: put the code that experiments may change below the line.")
    session.target = source
    names = [constant.name for constant in find_constants(source.text)]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    tunable = f"; the tuner can change {', '.join(names[:SHOWN])}{more}" if names else ""
    return prose_reply(f"Target: {_lines(source)}{tunable}.{_next_start()}")


@command("program", PATH, NAME, settings=True, takes_cell=True, places=[Place.MAGIC])
def define_program(session: Session, arguments: argparse.Namespace) -> Reply:
    """Define the program: goal and rules in words, and settings; starts nothing."""
    source = _given_source(arguments, "program")
    program = parse_program(source.text, source.path)
    options = given(arguments)
    if {"metric", "verify"} & {**program.settings, **options}.keys():
        make_settings(program.settings, options)  # raises on a wrong value now, not at the start
    session.program, session.options = program, options
    return prose_reply(f"Program: {program.title or 'without a title'}. Start it with  {MAGIC} start{_next_start()}")


def _given_source(arguments: argparse.Namespace, what: str) -> Source:
    path, cell = arguments.path, arguments.cell
    if path and cell is not None and cell.strip():
        raise UserError(f"Both a file and a cell for the {what}: give one of them.")
    if path:
        return Source.read(path, what)
    if cell is None:
        raise UserError(f"Give the {what} in the cell, below  %%autoresearch {what}, or as a file: {MAGIC} {what} PATH")
    return Source(cell)


def _lines(source: Source) -> str:
    return counted(len(source.text.strip().splitlines()), "line")


def _next_start() -> str:
    study = running()
    return f" ({study.name} keeps the definitions it started with; this one is for the next start.)" if study else ""
