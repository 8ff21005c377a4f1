"""Real commands run in a worktree and are measured by their output."""

import os
import re
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from autoresearch_magic.errors import Stopped, UserError
from autoresearch_magic.experiment import Outcome
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.command import CommandRunner, GuardCommand
from autoresearch_magic.runners.export import Export
from autoresearch_magic.runners.output.metric_reader import parse_rule
from autoresearch_magic.runners.walls import Walls
from autoresearch_magic.source.files import join, split
from autoresearch_magic.storage.git.checkout import open_checkout

from ..repositories import changed, repository, run_git

FILES = {
    "src/run.sh": "echo ms: 5\n",
    "src/guard.sh": "true\n",
    "src/text.py": "print('ms:', 7)\n",
    "bench.py": "print('ms: 5')\n",
    "data.csv": "1\n",
    "result.json": '{"ms": 3}\n',
    ".gitignore": "*.out\n",
}


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    return repository(tmp_path_factory.mktemp("shell") / "repo", FILES)


@pytest.fixture(scope="module")
def runner_of(repo):
    """Make a runner, or return one with the same arguments, because starting a worker takes a second."""
    made = {}

    def runner_of(expression="", *, guard=None, memory=0, fresh=False, keep=True):
        key = (expression, guard, memory)
        if fresh or key not in made:
            number = len(made)
            checkout, target, _ = open_checkout(repo, ("src/**",), ["python bench.py"])
            tree = Export(repo.parent / f"w{number}", checkout, split(target))
            runner = CommandRunner(
                tree, "sh src/run.sh", Metric("ms", expression), guard=guard, memory=memory,
                worker_log=repo.parent / f"worker{number}.log", keep=keep,
            )  # fmt: skip
            runner.target = target
            made[(number,) if fresh else key] = runner
            return runner
        return made[key]

    yield runner_of
    for runner in made.values():
        runner.close()


def measure(runner, script, *, deadline=20.0, seed=0, **options):
    return runner.measure(changed(runner.target, **{"src__run.sh": script}), seed=seed, deadline=deadline, **options)


def check(runner, script, *, allowed=None, deadline=20.0, log=os.devnull):
    return runner.check(
        changed(runner.target, **{"src__guard.sh": script}), deadline=deadline, allowed=allowed, log=str(log)
    )


