"""``autoresearch repair``: what is damaged in a study's records, and what can be got back, from what.

The order of trust: the journal and its copies (`storage.salvage`); the commits of the experiments; results.tsv, which has no
sources. Nothing is replaced without a copy of what was there.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UserError
from ..source.files import split
from ..storage import salvage as rows_of
from ..storage.backup import NAME as BACKUP
from ..storage.backup import back_up
from ..storage.git.cell_repository import CellRepository
from ..storage.git.commits import Commits
from ..storage.git.history import Recorded, damage, recorded
from ..storage.git.study_branch import StudyBranch
from ..storage.journal import Journal
from ..storage.records import Records
from ..storage.repair import set_aside, write_journal
from ..storage.results_tsv import write_results
from ..storage.salvage import Salvaged, salvage
from ..storage.schema import FILE
from ..storage.scratch import scratch_folder
from ..storage.study_lock import StudyLock, is_held
from ..storage.trouble import explain, remains
from ..text import counted
from .definition import Definition, from_json
from .remaking import OF_GIT, OF_TABLE, OF_VALUE, PLACEHOLDER, Remaker

ORIGINS = (
    rows_of.JOURNAL, rows_of.PAGES, rows_of.KEPT, rows_of.OF_BACKUP, rows_of.EARLIER, rows_of.DEFINITION, OF_GIT, OF_TABLE, OF_VALUE,
    PLACEHOLDER,
)  # fmt: skip
NOUNS = {"experiment": "experiments", "measurement": "runs", "event": "events", "prompt": "prompts", "meta": "settings"}


@dataclass
class Repair:
    """What was found, and what was done about it.

    Attributes
    ----------
    name : str
        The study's.
    found : list of str
        What is damaged, one sentence each; empty where nothing is.
    done : list of str
        What was done, one sentence each.
    origins : Counter
        How many rows of each table came from where, by (table, origin).
    lost : dict of str to int
        How many rows of each table nobody has, as far as that is known.
    """

    name: str
    found: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    origins: Counter[tuple[str, str]] = field(default_factory=Counter)
    lost: dict[str, int] = field(default_factory=dict)

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Return the head and the lines of a table: what came from where."""
        used = [origin for origin in ORIGINS if any(n for (_, of), n in self.origins.items() if of == origin)]
        head = ["", *used, "lost"]
        lines = []
        for table, noun in NOUNS.items():
            counts = [self.origins[table, origin] for origin in used]
            if sum(counts) or self.lost.get(table):
                lines.append([noun, *map(str, counts), str(self.lost.get(table, 0))])
        return head, lines


def repair(
    folder: Path, *, check: bool = False, show: Callable[[float, str], None] = lambda share, what: None
) -> Repair:
    """Find out what is damaged in a study's records, and unless `check` is set, repair it.

    Parameters
    ----------
    folder : Path
        The study's.
    check : bool
        Whether only to look; nothing is written then.
    show : callable, optional
        Called with the share that is done, and what is being done.

    Raises
    ------
    UserError
        When there is no study, a process works on it, or too little is left of it.
    """
    folder = folder.absolute()
    try:
        return _repair(folder, check=check, show=show)
    except OSError as error:
        if (trouble := explain(error, folder / FILE)) is None:
            raise
        raise trouble from None


def _repair(folder: Path, *, check: bool, show: Callable[[float, str], None]) -> Repair:
    if not folder.is_dir() or not ((folder / FILE).exists() or remains(folder)):
        raise UserError(f"There is no study at {folder}: %autoresearch status lists the existing ones.")
    if is_held(folder):
        raise UserError(f"{folder.name} is running: stop it first (%autoresearch stop), then repair it.")
    if check:
        return _Repairing(folder, show).look()
    with StudyLock(folder):
        return _Repairing(folder, show).mend()


def repair_running(folder: Path) -> Repair:
    """Repair the records of a study that this process runs; its journal must be closed."""
    return _Repairing(folder.absolute(), lambda share, what: None).mend()


