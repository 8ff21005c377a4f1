"""Events beyond what a curve needs are dropped, and the newest is never lost."""

from autoresearch_magic.runners.worker import event_rate
from autoresearch_magic.runners.worker.event_rate import BURST, RATE, EventRate


def report(number):
    return b'{"report": {"step": %d}}' % number


def test_a_run_that_reports_now_and_then_loses_nothing():
    rate = EventRate()
    for number in range(5_000):
        assert rate.take(report(number), number / RATE) == [report(number)]
    assert rate.rest() == []


def test_of_a_flood_a_curve_is_left_and_the_newest_comes_before_the_end():
    rate = EventRate()
    passed = [line for number in range(100_000) for line in rate.take(report(number), number / 50_000)]
    assert BURST < len(passed) <= BURST + 2 * RATE + 1
    assert rate.take(b'{"evaluating": true}', 2.0) == [report(99_999), b'{"evaluating": true}']
    assert rate.rest() == []


def test_each_kind_holds_its_newest():
    rate = EventRate()
    for number in range(int(BURST)):
        rate.take(report(number), 0.0)
    rate.take(b'{"tick": 1}', 0.0)
    rate.take(b'{"tick": 2}', 0.0)
    rate.take(report(7), 0.0)
    assert rate.rest() == [b'{"tick": 2}', report(7)]


def test_other_lines_are_not_parsed_without_end(monkeypatch):
    monkeypatch.setattr(event_rate, "MOST_BYTES", 100)
    rate = EventRate()
    assert [len(rate.take(b'{"result": {}}', 0.0)) for _ in range(10)] == [1] * 7 + [0] * 3


def test_a_clock_that_goes_back_gives_nothing_and_takes_nothing():
    rate = EventRate()
    for number in range(int(BURST)):
        rate.take(report(number), 1_000.0)
    assert rate.take(report(1), 10.0) == []
    assert rate.take(report(2), 11.0) == [report(2)]
