"""The holdout: measured at the end alone, told beside the result, and never to who proposes."""

import json
from dataclasses import replace

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import State
from autoresearch_magic.headline import Headline, Holdout
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.gain_words import gain_text
from autoresearch_magic.study.holdout import contradicts, holdout_text, looks_text, share_text, warning
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.summary import result_line, status_text
from autoresearch_magic.ui.facts import history_facts, status_facts
from autoresearch_magic.ui.outcome import outcome_reply
from autoresearch_magic.ui.panel.facts import study_facts

from ..studies import finish, wait_for

HELD = Holdout("test_bpb", 1.25, 0.02, 1.8, 0.02, 3, 0.55, 0.06, 0.999, 0.07, 0.03)
HEAD = Headline(1, 1.18, 0.02, 1.8, 0.02, 3, 0.62, 0.05, 0.95, 0.999, HELD)


def test_the_words():
    assert holdout_text(HEAD) == (
        "On the holdout test_bpb 0.550 better (31%; 95% interval 0.490 to 0.610): 0.070 of the gain is the selection's share "
        "(95% interval 0.040 to 0.100)."
    )
    assert (warning(HEAD), contradicts(HEAD)) == ("", False)
    assert holdout_text(replace(HEAD, holdout=None)) == ""
    failed = replace(HEAD, holdout=None, holdout_error="KeyError: 'x'.")
    assert holdout_text(failed) == "The holdout could not be measured: KeyError: 'x'."


@pytest.mark.parametrize(
    ("share", "reach", "words"),
    [
        (0.07, 0.03, "0.070 of the gain is the selection's share (95% interval 0.040 to 0.100)"),
        (0.02, 0.03, "0.020 less than on the validation data, which chance may explain (95% interval of the selection's share -0.010 to 0.050)"),
        (-0.02, 0.03, "0.020 more than on the validation data, which chance may explain (95% interval of the selection's share -0.050 to 0.010)"),
        (-0.07, 0.03, "that is 0.070 more than on the validation data (95% interval 0.040 to 0.100): the selection has no share in it"),
        (0.07, None, "0.07 less than on the validation data, which one run of each cannot tell from chance"),
        (0.07, 0.0, "0.07 of the gain is the selection's share, the same in every run"),
        (-0.07, 0.0, "that is 0.07 more than on the validation data in every run: the selection has no share in it"),
        (0.0, 0.0, "the selection has no share in the gain"),
    ],
)  # fmt: skip
def test_the_share_in_words(share, reach, words):
    assert share_text(replace(HELD, share=share, share_reach=reach), 0.95) == words


def test_a_holdout_that_contradicts_stands_in_front():
    none, worse = (replace(HEAD, holdout=replace(HELD, gain=gain)) for gain in (0.01, -0.3))
    assert warning(none) == "The holdout test_bpb does not confirm it: no improvement is shown there."
    assert warning(worse) == "The holdout test_bpb does not confirm it: the best is worse than the baseline there."
    unsure = replace(none, reach=0.7)  # nothing is shown on the validation data either
    assert (warning(unsure), contradicts(unsure)) == ("", False)
    assert looks_text(HELD) == ""
    assert "looked at 2 times" in holdout_text(replace(HEAD, holdout=replace(HELD, looks=2)))


SETUP = """
from autoresearch_magic import seed
def evaluate(x, at):
    return (x - at) ** 2 + 1 + seed % 7 * 0.001
"""
TARGET = "x = 3.0\n"
OPTIONS = {
    "metric": "loss=evaluate(x, 1.0)",
    "minimize": True,
    "holdout": "unseen=evaluate(x, 1.25)",
    "agent": "script",
    "pairs": 0,
}
UNSEEN = 1.0625  # of x = 1: no other number of the study is like it


