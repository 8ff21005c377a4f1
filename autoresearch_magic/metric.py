"""A metric: its name, how it is read, and which way is better."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from .errors import UserError
from .syntax import syntax_tree

_NAMED = re.compile(r"\s*([A-Za-z_][\w.\-]*)\s*=(?!=)\s*(.+)", re.DOTALL)
_BETTER = r"(lower|higher|smaller|larger)\s+is\s+better"
_DIRECTION = re.compile(rf"\(\s*{_BETTER}\s*\)|(?:[,;:]\s*|\s)\b{_BETTER}\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Metric:
    """What is measured.

    Attributes
    ----------
    name : str
        For people, charts and files.
    expression : str
        A Python expression, evaluated after the target with the setup's names bound anew. A plain name may also be
        printed by the target as a line ``name: value``.
    minimize : bool
        Whether lower is better.
    """

    name: str
    expression: str
    minimize: bool = True

    def gain(self, value: float, over: float) -> float:
        """By how much `value` is better than `over`, in the metric's own unit; negative when it is worse."""
        return over - value if self.minimize else value - over

    def format(self, value: float | None) -> str:
        """Write a value with six significant figures; a dash for none."""
        return "–" if value is None else f"{value:.6g}"


def split_direction(text: str) -> tuple[str, bool | None]:
    """Take ``(lower is better)``, or ``, lower is better`` at the end, out of a metric's text.

    Returns
    -------
    rest : str
        The text without it.
    minimize : bool or None
        None where the text does not say which way is better.
    """
    if not (found := _DIRECTION.search(text)):
        return text.strip(), None
    rest = text[: found.start()] + text[found.end() :]
    return rest.strip(), (found[1] or found[2]).lower() in ("lower", "smaller")


def parse_metric(text: str) -> tuple[str, str, bool | None]:
    """Read ``NAME=EXPRESSION``, a bare name or a bare expression.

    Parameters
    ----------
    text : str
        For example ``val_bpb=evaluate(model)``, ``loss`` or ``accuracy (higher is better)``.

    Returns
    -------
    name, expression : str
    minimize : bool or None
        Where the text says which way is better, else None.

    Raises
    ------
    UserError
        When the expression is not Python.
    """
    text, minimize = split_direction(text)
    if not text:
        raise UserError(
            "The metric is empty: give --metric NAME=EXPRESSION, for example --metric val_bpb=evaluate(model)."
        )
    named = _NAMED.fullmatch(text)
    name, expression = (named[1], named[2].strip()) if named else ("", text)
    try:
        tree = syntax_tree(expression, "eval").body
    except SyntaxError as error:
        raise UserError(
            f"The metric {expression!r} is not a Python expression ({error.msg}): "
            "write --metric NAME=EXPRESSION, in quotes where it has spaces."
        ) from None
    if not name:
        callee = tree.func if isinstance(tree, ast.Call) else tree
        name = re.sub(r"\W+", "_", ast.unparse(callee)).strip("_") or "metric"
    return name, expression, minimize
