"""What Python in verify and guard may import: a list of the version's modules, for `startup/sitecustomize.py`, which looks modules up by it.

Nothing is set that would break a program: no ``PYTHONSAFEPATH``, with which a script does not find its neighbours. Where the hook does not
reach, as with ``python -I`` or a Makefile that sets PYTHONPATH itself, Python imports as it always does, and the study says so.
"""

from __future__ import annotations

import functools
import hashlib
import os
import py_compile
import re
import shlex
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path, PurePosixPath

from ..source.files import is_python

FOLDER = Path(__file__).with_name("startup")
"""Goes first in PYTHONPATH."""
NAMED, STARTED = "AUTORESEARCH_IMPORTS", "AUTORESEARCH_STARTED"
"""The variables by which the hook finds the list, and the file in which each Python notes that it has it."""
_ASSIGNED = re.compile(
    r"((?:^|[;&|({`]|\b(?:env|export|do|then|else)|(?<![\w-])\w+=\S*)\s*)PYTHONPATH=(?=[^\s;&|)])(?!\"\"|'')",
    re.MULTILINE,
)
_PYTHON = re.compile(r"(^|[\s/;&|(])(python[\d.]*|pytest|py\.test|tox|nox|coverage)\b")


def modules_list(
    folder: str, files: Collection[str], digests: Mapping[str, str], *, also: Collection[str] = (), learn: bool = False
) -> bytes:
    """Return the list for the modules of a version.

    Parameters
    ----------
    folder : str
        Of the run, with links followed.
    files : collection of str
        All files of the version.
    digests : Mapping of str to str
        SHA-256 of those that must stay as they are.
    also : collection of str
        Further top-level names that may be imported from the folder: of what is linked into it, and of what the unchanged version makes.
    learn : bool
        Whether only to note which names the unchanged version imports from there although they are installed as well.
    """
    python = sorted(path for path in files if is_python(path) and "\n" not in path)
    compiled = [path for path in files if path.endswith((".pyx", ".so", ".pyd", ".c", ".rs", ".cpp"))]
    names = {part.partition(".")[0] for path in (*python, *compiled) for part in PurePosixPath(path).parts}
    names = {name for name in (*names, *also) if name.isidentifier()}
    lines = [
        folder,
        "learn" if learn else "check",
        " ".join(sorted(names)),
        *(f"{digests.get(path, '-')} {path}" for path in python),
    ]
    return os.fsencode("\n".join(lines))


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of a file's content, as the list has it."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class ImportsList:
    """A list that was written.

    Attributes
    ----------
    path : Path
    digest : str
    """

    path: Path
    digest: str

    def environment(self, environment: Mapping[str, str], started: Path) -> dict[str, str]:
        """Return a command's environment variables with those of the hook."""
        before = [environment["PYTHONPATH"]] if environment.get("PYTHONPATH") else []
        return {
            **environment, "PYTHONPATH": os.pathsep.join([str(FOLDER), *before]), NAMED: f"{self.path}:{self.digest}",
            STARTED: str(started),
        }  # fmt: skip


def with_hook(command: str) -> str:
    """Return a command in which assignments to PYTHONPATH keep the hook's folder."""
    return _ASSIGNED.sub(lambda found: f"{found[1]}PYTHONPATH={shlex.quote(str(FOLDER))}:", command)


def runs_python(command: str) -> bool:
    """Return whether a command starts Python by name."""
    return bool(_PYTHON.search(command))


@functools.cache
def _compile_hook() -> None:
    """Compile the hook, which takes a Python 6 ms that is told to write no compiled code, as those of experiments are."""
    with suppress(OSError, py_compile.PyCompileError):  # of an installed package it was compiled then
        if not Path(cache_from_source(str(FOLDER / "sitecustomize.py"))).exists():
            py_compile.compile(str(FOLDER / "sitecustomize.py"), doraise=True)


def write_list(path: Path, data: bytes) -> ImportsList:
    """Write a list where the run can read it and not write it."""
    _compile_hook()
    if not path.exists() or path.read_bytes() != data:
        path.unlink(missing_ok=True)
        path.write_bytes(data)
    return ImportsList(path, digest_of(data))
