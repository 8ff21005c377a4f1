"""What is said about walls: which layers are in force, what is missing, why a strict study is refused, and what opens a wall."""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Collection, Mapping
from pathlib import Path

from .policy import private_folders
from .wanted import Walls

NAMES = {"namespaces": "namespaces", "landlock": "Landlock", "seccomp": "seccomp", "limits": "limits", "cgroup": "cgroup",
         "sandbox-exec": "sandbox-exec"}  # fmt: skip
_FILES = ("namespaces", "landlock", "sandbox-exec")
_NETWORK = ("namespaces", "sandbox-exec")
_REMEDIES = {
    "Linux": "a kernel of 5.13 or later with Landlock, and user namespaces that containers and distributions may have switched off (Docker: "
    "--security-opt seccomp=unconfined; Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0)",
    "Darwin": "/usr/bin/sandbox-exec",
}
NETWORK = {
    "off": "no network but servers that they start themselves", "loopback": "all networks, because Linux cannot tell this machine's loopback from the rest without a relay",
    "on": "all networks",
}  # fmt: skip


def open_sides(walls: Walls, layers: Collection[str]) -> list[str]:
    """Return which of ``files`` and ``network`` these layers do not confine, although it is wanted."""
    sides = [] if any(layer in layers for layer in _FILES) else ["files"]
    if walls.network != "on" and not any(layer in layers for layer in _NETWORK):
        sides.append("network")
    return sides


def refusal(walls: Walls, layers: Collection[str], missing: Mapping[str, str], system: str) -> str:
    """Return why a strict study cannot run here, in one line; empty where it can."""
    if walls.sandbox == "strict" and walls.network == "loopback":
        return "--sandbox strict: nothing can tell this machine's servers from the rest of the network: --network off, or start the server in the run."
    if walls.sandbox != "strict" or not (sides := open_sides(walls, layers)):
        return ""
    needed = [layer for layer in (_FILES if "files" in sides else _NETWORK) if layer in missing]
    why = "; ".join(
        f"{NAMES[layer]}: {missing[layer]}" for layer in needed if (layer == "sandbox-exec") == (system == "Darwin")
    )
    what = " and ".join(sides)
    need = _REMEDIES.get(system, "Linux or macOS")
    return f"--sandbox strict: {what} of experiments cannot be confined here ({why}): it needs {need}, or --sandbox auto, which uses what works."


def in_force(walls: Walls, layers: Collection[str]) -> str:
    """Return in one line what experiments are confined by."""
    if not walls.up:
        return "Sandbox: off. Experiments may read, write and reach everything that you may."
    if not layers:
        return "Sandbox: no layer works here. Experiments may read, write and reach everything that you may."
    names = ", ".join(NAMES[layer] for layer in NAMES if layer in layers)
    files = "write to their own folder only, read nothing of your home but the project and caches"
    sides = open_sides(walls, layers)
    told = [] if "files" in sides else [files]
    told.append(f"reach {NETWORK[walls.network]}" if "network" not in sides else _partly(layers))
    return f"Sandbox: {names}. Experiments {' and '.join(told)}."


def _partly(layers: Collection[str]) -> str:
    if "seccomp" in layers:
        return "reach no network, but sockets of this machine's services that are files"
    if "landlock" in layers:
        return "reach no servers by TCP, but other protocols"
    return "reach all networks"


def lacking(walls: Walls, layers: Collection[str], missing: Mapping[str, str]) -> str:
    """Return in one line what is not confined although it is wanted, and why; empty where all is."""
    if not walls.up or not (sides := open_sides(walls, layers)):
        return ""
    why = "; ".join(f"{NAMES[layer]}: {reason}" for layer, reason in missing.items() if layer in (*_FILES, "seccomp"))
    return f"{' and '.join(sides).capitalize()} of experiments are not confined here as they should be ({why}); doctor says more."


def remedy_for(error: BaseException, walls: Walls) -> str:
    """Return what opens the wall that an exception of a target comes from; empty where it comes from none."""
    if not walls.up:
        return ""
    for each in _chain(error):
        if isinstance(each, OSError) and (found := _remedy(each, walls)):
            return found
    return ""


def remedy_for_output(output: str, walls: Walls) -> str:
    """Return what opens the wall that the last lines of a failed command's output speak of; empty where they speak of none."""
    if not walls.up:
        return ""
    end = output[-2_000:]
    if any(text in end for text in ("Read-only file system", "EROFS")):
        return _WRITE
    if walls.network != "on" and any(text in end for text in _NO_NETWORK):
        return _ONLINE
    for found in _NOT_THERE.finditer(end):
        path = Path(found[1])
        if _is_closed(found[1]) and os.path.lexists(path):
            folder = path.parent.parent if path.parent.name == "bin" else path.parent
            return f"{path} is there, but an experiment does not see it; --allow-read {folder} opens its folder"
    return ""


def _is_closed(path: str) -> bool:
    return any(os.path.abspath(path).startswith(f"{folder}/") for folder in private_folders())


_NOT_THERE = re.compile(
    r"(/[^\s:'\"()]+)['\"]?(?:: | \()?[^\n/]{0,30}?(?:No such file|not found|cannot open|does not exist|Permission denied)",
    re.IGNORECASE,
)


def tried_to_write(output: str, paths: Collection[str]) -> str:
    """Return which of the files that are read-only to a run the last lines of its output say that it could not write; empty for none."""
    for line in reversed(output[-4_000:].splitlines()):
        if any(text in line for text in _REFUSED):
            words = {word.strip("'\"`:,.") for word in line.split()}
            for path in paths:
                if any(word and (path == word or path.endswith(f"/{word.removeprefix('./')}")) for word in words):
                    return path.rpartition("/")[2]
    return ""


_REFUSED = ("Read-only file system", "EROFS", "read-only file system", "Device or resource busy", "EBUSY")
_WRITE = "an experiment writes to its own folder only; --allow-write PATH opens another"
_READ = "an experiment reads its own folder, its project and what programs need; --allow-read PATH opens more"
_ONLINE = "an experiment has no network; --network on gives it"
_LOCAL = "an experiment reaches only servers that it starts itself; --network loopback opens this machine's"
_NO_NETWORK = (
    "Network is unreachable",
    "Temporary failure in name resolution",
    "Could not resolve host",
    "ENETUNREACH",
    "EAI_AGAIN",
)


def _chain(error: BaseException) -> list[BaseException]:
    """Return an exception with its causes and the reasons that wrap others, at most ten."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(found) < 10:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and each not in found:
            found.append(each)
            waiting += [each.__cause__, each.__context__, getattr(each, "reason", None)]
    return found


def _remedy(error: OSError, walls: Walls) -> str:
    if isinstance(path := error.filename, (str, bytes)):
        if error.errno == errno.EROFS:
            return _WRITE
        if error.errno in (errno.EACCES, errno.EPERM):
            return _READ.replace("--allow-read PATH", "--allow-read PATH or --allow-write PATH")
        closed = any(
            os.path.abspath(os.fsdecode(path)).startswith(f"{folder}/")
            for folder in private_folders() - {"/tmp", "/var/tmp"}
        )
        return _READ if error.errno == errno.ENOENT and closed else ""
    if walls.network == "on":
        return ""
    if isinstance(error, socket.gaierror) or error.errno in (errno.ENETUNREACH, errno.EPERM, errno.EACCES):
        return _ONLINE
    return _LOCAL if error.errno == errno.ECONNREFUSED and walls.network == "off" else ""
