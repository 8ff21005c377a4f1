"""Plain git commands through GitPython, shielded from the user's hooks and environment and from interrupts of the kernel.

What is done with them is in `commits` (a study's history), `checkout`, `apply` and `export`.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from ...errors import UserError
from .locks import SETTLED, Mark, git_works_at, mark_of

NO_GIT = "git was not found: install it (apt install git, brew install git or conda install git) and start again."
PATIENCE = 20.0
"""Seconds to wait for a lock that another git process holds."""
LEFT = 0.6
"""Seconds after which a lock that no git process holds is told, where it may not be removed."""

_OPTIONS = (
    "-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
    "-c", "commit.gpgSign=false", "-c", "advice.detachedHead=false", "-c", "core.quotePath=false",
    "-c", "diff.autoRefreshIndex=true", "-c", "core.safecrlf=false", "-c", "i18n.commitEncoding=UTF-8",
    "-c", "fastimport.unpackLimit=100",
)  # fmt: skip
_VARIABLES = {
    "LC_ALL": "C", "LANGUAGE": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true",
}  # fmt: skip
_LOCKED = re.compile(r"Unable to create '(.+?\.lock)'")


class GitFailed(Exception):
    """A git command failed; the text is its error message, in one line."""

    def __init__(self, message: str, code: int, output: str = "") -> None:
        super().__init__(message)
        self.code, self.output = code, output


class GitLocked(GitFailed):
    """A lock file that a killed git has left behind, in a repository in which nothing is removed; the text says what to do."""


def git(
    folder: Path,
    *arguments: str,
    given: str | bytes = "",
    env: Mapping[str, str] | None = None,
    stale: float | None = None,
) -> str:
    """Run a git command in a folder and return its output.

    The user's configuration applies (filters, line endings, identity); hooks do not run, and inherited ``GIT_*`` variables are
    removed. Nothing is written except what the command asks for: ``git status`` leaves the index as it is.

    Parameters
    ----------
    folder : Path
    *arguments : str
        The command and its arguments.
    given : str or bytes
        Its standard input.
    env : mapping, optional
        Additional environment variables, such as ``GIT_INDEX_FILE``.
    stale : float, optional
        Given for a repository of our own, in which a lock file that no git process holds is removed at once, and any other after so
        many seconds. By default none is ever removed, as a repository of the user requires: one that nobody holds is an error.

    Returns
    -------
    str
        Standard output; bytes that are not UTF-8 as lone surrogates (``surrogateescape``).

    Raises
    ------
    GitFailed
        When the exit status is not 0; `GitLocked` where it is for a lock that was left behind.
    UserError
        When git is not installed, or the folder does not exist.
    """
    try:
        from git import Git, GitCommandNotFound  # here, because importing it is slow and fails where there is no git
    except ModuleNotFoundError:
        raise
    except ImportError:
        raise UserError(NO_GIT) from None
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}.")
    variables = _VARIABLES | dict(env or {})
    # GitPython adds variables to the environment but cannot remove any; `env -u` can.
    unwanted = [name for name in os.environ if name.startswith("GIT_") and name not in variables]
    unset = ["env", *(word for name in unwanted for word in ("-u", name))] if unwanted else []
    # -C rather than GitPython's working folder, which falls back to the current one when the folder has disappeared.
    command = [*unset, Git.GIT_PYTHON_GIT_EXECUTABLE or "git", *_OPTIONS, "-C", str(folder), *arguments]
    began = since = time.monotonic()
    waiting_for: tuple[str, Mark | None] = "", None
    # A file as standard input, because GitPython ends a process that it feeds through a pipe when an interrupt comes.
    with tempfile.TemporaryFile() as stdin:
        stdin.write(given if isinstance(given, bytes) else given.encode("utf-8", "surrogateescape"))
        while True:
            stdin.seek(0)
            try:
                # Its own session: the kernel's interrupts go to the process group, and a git that dies leaves its locks behind.
                code, output, errors = Git().execute(
                    command, istream=stdin, env=variables, start_new_session=True, with_extended_output=True,
                    with_exceptions=False, stdout_as_string=False, strip_newline_in_stdout=False,
                )  # fmt: skip
            except GitCommandNotFound:
                raise UserError(NO_GIT) from None
            if code == 127:  # from env
                raise UserError(NO_GIT)
            text = output.decode("utf-8", "surrogateescape")
            if code == 0:
                return text
            locked, now = _LOCKED.search(errors), time.monotonic()
            if locked is None or now - began > PATIENCE:
                reason = " ".join(errors.split()) or f"exit status {code}"
                raise GitFailed(f"git {arguments[0]} failed: {reason[:400]}", code, text)
            lock = folder / locked[1]
            if (seen := (locked[1], mark_of(lock))) != waiting_for:
                waiting_for, since = seen, now
            waited = now - since
            if waited > (LEFT if stale is None else SETTLED) and not git_works_at(lock):
                if stale is None:
                    raise GitLocked(f"{lock} was left behind by a git that was killed: delete it.", code, text)
                waited = max(waited, stale + 1)
            if stale is not None and waited > stale:
                lock.unlink(missing_ok=True)
                began, waiting_for = now, ("", None)
            else:
                time.sleep(0.05)


def names(output: str) -> list[str]:
    """Return the paths of an output that ends each path with a null byte."""
    return [name for name in output.split("\0") if name]
