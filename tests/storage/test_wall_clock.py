"""The wall clock is set by hours: files of a run stay its own, and records stay in order."""

import pytest

from autoresearch_magic.storage import wall_clock
from autoresearch_magic.storage.wall_clock import AHEAD, Began, not_before, stamp


class Clock:
    def __init__(self):
        self.now, self.elapsed = 1_000_000.0, 50.0

    def time(self):
        return self.now

    def monotonic(self):
        return self.elapsed

    def go_on(self, seconds, jump=0.0):
        self.elapsed += seconds
        self.now += seconds + jump


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(wall_clock, "time", made)
    monkeypatch.setattr(wall_clock, "_last", 0.0)
    return made


def test_a_clock_that_goes_on_or_forward_leaves_the_beginning_where_it_was(clock):
    began = Began()
    clock.go_on(100.0)
    assert began.since == 1_000_000.0
    clock.go_on(100.0, jump=7_200.0)  # or a suspend, which the monotonic clock does not count
    assert began.since == 1_000_000.0


def test_a_file_written_after_the_clock_was_set_back_is_still_newer_than_the_beginning(clock):
    began = Began()
    clock.go_on(10.0, jump=-7_200.0)
    written = clock.time()
    clock.go_on(5.0)
    assert began.since <= written
    assert began.since == 1_000_000.0 - 7_200.0


def test_stamps_never_go_back(clock):
    stamps = [stamp()]
    for jump in (0.0, -7_200.0, 0.0, 9_000.0, -1.0):
        clock.go_on(1.0, jump)
        stamps.append(stamp())
    assert stamps == sorted(stamps)
    assert stamps[-1] - stamps[0] < 9_100.0


def test_a_resumed_study_goes_on_where_its_journal_ends(clock):
    not_before(1_000_500.0)
    assert stamp() == 1_000_500.0
    clock.go_on(600.0)
    assert stamp() == 1_000_600.0


def test_a_stamp_of_another_day_is_not_believed_for_ever(clock):
    not_before(1_000_000.0 + 2 * AHEAD)
    assert stamp() == 1_000_000.0
    clock.go_on(1.0, jump=3 * AHEAD)
    stamp()
    clock.go_on(1.0, jump=-3 * AHEAD)
    assert stamp() == clock.time()
