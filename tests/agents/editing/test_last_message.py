"""What the last message of a coding agent says."""

import pytest

from autoresearch_magic.agents.editing.last_message import first_sentence, last_tag, own_words, plain


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<summary>one</summary>\n<summary>\ntwo\nlines </summary>", "two lines"),
        ("<SUMMARY>loud</SUMMARY>", "loud"),
        ("```xml\n<summary>code</summary>\n```\nnothing", ""),
        ("<summary>cut off", "cut off"),
        ("no tag", ""),
    ],
)
def test_the_last_tag_outside_of_code_counts(text, found):
    assert last_tag(text, "summary") == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Done. I replaced the list by a set, which is faster. More.", "I replaced the list by a set, which is faster"),
        ("Changed version 1.5 to 2.0 of the schedule.\nMore.", "Changed version 1.5 to 2.0 of the schedule"),
        ("OK", "OK"),
        ("", ""),
        ("学習率を下げました。損失が下がるはずです。", "学習率を下げました"),
        ("Ich habe die Schrittweite halbiert! Sonst nichts.", "Ich habe die Schrittweite halbiert!"),
    ],
)
def test_the_first_sentence_that_says_something(text, found):
    assert first_sentence(text) == found


def test_marks_and_tags_are_taken_out():
    text = "# Result\n- **Halved** `LR`\n```python\nLR = 1\n```\n<summary>x</summary>\n<ideas>\n- y\n</ideas>"
    assert plain(text) == "Result\nHalved LR"


def test_lines_of_the_instructions_are_not_its_own_words():
    assert own_words("Do this.\n  <summary>S</summary>\nI did.\n", "Do this.\n<summary>S</summary>") == "I did."
