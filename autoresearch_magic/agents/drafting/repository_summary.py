"""Summary of a repository in a few thousand characters, for a model that decides what to measure in it.

Files that may hold secrets, by their names, are neither listed nor read; what is shown is redacted.
"""

from __future__ import annotations

import configparser
import json
import os
import posixpath
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...keys.redact import REMOVED, cleaned
from ...source.frozen_files import MAKEFILES
from ...text import fenced

SUMMARY = 8_000
"""Limit of a summary in characters, about 2,000 tokens."""
LISTING, CONFIGURATION, README = 3_600, 2_600, 1_200
"""Limits of the summary's parts in characters."""

_LANGUAGES = {
    "Python": "py pyi pyx", "notebooks": "ipynb", "JavaScript": "js mjs cjs jsx", "TypeScript": "ts tsx mts", "Go": "go",
    "Rust": "rs", "C": "c h", "C++": "cc cpp cxx hpp", "CUDA": "cu cuh", "Java": "java", "Kotlin": "kt", "C#": "cs",
    "Ruby": "rb", "PHP": "php", "Swift": "swift", "Scala": "scala", "Julia": "jl", "R": "r", "Haskell": "hs",
    "Elixir": "ex exs", "Lua": "lua", "shell": "sh bash", "SQL": "sql", "HTML": "html", "CSS": "css scss",
}  # fmt: skip
_LANGUAGE = {ending: name for name, endings in _LANGUAGES.items() for ending in endings.split()}
_SECRET_NAME = re.compile(
    r"^\.(env|netrc|npmrc|pypirc|pgpass|git-credentials|dockercfg|aws|ssh|gnupg)|^id_(rsa|dsa|ecdsa|ed25519)"
    r"|\.(pem|key|p12|pfx|jks|keystore|kdbx|asc|gpg|ppk|env)$|credential|secret|passw",
    re.IGNORECASE,
)
_SECRET_WORDS = {"key", "keys", "apikey", "apikeys", "secret", "secrets", "credential", "credentials"}
_ALSO = re.compile(
    r"^(noxfile\.py|justfile|Taskfile\.ya?ml|\.pre-commit-config\.yaml|\.flake8|ruff\.toml|mypy\.ini|CMakeLists\.txt"
    r"|pom\.xml|build\.gradle(\.kts)?|Gemfile|mix\.exs|composer\.json|jest\.config\.\w+|vitest\.config\.\w+"
    r"|\.eslintrc.*|eslint\.config\.\w+|tsconfig\.json|uv\.lock|poetry\.lock|requirements[\w-]*\.txt|setup\.py)$"
)
_PICKED = {
    "pyproject.toml": (
        "project.name", "project.requires-python", "project.scripts", "dependency-groups", "tool.pytest", "tool.tox",
        "tool.poe.tasks", "tool.taskipy.tasks", "tool.pdm.scripts", "tool.hatch.envs",
    ),
    "package.json": ("name", "type", "packageManager", "workspaces", "scripts"),
    "Cargo.toml": ("package.name", "workspace.members", "lib", "bin", "bench", "features", "profile"),
}  # fmt: skip
"""The values of structured configuration files that the summary shows."""


