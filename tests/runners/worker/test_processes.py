"""Process trees, read from real processes."""

import os
import signal
import subprocess
import sys

import pytest

from autoresearch_magic.runners.worker import processes


@pytest.fixture
def shell():
    """A shell with two children, the second of which has a child, and the pids of the three."""
    line = "sleep 60 & echo $!; sh -c 'sleep 60 & echo $$ $!; wait' & wait"
    with subprocess.Popen(["sh", "-c", line], stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        below = {int(pid) for _ in range(2) for pid in process.stdout.readline().split()}
        yield process.pid, below
        processes.signal_group(process.pid, 9)


@pytest.mark.parametrize("listed", [True, False])
def test_descendants_are_found_with_and_without_the_list_of_linux(shell, listed, monkeypatch):
    pid, below = shell
    if not listed:
        monkeypatch.setattr(processes, "_LINUX_LISTS_CHILDREN", False)
    elif sys.platform != "linux":
        pytest.skip("read from /proc")
    found = processes.descendants(pid)
    assert set(found) == below
    assert len(found) == 3


def test_a_process_that_has_ended_has_no_descendants(monkeypatch):
    with subprocess.Popen(["true"]) as process:
        pass
    for listed in (processes._LINUX_LISTS_CHILDREN, False):
        monkeypatch.setattr(processes, "_LINUX_LISTS_CHILDREN", listed)
        assert processes.descendants(process.pid) == []
    processes.signal_group(process.pid, 9)  # no error


def test_pipes_are_read_without_waiting():
    ours, theirs = os.pipe()
    try:
        os.set_blocking(ours, False)
        assert (processes.readable(ours), processes.read_available(ours)) == (False, None)
        os.write(theirs, b"hello")
        assert (processes.readable(ours), processes.read_available(ours)) == (True, b"hello")
        os.close(theirs)
        assert (processes.readable(ours), processes.read_available(ours)) == (True, b"")
    finally:
        os.close(ours)


def test_a_stopped_process_is_seen_and_killed_with_all_below_it(shell):
    pid, below = shell
    assert not processes.is_stopped(pid)
    os.kill(pid, signal.SIGSTOP)
    while not processes.is_stopped(pid):
        pass
    processes.kill_tree(pid)
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL
    assert not processes.is_stopped(pid)
    assert processes.descendants(pid) == []
    assert len(below) == 3
