"""Runs that train outside of their clock are found by the worker's own time."""

import pytest

from autoresearch_magic.budget import Budget
from autoresearch_magic.experiment import Outcome
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.cell import CellRunner
from autoresearch_magic.runners.outside_clock import OutsideClock, Timing, uses_clock

BASE = "from autoresearch_magic import clock\nx = 0\nfor step in clock: x += 1"
SECONDS = Budget(10.0, "seconds")


def test_what_the_baseline_spends_outside_is_the_measure(tmp_path):
    outside = OutsideClock("", BASE, tmp_path / "times.json")
    assert outside.problem("other", SECONDS, Timing(60.0, 0.0)) == ""  # nothing is known yet
    assert outside.problem(BASE, SECONDS, Timing(10.5, 2.0)) == ""
    assert outside.problem(BASE, SECONDS, Timing(12.0, 1.0)) == ""
    for judge in (outside, OutsideClock("", BASE, tmp_path / "times.json")):
        assert judge.problem("other", SECONDS, Timing(14.0, 9.0)) == ""
        said = judge.problem("other", SECONDS, Timing(15.0, 2.0))
        assert said.startswith("It ran for 15.0 s on a budget of 10 s: 5.0 s were spent outside of the clock")
        assert "evaluation took 30.0 s" in judge.problem("other", SECONDS, Timing(10.0, 30.0))
        assert judge.problem("other", Budget(10, "steps"), Timing(99.0, 2.0)) == ""
        assert judge.problem("other", SECONDS, None) == ""


def test_without_a_clock_only_the_hard_limit_counts():
    outside = OutsideClock("x = 1", "print('m: 1')")
    outside.problem("print('m: 1')", SECONDS, Timing(1.0, 0.0))
    assert outside.problem("from autoresearch_magic import clock", SECONDS, Timing(99.0, 0.0)) == ""


def test_names_of_a_clock():
    assert uses_clock("def f(clock): pass", "from autoresearch_magic import clock")
    assert uses_clock("import autoresearch_magic as a\nfor s in a.clock: pass")
    assert not uses_clock("clocks = 'clock'", "not python (")


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    made = CellRunner(
        "def evaluate(x): return float(x > 0)", BASE, Metric("m", "evaluate(x)"), Budget(0.3, "seconds"),
        setup_log=tmp_path_factory.mktemp("clock") / "setup.log",
    )  # fmt: skip
    assert made.measure(BASE, seed=0, deadline=30.0).ok
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        "\nimport time\ntime.sleep(1.6)",
        "\nimport subprocess\nsubprocess.run(['sleep', '1.6'])",
        "\nimport time\nwith clock.paused(): time.sleep(1.6)",
    ],
)
def test_training_after_or_beside_the_clock_is_overtime(runner, more):
    m = runner.measure(BASE + more, seed=0, deadline=30.0)
    assert m.outcome is Outcome.OVERTIME
    assert "outside of the clock" in m.error


@pytest.mark.slow
def test_a_clock_that_stands_still_does_not_help(runner):
    lie = (
        "import time\nfrom autoresearch_magic import clock, runtime\n"
        "time.perf_counter = time.monotonic = runtime._now = lambda: 0.0\nx = 0\n"
        "for step in clock:\n    x += 1\n    time.sleep(0.2)\n    if step == 9: break"
    )
    assert runner.measure(lie, seed=0, deadline=30.0).outcome is Outcome.OVERTIME


@pytest.mark.slow
def test_an_event_that_says_too_early_that_the_target_has_ended_does_not_help(runner):
    early = BASE + (
        "\nimport os, fcntl\nfor fd in range(400, 430):\n    try: os.write(fd, b'{\"evaluating\": true}\\n')\n    except OSError: pass\n"
        "import time\ntime.sleep(4)"
    )
    m = runner.measure(early, seed=0, deadline=30.0)
    assert not m.ok
