"""Texts for clients: a command that has a tool is named as one."""

from __future__ import annotations

import re

from ..wording import for_shell

TOOLS = (
    "plan",
    "start",
    "try",
    "finish",
    "wait",
    "status",
    "history",
    "show",
    "diff",
    "evals",
    "briefing",
    "say",
    "stop",
)
"""The tools, in the order in which they are listed."""

_CALL = re.compile(rf"(?<![\w%])%{{1,2}}autoresearch ({'|'.join(TOOLS)})\b")


def for_client(text: str) -> str:
    """Return a text whose commands are named as tools, or, where there is no such tool, as they are typed in a shell."""
    return for_shell(_CALL.sub(r"the tool \1", text))
