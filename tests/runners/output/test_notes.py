"""Lines ``note: text`` of an output."""

import pytest

from autoresearch_magic.experiment import LONGEST_NOTE, MOST_NOTES
from autoresearch_magic.runners.output.all_numbers import printed_numbers
from autoresearch_magic.runners.output.metric_reader import parse_rule, read_metric
from autoresearch_magic.runners.output.notes import printed_notes
from autoresearch_magic.runners.output.readings import Unreadable


@pytest.mark.parametrize(
    ("output", "notes"),
    [
        ("", ()),
        ("loss: 1\nnote: 80% of the time is in f\n  NOTE:  worst class: 3 \nnote:\n", ("80% of the time is in f", "worst class: 3")),
        ("a.c:3:5: note: declared here\nfootnote: x\nsee note: y\n", ()),  # what compilers say
        ("\x1b[32mnote: in colour\x1b[0m\r\n", ("in colour",)),
        ("note: 1%\rnote: 50%\rnote: 100%\nloss: 1", ("100%",)),  # drawn over
        ("note: a\nnote: b\nnote: a\n", ("b", "a")),
        ("note: a \x07bell\n", (r"a \x07bell",)),
    ],
)  # fmt: skip
def test_notes(output, notes):
    assert printed_notes(output) == notes


@pytest.mark.slow
def test_the_last_notes_are_kept_within_limits():
    output = "".join(f"note: {n} {'x' * 10_000}\n" for n in range(1000)) + "other\n" * 100_000
    notes = printed_notes(output)
    assert [note.split()[0] for note in notes] == [str(n) for n in range(1000 - MOST_NOTES, 1000)]
    assert all(len(note) == LONGEST_NOTE for note in notes)


def test_a_note_shows_no_key_of_the_environment(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "abc-123-def-456")
    assert printed_notes("note: the key is abc-123-def-456, oh") == ("the key is [key removed], oh",)


@pytest.mark.parametrize("rule", ["", "last", "min"])
def test_what_a_note_says_is_no_value(rule, tmp_path):
    def value(output):
        return read_metric(output, "loss", parse_rule(rule), folder=tmp_path, since=0.0).value

    assert value("loss: 0.5\nnote: loss: 0.9 in class 3\n") == 0.5
    if not rule:
        assert value("0.5\nnote: class 3 has 0.9\n") == 0.5, "the only number"
    assert printed_numbers("train: 1.5\nnote: class 3: 0.9\n") == {"train": 1.5}


def test_a_metric_that_only_a_note_names_is_no_value_and_says_so(tmp_path):
    with pytest.raises(
        Unreadable, match=r"^only a note names 'loss' \(line 2: \"Note: loss: 0.9\"\), and notes are for the agent"
    ):
        read_metric("train: 3\nNote: loss: 0.9\n", "loss", parse_rule("last"), folder=tmp_path, since=0.0)


def test_notes_are_still_lines_where_a_pattern_asks_for_them(tmp_path):
    read = read_metric("note: a\nnote: b\n", "notes", parse_rule("lines:^note:"), folder=tmp_path, since=0.0)
    assert read.value == 2
