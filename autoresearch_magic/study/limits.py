"""The limits that end a search before all its experiments are made: time, a target value, patience, tokens, cost."""

from __future__ import annotations

from ..errors import UserCodeError, UserError
from ..experiment import Outcome
from .status import StudyStatus

FRUITLESS = 20
"""Proposals in a row that could not be run, after which the study fails."""


def has_room(status: StudyStatus, seconds: float) -> bool:
    """Return whether --hours or --minutes leaves room for so many seconds more."""
    limit = status.settings.time_limit
    return limit is None or status.elapsed + seconds < limit


def limit_reached(status: StudyStatus, confirmation: float) -> str:
    """Return which limit ends the search, in one line; empty while none does.

    Parameters
    ----------
    status : StudyStatus
    confirmation : float
        Seconds that the confirmation will take.

    Raises
    ------
    UserError
        When --max-tokens or --max-cost is set and the agent does not say what it uses.
    """
    s, used, best = status.settings, status.usage, status.incumbent
    assert best is not None, "there is no baseline yet"
    if not has_room(status, confirmation):
        which = f"--minutes {s.minutes:g}" if s.minutes is not None else f"--hours {s.hours:g}"
        return f"The time is up, with what the confirmation takes ({which})."
    if s.until is not None and best.value is not None and status.metric.gain(best.value, over=s.until) >= 0:
        return f"Experiment {best.number} has reached {status.metric.format(best.value)} (--until {s.until:g})."
    fruitless = sum(e.ran for e in status.experiments[best.number + 1 :])
    if s.patience is not None and fruitless >= s.patience:
        return f"{fruitless} experiments in a row were not kept (--patience {s.patience})."
    if s.max_tokens is not None and used.tokens >= s.max_tokens:
        return f"The agent has used {used.tokens:,} tokens (--max-tokens {s.max_tokens})."
    if s.max_tokens is not None and used.calls and not used.tokens:
        raise UserError(
            f"{s.agent} does not say how many tokens it uses, so --max-tokens cannot be kept: use -n or --hours."
        )
    if s.max_cost is not None and used.cost is None:
        raise UserError(
            f"What {s.agent} costs is unknown, so --max-cost cannot be kept: put its price into a file "
            "(AUTORESEARCH_PRICES), or use --max-tokens."
        )
    if s.max_cost is not None and used.cost is not None and used.cost >= s.max_cost:
        return f"The agent has cost ${used.cost:.2f} (--max-cost {s.max_cost:g})."
    return ""


def check_proposals(status: StudyStatus, since: int) -> None:
    """Raise when the last proposals show that no usable one can be expected any more.

    Parameters
    ----------
    status : StudyStatus
    since : int
        How many experiments were judged when the study was started or resumed last.

    Raises
    ------
    UserError
        After two runs of a command in a row without a readable value, or `FRUITLESS` proposals in a row that were not run.
    """
    # Only since the last start: the user who resumes has seen the earlier ones. A diverged run does count as a value.
    last = [e for e in status.experiments[since:] if e.ran][-2:]
    unread = len(last) == 2 and all(e.measurements[-1].outcome is Outcome.METRIC_ERROR for e in last)
    if status.settings.verify and unread:
        raise UserCodeError(
            f"Two runs in a row gave no value: {last[-1].reason}", last[-1].measurements[-1].output or "(no output)"
        )
    idle = next((i for i, e in enumerate(reversed(status.experiments)) if e.ran), 0)
    if idle >= FRUITLESS:
        raise UserError(f"{idle} proposals in a row could not be run; the last: {status.experiments[-1].reason}")
