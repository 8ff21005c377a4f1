"""Colours of sources and differences, in a terminal and in notebooks."""

import io
import re

import pytest

from autoresearch_magic.source.edits import unified_diff
from autoresearch_magic.ui.colours import coloured_diff, coloured_source, diff_as_html, wants_colours
from autoresearch_magic.ui.reply import Reply

BEFORE = "DEPTH = 2\nRATE = 0.5  # how <fast>\n\n--- odd\nloss = RATE\n"
AFTER = "DEPTH = 2\nRATE = 0.7  # how <fast>\n\nmore = 1\nloss = RATE\n"
DIFF = unified_diff(BEFORE, AFTER, "experiment 0", "experiment 1")
ANSI = re.compile(r"\x1b\[[\d;]*m")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)


def test_colours_are_for_terminals_unless_the_user_says_otherwise(monkeypatch):
    assert wants_colours(Terminal())
    assert not wants_colours(io.StringIO())
    assert not wants_colours(None)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert wants_colours(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colours(Terminal())


@pytest.mark.parametrize(
    "text", [DIFF, "--- a\n+++ b\n@@ -1 +0,0 @@\n-x\n--- c\n+++ c\n@@ -0,0 +1 @@\n+-- y\n", "plain", ""]
)
def test_a_coloured_difference_is_the_same_text(text):
    assert ANSI.sub("", coloured_diff(text)) == "\n".join(text.splitlines())


def test_what_differs_within_a_line_stands_out():
    assert "\x1b[31;7m5\x1b[0m" in coloured_diff(DIFF)
    assert "\x1b[32;7m7\x1b[0m" in coloured_diff(DIFF)


def test_a_coloured_source_is_the_same_text():
    coloured = coloured_source(AFTER)
    assert ANSI.sub("", coloured).rstrip() == AFTER.rstrip()
    assert coloured != AFTER


def test_html_shows_code_as_text_and_inherits_the_colour_of_text():
    page = diff_as_html(DIFF)
    assert "how &lt;fast&gt;" in page
    assert "<fast>" not in page
    assert not re.search(r"[^-]color:", page)
    assert page.count("display: block") == len(DIFF.splitlines())


def test_a_reply_is_plain_in_a_pipe_and_coloured_in_a_terminal(monkeypatch):
    reply = Reply(DIFF, colours=lambda: coloured_diff(DIFF))
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert reply.as_text() == DIFF
    monkeypatch.setattr("sys.stdout", Terminal())
    assert ANSI.search(reply.as_text())
