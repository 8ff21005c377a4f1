"""What a user's checkout looks like at one moment: its files by their stat, its index, HEAD, refs and git's own settings.

Nothing is written, not even to the index. File contents are read by git alone, and only where a file's stat differs from the index.
Not seen: ignored files, and what lies inside of submodules.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from .command import git, names

OWN_REFS = ("refs/autoresearch/", "refs/heads/autoresearch/")
"""Refs that studies move while an agent is asked."""

LOCK_WAIT = 10.0
"""Seconds to wait for a git command of the user's to end."""

RETRIES = 5
"""Snapshots that are taken again because files were written meanwhile; something may write to a tracked file all the time."""

_SETTINGS = ("config", "config.worktree", "info/attributes", "info/exclude")
_SETS = ("dirty", "staged", "untracked")
_LARGEST_SETTING = 1_000_000


@dataclass(frozen=True)
class Entry:
    """A file in the index.

    Attributes
    ----------
    mode, blob : str
    checked : bool
        Whether git looks at the file: not with the bits skip-worktree (a sparse checkout) and assume-unchanged.
    """

    mode: str
    blob: str
    checked: bool = True


class FileStat(NamedTuple):
    """What lstat says of a file; a change of its contents changes this, whatever the change sets back."""

    mode: int
    size: int
    times: tuple[int, int]
    inode: int

    @classmethod
    def of(cls, place: str | Path) -> FileStat | None:
        """Return the stat of a file or link; None where there is none."""
        try:
            found = os.lstat(place)
        except (OSError, ValueError):
            return None
        return cls(found.st_mode, found.st_size, (found.st_mtime_ns, found.st_ctime_ns), found.st_ino)

    @property
    def permissions(self) -> int:
        """The mode without the file's type."""
        return stat.S_IMODE(self.mode)


