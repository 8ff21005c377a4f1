"""Time that an experiment costs besides its run: export, check for tampering and commit, or the commit of a cell.

Run it with ``python benchmarks/export.py [rounds] [files ...]``. Each round brings the export to another version of one of
several files, runs ``true`` in it, checks the frozen files and commits; then it runs ``true`` alone, as a shell would. The
difference is the study's own cost. Every third run rewrites a tracked file and leaves an untracked one, every second experiment
is kept. The repository is made for the benchmark: files of 40 lines, 50 in each folder. The last lines are the time to record an
experiment of a study of cells, in the study's own repository.
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
from autoresearch_magic.runners.export import Export
from autoresearch_magic.source.files import join, split
from autoresearch_magic.storage.git.cell_repository import CellRepository
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
    tree = Export(folder / "export", checkout, split(target), "autoresearch/bench")
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
        experiment = made_experiment(number, verdict, join(contents))
        timed("show", lambda contents=contents: tree.show(contents))  # type: ignore[misc]
        timed("command", lambda: bare(tree.folder))
        if number % 3 == 0:
            (tree.folder / "pkg001" / "module00051.py").write_text("left\n")
            (tree.folder / f"left{number}.txt").write_text("left\n")
        changed = timed("tampered", tree.tampered)
        assert changed == (["pkg001/module00051.py"] if number % 3 == 0 else [])
        made = timed(
            "record",
            lambda e=experiment, c=contents, p=parent: branch.record(e, c, METRIC, p, datetime.now(UTC)),  # type: ignore[misc]
        )
        if verdict.kept:
            parent = str(made)
        alone.append(bare(repo))
    return {name: values[1:] for name, values in parts.items()}, alone[1:], opened


def measure_cells(rounds: int, folder: Path) -> dict[str, list[float]]:
    """Return the seconds to record experiments of a study of cells: kept ones change working files as well."""
    repository = CellRepository(folder / "repo", "bench")
    seconds: dict[str, list[float]] = {"kept": [], "others": []}
    parent = None
    for number in range(2 * rounds + 1):
        verdict = Verdict.BASELINE if parent is None else Verdict.KEEP if number % 2 else Verdict.DISCARD
        target = f"VERSION = {number}\n" + "x = 1\n" * 80
        experiment = made_experiment(number, verdict, target)
        files = {"target.py": target, "setup.py": "a = 1\n" * 60, "program.md": "# Lower it\n"}
        began = time.perf_counter()
        sha = repository.record(experiment, files, METRIC, parent, datetime.now(UTC))
        if number:
            seconds["kept" if verdict.kept else "others"].append(time.perf_counter() - began)
        if verdict.kept:
            parent = sha
    return seconds


def made_experiment(number: int, verdict: Verdict, target: str) -> Experiment:
    proposal = Proposal(target, f"step {number}", "", agent="bench")
    return Experiment(number, None, proposal, "", verdict, "", (Measurement(Outcome.OK, float(number), 0),))


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    counts = [int(word) for word in sys.argv[2:]] or [100, 1_000, 10_000]
    print(f"seconds per experiment, {rounds} rounds in turns, {os.cpu_count()} cores; medians (worst)")
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
    with tempfile.TemporaryDirectory() as name:
        for what, seconds in measure_cells(rounds, Path(name)).items():
            print(f"  cells, {what}: record {statistics.median(seconds):.4f} ({max(seconds):.4f})")


if __name__ == "__main__":
    main()
