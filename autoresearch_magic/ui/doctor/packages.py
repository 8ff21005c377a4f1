"""Checks of packages and agents: torch, the notebook widgets, the vendors' SDKs and keys, command-line agents.

Packages are imported in a separate process: this one stays small, and CUDA is not initialised in it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...agents.editing.adapters import ADAPTERS
from ...errors import UserError
from ...experiment import GIB
from ...runners.environment import experiment_environment
from ...study.tracking.found import installed, tracker_class, trackers
from .check import Check

PATIENCE = 15.0
"""Seconds to wait for a script."""

PROGRAMS = (*(adapter.program for adapter in ADAPTERS.values()), "llm", "ollama")
"""Command-line agents that are looked for on PATH."""

TORCH_SCRIPT = """
import json
def look():
    try:
        import torch
    except BaseException as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "torch":
            return {}
        return {"error": f"import torch raises {type(error).__name__}: {error}"}
    devices, why = [], ""
    try:
        if torch.cuda.is_available():
            for n in range(torch.cuda.device_count()):
                of = torch.cuda.get_device_properties(n)
                devices.append([of.name, of.total_memory])
        elif torch.backends.mps.is_available():
            devices.append(["Apple GPU (MPS)", torch.mps.recommended_max_memory()])
    except BaseException as error:
        why = f"{type(error).__name__}: {error}"
    return {"version": str(torch.__version__), "cuda": torch.version.cuda or "", "devices": devices, "why": why}
print("\\n" + json.dumps(look()))
"""
"""Reports torch and its devices. In a separate process, because no worker can be forked after CUDA is initialised."""

PACKAGES_SCRIPT = """
import importlib, json
from importlib import metadata
def look(name):
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return ["", ""]
    try:
        if name in ("anywidget", "ipywidgets"):  # the others are slow to import, and not every study needs them
            importlib.import_module(name)
    except BaseException as error:
        return [version, f"import {name} raises {type(error).__name__}: {error}"]
    return [version, ""]
print("\\n" + json.dumps({n: look(n) for n in ("anywidget", "ipywidgets", "jupyterlab", "anthropic", "openai")}))
"""


class Probe:
    """A script that runs in a separate process, in an experiment's environment, and prints a JSON object as its last line."""

    def __init__(self, script: str) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._answer: dict[str, Any] | None = None
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", script], env=experiment_environment(threads=1, seed=0), start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
            )  # fmt: skip
        except OSError as error:
            self._answer = {"error": f"this Python ({sys.executable or 'unknown'}) does not start: {error}"}

    def answer(self) -> dict[str, Any]:
        """Wait for the object; ``{"error": ...}`` if the script failed."""
        if self._answer is None:
            assert self._process is not None
            try:
                out, err = self._process.communicate(timeout=PATIENCE)
                self._answer = json.loads(out.strip().splitlines()[-1])
            except subprocess.TimeoutExpired:
                self._answer = {"error": f"the import takes longer than {PATIENCE:.0f} s"}
            except (IndexError, ValueError):
                last = " ".join(err.strip().splitlines()[-1:])[:300]
                self._answer = {
                    "error": f"the import ends Python (exit status {self._process.returncode}) {last}".strip()
                }
        return self._answer

    def close(self) -> None:
        """Kill the process if it still runs."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


def check_torch(answer: dict[str, Any]) -> Check:
    """Check torch and its devices, from the answer of `TORCH_SCRIPT`."""
    reinstall = "pip install --force-reinstall torch"
    if not answer:
        hint = "pip install torch  for targets that train networks"
        return Check("torch", "ok", "not installed; only targets that import it need it", hint)
    if error := answer.get("error"):
        return Check("torch", "warn", " ".join(error.split())[:300], reinstall)
    devices = ", ".join(f"{name} ({memory / GIB:.0f} GiB)" for name, memory in answer["devices"])
    if answer["why"]:
        found = f"{answer['version']}: its GPU does not answer: {' '.join(answer['why'].split())[:200]}"
        return Check("torch", "warn", found, "check  nvidia-smi  and CUDA_VISIBLE_DEVICES")
    if devices:
        return Check(
            "torch", "ok", f"{answer['version']}{' with CUDA ' + answer['cuda'] if answer['cuda'] else ''}: {devices}"
        )
    if Path("/dev/nvidia0").exists():
        found = f"{answer['version']} does not see the GPU of this machine"
        remedy = "check CUDA_VISIBLE_DEVICES, and that the driver (nvidia-smi) is as new as the CUDA of torch"
        return Check("torch", "warn", f"{found} (built for CUDA {answer['cuda']})" if answer["cuda"] else found, remedy)
    return Check("torch", "ok", f"{answer['version']}, on the CPU")


def check_notebook(answer: dict[str, Any]) -> Check:
    """Check the widget packages that the panel needs, and whether this process is a notebook's kernel."""
    if error := answer.get("error"):
        return Check("notebook", "warn", error, "pip install --force-reinstall anywidget ipywidgets")
    ipython = sys.modules.get("IPython")
    kernel = ipython is not None and hasattr(ipython.get_ipython(), "kernel")
    names = ("anywidget", "ipywidgets", "jupyterlab")
    found = ", ".join(f"{name} {answer[name][0] or 'not installed'}" for name in names)
    found += "; in a notebook's kernel" if kernel else "; not in a notebook's kernel"
    wrong = [name for name in names if answer[name][1] or (name != "jupyterlab" and not answer[name][0])]
    if not kernel and not any(answer[name][0] for name in names):
        hint = "pip install anywidget ipython ipywidgets markdown-it-py matplotlib nbformat pandas  for notebooks, charts and DataFrames"
        return Check("notebook", "ok", "not installed; a terminal does not need it", hint)
    if wrong:
        why = next((answer[name][1] for name in wrong if answer[name][1]), "")
        remedy = f"pip install --force-reinstall {' '.join(wrong)}  and restart the kernel; without them there is no live panel"
        return Check("notebook", "warn", f"{found}; {' '.join(why.split())[:200]}" if why else found, remedy)
    hint = "" if kernel or answer["jupyterlab"][0] else "pip install jupyterlab  for a notebook server"
    return Check("notebook", "ok", found, hint)


