"""The files that decide what is measured: tests, and the scripts and configuration files of a command.

Proposals may not change them, and a drafted scope may not include them: a change of what measures could fake the result.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

_TEST = re.compile(
    r"(^|/)(tests?|testing|__tests__|specs?|e2e)/|(^|/)(test_[^/]*|conftest|tests?)\.py$|_(test|spec)\.[a-z]+$"
    r"|[.-](test|spec)\.[cm]?[jt]sx?$|[a-z0-9]Tests?\.(java|kt|cs|swift|scala)$"
)
MAKEFILES = ("Makefile", "makefile", "GNUmakefile")
_CONFIGURATION = {
    "make": MAKEFILES,
    "pytest": ("pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml"),
    "tox": ("tox.ini", "pyproject.toml"),
    "nox": ("noxfile.py",),
    "just": ("justfile", "Justfile"),
    **dict.fromkeys(("npm", "npx", "yarn", "pnpm", "bun"), ("package.json",)),
}
"""Files that these programs read without being told to."""


def is_test(path: str) -> bool:
    """Return whether a file belongs to the tests, judging by its path."""
    return bool(_TEST.search(path))


def judging_files(command: str, files: Sequence[str], *, implied: bool = True) -> set[str]:
    """Return the files that decide what a command measures: those it names, and its programs' configuration.

    The command is split into words, not parsed as shell: names within quotes and behind ``cd`` or ``-m`` are found, names that
    the shell would assemble are not.

    Parameters
    ----------
    command : str
    files : sequence of str
        Tracked files, relative to the repository's root.
    implied : bool
        Whether to include configuration files that the command does not name.
    """
    words = [word for word in re.split(r"[\s;|&<>()'\"`=,:]+", command) if word]
    pairs = list(zip(["", *words], words, strict=False))
    bases = ["", *(word for before, word in pairs if before in ("cd", "-C", "--prefix", "--directory", "--project"))]
    names = set(words)
    for before, word in pairs:
        if before == "-m":
            module = word.replace(".", "/")
            names |= {f"{base}{module}{end}" for base in ("", "src/") for end in (".py", "/__main__.py")}
        if implied:
            names |= set(_CONFIGURATION.get(posixpath.basename(word), ()))
    return {posixpath.normpath(f"./{base}/{name}") for base in bases for name in names} & set(files)
