"""A study on a cluster: what all of its slots share, and what comes in for the attempts of each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from ...keys.redact import cleaned_bytes
from . import worker
from .cluster import Cluster
from .shipping import digest


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


class Inbox(SimpleQueue[dict[str, Any]]):
    """What comes of an attempt.

    Parameters
    ----------
    address : str
        Of its worker.

    Attributes
    ----------
    answered : bool
        Whether its answer has come.
    """

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address, self.answered = address, False


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
        self._inboxes: dict[str, Inbox] = {}
        self._held: dict[str, str] = {}  # where the last run of a target took place
        self._lock = threading.Lock()
        cluster.on_lost, cluster.on_silent = self._on_lost, self.problem
        cluster.client.subscribe_topic(self.topic, self._on_event)

    # -- what comes in, in the client's event loop ----------------------------------------------------------------------

    def _on_event(self, event: tuple[float, Any]) -> None:
        message = event[1]
        found = self._inboxes.get(message.get("attempt", "")) if isinstance(message, dict) else None
        if found is not None:
            found.answered = found.answered or "answer" in message
            found.put(message)

    def _on_lost(self, address: str, why: str, expected: bool) -> None:
        self.set_up.discard(address)
        self.shipped.discard(address)
        for inbox in [*self._inboxes.values()]:
            if inbox.address == address:
                inbox.put({"lost": why, "expected": expected})

    def open_inbox(self, attempt: str, address: str) -> Inbox:
        """Return a queue for all that comes of an attempt."""
        inbox = self._inboxes[attempt] = Inbox(address)
        return inbox

    def close_inbox(self, attempt: str) -> None:
        """Forget an attempt: what still comes of it is dropped."""
        self._inboxes.pop(attempt, None)

    # -- what is told ---------------------------------------------------------------------------------------------------

    def note(self, line: str) -> None:
        """Tell a line, once: every worker has the same to say of a setup."""
        self._once(line, self._on_note)

    def problem(self, line: str) -> None:
        """Tell a line that stays, once."""
        self._once(line, self._on_problem)

    def _once(self, line: str, tell: Callable[[str], object]) -> None:
        with self._lock:
            if line in self._told:
                return
            self._told.add(line)
        tell(line)

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
