"""A worker that is stopped or silent: every wait has an end. The workers are real, and so is SIGSTOP."""

import os
import signal
import sys
import threading
import time

import psutil
import pytest

from autoresearch_magic.budget import Budget
from autoresearch_magic.errors import Stopped, UserError
from autoresearch_magic.experiment import Outcome
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.cell import CellRunner
from autoresearch_magic.runners.walls import Walls
from autoresearch_magic.runners.worker import client, processes
from autoresearch_magic.runners.worker.sentences import not_in_forks

from ...studies import wait_for


@pytest.fixture
def make(tmp_path):
    made = []

    def make(setup="import os, signal, time", **options):
        budget = Budget(0.2, "seconds")
        runner = CellRunner(setup, "", Metric("x", "x"), budget, setup_log=tmp_path / "setup.log", **options)
        made.append(runner)
        return runner

    yield make
    for runner in made:
        runner.close()


@pytest.mark.slow
def test_a_stopped_worker_is_killed_and_another_runs_the_experiment_again(make, monkeypatch):
    monkeypatch.setattr(client, "STILL", 0.3)
    told = []
    runner = make(on_note=told.append)
    assert runner.measure("x = 1", seed=0, deadline=20).ok
    pid = runner.worker.pid
    threading.Timer(0.3, os.kill, (pid, signal.SIGSTOP)).start()
    assert runner.measure("time.sleep(1)\nx = 2", seed=0, deadline=20).value == 2.0
    assert runner.worker.pid != pid
    assert told == ["The worker process was stopped by a signal (SIGSTOP). Another one runs the experiment again."]


@pytest.mark.slow
def test_a_target_that_stops_the_worker_is_a_crash(make, monkeypatch):
    monkeypatch.setattr(client, "STILL", 0.3)
    runner = make(walls=Walls(sandbox="off"))
    m = runner.measure("os.kill(os.getppid(), signal.SIGSTOP)\ntime.sleep(60)\nx = 1", seed=0, deadline=90)
    assert m.outcome is Outcome.CRASH
    assert "stopped by a signal" in m.error
    assert runner.measure("x = 2", seed=0, deadline=20).value == 2.0


@pytest.mark.slow
def test_an_honest_run_whose_worker_is_killed_runs_again(make):
    told, events = [], []
    runner = make(on_note=told.append)
    runner.worker.start()
    first = runner.worker.pid

    def watch(event):
        events.append(event)
        if "begin" in event and runner.worker.pid == first:
            os.kill(first, signal.SIGKILL)

    m = runner.measure("time.sleep(0.05)\nx = 2", seed=3, deadline=20, watch=watch)
    assert (m.value, m.seed, m.seconds < 15) == (2.0, 3, True)
    assert [e for e in events if "lost" in e] == [{"lost": "The worker process was killed by SIGKILL."}]
    assert told == ["The worker process was killed by SIGKILL. Another one runs the experiment again."]


@pytest.mark.slow
def test_a_target_that_kills_its_worker_is_a_crash_after_the_third(make):
    runner, events = make(walls=Walls(sandbox="off")), []
    m = runner.measure("os.kill(os.getppid(), 9)\ntime.sleep(9)", seed=0, deadline=20, watch=events.append)
    assert (m.outcome, m.value) == (Outcome.CRASH, None)
    assert m.error == f"The worker process was killed by SIGKILL. {client.LOST}"
    assert sum("lost" in e for e in events) == client.LOSSES
    assert runner.measure("x = 2", seed=0, deadline=20).value == 2.0


def killed_once(path):
    return f"if not os.path.exists({str(path)!r}): open({str(path)!r}, 'w').close(); os.kill(os.getpid(), 9)\n"


@pytest.mark.slow
def test_a_run_whose_own_process_is_killed_runs_once_more(make, tmp_path):
    runner, events = make(walls=Walls(sandbox="off")), []
    assert (
        runner.measure(killed_once(tmp_path / "seen") + "x = 5", seed=0, deadline=20, watch=events.append).value == 5.0
    )
    m = runner.measure("os.kill(os.getpid(), 9)", seed=0, deadline=20, watch=events.append)
    assert (m.value, sum("lost" in e for e in events)) == (None, 2)
    assert "illed" in m.error


@pytest.mark.slow
def test_a_setup_that_is_killed_runs_again(make, tmp_path):
    told = []
    runner = make(f"import os\n{killed_once(tmp_path / 'seen')}", on_note=told.append)
    assert runner.measure("x = 1", seed=0, deadline=20).value == 1.0
    assert told == ["The worker process was killed by SIGKILL while it ran the setup. Another one runs it again."]
    with pytest.raises(UserError, match="So it was in 3 attempts: see "):
        make("import os\nos.kill(os.getpid(), 9)").worker.start()


