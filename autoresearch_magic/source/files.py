"""Several files as one text, and which files a scope means.

A target is one text everywhere: agents read and write it, the journal keeps it, diffs are made of it. A target that is made of
files of a repository is those files below each other, each under a line that names it::

    #% file src/app.py
    LIMIT = 10
    #% file src/data.json
    {"a": 1}
    #% no newline at end of file

Such a line is a comment in Python, so that a text of one Python file still is Python. A line of a file that looks like one is
written with one more ``%``. `split` returns exactly what `join` was given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

HEAD = "#% file "
CUT = "#% no newline at end of file"

_HEAD = re.compile(r"^#% file (.+)$")
_LIKE_OURS = re.compile(r"^#%+ (?:file .+|no newline at end of file)$")


def is_bundle(target: str) -> bool:
    """Whether a target is made of files."""
    return target.startswith(HEAD)


def join(files: Mapping[str, str]) -> str:
    """Return files as one text.

    Parameters
    ----------
    files : Mapping[str, str]
        Paths with forward slashes to contents.
    """
    parts = []
    for path, content in sorted(files.items()):
        whole = not content or content.endswith("\n")
        lines = content.split("\n")[: -1 if whole else None]
        text = "".join(f"#%{line[1:]}\n" if _LIKE_OURS.match(line) else f"{line}\n" for line in lines)
        parts.append(f"{HEAD}{path}\n{text}{'' if whole else CUT + chr(10)}")
    return "".join(parts)


@dataclass(frozen=True)
class Part:
    """One file of a target.

    Attributes
    ----------
    path : str
    content : str
    start, line : int
        Where the content begins in the target: characters, and lines before it.
    plain : bool
        Whether it stands there as it is, with nothing written in another way.
    """

    path: str
    content: str
    start: int
    line: int
    plain: bool


def split(target: str) -> dict[str, str]:
    """Return the files that a target is made of, by their paths; none when it is not made of files."""
    return {part.path: part.content for part in parts(target)}


@lru_cache(maxsize=64)
def parts(target: str) -> tuple[Part, ...]:
    """Return the files that a target is made of, with their places in it; the last one of two with the same path."""
    if not is_bundle(target):
        return ()
    found: dict[str, Part] = {}
    path, at, line, begin = "", 0, 0, (0, 0)
    lines: list[str] = []
    whole, plain = True, True

    def close() -> None:
        if path:
            content = "".join(lines) if whole else "".join(lines).removesuffix("\n")
            found[path] = Part(path, content, *begin, plain)

    for each in re.findall(r"[^\n]*\n|[^\n]+", target):
        at, line = at + len(each), line + 1
        bare = each.removesuffix("\n")
        if head := _HEAD.match(bare):
            close()
            path, lines, whole, plain, begin = head[1], [], True, True, (at, line)
        elif bare == CUT:
            whole = False
        elif _LIKE_OURS.match(bare):
            plain = False
            lines.append(f"#{each[2:]}")
        else:
            lines.append(each if each.endswith("\n") else each + "\n")
    close()
    return tuple(found.values())


def is_python(path: str) -> bool:
    """Whether a path is a Python source's."""
    return path.endswith((".py", ".pyi"))


def changed(before: str, after: str) -> list[str]:
    """Return the paths of the files that differ between two targets, those that only one of them has with them."""
    old, new = split(before), split(after)
    return sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))


# -- scopes -------------------------------------------------------------------------------------------------------------


def match(scope: Sequence[str], paths: Iterable[str]) -> list[str]:
    """Return the paths that a scope means, in order.

    Parameters
    ----------
    scope : sequence of str
        Globs relative to the repository: ``*`` and ``?`` stay within a folder, ``**`` goes through any number of them,
        ``[abc]`` and ``{a,b}`` are as in a shell, a folder means all that is below it, ``!`` in front takes out.
    paths : iterable of str
        With forward slashes, relative to the repository.
    """
    wanted = [_glob(glob) for glob in scope if not glob.startswith("!")]
    unwanted = [_glob(glob[1:]) for glob in scope if glob.startswith("!")]
    return sorted(
        path for path in paths if any(g.match(path) for g in wanted) and not any(g.match(path) for g in unwanted)
    )


def literal(glob: str) -> bool:
    """Whether a glob names one file or folder and nothing else."""
    return not re.search(r"[*?\[{!]", glob)


@lru_cache(maxsize=256)
def _glob(glob: str) -> re.Pattern[str]:
    glob = glob.strip().removeprefix("./").rstrip("/") or "**"
    text, i, braces = "", 0, 0
    while i < len(glob):
        c = glob[i]
        if glob.startswith("**/", i):
            text, i = text + "(?:[^/]+/)*", i + 3
            continue
        if glob.startswith("**", i):
            text, i = text + ".*", i + 2
            continue
        end = glob.find("]", i + 2) if c == "[" else -1
        if c == "[" and end > 0:
            inside = glob[i + 1 : end]
            negated = inside[:1] in ("!", "^")
            text += f"[{'^' if negated else ''}{re.escape(inside[negated:]).replace(chr(92) + '-', '-')}]"
            i = end + 1
            continue
        if c == "{" and "}" in glob[i:]:
            text, braces = text + "(?:", braces + 1
        elif c == "}" and braces:
            text, braces = text + ")", braces - 1
        elif c == "," and braces:
            text += "|"
        else:
            text += {"*": "[^/]*", "?": "[^/]"}.get(c, re.escape(c))
        i += 1
    return re.compile(rf"{text}(?:/.*)?\Z")
