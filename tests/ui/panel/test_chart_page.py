"""The charts of the panel in a real browser: pointer, keyboard, zoom, axes, what explains a point."""

import math
import random
from dataclasses import replace
from itertools import pairwise

import pytest

from autoresearch_magic.events import Confirmed, Judged, RunProgress, RunStarted, State, StateChanged
from autoresearch_magic.experiment import Measurement, Outcome, Verdict
from autoresearch_magic.headline import Headline
from autoresearch_magic.runs import Point
from autoresearch_magic.storage.journal import Journal

from ...axe import serious
from .page import experiment, fill, mark, opened, rgb

pytestmark = pytest.mark.browser

MANY = 1000


def chart(page):
    return page.locator(".arm-front")


def ticks(page):
    """Return the numbers of the x-axis."""
    base = "Number(t.getAttribute('y')) > 200 && /^\\d+$/.test(t.textContent)"
    return page.evaluate(
        f"[...document.querySelectorAll('.arm-big .arm-tick')].filter((t) => {base}).map((t) => Number(t.textContent))"
    )


def zoomed(page):
    """Return which experiments a zoomed chart says that it shows; None for all."""
    label = chart(page).get_attribute("aria-label")
    if "Zoomed to experiments" not in label:
        return None
    words = label.split("Zoomed to experiments ")[1].split(".")[0]
    return tuple(int(each) for each in words.split(" to "))


def frame(page):
    """Wait until what was asked for is drawn."""
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
    )


def click(page, number, at):
    """Click the mark of an experiment, and see that it is opened and ringed."""
    chart(page).click(position={"x": at["x"], "y": at["y"]})
    page.wait_for_function("n => document.querySelector('dialog[open]')?.textContent.startsWith(`#${n}`)", arg=number)
    assert float(page.locator(".arm-big .arm-chosen").get_attribute("cx")) == pytest.approx(at["x"], abs=1.1)
    page.keyboard.press("Escape")


def measured(number, values, verdict=Verdict.DISCARD, parent=0):
    runs = tuple(Measurement(Outcome.OK, v, seed=n, seconds=1.0) for n, v in enumerate(values))
    return replace(experiment(number, 0.0, verdict), measurements=runs, parent=parent if number else None)


def noisy(study):
    """Fill a study whose runs vary by an sd of 0.02; number 3 is better than the best, and was discarded."""
    for e in (
        measured(0, (2.0, 2.02, 1.98), Verdict.BASELINE), measured(1, (1.5, 1.52, 1.48), Verdict.KEEP), measured(2, (1.9,), parent=1),
        measured(3, (1.49,), parent=1), replace(experiment(4, None), verdict=Verdict.CRASH, measurements=()),
    ):  # fmt: skip
        study.status.take(Judged(e))


@pytest.mark.slow
def test_both_ends_of_a_thousand_points_are_clicked_also_zoomed(page, study):
    fill(study, MANY)
    opened(page, MANY)
    title = page.locator(".arm-big .arm-tiphead b")
    for number in (0, MANY - 1):
        at = mark(page, number, back=number > 0)
        at["x"] += 1 if number else -1  # two marks are half a pixel apart, and a pointer knows whole pixels alone
        page.mouse.move(0, 0)
        chart(page).hover(position={"x": at["x"], "y": at["y"]})
        frame(page)
        assert title.inner_text() == f"#{number}"
        click(page, number, at)
    inside = page.evaluate("document.querySelectorAll('.arm-charts *').length")
    assert inside < 200, "the marks are no elements"
    # The last ten of a thousand can be told apart when zoomed, and the outer ones of these are clicked as well.
    chart(page).focus()
    page.keyboard.press("End")
    for _ in range(12):
        page.keyboard.press("+")
        frame(page)
    low, high = zoomed(page)
    assert high == MANY - 1
    assert high - low < 12
    for number in (low, high):
        at = mark(page, number)
        click(page, number, at)


