"""The subcommand that repairs a study's records."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from ...errors import UserError
from ...storage.folders import study_names
from ...study.repairing import Repair
from ...study.repairing import repair as repair_study
from ...text import counted, escape
from ..exit_codes import DONE, FAILED
from ..reply import Reply
from ..session import Session
from .table import STUDY, argument, command


@command(
    "repair", STUDY, argument("--check", action="store_true", help="only say what is damaged; nothing is written"),
    of_study=True, json=True,
)  # fmt: skip
def repair(session: Session, arguments: argparse.Namespace) -> Reply:
    """Get out of a damaged journal what can be got, and make git and results.tsv again from it."""
    folder = _folder(session, arguments.study)
    check = bool(arguments.check)

    def work(show: Callable[[float, str], None]) -> Reply:
        return _reply(repair_study(folder, check=check, show=show), check=check)

    return work(lambda share, what: None) if arguments.json else Reply("", work=work)


def _folder(session: Session, name: str | None) -> Path:
    """Return the folder of the study that is meant; also of one that cannot be opened."""
    names = study_names(session.root)
    name = name or (names[-1] if names else None)
    if name is None:
        raise UserError(f"There is no study in {session.root}: name one, or the path of its folder.")
    return next((path for path in (session.root / name, Path(name)) if path.is_dir()), session.root / name)


def _reply(result: Repair, *, check: bool) -> Reply:
    data = {
        "study": result.name, "damaged": bool(result.found), "repaired": bool(result.done), "found": result.found, "done": result.done,
        "lost": result.lost,
        "origins": {table: {of: n for (t, of), n in result.origins.items() if t == table and n} for table, _ in result.origins},
    }  # fmt: skip
    if not result.found:
        text = f"{result.name}: the journal agrees with its chain, and git and results.tsv with the journal. Nothing is damaged."
        return Reply(text, escape(text), data=data)
    head = f"{result.name}: {counted(len(result.found), 'thing')} {'is' if len(result.found) == 1 else 'are'} damaged."
    then = f"Nothing was written. To repair it:  %autoresearch repair {result.name}" if check else ""
    names, lines = result.table()
    widths = [max(len(row[n]) for row in (names, *lines)) for n in range(len(names))]
    rows = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (names, *lines)
    ]
    came = "What would come from where:" if check else "What came from where:"
    parts = [head, *(f"- {each}" for each in result.found), "", came, *rows]
    parts += ["", *result.done] if result.done else []
    marked = [escape(head), "", *(f"- {escape(each)}" for each in result.found), "", escape(came), ""]
    marked += [
        f"| {' | '.join(names)} |",
        f"| {' | '.join('---' for _ in names)} |",
        *(f"| {' | '.join(row)} |" for row in lines),
    ]
    marked += ["", *map(escape, result.done)]
    return Reply(
        "\n".join([*parts, *([then] if then else [])]),
        "\n".join([*marked, *([escape(then)] if then else [])]),
        data=data, exit_code=FAILED if check else DONE,
    )  # fmt: skip
