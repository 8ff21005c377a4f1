"""What is measured in the target's own process is run again where it matters; what only one run says is rejected."""

import pytest

from autoresearch_magic.budget import Budget
from autoresearch_magic.experiment import Measurement, Outcome
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners import recheck
from autoresearch_magic.runners.cell import CellRunner
from autoresearch_magic.runners.recheck import Recheck
from autoresearch_magic.runners.walls import Walls

SETUP = "import copy, os, time\nLEFT = {left!r}\ndef evaluate(m):\n    return copy.deepcopy(m).v"
BASE = "class M:\n    v = 4.0\nm = M()\n"


def run(value, outcome=Outcome.OK):
    return Measurement(outcome=outcome, value=value, seed=0)


def checked(first, *further):
    rest = iter(further)
    found = Recheck(Metric("loss", "loss")).checked(run(first), lambda: next(rest))
    assert next(rest, None) is None
    return found


def test_a_value_that_a_second_run_has_too_counts():
    assert checked(2.0, run(2.0 + 1e-9)).ok


def test_a_value_that_two_further_runs_deny_is_rejected_with_both():
    found = checked(1.0, run(2.0), run(2.0))
    assert found.outcome is Outcome.TAMPERED
    assert "The loss was 1 in the run that counts and 2 in two more" in found.error


def test_runs_that_differ_by_chance_are_left_to_the_judge():
    assert checked(1.0, run(2.0), run(3.0)).ok


def test_a_run_that_fails_the_second_time_says_nothing():
    assert checked(1.0, run(None, Outcome.TIMEOUT)).ok


def test_the_best_are_chosen_and_few_others(monkeypatch):
    lots = iter([1, 0, 5])
    monkeypatch.setattr(recheck.secrets, "randbelow", lambda most: next(lots))
    check = Recheck(Metric("loss", "loss"))
    assert check.chosen("a", run(4.0))
    assert check.chosen("b", run(3.0))
    assert not check.chosen("b", run(2.0))  # once a version
    assert not check.chosen("c", run(5.0))
    assert check.chosen("d", run(5.0))
    assert not check.chosen("e", run(5.0))


@pytest.fixture
def runner(tmp_path):
    (tmp_path / "shared").mkdir()
    made = CellRunner(
        SETUP.format(left=str(tmp_path / "shared" / "left")), BASE, Metric("loss", "evaluate(m)"), Budget(5.0, "seconds"),
        setup_log=tmp_path / "log", walls=Walls(write=(str(tmp_path / "shared"),)),
    )  # fmt: skip
    yield made
    made.close()


def measure(runner, target):
    return runner.measure(target, seed=1, deadline=20.0)


LIES_ONCE = "class M:\n    v = 3.5\nm = M()\nif not os.path.exists(LEFT):\n    open(LEFT, 'w').close()\n    M.v = 0.5\n"


@pytest.mark.slow
def test_a_target_that_lies_in_its_first_run_alone_is_rejected(runner):
    assert measure(runner, BASE).value == 4.0
    assert runner.learned["mode"] == "in-process"
    assert runner.learned["reproducible"] is True
    assert "is computed a second time in another fork" in " ".join(runner.describe())
    assert measure(runner, BASE.replace("4.0", "3.0")).ok
    assert measure(runner, LIES_ONCE).outcome is Outcome.TAMPERED


@pytest.mark.slow
def test_where_runs_of_the_users_own_target_differ_nothing_is_run_again(runner):
    runner._baseline = "class M:\n    v = 4.0 + time.time_ns() % 1000 / 7\nm = M()\n"
    assert measure(runner, runner._baseline).ok
    assert runner.learned["reproducible"] is False
    assert "It is not computed a second time" in " ".join(runner.describe())
    assert measure(runner, LIES_ONCE).value == 0.5
