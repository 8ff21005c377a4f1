"""What mypy says of a user's file; both tests that ask share what it has learnt of this package, which takes most of the time."""

import subprocess
import sys
from pathlib import Path

import filelock

ROOT = Path(__file__).parents[1]


def mypy_strict(file, cache):
    """Return the errors in a file, and all that was printed.

    Parameters
    ----------
    file : Path
    cache : pytest.TempPathFactory
        Where the processes of this run of the tests share a folder.
    """
    shared = cache.getbasetemp().parent / "mypy"
    with filelock.FileLock(f"{shared}.lock"):
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--no-site-packages", "--cache-dir", str(shared), file.name], cwd=file.parent,
            env={"MYPYPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, timeout=200,
        )  # fmt: skip
    return [
        line for line in done.stdout.splitlines() if line.startswith(f"{file.name}:") and ": error:" in line
    ], done.stdout + done.stderr
