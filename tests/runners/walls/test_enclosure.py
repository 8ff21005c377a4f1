"""What an experiment may do inside of the walls, in one worker."""

import os
import socket

import pytest

from autoresearch_magic.budget import Budget
from autoresearch_magic.experiment import Outcome
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.cell import CellRunner
from autoresearch_magic.runners.walls import Walls, probe

needs_landlock = pytest.mark.skipif(bool(probe()["landlock"]), reason=f"Landlock: {probe()['landlock']}")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A home with a key and a project in it; experiments run in the project."""
    place = tmp_path_factory.mktemp("walls")
    (place / "home" / ".ssh").mkdir(parents=True)
    (place / "home" / ".ssh" / "id_rsa").write_text("key")
    (place / "home" / "work" / ".git").mkdir(parents=True)
    (place / "home" / "work" / ".git" / "config").write_text("[core]")
    (place / "home" / "work" / "data.csv").write_text("1,2")
    return place


@pytest.fixture(scope="module")
def runner(place):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place / "home" / "work")
        patch.setenv("HOME", str(place / "home"))
        runner = CellRunner(
            "import os, socket, subprocess",
            "",
            Metric("x", "x"),
            Budget(1.0, "seconds"),
            setup_log=place / "log",
            walls=Walls(),
        )
        yield runner
        runner.close()


def error_of(runner, target):
    return runner.measure(target, seed=0, deadline=20).error


@pytest.mark.slow
@needs_landlock
def test_an_experiment_reads_its_project_and_none_of_the_users_own(runner, place):
    assert runner.measure("x = len(open('data.csv').read())", seed=0, deadline=20).value == 3
    for path in (place / "home/.ssh/id_rsa", place / "home/code/.git/config", place / "log", "/etc/shadow"):
        m = runner.measure(f"x = len(open({str(path)!r}).read())", seed=0, deadline=20)
        assert m.value == 0 or m.error.startswith(("PermissionError", "FileNotFoundError")), (path, m)


@needs_landlock
def test_an_experiment_writes_to_its_own_folder_only(runner, place):
    assert runner.measure("open('mine', 'w').write('1')\nx = 1", seed=0, deadline=20).value == 1
    assert (
        "PermissionError" in error_of(runner, f"open({str(place / 'other')!r}, 'w')\nx = 1")
        or not (place / "other").exists()
    )
    assert "Error" in error_of(runner, f"os.rename({str(place / 'home' / '.ssh')!r}, 'stolen')\nx = 1")
    assert "Error" in error_of(runner, "open('/usr/lib/mine', 'w')\nx = 1")
    assert not os.path.exists("/usr/lib/mine")


@needs_landlock
def test_no_signal_reaches_the_worker_or_the_kernel(runner):
    assert runner.measure("x = 1", seed=0, deadline=20).value == 1
    before = runner.worker.pid
    for pid in (os.getpid(), before):
        assert "Error" in error_of(runner, f"os.kill({pid}, 9)\nx = 1")
    assert runner.worker.pid == before


@needs_landlock
def test_no_server_of_the_machine_can_be_reached(runner):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = runner.measure(f"socket.create_connection(('127.0.0.1', {port}), 1)\nx = 1", seed=0, deadline=20)
    assert found.outcome is Outcome.CRASH


def test_without_a_sandbox_nothing_is_confined(place, monkeypatch):
    monkeypatch.chdir(place)
    runner = CellRunner(
        "", "", Metric("x", "x"), Budget(1.0, "seconds"), setup_log=place / "log2", walls=Walls(sandbox="off")
    )
    assert runner.measure(f"x = len(open({str(place / 'home/.ssh/id_rsa')!r}).read())", seed=0, deadline=20).value == 3
    runner.close()
