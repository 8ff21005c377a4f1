"""The limits that end a search before all its experiments are made: time, a target value, patience, tokens, cost."""

from __future__ import annotations

from ..errors import UserError
from ..judging.noise import difference
from .status import StudyStatus


class SearchEnded(UserError):
    """The search cannot go on, such as with a key that is refused; what was found can still be confirmed.

    Parameters
    ----------
    message : str
        One line.
    output : str
        What an agent has printed, where that says more.
    """

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


def time_left(status: StudyStatus, seconds: float) -> float | None:
    """Return how much time --hours or --minutes leaves besides so many seconds; None without such a limit."""
    limit = status.settings.time_limit
    return None if limit is None else limit - status.elapsed - seconds


def has_room(status: StudyStatus, seconds: float) -> bool:
    """Return whether --hours or --minutes leaves room for so many seconds more."""
    left = time_left(status, seconds)
    return left is None or left > 0


def limit_reached(status: StudyStatus, confirmation: float) -> str:
    """Return which limit ends the search, in one line; empty while none does. For tokens and money see `money_spent`.

    Parameters
    ----------
    status : StudyStatus
    confirmation : float
        Seconds that the confirmation will take.
    """
    s, best = status.settings, status.incumbent
    assert best is not None, "there is no baseline yet"
    if not has_room(status, confirmation):
        which = f"--minutes {s.minutes:g}" if s.minutes is not None else f"--hours {s.hours:g}"
        return f"The time is up, with what the confirmation takes ({which})."
    if s.until is not None and best.value is not None and difference(best.value, s.until, status.metric) >= 0:
        return f"Experiment {best.number} has reached {status.format(best.value)} (--until {s.until:g})."
    fruitless = status.tally.ran_after(best.number)
    if s.patience is not None and fruitless >= s.patience:
        return f"{fruitless} experiments in a row were not kept (--patience {s.patience})."
    return ""


def money_spent(status: StudyStatus) -> str:
    """Return which limit of tokens or money forbids another call of the agent, in one line; empty while none does.

    Raises
    ------
    SearchEnded
        When --max-tokens or --max-cost is set and the agent does not say what it uses.
    """
    s, used = status.settings, status.usage
    if s.max_tokens is not None and used.tokens >= s.max_tokens:
        return f"The agent has used {used.tokens:,} tokens (--max-tokens {s.max_tokens})."
    if s.max_tokens is not None and used.calls and not used.tokens:
        raise SearchEnded(
            f"{s.agent} does not say how many tokens it uses, so --max-tokens cannot be kept: use -n or --hours."
        )
    if s.max_cost is not None and used.cost is None:
        raise SearchEnded(
            f"What {s.agent} costs is unknown, so --max-cost cannot be kept: put its price into a file "
            "(AUTORESEARCH_PRICES), or use --max-tokens."
        )
    if s.max_cost is not None and used.cost is not None and used.cost >= s.max_cost:
        return f"The agent has cost ${used.cost:.2f} (--max-cost {s.max_cost:g})."
    return ""


def room_for_calls(status: StudyStatus, calls: int, *, alone: bool = False) -> bool:
    """Return whether the limits of tokens and money leave room for so many calls at once, each as large as those before.

    Parameters
    ----------
    status : StudyStatus
    calls : int
    alone : bool
        Whether these are all: a single call is made while anything is left, as its size is not known before.

    Raises
    ------
    SearchEnded
        See `money_spent`.
    """
    if money_spent(status):
        return False
    s, used = status.settings, status.usage
    if (s.max_tokens is None and s.max_cost is None) or alone:
        return True
    if not used.calls:  # what a call takes is not known yet
        return False
    tokens, cost = (calls * total / used.calls for total in (used.tokens, used.cost or 0.0))
    return (s.max_tokens is None or used.tokens + tokens <= s.max_tokens) and (
        s.max_cost is None or (used.cost or 0.0) + cost <= s.max_cost
    )
