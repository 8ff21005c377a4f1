"""A version that the user wants to see run once more."""

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import Confirmed, Judged, Remeasured
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.headline import Headline
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.again import NOTE, again_text
from autoresearch_magic.study.control import Control
from autoresearch_magic.study.requests import request

from ..studies import finish, wait_for

NOISY = "import random, time\ntime.sleep(0.02)\nX = 3.0\nloss = X + random.SystemRandom().gauss(0, 0.1)\n"
SLOWER = NOISY.replace("0.02", "0.3")


def versions(target, *values):
    return [target.replace("3.0", str(value)) for value in values]


def asked(study):
    with Journal(study.folder / "journal.sqlite") as journal:
        return [body["experiment"] for _, kind, body in journal.notes() if kind == NOTE]


@pytest.mark.slow
def test_at_rest_it_is_a_run_of_its_own_and_a_refuted_keep_is_taken_back(make_study, script, monkeypatch):
    script(*versions(NOISY, 1.0, 5.0))
    study = finish(make_study(NOISY, agent="script", experiments=2))
    before = study.status.experiments
    assert (before[1].verdict, study.headline.number) == ("keep", 1)
    study.run_again(0)
    assert study.wait(20)
    assert study.state == "finished"
    assert len(study.experiments[0].measurements) == len(before[0].measurements) + 1
    assert study.headline.number == 1, "another run of the baseline changes nothing of the confirmed result"
    text = again_text(study.status, before, 0)
    assert text.startswith("The baseline was run again: loss ")
    assert "with 3 runs it is " in text
    # All runs favour the baseline, as the judge sees them.
    monkeypatch.setattr("autoresearch_magic.study.closing.best_version", lambda *_: 0)
    before = study.status.experiments
    study.run_again(1)
    assert study.wait(20)
    first = study.experiment(1)
    assert (first.verdict, study.incumbent.number, study.headline) == ("discard", 0, None)
    assert first.reason.startswith("Taken back after experiment 1 was run again: the baseline is expected to be better")
    assert again_text(study.status, before, 1).endswith("Judged anew: experiment 1 is a discard now, keep before.")
    assert "\tdiscard\t" in (study.folder / "results.tsv").read_text().splitlines()[2]
    assert asked(study) == [0, 1]


@pytest.mark.slow
def test_a_study_that_runs_does_so_in_its_turn_and_a_paused_one_is_paused_again(make_study, script):
    script(*versions(SLOWER, 2.9, 2.8, 2.7))
    study = make_study(SLOWER, agent="script", experiments=3)
    seen = []
    study.observe(
        lambda event: seen.append(event.experiment.number) if isinstance(event, Judged | Remeasured) else None
    )
    study.start()
    wait_for(lambda: study.status.live is not None and study.status.live.experiment.number == 1)
    study.run_again(0)
    wait_for(lambda: 1 in seen)
    study.pause()
    assert study.wait(20)
    assert seen[seen.index(1) + 1] == 0, "the next run after the experiment in progress"
    assert asked(study) == [0]
    count, runs = len(study.experiments), len(study.experiments[0].measurements)
    study.run_again(0)
    study.run_again("0")
    wait_for(lambda: len(study.experiments[0].measurements) == runs + 2)
    assert study.wait(20)
    assert (study.state, len(study.experiments)) == ("paused", count)
    # As another process asks for it.
    folder = study.folder
    request(folder, "again", lambda: True, number=0)
    wait_for(lambda: len(study.experiments[0].measurements) == runs + 3)
    with pytest.raises(UserError, match="There is no experiment 9"):
        request(folder, "again", lambda: True, number=9)
    study.stop()


def measured(number, verdict, *values, reason=""):
    runs = tuple(
        Measurement(Outcome.CRASH if value is None else Outcome.OK, value, seed=n, seconds=1.0)
        for n, value in enumerate(values)
    )
    return Experiment(
        number, 0 if number else None, Proposal("x", "s"), verdict=verdict, measurements=runs, reason=reason
    )


@pytest.mark.parametrize(
    ("settings", "number", "why"),
    [
        ({}, 9, "There is no experiment 9"),
        ({}, 1, "Experiment 1 has no value (crash: NameError): there is nothing"),
        ({}, 2, "Experiment 2 has no value (duplicate): there is nothing"),
        ({"judge": "strict"}, 3, "%autoresearch regression 0 3  compares it"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_again_is_refused_in_one_line(make_study, settings, number, why):
    study = make_study(**settings)
    for e in (
        measured(0, Verdict.BASELINE, 1.0), measured(1, Verdict.CRASH, None, reason="NameError."), measured(2, Verdict.DUPLICATE),
        measured(3, Verdict.KEEP, 0.5),
    ):  # fmt: skip
        study.status.take(Judged(e))
    with pytest.raises(UserError) as refused:
        study.run_again(number)
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_result_of_another_best_is_forgotten(make_study):
    status = make_study().status
    for e in (measured(0, Verdict.BASELINE, 1.0), measured(1, Verdict.KEEP, 0.5)):
        status.take(Judged(e))
    status.take(Confirmed(Headline(1, 0.5, 0.0, 1.0, 0.0, 2, 0.5, 0.1)))
    status.take(Remeasured(measured(1, Verdict.KEEP, 0.5, 0.6)))
    assert status.headline is not None
    status.take(Remeasured(measured(1, Verdict.DISCARD, 0.5, 0.6)))
    assert status.headline is None


def test_a_pause_is_lifted_for_all_that_was_asked_in_it_and_for_nothing_else():
    control, left = Control(), lambda: control._allowed
    control.allow(0)
    for number in (1, 2):
        control.ask_again(number)
    assert (control.take_again(), left()) == ((1, True), 1)
    control.spend()
    assert (control.take_again(), left()) == ((2, True), 1)
    control.spend()
    assert (control.asked, left()) == (False, 0)
    control.allow(1)  # a step
    control.ask_again(3)
    assert (control.take_again(), left()) == ((3, False), 1), "the step is still to come"


def test_words_of_a_run_that_came_to_nothing(make_study):
    status = make_study().status
    status.take(Judged(measured(0, Verdict.BASELINE, 1.0, 1.2)))
    before = status.experiments
    assert again_text(status, before, 0) == "The baseline was not run again: the study was stopped before."
    status.take(Remeasured(measured(0, Verdict.BASELINE, 1.0, 1.2, None)))
    assert "it gave no value this time (crash); with 2 runs it is 1.10, 1.10 before." in again_text(status, before, 0)
