"""Studies of targets in which comments mark what may change, and plans of targets that have nothing to tune."""

import pytest

from autoresearch_magic.errors import UserError

from ..studies import finish

TARGET = """# EVOLVE-BLOCK-START
X = 3.0
# EVOLVE-BLOCK-END
loss = (X - 1) ** 2
"""


@pytest.mark.slow
def test_a_proposal_that_changes_a_line_outside_of_the_blocks_is_rejected(make_study, script):
    script(TARGET.replace("** 2", "** 4"), TARGET.replace("X = 3.0", "X = 1.5"), "X = 1.0\nloss = (X - 1) ** 2\n")
    study = finish(make_study(TARGET, agent="script", experiments=3))
    assert [str(e.verdict) for e in study.experiments] == ["baseline", "rejected", "keep", "rejected"]
    assert "line 4 (loss = (X - 1) ** 4)" in study.experiments[1].reason
    assert "line 1 (X = 1.0)" in study.experiments[3].reason or "removes" in study.experiments[3].reason
    assert not study.experiments[1].measurements


def test_markers_that_are_no_pair_are_refused_before_a_start(make_study, tmp_path):
    with pytest.raises(UserError, match="line 1: EVOLVE-BLOCK-START without"):
        make_study(TARGET.replace("# EVOLVE-BLOCK-END\n", ""))
    assert list(tmp_path.iterdir()) == []


def test_the_tuner_changes_nothing_outside_of_the_blocks(make_study):
    with pytest.raises(UserError, match="nothing to tune"):
        make_study(TARGET.replace("X = 3.0", "X = f()")).start()


@pytest.mark.slow
def test_a_plan_needs_no_tuner(make_study, tmp_path):
    study = make_study("def f():\n    return max(1, 2)\nloss = f()\n")
    text = str(study.plan())
    assert "The target runs: loss 2" in text
    assert text.splitlines()[-1].startswith("It cannot start yet. The target has nothing to tune")
    with pytest.raises(UserError, match="nothing to tune"):
        study.start()
    assert list(tmp_path.iterdir()) == []
