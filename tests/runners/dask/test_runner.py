"""Runs on Dask workers of this machine: what comes back, and what happens when a worker or a study ends."""

import os
import signal
import subprocess
import threading
import time

import psutil
import pytest

pytest.importorskip("distributed", reason="distributed is not installed")

from autoresearch_magic.errors import Stopped, UserCodeError
from autoresearch_magic.experiment import Outcome
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.dask.cluster import scheduler_address
from autoresearch_magic.source.files import join

from . import clusters

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    os.environ["SOME_SERVICE_API_KEY"] = "sk-canary-for-dask-workers"
    try:
        fleet, lines = clusters.start(folder, pass_env={"PASSED": "yes"}, artifacts=("*.txt",))
    finally:
        del os.environ["SOME_SERVICE_API_KEY"]
    yield fleet, lines, folder
    fleet.close()


def measure(runner, target, *, watch=None, log=os.devnull, deadline=60.0):
    return runner.measure(target, seed=0, deadline=deadline, watch=watch, log=str(log))


def worker_pids(fleet):
    """Return the process ids of the Dask workers."""
    return dict(fleet.runners[0]._cluster.client.run(os.getpid))


class TestRuns:
    def test_the_first_run_brings_value_log_learned_and_lines(self, made, tmp_path):
        fleet, _, folder = made
        events = []
        m = measure(
            fleet.runners[0],
            "print('hello')\nx = 3\n",
            watch=lambda e: events.append(e) or False,
            log=tmp_path / "a" / "run.log",
        )
        assert (m.outcome, m.value) == (Outcome.OK, 3.0)
        assert (tmp_path / "a" / "run.log").read_text() == "hello\n"
        assert events[0] == {"begin": True}
        assert fleet.runners[0].learned["mode"] == "clean"
        assert fleet.runners[1].learned is fleet.runners[0].learned
        assert "a process where the target's code never ran" in fleet.runners[0].describe()[-1]
        assert "Sandbox:" in fleet.runners[0].describe()[0]
        assert any(path.name.startswith("setup-") for path in (folder / "logs").iterdir())
        assert fleet.notes[0].startswith("Experiments run on 2 Dask workers at tls://127.0.0.1:")
        assert {place.kind for place in fleet.places} != {""}

    def test_runs_go_side_by_side_in_as_many_workers(self, made):
        fleet, *_ = made
        for runner in fleet.runners:
            measure(runner, "x = 0\n")
        found, at_once = {}, threading.Barrier(2, timeout=30)

        def meet(event):
            if "begin" in event:
                at_once.wait()
            return False

        def work(slot):
            found[slot] = measure(fleet.runners[slot], f"import time\ntime.sleep(0.3)\nx = {slot}\n", watch=meet).value

        threads = [threading.Thread(target=work, args=(slot,)) for slot in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == {0: 0.0, 1: 1.0}

    def test_keys_stay_here_and_what_is_passed_arrives(self, made):
        fleet, *_ = made
        m = measure(
            fleet.runners[0], "import os\nx = 1\nprint(os.environ['PASSED'], os.environ.get('SOME_SERVICE_API_KEY'))\n"
        )
        assert m.output == "yes None\n"
        host = psutil.Process(os.getpid()).children(recursive=True)
        found = {name for each in host for name in _environment(each)}
        assert "PATH" in found
        assert "SOME_SERVICE_API_KEY" not in found

    def test_reports_make_a_curve_and_a_hopeless_run_is_ended(self, made):
        fleet, *_ = made
        target = "import time\nfrom autoresearch_magic import clock, report\nfor step in clock:\n    time.sleep(0.02)\n    report(step=step, loss=1.0)\ntime.sleep(60)\nx = 1\n"
        reports = []

        def watch(event):
            reports.extend([event] if "report" in event else [])
            return len(reports) > 2

        m = measure(fleet.runners[0], target, watch=watch)
        assert m.outcome is Outcome.PRUNED
        assert len(m.curve) >= 3
        assert m.curve[0].values == {"loss": 1.0}

    def test_what_a_version_wrote_comes_back_where_it_is_kept(self, made, tmp_path):
        fleet, *_ = made
        target = "from pathlib import Path\nPath('made.txt').write_text('made')\nx = 5\n"
        assert measure(fleet.runners[1], target).artifacts == {"made.txt": "made"}
        fleet.runners[0].keep_files(target, tmp_path / "kept")
        assert (tmp_path / "kept" / "made.txt").read_text() == "made"
        fleet.runners[0].keep_files("x = 99\n", tmp_path / "nothing")
        assert not (tmp_path / "nothing").exists()

    def test_a_failing_target_is_a_crash_as_it_is_here(self, made):
        m = measure(made[0].runners[0], "raise RuntimeError('no')\n")
        assert (m.outcome, m.error) == (Outcome.CRASH, "RuntimeError: no (line 1 of the target)")


def _environment(process):
    try:
        return process.environ()
    except psutil.Error:
        return {}


class TestLosses:
    def test_a_killed_workers_run_begins_anew_and_its_place_is_taken(self, made):
        fleet, lines, _ = made
        runner, events, pids = fleet.runners[0], [], worker_pids(fleet)
        names = {member.address: member.name for member in runner._cluster.members}
        killed = []

        def watch(event):
            events.append(event)
            if "begin" in event and not killed:
                address = next(inbox.address for inbox in runner._work._inboxes.values())
                killed.append(address)
                os.kill(pids[address], signal.SIGKILL)
            return False

        m = measure(runner, "import time\ntime.sleep(0.5)\nx = 7\n", watch=watch)
        assert m.value == 7.0
        assert [event["lost"] for event in events if "lost" in event] == [f"Dask worker {names[killed[0]]} was lost."]
        assert any("Another one runs the experiment again." in line for line in lines.notes)
        end = time.monotonic() + 30
        while sum(bool(m.admitted) for m in runner._cluster.members) < 2 and time.monotonic() < end:
            time.sleep(0.1)
        assert sum(bool(m.admitted) for m in runner._cluster.members) == 2
        assert any("has joined" in line for line in lines.notes)

    def test_a_run_that_ends_its_workers_each_time_is_a_crash(self, made):
        fleet, *_ = made
        runner, lost = fleet.runners[0], []

        def watch(event):
            if "begin" in event:
                address = next(inbox.address for inbox in runner._work._inboxes.values())
                os.kill(worker_pids(fleet)[address], signal.SIGKILL)
            lost.extend([event] if "lost" in event else [])
            return False

        m = measure(runner, "import time\ntime.sleep(20)\nx = 7\n", watch=watch)
        assert m.outcome is Outcome.CRASH
        assert m.error.endswith("So it was in each of 3 attempts: what it runs ends its worker.")
        assert len(lost) == 3


@pytest.fixture(scope="module")
def scheduler():
    """The address of another cluster's scheduler, which does not end with a study."""
    import dask
    from distributed import LocalCluster

    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": {}}),
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            memory_limit=0,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
        ) as cluster,
    ):
        yield cluster.scheduler_address.replace("tcp://", "dask://")


