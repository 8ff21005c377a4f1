"""Which files decide what is measured: tests, by their names, and what a command runs or is configured by.

Proposals may not change them, and a drafted scope may not hold them: whoever may change what measures can fake the number.
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
_IMPLIED = {
    "make": MAKEFILES,
    "pytest": ("pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml"),
    "tox": ("tox.ini", "pyproject.toml"),
    "nox": ("noxfile.py",),
    "just": ("justfile", "Justfile"),
    **dict.fromkeys(("npm", "npx", "yarn", "pnpm", "bun"), ("package.json",)),
}
"""Files that programs take their orders from without being told."""


def is_test(path: str) -> bool:
    """Return whether a file belongs to the tests, by its name."""
    return bool(_TEST.search(path))


def judging_files(command: str, files: Sequence[str], *, implied: bool = True) -> set[str]:
    """Return the files that decide what a command measures: those that it names, and its programs' configuration.

    It reads words, not shell: a name within quotes, behind ``cd`` or ``-m`` counts, one that is put together does not.

    Parameters
    ----------
    command : str
    files : sequence of str
        Tracked files, from the repository's root.
    implied : bool
        Whether configuration counts that the command does not name.
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
            names |= set(_IMPLIED.get(posixpath.basename(word), ()))
    return {path for base in bases for name in names if (path := posixpath.normpath(f"./{base}/{name}"))} & set(files)
