"""Write a study into a storage of Optuna, so that Optuna's dashboard and its own functions show it.

Each judged experiment is a trial of the same number. Its parameters are the target's constants as the tuner sees them
(`distributions`), so a language model's change of other code is in no parameter: its difference is an attribute. Optuna never changes a
trial that has ended, so a study of which one has changed since, as by another run of the incumbent, is written anew; else what
is new is added.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..experiment import Experiment, Measurement, Verdict
from ..judging.learning_curves import followed
from ..judging.optuna_logging import quiet_optuna
from ..source.constants import find_constants, read_values, replace_constants
from ..source.edits import unified_diff
from ..source.search_space import Choices, Range, Space, Value
from ..storage.journal import Journal
from ..text import counted, cut_middle
from .optuna_storage import expected_warnings, opened_storage, shown_storage
from .status import StudyStatus

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

MOST_POINTS = 200
"""Points of a curve that become intermediate values of a trial; of longer ones every so-manieth does."""
MOST_DIFF = 16_000
"""Characters of a difference that are kept as an attribute."""
MINE = "autoresearch:study"
"""The attribute of an Optuna study that says which of our studies it is."""
WHOLE = 2**53
"""The largest whole number that Optuna keeps exactly."""

Show = Callable[[float, str], None]


@dataclass(frozen=True)
class Exported:
    """What an export has done.

    Attributes
    ----------
    storage, name : str
        Where, without a password, and the Optuna study's name.
    trials : int
        Trials that the Optuna study has now.
    added : int
        Those that this export has written.
    anew : bool
        Whether the study was there before and was written anew.
    """

    storage: str
    name: str
    trials: int
    added: int
    anew: bool = False

    def text(self) -> str:
        """Return what was done in a sentence."""
        where = f"The Optuna study {self.name} in {self.storage} has {counted(self.trials, 'trial')}"
        if self.anew:
            return f"{where}: written anew, since trials had changed that Optuna cannot change."
        return f"{where}, {f'{self.added} of them new' if self.added else 'none of them new'}."


def export_optuna(status: StudyStatus, storage: str, name: str = "", show: Show = lambda share, what: None) -> Exported:
    """Write a study into a storage of Optuna; a second export brings it up to date.

    Parameters
    ----------
    status : StudyStatus
    storage : str
        See `optuna_storage.opened_storage`.
    name : str
        The Optuna study's; that of this study by default.
    show : callable, optional
        Called with the share that is done, and what is being done.

    Raises
    ------
    UserError
        When the storage cannot be used, or has another study of that name.
    """
    if not status.experiments:
        raise UserError(f"{status.name} has no finished experiment yet: there is nothing to export.")
    name = name or status.name
    show(0.0, "reading the experiments")
    trials = trials_of(status)
    with opened_storage(storage, new=True) as opened:
        import optuna

        names = {summary.study_name for summary in optuna.get_all_study_summaries(opened, include_best_trial=False)}
        before: Sequence[FrozenTrial] = ()
        anew = False
        if name in names:
            study = optuna.load_study(study_name=name, storage=opened)
            before = study.get_trials(deepcopy=False)
            _check_mine(study, status, before, storage)
            anew = len(before) > len(trials) or any(not _same(a, b) for a, b in zip(before, trials, strict=False))
            if anew:
                kept = {key: value for key, value in study.user_attrs.items() if not key.startswith("autoresearch:")}
                with quiet_optuna():
                    optuna.delete_study(study_name=name, storage=opened)
                study, before = _create(status, name, opened), ()
                for key, value in kept.items():
                    study.set_user_attr(key, value)
        else:
            study = _create(status, name, opened)
        for key, value in _about(status).items():
            if study.user_attrs.get(key) != value:
                study.set_user_attr(key, value)
        new = trials[len(before) :]
        for done, trial in enumerate(new):
            show(done / len(new), f"writing trial {trial.number}")
            study.add_trial(trial)
        return Exported(shown_storage(storage), name, len(trials), len(new), anew)


def _create(status: StudyStatus, name: str, storage: Any) -> Study:
    import optuna

    with quiet_optuna(), expected_warnings():  # for a moment only: a tuner that runs in this process waits for it
        study = optuna.create_study(
            study_name=name, storage=storage, direction="minimize" if status.metric.minimize else "maximize"
        )
        study.set_metric_names([status.metric.name])
    study.set_user_attr(MINE, _identity(status))
    return study


def _identity(status: StudyStatus) -> str:
    """Return a text that tells this study from every other, also from one of the same name."""
    baseline = status.experiments[0]
    seed = baseline.measurements[0].seed if baseline.measurements else 0
    with Journal(status.folder / "journal.sqlite") as journal:
        begun = journal.judged_at(0)
    return hashlib.sha256(f"{status.name}\0{begun!r}\0{seed}\0{baseline.fingerprint}".encode()).hexdigest()[:16]


def _check_mine(study: Study, status: StudyStatus, trials: Sequence[FrozenTrial], storage: str) -> None:
    where = f"{shown_storage(storage)} has an Optuna study {study.study_name}"
    if study.user_attrs.get(MINE) != _identity(status):
        raise UserError(f"{where} that is not of {status.name}: give another name with  --as NAME")
    if foreign := [t.number for t in trials if "experiment" not in t.user_attrs]:
        raise UserError(
            f"{where}, to which {counted(len(foreign), 'trial')} came from elsewhere (such as {foreign[0]}): give another name with  "
            "--as NAME"
        )


def _about(status: StudyStatus) -> dict[str, Any]:
    """Return what is said of the whole study, as attributes of the Optuna study."""
    told, best = status.told, status.incumbent
    return {
        "autoresearch:metric": status.metric.name,
        "autoresearch:goal": status.definition.program.title,
        "autoresearch:best": best.number if best else None,
        "autoresearch:confirmed": asdict(told) if told else None,
    }


def trials_of(status: StudyStatus) -> list[FrozenTrial]:
    """Return the trials of all experiments, in the order of their numbers."""
    from optuna.trial import FrozenTrial

    times, gains, spaces = _times(status), status.gains, distributions(status)
    baseline = status.experiments[0]
    trials = []
    for e in status.experiments:
        values = read_values(e.target)
        params = {name: _fitting(values[name], d) for name, d in spaces.items() if name in values}
        params = {name: value for name, value in params.items() if value is not None}
        state = _state(e)
        start, end = times.get(e.number, (0.0, 0.0))
        gain = gains.get(e.number)
        attributes = {
            "experiment": e.number, "verdict": str(e.verdict), "reason": e.reason, "summary": e.summary,
            "hypothesis": e.proposal.hypothesis, "agent": e.proposal.agent, "commit": e.commit, "parent": e.parent,
            "repeats": len(e.values), "values": list(e.values), "seeds": [m.seed for m in e.measurements], "seconds": round(e.seconds, 3),
            "gain": gain and gain.gain, "interval": [gain.low, gain.high] if gain and gain.low is not None else None,
            "p_better": gain and gain.p_better, "proven": bool(gain and gain.proven), "numbers": e.numbers,
            **_beside(e, baseline if e.parent is None else status.experiments[e.parent], params),
        }  # fmt: skip
        trials.append(
            FrozenTrial(
                number=e.number, trial_id=e.number, state=state, value=e.value if state.name == "COMPLETE" else None,
                datetime_start=datetime.fromtimestamp(start), datetime_complete=datetime.fromtimestamp(max(start, end)),
                params=params, distributions={key: spaces[key] for key in params}, user_attrs=_plain(attributes), system_attrs={},
                intermediate_values=_curve(e, status.metric.name),
            )
        )  # fmt: skip
    return trials


def _state(e: Experiment) -> Any:
    from optuna.trial import TrialState

    if e.verdict is Verdict.PRUNED:
        return TrialState.PRUNED
    whole = e.verdict in (Verdict.BASELINE, Verdict.KEEP, Verdict.DISCARD) and e.value is not None
    return TrialState.COMPLETE if whole else TrialState.FAIL


def _times(status: StudyStatus) -> dict[int, tuple[float, float]]:
    """Return when each experiment was proposed and judged, in seconds since the epoch."""
    with Journal(status.folder / "journal.sqlite") as journal:
        rows = journal.select("SELECT number, proposed_at, judged_at FROM experiment")
    return {row["number"]: (row["proposed_at"], row["judged_at"] or row["proposed_at"]) for row in rows}


def _beside(e: Experiment, parent: Experiment, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an experiment has changed besides the parameters: constants that are none, and other code."""
    before, after = read_values(parent.target), read_values(e.target)
    changed = {n: v for n, v in after.items() if n in before and type(before[n]) is type(v) and before[n] != v}
    try:
        rest = replace_constants(parent.target, {n: v for n, v in changed.items() if n in params})
    except (KeyError, ValueError):
        rest = ""
    if e is parent or rest == e.target:
        return {"changed": "constants" if changed else "nothing"}
    return {"changed": "code", "diff": cut_middle(unified_diff(parent.target, e.target), MOST_DIFF)}


