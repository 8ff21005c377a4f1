"""The scrubber through the versions, and what can be done with one, in a browser."""

from dataclasses import replace

import pytest

from autoresearch_magic.events import Judged, StateChanged
from autoresearch_magic.experiment import Verdict
from autoresearch_magic.study.status import State

from .page import CONTRAST, experiment

pytestmark = pytest.mark.browser

LISTEN = """
(handles) => {
  window.heard_restore = [];
  document.addEventListener("autoresearch-magic:restore", (event) => {
    const { done, ...rest } = event.detail;
    heard_restore.push({ ...rest, composed: event.composed });
    if (handles) { event.preventDefault(); done(`Version ${rest.number} is in the cell.`); }
  });
}
"""


def fill(study, count, kept=(3, 6, 8)):
    """Judge experiments, of which those in `kept` change the target; one in ten fails."""
    parent = 0
    for number in range(count):
        verdict = Verdict.BASELINE if not number else Verdict.KEEP if number in kept else Verdict.DISCARD
        e = experiment(number, 2 - number / count if number in (0, *kept) else 2.5, verdict)
        if number % 10 == 9:
            e = replace(experiment(number, None, Verdict.CRASH), measurements=())
        proposal = replace(
            e.proposal, target=f"X = {number}\nloss = X\n", summary=f"X {parent} → {number}" if number else "baseline"
        )
        study.status.take(Judged(replace(e, proposal=proposal, parent=parent if number else None)))
        if number in kept:
            parent = number
    study.status.take(StateChanged(State.FINISHED))


def opened(page):
    page.evaluate("void open_view()")
    page.wait_for_selector(".arm-version-diff .arm-code")
    return page.locator(".arm-versions")


def differences(page):
    """Return the differences that were asked for, as (number, against)."""
    return [(a["number"], a["against"]) for a in page.evaluate("asked.filter((a) => a.type === 'diff')")]


def shows(page, number, *lines):
    page.wait_for_function("n => document.querySelector('.arm-version-what b').textContent === `#${n}`", arg=number)
    for line in lines:
        page.locator(".arm-version-diff .arm-code-line", has_text=line).first.wait_for()


def test_scrub_through_what_was_kept_by_keys_alone(page, study):
    fill(study, 12)
    versions = opened(page)
    shows(page, 8, "X = 6", "X = 8")
    assert differences(page) == [(8, 6)], "only what is shown is asked for"
    assert page.locator(".arm-scrubbed").count() == 0, "nothing was moved to yet"
    slider = versions.get_by_role("slider", name="Version")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    shows(page, 6, "X = 3", "X = 6")
    assert slider.get_attribute("aria-valuetext") == "Experiment 6, keep, 1.500, X 3 → 6"
    assert versions.locator(".arm-version-what").inner_text().split("\n")[-1].endswith("1 added, 1 removed since #3")
    at = page.locator(".arm-scrubbed").bounding_box()
    page.keyboard.press("Home")
    shows(page, 0, "X = 0")
    assert page.locator(".arm-scrubbed").bounding_box()["x"] < at["x"]
    assert versions.get_by_role("button", name="Previous version").is_disabled()
    page.keyboard.press("End")
    shows(page, 8)
    for name, number in (("First version", 0), ("Next version", 3), ("Last version", 8), ("Previous version", 6)):
        versions.get_by_role("button", name=name).focus()
        page.keyboard.press("Enter")
        shows(page, number)
    seen = differences(page)
    assert {*seen} == {(8, 6), (6, 3), (0, None), (3, 0)}
    for key in ("Home", "End", "ArrowLeft"):
        slider.focus()
        page.keyboard.press(key)
    shows(page, 6, "X = 3", "X = 6")
    assert differences(page) == seen, "what was seen is kept"
    assert versions.locator(".arm-version-position").inner_text() == "3 of 4"


def test_all_versions_and_what_the_chart_has_opened(page, study):
    fill(study, 12)
    versions = opened(page)
    versions.get_by_role("button", name="All 12").click()
    assert versions.locator(".arm-version-position").inner_text() == "9 of 12", "it stays where it is"
    versions.get_by_role("button", name="Next version").click()
    shows(page, 9)
    assert "no value" in versions.locator(".arm-version-what").inner_text()
    versions.get_by_role("button", name="Details").click()
    page.locator("dialog[aria-label='Experiment 9']").wait_for()
    page.keyboard.press("Alt+ArrowLeft")
    page.keyboard.press("Alt+ArrowLeft")
    page.keyboard.press("Escape")
    shows(page, 7)
    versions.get_by_role("button", name="Kept 4").click()
    shows(page, 6)


def test_a_new_best_is_shown_until_another_one_was_chosen(page, study):
    fill(study, 5)
    versions = opened(page)
    shows(page, 3)
    study.status.take(Judged(experiment(5, 0.5, Verdict.KEEP)))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    shows(page, 5)
    versions.get_by_role("button", name="Previous version").click()
    study.status.take(Judged(experiment(6, 0.4, Verdict.KEEP)))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    versions.locator(".arm-version-position", has_text="2 of 4").wait_for()
    shows(page, 3)


