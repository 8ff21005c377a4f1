"""Checks of what runs experiments, and of what earlier studies have left behind."""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
from pathlib import Path

from ...errors import Stopped, UserError
from ...events import State
from ...runners.cell import CellRunner
from ...runners.worker.client import SERVER
from ...storage.folders import study_names
from ...storage.journal import Journal
from ...storage.study_lock import is_held
from ...study.definition import define
from ...study.runner_factory import make_runner
from ...text import counted
from .check import Check

PATIENCE = 15.0
"""Seconds that a worker may take to start and run one line."""


def check_worker() -> Check:
    """Start a worker, run one line in it, and end it."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ar-") as folder:
        log = Path(folder) / "setup.log"
        line = "loss = 1.0"
        definition = define("Check the worker", line, "", {"metric": "loss", "budget": "1s"})
        runner = make_runner(definition, Path(folder), scratch=Path(folder))
        assert isinstance(runner, CellRunner)
        timer = threading.Timer(PATIENCE, runner.interrupt)
        timer.start()
        try:
            measured = runner.measure(line, seed=1, deadline=PATIENCE)
        except Stopped:
            return Check("worker", "bad", f"no answer in {PATIENCE:.0f} s", "wait until the machine is less busy")
        except UserError:
            last = log.read_text(errors="replace").strip().splitlines()[-1:] if log.exists() else []
            remedy = (
                "make sure that this Python finds autoresearch_magic: pip install it, or set PYTHONPATH to its folder"
            )
            return Check("worker", "bad", f"it does not start: {' '.join(last)[:300] or 'it died'}", remedy)
        finally:
            timer.cancel()
            runner.close()
    if measured.value != 1.0:
        return Check("worker", "bad", f"one line failed in it: {measured.error or measured.outcome}", "restart Python")
    found = f"started, ran a line and ended in {time.monotonic() - began:.1f} s"
    if runner.worker.mode == "fork":
        return Check("worker", "ok", found)
    return Check(
        "worker", "warn", f"{found}, but cannot fork: {runner.worker.why}", "keep the setup short: each run repeats it"
    )


def check_studies(folder: Path) -> Check:
    """Look for studies whose process died while they were running."""
    interrupted, running, broken = [], 0, []
    for name in study_names(folder):
        try:
            with Journal(folder / name / "journal.sqlite") as journal:
                state = State(journal.get("state") or State.NEW)
        except (UserError, ValueError, OSError):
            broken.append(name)
            continue
        if state.active:
            if is_held(folder / name):
                running += 1
            else:
                interrupted.append(name)
    if interrupted:
        found = f"{_last_three(interrupted)}: the process died during the study"
        return Check(
            "studies", "warn", found, f"continue with  %autoresearch resume {interrupted[-1]}  (nothing is lost)"
        )
    if broken:
        return Check(
            "studies",
            "warn",
            f"no readable journal in {_last_three(broken)}",
            f"to repair it,  %autoresearch repair {broken[-1]}",
        )
    return Check("studies", "ok", f"none was interrupted{f', {running} running' if running else ''}")


def check_strays() -> Check:
    """Look for workers and experiments whose kernel has died."""
    if not Path("/proc/self/stat").exists():
        return Check("strays", "ok", "not checked: this system has no /proc")
    found = _strays()
    if found:
        time.sleep(1.2)  # a worker checks once a second whether its kernel lives, and may be about to end
        found &= _strays()
    if not found:
        return Check("strays", "ok", "no worker of a dead kernel")
    pids = " ".join(map(str, sorted(found)))
    return Check("strays", "warn", f"{counted(len(found), 'worker')} of dead kernels", f"kill -9 {pids}")


def _strays() -> set[int]:
    """Return the process ids of this user's workers whose parent runs no Python: it is no kernel, command line or worker."""
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdecimal() or entry.stat().st_uid != os.geteuid():
                continue
            if SERVER.encode() not in (entry / "cmdline").read_bytes().split(b"\0"):
                continue
            status = (entry / "status").read_text()
            parent = Path("/proc", re.findall(r"^PPid:\s*(\d+)", status, re.MULTILINE)[0])
            if parent.stat().st_uid != os.geteuid() or b"python" not in (parent / "maps").read_bytes().lower():
                found.add(int(entry.name))
        except (OSError, IndexError):  # it has ended meanwhile, or may not be read
            continue
    return found


def _last_three(names: list[str]) -> str:
    return ", ".join(names[-3:]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
