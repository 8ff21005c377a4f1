"""What an agent has changed in its folder.

It is found by a second git directory outside the folder, which the agent does not know: commits, a reset or a deleted ``.git`` make no
difference; what counts is the working tree. A test or a file outside the scope is not made part of the proposal.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from ...source import files
from ...storage.git.checkout import MAX_TARGET, Checkout, frozen_by_name, within
from ...storage.git.command import GitFailed, git, names

TARGET, SETUP = "target.py", "setup.py"
"""Names of the files of a cell study."""


@dataclass(frozen=True)
class Change:
    """What an agent has changed in its folder.

    Attributes
    ----------
    target : str
        The version that it began with, with its changes within the scope.
    inside : tuple of str
        Files of the scope that it has changed, added or deleted.
    outside : tuple of str
        Files that are not taken, each with the reason in brackets where it is not the scope.
    """

    target: str
    inside: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()


class FolderGone(Exception):
    """An agent has deleted the folder in which it works, or put something else in its place."""


@dataclass(frozen=True)
class Workspace:
    """The folder of one question.

    Attributes
    ----------
    folder : Path
        Where the agent is started.
    base : str
        The target that it starts from.
    named : mapping
        The real names of our own files, by their usual ones: ``history.md`` may be ``autoresearch-history.md``.
    linked : tuple of str
        Folders of the user's checkout that are linked.
    withheld : tuple of str
        Names of what is hidden, and so absent.
    """

    folder: Path
    base: str
    named: Mapping[str, str]
    linked: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    _record: Path = Path()
    _checkout: Checkout | None = None
    _own: tuple[str, ...] = ()
    _ignores: Mapping[str, bytes] = field(default_factory=dict)

    def change(self) -> Change:
        """Return what differs from the version at the beginning; caches, what git ignores, and files of ours are left out.

        Raises
        ------
        FolderGone
        """
        if self.folder.is_symlink() or not self.folder.is_dir():
            raise FolderGone
        # What is ignored is decided by the rules of the beginning: else an agent could make a new file disappear.
        for path, rules in self._ignores.items():
            write_file(self.folder, path, rules)
        env = {"GIT_DIR": str(self._record), "GIT_WORK_TREE": str(self.folder)}
        with suppress(GitFailed):  # it fails where something has changed
            git(self.folder, "update-index", "-q", "--refresh", env=env)
        changed = names(git(self.folder, "diff-files", "--name-only", "-z", env=env))
        added = names(git(self.folder, "ls-files", "--others", "--exclude-standard", "-z", env=env))
        if self._checkout is None:
            return self._change_of_cell([*changed, *added])
        target = files.split(self.base)
        inside: list[str] = []
        outside: list[str] = []
        for path in sorted({*changed, *added}):
            if self._is_own(path):
                continue
            if not self._in_scope(path.rstrip("/")):
                outside.append(path)
                continue
            content, why = read_file(self.folder, path)
            if why or path in self._checkout.opaque:
                outside.append(f"{path} ({why or 'no text'})")
            elif target.get(path) != content:
                inside.append(path)
                target.pop(path, None)
                if content is not None:
                    target[path] = content
        return Change(files.join(target), tuple(inside), tuple(outside))

    def _change_of_cell(self, changed: Sequence[str]) -> Change:
        content, why = read_file(self.folder, TARGET)
        outside = [path for path in changed if path != TARGET and not self._is_own(path)]
        if content is None or why:
            return Change(self.base, (), (f"{TARGET} ({why or 'deleted'})", *outside))
        return Change(content, (TARGET,) if content != self.base else (), tuple(outside))

    def _in_scope(self, path: str) -> bool:
        c = self._checkout
        return (
            c is not None and within(path) and path not in c.frozen
            and bool(files.match(c.scope, [path])) and not frozen_by_name(path, c.scope)
        )  # fmt: skip

    def _is_own(self, path: str) -> bool:
        """Whether a path is a file of the agent's own, such as its log."""
        first = path.partition("/")[0]
        return any(fnmatchcase(path, glob) or fnmatchcase(first, glob.rstrip("/")) for glob in self._own)


def through_link(folder: Path, path: str) -> bool:
    """Whether a path leads through a link to another place."""
    place = folder
    for part in path.split("/")[:-1]:
        place = place / part
        if place.is_symlink():
            return True
    return False


def write_file(folder: Path, path: str, content: bytes, *, read_only: bool = False) -> None:
    """Write a file below the folder, whatever an agent has put in its place."""
    place = folder
    for part in path.split("/")[:-1]:
        place = place / part
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            place.unlink()
        place.mkdir(exist_ok=True)
    place = folder / path
    if place.is_symlink():
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(place)
    elif place.is_file() and not os.access(place, os.W_OK):
        place.unlink()
    place.write_bytes(content)
    if read_only:
        place.chmod(0o444)


def read_file(folder: Path, path: str) -> tuple[str | None, str]:
    """Return a file's text, None for one that is not there; and why it cannot be part of a target, empty where it can."""
    place = folder / path.rstrip("/")
    if path.endswith("/"):
        return None, "a repository of its own"
    if through_link(folder, path) or not (place.exists() or place.is_symlink()):
        return None, ""
    if place.is_symlink():
        return None, "a link"
    if place.is_dir():
        return None, ""  # the file is gone; what is in the folder is a change of its own
    if not place.is_file():
        return None, "no file"
    try:
        if place.stat().st_size > MAX_TARGET:
            return None, "too large"
        return place.read_bytes().decode("utf-8"), ""
    except UnicodeDecodeError:
        return None, "no text"
    except OSError as error:
        return None, error.strerror or "it cannot be read"
