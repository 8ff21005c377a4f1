"""The process from which the clean side's processes are forked: a fork of the worker in which the sealed cell has run.

It never runs a target. For each run the worker sends it the job and four descriptors (the connection to the target's process, their
shared memory, a socket for events and result, and what the run prints to); it forks, and the fork evaluates the metric when the target has ended.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from ....experiment import Outcome
from ...walls.opened import Opened
from .. import processes
from ..execution import execute
from ..failures import sealed_line
from ..metric_value import holdout_value
from .channel import Arena, Channel, Gone
from .evaluator import Evaluator, further_numbers, names_in, run_evaluation

Emit = Callable[[dict[str, Any]], None]


class CleanSide:
    """The worker's end of the connection to the template process.

    Parameters
    ----------
    fork : callable
        Forks the worker; the child has closed everything of the worker except its memory.
    module : ModuleType
        The user's ``__main__``.
    config : Mapping
        The worker's; ``setup`` is used, and ``sealed``, the descriptor of a file with the sealed code: the worker, of which targets are
        forks, never has its text in memory.
    """

    def __init__(self, fork: Callable[[], int], module: types.ModuleType, config: Mapping[str, Any]) -> None:
        self.socket, theirs = socket.socketpair()
        self.pid = fork()
        if self.pid == 0:
            self.socket.close()
            try:
                _Template(theirs, module, config).run()
            finally:
                os._exit(1)
        theirs.close()
        if (file := config.get("sealed")) is not None:
            os.close(file)  # so that no target inherits it: the template alone has read it

    def ready(self) -> dict[str, Any]:
        """Return what the template says when the sealed cell has run: its ``names`` and the files that it ``opened``, or ``error`` and ``traceback``."""
        data = b""
        while not data.endswith(b"\n"):
            more = self.socket.recv(1 << 16)
            if not more:
                return {"error": "the process in which it ran has ended", "traceback": ""}
            data += more
        told: dict[str, Any] = json.loads(data)
        return told

    def evaluate(self, job: Mapping[str, Any], *descriptors: int) -> None:
        """Let a fork of the template evaluate a job; it gets the descriptors.

        Raises
        ------
        OSError
            When the template has ended.
        """
        data = json.dumps(job).encode()
        socket.send_fds(self.socket, [len(data).to_bytes(8, "little")], list(descriptors))
        self.socket.sendall(data)


class _Template:
    def __init__(self, connection: socket.socket, module: types.ModuleType, config: Mapping[str, Any]) -> None:
        self.connection, self.module, self.config = connection, module, config
        self.frozen = dict(module.__dict__)
        self.sources = (config["setup"], _read(config.get("sealed")))
        self.names = names_in(*self.sources)

    def run(self) -> NoReturn:
        """Run the sealed cell, then fork for each job until the worker has gone."""
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system reaps what is forked here
        told: dict[str, Any] = {"names": [], "opened": []}
        if sealed := self.sources[1]:
            try:
                with _unheard(), Opened() as opened:
                    execute(sealed, "sealed", self.module.__dict__, shown=False)
                told = {"names": sorted(set(self.module.__dict__) - set(self.frozen)), "opened": [*opened]}
            except BaseException as error:
                told = {"error": sealed_line(error), "traceback": sealed_line(error)}
        self.connection.sendall(json.dumps(told).encode() + b"\n")
        while True:
            head, descriptors, _, _ = socket.recv_fds(self.connection, 8, 4)
            if len(head) < 8 or len(descriptors) < 4:
                os._exit(0)
            job = json.loads(self._exactly(int.from_bytes(head, "little")))
            if os.fork() == 0:
                self._evaluate(job, *descriptors)
            for fd in descriptors:
                os.close(fd)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.connection.recv(size - len(data))
            if not more:
                os._exit(0)
            data += more
        return data

    def _evaluate(self, job: dict[str, Any], connection: int, arena: int, events: int, output: int) -> NoReturn:
        """Evaluate a job in this fork, and end."""
        from ..child import EventPipe, flush_streams, open_streams  # not at the top: `child` imports this package

        try:
            os.setsid()
            if sys.platform == "linux":
                processes.prctl(processes.PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.connection.close()
            os.dup2(output, 1)
            os.dup2(output, 2)
            open_streams()
            emit = EventPipe(events)
            emit({"pid": os.getpid()})
            for result in self._results(job, connection, arena, emit, lambda: os.read(events, 1)):
                emit({"result": result})
            flush_streams()
            if not _holds_gpu():
                emit({"left": True})
                os.closerange(0, events)
                os.closerange(events + 1, 1024)  # the target's process ends when this connection is closed
                while os.read(events, 1):
                    pass
        finally:
            os.closerange(
                0, 1024
            )  # so that target and worker need not wait until the system has taken this process down
            os._exit(0)

    def _results(self, job: dict[str, Any], connection: int, arena: int, emit: Emit, wait: Callable[[], object]) -> Any:
        from ..child import failure_of, finished  # not at the top: `child` imports this package

        quiet = bool(self.sources[1])  # texts of errors may contain what is sealed
        if quiet:
            job = {**job, "metric": {**job["metric"], "quiet": "yes"}}
        try:
            evaluator = Evaluator(
                self.module.__dict__,
                self.frozen,
                lambda answer: Channel(
                    socket.socket(fileno=connection), Arena(arena if job["arena"] else -1, 1), answer
                ),
            )
            result = finished(run_evaluation(job, evaluator, self.names, emit, wait), job)
        except Gone as error:
            text = f"The target's process ended while it was measured{f', after {error}' if str(error) else ''}."
            yield {"outcome": Outcome.CRASH, "error": text, "gone": True}
            return
        except BaseException as error:
            result, details = failure_of(error, "metric", job, quiet=quiet)
            yield {"outcome": Outcome.CRASH, "value": None, **result}
            yield details
            return
        yield result
        if result["outcome"] in (Outcome.OK, Outcome.MISSING_METRIC):
            if job.get("also"):
                yield from further_numbers(job, evaluator, quiet=quiet)
            if job.get("holdout"):
                yield holdout_value(job["holdout"], evaluator.namespace, quiet=quiet)


def _holds_gpu() -> bool:
    """Return whether this process has memory on a GPU, which the next experiment may need."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda.is_initialized())


def _read(file: int | None) -> str:
    """Return the text of an open file; empty for None."""
    if file is None:
        return ""
    with open(file, "rb", closefd=False) as stream:
        stream.seek(0)
        return stream.read().decode("utf-8")


@contextmanager
def _unheard() -> Iterator[None]:
    """Let nobody see what is printed inside, which goes to a log else."""
    kept = os.dup(1), os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        for fd in (1, 2):
            os.dup2(nowhere.fileno(), fd)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        for fd, before in zip((1, 2), kept, strict=True):
            os.dup2(before, fd)
            os.close(before)
