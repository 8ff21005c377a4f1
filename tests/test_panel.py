"""The panel's Python side: what it answers to its front end."""

import json
import struct
import time

import pytest

from autoresearch_magic.notebook.panel import Panel, delta, detail
from autoresearch_magic.study import Study

from .conftest import TARGET

CURVED = (
    "X = 3.0\nimport time\nfrom autoresearch_magic import clock, report\n"
    "for step in clock:\n    time.sleep(0.02)\n    report(step=step, loss=10.0 - step)\nloss = X\n"
)


@pytest.fixture
def study(tmp_path):
    made = Study("# Goal <b>", TARGET, metric="loss", experiments=4, repeats=2, budget="0.05s", root=tmp_path)
    yield made
    made.stop()


def test_a_new_study_has_an_empty_answer(study):
    content, buffers = delta(study, "e", {"since": 0})
    json.dumps(content)
    assert (content["state"], content["rows"], content["best"], content["curve"], buffers) == (
        "new",
        [],
        None,
        None,
        [],
    )
    assert content["study"]["goal"] == "Goal <b>"


def test_a_finished_study_row_by_row(study):
    study.start()
    assert study.wait(60)
    content, _ = delta(study, "e", {"since": 0, "epoch": "e"})
    json.dumps(content, allow_nan=False)
    assert [row["number"] for row in content["rows"]] == [0, 1, 2, 3, 4]
    assert content["rows"][0]["change"] is None
    assert content["counts"]["keep"] + content["counts"]["discard"] + content["counts"]["failed"] == 4
    assert content["baseline"]["repeats"] == 2
    assert (content["headline"] is None) == (study.incumbent.number == 0)
    later, _ = delta(study, "e", {"since": 3, "epoch": "e"})
    assert [row["number"] for row in later["rows"]] == [3, 4]
    # A view that knows another opening of the study starts again.
    assert len(delta(study, "e", {"since": 3, "epoch": "old"})[0]["rows"]) == 5


def test_the_running_curve_comes_in_pieces(tmp_path):
    study = Study("g", CURVED, metric="loss", experiments=4, repeats=1, budget="2s", root=tmp_path).start()
    try:
        end = time.monotonic() + 30
        while (study.standing.live is None or len(study.standing.live.curve) < 4) and time.monotonic() < end:
            time.sleep(0.02)
        content, buffers = delta(study, "e", {"since": 0})
        told = content["curve"]
        assert (told["name"], told["from"], told["number"]) == ("loss", 0, 0)
        pairs = list(struct.iter_unpack("<ff", buffers[0]))
        assert len(pairs) == told["count"] >= 4
        assert [value for _, value in pairs[:3]] == [10.0, 9.0, 8.0]
        time.sleep(0.2)
        known = {"number": 0, "repeat": told["repeat"], "points": told["count"]}
        content, buffers = delta(study, "e", {"since": 0, "curve": known})
        assert content["curve"]["from"] == told["count"]
        assert next(struct.iter_unpack("<ff", buffers[0]))[1] == 10.0 - told["count"]
        assert content["running"]["kind"] == "baseline"
    finally:
        study.stop()


def test_details_and_refusals(study):
    study.start()
    assert study.wait(60)
    shown = detail(study, 1)
    assert shown["diff"].startswith("---")
    assert detail(study, 99)["type"] == "refused"
    assert detail(study, None)["type"] == "refused"


def test_commands_reach_the_study_and_refusals_come_back(study, monkeypatch):
    sent = []
    panel = Panel(study)
    monkeypatch.setattr(panel, "send", lambda content, buffers=None: sent.append(content))
    panel._hear(panel, {"type": "command", "name": "pause"}, [])
    assert [s["type"] for s in sent] == ["refused", "delta"]
    panel._hear(panel, {"type": "command", "name": "dance"}, [])
    assert "no command 'dance'" in sent[2]["message"]
    study.start()
    panel._hear(panel, {"type": "command", "name": "stop"}, [])
    assert study.wait(20)
    assert study.state == "stopped"
    panel._hear(panel, {"type": "pull", "since": 0}, [])
    assert sent[-1]["state"] == "stopped"
    panel.close()


def test_a_saved_notebook_says_what_the_panel_was(study):
    panel = Panel(study)
    bundle = panel._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert study.name in data["text/plain"]
    panel.close()
