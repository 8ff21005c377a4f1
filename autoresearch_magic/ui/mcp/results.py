"""The results of the tools, as types: clients get a JSON schema of each.

The fields are those of `ui.facts`, which ``--json`` prints as well. Left out is what has no limit of size, such as the whole source of
every experiment; `tests/ui/mcp/test_results.py` says what. ``text`` is the same in words.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Result(BaseModel):
    """A result of a tool, or a part of one; facts without a field are left out."""

    model_config = ConfigDict(extra="ignore")


class Metric(Result):
    """What is measured."""

    name: str
    direction: Literal["minimize", "maximize"]


class Best(Result):
    """The current best."""

    experiment: int
    value: float | None
    summary: str


class Running(Result):
    """A run in progress; with `--workers` there are several, one in each slot."""

    slot: int = Field(description="from 0")
    place: str = Field(description="where the slot is, such as GPU 1; empty without --workers")
    experiment: int | None = Field(
        description="null for the first run of one beside others: it gets its number when that has ended"
    )
    kind: str
    summary: str
    what: str = Field(description="which run it is and what it is for")
    phase: str
    progress: float = Field(description="share of the run's budget that is spent, 0 to 1")
    seconds: float


class Holdout(Result):
    """Best and baseline on data that the search has never used; told at the end only."""

    name: str
    best: float
    best_sd: float
    baseline: float
    baseline_sd: float
    runs: int
    gain: float = Field(description="by how much the best is better on the holdout; negative when it is worse")
    reach: float | None = Field(description="half the width of that gain's interval")
    p_better: float | None
    share: float = Field(description="the part of the gain that the holdout does not show: the selection's share")
    share_reach: float | None
    looks: int = Field(description="how many results on the holdout this study has told")


class Headline(Result):
    """Best and baseline measured again on fresh seeds, at the end of a study."""

    number: int = Field(description="number of the best experiment")
    best: float
    best_sd: float
    baseline: float
    baseline_sd: float
    repeats: int
    gain: float = Field(description="by how much the best is better, in the metric's unit; negative when it is worse")
    reach: float | None = Field(description="half the width of the gain's interval")
    confidence: float
    p_better: float | None = Field(description="the chance that the best is better than the baseline, 0 to 1")
    holdout: Holdout | None
    holdout_error: str = Field(description="why runs have no value of the holdout; empty where all have one")


class Usage(Result):
    """What the study's own agent has used; all 0 where a client proposes."""

    calls: int
    input: int
    cached: int
    written: int
    output: int
    seconds: float
    cost: float | None


class Study(Result):
    """The state of a study and its result so far."""

    study: str
    folder: str
    state: str
    message: str
    metric: Metric
    experiments: int = Field(description="how many proposals were run; the baseline does not count")
    planned: int = Field(description="how many are planned; 0 where the number sets no end")
    kept: int
    proven: int = Field(description="kept experiments whose gain is proven")
    discarded: int
    failed: int
    seconds: float
    remaining_seconds: float | None
    baseline: float | None
    best: Best | None
    runs: list[Running] = Field(description="the runs in progress")
    headline: Headline | None
    result: str
    usage: Usage
    settings: dict[str, Any]


class Status(Study):
    """The state of a study and its result so far, also in words."""

    text: str


class Row(Result):
    """One experiment in a row of the history."""

    experiment: int
    verdict: str
    value: float | None
    summary: str
    parent: int | None = Field(description="the current best that it was compared with; null for the baseline")
    gain: float | None = Field(description="how much better than its parent, in the metric's unit; negative when worse")
    gain_low: float | None = Field(description="lower end of the gain's 95% interval")
    gain_high: float | None
    p_better: float | None = Field(description="the chance that it is better than its parent, 0 to 1")
    proven: bool
    runs: int
    seconds: float
    memory_gb: float
    commit: str
    agent: str
    hypothesis: str
    reason: str = Field(description="what decided, or why there is no value")
    numbers: dict[str, Any] = Field(description="the other numbers of its runs")


