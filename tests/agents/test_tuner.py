"""The tuner, called as the study's loop calls it."""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import replace

import optuna
import pytest

from autoresearch_magic.agents import Briefing
from autoresearch_magic.agents.gaussian_process import fit
from autoresearch_magic.agents.observations import SOURCES, source_of
from autoresearch_magic.agents.tuner import Tuner
from autoresearch_magic.errors import NothingToPropose, UserError
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.forecast import parse_forecast
from autoresearch_magic.metric import Metric
from autoresearch_magic.runs import Point
from autoresearch_magic.source.constants import find_constants, read_values
from autoresearch_magic.source.edits import fingerprint
from autoresearch_magic.source.files import join

TARGET = """# A model
LR, WIDTH = 3e-4, 64  # ä; LR: 1e-5 .. 1e-1 log
BETA = 0.9
POSITIONS = "learned"  # one of: learned, rotary
seed = 3
train(LR, WIDTH, BETA, POSITIONS)
"""
LOSS = Metric("loss", "loss")


def loss(source: str) -> float:
    """Return a smooth bowl with its minimum away from the start; better with rotary positions."""
    values = read_values(source)
    lr, width, beta = float(values["LR"]), float(values["WIDTH"]), float(values["BETA"])
    bowl = math.log(lr / 4e-3) ** 2 + math.log(width / 128) ** 2 + math.log((1 - beta) / 0.05) ** 2
    return bowl + (values["POSITIONS"] != "rotary")


def experiment(number: int, target: str, value: float | None, verdict: Verdict, parent: int | None = 0) -> Experiment:
    outcome = Outcome.CRASH if value is None else Outcome.OK
    return Experiment(
        number, parent if number else None, Proposal(target, f"change {number}"), fingerprint(target), verdict,
        measurements=(Measurement(outcome, value, seed=0),),
    )  # fmt: skip


def drive(
    count: int, seed: int = 0, target: str = TARGET, metric: Metric = LOSS, value: Callable[[str], float | None] = loss
) -> list[Experiment]:
    """Run the tuner in a loop without noise that keeps every strict improvement."""
    agent = Tuner("", target)
    history = [experiment(0, target, value(target), Verdict.BASELINE)]
    incumbent = history[0]
    for number in range(1, count + 1):
        proposal = agent.propose(Briefing("", "", metric, incumbent, tuple(history), number, seed))
        got = value(proposal.target)
        assert incumbent.value is not None
        better = got is not None and metric.gain(got, over=incumbent.value) > 0
        verdict = Verdict.CRASH if got is None else Verdict.KEEP if better else Verdict.DISCARD
        made = replace(experiment(number, proposal.target, got, verdict, incumbent.number), proposal=proposal)
        history.append(made)
        incumbent = made if better else incumbent
    return history


# -- starting --------------------------------------------------------------------------------------------------------


def test_a_target_without_constants_is_refused_with_an_example() -> None:
    with pytest.raises(UserError, match=r"nothing to tune.*LR = 3e-4") as caught:
        Tuner("", "seed = 4\ntrain()")
    assert "\n" not in str(caught.value)


def test_files_of_other_languages_are_named_with_what_can_change_them() -> None:
    with pytest.raises(
        UserError, match=r"Python files, and the scope has none \(Makefile, main.c\).*--agent"
    ) as caught:
        Tuner("", join({"main.c": "#define BLOCK 4\n", "Makefile": "CC = gcc\n"}))
    assert "\n" not in str(caught.value)


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(UserError, match="no tunable constant DEPTH, seed: there are LR, WIDTH, BETA, POSITIONS"):
        Tuner("DEPTH, LR,seed", TARGET)


def test_an_invalid_range_comment_is_refused_at_the_start() -> None:
    with pytest.raises(UserError, match="line 1, A"):
        Tuner("", "A = 4  # 9 .. 1")


def test_only_named_constants_are_tuned() -> None:
    agent = Tuner(" BETA,LR", TARGET)
    base = experiment(0, TARGET, loss(TARGET), Verdict.BASELINE)
    for number in range(1, 30):
        target = agent.propose(Briefing("", "", LOSS, base, (base,), number)).target
        values = dict(read_values(target))
        assert (values["WIDTH"], values["POSITIONS"], values["seed"]) == (64, "learned", 3)


