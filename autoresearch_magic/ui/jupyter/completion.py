"""Completion in IPython: on a line of ours only our words are offered, each with a description.

IPython's matchers (API version 2) have no field for a description; its place is the type, which JupyterLab and the terminal
show beside the word.
"""

from __future__ import annotations

from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from ...text import shorten
from ..commands.completion import complete_line
from ..session import Session

WIDTH = 80
"""Characters of a description."""


def make_matcher(session: Session) -> Any:
    """Return a matcher for ``IPCompleter.custom_matchers``."""

    @context_matcher(priority=1000, identifier="autoresearch")  # type: ignore[untyped-decorator]
    def match(context: CompletionContext) -> SimpleMatcherResult:
        line = context.text_until_cursor
        found = complete_line(session, line)
        if found is None or (line.lstrip().startswith("%%") and context.cursor_line > 0):
            return SimpleMatcherResult(completions=[], suppress=False)
        fragment, words = found
        # Python's own words are suppressed only by a match: where nothing of ours fits, what is typed stays as it is.
        offered = words or {fragment: "any text" if not fragment else "nothing else fits"}
        return SimpleMatcherResult(
            completions=[SimpleCompletion(text=word, type=shorten(what, WIDTH)) for word, what in offered.items()],
            matched_fragment=fragment, ordered=True, suppress=True,
        )  # fmt: skip

    return match
