"""Make the folder in which an editing agent works for one question.

The folder is a git repository of its own with one commit, the version to improve. It shares nothing with the user's repository, neither
refs nor stash nor configuration: whatever the agent does with git, it does to a folder that is deleted after the question. Files are
taken from the user's commit by the user's git, through an index of our own, so that filters and line endings are as in a checkout.

What the agent has changed is found by `changes`; all else that it did vanishes with the folder.

Not here: a sandbox. Frozen files are read-only, which a program can undo; what counts is that they are not taken.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ...errors import UserError
from ...runners.node_modules import NAME as NODE_MODULES
from ...runners.node_modules import mirror
from ...runners.tools import VENVS
from ...source import files
from ...storage.git.checkout import Checkout
from ...storage.git.command import GitFailed, git, names
from ...storage.git.commits import ADDRESS, COMMITTER
from ...storage.scratch import scratch_folder
from .changes import SETUP, TARGET, Workspace, through_link, write_file

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
                write_file(folder, TARGET, base.encode("utf-8", "surrogatepass"))
                if setup.strip():
                    write_file(folder, SETUP, setup.encode("utf-8", "surrogatepass"), read_only=True)
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
                write_file(folder, named[name], text.encode("utf-8", "backslashreplace"), read_only=True)
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
        if not through_link(folder, path):
            (folder / path).unlink(missing_ok=True)
    for path, content in target.items():
        write_file(folder, path, content.encode("utf-8", "surrogatepass"))
    for path in checkout.frozen:
        place = folder / path
        if not through_link(folder, path) and place.is_file() and not place.is_symlink():
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
            if not through_link(folder, path) and place.is_file() and not place.is_symlink():
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
        if original.exists() and not through_link(folder, name) and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(original, target_is_directory=original.is_dir())
    for name in mirrored:
        if not through_link(folder, name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            mirror(checkout.folder / name, folder / name, checkout.folder, folder)


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
