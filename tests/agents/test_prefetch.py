"""Requests ahead of time: one or several at a time, counted as they are paid for, and abandoned at the end."""

import itertools
import threading
import time
from dataclasses import replace

import pytest

from autoresearch_magic.agents import Agent, Briefing
from autoresearch_magic.agents.prefetch import Prefetch
from autoresearch_magic.errors import CallFailed, Stopped
from autoresearch_magic.experiment import Experiment, Proposal, Usage, Verdict
from autoresearch_magic.metric import Metric

ONE = Usage(calls=1, cost=0.5)
BRIEFING = Briefing(
    "# Goal", "", Metric("loss", "loss", True), Experiment(0, None, Proposal("X = 1\n", "b"), verdict=Verdict.BASELINE)
)


class Told(Agent):
    """An agent that is a function."""

    def __init__(self, propose, parallel=False):
        self._propose, self.parallel = propose, parallel

    def propose(self, briefing):
        return self._propose(briefing)


@pytest.fixture
def make():
    made, paid = [], []

    def make(propose, parallel=False):
        numbers = itertools.count(1)
        made.append(
            Prefetch(
                Told(propose, parallel),
                lambda: next(numbers),
                lambda call, usage: bool(paid.append((call, usage))) or True,
            )
        )
        return made[-1], paid

    yield make
    for prefetch in made:
        prefetch.close()
        prefetch.join(5)
    assert not [thread for thread in threading.enumerate() if thread.name == "autoresearch-agent"]


def test_usage_is_told_once_by_whoever_tells_it(make):
    def tells(briefing):
        assert briefing.paid(ONE)
        return Proposal("X = 2\n", "s", usage=ONE)

    for propose in (tells, lambda briefing: Proposal("X = 2\n", "s", usage=ONE)):
        prefetch, paid = make(propose)
        answer = prefetch.take(BRIEFING, lambda: None)
        assert (answer.proposal.target, answer.call, paid) == ("X = 2\n", 1, [(1, ONE)])
        paid.clear()


def test_a_failure_is_paid_for_and_names_its_call(make):
    def fails(briefing):
        raise CallFailed("No reply.", ONE)

    prefetch, paid = make(fails)
    with pytest.raises(CallFailed) as failed:
        prefetch.take(BRIEFING, lambda: None)
    assert (failed.value.call, paid, prefetch.pending) == (1, [(1, ONE)], 0)


def test_one_request_at_a_time(make):
    together, most = [], []

    def counts(briefing):
        together.append(1)
        most.append(len(together))
        time.sleep(0.05)
        together.pop()
        return Proposal(f"X = {briefing.number}\n", "s")

    prefetch, _ = make(counts)
    prefetch.ask(BRIEFING)
    prefetch.ask(BRIEFING)
    assert (prefetch.ask_aside(BRIEFING, lambda: None).call, prefetch.pending) == (3, 2)
    assert [prefetch.take(BRIEFING, lambda: None).call for _ in range(2)] == [1, 2]
    assert most == [1, 1, 1]


def test_an_agent_that_can_answers_several_requests_at_once(make):
    meet = threading.Barrier(3)

    def meets(briefing):
        meet.wait(5)  # all three are open at once, or this raises
        return Proposal(f"X = {briefing.number}\n", "s")

    prefetch, _ = make(meets, parallel=True)
    for number in (1, 2, 3):
        prefetch.ask(replace(BRIEFING, number=number))
    answers = [prefetch.take(BRIEFING, lambda: None) for _ in range(3)]
    assert {(a.call, a.proposal.target) for a in answers} == {(n, f"X = {n}\n") for n in (1, 2, 3)}


def test_the_first_answer_that_is_there_is_taken(make):
    hold = threading.Event()

    def answers(briefing):
        if briefing.number == 1:
            hold.wait(5)
        return Proposal(f"X = {briefing.number}\n", "s")

    prefetch, _ = make(answers, parallel=True)
    prefetch.ask(replace(BRIEFING, number=1))
    prefetch.ask(replace(BRIEFING, number=2))
    assert prefetch.take(BRIEFING, lambda: None).call == 2
    assert (prefetch.pending, prefetch.unanswered, prefetch.proposals) == (1, 1, [])
    hold.set()
    assert prefetch.take(BRIEFING, lambda: None).call == 1


@pytest.mark.slow
def test_how_long_an_answer_takes_is_learned(make):
    def answers(briefing):
        end = time.monotonic() + (0.1 if briefing.number == 1 else 5)
        while time.monotonic() < end:
            briefing.wait(0.02, "")  # raises at the end of the test
        return Proposal("X = 2\n", "s")

    prefetch, _ = make(answers)
    assert prefetch.expected_wait == 0
    prefetch.ask(replace(BRIEFING, number=1))
    prefetch.take(BRIEFING, lambda: None)
    prefetch.ask(replace(BRIEFING, number=2))
    assert 0 < prefetch.expected_wait <= 0.2  # as long as the first
    time.sleep(0.5)
    assert prefetch.expected_wait > 0.3  # later than usual: as much longer again


def test_the_end_reaches_a_request_that_waits(make):
    ended = threading.Event()

    def waits(briefing):
        try:
            while True:
                briefing.wait(0.01, "")
        finally:
            ended.set()

    prefetch, _ = make(waits)
    prefetch.ask(BRIEFING)
    prefetch.close()
    assert ended.wait(5)


def test_a_stop_ends_the_wait_for_an_answer(make):
    hold = threading.Event()

    def stubborn(briefing):
        hold.wait(5)
        return Proposal("X = 2\n", "s")

    def stop():
        raise Stopped

    prefetch, _ = make(stubborn)
    with pytest.raises(Stopped):
        prefetch.take(BRIEFING, stop)
    hold.set()
