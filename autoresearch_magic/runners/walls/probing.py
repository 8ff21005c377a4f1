"""Which layers work here: each one is tried in a child process of its own, because what confines a process stays for ever."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache

from . import cgroup, landlock, limits, mounts, namespaces, sandbox_exec, seccomp, system
from .places import Access, Step
from .wanted import LAYERS

try:
    import resource
except ImportError:  # a system without fork, where nothing is confined
    pass

PATIENCE = 5.0
"""Seconds that a layer may take in its test."""


@cache
def probe() -> dict[str, str]:
    """Return for each layer an empty text where it works, else why it does not."""
    return {layer: _tried(_CHECKS[layer]) for layer in LAYERS}


def _tried(check: Callable[[], str]) -> str:
    """Run a check in a child process; return what it says."""
    if not hasattr(os, "fork"):
        return "this system has no fork"
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            said = check()
        except BaseException as error:
            said = (error.strerror if isinstance(error, OSError) and error.strerror else str(error)) or type(
                error
            ).__name__
        os.write(write, (said.replace("\n", " ")[:300] or ".").encode())
        os._exit(0)
    os.close(write)
    answer, end = b"", time.monotonic() + PATIENCE
    os.set_blocking(read, False)
    while time.monotonic() < end:
        try:
            if not (more := os.read(read, 1000)):
                break
            answer += more
        except BlockingIOError:
            time.sleep(0.001)
    os.close(read)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    if check is _cgroup and (place := cgroup.find_place(cgroup.mounted())[0]) is not None:
        with suppress(OSError):
            (place / f"autoresearch-test-{pid}").rmdir()
    return "it hung or ended in its test" if not answer else "" if answer == b"." else answer.decode()


def _landlock() -> str:
    if sys.platform != "linux":
        return "Linux only"
    version = landlock.abi()
    if not version:
        return "the kernel has none, or it is switched off (lsm= on its command line)"
    rules = landlock.Rules()
    rules.allow("/usr", landlock.READ)
    rules.enforce(version=version, tcp=True)
    try:
        os.listdir("/")
    except PermissionError:
        return ""
    return "it is there and stops nothing"


def _namespaces() -> str:
    """Make all of them as a worker does, and look at them from inside."""
    if sys.platform != "linux":
        return "Linux only"
    if not namespaces.may_make_namespaces():
        namespaces.own_user_namespace()
    made = namespaces.Namespaces()
    read, write = os.pipe()

    def inside() -> None:
        step = "entering them"
        try:
            made.enter(network=False)
            step = "mounting"
            mounts.private_root()
            mounts.arrange([Step("/run", Access.NONE)], [], None, shared_memory=1 << 20, space=1 << 20)
            step = "looking round"
            seen = [name for name in os.listdir("/proc") if name.isdecimal()]
            problem = (
                "the processes of the machine are still seen"
                if len(seen) > 2
                else "files of the machine are seen"
                if os.listdir("/tmp")
                else ""
            )
        except OSError as error:
            problem = f"{step}: {error.strerror}"
        os.write(write, problem.encode() or b".")
        os._exit(0)

    pid = made.fork(inside)
    os.close(write)
    said = os.read(read, 300).decode()
    os.waitpid(pid, 0)
    made.close()
    return "" if said == "." else said or "it ended in its test"


def _seccomp() -> str:
    if sys.platform != "linux":
        return "Linux only"
    if not system.KNOWN_MACHINE:
        return f"not made for {system.MACHINE}"
    seccomp.enforce(seccomp.program(inet=False))
    try:
        socket.socket(socket.AF_INET).close()
    except PermissionError:
        return ""
    return "it is there and stops nothing"


def _limits() -> str:
    limits.enforce()
    return "" if resource.getrlimit(resource.RLIMIT_CORE)[0] == 0 else "the system refuses them"


def _cgroup() -> str:
    if sys.platform != "linux":
        return "Linux only"
    place, why = cgroup.find_place(cgroup.mounted())
    if place is None:
        return why
    group = cgroup.Group(place, f"autoresearch-test-{os.getpid()}", 1 << 30)
    group.enter()
    return ""  # it is removed by the parent, when this process has left it


def _sandbox_exec() -> str:
    if sys.platform != "darwin":
        return "macOS only"
    sandbox_exec.enforce(sandbox_exec.profile([Step("/private/tmp", Access.NONE)], [], network="off"))
    try:
        os.listdir("/private/tmp")
    except PermissionError:
        return ""
    return "it is there and stops nothing"


_CHECKS: dict[str, Callable[[], str]] = {
    "namespaces": _namespaces, "landlock": _landlock, "seccomp": _seccomp, "limits": _limits, "cgroup": _cgroup, "sandbox-exec": _sandbox_exec,
}  # fmt: skip
