"""Formatting of text for people."""

from autoresearch_magic.text import counted, escape, fenced, shorten


def test_counts_are_singular_or_plural():
    assert [counted(n, "run") for n in (0, 1, 2, 1234)] == ["0 runs", "1 run", "2 runs", "1,234 runs"]


def test_markdown_is_escaped_and_on_one_line():
    assert escape("a *bold*\n# b") == r"a \*bold\* \# b"


def test_a_fence_is_longer_than_the_backticks_in_the_code():
    assert fenced("x = 1\n", "python") == "```python\nx = 1\n```"
    assert fenced("```\nx\n```").startswith("````\n")


def test_shortened_text_is_one_printable_line_of_limited_length():
    assert shorten("a\n  b\x00", 20) == r"a b\x00"
    assert shorten("x" * 30, 10) == "x" * 9 + "…"
