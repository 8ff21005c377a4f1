"""Formatting of text for people."""

import re
import sys
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.text import as_html, counted, escape, fenced, shorten


def test_counts_are_singular_or_plural():
    assert [counted(n, "run") for n in (0, 1, 2, 1234)] == ["0 runs", "1 run", "2 runs", "1,234 runs"]


def test_markdown_is_escaped_and_on_one_line():
    assert escape("a *bold*\n# b") == r"a \*bold\* \# b"


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("a < b\nc", "<p>a &lt; b<br>c</p>"),
        ("**kept** `x < 1` a\\_b\\*", "<p><strong>kept</strong> <code>x &lt; 1</code> a_b*</p>"),
        ("- **A**: 1\n- b", "<ul><li><strong>A</strong>: 1</li><li>b</li></ul>"),
        ("```python\nx = '|'\n# no heading\n```", "<pre><code class=\"language-python\">x = '|'# no heading</code></pre>"),
        ("## Title\ntext", "<h2>Title</h2><p>text</p>"),
        ("````\n```\n````", "<pre><code>```</code></pre>"),
        ("```\nabc", "<pre><code>abc</code></pre>"),
        ("| lonely |", "<p>| lonely |</p>"),
        ("", ""),
    ],
)  # fmt: skip
def test_markdown_as_html(markdown, html):
    assert as_html(markdown).replace("\n", "") == f"<div>{html}</div>"


def test_a_table_has_its_columns_alignment_and_its_bars():
    shown = as_html("| a | b |\n|--:|:--|\n| 1 | x \\| y |\n\nend").replace("\n", "")
    assert '<td style="text-align:right">1</td><td style="text-align:left">x | y</td>' in shown
    assert shown.endswith("</table><p>end</p></div>")


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "![p](http://a.invalid/p.png)", "[x](javascript:alert(1))",
     "[x]\n\n[x]: http://a.invalid", "<http://a.invalid>", "http://a.invalid", "<!-- a -->\n<div onclick=x>"],
)  # fmt: skip
def test_html_of_markdown_has_no_html_of_the_text_and_loads_nothing(text):
    tags = re.findall(r"<(\w+)", as_html(text))
    assert set(tags) <= {"div", "p", "br"}, tags


def test_without_the_package_there_is_no_html(monkeypatch):
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    assert as_html("**a**") is None


@pytest.mark.slow
@given(st.one_of(st.text(), st.from_regex(r"\A[-+#>~*_=|0-9.) a&;lt]{1,12}\Z")))
def test_an_escaped_text_is_shown_as_it_was_written(text):
    text = "".join(c for c in text if c.isprintable())
    shown = unescape(re.sub(r"</?(?:div|p)>|\n", "", as_html(f"{escape(text)}\n")))
    assert shown == " ".join(text.split())
    row = as_html(f"| a | b |\n|--|--|\n| {escape(text)} | 1 |")
    assert row.count("<td") == 2


def test_a_fence_is_longer_than_the_backticks_in_the_code():
    assert fenced("x = 1\n", "python") == "```python\nx = 1\n```"
    assert fenced("```\nx\n```").startswith("````\n")


def test_shortened_text_is_one_printable_line_of_limited_length():
    assert shorten("a\n  b\x00", 20) == r"a b\x00"
    assert shorten("x" * 30, 10) == "x" * 9 + "…"
