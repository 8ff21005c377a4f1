"""Every option of a study, declared once.

The magics, the command line, the Python API, the program's front matter and its ``Key: value`` lines all use this one
table: the fields of `Settings` are the options, and each field's metadata says how its value is read, what ``--help``
shows, and under which keys a program may give it.

Not here: how values given in several places become the settings of one study (`effective`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..budget import Budget, format_duration, parse_budget
from ..judging.constraints import Constraints, parse_limit
from ..judging.judge import Bounds, Rule
from ..metric import Metric
from ..runners.output.cell_metric import parse_cell_metric
from ..runners.output.holdout import parse_holdout
from ..runners.output.metric_reader import format_usages, parse_rule, parse_verified_metric
from ..runners.stage import Stage, parse_stages
from ..runs import STATISTICS
from ..text import counted, exact, shorten
from .converters import (
    UNLIMITED,
    default_threads,
    duration,
    machine_memory,
    number,
    one_of,
    optional,
    read_also,
    read_artifacts,
    read_bool,
    read_bounds,
    read_disk,
    read_executor,
    read_experiments,
    read_hidden,
    read_limits,
    read_memory,
    read_names,
    read_notify,
    read_paths,
    read_scope,
    read_stages,
    read_text,
    read_track,
    whole_number,
)
from .directions import direction_of_metric


def _option(
    default: Any, help: str, *, metavar: str = "", parse: Callable[[Any], Any] = str, flags: tuple[str, ...] = (),
    keys: tuple[str, ...] = (), expanded: bool = True,
) -> Any:  # fmt: skip
    """Declare an option; `expanded` says whether ``{n}`` and ``$n`` in its value stand for variables in a notebook."""
    metadata = {"help": help, "metavar": metavar, "parse": parse, "flags": flags, "keys": keys, "expanded": expanded}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


DEFAULT_BUDGET = Budget(20.0, "seconds")
NOISE_RUNS = {"low": 2, "medium": 3, "high": 5}
"""Runs of the baseline for each word of ``--noise``; two is the minimum that can show that a metric does not vary."""
FORMER = {"judge": {"sequential": "expected"}}
"""Values of options under the names that they had before, which journals and programs may hold, and today's names."""
SUMMARY_LIMIT = 80
"""Characters of a command that the one-line summary of the settings shows."""


