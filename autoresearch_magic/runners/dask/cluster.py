"""The workers of a Dask cluster, as a study uses them: which are there, which are free, and which are lost.

The scheduler tells at once who joins and leaves, and every `LOOK` seconds it is asked when it has last heard of each worker: one that it has not
heard of for `SILENT` seconds is given up, as one whose connection was cut.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from concurrent import futures
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import dask
from distributed import Client
from distributed.security import Security

from ...errors import RunLost, Stopped, UserError
from .worker import LABEL

LOOK = 1.0
"""Seconds between two looks at the workers, and whether a wait is to be given up."""
SILENT = 30.0
"""Seconds without a sign of life after which a worker is given up."""
CONNECT = 15.0
"""Seconds in which a scheduler must answer."""
ANSWER = 60.0
"""Seconds in which a worker must answer a call; its first one imports this package, perhaps over a network."""
CLOSING = 5.0
"""Seconds that workers may take to end a study's processes when it ends."""


@dataclass
class Member:
    """A worker of the cluster.

    Attributes
    ----------
    address, name : str
    seats : int
        Experiments that it may run at once.
    busy : int
        Those that it runs.
    seen : float
        What the scheduler says of its last sign of life, by the scheduler's clock.
    heard : float
        When that was last another value, by ours.
    admitted : bool or None
        Whether it is used; None where that is not known yet.
    """

    address: str
    name: str
    seats: int = 1
    busy: int = 0
    seen: float = 0.0
    heard: float = field(default_factory=time.monotonic)
    admitted: bool | None = None


def scheduler_address(text: str) -> str:
    """Return Dask's address for ``dask://HOST:PORT``: with TLS where Dask's configuration has certificates for clients."""
    host = text.removeprefix("dask://")
    security = Security()
    secure = security.require_encryption or (security.tls_ca_file and security.tls_client_cert)
    return f"{'tls' if secure else 'tcp'}://{host}"


