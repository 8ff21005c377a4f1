"""Measure the share of wall-clock time in which an experiment runs, by the agent's latency: asked ahead, several at once, and not at all.

Run it with ``python benchmarks/duty.py [seconds [experiments]]``. The agents are real processes that take a set time: one reads the
briefing and replies with the whole target (``command:``), one edits ``target.py`` in its folder (``editor:``). One in five of their
proposals is better and is kept, so that what was asked for ahead must be merged into a new incumbent. The metric is noisy, so that
the runs that are made while the agent is awaited have something to find out. The tuner is measured too; it prepares its proposal while an
experiment runs.

The share comes from the journal alone: the union of all runs, each from its beginning to its end, over the time from the baseline's
first run to the last verdict. The share of proposals' first runs says how much of it was new versions. The original's figure, 87%, is
the one it published for its own night.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from autoresearch_magic import Study

LINES = 80
TARGET = "\n".join(
    [
        "import random",
        "from autoresearch_magic import clock",
        *[f"X{i} = 0" for i in range(LINES)],
        "total = 0",
        "for step in clock:",
        "    total += sum(i * i for i in range(2000))",
        f"loss = random.SystemRandom().gauss(0, 0.3) - ({' + '.join(f'X{i}' for i in range(LINES))})",
        "",
    ]
)

AGENT = """
import os, re, sys, time
folder, latency, edits = sys.argv[1], float(sys.argv[2]), sys.argv[3] == "edits"
began = time.monotonic()
text = open("target.py").read() if edits else sys.stdin.read()
n = 1
while True:
    try:
        os.close(os.open(f"{folder}/{n}", os.O_CREAT | os.O_EXCL))
        break
    except FileExistsError:
        n += 1
if not edits:
    text = next(code for code in re.findall(r"```python\\n(.*?)```", text, re.S) if "X0 = " in code)
text = re.sub(rf"^X{n} = 0$", f"X{n} = {1 if n % 5 == 0 else -1}", text, flags=re.M)
time.sleep(max(0.0, latency - (time.monotonic() - began)))
if edits:
    open("target.py", "w").write(text)
    print(f"<summary>X{n}</summary>")
else:
    print(f"<summary>X{n}</summary>\\n```python\\n{text}```")
"""

TUNED = "\n".join(
    [
        "import random",
        "from autoresearch_magic import clock",
        *[f"RATE_{i} = 0.1  # 0.001 .. 1.0 log" for i in range(8)],
        "for step in clock:",
        "    sum(i * i for i in range(2000))",
        f"loss = sum((rate - 0.3) ** 2 for rate in ({', '.join(f'RATE_{i}' for i in range(8))})) + random.gauss(0, 0.02)",
        "",
    ]
)


def shares(
    seconds: float, experiments: int, agent: str, latency: float = 0.0, **settings: object
) -> tuple[float, float]:
    """Run one study; return the share of its wall clock in which something ran, and in which a proposal ran for the first time."""
    with tempfile.TemporaryDirectory() as folder:
        program, counts = Path(folder, "agent.py"), Path(folder, "counts")
        program.write_text(AGENT)
        counts.mkdir()
        spec = {
            "replies": f"command:{sys.executable} {program} {counts} {latency} replies",
            "edits": f"editor:{sys.executable} {program} {counts} {latency} edits",
            "tuner": "tuner",
        }[agent]
        study = Study(
            "g", TUNED if agent == "tuner" else TARGET, metric="loss", budget=seconds, experiments=experiments, agent=spec,
            root=folder, blocks_from=1000, clock="wall", **settings,
        )  # fmt: skip
        study.start()
        while study.status.done < experiments and study.active:
            time.sleep(0.05)
        study.stop()
        if study.status.done < experiments:
            raise SystemExit(f"{spec} ended early: {study.status.message}")
        return from_journal(study.folder / "journal.sqlite", experiments)


def from_journal(path: Path, experiments: int) -> tuple[float, float]:
    """Return the two shares of `shares` from a journal, up to the verdict of experiment number `experiments`."""
    with sqlite3.connect(path) as journal:
        (end,) = journal.execute("SELECT judged_at FROM experiment WHERE number = ?", (experiments,)).fetchone()
        runs = [
            (made - taken, made, kind, number)
            for made, taken, kind, number in journal.execute("SELECT made_at, seconds, kind, experiment FROM measurement ORDER BY id")
            if made <= end
        ]  # fmt: skip
    start = runs[0][0]
    busy, reached = 0.0, start
    for begin, finish, _, _ in sorted(runs):
        busy += max(0.0, finish - max(begin, reached))
        reached = max(reached, finish)
    firsts = {number: finish - begin for begin, finish, kind, number in reversed(runs) if kind == "candidate"}
    return busy / (end - start), sum(firsts.values()) / (end - start)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    experiments = int(sys.argv[2]) if len(sys.argv) > 2 else 15
    off = {"prefetch": False, "repeat_idle": False}
    rows: list[tuple[str, float, str, dict[str, object]]] = []
    for agent in ("replies", "edits"):
        rows += [
            (agent, 1.0, "not ahead", off),
            (agent, 1.0, "ahead", {}),
            (agent, 3.0, "not ahead", off),
            (agent, 3.0, "ahead", {}),
            (agent, 3.0, "--ask-ahead 4", {"ask_ahead": 4}),
            (agent, 3.0, "--ask-ahead 4, no idle runs", {"ask_ahead": 4, "repeat_idle": False}),
        ]
    rows += [("tuner", 0.0, "not ahead", off), ("tuner", 0.0, "ahead", {})]
    print(
        f"share of wall-clock time in which something runs, and proposals' first runs alone: {experiments} experiments of {seconds:g} s"
    )
    print("  agent      latency   asked                            runs   first runs")
    for agent, factor, name, settings in rows:
        busy, firsts = shares(seconds, experiments, agent, factor * seconds, **settings)
        print(f"  {agent:8}  {factor:6.1f} x   {name:30} {100 * busy:5.1f}%   {100 * firsts:8.1f}%", flush=True)
    print("  the original, as published                             87%")


if __name__ == "__main__":
    main()