def test_zoom_by_wheel_brush_buttons_and_keys(page, study):
    fill(study, 60)
    opened(page, 60)
    box = chart(page).bounding_box()
    middle, y = box["x"] + box["width"] / 2, box["y"] + 100
    page.mouse.move(middle, y)
    page.mouse.wheel(0, -300)
    frame(page)
    assert zoomed(page) is None, "without Ctrl the notebook scrolls"
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_function("document.querySelector('.arm-front').getAttribute('aria-label').includes('Zoomed')")
    page.mouse.dblclick(box["x"] + 80, box["y"] + box["height"] - 8)
    frame(page)
    assert zoomed(page) is None, "a double click shows all again"

    page.mouse.move(middle, y)
    page.mouse.down()
    page.mouse.move(middle + 60, y, steps=3)
    assert page.locator(".arm-brush").count() == 1
    page.mouse.up()
    frame(page)
    first = zoomed(page)
    assert page.locator(".arm-brush").count() == 0
    assert first is not None
    assert ticks(page)[-1] - ticks(page)[0] < 12 < first[0]
    assert page.locator(".arm-detail[open]").count() == 0, "a drag opens nothing"

    page.keyboard.down("Shift")
    page.mouse.move(middle, y)
    page.mouse.down()
    page.mouse.move(middle + 300, y, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    frame(page)
    panned = zoomed(page)
    assert panned[1] < first[1]
    assert panned[1] - panned[0] == pytest.approx(first[1] - first[0], abs=1)

    chart(page).focus()
    page.keyboard.press("Shift+ArrowRight")
    frame(page)
    assert zoomed(page)[0] > panned[0]
    page.keyboard.press("0")
    frame(page)
    assert zoomed(page) is None
    less, more, everything = (
        page.get_by_role("button", name=name) for name in ("Zoom out (−)", "Zoom in (+)", "Show all experiments (0)")
    )
    assert [less.is_disabled(), more.is_disabled(), everything.is_disabled()] == [True, False, True]
    more.click()
    more.click()
    frame(page)
    narrow = zoomed(page)
    less.click()
    frame(page)
    wide = zoomed(page)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    everything.click()
    frame(page)
    assert zoomed(page) is None
    chart(page).focus()
    page.keyboard.press("Home")
    for _ in range(9):
        page.keyboard.press("+")
    frame(page)
    assert zoomed(page)[0] == 0, "the point that is shown stays where it is"
    assert more.is_disabled()


def test_a_zoomed_chart_keeps_its_window_or_follows(page, study):
    fill(study, 30)
    opened(page, 30)
    chart(page).focus()
    page.keyboard.press("End")
    for _ in range(2):
        page.keyboard.press("+")
    frame(page)
    before = zoomed(page)
    for number in range(30, 45):
        study.status.take(Judged(experiment(number, 1.5)))
    page.wait_for_function(
        "document.querySelector('.arm-front').getAttribute('aria-label').includes('of 45 experiments')"
    )
    after = zoomed(page)
    assert before[1] >= 29
    assert after[1] == 44
    assert after[1] - after[0] == pytest.approx(before[1] - before[0], abs=1)
    page.keyboard.press("0")
    page.keyboard.press("Home")
    for _ in range(4):
        page.keyboard.press("+")
    frame(page)
    before = zoomed(page)
    assert before[1] < 40
    study.status.take(Judged(experiment(45, 1.4)))
    page.wait_for_function(
        "document.querySelector('.arm-front').getAttribute('aria-label').includes('of 46 experiments')"
    )
    assert zoomed(page) == before


def test_the_axis_is_logarithmic_by_itself_and_by_choice(page, study):
    for number, value in enumerate((500.0, 40.0, 3.0, 0.2)):
        study.status.take(Judged(experiment(number, value, Verdict.KEEP if number else Verdict.BASELINE)))
    opened(page, 4)
    linear, log = (page.get_by_role("button", name=name, exact=True) for name in ("linear", "log"))
    values = "[...document.querySelectorAll('.arm-big svg[aria-hidden] .arm-tick[text-anchor=end]')].map((t) => t.textContent)"
    assert log.get_attribute("aria-pressed") == "true"
    assert {"1", "10", "100"} <= set(page.evaluate(values))
    heights = [mark(page, n)["y"] for n in range(4)]
    steps = [b - a for a, b in pairwise(heights)]
    assert max(steps) < 1.3 * min(steps), "equal factors are equal steps"
    linear.click()
    frame(page)
    assert (linear.get_attribute("aria-pressed"), log.get_attribute("aria-pressed")) == ("true", "false")
    assert "0" in page.evaluate(values)
    study.status.take(Judged(experiment(4, -1.0, Verdict.KEEP)))
    page.wait_for_function(
        "document.querySelector('.arm-front').getAttribute('aria-label').includes('of 5 experiments')"
    )
    assert not log.is_visible(), "a value below zero has no logarithm"


def test_the_band_of_noise_explains_what_is_better_and_discarded(page, study):
    noisy(study)
    opened(page, 5)
    key = page.locator(".arm-legend .arm-key").filter(has_text="band:")
    assert key.inner_text() == "band: what one run varies by chance, sd 0.023"
    at = mark(page, 3)
    said = page.locator(".arm-big .arm-tooltip").inner_text()
    assert "0.01 better than the best at that time (#1), but runs vary by sd 0.023: not enough to keep" in said
    assert "built on #1" in said
    assert "better than the best" in page.locator(".arm-plot [role=status]").inner_text()
    band = page.locator(".arm-big path.arm-band").bounding_box()
    area = chart(page).bounding_box()
    mark(page, 2)
    assert "better than" not in page.locator(".arm-big .arm-tooltip").inner_text()
    assert band["y"] < area["y"] + at["y"] < band["y"] + band["height"], "the point lies in the band"


def test_the_result_that_was_measured_again_is_drawn_with_its_interval(page, study):
    noisy(study)
    study.status.take(Confirmed(Headline(1, 1.51, 0.02, 2.01, 0.03, 3, 0.5, 0.06, 0.95, 0.999)))
    study.status.take(StateChanged(State.FINISHED, ""))
    study._follower.ours = True
    opened(page, 5)
    assert page.locator(".arm-whisker").count() == page.locator(".arm-again").count() == 2
    text = page.locator(".arm-big .arm-tick", has_text="measured again")
    area, words = page.locator(".arm-plot.arm-big").bounding_box(), text.bounding_box()
    assert words["x"] + words["width"] <= area["x"] + area["width"]
    page.mouse.move(words["x"] + words["width"] / 2, area["y"] + 60)
    frame(page)
    said = page.locator(".arm-big .arm-tooltip").inner_text()
    assert "3 runs each, on fresh seeds" in said
    assert "Best #1 1.510, 95% interval 1.460 to 1.560" in said
    assert "Measured again: 0.5" in chart(page).get_attribute("aria-label")


def test_markers_say_what_happened(page, study):
    fill(study, 30)
    study.folder.mkdir(parents=True)
    study._follower.ours = True
    with Journal(study.folder / "journal.sqlite", create=True) as journal:
        for number in range(1, 10):
            journal.note("attempt", experiment=number)
        journal.note("say", text="Try <b>smaller</b> values")
        journal.note("state", state="stopped", message="")
        journal.note("attempt", experiment=20)
        journal.note("drift", experiment=0, since=1)
        opened(page, 30)
        page.wait_for_selector(".arm-big .arm-marker")
        assert page.locator(".arm-legend .arm-key").all_inner_texts()[-3:] == [
            "note to the agent",
            "machine changed",
            "resumed",
        ]
        chart(page).focus()
        page.keyboard.press("ArrowDown")
        said = page.locator(".arm-plot [role=status]")
        assert said.inner_text().startswith("after experiment 20; Machine changed: the baseline gives")
        for _ in range(3):
            page.keyboard.press("ArrowDown")
        assert said.inner_text() == "after experiment 9; Note to the agent: Try <b>smaller</b> values"
        assert "Try <b>smaller</b> values" in page.locator(".arm-big .arm-tooltip").inner_text()
        asked = "asked.filter((a) => a.type === 'markers').length"
        before = page.evaluate(asked)
        page.wait_for_function(
            "n => asked.filter((a) => a.type === 'pull').length > n",
            arg=page.evaluate("asked.filter((a) => a.type === 'pull').length") + 1,
        )
        assert page.evaluate(asked) == before, "nothing has happened"
        journal.note("say", text="And larger ones")
        study.status.take(Judged(experiment(30, 2.5)))
        page.wait_for_function("n => asked.filter((a) => a.type === 'markers').length > n", arg=before)


def test_the_curve_is_smoothed_and_read_by_keys_and_pointer(page, study):
    rng = random.Random(5)
    curve = [Point(n / 100, n / 200, n, {"loss": 1 + 2 * math.exp(-n / 30) + rng.gauss(0, 0.1)}) for n in range(200)]
    study.status.take(Judged(experiment(0, 2.0, Verdict.BASELINE, curve)))
    study.status.take(StateChanged(State.RUNNING, ""))
    study.status.take(RunStarted(experiment(1, None), "candidate", 0, 1))
    for point in curve[:120]:
        study.status.take(RunProgress(1, "training", point.elapsed, point.progress, point.step, point))
    opened(page, 1)
    page.wait_for_selector(".arm-line.arm-live", state="attached")
    length = "e => e.getTotalLength()"
    raw, live = (page.eval_on_selector(f".arm-small .arm-line.arm-{name}", length) for name in ("raw", "live"))
    assert live < 0.5 * raw
    assert page.locator(".arm-small .arm-line.arm-other").count() == 1
    assert page.locator(".arm-side .arm-key").all_inner_texts() == ["#1", "baseline", "as reported"]
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    words = slider.get_attribute("aria-valuetext")
    assert words.startswith("2%, #1 ")
    assert "baseline" in words
    box = slider.bounding_box()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 50)
    frame(page)
    tip = page.locator(".arm-small .arm-tooltip")
    assert "baseline" in tip.inner_text()
    assert "#1" not in tip.inner_text(), "it has not come so far"
    page.mouse.move(0, 0)
    frame(page)
    assert not tip.is_visible()


