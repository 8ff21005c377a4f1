"""The time that other programs take from a thread."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autoresearch_magic.runners.worker import waiting
from autoresearch_magic.runners.worker.waiting import LostTime, Times, uses_gpu

from ...studies import wait_for

LINUX = pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the system does not count it")


def test_one_thread_loses_what_it_waits_for():
    assert Times(delay=3.0, thread=5.0, own=5.0, busy=8.0).lost == 3.0
    # a library's housekeeping is no helper
    assert Times(delay=3.0, thread=5.0, own=5.05, busy=8.0).lost == 3.0
    assert Times().lost == 0.0


def test_waiting_for_the_targets_own_helpers_is_charged():
    alone = Times(delay=3.0, thread=5.0, own=16.0, busy=16.0)
    assert alone.lost == 0.0
    shared = Times(delay=3.0, thread=5.0, own=6.0, busy=8.0)
    assert shared.lost == pytest.approx(3.0 * 2 / 3)


def test_a_hypervisor_takes_from_the_thread_in_proportion():
    assert Times(thread=4.0, own=4.0, busy=8.0, steal=1.0).lost == pytest.approx(0.5)
    assert Times(thread=9.0, own=9.0, busy=8.0, steal=1.0).lost == 1.0


def test_times_that_start_anew_are_never_negative():
    assert Times(1.0, 5.0, 5.0, 9.0, 0.0) - Times(2.0, 4.0, 4.0, 9.5, 0.0) == Times(0.0, 1.0, 1.0, 0.0, 0.0)


def test_only_what_lies_between_start_and_stop_is_lost(monkeypatch):
    lost = LostTime()
    now = Times()

    def go_on(delay):
        nonlocal now
        now += Times(delay, 1.0, 1.0, 1.0 + delay, 0.0)

    monkeypatch.setattr(lost, "_times", lambda: now)
    go_on(5.0)
    lost.start()
    go_on(2.0)
    assert lost.seconds() == 2.0
    lost.stop()
    go_on(7.0)
    assert lost.seconds() == 2.0
    lost.start()
    go_on(1.0)
    lost.stop()
    assert lost.seconds() == 3.0


def test_where_the_system_does_not_tell_nothing_is_lost(monkeypatch):
    monkeypatch.setattr(waiting, "_text", lambda path: b"")
    lost = LostTime()
    lost.start()
    lost.stop()
    assert (lost.seconds(), lost.known) == (0.0, False)


def test_a_process_that_uses_a_gpu_loses_nothing(monkeypatch):
    assert not uses_gpu()
    monkeypatch.setattr(os, "readlink", lambda path: "/dev/nvidia0")
    assert uses_gpu()
    lost = LostTime()
    lost.start()
    assert (lost.seconds(), lost.known) == (0.0, False)


WAITING = """
import os, subprocess, sys, time
core = min(os.sched_getaffinity(0))
os.sched_setaffinity(0, {core})
spin = f"import os\\nos.sched_setaffinity(0, {{{core}}})\\nwhile True: pass"
other = subprocess.Popen([sys.executable, "-c", spin], start_new_session=True)
if pid := os.fork():  # the other program is no child of the process that measures
    status = os.waitpid(pid, 0)[1]
    other.kill()
    other.wait()
    sys.exit(status != 0)
from autoresearch_magic.runners.worker.waiting import LostTime
time.sleep(0.3)
lost, began = LostTime(), time.monotonic()
lost.start()
while time.monotonic() < began + 1.0: pass
lost.stop()
print(lost.seconds() / (time.monotonic() - began), flush=True)
os._exit(0)
"""


@LINUX
@pytest.mark.slow
def test_a_program_on_the_same_core_takes_time():
    done = subprocess.run([sys.executable, "-c", WAITING], capture_output=True, text=True, check=True)
    assert 0.2 < float(done.stdout) < 0.995  # half of the time, on a machine that does nothing else


@LINUX
@pytest.mark.slow
def test_the_time_of_living_children_is_the_targets_own():
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    before = waiting._living_children()
    try:
        wait_for(lambda: waiting._living_children() > before + 0.1)
    finally:
        child.kill()
        child.wait()
    assert waiting._living_children() < before + 0.1
