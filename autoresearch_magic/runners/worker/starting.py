"""How the processes of experiments are started: as forks of the worker where that is safe, else each as a new process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

from . import child, processes

FORK_TEST = 10.0
"""Seconds a matrix product in a test fork may take before forking counts as unsafe: it takes milliseconds, or hangs."""


def choose_mode(config: Mapping[str, Any], fork: Callable[[], int]) -> tuple[str, str]:
    """Return ``fork`` or, when the worker cannot be forked safely, ``fresh`` and the reason.

    Parameters
    ----------
    config : Mapping
        The worker's.
    fork : callable
        Forks the worker.
    """
    if config.get("mode") == "fresh":
        return "fresh", "--fresh is set"
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return "fresh", "the setup has initialised CUDA, which does not survive a fork"
    processes.wait_for_ending_threads()
    # Twice, because a helper thread that is still ending can make the first test fail.
    safe = _fork_works(config["threads"], fork) or _fork_works(config["threads"], fork)
    return ("fork", "") if safe else ("fresh", "a matrix product in a test fork hung or failed, twice")


def _fork_works(threads: int, fork: Callable[[], int]) -> bool:
    """Compute a matrix product in a fork; it hangs where it needs threads that exist in the parent only."""
    pid = fork()
    if pid == 0:
        try:
            if torch := sys.modules.get("torch"):
                torch.set_num_threads(max(2, threads))
                x = torch.ones(300, 300, requires_grad=True)
                (x @ x).sum().backward()
            if numpy := sys.modules.get("numpy"):
                numpy.ones((300, 300)) @ numpy.ones((300, 300))
            os._exit(0)
        except BaseException:
            os._exit(1)
    end = time.monotonic() + FORK_TEST
    while time.monotonic() < end:
        reaped, status = os.waitpid(pid, os.WNOHANG)
        if reaped:
            return status == 0
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


def spawn(config: Mapping[str, Any], job: Mapping[str, Any], events: int, output: int) -> int:
    """Start a new process for one experiment, which runs the setup itself; return its id.

    Parameters
    ----------
    config, job : Mapping
    events, output : int
        Descriptors for its events and for what it prints.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        json.dump({**config, **job, "setup_seed": config["seed"]}, file)
        file.flush()
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        process = subprocess.Popen(
            [sys.executable, "-m", child.__name__, str(file.fileno()), str(events)],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            pass_fds=(file.fileno(), events), start_new_session=True,
        )  # fmt: skip
    return process.pid
