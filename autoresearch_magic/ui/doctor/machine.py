"""Checks of the machine: Python, cores, git, the folder of studies, disk space, sockets."""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from ...experiment import Experiment, Proposal, Verdict
from ...metric import Metric
from ...storage.folders import study_names
from ...storage.git.cell_repository import CellRepository
from ...storage.git.command import NO_GIT, git
from ...storage.journal import Journal
from ...text import counted
from .check import ELSEWHERE, Check

LITTLE_SPACE = 1e9
"""Bytes of free space below which there is a warning. A study's logs and versions are small; what targets write may not be."""
OLDEST_GIT = (2, 25)
"""The first git that reads paths from standard input, which worktrees need."""


def check_python() -> Check:
    """Report the version of Python and whether processes can fork."""
    system = platform.system()
    found = f"{platform.python_version()} on {system} {platform.release()} ({platform.machine()})"
    if system == "Windows":
        return Check(
            "python", "bad", f"{found}, which cannot fork", "use WSL: wsl --install , and install everything there"
        )
    if not hasattr(os, "fork"):
        return Check("python", "bad", f"{found}, which cannot fork", "use Python on Linux or macOS")
    return Check("python", "ok", f"{found}, can fork")


def check_cores() -> Check:
    """Compare the load average of the last minute with the cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0]
    found = f"{counted(cores, 'core')}, load {load:.1f}"
    if load <= cores:
        return Check("cores", "ok", found)
    remedy = "see what else runs (top) and end it or wait, or give budgets in steps, which do not depend on speed"
    return Check("cores", "warn", f"{found}: runs will be slower and noisier than necessary", remedy)


def check_git() -> Check:
    """Commit in a temporary repository with git, as a study does."""
    if shutil.which("git") is None:
        found, _, remedy = NO_GIT.partition(": ")
        return Check("git", "bad", found, remedy)
    with tempfile.TemporaryDirectory(prefix="ar-") as folder:
        version = git(Path(folder), "--version").split()[-1 if platform.system() != "Darwin" else 2]
        repository = CellRepository(Path(folder) / "repo", "doctor")
        baseline = Experiment(0, None, Proposal("loss = 1.0\n", "baseline"), verdict=Verdict.BASELINE)
        commit = repository.record(
            baseline, {"target.py": baseline.target}, Metric("loss", "loss"), None, when=datetime.now(UTC)
        )
        if repository.commits().get(0) != commit:
            return Check("git", "bad", f"{version} lost a commit", "reinstall git")
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if numbers < OLDEST_GIT:
        oldest = ".".join(map(str, OLDEST_GIT))
        return Check("git", "warn", f"{version} is old: studies of repositories need {oldest}", "upgrade git")
    return Check("git", "ok", f"{version}, can commit")


def check_folder(folder: Path) -> Check:
    """Create a journal and a lock where the studies are, or will be."""
    place = _nearest(folder)
    if not place.is_dir():
        return Check("folder", "bad", f"{place} is not a folder", f"move it away, or {ELSEWHERE}")
    try:
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=place) as scratch:
            Journal(Path(scratch) / "journal.sqlite", create=True).close()
            with FileLock(Path(scratch) / "lock", timeout=0):
                pass
    except PermissionError:
        return Check("folder", "bad", f"{place} is not writable", f"make it writable, or {ELSEWHERE}")
    names = study_names(folder)
    content = f"studies in it: {len(names)}" if folder.exists() else "not created yet"
    return Check("folder", "ok", f"{folder} is writable, {content}")


def check_disk(folder: Path) -> Check:
    """Report the free disk space where the studies are."""
    free = shutil.disk_usage(_nearest(folder)).free
    found = f"{free / 1e9:.1f} GB free"
    if free >= LITTLE_SPACE:
        return Check("disk", "ok", found)
    return Check("disk", "warn", found, f"free some space, or {ELSEWHERE}")


def _nearest(folder: Path) -> Path:
    """Return the folder if it exists, else the nearest existing path above it."""
    return next(place for place in (folder, *folder.parents) if os.path.lexists(place))


def check_sockets() -> Check:
    """Bind a Unix socket where ``autoresearch run NOTEBOOK.ipynb`` puts those of its kernel; workers use unnamed sockets."""
    with tempfile.TemporaryDirectory(prefix="ar-") as short, socket.socket(socket.AF_UNIX) as unix:
        path = str(Path(short) / "k-ipc-5")
        size = f"a socket path of {len(os.fsencode(path))} bytes"
        try:
            unix.bind(path)
        except OSError as error:
            remedy = "set TMPDIR to a folder of a local disk with a short path, before running notebooks from the command line"
            return Check("sockets", "warn", f"{size} does not work: {error}", remedy)
        return Check("sockets", "ok", f"{size} works")