def own_id(pid):
    with suppress(OSError):
        return int(re.search(r"^NSpid:.*\t(\d+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1])
    return None


def gone(pid):
    """Return whether a process ends within two seconds; its id is the one that it sees itself, which may be in a PID namespace."""
    for _ in range(100):
        if not any(own_id(each.pid) == pid for each in psutil.Process().children(recursive=True)):
            return True
        time.sleep(0.02)
    return False


# -- values -----------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_value_is_read_from_both_streams(runner_of):
    m = measure(runner_of(), "echo begin\necho ms: 4.25", seed=3)
    assert (m.outcome, m.value, m.seed, m.error) == (Outcome.OK, 4.25, 3, "")
    assert m.ok
    assert m.seconds > 0
    assert "begin" in m.output
    assert measure(runner_of(), "echo ms: 4.25 >&2").value == 4.25


def test_a_value_in_another_unit_than_the_unchanged_versions_is_not_compared(runner_of):
    runner = runner_of("re:time (.*)", fresh=True)
    before = runner.target
    assert runner.measure(before, seed=0, deadline=20.0).outcome is Outcome.METRIC_ERROR  # it prints no time
    runner._unit._note("%")
    m = measure(runner, "echo time 12")
    assert (m.outcome, m.value) == (Outcome.METRIC_ERROR, None)
    assert "ms is printed in ms" in m.error
    assert "by the unchanged version in %" in m.error
    runner._unit._note("ms")
    assert measure(runner, "echo time 12").value == measure(runner, "echo time 0.012s").value == 12.0


def test_the_last_state_of_a_progress_bar_counts(runner_of):
    assert measure(runner_of(), r"printf 'ms: 9\rms: 7\rms: 5\n'").value == 5


def test_printed_memory_and_steps_are_used(runner_of):
    m = measure(runner_of(), "echo peak_vram_mb: 2048.0\necho num_steps: 953\necho ms: 5")
    assert (m.memory, m.steps) == (2.0, 953)
    assert 0 < measure(runner_of(), "echo ms: 5").memory < 1
    for steps in ("inf", "nan", "1180591620717411303424"):
        m = measure(runner_of(), f"echo num_steps: {steps}\necho ms: 5")
        assert (m.value, m.steps in (0, 2**63 - 1)) == (5, True)


@pytest.mark.slow
def test_a_nonzero_exit_status_is_a_crash_unless_a_format_is_given(runner_of):
    m = measure(runner_of(), "echo ms: 5; echo oh no; exit 3")
    assert (m.outcome, m.value) == (Outcome.CRASH, None)
    assert m.error == (
        "The command ended with exit status 3. The ms that it printed, 5, does not count then; with --metric NAME=re:REGEX it would."
    )
    assert "oh no" in m.traceback
    explicit = runner_of("re:ms: (.+)")
    assert measure(explicit, "echo ms: 5; exit 3").value == 5
    m = measure(explicit, "echo nothing; exit 3")
    assert (m.outcome, m.error) == (Outcome.CRASH, "The command ended with exit status 3.")
    assert measure(runner_of("exit"), "exit 7").value == 7
    assert measure(runner_of("lines:warning"), "echo warning; echo warning; exit 1").value == 2


def test_a_missing_or_ambiguous_value_is_a_metric_error_with_the_output(runner_of):
    m = measure(runner_of(), "echo all done")
    assert (m.outcome, m.value) == (Outcome.METRIC_ERROR, None)
    assert "\n" not in m.error
    assert "all done" in m.traceback
    assert "all done" in m.output
    m = measure(runner_of(), "echo ms: 4; echo ms: 5")
    assert m.outcome is Outcome.METRIC_ERROR


def test_nan_and_inf_are_not_finite(runner_of):
    for printed in ("nan", "inf"):
        m = measure(runner_of(), f"echo ms: {printed}")
        assert (m.outcome, m.ok) == (Outcome.NOT_FINITE, False)
        assert m.error == f"ms is {printed}: the run diverged or the metric is wrong."


def test_a_missing_command_and_a_signal_are_crashes(runner_of):
    m = measure(runner_of(), "no-such-command-anywhere")
    assert m.outcome is Outcome.CRASH
    assert "exit status 127" in m.error
    assert "not found" in m.traceback
    m = measure(runner_of(), "echo last words; kill -SEGV $PPID")
    assert m.outcome is Outcome.CRASH
    assert "SIGSEGV" in m.error
    assert "last words" in m.traceback


@pytest.mark.slow
def test_commands_run_in_bash(runner_of, repo):
    checkout, target, _ = open_checkout(repo, ("src/**",), [])
    tree = Export(repo.parent / "bash", checkout, split(target))
    runner = CommandRunner(
        tree, "for i in {1..5}; do echo x; done | wc -l", Metric("n", ""), worker_log=repo.parent / "bash.log"
    )
    m = runner.measure(target, seed=0, deadline=20.0)
    runner.close()
    assert (m.outcome, m.value) == (Outcome.OK, 5)


@pytest.fixture
def measured(runner_of):
    """Measure the files as they are with a command and a metric of its own, in one worker."""
    runner = runner_of("re:never")

    def measured(command, expression="", *, script=""):
        runner.verify, runner.metric, runner._rule = command, Metric("ms", expression), parse_rule(expression)
        return measure(runner, script)

    return measured


@pytest.mark.slow
def test_a_zero_that_was_counted_is_a_value(measured):
    for command in (
        "grep -c error data.csv",
        "cat data.csv | grep -c error",
        "set -o pipefail; grep error data.csv | wc -l",
    ):
        m = measured(command)
        assert (m.outcome, m.value, m.error) == (Outcome.OK, 0, "")
    assert measured("grep -c 1 data.csv").value == 1


@pytest.mark.slow
def test_a_zero_beside_a_crash_is_no_value(measured):
    raises = "python -c 'raise ValueError(1)'"
    for command, expression, why in (
        (f"{raises} 2>&1 | grep -c error", "", "ended with exit status 1, and grep counted 0"),
        (f"{raises} | grep -c error", "", "ValueError: 1"),
        (f"{raises} 2>&1 | grep error | wc -l", "re:([0-9]+)", "and wc counted 0"),
        (f"{raises} > x.out 2>&1; grep -c FAIL x.out", "", "and grep counted 0"),
        ("nope 2>&1 | grep -c error", "", "nope, at the front of the pipe, was not found"),
        ("grep -c error missing", "", "ended with exit status 2"),
        (f"echo ms: 5; {raises}", "re:ms: (.)", "ValueError: 1"),
        ("sh -c 'exit 2'", "lines:warning", "ended with exit status 2, and no line matches"),
        ("echo ms: 5; nope", "re:ms: (.)", "was not found (exit status 127)"),
    ):
        m = measured(command, expression)
        assert (m.outcome, m.value) == (Outcome.CRASH, None), command
        assert why in m.error
        assert "\n" not in m.error
    m = measured("echo ms: 5; sh -c 'kill -KILL $$'")
    assert m.value is None
    assert "Killed" in m.error or "killed by SIGKILL" in m.error  # by the system, where it does not tell what it kills
    m = measured("mypy() { echo 'Found 1 error in 2 files'; return 1; }; mypy src")
    assert (m.outcome, m.value) == (Outcome.METRIC_ERROR, None), (
        "its status is no failure: what is wrong is the reading"
    )
    assert "two readings could be meant" in m.error
    assert measured("ruff() { echo 'E501 long'; return 1; }; ruff check", "lines:F401").value == 0, "other findings"


def test_a_missing_module_is_told_with_the_interpreter(measured):
    m = measured("python -c 'import no_such_module_x'")
    assert (m.outcome, m.value) == (Outcome.CRASH, None)
    assert m.error.startswith(sys.executable)
    assert "has no module 'no_such_module_x': install it there" in m.error
    assert "has no module" in measured("python -c 'import no_such_module_x' | tail -1").error


@pytest.mark.slow
def test_a_guard_says_the_same_of_a_missing_module(runner_of):
    runner = runner_of(guard=GuardCommand("python -m no_such_module_x"))
    failed = check(runner, "true")
    assert failed.failure.startswith(f"The guard: {sys.executable} has no module 'no_such_module_x'")
    runner.guard = GuardCommand("no-such-program | tail -1")
    assert check(runner, "true").failure.startswith(
        "The guard: no-such-program, at the front of the pipe, was not found"
    )


def test_the_plan_is_told_what_commands_run_with(runner_of, repo):
    runner = runner_of(fresh=True, guard=GuardCommand("pytest -q | tail -1"))
    shell, exits, guard = runner.describe()
    assert shell.startswith("Shell: bash (")
    assert sys.executable in shell
    assert exits == "Exit status: 0 counts; any other is a crash."
    assert guard.startswith("The guard always passes: its exit status is that of tail, not of pytest")
    runner._rule = parse_rule("re:x")
    assert "any counts with re:, except that of a command that was not found" in runner.describe()[1]
    runner._rule = parse_rule("exit")
    assert runner.describe()[1] == "Exit status: it is the metric."


@pytest.mark.slow
def test_a_run_that_changes_a_linked_environment_is_refused(tmp_path):
    repo = repository(tmp_path / "repo", {"src/run.sh": "echo ms: 5\n", ".gitignore": ".venv/\n"})
    (repo / ".venv" / "lib" / "python3.12" / "site-packages" / "parcel").mkdir(parents=True)
    (repo / ".venv" / "bin").mkdir()
    (repo / ".venv" / "bin" / "python").symlink_to(sys.executable)
    site = ".venv/lib/python3.12/site-packages"
    checkout, target, _ = open_checkout(repo, ("src/**",), [])
    runner = CommandRunner(
        Export(tmp_path / "w", checkout, split(target)), "sh src/run.sh", Metric("ms", ""),
        guard=GuardCommand(f"mkdir -p {site}/other"), worker_log=tmp_path / "log",
        walls=Walls(sandbox="off"),
    )  # fmt: skip
    runner.target = target
    assert measure(runner, f"test -d {site}/parcel && mkdir -p {site}/parcel/__pycache__ && echo ms: 5").value == 5
    m = measure(runner, f"mkdir {site}/right; echo ms: 1")
    assert (m.outcome, m.value) == (Outcome.TAMPERED, None)
    assert m.error.startswith(
        "The run has changed .venv (lib/python3.12/site-packages/right), which is linked from your checkout"
    )
    assert measure(runner, "echo ms: 5").value == 5, "only the run that did it"
    assert "has changed .venv (lib/python3.12/site-packages/other)" in check(runner, "true").failure
    runner.close()


# -- limits -----------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_timeout_kills_all_processes_of_a_run(runner_of):
    runner = runner_of()
    script = "trap '' TERM\nsleep 300 & echo $! > child.out\n(setsid sleep 300 & echo $! > far.out)\necho waiting\nwait"
    m = measure(runner, script, deadline=0.7)
    assert m.outcome is Outcome.TIMEOUT
    assert "--timeout" in m.error
    assert "waiting" in m.traceback
    for name in ("child.out", "far.out"):
        assert gone(int((runner.export.folder / name).read_text()))


def test_processes_left_by_a_run_are_killed(runner_of):
    runner = runner_of()
    assert measure(runner, "setsid sleep 300 & echo $! > left.out\necho ms: 5").value == 5
    assert gone(int((runner.export.folder / "left.out").read_text()))


@pytest.mark.slow
def test_a_run_above_its_memory_limit_is_killed(runner_of):
    runner = runner_of("", memory=150_000_000)
    m = measure(runner, "exec python -c 'x = bytearray(400_000_000)\nimport time\ntime.sleep(20)'")
    assert m.outcome is Outcome.OUT_OF_MEMORY
    assert "--memory" in m.error


@pytest.mark.slow
def test_large_output_is_cut_and_its_end_is_read(runner_of, tmp_path):
    m = measure(runner_of(), "yes 0123456789abcdef | head -c 5000000\necho\necho ms: 6", log=str(tmp_path / "log"))
    assert m.value == 6
    assert len(m.output) <= 4_000
    assert (tmp_path / "log").stat().st_size < 1_200_000
    assert b"bytes of output left out" in (tmp_path / "log").read_bytes()


def test_output_that_is_not_text(runner_of):
    assert measure(runner_of(), r"printf '\377\376\000\n'; echo ms: 6").value == 6


def test_a_closed_pipe_ends_its_writer(runner_of):
    m = measure(runner_of(), "yes | head -1\nsh -c 'while echo 1; do :; done' | head -1\necho ms: 6", deadline=10)
    assert (m.value, m.output) == (6, "y\n1\nms: 6\n")


@pytest.mark.slow
def test_an_interrupt_ends_the_run_and_every_later_one(runner_of):
    runner = runner_of(fresh=True, guard=GuardCommand("sh src/guard.sh"))
    seen = threading.Event()

    def watch(event):
        if "tick" in event:
            seen.set()
        return False

    def interrupt():
        seen.wait(20)
        runner.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(Stopped):
        measure(runner, "echo $$ > pid.out; sleep 300", watch=watch, deadline=60)
    thread.join()
    assert gone(int((runner.export.folder / "pid.out").read_text()))
    with pytest.raises(Stopped):
        check(runner, "true")
    runner.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "script",
    ["kill -STOP $$", "trap '' TERM; sleep 300", "kill -STOP 0; sleep 300", "setsid sh -c 'kill -STOP $$' & sleep 300",
     "(trap '' TERM; exec setsid yes) & sleep 300"],
)  # fmt: skip
def test_no_command_keeps_an_interrupt_waiting(runner_of, script):
    runner = runner_of(fresh=True)
    assert measure(runner, "echo ms: 5").value == 5
    ended = []

    def run():
        try:
            measure(runner, f"echo $$ > pid.out; {script}", deadline=60)
        except Stopped:
            ended.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    while not (runner.export.folder / "pid.out").exists():
        time.sleep(0.02)
    runner.interrupt()
    thread.join(20)
    assert ended == [True]
    runner.close()
    assert gone(int((runner.export.folder / "pid.out").read_text()))


@pytest.mark.slow
@pytest.mark.parametrize(
    "left", ["setsid sleep 300", "setsid yes", "(trap '' TERM; exec setsid yes)", "setsid sh -c 'kill -STOP $$'"]
)
def test_a_process_that_holds_the_output_open_is_not_waited_for(runner_of, left):
    assert measure(runner_of(), f"{left} & echo ms: 5").value == 5


@pytest.mark.slow
def test_printed_progress_is_a_curve_by_which_a_run_can_be_stopped(runner_of):
    script = "for i in 1 2 3 4; do echo step $i/4 loss 0.$i; sleep 0.05; done\n"
    m = measure(runner_of(), script + "echo ms: 5")
    assert [(point.step, point.values) for point in m.curve] == [(i, {"loss": i / 10}) for i in (1, 2, 3, 4)]

    def watch(event):
        return event.get("report", {}).get("step") == 3

    m = measure(runner_of(), script + "sleep 300", watch=watch, deadline=60)
    assert (m.outcome, m.value) == (Outcome.PRUNED, None)
    assert len(m.curve) in (3, 4)


@pytest.mark.slow
def test_a_silent_run_sends_ticks(runner_of):
    ticks = []

    def watch(event):
        if "tick" in event:  # and not the start of a worker, on a busy machine
            ticks.append(event["tick"])
        return False

    assert measure(runner_of(), "sleep 1.2; echo ms: 5", watch=watch).value == 5
    assert len(ticks) >= 1
    assert all(tick["elapsed"] > 0 and 0 <= tick["progress"] < 1 for tick in ticks)


# -- environment, frozen files and result files --------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_command_sees_no_secrets_and_this_python(runner_of, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("GITHUB_TOKEN", "ghp-very-secret")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    runner = runner_of(fresh=True)
    script = (
        "env | sort\nprintenv OPENAI_API_KEY || echo no key\ncommand -v python\npwd\ngit status --porcelain\necho ms: 5"
    )
    m = measure(runner, script, seed=17)
    assert m.value == 5
    assert "secret" not in m.output
    assert "no key" in m.output
    assert "AUTORESEARCH_SEED=17" in m.output
    assert f"\n{runner.export.folder}\n" in m.output
    m = measure(
        runner, "python -c 'import sys, os; print(os.path.realpath(sys.executable)); print(sys.version)'\necho ms: 5"
    )
    assert os.path.realpath(sys.executable) in m.output
    assert sys.version in m.output


def test_equally_long_versions_are_not_confused_by_the_bytecode_cache(runner_of):
    """Python's bytecode cache compares the time in seconds and the length."""
    runner = runner_of()
    script = "cd src && python -c 'import text'"
    for number in (1, 2, 3):
        target = changed(runner.target, **{"src__run.sh": script, "src__text_py": f"print('ms:', {number})\n"})
        assert runner.measure(target, seed=0, deadline=20).value == number


@pytest.mark.slow
def test_changing_a_frozen_file_is_tampering(runner_of):
    runner = runner_of()
    for script in ("echo 'print(1)' > bench.py\necho ms: 0", "rm bench.py\necho ms: 0",
                   "echo 'print(1)' > bench.py; git add -A; git -c user.name=x -c user.email=x commit -qm x\necho ms: 0"):  # fmt: skip
        m = measure(runner, script)
        assert (m.outcome, m.value) == (Outcome.TAMPERED, None)
        assert "has changed bench.py, which is frozen" in m.error
        assert measure(runner, "python bench.py").value == 5, "it is restored"
    for script in (
        "cp -p bench.py b; echo 'print(1)' > bench.py; cp -p b bench.py",
        "mv bench.py b; cp -p b bench.py",
        "touch bench.py",
    ):
        assert measure(runner, f"{script}\necho ms: 0").outcome is Outcome.TAMPERED, "it was put back"
    assert measure(runner, "echo 2 > data.csv; echo ms: 4").value == 4
    assert measure(runner, "cat data.csv; echo ms: 4").output.startswith("1\n")


@pytest.mark.slow
def test_a_run_that_removes_its_worktree_is_refused_and_the_next_one_has_it_again(runner_of):
    runner = runner_of()
    for script in ('rm -rf "$PWD"\necho ms: 1', 'd=$PWD; cd ..; rm -rf "$d"; ln -s /tmp "$d"; echo ms: 1',
                   'd=$PWD; cd ..; rm -rf "$d"; echo > "$d"; echo ms: 1'):  # fmt: skip
        assert measure(runner, script).outcome is Outcome.TAMPERED
        assert measure(runner, "cat data.csv; echo ms: 4").value == 4


@pytest.mark.slow
def test_a_result_file_counts_only_when_this_run_wrote_it(runner_of):
    runner = runner_of("file:x.out")
    assert measure(runner, "echo ms: 5 > x.out").value == 5
    m = measure(runner, "true")
    assert (m.outcome, m.value) == (Outcome.METRIC_ERROR, None)
    assert "x.out does not exist" in m.error, "a run's files are gone when the next one begins"
    assert measure(runner, "echo ms: 5 > x.out").value == 5, "the same content, written again, counts"


@pytest.mark.slow
def test_a_result_file_that_the_repository_holds_is_not_a_result(runner_of):
    runner = runner_of("file:result.json#json:ms")
    assert "not written by this run" in measure(runner, "true").error
    assert measure(runner, "echo '{\"ms\": 1}' > result.json").value == 1
    assert "not written by this run" in measure(runner, "true").error, (
        "restored a moment ago, but not written by the run"
    )


@pytest.mark.slow
def test_a_result_file_that_is_missing(runner_of):
    assert "never.out does not exist" in measure(runner_of("file:never.out"), "true").error


# -- the guard ----------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_guard_passes_or_fails_by_its_exit_status(runner_of, tmp_path):
    runner = runner_of(guard=GuardCommand("sh src/guard.sh"))
    passed = check(runner, "echo fine", log=tmp_path / "log")
    assert (passed.failure, passed.value) == ("", None)
    assert passed.output == "fine\n"
    assert (tmp_path / "log").read_text() == "fine\n"
    failed = check(runner, "echo test_x FAILED\nexit 1")
    assert failed.failure == "The guard ended with exit status 1: test_x FAILED."
    assert "test_x FAILED" in failed.output
    assert check(runner, "kill -KILL $$").failure.startswith("The guard ended with exit status 137")
    assert "SIGSEGV" in check(runner, "kill -SEGV $PPID").failure
    slow = check(runner, "echo waiting; sleep 300", deadline=0.5)
    assert "--timeout" in slow.failure
    assert "waiting" in slow.output


@pytest.mark.parametrize(
    ("minimize", "threshold", "value", "passes"),
    [
        (True, 0, 100, True), (True, 0, 99, True), (True, 0, 100.5, False),
        (True, 10, 110, True), (True, 10, 111, False),
        (False, 0, 100, True), (False, 0, 101, True), (False, 0, 99.5, False),
        (False, 10, 90, True), (False, 10, 89, False),
    ],
)  # fmt: skip
def test_a_guards_metric_may_be_worse_by_the_threshold(runner_of, minimize, threshold, value, passes):
    runner = runner_of()
    runner.guard = GuardCommand("sh src/guard.sh", Metric("size", "", minimize), threshold)
    checked = check(runner, f"echo size: {value}", allowed=100.0)
    assert checked.value == value
    assert (checked.failure == "") is passes
    if not passes:
        assert all(part in checked.failure for part in (f"{value:g}", "100", f"{threshold:g}%"))
    assert check(runner, f"echo size: {value}").failure == "", "the baseline itself has no limit"


def test_a_guards_metric_that_is_unreadable_or_not_finite_fails(runner_of):
    runner = runner_of()
    runner.guard = GuardCommand("sh src/guard.sh", Metric("size", "", True))
    assert "The guard's size cannot be read" in check(runner, "echo nothing").failure
    assert check(runner, "echo size: nan", allowed=100.0).failure == "The guard's size is nan."
    assert check(runner, "echo size: inf").failure == "The guard's size is inf.", "for the baseline too"
    assert "exit status 2" in check(runner, "echo size: 5; exit 2", allowed=100.0).failure


@pytest.mark.slow
def test_a_guard_does_not_see_changes_made_by_verify(runner_of):
    runner = runner_of(guard=GuardCommand("sh src/guard.sh"))
    measure(runner, "echo 2 > data.csv; echo x > left.txt; echo ms: 5")
    assert check(runner, "cat data.csv; ls left.txt; true").output.startswith("1\n")
    assert "No such file" in check(runner, "ls left.txt; true").output


# -- closing ------------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_close_removes_a_worktree_that_is_not_kept(runner_of, repo):
    runner = runner_of(fresh=True, keep=False)
    assert measure(runner, "echo ms: 5").value == 5
    assert runner.export.folder.exists()
    runner.close()
    assert not runner.export.folder.exists()
    assert str(runner.export.folder) not in run_git(repo, "worktree", "list")


def test_an_unwritable_worktree_is_a_one_line_error(runner_of, monkeypatch):
    runner = runner_of(fresh=True)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Export, "show", full)
    with pytest.raises(UserError, match="cannot be written: No space left on device"):
        measure(runner, "echo ms: 5")