class TestEnds:
    def test_a_setup_that_fails_is_told_as_it_is_here(self, scheduler, tmp_path):
        fleet, _ = clusters.start(tmp_path, scheduler, setup="raise ValueError('no data')\n")
        try:
            with pytest.raises(UserCodeError, match="The setup failed: ValueError: no data") as error:
                measure(fleet.runners[0], "x = 1\n")
            assert "no data" in error.value.traceback
        finally:
            fleet.close()

    def test_a_worker_that_does_not_see_the_folder_gets_the_modules(self, scheduler, tmp_path):
        (tmp_path / "own.py").write_text("this folder is not looked at\n")
        fleet, _ = clusters.start(
            tmp_path, scheduler, id="unseen", seen=False, folders=[str(tmp_path)], modules={"own.py": "best = 4\n"},
            setup="import own, os\ndef evaluate(x):\n    return float(x + own.best)\n",
        )  # fmt: skip
        try:
            assert fleet.notes[1].startswith("Workers do not see ")
            assert "own.py is sent" in fleet.notes[1]
            assert measure(fleet.runners[0], "x = 1\n").value == 5.0
        finally:
            fleet.close()

    def test_a_worker_that_does_not_see_the_repository_gets_its_commit(self, scheduler, tmp_path):
        top = tmp_path / "repository"
        top.mkdir()
        for words in ("init -q -b main", "config user.name a", "config user.email a@b"):
            subprocess.run(["git", *words.split()], cwd=top, check=True)
        (top / "a.py").write_text("m = 1\n")
        (top / "run.py").write_text("import a, os\nprint('m:', a.m, os.path.exists('untracked'))\n")
        subprocess.run(["git", "add", "-A"], cwd=top, check=True)
        subprocess.run(["git", "commit", "-q", "-m", "one"], cwd=top, check=True)
        (top / "untracked").write_text("")
        fleet = clusters.start_repository(
            tmp_path, top, scheduler, "python run.py", metric=Metric("m", "re:m: (.*?) False", True)
        )
        try:
            assert "Workers get the study's commit" in fleet.notes[1]
            for value in (1, 7):
                m = measure(fleet.runners[0], join({"a.py": f"m = {value}\n"}), log=tmp_path / "run.log")
                assert (m.value, m.error) == (value, "")
            assert fleet.runners[0]._work.shared["export.json"]
            assert (tmp_path / "run.log").read_text() == "m: 7 False\n"
        finally:
            fleet.close()

    def test_an_interrupted_run_ends_there_as_well_and_a_study_leaves_nothing(self, scheduler, tmp_path):
        fleet, _ = clusters.start(tmp_path, scheduler, id="second")
        runner, begun = fleet.runners[0], threading.Event()
        marks = []

        def work():
            try:
                measure(
                    runner, "import time\ntime.sleep(60)\nx = 1\n", watch=lambda e: bool("begin" in e and begun.set())
                )
            except Stopped:
                marks.append("stopped")

        host = psutil.Process(next(iter(worker_pids(fleet).values())))
        try:
            thread = threading.Thread(target=work)
            thread.start()
            assert begun.wait(60)
            forks = host.children(recursive=True)
            assert any("runners.worker.server" in " ".join(_words(each)) for each in forks)
            runner.interrupt()
            thread.join(10)
            assert marks == ["stopped"]
            assert psutil.wait_procs(forks, timeout=10)[1] == []
            with pytest.raises(Stopped):
                measure(runner, "x = 1\n")
        finally:
            fleet.close()
        assert host.is_running()
        assert not host.children()
        assert not (tmp_path / "seen-by-workers").exists()


def _words(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_an_address_is_tls_where_dask_has_certificates():
    import dask

    assert scheduler_address("dask://host:8786") == "tcp://host:8786"
    with dask.config.set({"distributed.comm.tls.ca-file": "ca.pem", "distributed.comm.tls.client.cert": "cert.pem"}):
        assert scheduler_address("dask://host:8786") == "tls://host:8786"
