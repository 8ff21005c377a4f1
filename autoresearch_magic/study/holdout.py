"""What the holdout says, in words: beside the confirmed result, and in front of it where it contradicts."""

from __future__ import annotations

from dataclasses import replace

from ..headline import Headline, Holdout
from ..metric import format_number
from ..text import shorten
from .gain_words import beyond_chance, gain_text


def contradicts(head: Headline | None) -> bool:
    """Whether the validation data show an improvement and the holdout does not."""
    return head is not None and beyond_chance(head) and head.holdout is not None and not head.holdout.confirms


def holdout_gain(head: Headline, held: Holdout) -> str:
    """Return the gain on the holdout in words, as that on the validation data is written."""
    return gain_text(replace(head, gain=held.gain, reach=held.reach, baseline=held.baseline))


def share_text(held: Holdout, confidence: float) -> str:
    """Return how much of the gain is the selection's share, in words.

    Examples
    --------
    ``0.07 of the gain is the selection's share (95% interval 0.02 to 0.12)``
    """
    share, reach = held.share, held.share_reach
    amount = format_number(abs(share), reach) if reach else format_number(float(f"{abs(share):.3g}"))
    if reach is None:
        return f"{amount} {'less' if share > 0 else 'more'} than on the validation data, which one run of each cannot tell from chance"
    if share == 0 or float(amount) == 0:
        return "the selection has no share in the gain" if not reach else _unsure(amount, share, reach, confidence)
    if reach == 0 and share > 0:
        return f"{amount} of the gain is the selection's share, the same in every run"
    if reach == 0:
        return f"that is {amount} more than on the validation data in every run: the selection has no share in it"
    if abs(share) <= reach:
        return _unsure(amount, share, reach, confidence)
    near, far = (format_number(abs(share) + way * reach, reach) for way in (-1, 1))
    interval = f"({confidence:.0%} interval {near} to {far})"
    if share < 0:
        return f"that is {amount} more than on the validation data {interval}: the selection has no share in it"
    return f"{amount} of the gain is the selection's share {interval}"


def _unsure(amount: str, share: float, reach: float, confidence: float) -> str:
    low, high = (format_number(share + way * reach, reach) for way in (-1, 1))
    what = f"{amount} {'less' if share > 0 else 'more'}" if float(amount) else "no less"
    return f"{what} than on the validation data, which chance may explain ({confidence:.0%} interval of the selection's share {low} to {high})"


def looks_text(held: Holdout) -> str:
    """Return that the holdout was looked at before, as a sentence; empty the first time."""
    if held.looks < 2:
        return ""
    return f"The holdout has been looked at {held.looks} times: what was searched after a look is no longer independent of it."


def warning(head: Headline) -> str:
    """Return that the holdout contradicts the result, as a sentence that stands before it; empty where it does not."""
    held = head.holdout
    if held is None or not contradicts(head):
        return ""
    worse = held.reach is not None and held.gain < -held.reach
    what = "the best is worse than the baseline there" if worse else "no improvement is shown there"
    return f"The holdout {held.name} does not confirm it: {what}."


def holdout_text(head: Headline) -> str:
    """Return what the holdout says, in one or two sentences after the gain on the validation data; empty without one.

    Examples
    --------
    ``On the holdout test_bpb 0.55 better (18%; 95% interval 0.49 to 0.61): 0.07 of the gain is the selection's share (95% interval 0.02 to
    0.12).``
    """
    held = head.holdout
    if held is None:
        return failed_text(head)
    runs = f" ({held.runs} of {head.repeats} runs)" if held.runs < head.repeats else ""
    said = f"On the holdout {held.name}{runs} {holdout_gain(head, held)}: {share_text(held, head.confidence)}."
    return " ".join(each for each in (said, looks_text(held), failed_text(head)) if each)


def failed_text(head: Headline) -> str:
    """Return that the holdout could not be measured in some runs, as a sentence; empty where it could."""
    if not head.holdout_error:
        return ""
    what = "could not be measured" if head.holdout is None else "could not be measured in all runs"
    return f"The holdout {what}: {shorten(head.holdout_error, 200).rstrip('.')}."
