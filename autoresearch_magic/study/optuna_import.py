"""Read trials of an Optuna study as prior knowledge of the tuner.

Parameters are matched with the target's constants by their names: the same name, or one that is spelled differently (``lr``, ``LR``;
``n_estimators``, ``RandomForestClassifier.n_estimators``) where only one constant can be meant. `match` finds out and says what was found; nothing is used
before it was told. Where two readings are possible, it is refused with the words that decide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..agents.prior import MOST, Prior, PriorTrial, thinned
from ..errors import UserError
from ..metric import Metric
from ..source.constants import Constant
from ..source.search_space import Choices, Range, Value
from ..text import counted
from .optuna_storage import opened_storage, shown_storage

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

FEWEST = 4
"""Fewest trials with a value that say anything."""


@dataclass(frozen=True)
class Matched:
    """What an Optuna study says about a target, and how it was read.

    Attributes
    ----------
    prior : Prior
    pairs : mapping
        Constants by the parameters that they were matched with.
    unmatched, left_out : tuple of str
        Parameters of which the target has no constant, and those that the user leaves out.
    unknown : tuple of str
        The target's constants about which the trials say nothing.
    skipped : mapping
        How many trials are not used, by why.
    best : str
        The best trial's settings and value, as text.
    """

    prior: Prior
    pairs: Mapping[str, str]
    unmatched: tuple[str, ...]
    left_out: tuple[str, ...]
    unknown: tuple[str, ...]
    skipped: Mapping[str, int]
    best: str

    def text(self) -> str:
        """Return what was matched and what was not, in a few lines."""
        pairs = [p if p == c else f"{p} = {c}" for p, c in self.pairs.items()]
        lines = [f"{self.prior.text()}.", f"matched       {', '.join(pairs)}"]
        if self.unmatched:
            lines.append(
                f"not matched   {', '.join(self.unmatched)}: the target has no such constant (NAME=CONSTANT names one)"
            )
        if self.left_out:
            lines.append(f"left out      {', '.join(self.left_out)}")
        if self.unknown:
            lines.append(f"not in it     {', '.join(self.unknown)}")
        if self.skipped:
            counts = [f"{counted(n, 'trial')} {why}" for why, n in self.skipped.items()]
            lines.append(f"not used      {', '.join(counts)}")
        return "\n".join([*lines, f"its best      {self.best}"])


def match(
    storage: str,
    name: str,
    aliases: Mapping[str, str],
    constants: Sequence[Constant],
    metric: Metric,
    *,
    opposite: bool = False,
    objective: str = "",
) -> Matched:
    """Read an Optuna study and match it with a target's constants.

    Parameters
    ----------
    storage : str
        See `optuna_storage.opened_storage`.
    name : str
        The Optuna study's; empty where the storage has one alone.
    aliases : mapping
        Constants by parameters; an empty one leaves the parameter out.
    constants : sequence of Constant
    metric : Metric
    opposite : bool
        Whether the values count with the opposite sign.
    objective : str
        The objective of a study of several: its number from 0, or its name.

    Raises
    ------
    UserError
        For what could be read in two ways, or says nothing.
    """
    with opened_storage(storage, new=False) as opened:
        study = _load(opened, name, storage)
        which = _objective(study, objective)
        direction = study.directions[which]
        trials = study.get_trials(deepcopy=False)
        called = study.study_name
    minimized = direction.name == "MINIMIZE"
    if minimized == opposite if metric.minimize else minimized != opposite:
        how = ("minimised", "maximised") if minimized else ("maximised", "minimised")
        ours = "lower" if metric.minimize else "higher"
        raise UserError(
            f"{called} {'with the opposite sign ' if opposite else ''}is {how[1 if opposite else 0]}, and {ours} {metric.name} is better here: its best would be this "
            f"one's worst. {'Leave out --opposite' if opposite else 'Where its values are the same thing with the other sign (such as accuracy for error), add --opposite'}."
        )
    parameters = list(dict.fromkeys(p for t in trials for p in t.params))
    pairs, unmatched, left_out = _pairs(parameters, aliases, constants, called)
    by_name = {c.name: c for c in constants}
    used, skipped = _read(trials, pairs, by_name, which, -1.0 if opposite else 1.0)
    _check_enough(used, skipped, called, pairs, by_name)
    known = tuple(dict.fromkeys(n for t in used for n in t.values))
    prior = Prior(called, shown_storage(storage), known, thinned(used, MOST, metric.minimize), len(used), opposite)
    best = prior.best(metric.minimize)
    settings = ", ".join(f"{n} {v:.6g}" if isinstance(v, float) else f"{n} {v}" for n, v in best.values.items())
    return Matched(
        prior, pairs, tuple(unmatched), tuple(left_out), tuple(n for n in by_name if n not in known), skipped,
        f"{best.value:.6g} at {settings}",
    )  # fmt: skip


def _load(opened: Any, name: str, storage: str) -> Study:
    import optuna

    names = [s.study_name for s in optuna.get_all_study_summaries(opened, include_best_trial=False)]
    where = shown_storage(storage)
    if not names:
        raise UserError(f"{where} holds no study of Optuna.")
    if not name and len(names) > 1:
        raise UserError(f"{where} has {len(names)} studies: name one of {_listed(names)}.")
    if name and name not in names:
        raise UserError(f"{where} has no study {name!r}: it has {_listed(names)}.")
    return optuna.load_study(study_name=name or names[0], storage=opened)


def _objective(study: Study, objective: str) -> int:
    names = list(study.metric_names or [])
    count = len(study.directions)
    if not objective:
        if count > 1:
            shown = ", ".join(f"{i}{f' ({names[i]})' if names else ''}" for i in range(count))
            raise UserError(f"{study.study_name} has {count} objectives: choose one with --objective, of {shown}.")
        return 0
    if objective in names:
        return names.index(objective)
    if objective.isdecimal() and int(objective) < count:
        return int(objective)
    raise UserError(f"{study.study_name} has no objective {objective!r}: they are numbered 0 to {count - 1}.")


# -- names --------------------------------------------------------------------------------------------------------------


def _pairs(
    parameters: Sequence[str], aliases: Mapping[str, str], constants: Sequence[Constant], study: str
) -> tuple[dict[str, str], list[str], list[str]]:
    """Return the constants by parameters, the parameters without one, and those that are left out."""
    names = [c.name for c in constants]
    if odd := [p for p in aliases if p not in parameters]:
        raise UserError(f"{study} has no parameter {odd[0]!r}: it has {_listed(parameters)}.")
    pairs, unmatched, left_out = {}, [], []
    for parameter in parameters:
        wanted = aliases.get(parameter, parameter)
        if not wanted:
            left_out.append(parameter)
            continue
        found = _called(wanted, names)
        if len(found) > 1:
            raise UserError(f"{wanted} could be {' or '.join(found)}: say which with  {parameter}={found[0]}")
        if found:
            pairs[parameter] = found[0]
        elif parameter in aliases:
            raise UserError(f"The target has no constant {wanted!r}: it has {_listed(names)}.")
        else:
            unmatched.append(parameter)
    for constant in dict.fromkeys(pairs.values()):
        if len(both := [p for p, c in pairs.items() if c == constant]) > 1:
            raise UserError(f"{' and '.join(both)} could both be {constant}: leave one out with  {both[-1]}=")
    if not pairs:
        raise UserError(
            f"No parameter of {study} ({_listed(parameters) or 'it has none'}) is called like a constant of the target ({_listed(names)}): say "
            "which is which, as in  lr=LEARNING_RATE"
        )
    return pairs, unmatched, left_out


def _called(name: str, names: Sequence[str]) -> list[str]:
    """Return the constants that a name can mean: of the closest kind of likeness that any has."""
    kinds = (
        lambda n: n == name, lambda n: n.rpartition(".")[2] == name, lambda n: _spelled(n) == _spelled(name),
        lambda n: _spelled(n.rpartition(".")[2]) == _spelled(name),
    )  # fmt: skip
    for alike in kinds:
        if found := [n for n in names if alike(n)]:
            return found
    return []


def _spelled(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


# -- values -------------------------------------------------------------------------------------------------------------


def _read(
    trials: Sequence[FrozenTrial], pairs: Mapping[str, str], constants: Mapping[str, Constant], which: int, sign: float
) -> tuple[list[PriorTrial], dict[str, int]]:
    """Return the trials that can be used, and how many cannot, by why."""
    used: list[PriorTrial] = []
    skipped: dict[str, int] = {}

    def skip(why: str) -> None:
        skipped[why] = skipped.get(why, 0) + 1

    for trial in trials:
        state = trial.state.name
        value = None
        if state == "COMPLETE" and trial.values is not None:
            value = trial.values[which]
        elif state == "PRUNED":
            value = trial.intermediate_values[max(trial.intermediate_values)] if trial.intermediate_values else None
        if value is None or not math.isfinite(value):
            skip({"FAIL": "failed", "RUNNING": "running", "WAITING": "waiting"}.get(state, "without a value"))
            continue
        values: dict[str, Value] = {}
        for parameter, name in pairs.items():
            if parameter not in trial.params:
                continue  # a branch of its search that it did not take
            if (fitting := _fitting(trial.params[parameter], constants[name])) is None:
                skip(f"with a value of {parameter} out of reach of {name}")
                break
            values[name] = fitting
        else:
            if values:
                used.append(PriorTrial(values, sign * float(value), state == "PRUNED"))
            else:
                skip("without a matched parameter")
    return used, skipped


def _fitting(value: object, constant: Constant) -> Value | None:
    """Return a parameter's value as one of a constant; None where it cannot be one, or is more than a whole range away."""
    space = constant.space
    if isinstance(space, Choices) and not space.ordered:
        return next((v for v in space.values if type(v) is type(value) and v == value), None)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    number: Value = float(value)
    if isinstance(constant.value, int):
        if not float(value).is_integer():
            return None
        number = int(value)
    if isinstance(space, Range):
        if space.scale == "log" and float(number) * space.low <= 0:
            return None
        if space.scale == "near-one" and float(number) >= 1:
            return None
        return number if -1.0 < space.place(number) < 2.0 else None
    low, high = float(space.values[0]), float(space.values[-1])
    return number if 2 * low - high <= float(number) <= 2 * high - low else None


def _check_enough(
    used: Sequence[PriorTrial],
    skipped: Mapping[str, int],
    study: str,
    pairs: Mapping[str, str],
    constants: Mapping[str, Constant],
) -> None:
    for parameter, name in pairs.items():
        lost = skipped.get(f"with a value of {parameter} out of reach of {name}", 0)
        if lost > len(used):
            space = constants[name].space
            limits = (
                f"{space.low:g} to {space.high:g}"
                if isinstance(space, Range)
                else _listed(list(map(str, space.values)))
            )
            raise UserError(
                f"{counted(lost, 'trial')} of {lost + len(used)} in {study} have values of {parameter} out of reach of {name} ({limits}): it may be in "
                f"another unit. Leave it out with  {parameter}=  , or give {name} a wider range by a comment."
            )
    if len(used) < FEWEST or len({t.value for t in used}) < 2:
        why = f" ({', '.join(f'{n} {why}' for why, n in skipped.items())})" if skipped else ""
        raise UserError(
            f"{study} has {counted(len(used), 'trial')} with a value that can be used{why}: that says nothing about the target."
        )