@dataclass(frozen=True)
class Settings:
    """The effective settings of a study; the help text of each field says what it means."""

    metric: str = _option(
        "", "what to measure: a Python expression, or a printed line 'name: value'; with --verify, and for what a cell prints: NAME, for the "
        "line of the output that names it, or NAME=FORMAT: " + format_usages(), metavar="NAME=EXPRESSION", keys=("metric",), expanded=False,
    )  # fmt: skip
    minimize: bool = _option(
        True, "lower values are better; neither is needed where the metric's name or the goal says it", parse=read_bool,
        keys=("direction",),
    )  # fmt: skip
    scope: tuple[str, ...] = _option(
        (), "files that experiments may change: globs such as src/**/*.py; !GLOB excludes (with --verify)",
        metavar="GLOBS", parse=read_scope, keys=("scope",), expanded=False,
    )  # fmt: skip
    verify: str = _option(
        "", "shell command that prints the metric, run in the repository after each change (with --scope)",
        metavar="COMMAND", parse=read_text, keys=("verify",), expanded=False,
    )  # fmt: skip
    guard: str = _option(
        "", "shell command that must still succeed for a change to be kept, such as the tests (with --verify)",
        metavar="COMMAND", parse=read_text, keys=("guard",), expanded=False,
    )  # fmt: skip
    guard_metric: str = _option(
        "", "number printed by the guard that must not get worse (default: the guard's exit status decides)",
        metavar="NAME", keys=("guard metric",), expanded=False,
    )  # fmt: skip
    guard_threshold: float | None = _option(
        None, "percentage by which the guard's number may be worse than the baseline's (default 0)", metavar="PERCENT",
        parse=optional(number("guard-threshold", "a percentage from 0 up, such as 5 or 5%", minimum=0, percent=True)),
        keys=("guard threshold",),
    )  # fmt: skip
    valid: str = _option(
        "", "what must hold for a run to count: a Python expression, such as acc > 0.5; with --verify, or for what a cell prints: NAME, "
        "json:PATH or re:REGEX, for a flag that is true", metavar="CONDITION", parse=read_text, keys=("valid",),
    )  # fmt: skip
    repo: str = _option(
        "", "folder of the repository (default: the one around the program or the working directory; with --verify)",
        metavar="FOLDER", keys=("repo",),
    )  # fmt: skip
    link: tuple[str, ...] = _option(
        (), "untracked files and folders that experiments need, such as data; .venv and node_modules are linked anyway "
        "(with --verify)",
        metavar="PATHS", parse=read_names, keys=("link",),
    )  # fmt: skip
    hide: tuple[str, ...] = _option(
        (), "what agents must not see the contents of: globs of files, such as tests/answers.json; setup for a cell's setup, of which "
        "they see names and signatures", metavar="GLOBS", parse=read_hidden, keys=("hide",), expanded=False,
    )  # fmt: skip
    also: tuple[str, ...] = _option(
        (), "a further number to measure beside the metric, which decides nothing: an expression or a format as in --metric; several with "
        "commas, or the option again", metavar="NAME=EXPRESSION", parse=read_also, keys=("also",), expanded=False,
    )  # fmt: skip
    limit: tuple[str, ...] = _option(
        (), "a limit on a number besides the metric: a version beyond it is not kept, whatever its metric. peak_memory_gb, seconds, "
        "evaluation_seconds, steps, or a number that runs print or --also reads; several with commas, or the option again",
        metavar="NAME<NUMBER", parse=read_limits, keys=("limit", "limits"), expanded=False,
    )  # fmt: skip
    stage: tuple[str, ...] = _option(
        (), "a cheap stage before the full run: a shorter budget such as 5s, or with --verify a cheaper command, with => METRIC behind it where its "
        "number is another one; clear losers there are not run in full. The option again for further stages",
        metavar="BUDGET|COMMAND", parse=read_stages, keys=("stage",), expanded=False,
    )  # fmt: skip
    holdout: str = _option(
        "", "what best and baseline are measured by once more at the very end, on data that the search never uses; no agent is shown it. Its gain is "
        "told beside the metric's: an expression as in --metric, of the same direction and unit", metavar="NAME=EXPRESSION", parse=read_text,
        keys=("holdout",), expanded=False,
    )  # fmt: skip
    sealed: str = _option(
        "", "file of the sealed code, which runs after the setup: labels, answers, held-out text. Only the metric and the holdout can use its "
        "names, no experiment and no agent can (in a notebook: %%autoresearch setup --sealed)", metavar="FILE", parse=read_text, keys=("sealed",),
    )  # fmt: skip
    artifacts: tuple[str, ...] = _option(
        (), "small text files that a run writes, such as a profile, for the agent's next proposal: globs, relative to the folder that it runs in",
        metavar="GLOBS", parse=read_artifacts, keys=("artifacts",), expanded=False,
    )  # fmt: skip
    track: tuple[str, ...] = _option(
        (), "send the study to a tracker as it runs: mlflow[:URI], tensorboard[:FOLDER], wandb[:online], or one of another package; "
        "several with commas, or the option again", metavar="NAME[:WHERE]", parse=read_track, expanded=False,
    )  # fmt: skip
    notify: tuple[str, ...] = _option(
        (), "tell of proven keeps, failures and the end: the URL of a webhook (Slack, Discord, ntfy, or any other, which gets JSON), or a command, which "
        "finds the figures in AUTORESEARCH_... variables; the option again for another", metavar="URL|COMMAND", parse=read_notify, expanded=False,
    )  # fmt: skip
    budget: Budget = _option(
        DEFAULT_BUDGET, "training budget of one experiment: 20s, 5m or 300steps (default 20s)", metavar="BUDGET",
        parse=parse_budget, keys=("budget", "time budget"),
    )  # fmt: skip
    clock: str = _option(
        "running", "running: a budget in seconds does not count the time in which other programs held the experiment's core, so that a busy "
        "hour is no worse model; a run takes three times its budget at most (on Linux, without a GPU). wall: it counts all (default running)",
        metavar="CLOCK", parse=one_of("clock", "running", "wall"),
    )  # fmt: skip
    experiments: int = _option(
        24, "number of experiments after the baseline, or unlimited (default 24)", metavar="N", flags=("-n",),
        parse=read_experiments, keys=("experiments", "iterations"),
    )  # fmt: skip
    agent: str = _option(
        "tuner", "what proposes changes: tuner[:NAMES], claude[:MODEL], openai:MODEL[@URL], a program that edits files (claude-code, codex, gemini, "
        "opencode, aider, cursor, each with [:MODEL], or editor:COMMAND LINE) or one that answers (command:COMMAND LINE), "
        "hybrid[:AGENT+AGENT], replay:STUDY[@SPEED], recorded:SKILL (default tuner)", metavar="AGENT", keys=("agent",),
    )  # fmt: skip
    effort: str = _option(
        "", "reasoning effort of a Claude model: low, medium or high", metavar="LEVEL", keys=("effort",)
    )
    base_url: str = _option(
        "", "URL of the model's API (default: from the SDK's environment variable, else the vendor's)", metavar="URL"
    )
    prefetch: bool = _option(
        True, "do not request the next proposal while an experiment is still running", parse=read_bool
    )
    ask_ahead: int = _option(
        1, "questions to the agent that are open at once while experiments run, each told of the others; for an agent that takes longer than "
        "an experiment (default 1)", metavar="N", parse=whole_number("ask-ahead", 1), keys=("ask ahead",),
    )  # fmt: skip
    repeat_idle: bool = _option(
        True,
        "do not run kept versions and near misses again while nothing else can run because the agent is awaited",
        parse=read_bool,
    )
    blocks_from: int = _option(
        200, "length of a target from which models reply with SEARCH/REPLACE blocks, not all of it (default 200)",
        metavar="LINES", parse=whole_number("blocks-from", 0),
    )  # fmt: skip
    reply_timeout: float = _option(
        600.0, "longest time for one reply of a model, without waits for its rate limits (default 10m)",
        metavar="DURATION", parse=duration("reply-timeout"),
    )  # fmt: skip
    hours: float | None = _option(
        None, "limit of the study's working time in hours, final confirmation included", metavar="HOURS",
        parse=optional(number("hours", "a number above 0", above=0)), keys=("hours",),
    )  # fmt: skip
    minutes: float | None = _option(
        None, "limit of the study's working time in minutes, final confirmation included", metavar="MINUTES",
        parse=optional(number("minutes", "a number above 0", above=0)), keys=("minutes",),
    )  # fmt: skip
    max_tokens: int | None = _option(
        None, "end the search when the agent has used this many tokens", metavar="N",
        parse=optional(whole_number("max-tokens", 1)), keys=("max tokens",),
    )  # fmt: skip
    max_cost: float | None = _option(
        None, "end the search when the agent has cost this many US dollars", metavar="USD",
        parse=optional(number("max-cost", "a number above 0", above=0)), keys=("max cost",),
    )  # fmt: skip
    repeats: int = _option(
        3, "runs of the baseline to estimate the noise, and of best and baseline at the end (default 3)", metavar="N",
        parse=whole_number("repeats", 1), keys=("repeats", "noise runs"),
    )  # fmt: skip
    noise: str = _option(
        "", "expected variation between runs: low, medium or high set --repeats to 2, 3 or 5", metavar="LEVEL",
        parse=one_of("noise", "", *NOISE_RUNS), keys=("noise",),
    )  # fmt: skip
    min_delta: float = _option(
        0.0, "smallest improvement worth keeping, in the metric's unit (default 0: any that exceeds the noise)",
        metavar="GAIN", parse=number("min-delta", "a number from 0 up, in the metric's unit", minimum=0),
        keys=("min delta",),
    )  # fmt: skip
    statistic: str = _option(
        "mean", "what the value of a version is, of the values of its runs: mean, median, min (the best run where lower is better) or max "
        "(where higher is; default mean)", metavar="NAME", parse=one_of("statistic", *STATISTICS), keys=("statistic",),
    )  # fmt: skip
    judge: str = _option(
        "expected", "expected: build on what has the higher expected value, run again what is worth it; strict: keep any better run "
        "(default expected)", metavar="RULE", parse=one_of("judge", "expected", "strict", former=FORMER["judge"]), keys=("judge",),
    )  # fmt: skip
    pairs: int = _option(
        8, "maximum number of further runs in which a candidate may prove its improvement (default 8)", metavar="N",
        parse=whole_number("pairs", 0), keys=("pairs",),
    )  # fmt: skip
    bounds: Bounds = _option(
        Bounds(), "range of possible values, such as 0..8 or 0..; experiments with other values are rejected",
        metavar="LOW..HIGH", parse=read_bounds, keys=("bounds",),
    )  # fmt: skip
    pruner: str = _option(
        "curve", "early stopping: curve (compares with the current best), median (with all) or none (default curve)",
        metavar="PRUNER", parse=one_of("pruner", "curve", "median", "none"), keys=("pruner",),
    )  # fmt: skip
    patience: int | None = _option(
        None, "end the search after this many experiments in a row without a keep, or off (the default)", metavar="N",
        parse=optional(whole_number("patience", 1), off="off"), keys=("patience", "plateau patience"),
    )  # fmt: skip
    max_runs: int | None = _option(
        None, "end the search so that no more runs than this are made in all, repeats and the closing phase included (the baseline takes a tenth of them at most, but two); what is measured "
        "again for the result comes on top", metavar="N",
        parse=optional(whole_number("max-runs", 2)), keys=("max runs",),
    )  # fmt: skip
    until: float | None = _option(
        None, "end the search when the best value is at least this good", metavar="VALUE",
        parse=optional(number("until", percent=True)), keys=("until", "target"),
    )  # fmt: skip
    evals_interval: int | None = _option(
        None, "report how the study is going after every N experiments, as the subcommand evals does", metavar="N",
        parse=optional(whole_number("evals-interval", 1)), keys=("evals interval",),
    )  # fmt: skip
    timeout: float | None = _option(
        None, "time after which a run is killed (default: 4 x budget + 30s; with --verify 5 x the baseline's time)",
        metavar="DURATION", parse=optional(duration("timeout")), keys=("timeout",),
    )  # fmt: skip
    workers: int = _option(
        1, "experiments that run at once: on this machine each with a GPU of its own where there are GPUs, and processors and memory are shared "
        "out (default 1; with dask://HOST:PORT as many as the cluster has workers)", metavar="N", parse=whole_number("workers", 1), keys=("workers",),
    )  # fmt: skip
    executor: str = _option(
        "", "where experiments run: dask for Dask workers on this machine, --workers N of them, or dask://HOST:PORT for the cluster of that scheduler "
        "(default: here, without Dask)", metavar="WHERE", parse=read_executor, keys=("executor",),
    )  # fmt: skip
    lines: int = _option(
        1, "lines of work, each with a version of its own on which its proposals build; what helps most decides which goes on, begins anew, or is "
        "tried together with another (default 1)", metavar="K", parse=whole_number("lines", 1), keys=("lines",),
    )  # fmt: skip
    threads: int = _option(
        default_threads, "CPU threads of an experiment (default: all cores but one, or the worker's share)", metavar="N",
        parse=whole_number("threads", 1), keys=("threads",),
    )  # fmt: skip
    memory: int = _option(
        lambda: int(0.8 * machine_memory()),
        "memory limit of an experiment, whose processes' shared pages count once: 8GB, 8GiB or 50%% (default 80%% of the machine's)",
        metavar="SIZE", parse=read_memory, keys=("memory",),
    )  # fmt: skip
    disk: str = _option(
        "50%", "what an experiment may write to its folders: 20GB, 20GiB, or a share of the disk's free space when it starts (default 50%%); it is "
        "ended as well before the disk is full", metavar="SIZE", parse=read_disk, keys=("disk",),
    )  # fmt: skip
    seed: int = _option(
        0, "number from which all seeds of the study are derived (default 0)", metavar="N",
        parse=whole_number("seed", 0), keys=("seed",),
    )  # fmt: skip
    pass_env: tuple[str, ...] = _option(
        (), "environment variables that experiments may see, separated by commas (most others are hidden)",
        metavar="NAMES", parse=read_names,
    )  # fmt: skip
    fresh: bool = _option(
        False, "start a new process for every experiment and run the setup again, instead of forking a warm one",
        parse=read_bool, keys=("fresh",),
    )  # fmt: skip
    sandbox: str = _option(
        "auto", "auto: confine experiments by the layers that work here; strict: refuse where files or network cannot be confined; off: not "
        "at all (default auto; doctor names the layers)", metavar="MODE", parse=one_of("sandbox", "auto", "strict", "off"), keys=("sandbox",),
    )  # fmt: skip
    network: str = _option(
        "off", "what experiments reach: off: servers that they start themselves; loopback: also those of this machine; on: everything "
        "(default off)", metavar="REACH", parse=one_of("network", "off", "loopback", "on"), keys=("network",),
    )  # fmt: skip
    allow_read: tuple[str, ...] = _option(
        (), "files and folders in your home or in temporary folders that experiments may read, separated by commas; data folders of known "
        "libraries and what the setup opens are readable anyway", metavar="PATHS", parse=read_paths("allow-read"), keys=("allow read",),
    )  # fmt: skip
    allow_write: tuple[str, ...] = _option(
        (), "files and folders that experiments may write to beside their own folder, separated by commas; what one run writes there, the "
        "next one finds", metavar="PATHS", parse=read_paths("allow-write"), keys=("allow write",),
    )  # fmt: skip

    @property
    def planned(self) -> int:
        """Number of planned experiments; 0 for no limit."""
        return 0 if self.experiments == UNLIMITED else self.experiments

    @property
    def time_limit(self) -> float | None:
        """Working time of the whole study in seconds; None for no limit."""
        limits = [unit * given for given, unit in ((self.hours, 3600.0), (self.minutes, 60.0)) if given is not None]
        return min(limits, default=None)

    def as_metric(self) -> Metric:
        """Return the metric; with `verify`, its expression says how the value is read from the command's output."""
        name, expression, _ = read_metric(self.metric, verified=bool(self.verify))
        return Metric(name, expression, self.minimize)

    def as_constraints(self) -> Constraints:
        """Return the limits on numbers besides the metric."""
        return Constraints([parse_limit(text) for text in self.limit])

    @property
    def side_by_side(self) -> bool:
        """Whether several experiments run at once."""
        return self.workers > 1 or bool(self.executor)

    def as_stages(self) -> tuple[Stage, ...]:
        """Return the cheap stages before the full run."""
        if not self.stage:
            return ()
        return parse_stages(self.stage, self.as_metric(), self.budget, verified=bool(self.verify))

    @property
    def commands(self) -> list[str]:
        """The commands that measure and check in a repository."""
        return [self.verify, self.guard, *(stage.command for stage in self.as_stages())]

    @property
    def holdout_name(self) -> str:
        """The name of the holdout; empty without one."""
        return parse_holdout(self.holdout)[0] if self.holdout else ""

    def as_guard_metric(self) -> Metric | None:
        """Return the guard's metric; None where the guard's exit status decides."""
        if not self.guard_metric:
            return None
        name, expression, minimize = read_metric(self.guard_metric, verified=True)
        if minimize is None:
            minimize = direction_of_metric(name, expression, verified=True)
        return Metric(name, expression, minimize is not False)

    def as_rule(self) -> Rule:
        """Return the rule by which the judge keeps or discards."""
        return Rule(self.judge == "strict", self.pairs, self.min_delta, self.bounds)

    def deadline(self, baseline_seconds: float | None) -> float:
        """Return the number of seconds after which a run is killed.

        Parameters
        ----------
        baseline_seconds : float or None
            Duration of the baseline. For budgets in steps and for commands the limit is five times this, at least
            30 s; ten minutes as long as it is None.
        """
        if self.timeout is not None:
            return self.timeout
        if not self.verify and (seconds := self.budget.seconds) is not None:
            return 4 * seconds + 30  # training alone may take three times the budget on a busy machine
        return 600.0 if baseline_seconds is None else max(30.0, 5 * baseline_seconds)

    def describe(self) -> str:
        """Return a one-line summary of the settings: the essential ones, and those that are not at their default."""
        metric = self.as_metric()
        read = "" if metric.expression in ("", metric.name) else f" = {metric.expression}"
        endless = self.experiments == UNLIMITED
        parts = [
            f"{metric.name}{read} ({'lower' if self.minimize else 'higher'} is better)",
            *self._conditions(),
            "experiments until it is stopped" if endless else counted(self.experiments, "experiment"),
            f"agent {self.agent}",
            f"{counted(self.repeats, 'repeat')} of the baseline",
            *([] if self.verify else [counted(self.threads, "thread")]),
            *([f"{self.workers} at once"] if self.workers > 1 else []),
            *([f"on {self.executor}"] if self.executor else []),
            *([counted(self.lines, "line") + " of work"] if self.lines > 1 else []),
            f"seed {self.seed}",
        ]
        if self.timeout is not None:
            parts.append(f"timeout {format_duration(self.timeout)}")
        if self.judge == "strict":
            parts.append("strict judge")
        elif self.pairs != FIELDS["pairs"].default:
            parts.append(f"at most {counted(self.pairs, 'more run')} a candidate")
        if self.pruner != FIELDS["pruner"].default:
            parts.append("no early stopping" if self.pruner == "none" else f"pruner {self.pruner}")
        if self.hide:
            parts.append(f"hidden from agents: {' '.join(self.hide)}")
        if self.also:
            parts.append(f"also {', '.join(self.also)}")
        if self.limit:
            parts.append(f"limit {', '.join(self.limit)}")
        if self.stage:
            parts.append(f"first at the stage {', '.join(shorten(text, SUMMARY_LIMIT) for text in self.stage)}")
        if self.holdout:
            parts.append(f"holdout {self.holdout} at the end")
        if self.artifacts:
            parts.append(f"artifacts {' '.join(self.artifacts)}")
        for name, template in _WHERE_CHANGED.items():
            if (value := getattr(self, name)) != FIELDS[name].default:
                parts.append(template.format(value))
        return " · ".join(parts)

    def _conditions(self) -> list[str]:
        """Return what an experiment runs: a budget of training, or commands in a repository."""
        if not self.verify:
            return [f"budget {self.budget} an experiment"]
        parts = [f"scope {' '.join(self.scope)}", f"verify {shorten(self.verify, SUMMARY_LIMIT)}"]
        if self.guard:
            limit = f", {self.guard_metric} within {self.guard_threshold or 0:g}%" if self.guard_metric else ""
            parts.append(f"guard {shorten(self.guard, SUMMARY_LIMIT)}{limit}")
        if self.repo:
            parts.append(f"in {self.repo}")
        if self.link:
            parts.append(f"links {' '.join(self.link)}")
        return parts

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON-ready values, which `effective.make_settings` reads back."""
        return {f.name: _json_value(getattr(self, f.name)) for f in dataclasses.fields(self)}


_WHERE_CHANGED = {
    "statistic": "{} of a version's runs",     "min_delta": "min-delta {:g}", "bounds": "bounds {}", "patience": "patience {}", "max_runs": "at most {:,} runs", "until": "until {:g}",
    "evals_interval": "evals every {}", "fresh": "fresh processes", "valid": "valid if {}", "hours": "at most {:g} h",
    "sandbox": "sandbox {}", "network": "network {}", "allow_read": "may read {}", "allow_write": "may write {}", "disk": "disk {}",
    "minutes": "at most {:g} min", "clock": "{} clock", "max_tokens": "at most {:,} tokens", "max_cost": "at most ${:g}",
}  # fmt: skip
"""Settings that the summary shows only where they differ from their default."""


def _json_value(value: Any) -> Any:
    if isinstance(value, Bounds):
        return str(value) if value != Bounds() else ""
    if isinstance(value, Budget):
        return f"{exact(value.amount)}steps" if value.unit == "steps" else value.amount
    return list(value) if isinstance(value, tuple) else value


def read_metric(text: str, *, verified: bool) -> tuple[str, str, bool | None]:
    """Return a metric's name, expression and direction: a Python expression, or with `verified` a reading of output."""
    if not verified:
        return parse_cell_metric(text)
    name, rule, minimize = parse_verified_metric(text or "metric")
    parse_rule(rule)  # reports mistakes before the study starts
    return name, rule, minimize


FIELDS = {f.name: f for f in dataclasses.fields(Settings)}
KEYS = {key: name for name, f in FIELDS.items() for key in f.metadata["keys"]}