@dataclass(frozen=True)
class Snapshot:
    """A checkout at one moment.

    Attributes
    ----------
    entries : mapping
        The index, without files in conflict.
    stats : mapping
        Of each file in `entries`.
    dirty : frozenset of str
        Tracked files that differ from the index, are in conflict, or that git does not look at.
    staged : frozenset of str
        Files whose entry in the index differs from HEAD.
    untracked : frozenset of str
        Files that are neither tracked nor ignored.
    commit, branch : str
        Of HEAD: ``(initial)`` without a commit, ``(detached)`` without a branch.
    refs : mapping
        Other refs and the objects they name, without those of studies; the stash with the number of its entries.
    settings : mapping
        git's own files that decide what git commands do, such as hooks, each with a digest.
    index : FileStat or None
        Of the index's file.
    """

    entries: Mapping[str, Entry]
    stats: Mapping[str, FileStat | None]
    dirty: frozenset[str]
    staged: frozenset[str]
    untracked: frozenset[str]
    commit: str
    branch: str
    refs: Mapping[str, str]
    settings: Mapping[str, str]
    index: FileStat | None

    def to_json(self) -> dict[str, Any]:
        """Return the attributes as JSON-ready values."""
        return {
            **vars(self),
            "entries": {path: [e.mode, e.blob, e.checked] for path, e in self.entries.items()},
            **{name: sorted(getattr(self, name)) for name in _SETS},
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Snapshot:
        """Return the snapshot that `to_json` described."""
        return cls(**{
            **values,
            "entries": {path: Entry(*words) for path, words in values["entries"].items()},
            "stats": {path: _stat_of(words) for path, words in values["stats"].items()},
            "index": _stat_of(values["index"]),
            **{name: frozenset(values[name]) for name in _SETS},
        })  # fmt: skip


class SnapshotReader:
    """Takes snapshots of one checkout, and reads its index only where that has changed.

    Parameters
    ----------
    top : Path
        The checkout's top folder.
    """

    def __init__(self, top: Path) -> None:
        self.top = top
        said = git(top, "rev-parse", "--absolute-git-dir", "--git-common-dir").split("\n")
        self.git_folder, self.common = Path(said[0]), (top / said[1]).resolve()
        self._index: tuple[FileStat | None, dict[str, Entry]] | None = None

    def take(self) -> Snapshot:
        """Return a snapshot of a moment at which no git command works on the index, as far as one comes."""
        until, tries = time.monotonic() + LOCK_WAIT, 0
        while True:
            index = FileStat.of(self.git_folder / "index")
            found = None if self.locked else self._take(index)
            tries += 1
            settled = not self.locked and FileStat.of(self.git_folder / "index") == index
            if found is not None and settled and (tries > RETRIES or self._still(found)):
                return found
            if time.monotonic() > until:
                return found or self._take(index)
            time.sleep(0.05)

    def _still(self, found: Snapshot) -> bool:
        """Whether no changed file was written between its stat and git's look at it, so that both are of the same version."""
        return all(FileStat.of(self.top / path) == found.stats[path] for path in found.dirty if path in found.stats)

    @property
    def locked(self) -> bool:
        """Whether a git command works on the index: files may be ahead of it."""
        return (self.git_folder / "index.lock").exists()

    def _take(self, index: FileStat | None) -> Snapshot:
        if self._index is None or self._index[0] != index or index is None:
            self._index = index, _entries(git(self.top, "ls-files", "-s", "-v", "-z"))
        entries = self._index[1]
        top = f"{self.top}/"
        stats = {path: FileStat.of(top + path) for path in entries}
        refs = _refs(git(self.top, "for-each-ref", "--format=%(refname) %(objectname)"))
        status = names(
            git(
                self.top, "status", "--porcelain=v2", "-z", "--branch", "--show-stash", "--untracked-files=all",
                "--no-renames", "--ignore-submodules=all",
            )
        )  # fmt: skip
        head = {word[0]: word[2] for line in status if line.startswith("# ") for word in [line[2:].partition(" ")]}
        if "refs/stash" in refs:
            refs["refs/stash"] += f" {head.get('stash', '')}"
        dirty, staged, untracked = set(), set(), set()
        for line in status:
            kind, rest = line[:1], line[2:]
            if kind == "1":
                path = line.split(" ", 8)[8]
                staged.update([path] if rest[0] != "." else [])
                dirty.update([path] if rest[1] != "." else [])
            elif kind == "u":
                dirty.add(line.split(" ", 10)[10])
            elif kind == "?":
                untracked.add(rest)
        dirty |= {path for path, entry in entries.items() if not entry.checked}
        return Snapshot(
            entries, stats, frozenset(dirty), frozenset(staged), frozenset(untracked), head.get("branch.oid", ""),
            head.get("branch.head", ""), refs, self._settings(), index,
        )  # fmt: skip

    def _settings(self) -> dict[str, str]:
        hooks = self.common / "hooks"
        places = [folder / name for folder in {self.common, self.git_folder} for name in _SETTINGS]
        if hooks.is_dir():
            places += [place for place in hooks.iterdir() if place.suffix != ".sample"]
        found = {}
        for place in places:
            try:
                if place.stat().st_size < _LARGEST_SETTING:
                    found[str(place)] = sha256(place.read_bytes()).hexdigest() + oct(place.stat().st_mode)
            except OSError:
                continue  # there is none
        return found


def _stat_of(words: list[Any] | None) -> FileStat | None:
    return None if words is None else FileStat(words[0], words[1], (words[2][0], words[2][1]), words[3])


def _entries(listing: str) -> dict[str, Entry]:
    """Parse ``git ls-files -s -v -z``; files in conflict and submodules are left out."""
    found = {}
    for line in names(listing):
        words, _, path = line.partition("\t")
        tag, mode, blob, stage = words.split(" ")
        if stage == "0" and mode != "160000":
            found[path] = Entry(mode, blob, tag == "H")
    return found


def _refs(listing: str) -> dict[str, str]:
    pairs = (line.split(" ", 1) for line in listing.splitlines())
    return {name: object_ for name, object_ in pairs if not name.startswith(OWN_REFS)}
