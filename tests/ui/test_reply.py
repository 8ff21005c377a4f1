"""Replies as notebooks and terminals show them; both are often narrow."""

import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.ui.reply import NARROWEST, Reply, prose_reply

STARTED = "s: d = a*b_1 · budget 1s\nIt runs. Go on with  %autoresearch resume s"


@pytest.fixture
def terminal(monkeypatch):
    """Make the standard output a terminal of a width that the test sets."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    return lambda columns: monkeypatch.setenv("COLUMNS", str(columns))


def test_prose_becomes_markdown():
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
def test_a_command_after_two_spaces_becomes_code(text, markdown):
    assert prose_reply(text).as_markdown() == markdown


def test_columns_and_given_markdown_stay_as_they_are(terminal):
    terminal(30)
    table = "name      " + "what it is " * 9
    assert Reply(table).as_markdown() == ""
    assert Reply(table).as_text() == table
    assert Reply("- a", "**a**", prose=True).as_markdown() == "**a**"


def test_lines_are_wrapped_in_terminals(terminal):
    terminal(44)
    text = "Target: 40 lines; the tuner can change LEARNING_RATE, WEIGHT_DECAY, BATCH-SIZE."
    assert prose_reply(text).as_text() == (
        "Target: 40 lines; the tuner can change\nLEARNING_RATE, WEIGHT_DECAY, BATCH-SIZE."
    )
    assert prose_reply(STARTED).as_text() == STARTED


def test_lines_are_not_wrapped_outside_of_terminals(monkeypatch):
    assert prose_reply("word " * 99).as_text() == "word " * 99
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(write=len))  # a replaced stdout that has only `write`
    assert prose_reply("word " * 99).as_text() == "word " * 99


@given(st.lists(st.text("abc_%-", min_size=1, max_size=30), min_size=1), st.integers(1, 90))
def test_wrapping_keeps_every_word_whole(words, columns):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        patch.setenv("COLUMNS", str(columns))
        lines = prose_reply(" ".join(words)).as_text().splitlines()
    assert " ".join(lines).split() == words
    assert all(len(line) <= max(NARROWEST, columns) or " " not in line for line in lines)