def tracked_files(repo: Path) -> list[str]:
    """Return the paths of the files that git tracks, relative to the repository's root, sorted.

    Raises
    ------
    UserError
        When git is missing, the folder is not a repository, or no file is tracked.
    """
    command = ["git", "--no-optional-locks", "-C", str(repo), "ls-files", "-z"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(command, capture_output=True, check=False, env=environment)
    except OSError:
        raise UserError(
            "There is no git here: install it, as drafting a program from a goal reads a git repository."
        ) from None
    if done.returncode:
        raise UserError(
            f"{repo.resolve().name} is not a git repository: run git init, add and commit your files first."
        )
    files = sorted({name for name in done.stdout.decode("utf-8", "replace").split("\0") if name})
    if not files:
        raise UserError("Git tracks no file here: add and commit your files first.")
    return files


def looks_secret(path: str) -> bool:
    """Return whether a file may hold a secret, by the names of it and its folders; for source code by whole words only."""
    parts = path.split("/")
    words = {w for part in parts for w in re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", part).lower())}
    if posixpath.splitext(path)[1][1:].lower() in _LANGUAGE:
        return parts[-1].startswith(".env") or bool(words & _SECRET_WORDS)
    named = any(_SECRET_NAME.search(part) for part in parts) or "key" in parts[-1].lower()
    return named or bool(words & {*_SECRET_WORDS, "token", "tokens"})


_NAMED = r"[\w.-]*(?:key|token|secret|passw(?:or)?d|credential)[\w-]*"
_HIDDEN = [
    (rf"(?i)({_NAMED}[\"']?\s*(?::|=|:=)\s*[\"']?)(?![$\s{{\[])[^\s\"',}}]{{4,}}", rf"\1{REMOVED}"),
    (rf"(?i)(--{_NAMED}\s+)(?![-$\[])\S{{4,}}", rf"\1{REMOVED}"),
    (r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)", REMOVED),
    (r"(?i)(\bbearer\s+)(?!\[)\S{8,}", rf"\1{REMOVED}"),
    (r"\b(?:sk|rk|pk)-[\w-]{16,}|\b(?:gh[opusr]|npm|hf)_\w{20,}", REMOVED),
]
"""What is hidden beside the known forms of keys, with its replacement: in a summary rather too much than too little."""


def hide(text: str) -> str:
    """Return a text without terminal colours, anything that looks like a secret, and the environment's secrets."""
    text = cleaned(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text))
    for pattern, instead in _HIDDEN:
        text = re.sub(pattern, instead, text)
    return text


def summarize(repo: Path, hidden: Collection[str] = ()) -> str:
    """Return a summary of a repository: files, languages, configuration of tests and linters, the README's beginning.

    Files whose names look like secrets are neither listed nor opened; neither are links and files outside the repository.

    Parameters
    ----------
    repo : Path
    hidden : collection of str, optional
        Files that are listed and not opened.

    Returns
    -------
    str
        At most `SUMMARY` characters.

    Raises
    ------
    UserError
        See `tracked_files`.
    """
    tracked = tracked_files(repo)
    files = [file for file in tracked if not looks_secret(file) and file.isprintable()]
    left = len(tracked) - len(files)
    count = Counter(name for file in files if (name := _LANGUAGE.get(posixpath.splitext(file)[1][1:].lower())))
    languages = ", ".join(f"{name} {n}" for name, n in count.most_common(8)) or "none known"
    parts = [
        f"{len(tracked)} files are tracked{f' ({left} whose names look like secrets are not listed)' if left else ''}. "
        f"Files by language: {languages}.",
        f"## Files\n\n{_listing(files)}",
    ]
    opened = [file for file in files if file not in hidden]
    if found := _configuration(repo, opened):
        parts.append(f"## Configuration\n\n{cut(found, CONFIGURATION)}")
    readme = next((file for file in opened if re.fullmatch(r"readme(\.(md|rst|txt))?", file, re.IGNORECASE)), "")
    if readme and (text := _contents(repo, readme).strip()):
        parts.append(f"## {readme}, beginning\n\n{fenced(cut(hide(text), README), 'text')}")
    return cut("\n\n".join(parts), SUMMARY)


def _listing(files: list[str]) -> str:
    """Return the files by folder; where they do not fit, large folders are counted only, then deep ones are joined."""
    for depth in (99, 3, 2, 1):
        folders: dict[str, list[str]] = {}
        for file in files:
            folders.setdefault("/".join([*file.split("/")[:-1][:depth], ""]) or "./", []).append(file)
        lines = {folder: _counts(folder, within) for folder, within in sorted(folders.items())}
        room = LISTING - sum(len(line) + 1 for line in lines.values())
        if room < 0 and depth > 1:
            continue
        for folder, within in sorted(folders.items(), key=lambda item: (item[0] != "./", len(item[1]))):
            whole = f"{folder} {', '.join(file.removeprefix(folder) for file in within)}"
            whole = cut(whole, LISTING // 3) if folder == "./" else whole
            if len(whole) - len(lines[folder]) <= room:
                room -= len(whole) - len(lines[folder])
                lines[folder] = whole
        break
    return cut("\n".join(lines.values()), LISTING)


def _counts(folder: str, files: list[str]) -> str:
    kinds = Counter(posixpath.splitext(file)[1] or "no suffix" for file in files).most_common(3)
    return f"{folder} {len(files)} files ({', '.join(f'{kind} {n}' for kind, n in kinds)})"


def _configuration(repo: Path, files: list[str]) -> str:
    by_depth = sorted(files, key=lambda file: (file.count("/"), file))
    read = [file for file in by_depth if posixpath.basename(file) in _READERS][:10]
    shown = [f"{file}:\n{cut(hide(text), 900)}" for file in read if (text := _described(repo, file))]
    also = [file for file in by_depth if "/" not in file and _ALSO.match(file)]
    return "\n\n".join([*shown, *([f"Also there: {', '.join(also)}"] if also else [])])


def _described(repo: Path, file: str) -> str:
    try:
        return _READERS[posixpath.basename(file)](_contents(repo, file))
    except (ValueError, RecursionError, configparser.Error):
        return "(cannot be read)"


def _contents(repo: Path, file: str) -> str:
    """Return the first 200,000 bytes of a file as text; empty for a link and anything else that is not a plain file."""
    path = repo / file
    # A link could lead to any file, such as one that would not be opened under its own name.
    if path.is_symlink() or not path.is_file() or path.resolve() != repo.resolve() / file:
        return ""
    with path.open("rb") as stream:
        return stream.read(200_000).decode("utf-8", "replace")


def _tree(name: str) -> Callable[[str], str]:
    def describe(text: str) -> str:
        tree = tomllib.loads(text) if name.endswith(".toml") else json.loads(text)
        lines = []
        for path in _PICKED[name]:
            value: Any = tree
            for step in path.split("."):
                value = value.get(step) if isinstance(value, dict) else None
            if value:
                lines.append(f"{path}: {cut(json.dumps(value, ensure_ascii=False, default=str), 400)}")
        if isinstance(tree, dict) and isinstance(tools := tree.get("tool"), dict):
            lines.append(f"tools: {', '.join(tools)}")
        return "\n".join(lines)

    return describe


def _make(text: str) -> str:
    rules = re.findall(r"^([A-Za-z][\w./-]*)[ \t]*:(?!=)[^\n]*((?:\n\t[^\n]*)*)", text, re.MULTILINE)
    return "\n".join(f"{target}: {cut(recipe.strip().replace(chr(10), ';'), 160)}" for target, recipe in rules)


def _ini(text: str) -> str:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.read_string(text)
    names = [
        s for s in parser.sections() if s.startswith(("tox", "testenv", "pytest", "tool:pytest", "flake8", "mypy"))
    ]
    lines = [
        f"[{s}] {key} = {cut(' '.join((value or '').split()), 200)}" for s in names for key, value in parser[s].items()
    ]
    return "\n".join(lines)


def _go(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines() if line.startswith(("module ", "go ")))


_READERS: dict[str, Callable[[str], str]] = {
    **{name: _tree(name) for name in _PICKED},
    **dict.fromkeys(MAKEFILES, _make),
    **dict.fromkeys(("tox.ini", "pytest.ini", "setup.cfg"), _ini),
    "go.mod": _go,
}


def cut(text: str, limit: int) -> str:
    """Return a text, shortened to a number of characters."""
    return text if len(text) <= limit else text[: limit - 2].rstrip() + " …"