@pytest.mark.slow
def test_a_stopped_experiment_is_a_timeout_at_its_limit(make):
    m = make().measure("os.kill(os.getpid(), signal.SIGSTOP)\nx = 1", seed=0, deadline=0.5)
    assert m.outcome is Outcome.TIMEOUT
    assert "--timeout" in m.error


@pytest.mark.slow
@pytest.mark.parametrize("when", ["run", "setup"])
def test_an_interrupt_ends_a_run_whose_worker_is_stopped(make, when):
    runner = make("import time\ntime.sleep(60)" if when == "setup" else "import time")
    ended = threading.Event()

    def run():
        with pytest.raises(Stopped):
            runner.measure("time.sleep(60)\nx = 1", seed=0, deadline=90)
        ended.set()

    thread = threading.Thread(target=run)
    thread.start()
    if when == "run":
        wait_for(lambda: runner.worker.mode and processes.descendants(runner.worker.pid))
    else:
        wait_for(lambda: runner.worker.pid)
        time.sleep(0.3)
    pid = runner.worker.pid
    os.kill(pid, signal.SIGSTOP)
    runner.interrupt()
    assert ended.wait(15)  # about 1.5 s on an idle machine
    thread.join()
    assert not processes.descendants(pid)


@pytest.mark.slow
def test_a_worker_that_does_not_answer_is_killed_after_all_time_limits(make, monkeypatch):
    monkeypatch.setattr(client, "SLACK", 0.2)
    monkeypatch.setattr(processes, "is_stopped", lambda pid: False)  # as when it hangs in the system
    runner = make()
    runner.measure("x = 1", seed=0, deadline=20)
    threading.Timer(0.2, os.kill, (runner.worker.pid, signal.SIGSTOP)).start()
    m = runner.measure("time.sleep(60)\nx = 1", seed=0, deadline=1)
    assert (m.outcome, "did not answer" in m.error) == (Outcome.CRASH, True)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["auto", "fresh"])
def test_the_progress_of_a_long_setup_is_told(make, monkeypatch, mode):
    monkeypatch.setattr(client, "SETUP_TOLD", 0.1)
    seen = []
    runner = make("import time\ntime.sleep(1.2)", mode=mode)
    for _ in range(2):
        seen.append([])
        assert runner.measure("x = 1", seed=0, deadline=20, watch=lambda e: bool(seen[-1].append(e))).ok
    told = [[event["setup"] for event in events if "setup" in event] for events in seen]
    assert all(0.1 <= seconds < 60 for seconds in told[0])
    assert told[0]
    assert bool(told[1]) is (mode == "fresh")


@pytest.mark.slow
def test_the_setup_has_the_same_seed_in_a_fork_and_in_a_fresh_process(make, tmp_path):
    (tmp_path / "helper.py").write_text("import numpy\n")
    setup = "import helper, random, sys\nfrom autoresearch_magic import seed\nS = int(seed)\n" \
            "V = random.random() + sys.modules['numpy'].random.rand()"  # fmt: skip
    values = {
        make(setup, mode=mode, seed=seed, folders=[tmp_path]).measure(f"x = V + {k} * S", seed=9, deadline=60).value
        for mode in ("auto", "fresh")
        for seed in (3,)
        for k in (0, 0)
    }
    assert len(values) == 1
    runner = make(setup, seed=3, folders=[tmp_path])
    assert runner.measure("x = S", seed=9, deadline=60).value == 3.0
    assert make(setup, seed=4, folders=[tmp_path]).measure("x = V", seed=9, deadline=60).value not in values


@pytest.mark.slow
def test_a_process_of_the_setup_serves_all_experiments_and_ends_with_the_worker(make):
    runner = make("import subprocess\nserver = subprocess.Popen(['sleep', '3211'])", walls=Walls(sandbox="off"))
    for _ in range(3):
        assert runner.measure(
            "x = 1.0 if os.path.exists(f'/proc/{server.pid}') else 0.0\nimport os", seed=0, deadline=20
        )
    alive = "import psutil\nx = psutil.Process(server.pid).status() != psutil.STATUS_ZOMBIE"
    assert runner.measure(alive, seed=0, deadline=20).value == 1.0
    assert not_in_forks(["a process (server)"]) in runner.describe()
    below = processes.descendants(runner.worker.pid)
    assert "sleep" in {psutil.Process(pid).name() for pid in below}
    runner.close()
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in below)


