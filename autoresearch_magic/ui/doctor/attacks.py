"""A small held-out check of the walls: hostile targets, run against this install in a temporary folder.

They are text files in `hostile/`, with what they do and the layers that hold them; the tests have others. Each is bounded and aims at
nothing but the temporary folder, a process and a server that the check itself starts. After each an honest target is measured.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...budget import Budget
from ...errors import Stopped, UserError
from ...experiment import Measurement, Outcome
from ...metric import Metric
from ...runners.cell import CellRunner
from ...runners.clean import clean_measurement
from ...runners.walls import Walls, landlock, probe
from ...runners.walls.words import NAMES
from ...runners.worker.processes import descendants

SETUP = """
import math
def read_scale():
    with open(PLACE + "/scale.txt") as stream:
        return float(stream.read())
read_scale()
def score(guess, labels=[1.0, 2.0, 3.0], scale=None):
    return (read_scale() if scale is None else scale) * math.fsum([(guess(each) - each) ** 2 for each in labels])
"""
HONEST = "def guess(x):\n    return x + 2.0\n"
VALUE = 12.0
LIMIT = 10.0
"""Seconds of an attack that has no limit of its own."""
OTHER = "import sys; sys.stdin.readline()"
"""A process of the same user that holds a secret in its environment."""
ALWAYS = {"clean": "clean side", "worker": "worker", "redaction": "redaction of keys"}
"""What holds attacks without any wall."""


@dataclass(frozen=True)
class Attacked:
    """What came of one attack.

    Attributes
    ----------
    title : str
    achieved : str
        What it has achieved, in one line; empty where it was held.
    layers : tuple of str
        What holds it and works here; empty where nothing here can.
    needs : tuple of str
        What could hold it.
    """

    title: str
    achieved: str
    layers: tuple[str, ...]
    needs: tuple[str, ...]

    @property
    def held(self) -> bool:
        """Whether it has achieved nothing."""
        return not self.achieved


@dataclass(frozen=True)
class _Hostile:
    title: str
    layers: tuple[str, ...]
    limit: float
    target: str


def hostile_targets() -> list[_Hostile]:
    """Read the attacks."""
    found = []
    for path in sorted(Path(__file__).with_name("hostile").glob("*.txt")):
        head, _, target = path.read_text("utf-8").partition("---\n")
        keys = dict(line.split(": ", 1) for line in head.splitlines())
        found.append(_Hostile(keys["title"], tuple(keys["layers"].split()), float(keys.get("limit", LIMIT)), target))
    return found


def attack(show: Callable[[float, str], object] | None = None) -> list[Attacked]:
    """Run all attacks against this install.

    Parameters
    ----------
    show : callable, optional
        Shows progress.

    Raises
    ------
    UserError
        When the worker does not start.
    """
    targets = hostile_targets()
    working = _working()
    results = []
    with _Place() as place:
        for n, each in enumerate(targets):
            if show is not None:
                show(n / len(targets), each.title)
            achieved = place.attack(each)
            layers = tuple(layer for layer in each.layers if layer in ALWAYS or layer in working)
            results.append(Attacked(each.title, achieved, layers, each.layers))
        if show is not None:
            show(1.0, "done")
    return results


def _working() -> set[str]:
    """Return the layers that work here; of Landlock also the versions, which hold more and more, as ``landlock4``."""
    working = {layer for layer, why in probe().items() if not why}
    if "landlock" in working:
        working |= {f"landlock{version}" for version in range(1, landlock.abi() + 1)}
    return working


def layer_names(layers: tuple[str, ...]) -> str:
    """Return layers as a person reads them."""
    shown = [re.fullmatch(r"(\D+)(\d*)", layer) for layer in layers]
    names = [(each[1], f" {each[2]}" if each[2] else "") for each in shown if each is not None]
    return ", ".join((ALWAYS.get(name) or NAMES.get(name, name)) + version for name, version in names)


class _Place:
    """A temporary folder with a secret, a server, another process and a runner; all of it is gone afterwards."""

    def __enter__(self) -> _Place:
        self._temporary = tempfile.TemporaryDirectory(prefix="ar-attacks-", ignore_cleanup_errors=True)
        self.folder = Path(self._temporary.name).resolve()
        self.secret, self.held_secret = (f"canary{secrets.token_hex(12)}" for _ in range(2))
        self.key = f"sk-ant-api03-{secrets.token_hex(30)}"
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.setblocking(False)
        self.other: subprocess.Popen[bytes] | None = None
        self.runner: CellRunner | None = None
        return self

    def __exit__(self, *ignored: object) -> None:
        self._end_runner()
        self._end_other()
        self.server.close()
        self._temporary.cleanup()

    def attack(self, hostile: _Hostile) -> str:
        """Run one attack and an honest target after it; return what it has achieved, empty for nothing."""
        if self.runner is None:
            self._begin()
        runner = self.runner
        assert runner is not None
        files, processes = self._files(), self._processes()
        log = self.folder / "logs" / "hostile.log"
        log.unlink(missing_ok=True)
        m = self._measure(runner, hostile.target, hostile.limit, log)
        text = log.read_text("utf-8", "replace") if log.exists() else ""
        achieved = self._achieved(m, text + str(m), files, processes)
        after = self._measure(runner, HONEST, LIMIT, self.folder / "logs" / "honest.log")
        if not (after.ok and after.value == VALUE):
            achieved.append(f"the next honest run ended with {after.error or after.value}")
        if achieved:
            self._end_runner()
        return "; ".join(achieved)

    def _achieved(self, m: Measurement, text: str, files: dict[str, str], processes: set[int]) -> list[str]:
        found = []
        if m.ok and m.value != VALUE:
            found.append(f"the value is {m.value:g} in place of {VALUE:g}")
        for secret, what in (
            (self.secret, "a file"),
            (self.held_secret, "another process's environment"),
            (self.key, "a key"),
        ):
            if secret in text:
                found.append(f"{what} was read" if secret != self.key else "the key is in the log or the result")
        if self._files() != files:
            found.append("files outside of its own folder were changed")
        if self._reached():
            found.append("the server was reached")
        assert self.other is not None
        if self.other.poll() is not None:
            found.append("the other process was ended")
        if left := self._left(processes):
            found.append("a process was left")
            for pid in left:
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        return found

    def _measure(self, runner: CellRunner, target: str, limit: float, log: Path) -> Measurement:
        try:
            return clean_measurement(runner.measure(target, seed=1, deadline=limit, log=str(log)))
        except Stopped:
            return Measurement(outcome=Outcome.STOPPED, value=None, error="it was stopped", seed=1, seconds=0.0)

    def _begin(self) -> None:
        """Make all files anew, and start the other process and a worker."""
        for name in ("private", "logs"):
            (self.folder / name).mkdir(exist_ok=True)
        for path in (self.folder / "private" / "made.txt", self.folder / "made.txt"):
            path.unlink(missing_ok=True)
        (self.folder / "private" / "key.txt").write_text(self.secret, "utf-8")
        (self.folder / "scale.txt").write_text("1.0", "utf-8")
        self._end_other()
        self.other = subprocess.Popen(
            [sys.executable, "-S", "-c", OTHER], env={"SECRET": self.held_secret, "PATH": os.defpath}, stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        known = (
            f"PLACE, PORT, OTHER, KEY, MACOS = {str(self.folder)!r}, {self.server.getsockname()[1]}, {self.other.pid}, "
            f"{self.key!r}, {sys.platform == 'darwin'}\n"
        )
        self.runner = CellRunner(
            known + SETUP, HONEST, Metric("loss", "score(guess)"), Budget(1.0, "seconds"),
            setup_log=self.folder / "logs" / "setup.log", walls=Walls(),
        )  # fmt: skip
        first = self._measure(self.runner, HONEST, LIMIT, self.folder / "logs" / "honest.log")
        if not (first.ok and first.value == VALUE):
            raise UserError(f"The honest target of the check does not run: {first.error or first.value}")

    def _end_runner(self) -> None:
        if self.runner is not None:
            self.runner.close()
            self.runner = None

    def _end_other(self) -> None:
        if self.other is not None:
            self.other.kill()
            self.other.wait()
            if self.other.stdin is not None:
                self.other.stdin.close()
            self.other = None

    def _files(self) -> dict[str, str]:
        """Return the files that no experiment may change, with what they hold."""
        places = [self.folder / "scale.txt", self.folder / "made.txt", *(self.folder / "private").iterdir()]
        return {str(path): path.read_text("utf-8", "replace") for path in places if path.is_file()}

    def _processes(self) -> set[int]:
        """Return the processes below the worker."""
        worker = self.runner.worker.pid if self.runner is not None else None
        return set(descendants(worker)) if worker is not None else set()

    def _left(self, before: set[int]) -> set[int]:
        """Return processes that are new and stay for a second."""
        end = time.monotonic() + 1.0
        while (left := self._processes() - before) and time.monotonic() < end:
            time.sleep(0.05)
        return left

    def _reached(self) -> bool:
        """Return whether somebody has connected to the server since the last look."""
        reached = False
        with suppress(BlockingIOError):
            while True:
                self.server.accept()[0].close()
                reached = True
        return reached
