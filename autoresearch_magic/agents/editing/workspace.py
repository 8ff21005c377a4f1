"""The folder in which an editing agent works for one question, and what it has changed there.

The folder is a git repository of its own with one commit, the version to improve. It shares nothing with the user's repository, neither
refs nor stash nor configuration: whatever the agent does with git, it does to a folder that is deleted after the question. Files are
taken from the user's commit by the user's git, through an index of our own, so that filters and line endings are as in a checkout.

What the agent has changed is found by a second git directory outside the folder, which it does not know: commits, a reset or a deleted
``.git`` make no difference; what counts is the working tree. A test or a file outside the scope is not made part of the proposal, and
vanishes with the folder.

Not here: a sandbox. Frozen files are read-only, which a program can undo; what counts is that they are not taken.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from ...errors import UserError
from ...runners.node_modules import NAME as NODE_MODULES
from ...runners.node_modules import mirror
from ...runners.tools import VENVS
from ...source import files
from ...storage.git.checkout import MAX_TARGET, Checkout, frozen_by_name, within
from ...storage.git.command import GitFailed, git, names
from ...storage.git.commits import ADDRESS, COMMITTER
from ...storage.scratch import scratch_folder

TARGET, SETUP = "target.py", "setup.py"
"""Names of the files of a cell study."""

PREFIX = "autoresearch-"
"""What stands before the name of a file of ours where the repository has one of that name."""

CACHES = (
    "__pycache__/", "*.py[co]", ".pytest_cache/", ".mypy_cache/", ".ruff_cache/", ".hypothesis/", ".ipynb_checkpoints/", ".tox/", ".nox/",
    ".coverage", "node_modules/", ".venv/", ".DS_Store", "*.swp",
)  # fmt: skip
"""What programs leave behind when they are run: no change, wherever it lies."""

PACKAGES = (*VENVS, NODE_MODULES)
"""Folders of installed packages, in which nothing of the user's is hidden."""

_CONFIG = f"""\
[user]
\tname = {COMMITTER}
\temail = {ADDRESS}
[core]
\thooksPath = {os.devnull}
\tfsmonitor = false
\tfileMode = false
\tsafecrlf = false
\tcompression = 0
[commit]
\tgpgSign = false
[tag]
\tgpgSign = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
"""
_ATTRIBUTES = "* !filter -text !eol !ident !working-tree-encoding\n"
"""The commit has the bytes that lie in the folder: filters and line endings were applied when they were written."""


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
            _write(self.folder, path, rules)
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
            content, why = _read(self.folder, path)
            if why or path in self._checkout.opaque:
                outside.append(f"{path} ({why or 'no text'})")
            elif target.get(path) != content:
                inside.append(path)
                target.pop(path, None)
                if content is not None:
                    target[path] = content
        return Change(files.join(target), tuple(inside), tuple(outside))

    def _change_of_cell(self, changed: Sequence[str]) -> Change:
        content, why = _read(self.folder, TARGET)
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