def _curve(e: Experiment, metric: str) -> dict[int, float]:
    """Return the curve of one run, the last that counts, as intermediate values by step."""
    run: Measurement | None = next(
        (m for m in reversed(e.current) if m.ok), e.measurements[-1] if e.measurements else None
    )
    if run is None or not run.curve:
        return {}
    name = metric if any(metric in p.values for p in run.curve) else followed(run.curve)
    points = [(p.step, float(p.values[name])) for p in run.curve if name in p.values]
    if len({step for step, _ in points}) < len(points):  # without steps of its own
        points = [(i, value) for i, (_, value) in enumerate(points)]
    return dict(points[:: math.ceil(len(points) / MOST_POINTS)]) if points else {}


# -- distributions ------------------------------------------------------------------------------------------------------


def distributions(status: StudyStatus) -> dict[str, BaseDistribution]:
    """Return the distribution of each constant: the tuner's search space, widened to hold all values that were tried.

    A range that is inferred moves with the best version, and Optuna compares only trials of equal distributions: so each constant has one
    for the whole study, which holds the ranges at each of its bests.
    """
    metric, experiments = status.metric, status.experiments
    spaces: dict[str, list[Space]] = {}
    for e in experiments:
        if not e.kept:
            continue
        found = find_constants(
            e.target, strict=False, baseline=experiments[0].target, metric=metric.name, outside=metric.expression
        )
        for constant in found:
            spaces.setdefault(constant.name, []).append(constant.space)
    tried: dict[str, list[Value]] = {name: [] for name in spaces}
    for e in experiments:
        values = read_values(e.target)
        for name, known in tried.items():
            if name in values:
                known.append(values[name])
    return {name: _distribution(each, tried[name]) for name, each in spaces.items()}