# -- proposing -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_proposal_is_new_small_and_described() -> None:
    history = drive(40)
    assert len({e.fingerprint for e in history}) == len(history)
    sources = {e.number: e.target for e in history}
    for made in history[1:]:
        assert made.parent is not None
        before, after = read_values(sources[made.parent]), read_values(made.target)
        changed = [name for name in before if before[name] != after[name]]
        source = source_of(made.proposal.hypothesis)
        assert 1 <= len(changed) <= {"bold": 1, "tpe": 3, "rest": 3}.get(source, 4)
        assert after["seed"] == 3
        assert made.target.splitlines()[0] == "# A model"
        assert made.target.count("# ä; LR: 1e-5 .. 1e-1 log") == 1
        assert [part.split()[0] for part in made.summary.split(", ")] == changed
        assert made.summary.count("→") == len(changed)
        assert made.proposal.agent == "tuner"
        assert made.proposal.hypothesis.endswith(".")
        assert "\n" not in made.summary + made.proposal.hypothesis
        assert {name: type(value) for name, value in after.items()} == {n: type(v) for n, v in before.items()}


def test_summaries_show_both_values() -> None:
    source = 'POSITIONS = "learned"  # one of: learned, rotary\n'
    base = experiment(0, source, 1.0, Verdict.BASELINE)
    proposal = Tuner("", source).propose(Briefing("", "", LOSS, base, (base,)))
    assert proposal.summary == "POSITIONS learned → rotary"
    assert proposal.hypothesis in (
        "POSITIONS: rotary is untried. A bold step.",
        "POSITIONS: rotary is untried. A leap.",
    )


def test_first_proposals_are_large_steps_of_each_constant() -> None:
    first = drive(6)
    assert {source_of(e.proposal.hypothesis) for e in first[1:]} == {"bold", "leap"}
    assert set(asked(first)) == {"LR", "WIDTH", "BETA", "POSITIONS"}
    for seed in range(10):
        base = experiment(0, "LR = 1e-3", 1.0, Verdict.BASELINE)
        target = Tuner("", base.target).propose(Briefing("", "", LOSS, base, (base,), 1, seed)).target
        assert 1.9 <= math.exp(abs(math.log(float(read_values(target)["LR"]) / 1e-3))) <= 6.1


@pytest.mark.parametrize("seed", range(5))
def test_it_finds_improvements(seed: int) -> None:
    history = drive(20, seed)
    best = min(e.value for e in history if e.value is not None)
    assert best < 0.5 * loss(TARGET)


@pytest.mark.parametrize("seed", range(5))
def test_it_maximizes(seed: int) -> None:
    metric = Metric("score", "score", minimize=False)
    history = drive(20, seed, metric=metric, value=lambda source: -loss(source))
    assert max(e.value for e in history if e.value is not None) > -0.5 * loss(TARGET)


@pytest.mark.slow
def test_it_avoids_values_that_crash() -> None:
    def fragile(source: str) -> float | None:
        return None if float(read_values(source)["LR"]) > 2e-3 else loss(source)

    crashes = [e.verdict is Verdict.CRASH for seed in range(4) for e in drive(40, seed, value=fragile)[20:]]
    assert sum(crashes) / len(crashes) < 0.35


def test_the_same_briefing_gives_the_same_proposal() -> None:
    history = drive(25, seed=7)
    for number in (1, 5, 12, 25):
        told = tuple(history[:number])
        incumbent = next(e for e in reversed(told) if e.verdict is not None and e.verdict.kept)
        again = Tuner("", TARGET).propose(Briefing("", "", LOSS, incumbent, told, number, 7))
        assert again == history[number].proposal
    assert [e.target for e in drive(5, seed=8)] != [e.target for e in history[:6]]


def test_the_hypothesis_agrees_with_the_history() -> None:
    steps = [
        ("LR = 1e-3", 3.0, Verdict.BASELINE, None),
        ("LR = 2e-3", 2.0, Verdict.KEEP, 0),
        ("LR = 4e-3", 1.0, Verdict.KEEP, 1),
        ("LR = 2e-2", 5.0, Verdict.DISCARD, 2),
    ]
    history = [experiment(n, s, value, verdict, parent) for n, (s, value, verdict, parent) in enumerate(steps)]
    seen = set()
    for seed in range(20):
        proposal = Tuner("", "LR = 1e-3").propose(Briefing("", "", LOSS, history[2], tuple(history), 4, seed))
        up = float(read_values(proposal.target)["LR"]) > 4e-3
        said, _, source = proposal.hypothesis.partition(". ")
        seen.add((up, f"{said}."))
        assert source in SOURCES.values()
    assert seen <= {
        (True, "LR: raising it alone was kept 2 of 3 times."),
        (False, "LR: an untried value."),
        (False, "LR: a value tried before, beside others than then."),
    }


