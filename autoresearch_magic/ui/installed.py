"""What is installed, asked in a process of its own: this one imports nothing by it, and CUDA is not initialised in it.

Not here: what is made of the answers (`doctor`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from ..runners.environment import experiment_environment

PATIENCE = 15.0
"""Seconds that an answer may take before it is given up."""

TORCH = """
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
"""Asked in a process of its own: where CUDA is initialised, no worker can be forked any more."""

PACKAGES = """
import importlib, json
from importlib import metadata
def look(name):
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return ["", ""]
    try:
        if name in ("anywidget", "ipywidgets"):  # the others would take their time, and are not needed for every study
            importlib.import_module(name)
    except BaseException as error:
        return [version, f"import {name} raises {type(error).__name__}: {error}"]
    return [version, ""]
print("\\n" + json.dumps({n: look(n) for n in ("anywidget", "ipywidgets", "jupyterlab", "anthropic", "openai")}))
"""


class Asked:
    """A question to a process of its own, in an experiment's environment: code that prints one line of JSON at its end."""

    def __init__(self, code: str) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._answer: dict[str, Any] | None = None
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code], env=experiment_environment(threads=1, seed=0), start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
            )  # fmt: skip
        except OSError as error:
            self._answer = {"error": f"this Python ({sys.executable or 'unknown'}) does not start: {error}"}

    def answer(self) -> dict[str, Any]:
        """Wait for the answer; ``{"error": ...}`` where there is none."""
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
        """Leave no process behind."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
