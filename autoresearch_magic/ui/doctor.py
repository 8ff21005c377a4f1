"""What the doctor examines: is everything that a study needs there, and does it work? Each thing is tried, none guessed.

Nothing leaves the machine, nothing is left behind, and no key is read further than to see that there is one. What is heavy or
could start a GPU is imported in a process of its own, in an experiment's environment. Not here: how it is shown (`views`).
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from ..budget import Budget
from ..errors import Stopped, UserError
from ..events import State
from ..experiment import Experiment, Proposal, Verdict
from ..metric import Metric
from ..runners.cell import CellRunner
from ..runners.worker import server as worker
from ..storage.folders import study_names
from ..storage.git.cell_repository import CellRepository
from ..storage.git.command import NO_GIT, git
from ..storage.journal import Journal
from ..text import counted
from .installed import PACKAGES, PATIENCE, TORCH, Asked

Show = Callable[[float, str], object]
"""Hears which share is done, 0 to 1, and what is looked at."""

LITTLE_SPACE = 1e9
"""Bytes: less free space than this is told. A study's logs and versions are small; what targets write is not."""
OLDEST_GIT = (2, 25)
"""The first git that takes paths from its standard input, as worktrees need."""
PROGRAMS = ("claude", "codex", "gemini", "aider", "opencode", "llm", "ollama")
"""Command-line agents that are looked for."""


@dataclass(frozen=True)
class Check:
    """One thing that was examined.

    Attributes
    ----------
    name : str
    state : {"ok", "warn", "bad"}
        ``bad``: a study cannot run. ``warn``: it can, but something is missing, or worse than it need be.
    said : str
        One line: what was found.
    remedy : str
        One line: what to do. Never empty for ``warn`` and ``bad``; a hint, or empty, for ``ok``.
    """

    name: str
    state: Literal["ok", "warn", "bad"]
    said: str
    remedy: str = ""


def examine(root: str | Path, show: Show | None = None) -> list[Check]:
    """Examine this machine, and the folder of studies.

    Parameters
    ----------
    root : str or Path
        The folder that holds the studies; it need not be there, and is not made.
    show : callable, optional
        Hears how far it is.

    Returns
    -------
    list of Check
        Always the same names in the same order.
    """
    folder = Path(root).absolute()
    torch, packages = Asked(TORCH), Asked(PACKAGES)  # they take seconds, so they begin first
    examined: tuple[tuple[str, Callable[[], Check], str], ...] = (
        ("python", check_python, "install Python 3.11 or later"),
        ("cores", check_cores, "see  uptime"),
        ("git", check_git, "see that git can make a repository and commit in the folder for temporary files (TMPDIR)"),
        ("folder", lambda: check_folder(folder), f"make {folder} writable, or {_ELSEWHERE}"),
        ("disk", lambda: check_disk(folder), f"make room, or {_ELSEWHERE}"),
        ("sockets", check_sockets, "set TMPDIR to a folder of a local disk"),
        ("worker", check_worker, "start Python anew, and see that autoresearch_magic is installed in it"),
        ("studies", lambda: check_studies(folder), f"see that {folder} can be read"),
        ("strays", check_strays, "see  ps aux"),
        ("notebook", lambda: check_notebook(packages.answer()), "pip install --force-reinstall anywidget ipywidgets"),
        ("torch", lambda: check_torch(torch.answer()), "pip install --force-reinstall torch"),
        ("claude", lambda: check_vendor(_CLAUDE, packages.answer()), _CLAUDE.remedy),
        ("openai", lambda: check_vendor(_OPENAI, packages.answer()), _OPENAI.remedy),
        ("command", check_programs, "see PATH"),
    )
    checks = []
    try:
        for n, (name, check, remedy) in enumerate(examined):
            if show is not None:
                show(n / len(examined), name)
            try:
                found = check()
            except Exception as error:  # what fails here would fail a study, and the rest is to be told all the same
                found = Check(name, "bad", _line(error), remedy)
            checks.append(found)
    finally:
        torch.close()
        packages.close()
    return checks


_ELSEWHERE = "keep the studies elsewhere: autoresearch --root FOLDER, or Study(..., root=FOLDER)"


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, UserError) else f"{type(error).__name__}: {text}".removesuffix(": ")


