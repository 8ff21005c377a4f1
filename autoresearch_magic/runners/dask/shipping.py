"""What a worker needs to make a study's runner, and how it is unpacked there: `Recipe`.

A worker that sees the study's folder at the same place works with the user's files as they are. To any other one the texts are sent, with
the user's own modules that they import, or the study's commit as a bundle of git that holds the objects of that commit alone.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...source.edits import imported_modules
from ...storage.git.command import GitFailed, git
from ...storage.scratch import scratch_folder

MOST_BYTES, MOST_FILES = 2_000_000, 500
"""Bytes and files of the user's own modules that are sent."""
LARGE_HISTORY = 50_000
"""Most kB of objects of a repository of which the history is sent, where commands call git; of a larger one, one commit."""
TOKEN = "seen-by-workers"
OWN = __name__.partition(".")[0]
"""This package, which every worker has in the same state, be it the folder's own."""
REF = "refs/heads/autoresearch-study"


@dataclass(frozen=True)
class Recipe:
    """All that a worker needs to make a runner of a study.

    Attributes
    ----------
    id : str
        Of the study's present run: another start of the same study has another one.
    arguments : Mapping
        Of `CellRunner` or `CommandRunner`, but for those that a worker decides.
    default_threads, default_memory : bool
        Whether the worker decides on threads and memory of an experiment, because the user has not.
    working_folder : str
        The study's.
    folders : tuple of str
        In which the user's own modules are looked for.
    token : (str, str)
        A file of the study's folder and its content: a worker that can read it sees the same files at the same place.
    modules : Mapping of str to str
        The user's own modules, by their path below one of the folders.
    checkout : Mapping or None
        Of a repository study (`Checkout.to_json`).
    base : Mapping of str to str
        Its target at the study's beginning.
    link : tuple of str
        What is linked from the checkout.
    bundle : bytes
        The checkout's commit; empty where all workers see the checkout.
    """

    id: str
    arguments: Mapping[str, Any] = field(repr=False)
    default_threads: bool
    default_memory: bool
    working_folder: str
    folders: tuple[str, ...]
    token: tuple[str, str]
    modules: Mapping[str, str] = field(default_factory=dict, repr=False)
    checkout: Mapping[str, Any] | None = None
    base: Mapping[str, str] = field(default_factory=dict, repr=False)
    link: tuple[str, ...] = ()
    bundle: bytes = field(default=b"", repr=False)


def leave_token(folder: Path) -> tuple[str, str]:
    """Write a file by which workers recognise the study's folder; return its path and content."""
    path, token = folder.absolute() / TOKEN, secrets.token_hex(16)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(token, "utf-8")
    return str(path), token


def remove_token(token: tuple[str, str], temporary: Iterable[Path] = ()) -> None:
    """Delete the file again, and those folders that were made for it, the innermost first."""
    with suppress(OSError):
        Path(token[0]).unlink()
        for folder in temporary:
            folder.rmdir()


def sees(token: tuple[str, str]) -> bool:
    """Return whether this process sees the study's folder at the same place."""
    try:
        return Path(token[0]).read_text("utf-8") == token[1]
    except (OSError, ValueError):
        return False


# -- the user's own modules -----------------------------------------------------------------------------------------


def own_modules(sources: Iterable[str], folders: Iterable[str]) -> dict[str, str]:
    """Return the modules that sources import from the user's folders, directly or through each other.

    Parameters
    ----------
    sources : iterable of str
    folders : iterable of str
        Where modules are looked for, in this order.

    Raises
    ------
    UserError
        Where they are too large to be sent with a study.
    """
    places, found = [Path(each) for each in folders], dict[str, str]()
    left, seen = list(sources), set[str]()
    while left:
        for name in imported_modules(left.pop()):
            top = name.partition(".")[0]
            if top in seen or top == OWN:
                continue
            seen.add(top)
            for path, text in _module(top, places).items():
                found[path] = text
                left.append(text)
                if len(found) > MOST_FILES or sum(map(len, found.values())) > MOST_BYTES:
                    raise UserError(
                        f"The module {top!r} and what it imports are too large to be sent to Dask's workers: install it there, or start "
                        f"the study in a folder that the workers see at the same place."
                    )
    return found


