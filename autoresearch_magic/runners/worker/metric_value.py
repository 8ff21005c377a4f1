"""Evaluation of the metric's expression in the process of an experiment, after the target has run."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ... import runtime
from ...experiment import Outcome
from ...text import shorten
from ..output.all_numbers import flat_numbers, scalar
from ..output.cell_validity import is_format
from ..output.json_path import MissingValue, parse_path, value_at
from ..output.validity import parse_condition
from .clean.standins import describe, is_stand_in
from .failures import sealed_line

_SHOWN = 8
"""Names that a message lists."""


def evaluate(metric: Mapping[str, str], namespace: dict[str, Any]) -> dict[str, Any]:
    """Return the metric's ``value``, and where the expression gives several, its ``numbers`` by name.

    An expression may give a dictionary, an object with a dictionary ``metrics``, or JSON text; the value that has the metric's
    name counts, or the only number. Without an expression the metric is missing here, because it is read from the output.

    Parameters
    ----------
    metric : Mapping
        ``name``, ``expression`` and, where there is one, the condition ``valid``; ``quiet`` where texts of errors must not be told.
    namespace : dict
        The names of target and setup.

    Returns
    -------
    dict
        ``value``, and ``numbers``, ``outcome`` and ``invalid`` (why the run does not count) where there are such.

    Raises
    ------
    Exception
        What the expression raises; `TypeError` or `ValueError` for a value that is no number.
    """
    found: dict[str, Any] = {"outcome": Outcome.MISSING_METRIC, "value": None}
    results: Mapping[str, Any] | None = None
    if metric["expression"]:
        value = eval(compile(metric["expression"], "<metric>", "eval"), namespace)
        if is_stand_in(value):
            raise TypeError(f"it is {describe(value)}, not a number of a usual type")
        results = _results(value)
        if results is None:
            found = {"value": runtime.number(value)}
        else:
            numbers = flat_numbers(results)
            key, number = _named(results, numbers, metric["name"])
            found = {"value": number, "numbers": {name: each for name, each in numbers.items() if name != key}}
    if valid := metric.get("valid", ""):
        found["invalid"] = _problem(valid, namespace, results, bool(metric.get("quiet")))
    return found


def also_numbers(
    expressions: Mapping[str, str], namespace: dict[str, Any], *, quiet: bool = False
) -> Iterator[dict[str, Any]]:
    """Evaluate the further numbers of a run; whatever an expression raises, the others are evaluated.

    Parameters
    ----------
    expressions : Mapping
        By name. One may give a number, or several by name: a dictionary, an object with a dictionary ``metrics``, or JSON text.
    namespace : dict
        The names of target and setup.

    Yields
    ------
    dict
        What is known after each. ``also``: finite numbers by name, as ``NAME.KEY`` where there are several; ``also_errors``: why there is none, by name.
    """
    numbers: dict[str, float] = {}
    errors: dict[str, str] = {}
    for name, expression in expressions.items():
        try:
            value = eval(compile(expression, "<also>", "eval"), namespace)
            results = _results(value)
            found = (
                {name: runtime.number(value)}
                if results is None
                else {f"{name}.{key}": each for key, each in flat_numbers(results).items()}
            )
            finite = {key: each for key, each in found.items() if math.isfinite(each)}
            numbers.update(finite)
            if not finite:
                errors[name] = f"it is {next(iter(found.values()))}" if found else "it gives no number"
        except BaseException as error:  # also of sys.exit()
            errors[name] = sealed_line(error) if quiet else f"{type(error).__name__}: {_text_of(error)}"
        yield {"also": numbers, "also_errors": errors}


def holdout_value(holdout: Mapping[str, str], namespace: dict[str, Any], *, quiet: bool = False) -> dict[str, Any]:
    """Return the value of the holdout as ``holdout``, or as ``holdout_error`` why there is none; nothing that it raises ends the run.

    Parameters
    ----------
    holdout : Mapping
        ``name`` and ``expression``.
    namespace : dict
        The names of target and setup, and of the sealed cell.
    quiet : bool
        Whether an error's text must not be told, because it may contain what is sealed.
    """
    try:
        value = evaluate(holdout, namespace)["value"]
    except BaseException as error:  # also of sys.exit()
        return {
            "holdout": None,
            "holdout_error": sealed_line(error) if quiet else f"{type(error).__name__}: {_text_of(error)}",
        }
    if not math.isfinite(value):
        return {"holdout": None, "holdout_error": f"it is {value}"}
    return {"holdout": value, "holdout_error": ""}


def _text_of(error: BaseException) -> str:
    try:
        return shorten(str(error), 200)
    except BaseException:  # computing its text fails as well
        return "an error without a text"


def _problem(
    valid: str, namespace: dict[str, Any], results: Mapping[str, Any] | None, quiet: bool = False
) -> str | None:
    """Return why the run is not valid; empty when it is, None where only its output can say so.

    The names in the condition are those of the metric's results, then those of setup and target.
    """
    if is_format(valid):
        condition = parse_condition(valid)
        if results is None or not condition.what.startswith("json:"):
            return None
        try:
            return condition.problem_of(value_at([results], parse_path(condition.what.removeprefix("json:"))))
        except MissingValue:
            return None
    try:
        holds = eval(compile(valid, "<valid>", "eval"), namespace, dict(results or {}))
        if isinstance(holds, str):
            return (
                parse_condition(valid).problem_of(holds)
                if valid.isidentifier()
                else f"{valid} is text, {shorten(holds)!r}"
            )
        return "" if bool(holds) else f"{valid} is {shorten(str(holds))}"
    except NameError as error:
        return None if valid.isidentifier() else f"{valid} cannot be evaluated: {error.name} is not defined"
    except Exception as error:
        said = sealed_line(error) if quiet else f"{type(error).__name__}: {shorten(str(error), 200)}"
        return f"{valid} cannot be evaluated: {said}"


def _results(value: Any) -> Mapping[str, Any] | None:
    """Return the results by name that a metric's expression gives; None for a single number."""
    if isinstance(metrics := getattr(value, "metrics", None), Mapping):
        return metrics
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, Mapping) else None


def _named(results: Mapping[str, Any], numbers: Mapping[str, float], name: str) -> tuple[str, float]:
    """Return the key and the value of the result that has the metric's name, or of the only one."""
    if name in results and (number := scalar(results[name])) is not None:
        return name, number  # also where it is not finite
    alike = [key for key in numbers if _plain(key) == _plain(name)]
    alike = alike or [key for key in numbers if _plain(key.rpartition(".")[2]) == _plain(name)]
    if not alike and len(numbers) == 1:
        alike = list(numbers)
    if len(alike) == 1:
        return alike[0], numbers[alike[0]]
    keys = ", ".join(shorten(key, 40) for key in (alike or list(numbers))[:_SHOWN])
    if alike:
        raise ValueError(f"it gives several values named {name!r}: {keys}; write --metric NAME=EXPRESSION[KEY]")
    raise ValueError(
        f"it gives several values and none is named {name!r}: there are {keys or 'no numbers'}; give the metric one of these names, "
        "--metric NAME=EXPRESSION"
    )


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name).strip("_").lower()
