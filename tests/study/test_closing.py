"""The closing phase of real studies: what it runs, and what it takes back in journal, git and results.tsv."""

import git
import pytest

from autoresearch_magic.config.settings import Settings
from autoresearch_magic.events import Notice, RunStarted
from autoresearch_magic.experiment import Verdict
from autoresearch_magic.study.closing import baseline_runs
from autoresearch_magic.study.opening import open_study

from ..studies import finish

NOISY = "from autoresearch_magic import seed\nX = {x}\nloss = X + (-0.1, 0.0, 0.1)[int(seed) % 3]\n"


def noisy(x):
    return NOISY.format(x=x)


@pytest.mark.slow
@pytest.mark.parametrize(("best", "kept"), [(1, [0, 1]), (0, [0]), (3, [0, 1, 2, 3])])
def test_keeps_that_led_away_from_the_best_are_taken_back_everywhere(make_study, script, monkeypatch, best, kept):
    monkeypatch.setattr("autoresearch_magic.study.closing.best_version", lambda *_: best)
    monkeypatch.setattr("autoresearch_magic.study.closing.next_runs", lambda *_: [])
    script(noisy(8.0), noisy(6.0), noisy(9.0))
    seen = []
    study = make_study(noisy(10.0), agent="script", experiments=3, repeats=3, observers=[seen.append])
    finish(study)
    assert [e.number for e in study.experiments if e.kept] == kept
    assert study.incumbent.number == best
    if best < 2:
        assert study.experiments[2].verdict is Verdict.DISCARD
        assert study.experiments[2].reason.startswith("Taken back at the end: ")
        assert any(
            "is expected to be the best version at the end. Taken back: " in e.message
            for e in seen
            if isinstance(e, Notice)
        )
    repo = git.Repo(study.folder / "repo")
    assert repo.commit(f"autoresearch/{study.name}").hexsha == study.experiments[best].commit
    assert (study.folder / "repo" / "target.py").read_text() == study.experiments[best].target
    rows = [line.split("\t") for line in (study.folder / "results.tsv").read_text().splitlines()[1:]]
    assert [row[3] for row in rows] == ["keep" if e.kept else "discard" for e in study.experiments]
    assert [row[0] for row in rows] == [e.commit[: len(row[0])] for e, row in zip(study.experiments, rows, strict=True)]
    again = open_study(study.name, study.folder.parent)
    assert [(e.verdict, e.reason, e.commit) for e in again.experiments] == [
        (e.verdict, e.reason, e.commit) for e in study.experiments
    ]
    assert again.incumbent.number == best


@pytest.mark.slow
def test_all_runs_are_limited_and_some_are_left_for_the_end(make_study, script):
    script(*(noisy(10.0 - 0.02 * n) for n in range(1, 60)))
    seen = []
    study = finish(
        make_study(noisy(10.0), agent="script", experiments=60, repeats=3, max_runs=24, observers=[seen.append])
    )
    runs = [e for e in seen if isinstance(e, RunStarted) and e.kind != "final"]
    assert 22 <= len(runs) <= 24
    assert "--max-runs 24" in " ".join(e.message for e in seen if isinstance(e, Notice))
    assert study.experiments[-1].verdict is not None


@pytest.mark.slow
def test_without_noise_the_best_is_run_once_more_where_few_digits_agree(make_study, script):
    script("X = 2.0\nloss = X", "X = 1.9\nloss = X")
    study = finish(make_study("X = 3.0\nloss = X\n", agent="script", experiments=2))
    assert len(study.incumbent.values) == 2
    assert study.status.proven >= {study.incumbent.number}


def test_a_limit_on_all_runs_limits_the_baseline_s_as_well():
    def runs(**options):
        return baseline_runs(Settings(metric="loss", **options))

    assert [runs(), runs(max_runs=20), runs(max_runs=29), runs(max_runs=30), runs(max_runs=8)] == [3, 2, 2, 3, 2]
    assert runs(repeats=5, max_runs=1000) == 5
    assert runs(repeats=1, max_runs=1000) == 1
