"""A Dask scheduler and three workers in network namespaces of this machine, of which one is killed every ten seconds while a study runs.

    sudo python benchmarks/dask_chaos.py [--minutes 5] [--every 10] [--folder PATH]

Each worker has a namespace of its own, joined by a bridge, and does not see the study's folder; a killed one is started again. At the end the study's
journal is read: every proposal must have been measured once and recorded once. Needs root, ``ip`` and ``unshare``.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

NAME = "autoresearch"
NET = "10.213.77"
SETUP = "import helper\n\n\ndef evaluate(values):\n    return 1 + sum((v - best) ** 2 for v, best in zip(values, helper.BEST))\n"
TARGET = (
    "import time\n\nalpha = 0.7\nbeta = 31.0\ngamma = 0.002\ndelta = 5.5\nlearning_rate = 0.01\nmomentum = 0.5\n"
    "values = (alpha, beta, gamma, delta, learning_rate, momentum)\ntime.sleep(int(1))\n"
)


def call(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def set_up(workers: int) -> None:
    call("ip", "link", "add", f"{NAME}-br", "type", "bridge")
    call("ip", "addr", "add", f"{NET}.254/24", "dev", f"{NAME}-br")
    call("ip", "link", "set", f"{NAME}-br", "up")
    for n in range(workers + 1):
        call("ip", "netns", "add", f"{NAME}{n}")
        call("ip", "link", "add", f"ar{n}", "type", "veth", "peer", "name", "eth0", "netns", f"{NAME}{n}")
        call("ip", "link", "set", f"ar{n}", "master", f"{NAME}-br", "up")
        call("ip", "-n", f"{NAME}{n}", "addr", "add", f"{NET}.{n + 1}/24", "dev", "eth0")
        call("ip", "-n", f"{NAME}{n}", "link", "set", "eth0", "up")
        call("ip", "-n", f"{NAME}{n}", "link", "set", "lo", "up")


def take_down(workers: int) -> None:
    for n in range(workers + 1):
        with suppress(subprocess.CalledProcessError):
            call("ip", "netns", "del", f"{NAME}{n}")
    with suppress(subprocess.CalledProcessError):
        call("ip", "link", "del", f"{NAME}-br")


def inside(n: int, hidden: Path | None, words: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a program in a namespace, where a folder is empty."""
    mount = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(hidden)] if hidden else []
    with log.open("ab") as file:
        return subprocess.Popen(
            ["ip", "netns", "exec", f"{NAME}{n}", *mount, *words],
            stdout=file,
            stderr=file,
            cwd="/",
            start_new_session=True,
        )


def worker(n: int, hidden: Path, log: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "distributed.cli.dask_worker", f"tcp://{NET}.1:8786", "--nthreads", "1", "--no-nanny", "--no-dashboard",
             "--memory-limit", "0", "--name", f"w{n}-{random.randrange(10**6)}", "--death-timeout", "60"]  # fmt: skip
    return inside(n, hidden, words, log)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--minutes", type=float, default=5.0)
    arguments.add_argument("--every", type=float, default=10.0)
    arguments.add_argument("--workers", type=int, default=3)
    arguments.add_argument("--folder", type=Path)
    given = arguments.parse_args()
    folder = (given.folder or Path(tempfile.mkdtemp(prefix="dask-chaos-"))).absolute()
    study, logs = folder / "study", folder / "logs"
    study.mkdir(parents=True, exist_ok=True)
    logs.mkdir(exist_ok=True)
    (study / "setup.py").write_text(SETUP)
    (study / "target.py").write_text(TARGET)
    (study / "helper.py").write_text("BEST = (1.31, 17.77, 0.031, 2.71, 0.13, 0.911)\n")
    (study / "program.md").write_text("# Find values\n\nGoal: lower the metric.\n")
    take_down(given.workers)
    set_up(given.workers)
    everything: list[subprocess.Popen[bytes]] = []
    kills = 0
    try:
        everything.append(inside(0, None, [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", f"{NET}.1", "--port", "8786", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"], logs / "scheduler.log"))  # fmt: skip
        there = {n: worker(n, study, logs / f"worker{n}.log") for n in range(1, given.workers + 1)}
        everything += there.values()
        words = [sys.executable, "-m", "autoresearch_magic", "run", "program.md", "--target", "target.py", "--setup", "setup.py", "--metric",
                 "score=evaluate(values)", "--minimize", "--agent", "tuner", "-n", "100000", "--minutes", f"{given.minutes:g}",
                 "--executor", f"dask://{NET}.1:8786"]  # fmt: skip
        time.sleep(4)
        with (logs / "study.log").open("wb") as file:
            running = subprocess.Popen(words, cwd=study, stdout=file, stderr=file, start_new_session=True)
        everything.append(running)
        began = last = time.monotonic()
        while running.poll() is None and time.monotonic() - began < 60 * given.minutes + 180:
            time.sleep(0.2)
            if time.monotonic() - last >= given.every and time.monotonic() - began < 60 * given.minutes:
                last = time.monotonic()
                n = random.choice(list(there))
                with suppress(ProcessLookupError):
                    os.kill(there[n].pid, signal.SIGKILL)  # `ip`, `unshare` and `sh` have become the worker
                there[n].wait()
                kills += 1
                there[n] = worker(n, study, logs / f"worker{n}.log")
                everything.append(there[n])
    finally:
        for process in everything:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        take_down(given.workers)
    print(json.dumps({"folder": str(folder), "kills": kills, **counted(study)}, indent=1))


def counted(study: Path) -> dict[str, object]:
    """Return what the journal says: how many proposals, and how often each was measured.

    A run is ``reworked`` where its experiment was applied on top of another one that was kept meanwhile: that is another version each time.
    """
    journal = next((study / ".autoresearch").glob("*/journal.sqlite"))
    with sqlite3.connect(journal) as db:
        rows = db.execute("SELECT number, verdict FROM experiment ORDER BY number").fetchall()
        runs = collections.Counter(db.execute("SELECT experiment, kind, seed FROM measurement").fetchall())
        lost = db.execute("SELECT count(*) FROM event WHERE kind = 'worker lost'").fetchone()[0]
    numbers, verdicts = [row[0] for row in rows], collections.Counter(row[1] for row in rows)
    return {
        "experiments": len(numbers), "contiguous": numbers == list(range(len(numbers))), "verdicts": dict(verdicts), "runs": sum(runs.values()),
        "measured twice": [str(key) for key, count in runs.items() if count > 1 and key[1] != "reworked"], "losses told": lost,
    }  # fmt: skip


if __name__ == "__main__":
    main()
