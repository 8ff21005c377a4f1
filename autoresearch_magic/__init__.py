"""An agent edits one cell, trains for a fixed budget, keeps what helps, and repeats: autoresearch in a notebook.

``%load_ext autoresearch_magic`` gives the magics; `Study` is the same in Python. `clock`, `report`, `seed` and `data`
are for the code inside experiments. Everything is imported when it is first asked for: an experiment that wants the
clock does not pay for pandas.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from . import data as data
    from .errors import UserError as UserError
    from .runtime import clock as clock
    from .runtime import report as report
    from .runtime import seed as seed
    from .study.opening import current as current
    from .study.opening import open_study as open_study
    from .study.study import Study as Study

try:
    __version__ = version("autoresearch-magic")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0"

_HOME = {
    "Study": ".study.study", "open_study": ".study.opening", "current": ".study.opening", "UserError": ".errors",
    "clock": ".runtime", "report": ".runtime", "seed": ".runtime",
}  # fmt: skip
__all__ = ["Study", "UserError", "clock", "current", "data", "open_study", "report", "seed"]


def __getattr__(name: str) -> Any:
    # `seed` is looked up anew each time, because the runner sets it for every run.
    if name == "data":
        return import_module(".data", __name__)
    if name in _HOME:
        return getattr(import_module(_HOME[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics: ``%load_ext autoresearch_magic``."""
    from .ui.jupyter.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Stop what runs and remove the magics: ``%unload_ext autoresearch_magic``."""
    from .ui.jupyter.magics import unload

    unload(shell)