# -- the machine -------------------------------------------------------------------------------------------------------


def check_python() -> Check:
    """See which Python this is, and whether processes can fork."""
    system = platform.system()
    said = f"{platform.python_version()} on {system} {platform.release()} ({platform.machine()})"
    if system == "Windows":
        return Check("python", "bad", f"{said}, which cannot fork", "use WSL: wsl --install , and install it all there")
    if not hasattr(os, "fork"):
        return Check("python", "bad", f"{said}, which cannot fork", "use Python on Linux or macOS")
    return Check("python", "ok", f"{said}, can fork")


def check_cores() -> Check:
    """Compare the load of the last minute with the number of cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0]
    said = f"{counted(cores, 'core')}, load {load:.1f}"
    if load <= cores:
        return Check("cores", "ok", said)
    remedy = "see what else runs (top) and end it or wait, or give budgets in steps"
    return Check("cores", "warn", f"{said}: times and noise will be worse than they need be", remedy)


def check_git() -> Check:
    """See that git is there, and commit in a scratch repository as a study does."""
    if shutil.which("git") is None:
        said, _, remedy = NO_GIT.partition(": ")
        return Check("git", "bad", said, remedy)
    with tempfile.TemporaryDirectory(prefix="ar-") as scratch:
        version = git(Path(scratch), "--version").split()[-1 if platform.system() != "Darwin" else 2]
        repository = CellRepository(Path(scratch) / "repo", "doctor")
        baseline = Experiment(0, None, Proposal("loss = 1.0\n", "baseline"), verdict=Verdict.BASELINE)
        made = repository.record(
            baseline, {"target.py": baseline.target}, Metric("loss", "loss"), None, when=datetime.now(UTC)
        )
        if repository.commit_of(0) != made:
            return Check("git", "bad", f"{version} lost a commit", "install git anew")
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if numbers < OLDEST_GIT:
        oldest = ".".join(map(str, OLDEST_GIT))
        return Check("git", "warn", f"{version} is old: studies of repositories need {oldest}", "upgrade git")
    return Check("git", "ok", f"{version}, can commit")


def check_folder(folder: Path) -> Check:
    """Write a file, a journal and a lock where the studies are, or will be."""
    place = _nearest(folder)
    if not place.is_dir():
        return Check("folder", "bad", f"{place} is no folder", f"move it away, or {_ELSEWHERE}")
    try:
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=place) as made:
            Journal(Path(made) / "journal.sqlite", create=True).close()
            with FileLock(Path(made) / "lock", timeout=0):
                pass
    except PermissionError:
        return Check("folder", "bad", f"{place} is not writable", f"make it writable, or {_ELSEWHERE}")
    names = study_names(folder)
    held = f"studies in it: {len(names)}" if folder.exists() else "not made yet"
    return Check("folder", "ok", f"{folder} is writable, {held}")


def check_disk(folder: Path) -> Check:
    """See how much space is free where the studies are."""
    free = shutil.disk_usage(_nearest(folder)).free
    said = f"{free / 1e9:.1f} GB free"
    return (
        Check("disk", "ok", said)
        if free >= LITTLE_SPACE
        else Check("disk", "warn", said, f"make room, or {_ELSEWHERE}")
    )


def _nearest(folder: Path) -> Path:
    """Return a folder, or what is nearest above it."""
    return next(place for place in (folder, *folder.parents) if os.path.lexists(place))


def check_sockets() -> Check:
    """Make a socket where ``autoresearch run NOTEBOOK.ipynb`` has its kernel's; workers need none that has a path."""
    with tempfile.TemporaryDirectory(prefix="ar-") as short, socket.socket(socket.AF_UNIX) as made:
        path = str(Path(short) / "k-ipc-5")
        try:
            made.bind(path)
        except OSError as error:
            remedy = "set TMPDIR to a folder of a local disk with a short path, before you run notebooks from the command line"
            return Check("sockets", "warn", f"a path of {len(os.fsencode(path))} bytes cannot be one: {error}", remedy)
        return Check("sockets", "ok", f"a path of {len(os.fsencode(path))} bytes can be one")


# -- what runs, and what has run ------------------------------------------------------------------------------------------


