"""The user's own repository: what a study of it begins with, and what proposals may change in it.

Nothing here changes the checkout, its index, its stash or its HEAD. Not here: how the best comes home (`apply`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ...errors import UserError
from ...source import files
from ...source.edits import imported_modules
from ...source.frozen_files import is_test, judging_files
from .command import GitFailed, git, names

MOST = 4_000_000
"""Characters that the files of a scope may have in all: each experiment is kept whole in the journal."""

READABLE = 200_000
"""Bytes of a file that verify or guard name, above which it is data and not shown to an agent."""

MODULES = 20
"""Imported modules that are shown to an agent."""

SHOWN = 300
"""Paths of the repository that an agent is told."""

_UNFINISHED = {
    "MERGE_HEAD": "merge", "rebase-merge": "rebase", "rebase-apply": "rebase", "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert", "BISECT_LOG": "bisect",
}  # fmt: skip


@dataclass(frozen=True)
class Checkout:
    """A repository as a study found it.

    Attributes
    ----------
    folder : Path
        Its top.
    commit : str
        Where HEAD was: what the study begins with.
    branch : str
        Which branch that was; empty for a detached HEAD.
    scope : tuple of str
        Globs of the files that proposals may change and add.
    frozen : tuple of str
        Tracked files that they may not: tests, unless the scope names them, and what verify and guard name.
    tracked : tuple of str
        Paths of the repository's files.
    opaque : tuple of str
        Files of the scope that are no text, or links: they are not in the target, and proposals may not write over them.
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
        """The tracked paths that an agent is told: it should know what there is, and need not know all of much."""
        return tuple(path for path in self.tracked if _plain(path))[:SHOWN]

    def refusal(self, before: str, after: str, linked: Sequence[str] = ()) -> str:
        """Say in one line which file a proposal may not change; empty when there is none.

        Parameters
        ----------
        before, after : str
            The incumbent's target and the proposed one.
        linked : sequence of str
            Untracked files and folders of the user's that are linked into the worktree.
        """
        old, new = files.split(before), files.split(after)
        for path in files.changed(before, after):
            if not within(path):
                return f"It writes to {path!r}, which is no path within the repository."
            if path in self.opaque:
                return f"It changes {path}, which is no text or a link: such files stay as they are."
            if path in self.frozen:
                return f"It changes {path}, which is frozen: tests, and what measures, are read-only to proposals."
            if not files.match(self.scope, [path]):
                return f"It changes {path}, which is outside of the scope ({' '.join(self.scope)})."
            if frozen_by_name(path, self.scope):
                return f"It changes {path}, which looks like a test: tests are read-only to proposals."
            for name in (name.removeprefix("./").rstrip("/") for name in linked):
                if path == name or path.startswith(name + "/"):
                    return f"It writes to {name}, which is linked from your checkout: it is no part of the target."
        if new.keys() - old.keys():
            return self._in_the_way(new.keys() - old.keys(), new.keys())
        return ""

    def _in_the_way(self, added: Iterable[str], target: Iterable[str]) -> str:
        """Say which file cannot be because of another; git knows no file and folder of one name."""
        ours = set(files.match(self.scope, self.tracked)) - {*self.frozen, *self.opaque}
        there = (set(self.tracked) - ours) | set(target)
        folders = {str(folder) for path in there for folder in PurePosixPath(path).parents}
        for path in added:
            if path in folders:
                return f"It writes a file {path}, and {path} is a folder."
            if above := [str(folder) for folder in PurePosixPath(path).parents if str(folder) in there]:
                return f"It writes {path}, and {above[0]} is a file."
        return ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return {
            "folder": str(self.folder), "commit": self.commit, "branch": self.branch, "scope": list(self.scope),
            "frozen": list(self.frozen), "tracked": list(self.tracked), "opaque": list(self.opaque),
        }  # fmt: skip

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Checkout:
        """Return what `to_json` wrote down."""
        return cls(
            Path(values["folder"]), values["commit"], values["branch"], tuple(values["scope"]), tuple(values["frozen"]),
            tuple(values["tracked"]), tuple(values.get("opaque", ())),
        )  # fmt: skip


