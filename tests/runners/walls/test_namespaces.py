"""Processes, network and file system of an experiment's own, as whoever runs the tests, and as an ordinary user where that is root."""

import json
import os
import signal
import socket
from pathlib import Path

import psutil
import pytest

from autoresearch_magic.budget import Budget
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.cell import CellRunner
from autoresearch_magic.runners.walls import Walls, probe
from autoresearch_magic.runners.walls.opened import Opened

from ...studies import wait_for
from . import as_user

pytestmark = pytest.mark.skipif(bool(probe()["namespaces"]), reason=f"namespaces: {probe()['namespaces']}")
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.close(0); os.close(1); os.close(2)
        time.sleep({seconds})
    os._exit(0)
os.wait()
x = 1
"""
CASES = {
    "it sees its own processes": "import os\nseen = [n for n in os.listdir('/proc') if n.isdecimal()]\nx = len(seen) == 2 and os.getppid() == 0",
    "its /proc is its own": "import psutil\nx = psutil.Process().cmdline() != [] and len(psutil.pids()) == 2",
    "the keeper cannot be read": "try:\n    open('/proc/1/environ').read()\nexcept PermissionError:\n    x = 1",
    "a server of its own": "import socket\ns = socket.create_server(('127.0.0.1', 0))\nc = socket.create_connection(s.getsockname())\nx = 1",
    "temporary folders are its own": "import os\nopen('/tmp/a', 'w'); open('/var/tmp/b', 'w'); open('/dev/shm/c', 'w')\nx = 1",
    "and empty for the next one": "import os\nx = not {'a', 'b', 'c'} & {*os.listdir('/tmp'), *os.listdir('/var/tmp'), *os.listdir('/dev/shm')}",
    "pools": "import multiprocessing\nwith multiprocessing.Pool(2) as pool:\n    x = sum(pool.map(abs, [1, -2])) == 3",
    "shared memory": "from multiprocessing import shared_memory\ns = shared_memory.SharedMemory(create=True, size=9)\ns.close(); s.unlink()\nx = 1",
    "programs": "import subprocess\nx = subprocess.run(['bash', '-c', 'cat <(echo hi); git --version; ls /'], capture_output=True).returncode == 0",
    "a terminal of its own": "import os, pty\npid, fd = pty.fork()\nif pid == 0:\n    os.execvp('echo', ['echo', 'hi'])\nx = b'hi' in os.read(fd, 9)",
    "no rights over the machine": "import os\ntry:\n    os.sethostname('mine') if hasattr(os, 'sethostname') else None\nexcept OSError:\n    pass\n"
    "status = dict(line.split(':', 1) for line in open('/proc/self/status') if ':' in line)\n"
    "x = int(status['CapEff'], 16) & ~0xdb == 0 and int(status['CapBnd'], 16) & ~0xdb in (0, 0x1ffffffff24)",
    "threads have the main thread that they expect": "import threading\nx = threading.current_thread() is threading.main_thread()\n"
    "t = threading.Thread(target=int)\nx = x and not t.daemon\nt.start(); t.join()",
    "deep recursion": "import sys\nsys.setrecursionlimit(20_000)\ndef down(n):\n    return n and down(n - 1)\ndown(15_000)\nx = 1",
}  # fmt: skip
RUN_ALL = """
import json, sys
from pathlib import Path
from autoresearch_magic.budget import Budget
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.cell import CellRunner
runner = CellRunner("", "", Metric("x", "x"), Budget(5.0, "seconds"), setup_log=Path("setup.log"))
found = {{}}
for name, target in json.loads({cases!r}).items():
    m = runner.measure(target, seed=0, deadline=30)
    found[name] = [m.value, m.error]
print(json.dumps(found))
runner.close()
"""


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("namespaces")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        runner = CellRunner("", "", Metric("x", "x"), Budget(5.0, "seconds"), setup_log=folder / "setup.log")
        yield runner
        runner.close()


@pytest.mark.parametrize("name", CASES)
def test_inside(runner, name):
    m = runner.measure(CASES[name], seed=0, deadline=30)
    assert m.value == 1, m


@pytest.mark.slow
def test_all_of_it_as_an_ordinary_user(tmp_path):
    if why := as_user.can_be_run():
        pytest.skip(why)
    folder = tmp_path / "nobody"
    folder.mkdir()
    for each in (folder, *folder.parents):
        if each.stat().st_uid == os.getuid() and str(each).startswith("/tmp/"):
            each.chmod(0o755)
    os.chown(folder, as_user.NOBODY, as_user.NOBODY)
    found = json.loads(as_user.run(RUN_ALL.format(cases=json.dumps(CASES)), folder).splitlines()[-1])
    assert {name: error for name, (value, error) in found.items() if value != 1} == {}


def own_id(pid):
    """Return the id that a process has in its own PID namespace."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("NSpid:"))
    return int(line.split()[-1])


