"""Evaluation of the metric's expression in the process of an experiment, after the target has run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import runtime
from ...experiment import Outcome


def evaluate(metric: Mapping[str, str], namespace: dict[str, Any]) -> dict[str, Any]:
    """Return the metric's ``value``; without an expression, that it is missing here, because it is read from the output.

    Parameters
    ----------
    metric : Mapping
        ``name`` and ``expression``.
    namespace : dict
        The names of target and setup.

    Raises
    ------
    Exception
        What the expression raises; `TypeError` or `ValueError` for a value that is no number.
    """
    if not metric["expression"]:
        return {"outcome": Outcome.MISSING_METRIC, "value": None}
    value = eval(compile(metric["expression"], "<metric>", "eval"), namespace)
    return {"value": runtime.number(value)}
