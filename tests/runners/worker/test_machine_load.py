"""The machine's load during a run, from counts that are made up, and from real processes."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from autoresearch_magic.runners.worker.machine_load import Counts, MachineLoad, read_counts, usable_cores
from autoresearch_magic.runs import Conditions

CORES = len(usable_cores())


class Machine:
    """Counts that a test moves on."""

    def __init__(self):
        self.counts = Counts(100.0, 5000.0, 10.0, 70.0)

    def __call__(self):
        return self.counts

    def go_on(self, seconds, *, own=0.0, others=0.0, steal=0.0):
        c = self.counts
        self.counts = Counts(
            c.at + seconds, c.busy + (own + others) * seconds, c.steal + steal * seconds, c.own + own * seconds
        )


@pytest.fixture
def machine():
    return Machine()


@pytest.fixture
def load(machine):
    made = MachineLoad(machine)
    machine.go_on(30.0, others=0.9)
    return made


def test_what_the_run_used_is_not_load(machine, load):
    start = load.started()
    machine.go_on(10.0, own=1.0, others=0.25, steal=0.1)
    assert load.ended(start) == Conditions(0.25, CORES, 0.1)


def test_a_short_run_is_told_together_with_the_time_before_it(machine, load):
    for _ in range(40):
        start = load.started()
        machine.go_on(0.02, own=1.0, others=0.5)
        found = load.ended(start)
    assert found == Conditions(0.5, CORES)
    assert len(load._readings) < 40  # old readings are dropped


def test_the_first_run_of_all_tells_nothing_when_it_is_short(machine):
    load = MachineLoad(machine)
    start = load.started()
    machine.go_on(0.1, own=1.0)
    assert load.ended(start) is None


def test_counts_that_start_anew_tell_nothing(machine, load):
    start = load.started()
    machine.go_on(5.0, own=1.0)
    machine.counts = replace(machine.counts, busy=3.0)
    assert load.ended(start) is None


def test_never_below_zero_and_never_more_than_the_cores(machine, load):
    start = load.started()
    machine.go_on(5.0, own=1.0, steal=CORES + 1.0)
    machine.counts = replace(machine.counts, own=machine.counts.own + 0.1)  # which is counted more exactly
    assert load.ended(start) == Conditions(0.0, CORES, float(CORES))


@pytest.mark.slow
def test_children_count_as_own_once_they_are_reaped():
    before = read_counts()
    subprocess.run([sys.executable, "-c", "x = 0\nfor _ in range(3_000_000): x += 1"], check=True)
    after = read_counts()
    used = after.own - before.own
    assert used > 0.02
    # The machine's counts are whole hundredths of a second on each core.
    assert after.busy - before.busy > used - 0.02 * (os.cpu_count() or 1)