def check_worker() -> Check:
    """Start a worker, run one line in it, and end it."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ar-") as scratch:
        log = Path(scratch) / "setup.log"
        line = "loss = 1.0"
        runner = CellRunner("", line, Metric("loss", "loss"), Budget(1.0, "seconds"), setup_log=log)
        alarm = threading.Timer(PATIENCE, runner.interrupt)
        alarm.start()
        try:
            measured = runner.measure(line, seed=1, deadline=PATIENCE)
        except Stopped:
            return Check("worker", "bad", f"no answer in {PATIENCE:.0f} s", "wait until the machine is less busy")
        except UserError:
            last = log.read_text(errors="replace").strip().splitlines()[-1:] if log.exists() else []
            remedy = "see that this Python finds autoresearch_magic: pip install it, or set PYTHONPATH to its folder"
            return Check("worker", "bad", f"it does not start: {' '.join(last)[:300] or 'it died'}", remedy)
        finally:
            alarm.cancel()
            runner.close()
    if measured.value != 1.0:
        return Check(
            "worker", "bad", f"one line failed in it: {measured.error or measured.outcome}", "start Python anew"
        )
    said = f"started, ran a line and ended in {time.monotonic() - began:.1f} s"
    if runner.mode == "fork":
        return Check("worker", "ok", said)
    return Check(
        "worker", "warn", f"{said}, but cannot fork: {runner.why}", "keep the setup short: each run repeats it"
    )


def check_studies(folder: Path) -> Check:
    """Look for studies whose process has gone in the middle of their work."""
    gone, busy, broken = [], 0, []
    for name in study_names(folder):
        try:
            journal = Journal(folder / name / "journal.sqlite")
            try:
                state = State(journal.get("state") or State.NEW)
            finally:
                journal.close()
        except (UserError, ValueError, OSError):
            broken.append(name)
            continue
        if state.active:
            try:
                with FileLock(folder / name / "lock", timeout=0):
                    gone.append(name)
            except Timeout:
                busy += 1
    if gone:
        said = f"{_listed(gone)}: the process ended in the middle of the work"
        return Check("studies", "warn", said, f"go on with  %autoresearch resume {gone[-1]}  (nothing is lost)")
    if broken:
        return Check("studies", "warn", f"no readable journal in {_listed(broken)}", f"move the folder out of {folder}")
    return Check("studies", "ok", f"none was cut off{f', {busy} at work' if busy else ''}")


def check_strays() -> Check:
    """Look for workers, and experiments, whose kernel is gone."""
    if not Path("/proc/self/stat").exists():
        return Check("strays", "ok", "not looked for: this system has no /proc")
    found = _strays()
    if found:
        time.sleep(1.2)  # a worker looks once a second whether its kernel lives, and may be about to end
        found &= _strays()
    if not found:
        return Check("strays", "ok", "no worker of a dead kernel")
    pids = " ".join(map(str, sorted(found)))
    return Check("strays", "warn", f"{counted(len(found), 'worker')} of dead kernels", f"kill -9 {pids}")


def _strays() -> set[int]:
    """Return this user's workers whose parent has no Python in it, and so is no kernel, no command line and no worker."""
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdecimal() or entry.stat().st_uid != os.geteuid():
                continue
            if worker.__name__.encode() not in (entry / "cmdline").read_bytes().split(b"\0"):
                continue
            status = (entry / "status").read_text()
            parent = Path("/proc", re.findall(r"^PPid:\s*(\d+)", status, re.MULTILINE)[0])
            if parent.stat().st_uid != os.geteuid() or b"python" not in (parent / "maps").read_bytes().lower():
                found.add(int(entry.name))
        except (OSError, IndexError):  # it has ended meanwhile, or nothing is told of it
            continue
    return found


