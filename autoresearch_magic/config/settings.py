"""Every option of a study, declared once.

The magics, the command line, the Python API, the program's front matter and its ``Key: value`` lines all read this
one table: `Settings` holds the values, each field's metadata says how a value is read and what ``--help`` shows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..budget import Budget, format_duration, parse_budget, parse_duration
from ..errors import UserError
from ..judging.judge import Bounds, Rule
from ..metric import Metric, parse_metric
from ..runners.output.metric_reader import format_usages, parse_rule, parse_verified_metric
from .converters import (
    UNLIMITED,
    above_zero,
    default_threads,
    machine_memory,
    maybe,
    one_of,
    read_bounds,
    read_experiments,
    read_memory,
    read_min_delta,
    read_names,
    read_percent,
    read_scope,
    read_timeout,
    real,
    truth,
    unless_off,
    whole,
)


def _option(
    default: Any, help: str, *, metavar: str = "", parse: Callable[[Any], Any] = str, flags: tuple[str, ...] = (),
    keys: tuple[str, ...] = (),
) -> Any:  # fmt: skip
    metadata = {"help": help, "metavar": metavar, "parse": parse, "flags": flags, "keys": keys}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


DEFAULT_BUDGET = Budget(20.0, "seconds")
NOISE_RUNS = {"low": 2, "medium": 3, "high": 5}
"""Runs of the baseline for each word of ``--noise``: two are the fewest that show that a metric does not vary."""


def _command(value: Any) -> str:
    return str(value).strip()


@dataclass(frozen=True)
class Settings:
    """The effective settings of a study; see each field's help for its meaning."""

    metric: str = _option(
        "", "what is measured: a Python expression evaluated after the target, or the name of a variable or of a "
        "printed line 'name: value'; with --verify: NAME, for the line of the command's output that names it, or NAME=FORMAT: "
        + format_usages(), metavar="NAME=EXPRESSION", keys=("metric",),
    )  # fmt: skip
    minimize: bool = _option(True, "lower is better (the default)", parse=truth, keys=("direction",))
    scope: tuple[str, ...] = _option(
        (), "files of the repository that experiments may change: globs such as src/**/*.py, separated by commas or blanks; "
        "!GLOB excludes (with --verify)", metavar="GLOBS", parse=read_scope, keys=("scope",),
    )  # fmt: skip
    verify: str = _option(
        "", "shell command that prints the metric; it is run at the top of the repository after each change (with --scope)",
        metavar="COMMAND", parse=_command, keys=("verify",),
    )  # fmt: skip
    guard: str = _option(
        "", "shell command that must succeed as well for a change to be kept, such as the tests (with --verify)",
        metavar="COMMAND", parse=_command, keys=("guard",),
    )  # fmt: skip
    guard_metric: str = _option(
        "", "a number that the guard prints, in the words of --metric: it must not get worse than the baseline's by more "
        "than --guard-threshold (default: the guard's exit status decides)", metavar="NAME", keys=("guard metric",),
    )  # fmt: skip
    guard_threshold: float | None = _option(
        None, "by how many percent of the baseline's value the guard's metric may get worse (default 0)",
        metavar="PERCENT", parse=read_percent, keys=("guard threshold",),
    )  # fmt: skip
    repo: str = _option(
        "", "folder of the repository (default: the one around the program's file, else around the working directory; with --verify)", metavar="FOLDER",
        keys=("repo",),
    )  # fmt: skip
    link: tuple[str, ...] = _option(
        (), "untracked files and folders that experiments need, such as node_modules or data: they are linked into the "
        "experiments' copy of the repository (with --verify)", metavar="PATHS", parse=read_names, keys=("link",),
    )  # fmt: skip
    budget: Budget = _option(
        DEFAULT_BUDGET, "what one experiment may spend on training: 20s, 5m, or 300steps (default 20s)",
        metavar="BUDGET", parse=parse_budget, keys=("budget", "time budget"),
    )  # fmt: skip
    experiments: int = _option(
        24, "how many experiments, besides the baseline; or unlimited (default 24)", metavar="N", flags=("-n",),
        parse=read_experiments, keys=("experiments", "iterations"),
    )  # fmt: skip
    agent: str = _option(
        "tuner", "who proposes: tuner[:NAMES], claude[:MODEL], openai:MODEL[@URL], command:COMMAND LINE, "
        "hybrid[:AGENT+AGENT], replay:STUDY[@SPEED], recorded:SKILL (default tuner)", metavar="AGENT", keys=("agent",),
    )  # fmt: skip
    effort: str = _option("", "how hard a Claude model thinks: low, medium, high", metavar="LEVEL", keys=("effort",))
    base_url: str = _option(
        "", "where a model's API is (default: the SDK's environment variable, else the vendor's)", metavar="URL"
    )
    prefetch: bool = _option(True, "do not ask for the next proposal while an experiment runs", parse=truth)
    blocks_from: int = _option(
        200, "lines of a target from which a model is asked for SEARCH/REPLACE blocks instead of the whole (default 200)",
        metavar="LINES", parse=whole(0, "blocks-from"),
    )  # fmt: skip
    reply_timeout: float = _option(
        600.0, "how long one answer of a model may take, waits for its limits not counted (default 10m)",
        metavar="DURATION", parse=lambda value: parse_duration(value, "reply-timeout"),
    )  # fmt: skip
    hours: float | None = _option(
        None, "end the search in time for the whole, confirmation included, to take so many hours of work", metavar="HOURS",
        parse=above_zero("hours"), keys=("hours",),
    )  # fmt: skip
    minutes: float | None = _option(
        None, "the same in minutes", metavar="MINUTES", parse=above_zero("minutes"), keys=("minutes",)
    )
    max_tokens: int | None = _option(
        None,
        "end the search when the agent has used so many tokens",
        metavar="N",
        parse=maybe(whole(1, "max-tokens")),
        keys=("max tokens",),
    )
    max_cost: float | None = _option(
        None,
        "end the search when the agent has cost so many US dollars",
        metavar="USD",
        parse=above_zero("max-cost"),
        keys=("max cost",),
    )
    repeats: int = _option(
        3, "how often the baseline is measured to learn the metric's noise, and best and baseline once more at the "
        "end (default 3)", metavar="N", parse=whole(1, "repeats"), keys=("repeats", "noise runs"),
    )  # fmt: skip
    noise: str = _option(
        "", "how much the metric varies from run to run: low, medium or high set --repeats to 2, 3 or 5; how often a candidate "
        "is run is decided by the noise that is measured, whatever the word", metavar="LEVEL",
        parse=one_of("noise", "", *NOISE_RUNS), keys=("noise",),
    )  # fmt: skip
    min_delta: float = _option(
        0.0, "smallest gain that is worth a keep, in the metric's unit (default 0: the noise alone decides)",
        metavar="GAIN", parse=read_min_delta, keys=("min delta",),
    )  # fmt: skip
    judge: str = _option(
        "sequential", "sequential: what looks better is run again beside the incumbent until chance is ruled out; strict: "
        "any gain in one run is a keep, as in the original (default sequential)", metavar="RULE",
        parse=one_of("judge", "sequential", "strict"), keys=("judge",),
    )  # fmt: skip
    pairs: int = _option(
        8, "runs beyond its first that a candidate gets at most to show its gain (default 8)", metavar="N",
        parse=whole(0, "pairs"), keys=("pairs",),
    )  # fmt: skip
    bounds: Bounds = _option(
        Bounds(), "the values that are possible at all, such as 0..8 or 0..; any other one is rejected", metavar="LOW..HIGH",
        parse=read_bounds, keys=("bounds",),
    )  # fmt: skip
    pruner: str = _option(
        "curve", "who stops losers before their budget is spent: curve (beside the incumbent's learning curve), median "
        "(Optuna's, beside all) or none (default curve)", metavar="PRUNER", parse=one_of("pruner", "curve", "median", "none"),
        keys=("pruner",),
    )  # fmt: skip
    patience: int | None = _option(
        None, "end the search after so many experiments in a row that were run and not kept; or off (the default)",
        metavar="N", parse=unless_off(whole(1, "patience")), keys=("patience", "plateau patience"),
    )  # fmt: skip
    until: float | None = _option(
        None, "end the search when the incumbent's value is this good", metavar="VALUE", parse=real("until"),
        keys=("until", "target"),
    )  # fmt: skip
    evals_interval: int | None = _option(
        None, "tell after every so many experiments how the study goes, as %%autoresearch evals does", metavar="N",
        parse=maybe(whole(1, "evals-interval")), keys=("evals interval",),
    )  # fmt: skip
    timeout: float | None = _option(
        None, "hard limit of one run, evaluation included; it is killed (default: twice the budget and 30 s; with --verify "
        "five times the baseline)", metavar="DURATION", parse=read_timeout, keys=("timeout",),
    )  # fmt: skip
    threads: int = _option(
        default_threads, "CPU threads of an experiment (default: all cores but one)", metavar="N",
        parse=whole(1, "threads"), keys=("threads",),
    )  # fmt: skip
    memory: int = _option(
        lambda: int(0.8 * machine_memory()), "memory of an experiment, above which it is killed: 8GB or 50%% "
        "(default 80%% of the machine's)", metavar="SIZE", parse=read_memory, keys=("memory",),
    )  # fmt: skip
    seed: int = _option(
        0, "where every seed of the study comes from (default 0)", metavar="N", parse=whole(0, "seed"), keys=("seed",)
    )
    pass_env: tuple[str, ...] = _option(
        (), "environment variables to let into experiments, comma-separated; all others but a short list are kept "
        "out", metavar="NAMES", parse=read_names,
    )  # fmt: skip
    fresh: bool = _option(
        False, "run every experiment, setup included, in a process of its own instead of a fork of a warm one",
        parse=truth, keys=("fresh",),
    )  # fmt: skip

    @property
    def planned(self) -> int:
        """How many experiments there shall be; 0 for no end."""
        return 0 if self.experiments == UNLIMITED else self.experiments

    @property
    def time_limit(self) -> float | None:
        """Seconds of work that the whole may take; None for no limit."""
        limits = [unit * given for given, unit in ((self.hours, 3600.0), (self.minutes, 60.0)) if given is not None]
        return min(limits, default=None)

    def as_metric(self) -> Metric:
        """Return the metric as an object; with `verify`, its expression says how it is read from what is printed."""
        name, expression, _ = _read_metric(self.metric, verified=bool(self.verify))
        return Metric(name, expression, self.minimize)

    def as_guard_metric(self) -> Metric | None:
        """Return the guard's metric; None where its exit status decides. Lower is better unless it says otherwise."""
        if not self.guard_metric:
            return None
        name, expression, minimize = _read_metric(self.guard_metric, verified=True)
        return Metric(name, expression, minimize is not False)

    def as_rule(self) -> Rule:
        """Return how strictly is judged."""
        return Rule(self.judge == "strict", self.pairs, self.min_delta, self.bounds)

    def deadline(self, baseline_seconds: float | None) -> float:
        """Return the seconds after which a run is killed.

        Parameters
        ----------
        baseline_seconds : float or None
            How long the baseline took: a budget in steps says nothing about seconds, nor does a command, so there the
            limit is five times that, 30 s at least, and ten minutes until it is known.
        """
        if self.timeout is not None:
            return self.timeout
        if not self.verify and (seconds := self.budget.seconds) is not None:
            return 2 * seconds + 30
        return 600.0 if baseline_seconds is None else max(30.0, 5 * baseline_seconds)

    def describe(self) -> str:
        """Say the effective settings in one line."""
        metric = self.as_metric()
        read = "" if metric.expression in ("", metric.name) else f" = {metric.expression}"
        count = "" if self.experiments == UNLIMITED else f"{self.experiments} "
        parts = [
            f"{metric.name}{read} ({'lower' if self.minimize else 'higher'} is better)",
            *self._conditions(),
            f"{count}experiment{'s' if self.experiments != 1 else ''}{'' if count else ' until it is stopped'}",
            f"agent {self.agent}",
            f"{self.repeats} repeat{'s' if self.repeats != 1 else ''} of the baseline",
            *([] if self.verify else [f"{self.threads} thread{'s' if self.threads != 1 else ''}"]),
            f"seed {self.seed}",
        ]
        if self.timeout is not None:
            parts.append(f"timeout {format_duration(self.timeout)}")
        if self.min_delta:
            parts.append(f"min-delta {self.min_delta:g}")
        if self.judge == "strict":
            parts.append("strict judge")
        elif self.pairs != FIELDS["pairs"].default:
            parts.append(f"at most {self.pairs} more run{'s' if self.pairs != 1 else ''} a candidate")
        if self.bounds != Bounds():
            parts.append(f"bounds {self.bounds}")
        if self.pruner != FIELDS["pruner"].default:
            parts.append("no early stopping" if self.pruner == "none" else f"pruner {self.pruner}")
        if self.patience is not None:
            parts.append(f"patience {self.patience}")
        if self.until is not None:
            parts.append(f"until {self.until:g}")
        if self.evals_interval is not None:
            parts.append(f"evals every {self.evals_interval}")
        if self.fresh:
            parts.append("fresh processes")
        if self.hours is not None:
            parts.append(f"at most {self.hours:g} h")
        if self.minutes is not None:
            parts.append(f"at most {self.minutes:g} min")
        if self.max_tokens is not None:
            parts.append(f"at most {self.max_tokens:,} tokens")
        if self.max_cost is not None:
            parts.append(f"at most ${self.max_cost:g}")
        return " · ".join(parts)

    def _conditions(self) -> list[str]:
        """Say under what conditions an experiment runs: a budget, or commands in a repository."""
        if not self.verify:
            return [f"budget {self.budget} an experiment"]
        said = [f"scope {' '.join(self.scope)}", f"verify {_short(self.verify)}"]
        if self.guard:
            limit = f", {self.guard_metric} within {self.guard_threshold or 0:g}%" if self.guard_metric else ""
            said.append(f"guard {_short(self.guard)}{limit}")
        if self.repo:
            said.append(f"in {self.repo}")
        if self.link:
            said.append(f"links {' '.join(self.link)}")
        return said

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON-ready values that `make_settings` reads back."""
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}


def _plain(value: Any) -> Any:
    if isinstance(value, Bounds):
        return str(value) if value != Bounds() else ""
    if isinstance(value, Budget):
        return f"{value.amount:g}steps" if value.unit == "steps" else value.amount
    return list(value) if isinstance(value, tuple) else value


def _short(command: str) -> str:
    """Return a command in one line, cut where it is long."""
    line = " ".join(command.split())
    return line if len(line) <= 80 else f"{line[:79]}…"


def _read_metric(text: str, *, verified: bool) -> tuple[str, str, bool | None]:
    """Read a metric's text in the language of its mode: what a command prints, or Python."""
    if not verified:
        return parse_metric(text)
    name, rule, minimize = parse_verified_metric(text or "metric")
    parse_rule(rule)  # raises for what can never work
    return name, rule, minimize


