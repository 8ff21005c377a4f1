"""A real MLflow server on loopback, with its store in SQLite; read back by MLflow's own client."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.tracking.mlflow import MLflow
from autoresearch_magic.study.tracking.sender import Sender

pytest.importorskip("mlflow.server", reason="the server is in mlflow, not in mlflow-skinny")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


class Server:
    """MLflow's server; it can be killed and started again."""

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        self.kill()
        line = ["server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        line += [
            "--backend-store-uri",
            f"sqlite:///{self.folder}/store.db",
            "--artifacts-destination",
            f"{self.folder}/artifacts",
        ]
        with (self.folder / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", *line], stdout=log, stderr=log, start_new_session=True, cwd=self.folder
            )
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.2)
        raise AssertionError("the server has not started")

    def kill(self):
        if self.process is not None:
            os.killpg(self.process.pid, 9)
            self.process.wait()
            self.process = None


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("mlflow"))
    made.start()
    yield made
    made.kill()


def send(study, server, last=True):
    tracker = MLflow(server.uri)
    sender = Sender(study, tracker, f"mlflow:{server.uri}", lambda report: None)
    sender.pass_over(last=last)
    sender.end("finished", "")
    return tracker


def runs_of(server, study):
    from mlflow import MlflowClient

    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name(os.environ.get("MLFLOW_EXPERIMENT_NAME", "autoresearch"))
    with Journal(study.folder / "journal.sqlite") as journal:
        parent = journal.notes("tracked")[-1][2]["identity"]
    children = client.search_runs([experiment.experiment_id], f"tags.`mlflow.parentRunId` = '{parent}'")
    return client, client.get_run(parent), {int(run.data.tags["autoresearch.experiment"]): run for run in children}


def text(client, run, path, folder):
    return Path(client.download_artifacts(run.info.run_id, path, str(folder))).read_text()


def test_what_its_client_reads_equals_the_journal(study, server, tmp_path):
    send(study, server)
    client, parent, children = runs_of(server, study)
    assert sorted(children) == [e.number for e in study.experiments]
    for e in study.experiments:
        run = children[e.number]
        data = run.data
        assert data.metrics.get("loss") == e.value
        assert data.tags["verdict"] == e.verdict
        assert data.tags["reason"] == e.reason
        assert data.tags.get("commit", "") == e.commit
        assert run.info.status == ("FAILED" if e.verdict.failed else "FINISHED")
        assert text(client, run, "source.py", tmp_path) == e.target
        for n, m in enumerate(e.measurements):
            for name in m.curve[0].values if m.curve else ():
                key = f"curve/{name}" if n == 0 else f"curve/{name} run {n + 1}"
                points = [(p.step, p.value) for p in client.get_metric_history(run.info.run_id, key)]
                assert sorted(points) == [(p.step, p.values[name]) for p in m.curve]
        values = [(p.step, p.value) for p in client.get_metric_history(run.info.run_id, "runs/value")]
        assert sorted(values) == [(n + 1, m.value) for n, m in enumerate(e.measurements) if m.value is not None]
    assert children[1].data.params == {"X": "2.0"}
    assert "+X = 2.0" in text(client, children[1], "change.diff", tmp_path)
    assert "a line of the log" in text(client, children[1], "log.txt", tmp_path)
    history = client.get_metric_history(parent.info.run_id, "value")
    assert {p.step: p.value for p in history} == {e.number: e.value for e in study.experiments if e.value is not None}
    assert parent.data.metrics["confirmed/gain"] == study.headline.gain
    assert parent.data.params["metric"] == "loss"
    assert "# Lower it" in text(client, parent, "program.md", tmp_path)
    assert "baseline" in text(client, parent, "history.csv", tmp_path)


def test_nothing_is_there_twice_and_a_further_run_is_added(study, server):
    send(study, server)
    _, parent, _ = runs_of(server, study)
    with Journal(study.folder / "journal.sqlite") as journal:
        journal.add_run(1, "incumbent", study.experiments[1].measurements[0])
    before = study.experiments[1].measurements
    tracker = send(study, server)
    client, again, children = runs_of(server, study)
    assert again.info.run_id == parent.info.run_id == tracker._parent
    assert len(children) == len(study.experiments)
    run = children[1].info.run_id
    assert [p.step for p in client.get_metric_history(run, "runs/value")] == [*range(1, len(before) + 2)]
    assert len(client.get_metric_history(run, "curve/loss")) == len(before[0].curve)
    assert len(client.get_metric_history(run, f"curve/loss run {len(before) + 1}")) == len(before[0].curve)


