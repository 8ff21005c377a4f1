"""Make a study of thousands of experiments, and see whether what it takes grows with its length.

Run it with ``python benchmarks/long.py [experiments] [--agent walk|tuner] [--runner function|cell] [--noise SD] [--keep FOLDER]``
(by default 10,000 experiments of ``walk`` and ``function``). It prints

- the experiments a second of the first and the last 200, and their ratio, of one run; the same by processor time;
- the seconds that history, status, the panel's first poll and the briefing take after the end, in a process of their own, as when
  a person opens a study that is there, and those of opening it and of resuming it until its next experiment is proposed;
- the size of the study's folder and the number of its files.

``walk`` is an agent that costs nothing, ``tuner`` the real one; ``function`` is a runner in this process, ``cell`` the real one, with a
worker. Both runs add noise to their value, so that the judge has something to work out. ``--keep`` makes the study in a folder that
stays; where there is one already, only what comes after the end is measured.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autoresearch_magic import Study, open_study
from autoresearch_magic.agents import Agent
from autoresearch_magic.agents.base import Briefing
from autoresearch_magic.agents.registry import BUILT_IN
from autoresearch_magic.experiment import Measurement, Outcome, Proposal
from autoresearch_magic.runners import Runner
from autoresearch_magic.runs import Point
from autoresearch_magic.study import thread

FIRST = 200
"""Experiments at the start and at the end whose rates are compared."""
NAME = "long"
TARGET = """X = 3.0
Y = 0.5  # 0 .. 1
STEPS = 40
for step in range(STEPS):
    clock.report(step=step, loss=(X - 1) ** 2 + 1 / (1 + step))
    print(f"step {step} of {STEPS}: loss {(X - 1) ** 2 + 1 / (1 + step):.4f}")
loss = (X - 1) ** 2 + (Y - 0.3) ** 2 + random.gauss(0, NOISE)
"""
LIMITS = {"history": 0.2, "status": 0.2, "first poll": 0.2, "briefing": 0.2, "resume": 2.0}
"""Seconds that each may take at 10,000 experiments."""


class Walk(Agent):
    """Proposes values around 2, no two the same; each 500th is a little better than all before."""

    def propose(self, briefing: Briefing) -> Proposal:
        n = briefing.number
        x = 2.0 - n / 1e5 if n % 500 == 1 else 2.5 + n / 1e5
        said = f"X = {x}: because it was {briefing.incumbent.number} that was best"
        return Proposal(TARGET.replace("3.0", repr(x), 1), f"X = {x}", said, "", "walk")


class FunctionRunner(Runner):
    """Computes the target's value in this process, with noise; writes a log, and reports a curve."""

    def __init__(self, noise: float) -> None:
        self.noise, self.random = noise, random.Random(1)

    def measure(
        self, target: str, *, seed: int, deadline: float, watch: Any = None, log: str = "", holdout: bool = False
    ) -> Measurement:
        names = {line.split()[0]: float(line.split()[2]) for line in target.splitlines()[:2]}
        base = (names["X"] - 1) ** 2
        curve = tuple(Point(0.001 * k, k / 40, k, {"loss": base + 1 / (1 + k)}) for k in range(40))
        value = base + (names["Y"] - 0.3) ** 2 + self.random.gauss(0, self.noise)
        lines = "".join(f"step {p.step} of 40: loss {p.values['loss']:.4f}\n" for p in curve)
        Path(log).write_text(lines)
        return Measurement(
            Outcome.OK, value, seed, 0.05, 0.04, 0.01, 40, 0.1, curve, output="\n".join(lines.splitlines()[-20:])
        )


class Rates:
    """When each experiment was judged."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.cpu: list[float] = []

    def __call__(self, event: object) -> None:
        if type(event).__name__ == "Judged":
            self.at.append(time.perf_counter())
            children = resource.getrusage(resource.RUSAGE_CHILDREN)
            self.cpu.append(time.process_time() + children.ru_utime + children.ru_stime)

    def between(self, first: int, last: int) -> float:
        """Return the experiments a second from one to another."""
        return (last - first) / (self.at[last] - self.at[first])

    def work(self, first: int, last: int) -> float:
        """Return the processor time of an experiment, git included, in milliseconds: it says the same on a busy machine."""
        return 1e3 * (self.cpu[last] - self.cpu[first]) / (last - first)


def use(runner: str, agent: str, noise: float) -> None:
    """Let studies of this process have the benchmark's parts."""
    BUILT_IN["walk"] = lambda order: Walk()
    if runner == "function":
        thread.make_runner = lambda *_, **__: FunctionRunner(noise)  # type: ignore[attr-defined]