class _Repairing:
    def __init__(self, folder: Path, show: Callable[[float, str], None]) -> None:
        self.folder, self.show = folder, show
        self.result = Repair(folder.name)
        self.repository: Commits | None = None
        self.git_problem = ""
        show(0.05, "reading the journal and its copies")
        self.rows = self._salvage({})
        self.definition = self._definition()
        show(0.4, "reading git")
        self._open_git()
        self.marks: dict[int, str] = {}
        with suppress(UserError):
            self.marks = self.repository.marks() if self.repository is not None else {}
        self.other = self._lacking()
        if self.other:  # another copy may be the one that git knows
            self.rows = self._salvage(self.marks)
            self.definition = self._definition()
        self.result.origins = self.rows.origins

    def _salvage(self, marks: dict[int, str]) -> Salvaged:
        with scratch_folder("repair") as scratch:
            return salvage(self.folder, Path(scratch), marks.values())

    def _lacking(self) -> list[int]:
        """Return the experiments whose commits were made from another journal than the one that is there."""
        with suppress(UserError), Journal(self.folder / FILE) as journal:
            return journal.lacks(self.marks)
        return []

    # -- looking ----------------------------------------------------------------------------------------------------

    def look(self) -> Repair:
        """Find out what is damaged."""
        self._say_journal(self.rows)
        if self.other:
            self.result.found.append(
                f"The {_of(self.other, 'commit')} of {_numbers(self.other)} made from another journal than the one that is there."
            )
        commits, broken = self._commits()
        remaker = Remaker(self.folder, self.definition, self.rows)
        remade = remaker.remake(commits, self.known)
        self.result.found += remade
        self.result.lost = {table: len(keys) for table, keys in self.rows.lost.items() if keys}
        judged = [row for row in self.rows.rows["experiment"].values() if row["verdict"] is not None]
        if self.git_problem:
            self.result.found.append(f"git: {self.git_problem.rstrip('.')}.")
        elif missing := [row["number"] for row in judged if row["number"] not in self.known]:
            self.result.found.append(f"git: the {_of(missing, 'commit')} of {_numbers(missing)} missing.")
        if broken:
            self.result.found.append(f"git: the {_of(broken, 'commit')} of {_numbers(broken)} damaged.")
        table = self.folder / "results.tsv"
        if judged and (not table.is_file() or len(_lines(table)) != len(judged) + 1):
            self.result.found.append("results.tsv does not have one line for each experiment.")
        if judged and not (self.folder / BACKUP).is_file():
            self.result.found.append("The journal has no backup.")
        self.changed = bool(remade)
        self.broken = broken
        return self.result

    def _say_journal(self, rows: Salvaged) -> None:
        say = self.result.found.append
        for problem in rows.problems:
            say(f"{problem[0].upper()}{problem[1:].rstrip('. ')}.")
        for problem in rows.beside:
            say(f"{problem.rstrip('.')}.")
        for clauses, what in ((rows.unproven, "by no copy as the chain says"), (rows.left_out, "left out")):
            if clauses:
                more = f" and {len(clauses) - 3} more" if len(clauses) > 3 else ""
                say(f"{'; '.join(clauses[:3])}{more} ({what}).")
        edited = sum(n for (_, origin), n in rows.origins.items() if origin != rows_of.JOURNAL)
        if edited and not rows.problems:
            say(
                f"{counted(edited, 'row')} of the journal {'is' if edited == 1 else 'are'} not as written: other copies have them."
            )

    def _definition(self) -> Definition:
        """Return what the study is; where the journal has lost it, from the file beside it."""
        meta = self.rows.rows["meta"]
        with suppress(OSError, ValueError):
            kept = json.loads((self.folder / rows_of.DEFINITION).read_text(encoding="utf-8"))
            added = [key for key, value in kept.items() if key not in meta and value is not None]
            for key in added:
                meta[key] = {"key": key, "value": json.dumps(kept[key])}
            if added:
                self.rows.problems.append(f"no copy of the journal says what the study is: {rows_of.DEFINITION} does")
                self.rows.origins["meta", rows_of.DEFINITION] += len(added)
                self.rows.lost["meta"] = [key for key in self.rows.lost.get("meta", ()) if key not in added]
        try:
            return from_json(json.loads(meta["definition"]["value"]), json.loads(meta["settings"]["value"]))
        except (KeyError, ValueError, TypeError):
            raise UserError(
                f"What the study {self.folder.name} is (its program, target and settings) is in no file that is left: no journal can "
                f"be made. What remains is in {self.folder}: the versions in repo/, the values in results.tsv."
            ) from None

    def _open_git(self) -> None:
        self.known: dict[int, str] = {}
        try:
            if self.definition.checkout is not None:
                self.repository = StudyBranch(self.definition.checkout, split(self.definition.target), self.folder.name)
            elif (self.folder / "repo" / ".git" / "info" / "attributes").exists():
                self.repository = CellRepository(self.folder / "repo", self.folder.name)
            else:
                self.git_problem = "the repository repo/ is gone"
                return
            self.known = self.repository.commits()
            self.git_problem = damage(self.repository)
        except UserError as error:
            self.git_problem = str(error)

    def _commits(self) -> tuple[dict[int, Recorded], list[int]]:
        """Return the commits of experiments that the journal lacks, and the experiments whose commits are damaged."""
        if self.repository is None:
            return {}, []
        rows = self.rows.rows["experiment"]
        whole = {number for number, row in rows.items() if row["verdict"] is not None} - self.rows.edited
        with suppress(UserError):
            return recorded(self.repository, lambda number: number not in whole)
        return {}, []

    # -- mending ----------------------------------------------------------------------------------------------------

    def mend(self) -> Repair:
        """Repair what is damaged."""
        result = self.look()
        if not result.found:
            return result
        when = time.strftime("%Y%m%d-%H%M%S")
        self.show(0.6, "setting aside what is there")
        broken_repo = bool(self.git_problem or self.broken) and self.definition.checkout is None
        aside = set_aside(
            self.folder, [f"{FILE}*", "journal.*.sqlite", "journal.kept-*", "results.tsv"], when, move=["repo"] if broken_repo else []
        )  # fmt: skip
        result.done.append(f"What was there is in {aside.name}/.")
        edited = any(origin != rows_of.JOURNAL for _, origin in self.rows.origins)
        if not self.rows.sound or edited or self.changed or self.other:
            self.show(0.7, "writing the journal")
            write_journal(self.folder, self.rows, self.marks)
            result.done.append("The journal was written anew, and begins with a note of this.")
        self.show(0.8, "writing git and results.tsv")
        self._derive()
        with Journal(self.folder / FILE, create=True) as journal:
            journal.note("repaired", found=result.found, lost=result.lost, aside=aside.name)
            journal.check(whole=True)
        (self.folder / BACKUP).unlink(missing_ok=True)
        back_up(self.folder / FILE)
        result.done.append(
            f"It opens, agrees with its chain, and goes on with  %autoresearch resume {self.folder.name}"
        )
        return result

    def _derive(self) -> None:
        """Complete git and results.tsv from the journal."""
        definition, result = self.definition, self.result
        notices: list[str] = []
        with Journal(self.folder / FILE, create=True) as journal:
            try:
                records = Records(
                    self.folder, journal, metric=definition.metric, title=definition.program.title, files=definition.files,
                    publish=lambda event: notices.append(str(event)), checkout=definition.checkout, target=definition.target,
                )  # fmt: skip
            except (UserError, OSError) as error:
                result.done.append(f"git could not be completed: {error}")
                return
            with records:
                judged = [e for e in journal.experiments() if e.verdict is not None]
                before = len(self.known)
                try:
                    done = records.catch_up(judged)
                    if made := sum(self.known.get(e.number) != e.commit for e in done):
                        result.done.append(
                            f"{counted(made, 'commit')} {'was' if made == 1 else 'were'} made again from the journal."
                        )
                except UserError as error:
                    result.done.append(f"git could not be completed ({before} commits are there): {error}")
                    write_results(self.folder / "results.tsv", judged, definition.metric)


def _of(numbers: list[int], noun: str) -> str:
    return noun if len(numbers) == 1 else f"{noun}s"


def _numbers(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:6])) + (f" and {len(numbers) - 6} more" if len(numbers) > 6 else "")
    return f"experiment {shown} is" if len(numbers) == 1 else f"experiments {shown} are"


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()
