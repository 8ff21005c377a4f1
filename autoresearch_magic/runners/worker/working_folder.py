"""The working folder of an experiment: its own, in which the entries of the notebook's folder appear as links.

What a target reads by a relative path it finds, and what it writes stays in its own folder. Small folders are folders with links
inside, so that files can be added to them; large ones are one link. Files that the target's source names are small copies, because
libraries that write in C would follow a link. For Python's own ways to write, a link is replaced at the moment it is written to
(`_Detaching`), as an overlay would do it. What lies behind a link is the user's, and the walls forbid to write to it.

Called in the experiment's process, before the walls and before the target. Not here: making and deleting the folder, and keeping what
was written (`runners.own_folder`).
"""

from __future__ import annotations

import ast
import os
import shutil
import stat
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import Any

from ...source.edits import UNPARSABLE, parse

WORK, TEMPORARY, CACHE = "work", "tmp", "cache"
"""Names of the folders inside of a run's folder: the working folder, temporary files, and caches of compiled code."""
LEFT_OUT = {
    ".autoresearch", ".git", ".hg", ".svn", ".ipynb_checkpoints", ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".netrc",
    ".pypirc", ".npmrc", ".git-credentials", "__pycache__",
}  # fmt: skip
"""Entries that an experiment does not see, besides ``.env`` and what begins with it."""
WHOLE = {"node_modules", "site-packages"}
"""Folders that appear as one link, however small."""
FEW, MANY_INSIDE, NAMED_INSIDE = 50, 200, 2_000
"""Entries of a folder up to which links to them are made, entries in all such folders, and of one that the target's source names."""
COPY, COPIES = 8 * 2**20, 32 * 2**20
"""Bytes of the largest file that is copied because the target's source names it, and of all such files."""

_CACHES = {
    "MPLCONFIGDIR": "matplotlib", "TORCHINDUCTOR_CACHE_DIR": "torchinductor", "TRITON_CACHE_DIR": "triton",
    "NUMBA_CACHE_DIR": "numba", "CUDA_CACHE_PATH": "cuda",
}  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def enter(folder: str, target: str, closed: Collection[str] = ()) -> Callable[[str], str | None]:
    """Fill a run's folder with links to the entries of the present working folder, and go there.

    Parameters
    ----------
    folder : str
        The run's folder.
    target : str
        The target's source.
    closed : collection of str
        Real paths that the walls close: no copy is made of what is there.

    Returns
    -------
    callable
        Takes the path of a file in the former working folder; returns that of the experiment's own copy of it.
    """
    base, work, temporary = os.getcwd(), os.path.join(folder, WORK), os.path.join(folder, TEMPORARY)
    for name in (work, temporary):
        os.makedirs(name, exist_ok=True)
    fill(base, work, named_in(target), apart=folder, closed=closed)
    os.chdir(work)
    os.environ.update(PWD=work, **dict.fromkeys(("TMPDIR", "TMP", "TEMP", "JOBLIB_TEMP_FOLDER"), temporary))
    tempfile.tempdir = None
    for variable, name in _CACHES.items():
        os.environ[variable] = place = os.path.join(folder, CACHE, name)
        os.makedirs(place, exist_ok=True)
    if numba := sys.modules.get("numba"):
        numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]
    detaching = _Detaching(base, work)
    sys.addaudithook(detaching)
    return detaching.own_copy


def named_in(source: str) -> set[str]:
    """Return what texts in a source may name: relative paths, and the folders above them."""
    try:
        texts = [node.value for node in ast.walk(parse(source)) if isinstance(node, ast.Constant)]
    except UNPARSABLE:
        return set()
    paths = {
        os.path.normpath(text) for text in texts if isinstance(text, str) and 0 < len(text) < 256 and "\0" not in text
    }
    return {
        os.path.join(*parts[:n])
        for parts in (path.split("/") for path in paths if not path.startswith(("/", "..")))
        for n in range(1, len(parts) + 1)
        if len(parts) < 32
    }


