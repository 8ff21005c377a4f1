"""The options of a study as keyword arguments, for type checkers: ``Study(..., experiments=24, budget="20s")``.

`Settings` declares the options; `tests/config/test_settings_options.py` checks that both say the same. An option takes its own
type, and text as on the command line. ``sealed`` is not among them: it is a parameter of its own, which takes source text as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from ..budget import Budget
from ..judging.judge import Bounds


class SettingsOptions(TypedDict, total=False):
    """Every option of `Settings`, and ``maximize``, the opposite of ``minimize``."""

    metric: str
    minimize: bool | str
    maximize: bool | str
    scope: str | Sequence[str]
    verify: str
    guard: str
    guard_metric: str
    guard_threshold: float | str | None
    valid: str
    repo: str | Path
    link: str | Sequence[str]
    hide: str | Sequence[str]
    also: str | Sequence[str] | Mapping[str, str]
    limit: str | Sequence[str]
    stage: str | Sequence[str]
    holdout: str
    artifacts: str | Sequence[str]
    track: str | Sequence[str]
    notify: str | Sequence[str]
    budget: str | float | Budget
    clock: str
    experiments: int | str
    agent: str
    effort: str
    base_url: str
    prefetch: bool | str
    ask_ahead: int | str
    repeat_idle: bool | str
    blocks_from: int | str
    reply_timeout: float | str
    hours: float | str | None
    minutes: float | str | None
    max_tokens: int | str | None
    max_cost: float | str | None
    repeats: int | str
    noise: str
    min_delta: float | str
    statistic: str
    judge: str
    pairs: int | str
    bounds: str | Bounds
    pruner: str
    patience: int | str | None
    max_runs: int | str | None
    until: float | str | None
    evals_interval: int | str | None
    timeout: float | str | None
    workers: int | str
    executor: str
    lines: int | str
    threads: int | str
    memory: int | str
    disk: str
    seed: int | str
    pass_env: str | Sequence[str]
    fresh: bool | str
    sandbox: str
    network: str
    allow_read: str | Sequence[str]
    allow_write: str | Sequence[str]
