"""The effective settings of a study: layers of given values, read, checked and made into one `Settings`."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from ..errors import UserError
from ..judging.constraints import check_limits
from ..runners.output.also import check_also
from ..runners.output.cell_validity import check_condition
from ..runners.output.holdout import check_holdout
from .converters import read_bool
from .directions import Aim, decide, direction_of_metric
from .settings import DEFAULT_BUDGET, FIELDS, FORMER, NOISE_RUNS, Settings, read_metric


def make_settings(*layers: Mapping[str, Any], aim: Aim | None = None) -> Settings:
    """Return the settings that result from layers of raw values, where later layers override earlier ones.

    Parameters
    ----------
    *layers : Mapping
        From option names (Python spelling) to values, as text or typed. ``maximize`` is accepted as the opposite of
        ``minimize``. Within a layer, ``(lower is better)`` in the metric sets ``minimize``, and ``noise`` sets
        ``repeats``, unless the layer gives those itself. A layer with a metric of another name leaves the direction of
        the layers before it behind.
    aim : Aim, optional
        What a program says about the direction. With it, a direction that nothing says is an error; without it (for
        settings that were checked before, or are only read) lower is better where no layer says it.

    Raises
    ------
    UserError
        For an unknown option, an unreadable value, an option that has no effect without another one, or no direction.
    """
    raw: dict[str, Any] = {}
    copies = [{name.replace("-", "_"): value for name, value in layer.items()} for layer in layers]
    # The last layer that sets verify decides whether every layer's metric is Python or a reading of the command's output.
    verified = next((bool(layer["verify"]) for layer in reversed(copies) if "verify" in layer), False)
    named = ""
    for layer in copies:
        if "maximize" in layer:
            layer["minimize"] = not read_bool(layer.pop("maximize"))
        for name in layer:
            if name not in FIELDS:
                near = difflib.get_close_matches(name, [*FIELDS, "maximize"], n=1)
                hint = f"did you mean {near[0]}?" if near else f"the options are {', '.join(sorted(FIELDS))}."
                raise UserError(f"There is no option {name!r}: {hint}")
        if layer.get("metric"):
            name, _, direction = read_metric(str(layer["metric"]), verified=verified)
            if direction is not None:
                layer.setdefault("minimize", direction)
            if named not in ("", name):
                raw.pop("minimize", None)
            named = name
        if runs := NOISE_RUNS.get(str(layer.get("noise", "")).strip().lower()):
            layer.setdefault("repeats", runs)
        raw.update(layer)
    settings = Settings(**{name: FIELDS[name].metadata["parse"](value) for name, value in raw.items()})
    if settings.workers > 1 and settings.agent.startswith("replay:"):
        raise UserError("A recording is replayed one experiment after the other: leave --workers out.")
    _check_repository(settings)
    if not settings.metric and not settings.verify:
        raise UserError(
            "No metric: say what to measure, --metric NAME=EXPRESSION, for example --metric val_bpb=evaluate(model)."
        )
    metric = settings.as_metric()
    settings.as_guard_metric()
    check_condition(settings.valid, verified=verified)
    check_also(settings.also, metric.name, verified=verified)
    check_limits(settings.limit, metric.name)
    settings.as_stages()
    check_holdout(
        settings.holdout, metric.name, settings.also, sealed=settings.sealed, verified=verified, fresh=settings.fresh
    )
    if aim is not None:
        if settings.guard_metric:
            _check_guard_direction(settings.guard_metric)
        if "minimize" not in raw:
            lower = decide(metric.name, metric.expression, aim, verified=verified)
            settings = dataclasses.replace(settings, minimize=lower)
    _check_statistic(settings, metric.name)
    return settings


def renamed_values(*layers: Mapping[str, Any]) -> list[str]:
    """Return a line for each value that is given under a former name, which is understood all the same."""
    lines = []
    for name, names in FORMER.items():
        given = next((layer[name] for layer in reversed(layers) if name in layer), None)
        if (today := names.get(str(given).strip().lower())) is not None:
            lines.append(f"--{name} {str(given).strip()} is called {today} now, and is read as that.")
    return lines


def _check_statistic(s: Settings, name: str) -> None:
    """Raise a `UserError` when the statistic is the worst run, which nobody means."""
    best = "min" if s.minimize else "max"
    if s.statistic in ("min", "max") and s.statistic != best:
        raise UserError(
            f"--statistic {s.statistic} would take the worst run of each version, as {'lower' if s.minimize else 'higher'} values of "
            f"{name!r} are better: the best run is  --statistic {best}"
        )


def _check_guard_direction(text: str) -> None:
    """Raise a `UserError` when nothing says which way the guard's number is better."""
    name, expression, minimize = read_metric(text, verified=True)
    if minimize is None and direction_of_metric(name, expression, verified=True) is None:
        raise UserError(
            f"Nothing says whether lower or higher values of the guard's {name!r} are better. Say which way: "
            f"--guard-metric '{text.strip()} (lower is better)', or higher."
        )


def _check_repository(s: Settings) -> None:
    """Raise a `UserError` when options for experiments on a repository are incomplete or have no effect."""
    if s.verify and not s.scope:
        raise UserError(
            "--verify needs --scope: say which files experiments may change, for example --scope 'src/**/*.py'."
        )
    if s.scope and not s.verify:
        raise UserError("--scope needs --verify: give the shell command that prints the metric, or take --scope out.")
    for name in ("guard", "repo", "link"):
        if getattr(s, name) and not s.verify:
            raise UserError(f"--{name} needs --verify and --scope: it is for experiments on a repository.")
    if s.guard_metric and not s.guard:
        raise UserError("--guard-metric needs --guard: give the command that prints that number.")
    if s.guard_threshold is not None and not s.guard_metric:
        raise UserError(
            "--guard-threshold needs --guard-metric: say which number of the guard's output it is for, and which way is better."
        )
    if s.verify and s.budget != DEFAULT_BUDGET:
        raise UserError("--budget is not for --verify, whose command ends by itself: --timeout limits it.")
    if s.verify and s.clock != "running":
        raise UserError(
            "--clock is not for --verify: it says which seconds of a --budget count, and a command has none."
        )
