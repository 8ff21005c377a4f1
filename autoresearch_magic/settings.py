"""Every option of a study, declared once.

The magics, the command line, the Python API, the program's front matter and its ``Key: value`` lines all read this
one table: `Settings` holds the values, each field's metadata says how a value is read and what ``--help`` shows.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from .budget import Budget, format_duration, parse_budget, parse_duration
from .errors import UserError
from .judge import Bounds, Rule
from .metric import Metric, parse_metric


def _whole(minimum: int, name: str) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        try:
            number = int(str(value).replace("_", ""))
        except ValueError:
            number = minimum - 1
        if number < minimum:
            raise UserError(f"--{name} takes a whole number from {minimum} up, not {value!r}.")
        return number

    return parse


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("true", "yes", "on", "1", "lower", "minimize", "minimise", "lower is better"):
        return True
    if word in ("false", "no", "off", "0", "higher", "maximize", "maximise", "higher is better"):
        return False
    raise UserError(f"{value!r} is neither yes nor no.")


def _min_delta(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < float("inf"):
        raise UserError(f"--min-delta takes a number from 0 up, in the metric's unit, not {value!r}.")
    return number


def _above_zero(name: str) -> Callable[[Any], float | None]:
    def parse(value: Any) -> float | None:
        try:
            number = None if value is None else float(value)
        except (TypeError, ValueError):
            number = -1.0
        if number is not None and not 0 < number < float("inf"):
            raise UserError(f"--{name} takes a number above 0, not {value!r}.")
        return number

    return parse


def _maybe(parse: Callable[[Any], int]) -> Callable[[Any], int | None]:
    return lambda value: None if value is None else parse(value)


def _timeout(value: Any) -> float | None:
    return None if value is None else parse_duration(value, "timeout")


def _memory(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value).strip()
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%|[KMGT]?i?B?)", text, re.IGNORECASE)
    if not match or float(match[1]) <= 0:
        raise UserError(f"--memory takes a size such as 8GB, or a share of the machine's such as 80%, not {text!r}.")
    number, unit = float(match[1]), match[2].upper()
    if unit == "%":
        return int(number / 100 * machine_memory())
    return int(number * {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}.get(unit[:1], 1))


def _one_of(name: str, *choices: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        word = str(value).strip().lower()
        if word not in choices:
            raise UserError(f"--{name} is one of {', '.join(choices)}, not {value!r}.")
        return word

    return parse


def _number(name: str) -> Callable[[Any], float | None]:
    def parse(value: Any) -> float | None:
        try:
            number = None if value is None else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if number is not None and not math.isfinite(number):
            raise UserError(f"--{name} takes a number, not {value!r}.")
        return number

    return parse


def _bounds(value: Any) -> Bounds:
    if isinstance(value, Bounds):
        return value
    text = str(value).strip()
    low, dots, high = text.partition("..")
    try:
        ends = [float(end) if end.strip() else None for end in (low, high)]
    except ValueError:
        ends = []
    wrong = not ends or not (dots or not text) or any(end is not None and math.isnan(end) for end in ends)
    if wrong or (ends[0] is not None and ends[1] is not None and ends[0] >= ends[1]):
        raise UserError(
            f"--bounds takes the lowest and the highest possible value, such as 0..8, 0.. or ..1, not {text!r}."
        )
    return Bounds(*ends)


def _names(value: Any) -> tuple[str, ...]:
    return tuple(re.split(r"[,\s]+", value.strip(", "))) if isinstance(value, str) and value else tuple(value)


def machine_memory() -> int:
    """Return the bytes of memory that this machine, or the container it is, may use; 0 where that is not told."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        return min(total, int(limit))
    except (OSError, ValueError):
        return total


