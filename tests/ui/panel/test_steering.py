"""The panel's commands: what its buttons and its line for notes do to a real study."""

import threading

import pytest

from autoresearch_magic.agents.registry import BUILT_IN
from autoresearch_magic.events import Judged, State
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.summary import state_words
from autoresearch_magic.ui.panel.opening import open_session

from ...studies import SLOW, Script, wait_for


class Heard:
    """What a session has sent; `ask` sends a message and waits until its command was carried out."""

    def __init__(self, study):
        self.sent, self.taken = [], threading.Event()
        self.session = open_session(study, self.take)

    def take(self, content, buffers=None):
        self.sent.append(content)
        if content["type"] == "taken":
            self.taken.set()

    def ask(self, name, **more):
        self.sent.clear()
        self.taken.clear()
        self.session.take({"type": "command", "name": name, **more})
        assert self.taken.wait(20)
        return [content["message"] for content in self.sent if content["type"] in ("told", "refused")]


class Reader(Script):
    """Remembers the notes that it was given."""

    slow = True

    def propose(self, briefing):
        self.given = briefing.notes
        return super().propose(briefing)


def versions(count, before=SLOW):
    return [before.replace("3.0", str(3 - n / 10)) for n in range(1, count + 1)]


@pytest.mark.slow
def test_step_pause_and_further_experiments(make_study, script):
    script(*versions(6))
    study = make_study(SLOW.replace("0.4", "0.02"), agent="script", experiments=2, repeats=1)
    panel = Heard(study)
    assert panel.ask("step") == []
    wait_for(lambda: study.state == "paused")
    assert len(study.experiments) == 2
    assert panel.ask("more", count=1) == [
        f"{study.name} is paused: more experiments can be asked for when it has ended."
    ]
    assert panel.ask("resume") == []
    assert study.wait(20)
    assert (study.state, study.status.done, study.status.more) == ("finished", 2, 2)
    assert panel.ask("more", count=2) == []
    assert study.wait(20)
    assert (study.state, study.status.done, study.settings.experiments) == ("finished", 4, 4)
    assert panel.ask("step") == [], "a step beyond the plan makes it one longer"
    assert study.wait(20)
    assert study.status.done == study.settings.experiments == 5
    for count in (0, -1, 2.5, True, "3", None, 10**7):
        assert panel.ask("more", count=count) == [
            "Say how many further experiments: a whole number from 1 to 1,000,000."
        ]
    assert study.status.done == 5


@pytest.mark.slow
def test_a_study_that_was_stopped_in_a_run_says_so_and_goes_on(make_study, script):
    script(*versions(3))
    study = make_study(SLOW, agent="script", experiments=3, repeats=1)
    panel = Heard(study)
    study.start()
    wait_for(lambda: study.status.live is not None and study.status.live.experiment.number == 1)
    assert panel.ask("stop") == []
    wait_for(lambda: study.state == "stopped")
    panel.session.take({"type": "pull"})
    assert study.status.pending == 1
    assert study.status.more == 3
    assert state_words(study.status) == state_words(open_study(study.folder).status) == "stopped during experiment 1"
    assert panel.ask("more", count=1) == []
    assert study.wait(20)
    assert study.status.done == study.settings.experiments == 1


def test_a_limit_that_would_end_it_at_once_is_told_instead(make_study):
    study = make_study(experiments=5, patience=2)
    runs = (Measurement(Outcome.OK, 1.0, seed=0, seconds=1.0),)
    for number, verdict in enumerate((Verdict.BASELINE, Verdict.DISCARD, Verdict.DISCARD)):
        parent = 0 if number else None
        study.status.take(Judged(Experiment(number, parent, Proposal("x", "s"), verdict=verdict, measurements=runs)))
    study.status.state = State.FINISHED
    said = "2 experiments in a row were not kept (--patience 2). To go on, give it another limit:  %autoresearch resume NAME --patience …"
    assert Heard(study).ask("more", count=3) == Heard(study).ask("step") == [said.replace("NAME", study.name)]


def test_unknown_commands_and_driven_studies_are_refused_in_one_line(make_study):
    assert Heard(make_study()).ask("explode") == ["The panel has no command 'explode'."]
    driven = make_study(agent="me")
    assert "nobody in the study proposes" in Heard(driven).ask("more", count=1)[0]


@pytest.mark.slow
def test_a_note_is_kept_and_it_is_known_when_the_agent_has_read_it(make_study, monkeypatch):
    agent = Reader(*versions(2, SLOW.replace("0.4", "0.02")))
    monkeypatch.setitem(BUILT_IN, "reader", lambda order: agent)
    study = make_study(SLOW.replace("0.4", "0.02"), agent="reader", experiments=2, repeats=1, prefetch=False)
    panel = Heard(study)
    assert "There is no study at" in panel.ask("note", text="too early")[0]
    panel.ask("step")
    wait_for(lambda: study.state == "paused")
    assert panel.ask("note", text="  keep the batch size ") == [
        "Noted: reader reads it when it is asked for the next proposal."
    ]
    assert panel.ask("note", text="  ") == ["Say what the agent should know, in quotes."]
    panel.session.take({"type": "notes", "key": "k"})
    assert panel.sent[-1] == {
        "type": "notes",
        "notes": [{"number": 1, "text": "keep the batch size", "read": None}],
        "key": "k",
    }
    before = study.status.notes
    panel.ask("resume")
    assert study.wait(20)
    assert agent.given == ("keep the batch size",)
    assert [(note.text, note.read) for note in study.notes] == [("keep the batch size", 2)]
    assert study.status.notes == before + 1


def test_agents_that_read_nothing_are_told_nothing(make_study):
    study = make_study()
    assert Heard(study).ask("note", text="be bold") == ["tuner reads no notes: a language model does (--agent)."]
    assert study.notes == []
