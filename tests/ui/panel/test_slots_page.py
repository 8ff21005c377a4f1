"""Several runs at once in the panel: a row and a curve for each slot."""

from dataclasses import replace

import pytest

from autoresearch_magic.events import RunEnded, RunProgress, RunStarted
from autoresearch_magic.experiment import Measurement, Outcome
from autoresearch_magic.runs import Point
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.panel.detail import live_of
from autoresearch_magic.ui.panel.facts import slot_facts

from ...kernels import TARGET
from .page import CONTRAST, experiment, fill, more_pulls, opened
from .view import View


@pytest.fixture
def study(tmp_path):
    made = Study("# Lower it", TARGET, metric="loss", experiments=40, repeats=2, budget="5s", root=tmp_path, workers=3)
    yield made
    made.stop()


def begin(study):
    fill(study, 5)
    for slot, place in ((0, "GPU 0"), (2, "GPU 2")):
        e = experiment(7 + slot, None)
        e = replace(e, measurements=(), verdict=None, proposal=replace(e.proposal, summary=f"try {slot}"))
        study.status.take(RunStarted(e, "candidate", 0, 9, slot, place, flying=True))
        for n in range(1, 6 + slot):
            point = Point(n / 2, n / 10, n, {"loss": 3.0 + slot - n / 10})
            study.status.take(RunProgress(7 + slot, "training", n / 2, n / 10, n, point, slot))


def test_facts_and_curves_of_the_slots(study):
    begin(study)
    view = View(study)
    content = view.pull()
    assert [(f["place"], f["kind"], f["progress"]) for f in view.facts["slots"]] == [
        ("GPU 0", "candidate", 0.5),
        ("worker 2", "", 0.0),
        ("GPU 2", "candidate", 0.7),
    ]
    assert view.facts["running"]["number"] == 5  # what it would be; the ordinal of its proposal is 7
    assert (content["curve"]["slot"], content["curve"]["count"]) == (0, 5)
    assert [(c["slot"], c["count"]) for c in content["beside"]] == [(2, 7)]
    study.status.take(RunEnded(7, "candidate", Measurement(Outcome.OK, 1.0, seed=0), 0))
    content = view.pull()
    assert (content["curve"]["slot"], content["beside"]) == (2, [])


def test_what_is_in_flight_is_not_taken_for_the_experiment_whose_number_is_its_ordinal(study):
    begin(study)
    assert live_of(study.status, 7) is None
    judged = replace(experiment(3, 1.0), verdict=None)
    study.status.take(RunStarted(judged, "candidate", 1, 9, 1, "GPU 1"))
    found = live_of(study.status, 3)
    assert found is not None
    assert found.place == "GPU 1"


def test_one_slot_has_none_of_it(tmp_path):
    alone = Study("# Lower it", TARGET, metric="loss", experiments=40, root=tmp_path)
    begin(alone)
    assert slot_facts(alone) == []
    assert "beside" not in View(alone).pull()
    alone.stop()


@pytest.mark.slow
def test_the_page_has_a_row_and_a_curve_for_each_run(page, study):
    begin(study)
    opened(page, 5)
    rows = page.locator(".arm-slot-row")
    assert [text.split("\n") for text in rows.all_inner_texts()] == [
        ["GPU 0", "New · try 0", "training 50%"],
        ["worker 2", "free"],
        ["GPU 2", "New · try 2", "training 70%"],
    ]
    assert page.locator(".arm-doing").inner_text() == "2 of 3 workers at work"
    assert page.locator(".arm-side path.arm-slot").count() == 2
    assert page.locator(".arm-side .arm-legend").inner_text().split("\n") == ["GPU 0", "GPU 2"]
    colours = page.evaluate(
        "[...document.querySelectorAll('.arm-side path.arm-slot')].map((p) => getComputedStyle(p).stroke)"
    )
    assert len({*colours}) == 2
    assert not [each for each in page.evaluate(CONTRAST) if each[1] < each[0]]
    study.status.take(RunEnded(7, "candidate", Measurement(Outcome.OK, 1.0, seed=0), 0))
    more_pulls(page)
    assert page.locator(".arm-side path.arm-slot").count() == 1