@dataclass(frozen=True)
class Vendor:
    """A vendor of models: the agent's name, the SDK, the environment variables that may hold a key, and what to do without one."""

    name: str
    sdk: str
    keys: tuple[str, ...]
    without: str

    @property
    def remedy(self) -> str:
        """The command that installs the SDK."""
        return f"pip install {self.sdk}"


CLAUDE = Vendor(
    "claude", "anthropic", ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"), "without it a notebook asks for one"
)
OPENAI = Vendor("openai", "openai", ("OPENAI_API_KEY",), "a local server needs none: openai:MODEL@URL")


def check_vendor(vendor: Vendor, answer: dict[str, Any]) -> Check:
    """Check a vendor's SDK and whether a key is set; no part of the key is shown."""
    name = vendor.name
    if error := answer.get("error"):
        return Check(name, "warn", error, vendor.remedy)
    version, _ = answer[vendor.sdk]
    key = next((os.environ[variable] for variable in vendor.keys if os.environ.get(variable, "").strip()), "")
    found = f"{vendor.sdk} {version or 'not installed'}, {'a key is set' if key else 'no key is set'}"
    if key and not re.fullmatch(r"[!-~]+", key.strip()):
        remedy = f"set {vendor.keys[0]} again: it contains spaces, line breaks or letters that no key has"
        return Check(name, "warn", f"{found}, but it is malformed", remedy)
    if not version:
        return Check(name, "warn" if key else "ok", found, f"{vendor.remedy}  for --agent {name}")
    return Check(name, "ok", found, "" if key else f"set {vendor.keys[0]} for --agent {name}; {vendor.without}")


def check_trackers() -> Check:
    """Say which trackers of --track are installed; none is imported."""
    found, missing = list[str](), list[str]()
    for name in sorted(trackers()):
        try:
            needs = tracker_class(name).needs
        except UserError as error:
            return Check("trackers", "warn", str(error), f"reinstall the package of the tracker {name}, or remove it")
        version = installed(needs) if needs else "of another package"
        (found if version else missing).append(f"{name} {version}".rstrip())
    hint = f"pip install {' '.join(missing)}  for --track" if missing else ""
    words = [
        ", ".join(found) or "none installed",
        *([f"not installed: {', '.join(missing)}"] if found and missing else []),
    ]
    return Check("trackers", "ok", "; ".join(words), hint)


def check_programs() -> Check:
    """Look for command-line agents on PATH."""
    names = [name for name in PROGRAMS if shutil.which(name)]
    if not names:
        remedy = "any program that reads standard input can propose: --agent command:PROGRAM"
        return Check("command", "ok", "no command-line agent on PATH", remedy)
    editing = {adapter.program: name for name, adapter in ADAPTERS.items()}
    agent = editing.get(names[0], f"'command:{names[0]} ...'")
    return Check("command", "ok", f"{', '.join(names)} on PATH: --agent {agent}")
