"""Which layers work here: each one is tried in a child process of its own, because what confines a process stays for ever."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import cache

from . import landlock
from .wanted import LAYERS

PATIENCE = 5.0
"""Seconds that a layer may take in its test."""


@cache
def probe() -> dict[str, str]:
    """Return for each layer an empty text where it works, else why it does not."""
    return {layer: _tried(_CHECKS[layer]) if layer in _CHECKS else "not made yet" for layer in LAYERS}


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


_CHECKS: dict[str, Callable[[], str]] = {"landlock": _landlock}
