"""Where the programs are that a study's commands start: what a user's own shell would find stays visible inside the walls.

A command that names ``~/envs/ml/bin/python`` needs that environment, wherever it is; and a folder on ``PATH`` was put there to be run from.
Of the first all of the program's folder is open, of the second what installations consist of beside ``bin``. Home and temporary folders
themselves never are, and what holds keys stays closed (`policy.make_tree`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

BESIDE = ("lib", "lib64", "libexec", "include", "pyvenv.cfg", "conda-meta")
"""What an installation has beside its ``bin``, without what may be the user's own."""
_BINARIES = ("bin", "sbin")
_SHARED = (".local", "usr")
"""Folders whose ``bin`` belongs to many programs: what is beside it is not one program's own."""
_WORD = re.compile(r"(?:~|/)[^\s'\"`;|&<>()$*?\[\]{}=:,]+")


def named_programs(commands: Iterable[str]) -> tuple[str, ...]:
    """Return the programs that shell commands name by an absolute path, or one in home, as they are written.

    Examples
    --------
    >>> named_programs(["FAST=1 ~/envs/ml/bin/python train.py --data /srv/a.csv", "make"])
    ('~/envs/ml/bin/python', '/srv/a.csv')
    """
    return tuple(dict.fromkeys(word for command in commands for word in _WORD.findall(command)))


def program_folders(programs: Iterable[str], broad: Collection[str]) -> Iterator[str]:
    """Yield the folders, or files, that named programs need; of words that are no programs nothing.

    Parameters
    ----------
    programs : iterable of str
        See `named_programs`.
    broad : collection of str
        Real paths of folders that are never open as a whole.
    """
    for word in programs:
        try:
            path = Path(os.path.normpath(Path(word).expanduser()))
        except RuntimeError:  # ~ of a user whom nobody knows
            continue
        if not (path.is_file() and os.access(path, os.X_OK)):
            continue
        for each in dict.fromkeys((path, *_links(path))):
            folder, above = each.parent, each.parent.parent
            if folder.name in _BINARIES and _own(above, broad):
                yield str(above)
            else:
                yield str(folder if os.path.realpath(folder) not in broad else each)


def path_folders(broad: Collection[str]) -> Iterator[str]:
    """Yield the folders on ``PATH``, and what belongs to the installations that they are of."""
    for entry in os.environ.get("PATH", "").split(os.pathsep):
        if not entry.startswith("/") or os.path.realpath(entry) in broad:
            continue
        yield entry
        folder = Path(os.path.normpath(entry))
        if folder.name in _BINARIES and _own(folder.parent, broad):
            yield from (str(folder.parent / name) for name in BESIDE)


def _own(folder: Path, broad: Collection[str]) -> bool:
    return os.path.realpath(folder) not in broad and folder.name not in _SHARED


def _links(path: Path) -> Iterator[Path]:
    """Yield where a link leads, step by step: an environment's python leads to the interpreter that it was made from."""
    for _ in range(8):
        if not path.is_symlink():
            return
        path = Path(os.path.normpath(path.parent / path.readlink()))
        yield path
