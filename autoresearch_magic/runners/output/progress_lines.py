"""Learning curves from what a target prints, for targets that never call `report()`.

A progress line says where the run is and, after that, how good it is: ``step 100 | loss 3.21``,
``epoch 3/10 loss=0.42``, ``[12/100] loss: 0.5``, a bar of tqdm. It may end in a carriage return. What reads like a
sentence is none, and neither is a summary such as ``val_bpb: 0.99``, which names no place.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...budget import Budget
from ...source.edits import UNPARSABLE, parse

LONGEST = 1_000
"""Bytes of the longest line that is looked at; a longer one is skipped as it comes."""
AT_ONCE, A_SECOND = 100, 50
"""Lines that are looked at: so many, and so many more for each second of the run. A curve needs no more, and a target
that prints without end costs the worker next to nothing."""
WORDS = 4
"""Words of a progress line that belong to neither a place nor a figure; with more of them it is a sentence."""

QUALITIES = (
    "loss", "nll", "bpb", "bpc", "ppl", "perplexity", "acc", "accuracy", "mse", "mae", "rmse", "auc", "f1", "iou", "dice",
    "bleu", "elbo", "xent", "reward", "score",
)  # fmt: skip
"""What the number is called that says how good a run is; any may be part of a longer name, such as ``val_loss``."""

_NUMBER = r"[-+]?(?:\d[\d,_]*\.?\d*(?:e[-+]?\d+)?|\.\d+|nan|inf)"
_QUALIFIER = r"(?:train|training|val|valid|validation|test|eval|dev|avg|average|mean|running|smoothed|ema)"
_VALUE = re.compile(  # loss, val_loss, train/loss, loss_ema, "train loss"; then a number that is not part of a word
    rf"(?<![\w/.-])(?P<name>(?:{_QUALIFIER}[ ])?(?:\w{{1,20}}[/._-]){{0,3}}(?:{'|'.join(QUALITIES)})(?:[/_-]\w{{1,20}})?)"
    rf"[\"']?\s{{0,8}}[:=]?\s{{0,8}}(?:tensor\()?(?P<value>{_NUMBER})(?![\w.])",
    re.IGNORECASE,
)
_PLACE = re.compile(  # step 100, epoch [3/10], 12/100, (44.2%), 45%|
    r"(?:(?<![a-z/])(?P<word>epoch|ep|step|iter|iteration|batch|update|episode)s?[\s\"':=#]{0,8}[\[(]?\s?|(?<![\w./:]))"
    r"(?P<at>\d[\d,_]*(?:\.\d+)?)(?:\s?(?:/|of)\s?(?P<total>\d[\d,_]*)(?![\w./])|\s?(?P<percent>%)\s?[|)])?",
    re.IGNORECASE,
)
_FIGURE = re.compile(rf"[\w/.%-]{{1,40}}[\"']?\s?[:=]\s?{_NUMBER}[\w/%]{{0,20}}", re.IGNORECASE)
_WORD = re.compile(r"(?<!\w)[a-z]{2,}", re.IGNORECASE)
_HINTS = tuple(word.encode() for word in QUALITIES)
_END = re.compile(rb"[\r\n]+")


@dataclass(frozen=True)
class Progress:
    """What one progress line says.

    Attributes
    ----------
    share : float or None
        How much of the whole run is done, 0 to 1; None where the line does not say that, or of a part of the run only.
    step : int or None
        What it counts by: the step, else the epoch.
    values : Mapping[str, float]
        Losses and scores by their names, in their order; a space in a name has become an underscore.
    """

    share: float | None
    step: int | None
    values: Mapping[str, float]


def parse_line(line: str) -> Progress | None:
    """Read one line; None when it is no progress line."""
    values = list(_VALUE.finditer(line))
    if not values:
        return None
    # Behind the first value, an epoch is one figure among others; but a dictionary has no order to speak of.
    places = _places(line if line.lstrip().startswith("{") else line[: values[0].start()])
    rest = _PLACE.sub(" ", _FIGURE.sub(" ", _VALUE.sub(" ", line)))
    if not places or len(_WORD.findall(rest)) > WORDS:
        return None
    share = next((at / total for word, at, total in places if total and word != "epoch"), None)
    if places[0][0] == "epoch":  # the outer loop: what else is said is of this epoch, the first of which is 1
        _, epoch, epochs = places[0]
        share = None if not epochs else epoch / epochs if share is None else (epoch - 1 + share) / epochs
    counts = {word: at for word, at, _ in reversed(places)}
    step = next((counts[word] for word in ("step", "bar", "epoch") if word in counts), None)
    return Progress(
        share=None if share is None else min(1.0, max(0.0, share)),
        step=None if step is None else int(step),
        values={match["name"].replace(" ", "_"): _number(match["value"]) for match in values},
    )


def _places(text: str) -> list[tuple[str, float, float | None]]:
    """Find where the run is: epoch, step, bar or percent; how far; of how many."""
    found: list[tuple[str, float, float | None]] = []
    for match in _PLACE.finditer(text):
        at = _number(match["at"])
        if match["percent"]:
            found.append(("percent", at, 100.0))
        elif match["word"] or match["total"]:
            word = (match["word"] or "").lower()
            kind = "epoch" if word in ("epoch", "ep") else "step" if word else "bar"
            found.append((kind, at, _number(match["total"]) if match["total"] else None))
    return found


def _number(text: str) -> float:
    return float(text.replace(",", "").replace("_", ""))


class ProgressLines:
    """Turns a run's output, as it comes, into the same points that `report()` makes.

    Parameters
    ----------
    budget : Budget
        What places a point whose line does not say how much of the run is done.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._pending = b""
        self._looked = 0
        self._share = 0.0
        self._partial = False  # whether a printed share has fallen back: it is of an epoch then, not of the run

    def feed(self, data: bytes, elapsed: float, tick: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Take output and return the points in it.

        Parameters
        ----------
        data : bytes
            The next piece of output, cut anywhere.
        elapsed : float
            Seconds since the target began.
        tick : Mapping, optional
            The clock's last sign of life, where the target uses the clock: it knows better than a line where the run is.
            It may be old by `TICK` seconds or one step, whichever is longer, in every run alike.

        Returns
        -------
        list of dict
            ``elapsed``, ``progress``, ``step`` and ``values``, as in the event ``report``.
        """
        points = []
        for line in self._lines(data, elapsed):
            if (said := parse_line(line)) is not None:
                points.append(self._point(said, elapsed, tick))
        return points

    def _lines(self, data: bytes, elapsed: float) -> Iterator[str]:
        *lines, self._pending = _END.split(self._pending + data)
        # One byte more than what is looked at marks the line as too long, however much of it is still to come.
        self._pending = self._pending[: LONGEST + 1]
        for line in lines:
            if self._looked >= AT_ONCE + A_SECOND * elapsed:
                return
            lower = line.lower()
            if len(line) <= LONGEST and any(word in lower for word in _HINTS):
                self._looked += 1
                yield line.decode("utf-8", "replace")

    def _point(self, said: Progress, elapsed: float, tick: Mapping[str, Any] | None) -> dict[str, Any]:
        values = dict(said.values)
        if tick is not None:
            step = tick["step"] if said.step is None else said.step
            return {"elapsed": tick["elapsed"], "progress": tick["progress"], "step": step, "values": values}
        if said.share is not None:
            self._partial |= said.share < self._share
            self._share = said.share
        if said.share is not None and not self._partial:
            progress = said.share
        elif self.budget.unit == "seconds":
            progress = min(1.0, elapsed / self.budget.amount)
        else:
            progress = min(1.0, (said.step or 0) / self.budget.amount)
        return {"elapsed": elapsed, "progress": progress, "step": said.step or 0, "values": values}


def reports_itself(source: str) -> bool:
    """Whether a source calls a function ``report``: then its printed lines are for people alone."""
    try:
        calls = [node.func for node in ast.walk(parse(source)) if isinstance(node, ast.Call)]
    except UNPARSABLE:
        return False
    return any((f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "")) == "report" for f in calls)
