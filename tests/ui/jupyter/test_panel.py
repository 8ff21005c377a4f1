"""The panel's widget: messages of its front end reach the study, and what it says is sent."""

import threading
from dataclasses import replace

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import State
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.jupyter.panel import Panel
from autoresearch_magic.ui.panel.detail import detail

from ...kernels import TARGET
from ...studies import wait_for


@pytest.fixture
def study(tmp_path):
    made = Study("# Goal <b>", TARGET, metric="loss", experiments=4, repeats=2, budget="0.05s", root=tmp_path)
    yield made
    made.stop()


@pytest.mark.slow
def test_details_and_refusals(study):
    study.start()
    assert study.wait(60)
    assert detail(study, 1)["numbers"] == ""
    first = study.experiments[1]
    run = replace(first.measurements[0], numbers={"train_loss": 0.25, "tiny": 2.4e-19})
    changed = replace(first, measurements=(run,), since=0)
    study.status.experiments = (study.experiments[0], changed, *study.experiments[2:])
    assert detail(study, 1)["numbers"] == "train_loss 0.25, tiny 2.4e-19"
    for number in (99, None):
        with pytest.raises(UserError, match="There is no experiment"):
            detail(study, number)


def test_commands_to_another_process_do_not_block_the_kernel(study, monkeypatch):
    panel, sent, threads = Panel(study), [], []
    monkeypatch.setattr(panel, "send", lambda content, buffers=None: sent.append(content))

    def refuse():
        threads.append(threading.current_thread())
        raise UserError("It does not answer.")

    monkeypatch.setattr(study, "pause", refuse)
    study._follower.ours = True  # there is no journal to follow
    study.status.state = State.ELSEWHERE
    panel._on_message(None, {"type": "command", "name": "pause"}, [])
    wait_for(lambda: len(sent) == 3)
    assert threads[0] is not threading.current_thread()
    assert sent[0] == {"type": "refused", "message": "It does not answer."}
    study.status.state = State.NEW


def test_commands_reach_the_study_and_refusals_come_back(study, monkeypatch):
    sent = []
    panel = Panel(study)
    monkeypatch.setattr(panel, "send", lambda content, buffers=None: sent.append(content))
    panel._on_message(panel, {"type": "command", "name": "pause"}, [])
    assert [s["type"] for s in sent] == ["refused", "delta", "taken"]
    panel._on_message(panel, {"type": "command", "name": "dance"}, [])
    assert "no command 'dance'" in sent[3]["message"]
    study.start()
    panel._on_message(panel, {"type": "command", "name": "stop"}, [])
    assert study.wait(20)
    assert study.state == "stopped"
    panel._on_message(panel, {"type": "pull", "since": 0}, [])
    assert sent[-1]["facts"]["state"] == "stopped"
    panel.close()


def test_a_saved_notebook_names_the_study_of_the_panel(study):
    panel = Panel(study)
    bundle = panel._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert study.name in data["text/plain"]
    panel.close()
