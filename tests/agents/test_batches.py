"""Proposals that are made while others are in flight: they know of each other, and of nothing that is not known yet."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from autoresearch_magic.agents import Briefing, tuner
from autoresearch_magic.agents.candidates import tpe_samples
from autoresearch_magic.agents.gaussian_process import fit
from autoresearch_magic.agents.hybrid import Arm, choose
from autoresearch_magic.agents.llm.prompt import sections
from autoresearch_magic.agents.observations import Observation, Observations, observe_running, source_of
from autoresearch_magic.agents.portfolio import shares
from autoresearch_magic.agents.surrogate import position
from autoresearch_magic.agents.tuner import Tuner
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.source.constants import find_constants, read_values
from autoresearch_magic.source.edits import fingerprint

from .test_surrogate import model
from .test_tuner import TARGET, drive, experiment, loss

LOSS = Metric("loss", "loss")


@pytest.fixture(scope="module")
def history() -> tuple[Experiment, ...]:
    return tuple(drive(25))


def briefing(history: Sequence[Experiment], **facts: object) -> Briefing:
    best = [e for e in history if e.kept][-1] if any(e.kept for e in history) else history[0]
    return replace(Briefing("", "", LOSS, best, tuple(history), len(history)), **facts)  # type: ignore[arg-type]


def in_flight(history: Sequence[Experiment], count: int, first: int = 0) -> list[Experiment]:
    """Return a batch: each proposal is made while those before it run."""
    flying: list[Experiment] = []
    for ticket in range(first or len(history), (first or len(history)) + count):
        now = briefing(history, number=ticket, running=tuple(flying))
        made = Tuner("", TARGET).propose(now)
        flying.append(Experiment(ticket, now.incumbent.number, made, fingerprint(made.target)))
    return flying


def test_with_nothing_in_flight_the_first_proposals_are_those_of_a_single_slot() -> None:
    """What follows them depends on the machine's arithmetic; these come from the generator alone."""
    assert [e.summary for e in drive(4, seed=1)[1:]] == [
        "LR 0.0003 → 0.003, WIDTH 64 → 192",
        "LR 0.003 → 0.0013, POSITIONS learned → rotary",
        "BETA 0.9 → 0.77",
        "LR 0.003 → 0.043",
    ]


def test_a_batch_has_no_duplicates_and_is_made_again_the_same(history: tuple[Experiment, ...]) -> None:
    batch = in_flight(history, 6)
    assert len({e.fingerprint for e in (*history, *batch)}) == len(history) + 6
    assert [e.proposal for e in in_flight(history, 6)] == [e.proposal for e in batch]


def test_one_in_flight_counts_though_an_experiment_has_its_ordinal_as_number(history: tuple[Experiment, ...]) -> None:
    ticket = 7  # an older experiment has this number
    now = briefing(history)
    made = Proposal(history[3].target.replace("seed = 3", "seed = 3  # other"), "in flight")
    flying = Experiment(ticket, now.incumbent.number, made, fingerprint("X = 1"))
    constants = {c.name: c for c in find_constants(now.incumbent.target)}
    (seen,) = observe_running(replace(now, running=(flying,)), constants)
    assert (seen.value, seen.runs, seen.kept) == (None, 0, False)
    assert seen.values["LR"] == read_values(history[3].target)["LR"]
    assert observe_running(replace(now, running=(history[5],)), constants) == []  # that one is judged


def test_changes_are_those_from_its_own_parent_though_another_version_was_kept_since(
    history: tuple[Experiment, ...],
) -> None:
    now = briefing(history)
    assert now.incumbent.number > 0
    constants = {c.name: c for c in find_constants(now.incumbent.target)}
    made = history[0].target.replace("BETA = 0.9", "BETA = 0.8")
    (seen,) = observe_running(
        replace(now, running=(Experiment(40, 0, Proposal(made, ""), fingerprint(made)),)), constants
    )
    assert dict(seen.changes) == {"BETA": (0.9, 0.8)}


def test_what_its_first_run_gave_is_known_before_its_verdict(history: tuple[Experiment, ...]) -> None:
    now = briefing(history)
    made = now.incumbent.target.replace("seed = 3", "seed = 3 ")
    one = Experiment(26, now.incumbent.number, Proposal(made, ""), "other")
    one = replace(one, measurements=(Measurement(Outcome.OK, 4.5, seed=0),))
    constants = {c.name: c for c in find_constants(now.incumbent.target)}
    (seen,) = observe_running(replace(now, running=(one,)), constants)
    assert (seen.value, seen.runs, seen.kept) == (4.5, 1, False)


def test_bold_steps_of_a_batch_are_of_different_constants() -> None:
    start = [experiment(0, TARGET, loss(TARGET), Verdict.BASELINE)]
    batch = in_flight(start, 12)
    bold = [e.summary.split()[0] for e in batch if source_of(e.proposal.hypothesis) == "bold"]
    assert len(bold) >= 2
    assert len(set(bold)) == min(len(bold), 4)  # there are four constants


