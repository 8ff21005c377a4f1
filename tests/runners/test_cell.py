"""Cells are run by a real worker in real processes."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from autoresearch_magic.budget import Budget
from autoresearch_magic.errors import Stopped, UserCodeError, UserError
from autoresearch_magic.experiment import Outcome
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.cell import CellRunner
from autoresearch_magic.runners.worker.output_log import LOG_HEAD, LOG_TAIL

SETUP = """
from autoresearch_magic import seed, clock, report
FACTOR = 2
data = [1, 2, 3]
def evaluate(x):
    return FACTOR * x
print("setup ran")
"""

BRIEF = Budget(0.2, "seconds")


@pytest.fixture
def make(tmp_path):
    made = []

    def make(setup=SETUP, *, metric="evaluate(x)", name="m", budget=BRIEF, target="", **options):
        runner = CellRunner(setup, target, Metric(name, metric), budget, setup_log=tmp_path / "setup.log", **options)
        made.append(runner)
        return runner

    yield make
    for runner in made:
        runner.close()


def measure(runner, target, deadline=20.0, **options):
    return runner.measure(target, seed=options.pop("seed", 0), deadline=deadline, **options)


@pytest.mark.slow
def test_the_setup_runs_once_and_experiments_are_isolated(make, tmp_path):
    runner = make()
    assert measure(runner, "x = 1; data.append(4)").value == 2.0
    assert measure(runner, "x = len(data)").value == 6.0
    assert (tmp_path / "setup.log").read_text().count("setup ran") == 1


def test_frozen_names_are_restored_before_the_metric_is_read(make):
    cheat = "x = 5\nFACTOR = -1000\ndef evaluate(x): return -1000.0\n"
    assert measure(make(), cheat).value == 10.0


@pytest.mark.slow
def test_fresh_processes_give_the_same_results(make):
    runner = make(mode="fresh")
    first = measure(runner, "x = seed\nprint('hello')", seed=3)
    assert (first.value, first.output.endswith("hello\n"), runner.worker.mode) == (6.0, True, "fresh")
    assert measure(runner, "1/0").outcome is Outcome.CRASH


@pytest.mark.slow
def test_a_setup_that_used_a_thread_pool_can_be_forked(make):
    # A fork from the thread that owns the pool hangs in the next product; the worker forks from another thread.
    torch_setup = "import torch\ntorch.set_num_threads(2)\nw = torch.ones(400, 400)\n(w @ w).sum()\n" + SETUP
    target = "import torch\ntorch.set_num_threads(2)\nx = float((w @ w)[0, 0])"
    runner = make(torch_setup, target=target, threads=2)
    assert measure(runner, target, deadline=60).value == 800.0
    assert runner.worker.mode == "fork"


@pytest.mark.slow
def test_each_failure_has_its_outcome_and_error(make):
    runner = make(memory=300_000_000)
    cases = {
        "1/0": (Outcome.CRASH, r"ZeroDivisionError: division by zero \(line 1 of the target\)"),
        "import sys; sys.exit(4)": (Outcome.CRASH, r"sys.exit\(4\)"),
        "import os; os._exit(4)": (Outcome.CRASH, "exit code 4"),
        "import os; os.kill(os.getpid(), 11)": (Outcome.CRASH, "SIGSEGV"),
        "raise MemoryError": (Outcome.OUT_OF_MEMORY, "MemoryError"),
        "x = bytearray(10**9)\nimport time; time.sleep(9)": (Outcome.OUT_OF_MEMORY, "limit is 0.28 GiB"),
        "x = float('nan')": (Outcome.NOT_FINITE, "m is nan"),
        "x = float('inf')": (Outcome.NOT_FINITE, "m is inf"),
        "y = 1": (Outcome.MISSING_METRIC, "needs 'x'"),
        "x = 'abc'": (Outcome.METRIC_ERROR, "is text, not a number"),
        "x = None": (Outcome.METRIC_ERROR, "TypeError"),
    }
    for target, (outcome, message) in cases.items():
        m = measure(runner, target)
        assert (m.outcome, bool(re.search(message, m.error))) == (outcome, True), (target, m)
        assert not m.ok


@pytest.mark.slow
def test_sys_exit_zero_is_a_normal_end(make):
    assert measure(make(), "x = 1\nimport sys; sys.exit(0)").ok


@pytest.mark.slow
def test_the_traceback_shows_only_the_users_frames(make):
    m = measure(make(), "def f():\n    return {}['k']\n\nf()")
    assert m.traceback.splitlines()[-1] == "KeyError: 'k'"
    assert "return {}['k']" in m.traceback
    assert "child.py" not in m.traceback


@pytest.mark.slow
def test_a_printed_line_can_be_the_metric(make):
    runner = make("", metric="val_loss")
    m = measure(runner, "print('val_loss: 2.25'); print('other: 1')")
    assert (m.outcome, m.value, m.error) == (Outcome.OK, 2.25, "")
    # a variable comes before a printed line
    assert measure(runner, "val_loss = 1.0\nprint('val_loss: 9')").value == 1.0
    assert measure(runner, "print('val_loss: nan')").outcome is Outcome.NOT_FINITE
    missing = measure(runner, "val = 1\nprint('12')")  # the only number of an output is no metric of a cell
    assert missing.outcome is Outcome.MISSING_METRIC
    assert missing.names == ("val",)
    assert "no line 'val_loss: value' was printed" in missing.error


def test_a_printed_value_in_another_unit_than_the_unchanged_targets_is_not_compared(make, tmp_path):
    percent = "print('loss: 8.8%')"
    runner = make("", metric="loss", target=percent, keep=tmp_path / "kept")
    (tmp_path / "kept").mkdir(exist_ok=True)
    assert measure(runner, percent).value == 8.8
    other = measure(runner, "print('loss: 0.088')")
    assert other.outcome is Outcome.METRIC_ERROR
    assert 'm is printed without a unit ("loss: 0.088"), and by the unchanged version in %' in other.error
    assert measure(runner, "print('loss: 7.1 %')").value == 7.1
    assert measure(runner, "print('loss: 0')").value == 0.0
    resumed = make("", metric="loss", target=percent, keep=tmp_path / "kept")
    assert measure(resumed, "print('loss: 0.088')").outcome is Outcome.METRIC_ERROR


@pytest.mark.slow
def test_a_printed_line_is_read_as_that_of_a_command(make):
    runner = make("", metric="loss")
    cases = {
        "print('METRIC loss=2')": (Outcome.OK, 2.0, ""),
        "print('train loss: 9'); print('loss = 1,234.5')": (Outcome.OK, 1234.5, ""),
        "print('loss: 1,5')": (Outcome.METRIC_ERROR, None, "1,5 may be 1.5 or 15"),
        "print('loss: 3'); print('loss: 2')": (Outcome.METRIC_ERROR, None, "--metric loss=last"),
        "print('loss: none')": (Outcome.METRIC_ERROR, None, "no number right after 'loss'"),
    }
    for target, (outcome, value, words) in cases.items():
        m = measure(runner, target)
        assert (m.outcome, m.value, words in m.error) == (outcome, value, True), (target, m)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("expression", "value"), [("last", 2.0), ("max", 3.0), (r"first:(\d)", 3.0), ("json:a[0]", 7.0), ("lines", 3.0)]
)
def test_a_format_reads_the_output_of_a_cell(make, expression, value):
    target = "print('m: 3'); print('m: 2'); print('{\"a\": [7]}')"
    assert measure(make("", metric=expression), target).value == value


@pytest.mark.slow
def test_a_dictionary_of_results_is_the_metric_with_its_other_numbers(make):
    setup = "def evaluate(x): return {'score': x, 'correct': x < 2, 'public': {'n': 3}}"
    runner = make(setup, metric="evaluate(x)", valid="correct", name="score")
    m = measure(runner, "x = 1\nprint('train_loss: 0.25')")
    assert (m.ok, m.value, m.numbers) == (True, 1.0, {"correct": 1.0, "public.n": 3.0, "train_loss": 0.25})
    m = measure(runner, "x = 5")
    assert (m.outcome, m.ok, m.value) == (Outcome.INVALID, False, 5.0)
    assert m.error == "Not valid: correct is False. Its score, 5, does not count."


@pytest.mark.slow
def test_a_condition_on_what_a_cell_prints_or_defines(make):
    printed = make("", metric="loss", valid="correct")
    assert measure(printed, "loss = 1\nprint('correct: yes')").ok
    assert "correct is no" in measure(printed, "loss = 1\nprint('correct: no')").error
    assert "no line names 'correct'" in measure(printed, "loss = 1").error
    defined = make("", metric="loss", valid="acc > 0.5")
    assert measure(defined, "loss = 1\nacc = 0.75").ok
    assert measure(defined, "loss = 1\nacc = 0.25").outcome is Outcome.INVALID


@pytest.mark.slow
def test_the_hard_timeout_kills_a_target_that_ignores_sigterm(make):
    ignoring = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass"
    m = measure(make(), ignoring, deadline=0.5)
    assert m.outcome is Outcome.TIMEOUT
    assert m.seconds < 10  # the point is that an endless loop ended, not how fast


@pytest.mark.slow
def test_no_process_survives_an_experiment(make):
    runner = make()
    measure(runner, "x = 1")
    before = psutil.Process(runner.worker.pid).children(recursive=True)
    daemon = (
        "import os, time, subprocess\n"
        "subprocess.Popen(['sleep', '3210'], start_new_session=True)\n"
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork(): os._exit(0)\n    time.sleep(3210)\n    os._exit(0)\n"
        "x = 1"
    )
    assert measure(runner, daemon).ok
    remaining = psutil.Process(runner.worker.pid).children(recursive=True)
    assert remaining == before, (
        "the clean side's template, and the first process of the experiments' PID namespace where there is one"
    )
    assert not [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "3210"]]


@pytest.mark.slow
def test_interrupt_and_close_leave_no_process(make):
    runner = make()
    measure(runner, "x = 1")
    pid = runner.worker.pid
    threading.Timer(0.3, runner.interrupt).start()
    with pytest.raises(Stopped):
        measure(runner, "import time; time.sleep(60)", deadline=100)
    with pytest.raises(Stopped):
        measure(runner, "x = 1")
    runner.close()
    assert not psutil.pid_exists(pid)


@pytest.mark.slow
def test_an_interrupt_ends_a_running_setup(make):
    runner = make("import time; time.sleep(60)")
    threading.Timer(0.5, runner.interrupt).start()
    with pytest.raises(Stopped):
        measure(runner, "x = 1")
    wait_until(lambda: runner.worker.pid is None)


@pytest.mark.slow
def test_the_worker_ends_when_its_kernel_is_killed(tmp_path):
    code = f"""
