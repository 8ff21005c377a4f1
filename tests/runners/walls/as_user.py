"""Run code as an ordinary user, where the tests are run by root: as nobody, with a home of its own.

Where Python itself lies in root's home, which others may not enter, the process gets a mount namespace in which that home holds nothing else.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from autoresearch_magic.runners.walls import system

NOBODY = 65534
REPOSITORY = Path(__file__).parents[3]


def can_be_run() -> str:
    """Return why no code can be run as an ordinary user here; empty where it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "only root can become another user"
    try:
        return run("print('works')", Path("/tmp")).replace("works\n", "")
    except (OSError, subprocess.SubprocessError) as error:
        return f"no Python for another user: {str(error)[:200]}"


def run(code: str, folder: Path, timeout: float = 60.0) -> str:
    """Run code with Python as nobody in a folder; return what it prints."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "USER": "nobody",
        "PYTHONPATH": str(REPOSITORY),
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, preexec_fn=become_nobody, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=timeout,
    )  # fmt: skip
    if done.returncode:
        raise OSError(done.stdout)
    return done.stdout


def become_nobody() -> None:
    """Give up root's rights for good, in a child process."""
    home, base = Path("/root"), os.path.realpath(sys.base_prefix)
    if base.startswith(f"{home}/"):
        system.unshare(0x20000)
        system.mount(None, "/", None, 0x4000 | 1 << 18)
        top = home / Path(base).relative_to(home).parts[0]
        tree = system.call(system.OPEN_TREE, system.AT_FDCWD, os.fsencode(top), 1 | system.AT_RECURSIVE)
        system.mount("tmpfs", str(home), "tmpfs", 0, "mode=0755")
        top.mkdir()
        system.call(system.MOVE_MOUNT, tree, b"", system.AT_FDCWD, os.fsencode(top), 4)
        os.close(tree)
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
