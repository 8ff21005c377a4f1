"""The metric: its name, where its value comes from, and which direction is better."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from .errors import UserError
from .syntax import syntax_tree

_NAMED = re.compile(r"\s*([A-Za-z_][\w.\-]*)\s*=(?!=)\s*(.+)", re.DOTALL)
_BETTER = r"(lower|higher|smaller|larger)\s+is\s+better"
_DIRECTION = re.compile(rf"\((?:[^()]*[,;])?\s*{_BETTER}\s*\)|(?:[,;:]\s*|\s)\b{_BETTER}\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Metric:
    """The number that experiments shall improve.

    Attributes
    ----------
    name : str
        As shown to users, in charts and in files.
    expression : str
        For cells, a Python expression that is evaluated after the target, with the setup's own names restored; a plain name
        may also be printed by the target as a line ``name: value``. For commands, and for cells that print it, how it is read from
        the output (`runners.output.metric_reader.parse_rule`).
    minimize : bool
        Whether lower is better.
    """

    name: str
    expression: str
    minimize: bool = True

    def gain(self, value: float, over: float) -> float:
        """Return how much better `value` is than `over`, in the metric's unit; negative when it is worse."""
        return over - value if self.minimize else value - over

    def format(self, value: float | None, noise: float = 0.0) -> str:
        """Return a value with the digits that the noise allows (`format_number`), or a dash for None."""
        return "–" if value is None else format_number(value, noise)

    def format_apart(self, value: float, other: float, noise: float = 0.0) -> tuple[str, str]:
        """Return two values with the digits that the noise allows; without noise, with enough of them to tell the two apart."""
        texts = format_number(value, noise), format_number(other, noise)
        if noise or value == other or texts[0] != texts[1]:
            return texts
        return format_number(value, abs(value - other)), format_number(other, abs(value - other))


def format_number(value: float, noise: float = 0.0) -> str:
    """Return a number with the digits that mean something; a number that is not zero never looks like zero.

    Parameters
    ----------
    value : float
    noise : float
        Standard deviation of a single value, or the smallest difference that matters: the last digit shown is a tenth of its first.
        0 where it is not known, which gives integers whole and other numbers six significant digits.

    Examples
    --------
    ``0.873`` for 0.8731234 with a noise of 0.01, ``0.873123`` without; ``1234567`` and ``2.4e-19``.
    """
    if not math.isfinite(value):
        return f"{value:g}"
    known = math.isfinite(noise) and noise > 0
    finest = 1 - math.floor(math.log10(noise)) if known else 0  # decimals
    if value == 0:
        return f"{0:.{min(max(finest, 0), 6)}f}"
    if not known and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    size = math.floor(math.log10(abs(value)))
    digits = min(max(finest + size + 1, 2), 12) if known else 6
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    size = int(exponent)  # rounding may have carried: 9.996 to 10.00
    if -5 <= size < 15:
        decimals = digits - 1 - size
        whole = decimals < 0 and not known  # no digit before the point is lost to a guess about the noise
        text = f"{round(value, 0 if whole else decimals):.{max(decimals, 0)}f}"
        return text if known or "." not in text else text.rstrip("0").rstrip(".")
    return f"{mantissa if known or '.' not in mantissa else mantissa.rstrip('0').rstrip('.')}e{exponent}"


def format_numbers(numbers: Mapping[str, float], limit: int) -> str:
    """Return named numbers in one line of at most about `limit` characters, with how many were left out."""
    shown: list[str] = []
    for name, value in numbers.items():
        text = f"{name} {format_number(value)}"
        if shown and sum(len(each) + 2 for each in shown) + len(text) > limit:
            break
        shown.append(text)
    left = len(numbers) - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left else "")


def split_direction(text: str) -> tuple[str, bool | None]:
    """Split ``(lower is better)``, ``(ms; lower is better)``, or ``, lower is better`` at the end, off a metric's text.

    Returns
    -------
    text : str
        Without the direction.
    minimize : bool or None
        None where the text has no direction.
    """
    if not (found := _DIRECTION.search(text)):
        return text.strip(), None
    without = text[: found.start()] + text[found.end() :]
    return without.strip(), (found[1] or found[2]).lower() in ("lower", "smaller")


def made_name(expression: str) -> str:
    """Return the name of a metric that is given as a Python expression alone: that of the called function, or all of it.

    Raises
    ------
    SyntaxError
        When it is not Python.
    """
    tree = syntax_tree(expression, "eval").body
    return re.sub(r"\W+", "_", ast.unparse(tree.func if isinstance(tree, ast.Call) else tree)).strip("_") or "metric"


def parse_metric(text: str) -> tuple[str, str, bool | None]:
    """Parse the metric of a cell: ``NAME=EXPRESSION``, a name alone or an expression alone.

    Parameters
    ----------
    text : str
        For example ``val_bpb=evaluate(model)``, ``loss`` or ``accuracy (higher is better)``.

    Returns
    -------
    name, expression : str
    minimize : bool or None
        None where the text does not say which direction is better.

    Raises
    ------
    UserError
        When it is empty or the expression is not Python.
    """
    text, minimize = split_direction(text)
    if not text:
        raise UserError(
            "The metric is empty: give --metric NAME=EXPRESSION, for example --metric val_bpb=evaluate(model)."
        )
    named = _NAMED.fullmatch(text)
    name, expression = (named[1], named[2].strip()) if named else ("", text)
    try:
        made = made_name(expression)
    except SyntaxError as error:
        raise UserError(
            f"The metric {expression!r} is not a Python expression ({error.msg}): "
            "write --metric NAME=EXPRESSION, in quotes where it has spaces."
        ) from None
    return name or made, expression, minimize
