"""What workers run with, compared before anything is spent: versions, device, packages, and what confines experiments there.

A worker with another version of this package is refused. What else differs is told; where time counts, only the largest group of equal
workers is used.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from ...text import counted
from ..pool import cores_here, found_gpus
from ..walls import Walls

ASKING = 30.0
"""Seconds that a worker may take to try which layers confine experiments."""
MOST_PACKAGES = 6
"""Packages that are named where the versions of two environments differ."""
_REFUSAL = (
    "import json, platform, sys; from autoresearch_magic.runners.walls import Walls; "
    "from autoresearch_magic.runners.walls.enclosure import usable; from autoresearch_magic.runners.walls.words import refusal; "
    "walls = Walls.from_json(json.loads(sys.argv[1])); print(refusal(walls, *usable(walls), platform.system()))"
)


@dataclass(frozen=True)
class Environment:
    """What one worker, or the kernel, runs with.

    Attributes
    ----------
    package : str
        The version of this package, and a hash of its source.
    python, system, processor : str
    torch : str
        Its version; empty where it is not installed.
    cores : int
        Processors that it may use.
    gpus : tuple of str
        Models of the GPUs that it may use.
    threads : int
        Of a Dask worker; what an experiment gets there unless ``--threads`` says otherwise.
    packages : Mapping of str to str
        The versions of all installed packages.
    refused : str
        Why ``--sandbox strict`` cannot be had there; empty where it can.
    """

    package: str
    python: str
    system: str
    processor: str
    torch: str
    cores: int
    gpus: tuple[str, ...]
    threads: int
    packages: Mapping[str, str]
    refused: str = ""

    @property
    def device(self) -> str:
        """Return what computes there, in words."""
        gpus = ", ".join(f"{self.gpus.count(each)} x {each}" for each in dict.fromkeys(self.gpus))
        return f"{gpus or self.processor}, {counted(self.cores, 'core')}"

    @property
    def kind(self) -> str:
        """Return what must be equal for times to be comparable, in words."""
        parts = [self.device, counted(self.threads, "thread"), f"Python {self.python}", self.system]
        if self.torch:
            parts.append(f"torch {self.torch}")
        return "; ".join([*parts, f"packages {_hash(repr(sorted(self.packages.items())))}"])

    def differences(self, other: Environment) -> list[str]:
        """Return what is different here from another environment, each as ``name value (there: value)``."""
        pairs = [
            ("Python", self.python, other.python),
            ("torch", self.torch or "missing", other.torch or "missing"),
            ("system", self.system, other.system),
            ("device", self.device, other.device),
        ]
        found = [f"{name} {mine} ({theirs})" for name, mine, theirs in pairs if mine != theirs]
        names = sorted(self.packages.keys() | other.packages.keys())
        changed = [
            f"{name} {self.packages.get(name, 'missing')} ({other.packages.get(name, 'missing')})"
            for name in names
            if self.packages.get(name) != other.packages.get(name) and name != "torch"
        ]
        if len(changed) > MOST_PACKAGES:
            changed = [*changed[:MOST_PACKAGES], f"{len(changed) - MOST_PACKAGES} more packages"]
        return found + changed


def this_environment(threads: int = 0, walls: Walls | None = None) -> Environment:
    """Return what this process runs with.

    Parameters
    ----------
    threads : int
        Of the Dask worker.
    walls : Walls, optional
        What experiments are to be confined to, where it is to be tried.
    """
    packages = _packages()
    return Environment(
        package=own_version(), python=platform.python_version(), system=f"{platform.system()} {platform.machine()}",
        processor=_processor(), torch=packages.get("torch", ""), cores=len(cores_here()),
        gpus=tuple(gpu.model for gpu in found_gpus()), threads=threads, packages=packages,
        refused=_refused(walls) if walls is not None and walls.sandbox == "strict" else "",
    )  # fmt: skip


@cache
def own_version() -> str:
    """Return the version of this package with a hash of its source: two states of a checkout have the same version."""
    top = Path(__file__).parents[2]
    found = hashlib.sha256()
    for path in sorted(top.rglob("*.py")):
        found.update(f"{path.relative_to(top)}\0".encode())
        found.update(path.read_bytes())
    try:
        version = importlib.metadata.version("autoresearch-magic")
    except importlib.metadata.PackageNotFoundError:
        version = "not installed"
    return f"{version} ({found.hexdigest()[:8]})"


@cache
def _packages() -> dict[str, str]:
    found = {}
    for each in importlib.metadata.distributions():
        name = each.metadata["Name"]
        if name:
            found[name.lower().replace("_", "-")] = each.version
    return found


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _refused(walls: Walls) -> str:
    """Try the layers in another process: this one has threads, and is not to be forked."""
    import json

    try:
        done = subprocess.run(
            [sys.executable, "-c", _REFUSAL, json.dumps(walls.to_json())],
            capture_output=True, text=True, timeout=ASKING, check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        return f"--sandbox strict: what confines experiments could not be tried ({type(error).__name__})."
    return done.stdout.strip()


def machine_memory() -> int:
    """Return the bytes of memory of this machine."""
    return int(psutil.virtual_memory().total)


def host_name() -> str:
    """Return this machine's name."""
    return platform.node() or os.uname().nodename


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