def _plain(path: str) -> bool:
    """Whether a path can be written down anywhere: no control characters, no bytes that are not UTF-8."""
    return not any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) < 0xE000 for c in path)


def within(path: str) -> bool:
    """Whether a path names a file within the repository, and in the one way that git writes it."""
    parts = path.split("/")
    return (
        path == path.strip()
        and "\\" not in path
        and _plain(path)
        and not any(part in ("", ".", "..") or part.lower() == ".git" for part in parts)
    )


def frozen_by_name(path: str, scope: Sequence[str]) -> bool:
    """Whether a path is a test's, and the scope does not name tests itself: ``src/**`` means none, ``tests/**`` does."""
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
        raise UserError(f"There is no folder {folder}: give the repository's with --repo FOLDER.")
    try:
        return Path(git(folder, "rev-parse", "--show-toplevel").removesuffix("\n"))
    except GitFailed as error:
        if "dubious ownership" in str(error):
            raise UserError(
                f"{folder} belongs to another user, and git will not read it: see git's safe.directory."
            ) from None
        if "work tree" in str(error):
            raise UserError(
                f"{folder} is a bare repository: give the folder of a checkout with --repo FOLDER."
            ) from None
        raise UserError(
            f"{folder} is in no git repository: run  git init && git add -A && git commit -m start  there, or give --repo FOLDER."
        ) from None


def open_checkout(folder: Path, scope: Sequence[str], commands: Iterable[str]) -> tuple[Checkout, str, str]:
    """Look at the user's repository; nothing of it is changed.

    Parameters
    ----------
    folder : Path
        The repository's, or one within it.
    scope : sequence of str
        Globs relative to its top.
    commands : iterable of str
        Verify and guard: the files that they name are frozen, unless the scope names such a file outright.

    Returns
    -------
    checkout : Checkout
    target : str
        The files of the scope as one text (`files.join`).
    measuring : str
        The files that the commands name, likewise, and the modules that those or the target import from outside of the scope: for
        the agent to read. Empty when there are none.

    Raises
    ------
    UserError
        For whatever makes a study of it impossible or unsafe.
    """
    top = top_of(folder)
    commit, branch = head_of(top)
    check_at_rest(top)
    _check_clean(top, scope)
    tracked = names(git(top, "ls-files", "-z"))
    outright = {glob.removeprefix("./") for glob in scope if files.literal(glob)}
    measuring = {path for command in commands for path in judging_files(command, tracked)} - outright
    matched = files.match(scope, tracked)
    frozen = sorted(measuring | {path for path in tracked if frozen_by_name(path, scope)})
    editable = [path for path in matched if path not in frozen]
    if not editable:
        why = f"only files that are read-only to proposals ({', '.join(matched[:3])})" if matched else "no tracked file"
        raise UserError(f"The scope {' '.join(scope)!r} means {why} in {top}: change --scope.")
    target = _read(top, editable)
    if not target:
        raise UserError(f"The scope means no text file ({some(editable)}): change --scope.")
    if sum(map(len, target.values())) > MOST:
        raise UserError(
            f"The scope means more than {MOST // 1_000_000} MB of text: narrow --scope to what experiments should change."
        )
    opaque = tuple(path for path in editable if path not in target)
    return (
        Checkout(top, commit, branch, tuple(scope), tuple(frozen), tuple(tracked), opaque),
        files.join(target),
        _measuring(top, measuring, target, tracked),
    )


