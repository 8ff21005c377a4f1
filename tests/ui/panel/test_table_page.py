"""The table of experiments in a real browser: its rows, their order, search and filters."""

from dataclasses import replace

import pytest

from autoresearch_magic.events import Judged
from autoresearch_magic.experiment import Measurement, Outcome, Proposal, Verdict

from .page import experiment, fill, more_pulls, opened

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NUMBERS = "[...document.querySelectorAll('.arm-history tr[data-arm-number]')].map((r) => Number(r.getAttribute('data-arm-number')))"


def numbers(page):
    return page.evaluate(NUMBERS)


def failed(number, error, agent="tuner"):
    run = Measurement(Outcome.CRASH, None, seed=0, seconds=0.5, error=error)
    proposal = Proposal("X = 1\n", f"broke it with {number} heads", agent=agent)
    return replace(
        experiment(number, 1.0),
        proposal=proposal,
        verdict=Verdict.CRASH,
        reason=f"{error} (line 3)",
        measurements=(run,),
    )


def test_rows_are_sorted_searched_and_filtered(page, study):
    fill(study, 6)
    study.status.take(Judged(failed(6, "ValueError: shapes", agent="claude")))
    study.status.take(Judged(failed(7, "KeyError: 'x'")))
    study.status.take(Judged(experiment(8, 0.5, Verdict.KEEP)))
    opened(page, 9)
    page.wait_for_selector(".arm-history >> text=ValueError: shapes (line 3)", state="attached")
    assert numbers(page) == [8, 7, 6, 5, 4, 3, 2, 1, 0], "the newest first"

    value = page.get_by_role("button", name="loss", exact=True)
    value.click()
    assert numbers(page)[:2] == [8, 0], "the best value first, because lower is better"
    assert set(numbers(page)[-2:]) == {6, 7}, "what has no value comes last"
    assert page.locator("th[aria-sort=ascending]").inner_text().strip() == "loss"
    value.click()
    assert numbers(page)[0] == 1
    assert set(numbers(page)[-2:]) == {6, 7}, "in both directions"

    search = page.get_by_role("searchbox")
    search.fill("HEADS")
    assert set(numbers(page)) == {6, 7}
    assert "2 of 9" in page.locator(".arm-bar-head").inner_text()
    search.fill("#8")
    assert numbers(page) == [8]
    search.fill("nothing like this")
    assert "No experiment is like this" in page.locator(".arm-scroll").inner_text()
    search.fill("")
    page.get_by_label("Only this failure").select_option("crash (KeyError)")
    assert numbers(page) == [7]
    page.get_by_label("Only this failure").select_option("")
    page.get_by_label("Only this verdict").select_option("failed")
    assert set(numbers(page)) == {6, 7}
    page.get_by_label("Only this agent").select_option("claude")
    assert numbers(page) == [6]
    page.get_by_label("Only this agent").select_option("")
    page.locator(".arm-history").get_by_role("button", name="Kept 2").click()
    assert set(numbers(page)) == {0, 8}
    page.locator(".arm-history").get_by_role("button", name="All 9").click()
    # A filter holds for what comes later, too.
    search.fill("idea 9")
    study.status.take(Judged(experiment(9, 3.0)))
    study.status.take(Judged(experiment(10, 3.0)))
    page.wait_for_function(f"({NUMBERS}).join() === '9'")


def test_of_three_thousand_rows_those_in_sight_are_in_the_page_and_all_can_be_reached(page, study):
    fill(study, 60)
    status = study.status
    status.experiments = (*status.experiments, *(experiment(n, 3 + n / 1e4) for n in range(60, 3000)))
    opened(page, 3000)
    shown = numbers(page)
    assert shown[0] == 2999
    assert len(shown) < 60
    page.get_by_role("button", name="Experiment 2999, details").focus()
    page.keyboard.press("End")
    page.wait_for_function(f"({NUMBERS}).includes(0)")
    assert page.evaluate("document.activeElement.textContent") == "0"
    assert page.evaluate("document.activeElement.closest('tr').getAttribute('aria-rowindex')") == "3001"
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.textContent") == "1"
    page.keyboard.press("PageUp")
    assert int(page.evaluate("document.activeElement.textContent")) > 3
    page.keyboard.press("Home")
    page.wait_for_function("document.activeElement.textContent === '2999'")
    page.wait_for_function("asked.at(-1).texts?.[0] === 0")
    page.get_by_role("searchbox").fill("idea 1234")
    assert numbers(page) == [1234]
    page.keyboard.press("Tab")
    page.get_by_role("searchbox").fill("")
    # What is open in the chart or the details is scrolled to.
    page.evaluate("document.querySelector('.arm-scroll').scrollTop = 20000")
    page.wait_for_function(f"!({NUMBERS}).includes(2999)")
    before = numbers(page)
    more_pulls(page, 1)
    assert numbers(page) == before


def test_two_rows_are_chosen_to_be_compared(page, study):
    fill(study, 5)
    opened(page, 5)
    for number in (1, 3):
        page.get_by_label(f"Choose experiment {number} to compare").check()
    page.get_by_role("button", name="Compare #1 with #3").wait_for()
    page.get_by_label("Choose experiment 4 to compare").check()
    page.get_by_role("button", name="Compare #3 with #4").wait_for()
    assert not page.get_by_label("Choose experiment 1 to compare").is_checked(), "two at most: the oldest choice goes"
    page.get_by_role("button", name="Compare #3 with #4").click()
    page.wait_for_selector("dialog[open] .arm-comparison")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Clear").click()
    assert page.locator(".arm-tickbox:checked").count() == 0
    assert page.locator("dialog[open]").count() == 0, "choosing opens nothing"