@contextmanager
def workspace(
    base: str, checkout: Checkout | None = None, *, started: str = "", setup: str = "", texts: Mapping[str, str] | None = None,
    own_files: Sequence[str] = (), linked: Iterable[str] = (), mirrored: Iterable[str] = (), hidden: Sequence[str] = (),
) -> Iterator[Workspace]:  # fmt: skip
    """Make the folder for one question, and delete it at the end.

    Parameters
    ----------
    base : str
        The target that the agent starts from.
    checkout : Checkout, optional
        The user's repository; without one the study is that of a cell.
    started : str
        In a repository, the target at the study's beginning: files of it that `base` lacks are deleted.
    setup : str
        In a cell study, the setup as agents may see it.
    texts : mapping
        Our files for the agent to read: usual names to contents.
    own_files : sequence of str
        Globs of files that the agent's program leaves in its folder.
    linked, mirrored : iterable of str
        Untracked files and folders of the checkout to link; and its ``node_modules``, whose packages are linked one by one.
    hidden : sequence of str
        Globs of files that are left out.

    Raises
    ------
    UserError
        When git fails, as where the repository has been moved.
    OSError
        When the folder cannot be written, as on a full disk.
    """
    with scratch_folder("agent") as scratch:
        folder = scratch / "work"
        folder.mkdir()
        try:
            withheld: list[str] = []
            if checkout is None:
                _write(folder, TARGET, base.encode("utf-8", "surrogatepass"))
                if setup.strip():
                    _write(folder, SETUP, setup.encode("utf-8", "surrogatepass"), read_only=True)
            else:
                withheld += _check_out(checkout, scratch, folder, hidden)
                _lay_over(checkout, folder, base, started)
            there = names(git(folder, "ls-files", "--others", "-z", env=_init(folder)))
            named = _free_names(texts or {}, [*there, *(checkout.tracked if checkout else ())])
            top = checkout.folder if checkout else folder
            links = _shown(linked, hidden, top, withheld)
            excluded = [*CACHES, *own_files, *(f"/{name}" for name in (*named.values(), *links, *mirrored))]
            _commit(folder, scratch / "record", excluded, checkout)
            ignores = _ignore_files(folder, checkout)
            for name, text in (texts or {}).items():
                _write(folder, named[name], text.encode("utf-8", "backslashreplace"), read_only=True)
            if checkout is not None:
                _link(checkout, folder, links, _shown(mirrored, hidden, top, withheld))
        except GitFailed as error:
            raise UserError(f"The agent's folder cannot be made: {error}.") from None
        try:
            yield Workspace(
                folder, base, named, tuple(links), tuple(withheld), scratch / "record", checkout, tuple(own_files), ignores
            )  # fmt: skip
        finally:
            _make_deletable(folder)


def _check_out(checkout: Checkout, scratch: Path, folder: Path, hidden: Sequence[str]) -> list[str]:
    """Write all tracked files of the study's commit but the hidden ones; return the names of these."""
    top, env = checkout.folder, {"GIT_INDEX_FILE": str(scratch / "index")}
    unsplit = ("-c", "core.splitIndex=false")  # a split index would write into the user's git directory
    git(top, *unsplit, "read-tree", "--no-sparse-checkout", checkout.commit, env=env)
    absent = files.match(hidden, names(git(top, "ls-files", "-z", env=env))) if hidden else []
    if absent:
        given = "".join(f"{path}\0" for path in absent)
        git(top, *unsplit, "update-index", "-z", "--force-remove", "--stdin", given=given, env=env)
    # The folder as work tree, so that .gitattributes are those of the commit and not those that lie in the checkout now.
    git(top, *unsplit, "checkout-index", "--all", "--quiet", env={**env, "GIT_WORK_TREE": str(folder)})
    (scratch / "index").unlink()
    return absent


def _lay_over(checkout: Checkout, folder: Path, base: str, started: str) -> None:
    target = files.split(base)
    for path in files.split(started).keys() - target.keys():
        if not _through_link(folder, path):
            (folder / path).unlink(missing_ok=True)
    for path, content in target.items():
        _write(folder, path, content.encode("utf-8", "surrogatepass"))
    for path in checkout.frozen:
        place = folder / path
        if not _through_link(folder, path) and place.is_file() and not place.is_symlink():
            place.chmod(place.stat().st_mode & ~0o222)


def _init(folder: Path) -> dict[str, str]:
    """Make the agent's own repository; return the environment in which git finds no other."""
    env = {"GIT_CEILING_DIRECTORIES": str(folder.parent)}
    git(folder, "init", "--quiet", "--template=", "--initial-branch=main", env=env)
    with (folder / ".git" / "config").open("a", encoding="utf-8") as config:
        config.write(_CONFIG)
    return env


def _commit(folder: Path, record: Path, excluded: Sequence[str], checkout: Checkout | None) -> None:
    """Commit what lies in the folder, and copy what finding changes takes to another place."""
    env = {"GIT_CEILING_DIRECTORIES": str(folder.parent)}
    own = folder / ".git"
    (own / "info").mkdir(exist_ok=True)
    (own / "info" / "exclude").write_text(
        "\n".join([*_users_excludes(checkout), *excluded, ""]), "utf-8", "surrogateescape"
    )
    (own / "info" / "attributes").write_text(_ATTRIBUTES, "utf-8")
    git(folder, "add", "--all", "--force", ".", env=env)
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "The version to improve", env=env)
    record.mkdir()
    for name in ("HEAD", "config", "index"):
        shutil.copy2(own / name, record / name)
    shutil.copytree(own / "info", record / "info")
    for name in ("objects/info", "refs"):
        (record / name).mkdir(parents=True)
    # Files are compared by their hashes; of links, git may want to see the content.
    (record / "objects" / "info" / "alternates").write_text(f"{own / 'objects'}\n", "utf-8")


