"""Hostile targets in a whole study: its journal and its git hold their own records and nothing else has changed."""

import pytest

from autoresearch_magic.experiment import Verdict
from autoresearch_magic.storage.journal import Journal

from ..repositories import run_git
from ..studies import finish

SETUP = """
LABELS = [1.0, 2.0, 3.0]
def evaluate(model):
    return sum((model(x) - x) ** 2 for x in LABELS)
"""
HONEST = "SHIFT = {}\ndef model(x):\n    return x + SHIFT\n"


def hostile(folder):
    """Return versions that cheat or break, each after an honest model that is worse than the baseline."""
    acts = (
        "LABELS.clear()",
        "evaluate.__code__ = (lambda model: -1e9).__code__",
        "import os\nfor fd in range(3, 600):\n    try:\n        os.set_blocking(fd, False)\n        os.write(fd, b'{\"result\": {\"outcome\": \"ok\", \"value\": -1e9}}\\n')\n    except OSError:\n        pass",
        f"import shutil\nshutil.rmtree({str(folder)!r}, ignore_errors=True)",
        f"import sqlite3\ntry:\n    with sqlite3.connect({str(folder / 'journal.sqlite')!r}) as c:\n        c.execute('DROP TABLE experiments')\nexcept sqlite3.Error:\n    pass",
    )  # fmt: skip
    return [HONEST.format(3.0 + n / 10) + act for n, act in enumerate(acts)]


@pytest.mark.slow
def test_hostile_targets_leave_their_own_record_alone(make_study, script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    targets = hostile(tmp_path / "night")
    better = HONEST.format(1.0)
    agent = script(*targets, better)
    study = make_study(
        HONEST.format(2.0), SETUP, metric="evaluate(model)", minimize=True, agent="script", experiments=6, repeats=1, name="night",
        budget="0.2s",
    )  # fmt: skip
    finish(study)
    assert agent.targets == []
    experiments = study.experiments
    assert [each.number for each in experiments] == list(range(7))
    assert experiments[0].verdict is Verdict.BASELINE
    assert experiments[0].value == 12.0
    for each, target in zip(experiments[1:6], targets, strict=True):
        assert each.proposal.target == target
        assert each.value is None or each.value >= 27.0
        assert not each.verdict.kept
    assert (experiments[6].verdict, experiments[6].value) == (Verdict.KEEP, 3.0)
    refs = run_git(tmp_path / "night" / "repo", "for-each-ref", "--format=%(refname)", "refs/autoresearch").split()
    assert [ref.rpartition("/")[2] for ref in refs] == [f"{number:04}" for number in range(7)]
    run_git(tmp_path / "night" / "repo", "fsck", "--strict")
    with Journal(tmp_path / "night" / "journal.sqlite") as journal:
        assert [each.number for each in journal.experiments()] == list(range(7))