class History(Result):
    """The experiments of a study, the baseline first."""

    text: str
    study: str
    metric: Metric
    total: int = Field(description="how many experiments there are, those that are not listed included")
    experiments: list[Row]


class Run(Result):
    """One run of an experiment."""

    outcome: str
    value: float | None
    seed: int
    seconds: float
    steps: int
    memory_gb: float
    error: str


class Experiment(Row):
    """One experiment, with its runs."""

    study: str
    metric: Metric
    expect: str
    measurements: list[Run]
    traceback: str
    output: str = Field(description="the last lines that its last run has printed")


class Shown(Experiment):
    """One experiment, with its runs, its code and all that is known of it in words."""

    text: str


class Diff(Result):
    """How the targets of two experiments differ."""

    text: str
    study: str
    first: int = Field(description="number of the experiment before")
    second: int
    diff: str = Field(description="unified diff; empty where both are the same")


class Advice(Result):
    """The recommended next step."""

    action: str = Field(description="continue, stop or change strategy")
    reason: str


class Evals(Result):
    """The analysis of a study: trend, plateau, which changes helped or failed, what to do next."""

    model_config = ConfigDict(extra="allow")  # the parts of the analysis have forms of their own

    text: str
    study: str
    metric: Metric
    noise: float | None = Field(description="standard deviation of one run, in the metric's unit")
    judged: int
    ran: int
    baseline: float | None
    best: float | None
    incumbent: int
    gain: float | None
    proven: int
    advice: Advice


class Trial(Result):
    """The runs of the target at one budget."""

    budget: str
    values: list[float]
    sd: float | None
    seconds: float


class Plan(Result):
    """What a study would take: noise, time and cost, before anything is begun."""

    metric: Metric
    trials: list[Trial]
    seconds: float
    most_seconds: float
    guard_seconds: float
    notes: list[str]
    advice: str
    settings: dict[str, Any]


class Said(Result):
    """That something was done, in words."""

    text: str
    study: str


class Briefing(Result):
    """What a proposer should know now: program, current best, history, failures, notes."""

    text: str
    study: str


class Begun(Result):
    """A study that was begun: its baseline, and how much that varies from run to run."""

    folder: str
    metric: Metric
    baseline: float | None
    sd: float | None = Field(description="standard deviation of one run; null where one run does not show it")
    runs: int
    seconds: float = Field(description="of all these runs")
    commit: str
    settings: dict[str, Any]
    notices: list[str] = Field(description="what else became known meanwhile, such as that the metric takes two values")


class Finished(Result):
    """An experiment that an earlier call had begun, and that was finished first."""

    experiment: int
    verdict: str


class Tried(Row):
    """The verdict on a change, and what it rests on."""

    metric: Metric
    kept: bool = Field(description="whether it is the best version now, which the next change starts from")
    parent_value: float | None
    expect: str
    output: str = Field(description="the end of what it has printed, where it failed")
    best: Best
    finished_first: list[Finished]
    reverted: list[str] = Field(description="files that were put back to the best version")
    left: list[str] = Field(description="files that have changed since they were read, and were left as they are")
    scratch: list[str] = Field(description="untracked files that are no part of the version")
    notices: list[str] = Field(description="what else became known meanwhile, such as that the metric takes two values")
    limit: str = Field(description="which of the study's limits has been reached; empty for none")


class Work(Result):
    """A piece of work that takes a while: how far it is, or how it has ended."""

    text: str = Field(description="where it stands, or the outcome, in words")
    what: Literal["plan", "start", "try", "finish", "nothing"]
    done: bool = Field(
        description="false while it runs: call the tool wait, until it is true; nothing is lost in between"
    )
    study: str
    share: float = Field(description="about how much of it is done, 0 to 1")
    plan: Plan | None = None
    begun: Begun | None = None
    tried: Tried | None = None
    finished: Study | None = None
