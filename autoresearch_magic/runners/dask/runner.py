"""The study's side of a run on a Dask worker.

Each attempt is a Dask task of its own, bound to one worker, which Dask neither repeats nor moves: what has ended in another attempt is never
taken for the result of this one. Where a worker is lost, the run begins anew on the next free one; with the third loss its target is taken to end its
workers, as on this machine.
"""

from __future__ import annotations

import asyncio
import io
import os
import pickle
import tarfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty
from typing import Any

from ...budget import Budget
from ...errors import Stopped, UserCodeError, UserError
from ...experiment import Measurement, Outcome
from ...keys.redact import cleaned_bytes
from .. import GuardResult, Runner, Watch
from ..stage import Stage
from ..worker.client import LOSSES, LOST
from . import worker
from .seat import EVERY
from .work import Inbox, Work, WorkerLost

LOOK = 0.5
"""Seconds between two looks whether something has changed that nobody tells."""
OVERDUE = 2.0
"""Time limits of a run, which may be that of two commands, after which its worker should have told something of it."""
SLACK = 120.0
"""Seconds beyond that, after which a worker is given up that lives but does not end a run: more than it needs to notice that by itself."""


class DaskRunner(Runner):
    """A slot of a study on a Dask cluster: each run takes place on a free worker, by preference on the one before.

    Parameters
    ----------
    work : Work
    budget : Budget, optional
    describes : bool
        Whether it is the one that says what experiments run with.
    """

    def __init__(self, work: Work, budget: Budget | None = None, *, describes: bool = True) -> None:
        self.budget = budget
        self._work, self._cluster, self._describes = work, work.cluster, describes
        self._interrupted = False
        self._before = ""
        self._stage: Stage | None = None
        self._inbox: Inbox | None = None

    @property
    def learned(self) -> dict[str, Any] | None:
        """What the study's runs have shown of how the metric is computed, for all slots."""
        return self._work.learned

    @learned.setter
    def learned(self, known: dict[str, Any] | None) -> None:
        self._work.learned = known

    def measure(
        self, target: str, *, seed: int, deadline: float, watch: Watch | None = None, log: str = os.devnull, holdout: bool = False
    ) -> Measurement:  # fmt: skip
        """Run a target once on a free worker; see `Runner.measure`."""
        request = {
            "do": "measure",
            "target": target,
            "seed": seed,
            "deadline": deadline,
            "holdout": holdout,
            "stage": self._stage,
        }
        found = self._until_done(request, watch, log)
        if isinstance(found, str):
            return Measurement(Outcome.CRASH, None, seed=seed, error=found)
        assert isinstance(found, Measurement)
        return found

    def check(self, target: str, *, deadline: float, allowed: float | None, log: str) -> GuardResult:
        """Run the guard on a free worker; see `Runner.check`."""
        request = {"do": "check", "target": target, "deadline": deadline, "allowed": allowed}
        found = self._until_done(request, None, log)
        if isinstance(found, str):
            return GuardResult(f"The guard: {found}")
        assert isinstance(found, GuardResult)
        return found

    def describe(self) -> list[str]:
        """Return what experiments run with on the worker that was used last; see `Runner.describe`."""
        return self._work.lines if self._describes else []

    def keep_files(self, target: str, folder: Path) -> None:
        """Fetch what the last run of a target wrote, where its worker still has it; see `Runner.keep_files`."""
        address = self._work.holder(target)
        if address is None or address not in {member.address for member in self._cluster.members}:
            return
        with suppress(WorkerLost, Stopped):
            packed = self._attempt(address, {"do": "keep", "target": target}, None).get("kept", b"")
            if packed:
                with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
                    folder.mkdir(parents=True)
                    archive.extractall(folder, filter="data")

    @contextmanager
    def at_stage(self, stage: Stage) -> Iterator[None]:
        """See `Runner.at_stage`."""
        self._stage = stage
        try:
            with super().at_stage(stage):
                yield
        finally:
            self._stage = None

    def interrupt(self) -> None:
        """End the current run; it and every later one raise `Stopped`."""
        self._interrupted = True
        if (inbox := self._inbox) is not None:
            inbox.put({"stop": True})
        self._cluster.wake()

    # -- attempts ---------------------------------------------------------------------------------------------------------

    def _until_done(self, request: dict[str, Any], watch: Watch | None, log: str) -> Any:
        """Try until a worker has an answer; return the result, or as a text why its workers are lost each time."""
        lost = 0
        while True:
            address = self._cluster.take(self._before, lambda: self._interrupted)
            try:
                answer = self._attempt(address, request, watch)
            except WorkerLost as gone:
                if self._interrupted:
                    raise Stopped from None
                lost += not gone.expected
                if watch is not None:
                    watch({"lost": str(gone)})
                if lost >= LOSSES:
                    return f"{gone} {LOST}"
                self._work.note(f"{gone} Another one runs the experiment again.")
                continue
            finally:
                self._cluster.give_back(address)
            if self._interrupted:
                raise Stopped
            if answer is _AGAIN:
                if watch is not None:
                    watch({"lost": "The connection to the Dask scheduler was lost."})
                continue
            self._before = address
            self._work.take_answer(address, answer)
            if answer.get(
                "stopped"
            ):  # the worker is closing, or the scheduler had lost sight of us: nothing was measured
                time.sleep(EVERY)
                continue
            if (error := answer.get("error")) is not None:
                if "result" not in answer and self._work.set_up - {address} and address not in self._work.set_up:
                    self._work.leave_out(address, error)
                    continue
                traceback = answer.get("traceback")
                raise UserError(error) if traceback is None else UserCodeError(error, traceback)
            self._work.set_up.add(address)
            self._work.hold(request["target"], address)
            self._write_log(log, answer.get("log", b""))
            return answer["result"]

    @staticmethod
    def _write_log(log: str, data: bytes) -> None:
        if log == os.devnull:
            return
        with suppress(OSError):
            Path(log).parent.mkdir(parents=True, exist_ok=True)
            Path(log).write_bytes(cleaned_bytes(data))

    def _attempt(self, address: str, request: Mapping[str, Any], watch: Watch | None) -> dict[str, Any]:
        """Run a request on one worker, once; the recipe is sent where the worker has not got it."""
        answer = self._submit(address, request, watch)
        if answer.get("unknown"):
            self._work.ship(address)
            answer = self._submit(address, request, watch)
        if answer.get("unknown"):
            raise WorkerLost(f"Dask worker {self._cluster.name(address)} has begun anew.", expected=True)
        return answer

    def _submit(self, address: str, request: Mapping[str, Any], watch: Watch | None) -> dict[str, Any]:
        work, attempt = self._work, uuid.uuid4().hex
        inbox = self._inbox = work.open_inbox(attempt, address)
        if self._interrupted:
            raise Stopped
        sent = {
            **request, "attempt": attempt, "topic": work.topic, "budget": self.budget, "learned": work.learned, "shared": dict(work.shared),
        }  # fmt: skip
        limits = (
            {worker.LABEL: 1} if address in work.shipped else None
        )  # of several studies, one runs on a worker at a time
        future = None
        try:
            future = self._cluster.client.submit(
                worker.run, work.id, sent, workers=[address], allow_other_workers=False, pure=False, retries=0,
                key=f"{work.topic}-{attempt}", resources=limits,
            )  # fmt: skip
            self._cluster.begin_in_loop(_tell_end(future, inbox))
            return self._follow(future, inbox, address, attempt, request.get("deadline"), watch)
        finally:
            self._inbox = None
            work.close_inbox(attempt)
            if future is not None:
                with suppress(Exception):
                    future.release()  # nobody else wants it: a task that still runs is ended

    def _follow(
        self, future: Any, inbox: Inbox, address: str, attempt: str, deadline: float | None, watch: Watch | None
    ) -> dict[str, Any]:  # fmt: skip
        """Pass the events of a run on until its answer is here."""
        pruned, late = False, float("inf")
        while True:
            try:
                message = inbox.get(timeout=LOOK)
            except Empty:
                if self._cluster.client.status != "running":
                    return self._reconnected()
                if time.monotonic() > late:
                    why = f"Dask worker {self._cluster.name(address)} does not end a run that is over its time."
                    self._work.leave_out(address, "it does not end a run that is over its time.")
                    raise WorkerLost(why, expected=False) from None
                continue
            if "stop" in message:
                raise Stopped
            if "lost" in message:
                raise WorkerLost(message["lost"], expected=message["expected"])
            for event in message.get("events", ()):
                if "note" in event:
                    self._work.note(event["note"])
                elif "problem" in event:
                    self._work.problem(event["problem"])
                elif "started" not in event and watch is not None and watch(event) and not pruned:
                    pruned = True
                    self._cluster.tell(worker.prune, self._work.id, attempt, workers=[address])
                if deadline is not None and (late < float("inf") or "begin" in event):
                    late = time.monotonic() + OVERDUE * deadline + SLACK
            if "answer" in message:
                answer: dict[str, Any] = pickle.loads(message["answer"])
                return answer
            if "failed" in message:
                return self._failed(message["failed"], address)

    def _failed(self, error: BaseException, address: str) -> dict[str, Any]:
        """Say what to do where a task has no answer."""
        name = type(error).__name__
        if name in ("CancelledError", "FutureCancelledError") or self._cluster.client.status != "running":
            return self._reconnected()
        if name == "KilledWorker":
            raise WorkerLost(f"Dask worker {self._cluster.name(address)} was lost.", expected=False) from None
        raise error

    def _reconnected(self) -> dict[str, Any]:
        """Wait for the scheduler, and say that the run must begin anew."""
        self._cluster.wait_until_connected(lambda: self._interrupted)
        return _AGAIN


async def _tell_end(future: Any, inbox: Inbox) -> None:
    """Put the result of a task into an inbox when it has one; a short answer has come before its end, by itself."""
    try:
        await future.exception()
        packed = b"" if inbox.answered else await future
    except asyncio.CancelledError as error:  # Dask's own is one as well
        inbox.put({"failed": error})
    except Exception as error:
        inbox.put({"failed": error})
    else:
        if packed:
            inbox.put({"answer": packed})


_AGAIN: dict[str, Any] = {"again": True}
"""The answer of an attempt that the scheduler has lost sight of."""
