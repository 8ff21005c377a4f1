"""Execution of the user's source code: modules and seeds in advance, then the setup or the target.

Not here: limits, results and errors, which `child` and `server` deal with.
"""

from __future__ import annotations

import linecache
import random
import sys
import types
from collections.abc import Mapping
from typing import Any

from ... import runtime
from ...source.edits import imported_modules


def execute(code: str, name: str, namespace: dict[str, Any], *, shown: bool = True) -> None:
    """Run source code as the file ``<name>``, whose lines tracebacks can show unless `shown` is false.

    Raises
    ------
    Exception
        What the code raises; `SystemExit` with a code of 0 or None is a normal end.
    """
    filename = f"<{name}>"
    if shown:
        linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
    try:
        exec(compile(code, filename, "exec"), namespace)
    except SystemExit as end:
        if end.code not in (None, 0):
            raise RuntimeError(f"it called sys.exit({end.code!r})") from None


def new_main() -> types.ModuleType:
    """Install an empty ``__main__`` module for the user's code, so that pickling and ``if __name__ == "__main__"`` work."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    return module


def seed_everything(seed: int, target: str) -> None:
    """Seed `random`, and numpy and torch if they are imported already or by the target."""
    random.seed(seed)
    wanted = {name.partition(".")[0] for name in imported_modules(target)}
    for name in ("numpy", "torch"):
        if name in wanted and name not in sys.modules:
            try:
                __import__(name)
            except ImportError:
                continue  # the target's own import will say so
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(seed % 2**32)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)


def preload(setup: str, target: str, leave_out: str = "", *, for_forks: bool = False) -> None:
    """Import what setup and target import, before the setup runs. An import that fails is reported when their code repeats it.

    Parameters
    ----------
    setup, target : str
    leave_out : str
        The module name of the setup itself.
    for_forks : bool
        Whether to import also what the first optimizer of every fork would import.
    """
    names = list(dict.fromkeys([*imported_modules(setup), *imported_modules(target)]))
    if for_forks and any(name.partition(".")[0] == "torch" for name in names):
        names.append("torch._dynamo")  # 800 modules, which the first optimizer of every experiment would import
    for name in names:
        if leave_out and name.partition(".")[0] == leave_out:
            continue
        try:
            __import__(name)
        except Exception:
            continue


def run_setup(job: Mapping[str, Any], module: types.ModuleType, *, seed: int, for_forks: bool = False) -> None:
    """Run the setup, in the worker or in a fresh process: both import the same modules first and use the same seed.

    Parameters
    ----------
    job : Mapping
        ``setup``, ``target``, and where given ``folders`` and ``setup_name`` (see `CellRunner`).
    module : ModuleType
        The user's ``__main__``.
    seed : int
        The study's: the setup is the same for every run, whatever that run's own seed is.
    for_forks : bool
        Whether experiments will be forks of this process.
    """
    sys.path[:0] = job.get("folders", ())
    own = job.get("setup_name", "")
    preload(job["setup"], job["target"], leave_out=own, for_forks=for_forks)
    if own:
        sys.modules[own] = module  # what `from prepare import ...` finds in a target
    runtime.seed = runtime.Seed(seed)
    seed_everything(seed, job["setup"])
    execute(job["setup"], "setup", module.__dict__)