def _module(name: str, places: Iterable[Path]) -> dict[str, str]:
    for place in places:
        with suppress(OSError, ValueError):
            if (file := place / f"{name}.py").is_file():
                return {file.name: file.read_text("utf-8")}
            if (package := place / name).is_dir():
                files = sorted(package.rglob("*.py"))[: MOST_FILES + 1]
                if files:
                    return {str(each.relative_to(place)): each.read_text("utf-8") for each in files}
    return {}


def write_modules(modules: Mapping[str, str], folder: Path) -> None:
    """Write modules below a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in modules.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")


# -- the commit of a repository -------------------------------------------------------------------------------------


def make_bundle(top: Path, commit: str, *, history: bool = False) -> bytes:
    """Return a commit of a repository as a bundle of git.

    Parameters
    ----------
    top : Path
        The user's checkout, which is only read.
    commit : str
    history : bool
        Whether to send what came before it as well, and the tags: for commands that call git. Not where that is much.

    Raises
    ------
    UserError
    """
    try:
        with scratch_folder("bundle") as scratch:
            place, file = scratch / "store", scratch / "study.bundle"
            objects = git(top, "rev-parse", "--path-format=absolute", "--git-path", "objects").removesuffix("\n")
            place.mkdir()
            git(place, "init", "--quiet", "--bare", "--template=", f"--object-format={_format(top)}", ".")
            (place / "objects" / "info").mkdir(exist_ok=True)
            (place / "objects" / "info" / "alternates").write_text(f"{objects}\n", "utf-8")
            shallow = Path(git(top, "rev-parse", "--path-format=absolute", "--git-path", "shallow").removesuffix("\n"))
            full = history and _kilobytes(top) <= LARGE_HISTORY
            if not full:
                (place / "shallow").write_text(f"{commit}\n", "ascii")
            elif shallow.is_file():
                (place / "shallow").write_text(shallow.read_text("ascii"), "ascii")
            git(place, "update-ref", REF, commit)
            refs = [REF]
            if full:
                for line in git(top, "for-each-ref", "--merged", commit, "--format=%(objectname) %(refname)", "refs/tags").splitlines():  # fmt: skip
                    name, _, ref = line.partition(" ")
                    git(place, "update-ref", ref, name)
                    refs.append(ref)
            git(place, "bundle", "create", "--quiet", str(file), *refs)
            return file.read_bytes()
    except (GitFailed, OSError) as error:
        raise UserError(f"git could not make a bundle of {top} at {commit[:10]} for Dask's workers: {error}.") from None


def _format(top: Path) -> str:
    return git(top, "rev-parse", "--show-object-format").strip()


def _kilobytes(top: Path) -> int:
    counted = dict(line.split(": ") for line in git(top, "count-objects", "-v").splitlines() if ": " in line)
    return int(counted.get("size", 0)) + int(counted.get("size-pack", 0))


def open_bundle(bundle: bytes, commit: str, folder: Path) -> None:
    """Make a repository with one checked-out commit out of a bundle.

    Parameters
    ----------
    bundle : bytes
    commit : str
    folder : Path
        Does not exist.

    Raises
    ------
    UserError
        Where git is missing or fails.
    """
    try:
        folder.mkdir(parents=True)
        file = folder.with_name(f"{folder.name}.bundle")
        file.write_bytes(bundle)
        size = {40: "sha1", 64: "sha256"}[len(commit)]
        git(folder, "init", "--quiet", "--template=", f"--object-format={size}", ".")
        # `unbundle`, which does not ask for the parents of a commit without history.
        refs = git(folder, "bundle", "unbundle", str(file)).splitlines()
        if not _has_parents(folder, commit):
            (folder / ".git" / "shallow").write_text(f"{commit}\n", "ascii")
        for line in refs:
            name, _, ref = line.partition(" ")
            if ref.startswith("refs/tags/"):
                git(folder, "update-ref", ref, name)
        git(folder, "update-ref", "--no-deref", "HEAD", commit)
        git(folder, "reset", "--quiet", "--hard", commit)
        file.unlink()
    except (GitFailed, OSError, KeyError) as error:
        raise UserError(f"The study's commit could not be unpacked on a Dask worker: {error}.") from None


def _has_parents(folder: Path, commit: str) -> bool:
    parents = [line[7:] for line in git(folder, "cat-file", "commit", commit).splitlines() if line.startswith("parent ")]  # fmt: skip
    try:
        for parent in parents:
            git(folder, "cat-file", "-e", parent)
    except GitFailed:
        return False
    return True


def digest(text: str) -> str:
    """Return a short name for a target."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