def default_threads() -> int:
    """Return how many threads an experiment gets: all cores but one, so that the notebook stays quick."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, cores - 1)


def _option(
    default: Any, help: str, *, metavar: str = "", parse: Callable[[Any], Any] = str, flags: tuple[str, ...] = (),
    keys: tuple[str, ...] = (),
) -> Any:  # fmt: skip
    metadata = {"help": help, "metavar": metavar, "parse": parse, "flags": flags, "keys": keys}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


DEFAULT_BUDGET = Budget(20.0, "seconds")


@dataclass(frozen=True)
class Settings:
    """The effective settings of a study; see each field's help for its meaning."""

    metric: str = _option(
        "", "what is measured: a Python expression evaluated after the target, or the name of a variable or of a "
        "printed line 'name: value'", metavar="NAME=EXPRESSION", keys=("metric",),
    )  # fmt: skip
    minimize: bool = _option(True, "lower is better (the default)", parse=_truth, keys=("direction",))
    budget: Budget = _option(
        DEFAULT_BUDGET, "what one experiment may spend on training: 20s, 5m, or 300steps (default 20s)",
        metavar="BUDGET", parse=parse_budget, keys=("budget", "time budget"),
    )  # fmt: skip
    experiments: int = _option(
        24, "how many experiments, besides the baseline (default 24)", metavar="N", flags=("-n",),
        parse=_whole(1, "experiments"), keys=("experiments", "iterations"),
    )  # fmt: skip
    agent: str = _option(
        "tuner", "who proposes: tuner[:NAMES], claude[:MODEL], openai:MODEL[@URL], command:COMMAND LINE, "
        "hybrid[:AGENT+AGENT], replay:STUDY[@SPEED] (default tuner)", metavar="AGENT", keys=("agent",),
    )  # fmt: skip
    effort: str = _option("", "how hard a Claude model thinks: low, medium, high", metavar="LEVEL", keys=("effort",))
    base_url: str = _option(
        "", "where a model's API is (default: the SDK's environment variable, else the vendor's)", metavar="URL"
    )
    prefetch: bool = _option(True, "do not ask for the next proposal while an experiment runs", parse=_truth)
    blocks_from: int = _option(
        200, "lines of a target from which a model is asked for SEARCH/REPLACE blocks instead of the whole (default 200)",
        metavar="LINES", parse=_whole(0, "blocks-from"),
    )  # fmt: skip
    reply_timeout: float = _option(
        600.0, "how long one answer of a model may take, waits for its limits not counted (default 10m)",
        metavar="DURATION", parse=lambda value: parse_duration(value, "reply-timeout"),
    )  # fmt: skip
    hours: float | None = _option(
        None, "end the search after so many hours of work", metavar="HOURS", parse=_above_zero("hours"), keys=("hours",)
    )
    max_tokens: int | None = _option(
        None,
        "end the search when the agent has used so many tokens",
        metavar="N",
        parse=_maybe(_whole(1, "max-tokens")),
        keys=("max tokens",),
    )
    max_cost: float | None = _option(
        None,
        "end the search when the agent has cost so many US dollars",
        metavar="USD",
        parse=_above_zero("max-cost"),
        keys=("max cost",),
    )
    repeats: int = _option(
        3, "how often the baseline is measured to learn the metric's noise, and best and baseline once more at the "
        "end (default 3)", metavar="N", parse=_whole(1, "repeats"), keys=("repeats", "noise runs"),
    )  # fmt: skip
    min_delta: float = _option(
        0.0, "smallest gain that is worth a keep, in the metric's unit (default 0: the noise alone decides)",
        metavar="GAIN", parse=_min_delta, keys=("min delta",),
    )  # fmt: skip
    judge: str = _option(
        "sequential", "sequential: what looks better is run again beside the incumbent until chance is ruled out; strict: "
        "any gain in one run is a keep, as in the original (default sequential)", metavar="RULE",
        parse=_one_of("judge", "sequential", "strict"), keys=("judge",),
    )  # fmt: skip
    pairs: int = _option(
        8, "pairs of runs, candidate and incumbent, that a candidate gets at most to show its gain (default 8)", metavar="N",
        parse=_whole(0, "pairs"), keys=("pairs",),
    )  # fmt: skip
    bounds: Bounds = _option(
        Bounds(), "the values that are possible at all, such as 0..8 or 0..; any other one is rejected", metavar="LOW..HIGH",
        parse=_bounds, keys=("bounds",),
    )  # fmt: skip
    pruner: str = _option(
        "curve", "who stops losers before their budget is spent: curve (beside the incumbent's learning curve), median "
        "(Optuna's, beside all) or none (default curve)", metavar="PRUNER", parse=_one_of("pruner", "curve", "median", "none"),
        keys=("pruner",),
    )  # fmt: skip
    patience: int | None = _option(
        None, "end the search after so many experiments in a row that were run and not kept", metavar="N",
        parse=_maybe(_whole(1, "patience")), keys=("patience", "plateau patience"),
    )  # fmt: skip
    until: float | None = _option(
        None, "end the search when the incumbent's value is this good", metavar="VALUE", parse=_number("until"),
        keys=("until",),
    )  # fmt: skip
    timeout: float | None = _option(
        None, "hard limit of one run, evaluation included; it is killed (default: twice the budget and 30 s)",
        metavar="DURATION", parse=_timeout, keys=("timeout",),
    )  # fmt: skip
    threads: int = _option(
        default_threads, "CPU threads of an experiment (default: all cores but one)", metavar="N",
        parse=_whole(1, "threads"), keys=("threads",),
    )  # fmt: skip
    memory: int = _option(
        lambda: int(0.8 * machine_memory()), "memory of an experiment, above which it is killed: 8GB or 50%% "
        "(default 80%% of the machine's)", metavar="SIZE", parse=_memory, keys=("memory",),
    )  # fmt: skip
    seed: int = _option(
        0, "where every seed of the study comes from (default 0)", metavar="N", parse=_whole(0, "seed"), keys=("seed",)
    )
    pass_env: tuple[str, ...] = _option(
        (), "environment variables to let into experiments, comma-separated; all others but a short list are kept "
        "out", metavar="NAMES", parse=_names,
    )  # fmt: skip
    fresh: bool = _option(
        False, "run every experiment, setup included, in a process of its own instead of a fork of a warm one",
        parse=_truth, keys=("fresh",),
    )  # fmt: skip

    def as_metric(self) -> Metric:
        """Return the metric as an object."""
        name, expression, _ = parse_metric(self.metric)
        return Metric(name, expression, self.minimize)

    def as_rule(self) -> Rule:
        """Return how strictly is judged."""
        return Rule(self.judge == "strict", self.pairs, self.min_delta, self.bounds)

    def deadline(self, baseline_seconds: float | None) -> float:
        """Return the seconds after which a run is killed.

        Parameters
        ----------
        baseline_seconds : float or None
            How long the baseline took: a budget in steps says nothing about seconds, so there the limit is five times
            that, and ten minutes until it is known.
        """
        if self.timeout is not None:
            return self.timeout
        if (seconds := self.budget.seconds) is not None:
            return 2 * seconds + 30
        return 600.0 if baseline_seconds is None else max(30.0, 5 * baseline_seconds)

    def describe(self) -> str:
        """Say the effective settings in one line."""
        metric = self.as_metric()
        read = "" if metric.name == metric.expression else f" = {metric.expression}"
        parts = [
            f"{metric.name}{read} ({'lower' if self.minimize else 'higher'} is better)",
            f"budget {self.budget} an experiment",
            f"{self.experiments} experiment{'s' if self.experiments != 1 else ''}",
            f"agent {self.agent}",
            f"{self.repeats} repeats of the baseline",
            f"{self.threads} thread{'s' if self.threads != 1 else ''}",
            f"seed {self.seed}",
        ]
        if self.timeout is not None:
            parts.append(f"timeout {format_duration(self.timeout)}")
        if self.min_delta:
            parts.append(f"min-delta {self.min_delta:g}")
        if self.judge == "strict":
            parts.append("strict judge")
        elif self.pairs != FIELDS["pairs"].default:
            parts.append(f"at most {self.pairs} pairs a candidate")
        if self.bounds != Bounds():
            parts.append(f"bounds {self.bounds}")
        if self.pruner != FIELDS["pruner"].default:
            parts.append("no early stopping" if self.pruner == "none" else f"pruner {self.pruner}")
        if self.patience is not None:
            parts.append(f"patience {self.patience}")
        if self.until is not None:
            parts.append(f"until {self.until:g}")
        if self.fresh:
            parts.append("fresh processes")
        if self.hours is not None:
            parts.append(f"at most {self.hours:g} h")
        if self.max_tokens is not None:
            parts.append(f"at most {self.max_tokens:,} tokens")
        if self.max_cost is not None:
            parts.append(f"at most ${self.max_cost:g}")
        return " · ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON-ready values that `make_settings` reads back."""
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}


