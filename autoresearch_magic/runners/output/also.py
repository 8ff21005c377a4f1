"""Further numbers that a run is measured by beside its metric (``--also NAME=EXPRESSION``). They decide nothing.

In cells an expression is evaluated in the run's process, after the metric; with a command, and for what a cell prints, the expression is a
format, as in ``--metric``. A number that cannot be read is told once, and costs the run nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...metric import Metric, split_direction
from ...run_numbers import plain_name
from ...text import shorten
from .all_numbers import bounded
from .cell_metric import NAMED_LINE, PrintedMetric, parse_cell_metric, printed_metric
from .metric_reader import ReadingRule, parse_rule, parse_verified_metric
from .named_lines import visible_lines
from .readings import RunOutput, Unreadable

MOST_ALSO = 12
"""Further numbers that a study may measure."""

_NEXT = re.compile(r"\s*,\s*(?=[A-Za-z_][\w.%/-]*(?: [\w.%/-]+){0,4}\s*=(?![=~]))")
_OPEN, _CLOSE = "([{", ")]}"


def split_also(text: str) -> list[str]:
    """Split ``a=f(x, y), b=g(z)`` into its parts: at a comma outside of brackets and strings behind which ``NAME=`` follows."""
    parts, start, at, depth, quote = [], 0, 0, 0, ""
    while at < len(text):
        character = text[at]
        if character == "\\":
            at += 2
            continue
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth = max(0, depth - 1)
        elif character == "," and depth == 0 and (found := _NEXT.match(text, at)):
            parts.append(text[start:at])
            start = at = found.end()
            continue
        at += 1
    return [part for each in (*parts, text[start:]) if (part := each.strip().rstrip(",").strip())]


def parse_also(text: str, *, verified: bool) -> tuple[str, str]:
    """Return the name and the expression of one further number.

    Parameters
    ----------
    text : str
        ``NAME=EXPRESSION``; what a metric may be.
    verified : bool
        Whether a command measures.

    Raises
    ------
    UserError
        When it can never work, or says which way is better.
    """
    if split_direction(text)[1] is not None:
        raise UserError(
            f"--also {shorten(text)!r} says which way is better, but only the metric is improved: take that out."
        )
    try:
        name, expression, _ = parse_verified_metric(text) if verified else parse_cell_metric(text)
        if verified:
            parse_rule(expression)
    except UserError as error:
        raise UserError(f"--also {shorten(text)!r}: {error}") from None
    return name, expression


def check_also(texts: Sequence[str], metric: str, *, verified: bool) -> None:
    """Check the option before a study starts.

    Raises
    ------
    UserError
        When one can never work, a name is the metric's or is there twice, or there are too many.
    """
    if len(texts) > MOST_ALSO:
        raise UserError(
            f"--also takes {MOST_ALSO} numbers at most, not {len(texts)}: leave some out, or print them as  name: value"
        )
    seen: dict[str, str] = {plain_name(metric): ""}
    for text in texts:
        name, _ = parse_also(text, verified=verified)
        if (before := seen.get(plain_name(name))) is not None:
            which = f"are two of {name!r}" if before else f"has the metric's own name, {name!r}"
            raise UserError(f"--also {which}: give {'one of them' if before else 'it'} another name, or take it out.")
        seen[plain_name(name)] = name


class AlsoNumbers:
    """Reads the further numbers of runs.

    Parameters
    ----------
    texts : sequence of str
        As in the option.
    verified : bool
        Whether a command measures.
    on_problem : callable, optional
        Called with one line, once for each number that cannot be read.

    Attributes
    ----------
    expressions : dict of str to str
        What is to be evaluated in the run's process, by name.
    rules : list of ReadingRule
        How the others are read from the output.
    problems : dict of str to str
        The lines of `on_problem`, by name.
    """

    def __init__(
        self, texts: Sequence[str], *, verified: bool, on_problem: Callable[[str], object] | None = None
    ) -> None:
        self._printed: dict[str, PrintedMetric] = {}
        self.names: list[str] = []
        self.expressions: dict[str, str] = {}
        self.problems: dict[str, str] = {}
        self._on_problem = on_problem
        for text in texts:
            name, expression = parse_also(text, verified=verified)
            self.names.append(name)
            if verified:
                self._printed[name] = PrintedMetric(name, parse_rule(expression) if expression else NAMED_LINE, True)
            elif (printed := printed_metric(Metric(name, expression))) is not None:
                self._printed[name] = printed
            if not (verified or (name in self._printed and self._printed[name].always)):
                self.expressions[name] = expression

    @property
    def rules(self) -> list[ReadingRule]:
        """How numbers are read from the output."""
        return [printed.rule for printed in self._printed.values()]

    def read(
        self,
        result: Mapping[str, Any],
        output: str,
        *,
        folder: Path,
        since: float,
        exit_code: int = 0,
        seconds: float = 0.0,
    ) -> dict[str, float]:
        """Return the numbers of a run that has a value.

        Parameters
        ----------
        result : Mapping
            The worker's: ``also`` and ``also_errors`` have what was evaluated in the run's process (`metric_value.also_numbers`).
        output, folder, since, exit_code, seconds
            See `RunOutput`.
        """
        evaluated, errors = result.get("also", {}), result.get("also_errors", {})
        found: dict[str, float] = {}
        for name in self.names:
            own = {key: each for key, each in evaluated.items() if key == name or key.startswith(f"{name}.")}
            if own:
                found.update(own)
                continue
            why = errors.get(name, "the run ended before it was evaluated")
            if (printed := self._printed.get(name)) is not None:
                run = RunOutput(visible_lines(output), printed.name, folder, since, exit_code, seconds)
                try:
                    value = printed.rule.read(run).value
                    if math.isfinite(value):
                        found[name] = value
                        continue
                    why = f"it is {value}"
                except Unreadable as reason:
                    first = "" if printed.always else f"{why.rstrip('.')}, and "
                    why = first + (
                        str(reason).replace("--metric", "--also")
                        if printed.always
                        else f"no line '{printed.name}: value' was printed"
                    )
            self._tell(name, why)
        return found

    def beside(self, own: Mapping[str, float], others: Mapping[str, float]) -> dict[str, float]:
        """Return these numbers and then others of the run, without those of the same names."""
        taken = {plain_name(name) for name in (*self.names, *own)}
        return bounded({**own, **{name: value for name, value in others.items() if plain_name(name) not in taken}})

    def _tell(self, name: str, why: str) -> None:
        if name in self.problems:
            return
        self.problems[name] = f"--also {name} has no value: {why.rstrip('.')}. The run counts all the same."
        if self._on_problem is not None:
            self._on_problem(self.problems[name])