@pytest.mark.slow
def test_notes_and_files_of_a_command_are_measured_with_it(repo):
    checkout, target, _ = open_checkout(repo, ("src/**",), ["python bench.py"])
    runner = CommandRunner(
        Export(repo.parent / "files", checkout, split(target)), "sh src/run.sh", Metric("ms", ""), worker_log=repo.parent / "files.log",
        artifacts=["*.out", "*.txt", "**/*.csv"], hide=["hidden*"], keep=False,
    )  # fmt: skip
    version = join(
        {
            **split(target),
            "src/run.sh": "echo note: slow; echo ms: 5; echo p > prof.out; echo s > hidden.txt; ln -s /etc/hostname l.txt\n",
        }
    )
    try:
        m = runner.measure(version, seed=0, deadline=20.0)
        assert (m.value, m.notes, dict(m.artifacts)) == (5.0, ("slow",), {"prof.out": "p"})
        m = runner.measure(target, seed=0, deadline=20.0)
        assert (m.value, m.notes, dict(m.artifacts)) == (5.0, (), {}), "prof.out is ignored by git and still there"
    finally:
        runner.close()


@pytest.mark.slow
def test_further_numbers_of_a_command_are_read_by_formats(repo):
    checkout, target, _ = open_checkout(repo, ("src/**",), ["python bench.py"])
    said = []
    runner = CommandRunner(
        Export(repo.parent / "also", checkout, split(target)), "sh src/run.sh", Metric("ms", ""), worker_log=repo.parent / "also.log",
        also=["p95 ms", "got=file:result.json#json:ms", "wall=seconds", "nope=re:nope (.*)"], on_problem=said.append, keep=False,
    )  # fmt: skip
    version = join(
        {**split(target), "src/run.sh": "echo ms: 5; echo p95_ms: 9; echo other: 1; echo '{\"ms\": 4}' > result.json\n"}
    )
    try:
        m = runner.measure(version, seed=0, deadline=20.0)
        assert (m.value, list(m.numbers)) == (5.0, ["p95 ms", "got", "wall", "other"])
        assert (m.numbers["p95 ms"], m.numbers["got"]) == (9.0, 4.0)
        m = runner.measure(target, seed=0, deadline=20.0)
        assert (m.ok, "got" in m.numbers) == (True, False), "the file is the repository's, not this run's"
        assert [line.split(" has")[0] for line in said] == ["--also nope", "--also p95 ms", "--also got"]
        assert said == list(runner.describe()[-3:])
    finally:
        runner.close()
