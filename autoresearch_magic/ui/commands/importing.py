"""The subcommand that lets the tuner know what another study has found."""

from __future__ import annotations

import argparse

from ...errors import UserError
from ...study.opening import current
from ...study.priors import known_line
from ..reply import Reply, prose_reply
from ..session import MAGIC, Place, Session
from .table import argument, command


@command(
    "import",
    argument("storage", nargs="?", metavar="STORAGE", help="a storage of Optuna: a URL such as sqlite:///trials.db, or a path"),
    argument("words", nargs="*", metavar="STUDY | NAME=CONSTANT", help="the Optuna study's name, where there are several; constants for parameters that are called otherwise (NAME= leaves one out)"),
    argument("--use", action="store_true", help="let the tuner use it; without, only what would be used is told"),
    argument("--opposite", action="store_true", help="its values count with the opposite sign, such as accuracy for error"),
    argument("--objective", metavar="N", default="", help="which of several objectives, by number from 0 or by name"),
    argument("--forget", metavar="STUDY", help="forget what was imported from this study"),
    of_study=True,
)  # fmt: skip
def import_trials(session: Session, arguments: argparse.Namespace) -> Reply:
    """Let the tuner know the trials of an Optuna study: shows what matches the target's constants, and uses it with --use."""
    new = session.place is Place.MAGIC and arguments.study is None and current() is None and session.program is not None
    if arguments.forget is not None:
        if arguments.storage or arguments.use:
            raise UserError("--forget STUDY stands alone.")
        study = session.study(arguments.study).forget_prior(arguments.forget)
        return prose_reply(f"Forgotten. {known_line(study.priors) or 'The tuner knows no other study now.'}")
    if arguments.storage is None:
        known = known_line(session.study(arguments.study).priors)
        return prose_reply(
            known or "The tuner knows no other study. Say where there is one, as in  import sqlite:///trials.db"
        )
    study = session.new_study(arguments) if new else session.study(arguments.study)
    aliases: dict[str, str] = {}
    names: list[str] = []
    for word in arguments.words:
        parameter, is_alias, constant = word.partition("=")
        if not is_alias:
            names.append(word)
        elif aliases.setdefault(parameter, constant) != constant:
            raise UserError(f"{parameter} is given twice: as {aliases[parameter]} and as {constant}.")
    if len(names) > 1:
        raise UserError(f"Name one Optuna study, not {len(names)}: {', '.join(names)}.")
    matched = study.match_optuna(
        arguments.storage,
        names[0] if names else "",
        aliases,
        opposite=arguments.opposite,
        objective=arguments.objective,
    )
    if not arguments.use:
        return Reply(f"{matched.text()}\n\nNothing is used yet: the same line with  --use  lets the tuner use it.")
    again = any((p.storage, p.name) == (matched.prior.storage, matched.prior.name) for p in study.priors)
    study.use_prior(matched.prior)
    then = f" {MAGIC} resume {study.name}  starts the study." if new else ""
    before = " What was imported from it before is replaced." if again else ""
    return Reply(
        f"{matched.text()}\n\nThe tuner uses it from its next proposal on, as far as the study's own runs agree.{before}{then}"
    )