def runs(process):
    """Return whether a process still does anything."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["nothing", "the worker", "the keeper"])
def test_a_daemon_is_gone_with_its_experiment_and_when_the_worker_or_the_keeper_is_killed(
    tmp_path, monkeypatch, killed
):
    monkeypatch.chdir(tmp_path)
    runner = CellRunner("", "", Metric("x", "x"), Budget(5.0, "seconds"), setup_log=tmp_path / "log", walls=Walls())
    try:
        assert runner.measure("x = 1", seed=0, deadline=20).value == 1
        worker = psutil.Process(runner.worker.pid)
        before = worker.children(recursive=True)
        (keeper,) = [each for each in before if own_id(each.pid) == 1]
        if killed == "nothing":
            assert runner.measure(DAEMON.format(seconds=3333), seed=0, deadline=20).value == 1
            assert worker.children(recursive=True) == before
            return
        seen = []

        def watch(event):
            if "begin" in event and not seen:
                wait_for(lambda: len(worker.children(recursive=True)) >= len(before) + 2)
                seen.extend(each for each in worker.children(recursive=True) if each not in before)
                os.kill(worker.pid if killed == "the worker" else keeper.pid, signal.SIGKILL)
            return False

        runner.measure(DAEMON.format(seconds=3333) + "time.sleep(1)", seed=0, deadline=20, watch=watch)
        wait_for(lambda: not any(map(runs, seen)))
        assert runner.measure("x = 2", seed=0, deadline=20).value == 2
    finally:
        runner.close()


@pytest.mark.slow
def test_servers_of_the_machine_are_out_of_reach_and_with_network_on_in_reach(tmp_path, monkeypatch, runner):
    monkeypatch.chdir(tmp_path)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as named,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        named.bind(f"/tmp/autoresearch-test-socket-{os.getpid()}")
        named.listen()
        abstract.bind(f"\0autoresearch-test-{os.getpid()}")
        abstract.listen()
        try:
            port = server.getsockname()[1]
            for connect in (
                f"socket.create_connection(('127.0.0.1', {port}), 2)",
                f"socket.socket(socket.AF_UNIX).connect({named.getsockname()!r})",
                f"socket.socket(socket.AF_UNIX).connect({abstract.getsockname()!r})",
            ):
                m = runner.measure(f"import socket\n{connect}\nx = 1", seed=0, deadline=20)
                assert m.value is None, connect
            on = CellRunner(
                "", "", Metric("x", "x"), Budget(1.0, "seconds"), setup_log=tmp_path / "log", walls=Walls(network="on")
            )
            m = on.measure(
                f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)\nx = 1", seed=0, deadline=20
            )
            on.close()
            assert m.value == 1, m
        finally:
            os.unlink(named.getsockname())


def test_what_the_setup_has_opened_is_noted_and_the_functions_are_as_before(tmp_path):
    before = open, os.open
    (tmp_path / "a").write_text("1")
    with Opened() as opened:
        open(tmp_path / "a").close()
        os.close(os.open(tmp_path / "a", os.O_RDONLY))
        open(0, closefd=False).close()
        (tmp_path / "a").read_text()
    assert (open, os.open) == before
    assert list(opened) == [str(tmp_path / "a")]


@pytest.mark.slow
def test_what_the_setup_has_opened_can_be_read(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    (tmp_path / "data.csv").write_text("1,2")
    (tmp_path / "other.csv").write_text("1,2")
    monkeypatch.chdir(tmp_path / "work")
    setup = f"data = open({str(tmp_path / 'data.csv')!r}).read()"
    for mode in ("auto", "fresh"):
        runner = CellRunner(setup, "", Metric("x", "x"), Budget(1.0, "seconds"), setup_log=tmp_path / "log", mode=mode)
        assert (
            runner.measure(f"x = len(open({str(tmp_path / 'data.csv')!r}).read())", seed=0, deadline=20).value == 3
        ), mode
        m = runner.measure(f"x = len(open({str(tmp_path / 'other.csv')!r}).read())", seed=0, deadline=20)
        assert m.value is None, (mode, m)
        runner.close()


@pytest.mark.slow
@pytest.mark.parametrize("layers", [None, ("landlock",)])
def test_a_file_that_comes_later_is_seen_and_what_is_closed_stays_closed(tmp_path, monkeypatch, layers):
    (tmp_path / "work" / ".git").mkdir(parents=True)
    (tmp_path / "work" / ".git" / "config").write_text("secret")
    monkeypatch.chdir(tmp_path / "work")
    walls = Walls(layers=layers)
    runner = CellRunner("", "", Metric("x", "x"), Budget(1.0, "seconds"), setup_log=tmp_path / "log", walls=walls)
    assert runner.measure("x = 1", seed=0, deadline=20).value == 1
    (tmp_path / "work" / "later.csv").write_text("1,2")
    assert runner.measure(f"x = len(open({str(tmp_path / 'work/later.csv')!r}).read())", seed=0, deadline=20).value == 3
    m = runner.measure(f"x = len(open({str(tmp_path / 'work/.git/config')!r}).read())", seed=0, deadline=20)
    assert not m.value, m
    runner.close()
