"""What a command answers: one thing that notebooks show as Markdown and terminals as text."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from ..study.study import Study
from ..text import escape

# A command in a sentence: two spaces set it off.
_COMMAND = re.compile(r"(?<=[^\s])  ((?:%{1,2}autoresearch|git)\b[^()]*?)\s*(?=  |[()]|$)")
NARROWEST = 20
"""Characters: no terminal is taken for less."""


@dataclass(frozen=True)
class Reply:
    """What a command answers.

    Attributes
    ----------
    text : str
        Plain text, for terminals; always there.
    markdown : str
        The same for a notebook, where it can look better.
    watch : Study or None
        Show this study's panel.
    wait : tuple of (Study, float or None) or None
        Wait for this study, so many seconds at most.
    then : callable or None
        Gives a second reply, to be shown when the waiting is over.
    work : callable or None
        Does something that takes its time, told how to show how far it is (a share and a few words), and gives the reply.
    next_cell : str
        Put this into a new cell.
    failed : bool
        Whether the command line's exit code says that something is wrong.
    prose : bool
        Whether the text is running words: its lines may break at any space, and it needs no Markdown of its own.
    """

    text: str
    markdown: str = ""
    watch: Study | None = None
    wait: tuple[Study, float | None] | None = None
    then: Callable[[], Reply] | None = None
    work: Callable[[Callable[[float, str], None]], Reply] | None = None
    next_cell: str = ""
    failed: bool = False
    prose: bool = False

    def as_markdown(self) -> str:
        """Return what a notebook renders; empty for a text whose columns must stay, such as help."""
        if self.markdown or not self.prose:
            return self.markdown
        return "  \n".join(_sentence(line) for line in self.text.splitlines())

    def as_text(self) -> str:
        """Return what is printed: in a terminal its running words break at spaces, which a terminal alone would not do."""
        terminal = getattr(sys.stdout, "isatty", bool)  # what stands in for it may only know how to write
        if not self.prose or not terminal():
            return self.text
        width = max(NARROWEST, shutil.get_terminal_size().columns - 1)
        return "\n".join(
            textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
            for line in self.text.splitlines()
        )


def said(text: str, watch: Study | None = None, next_cell: str = "") -> Reply:
    """Return a reply of running words."""
    return Reply(text, watch=watch, next_cell=next_cell, prose=True)


def _sentence(line: str) -> str:
    """Return a line as Markdown, its commands as code."""
    parts = [f"`{part}`" if n % 2 else escape(part) for n, part in enumerate(_COMMAND.split(line))]
    return " ".join(part for part in parts if part)