def _distribution(spaces: Sequence[Space], tried: Sequence[Value]) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    ranges = [space for space in spaces if isinstance(space, Range)]
    if not ranges:
        choices = [space for space in spaces if isinstance(space, Choices)]
        kind = type(choices[0].values[0])
        every = dict.fromkeys(v for v in (*(v for c in choices for v in c.values), *tried) if _is_like(v, kind))
        return CategoricalDistribution(sorted(every) if all(c.ordered for c in choices) else list(every))
    listed = [float(v) for c in spaces if isinstance(c, Choices) for v in c.values if not isinstance(v, str | bool)]
    values = [v for v in tried if not isinstance(v, str) and _is_usable(v)]
    low = min(*(r.low for r in ranges), *(r.low for r in ranges), *listed, *values)
    high = max(*(r.high for r in ranges), *(r.high for r in ranges), *listed, *values)
    first = ranges[0]
    alike = all((r.scale, r.step, r.low, r.whole) == (first.scale, first.step, first.low, first.whole) for r in ranges)
    on_grid = alike and not listed and first.step > 0 and all(_on_grid(v, first) for v in values) and low == first.low
    log = all(r.scale == "log" for r in ranges) and low > 0
    if (
        all(r.whole for r in ranges)
        and all(float(v).is_integer() for v in (*listed, *values))
        and not any(isinstance(v, float) for v in values)
    ):
        step = int(first.step) if on_grid and float(first.step).is_integer() else 1
        return IntDistribution(int(low), _last(low, high, step), log=log and step == 1, step=step)
    if on_grid:
        return FloatDistribution(float(low), float(_last(low, high, first.step)), step=first.step)
    return FloatDistribution(float(low), float(high), log=log)


def _on_grid(value: float, space: Range) -> bool:
    steps = (value - space.low) / space.step
    return abs(steps - round(steps)) < 1e-8


def _last(low: float, high: float, step: float) -> Any:
    """Return the last value of a grid, which Optuna would else warn about."""
    last = low + math.floor((high - low) / step + 1e-9) * step
    return int(last) if isinstance(step, int) else float(f"{last:.12g}")


def _is_like(value: Value, kind: type) -> bool:
    return type(value) is kind or (kind in (int, float) and type(value) in (int, float))


def _is_usable(value: float) -> bool:
    """Whether a value is a number that Optuna keeps exactly."""
    if isinstance(value, bool):
        return False
    return abs(value) <= WHOLE if isinstance(value, int) else math.isfinite(value)


def _fitting(value: Value, distribution: BaseDistribution) -> Value | None:
    """Return a value as a parameter; None where it is none of the distribution, such as a text where numbers were."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        return next((c for c in distribution.choices if type(c) is type(value) and c == value), None)
    if isinstance(value, str) or not _is_usable(value):
        return None
    fitted: Value = int(value) if isinstance(distribution, IntDistribution) else float(value)
    return fitted if distribution._contains(distribution.to_internal_repr(fitted)) else None


# -- comparing ----------------------------------------------------------------------------------------------------------


def _plain(values: Any) -> Any:
    """Return values as JSON holds them: NaN and infinities as texts."""
    if isinstance(values, Mapping):
        return {str(key): _plain(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [_plain(value) for value in values]
    return str(values) if isinstance(values, float) and not math.isfinite(values) else values


def _same(one: FrozenTrial, other: FrozenTrial) -> bool:
    """Whether two trials say the same; a database may keep times to the second alone."""
    return _said(one) == _said(other)


def _said(trial: FrozenTrial) -> tuple[Any, ...]:
    times = (trial.datetime_start, trial.datetime_complete)
    curve = [(step, repr(value)) for step, value in sorted(trial.intermediate_values.items())]
    return (
        trial.number, trial.state, repr(trial.value), trial.params, trial.distributions, trial.user_attrs, curve,
        *(None if t is None else t.replace(microsecond=0) for t in times),
    )  # fmt: skip
