"""The chart of all experiments shows another number, with its limit."""

from dataclasses import replace

import pytest

from autoresearch_magic.events import Judged, State, StateChanged
from autoresearch_magic.experiment import Verdict
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.panel.numbers import numbers

from ...kernels import TARGET
from .page import experiment, opened

pytestmark = pytest.mark.browser

SIZES = (8.0, 6.0, 14.0, 5.0, 9.0, None)


@pytest.fixture
def study(tmp_path):
    made = Study(
        "# Lower it",
        TARGET,
        metric="loss",
        experiments=20,
        repeats=2,
        budget="5s",
        root=tmp_path,
        also="size=size",
        limit="size<12",
    )
    verdicts = (Verdict.BASELINE, Verdict.KEEP, Verdict.DISCARD, Verdict.KEEP, Verdict.DISCARD, Verdict.DISCARD)
    for number, (size, verdict) in enumerate(zip(SIZES, verdicts, strict=True)):
        e = experiment(number, 3.0 - 0.1 * number, verdict)
        numbers_of_run = {} if size is None else {"size": size}
        made.status.take(
            Judged(replace(e, measurements=tuple(replace(m, numbers=numbers_of_run) for m in e.measurements)))
        )
    made.status.take(StateChanged(State.RUNNING, ""))
    yield made
    made.stop()


def test_the_numbers_are_sent_by_name_with_their_limits(study):
    answer, buffers = numbers(study)
    assert answer == {"type": "numbers", "names": ["size"], "limits": [[["<", 12.0]]]}
    assert [len(each) for each in buffers] == [4 * 6, 8 * 6]


def test_the_chart_shows_the_number_that_is_chosen_with_its_limit_and_what_is_beyond(page):
    opened(page, 6)
    select = page.get_by_label("Number in the chart")
    assert select.locator("option").all_inner_texts() == ["loss", "size"]
    assert page.locator(".arm-limitline").count() == 0
    select.select_option("size")
    page.wait_for_function(
        "document.querySelector('.arm-big').parentElement.querySelector('.arm-caption').textContent === 'size by experiment, limit < 12'"
    )
    page.wait_for_function("document.querySelectorAll('.arm-limitline').length === 1")
    page.locator(".arm-front").focus()
    page.keyboard.press("Home")
    assert page.locator(".arm-big .arm-tipvalue").inner_text().startswith("8")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    said = page.locator(".arm-big .arm-tooltip").inner_text()
    assert "14" in said
    assert "beyond the limit < 12" in said
    assert "loss 2.8" in said
    select.select_option("loss")
    page.wait_for_function("document.querySelectorAll('.arm-limitline').length === 0")
    assert page.locator(".arm-big .arm-tipvalue").inner_text().startswith("2.8")