def fill(base: str, work: str, named: set[str], *, apart: str = "", closed: Collection[str] = ()) -> None:
    """Make a folder show the entries of another one, as links; what else is in it is removed.

    Parameters
    ----------
    base, work : str
        The folder to show, and where.
    named : set of str
        Relative paths of files that are copied where they are small, and of folders in which links are made.
    apart : str
        A path that is not shown.
    closed : collection of str
        Real paths of files and folders that are never copied.

    Raises
    ------
    OSError
    """
    inside, copied = MANY_INSIDE, 0
    hidden = os.path.realpath(apart) + "/"
    waiting = deque([""])
    while waiting:
        relative = waiting.popleft()
        place = os.path.join(work, relative)
        have = {entry.name: entry for entry in os.scandir(place)}
        for entry in _entries(os.path.join(base, relative)):
            if _left_out(entry.name) or hidden.startswith(entry.path + "/"):
                continue
            path, found = os.path.join(relative, entry.name), have.pop(entry.name, None)
            new = os.path.join(place, entry.name)
            try:
                status = entry.stat(follow_symlinks=False) if path in named else None
                folder = entry.is_dir(follow_symlinks=False)
            except OSError:  # it was deleted meanwhile
                continue
            if folder and entry.name not in WHOLE:
                count = _count(entry.path, NAMED_INSIDE if path in named else min(FEW, inside))
                if count is not None:
                    inside -= 0 if path in named else count
                    if found is None or not found.is_dir(follow_symlinks=False):
                        _remove(found)
                        os.mkdir(new)
                    waiting.append(path)
                    continue
            if status is not None and _within(entry.path, closed):
                status = None  # a link, behind which the walls stand
            if status is not None and stat.S_ISREG(status.st_mode) and status.st_size <= min(COPY, COPIES - copied):
                _remove(found)
                with suppress(OSError):  # it cannot be read
                    shutil.copy2(entry.path, new)
                    os.chmod(new, 0o600 | stat.S_IMODE(status.st_mode))
                    copied += status.st_size
                    continue
                found = None
            if found is None or not found.is_symlink() or os.readlink(new) != entry.path:
                _remove(found)
                os.symlink(entry.path, new)
        for left in have.values():
            _remove(left)


def _within(path: str, closed: Collection[str]) -> bool:
    real = os.path.realpath(path)
    return any(real == each or real.startswith(f"{each}/") for each in closed)


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(folder) as entries:
        yield from entries


def _count(folder: str, most: int) -> int | None:
    """Return how many entries a folder has; None where there are more than `most`, or it is a virtual environment."""
    count = 0
    for entry in _entries(folder):
        count += 1
        if count > most or entry.name == "pyvenv.cfg":
            return None
    return count


def _left_out(name: str) -> bool:
    return name in LEFT_OUT or name == ".env" or name.startswith(".env.")


def _remove(entry: os.DirEntry[str] | None) -> None:
    if entry is None:
        return
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path)
    else:
        os.unlink(entry.path)


class _Detaching:
    """An audit hook that replaces links by copies when Python is about to write to them."""

    def __init__(self, base: str, work: str) -> None:
        self._base, self._work = base, work
        self._busy: set[int] = set()

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING:
                self._guarded(path, truncated=bool(flags & os.O_TRUNC))
        elif event in _CHANGES:
            paths, copies = _CHANGES[event]
            for path in arguments[:paths]:
                self._guarded(path, entry=not copies)

    def own_copy(self, path: str) -> str | None:
        """Return where the experiment's own copy of a file of the user's is; None for one elsewhere. Its folder is made."""
        if not path.startswith(self._base.rstrip("/") + "/"):
            return None
        own = os.path.join(self._work, os.path.relpath(path, self._base))
        self._guarded(own, truncated=True)
        return own

    def _guarded(self, path: Any, *, truncated: bool = False, entry: bool = False) -> None:
        """Detach a path; the events of doing so are not heard."""
        thread = threading.get_ident()
        if thread in self._busy or isinstance(path, int) or path is None:
            return
        self._busy.add(thread)
        try:
            self._detach(os.path.normpath(os.path.join(os.getcwd(), os.fsdecode(path))), truncated, entry)
        except Exception:  # what is done next fails with the reason
            pass
        finally:
            self._busy.discard(thread)

    def _detach(self, path: str, truncated: bool, entry: bool) -> None:
        """Make the folders above a path this experiment's own, and unless only the `entry` changes the file itself."""
        if not path.startswith(f"{self._work}/"):
            return
        parts = os.path.relpath(path, self._work).split("/")
        for n in range(1, len(parts) + (0 if entry else 1)):
            own, users = (os.path.join(place, *parts[:n]) for place in (self._work, self._base))
            if not os.path.islink(own):
                if not os.path.lexists(own):
                    return
                continue
            if os.readlink(own) != users:
                return  # the target's own link
            if os.path.isdir(users):
                names = [entry.name for entry in _entries(users) if not _left_out(entry.name)]
                os.unlink(own)
                os.mkdir(own)
                for name in names:
                    os.symlink(os.path.join(users, name), os.path.join(own, name))
            elif n == len(parts):
                if truncated:
                    os.unlink(own)
                else:
                    copy = f"{own}.{os.getpid()}.copy"
                    shutil.copy2(users, copy)
                    os.chmod(copy, 0o600 | stat.S_IMODE(os.stat(copy).st_mode))
                    os.replace(copy, own)


_CHANGES = {
    "os.mkdir": (1, False), "os.rename": (2, False), "os.remove": (1, False), "os.rmdir": (1, False), "os.symlink": (2, False),
    "os.link": (2, False), "os.truncate": (1, True), "os.chmod": (1, True), "os.utime": (1, True), "os.chown": (1, True),
    "sqlite3.connect": (1, True),
}  # fmt: skip
"""Events that change something: how many of their arguments are paths, and whether what the path leads to changes, not only the entry."""
