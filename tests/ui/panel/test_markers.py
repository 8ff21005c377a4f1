"""Markers of the panel's chart, read from the journal."""

import pytest

from autoresearch_magic.events import Judged
from autoresearch_magic.experiment import Verdict
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.ui.panel.answers import PanelSession
from autoresearch_magic.ui.panel.markers import MOST, MOST_TEXT, markers

from ...studies import QUICK, finish
from .page import experiment


@pytest.fixture
def journal(study):
    study.folder.mkdir(parents=True)
    study._follower.ours = True  # the journal is of this test alone
    with Journal(study.folder / "journal.sqlite", create=True) as opened:
        yield opened


def told(study):
    return [(m["kind"], m["after"], m["text"]) for m in markers(study)]


def test_a_study_that_has_not_begun_has_none(study):
    assert markers(study) == []


def test_notes_stand_behind_the_experiment_that_ran(study, journal):
    journal.note("say", text="before all")
    for number in (1, 2):
        journal.note("attempt", experiment=number)
    journal.note("say", text="look at\nthe rate " + "x" * 900)
    journal.note("attempt", experiment=3)
    found = told(study)
    assert [each[:2] for each in found] == [("note", 0), ("note", 2)]
    assert found[1][2].startswith("look at the rate")
    assert len(found[1][2]) == MOST_TEXT
    for number in range(2 * MOST):
        journal.note("say", text=f"{number}")
    assert len(markers(study)) == MOST
    assert markers(study)[-1]["text"] == f"{2 * MOST - 1}"


def test_resumes_are_told_by_what_they_follow(study, journal):
    journal.note("attempt", experiment=1)
    journal.note("attempt ended", experiment=1)  # stopped in its run
    journal.note("state", state="stopped", message="")
    journal.note("attempt", experiment=1)
    journal.note("attempt", experiment=2)
    journal.note("attempt failed", experiment=2, error="E", traceback="")
    journal.note("attempt", experiment=2)  # a second attempt in the same process
    journal.note("attempt", experiment=3)
    journal.note("attempt", experiment=3)  # the process was killed
    journal.note("state", state="finished", message="")
    journal.note("state", state="finished", message="")  # a comparison
    journal.note("attempt", experiment=4)
    journal.note("state", state="failed", message="The setup failed")
    journal.note("attempt", experiment=5)
    journal.note("state", state="stopped", message="")  # nothing has come of it yet
    assert told(study) == [
        ("resume", 0, "after a stop"),
        ("resume", 2, "after its process had died"),
        ("resume", 3, "after it had finished"),
        ("resume", 4, "after it had failed: The setup failed"),
    ]


def test_versions_from_outside_are_no_resumes(study, journal):
    for number in (1, 2):
        journal.note("given", experiment=number)
        journal.note("attempt", experiment=number)
        journal.note("state", state="stopped", message="")
    assert told(study) == []


def test_a_drift_says_how_the_values_have_changed(study, journal):
    e = experiment(0, 2.0, Verdict.BASELINE)
    runs = tuple(
        type(e.measurements[0])(e.measurements[0].outcome, v, seed=n) for n, v in enumerate((2.0, 2.02, 2.5, 2.52))
    )
    study.status.take(Judged(type(e)(0, None, e.proposal, verdict=e.verdict, measurements=runs, since=2)))
    journal.note("attempt", experiment=1)
    journal.set_since(study.experiments[0])
    journal.note("drift", experiment=7, since=1)  # its row has not been read yet
    found = told(study)
    assert [each[:2] for each in found] == [("drift", 1), ("drift", 1)]
    assert found[0][2].startswith("the baseline gives 2.51")
    assert ", 2.01" in found[0][2]
    assert found[1][2].startswith("experiment 7 gives other values")


def test_the_view_asks_for_them_as_for_anything(study, journal):
    sent = []
    session = PanelSession(study, lambda content, buffers=None: sent.append(content))
    session.in_thread = lambda work: work()
    journal.note("say", text="<b>hello</b>")
    session.take({"type": "markers", "key": "markers"})
    assert sent[0]["key"] == "markers"
    assert [m["text"] for m in sent[0]["markers"]] == ["<b>hello</b>"]


@pytest.mark.slow
def test_a_real_study_that_was_resumed_with_a_note(make_study, script):
    script(*(f"X = {x}\nloss = (X - 1) ** 2\n" for x in (2.5, 2.0, 1.5)))
    study = finish(make_study(QUICK, agent="script", experiments=2))
    study.say("Try smaller values")
    study.resume(experiments=3)
    assert study.wait(60)
    found = told(study)
    assert ("note", 2, "Try smaller values") in found
    assert ("resume", 2, "after it had finished") in found