import sys, os
from pathlib import Path
from autoresearch_magic.runners.cell import CellRunner
from autoresearch_magic.metric import Metric
from autoresearch_magic.budget import Budget
r = CellRunner("x = 1", "", Metric("x", "x"), Budget(60, "seconds"), setup_log=Path({str(tmp_path / "setup.log")!r}))
r.measure("y = 1", seed=0, deadline=9)
import psutil
print(r.worker.pid, len(psutil.Process(r.worker.pid).children()), sep="\\n", flush=True)
r.measure("import time; time.sleep(600)", seed=0, deadline=900)
"""
    kernel = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(kernel.stdout.readline())
    before = int(kernel.stdout.readline())
    wait_until(lambda: len(psutil.Process(pid).children()) > before)
    tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    assert len(tree) > before + 1
    kernel.send_signal(signal.SIGKILL)
    kernel.wait()
    kernel.stdout.close()
    _gone, alive = psutil.wait_procs(tree, timeout=10)
    assert not alive


@pytest.mark.slow
def test_a_run_whose_worker_was_killed_is_made_again_by_another(make):
    runner = make()
    measure(runner, "x = 1")
    threading.Timer(0.3, lambda: os.kill(runner.worker.pid, signal.SIGKILL)).start()
    assert measure(runner, "import time; time.sleep(0.6); x = 3", deadline=100).value == 6.0, "it runs again"
    assert measure(runner, "x = 2").value == 4.0


@pytest.mark.slow
def test_clock_and_reports_reach_the_watch_and_the_curve(make, tmp_path):
    events = []
    target = (
        "import time\nfor step in clock:\n    time.sleep(0.005)\n    report(step=step, loss=10 - step, lr=0.1)\nx = 1"
    )
    runner = make(budget=Budget(12, "steps"))
    log = tmp_path / "0001.log"
    m = runner.measure(target, seed=0, deadline=20, watch=lambda e: bool(events.append(e)), log=str(log))
    assert m.steps == 12
    assert [p.step for p in m.curve] == list(range(12))
    assert m.curve[-1].values == {"loss": -1.0, "lr": 0.1}
    assert 0 < m.charged < m.seconds
    assert {"begin", "report", "evaluating"} <= {key for e in events for key in e}


@pytest.mark.slow
def test_a_watch_that_returns_true_stops_the_run(make):
    target = "import time\nfor step in clock:\n    time.sleep(0.01)\n    report(step=step, loss=1.0)\nx = 1"
    m = measure(make(budget=Budget(60, "seconds")), target, watch=lambda e: e.get("report", {}).get("step", 0) >= 3)
    assert m.outcome is Outcome.PRUNED
    assert len(m.curve) >= 3


@pytest.mark.slow
def test_the_log_keeps_head_and_tail(make, tmp_path):
    log = tmp_path / "big.log"
    m = measure(
        make(), "print('first line')\nfor _ in range(40000): print('x' * 99)\nprint('last line')\nx = 1", log=str(log)
    )
    text = log.read_text()
    assert text.startswith("first line")
    assert text.endswith("last line\n")
    assert "bytes of output left out" in text
    assert len(text) < LOG_HEAD + LOG_TAIL + 200
    assert m.output.endswith("last line\n")


@pytest.mark.slow
def test_the_controllers_seed_determines_random_numbers(make):
    target = "import random, numpy\nx = random.random() + numpy.random.rand() + seed"
    runner = make(metric="x", target=target)
    one, again, other = (measure(runner, target, seed=s).value for s in (1, 1, 2))
    assert one == again != other


def test_a_setup_that_raises_is_an_error_with_the_users_traceback(make):
    with pytest.raises(
        UserCodeError, match=r"The setup failed: ValueError: bad data \(line 2 of the setup\)"
    ) as caught:
        measure(make("x = 1\nraise ValueError('bad data')"), "x = 1")
    assert "raise ValueError('bad data')" in caught.value.traceback
    assert "server.py" not in caught.value.traceback


@pytest.mark.slow
def test_a_missing_module_is_one_line_with_the_remedy(make):
    with pytest.raises(UserError, match="torch_no_such is not installed, and the setup imports it"):
        measure(make("import torch_no_such"), "x = 1")
    m = measure(make(), "import torch_no_such\nx = 1")
    assert "pip install" in m.error


@pytest.mark.slow
def test_no_secret_reaches_an_experiment(make, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret-1")
    monkeypatch.setenv("MY_SERVICE", "sk-secret-2")
    monkeypatch.setenv("LET_IN", "plain")
    target = "import os\nx = 'sk-secret' in repr(os.environ), os.environ.get('LET_IN')\nprint(x)\nx = 1"
    m = measure(make(pass_env=("LET_IN",)), target)
    assert "(False, 'plain')" in m.output


def wait_until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.02)


@pytest.mark.slow
def test_experiments_run_in_the_notebooks_folder(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("VALUE = 21\n")
    assert measure(make("import mine\n" + SETUP), "x = mine.VALUE").value == 42.0


PRINTS = """
import sys, time
{loop}
    time.sleep(0.005)
    print(f"\\rstep {{step:05d}} | loss: {{10 - step:.3f}} | dt: 5ms", end="", flush=True)
