"""The messages of a study: a proven keep, a failure, the end; in words and in figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ...experiment import Experiment
from ...keys.redact import cleaned
from ...text import shorten
from ..evidence import interval, signed
from ..status import StudyStatus
from ..summary import result_line

Kind = Literal["keep", "failure", "end"]
Figure = str | int | float | bool | None
LONGEST = 1_500
"""Characters of a message; Discord takes 2,000."""


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes
    ----------
    kind : {"keep", "failure", "end"}
    title, text : str
        Without keys.
    figures : Mapping
        The facts by name: ``study``, ``metric``, ``value``, ...; None for what there is none of.
    """

    kind: Kind
    title: str
    text: str
    figures: Mapping[str, Figure]


def keep_message(status: StudyStatus, e: Experiment) -> Message:
    """Return the message that a keep is proven."""
    gain = status.gains[e.number]
    over = "" if e.parent is None else f" over experiment {e.parent}" if e.parent else " over the baseline"
    sd = status.spread(e)
    text = f"{status.metric.name} {status.format(e.value)}, gain {signed(gain, sd)} ({interval(gain, sd)}){over}. {e.summary}"
    figures = {"gain": gain.gain, "gain_low": gain.low, "gain_high": gain.high, "p_better": gain.p_better}
    return _message(status, "keep", f"{status.name}: experiment {e.number} is a proven keep", text, e, figures)


def end_message(status: StudyStatus, state: str, message: str) -> Message:
    """Return the message that a study has ended, or has failed."""
    failed, head = state == "failed", status.headline
    figures: dict[str, Figure] = dict.fromkeys(("gain", "gain_low", "gain_high", "p_better"))
    if head is not None:
        low, high = (None, None) if head.reach is None else (head.gain - head.reach, head.gain + head.reach)
        figures = {"gain": head.gain, "gain_low": low, "gain_high": high, "p_better": head.p_better}
    result = f"{result_line(status)}." if status.experiments else ""
    text = " ".join(each for each in ((message, result) if failed else (result, message)) if each)
    title = f"{status.name} has {'failed' if failed else 'ended'}"
    return _message(status, "failure" if failed else "end", title, text, status.incumbent, figures, state)


def _message(
    status: StudyStatus, kind: Kind, title: str, text: str, e: Experiment | None, more: Mapping[str, Figure], state: str = "running"
) -> Message:  # fmt: skip
    baseline = status.baseline
    figures: dict[str, Figure] = {
        "event": kind,
        "study": status.name,
        "folder": str(status.folder),
        "state": state,
        "metric": status.metric.name,
        "direction": "lower" if status.metric.minimize else "higher",
        "experiments": status.done,
        "experiment": e.number if e else None,
        "value": e.value if e else None,
        "baseline": baseline.value if baseline else None,
        **more,
        "summary": cleaned(e.summary) if e else None,
        "commit": e.commit if e and e.commit else None,
    }
    text = shorten(cleaned(text), LONGEST)
    return Message(kind, cleaned(title), text, figures | {"message": f"{cleaned(title)}: {text}"})