def _listed(names: list[str]) -> str:
    return ", ".join(names[-3:]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


# -- packages ----------------------------------------------------------------------------------------------------------


def check_torch(told: dict[str, Any]) -> Check:
    """Judge what the process that imported torch has told."""
    again = "pip install --force-reinstall torch"
    if not told:
        hint = "pip install torch  for targets that train networks"
        return Check("torch", "ok", "not installed; only targets that import it need it", hint)
    if error := told.get("error"):
        return Check("torch", "warn", " ".join(error.split())[:300], again)
    devices = ", ".join(f"{name} ({memory / 1e9:.0f} GB)" for name, memory in told["devices"])
    if told["why"]:
        said = f"{told['version']}: its GPU does not answer: {' '.join(told['why'].split())[:200]}"
        return Check("torch", "warn", said, "see  nvidia-smi  and CUDA_VISIBLE_DEVICES")
    if devices:
        return Check(
            "torch", "ok", f"{told['version']}{' with CUDA ' + told['cuda'] if told['cuda'] else ''}: {devices}"
        )
    if Path("/dev/nvidia0").exists():
        said = f"{told['version']} does not see the GPU that is here"
        remedy = "see CUDA_VISIBLE_DEVICES, and whether the driver (nvidia-smi) is as new as the CUDA of torch"
        return Check("torch", "warn", f"{said} (built for CUDA {told['cuda']})" if told["cuda"] else said, remedy)
    return Check("torch", "ok", f"{told['version']}, on the CPU")


def check_notebook(told: dict[str, Any]) -> Check:
    """Judge what the panel needs, and say whether this process is a notebook's kernel."""
    if error := told.get("error"):
        return Check("notebook", "warn", error, "pip install --force-reinstall anywidget ipywidgets")
    ipython = sys.modules.get("IPython")
    kernel = ipython is not None and hasattr(ipython.get_ipython(), "kernel")
    names = ("anywidget", "ipywidgets", "jupyterlab")
    said = ", ".join(f"{name} {told[name][0] or 'not installed'}" for name in names)
    said += "; in a notebook's kernel" if kernel else "; not in a notebook's kernel"
    wrong = [name for name in names if told[name][1] or (name != "jupyterlab" and not told[name][0])]
    if wrong:
        why = next((told[name][1] for name in wrong if told[name][1]), "")
        remedy = (
            f"pip install --force-reinstall {' '.join(wrong)}  and restart the kernel; without, there is no live panel"
        )
        return Check("notebook", "warn", f"{said}; {' '.join(why.split())[:200]}" if why else said, remedy)
    hint = "" if kernel or told["jupyterlab"][0] else "pip install jupyterlab  for a notebook server"
    return Check("notebook", "ok", said, hint)


# -- agents ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Vendor:
    """A vendor of models: the agent's name, the SDK, and where a key may be; the first variable is the usual one."""

    name: str
    sdk: str
    keys: tuple[str, ...]
    without: str

    @property
    def remedy(self) -> str:
        return f"pip install {self.sdk}"


_CLAUDE = _Vendor("claude", "anthropic", ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"), "a notebook asks for one")
_OPENAI = _Vendor("openai", "openai", ("OPENAI_API_KEY",), "a server of yours needs none: openai:MODEL@URL")


def check_vendor(vendor: _Vendor, told: dict[str, Any]) -> Check:
    """Say whether a vendor's SDK is installed and whether there is a key, which is not shown, not even in part."""
    name = vendor.name
    if error := told.get("error"):
        return Check(name, "warn", error, vendor.remedy)
    version, _ = told[vendor.sdk]
    key = next((os.environ[variable] for variable in vendor.keys if os.environ.get(variable, "").strip()), "")
    said = f"{vendor.sdk} {version or 'not installed'}, {'a key is set' if key else 'no key is set'}"
    if key and not re.fullmatch(r"[!-~]+", key.strip()):
        remedy = f"set {vendor.keys[0]} anew: it has blanks, line breaks or letters that no key has"
        return Check(name, "warn", f"{said}, but it cannot be one", remedy)
    if not version:
        return Check(name, "warn" if key else "ok", said, f"{vendor.remedy}  for --agent {name}")
    return Check(name, "ok", said, "" if key else f"set {vendor.keys[0]} for --agent {name}; {vendor.without}")


def check_programs() -> Check:
    """Look for the programs of other agents."""
    found = [name for name in PROGRAMS if shutil.which(name)]
    if not found:
        return Check(
            "command",
            "ok",
            "no agent's program on PATH",
            "any program that reads standard input will do: --agent command:PROGRAM",
        )
    return Check("command", "ok", f"{', '.join(found)} on PATH: --agent 'command:{found[0]} ...'")
