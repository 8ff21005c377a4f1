"""The condition on valid runs of a cell: a Python expression, or a flag that the target prints or its metric returns."""

from __future__ import annotations

import re

from ...errors import UserError
from ...syntax import syntax_tree
from ...text import shorten
from .validity import Condition, parse_condition

_FORMAT = re.compile(r"\s*(?:json|re|file)\s*:")


def check_condition(text: str, *, verified: bool) -> None:
    """Check the option ``--valid`` before a study starts.

    Parameters
    ----------
    text : str
        Empty for none.
    verified : bool
        Whether a command measures; else the condition may be a Python expression.

    Raises
    ------
    UserError
        When it can never work.
    """
    if not text:
        return
    if verified or printed_condition(text) is not None:
        parse_condition(text)
        return
    try:
        syntax_tree(text, "eval")
    except SyntaxError as error:
        raise UserError(
            f"--valid {shorten(text)!r} is not a Python expression ({error.msg}): write one such as  acc > 0.5, or json:PATH or re:REGEX."
        ) from None


def printed_condition(text: str) -> Condition | None:
    """Return a cell's condition as one on its output, where it is a format or a plain name; None where only Python reads it."""
    return parse_condition(text) if _FORMAT.match(text) or text.strip().isidentifier() else None


def is_format(text: str) -> bool:
    """Whether a cell's condition is a format, which is no Python."""
    return bool(_FORMAT.match(text))
