"""What an experiment on a repository costs beside its command: the worktree, the look for tampering, the commit.

Run it with ``python benchmarks/worktree.py [rounds] [files ...]``. Each round brings the worktree to another version of one file
of several, runs ``true`` in it, looks at the frozen files and commits; and, in turns with that, runs ``true`` bare, as a shell
would. The difference is the study's own cost. Every third round the run has rewritten a tracked file and left an untracked one,
every second one is kept. The repository is made for it: files of 40 lines, 50 a folder.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.worktree import Worktree
from autoresearch_magic.source.files import join, split
from autoresearch_magic.storage.git.checkout import open_checkout
from autoresearch_magic.storage.git.study_branch import StudyBranch

METRIC = Metric("ms", "re:x")
LINES = 40


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=x", "-c", "user.email=x@localhost")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def make_repository(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        path = folder / f"pkg{number // 50:03d}" / f"module{number:05d}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            f"NUMBER = {number}\n" + "".join(f"def f{i}(x):\n    return x + {i}\n" for i in range(LINES // 2))
        )
    git(folder, "init", "--quiet")
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", "start")


def bare(folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(["sh", "-c", "true"], cwd=folder, check=True)
    return time.perf_counter() - began


def measure(count: int, rounds: int, folder: Path) -> tuple[dict[str, list[float]], list[float], float]:
    repo = folder / "repo"
    make_repository(repo, count)
    checkout, target, _ = open_checkout(repo, ("pkg000/**",), ["python pkg001/module00050.py"])
    tree = Worktree(folder / "worktree", checkout, split(target), "autoresearch/bench")
    began = time.perf_counter()
    tree.open()
    opened = time.perf_counter() - began
    branch = StudyBranch(checkout, split(target), "bench")
    parts: dict[str, list[float]] = {"show": [], "command": [], "tampered": [], "record": []}
    alone: list[float] = []

    def timed(name: str, work: Callable[[], object]) -> object:
        began = time.perf_counter()
        result = work()
        parts[name].append(time.perf_counter() - began)
        return result

    parent = None
    names = sorted(split(target))
    for number in range(rounds + 1):
        contents = split(target)
        contents[names[number % 7]] += f"VERSION = {number}\n"
        verdict = Verdict.BASELINE if parent is None else Verdict.KEEP if number % 2 else Verdict.DISCARD
        experiment = Experiment(
            number, None, Proposal(join(contents), f"step {number}", "", agent="bench"), "", verdict, "",
            (Measurement(Outcome.OK, float(number), 0),),
        )  # fmt: skip
        timed("show", lambda contents=contents: tree.show(contents))  # type: ignore[misc]
        timed("command", lambda: bare(tree.folder))
        if number % 3 == 0:
            (tree.folder / "pkg001" / "module00051.py").write_text("left\n")
            (tree.folder / f"left{number}.txt").write_text("left\n")
        assert timed("tampered", tree.tampered) == []
        made = timed(
            "record",
            lambda e=experiment, c=contents, p=parent: branch.record(e, c, METRIC, p, datetime.now(UTC)),  # type: ignore[misc]
        )
        if verdict.kept:
            parent = str(made)
        alone.append(bare(repo))
    return {name: values[1:] for name, values in parts.items()}, alone[1:], opened


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    counts = [int(word) for word in sys.argv[2:]] or [100, 1_000, 10_000]
    print(f"seconds an experiment, {rounds} rounds in turns, {os.cpu_count()} cores; medians (worst)")
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            parts, alone, opened = measure(count, rounds, Path(folder))
        own = [sum(values) for values in zip(*(parts[name] for name in ("show", "tampered", "record")), strict=True)]
        ratios = [(mine + command) / bare for mine, command, bare in zip(own, parts["command"], alone, strict=True)]
        split_up = ", ".join(f"{name} {statistics.median(parts[name]):.3f}" for name in ("show", "tampered", "record"))
        print(
            f"  {count:6,} files: own cost {statistics.median(own):.3f} ({max(own):.3f}) = {split_up}; bare true "
            f"{statistics.median(alone):.4f} ({max(alone):.4f}); whole / bare {statistics.median(ratios):.0f}; made once in "
            f"{opened:.2f}"
        )


if __name__ == "__main__":
    main()
