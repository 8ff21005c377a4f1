"""What to do about a name that only the notebook has: experiments run in a process of their own, which does not see it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

_MISSING = re.compile(r"NameError: name '(\w+)' is not defined|The metric needs '(\w+)'")


def notebook_name_hint(error: str, names: Mapping[str, Any] | None = None) -> str:
    """Return a sentence for an error about a missing name that the notebook has; empty for every other error.

    Parameters
    ----------
    error : str
        One line, as a run or the setup reports it.
    names : Mapping, optional
        The notebook's names; by default those of this process, if it is a notebook's kernel.
    """
    missing = _MISSING.search(error)
    name = (missing[1] or missing[2]) if missing else ""
    if names is None:
        names = vars(sys.modules["__main__"])
        names = names if "get_ipython" in names else {}
    if not name or name not in names:
        return ""
    return (
        f"The notebook has {name!r}, but experiments run in a process of their own, which does not see the notebook's names: "
        "define it in the setup, below  %%autoresearch setup --here  (--here: for the notebook as well)."
    )
