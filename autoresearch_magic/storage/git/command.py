"""The git program, run so that nobody's hooks, locks or interrupts have a say.

Not here: what is done with it (`checkout`, `records.branch`, `runners.worktree`), and the repositories of cells, which write
their objects themselves (`records.repository`).
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from ...errors import UserError

NO_GIT = "git was not found: install it (apt install git, brew install git or conda install git) and start again."
PATIENCE = 20.0
"""Seconds that a lock of another git is waited for; in a user's repository none is ever removed."""

_QUIET = (
    "-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
    "-c", "commit.gpgSign=false", "-c", "advice.detachedHead=false", "-c", "core.quotePath=false",
    "-c", "diff.autoRefreshIndex=true", "-c", "core.safecrlf=false", "-c", "i18n.commitEncoding=UTF-8",
)  # fmt: skip


class GitFailed(Exception):
    """Git said no; the text is what it said, in one line."""

    def __init__(self, message: str, code: int, output: str = "") -> None:
        super().__init__(message)
        self.code, self.output = code, output


def git(folder: Path, *arguments: str, given: str = "", env: dict[str, str] | None = None) -> str:
    """Run git in a folder of a user's repository and return what it prints.

    The user's configuration counts (filters, line endings, identity), hooks do not run, and nothing is written that was not
    asked for: ``git status`` leaves the index as it is.

    Parameters
    ----------
    folder : Path
    *arguments : str
    given : str
        For its standard input.
    env : dict, optional
        Variables besides, such as ``GIT_INDEX_FILE``.

    Raises
    ------
    GitFailed
        When its exit status is not 0.
    UserError
        When there is no git.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    kept |= {
        "LC_ALL": "C",
        "LANGUAGE": "C",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_EDITOR": "true",
    }
    began = time.monotonic()
    while True:
        # A session of its own: an interrupt of the kernel goes to its process group, and a git that dies leaves its locks.
        try:
            process = subprocess.Popen(
                ["git", *_QUIET, *arguments], cwd=folder, env=kept | (env or {}), start_new_session=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                encoding="utf-8", errors="surrogateescape",
            )  # fmt: skip
        except FileNotFoundError:
            if not folder.is_dir():
                raise UserError(f"There is no folder {folder}.") from None
            raise UserError(NO_GIT) from None
        with process:
            output, errors = process.communicate(given)
        if process.returncode == 0:
            return output
        if "Unable to create" not in errors or time.monotonic() - began > PATIENCE:
            said = " ".join(errors.split()) or f"exit status {process.returncode}"
            raise GitFailed(f"git {arguments[0]} failed: {said[:400]}", process.returncode, output)
        time.sleep(0.1)


def names(output: str) -> list[str]:
    """Return the paths of an output that ends each with a null byte."""
    return [name for name in output.split("\0") if name]
