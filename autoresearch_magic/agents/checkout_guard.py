"""Look after the user's checkout around every program of an agent: what it changed there is restored or told, never silent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import Stopped, UserError
from ..storage.folders import hide
from ..storage.git.checkout import Checkout, top_of
from ..storage.git.command import GitFailed
from ..storage.git.watch import CheckoutWatch, Look

FOLDER = "checkout-changes"
"""The folder, beside the studies, for the changed versions of restored files."""

TOLD = "told.txt"
"""The file in it that has every line which was told."""


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
        with self._lock:
            if checkout is not None and checkout.folder != self._folder:
                self._folder, self._watch, self._tried = checkout.folder, None, False

    @contextmanager
    def around(self, wait: Callable[[float, str], object]) -> Iterator[None]:
        """Run a program inside of this; afterwards `wait` is called with 0 seconds and each line for the user."""
        problem, watch, look = "", None, None
        try:
            watch = self._opened()
            look = None if watch is None else watch.look()
        except (GitFailed, UserError, OSError) as error:
            problem = str(error)
        try:
            yield
        finally:
            self._tell(self._lines(watch, look, problem), wait)

    def _opened(self) -> CheckoutWatch | None:
        with self._lock:
            if not self._tried:
                try:
                    top = top_of(self._folder)
                except UserError:  # in no repository, as most notebooks
                    top = None
                self._watch = None if top is None else CheckoutWatch(top)
                self._tried = True
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

    def _tell(self, lines: tuple[str, ...], wait: Callable[[float, str], object]) -> None:
        if not lines:
            return
        with suppress(OSError):
            self.saved_to.mkdir(parents=True, exist_ok=True)
            hide(self.saved_to)
            with open(self.saved_to / TOLD, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.writelines(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {line}\n" for line in lines)
        stopped = None
        for line in lines:
            try:
                wait(0.0, line)
            except Stopped as error:  # the study ends, and the other lines are told all the same
                stopped = error
        if stopped is not None:
            raise stopped
