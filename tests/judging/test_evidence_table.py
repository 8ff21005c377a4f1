"""Evidence that is kept in arrays gives the same prior, and the same gains, as evidence that is put together anew."""

import math
import random
from dataclasses import replace

import numpy as np

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging import evidence_table
from autoresearch_magic.judging.effects import DECAY, OTHERS, Evidence, fit_effects
from autoresearch_magic.judging.evidence_table import Estimate, EvidenceTable, Row
from autoresearch_magic.judging.gains import expected_gains
from autoresearch_magic.judging.noise import estimate_noise
from autoresearch_magic.metric import Metric


def evidence_of(rows, agent):
    known, told = [row.estimate for row in rows], [row.forecast or (math.nan, math.nan) for row in rows]
    return Evidence(
        np.array([r.effect if r else math.nan for r in known]), np.array([r.variance if r else math.nan for r in known]),
        np.array([r.wild if r else 0.0 for r in known]), np.array([r.runs if r else 1.0 for r in known]),
        np.array([f for f, _ in told]), np.array([s for _, s in told]),
        DECAY ** np.arange(len(rows) - 1, -1, -1.0) * np.array([1.0 if row.agent == agent else OTHERS for row in rows]),
    )  # fmt: skip


def same(a, b):
    return np.array_equal(a.scales, b.scales) and np.array_equal(a.weights, b.weights) and a.forecast == b.forecast


def test_a_window_of_rows_gives_the_prior_that_its_evidence_gives(monkeypatch):
    monkeypatch.setattr(evidence_table, "RECENT", 40)
    monkeypatch.setattr(evidence_table, "_DECAYS", DECAY ** np.arange(39, -1, -1.0))
    rng, table, rows, start = random.Random(2), EvidenceTable(), [], None
    for n in range(150):
        agent = rng.choice(["tuner", "model"])
        largest = rng.choice([1.0, 3.0, 5.0, 9.0])
        found = table.fit(n, agent, largest, start)
        assert same(found, fit_effects(evidence_of(rows[-40:], agent), 1.0, largest, start))
        start = found if n % 7 else None
        estimate = Estimate(rng.gauss(0, 2), 0.5 + rng.random(), 35.0, rng.choice([1, 2]), None, None)
        forecast = (rng.gauss(0, 1), 0.5) if rng.random() < 0.2 else None
        rows.append(Row(n, agent, estimate if rng.random() < 0.9 else None, forecast))
        assert table.add(rows[-1]) == n + 1
        if n % 30 == 29:  # some of them are judged anew
            rows = rows[:-10]
            table = table.first(len(rows))
            for row in [replace(row, number=n + 1000 + k) for k, row in enumerate(rows[-10:])]:
                rows.append(row)
                table.add(row)


def test_gains_that_are_brought_up_to_date_are_those_worked_out_anew():
    for noise in (0.02, 0.0):
        rng, metric = random.Random(4), Metric("loss", "loss")
        experiments, kept, known, before, other = [], 0, {}, None, None
        for n in range(80):
            level = 2.0 if n == 0 else experiments[kept].value - rng.choice([0, 0.01, 0.1, -0.1])
            runs = tuple(
                Measurement(
                    Outcome.OK if k or rng.random() < 0.95 or n == 0 else Outcome.CRASH,
                    level + noise * rng.gauss(0, 1),
                    k,
                )
                for k in range(3 if n == 0 else rng.choice([1, 1, 3]))
            )
            verdict = Verdict.BASELINE if n == 0 else rng.choice([Verdict.KEEP, *[Verdict.DISCARD] * 3])
            if not all(m.ok for m in runs):
                verdict = Verdict.CRASH
            experiments.append(
                Experiment(n, kept if n else None, Proposal(f"x = {n}", "s"), verdict=verdict, measurements=runs)
            )
            kept = n if verdict.kept else kept
            if n % 9 == 4:
                again = Measurement(Outcome.OK, level, len(experiments[kept].measurements))
                experiments[kept] = experiments[kept].with_measurement(again)
            estimate = estimate_noise(experiments)
            gains, before = expected_gains(experiments, metric, estimate, before=before, known=known)
            without, other = expected_gains(experiments, metric, estimate, before=other)
            assert [*gains.items()] == [*without.items()]
