"""What a shell has asked of a study that is driven from outside: to begin, to try a version, to finish.

It is noted in the journal, so that another process, such as ``autoresearch wait``, knows what to wait for and what became of it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..storage.journal import Journal

What = Literal["begin", "try", "finish"]


@dataclass(frozen=True)
class Task:
    """One such request.

    Attributes
    ----------
    number : int
        Of its note in the journal.
    what : {"begin", "try", "finish"}
    pid : int
        The process that carries it out.
    summary : str
        Of the version that is tried.
    ended : bool
    experiment : int or None
        The number of the experiment with the version, once it is judged.
    first : tuple of int
        Experiments that were begun and not finished before, and had to be finished first.
    reverted, left : tuple of str
        Files that were put back after the verdict, and files that have changed meanwhile and were left.
    scratch : tuple of str
        Untracked files that were not part of the version.
    error : str
        Why it could not be carried out, in one line; empty where it was.
    judged : int
        How many experiments the study had at its end.
    notices : tuple of str
        What the study has told meanwhile, such as that the machine has changed.
    """

    number: int
    what: What
    pid: int
    summary: str = ""
    ended: bool = False
    experiment: int | None = None
    first: tuple[int, ...] = ()
    reverted: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    scratch: tuple[str, ...] = ()
    error: str = ""
    judged: int = 0
    notices: tuple[str, ...] = ()

    @property
    def alive(self) -> bool:
        """Whether its process is there."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # another user's
            return True
        return True


def begin_task(journal: Journal, what: What, summary: str = "", scratch: Sequence[str] = ()) -> int:
    """Note that this process begins a task, and return its number."""
    return journal.note("task", what=what, pid=os.getpid(), summary=summary, scratch=list(scratch))


def end_task(journal: Journal, number: int, **found: Any) -> None:
    """Note how a task has ended: `experiment`, `first`, `reverted`, `left`, `error`, `judged`, `notices`."""
    journal.note("task ended", task=number, **found)


def last_task(journal: Journal) -> Task | None:
    """Return the task that was begun last; None where there was none."""
    found: Task | None = None
    for number, kind, body in journal.numbered_notes("task", "task ended"):
        if kind == "task":
            scratch = tuple(body["scratch"])
            found = Task(number, body["what"], body["pid"], body["summary"], scratch=scratch)
        elif found is not None and body["task"] == found.number:
            more = {
                key: tuple(value) if isinstance(value, list) else value for key, value in body.items() if key != "task"
            }
            found = Task(**{**vars(found), "ended": True, **more})
    return found