def test_a_click_shows_no_frame_and_the_keyboard_a_clear_one(page, study):
    fill(study, 5)
    opened(page, 5)
    width = "e => { const s = getComputedStyle(e); return s.outlineStyle === 'none' ? 0 : parseFloat(s.outlineWidth); }"
    page.keyboard.press("Tab")  # the browser thinks of keys from now on
    chart(page).click(position={"x": 300, "y": 8})
    assert page.evaluate("document.activeElement.matches('.arm-front')")
    assert chart(page).evaluate(width) == 0
    page.keyboard.press("ArrowLeft")
    assert chart(page).evaluate(width) >= 2
    page.mouse.click(5, 5)
    page.evaluate("document.activeElement.blur()")
    page.locator(".arm-big").evaluate("e => e.closest('figure').querySelector('.arm-tool').focus()")
    for _ in range(8):
        if page.evaluate("document.activeElement.matches('.arm-front')"):
            break
        page.keyboard.press("Tab")
    assert chart(page).evaluate(width) >= 2


def test_marks_take_the_colours_of_another_theme_at_once(page, study):
    noisy(study)
    opened(page, 5)
    before = mark(page, 1)["ink"]
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.querySelector('.arm-panel').dataset.armTheme === 'dark'")
    frame(page)
    after = mark(page, 1)["ink"]
    assert before != after
    assert after == rgb(page, "var(--arm-good)")