def asked(history: list[Experiment]) -> list[str]:
    """Return the names of the constants that the proposals change."""
    return [part.split()[0] for e in history[1:] for part in e.summary.split(", ")]


def test_a_constant_that_changes_nothing_is_not_asked_again() -> None:
    history = drive(30, seed=1, target=TARGET.replace("seed = 3", "MOMENTUM = 0.5"))
    values = {e.number: e.value for e in history}
    proofs = [e.number for e in history[1:] if "MOMENTUM" in e.summary and e.value == values[e.parent or 0]]
    assert len(proofs) > 1
    assert "MOMENTUM" not in asked(history[proofs[1] :])


def test_a_running_experiment_is_not_proposed_again() -> None:
    history = drive(25)
    incumbent = [e for e in history if e.kept][-1]
    now = Briefing("", "", LOSS, incumbent, tuple(history), 26)
    for _ in range(3):
        one = Tuner("", TARGET).propose(now)
        other = Tuner("", TARGET).propose(replace(now, running=(Experiment(26, incumbent.number, one),)))
        assert other.target != one.target
        now = replace(now, number=now.number + 1)


@pytest.mark.slow
def test_what_is_prepared_is_proposed_faster_and_the_same() -> None:
    history = [replace(e, measurements=tuple(replace(m, seconds=1.0) for m in e.measurements)) for e in drive(30)]
    for number in range(20, 30):
        told = tuple(history[: number + 1])
        incumbent = [e for e in told if e.kept][-1]
        before = [e for e in told[:-1] if e.kept][-1]
        now = Briefing("", "", LOSS, incumbent, told, number + 1)
        fit.cache_clear()
        expected = Tuner("", TARGET).propose(now)
        fit.cache_clear()
        running = (replace(told[-1], verdict=None, measurements=()),)
        Tuner("", TARGET).prepare(Briefing("", "", LOSS, before, told[:-1], number + 1, running=running))
        assert Tuner("", TARGET).propose(now) == expected
        if incumbent is before:  # a new incumbent has other ranges, where these are inferred
            assert (fit.cache_info().hits, fit.cache_info().misses) == (1, 1)


