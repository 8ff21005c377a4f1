"""Commands inside texts. All rooms write them as in a notebook, ``%autoresearch resume``; the shell's door says them its way.

One form for all texts, because the same message of a study may be read in a notebook today and in a shell tomorrow.
`tests/ui/test_wording.py` reads every message of the package.
"""

from __future__ import annotations

import re

SHELL_FORMS = {"start": "run PROGRAM.md --target FILE"}
"""Commands of the notebook that the shell has under another form."""

_CALL = re.compile(r"(?<![\w%])%{1,2}autoresearch\b(?: (start)\b)?")


def for_shell(text: str) -> str:
    """Return a text with its commands as they are typed in a shell."""
    return _CALL.sub(lambda found: f"autoresearch{f' {SHELL_FORMS[found[1]]}' if found[1] else ''}", text)
