"""Measure an experiment's cost beyond its training: a fork of the worker process against a fresh ``python train.py``.

Run it with ``python benchmarks/overhead.py [rounds]``. Both sides run the same code in alternation, so that changes in the machine's
speed affect both. "Beyond training" is the wall-clock time minus the seconds in the training loop and in the evaluation. The third
row is for a whole study, with proposing, judging, git, journal and files.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autoresearch_magic import Study
from autoresearch_magic.budget import Budget
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.cell import CellRunner

SETUP = """
import torch
x = torch.randn(20_000, 32)
y = (x ** 2).sum(1, keepdim=True)
def evaluate(model):
    with torch.no_grad():
        return float(((model(x) - y) ** 2).mean())
"""
TARGET = """
WIDTH = 32
LR = 1e-2
from autoresearch_magic import clock
model = torch.nn.Sequential(torch.nn.Linear(32, WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=LR)
for step in clock:
    optimizer.zero_grad()
    loss = ((model(x[:256]) - y[:256]) ** 2).mean()
    loss.backward()
    optimizer.step()
"""
STEPS = 200
ALONE = f"""
import time
{SETUP}
{TARGET.replace("from autoresearch_magic import clock", "began = time.perf_counter()").replace("in clock", f"in range({STEPS})")}
trained = time.perf_counter()
value = evaluate(model)
import json
print(json.dumps([trained - began, time.perf_counter() - trained]))
"""


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    warm, fresh = [], []
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "train.py"
        script.write_text(ALONE)
        runner = CellRunner(
            SETUP, TARGET, Metric("loss", "evaluate(model)"), Budget(STEPS, "steps"),
            setup_log=Path(folder) / "setup.log",
        )  # fmt: skip
        began = time.perf_counter()
        runner.worker.start()
        ready = time.perf_counter() - began
        for each in range(rounds + 1):
            began = time.perf_counter()
            m = runner.measure(TARGET, seed=each, deadline=60)
            w = time.perf_counter() - began - m.training - m.evaluation
            began = time.perf_counter()
            done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
            training, evaluation = json.loads(done.stdout)
            f = time.perf_counter() - began - training - evaluation
            if each:  # the first round warms the disk cache
                warm.append(w)
                fresh.append(f)
        runner.close()

        study = Study(
            "Fit", TARGET, SETUP, root=folder, metric="loss=evaluate(model)", budget=f"{STEPS}steps",
            experiments=2 * rounds, repeats=2,
        )  # fmt: skip
        seen: list[float] = []
        study.observe(lambda event: seen.append(time.perf_counter()) if type(event).__name__ == "Judged" else None)
        study.start()
        study.wait()
        spent = [
            after - before - e.measurements[0].training - e.measurements[0].evaluation
            for before, after, e in zip(seen, seen[1:], study.experiments[1:], strict=False)
            if e.measurements
        ]

    ratios = [w / f for w, f in zip(warm, fresh, strict=True)]
    print(
        f"seconds beyond training and evaluation, {rounds} rounds each, in alternation ({STEPS} steps of a small torch model)"
    )
    for name, values in (
        ("fork of the worker", warm),
        ("fresh python train.py", fresh),
        ("whole loop per experiment", spent),
    ):
        print(f"  {name:<26} median {statistics.median(values):6.3f}   min {min(values):6.3f}   max {max(values):6.3f}")
    print(
        f"  warm / fresh               median {statistics.median(ratios):6.3f}   min {min(ratios):6.3f}   max {max(ratios):6.3f}"
    )
    print(f"  the worker starts once, in {ready:.1f} s")


if __name__ == "__main__":
    main()
