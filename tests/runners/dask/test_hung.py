"""Dask workers that hang: stopped by a signal, or with an event loop that C code blocks. Their runs begin anew elsewhere, and late results do not count."""

import ctypes
import os
import signal
import threading
import time

import psutil
import pytest

pytest.importorskip("distributed", reason="distributed is not installed")

from autoresearch_magic.experiment import Outcome
from autoresearch_magic.runners.dask import cluster as cluster_module
from autoresearch_magic.runners.dask import runner as runner_module

from . import clusters

pytestmark = pytest.mark.slow

SILENT = 4.0
"""Seconds without a sign of life in these tests; Dask's workers give one every half a second."""


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(cluster_module, "SILENT", SILENT)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    fleet, lines = clusters.start(folder)
    for runner in fleet.runners:  # both workers have run the setup
        runner.measure("x = 0\n", seed=0, deadline=60.0)
    pids = dict(fleet.runners[0]._cluster.client.run(os.getpid))
    yield fleet, lines, pids
    for pid in pids.values():
        if psutil.pid_exists(pid):
            os.kill(pid, signal.SIGCONT)
    fleet.close()


def admitted(fleet, number):
    """Wait until so many workers are used."""
    end = time.monotonic() + 60
    while sum(bool(m.admitted) for m in fleet.runners[0]._cluster.members) != number:
        assert time.monotonic() < end
        time.sleep(0.1)


def running_on(runner):
    return next(inbox.address for inbox in runner._work._inboxes.values())


class TestStopped:
    def test_its_run_begins_anew_and_its_late_result_does_not_count(self, made):
        fleet, _, pids = made
        runner, events, stopped = fleet.runners[0], [], []

        def watch(event):
            events.append(event)
            if "begin" in event and not stopped:
                stopped.append(running_on(runner))
                os.kill(pids[stopped[0]], signal.SIGSTOP)
            return False

        m = runner.measure(
            "import os\nprint(os.getpid())\nimport time\ntime.sleep(1)\nx = 7\n", seed=0, deadline=60, watch=watch
        )
        assert (m.outcome, m.value) == (Outcome.OK, 7.0)
        assert [event["lost"] for event in events if "lost" in event] == [
            f"Dask worker {runner._cluster.name(stopped[0])} has not been heard of for {SILENT:.0f} s."
        ]
        seen = len(events)
        os.kill(pids[stopped[0]], signal.SIGCONT)
        admitted(fleet, 2)
        assert len(events) == seen
        values, gate = {}, threading.Barrier(2, timeout=30)

        def both(slot):
            values[slot] = (
                fleet.runners[slot]
                .measure(
                    f"import time\ntime.sleep(0.3)\nx = {slot}\n",
                    seed=0,
                    deadline=60.0,
                    watch=lambda e: bool("begin" in e and gate.wait() and False),
                )
                .value
            )

        threads = [threading.Thread(target=both, args=(slot,)) for slot in range(2)]
        [each.start() for each in threads]
        [each.join() for each in threads]
        assert values == {0: 0.0, 1: 1.0}  # at the same time: each on its worker

    def test_with_a_long_answer_that_nobody_has_fetched(self, made, monkeypatch):
        fleet, _, pids = made
        runner, stopped, tell = fleet.runners[0], [], runner_module._tell_end

        async def late(future, inbox):
            await future.exception()
            if not stopped:
                stopped.append(inbox.address)
                os.kill(pids[inbox.address], signal.SIGSTOP)
            await tell(future, inbox)

        monkeypatch.setattr(runner_module, "_tell_end", late)
        target = "x = 8\nprint('long' * 100_000)\n"
        try:
            m = runner.measure(target, seed=0, deadline=60.0)
        finally:
            os.kill(pids[stopped[0]], signal.SIGCONT)
        assert (m.value, len(stopped)) == (8.0, 1)
        admitted(fleet, 2)

    def test_while_it_is_told_that_a_run_is_hopeless(self, made):
        fleet, _, pids = made
        runner, stopped = fleet.runners[0], []
        target = "import time\nfrom autoresearch_magic import clock, report\nfor step in clock:\n    time.sleep(0.02)\n    report(step=step, loss=1.0)\nx = 1\n"

        def watch(event):
            if "report" in event and not stopped:
                stopped.append(running_on(runner))
                os.kill(pids[stopped[0]], signal.SIGSTOP)
            return "report" in event

        m = runner.measure(target, seed=0, deadline=60.0, watch=watch)
        os.kill(pids[stopped[0]], signal.SIGCONT)
        assert m.outcome is Outcome.PRUNED
        admitted(fleet, 2)


def test_a_stopped_scheduler_is_waited_for_and_told(made):
    """With the nannies, which live in its process on this machine."""
    fleet, lines, pids = made
    runner = fleet.runners[0]
    host, stopped, events = psutil.Process(next(iter(pids.values()))).parent(), [], []

    def watch(event):
        events.append(event)
        if "begin" in event and not stopped:
            host.suspend()
            stopped.append(threading.Timer(2 * SILENT, host.resume))
            stopped[0].start()
        return False

    assert runner.measure("import time\ntime.sleep(1)\nx = 9\n", seed=0, deadline=60.0, watch=watch).value == 9.0
    assert not [event for event in events if "lost" in event]
    assert [line for line in lines.problems if "scheduler" in line] == [
        f"The Dask scheduler at {runner._cluster.address} has not answered for {SILENT:.0f} s: runs wait for it."
    ]
    admitted(fleet, 2)


def _hold():
    """Hold the interpreter's lock for a while, as C code may that does not release it."""
    ctypes.PyDLL(None).sleep(9)


def test_a_worker_whose_interpreter_is_blocked_by_c_code(made):
    fleet, *_ = made
    runner, blocked, events = fleet.runners[0], [], []
    admitted(fleet, 2)

    def watch(event):
        events.append(event)
        if "begin" in event and not blocked:
            blocked.append(running_on(runner))
            threading.Thread(
                target=runner._cluster.call, args=(_hold,), kwargs={"workers": blocked}, daemon=True
            ).start()
        return False

    m = runner.measure("import time\ntime.sleep(1)\nx = 3\n", seed=0, deadline=60.0, watch=watch)
    assert m.value == 3.0
    assert sum("lost" in event for event in events) == 1
    admitted(fleet, 2)


def test_at_the_studys_beginning_it_is_left_out_until_it_goes_on(tmp_path, monkeypatch):
    import dask
    from distributed import LocalCluster

    monkeypatch.setattr(cluster_module, "ANSWER", SILENT)
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": {}}),
        LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, memory_limit=0,
                     scheduler_kwargs={"dashboard_address": "127.0.0.1:0"}) as host,
    ):  # fmt: skip
        stopped = next(iter(host.workers.values())).process.process
        os.kill(stopped.pid, signal.SIGSTOP)
        try:
            fleet, lines = clusters.start(tmp_path, host.scheduler_address.replace("tcp://", "dask://"))
            assert f"is not used: it has not answered for {SILENT:.0f} s" in fleet.notes[0]
            assert len(fleet) == 1
            assert fleet.runners[0].measure("x = 2\n", seed=0, deadline=60.0).value == 2.0
        finally:
            os.kill(stopped.pid, signal.SIGCONT)
        admitted(fleet, 2)
        assert any("has joined" in line for line in lines.notes)
        fleet.close()