def _plain(value: Any) -> Any:
    if isinstance(value, Bounds):
        return str(value) if value != Bounds() else ""
    if isinstance(value, Budget):
        return f"{value.amount:g}steps" if value.unit == "steps" else value.amount
    return list(value) if isinstance(value, tuple) else value


FIELDS = {f.name: f for f in dataclasses.fields(Settings)}
KEYS = {key: name for name, f in FIELDS.items() for key in f.metadata["keys"]}


def make_settings(*layers: Mapping[str, Any]) -> Settings:
    """Build settings from layers of raw values, weakest first.

    Parameters
    ----------
    *layers : Mapping
        Option names (Python spelling) to values, as text or typed. ``maximize`` is understood beside ``minimize``.

    Raises
    ------
    UserError
        For an unknown option, and for a value that cannot be read.
    """
    raw: dict[str, Any] = {}
    for layer in layers:
        layer = {name.replace("-", "_"): value for name, value in layer.items()}
        if "maximize" in layer:
            layer["minimize"] = not _truth(layer.pop("maximize"))
        for name in layer:
            if name not in FIELDS:
                raise UserError(f"There is no option {name!r}: the options are {', '.join(sorted(FIELDS))}.")
        if "metric" in layer:
            direction = parse_metric(str(layer["metric"]))[2]
            if direction is not None:
                layer.setdefault("minimize", direction)
        raw.update(layer)
    values = {name: FIELDS[name].metadata["parse"](value) for name, value in raw.items()}
    settings = Settings(**values)
    if not settings.metric:
        raise UserError(
            "No metric: say what to measure, --metric NAME=EXPRESSION, for example --metric val_bpb=evaluate(model)."
        )
    parse_metric(settings.metric)
    return settings


