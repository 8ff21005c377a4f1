"""The backlog of a study: ideas that agents and the user have had, so that none is lost when another is tried first.

It is made from two kinds of notes in the journal, ``idea`` and ``idea struck``, which any process may add while another runs the study.
The same words are one idea. An idea is numbered by when it was first had, and keeps its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..agents.llm.reply_parser import IDEA, IDEAS
from ..errors import UserError
from ..experiment import Experiment
from ..storage.journal import Journal
from ..text import counted, shorten


@dataclass(frozen=True)
class Idea:
    """One idea of the backlog.

    Attributes
    ----------
    number : int
        From 1.
    text : str
        One line.
    agent : str
        Name of the agent that had it; empty for the user's.
    experiment : int or None
        The experiment with whose proposal it came; None for the user's, and where the proposal was not used.
    tried : int or None
        The last experiment that tried it; None while none has.
    struck : bool
        Whether the user has struck it.
    """

    number: int
    text: str
    agent: str = ""
    experiment: int | None = None
    tried: int | None = None
    struck: bool = False

    @property
    def state(self) -> Literal["open", "tried", "struck"]:
        """Whether it waits to be tried."""
        return "struck" if self.struck else "open" if self.tried is None else "tried"

    @property
    def origin(self) -> str:
        """Who had it, and with which experiment."""
        if not self.agent:
            return "you"
        return self.agent if self.experiment is None else f"{self.agent}, experiment {self.experiment}"


def backlog(journal: Journal, experiments: Sequence[Experiment] = ()) -> tuple[Idea, ...]:
    """Return all ideas of a study, in the order of their numbers.

    Parameters
    ----------
    journal : Journal
    experiments : sequence of Experiment
        The judged ones: what was never run, such as a proposal that was rejected, has tried nothing.
    """
    notes = journal.notes("idea", "idea struck")
    if not notes:
        return ()  # and no long history is looked through
    never_run = {e.number for e in experiments if e.verdict is not None and not e.ran}
    ideas: list[Idea] = []
    place: dict[str, int] = {}
    for _, kind, body in notes:
        if kind == "idea":
            found = place.setdefault(_words(body["text"]), len(ideas))
            if found == len(ideas):
                ideas.append(Idea(found + 1, body["text"], body["agent"], body["experiment"]))
            elif not body[
                "agent"
            ]:  # the user wants it again; an agent that repeats a struck idea does not bring it back
                ideas[found] = replace(ideas[found], struck=False, tried=None)
        elif kind == "idea struck":
            index, by = body["idea"] - 1, body["experiment"]
            if by is None:
                ideas[index] = replace(ideas[index], struck=True)
            elif by not in never_run:
                ideas[index] = replace(ideas[index], tried=by)
    return tuple(ideas)


def keep_ideas(
    journal: Journal, ideas: Sequence[str], tries: Sequence[int], *, agent: str, experiment: int | None
) -> None:
    """Record what an agent's proposal says about the backlog.

    Parameters
    ----------
    journal : Journal
    ideas : sequence of str
        New ideas; at most `IDEAS` are kept, each cut to `IDEA` characters.
    tries : sequence of int
        Numbers of ideas that the proposal tries; numbers of none are passed over.
    agent : str
        Its name.
    experiment : int or None
        The proposal's number; None for one that was never used, and so tries nothing.
    """
    # Agents of other packages are not type-checked, and a mistake there must not end a study.
    ideas = (ideas,) if isinstance(ideas, str) else ideas
    tries = () if experiment is None else [number for number in tries if isinstance(number, int)]
    if not ideas and not tries:
        return
    known = backlog(journal)
    for number in dict.fromkeys(tries):
        if 1 <= number <= len(known):
            journal.note("idea struck", idea=number, experiment=experiment)
    words = {_words(each.text) for each in known}
    for text in ideas[:IDEAS]:
        line = shorten(str(text), IDEA)
        if line and _words(line) not in words:
            words.add(_words(line))
            journal.note("idea", text=line, agent=agent or "an agent", experiment=experiment)


def add_idea(journal: Journal, text: str) -> Idea:
    """Add an idea of the user's, or open one of the same words again; return it.

    Raises
    ------
    UserError
        When there are no words, too many, or the idea is open already.
    """
    line = shorten(text, len(text) + IDEA)
    if not _words(line):
        raise UserError("Say the idea: one line, such as  %autoresearch ideas add wider layers, fewer of them")
    if len(line) > IDEA:
        raise UserError(
            f"An idea has {IDEA} characters at most, and this one {len(line):,}: shorten it, or say it to the agent."
        )
    if (same := _same(backlog(journal), line)) is not None and same.state == "open":
        raise UserError(f"That is idea {same.number} already: {same.text}")
    journal.note("idea", text=line, agent="", experiment=None)
    added = _same(backlog(journal), line)
    assert added is not None
    return added


def strike_ideas(journal: Journal, numbers: Sequence[int]) -> None:
    """Strike ideas, so that no agent is shown them any more.

    Raises
    ------
    UserError
        When there is none of a number, or it is struck already; none is struck then.
    """
    ideas = backlog(journal)
    for number in numbers:
        if not 1 <= number <= len(ideas):
            there = f"they are numbered 1 to {len(ideas)}" if ideas else "there is none yet"
            raise UserError(f"There is no idea {number}: {there}.")
        if ideas[number - 1].struck:
            raise UserError(f"Idea {number} is struck already: {ideas[number - 1].text}")
    for number in dict.fromkeys(numbers):
        journal.note("idea struck", idea=number, experiment=None)


def for_agents(ideas: Sequence[Idea]) -> tuple[str, ...]:
    """Return the open ideas as agents are shown them, the user's first, then the newest: those that matter most where room ends."""
    of_user = [each for each in ideas if each.state == "open" and not each.agent]
    of_agents = [each for each in reversed(ideas) if each.state == "open" and each.agent]
    return tuple(f"{each.number}: {each.text}" for each in (*of_user, *of_agents))


def described(idea: Idea, experiments: Sequence[Experiment]) -> str:
    """Return the state of an idea in words: ``open``, ``tried by experiment 7, discard`` or ``struck``."""
    if idea.state != "tried" or idea.tried is None:
        return idea.state
    judged = next((f", {e.verdict}" for e in experiments if e.number == idea.tried and e.verdict), "")
    return f"tried by experiment {idea.tried}{judged}"


def counts_line(ideas: Sequence[Idea]) -> str:
    """Return how many ideas there are in each state, in one line."""
    states = [each.state for each in ideas]
    parts = [f"{states.count(state):,} {state}" for state in ("open", "tried", "struck") if state in states]
    return f"{counted(len(ideas), 'idea')}: {', '.join(parts)}"


def _same(ideas: Sequence[Idea], text: str) -> Idea | None:
    return next((each for each in ideas if _words(each.text) == _words(text)), None)


def _words(text: str) -> str:
    """Return what two ideas of the same words have in common: without case, blanks and the full stop."""
    return " ".join(text.split()).casefold().strip(" .;,!")