def _measuring(top: Path, named: Iterable[str], target: Mapping[str, str], tracked: Sequence[str]) -> str:
    """Return what measures, to be read: the files that the commands name, and the modules that those or the target import.

    The original's ``prepare.py`` is such a module: no command names it, and it holds the evaluation.
    """
    first = _read(top, sorted(named), leave_out=READABLE)
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
    return files.join({**_read(top, sorted(imported)[:MODULES], leave_out=READABLE), **first})


def has_study(checkout: Checkout, name: str) -> bool:
    """Whether the repository has a branch, or experiments, of a study of this name."""
    return bool(
        git(
            checkout.folder,
            "for-each-ref",
            "--count=1",
            f"refs/heads/autoresearch/{name}",
            f"refs/autoresearch/{name}/",
        )
    )


def check_links(checkout: Checkout, linked: Iterable[str]) -> None:
    """See that what is to be linked into a worktree is there, inside of the repository, and nothing that git knows.

    Raises
    ------
    UserError
        For the first that is not.
    """
    for name in linked:
        path = name.removeprefix("./").rstrip("/")
        if not within(path):
            raise UserError(f"--link {name}: give a path within the repository, such as data or node_modules.")
        if not (checkout.folder / path).exists():
            raise UserError(f"--link {name}: there is no such file or folder in {checkout.folder}.")
        if known := [p for p in checkout.tracked if p == path or p.startswith(path + "/")]:
            raise UserError(
                f"--link {name}: git knows {known[0]}, so it is there anyway: link only what git does not know."
            )


def _read(top: Path, paths: Sequence[str], leave_out: int = sys.maxsize) -> dict[str, str]:
    """Return the text files among paths; not those of more bytes than `leave_out`, and after `MOST` characters no more."""
    found: dict[str, str] = {}
    size = 0
    for path in paths:
        place = top / path
        if place.is_symlink() or not _plain(path) or size > MOST:
            continue
        try:
            if place.stat().st_size > leave_out:
                continue
            found[path] = place.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue  # an image, a model: no text to change
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}.") from None
        size += len(found[path])
    return found


def head_of(top: Path) -> tuple[str, str]:
    """Return the commit of HEAD and the branch it is on, empty where it is detached.

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


def check_at_rest(top: Path) -> None:
    """See that nobody is at work on a repository, nothing is unfinished, and no submodule is in it.

    Raises
    ------
    UserError
    """
    folder = Path(git(top, "rev-parse", "--absolute-git-dir").removesuffix("\n"))
    if (folder / "index.lock").exists():
        raise UserError(
            f"Another git is at work in {top} (there is an index.lock): wait for it; if none is, delete {folder / 'index.lock'}"
        )
    for name, what in _UNFINISHED.items():
        if (folder / name).exists():
            raise UserError(f"There is an unfinished {what} in {top}: finish or abort it first.")
    inside = [
        line.split("\t", 1)[1] for line in git(top, "ls-files", "-s", "-z").split("\0") if line.startswith("160000 ")
    ]
    if inside:
        raise UserError(
            f"{top} has a submodule ({inside[0]}), which a worktree would lack: give the submodule's own folder as --repo, or a "
            "copy of the repository without it."
        )


def dirt(top: Path) -> tuple[list[str], list[str]]:
    """Return the tracked files that differ from HEAD, and the untracked ones that are not ignored."""
    changed: list[str] = []
    untracked: list[str] = []
    entries = iter(names(git(top, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")))
    for entry in entries:
        (untracked if entry.startswith("??") else changed).append(entry[3:])
    return changed, untracked


def _check_clean(top: Path, scope: Sequence[str]) -> None:
    changed, untracked = dirt(top)
    if changed:
        raise UserError(
            f"{top} has changes that are not committed ({some(changed)}): experiments begin with the last commit, so commit or "
            "stash them first."
        )
    if new := files.match(scope, untracked):
        raise UserError(f"The scope means files that git does not know ({some(new)}): git add and commit them first.")


def some(paths: Sequence[str]) -> str:
    """Return the first few of some paths, and how many more there are."""
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