class HelpShown(Exception):
    """``-h`` was given; `str` is the help text."""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        """Raise the parser's complaint as a `UserError`."""
        raise UserError(f"{message[:1].upper()}{message[1:]}. See  {self.prog} -h")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Raise; a magic must not end the kernel."""
        raise HelpShown(message or "")

    def print_help(self, file: Any = None) -> None:
        """Raise the help text, for the caller to show where it shows things."""
        raise HelpShown(self.format_help())


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare every setting on a parser; only what was given ends up in the result, as raw text."""
    group = parser.add_argument_group("settings of the study")
    for name, each in FIELDS.items():
        flags = (*each.metadata["flags"], "--" + name.replace("_", "-"))
        if each.metadata["parse"] is _truth and each.default is True and name != "minimize":
            negative = "--no-" + name.replace("_", "-")
            group.add_argument(
                negative, dest=name, action="store_false", default=argparse.SUPPRESS, help=each.metadata["help"]
            )
        elif each.metadata["parse"] is _truth:
            group.add_argument(
                *flags, dest=name, action="store_true", default=argparse.SUPPRESS, help=each.metadata["help"]
            )
        else:
            group.add_argument(
                *flags,
                dest=name,
                default=argparse.SUPPRESS,
                metavar=each.metadata["metavar"],
                help=each.metadata["help"],
            )
        if name == "minimize":
            group.add_argument(
                "--maximize", dest="minimize", action="store_false", default=argparse.SUPPRESS, help="higher is better"
            )


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """Pick the settings out of parsed arguments: what was given, and nothing else."""
    return {name: value for name, value in vars(arguments).items() if name in FIELDS}
