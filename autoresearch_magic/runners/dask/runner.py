"""The study's side of a run on a Dask worker.

Each attempt is a Dask task of its own, bound to one worker, which Dask neither repeats nor moves: what has ended in another attempt is never
taken for the result of this one. Where a worker is lost, the run begins anew on the next free one; with the third loss its target is taken to end its
workers, as on this machine.
"""

from __future__ import annotations

import io
import os
import tarfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from ...budget import Budget
from ...errors import Stopped, UserCodeError, UserError
from ...experiment import Measurement, Outcome
from ...keys.redact import cleaned_bytes
from .. import GuardResult, Runner, Watch
from ..stage import Stage
from ..worker.client import LOSSES, LOST
from . import worker
from .cluster import Cluster
from .shipping import digest

LOOK = 0.5
"""Seconds between two looks whether something has changed that nobody tells."""
GATHERING = 5.0
"""Seconds in which a result should be here, before it is asked whether its worker is still there."""


class WorkerLost(Exception):
    """The worker of an attempt is gone.

    Parameters
    ----------
    reason : str
        A sentence.
    expected : bool
        Whether it had been asked to go, which is no fault of the run.
    """

    def __init__(self, reason: str, *, expected: bool) -> None:
        super().__init__(reason)
        self.expected = expected


