"""The controller's side of the worker process: starts it, sends it jobs, follows them and ends it.

Every wait has an end: a worker that was stopped (SIGSTOP) or no longer answers is killed, and the next run starts another.
What a job contains is decided by `autoresearch_magic.runners.cell` and `autoresearch_magic.runners.command`.
"""

from __future__ import annotations

import json
import os
import secrets
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ...errors import Stopped, UserCodeError, UserError
from ...experiment import Outcome
from ...runs import GrowingCurve, Point
from .. import Watch
from ..notebook_names import notebook_name_hint
from ..output.log_file import clean_file
from ..walls import shield
from . import processes
from .message_token import new_token
from .protocol import KILLED, NOT_EVALUATED, SETUP_FACTOR, SETUP_LIMIT, read_message
from .sentences import ended_how, missing_module, not_in_forks, written_in_copies

SERVER = f"{__package__}.server"
"""The worker's module. It is not imported here, because only the worker needs what it imports."""
CURVE_POINTS = 2_000
"""Most points of a learning curve; every second point of a longer one is dropped as it grows."""
TICK = 0.5
"""Seconds between two progress events of a job that sends none itself, and between two looks at a silent worker."""
STOP = 1.5
"""Seconds a worker may take to kill the current run on request, before it is killed itself."""
STILL = 3.0
"""Seconds after which a worker that is stopped by a signal is killed."""
SLACK = 60.0
"""Seconds beyond all time limits after which a worker that has not reported a run's end is killed."""
SEND = 10.0
"""Seconds a worker may take to receive a message."""
SEALED_REMEDY = (
    "change that in the setup, or leave the sealed code out and keep its data from the target in another way."
)
LOSSES = 3
"""Workers that may be lost in one run; then its target is taken to end them, and the run is a crash."""
LOST = f"So it was in each of {LOSSES} attempts: what it runs ends its worker."
LONGEST_MESSAGE = 64 << 20
"""Bytes of the longest message from a worker: a result with the output of a run has a few megabytes."""
DYING = 1.0
"""Seconds that a worker whose socket is closed may take to end by itself, so that it can be told how it has ended."""
SETUP_TOLD = 5.0
"""Seconds of a setup from which on its progress is told."""


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
    on_note : callable, optional
        Called with each line of `notes`, and with what happens to the worker.

    Attributes
    ----------
    mode : {"", "fork", "fresh"}
        How experiments are started: as forks of the worker, or each in a new process; empty before the setup has run.
    why : str
        Why the mode is not ``fork``.
    walls : str
        What experiments are confined by, in one line, once the setup has run.
    folder : Path or None
        The worker's working folder at the end of the setup, which experiments see in folders of their own; None before.
    notes : tuple of str
        What the user should know about how experiments are started, a line each.
    """

    def __init__(
        self, config: Mapping[str, Any], environment: Mapping[str, str], *, setup_log: Path,
        on_note: Callable[[str], object] | None = None,
    ) -> None:  # fmt: skip
        self.mode, self.why = "", ""
        self.folder: Path | None = None
        self.notes: tuple[str, ...] = ()
        self.walls = ""
        self._token = b""
        self._shielded = False
        self._config, self._environment = dict(config), dict(environment)
        self._setup_log, self._on_note = setup_log, on_note or (lambda line: None)
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()  # guards what interrupt() and close() change from other threads
        self._sending = threading.Lock()
        self._inbox = b""
        self._next_id = 0
        self._running: int | None = None
        self._setup_seconds = 0.0
        self._interrupted = False
        self._give_up_at: float | None = None  # when the worker is killed unless it has answered
        self._still_since: float | None = None  # since when the worker has been stopped by a signal
        self._closed = self._log_told = False

    @property
    def pid(self) -> int | None:
        """The worker's process id, None when it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, watch: Watch | None = None) -> None:
        """Start the worker and wait until the setup has run. The first `run` calls this, if nobody has before.

        A worker that is killed while it runs the setup is replaced, twice at most.

        Parameters
        ----------
        watch : callable, optional
            Called with ``{"setup": seconds}`` while the setup runs.

        Raises
        ------
        UserCodeError
            When the setup raises an exception.
        Stopped
            When `interrupt` or `close` was called in the meantime.
        """
        for left in reversed(range(LOSSES)):
            try:
                return self._start(watch)
            except WorkerDied as died:
                if self._interrupted or self._closed:
                    raise Stopped from None
                if not left:
                    raise UserError(f"{died} So it was in {LOSSES} attempts: see {self._setup_log}.") from None
                self._on_note(f"{died} Another one runs it again.")

    def _start(self, watch: Watch | None) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(SEND)
        began = time.monotonic()
        with self._lock:
            if self._closed or self._interrupted:
                ours.close()
                theirs.close()
                raise Stopped
            config = dict(self._config)
            working_folder = config.pop("working_folder", None)
            with self._open_setup_log() as log, sealed_file(config) as passed:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", SERVER, str(theirs.fileno())],
                    pass_fds=(theirs.fileno(), *passed), env=self._environment, start_new_session=True,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=working_folder,
                )  # fmt: skip
            self._socket, self._inbox, self.mode = ours, b"", ""
            self._give_up_at = self._still_since = None
        theirs.close()
        self._token = new_token()
        self._send(config, first=self._token)
        message = self._receive(lambda: self._tell_setup(watch, began))
        clean_file(self._setup_log)
        if message["is"] == "refused":
            self._reap()
            raise UserError(message["error"])
        if message["is"] == "setup-failed":
            self._reap()  # not closed: whoever calls `run` again tries the setup again
            if message.get("missing"):
                raise UserError(missing_module(message["missing"], "setup"))
            line = f"The setup failed: {message['error']}"
            if hint := notebook_name_hint(message["error"]):
                raise UserError(f"{line}. {hint}")
            raise UserCodeError(line, message["traceback"])
        if self._config.get("sealed") and message["mode"] != "fork":
            self._reap()
            raise UserError(
                f"The sealed code cannot be kept apart from the target here, because {message['why']}: {SEALED_REMEDY}"
            )
        self.mode, self.why = message["mode"], message["why"]
        self.folder = Path(message["folder"])
        self._setup_seconds = time.monotonic() - began
        self.walls = message.get("walls", "")
        if message.get("exposed") and not self._shielded:
            self._shielded = True
            shield.raise_shield()
        notes = [lacking] if (lacking := message.get("lacking", "")) else []
        if self.mode != "fork":
            notes.append(f"Every experiment starts a new process: {self.why}.")
        if message["open"]:
            notes.append(not_in_forks(message["open"]))
        if message.get("copied"):
            notes.append(written_in_copies(message["copied"]))
        for line in notes:
            if line not in self.notes:
                self._on_note(line)
        self.notes = tuple(notes)

    def _open_setup_log(self) -> BinaryIO:
        try:
            self._setup_log.parent.mkdir(parents=True, exist_ok=True)
            return open(os.open(self._setup_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o644), "ab")
        except OSError:  # its folder was replaced by something else: a setup without a log is better than none
            return open(os.devnull, "ab")

    @staticmethod
    def _tell_setup(watch: Watch | None, began: float) -> None:
        seconds = time.monotonic() - began
        if watch is not None and seconds >= SETUP_TOLD:
            watch({"setup": seconds})

    def run(
        self, job: Mapping[str, Any], *, limit: float, memory: int, log: str, watch: Watch | None,
        tick: Callable[[float], Mapping[str, Any]] | None = None,
    ) -> tuple[dict[str, Any], list[Point]]:  # fmt: skip
        """Run one job to its end. When the worker is lost, killed or stopped by a signal, another one runs the job again.

        Each such loss is an event ``{"lost": reason}``. With the third one in the same run, the job is taken to be what ends its
        worker, and has crashed. A job whose own process was killed from outside is run once more.

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
        lost: list[str] = []
        killed = 0
        while True:
            if self.pid is None:
                self.start(watch)
            began = time.monotonic()
            message = {"do": "run", "job": job, "limit": limit, "memory": memory, "log": log}
            try:
                result, curve = self._run(message, watch, tick, began)
            except WorkerDied as died:
                if self._interrupted or self._closed:
                    raise Stopped from None
                if died.late:
                    result, curve = {"outcome": Outcome.CRASH, "error": f"{died} The next run starts a new one."}, []
                    break
                lost.append(str(died))
                self._tell_lost(watch, str(died))
                if len(lost) >= LOSSES:
                    why = f"{died} {LOST}"
                    result, curve = {"outcome": Outcome.CRASH, "error": why}, []
                    break
                self._on_note(f"{died} Another one runs the experiment again.")
                continue
            if not result.get("killed") or killed or self._interrupted:
                break
            killed += 1
            why = NOT_EVALUATED if result.get("error") == NOT_EVALUATED else KILLED
            self._tell_lost(watch, why)
            self._on_note(f"{why} It runs again.")
        if self._interrupted:
            raise Stopped
        if (problem := result.pop("log_problem", "")) and not self._log_told:
            self._log_told = True
            self._on_note(
                f"Logs cannot be kept in {Path(log).parent} ({problem}): they are left out, and what runs print is still read."
            )
        return {"seconds": time.monotonic() - began, **result}, curve

    @staticmethod
    def _tell_lost(watch: Watch | None, why: str) -> None:
        if watch is not None:
            watch({"lost": why})

    def _run(
        self, message: dict[str, Any], watch: Watch | None, tick: Callable[[float], Mapping[str, Any]] | None, began: float,
    ) -> tuple[dict[str, Any], list[Point]]:  # fmt: skip
        with self._lock:
            if self._interrupted:
                raise Stopped
            self._next_id += 1
            self._running = self._next_id
            setup = max(SETUP_LIMIT, SETUP_FACTOR * self._setup_seconds) if self.mode == "fresh" else 0.0
            self._give_up_at = began + max(message["limit"], setup) + SLACK
        try:
            self._send({**message, "id": self._running})
            return self._follow(message["limit"], watch, tick, began)
        finally:
            with self._lock:
                self._running = self._give_up_at = None

    def _follow(
        self, limit: float, watch: Watch | None, tick: Callable[[float], Mapping[str, Any]] | None, began: float
    ) -> tuple[dict[str, Any], list[Point]]:
        """Pass a job's events to `watch` until its result comes."""
        curve = GrowingCurve(CURVE_POINTS)
        begun = False

        def idle() -> None:
            if tick is not None and watch is not None:
                watch({"tick": tick(time.monotonic() - began)})
            elif not begun:
                self._tell_setup(watch, began)

        while True:
            message = self._receive(idle)
            if message.get("id") != self._running:
                continue
            if message["is"] == "done":
                return message["result"], curve.points
            event = message["event"]
            if "begin" in event:
                begun = True
                with self._lock:
                    if not self._interrupted:
                        self._give_up_at = time.monotonic() + limit + SLACK
            if report := event.get("report"):
                curve.add(Point(report["elapsed"], report["progress"], report["step"], report["values"]))
            if watch is not None and watch(event):
                self._send({"do": "kill", "id": self._running, "why": "pruned"})

    def interrupt(self) -> None:
        """Kill the current run, from any thread; it and every later one raise `Stopped`."""
        with self._lock:
            running, self._interrupted = self._running, True
            self._give_up_at = time.monotonic() + STOP
        if running is not None:
            try:
                self._send({"do": "kill", "id": running, "why": "stopped"}, wait=STOP / 3)
            except WorkerDied:
                pass
        elif self._process is not None and not self.mode:
            self.close()  # the setup is still running, which cannot be killed without its worker

    def close(self) -> None:
        """End the worker and every process below it, within about a second."""
        with self._lock:
            self._closed = True
            shielded, self._shielded = self._shielded, False
        if shielded:
            shield.lower_shield()
        with self._lock:
            process, connection, self._socket = self._process, self._socket, None
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits in recv
            except OSError:
                pass
            connection.close()
        if process is not None:
            try:
                process.wait(timeout=0.1 if processes.is_stopped(process.pid) else 1.0)
            except subprocess.TimeoutExpired:
                processes.kill_tree(process.pid)
                process.wait()
        clean_file(self._setup_log)

    def _reap(self, *, dying: bool = False) -> str:
        """Clean up after a worker that has died or does not answer, so that the next `run` starts another.

        Returns how it has ended; empty where it had not, and was killed here. With `dying` its socket is closed already, and it may take
        a moment to end by itself.
        """
        with self._lock:
            process, self._process = self._process, None
            connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()
        if process is not None:
            try:
                process.wait(timeout=DYING if dying else 0)
            except subprocess.TimeoutExpired:
                processes.kill_tree(process.pid)
                process.wait()
                return ""
            return ended_how(process.returncode)
        return ""

    def _send(self, message: dict[str, Any], wait: float = SEND, first: bytes = b"") -> None:
        connection = self._socket
        if connection is None:
            raise WorkerDied
        if not self._sending.acquire(timeout=wait):
            raise WorkerDied("The worker process did not take a message.")
        try:
            if not select.select([], [connection], [], wait)[1]:
                raise TimeoutError
            connection.sendall(first + json.dumps(message).encode() + b"\n")
        except TimeoutError:
            if wait == SEND:  # else the thread that runs the job finds out
                self._reap()
            raise WorkerDied("The worker process did not take a message.") from None
        except (OSError, ValueError):
            if wait < SEND or connection is not self._socket:
                raise WorkerDied from None
            raise WorkerDied(f"The worker process {self._reap(dying=True) or 'died'}.") from None
        finally:
            self._sending.release()

    def _receive(self, idle: Callable[[], None]) -> dict[str, Any]:
        """Return the next message; `idle` is called every `TICK` seconds until it comes."""
        while b"\n" not in self._inbox:
            connection = self._socket
            try:
                if connection is not None and not select.select([connection], [], [], TICK)[0]:
                    self._check_alive()
                    idle()
                    continue
                data = connection.recv(1 << 16) if connection else b""
            except (OSError, ValueError):  # closed in the meantime
                data = b""
            if not data:
                if self._closed:
                    raise Stopped
                how = self._reap(dying=True)
                if not self.mode and how.startswith("was killed"):
                    raise WorkerDied(f"The worker process {how} while it ran the setup.", setup=True)
                if not self.mode:
                    raise UserError(f"The worker died while it ran the setup: see {self._setup_log}.")
                raise WorkerDied(f"The worker process {how or 'died'}.")
            self._inbox += data
            if len(self._inbox) > LONGEST_MESSAGE:
                self._reap()
                raise WorkerDied("The worker process has sent a message without an end.")
        line, _, self._inbox = self._inbox.partition(b"\n")
        known = secrets.compare_digest(line[: len(self._token)], self._token)
        if not known or (message := read_message(line[len(self._token) :])) is None:
            self._reap()
            raise WorkerDied("The worker process has sent something that is no message of it.")
        return message

    def _check_alive(self) -> None:
        """Kill a worker that is stopped by a signal, or that has not answered in time, and raise `WorkerDied`."""
        process, now = self._process, time.monotonic()
        if process is None:
            return
        still = processes.is_stopped(process.pid)
        self._still_since = (self._still_since or now) if still else None
        late = self._give_up_at is not None and now >= self._give_up_at
        if not late and not (self._still_since is not None and now - self._still_since >= STILL):
            return
        self._reap()
        if self._closed:
            raise Stopped
        if still and not self.mode:
            raise UserError("The worker process was stopped by a signal (SIGSTOP) while it ran the setup: start again.")
        reason = "was stopped by a signal (SIGSTOP)." if still else "did not answer any more."
        raise WorkerDied(f"The worker process {reason}", late=not still)


class WorkerDied(Exception):
    """The worker process has ended unexpectedly; handled by `WorkerClient.run`.

    Parameters
    ----------
    reason : str
        A sentence.
    late : bool
        Whether it lived, but has not reported the end of a run in time; another one might take as long.
    setup : bool
        Whether it was killed while it ran the setup.
    """

    def __init__(self, reason: str = "The worker process died.", *, late: bool = False, setup: bool = False) -> None:
        super().__init__(reason)
        self.late, self.setup = late, setup


@contextmanager
def sealed_file(config: dict[str, Any]) -> Iterator[tuple[int, ...]]:
    """Put the sealed code of a worker's configuration into a file without a name, and its descriptor in its place.

    The worker's memory, of which every experiment has a copy, then never has the text: the process that evaluates reads it.
    """
    if not (text := config.pop("sealed", "")):
        yield ()
        return
    with tempfile.TemporaryFile() as file:
        file.write(text.encode("utf-8"))
        file.flush()
        config["sealed"] = file.fileno()
        yield (file.fileno(),)
