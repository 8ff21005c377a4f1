"""The user's checkout before and after an agent's program runs: what has changed there is told, and what was clean is restored.

An agent has a folder of its own, but nothing keeps its program from writing to the checkout by an absolute path. So does the user, at
the same time, and the two cannot be told apart. Therefore a changed file is never lost: it is moved aside before the file in the index
takes its place, and the line that tells it names the command that brings it back. What git commands did (commits, branches, the index,
the stash) is told and left alone, as are files that had uncommitted changes already, notebooks, which their editor saves by itself, and
new files.
"""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import tempfile
import threading
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from weakref import WeakSet

from ..scratch import PREFIX, scratch_folder
from .checkout import listed
from .command import GitFailed, git
from .snapshot import FileStat, Snapshot, SnapshotReader

WHILE = "while the agent was asked"
_ONE_BY_ONE = 3
"""Restored files that are told in lines of their own; more are told in one line."""
_QUIET = ("__pycache__", ".ipynb_checkpoints")
"""Folders whose new files are not told: programs that the user runs make them."""


class Look:
    """A look at the checkout before a program runs, for `CheckoutWatch.compare`."""


class CheckoutWatch:
    """Watches one checkout around the calls of one agent, from several threads at once.

    While calls overlap they share the state that the first of them found: what one program changes is no state to go back to for
    another, and each change is told once.

    Parameters
    ----------
    top : Path
        The checkout's top folder.

    Raises
    ------
    GitFailed
        When git cannot read the repository; so do the methods.
    """

    def __init__(self, top: Path) -> None:
        self.top = top
        self._reader = SnapshotReader(top)
        self._lock = threading.Lock()
        self._open: WeakSet[Look] = WeakSet()
        self._base: Snapshot | None = None
        self._kept: dict[str, Path] = {}  # where the changed version of each restored file is
        self._told: set[str] = set()  # files that are left alone, of which the user knows
        notebook = os.environ.get("JPY_SESSION_NAME", "")  # the notebook that this kernel belongs to
        self._own = os.path.realpath(notebook) if notebook else ""

    def look(self) -> Look:
        """Note what the checkout is like, before a program runs."""
        with self._lock:
            if self._base is None or not self._open:
                self._base = self._reader.take()
            look = Look()
            self._open.add(look)
            return look

    @property
    def base(self) -> Snapshot | None:
        """What open looks are compared with."""
        return self._base

    def look_back(self, base: Snapshot) -> Look:
        """Take what another process saw for this one's look."""
        with self._lock:
            self._base, look = base, Look()
            self._open.add(look)
            return look

    def compare(self, before: Look, saved_to: Path) -> tuple[str, ...]:
        """Restore the files that were clean and have changed since a look, and return what there is to tell, a line each.

        Parameters
        ----------
        before : Look
        saved_to : Path
            The folder for changed versions of restored files; it is made when there are some.
        """
        with self._lock:
            base = self._base
            if base is None or before not in self._open:
                raise ValueError("a look can be compared once")
            now = self._reader.take()
            self._open.discard(before)
            edited, lines = self._sort(base, now)
            if edited and self._reader.locked:  # restoring now could spoil what that command does
                lines.append(self._left(edited, "and another git command works there, so nothing was undone"))
            elif edited:
                now = self._restore(edited, base, now, saved_to, lines)
            self._base = now
            return (*lines, *self._by_git(base, now, saved_to))

    # -- what has changed ---------------------------------------------------------------------------------------------

    def _sort(self, base: Snapshot, now: Snapshot) -> tuple[list[str], list[str]]:
        """Return the files to restore, and the lines about files that are left as they are."""
        edited, had_changes, reverted, notebooks, unseen = [], [], [], [], []
        for path, entry in now.entries.items():
            if base.stats.get(path) == now.stats[path] or path not in base.entries:
                continue
            if path in now.dirty:
                if path in base.dirty:
                    had_changes.append(path)
                elif path.endswith(".ipynb"):
                    notebooks.append(path)
                elif not self._taken_back(path):
                    edited.append(path)
            elif base.entries[path] == entry:  # else a git command has brought file and index to another version
                if path in base.dirty:
                    reverted.append(path)
                elif _shape(base.stats[path]) != _shape(now.stats[path]):
                    unseen.append(path)
        lines = [
            *self._once(had_changes, "had uncommitted changes before, so nothing was undone"),
            *self._once(notebooks, "looks like a notebook that its editor has saved, so nothing was undone"),
            *([self._left(reverted, "and had uncommitted changes before, which are gone")] if reverted else []),
            *self._once(unseen, "in permissions or line endings that git does not count, so nothing was undone"),
        ]
        return edited, lines

    def _once(self, paths: Sequence[str], why: str) -> list[str]:
        """Return a line about files that are left alone, unless the user knows of all of them."""
        fresh = [path for path in paths if path not in self._told and os.path.realpath(self.top / path) != self._own]
        self._told.update(fresh)
        return [self._left(fresh, f"{why}; this is told once")] if fresh else []

    def _left(self, paths: Sequence[str], why: str) -> str:
        return f"{_list(sorted(paths))} in {self.top} changed {WHILE}, {why}."

    def _taken_back(self, path: str) -> bool:
        """Whether the user has put the kept version of a restored file back, by ``cp -p`` or ``mv``, as the line said."""
        if (kept := self._kept.get(path)) is None:
            return False
        saved, present = FileStat.of(kept), FileStat.of(self.top / path)
        same = saved is None or (
            present is not None and (saved.size, saved.times[0]) == (present.size, present.times[0])
        )
        return present is not None and same

    def _by_git(self, base: Snapshot, now: Snapshot, saved_to: Path) -> list[str]:
        """Return the lines about what git commands did, and about new files."""
        lines = []
        moved = (base.commit, base.branch) != (now.commit, now.branch)
        if moved:
            lines.append(
                f"HEAD of {self.top} moved {WHILE}, from {_head(base)} to {_head(now)}: nothing was undone; git reflog shows the way back."
            )
        either = base.entries.keys() | now.entries.keys()
        indexed = sorted(
            p for p in either if base.entries.get(p) != now.entries.get(p) and not (moved and p not in now.staged)
        )
        if indexed:
            lines.append(
                f"The index of {self.top} changed {WHILE} ({_list(indexed)}), by git add or the like: nothing was "
                "undone; git restore --staged FILE does it."
            )
        lines += self._refs(base, now, f"refs/heads/{now.branch}" if moved else "")
        changed = sorted(
            n for n in base.settings.keys() | now.settings.keys() if base.settings.get(n) != now.settings.get(n)
        )
        if changed:
            lines.append(f"{listed(changed)} changed {WHILE}: look at that before you run git in {self.top}.")
        new = sorted(
            path
            for path in now.untracked - base.untracked - base.entries.keys()
            if not _is_quiet(path) and not _is_ours(self.top / path, saved_to)
        )
        if new:
            lines.append(f"New in {self.top} {WHILE}: {_list(new)}; git does not track that, and it is left there.")
        return lines

    def _refs(self, base: Snapshot, now: Snapshot, known: str) -> list[str]:
        changed = sorted(
            n for n in base.refs.keys() | now.refs.keys() if base.refs.get(n) != now.refs.get(n) and n != known
        )
        lines = []
        if "refs/stash" in changed:
            changed.remove("refs/stash")
            had = base.refs.get("refs/stash", "").split(" ")[0]
            back = (
                f"; git stash apply {had} applies what was its first entry"
                if had and not now.refs.get("refs/stash")
                else ""
            )
            lines.append(f"The stash of {self.top} changed {WHILE}: nothing was undone{back}.")
        if changed:
            told = [
                f"{name} (was {base.refs[name][:12]})" if name in base.refs else f"{name} (new)" for name in changed
            ]
            lines.append(f"Refs of {self.top} changed {WHILE}: {listed(told)}; nothing was undone.")
        return lines

    # -- restoring ----------------------------------------------------------------------------------------------------

    def _restore(
        self, edited: Sequence[str], base: Snapshot, now: Snapshot, saved_to: Path, lines: list[str]
    ) -> Snapshot:
        """Move the changed files aside and write them as the index has them; return the checkout as it is then."""
        folder = _new_folder(saved_to)
        moved: dict[str, Path] = {}
        failed: dict[str, str] = {}
        for path in edited:
            try:
                self._move_aside(path, folder, moved)
            except OSError as error:
                failed[path] = error.strerror or str(error)
        wanted = [path for path in edited if path not in failed]
        first = [path for path in wanted if Path(path).name == ".gitattributes"]  # they say how the others are written
        for some in (first, [path for path in wanted if path not in first]):
            problem = self._write(some, now) if some else ""
            failed |= {path: problem or "it was not written" for path in some if not os.path.lexists(self.top / path)}
        stats: dict[str, FileStat | None] = {}
        for path in wanted:
            place = self.top / path
            if path not in failed:
                before = base.stats[path]
                if (
                    before is not None
                    and stat.S_ISREG(before.mode)
                    and base.entries[path].mode == now.entries[path].mode
                ):
                    with suppress(OSError):
                        place.chmod(before.permissions)
                stats[path] = FileStat.of(place)
            elif path in moved:
                with suppress(OSError):
                    moved.pop(path).rename(place)
        again = self._reader.take()
        failed |= {path: "it was written at the same moment" for path in stats if path in again.dirty}
        restored = [path for path in stats if path not in failed]
        self._kept |= {path: moved[path] for path in restored if path in moved}
        lines += self._restored_lines(restored, folder, moved)
        lines += [
            f"{_shown(path)} in {self.top} changed {WHILE} and could not be restored: {why}{f'; a version is kept: {moved[path]}' if path in moved else ''}."
            for path, why in failed.items()
        ]
        with suppress(OSError):
            folder.rmdir()  # empty when files were only deleted
        # What else has changed in this moment is for the next comparison to see.
        aside = frozenset(path for path in now.untracked if path in moved or _is_below(path, moved))
        return replace(
            now, stats={**now.stats, **stats}, dirty=now.dirty - set(restored), untracked=now.untracked - aside
        )

    def _move_aside(self, path: str, folder: Path, moved: dict[str, Path]) -> None:
        """Move away what stands in a file's place: its changed version, or a link or file in the place of a folder above it."""
        place = self.top / path
        for above in [p for p in reversed(place.parents) if self.top in p.parents] + [place]:
            if os.path.lexists(above) and (above == place or above.is_symlink() or not above.is_dir()):
                name = str(above.relative_to(self.top))
                kept = folder / name
                kept.parent.mkdir(parents=True, exist_ok=True)
                _move(above, kept)
                moved[name] = kept

    def _write(self, paths: Sequence[str], now: Snapshot) -> str:
        """Write files as the index has them, by an index of our own, so that the user's stays as it is; return what went wrong."""
        with scratch_folder("index") as scratch:
            env = {"GIT_INDEX_FILE": str(scratch / "index")}
            entries = "".join(f"{now.entries[p].mode} {now.entries[p].blob} 0\t{p}\0" for p in paths)
            try:
                own = ("-c", "core.splitIndex=false")
                git(self.top, *own, "update-index", "-z", "--index-info", given=entries, env=env)
                # Without -f: what has come into a file's place in this moment stays.
                git(self.top, "checkout-index", "-q", "-z", "--stdin", given="".join(f"{p}\0" for p in paths), env=env)
            except GitFailed as error:
                return str(error)
        return ""

    def _restored_lines(self, restored: Iterable[str], folder: Path, moved: Mapping[str, Path]) -> list[str]:
        changed: list[str] = []
        replaced: list[str] = []
        missing: list[str] = []
        for path in sorted(restored):
            above = _is_below(path, moved)
            (changed if path in moved else replaced if above else missing).append(path)
        lines, top = [], _quoted(str(self.top))
        if len(changed) > _ONE_BY_ONE:
            lines.append(
                f"{len(changed)} files in {self.top} ({_list(changed)}) were changed {WHILE} and are restored. The changed versions "
                f"are kept; to take them back:  cp -pR {_quoted(f'{folder}/.')} {top}"
            )
        else:
            lines += [
                f"{_shown(path)} in {self.top} was changed {WHILE} and is restored. The changed version is kept; to take it back:  "
                f"cp -pR {_quoted(str(moved[path]))} {_quoted(str(self.top / path))}"
                for path in changed
            ]
        if replaced:
            lines.append(
                f"The folder of {_list(replaced)} in {self.top} was replaced by a file or link {WHILE} and is restored; what stood in its "
                f"place is kept in {folder}."
            )
        if missing:
            words = " ".join(_quoted(path) for path in missing[:_ONE_BY_ONE])
            more = " ..." if len(missing) > _ONE_BY_ONE else ""
            was, is_ = ("was", "is") if len(missing) == 1 else ("were", "are")
            lines.append(
                f"{_list(missing)} in {self.top} {was} deleted {WHILE} and {is_} back; to delete:  git -C {top} rm {words}{more}"
            )
        return lines


