"""The simulated studies of the judge's benchmark run on the real loop; their figures are another matter."""

import importlib
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.mark.slow
def test_a_simulated_study_spends_its_runs_and_knows_the_truth(monkeypatch):
    if not BENCHMARKS.is_dir():
        pytest.skip("the benchmarks are not here")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.delitem(sys.modules, "judge", raising=False)
    judge = importlib.import_module("judge")
    try:
        for rule in ("expected", "strict"):
            found = judge.worker(("gains of 2 sd", rule, 1, 25))
            assert found.runs == 25
            assert found.proposals
            kept = [effect for effect, kept in found.proposals if kept]
            assert found.truth in {0.0, *(sum(kept[: n + 1]) for n in range(len(kept)))}
    finally:
        sys.modules.pop("judge", None)
