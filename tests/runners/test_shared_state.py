"""What forks share with the setup's process: after an experiment that writes to all of it, the next one measures the same."""

import sys

import pytest

from autoresearch_magic.budget import Budget
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.cell import CellRunner

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the system does not list a process's maps"),
]

SETUP = """
import mmap, os
import numpy as np
from multiprocessing import shared_memory
os.chdir({folder!r})
np.save("n.npy", np.full(3, 3.5))
mapped = np.load("n.npy", mmap_mode="r+")
shm = shared_memory.SharedMemory(create=True, size=24)
shared = np.ndarray((3,), buffer=shm.buf)
pages = np.frombuffer(mmap.mmap(-1, 24))
for each in (shared, pages): each[:] = 3.5
log = open("log.txt", "w+")
log.write("3.5")
log.flush()
def evaluate(x):
    log.seek(0)
    with open("log.txt") as again:
        return x + sum(float(v[0]) for v in (mapped, shared, pages)) + float(log.read()) + float(again.read())
"""
TAMPERING = """
for each in (mapped, shared, pages): each[:] = 0.5
log.seek(0); log.write("0.5"); log.flush(); log.truncate()
os.pwrite(log.fileno(), b"0.5", 0)
x = 0
"""


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    notes = []
    made = CellRunner(
        SETUP.format(folder=str(folder)), "x = 0", Metric("m", "evaluate(x)"), Budget(0.2, "seconds"),
        setup_log=folder / "setup.log", on_note=notes.append,
    )  # fmt: skip
    made.notes = notes
    yield made
    made.close()


def test_the_next_experiment_measures_the_same(runner):
    before = runner.measure("x = 0", seed=0, deadline=30.0)
    assert before.value == 17.5, before
    runner.measure(TAMPERING, seed=0, deadline=30.0)
    assert runner.measure("x = 0", seed=0, deadline=30.0).value == 17.5


def test_the_user_is_told_which_files_are_copied(runner):
    assert runner.measure("x = 1", seed=0, deadline=20)
    assert "its own copy of log.txt" in " ".join(runner.notes), runner.describe()
