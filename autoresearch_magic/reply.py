"""What a command answers: one thing that notebooks show as Markdown and terminals as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .study import Study


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
    """

    text: str
    markdown: str = ""
    watch: Study | None = None
    wait: tuple[Study, float | None] | None = None
    then: Callable[[], Reply] | None = None
    work: Callable[[Callable[[float, str], None]], Reply] | None = None
    next_cell: str = ""
