"""Process trees and memory, read from real processes."""

import os
import subprocess
import sys
import time

import psutil
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


def test_resident_memory_is_the_sum_over_the_tree(shell):
    pid, below = shell

    def total():
        return sum(psutil.Process(each).memory_info().rss for each in (pid, *below))

    end = time.monotonic() + 10
    while processes.resident(pid) != total():  # the last of them may still be starting
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_process_that_has_ended_has_no_memory_and_no_descendants(monkeypatch):
    with subprocess.Popen(["true"]) as process:
        pass
    for listed in (processes._LINUX_LISTS_CHILDREN, False):
        monkeypatch.setattr(processes, "_LINUX_LISTS_CHILDREN", listed)
        assert processes.resident(process.pid) == 0
        assert processes.descendants(process.pid) == []
    processes.signal_group(process.pid, 9)  # no error


def test_pipes_are_read_without_waiting():
    ours, theirs = os.pipe()
    try:
        os.set_blocking(ours, False)
        assert (processes.readable(ours), processes.read_available(ours)) == (False, b"")
        os.write(theirs, b"hello")
        assert (processes.readable(ours), processes.read_available(ours)) == (True, b"hello")
    finally:
        os.close(ours)
        os.close(theirs)
