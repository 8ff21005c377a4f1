"""New branches in the user's repository: commits on top of the study's base, with nothing but objects and new references written.

Checkout, index, HEAD, stash and the branches that there are stay as they are; nothing is pushed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...errors import UserError
from .checkout import Checkout, within
from .command import GitFailed, git, names
from .commits import encode

Version = tuple[Mapping[str, str], str]
"""The files of the scope by path, and the message of the commit."""


def check_new(checkout: Checkout, branches: Sequence[str]) -> None:
    """Raise a `UserError` unless branches of these names can be made."""
    top = checkout.folder
    if not top.is_dir():
        raise UserError(f"The repository is no longer at {top}.")
    for name in branches:
        if git(top, "for-each-ref", "--count=1", f"refs/heads/{name}", f"refs/heads/{name}/").strip():
            raise UserError(
                f"There is a branch {name} already: rename it, or delete it with  git branch -D {name}  and ask again."
            )


def add_branches(
    checkout: Checkout, before: Mapping[str, str], branches: Mapping[str, Sequence[Version]]
) -> dict[str, list[str]]:
    """Make branches at the study's base, each with its commits one after another; all of them or none.

    Parameters
    ----------
    checkout : Checkout
    before : Mapping[str, str]
        The files of the scope as the study found them.
    branches : Mapping
        The versions of each branch by its name.

    Returns
    -------
    dict
        The hashes of the commits by branch.

    Raises
    ------
    UserError
        When a branch exists, git does not know the user, or the like.
    """
    check_new(checkout, [*branches])
    top, made = checkout.folder, {}
    try:
        for name, versions in branches.items():
            parent, made[name] = checkout.commit, list[str]()
            for files, message in versions:
                parent = git(top, "commit-tree", _tree(checkout, before, files), "-p", parent, given=message).strip()
                made[name].append(parent)
        lines = "".join(f"create refs/heads/{name} {commits[-1]}\n" for name, commits in made.items() if commits)
        git(top, "update-ref", "--stdin", given=lines)
    except GitFailed as error:
        if "user.email" in str(error) or "tell me who you are" in str(error):
            raise UserError(
                "git does not know who you are: run  git config user.name NAME  and  git config user.email ADDRESS  first."
            ) from None
        raise UserError(f"The branches could not be made in {top}: {error}.") from None
    return made


def _tree(checkout: Checkout, before: Mapping[str, str], files: Mapping[str, str]) -> str:
    """Write the tree of the base with other files of the scope, by an index of its own; return its hash."""
    top = checkout.folder
    with tempfile.TemporaryDirectory() as folder:
        own = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        git(top, "read-tree", checkout.commit, env=own)
        modes = {entry.partition("\t")[2]: entry[:6] for entry in names(git(top, "ls-files", "-s", "-z", env=own))}
        gone = [path for path in before if path not in files]
        lines = [f"0 {'0' * 40}\t{path}\0" for path in gone if path in modes]
        for path, text in sorted(files.items()):
            if within(path) and before.get(path) != text:
                blob = git(top, "hash-object", "-w", "--stdin", f"--path={path}", given=encode(text)).strip()
                lines.append(f"{modes.get(path, '100644')} {blob}\t{path}\0")
        git(top, "update-index", "-z", "--index-info", given="".join(lines), env=own)
        return git(top, "write-tree", env=own).strip()