def test_a_proposal_of_the_model_forecasts_its_effect() -> None:
    history = drive(30)
    forecasts = [(e, parse_forecast(e.proposal.expect)) for e in history[10:]]
    assert all(told is not None for _, told in forecasts)
    values = {e.number: e.value for e in history}
    errors = [
        abs(e.value - values[e.parent] - told[0]) / told[1]
        for e, told in forecasts
        if told and told[1] and e.value is not None and e.parent is not None
    ]
    assert sorted(errors)[len(errors) // 2] < 2.5


# -- running out -----------------------------------------------------------------------------------------------------


def test_every_combination_is_tried_before_it_gives_up() -> None:
    target = "A, B = True, False\nC = 'x'  # one of: x, y, z\n"
    history = drive(11, target=target, value=lambda source: float(len(source)))
    assert len({tuple(read_values(e.target).values()) for e in history}) == 2 * 2 * 3
    with pytest.raises(NothingToPropose, match="every value of A, B, C was tried") as caught:
        Tuner("", target).propose(Briefing("", "", LOSS, history[0], tuple(history), 12))
    assert "\n" not in str(caught.value)


def test_an_incumbent_without_constants_ends_the_search() -> None:
    other = experiment(1, "train(3e-4)", 1.0, Verdict.KEEP)
    with pytest.raises(NothingToPropose, match="no constants left"):
        Tuner("", TARGET).propose(Briefing("", "", LOSS, other, (other,), 2))


# -- odd histories ---------------------------------------------------------------------------------------------------


def test_a_history_with_every_kind_of_experiment_is_read() -> None:
    changed = TARGET.replace("BETA = 0.9\n", "LAYERS = 3\n").replace("3e-4", "1e-3")
    curve = (Point(1.0, 0.1, 10, {"loss": 4.0}), Point(2.0, 0.2, 20, {"loss": 3.5}))
    pruned = Measurement(Outcome.PRUNED, None, 0, steps=20, curve=curve)
    history = [
        experiment(0, TARGET, 5.0, Verdict.BASELINE),
        experiment(1, TARGET.replace("64", "128"), None, Verdict.CRASH),
        experiment(2, TARGET.replace("0.9", "0.95"), math.nan, Verdict.METRIC_ERROR),
        replace(experiment(3, TARGET.replace("0.9", "0.8"), None, Verdict.PRUNED), measurements=(pruned,)),
        replace(experiment(4, TARGET.replace("64", "32"), None, Verdict.PRUNED), measurements=()),
        experiment(5, TARGET.replace("64", "'wide'"), 4.0, Verdict.DISCARD),
        experiment(6, TARGET.replace("64", "10**9"), 4.0, Verdict.DISCARD),
        experiment(7, TARGET.replace("3e-4", "7.0"), 4.5, Verdict.REJECTED),
        experiment(8, "not python (", None, Verdict.CRASH),
        replace(experiment(9, TARGET, None, Verdict.DUPLICATE), measurements=()),
        experiment(10, TARGET.replace('"learned"', '"none"'), 3.9, Verdict.DISCARD, parent=99),
        experiment(11, changed, 3.0, Verdict.KEEP),
    ]
    proposed: set[str] = set()
    for seed in range(40):
        proposal = Tuner("", TARGET).propose(Briefing("", "", LOSS, history[-1], tuple(history), 12, seed))
        assert [c.name for c in find_constants(proposal.target)] == ["LR", "WIDTH", "LAYERS", "POSITIONS"]
        proposed.update(part.split()[0] for part in proposal.summary.split(", "))
    assert {"LR", "POSITIONS"} <= proposed <= {"LR", "WIDTH", "LAYERS", "POSITIONS"}


def test_a_constant_with_an_invalid_comment_is_not_tuned() -> None:
    odd = experiment(1, TARGET.replace("BETA = 0.9", "BETA = 0.9  # 1 .. 0"), 1.0, Verdict.KEEP)
    for number in range(2, 12):
        target = Tuner("", TARGET).propose(Briefing("", "", LOSS, odd, (odd,), number)).target
        assert read_values(target)["BETA"] == 0.9


def test_an_inferred_range_includes_the_baseline_value() -> None:
    base = experiment(0, "SCALE = 1.0", 2.0, Verdict.BASELINE)
    down = experiment(1, "SCALE = 0.8", 1.0, Verdict.KEEP)
    values = {
        read_values(Tuner("", base.target).propose(Briefing("", "", LOSS, down, (base, down), 2, seed)).target)["SCALE"]
        for seed in range(20)
    }
    assert max(float(value) for value in values) <= 6.4
    assert any(float(value) > 1 for value in values) or all(float(value) < 0.8 for value in values)


def test_it_is_silent(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    level = optuna.logging.get_verbosity()
    with warnings.catch_warnings(), caplog.at_level(logging.DEBUG):
        warnings.simplefilter("error")
        drive(20)
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == level, "the user's own studies keep their log"


@pytest.mark.slow
def test_a_long_history_is_read_quickly() -> None:
    history = drive(30)
    base = history[0]
    long = [*history]
    for number in range(len(long), 500):
        target = TARGET.replace("3e-4", f"{number}e-6")
        long.append(experiment(number, target, 9.0 + number % 7, Verdict.DISCARD, base.number))
    started = time.perf_counter()
    for number in (500, 501, 502):
        Tuner("", TARGET).propose(Briefing("", "", LOSS, base, tuple(long), number))
    assert (time.perf_counter() - started) / 3 < 1.0  # 0.1 s on an idle core; room for a busy machine


def test_a_unique_name_needs_no_module():
    target = join({"a.py": "WIDTH = 64\nRATE = 0.5\n", "b.py": "WIDTH = 32\n"})
    assert Tuner("RATE", target).names == ("a.RATE",)
    assert Tuner("b.WIDTH", target).names == ("b.WIDTH",)
    with pytest.raises(UserError, match="no tunable constant WIDTH"):
        Tuner("WIDTH", target)