@pytest.mark.slow
def test_a_daemon_that_prints_endlessly_does_not_hold_up_the_result(make):
    flood = "import subprocess\nsubprocess.Popen('yes', start_new_session=True)\ntime.sleep(0.2)\nx = 1"
    runner = make()
    assert runner.measure("x = 1", seed=0, deadline=20).ok
    before = processes.descendants(runner.worker.pid)
    assert runner.measure(flood, seed=0, deadline=20).ok
    assert runner.measure("x = 2", seed=0, deadline=20).value == 2.0
    assert processes.descendants(runner.worker.pid) == before


@pytest.mark.slow
def test_processes_that_read_the_same_data_are_not_killed_for_their_sum(make):
    setup = "import os, time\nDATA = bytes(100_000_000)\n"
    target = """
pids = []
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        DATA.count(b"x")
        time.sleep(1)
        os._exit(0)
    pids.append(pid)
for pid in pids:
    os.waitpid(pid, 0)
x = 1
"""
    m = make(setup, memory=350_000_000).measure(target, seed=0, deadline=60)
    assert m.ok, m.error
    assert 0.01 < m.memory < 0.35
    bomb = "x = []\nwhile True: x.append(b'y' * (20_000_000 + len(x)))"
    m = make(memory=350_000_000).measure(bomb, seed=0, deadline=60)
    assert m.outcome is Outcome.OUT_OF_MEMORY
    assert "(--memory)" in m.error
    assert m.memory < 4


def test_what_is_not_in_forks_is_told_in_one_line():
    line = not_in_forks([f"a socket (s{i})" for i in range(8)])
    assert "a socket (s5) and 2 more" in line
    assert "--fresh" in line
    assert "\n" not in line


PATCH = "import autoresearch_magic.runners.worker.protocol as p\np.SETUP_LIMIT, p.SETUP_FACTOR = 2.0, 0.0\n"


@pytest.mark.slow
def test_a_setup_that_is_too_slow_in_a_fresh_process_names_the_option_that_helps(make, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(PATCH)  # in the worker, ten minutes are two seconds
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    # Slow in the experiments alone, as where the worker found the data in a cache.
    setup = (
        "import os, time\nif 'server' not in ' '.join(open('/proc/self/cmdline').read().split('\\0')): time.sleep(4)"
    )
    runner = make(setup, mode="fresh")
    m = runner.measure("x = 1", seed=0, deadline=1)
    assert m.outcome is Outcome.TIMEOUT
    assert m.error == (
        "The setup, which runs in every new process, had not ended after 2 s: a larger --timeout gives it more time."
    )
    assert runner.measure("x = 1", seed=0, deadline=30).ok


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("b'garbage' + bytes([10])", "sent something that is no message"),
        ('b\'{"is": "event", "id": ID, "event": {"report": {}}}\' + bytes([10])', "no message"),
        ('b\'{"is": "done", "id": ID, "result": {"outcome": "fine"}}\' + bytes([10])', "no message"),
        ("b'x' * 3_000_000", "without an end"),
        (
            'b\'{"is": "done", "id": 999, "result": {"outcome": "ok"}}\' + bytes([10]) + b\'[]\' + bytes([10])',
            "no message",
        ),
    ],
)
def test_a_worker_that_is_not_itself_any_more_is_replaced_and_the_run_a_crash_at_last(make, monkeypatch, sent, words):
    monkeypatch.setattr(client, "SERVER", f"{__package__}.mad_worker")
    monkeypatch.setattr(client, "LONGEST_MESSAGE", 1 << 20)
    m = make().measure(sent, seed=0, deadline=20)
    assert m.outcome is Outcome.CRASH
    assert words in m.error
    assert m.error.endswith(client.LOST)


@pytest.mark.slow
def test_a_flood_of_events_and_output_is_a_curve_and_a_log_in_the_kernel(make, tmp_path):
    runner, events = make("from autoresearch_magic import report"), []
    target = "for x in range(1, 20_001):\n    report(step=x, loss=1.0)\n    print('y' * 200)\n"
    m = runner.measure(target, seed=0, deadline=20, watch=events.append, log=str(tmp_path / "log"))
    assert m.value == 20_000
    assert len(events) < 10_000
    assert [e["report"]["step"] for e in events if "report" in e][-1] == m.value, "the last report is there"
    assert (tmp_path / "log").stat().st_size < 1_100_000