class Cluster:
    """A connection to a Dask scheduler, and its workers.

    Parameters
    ----------
    address : str
        Of the scheduler.
    security : distributed.Security, optional
        By default as Dask's configuration has it.

    Attributes
    ----------
    client : distributed.Client
    on_lost : callable
        Called with the address of a worker that is gone, why, and whether it had been asked to go.
    on_silent : callable
        Called with a line about a scheduler that does not answer.
    on_join : callable
        Called with the address of a worker that nobody has looked at, in a thread of its own; returns whether it is used, and None where that
        cannot be said yet.

    Raises
    ------
    UserError
        When no scheduler answers.
    """

    def __init__(self, address: str, *, security: Any = None) -> None:
        self.address, self._security = address, security
        self.on_lost: Callable[[str, str, bool], None] = lambda address, why, expected: None
        self.on_silent: Callable[[str], object] = lambda line: None
        self.on_join: Callable[[str], bool | None] = lambda address: True
        try:
            with dask.config.set({"distributed.comm.timeouts.connect": CONNECT}):
                self.client = Client(
                    address, security=security, set_as_default=False, timeout=CONNECT, name="autoresearch"
                )
        except (OSError, TimeoutError, ValueError, RuntimeError) as error:
            raise UserError(
                f"No Dask scheduler answers at {address} ({_first_line(error)}): start one with  dask scheduler , or look at the address."
            ) from None
        self._members: dict[str, Member] = {}
        self._turn = threading.Condition()
        self._waiting: list[object] = []  # who waits for a free worker, in this order
        self._wake, self._over = threading.Event(), threading.Event()
        self._looked = time.monotonic()
        try:
            self.look()
        except TimeoutError:
            raise UserError(
                f"The Dask scheduler at {address} takes connections, and does not answer: is it stopped?"
            ) from None
        self.client.subscribe_topic("all", self._on_event)
        self._watching = threading.Thread(target=self._watch, name="dask-workers", daemon=True)

    def begin(self) -> None:
        """Begin to notice who joins and leaves."""
        self._watching.start()

    # -- who is there ---------------------------------------------------------------------------------------------------

    @property
    def members(self) -> list[Member]:
        """All workers, by their names."""
        with self._turn:
            return sorted(self._members.values(), key=lambda member: (len(member.name), member.name))

    def name(self, address: str) -> str:
        """Return what people call a worker."""
        with self._turn:
            member = self._members.get(address)
        return member.name if member else address

    def admit(self, address: str, used: bool | None) -> None:
        """Use a worker, or not; with None it is looked at again when it gives a sign of life."""
        with self._turn:
            if (member := self._members.get(address)) is not None:
                member.admitted = used
            self._turn.notify_all()

    def look(self) -> None:
        """Ask the scheduler who is there, and who has not been heard of; raise `TimeoutError` where it does not answer."""
        asked = self.begin_in_loop(self._workers())
        try:
            found = asked.result(SILENT)
        finally:
            asked.cancel()
        now = time.monotonic()
        gone = []
        with self._turn:
            if (
                now - self._looked > SILENT / 2
            ):  # the scheduler was stopped, or this process: workers had no chance to be heard
                for known in self._members.values():
                    known.heard = now
            self._looked = now
            for address, each in found.items():
                member = self._members.get(address)
                if member is None:
                    name = str(each.get("name") or address)
                    name = name if name == address or not name.isdecimal() else f"{name} ({address})"
                    seats = max(1, int(each.get("resources", {}).get(LABEL, 1)))
                    member = self._members[address] = Member(address, name, seats)
                if each["last_seen"] != member.seen:
                    member.seen, member.heard = each["last_seen"], now
                elif now - member.heard > SILENT and member.admitted:
                    member.admitted = None  # looked at again where it is heard of again
                    gone.append((address, f"has not been heard of for {SILENT:.0f} s"))
            gone += [(address, "was lost") for address in self._members if address not in found]
        for address, why in gone:
            self._lost(address, why, expected=False, forget=why == "was lost")

    async def _workers(self) -> dict[str, Any]:
        return dict((await self.client.scheduler.identity(n_workers=-1))["workers"])

    def _on_event(self, event: tuple[float, Any]) -> None:
        """Take note of what the scheduler tells: in the client's event loop, where nothing may wait."""
        message = event[1]
        if not isinstance(message, dict):
            return
        if message.get("action") == "remove-worker":
            self._lost(message["worker"], "was lost", expected=bool(message.get("expected")))
        if message.get("action") in ("add-worker", "remove-worker"):
            self._wake.set()

    def _lost(self, address: str, why: str, *, expected: bool, forget: bool = True) -> None:
        with self._turn:
            member = self._members.get(address)
            if member is None:
                return
            if forget:
                del self._members[address]
            else:
                member.busy = 0
        self.on_lost(address, f"Dask worker {member.name} {'has left' if expected else why}.", expected)

    def _watch(self) -> None:
        while not self._over.is_set():
            self._wake.wait(LOOK)
            self._wake.clear()
            if self._over.is_set() or self.client.status != "running":
                continue
            try:
                self.look()
            except TimeoutError:
                self.on_silent(
                    f"The Dask scheduler at {self.address} has not answered for {SILENT:.0f} s: runs wait for it."
                )
            except Exception:  # it has just gone: whoever runs something finds out
                continue
            else:
                self._greet()

    def _greet(self) -> None:
        """Let new workers be looked at."""
        now = time.monotonic()
        with self._turn:
            new = [m for m in self._members.values() if m.admitted is None and now - m.heard < SILENT]
            for member in new:
                member.admitted = False
        for member in new:
            threading.Thread(target=self._meet, args=(member.address,), daemon=True).start()

    def _meet(self, address: str) -> None:
        used: bool | None = False
        with suppress(Exception):
            used = self.on_join(address)
        self.admit(address, used)

    # -- free workers -----------------------------------------------------------------------------------------------------

    def take(self, before: str, stopped: Callable[[], bool]) -> str:
        """Wait for a free worker, and take it; who has waited longest gets the next one.

        Parameters
        ----------
        before : str
            The one that is taken where it is free: it has run this slot's experiments before.
        stopped : callable
            Whether to give up, with `Stopped`.
        """
        me = object()
        with self._turn:
            self._waiting.append(me)
            try:
                while True:
                    if stopped():
                        raise Stopped
                    if self.client.status not in ("running", "connecting"):
                        raise self.gone()
                    free = [m for m in self._members.values() if m.admitted and m.busy < m.seats]
                    if free and self._waiting[0] is me:
                        chosen = min(free, key=lambda m: (m.address != before, m.busy, m.address))
                        chosen.busy += 1
                        return chosen.address
                    self._turn.wait(LOOK)
            finally:
                self._waiting.remove(me)
                self._turn.notify_all()

    def give_back(self, address: str) -> None:
        """Say that a worker that was taken is free."""
        with self._turn:
            if (member := self._members.get(address)) is not None:
                member.busy = max(0, member.busy - 1)
            self._turn.notify_all()

    def wake(self) -> None:
        """Let those that wait look whether they are to stop."""
        with self._turn:
            self._turn.notify_all()

    # -- the scheduler ------------------------------------------------------------------------------------------------------

    def wait_until_connected(self, stopped: Callable[[], bool]) -> None:
        """Wait while Dask connects again to a scheduler that was lost.

        Raises
        ------
        RunLost
            When it does not come back.
        """
        while self.client.status == "connecting":
            if stopped():
                raise Stopped
            time.sleep(0.1)
        if self.client.status != "running":
            raise self.gone()

    def gone(self) -> RunLost:
        """Return the error that says that the scheduler is gone."""
        return RunLost(
            f"The Dask scheduler at {self.address} does not answer any more: start it and its workers again, then resume. Nothing is lost."
        )

    def begin_in_loop(self, work: Coroutine[Any, Any, Any]) -> futures.Future[Any]:
        """Let the client's event loop work on something."""
        return asyncio.run_coroutine_threadsafe(work, self.client.loop.asyncio_loop)

    def call(self, function: Callable[..., Any], *arguments: Any, workers: Iterable[str]) -> dict[str, Any]:
        """Call a function in the event loops of workers; return what each answered, or the exception that it raised.

        One that does not answer in time (`ANSWER`, and a second for each megabyte that is sent) has raised `TimeoutError`, and the others'
        answers are returned all the same.
        """
        calls = {each: self.begin_in_loop(self._ask(function, arguments, each)) for each in workers}
        return {address: asked.result() for address, asked in calls.items()}

    async def _ask(self, function: Callable[..., Any], arguments: tuple[Any, ...], address: str) -> Any:
        within = ANSWER + sum(len(each) for each in arguments if isinstance(each, bytes)) / 1e6
        asking = self.client.run(function, *arguments, workers=[address], on_error="return")
        try:
            return (await asyncio.wait_for(asking, within))[address]
        except TimeoutError:
            return TimeoutError(f"it has not answered for {within:.0f} s")
        except Exception as error:
            return error

    def tell(self, function: Callable[..., Any], *arguments: Any, workers: Iterable[str]) -> None:
        """Call a function in the event loops of workers; nobody waits for an answer."""
        for each in workers:
            self.begin_in_loop(self._ask(function, arguments, each))

    def close(self, last: Callable[[], object] = lambda: None) -> None:
        """Disconnect, after a last call that may take `CLOSING` seconds."""
        self._over.set()
        self._wake.set()
        if self.client.status == "running":
            saying = threading.Thread(target=_quietly, args=(last,), daemon=True)
            saying.start()
            saying.join(CLOSING)
        closing = threading.Thread(target=_quietly, args=(self.client.close,), daemon=True)
        closing.start()
        closing.join(2 * CLOSING)


def _quietly(call: Callable[[], object]) -> None:
    with suppress(Exception):
        call()


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