def _users_excludes(checkout: Checkout | None) -> list[str]:
    """Return the lines of the user's ``.git/info/exclude``."""
    if checkout is None:
        return []
    place = git(checkout.folder, "rev-parse", "--git-path", "info/exclude").removesuffix("\n")
    try:
        return (checkout.folder / place).read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []


def _ignore_files(folder: Path, checkout: Checkout | None) -> dict[str, bytes]:
    """Return the contents of the repository's own ``.gitignore`` files that are not in the scope."""
    found = {}
    for path in checkout.tracked if checkout is not None else ():
        name = path.rpartition("/")[2]
        if name == ".gitignore" and not files.match(checkout.scope if checkout else (), [path]):
            place = folder / path
            if not _through_link(folder, path) and place.is_file() and not place.is_symlink():
                found[path] = place.read_bytes()
    return found


def _free_names(texts: Mapping[str, str], taken: Iterable[str]) -> dict[str, str]:
    """Return names for our files that nothing in the folder has, also where a file system does not tell case."""
    first = {path.partition("/")[0].lower() for path in taken}
    found: dict[str, str] = {}
    for name in texts:
        free, number = name, 1
        while free.lower() in first:
            free = f"{PREFIX}{name}" if number == 1 else f"{PREFIX}{number}-{name}"
            number += 1
        found[name] = free
    return found


def _shown(linked: Iterable[str], hidden: Sequence[str], top: Path, withheld: list[str]) -> list[str]:
    """Return what may be linked; a folder with something hidden in it is withheld as a whole."""
    shown = []
    for name in (name.removeprefix("./").rstrip("/") for name in linked):
        if hidden and files.match(hidden, _paths(top, name)):
            withheld.append(name)
        else:
            shown.append(name)
    return shown


def _paths(top: Path, name: str) -> Iterator[str]:
    """Yield an untracked file or folder and what lies in it; of an environment of packages, only the folder."""
    yield name
    if (top / name).is_symlink() or name.rpartition("/")[2] in PACKAGES:
        return
    for where, _, inside in os.walk(top / name):
        yield from (str(Path(where, each).relative_to(top)) for each in inside)


def _link(checkout: Checkout, folder: Path, linked: Iterable[str], mirrored: Iterable[str]) -> None:
    for name in linked:
        original, place = checkout.folder / name, folder / name
        if original.exists() and not _through_link(folder, name) and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(original, target_is_directory=original.is_dir())
    for name in mirrored:
        if not _through_link(folder, name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            mirror(checkout.folder / name, folder / name, checkout.folder, folder)


def _through_link(folder: Path, path: str) -> bool:
    """Whether a path leads through a link to another place."""
    place = folder
    for part in path.split("/")[:-1]:
        place = place / part
        if place.is_symlink():
            return True
    return False


def _write(folder: Path, path: str, content: bytes, *, read_only: bool = False) -> None:
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


def _read(folder: Path, path: str) -> tuple[str | None, str]:
    """Return a file's text, None for one that is not there; and why it cannot be part of a target, empty where it can."""
    place = folder / path.rstrip("/")
    if path.endswith("/"):
        return None, "a repository of its own"
    if _through_link(folder, path) or not (place.exists() or place.is_symlink()):
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


def _make_deletable(folder: Path) -> None:
    """Give back the right to delete what is in folders that a program has made read-only, such as Go's module cache."""
    if folder.is_dir() and not folder.is_symlink():
        with suppress(OSError):
            folder.chmod(0o700)
    for where, folders, _ in os.walk(folder):
        for name in folders:
            place = Path(where, name)
            with suppress(OSError):
                if not place.is_symlink() and place.stat().st_mode & 0o700 != 0o700:
                    place.chmod(0o700)
