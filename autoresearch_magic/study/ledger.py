"""The ledger: what every call of the agent has used, also of calls whose proposal is never used.

A call is journaled as soon as it is paid for. Later an experiment may claim it, and its usage is then part of the experiment's.
What no experiment claims (an answer that came after the end, a proposal that no longer applied, a failed call) stays in the
ledger, so that `StudyStatus.usage` and the limits of tokens and money count it, also after a resume.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict

from ..events import Publish, Spent
from ..experiment import Experiment, Usage
from ..storage.journal import Journal


class Ledger:
    """Counts what the agent uses; safe to use from several threads.

    Parameters
    ----------
    journal : Journal
    publish : callable
        Takes an event with the new sum.
    pending : sequence of Experiment
        The experiments that are not judged yet.
    """

    def __init__(self, journal: Journal, publish: Publish, pending: Sequence[Experiment] = ()) -> None:
        self._journal, self._publish = journal, publish
        self._lock = threading.RLock()
        self._numbers = max((body["call"] for _, _, body in journal.notes("paid")), default=0)
        self._calls: dict[int, Usage] = {}  # of this start, claimed by no judged experiment
        self._claims: dict[int, set[int]] = {}
        for at, experiment in enumerate(pending):
            self._claims[experiment.number], self._calls[-at] = {-at}, experiment.proposal.usage
        self._earlier = journal.unclaimed(opened=False)

    def new_call(self) -> int:
        """Return the number of a new call."""
        with self._lock:
            self._numbers += 1
            return self._numbers

    def paid(self, call: int, usage: Usage) -> None:
        """Record what a call has used since it was last recorded."""
        if usage == Usage():
            return
        with self._lock:
            self._calls[call] = self._calls.get(call, Usage()) + usage
            with suppress(sqlite3.ProgrammingError):  # an abandoned call ended after the journal was closed
                self._journal.note("paid", call=call, usage=asdict(usage))
            self._tell()

    def claim(self, number: int, calls: Iterable[int]) -> Usage:
        """Record that calls were made for an experiment, and return what they have used."""
        with self._lock:
            calls = set(calls)
            self._journal.note("claimed", experiment=number, calls=sorted(calls))
            self._claims.setdefault(number, set()).update(calls)
            return sum((self._calls.get(call, Usage()) for call in calls), Usage())

    def judged(self, number: int) -> None:
        """Take out what an experiment has claimed: it counts as the experiment's from now on."""
        with self._lock:
            for call in self._claims.pop(number, set()):
                self._calls.pop(call, None)
            self._tell()

    def _tell(self) -> None:
        self._publish(Spent(sum(self._calls.values(), self._earlier)))
