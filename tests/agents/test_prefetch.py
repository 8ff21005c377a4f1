"""Requests ahead of time: one at a time, counted as they are paid for, and abandoned at the end."""

import itertools
import threading
import time

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

    def __init__(self, propose):
        self._propose = propose

    def propose(self, briefing):
        return self._propose(briefing)


@pytest.fixture
def make():
    made, paid = [], []

    def make(propose):
        numbers = itertools.count(1)
        made.append(
            Prefetch(Told(propose), lambda: next(numbers), lambda call, usage: bool(paid.append((call, usage))) or True)
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
        call, proposal = prefetch.take(BRIEFING, lambda: None)
        assert (proposal.target, call.used, paid) == ("X = 2\n", ONE, [(1, ONE)])
        paid.clear()


def test_a_failure_is_paid_for_and_names_its_call(make):
    def fails(briefing):
        raise CallFailed("No reply.", ONE)

    prefetch, paid = make(fails)
    with pytest.raises(CallFailed) as failed:
        prefetch.take(BRIEFING, lambda: None)
    assert (failed.value.call, paid, prefetch.pending) == (1, [(1, ONE)], False)


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
    call, _ = prefetch.ask_aside(BRIEFING, lambda: None)
    assert (call.number, prefetch.pending) == (2, True)
    call, _ = prefetch.take(BRIEFING, lambda: None)
    assert (call.number, most) == (1, [1, 1])


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
