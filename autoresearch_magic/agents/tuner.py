"""The offline agent: finds the tunable constants of the target and proposes values for them, with Optuna.

It needs no key and keeps no state. Its proposals have several sources (`portfolio`):

- *Bold steps*: the constant that was changed alone least often makes one large step, in the direction of its last change if that was kept,
  else in the opposite one. Half of the first proposals are such steps.
- *Leaps*, the other half of the first proposals: many constants at once take values far from all that were tried. Where the start is good
  they lose, and where it is bad they win; so their share follows what has paid off, too.
- *The model* of all runs, a Gaussian process (`surrogate`): the combination of values near the incumbent or far from it that is worth most.
- Samples of Optuna's *TPE*, for a small random set of constants.

Together they do better than each alone: the model finds what needs several constants, but where noise hides everything that it could
learn from, it stays where it is, and a bold step gets it out.

With the model, each proposal has a forecast of its effect. Its hyperparameters are fitted while an experiment runs (`prepare`).

Proposals that are made while others run know of them: they count as first proposals and as bold steps, the model expects of them what it
expects (`Surrogate.beside`), TPE takes them for bad ones, and none is proposed again. What the sources' shares and the constants without
an effect are learned from are experiments with a verdict alone.

A program of another author may have dozens of constants, too many for a study. They are tuned in the order of how much such
constants usually matter: `ACTIVE` at the start, one more with every `WIDEN` experiments. One whose changes have left the metric
exactly as it was, on the same seed, is not tuned any more, until there is nothing else to try.

Not here: what is learned from earlier experiments (`observations`), the changes themselves (`candidates`), what a constant is
(`source.constants`), its range (`source.search_space`), and changes of the code itself.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ..errors import NothingToPropose, NothingToTune, UserError
from ..experiment import Experiment, Proposal
from ..judging.forecast import format_forecast
from ..judging.noise import estimate_noise
from ..metric import Metric
from ..source.constants import Constant, find_constants, replace_constants
from ..source.edits import fingerprint
from ..source.files import is_bundle, is_python, split
from ..source.integrity import refusal
from ..source.search_space import Value
from ..text import shorten
from .acquisition import propose
from .advice import advice, show
from .base import Agent, Briefing, LineBriefing
from .candidates import bold_steps, leaps, tpe_samples, untried_combinations
from .feasibility import likely, make_feasibility
from .observations import (
    SOURCES,
    Constants,
    Observations,
    code_around,
    inert_constants,
    is_number,
    observe_all,
    observe_running,
    untried,
)
from .portfolio import FIRST_SHARES, FIRST_SWITCHES, SHARES, SWITCHES, order
from .prior import Prior
from .prior_model import prior_surrogates, starts, trends
from .regions import CHOICES, Region, beginnings, nearby, region_of, steps
from .surrogate import Surrogate, make_surrogate

ACTIVE = 8
"""Number of constants that are tuned at the start; see `WIDEN`."""
WIDEN = 4
"""Experiments after which one more constant is tuned. Of 25 constants of which 6 matter (``benchmarks/tuner.py``, 8 studies), 8 and 4
leave 15% of the loss after 24 experiments and 4% after 60 where the names say which matter (standard errors 3% and 1%), and 47% and 22%
where they mislead (7% and 6%); all 25 at once leave 19% and 5%, 28% and 7%. Chosen on
these studies."""
FIRST, FIRST_EACH = 16, 1.0
"""Number of first proposals that are bold steps and leaps, and at most so many for each constant: the model learns from them."""
INFORMED = 0.5
"""Share of the first proposals that the model may make as well, where it knows of prior trials (`benchmarks/prior.py`)."""
HOPELESS = 4.0
"""By how many standard deviations of its forecast a change must be worse for it not to be tried."""
NEW = 0.5
"""Share of bold steps while there is a constant that was never changed alone."""
POINTS = ((50, 0.0), (80, 0.5), (120, 1.0), (150, 2.0))
"""Points of a model, and the seconds of an experiment from which on it may have so many: making a proposal takes at most a tenth
of it, and no longer than a sample of TPE does where experiments take less time than that."""
TRIES = 50
"""Random combinations for a line of work of which one may be new."""
TOLD = 3
"""Changes of which a hypothesis says something."""
PREPARED = 0.5
"""Seconds of an experiment from which on the model is fitted while it runs; a shorter one would be disturbed by it."""


class Tuner(Agent):
    """Proposes new values for the target's constants.

    Parameters
    ----------
    argument : str
        Names of the constants to tune, separated by commas; empty for all.
    target : str
        The study's target; checked for constants.
    metric : Metric, optional
        What is measured; constants of which only other printed figures depend are not tuned.

    Raises
    ------
    UserError
        When a name is unknown, a comment cannot be read, or the target has no constants to tune.
    """

    name = "tuner"

    def __init__(self, argument: str, target: str, metric: Metric | None = None) -> None:
        self.names = tuple(dict.fromkeys(name.strip() for name in argument.split(",") if name.strip()))
        constants = _find(target, metric)
        if not constants:
            files = split(target) if is_bundle(target) else {"": target}
            if "" not in files and not any(is_python(path) for path in files):
                raise NothingToTune(
                    f"The tuner changes constants of Python files, and the scope has none ({shorten(', '.join(files), 60)}): choose "
                    "another agent, for example --agent claude-code or --agent 'command:PROGRAM' (%autoresearch agents lists them)."
                )
            raise NothingToTune(
                "The target has nothing to tune: write its numbers as constants, for example  LR = 3e-4  or  "
                "WIDTH = 64  # 32 .. 256 step 32, or choose another agent (--agent NAME)."
            )
        found = [constant.name for constant in constants]
        # In a target of several files names are MODULE.NAME; the module may be left out where the name is unique.
        self.names = tuple(_full_name(name, found) for name in self.names)
        if unknown := [name for name in self.names if name not in found]:
            raise UserError(f"The target has no tunable constant {', '.join(unknown)}: there are {', '.join(found)}.")

    def propose(self, briefing: Briefing) -> Proposal:
        """Change one to three constants of the incumbent.

        The same briefing gives the same proposal, so a resumed study continues in the same way.

        Raises
        ------
        NothingToPropose
            When every combination was tried, or the incumbent has no constants left.
        """
        incumbent = briefing.incumbent.target
        baseline = briefing.history[0].target if briefing.history else incumbent
        constants = self._constants(briefing, incumbent)
        if not constants:
            raise NothingToPropose("The tuner stops: the incumbent has no constants left to tune.")
        rng = random.Random(f"{briefing.seed}-{briefing.number}")
        observations = observe_all(briefing, constants)
        code = code_around(incumbent, tuple(constants))
        running = observe_running(briefing, constants)
        present = {name: constant.value for name, constant in constants.items()}
        tried = {
            e.fingerprint or fingerprint(e.target) for e in (*briefing.history, briefing.incumbent, *briefing.running)
        }
        rejected: set[tuple[Value, ...]] = set()
        inert = inert_constants(constants, observations, code)
        useful = {name: c for name, c in constants.items() if name not in inert} or constants
        active = useful if self.names else _active(useful, len(observations) + len(running))
        region = None
        if (line := briefing.line) is not None and line.number > 1 and not line.begins:
            region = region_of(line, constants)
            observations = nearby(observations, line, constants, region)
        priors = prior_surrogates(briefing.priors, constants, briefing.metric)
        groups = [active, *(more for more in (useful, constants) if len(more) > len(active))]
        if line is not None and (line.begins or region is not None):
            surrogate = _model(briefing, constants, observations, running)
            made = _of_line(briefing, line, active, observations, surrogate, region, rng)
        else:
            surrogate = _model(briefing, constants, observations, running, priors)
            first = (("prior", changes) for changes in starts(priors, constants, [*observations, *running]))
            others = _candidates(groups, observations, running, surrogate, briefing.metric, rng)
            made = itertools.chain(first, others)
        for source, changes in made:
            changes = {name: changes[name] for name in constants if changes.get(name, present[name]) != present[name]}
            key = tuple({**present, **changes}.values())
            if not changes or key in rejected:
                continue
            rejected.add(key)
            target = replace_constants(incumbent, changes)
            if fingerprint(target) not in tried and not refusal(target, (baseline, incumbent), briefing.setup):
                return Proposal(
                    target=target,
                    summary=", ".join(f"{name} {show(present[name])} → {show(changes[name])}" for name in changes),
                    hypothesis=f"{_hypothesis(changes, constants, observations)} {SOURCES[source]}",
                    expect=format_forecast(*surrogate.forecast(changes)) if surrogate else "",
                    agent=self.name,
                )
        raise NothingToPropose(
            f"The tuner stops: every value of {', '.join(constants)} was tried; widen a range or add a constant."
        )

    def prepare(self, briefing: Briefing) -> None:
        """Fit the model to all experiments that are judged, and read the targets of those that run.

        That is what the next proposal needs, unless two more are judged until then.
        """
        incumbent, baseline = briefing.incumbent.target, briefing.history[0].target
        if _usual_seconds(briefing.history) < PREPARED:
            return
        constants = self._constants(briefing, incumbent)
        running = observe_running(briefing, constants)
        for each in briefing.running:
            _find(each.target, briefing.metric, baseline, strict=False)
        # With a running one as the latest, on which the hyperparameters do not depend.
        priors = prior_surrogates(briefing.priors, constants, briefing.metric)
        _model(briefing, constants, [*observe_all(briefing, constants), *running[:1]], (), priors, ahead=True)

    def advise(self, briefing: Briefing) -> str:
        """Return where the best values are by the model, which constants matter, and what the next proposal would be."""
        constants = self._constants(briefing, briefing.incumbent.target)
        if not constants:
            return ""
        observations = observe_all(briefing, constants)
        inert = inert_constants(constants, observations, code_around(briefing.incumbent.target, tuple(constants)))
        try:
            proposal = self.propose(briefing)
        except NothingToPropose:
            proposal = None
        priors = prior_surrogates(briefing.priors, constants, briefing.metric)
        return advice(_model(briefing, constants, observations, (), priors), proposal, inert, briefing.metric)

    def _constants(self, briefing: Briefing, target: str) -> dict[str, Constant]:
        """Return the constants of a target that are to be tuned."""
        baseline = briefing.history[0].target if briefing.history else target
        found = _find(target, briefing.metric, baseline, strict=False)
        return {c.name: c for c in found if not self.names or c.name in self.names}


def _model(
    briefing: Briefing, constants: Constants, observations: Observations, running: Observations,
    priors: Sequence[tuple[Prior, Surrogate]] = (), *, ahead: bool = False,
) -> Surrogate | None:  # fmt: skip
    """Return the model of a study, where running experiments have the values that it expects of them."""
    code = code_around(briefing.incumbent.target, tuple(constants))
    settled = briefing.history if ahead else briefing.history[:-1]
    noise, most = estimate_noise(settled), _points(briefing.history)
    surrogate = make_surrogate(constants, observations, briefing.metric, noise, code, most, trends(priors, constants))
    if surrogate and briefing.limits:
        feasibility = make_feasibility(briefing, constants, observations, code, most)
        surrogate = replace(surrogate, feasibility=feasibility)
    return surrogate.beside(running) if surrogate and running else surrogate


def _usual_seconds(history: Sequence[Experiment]) -> float:
    """Return the median of the experiments' seconds of one run."""
    seconds = sorted(e.seconds / len(e.measurements) for e in history if e.measurements)
    return seconds[len(seconds) // 2] if seconds else 0.0


def _points(history: Sequence[Experiment]) -> int:
    """Return how many points a model may have: as many as take a tenth of an experiment's time, but not fewer than are free."""
    usual = _usual_seconds(history)
    return max(points for points, least in POINTS if usual >= least)


def _candidates(
    groups: Sequence[Constants],
    observations: Observations,
    running: Observations,
    surrogate: Surrogate | None,
    metric: Metric,
    rng: random.Random,
) -> Iterator[tuple[str, dict[str, Value]]]:
    """Yield sources and changes in order of preference; the later ones are for when the earlier ones were tried already."""
    active = groups[0]
    switches = any(not is_number(c.space) for c in active.values())
    early = len(observations) + len(running) - 1 < min(FIRST, FIRST_EACH * len(active))
    new = any(all([*o.changes] != [name] for o in [*observations, *running]) for name in active)
    if early and not (surrogate and surrogate.process.data.trends and rng.random() < INFORMED):
        sources = order(observations, FIRST_SWITCHES if switches else FIRST_SHARES, rng)
    elif new and rng.random() < NEW:
        sources = ["bold"]
    else:
        sources = order(
            observations,
            {name: w for name, w in (SWITCHES if switches else SHARES).items() if surrogate or name != "model"},
            rng,
        )
    for constants in groups:
        for source in sources:
            if source == "model" and surrogate:
                made: Iterable[dict[str, Value]] = propose(surrogate, list(constants), rng)
            elif source == "tpe":
                made = tpe_samples(constants, observations, metric, rng, running)
            elif source == "leap":
                made = leaps(constants, rng, surrogate.score if surrogate else None)
            else:
                made = bold_steps(constants, [*observations, *running], rng)
            # TPE and bold steps know less than the model does.
            hopeful = (
                c
                for c in made
                if source == "model" or surrogate is None or (surrogate.score(c) < HOPELESS and likely(surrogate, c))
            )
            yield from ((source, changes) for changes in hopeful)
        yield from (("rest", changes) for changes in untried_combinations(constants, rng))


def _of_line(
    briefing: Briefing,
    line: LineBriefing,
    active: Constants,
    observations: Observations,
    surrogate: Surrogate | None,
    region: Region | None,
    rng: random.Random,
) -> Iterator[tuple[str, dict[str, Value]]]:
    """Yield sources and changes for a line of work with a region of its own, or that begins."""
    if region is None:
        drawn = beginnings(briefing, line, active, observations, rng)
        yield from (("beginning", changes) for changes in itertools.islice(drawn, TRIES))
    else:
        fixed = rng.randrange(CHOICES) > 0 and any(is_number(c.space) for c in active.values())
        names = [name for name, c in active.items() if is_number(c.space) or not fixed]
        if surrogate is not None:
            yield from (("region", changes) for changes in propose(surrogate, names, rng, within=region))
        around = steps({name: active[name] for name in names}, region_of(line, {n: active[n] for n in names}), rng)
        yield from (("region", changes) for changes in itertools.islice(around, TRIES))
    yield from (("rest", changes) for changes in untried_combinations(active, rng))


# -- constants ----------------------------------------------------------------------------------------------------------


def _full_name(name: str, found: Sequence[str]) -> str:
    ending = [each for each in found if each.endswith(f".{name}")]
    return ending[0] if name not in found and len(ending) == 1 else name


def _find(target: str, metric: Metric | None, baseline: str = "", *, strict: bool = True) -> list[Constant]:
    name, outside = ("", "") if metric is None else (metric.name, metric.expression)
    found = find_constants(target, strict=strict, baseline=baseline, metric=name, outside=outside)
    # A number that is the metric itself, as in a first draft, is not tuned beside others: that would write the result.
    return [c for c in found if c.name != name] or found


def _active(constants: Constants, proposed: int) -> Constants:
    """Return the constants that are tuned after so many experiments, in the order of their importance."""
    by_importance = sorted(constants, key=lambda name: -constants[name].importance)
    return {name: constants[name] for name in by_importance[: ACTIVE + proposed // WIDEN]}


# -- texts ------------------------------------------------------------------------------------------------------------


def _hypothesis(changes: Mapping[str, Value], constants: Constants, observations: Observations) -> str:
    """Return one sentence on what the observations say about the changes, at most `TOLD` of them."""
    told = [f"{n}: {_reason(constants[n], value, observations)}" for n, value in [*changes.items()][:TOLD]]
    more = [f"and {len(changes) - TOLD} more"] if len(changes) > TOLD else []
    return "; ".join([*told, *more]) + "."


def _reason(constant: Constant, value: Value, observations: Observations) -> str:
    name = constant.name
    never = untried(name, value, observations)
    if not is_number(constant.space):
        return f"{show(value)} is untried" if never else f"{show(value)} again, beside other values than before"
    if not any(name in o.changes for o in observations):
        return "never changed so far"
    alone = [o for o in observations if list(o.changes) == [name]]
    up = float(value) > float(constant.value)
    same = [o for o in alone if (float(o.changes[name][1]) > float(o.changes[name][0])) == up]
    way, back = ("raising", "lowering") if up else ("lowering", "raising")
    if won := sum(o.kept for o in same):
        times = "when it was tried" if len(same) == 1 else f"{won} of {len(same)} times"
        return f"{way} it alone was kept {times}"
    if alone and not same and not any(o.kept for o in alone):
        return f"{back} it alone did not help, so the other way"
    if same:
        return f"{way} it alone has not helped yet, {'an untried' if never else 'another'} value"
    return "an untried value" if never else "a value tried before, beside others than then"