print()
print("loss was read")
print("final_loss: 1.0")
x = 1
"""


@pytest.mark.slow
def test_printed_progress_is_a_curve(make):
    events = []
    m = measure(
        make(budget=Budget(30, "steps")), PRINTS.format(loop="for step in range(30):"),
        watch=lambda e: bool(events.append(e)),
    )  # fmt: skip
    assert m.ok
    steps = [p.step for p in m.curve]
    assert len(steps) > 10  # lines that are read together share a point
    assert steps == sorted(set(steps))
    assert [p.progress for p in m.curve] == pytest.approx([step / 30 for step in steps])
    assert all(p.values == {"loss": 10 - p.step} and 0 < p.elapsed < m.seconds for p in m.curve)
    assert sum("report" in e for e in events) == len(steps)


@pytest.mark.slow
def test_the_clock_gives_printed_points_their_progress(make):
    target = PRINTS.format(loop="with clock.paused():\n    time.sleep(0.3)\nfor step in clock:")
    m = measure(make(budget=Budget(0.5, "seconds")), target, deadline=30)
    assert len(m.curve) > 10
    assert m.curve[0].progress < 0.3
    assert all(p.elapsed <= m.charged for p in m.curve)


@pytest.mark.slow
def test_printed_lines_of_a_target_that_reports_are_ignored(make):
    target = PRINTS.format(loop="for step in clock:\n    report(step=step, mine=1.0)")
    m = measure(make(budget=Budget(12, "steps")), target)
    assert [(p.step, dict(p.values)) for p in m.curve] == [(step, {"mine": 1.0}) for step in range(12)]


@pytest.mark.slow
def test_output_of_setup_and_metric_is_not_in_the_curve(make):
    setup = (
        "print('step 1 | loss 5')\nimport time\ndef evaluate(x):\n    time.sleep(0.2)\n    print('step 2 | loss 7')\n"
        "    return x"
    )
    for mode in ("auto", "fresh"):
        m = measure(make(setup, mode=mode), "time.sleep(0.2)\nprint('step 3 | loss 6')\nx = 1")
        assert [p.step for p in m.curve] == [3], mode


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["auto", "fresh"])
def test_a_target_can_import_the_setup_file_and_its_neighbours(make, tmp_path, mode):
    (tmp_path / "neighbour.py").write_text("VALUE = 5\n")
    (tmp_path / "prepare.py").write_text("raise RuntimeError('loaded a second time')\n")
    runner = make("import neighbour\nBASE = neighbour.VALUE\ndef score(x): return BASE + x\n", metric="score(y)",
                  mode=mode, folders=[tmp_path], setup_name="prepare")  # fmt: skip
    target = "import neighbour\nfrom prepare import BASE, score as s\ny = s(neighbour.VALUE) + BASE\n"
    assert measure(runner, target).value == 20.0


@pytest.mark.slow
def test_a_run_tells_what_else_the_machine_did(make):
    runner = make(budget=Budget(0.7, "seconds"))
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        m = measure(runner, "from autoresearch_magic import clock\nfor step in clock: pass\nx = 1")
    finally:
        busy.kill()
        busy.wait()
    assert m.value == 2
    lost = m.conditions.lost
    assert m.charged >= 0.7
    assert lost is None or 0.0 <= lost <= 2 * m.charged + 0.1  # unknown where the system does not count it
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert m.conditions.cores == cores
    # Two programs share the cores at least half and half; what the run itself used is not counted.
    assert 0.25 < m.conditions.others <= cores


@pytest.mark.slow
def test_the_wall_clock_charges_all(make):
    m = measure(make(wall=True), "from autoresearch_magic import clock\nfor step in clock: pass\nx = 1")
    assert m.ok
    assert m.conditions is None or m.conditions.lost is None
    assert 0.2 <= m.charged == m.training


def test_notes_and_files_of_a_run_are_measured_with_it(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = make(artifacts=["out/*.txt"])
    code = "import os; os.makedirs('out', exist_ok=True); open('out/worst.txt', 'w').write(f'case {x}\\n'); print('note: worst is', x)"
    m = measure(runner, f"x = 3\n{code}")
    assert (m.value, m.notes, dict(m.artifacts)) == (6.0, ("worst is 3",), {"out/worst.txt": "case 3"})
    m = measure(runner, "x = 4\nprint('note: nothing written')")
    assert (m.notes, dict(m.artifacts)) == (("nothing written",), {})
    m = measure(runner, f"x = 5\n{code}\nraise ValueError('late')")
    assert (m.outcome, m.notes, dict(m.artifacts)) == (Outcome.CRASH, ("worst is 5",), {"out/worst.txt": "case 5"})


@pytest.mark.slow
def test_further_numbers_are_evaluated_after_the_metric_and_cost_nothing(make):
    said = []
    also = ["worst=max(data)", "factor=FACTOR", "acc", "typo=eror(1)", "hang=__import__('time').sleep(60)"]
    runner = make(also=also, on_problem=said.append)
    m = measure(runner, "x = 1; FACTOR = 9; data.append(7); print('acc: 0.5')\nprint('worst: 3')", deadline=1.5)
    assert (m.outcome, m.value) == (Outcome.OK, 2.0), (
        "the setup's names are its own, and the metric was sent before the time was up"
    )
    assert m.numbers == {"worst": 3.0, "factor": 2.0, "acc": 0.5}, (
        "what the target appends to the setup's data is its own affair"
    )
    assert said[-1] == "--also hang has no value: the run ended before it was evaluated. The run counts all the same."
    runner = make(also=also[:-1], on_problem=said.append)
    m = measure(runner, "x = 1; FACTOR = 9; data.append(7); print('acc: 0.5')\nprint('worst: 3')")
    assert m.numbers == {"worst": 3.0, "factor": 2.0, "acc": 0.5}, (
        "what the target appends to the setup's data is its own affair"
    )
    assert said[-1] == "--also typo has no value: NameError: name 'eror' is not defined. The run counts all the same."
    assert said[-1] in runner.describe()


@pytest.mark.slow
def test_further_numbers_in_a_fresh_process(make):
    runner = make(also=["worst=max(data)"], mode="fresh")
    assert measure(runner, "x = 1").numbers == {"worst": 3.0}
