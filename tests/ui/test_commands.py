"""What a command answers, where it is shown: a notebook and a terminal, both of which are often narrow."""

import re
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.errors import UserError
from autoresearch_magic.ui.commands.table import run
from autoresearch_magic.ui.jupyter.magics import AutoresearchMagics
from autoresearch_magic.ui.reply import NARROWEST, Reply, prose_reply
from autoresearch_magic.ui.session import Session

STARTED = "s: d = a*b_1 · budget 1s\nIt runs. Go on with  %autoresearch resume s"


@pytest.fixture
def terminal(monkeypatch):
    """Make the standard output a terminal of a width that the test sets."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    return lambda columns: monkeypatch.setenv("COLUMNS", str(columns))


def test_running_words_become_markdown():
    assert prose_reply(STARTED).as_markdown() == (
        "s: d = a\\*b\\_1 · budget 1s  \nIt runs. Go on with `%autoresearch resume s`"
    )


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("Start with  %autoresearch start (s goes on: a_b)", "Start with `%autoresearch start` (s goes on: a\\_b)"),
        ("Begin with  %%autoresearch target  (or else)", "Begin with `%%autoresearch target` (or else)"),
        ("Back with  git reset --hard a_1~1", "Back with `git reset --hard a_1~1`"),
        ("%autoresearch wait waits for it.", "%autoresearch wait waits for it."),
    ],
)
def test_a_command_that_two_spaces_set_off_becomes_code(text, markdown):
    assert prose_reply(text).as_markdown() == markdown


def test_columns_stay_as_they_are_and_markdown_of_ones_own_too(terminal):
    terminal(30)
    table = "name      " + "what it is " * 9
    assert Reply(table).as_markdown() == ""
    assert Reply(table).as_text() == table
    assert Reply("- a", "**a**", prose=True).as_markdown() == "**a**"


def test_a_terminal_gets_lines_that_break_at_spaces(terminal):
    terminal(44)
    text = "Target: 40 lines; the tuner can change LEARNING_RATE, WEIGHT_DECAY, BATCH-SIZE."
    assert prose_reply(text).as_text() == (
        "Target: 40 lines; the tuner can change\nLEARNING_RATE, WEIGHT_DECAY, BATCH-SIZE."
    )
    assert prose_reply(STARTED).as_text() == STARTED


def test_what_is_no_terminal_gets_whole_lines(monkeypatch):
    assert prose_reply("word " * 99).as_text() == "word " * 99
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(write=len))  # a stand-in that can do no more
    assert prose_reply("word " * 99).as_text() == "word " * 99


@given(st.lists(st.text("abc_%-", min_size=1, max_size=30), min_size=1), st.integers(1, 90))
def test_no_word_is_broken_and_none_is_lost(words, columns):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        patch.setenv("COLUMNS", str(columns))
        lines = prose_reply(" ".join(words)).as_text().splitlines()
    assert " ".join(lines).split() == words
    assert all(len(line) <= max(NARROWEST, columns) or " " not in line for line in lines)


def test_the_agents_and_the_notes_they_read(monkeypatch):
    session = Session()
    listed = run(session, "agents")
    lines = listed.text.splitlines()
    assert len({re.match(r"\S+ +", line).end() for line in lines}) == 1, "one column of names"
    assert listed.markdown.count("\n") == len(lines) + 1
    study = SimpleNamespace(settings=SimpleNamespace(agent="tuner:LR"), say=lambda text: study)
    monkeypatch.setattr(session, "study", lambda: study)
    assert "tuner:LR reads no notes" in run(session, "say be bold").text
    study.settings.agent = "claude"
    assert "claude reads it" in run(session, "say be bold").text


@pytest.mark.parametrize(("traceback", "refused"), [("", False), ("Traceback: a bug", True)])
def test_an_answer_of_a_study_that_had_failed_is_shown(traceback, refused, monkeypatch, capsys):
    monkeypatch.setattr("autoresearch_magic.ui.jupyter.magics.follow", lambda *_, **__: True)
    status = SimpleNamespace(message="The key has expired.", traceback=traceback, elapsed=1.0)
    study = SimpleNamespace(name="s", state="failed", status=status)
    magics = AutoresearchMagics(None)
    asked = Reply("", wait=(study, None), then=lambda: Reply("STABLE"))
    with pytest.raises(UserError, match="expired") if refused else nullcontext():
        magics.show(asked)
    assert ("STABLE" in capsys.readouterr().out) is not refused
    with pytest.raises(UserError, match="expired"):
        magics.show(Reply("", wait=(study, None)))
