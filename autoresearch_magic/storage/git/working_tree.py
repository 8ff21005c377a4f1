"""The user's working tree as a version of a study's target: what differs, what is outside the scope, and putting files back.

Reading changes nothing. `put_back` is called on request alone, and overwrites no file that has changed since it was read.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import UserError
from ...source import files
from ..scratch import scratch_folder
from .checkout import Checkout, frozen_by_name, listed, top_of
from .command import GitFailed, git, names


@dataclass(frozen=True)
class WorkingTree:
    """What lies in the user's checkout, seen from a study.

    Attributes
    ----------
    target : dict[str, str]
        The files of the scope, paths to contents: tracked, new and without those that were deleted.
    outside : tuple of str
        Tracked files that the study does not change, and that differ from the commit that it began with.
    scratch : tuple of str
        Untracked files that are not part of the target.
    """

    target: dict[str, str]
    outside: tuple[str, ...] = ()
    scratch: tuple[str, ...] = ()


def read_working_tree(checkout: Checkout, base: Mapping[str, str]) -> WorkingTree:
    """Read the working tree of a study's repository.

    Parameters
    ----------
    checkout : Checkout
        As the study found it.
    base : Mapping[str, str]
        The files of the study's best version so far.

    Raises
    ------
    UserError
        When the repository is gone, or lacks the commit that the study began with, or a file of the scope cannot be a part of a target.
    """
    top = checkout.folder
    check_commit(checkout)
    tracked = names(git(top, "ls-files", "-z"))
    untracked = names(git(top, "ls-files", "-z", "--others", "--exclude-standard"))
    ours = _editable(checkout, {*tracked, *untracked, *base, *checkout.tracked})
    target = {path: text for path in sorted(ours) if (text := _read(top, path)) is not None}
    if not target:
        raise UserError(f"No file of the scope ({' '.join(checkout.scope)}) is left in {top}: a version needs one.")
    differ = _differing(top, checkout.commit)
    return WorkingTree(
        target,
        tuple(path for path in differ if path not in ours),
        tuple(path for path in untracked if path not in ours),
    )


def check_here(checkout: Checkout, folder: Path) -> None:
    """Check that a folder is inside the checkout of a study.

    Raises
    ------
    UserError
        When it is in no repository, or in another one.
    """
    top = top_of(folder)
    if top.resolve() != checkout.folder.resolve():
        raise UserError(
            f"The study changes files of {checkout.folder}, and this is {top}: work there, or choose another study (--study NAME)."
        )


def check_commit(checkout: Checkout) -> None:
    """Check that the repository is there, with the commit that the study began with.

    Raises
    ------
    UserError
    """
    if not checkout.folder.is_dir():
        raise UserError(f"The repository is no longer at {checkout.folder}.")
    try:
        git(checkout.folder, "rev-parse", "--verify", "--quiet", f"{checkout.commit}^{{commit}}")
    except GitFailed:
        raise UserError(
            f"The commit that the study began with, {checkout.commit[:10]}, is no longer in {checkout.folder}: begin another study."
        ) from None


def check_scope(checkout: Checkout, tree: WorkingTree) -> None:
    """Check that nothing but the scope has changed.

    Raises
    ------
    UserError
        One line that names the files and says what to do.
    """
    if not tree.outside:
        return
    measured = any(path in checkout.frozen for path in tree.outside)
    scope = f"outside the scope ({' '.join(checkout.scope)})"
    why = f"frozen, because they test or measure, or {scope}" if measured else scope
    if any(path in checkout.opaque for path in tree.outside):
        why = f"binary files or links, or {why}"
    old = [path for path in tree.outside if path in checkout.tracked]
    new = [path for path in tree.outside if path not in checkout.tracked]
    remedies = [f"Put back with  git checkout {checkout.commit[:10]} -- {_shown(old)}"] if old else []
    remedies += [f"Unstage with  git reset -- {_shown(new)}"] if new else []
    raise UserError(
        f"Changed since the study began, and no part of a version: {listed(tree.outside)} ({why}). {'  '.join(remedies)}"
    )


def put_back(checkout: Checkout, tried: Mapping[str, str], best: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Put the files of the best version into the working tree, where a version that was tried differs from it.

    Parameters
    ----------
    checkout : Checkout
    tried, best : Mapping[str, str]
        Paths to contents.

    Returns
    -------
    done : list of str
        The files that were put back.
    left : list of str
        Those that have changed since they were read, and were left as they are.
    """
    top = checkout.folder
    done: list[str] = []
    left: list[str] = []
    executable = {
        line.partition("\t")[2] for line in names(git(top, "ls-files", "-s", "-z")) if line.startswith("100755 ")
    }
    for path in sorted(path for path in tried.keys() | best.keys() if tried.get(path) != best.get(path)):
        try:
            now = _read(top, path)
        except UserError:
            now = ""
        if now == best.get(path):
            continue
        if now != tried.get(path):
            left.append(path)
            continue
        place = top / path
        if (content := best.get(path)) is None:
            place.unlink()
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode())
            if now is None and path in executable:
                place.chmod(place.stat().st_mode | 0o111)
        done.append(path)
    return done, left


def _differing(top: Path, commit: str) -> list[str]:
    """Return the tracked files that differ from a commit, in any way."""
    index = top / git(top, "rev-parse", "--git-path", "index").removesuffix("\n")
    with scratch_folder() as folder:  # where files were touched, diff writes the index anew: a copy of it
        copy = folder / "index"
        if index.is_file():
            shutil.copyfile(index, copy)
        env = {"GIT_INDEX_FILE": str(copy)}
        return names(git(top, "diff", "--name-only", "--no-renames", "-z", commit, "--", env=env))


def _editable(checkout: Checkout, paths: set[str]) -> set[str]:
    """Return the paths that may be part of the target."""
    refused = {*checkout.frozen, *checkout.opaque}
    return {p for p in files.match(checkout.scope, paths) if p not in refused and not frozen_by_name(p, checkout.scope)}


def _read(top: Path, path: str) -> str | None:
    """Return the text of a file; None where there is none."""
    place = top / path
    if place.is_symlink():
        raise UserError(f"{path} is a link, which a version cannot have: put a file there, or take it away.")
    if not place.is_file():
        return None
    try:
        return place.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(
            f"{path} is in the scope and is not text (UTF-8), so it cannot be part of a version: take it away, or let git ignore it."
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None


def _shown(paths: Sequence[str]) -> str:
    """Return paths as arguments of a shell command, the first eight."""
    return " ".join(map(shlex.quote, paths[:8])) + (" ..." if len(paths) > 8 else "")


def not_tried(scratch: Sequence[str]) -> str:
    """Return which untracked files were left out, in one line; empty where there are none."""
    return (
        f"Not part of the version, because they are untracked and outside the scope: {listed(scratch)}."
        if scratch
        else ""
    )
