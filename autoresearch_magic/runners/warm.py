"""The controller's side of the warm worker: starts it, hands it targets, hears how they do, ends it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..budget import Budget
from ..errors import Stopped, UserCodeError, UserError
from ..experiment import Measurement, Outcome, Point
from ..metric import Metric
from . import Watch, worker
from .environment import experiment_environment

CURVE_POINTS = 2_000
"""Points of a learning curve that are kept; a longer curve is thinned to every second point as it grows."""


class WarmRunner:
    """Measures targets in forks of one warm process (see `autoresearch_magic.runners.worker`).

    Parameters
    ----------
    setup : str
        Frozen source, run once.
    target : str
        A first target: what it imports is loaded ahead.
    metric : Metric
    budget : Budget
    threads : int
        Threads of an experiment.
    memory : int
        Bytes an experiment may use; 0 for no limit.
    setup_log : Path
        Takes what the setup prints.
    seed : int
    pass_env : iterable of str
        Environment variables to let through besides the allow-list.
    mode : {"auto", "fresh"}
        ``fresh`` starts every experiment in a process of its own, setup included.
    on_ready : callable, optional
        Hears the mode that was chosen when the setup has run, ``fork`` or ``fresh``, and why where it is not fork.
    """

    def __init__(
        self,
        setup: str,
        target: str,
        metric: Metric,
        budget: Budget,
        *,
        threads: int = 1,
        memory: int = 0,
        setup_log: Path,
        seed: int = 0,
        pass_env: Iterable[str] = (),
        mode: str = "auto",
        on_ready: Callable[[str, str], object] | None = None,
    ) -> None:
        self.metric, self.budget, self.threads, self.memory = metric, budget, threads, memory
        self.mode, self.why = "", ""
        self._config = {"setup": setup, "target": target, "seed": seed, "threads": threads, "mode": mode}
        self._setup_log, self._on_ready = setup_log, on_ready
        self._environment = experiment_environment(threads=threads, seed=seed, extra=pass_env)
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
        """Start the worker and wait until the setup has run. Called by the first `measure`.

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

    def measure(
        self, target: str, *, seed: int, deadline: float, watch: Watch | None = None, log: str = os.devnull
    ) -> Measurement:
        """Run a target once; see `Runner.measure`."""
        if self.pid is None:
            self.start()
        with self._lock:
            if self._interrupted:
                raise Stopped
            self._next_id += 1
            self._running = self._next_id
        job = {
            "target": target, "seed": seed, "budget": (self.budget.amount, self.budget.unit), "threads": self.threads,
            "metric": {"name": self.metric.name, "expression": self.metric.expression},
        }  # fmt: skip
        began = time.monotonic()
        try:
            self._send({"do": "run", "id": self._running, "job": job, "limit": deadline, "memory": self.memory,
                        "log": log})  # fmt: skip
            result, curve = self._follow(watch)
        except WorkerDied:
            if self._interrupted or self._closed:
                raise Stopped from None
            result = {"outcome": Outcome.CRASH, "error": "The worker process died; it is started anew."}
            curve = []
        finally:
            with self._lock:
                self._running = None
        if self._interrupted:
            raise Stopped
        return Measurement(
            outcome=Outcome(result["outcome"]),
            value=result.get("value"),
            seed=seed,
            seconds=result.get("seconds", time.monotonic() - began),
            charged=result.get("charged", 0.0),
            evaluation=result.get("evaluation", 0.0),
            steps=result.get("steps", 0),
            memory=result.get("memory", 0.0),
            curve=tuple(curve),
            error=_with_remedy(result),
            traceback=result.get("traceback", ""),
            output=result.get("output", ""),
            names=tuple(result.get("names", ())),
        )

    def _follow(self, watch: Watch | None) -> tuple[dict[str, Any], list[Point]]:
        curve: list[Point] = []
        every, count = 1, 0
        while True:
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
        """Kill the run that is under way; it and every later `measure` raise `Stopped`. From any thread."""
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
        """Reap a worker that died by itself, so that the next `measure` starts another."""
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
    """The worker is gone; between us and `measure`."""


def setup_error(message: dict[str, Any]) -> UserError:
    """Turn the worker's word of a failed setup into what the user is told."""
    if message.get("missing"):
        return UserError(missing_module(message["missing"], "setup"))
    return UserCodeError(f"The setup failed: {message['error']}", message["traceback"])


def missing_module(name: str, where: str) -> str:
    """Say which module is not installed and how to get it."""
    return f"{name} is not installed, and the {where} imports it: run  %pip install {name.partition('.')[0]}  and start again."


def _with_remedy(result: dict[str, Any]) -> str:
    if result.get("missing_module"):
        return missing_module(result["missing_module"], "target")
    return str(result.get("error", ""))
