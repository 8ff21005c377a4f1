"""A scope to suggest where a program gives none: the repository's sources, without its tests and what measures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from .files import match
from .frozen_files import is_test, judging_files

_LANGUAGES = {
    "py": "py", "ipynb": "", "js": "js jsx mjs cjs ts tsx mts", "go": "go", "rs": "rs", "c": "c cc cpp cxx h hpp cu", "java": "java kt",
    "cs": "cs", "rb": "rb", "php": "php", "swift": "swift", "scala": "scala", "jl": "jl", "r": "R r", "hs": "hs", "ex": "ex", "lua": "lua",
    "sh": "sh", "css": "css scss",
}  # fmt: skip
_LANGUAGE = {f".{ending}": name for name, endings in _LANGUAGES.items() for ending in endings.split()}
_PROGRAMS = {
    "py": r"python[\d.]*|pytest|uv|tox|nox|coverage|ruff|mypy", "js": r"node|npm|npx|yarn|pnpm|bun|jest|vitest|tsc|eslint", "go": "go",
    "rs": "cargo", "rb": "ruby|bundle|rake|rspec", "java": r"mvn|gradle|\./gradlew", "php": "php|composer|phpunit",
}  # fmt: skip
"""What a command begins with that measures sources of a language."""
_ASIDE = {
    "doc", "docs", "example", "examples", "bench", "benchmark", "benchmarks", "vendor", "third_party", "node_modules", "dist", "build",
    "migrations", "scripts", "tools", "ci",
}  # fmt: skip
"""Folders whose files are seldom what a metric is about."""
MOST = 3
"""Most globs of a suggestion; with more folders it is one glob for all."""


def suggest_scope(paths: Sequence[str], commands: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return globs for the sources that a command may be about, and the files that they would select; both may be empty.

    Parameters
    ----------
    paths : sequence of str
        The tracked files, relative to the repository's top.
    commands : iterable of str
        Verify and guard: what they name is not suggested.
    """
    commands = [*commands]
    frozen = {path for command in commands for path in judging_files(command, paths)}
    kept = [path for path in paths if _is_source(path) and path not in frozen]
    inner = [path for path in kept if not _ASIDE & {*PurePosixPath(path).parts[:-1]}]
    language = _language(inner or kept, commands)
    chosen = [path for path in inner or kept if _LANGUAGE[PurePosixPath(path).suffix] == language]
    globs: list[str] = []
    for path in chosen:
        top, suffix = PurePosixPath(path).parts[0], PurePosixPath(path).suffix
        globs.append(f"*{suffix}" if top == path else f"{top}/**/*{suffix}")
    globs = [*dict.fromkeys(globs)]
    if len(globs) > MOST:
        globs = [f"**/*{suffix}" for suffix in dict.fromkeys(PurePosixPath(path).suffix for path in chosen)]
    selected = [path for path in match(globs, paths) if path not in frozen and not is_test(path)]
    return globs, selected


def _is_source(path: str) -> bool:
    parts = PurePosixPath(path).parts
    hidden = any(part.startswith(".") for part in parts)
    return PurePosixPath(path).suffix in _LANGUAGE and not is_test(path) and not hidden and parts[-1] != "setup.py"


def _language(paths: Sequence[str], commands: Sequence[str]) -> str:
    """Return the language that the commands are about, where there are files of it; else that of the most files."""
    counts = Counter(_LANGUAGE[PurePosixPath(path).suffix] for path in paths)
    words = re.findall(r"[\w./-]+", " ".join(commands))
    for language, programs in _PROGRAMS.items():
        if counts[language] and any(re.fullmatch(programs, word) for word in words):
            return language
    return counts.most_common(1)[0][0] if counts else ""
