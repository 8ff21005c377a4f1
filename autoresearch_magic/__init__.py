"""Autoresearch in a notebook: an agent edits one cell, trains for a fixed budget, keeps what helps, and repeats.

``%load_ext autoresearch_magic`` registers the magics; `Study` does the same from Python. `clock`, `report`, `seed` and
`data` are for the code inside experiments. Each name is imported on first use, so that an experiment that imports the
clock does not load pandas.
"""

from __future__ import annotations

from importlib import import_module
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

    __version__: str

_MODULES = {
    "Study": ".study.study", "open_study": ".study.opening", "current": ".study.opening", "UserError": ".errors",
    "clock": ".runtime", "report": ".runtime", "seed": ".runtime",
}  # fmt: skip
__all__ = ["Study", "UserError", "clock", "current", "data", "open_study", "report", "seed"]


def __getattr__(name: str) -> Any:
    # `seed` is not cached here, because the runner replaces it for every run.
    if name == "data":
        return import_module(".data", __name__)
    if name in _MODULES:
        return getattr(import_module(_MODULES[name], __name__), name)
    if name == "__version__":
        return _version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _version() -> str:
    """Return the installed version; a checkout that is not installed has 0."""
    from importlib.metadata import PackageNotFoundError, version  # takes each worker 30 ms to import

    try:
        return version("autoresearch-magic")
    except PackageNotFoundError:
        return "0"


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics; IPython calls this for ``%load_ext autoresearch_magic``."""
    from .ui.jupyter.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Stop the running studies and remove the magics; IPython calls this for ``%unload_ext autoresearch_magic``."""
    from .ui.jupyter.magics import unload

    unload(shell)
