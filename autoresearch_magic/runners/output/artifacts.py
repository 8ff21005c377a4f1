"""Text files that a run writes (``--artifacts GLOBS``), such as a profile or the worst cases, for the next proposal.

Links are not followed, and hidden files are not read: what an agent is shown must not come from elsewhere.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ...experiment import LONGEST_ARTIFACT, MOST_ARTIFACTS
from ...keys.redact import cleaned
from ...source.files import expand_braces, literal, match
from ...text import cut_middle, printable, shorten
from .named_lines import visible_lines

LARGE = 256_000
"""Bytes from which a file is named with its size alone."""
MOST_SEEN = 50_000
"""Files that are looked at; a folder with more needs a narrower glob."""
LONGEST_PATH = 200
"""Characters of a path."""
PASSED_OVER = {".git", ".autoresearch", "node_modules", "__pycache__", ".venv"}

State = tuple[int, int, int, int]
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class ArtifactFiles:
    """The files of a folder that the globs of ``--artifacts`` select.

    Parameters
    ----------
    globs : sequence of str
        Relative to the folder; none selects nothing.
    hide : sequence of str
        Globs of files that must not be read.

    Attributes
    ----------
    problem : str
        Why some files are not among the artifacts, in one line; empty for no reason so far.
    """

    def __init__(self, globs: Sequence[str], hide: Sequence[str] = ()) -> None:
        self._globs = [glob for each in globs for glob in expand_braces(each)]
        self._hide = list(hide)
        self.problem = ""

    @property
    def any(self) -> bool:
        """Whether there are globs."""
        return bool(self._globs)

    def look(self, folder: Path) -> dict[str, State]:
        """Return the selected files with what tells a written file from one that was not touched."""
        if not self._globs:
            return {}
        found: dict[str, State] = {}
        for number, path in enumerate(self._paths(folder)):
            if number >= MOST_SEEN:
                self.problem = f"--artifacts: only the first {MOST_SEEN:,} files were looked at; a narrower glob, such as out/*.txt, sees all."
                break
            found[path] = (0, 0, 0, 0)
        chosen = set(match(self._globs, found)) - set(match(self._hide, found) if self._hide else ())
        states = ((path, _state(folder / path)) for path in sorted(chosen))
        return {path: state for path, state in states if state is not None}

    def changed(self, folder: Path, before: Mapping[str, State]) -> dict[str, str]:
        """Return what the files hold that were written since `look` returned `before`, at most `MOST_ARTIFACTS`, in the order of the globs."""
        written = [path for path, state in self.look(folder).items() if before.get(path) != state]
        excluded = [glob for glob in self._globs if glob.startswith("!")]
        ordered = [
            path for glob in self._globs if not glob.startswith("!") for path in match([glob, *excluded], written)
        ]
        chosen = list(dict.fromkeys(ordered))
        if len(chosen) > MOST_ARTIFACTS:
            self.problem = f"--artifacts: a run wrote {len(chosen):,} such files, and the first {MOST_ARTIFACTS} are kept, in the order of the globs."
        return {shorten(path, LONGEST_PATH): _content(folder / path) for path in chosen[:MOST_ARTIFACTS]}

    def _paths(self, folder: Path) -> Iterator[str]:
        """Yield the paths of the files below the folders that the globs name."""
        roots = {_root(glob) for glob in self._globs if not glob.startswith("!")}
        for root in sorted(each for each in roots if not any(each != other and _below(each, other) for other in roots)):
            if any(
                (folder / part).is_symlink() for part in (root, *map(str, Path(root).parents)) if part not in ("", ".")
            ):
                continue
            if (folder / root).is_file():
                yield root
            for place, folders, files in os.walk(folder / root):
                folders[:] = sorted(set(folders) - PASSED_OVER)
                inside = Path(place).relative_to(folder).as_posix()
                yield from (name if inside == "." else f"{inside}/{name}" for name in sorted(files))


def _root(glob: str) -> str:
    """Return the folder that a glob without its wildcards names, or the file; ``.`` for the top."""
    parts = glob.rstrip("/").split("/")
    fixed = [part for n, part in enumerate(parts) if all(map(literal, parts[: n + 1]))]
    return "/".join(fixed) or "."


def _below(path: str, folder: str) -> bool:
    return folder == "." or path.startswith(f"{folder}/")


def _state(path: Path) -> State | None:
    """Return what changes when a file is written; None for what is no regular file."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def _content(path: Path) -> str:
    """Return the text of a file, its middle cut out where it is long, or what kind of file it is with its size, in brackets."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(LARGE + 1)
    except OSError as error:
        return f"(cannot be read: {error.strerror})"
    if size > LARGE or len(data) > LARGE:
        return f"({max(size, len(data)):,} bytes, too large to be shown)"
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return f"(binary, {len(data):,} bytes)"
    shown = _CONTROL.sub("", "\n".join(visible_lines(text))).strip("\n")
    return cut_middle(cleaned(printable(shown)), LONGEST_ARTIFACT) or "(empty)"
