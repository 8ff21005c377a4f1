"""Look after the user's checkout around every program of an agent: what it changed there is restored or told, never silent."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from ..errors import Stopped, UserError
from ..storage.folders import hide
from ..storage.git.checkout import Checkout, top_of
from ..storage.git.command import GitFailed
from ..storage.git.snapshot import Snapshot
from ..storage.git.watch import CheckoutWatch, Look
from ..storage.scratch import scratch_folder

FOLDER = "checkout-changes"
"""The folder, beside the studies, for the changed versions of restored files."""

TOLD = "told.txt"
"""The file in it that has every line which was told."""

UNTOLD = "untold.txt"
"""The file in it with the lines that a process which was killed could not tell; the next one does."""

_LATE = "When the study was killed: "


class CheckoutGuard:
    """Watches the repository that a study works on, or for a cell the one that the current folder is in, if any.

    Parameters
    ----------
    root : Path
        The folder that holds the studies.
    """

    def __init__(self, root: Path) -> None:
        self.saved_to = root.absolute() / FOLDER
        self._folder = Path.cwd()
        self._watch: CheckoutWatch | None = None
        self._tried = False
        self._lock = threading.Lock()

    def set_checkout(self, checkout: Checkout | None) -> None:
        """Say which repository the study works on; None leaves the one around the current folder."""
        if checkout is not None:
            self.set_folder(checkout.folder)

    def set_folder(self, folder: Path) -> None:
        """Watch the repository that a folder is in, if any."""
        with self._lock:
            if folder != self._folder:
                self._folder, self._watch, self._tried = folder, None, False

    @contextmanager
    def around(self, wait: Callable[[float, str], object]) -> Iterator[Sequence[str]]:
        """Run a program inside of this; afterwards `wait` is called with 0 seconds and each line for the user.

        Yields
        ------
        sequence of str
            The command that does the same where this process is killed meanwhile (`processes.run_program`); empty for none.
        """
        problem, watch, look = "", None, None
        with ExitStack() as stack:
            afterwards: Sequence[str] = ()
            try:
                watch = self._opened()
                if watch is not None:
                    look = watch.look()
                    afterwards = self._afterwards(watch, stack.enter_context(scratch_folder("look")))
            except (GitFailed, UserError, OSError) as error:
                problem = str(error)
            try:
                yield afterwards
            finally:
                self._tell((*self._untold(), *self._lines(watch, look, problem)), wait)

    def _afterwards(self, watch: CheckoutWatch, folder: Path) -> Sequence[str]:
        """Note what `after_kill` needs, and return the command that calls it."""
        if watch.base is None:
            return ()
        note = {"top": str(watch.top), "saved_to": str(self.saved_to), "base": watch.base.to_json()}
        (folder / "look.json").write_text(json.dumps(note), "utf-8")
        package = Path(__file__).resolve().parents[2]
        code = f"import sys; sys.path.insert(0, {str(package)!r}); from {__name__} import after_kill; after_kill(sys.argv[1])"
        return [sys.executable, "-c", code, str(folder / "look.json")]

    def _untold(self) -> Sequence[str]:
        """Return what a killed process could not tell, and forget it."""
        place = self.saved_to / UNTOLD
        try:
            taken = place.rename(place.with_name(f"{UNTOLD}.{os.getpid()}"))
            lines = taken.read_text("utf-8").splitlines()
            taken.unlink()
        except OSError:  # there is none, or another thread has taken it
            return ()
        return lines

    def _opened(self) -> CheckoutWatch | None:
        with self._lock:
            if not self._tried:
                self._tried = True  # what is wrong with the repository is told once
                if in_repository(self._folder):  # most notebooks are in none
                    self._watch = CheckoutWatch(top_of(self._folder))
            return self._watch

    def _lines(self, watch: CheckoutWatch | None, look: Look | None, problem: str) -> tuple[str, ...]:
        if watch is not None and look is not None:
            try:
                return watch.compare(look, self.saved_to)
            except (GitFailed, UserError, OSError) as error:
                problem = str(error)
        return (
            (f"Whether the agent has changed files in {self._folder} could not be checked: {problem}",)
            if problem
            else ()
        )

    def _tell(self, lines: Sequence[str], wait: Callable[[float, str], object]) -> None:
        if not lines:
            return
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        _write(self.saved_to, TOLD, [f"{now}  {line}" for line in lines])
        stopped = None
        for line in lines:
            try:
                wait(0.0, line)
            except Stopped as error:  # the study ends, and the other lines are told all the same
                stopped = error
        if stopped is not None:
            raise stopped


def in_repository(folder: Path) -> bool:
    """Return whether a folder is in the checkout of a repository, whether git can read that or not."""
    return any((place / ".git").exists() for place in (folder, *folder.parents))


def after_kill(note: str) -> None:
    """Do what `CheckoutGuard.around` does after a program, in a process of its own, as the study's was killed.

    Parameters
    ----------
    note : str
        The path of what that process had noted.
    """
    said = json.loads(Path(note).read_text("utf-8"))
    top, saved_to = Path(said["top"]), Path(said["saved_to"])
    with FileLock(
        str(Path(tempfile.gettempdir()) / f"autoresearch-{os.getuid()}-after-kill.lock")
    ):  # questions may have overlapped
        try:
            watch = CheckoutWatch(top)
            lines: Sequence[str] = watch.compare(watch.look_back(Snapshot.from_json(said["base"])), saved_to)
        except (GitFailed, UserError, OSError) as error:
            lines = [f"Whether the agent has changed files in {top} could not be checked: {error}"]
        if lines:
            _write(saved_to, UNTOLD, [f"{_LATE}{line}" for line in lines])


def _write(folder: Path, name: str, lines: Sequence[str]) -> None:
    """Add lines to a file of the folder, which git is to ignore."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        hide(folder)
        with open(folder / name, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(f"{line}\n" for line in lines)