class Work:
    """A study on a cluster: what all of its slots share.

    Parameters
    ----------
    cluster : Cluster
    id : str
        The recipe's.
    recipe : bytes
        As it is sent to each worker, once.
    on_note, on_problem : callable
        Called with lines for the user; those of `on_problem` stay.
    logs : Path, optional
        The folder for the logs of the setup.

    Attributes
    ----------
    learned : dict or None
        See `Runner.learned`: learned by one slot, and known to all.
    shared : dict of str to str
        What the baseline's runs have shown, which each worker needs.
    """

    def __init__(
        self, cluster: Cluster, id: str, recipe: bytes, *, on_note: Callable[[str], object], on_problem: Callable[[str], object],
        logs: Path | None,
    ) -> None:  # fmt: skip
        self.cluster, self.id, self.recipe = cluster, id, recipe
        self.topic = worker.plugin_name(id)
        self.learned: dict[str, Any] | None = None
        self.shared: dict[str, str] = {}
        self.lines: list[str] = []
        self.set_up: set[str] = set()  # workers where the setup has run
        self.shipped: set[str] = set()
        self._on_note, self._on_problem, self._logs = on_note, on_problem, logs
        self._told: set[str] = set()
        self._inboxes: dict[str, tuple[str, SimpleQueue[dict[str, Any]]]] = {}
        self._held: dict[str, str] = {}  # where the last run of a target took place
        self._lock = threading.Lock()
        cluster.on_lost = self._on_lost
        cluster.client.subscribe_topic(self.topic, self._on_event)

    # -- what comes in, in the client's event loop ----------------------------------------------------------------------

    def _on_event(self, event: tuple[float, Any]) -> None:
        message = event[1]
        found = self._inboxes.get(message.get("attempt", "")) if isinstance(message, dict) else None
        if found is not None:
            found[1].put(message)

    def _on_lost(self, address: str, why: str, expected: bool) -> None:
        self.set_up.discard(address)
        self.shipped.discard(address)
        for at, inbox in [*self._inboxes.values()]:
            if at == address:
                inbox.put({"lost": why, "expected": expected})

    def open_inbox(self, attempt: str, address: str) -> SimpleQueue[dict[str, Any]]:
        """Return a queue for all that comes of an attempt."""
        inbox: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._inboxes[attempt] = address, inbox
        return inbox

    def close_inbox(self, attempt: str) -> None:
        """Forget an attempt: what still comes of it is dropped."""
        self._inboxes.pop(attempt, None)

    # -- what is told ---------------------------------------------------------------------------------------------------

    def note(self, line: str) -> None:
        """Tell a line, once: every worker has the same to say of a setup."""
        with self._lock:
            if line in self._told:
                return
            self._told.add(line)
        self._on_note(line)

    def problem(self, line: str) -> None:
        """Tell a line that stays, once."""
        with self._lock:
            if line in self._told:
                return
            self._told.add(line)
        self._on_problem(line)

    # -- workers ----------------------------------------------------------------------------------------------------------

    def ship(self, address: str) -> None:
        """Send the recipe to a worker; raise `WorkerLost` where it cannot take it."""
        try:
            answer = self.cluster.call(worker.receive, self.recipe, workers=[address]).get(address)
        except Exception as error:
            raise WorkerLost(
                f"Dask worker {self.cluster.name(address)} cannot be reached: {error}.", expected=True
            ) from None
        if isinstance(answer, BaseException):
            raise WorkerLost(
                f"Dask worker {self.cluster.name(address)} cannot take the study: {type(answer).__name__}: {answer}.",
                expected=True,
            )
        self.shipped.add(address)

    def leave_out(self, address: str, why: str) -> None:
        """Use a worker no longer, and tell why."""
        self.cluster.admit(address, False)
        self.problem(f"Dask worker {self.cluster.name(address)} is not used any more: {why}")

    def hold(self, target: str, address: str) -> None:
        """Note where the last run of a target took place, which holds what it wrote."""
        with self._lock:
            self._held[digest(target)] = address
            while len(self._held) > 1_000:
                del self._held[next(iter(self._held))]

    def holder(self, target: str) -> str | None:
        """Return where the last run of a target took place."""
        return self._held.get(digest(target))

    def take_answer(self, address: str, answer: Mapping[str, Any]) -> None:
        """Keep what the answer of a run says beside the measurement."""
        if answer.get("learned") is not None:
            self.learned = answer["learned"]
        self.shared.update(answer.get("shared", {}))
        if answer.get("lines"):
            self.lines = answer["lines"]
        if (log := answer.get("setup_log")) and self._logs is not None:
            with suppress(OSError):
                self._logs.mkdir(parents=True, exist_ok=True)
                name = "".join(c if c.isalnum() or c in "-." else "-" for c in self.cluster.name(address))
                (self._logs / f"setup-{name}.log").write_bytes(cleaned_bytes(log.encode("utf-8", "replace")))

    def forget(self) -> None:
        """Let all workers end the study's processes."""
        addresses = [member.address for member in self.cluster.members]
        if addresses:
            self.cluster.call(worker.forget, self.id, workers=addresses)


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
        self._inbox: SimpleQueue[dict[str, Any]] | None = None

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
                time.sleep(worker.EVERY)
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
            future.add_done_callback(lambda done: inbox.put({"done": True}))
            return self._follow(future, inbox, address, attempt, watch)
        finally:
            self._inbox = None
            work.close_inbox(attempt)
            if future is not None:
                with suppress(Exception):
                    future.release() if future.done() else future.cancel()

    def _follow(
        self, future: Any, inbox: SimpleQueue[dict[str, Any]], address: str, attempt: str, watch: Watch | None
    ) -> dict[str, Any]:
        """Pass the events of a run on until it has ended."""
        pruned = False
        while True:
            try:
                message = inbox.get(timeout=LOOK)
            except Empty:
                if self._cluster.client.status != "running":
                    return self._reconnected()
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
                    with suppress(Exception):
                        self._cluster.tell(worker.prune, self._work.id, attempt, workers=[address])
            if "done" in message:
                return self._gathered(future, inbox, address)

    def _gathered(self, future: Any, inbox: SimpleQueue[dict[str, Any]], address: str) -> dict[str, Any]:
        """Fetch the result of a task that has ended."""
        while True:
            if future.status in ("cancelled", "lost") or self._cluster.client.status != "running":
                return self._reconnected()
            try:
                answer: dict[str, Any] = future.result(timeout=GATHERING)
                return answer
            except TimeoutError:
                if address not in {member.address for member in self._cluster.members}:
                    name = self._cluster.name(address)
                    raise WorkerLost(f"Dask worker {name} was lost with a result.", expected=False) from None
            except Exception as error:
                if type(error).__name__ in ("CancelledError", "FutureCancelledError"):
                    return self._reconnected()
                if type(error).__name__ == "KilledWorker":
                    raise WorkerLost(f"Dask worker {self._cluster.name(address)} was lost.", expected=False) from None
                raise

    def _reconnected(self) -> dict[str, Any]:
        """Wait for the scheduler, and say that the run must begin anew."""
        self._cluster.wait_until_connected(lambda: self._interrupted)
        return _AGAIN


_AGAIN: dict[str, Any] = {"again": True}
"""The answer of an attempt that the scheduler has lost sight of."""