# -- which workers are used -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """Which workers are used, and what of it is told.

    Attributes
    ----------
    used : tuple of str
        Addresses.
    kinds : frozenset of str
        The kinds of workers that may join later; empty for any.
    left_out : Mapping of str to str
        Why, for each other address.
    notes : tuple of str
        Lines for the user.
    """

    used: tuple[str, ...]
    kinds: frozenset[str]
    left_out: Mapping[str, str]
    notes: tuple[str, ...]


def choose(found: Mapping[str, Environment], names: Mapping[str, str], here: Environment, *, timed: bool) -> Choice:
    """Choose among workers.

    Parameters
    ----------
    found : Mapping of str to Environment
        By address.
    names : Mapping of str to str
        What people call them, by address.
    here : Environment
        The kernel's.
    timed : bool
        Whether times are compared: then only the largest group of equal workers is used.
    """
    out: dict[str, str] = {}
    for address, each in found.items():
        if each.package != here.package:
            out[address] = (
                f"it has autoresearch_magic {each.package}, and the study {here.package}: install the same one there"
            )
        elif each.refused:
            out[address] = each.refused.rstrip(".")
    able = [address for address in found if address not in out]
    groups: dict[str, list[str]] = {}
    for address in able:
        groups.setdefault(found[address].kind, []).append(address)
    largest = max(groups.values(), key=len, default=[])
    notes = []
    if timed and len(groups) > 1:
        first = found[largest[0]]
        for address in able:
            if address not in largest:
                what = "; ".join(found[address].differences(first)) or "its Dask threads"
                out[address] = f"it differs from the {len(largest)} used ones, and times are compared: {what}"
    used = [address for address in able if address not in out]
    reference = found[used[0]] if used else here
    if not timed:
        for address in used[1:]:
            if what := "; ".join(found[address].differences(reference)):
                notes.append(
                    f"Dask worker {names[address]} differs from {names[used[0]]}: {what}. Values may differ as well."
                )
    if used and (what := "; ".join(_software(reference.differences(here)))):
        notes.append(f"Experiments run with other versions than this process has: {what}.")
    notes += [f"Dask worker {names[address]} is not used: {why}." for address, why in out.items()]
    return Choice(tuple(used), frozenset({reference.kind}) if timed and used else frozenset(), out, tuple(notes))


def _software(differences: Sequence[str]) -> list[str]:
    """Leave out the device, which a cluster is there for."""
    return [each for each in differences if not each.startswith("device ")]