FIELDS = {f.name: f for f in dataclasses.fields(Settings)}
KEYS = {key: name for name, f in FIELDS.items() for key in f.metadata["keys"]}


def make_settings(*layers: Mapping[str, Any]) -> Settings:
    """Build settings from layers of raw values, weakest first.

    Parameters
    ----------
    *layers : Mapping
        Option names (Python spelling) to values, as text or typed. ``maximize`` is understood beside ``minimize``. Within
        a layer a metric's ``(lower is better)`` stands in for ``minimize``, and ``noise`` for ``repeats``, where those are
        not given themselves.

    Raises
    ------
    UserError
        For an unknown option, for a value that cannot be read, and for options that do nothing without others.
    """
    raw: dict[str, Any] = {}
    copies = [{name.replace("-", "_"): value for name, value in layer.items()} for layer in layers]
    # The strongest word on verify decides in which language every layer's metric is written.
    verified = next((bool(layer["verify"]) for layer in reversed(copies) if "verify" in layer), False)
    for layer in copies:
        if "maximize" in layer:
            layer["minimize"] = not truth(layer.pop("maximize"))
        for name in layer:
            if name not in FIELDS:
                raise UserError(f"There is no option {name!r}: the options are {', '.join(sorted(FIELDS))}.")
        if layer.get("metric"):
            direction = _read_metric(str(layer["metric"]), verified=verified)[2]
            if direction is not None:
                layer.setdefault("minimize", direction)
        if runs := NOISE_RUNS.get(str(layer.get("noise", "")).strip().lower()):
            layer.setdefault("repeats", runs)
        raw.update(layer)
    settings = Settings(**{name: FIELDS[name].metadata["parse"](value) for name, value in raw.items()})
    _check_repository(settings)
    if not settings.metric and not settings.verify:
        raise UserError(
            "No metric: say what to measure, --metric NAME=EXPRESSION, for example --metric val_bpb=evaluate(model)."
        )
    settings.as_metric()
    settings.as_guard_metric()
    return settings


def _check_repository(s: Settings) -> None:
    """See that the options of experiments on a repository come together, and that none of them does nothing."""
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
