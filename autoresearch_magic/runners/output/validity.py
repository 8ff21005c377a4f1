"""Whether a run is valid, by what it prints: a truth value or a comparison, read in the metric's formats.

``json:correct`` needs a true value there, ``accuracy > 0.5`` a number in a line that names it, ``re:^all correct`` a match. A flag
that is printed several times must hold each time.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...metric import Metric
from ...text import shorten
from .json_path import MissingValue, documents, parse_path, value_at
from .metric_reader import FORMATS, ReadingRule, file_lines, parse_rule
from .named_lines import name_pattern, visible_lines
from .numbers import quantities
from .readings import RunOutput, Unreadable

TRUE = frozenset((
    "true", "yes", "y", "ok", "okay", "pass", "passed", "passing", "success", "successful", "succeeded", "valid", "correct", "on",
))  # fmt: skip
FALSE = frozenset((
    "false", "no", "n", "not", "fail", "failed", "failing", "failure", "invalid", "incorrect", "wrong", "error", "off", "none", "null",
))  # fmt: skip
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
_COMPARED = re.compile(
    r"(?P<what>.+?)\s*(?P<sign><=|>=|==|!=|<|>)\s*(?P<number>[-+]?[0-9.]+(?:e[-+]?[0-9]+)?)\s*", re.IGNORECASE
)
_WORD = re.compile(r"[\s\"'`*]*([A-Za-z]+)")


class NotPrinted(Exception):
    """The output holds nothing that says whether the run is valid."""


@dataclass(frozen=True)
class Condition:
    """A condition on the output of a run.

    Attributes
    ----------
    text : str
        As the user wrote it.
    what : str
        What is read: a name, or a format with its argument.
    sign : str
        The comparison; empty where a truth value is read.
    number : float
        What is compared with.
    """

    text: str
    what: str
    sign: str = ""
    number: float = 0.0

    def problem(self, run: RunOutput) -> str:
        """Return why the run is not valid, in one line; empty when it is valid.

        Raises
        ------
        NotPrinted
            When nothing in the output says so.
        """
        keyword, _, argument = (part.strip() for part in self.what.partition(":"))
        if keyword == "file":
            path, _, inner = (part.strip() for part in argument.partition("#"))
            try:
                return replace(self, what=inner).problem(replace(run, lines=file_lines(path, run), file=path))
            except Unreadable as unreadable:
                raise NotPrinted(str(unreadable)) from None
        values = list(self._values(run, keyword, argument))
        return next((problem for value in values if (problem := self.problem_of(value))), "")

    def problem_of(self, value: Any) -> str:
        """Return why a value does not fulfil the condition; empty when it does."""
        if self.sign:
            number = _number(value)
            if number is None:
                return f"{self.text} cannot be compared: it is {_shown(value)}"
            return "" if _OPERATORS[self.sign](number, self.number) else f"{self.text} does not hold: it is {number:g}"
        if value is False and self.what.startswith("re:"):
            return f"nothing matches {shorten(self.what.removeprefix('re:'))}"
        truth = _truth(value)
        if truth is None:
            return f"{self.text} is {_shown(value)}, neither true nor false"
        return "" if truth else f"{self.text} is {_shown(value)}"

    def _values(self, run: RunOutput, keyword: str, argument: str) -> Iterator[Any]:
        """Yield every value in the output that the condition is about."""
        text = "\n".join(run.lines)
        if keyword == "json":
            try:
                yield value_at(documents(text), parse_path(argument))
            except MissingValue as missing:
                raise NotPrinted(f"{run.origin}: {missing}") from None
        elif keyword == "re":
            pattern = re.compile(argument, re.MULTILINE)
            group = "value" if "value" in pattern.groupindex else min(1, pattern.groups)
            matches = [match[group] for match in pattern.finditer(text)]
            if not matches and group:
                raise NotPrinted(f"nothing matches {shorten(argument)} in {run.origin}")
            yield from matches if group else [bool(matches)]
        else:
            pattern = re.compile(rf"(?<!\w){name_pattern(self.what)}[\"'`*]*[ \t]*[:=][ \t]*(?=\S)", re.IGNORECASE)
            found = False
            for line in run.lines:
                for match in pattern.finditer(line):
                    found = True
                    yield _first(line[match.end() :])
            if not found:
                raise NotPrinted(f"no line names {self.what!r} in {run.origin}")


def parse_condition(text: str) -> Condition:
    """Parse a condition on the output: ``NAME``, ``json:PATH``, ``file:PATH#json:PATH`` or ``re:REGEX``; all but the last may be compared.

    Raises
    ------
    UserError
        When it can never work.
    """
    text = text.strip()
    what, sign, number = text, "", 0.0
    if not text.startswith("re:") and (compared := _COMPARED.fullmatch(text)):
        what, sign = compared["what"], compared["sign"]
        try:
            number = float(compared["number"])
        except ValueError:
            raise UserError(f"--valid {shorten(text)!r}: {compared['number']!r} is not a number.") from None
    keyword, colon, _ = (part.strip() for part in what.partition(":"))
    if colon and keyword in ("json", "re", "file"):
        rule = _parse_format(what)
        if keyword == "file" and rule.argument.partition("#")[2].partition(":")[0].strip() not in ("json", "re"):
            raise UserError(f"--valid {shorten(text)!r}: a file is read by file:PATH#json:PATH or file:PATH#re:REGEX.")
    elif colon and keyword in FORMATS:
        raise UserError(f"--valid takes NAME, json:PATH, file:PATH#json:PATH or re:REGEX, not {shorten(text)!r}.")
    elif not re.search(r"\w", what) or re.search(r"[<>=!&|()]", what):
        raise UserError(
            f"--valid {shorten(text)!r} cannot be read: write NAME, json:PATH, file:PATH#json:PATH or re:REGEX, and behind all but the "
            "last a comparison such as  > 0.5"
        )
    return Condition(text, what, sign, number)


def _parse_format(what: str) -> ReadingRule:
    try:
        return parse_rule(what)
    except UserError as error:  # its texts are about a metric
        text = str(error).replace("The metric's", "--valid: the").replace("--metric NAME=", "--valid ")
        raise UserError(text) from None


def _first(text: str) -> Any:
    """Return the word or the number that a text begins with."""
    if word := _WORD.match(text):
        return word[1]
    quantity = next(quantities(text[:200]), None)
    return float(quantity.number) if quantity and not quantity.ambiguity else text.strip()[:60]


def _truth(value: Any) -> bool | None:
    if isinstance(value, str):
        word = value.strip().strip("\"'`*.,;!").lower()
        if word in TRUE or word in FALSE:
            return word in TRUE
    number = _number(value)
    return None if number is None or number != number else number != 0


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _shown(value: Any) -> str:
    known = {"True": "true", "False": "false", "None": "null"}
    return shorten(known.get(str(value), str(value)))


def check_printed(condition: Condition, output: str, *, metric: str, folder: Path, since: float) -> str:
    """Return why a run is not valid by its output, in one line; empty when it is valid."""
    try:
        return condition.problem(RunOutput(visible_lines(output), metric, folder, since))
    except NotPrinted as nothing:
        return f"{condition.text} cannot be read: {nothing}"


def not_valid(problem: str, metric: Metric, value: float | None) -> str:
    """Return the error of a run that is not valid, with the value that does not count."""
    return f"Not valid: {problem}. Its {metric.name}, {metric.format(value)}, does not count."
