"""Learning curves from printed progress, for targets that never call `report()`.

A progress line says how far the run is and then how good it is: ``step 100 | loss 3.21``, ``epoch 3/10 loss=0.42``,
``[12/100] loss: 0.5``, a tqdm bar. It may end in a carriage return. Sentences are ignored, and so are summaries such as
``val_bpb: 0.99``, which do not say how far the run is.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...budget import Budget
from ...runtime import LAST_STEP
from ...source.edits import UNPARSABLE, parse

LONGEST = 1_000
"""Bytes of the longest line that is parsed; longer ones are skipped."""
LINES_AT_ONCE, LINES_PER_SECOND = 100, 50
"""Most lines that are parsed: a number for the whole run, and more for each second of it. A curve needs no more, and so
a target that prints endlessly costs the worker next to nothing."""
MOST_WORDS = 4
"""Words of a progress line besides its position and its named numbers; a line with more of them is a sentence."""

QUALITIES = (
    "loss", "nll", "bpb", "bpc", "ppl", "perplexity", "acc", "accuracy", "mse", "mae", "rmse", "auc", "f1", "iou", "dice",
    "bleu", "elbo", "xent", "reward", "score",
)  # fmt: skip
"""Names of numbers that say how good a run is; each may be part of a longer name, such as ``val_loss``."""

_NUMBER = r"[-+]?(?:\d[\d,_]*\.?\d*(?:e[-+]?\d+)?|\.\d+|nan|inf)"
_QUALIFIER = r"(?:train|training|val|valid|validation|test|eval|dev|avg|average|mean|running|smoothed|ema)"
_VALUE = re.compile(  # loss, val_loss, train/loss, loss_ema, "train loss"; then a number that is not part of a word
    rf"(?<![\w/.-])(?P<name>(?:{_QUALIFIER}[ ])?(?:\w{{1,20}}[/._-]){{0,3}}(?:{'|'.join(QUALITIES)})(?:[/_-]\w{{1,20}})?)"
    rf"[\"']?\s{{0,8}}[:=]?\s{{0,8}}(?:tensor\()?(?P<value>{_NUMBER})(?![\w.])",
    re.IGNORECASE,
)
_POSITION = re.compile(  # step 100, epoch [3/10], 12/100, (44.2%), 45%|
    r"(?:(?<![a-z/])(?P<word>epoch|ep|step|iter|iteration|batch|update|episode)s?[\s\"':=#]{0,8}[\[(]?\s?|(?<![\w./:]))"
    r"(?P<at>\d[\d,_]*(?:\.\d+)?)(?:\s?(?:/|of)\s?(?P<total>\d[\d,_]*)(?![\w./])|\s?(?P<percent>%)\s?[|)])?",
    re.IGNORECASE,
)
_NAMED_NUMBER = re.compile(rf"[\w/.%-]{{1,40}}[\"']?\s?[:=]\s?{_NUMBER}[\w/%]{{0,20}}", re.IGNORECASE)
_WORD = re.compile(r"(?<!\w)[a-z]{2,}", re.IGNORECASE)
_QUALITY_BYTES = tuple(word.encode() for word in QUALITIES)
_LINE_END = re.compile(rb"[\r\n]+")


@dataclass(frozen=True)
class Progress:
    """The content of one progress line.

    Attributes
    ----------
    fraction : float or None
        How much of the whole run is done, from 0 to 1; None where the line says it for a part of the run, or not at all.
    step : int or None
        The step, else the epoch.
    values : Mapping[str, float]
        Losses and scores by name, in their order; spaces in names are replaced by underscores.
    """

    fraction: float | None
    step: int | None
    values: Mapping[str, float]


def parse_line(line: str) -> Progress | None:
    """Parse one line; None when it is not a progress line."""
    values = list(_VALUE.finditer(line))
    if not values:
        return None
    # After the first value an epoch is one number among others; but the order within a dictionary means nothing.
    positions = _positions(line if line.lstrip().startswith("{") else line[: values[0].start()])
    rest = _POSITION.sub(" ", _NAMED_NUMBER.sub(" ", _VALUE.sub(" ", line)))
    if not positions or len(_WORD.findall(rest)) > MOST_WORDS:
        return None
    fraction = next((_share(at, total) for kind, at, total in positions if total and kind != "epoch"), None)
    kind, epoch, epochs = positions[0]
    if kind == "epoch":  # the outer loop: other positions are within this epoch, and epochs count from 1
        fraction = (
            None if not epochs else _share(epoch, epochs) if fraction is None else (epoch - 1 + fraction) / epochs
        )
    counts = {kind: at for kind, at, _ in reversed(positions)}
    step = next((counts[kind] for kind in ("step", "bar", "epoch") if kind in counts), None)
    return Progress(
        fraction=None if fraction is None else min(1.0, max(0.0, fraction)),
        step=None if step is None else int(min(step, LAST_STEP)),
        values={match["name"].replace(" ", "_"): _number(match["value"]) for match in values},
    )


def _positions(text: str) -> list[tuple[str, float, float | None]]:
    """Return how far the run is: each time a kind (epoch, step, bar or percent), a count, and the total or None."""
    found: list[tuple[str, float, float | None]] = []
    for match in _POSITION.finditer(text):
        at = _number(match["at"])
        if match["percent"]:
            found.append(("percent", at, 100.0))
        elif match["word"] or match["total"]:
            word = (match["word"] or "").lower()
            kind = "epoch" if word in ("epoch", "ep") else "step" if word else "bar"
            found.append((kind, at, _number(match["total"]) if match["total"] else None))
    return found


def _share(at: float, total: float) -> float:
    return at / total if math.isfinite(at) and math.isfinite(total) else 0.0


def _number(text: str) -> float:
    return float(text.replace(",", "").replace("_", ""))


class ProgressLines:
    """Turns the output of a running target into the curve points that `report()` would make.

    Parameters
    ----------
    budget : Budget
        From which the progress is computed where a line does not say it.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._pending = b""
        self._parsed = 0
        self._fraction = 0.0
        self._per_epoch = False  # whether a printed fraction has decreased: it is one of an epoch then, not of the run

    def feed(self, data: bytes, elapsed: float, tick: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Take more output and return the points in it.

        Parameters
        ----------
        data : bytes
            The next piece of output, cut anywhere.
        elapsed : float
            Seconds since the target began.
        tick : Mapping, optional
            The clock's last event, where the target uses the clock, which is more exact than a printed line. It may be
            old by `TICK` seconds or one step, whichever is longer, in every run alike.

        Returns
        -------
        list of dict
            ``elapsed``, ``progress``, ``step`` and ``values``, as in the event ``report``.
        """
        parsed = (parse_line(line) for line in self._lines(data, elapsed))
        return [self._point(progress, elapsed, tick) for progress in parsed if progress is not None]

    def _lines(self, data: bytes, elapsed: float) -> Iterator[str]:
        *lines, self._pending = _LINE_END.split(self._pending + data)
        # One byte more than the limit marks the line as too long, however much of it follows.
        self._pending = self._pending[: LONGEST + 1]
        for line in lines:
            if self._parsed >= LINES_AT_ONCE + LINES_PER_SECOND * elapsed:
                return
            lower = line.lower()
            if len(line) <= LONGEST and any(word in lower for word in _QUALITY_BYTES):
                self._parsed += 1
                yield line.decode("utf-8", "replace")

    def _point(self, line: Progress, elapsed: float, tick: Mapping[str, Any] | None) -> dict[str, Any]:
        if tick is not None:
            step = tick["step"] if line.step is None else line.step
            return {"elapsed": tick["elapsed"], "progress": tick["progress"], "step": step, "values": dict(line.values)}
        step = line.step or 0
        if line.fraction is not None:
            self._per_epoch |= line.fraction < self._fraction
            self._fraction = line.fraction
        if line.fraction is not None and not self._per_epoch:
            progress = line.fraction
        else:
            spent = elapsed if self.budget.unit == "seconds" else step
            progress = min(1.0, spent / self.budget.amount)
        return {"elapsed": elapsed, "progress": progress, "step": step, "values": dict(line.values)}


def reports_itself(source: str) -> bool:
    """Whether a source calls a function ``report``; then its printed lines are not read as a curve."""
    try:
        calls = [node.func for node in ast.walk(parse(source)) if isinstance(node, ast.Call)]
    except UNPARSABLE:
        return False
    return any((f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "")) == "report" for f in calls)
