"""What a run's end comes to, from wait(2)'s own statuses and what it printed."""

import os
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.experiment import Outcome
from autoresearch_magic.runners.worker.job import OUTPUT_TAIL, RunningJob, result_of

JOB = {"target": "", "metric": {"name": "loss", "expression": "val"}}
MISSING = {"outcome": Outcome.MISSING_METRIC, "error": "The metric needs 'val', which neither has defined."}


def run_of(printed="", job=JOB, result=None, why=""):
    run = RunningJob(1, job, 20.0, 3 * 10**9, os.devnull, (-1, -1))
    run.log.write(printed.encode())
    run.log.close()
    run.result, run.why = result and dict(result), why
    return run


@pytest.mark.parametrize(
    ("why", "outcome", "told"),
    [
        ("timeout", Outcome.TIMEOUT, "Killed after 20 s"),
        ("memory", Outcome.OUT_OF_MEMORY, "Killed at 0.0 GB of memory: the limit is 3.0 GB"),
        ("pruned", Outcome.PRUNED, "Stopped."),
        ("stopped", Outcome.STOPPED, "Stopped."),
    ],
)
def test_one_that_was_killed(why, outcome, told):
    result = result_of(run_of(why=why), signal.SIGKILL, 0)
    assert result["outcome"] is outcome
    assert result["error"].startswith(told)


def test_one_that_had_its_result_before_it_was_killed_keeps_it():
    result = result_of(run_of(result={"outcome": "ok", "value": 1.5}, why="timeout"), signal.SIGKILL, 0)
    assert (result["outcome"], result["value"]) == (Outcome.OK, 1.5)


@pytest.mark.parametrize(
    ("status", "outcome", "told"),
    [
        (signal.SIGKILL, Outcome.OUT_OF_MEMORY, "lack of memory"),
        (signal.SIGSEGV, Outcome.CRASH, "died of SIGSEGV"),
        (3 << 8, Outcome.CRASH, "exit code 3"),
    ],
)
def test_one_that_ended_by_itself(status, outcome, told):
    result = result_of(run_of(), status, 0)
    assert result["outcome"] is outcome
    assert told in result["error"]


def test_a_commands_exit_status_is_for_its_reader_to_judge():
    result = result_of(run_of(job={"command": "false"}), 1 << 8, 0)
    assert (result["outcome"], result["exit"]) == (Outcome.OK, 1)
    assert result_of(run_of(job={"command": "false"}), signal.SIGSEGV, 0)["outcome"] is Outcome.CRASH


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=4))
def test_the_last_printed_line_is_the_metric(values):
    printed = "".join(f"noise val: 7 x\nval: {value!r}\n" for value in values)
    result = result_of(run_of(printed, result=MISSING), 0, 0)
    assert (result["outcome"], result["value"], result["error"]) == (Outcome.OK, values[-1], "")


@pytest.mark.parametrize(
    ("printed", "outcome", "told"),
    [
        ("loss: 3\n", Outcome.MISSING_METRIC, "has defined, and no line 'val: value' was printed."),
        ("val: none\n", Outcome.MISSING_METRIC, "The printed line 'val: none' holds no number."),
        ("val = nan\n", Outcome.NOT_FINITE, "loss is nan: the run diverged"),
    ],
)
def test_what_is_printed_may_be_no_value(printed, outcome, told):
    result = result_of(run_of(printed, result=MISSING), 0, 0)
    assert result["outcome"] is outcome
    assert told in result["error"]


def test_memory_and_output():
    run = run_of("x" * (2 * OUTPUT_TAIL), result={"outcome": "ok", "gpu_memory": 0})
    run.peak = 2 * 10**9
    result = result_of(run, 0, 10**9)
    assert result["memory"] == 2.0
    assert result["output"] == "x" * OUTPUT_TAIL
    assert result_of(run_of(result={"outcome": "ok", "gpu_memory": 5 * 10**9}), 0, 10**9)["memory"] == 5.0


def test_the_limit_counts_from_when_the_target_begins():
    run = run_of()
    assert run.deadline > run.started + run.limit
    run.begin()
    assert run.began is not None
    assert run.deadline == run.began + run.limit
