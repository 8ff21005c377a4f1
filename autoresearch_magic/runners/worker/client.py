"""The controller's side of the worker: starts it, sends it jobs, hears how they do, ends it.

Not here: what a job is; see `autoresearch_magic.runners.cell` for cells and `autoresearch_magic.runners.command` for commands.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...errors import Stopped, UserCodeError, UserError
from ...experiment import Outcome, Point
from .. import Watch
from . import server as worker

CURVE_POINTS = 2_000
"""Points of a learning curve that are kept; a longer curve is thinned to every second point as it grows."""


TICK = 0.5
"""Seconds between two signs of life that are made up of the time alone."""


class WorkerClient:
    """One worker process (see `autoresearch_magic.runners.worker.server`) and the socket to it.

    Parameters
    ----------
    config : Mapping
        What the worker is told first.
    environment : Mapping
        Its environment, and so that of every experiment.
    setup_log : Path
        Takes what the setup prints.
    on_ready : callable, optional
        Hears `mode` and `why` when the setup has run.

    Attributes
    ----------
    mode : {"", "fork", "fresh"}
        How experiments are started: as forks of the worker, or each in a process of its own; empty before the setup has run.
    why : str
        Why it is not ``fork``.
    """

    def __init__(
        self, config: Mapping[str, Any], environment: Mapping[str, str], *, setup_log: Path,
        on_ready: Callable[[str, str], object] | None = None,
    ) -> None:  # fmt: skip
        self.mode, self.why = "", ""
        self._config, self._environment = dict(config), dict(environment)
        self._setup_log, self._on_ready = setup_log, on_ready
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()  # guards what interrupt() and close() touch from other threads
        self._inbox = b""
        self._next_id = 0
        self._running: int | None = None
        self._interrupted = False
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The worker's process id while it lives."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the worker and wait until the setup has run. Called by the first `run`.

        Raises
        ------
        UserCodeError
            When the setup raises.
        Stopped
            When `interrupt` or `close` was called meanwhile.
        """
        ours, theirs = socket.socketpair()
        with self._lock:
            if self._closed or self._interrupted:
                raise Stopped
            with open(self._setup_log, "ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", worker.__name__, str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),), env=self._environment, start_new_session=True,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                )  # fmt: skip
            self._socket, self._inbox, self.mode = ours, b"", ""
        theirs.close()
        self._send(self._config)
        message = self._receive()
        if message["is"] == "setup-failed":
            self.close()
            raise setup_error(message)
        self.mode, self.why = message["mode"], message["why"]
        if self._on_ready is not None:
            self._on_ready(self.mode, self.why)

    def run(
        self, job: Mapping[str, Any], *, limit: float, memory: int, log: str, watch: Watch | None,
        tick: Callable[[float], Mapping[str, Any]] | None = None,
    ) -> tuple[dict[str, Any], list[Point]]:  # fmt: skip
        """Run one job to its end.

        Parameters
        ----------
        job : Mapping
        limit : float
            Seconds after which it is killed.
        memory : int
            Bytes it may use; 0 for no limit.
        log : str
            Path of the file that takes its output.
        watch : callable, optional
        tick : callable, optional
            Makes a sign of life of the seconds that have passed, for a job that gives none itself.

        Returns
        -------
        result : dict
            As the worker tells it: ``outcome`` and whatever else is known.
        curve : list of Point

        Raises
        ------
        Stopped
        """
        if self.pid is None:
            self.start()
        with self._lock:
            if self._interrupted:
                raise Stopped
            self._next_id += 1
            self._running = self._next_id
        began = time.monotonic()
        try:
            self._send({"do": "run", "id": self._running, "job": job, "limit": limit, "memory": memory, "log": log})
            result, curve = self._follow(watch, tick, began)
        except WorkerDied:
            if self._interrupted or self._closed:
                raise Stopped from None
            result, curve = {"outcome": Outcome.CRASH, "error": "The worker process died; it is started anew."}, []
        finally:
            with self._lock:
                self._running = None
        if self._interrupted:
            raise Stopped
        return {"seconds": time.monotonic() - began, **result}, curve

    def _follow(
        self, watch: Watch | None, tick: Callable[[float], Mapping[str, Any]] | None, began: float
    ) -> tuple[dict[str, Any], list[Point]]:
        curve: list[Point] = []
        every, count = 1, 0
        while True:
            while tick is not None and watch is not None and not self._readable(TICK):
                watch({"tick": tick(time.monotonic() - began)})
            message = self._receive()
            if message.get("id") != self._running:
                continue
            if message["is"] == "done":
                return message["result"], curve
            event = message["event"]
            if told := event.get("report"):
                if count % every == 0:
                    curve.append(Point(told["elapsed"], told["progress"], told["step"], told["values"]))
                    if len(curve) >= CURVE_POINTS:
                        curve, every = curve[::2], every * 2
                count += 1
            if watch is not None and watch(event):
                self._send({"do": "kill", "id": self._running, "why": "pruned"})

    def interrupt(self) -> None:
        """Kill the run that is under way; it and every later one raise `Stopped`. From any thread."""
        with self._lock:
            running, self._interrupted = self._running, True
        if running is not None:
            try:
                self._send({"do": "kill", "id": running, "why": "stopped"})
            except WorkerDied:
                pass
        elif self._process is not None and not self.mode:
            self.close()  # the setup is still running, and it cannot be killed apart from its worker

    def close(self) -> None:
        """End the worker and everything below it, within about a second."""
        with self._lock:
            self._closed = True
            process, connection, self._socket = self._process, self._socket, None
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits in recv
            except OSError:
                pass
            connection.close()
        if process is not None:
            try:
                process.wait(timeout=1.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _bury(self) -> None:
        """Reap a worker that died by itself, so that the next `run` starts another."""
        with self._lock:
            process, self._process = self._process, None
            connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()
        if process is not None:
            process.kill()
            process.wait()

    def _send(self, message: dict[str, Any]) -> None:
        connection = self._socket
        if connection is None:
            raise WorkerDied
        try:
            connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            raise WorkerDied from None

    def _readable(self, seconds: float) -> bool:
        connection = self._socket
        if b"\n" in self._inbox or connection is None:
            return True
        try:
            return bool(select.select([connection], [], [], seconds)[0])
        except (OSError, ValueError):  # closed meanwhile; reading says so
            return True

    def _receive(self) -> dict[str, Any]:
        connection = self._socket
        while b"\n" not in self._inbox:
            try:
                data = connection.recv(1 << 16) if connection else b""
            except OSError:
                data = b""
            if not data:
                if self._closed:
                    raise Stopped
                self._bury()
                if not self.mode:
                    raise UserError(f"The worker died while it ran the setup: see {self._setup_log}.")
                raise WorkerDied
            self._inbox += data
        line, _, self._inbox = self._inbox.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message


class WorkerDied(Exception):
    """The worker is gone; between us and `run`."""


def setup_error(message: dict[str, Any]) -> UserError:
    """Turn the worker's word of a failed setup into what the user is told."""
    if message.get("missing"):
        return UserError(missing_module(message["missing"], "setup"))
    return UserCodeError(f"The setup failed: {message['error']}", message["traceback"])


def missing_module(name: str, where: str) -> str:
    """Say which module is not installed and how to get it."""
    return f"{name} is not installed, and the {where} imports it: run  %pip install {name.partition('.')[0]}  and start again."
