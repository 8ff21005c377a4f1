"""The ledger: what was paid for is counted once, whether an experiment claims it or not, also after a restart."""

import pytest

from autoresearch_magic.experiment import Experiment, Proposal, Usage, Verdict
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.ledger import Ledger

ONE = Usage(calls=1, input=10, output=5, seconds=1.0, cost=0.5)


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.sqlite", create=True) as journal:
        yield journal


def ledger_of(journal, *pending):
    told = []
    return Ledger(journal, lambda event: told.append(event.unclaimed), pending), told


def test_what_is_claimed_belongs_to_the_experiment_once_it_is_judged(journal):
    ledger, told = ledger_of(journal)
    taken, dropped = ledger.new_call(), ledger.new_call()
    ledger.paid(taken, ONE)
    ledger.paid(taken, ONE)
    ledger.paid(dropped, ONE)
    ledger.paid(dropped, Usage())
    assert [used.cost for used in told] == [0.5, 1.0, 1.5], "told at once, and nothing is no news"
    usage = ledger.claim(1, [taken])
    assert usage == ONE + ONE
    journal.open_experiment(Experiment(1, 0, Proposal("x", "s", usage=usage)))
    assert journal.unclaimed() == ONE + ONE + ONE
    assert journal.unclaimed(opened=False) == ONE
    ledger.judged(1)
    journal.close_experiment(Experiment(1, 0, Proposal("x", "s", usage=usage), verdict=Verdict.DISCARD))
    assert told[-1] == journal.unclaimed() == ONE


def test_a_restart_counts_on(journal):
    before, _ = ledger_of(journal)
    before.paid(before.new_call(), ONE)
    pending = Experiment(1, 0, Proposal("x", "s", usage=ONE))
    journal.open_experiment(pending)
    ledger, told = ledger_of(journal, pending)
    call = ledger.new_call()
    ledger.paid(call, ONE)
    assert told == [ONE + ONE + ONE]
    assert ledger.claim(2, [call]) == ONE, "numbers of calls are not used twice"
    ledger.judged(1)
    assert told[-1] == ONE + ONE
    ledger.judged(2)
    assert told[-1] == ONE


def test_an_unknown_price_does_not_stay_unknown_when_it_is_claimed(journal):
    ledger, told = ledger_of(journal)
    call = ledger.new_call()
    ledger.paid(call, Usage(calls=1, cost=None))
    assert told[-1].cost is None
    ledger.claim(1, [call])
    ledger.judged(1)
    assert told[-1].cost == 0.0


def test_a_call_that_ends_after_the_journal_was_closed_breaks_nothing(journal):
    ledger, _ = ledger_of(journal)
    call = ledger.new_call()
    journal.close()
    ledger.paid(call, ONE)
