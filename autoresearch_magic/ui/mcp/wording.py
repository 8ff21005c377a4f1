"""Texts for clients: a command that has a tool is named as one."""

from __future__ import annotations

import re

from ...study.driver_briefing import driver_briefing
from ...study.study import Study
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


_OPTION = re.compile(r"(?<![\w-])--(drop|revert)\b")


def for_client(text: str) -> str:
    """Return a text whose commands are named as tools, or, where there is no such tool, as they are typed in a shell."""
    return for_shell(_OPTION.sub(r"\1", _CALL.sub(r"the tool \1", text)))


HOW = """\
## How to go on

- {change}
- Then call the tool `try` with a summary, and with hypothesis and expect where you have them: it measures and judges, with repeats where \
chance could explain the number. Where it returns `done: false`, call `wait` until `done` is true; nothing is lost in between.
- What is kept is the base of the next change. What is not kept is not: go on from the best version as it was.
- One idea at a time. Equally good and simpler counts as better. Do not repeat what is listed below.
- `history` and `show` look back, `evals` says what has helped and what to do next.
- `finish` ends the search and measures the best version and the baseline again on fresh seeds; that is the result to report."""

ON_DISK = (
    "Change {what} on disk, starting from the best version so far, and call `try` without {argument}; `revert` puts a version back that is not "
    "kept. Or, without access to the disk, give {argument}: what changes from the best version, which is the resource "
    "autoresearch://incumbent. Do not mix the two."
)


def briefing_of(study: Study) -> str:
    """Return what a client should know now: how to go on, the program, what may change, what was tried."""
    definition = study.definition
    if definition.checkout is not None:
        change = ON_DISK.format(what="files of the scope", argument="`files`")
    elif definition.target_path is not None:
        change = ON_DISK.format(what=str(definition.target_path), argument="`source`")
    else:
        change = (
            "Write a new version of the target, starting from the present one, and give its whole text as `source`."
        )
    return for_client(driver_briefing(study, HOW.format(change=change)))
