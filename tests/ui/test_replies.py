"""Replies about a study, in text and in Markdown."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from autoresearch_magic.budget import Budget
from autoresearch_magic.errors import UserError
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal
from autoresearch_magic.runs import Conditions
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.ui.replies import (
    ablation_reply,
    answer_reply,
    diff_reply,
    evals_reply,
    experiment_reply,
    reasoning,
    shown_path,
    unusual_conditions,
)

from ..studies import QUICK, finish

BETTER, BROKEN = QUICK.replace("3.0", "2.0"), "X = 3.0\nraise ValueError('no | way')\n"
IDLE = QUICK.replace("loss", "Y = [5, 6, 7]\nloss")


@pytest.fixture
def study(make_study, script):
    script(BETTER, BROKEN)
    return finish(make_study(agent="script", experiments=2, name="shown"))


@pytest.mark.slow
def test_an_experiment_with_reasoning_and_code(study):
    reply = experiment_reply(study, study.experiments[1])
    assert reply.text.startswith("Experiment 1: keep, loss 1")
    assert "Hypothesis: why\nExpected effect: what" in reply.text
    assert BETTER.strip() in reply.text
    assert f"```python\n{BETTER.strip()}\n```" in reply.markdown
    said = experiment_reply(study, study.experiments[1], "a note of ours")
    assert "a note of ours" in said.text
    assert study.experiments[1].reason not in said.text


def test_an_unusually_busy_machine_is_told_in_one_line():
    usual = Measurement(Outcome.OK, 1.0, seed=0, conditions=Conditions(0.1, 2))
    odd = replace(usual, conditions=Conditions(1.8, 2))
    baseline = Experiment(0, None, Proposal("x", "s"), measurements=(usual,) * 3)

    def lines(*runs):
        e = Experiment(1, 0, Proposal("y", "s"), measurements=runs)
        settings = SimpleNamespace(budget=Budget(5, "seconds"))
        return unusual_conditions(
            SimpleNamespace(experiments=[baseline, e], status=SimpleNamespace(settings=settings)), e
        )

    assert lines(usual) == []
    assert lines(odd) == ["Measured while other programs kept 1.8 of 2 cores busy (usually 0.1)."]
    assert lines(usual, odd) == ["Run 2 of 2 was measured while other programs kept 1.8 of 2 cores busy (usually 0.1)."]
    assert lines(odd, odd)[0].endswith("(usually 0.1); 2 of its 2 runs were disturbed.")


@pytest.mark.slow
def test_a_failed_experiment_shows_its_error(study):
    reply = experiment_reply(study, study.experiments[2])
    assert reply.text.startswith("Experiment 2: crash")
    assert "ValueError: no | way" in reply.text.rpartition(BROKEN.strip())[2]
    assert "ValueError: no | way" in reply.markdown


@pytest.mark.slow
def test_a_diff_and_an_empty_diff(study):
    baseline, best, _ = study.experiments
    reply = diff_reply(study, baseline, best)
    assert reply.text.startswith("Experiment 0 (4) → 1 (1): 1 line added, 1 removed\n")
    assert "-X = 3.0" in reply.text
    assert "```diff" in reply.markdown
    assert diff_reply(study, best, best).text == "Experiments 1 and 1 have the same target."


@pytest.mark.slow
def test_the_analysis_without_early_stopping(study):
    reply = evals_reply(study)
    assert "Early stopping" not in reply.text, "nothing was stopped early"
    assert reply.text != reply.markdown


@pytest.mark.slow
def test_an_answer_and_a_missing_answer(study):
    assert answer_reply(study).text == "Stopped before there was an answer."
    study.regression(0, 1, 2)
    reply = answer_reply(study)
    assert reply.text.startswith("STABLE")
    assert reply.text == study.answer().text(study.metric)
    study.ablate(2)
    assert ablation_reply(study).next_cell == "", "every kept change contributes"


@pytest.mark.slow
def test_a_failed_question_is_one_line(make_study, tmp_path):
    flag = tmp_path / "broken"
    study = finish(
        make_study(
            f"from pathlib import Path\nX = 3.0\nassert not Path({str(flag)!r}).exists()\nloss = X\n", sandbox="off"
        )
    )
    flag.touch()
    study.ask_regression(0, study.incumbent.number, 2).wait(60)
    with pytest.raises(UserError, match="Experiment 0 does not run any more"):
        answer_reply(study)


@pytest.mark.slow
def test_ablation_offers_the_target_without_useless_changes(make_study, script):
    script(IDLE.replace("3.0", "2.0"), BETTER)
    study = finish(make_study(IDLE, agent="script", experiments=2))
    assert [str(e.verdict) for e in study.experiments] == ["baseline", "keep", "keep"], "equal and simpler is a keep"
    study.ablate(2)
    reply = ablation_reply(study)
    assert reply.next_cell == "%%autoresearch target\n" + IDLE.replace("3.0", "2.0").strip()
    assert reply.text == study.answer().text(study.metric)


@pytest.mark.parametrize(
    ("proposal", "lines"),
    [
        (Proposal("", "s"), []),
        (Proposal("", "s", "why"), ["Hypothesis: why"]),
        (Proposal("", "s", "why", "what"), ["Hypothesis: why", "Expected effect: what"]),
    ],
)
def test_reasoning_lines(proposal, lines):
    assert reasoning(proposal) == lines


def test_paths_are_relative_below_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert shown_path(Path("a/b.md")) == "a/b.md"
    assert shown_path(tmp_path / "here" / "b.md") == "b.md"
    assert shown_path(tmp_path / "b.md") == str(tmp_path / "b.md")
    monkeypatch.chdir("/")
    assert shown_path(tmp_path / "b.md") == str(tmp_path / "b.md")


@pytest.mark.slow
def test_notes_and_files_of_a_run_are_shown(make_study, script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script(BETTER + "print('note: worst *case* 3')\nopen('worst.txt', 'w').write('case ``` 3')\n")
    study = finish(make_study(agent="script", experiments=1, artifacts="worst.txt", root=tmp_path))
    reply = experiment_reply(study, study.experiments[1])
    assert "\nNote: worst *case* 3\n" in reply.text
    assert reply.text.endswith("worst.txt, as the run wrote it:\ncase ``` 3")
    assert r"Note: worst \*case\* 3" in reply.markdown
    assert reply.markdown.endswith("````\ncase ``` 3\n````")
    (run, *_) = reply.data["measurements"]
    assert (run["notes"], run["artifacts"]) == (["worst *case* 3"], {"worst.txt": "case ``` 3"})
    assert "Note:" not in experiment_reply(study, study.experiments[0]).text
    prompt = study.briefing()
    assert "Experiment 1, the present target:\n```\nworst *case* 3\n```" in prompt
    assert "worst.txt, as experiment 1 wrote it:\n````\ncase ``` 3\n````" in prompt
    assert open_study(study.folder).experiments[1].artifacts == {"worst.txt": "case ``` 3"}