def test_a_parent_run_is_found_by_its_tag_where_the_journal_has_lost_it(study, server):
    first = send(study, server)
    tracker = MLflow(server.uri)
    tracker.open(first._study, "")
    assert tracker._parent == first._parent
    assert tracker.sent() == {number: mark for number, mark in first.sent().items() if mark}


def test_a_server_that_is_killed_and_comes_back_gets_what_it_has_missed(study, server, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "killed")
    tracker = MLflow(server.uri)
    os.environ |= {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}
    sender = Sender(study, tracker, f"mlflow:{server.uri}", lambda report: None)
    try:
        real, count = tracker.send, []

        def killing(experiment, before):
            count.append(experiment.number)
            if len(count) == 3:
                server.kill()
            real(experiment, before)

        tracker.send = killing
        with pytest.raises(Exception, match=r"refused|Max retries|Connection"):
            sender.pass_over(last=True)
    finally:
        for name in ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"):
            del os.environ[name]
        server.start()
    tracker.send = real
    sender.pass_over(last=True)
    _, _, children = runs_of(server, study)
    assert {n: run.data.metrics.get("loss") for n, run in children.items()} == {
        e.number: e.value for e in study.experiments
    }


def live_of(e, run, count):
    from autoresearch_magic.study.live_curves import LiveCurve

    m = e.measurements[run]
    return LiveCurve(0, e.number, e.fingerprint, e.summary, run, 1000.0 + run, 9.0, m.curve[:count])


def test_a_run_is_seen_as_it_goes_on_and_is_the_journals_in_the_end(study, server, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "live")
    tracker = MLflow(server.uri)
    sender = Sender(study, tracker, f"mlflow:{server.uri}", lambda report: None)
    with Journal(study.folder / "journal.sqlite") as journal:
        sender._marks = sender._open(journal)
    e = study.experiments[1]
    for count in (2, 3):
        sender._live.send([live_of(e, 0, count)], study.experiments[:1])
    client, _, children = runs_of_live(server)
    (run,) = children
    assert (run.info.status, run.info.run_name, run.info.start_time) == ("RUNNING", f"0001 {e.summary}", 1_000_000)
    told = [(p.step, p.value) for p in client.get_metric_history(run.info.run_id, "curve/loss")]
    assert told == [(p.step, p.values["loss"]) for p in e.measurements[0].curve[:3]]
    sender.pass_over(last=True)
    again = client.get_run(run.info.run_id)
    assert again.info.status == "FINISHED"
    assert again.data.metrics["loss"] == e.value
    for n, m in enumerate(e.measurements):
        points = [(p.step, p.value) for p in client.get_metric_history(run.info.run_id, "curve/loss" if n == 0 else f"curve/loss run {n + 1}")]  # fmt: skip
        assert sorted(points) == [(p.step, p.values["loss"]) for p in m.curve]
    assert tracker.sent().keys() == {each.number for each in study.experiments}


def test_what_a_process_that_was_killed_has_left_of_a_run_is_deleted(study, server, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "left")
    for _ in range(2):
        tracker = MLflow(server.uri)
        sender = Sender(study, tracker, f"mlflow:{server.uri}", lambda report: None)
        with Journal(study.folder / "journal.sqlite") as journal:
            sender._marks = sender._open(journal)
        sender._live.send([live_of(study.experiments[2], 0, 2)], study.experiments[:1])
        _, _, children = runs_of_live(server)
        assert len(children) == 1
    sender._live.drop_all()
    assert runs_of_live(server)[2] == []


def runs_of_live(server):
    """The children in the experiment that the environment names."""
    from mlflow import MlflowClient

    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name(os.environ["MLFLOW_EXPERIMENT_NAME"])
    found = client.search_runs([experiment.experiment_id])
    return client, experiment, [run for run in found if "mlflow.parentRunId" in run.data.tags]
