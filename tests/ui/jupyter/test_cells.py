"""The kernel's side of the JupyterLab extension: what it says of cells and studies, and versions that are offered to pages."""

import threading
import time
from dataclasses import replace

import pytest

from autoresearch_magic.events import Judged, State, StateChanged
from autoresearch_magic.experiment import Verdict
from autoresearch_magic.study import registry
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.commands.table import run
from autoresearch_magic.ui.jupyter import cells as module
from autoresearch_magic.ui.jupyter.cell_versions import study_facts, study_line, version_facts
from autoresearch_magic.ui.jupyter.cells import Cells
from autoresearch_magic.ui.session import Session

from ...kernels import TARGET
from ...studies import wait_for
from ..panel.page import experiment, fill


class Comm:
    """A comm whose other end is the test; `answer` is called with what is sent."""

    def __init__(self, answer=lambda comm, content: None):
        self.sent, self.closed, self.answer = [], False, answer

    def on_msg(self, call):
        self.take = lambda **content: call({"content": {"data": content}})

    def on_close(self, call):
        self.end = lambda: call({})

    def send(self, content):
        self.sent.append(content)
        self.answer(self, content)

    def close(self):
        self.closed = True


def judge(study, e):
    study.status.take(Judged(e))


def opened(cells, comm, page="tab:1"):
    cells.opened(comm, {"content": {"data": {"type": "hello", "page": page}}})
    return comm


@pytest.fixture
def cells(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "PAUSE", 0.01)
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    made = Cells(Session(root=tmp_path))
    yield made
    made.close()


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_studies", {})
    made = Study("# Lower it", TARGET, metric="loss", experiments=9, name="seen", root=tmp_path)
    registry.register(made)
    yield made
    made.stop()


def test_a_cell_is_told_its_version_and_a_text_that_no_version_has_is_none(study):
    fill(study, 3)
    assert version_facts("X = 1\n") is None
    first = study.experiments[1]
    found = version_facts(f"\n{first.target}  \n\n")
    assert (found["study"], found["number"]) == ("seen", first.number)
    assert found["text"].startswith(f"version {first.number} of seen · loss ")
    assert first.verdict in found["text"]
    assert version_facts(study.experiments[0].target)["text"].startswith("baseline of seen · loss ")


def test_a_version_that_was_run_is_preferred_to_a_rejected_one_of_the_same_source(study):
    fill(study, 1)
    judge(study, replace(experiment(1, None, Verdict.REJECTED), measurements=()))
    judge(study, replace(experiment(2, 1.5, Verdict.KEEP), proposal=study.experiments[1].proposal))
    judge(study, replace(experiment(3, None, Verdict.DUPLICATE), proposal=study.experiments[1].proposal))
    assert version_facts(study.experiments[1].target)["number"] == 2


def test_links_hear_of_changes_and_of_nothing_else(cells, study):
    fill(study, 2)
    comm = opened(cells, Comm())
    assert [each["name"] for each in comm.sent[0]["studies"]] == ["seen"]
    time.sleep(0.1)
    assert len(comm.sent) == 1, "nothing has changed"
    judge(study, experiment(2, 1.5))
    wait_for(lambda: len(comm.sent) == 2)
    assert comm.sent[1]["studies"][0]["experiments"] == 3
    comm.take(type="which", key=7, texts=[study.experiments[0].target, "other"])
    assert comm.sent[-1]["key"] == 7
    assert comm.sent[-1]["versions"][0]["number"] == 0
    assert comm.sent[-1]["versions"][1] is None
    comm.end()
    assert not cells.connected
    wait_for(lambda: "autoresearch-cells" not in {each.name for each in threading.enumerate()})


def test_a_page_that_was_loaded_again_replaces_its_former_link(cells, study):
    before, other = opened(cells, Comm()), opened(cells, Comm(), page="tab:2")
    again = opened(cells, Comm())
    assert before.closed
    assert not other.closed
    assert again.sent


def test_restore_gives_the_version_to_the_page_that_takes_it_first(cells, study):
    fill(study, 2)

    def page(comm, content):
        if content["type"] == "offer":
            comm.take(type="take", offer=content["offer"])
        if content["type"] == "give":
            comm.take(type="done", offer=content["offer"], message="The target cell now holds it.")

    first, second = opened(cells, Comm(page)), opened(cells, Comm(page), page="tab:2")
    session = Session(root=study.folder.parent, put_into_cell=cells.restore)
    reply = run(session, "restore 1")
    assert reply.text == "The target is experiment 1 of seen again. The target cell now holds it."
    assert not reply.next_cell
    given = [each for each in (*first.sent, *second.sent) if each["type"] == "give"]
    assert len(given) == 1
    assert given[0]["source"] == study.experiments[1].target
    assert given[0]["cell"] == f"%%autoresearch target\n{study.experiments[1].target.rstrip()}"
    assert [each["type"] for each in (*first.sent, *second.sent)].count("late") == 1


def test_a_page_that_does_not_answer_in_time_gets_nothing_and_the_version_goes_into_a_new_cell(cells, study):
    fill(study, 2)
    comm = opened(cells, Comm())
    session = Session(root=study.folder.parent, put_into_cell=cells.restore)
    reply = run(session, "restore 1")
    assert reply.next_cell.startswith("%%autoresearch target\n")
    assert "in the cell below" in reply.text
    comm.take(type="take", offer=comm.sent[-1]["offer"])
    assert comm.sent[-1]["type"] == "late"


def test_the_palette_gets_versions_and_tells_studies_something(cells, study):
    fill(study, 2)
    comm = opened(cells, Comm())
    comm.take(type="version", key=1, study="seen", number=1)
    assert comm.sent[-1]["source"] == study.experiments[1].target
    assert comm.sent[-1]["key"] == 1
    for asked in ({"study": "seen", "number": 99}, {"study": "gone", "number": 1}, {"study": "seen"}):
        comm.take(type="version", key=2, **asked)
        assert comm.sent[-1]["refused"]
    comm.take(type="command", key=3, name="stop")
    assert comm.sent[-1]["text"].startswith("seen is stopped")
    comm.take(type="command", key=4, name="start")
    assert "does not know" in comm.sent[-1]["refused"]


def test_a_running_study_in_one_line(study):
    fill(study, 3)
    study.status.runs.extend([("candidate", 50.0)] * 3)
    assert study_line(study) == "seen: 2/9 · best 2 · about 17 min left"
    assert study_facts(study)["ongoing"]
    study.status.take(StateChanged(State.STOPPED, ""))
    assert study_facts(study)["line"] == ""