@pytest.mark.slow
def test_it_is_measured_and_told_at_the_end_alone(make_study, script, tmp_path):
    agent = script("x = 2.0\n", "x = 1.0\n", "x = 0.0\n", "x = 0.5\n")
    briefings, propose = [], agent.propose
    agent.propose = lambda briefing: (briefings.append(briefing), propose(briefing))[1]
    study = make_study(TARGET, SETUP, name="night", experiments=2, **OPTIONS)
    during = []
    study.observe(
        lambda event: during.append((study.status.holdout, study_facts(study, 0)["holdout"])) if study.active else None
    )
    finish(study)
    assert during
    assert not any(a or b for a, b in during)
    held = study.headline.holdout
    assert held.best == pytest.approx(UNSEEN, abs=0.01)
    assert held.baseline == pytest.approx(1 + 1.75**2, abs=0.01)
    assert held.share == pytest.approx(4 - (1.75**2 - 0.25**2), abs=1e-9)
    for text in (result_line(study.status), status_text(study.status), outcome_reply(study).text, study.report(tmp_path / "r.html").read_text(),
                 study.report(tmp_path / "r.md").read_text(), study._repr_markdown_()):  # fmt: skip
        assert "unseen 3.000 better" in text.replace("\\", "")
    assert study_facts(study, 0)["holdout"]["name"] == "unseen"
    assert status_facts(study)["headline"]["holdout"]["share"] == pytest.approx(held.share)
    assert study.evals().confirmed == result_line(study.status)
    other = open_study("night", tmp_path)
    assert other.headline == study.headline
    with Journal(study.folder / "journal.sqlite") as journal:
        runs = journal.runs()
    assert {run.kind for run in runs if run.measurement.holdout is not None} == {"final"}
    # Whoever goes on sees nothing of it, and the second look is counted.
    study.resume(experiments=4)
    assert study.wait(60)
    assert study.state == State.FINISHED
    told = json.dumps(history_facts(study, study.experiments)) + "".join(
        log.read_text() for log in (study.folder / "logs").glob("*.log")
    )
    for each in (study.briefing(), told, *map(repr, briefings)):
        assert "1.062" not in each
        assert "unseen" not in each
    assert study.headline.holdout.looks == 1, "the best is the same: nothing new was told"


@pytest.mark.slow
def test_a_new_best_after_the_end_is_a_second_look(make_study, script):
    script("x = 2.0\n", "x = 1.0\n")
    study = finish(make_study(TARGET, SETUP, experiments=1, **OPTIONS))
    assert study.headline.holdout.looks == 1
    study.resume(experiments=2)
    wait_for(lambda: study.status.pending is not None or not study.active)
    assert status_facts(study)["headline"] is None or status_facts(study)["headline"]["holdout"] is None
    assert study.wait(60)
    assert study.headline.holdout.looks == 2
    assert "looked at 2 times" in result_line(study.status)


@pytest.mark.slow
def test_an_error_in_it_is_told_at_the_start_without_its_value(make_study, script):
    script()
    study = make_study(TARGET, SETUP, **{**OPTIONS, "holdout": "unseen=[evaluate(x, 1.25)][3]"})
    study.start().wait(60)
    assert study.state == State.FAILED
    assert study.status.message == (
        "--holdout unseen=[evaluate(x, 1.25)][3] fails on the baseline: IndexError: list index out of range. Correct it, or leave it out."
    )


@pytest.mark.slow
def test_one_that_fails_at_the_end_leaves_the_result(make_study, script):
    script("x = 0.0\n")
    study = finish(
        make_study(TARGET, SETUP, experiments=1, **{**OPTIONS, "holdout": "unseen=1 / x + evaluate(x, 1.25)"})
    )
    assert study.headline.gain == pytest.approx(3.0)
    assert study.headline.holdout is None
    assert result_line(study.status).endswith(
        "The holdout could not be measured: ZeroDivisionError: float division by zero"
    )


def test_what_targets_can_read_is_told(make_study):
    study = make_study(TARGET, SETUP, **{**OPTIONS, "agent": "tuner"})
    assert any("setup --sealed" in line for line in study.take_remarks())
    with pytest.raises(UserError, match="needs 'wanted', which neither setup, sealed code nor target defines"):
        make_study(TARGET, SETUP, **{**OPTIONS, "holdout": "unseen=evaluate(x, wanted)", "agent": "tuner"})
    assert gain_text(HEAD).startswith("0.620 better")
