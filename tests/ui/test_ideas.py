"""The subcommand `ideas`, in its forms and with what it cannot do."""

from types import SimpleNamespace

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.ui.commands.completion import complete_line
from autoresearch_magic.ui.commands.table import run
from autoresearch_magic.ui.session import Session

from ..studies import finish

pytestmark = pytest.mark.slow  # folders, git and programs for most of them


@pytest.fixture
def session(make_study, tmp_path):
    finish(make_study(experiments=1, name="night"))
    return Session(root=tmp_path)


def test_ideas_are_added_listed_and_struck(session):
    assert "night has no ideas yet" in run(session, "ideas").text
    added = run(session, "ideas add wider  layers | twice --study night")
    assert added.text.startswith("Idea 1 is kept: wider layers | twice\nBut tuner reads no ideas")
    run(session, "ideas add decay")
    assert run(session, "ideas strike #1").text == "Idea 1 is struck: wider layers | twice"
    listed = run(session, "ideas list")
    assert listed.text.splitlines() == [
        "#  state   of   idea", "2  open    you  decay", "1  struck  you  wider layers | twice", "", "2 ideas: 1 open, 1 struck",
    ]  # fmt: skip
    assert r"wider layers \| twice |" in listed.markdown
    assert listed.data["ideas"][0] == {
        "number": 1, "text": "wider layers | twice", "agent": "", "experiment": None, "tried": None, "struck": True, "state": "struck",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("agent", "says"),
    [
        ("tuner:LR", "reads no ideas"),
        ("claude", "claude is shown it when it is asked"),
        ("me", "The next briefing shows it"),
    ],
)
def test_who_reads_an_idea(agent, says, session, monkeypatch):
    study = session.study("night")
    monkeypatch.setattr(session, "study", lambda name: study)
    monkeypatch.setattr(type(study), "settings", SimpleNamespace(agent=agent))
    assert says in run(session, "ideas add decay").text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ideas add", "Say the idea"),
        ("ideas strike", "Give the numbers of the ideas to strike"),
        ("ideas strike one", "Give the numbers of the ideas to strike"),
        ("ideas strike 4", "There is no idea 4: there is none yet"),
        ("ideas night", "ideas cannot do 'night'.*--study NAME"),
        ("ideas list 3", "ideas cannot do 'list 3'"),
    ],
)
def test_what_ideas_cannot_do_is_one_line(session, line, message):
    with pytest.raises(UserError, match=message) as caught:
        run(session, line)
    assert "\n" not in str(caught.value)


def test_the_actions_are_completed():
    assert set(complete_line(Session(), "%autoresearch ideas ")[1]) >= {"list", "add", "strike", "--study"}