def test_the_model_expects_of_what_runs_what_it_expects_and_takes_what_is_measured() -> None:
    before = model()
    here = Observation({"RATE": 0.4, "USE": True}, None, 0, False, {}, number=-1)
    x = position({"RATE": 0.4, "USE": True}, before.constants)[None, :]
    mean, sd = before.process.predict(x)
    believed, less = before.beside([here]).process.predict(x)
    assert believed[0] == pytest.approx(mean[0], abs=0.02)
    assert less[0] < sd[0]
    measured = replace(here, value=5.0, runs=1)  # much worse than expected
    assert before.beside([measured]).process.predict(x)[0][0] > mean[0] + 1
    # The one that is expected is expected beside what the other one has given.
    both = before.beside([measured, replace(here, values={"RATE": 0.41, "USE": True})])
    assert both.process.data.y[-1] > mean[0] + 0.5


def test_other_code_that_nothing_is_known_of_is_left_out_of_the_model() -> None:
    before = model()
    unknown = Observation({"RATE": 0.4, "USE": True}, None, 0, False, {}, number=-1, code="other code")
    assert before.beside([unknown]) == before


def test_tpe_keeps_away_from_what_runs() -> None:
    constants = {c.name: c for c in find_constants("RATE = 0.5  # 0.0 .. 1.0\ntrain()\n")}
    told = [Observation({"RATE": i / 20}, abs(i / 20 - 0.5), 0, False, {}, number=i, runs=1) for i in range(21)]
    running = [Observation({"RATE": 0.5 + d / 100}, None, 0, False, {}, number=-1) for d in range(-6, 7)]

    def near(beside: Sequence[Observation]) -> int:
        made = [next(tpe_samples(constants, told, LOSS, random.Random(i), beside)) for i in range(25)]
        return sum(abs(float(m["RATE"]) - 0.5) < 0.07 for m in made)

    assert near(running) < near([])
    draws = [[*tpe_samples(constants, told, LOSS, random.Random(i), ())] for i in (3, 3)]
    assert draws[0] == draws[1] == [*tpe_samples(constants, told, LOSS, random.Random(3))]


def test_shares_follow_verdicts_alone(history: tuple[Experiment, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """A source whose proposals are in flight has not failed."""
    batch, asked = in_flight(history, 4), []

    def order(observations: Observations, among: Mapping[str, float], rng: random.Random) -> list[str]:
        asked.append(shares(observations, among))
        return real(observations, among, rng)

    real = tuner.order
    monkeypatch.setattr(tuner, "order", order)
    for number in range(30, 40):  # some of them are bold steps whatever the shares
        Tuner("", TARGET).propose(briefing(history, number=number))
        Tuner("", TARGET).propose(briefing(history, number=number, running=tuple(batch)))
        if len(asked) >= 2:
            break
    assert asked[0] == asked[1]


def test_what_is_prepared_with_several_in_flight_is_what_the_next_proposal_needs(
    history: tuple[Experiment, ...],
) -> None:
    told = [replace(e, measurements=tuple(replace(m, seconds=1.0) for m in e.measurements)) for e in history]
    batch = in_flight(told[:-1], 3, first=30)
    last = replace(told[-1], parent=told[-1].parent)
    after = briefing(told, number=33, running=tuple(batch))
    before = briefing(told[:-1], running=(*batch, replace(last, verdict=None, measurements=())))
    fit.cache_clear()
    expected = Tuner("", TARGET).propose(after)
    fit.cache_clear()
    Tuner("", TARGET).prepare(before)
    assert fit.cache_info().misses == 1
    assert Tuner("", TARGET).propose(after) == expected
    if after.incumbent.number == before.incumbent.number:
        assert (fit.cache_info().hits, fit.cache_info().misses) == (1, 1)


# -- the hybrid and language models -----------------------------------------------------------------------------------


def judged(number: int, agent: str, *, kept: bool) -> Experiment:
    verdict = Verdict.KEEP if kept else Verdict.DISCARD
    return Experiment(number, 0, Proposal(f"X = {number}", "", agent=agent), f"{number}", verdict)


def test_a_hybrid_spreads_a_batch_over_its_agents_and_one_alone_changes_nothing() -> None:
    told = [judged(n, "tuner" if n % 2 else "model", kept=n in (6, 7)) for n in range(1, 9)]
    flying = [Experiment(20 + n, 0, Proposal(f"Y = {n}", "", agent="tuner"), f"f{n}") for n in range(7)]
    assert choose(told) == choose(told, flying[:1]) == "numbers"
    # By then the other arm is known so much less that it is asked.
    arms: list[Arm] = [choose(told, flying[:n], number=n) for n in range(8)]
    assert {*arms} == {"numbers", "structure"}
    # Questions that are open count for what was asked: the same as if their proposals ran.
    chosen: list[Arm] = [choose(told, [], n, number=9 + n) for n in range(8)]
    assert {*chosen} == {"numbers", "structure"}


def test_a_model_is_told_what_runs_and_asked_for_something_else(history: tuple[Experiment, ...]) -> None:
    flying = [Experiment(n, 0, Proposal(f"Y = {n}", f"idea {n}"), f"f{n}") for n in (3, 4)]
    measured = replace(flying[1], measurements=(Measurement(Outcome.OK, 0.75, seed=0),))
    alone = "\n".join(sections(briefing(history, running=(flying[0],))))
    both = "\n".join(sections(briefing(history, running=(flying[0], measured))))
    assert "- idea 3" in alone
    assert "side by side" not in alone
    assert "- idea 3\n- idea 4; so far 0.75, not judged yet\nThese 2 run side by side" in both