def _shape(found: FileStat | None) -> tuple[int, int] | None:
    return None if found is None else (found.permissions, found.size)


def _list(paths: Sequence[str]) -> str:
    return listed([_shown(path) for path in paths])


def _shown(path: str) -> str:
    """Return a path for a line: control characters and bytes that are not UTF-8 are escaped."""
    return path if path.isprintable() else repr(path)


def _quoted(path: str) -> str:
    """Quote a path for a shell, in one line."""
    if path.isprintable():
        return shlex.quote(path)
    return "$'" + "".join(c if c.isprintable() and c not in "\\'" else _escaped(c) for c in path) + "'"


def _escaped(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))


def _head(found: Snapshot) -> str:
    return f"{found.commit[:10]} ({found.branch.strip('()')})"


def _is_below(path: str, folders: Container[str]) -> bool:
    parts = path.split("/")
    return any("/".join(parts[:count]) in folders for count in range(1, len(parts)))


def _is_quiet(path: str) -> bool:
    return any(part in _QUIET for part in path.split("/"))


def _is_ours(place: Path, saved_to: Path) -> bool:
    """Whether a file belongs to this package: the temporary folder may lie in the checkout as well."""
    ours = str(Path(tempfile.gettempdir()) / PREFIX)
    return place.is_relative_to(saved_to.absolute()) or str(place).startswith(ours)


def _new_folder(place: Path) -> Path:
    """Make and return a new numbered folder."""
    place.mkdir(parents=True, exist_ok=True)
    number = 1 + max((int(p.name) for p in place.iterdir() if p.name.isdecimal()), default=0)
    while True:
        folder = place.absolute() / f"{number:04d}"
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1


def _move(place: Path, kept: Path) -> None:
    """Move a file, link or folder, so that a write at the same moment is lost neither here nor there."""
    try:
        place.rename(kept)
    except OSError:  # another file system
        aside = place.with_name(f".{place.name}.autoresearch")
        place.rename(aside)
        shutil.move(aside, kept)