def test_play_goes_to_the_end_and_not_where_less_motion_is_wanted(page, study):
    fill(study, 12)
    versions = opened(page)
    play = versions.get_by_role("button", name="Play", exact=True)
    assert (play.is_disabled(), play.get_attribute("title")) == (
        True,
        "Your system asks for less motion: go from one to the next",
    )
    page.emulate_media(reduced_motion="no-preference")
    page.clock.install()
    versions.get_by_role("button", name="Previous version").click()
    play.click()
    shows(page, 6)
    assert versions.get_by_role("button", name="Pause the versions").count() == 1
    page.clock.run_for(2000)
    shows(page, 8)
    assert play.count() == 1, "it stops at the end"
    play.click()
    shows(page, 0)
    versions.get_by_role("button", name="Pause the versions").click()
    page.clock.run_for(5000)
    shows(page, 0)


def test_a_version_is_given_to_the_front_end_that_can_restore_it(page, study):
    fill(study, 12)
    page.evaluate(LISTEN, True)
    versions = opened(page)
    versions.get_by_role("button", name="Restore").click()
    page.locator(".arm-toast", has_text="Version 8 is in the cell.").wait_for()
    cell = "%%autoresearch target\nX = 8\nloss = X"
    expected = {"study": study.name, "number": 8, "source": "X = 8\nloss = X\n", "cell": cell, "composed": True}
    assert page.evaluate("heard_restore") == [expected]


def test_without_one_it_is_copied_and_what_to_do_is_said(page, study):
    fill(study, 12)
    page.evaluate(LISTEN, False)
    page.evaluate("document.addEventListener('copy', () => { window.copied = String(document.activeElement.value); })")
    versions = opened(page)
    versions.get_by_role("button", name="Restore").click()
    page.locator(".arm-toast", has_text="paste it over the target cell").wait_for()
    assert "%autoresearch restore 8" in page.locator(".arm-toast").inner_text()
    assert page.evaluate("copied") == "%%autoresearch target\nX = 8\nloss = X"
    assert len(page.evaluate("heard_restore")) == 1
    versions.get_by_role("button", name="Copy").click()
    page.wait_for_function("copied === 'X = 8\\nloss = X\\n'")


def test_a_file_is_written_by_a_command_that_is_said(page, study, tmp_path):
    study.status.definition = replace(study.definition, target_path=tmp_path / "train.py")
    fill(study, 12)
    opened(page).get_by_role("button", name="Restore").click()
    said = page.locator(".arm-toast", has_text="The target is the file train.py.").inner_text()
    assert f"autoresearch restore 8 --study {study.name} --to {tmp_path / 'train.py'}" in said


def test_run_again_and_branch_from_the_details(page, study):
    fill(study, 12)
    opened(page).get_by_role("button", name="Details").click()
    dialog = page.locator("dialog")
    page.session.study.run_again = lambda number: None
    dialog.get_by_role("button", name="Run again").click()
    page.locator(".arm-toast", has_text="Running experiment 8 again.").wait_for()
    dialog.get_by_role("button", name="Branch from here").click()
    page.locator(".arm-toast", has_text=f"{study.name}-from-8 is ready").wait_for()
    assert page.evaluate("asked.filter((a) => a.type === 'command')") == [
        {"type": "command", "name": "again", "number": 8}, {"type": "command", "name": "branch", "number": 8},
    ]  # fmt: skip
    assert (study.folder.parent / f"{study.name}-from-8" / "journal.sqlite").is_file()
    page.keyboard.press("Alt+ArrowRight")
    page.locator("dialog[aria-label='Experiment 9']").wait_for()
    for name in ("Run again", "Branch from here"):
        each = dialog.get_by_role("button", name=name)
        assert (each.is_disabled(), each.get_attribute("title")) == (True, "Experiment 9 has no value (crash)")


@pytest.mark.slow
def test_what_is_passed_while_dragging_is_not_asked_for(page, study):
    fill(study, 1000, kept=range(50, 1000, 50))
    versions = opened(page)
    versions.get_by_role("button", name="All 1,000").click()
    asked, size = len(differences(page)), page.evaluate("document.querySelectorAll('*').length")
    page.evaluate("""async () => {
      const slider = document.querySelector(".arm-version-slider");
      for (let n = 0; n < 1000; n += 20) {
        slider.value = n;
        slider.dispatchEvent(new Event("input"));
        await new Promise(requestAnimationFrame);
      }
    }""")
    shows(page, 980, "X = 980")
    assert len(differences(page)) - asked < 10
    assert page.evaluate("document.querySelectorAll('*').length") < size + 60


@pytest.mark.parametrize("dark", [False, True])
def test_versions_in_a_narrow_panel_in_both_themes(page, study, dark):
    page.emulate_media(color_scheme="dark" if dark else "light")
    page.set_viewport_size({"width": 480, "height": 900})
    fill(study, 12)
    versions = opened(page)
    versions.get_by_role("button", name="Previous version").click()
    shows(page, 6)
    assert page.evaluate("document.documentElement.scrollWidth") <= 480
    weak = [(name, ratio) for least, ratio, name in page.evaluate(CONTRAST) if ratio < least]
    assert not weak, weak


def test_there_is_no_scrubber_before_there_are_versions(page, study):
    study.status.take(Judged(experiment(0, 2.0, Verdict.BASELINE)))
    page.evaluate("void open_view()")
    page.wait_for_selector(".arm-pill[data-arm-state=new]")
    assert page.locator(".arm-versions").is_hidden()
