"""The user's notes to the agent, and which of them it has read."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..storage.journal import Journal

SAID, READ = "say", "notes read"
"""Kinds of the journal's events: the user has left a note; an agent has answered a question that had the first so many."""


@dataclass(frozen=True)
class Note:
    """What the user has told the agent.

    Attributes
    ----------
    number : int
        From 1, in the order in which they were left.
    text : str
    at : float
        When, in seconds since the epoch.
    read : int or None
        The number of the first experiment that was proposed with it; None as long as there is none.
    """

    number: int
    text: str
    at: float
    read: int | None = None


def told(journal: Journal) -> list[Note]:
    """Return the notes in the order in which they were left."""
    events = journal.select("SELECT at, kind, body FROM event WHERE kind IN (?, ?) ORDER BY id", SAID, READ)
    found = [(row["at"], row["kind"], json.loads(row["body"])) for row in events]
    read = [(body["notes"], body["experiment"]) for _, kind, body in found if kind == READ]
    said = [(at, body["text"]) for at, kind, body in found if kind == SAID]
    return [
        Note(number, text, at, next((experiment for count, experiment in read if count >= number), None))
        for number, (at, text) in enumerate(said, 1)
    ]
