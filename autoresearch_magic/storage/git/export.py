"""A plain export of one commit: its files as git would check them out, without a link to the user's repository.

The user's attributes, line endings and filters apply, such as those of Git LFS. Nothing in the repository is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..scratch import scratch_folder
from .command import GitFailed, git

LARGE = 50_000
"""Most kB of objects of which all history is copied into a throw-away repository; of a larger one, one commit."""
_CALLS_GIT = re.compile(
    r"(?<![\w./-])git(?![\w-])(?!\s*\+?https?:)|\bgit-\w|setuptools[-_]scm|hatch-vcs|versioningit|dunamai|versioneer|\bpbr\b|pre-commit|"
    r"husky|lint-staged|GitPython|gitpython|pygit2|vergen|--onlyChanged|--new-from-rev|gitversion"
)
_ASKED = (
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "package.json",
    "Makefile",
    "makefile",
    "GNUmakefile",
    "justfile",
    "build.rs",
    "noxfile.py",
)


def export_commit(top: Path, commit: str, folder: Path) -> None:
    """Write the files of a commit into an empty folder.

    Parameters
    ----------
    top : Path
        The user's checkout.
    commit : str
    folder : Path

    Raises
    ------
    GitFailed
    """
    with scratch_folder("index") as scratch:
        env = {"GIT_INDEX_FILE": str(scratch / "index")}
        git(top, "-c", "core.splitIndex=false", "read-tree", "--no-sparse-checkout", commit, env=env)
        # Its own work tree, so that .gitattributes are those of the commit and not those that lie in the checkout now.
        env["GIT_WORK_TREE"] = str(folder)
        git(top, "checkout-index", "--all", "--force", "--quiet", "--ignore-skip-worktree-bits", env=env)


def calls_git(commands: Iterable[str], top: Path, named: Sequence[str], tracked: Sequence[str]) -> bool:
    """Return whether commands need a repository: they call git, or a file that they are made of does.

    Parameters
    ----------
    commands : iterable of str
    top : Path
        The user's checkout.
    named : sequence of str
        Files that the commands name, and tests.
    tracked : sequence of str
        Files that git tracks.
    """
    if any(_CALLS_GIT.search(command) for command in commands):
        return True
    there = set(tracked)
    for path in dict.fromkeys([*(path for path in _ASKED if path in there), *named[:200]]):
        try:
            place = top / path
            if place.stat().st_size < 200_000 and _CALLS_GIT.search(place.read_text("utf-8", "replace")):
                return True
        except OSError:
            continue
    return False


def make_repository(top: Path, commit: str, branch: str, folder: Path) -> None:
    """Give an exported folder a repository of its own, with the commit, its tags and no remote, no hook and no link to the user's.

    Parameters
    ----------
    top : Path
        The user's checkout.
    commit : str
    branch : str
        Its name there; empty for a detached HEAD.
    folder : Path

    Raises
    ------
    GitFailed
    """
    git(folder, "init", "--quiet", "--template=")
    source = git(top, "rev-parse", "--absolute-git-dir").removesuffix("\n")
    counted = dict(line.split(": ") for line in git(top, "count-objects", "-v").splitlines() if ": " in line)
    kilobytes = int(counted.get("size", 0)) + int(counted.get("size-pack", 0))
    few = ["--depth=1", "--no-tags"] if kilobytes > LARGE else ["--tags"]
    serve = "git -c uploadpack.allowAnySHA1InWant=true upload-pack"
    url = f"file://{source}"
    try:
        git(folder, "fetch", "--quiet", *few, f"--upload-pack={serve}", url, commit)
    except GitFailed:
        if few == ["--tags"]:
            git(folder, "fetch", "--quiet", "--depth=1", "--no-tags", f"--upload-pack={serve}", url, commit)
        else:
            raise
    (folder / ".git" / "FETCH_HEAD").unlink(missing_ok=True)
    if branch:
        git(folder, "symbolic-ref", "HEAD", f"refs/heads/{branch}")
        git(folder, "update-ref", f"refs/heads/{branch}", commit)
    else:
        git(folder, "update-ref", "--no-deref", "HEAD", commit)
    git(folder, "reset", "--quiet", "--mixed", commit)
    for name, value in (("user.name", "autoresearch"), ("user.email", "autoresearch@localhost"), ("gc.auto", "0")):
        git(folder, "config", name, value)
