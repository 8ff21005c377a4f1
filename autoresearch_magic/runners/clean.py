"""What a run has left, without keys, before anybody else sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..experiment import Measurement
from ..keys.redact import cleaned
from ..runs import Point
from . import GuardResult


def clean_measurement(m: Measurement) -> Measurement:
    """Return a measurement without keys in its texts and names."""
    return replace(
        m, error=cleaned(m.error), traceback=cleaned(m.traceback), output=cleaned(m.output), names=tuple(map(cleaned, m.names)),
        numbers=_clean_names(m.numbers), notes=tuple(map(cleaned, m.notes)), curve=_clean_curve(m.curve),
        artifacts={cleaned(path): cleaned(text) for path, text in m.artifacts.items()}, holdout_error=cleaned(m.holdout_error),
    )  # fmt: skip


def clean_guard(result: GuardResult) -> GuardResult:
    """Return a guard's result without keys."""
    return replace(
        result, failure=cleaned(result.failure), output=cleaned(result.output), lines=tuple(map(cleaned, result.lines))
    )


def clean_point(point: Point) -> Point:
    """Return a point of a curve without keys in the names of its values."""
    return replace(point, values=_clean_names(point.values))


def _clean_curve(curve: tuple[Point, ...]) -> tuple[Point, ...]:
    names = {name for point in curve for name in point.values}
    return curve if all(cleaned(name) == name for name in names) else tuple(map(clean_point, curve))


def _clean_names(values: Mapping[str, float]) -> Mapping[str, float]:
    return {cleaned(name): value for name, value in values.items()}
