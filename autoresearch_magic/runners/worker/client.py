"""The controller's side of the worker process: starts it, sends it jobs, follows them and ends it.

What a job contains is decided by `autoresearch_magic.runners.cell` and `autoresearch_magic.runners.command`.
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
from ..notebook_names import notebook_name_hint

SERVER = f"{__package__}.server"
"""The worker's module. It is not imported here, because only the worker needs what it imports."""
CURVE_POINTS = 2_000
"""Most points of a learning curve; every second point of a longer one is dropped as it grows."""
TICK = 0.5
"""Seconds between two progress events of a job that sends none itself."""


class WorkerClient:
    """A worker process (see `autoresearch_magic.runners.worker.server`) and the socket to it.

    Parameters
    ----------
    config : Mapping
        The first message to the worker.
    environment : Mapping
        Environment variables of the worker, and so of every experiment.
    setup_log : Path
        Log file for what the setup prints.
    on_ready : callable, optional
        Called with `mode` and `why` when the setup has run.

    Attributes
    ----------
    mode : {"", "fork", "fresh"}
        How experiments are started: as forks of the worker, or each in a new process; empty before the setup has run.
    why : str
        Why the mode is not ``fork``.
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
        self._lock = threading.Lock()  # guards what interrupt() and close() change from other threads
        self._inbox = b""
        self._next_id = 0
        self._running: int | None = None
        self._interrupted = False
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The worker's process id, None when it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the worker and wait until the setup has run. The first `run` calls this, if nobody has before.

        Raises
        ------
        UserCodeError
            When the setup raises an exception.
        Stopped
            When `interrupt` or `close` was called in the meantime.
        """
        ours, theirs = socket.socketpair()
        with self._lock:
            if self._closed or self._interrupted:
                raise Stopped
            with open(self._setup_log, "ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", SERVER, str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),), env=self._environment, start_new_session=True,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                )  # fmt: skip
            self._socket, self._inbox, self.mode = ours, b"", ""
        theirs.close()
        self._send(self._config)
        message = self._receive()
        if message["is"] == "setup-failed":
            self.close()
            if message.get("missing"):
                raise UserError(missing_module(message["missing"], "setup"))
            hint = notebook_name_hint(message["error"])
            line = f"The setup failed: {message['error']}{'. ' if hint else ''}{hint}"
            raise UserCodeError(line, "" if hint else message["traceback"])
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
            Path of the log file for its output.
        watch : callable, optional
        tick : callable, optional
            Makes a progress event from the seconds so far, for a job that sends none itself.

        Returns
        -------
        result : dict
            The worker's result: ``outcome``, and other keys where known.
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
            result, curve = (
                {"outcome": Outcome.CRASH, "error": "The worker process died; the next run starts a new one."},
                [],
            )
        finally:
            with self._lock:
                self._running = None
        if self._interrupted:
            raise Stopped
        return {"seconds": time.monotonic() - began, **result}, curve

    def _follow(
        self, watch: Watch | None, tick: Callable[[float], Mapping[str, Any]] | None, began: float
    ) -> tuple[dict[str, Any], list[Point]]:
        """Pass a job's events to `watch` until its result comes."""
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
            if report := event.get("report"):
                if count % every == 0:
                    curve.append(Point(report["elapsed"], report["progress"], report["step"], report["values"]))
                    if len(curve) >= CURVE_POINTS:
                        curve, every = curve[::2], every * 2
                count += 1
            if watch is not None and watch(event):
                self._send({"do": "kill", "id": self._running, "why": "pruned"})

    def interrupt(self) -> None:
        """Kill the current run, from any thread; it and every later one raise `Stopped`."""
        with self._lock:
            running, self._interrupted = self._running, True
        if running is not None:
            try:
                self._send({"do": "kill", "id": running, "why": "stopped"})
            except WorkerDied:
                pass
        elif self._process is not None and not self.mode:
            self.close()  # the setup is still running, which cannot be killed without its worker

    def close(self) -> None:
        """End the worker and every process below it, within about a second."""
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

    def _reap(self) -> None:
        """Clean up after a worker that has died, so that the next `run` starts another."""
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
        except (OSError, ValueError):  # closed in the meantime, which the next read reports
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
                self._reap()
                if not self.mode:
                    raise UserError(f"The worker died while it ran the setup: see {self._setup_log}.")
                raise WorkerDied
            self._inbox += data
        line, _, self._inbox = self._inbox.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message


class WorkerDied(Exception):
    """The worker process has ended unexpectedly; handled by `WorkerClient.run`."""


def missing_module(name: str, where: str) -> str:
    """Say which module is not installed and how to install it; `where` is ``"setup"`` or ``"target"``."""
    return f"{name} is not installed, and the {where} imports it: run  %pip install {name.partition('.')[0]}  and start again."