def test_axe_finds_nothing_serious_in_narrow_dark_charts(page, study):
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 480, "height": 900})
    noisy(study)
    study.status.take(Confirmed(Headline(1, 1.51, 0.02, 2.01, 0.03, 3, 0.5, 0.06, 0.95, 0.999)))
    opened(page, 5)
    mark(page, 3)
    assert serious(page) == []
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 480, "nothing sticks out at the side"


@pytest.mark.parametrize("values", [(), (None, None), (1e300, -1e300), (5e-324, 5.0, 5.0)])
def test_unusual_values_are_drawn_without_an_error(page, study, values):
    for number, value in enumerate(values):
        verdict = Verdict.CRASH if value is None else Verdict.DISCARD if number else Verdict.BASELINE
        e = experiment(number, value, verdict)
        study.status.take(Judged(replace(e, measurements=()) if value is None else e))
    page.evaluate("void open_view()")
    page.wait_for_function(
        "n => document.querySelectorAll('.arm-panel tbody tr.arm-row').length === n", arg=len(values)
    )
    assert page.evaluate(
        "![...document.querySelectorAll('.arm-charts svg *')].some((e) => /NaN|Infinity/.test(e.outerHTML))"
    )
    chart(page).focus()
    for key in ("End", "Home", "+", "-", "0", "ArrowDown", "Shift+ArrowLeft", "Escape"):
        page.keyboard.press(key)
    frame(page)
