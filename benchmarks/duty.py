"""Measure the share of wall-clock time spent training, by the agent's latency, with and without prefetch.

Run it with ``python benchmarks/duty.py [seconds [experiments]]``. The agent is simulated and takes a set time to answer; one in
five of its proposals is better and is kept, so that prefetched proposals must be applied to a new incumbent. The tuner's share is
measured too, on a target of eight constants; it prepares its proposal while an experiment runs. Everything else is
real: worker, journal, git, files. The time is measured from the first proposal's run to the last verdict. The original's figure,
87%, is the one it published for its own night.
"""

from __future__ import annotations

import sys
import tempfile
import time

from autoresearch_magic import Study
from autoresearch_magic.agents import Agent, Briefing
from autoresearch_magic.agents.registry import BUILT_IN
from autoresearch_magic.events import Event, Judged, RunStarted
from autoresearch_magic.experiment import Proposal

LINES = 40
TARGET = "\n".join(
    [
        "from autoresearch_magic import clock",
        *[f"X{i} = 0" for i in range(LINES)],
        "total = 0",
        "for step in clock:",
        "    total += sum(i * i for i in range(2000))",
        f"loss = -({' + '.join(f'X{i}' for i in range(LINES))})",
        "",
    ]
)


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


class Simulated(Agent):
    """Answers after a set latency: experiment n sets its own constant to 1 (kept) or -1 (discarded)."""

    slow = True

    def __init__(self, latency: float) -> None:
        self.latency = latency

    def propose(self, briefing: Briefing) -> Proposal:
        """Return a proposal that changes one line, after the latency."""
        end = time.monotonic() + self.latency
        while (left := end - time.monotonic()) > 0:
            briefing.wait(min(left, 0.2), "")
        n = briefing.number
        value = 1 if n % 5 == 0 else -1
        return Proposal(
            briefing.incumbent.target.replace(f"X{n} = 0\n", f"X{n} = {value}\n"), f"X{n} {value}", agent="simulated"
        )


def share(seconds: float, latency: float | None, prefetch: bool, experiments: int) -> float:
    """Run one study and return the share of its wall-clock time that was charged to training.

    Without a latency, the agent is the tuner.
    """
    BUILT_IN["simulated"] = lambda order: Simulated(latency or 0.0)
    target, agent = (TUNED, "tuner") if latency is None else (TARGET, "simulated")
    seen: list[tuple[float, Event]] = []
    with tempfile.TemporaryDirectory() as folder:
        study = Study(
            "g", target, metric="loss", budget=seconds, experiments=experiments, repeats=1, agent=agent,
            prefetch=prefetch, root=folder,
        )  # fmt: skip
        study.observe(lambda event: seen.append((time.monotonic(), event)))
        study.start()
        while study.status.done < experiments and study.active:
            time.sleep(0.05)
        judged = [at for at, event in seen if isinstance(event, Judged)]
        began = [at for at, event in seen if isinstance(event, RunStarted)][1]
        training = sum(e.measurements[0].training for e in study.experiments[1 : experiments + 1])
        study.stop()
    return training / (judged[experiments] - began)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    experiments = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    print(f"share of wall-clock time spent training, {experiments} experiments of {seconds:g} s")
    print("  agent's latency            with prefetch    without")
    for factor in (0.0, 0.5, 0.9, 1.0):
        shares = [share(seconds, factor * seconds, prefetch, experiments) for prefetch in (True, False)]
        print(f"  {factor:3.1f} of an experiment's    {100 * shares[0]:10.1f}%   {100 * shares[1]:8.1f}%")
    shares = [share(seconds, None, prefetch, experiments) for prefetch in (True, False)]
    print(f"  the tuner                  {100 * shares[0]:10.1f}%   {100 * shares[1]:8.1f}%")
    print("  the original, as published             87%")


if __name__ == "__main__":
    main()