def make(root: Path, options: argparse.Namespace) -> Rates:
    """Run the study from its start to its end."""
    setup = f"import random\nNOISE = {options.noise}\n"
    study = Study(
        "Lower it", TARGET, setup, root=root, name=NAME, metric="loss", minimize=True, repeats=3, budget="5s", agent=options.agent,
        experiments=options.experiments, evals_interval=options.evals_interval, patience=10 * options.experiments,
    )  # fmt: skip
    rates = Rates()
    study.observe(rates)
    study.start()
    count = 0
    began = time.perf_counter()
    while study.active:
        time.sleep(0.2)
        if len(rates.at) // 500 > count:
            count = len(rates.at) // 500
            print(f"  {500 * count:6}: {rates.between(500 * (count - 1), 500 * count - 1):6.1f}/s", flush=True)
    print(f"{study.state}: {study.status.message} {time.perf_counter() - began:.1f} s")
    return rates


def seconds_of(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def after(root: Path, options: argparse.Namespace) -> dict[str, float]:
    """Return the seconds of each thing that is done with a study that is there; in a process that has done nothing else."""
    import pandas  # noqa: F401 - whose import is not what is measured

    from autoresearch_magic.agents.llm import prompt  # noqa: F401
    from autoresearch_magic.ui.panel.answers import PanelSession

    found: dict[str, float] = {}
    opened: list[Study] = []
    found["open"] = seconds_of(lambda: opened.append(open_study(NAME, root=root)))
    study = opened[0]
    found["status"] = seconds_of(lambda: repr(study) + str(study._repr_markdown_()))
    found["history"] = seconds_of(lambda: study.history)
    found["first poll"] = seconds_of(
        lambda: PanelSession(study, lambda content, buffers=None: None).take({"type": "pull"})
    )
    found["briefing"] = seconds_of(study.briefing)
    use(options.runner, options.agent, options.noise)
    proposed: list[float] = []
    study.observe(lambda event: proposed.append(time.perf_counter()) if type(event).__name__ == "Proposed" else None)
    began = time.perf_counter()
    study.resume(experiments=len(study.experiments) + FIRST)
    while not proposed and study.active:
        time.sleep(0.005)
    found["resume"] = (proposed or [time.perf_counter()])[0] - began
    study.stop()
    return found


def size_of(folder: Path) -> tuple[float, int]:
    """Return the megabytes and the number of all files in a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files) / 1e6, len(files)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("experiments", type=int, nargs="?", default=10_000)
    parser.add_argument("--agent", default="walk")
    parser.add_argument("--runner", choices=("function", "cell"), default="function")
    parser.add_argument("--noise", type=float, default=0.02)
    parser.add_argument("--evals-interval", type=int, default=None)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--after", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    use(options.runner, options.agent, options.noise)
    if options.after:
        print(json.dumps(after(options.keep, options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = options.keep or Path(folder)
        if not (root / NAME / "journal.sqlite").exists():
            rates = make(root, options)
            first, last = rates.between(1, FIRST + 1), rates.between(len(rates.at) - FIRST - 1, len(rates.at) - 1)
            print(f"first {FIRST}: {first:.1f}/s, last {FIRST}: {last:.1f}/s, ratio {last / first:.2f}")
            one, other = rates.work(1, FIRST + 1), rates.work(len(rates.at) - FIRST - 1, len(rates.at) - 1)
            print(f"processor time of an experiment: {one:.1f} ms, then {other:.1f} ms, ratio {one / other:.2f}")
        megabytes, files = size_of(root / NAME)
        print(f"folder: {megabytes:.1f} MB in {files:,} files")
        again = [word for word in sys.argv[1:] if word != "--keep" and word != str(options.keep)]
        command = [sys.executable, __file__, *again, "--keep", str(root), "--after"]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        for name, seconds in json.loads(answer.splitlines()[-1]).items():
            limit = f"  (at most {LIMITS[name]} s)" if name in LIMITS else ""
            print(f"  {name:<11} {seconds:7.3f} s{limit}")


if __name__ == "__main__":
    main()
