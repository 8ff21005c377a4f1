"""The reply of a command: notebooks show it as Markdown, terminals as text."""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..study.study import Study
from ..text import escape
from .colours import wants_colours

# A command inside a sentence, marked by two spaces before it.
_COMMAND = re.compile(r"(?<=[^\s])  ((?:%{1,2}autoresearch|git)\b[^()]*?)\s*(?=  |[()]|$)")
MESSAGES = ("message", "reason", "result", "text")
"""The data that are written for people."""
NARROWEST = 20
"""Characters: narrower terminals are treated as this wide."""


@dataclass(frozen=True)
class Reply:
    """The reply of a command: what to show, and what to do then.

    Attributes
    ----------
    text : str
        Plain text, for terminals.
    markdown : str
        The same for notebooks; empty where `text` does for both.
    watch : Study or None
        A study that now runs: a notebook shows its panel, the command line waits for its end.
    wait : tuple of (Study, float or None) or None
        Wait for this study, at most this many seconds.
    then : callable or None
        Returns a second reply, to be shown after the wait.
    work : callable or None
        Does work that takes a while and returns the reply to show; it is given a function that shows progress, which takes
        the share done, 0 to 1, and a caption.
    next_cell : str
        Text for a new cell below.
    run_here : tuple of str or callable
        What the magic runs in the kernel before `then`, one after another, until one raises an exception: source code, or a
        function that is given the kernel's names.
    exit_code : int
        The exit code on the command line.
    data : Mapping or None
        The facts behind the text, as plain values: what ``--json`` prints, and ``to_dict()`` of what the magic returns.
    value : callable or None
        Returns what the magic returns in place of an object that shows this reply, such as a DataFrame.
    verbatim : bool
        Whether the text holds the user's code, in which nothing may be replaced.
    prose : bool
        Whether the text is prose: its lines may be wrapped, and its Markdown is made from it.
    colours : callable or None
        Returns the text as terminals show it that have colours.
    html : callable or None
        Returns what notebooks show in place of the Markdown; empty where it cannot be made.
    """

    text: str
    markdown: str = ""
    watch: Study | None = None
    wait: tuple[Study, float | None] | None = None
    then: Callable[[], Reply] | None = None
    work: Callable[[Callable[[float, str], None]], Reply] | None = None
    next_cell: str = ""
    run_here: tuple[str | Callable[[dict[str, Any]], None], ...] = ()
    exit_code: int = 0
    data: Mapping[str, Any] | None = None
    value: Callable[[], Any] | None = None
    verbatim: bool = False
    prose: bool = False
    colours: Callable[[], str] | None = None
    html: Callable[[], str] | None = None

    def as_markdown(self) -> str:
        """Return the Markdown for a notebook; empty for text in columns, such as help."""
        if self.markdown or not self.prose:
            return self.markdown
        return "  \n".join(_as_markdown(line) for line in self.text.splitlines())

    def as_text(self) -> str:
        """Return the text to print; in a terminal prose is wrapped at spaces, and code has colours."""
        if self.colours is not None and wants_colours(sys.stdout):
            return self.colours()
        terminal = getattr(sys.stdout, "isatty", bool)  # a replaced stdout may have only `write`
        if not self.prose or not terminal():
            return self.text
        width = max(NARROWEST, shutil.get_terminal_size().columns - 1)
        return "\n".join(
            textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
            for line in self.text.splitlines()
        )


def table_width() -> int | None:
    """Return the characters of a line of a table: a terminal's, and no limit elsewhere."""
    if not getattr(sys.stdout, "isatty", bool)():
        return None
    return max(NARROWEST, shutil.get_terminal_size().columns - 1)


def prose_reply(text: str, watch: Study | None = None, next_cell: str = "") -> Reply:
    """Return a reply of plain sentences."""
    return Reply(text, watch=watch, next_cell=next_cell, prose=True)


def json_reply(reply: Reply, worded: Callable[[str], str] = str) -> Reply:
    """Return a reply whose text is its data as one JSON object; what only its end knows is told there.

    Parameters
    ----------
    reply : Reply
    worded : callable
        Says the commands in a message as they are typed where it is read.
    """
    if (then := reply.then) is not None:
        return replace(reply, then=lambda: json_reply(then(), worded))
    if (work := reply.work) is not None:
        return replace(reply, work=lambda show: json_reply(work(show), worded))
    if reply.data is None:
        return reply
    data = {
        key: worded(each) if key in MESSAGES and isinstance(each, str) else each for key, each in reply.data.items()
    }
    text = json.dumps(data, allow_nan=False, ensure_ascii=False, indent=2)
    return Reply(text, data=data, exit_code=reply.exit_code, verbatim=True)


def _as_markdown(line: str) -> str:
    """Return a line of prose as Markdown, with its commands as code."""
    parts = [f"`{part}`" if n % 2 else escape(part) for n, part in enumerate(_COMMAND.split(line))]
    return " ".join(part for part in parts if part)
