"""Proposals in flight: those that run for the first time beside others, and have no number yet.

An experiment gets its number when its first run has ended, so that the numbers tell in which order experiments were completed, and verdicts
are given in the order of the numbers. Until then the journal holds the proposal itself, under a *ticket*: the ordinal of the proposal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..experiment import Experiment, Proposal, Usage
from ..judging.lines import OF
from ..storage.records import Records

FLIGHTS = "flights"
"""Key of the journal's metadata that holds the proposals in flight by their tickets."""


class Flight:
    """One proposal in flight.

    Parameters
    ----------
    ticket : int
    experiment : Experiment
        Its number is the ticket, until it lands.
    log : str
        Path of the log file of its first run, until it lands.
    on_land : callable
        Gives the experiment its number, in the journal too, and returns it.
    calls : sequence of int
        The calls of the agent that have brought it, which the experiment claims when it lands.

    Attributes
    ----------
    landed : bool
        Whether it has a number.
    """

    def __init__(
        self, ticket: int, experiment: Experiment, log: str, on_land: Callable[[Flight, Experiment], Experiment],
        calls: Sequence[int] = (),
    ) -> None:  # fmt: skip
        self.ticket, self.experiment, self.log, self.calls, self.landed = ticket, experiment, log, tuple(calls), False
        self._on_land = on_land

    @property
    def number(self) -> int:
        """The experiment's number, or the ticket as long as it has none."""
        return self.experiment.number

    def land(self, experiment: Experiment) -> Experiment:
        """Give the experiment its number, and return it."""
        self.experiment = self._on_land(self, experiment)
        self.landed = True
        return self.experiment


class Flights:
    """The proposals in flight of one study, as its journal holds them.

    Parameters
    ----------
    records : Records
    first : int
        The least ticket that may be given: no smaller than the next number.
    """

    def __init__(self, records: Records, first: int) -> None:
        self._records, self._journal = records, records.journal
        landed = {body["flight"] for _, _, body in self._journal.notes("landed")}
        stored = {int(ticket): values for ticket, values in (self._journal.get(FLIGHTS) or {}).items()}
        self._held = {ticket: values for ticket, values in stored.items() if ticket not in landed}
        self._next: int = max([first, *(ticket + 1 for ticket in {*landed, *stored})])

    def next_ticket(self) -> int:
        """Return the ticket of the next proposal."""
        return self._next

    def log(self, ticket: int) -> Path:
        """Return where the output of the first run of a proposal in flight is."""
        return self._records.folder / "logs" / f"flight-{ticket:04d}.log"

    def begin(self, experiment: Experiment, line: int = 1) -> None:
        """Write a proposal into the journal, whose number is its ticket, with the line of work that it is for."""
        self._next = max(self._next, experiment.number + 1)
        p = experiment.proposal
        values = {name: value for name, value in asdict(p).items() if value and name not in ("usage", "prompt")}
        self._held[experiment.number] = {
            "parent": experiment.parent, "fingerprint": experiment.fingerprint, "usage": asdict(p.usage), "proposal": values, "line": line,
        }  # fmt: skip
        self._write()

    def end(self, ticket: int) -> None:
        """Forget a proposal, which has landed."""
        if self._held.pop(ticket, None) is not None:
            self._write()

    def unfinished(self, statistic: str) -> list[tuple[Experiment, int]]:
        """Return the proposals that were in flight when the study was stopped, with their lines of work."""
        held = sorted(self._held.items())
        return [(experiment_of(ticket, values, statistic), values.get("line", 1)) for ticket, values in held]

    def _write(self) -> None:
        self._journal.set(**{FLIGHTS: {str(ticket): values for ticket, values in sorted(self._held.items())}})


def experiment_of(ticket: int, values: dict[str, Any], statistic: str) -> Experiment:
    """Return the experiment of a proposal that the journal holds as being in flight."""
    made = values["proposal"]
    known: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in made.items()}
    proposal = Proposal(known.pop("target", ""), known.pop("summary", ""), **known)
    return Experiment(
        ticket,
        values["parent"],
        replace(proposal, usage=Usage(**values["usage"])),
        values["fingerprint"],
        statistic=statistic,
    )


def land_all(records: Records, number: int, statistic: str) -> list[Experiment]:
    """Give numbers to the proposals that were in flight when a study was stopped, from `number` on, for a loop that runs one after the other."""
    flights = Flights(records, number)
    landed: list[Experiment] = []
    for experiment, line in flights.unfinished(statistic):
        numbered = replace(experiment, number=number + len(landed))
        if line != 1:
            records.journal.note(OF, line=line, experiment=numbered.number)
        records.journal.land(numbered, experiment.number)
        flights.end(experiment.number)
        landed.append(numbered)
    return landed
