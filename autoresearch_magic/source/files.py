"""Targets that consist of several files, written as one text; and matching of paths with scope globs.

A target is a single text everywhere: agents read and write it, the journal stores it, diffs compare it. A target that consists
of files of a repository is a *bundle*: the files one after another, each below a line that names it::

    #% file src/app.py
    LIMIT = 10
    #% file src/data.json
    {"a": 1}
    #% no newline at end of file

The marker lines are comments in Python, so that a bundle of one Python file is still valid Python. A line of a file that looks
like a marker is escaped with one more ``%``. `split` returns exactly what `join` was given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest

HEAD = "#% file "
NO_NEWLINE = "#% no newline at end of file"

_HEAD_LINE = re.compile(r"^#% file (.+)$\n?", re.MULTILINE)
_NO_NEWLINE_LINE = re.compile(rf"^{NO_NEWLINE}\n", re.MULTILINE)
_MARKER_LIKE = re.compile(r"^#(%+ (?:file .+|no newline at end of file))$", re.MULTILINE)
_ESCAPED = re.compile(r"^#%(%+ (?:file .+|no newline at end of file))$", re.MULTILINE)


def is_bundle(target: str) -> bool:
    """Whether a target consists of files."""
    return target.startswith(HEAD)


def join(files: Mapping[str, str]) -> str:
    """Return files as one text.

    Parameters
    ----------
    files : Mapping[str, str]
        From paths with forward slashes to contents.
    """
    parts = []
    for path, content in sorted(files.items()):
        ending = "" if not content or content.endswith("\n") else f"\n{NO_NEWLINE}\n"
        escaped = _MARKER_LIKE.sub(r"#%\1", content)
        parts.append(f"{HEAD}{path}\n{escaped}{ending}")
    return "".join(parts)


@dataclass(frozen=True)
class Part:
    """One file of a target.

    Attributes
    ----------
    path, content : str
    start, line : int
        Where the content begins in the target: the number of characters and of lines before it.
    verbatim : bool
        Whether the content appears in the target unchanged, without escaped lines.
    """

    path: str
    content: str
    start: int
    line: int
    verbatim: bool


def split(target: str) -> dict[str, str]:
    """Return the files of a target, from paths to contents; empty when it does not consist of files."""
    return {part.path: part.content for part in parts(target)}


@lru_cache(maxsize=64)
def parts(target: str) -> tuple[Part, ...]:
    """Return the files of a target with their positions in it; of two files with the same path, the last one."""
    if not is_bundle(target):
        return ()
    found: dict[str, Part] = {}
    heads = list(_HEAD_LINE.finditer(target))
    for head, following in zip_longest(heads, heads[1:]):
        start, end = head.end(), following.start() if following else len(target)
        text = target[start:end]
        text, cut = _NO_NEWLINE_LINE.subn("", text if not text or text.endswith("\n") else text + "\n")
        content, escaped = _ESCAPED.subn(r"#\1", text.removesuffix("\n") if cut else text)
        found[head[1]] = Part(head[1], content, start, target.count("\n", 0, start), not escaped)
    return tuple(found.values())


def is_python(path: str) -> bool:
    """Whether a path is that of a Python source."""
    return path.endswith((".py", ".pyi"))


def changed(before: str, after: str) -> list[str]:
    """Return the paths of the files that differ between two targets, including added and removed ones."""
    old, new = split(before), split(after)
    return sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))


# -- scopes -------------------------------------------------------------------------------------------------------------

_WILDCARDS = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
_TOKEN = re.compile(r"\*\*/|\*\*|\[(?P<negated>[!^]?)(?P<set>.[^\]]*)\]|.", re.DOTALL)


def match(scope: Sequence[str], paths: Iterable[str]) -> list[str]:
    """Return the paths that a scope selects, sorted.

    Parameters
    ----------
    scope : sequence of str
        Globs relative to the repository: ``*`` and ``?`` match within a folder, ``**`` any number of folders, ``[abc]``
        and ``{a,b}`` as in a shell; a folder selects all files below it, and ``!`` in front of a glob excludes.
    paths : iterable of str
        Relative to the repository, with forward slashes.
    """
    globs = [glob for each in scope for glob in expand_braces(each)]
    wanted = [_glob(glob) for glob in globs if not glob.startswith("!")]
    unwanted = [_glob(glob[1:]) for glob in globs if glob.startswith("!")]
    return sorted(
        path for path in paths if any(g.match(path) for g in wanted) and not any(g.match(path) for g in unwanted)
    )


def literal(glob: str) -> bool:
    """Whether a glob has no wildcards and so names exactly one file or folder."""
    return not re.search(r"[*?\[{!]", glob)


def expand_braces(glob: str) -> Iterator[str]:
    """Yield the globs that ``{a,b}`` in a glob stands for."""
    if not (braces := re.search(r"\{([^{}]*,[^{}]*)\}", glob)):
        yield glob
        return
    for choice in braces[1].split(","):
        yield from expand_braces(glob[: braces.start()] + choice.strip() + glob[braces.end() :])


@lru_cache(maxsize=256)
def _glob(glob: str) -> re.Pattern[str]:
    glob = glob.strip().removeprefix("./").rstrip("/") or "**"
    return re.compile(rf"{_TOKEN.sub(_translate, glob)}(?:/.*)?\Z")


def _translate(token: re.Match[str]) -> str:
    if token["set"]:
        characters = re.escape(token["set"]).replace(r"\-", "-")
        return f"[{'^' if token['negated'] else ''}{characters}]"
    return _WILDCARDS.get(token[0]) or re.escape(token[0])
