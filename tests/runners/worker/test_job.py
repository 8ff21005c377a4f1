"""The result of a run, made from the status of wait(2)."""

import os
import signal

import pytest

from autoresearch_magic.experiment import Outcome
from autoresearch_magic.runners.worker import oom
from autoresearch_magic.runners.worker.job import OUTPUT_TAIL, RunningJob, result_of

JOB = {"target": "", "metric": {"name": "loss", "expression": "val"}}


def started(job=JOB, limit=20.0, **options):
    run = RunningJob(1, job, limit, 3 * 2**30, os.devnull, (-1, -1), **options)
    run.log.close()
    return run


def run_of(printed="", job=JOB, result=None, why=""):
    run = RunningJob(1, job, 20.0, 3 * 2**30, os.devnull, (-1, -1))
    run.log.write(printed.encode())
    run.log.close()
    run.result, run.kill_reason = result and dict(result), why
    run.begin()
    return run


@pytest.mark.parametrize(
    ("why", "outcome", "error"),
    [
        ("timeout", Outcome.TIMEOUT, "Killed after 20 s"),
        ("memory", Outcome.OUT_OF_MEMORY, "Killed at 0.00 GiB of memory: the limit is 3.00 GiB"),
        ("pruned", Outcome.PRUNED, "Stopped."),
        ("stopped", Outcome.STOPPED, "Stopped."),
    ],
)
def test_a_killed_run_says_why(why, outcome, error):
    result = result_of(run_of(why=why), signal.SIGKILL, 0)
    assert result["outcome"] is outcome
    assert result["error"].startswith(error)


def test_a_result_that_came_before_the_kill_counts():
    result = result_of(run_of(result={"outcome": "ok", "value": 1.5}, why="timeout"), signal.SIGKILL, 0)
    assert (result["outcome"], result["value"]) == (Outcome.OK, 1.5)


@pytest.mark.parametrize(
    ("status", "outcome", "error"),
    [
        (signal.SIGSEGV, Outcome.CRASH, "SIGSEGV"),
        (3 << 8, Outcome.CRASH, "exit code 3"),
    ],
)
def test_a_run_that_ended_without_a_result(status, outcome, error):
    result = result_of(run_of(), status, 0)
    assert result["outcome"] is outcome
    assert error in result["error"]


@pytest.mark.parametrize(
    ("before", "after", "outcome", "killed"),
    [
        (4, 5, Outcome.OUT_OF_MEMORY, False),
        (4, 4, Outcome.CRASH, True),
        (None, None, Outcome.OUT_OF_MEMORY, True),  # it looks like it, and is run once more
    ],
)
def test_a_kill_is_for_want_of_memory_where_the_system_counts_one(
    before, after, outcome, killed, tmp_path, monkeypatch
):
    monkeypatch.setattr(oom, "VMSTAT", vmstat := tmp_path / "vmstat")
    for count, made in ((before, True), (after, False)):
        if count is not None:
            vmstat.write_text(f"nr_free_pages 10\noom_kill {count}\nballoon 0\n")
        if made:
            run, command = run_of(), run_of(job={"command": "python t.py"})
    result = result_of(run, signal.SIGKILL, 0)
    assert (result["outcome"], result["killed"]) == (outcome, killed)
    result = result_of(command, (128 + signal.SIGKILL) << 8, 0)  # of a program below the shell
    assert (result["outcome"], result["exit"], result["killed"]) == (Outcome.OK, 137, killed)


def test_a_kill_near_the_memory_limit_is_for_want_of_memory():
    assert result_of(run_of(), signal.SIGKILL, int(2.5 * 2**30))["killed"] is False


def test_a_command_with_a_nonzero_exit_status_is_no_crash_here():
    result = result_of(run_of(job={"command": "false"}), 1 << 8, 0)
    assert (result["outcome"], result["exit"]) == (Outcome.OK, 1)
    assert result_of(run_of(job={"command": "false"}), signal.SIGSEGV, 0)["outcome"] is Outcome.CRASH


def test_the_result_has_peak_memory_and_the_end_of_the_output():
    run = run_of("x" * (2 * OUTPUT_TAIL), result={"outcome": "ok", "gpu_memory": 0})
    run.memory.peak = 2 * 2**30
    result = result_of(run, 0, 2**30)
    assert result["memory"] == 2.0
    assert result["output"] == "x" * OUTPUT_TAIL
    assert result_of(run_of(result={"outcome": "ok", "gpu_memory": 5 * 2**30}), 0, 2**30)["memory"] == 5.0


def test_what_is_shared_with_the_worker_is_no_memory_of_the_run():
    shared = {"outcome": "ok", "shared_memory": 7 * 2**30 // 10}
    assert result_of(run_of(result=shared), 0, 2**30)["memory"] == pytest.approx(0.3)
    assert result_of(run_of(), 0, 2**30)["memory"] == 1.0


def test_a_setup_in_a_fresh_process_may_take_as_long_as_the_timeout_or_three_times_the_workers():
    run = started()
    assert run.deadline - run.started == pytest.approx(600)
    assert started(limit=7200.0).setup_limit == 7200
    assert started(setup_seconds=700).setup_limit == 2100
    run.kill_reason = "timeout"
    error = result_of(run, signal.SIGKILL, 0)["error"]
    assert "The setup" in error
    assert "600 s" in error
    assert "--timeout" in error


def test_the_time_limit_starts_when_the_target_begins():
    run = started()
    assert run.deadline > run.started + run.limit
    run.begin()
    assert run.began is not None
    assert run.deadline == run.began + run.limit
