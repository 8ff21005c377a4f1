"""The user's repository: the state that a study begins with, and the files that proposals may change.

Nothing here changes the checkout, its index, its stash or its HEAD (only `apply` does).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from ...errors import UserError
from ...source import files
from ...source.edits import imported_modules
from ...source.frozen_files import is_test, judging_files
from ...source.shadows import configures_tests, measures, needed_modules, refused_addition
from .command import GitFailed, git, names

MAX_TARGET = 4_000_000
"""Most characters that the files of a scope may have together: the journal holds the whole target of each experiment."""

MAX_SHOWN_FILE = 200_000
"""Most bytes of a file that is shown to an agent because verify or guard name it; a larger one is taken for data."""

MAX_MODULES = 20
"""Most imported modules that are shown to an agent."""

MAX_PATHS = 300
"""Most paths of the repository that an agent is told."""

_UNFINISHED = {
    "MERGE_HEAD": "merge", "rebase-merge": "rebase", "rebase-apply": "rebase", "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert", "BISECT_LOG": "bisect",
}  # fmt: skip


@dataclass(frozen=True)
class Checkout:
    """The user's repository as the study found it.

    Attributes
    ----------
    folder : Path
        Its top folder.
    commit : str
        The commit of HEAD, which the study begins with.
    branch : str
        The branch that was checked out; empty for a detached HEAD.
    scope : tuple of str
        Globs of the files that proposals may change and add.
    frozen : tuple of str
        Tracked files that proposals may not change: tests, unless the scope names them, and files that verify and guard name.
    tracked : tuple of str
        Paths of all files that git tracks.
    opaque : tuple of str
        Binary files and links in the scope: they are not part of the target, and proposals may not change them.
    """

    folder: Path
    commit: str
    branch: str
    scope: tuple[str, ...]
    frozen: tuple[str, ...]
    tracked: tuple[str, ...] = ()
    opaque: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[str, ...]:
        """The first `MAX_PATHS` tracked paths, for the agent."""
        return tuple(path for path in self.tracked if _plain(path))[:MAX_PATHS]

    def refusal(self, before: str, after: str, linked: Sequence[str] = ()) -> str:
        """Return one line that names a file the proposal may not change; empty when all its changes are allowed.

        Parameters
        ----------
        before, after : str
            The target that the proposal changes, and the proposed one.
        linked : sequence of str
            Untracked files and folders of the checkout that are linked into the folder of the runs.
        """
        old, new = files.split(before), files.split(after)
        for path in files.changed(before, after):
            if not within(path):
                return f"It writes to {path!r}, which is not a path inside the repository."
            if path in self.opaque:
                return f"It changes {path}, which is a binary file or a link: proposals cannot change it."
            if path in self.frozen:
                return (
                    f"It changes {path}, which is frozen: proposals may not change tests, nor the files that measure."
                )
            if not files.match(self.scope, [path]):
                return f"It changes {path}, which is outside the scope ({' '.join(self.scope)})."
            if frozen_by_name(path, self.scope):
                return f"It changes {path}, which looks like a test: proposals may not change tests."
            for name in (name.removeprefix("./").rstrip("/") for name in linked):
                if path == name or path.startswith(name + "/"):
                    return f"It writes to {name}, which is linked from your checkout and not part of the target."
        for path in sorted(new.keys() - old.keys() - set(self.tracked)):
            shadowed = refused_addition(path, self.tracked, self.frozen, _needed(self))
            if shadowed and not files.match([glob for glob in self.scope if files.literal(glob)], [path]):
                return f"It adds {path}, {shadowed}: proposals may not, unless --scope names that file."
        if new.keys() - old.keys():
            return self._conflict(new.keys() - old.keys(), new.keys())
        return ""

    def _conflict(self, added: Iterable[str], target: Iterable[str]) -> str:
        """Return one line that names an added file whose path needs a folder and a file of the same name."""
        ours = set(files.match(self.scope, self.tracked)) - {*self.frozen, *self.opaque}
        there = (set(self.tracked) - ours) | set(target)
        folders = {str(folder) for path in there for folder in PurePosixPath(path).parents}
        for path in added:
            if path in folders:
                return f"It writes a file {path}, but {path} is a folder."
            if above := [str(folder) for folder in PurePosixPath(path).parents if str(folder) in there]:
                return f"It writes {path}, but {above[0]} is a file."
        return ""

    def to_json(self) -> dict[str, Any]:
        """Return the attributes as JSON-ready values."""
        return {name: list(value) if isinstance(value, tuple) else str(value) for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Checkout:
        """Return the checkout that `to_json` described."""
        read: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        read["folder"] = Path(values["folder"])
        return cls(**read)


@lru_cache(maxsize=4)
def _needed(checkout: Checkout) -> frozenset[str]:
    """Return the modules that the frozen files of a checkout import, besides those of the target."""
    python = [path for path in checkout.frozen if files.is_python(path)]
    target = set(files.match(checkout.scope, checkout.tracked)) - set(checkout.frozen)
    try:
        return frozenset(needed_modules(_read(checkout.folder, python, largest=MAX_SHOWN_FILE), target))
    except UserError:  # a file has gone since the study began
        return frozenset()


def _plain(path: str) -> bool:
    """Whether a path has neither control characters nor bytes that are not UTF-8."""
    return not any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) < 0xE000 for c in path)


def within(path: str) -> bool:
    """Whether a path names a file inside the repository, in the form that git uses."""
    parts = path.split("/")
    return (
        path == path.strip()
        and "\\" not in path
        and _plain(path)
        and not any(part in ("", ".", "..") or part.lower() == ".git" for part in parts)
    )


def frozen_by_name(path: str, scope: Sequence[str]) -> bool:
    """Whether a path looks like a test, and no glob of the scope is for tests: ``tests/**`` is, ``src/**`` is not."""
    if not is_test(path):
        return False
    naming = [glob for glob in scope if not glob.startswith("!") and (is_test(glob) or is_test(glob + "/x"))]
    return not files.match(naming, [path])


def top_of(folder: Path) -> Path:
    """Return the top folder of the repository that a folder is in.

    Raises
    ------
    UserError
        When it is in none.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}: give the repository's folder with --repo FOLDER.")
    try:
        return Path(git(folder, "rev-parse", "--show-toplevel").removesuffix("\n"))
    except GitFailed as error:
        if "dubious ownership" in str(error):
            raise UserError(
                f"{folder} belongs to another user, so git does not read it: see safe.directory in  git help config."
            ) from None
        if "work tree" in str(error):
            raise UserError(
                f"{folder} is a bare repository: give the folder of a checkout with --repo FOLDER."
            ) from None
        raise UserError(
            f"{folder} is in no git repository: run  git init && git add -A && git commit -m start  there, or give --repo FOLDER."
        ) from None


def tracked_in(top: Path) -> list[str]:
    """Return the paths of the files that git tracks, relative to the repository's top."""
    return names(git(top, "ls-files", "-z"))


def open_checkout(folder: Path, scope: Sequence[str], commands: Iterable[str]) -> tuple[Checkout, str, str]:
    """Read the user's repository, without changing it.

    Parameters
    ----------
    folder : Path
        The repository's folder, or one inside it.
    scope : sequence of str
        Globs relative to its top.
    commands : iterable of str
        Verify and guard: the files that they name are frozen, unless the scope names such a file literally.

    Returns
    -------
    checkout : Checkout
    target : str
        The files of the scope as one text (`files.join`).
    measuring : str
        The files that the commands name, in the same form, and the modules that those or the target import from outside the scope:
        for the agent to read. Empty when there are none.

    Raises
    ------
    UserError
        When a study of the repository is impossible or unsafe, such as with uncommitted changes.
    """
    top = top_of(folder)
    commit, branch = head_of(top)
    check_idle(top)
    _check_clean(top, scope)
    tracked = tracked_in(top)
    literal = {glob.removeprefix("./") for glob in scope if files.literal(glob)}
    measuring = {path for command in commands for path in judging_files(command, tracked)} - literal
    matched = files.match(scope, tracked)
    by_name = {path for path in tracked if frozen_by_name(path, scope) or configures_tests(path)} - literal
    frozen = sorted(
        measuring | by_name | _measuring_imports(top, measuring, tracked, set(matched) - measuring - by_name - literal)
    )
    editable = [path for path in matched if path not in frozen]
    if not editable:
        why = f"only files that proposals may not change ({', '.join(matched[:3])})" if matched else "no tracked file"
        raise UserError(f"The scope {' '.join(scope)!r} matches {why} in {top}: change --scope.")
    target = _read(top, editable)
    if not target:
        raise UserError(f"The scope matches no text file ({listed(editable)}): change --scope.")
    if sum(map(len, target.values())) > MAX_TARGET:
        raise UserError(
            f"The scope matches more than {MAX_TARGET // 1_000_000} MB of text: narrow --scope to what experiments should change."
        )
    opaque = tuple(path for path in editable if path not in target)
    return (
        Checkout(top, commit, branch, tuple(scope), tuple(frozen), tuple(tracked), opaque),
        files.join(target),
        _measuring(top, measuring, target, tracked),
    )


def _measuring_imports(top: Path, named: Iterable[str], tracked: Sequence[str], target: set[str]) -> set[str]:
    """Return the target's modules that a bench imports and that measure by their names, unless they are all of it."""
    python = [path for path in sorted(named) if files.is_python(path)]
    imported = {
        path for path, text in _read(top, python, largest=MAX_SHOWN_FILE).items() for module in imported_modules(text)
        for path in _places(path, module) if path in target and measures(path)
    }  # fmt: skip
    return imported if target - imported else set()


def _places(path: str, module: str) -> list[str]:
    """Return where a module that a file imports may be."""
    folders = dict.fromkeys((str(PurePosixPath(path).parent), ".", "src", "lib"))
    return [
        str(PurePosixPath(folder, module.replace(".", "/") + end))
        for folder in folders
        for end in (".py", "/__init__.py")
    ]


def _measuring(top: Path, named: Iterable[str], target: Mapping[str, str], tracked: Sequence[str]) -> str:
    """Return the text of the files that the commands name, and of the modules that those or the target import.

    The evaluation may be in such a module, as in the original autoresearch's ``prepare.py``, which no command names.
    """
    first = _read(top, sorted(named), largest=MAX_SHOWN_FILE)
    there = set(tracked) - target.keys()
    imported = {
        place
        for path, content in {**target, **first}.items()
        if files.is_python(path)
        for module in imported_modules(content)
        for folder in dict.fromkeys((str(PurePosixPath(path).parent), "."))
        for end in (".py", "/__init__.py")
        if (place := str(PurePosixPath(folder, module.replace(".", "/") + end))) in there
    }
    return files.join({**_read(top, sorted(imported)[:MAX_MODULES], largest=MAX_SHOWN_FILE), **first})


def has_study(checkout: Checkout, name: str) -> bool:
    """Whether the repository has a branch or experiments of a study with this name."""
    return bool(git(checkout.folder, "for-each-ref", "--count=1", *_references(name)))


def forget_command(name: str) -> str:
    """Return the command line by which a person deletes a study's branch and the references of its experiments."""
    return f"git for-each-ref --format='delete %(refname)' {' '.join(_references(name))} | git update-ref --stdin"


def _references(name: str) -> tuple[str, str]:
    return f"refs/heads/autoresearch/{name}", f"refs/autoresearch/{name}"


def ignored_folders(top: Path) -> list[str]:
    """Return the folders of a repository that git ignores as a whole, such as ``node_modules``; none where git fails."""
    try:
        found = names(git(top, "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z"))
    except GitFailed:  # the repository has been moved, which is told when it is exported
        return []
    return [name.rstrip("/") for name in found if name.endswith("/")]


def check_links(checkout: Checkout, linked: Iterable[str]) -> None:
    """Check that files and folders to be linked into that folder exist in the repository and are not tracked.

    Raises
    ------
    UserError
        For the first that does not.
    """
    for name in linked:
        path = name.removeprefix("./").rstrip("/")
        if not within(path):
            raise UserError(f"--link {name}: give a path inside the repository, such as data or node_modules.")
        if not (checkout.folder / path).exists():
            raise UserError(f"--link {name}: there is no such file or folder in {checkout.folder}.")
        if known := [p for p in checkout.tracked if p == path or p.startswith(path + "/")]:
            raise UserError(
                f"--link {name}: git tracks {known[0]}, so runs have it already: link only untracked files."
            )


def _read(top: Path, paths: Sequence[str], largest: int = sys.maxsize) -> dict[str, str]:
    """Return the text files of at most `largest` bytes; reading stops after `MAX_TARGET` characters."""
    found: dict[str, str] = {}
    size = 0
    for path in paths:
        place = top / path
        if place.is_symlink() or not _plain(path) or size > MAX_TARGET:
            continue
        try:
            if place.stat().st_size > largest:
                continue
            found[path] = place.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue  # an image, a model
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}.") from None
        size += len(found[path])
    return found


def head_of(top: Path) -> tuple[str, str]:
    """Return the commit of HEAD and the branch that is checked out; no branch (empty) for a detached HEAD.

    Raises
    ------
    UserError
        When there is no commit yet.
    """
    try:
        commit = git(top, "rev-parse", "--verify", "HEAD^{commit}").strip()
    except GitFailed:
        raise UserError(f"{top} has no commit yet: run  git add -A && git commit -m start  there first.") from None
    try:
        return commit, git(top, "symbolic-ref", "--quiet", "--short", "HEAD").strip()
    except GitFailed:
        return commit, ""


def check_idle(top: Path) -> None:
    """Check that no git runs in a repository, no merge or the like is unfinished, and it has no submodule.

    Raises
    ------
    UserError
    """
    folder = Path(git(top, "rev-parse", "--absolute-git-dir").removesuffix("\n"))
    if (folder / "index.lock").exists():
        raise UserError(
            f"Another git is running in {top} (there is an index.lock): wait for it; if there is none, delete {folder / 'index.lock'}"
        )
    for name, what in _UNFINISHED.items():
        if (folder / name).exists():
            raise UserError(f"There is an unfinished {what} in {top}: finish or abort it first.")
    submodules = [
        line.split("\t", 1)[1] for line in git(top, "ls-files", "-s", "-z").split("\0") if line.startswith("160000 ")
    ]
    if submodules:
        raise UserError(
            f"{top} has a submodule ({submodules[0]}), which an export would lack: give the submodule's own folder as --repo, or a "
            "copy of the repository without it."
        )


def uncommitted(top: Path) -> tuple[list[str], list[str]]:
    """Return the tracked files that differ from HEAD, and the untracked files that are not ignored."""
    changed: list[str] = []
    untracked: list[str] = []
    entries = iter(names(git(top, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")))
    for entry in entries:
        (untracked if entry.startswith("??") else changed).append(entry[3:])
    return changed, untracked


def _check_clean(top: Path, scope: Sequence[str]) -> None:
    changed, untracked = uncommitted(top)
    if changed:
        raise UserError(
            f"{top} has changes that are not committed ({listed(changed)}): experiments start from the last commit, so commit or "
            "stash them first."
        )
    if new := files.match(scope, untracked):
        raise UserError(
            f"The scope matches files that git does not track ({listed(new)}): git add and commit them first."
        )


def listed(paths: Sequence[str]) -> str:
    """Return the first three paths as text, with the number of the others."""
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
