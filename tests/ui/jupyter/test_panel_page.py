"""The panel's front end in a real browser without Jupyter; a real `Panel` answers it."""

import time
from dataclasses import replace

import pytest

from autoresearch_magic.events import Judged, RunProgress, RunStarted
from autoresearch_magic.experiment import Measurement, Outcome, Verdict
from autoresearch_magic.runs import Point
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.jupyter.panel import Panel
from autoresearch_magic.ui.panel.assets import page_script, page_style
from autoresearch_magic.ui.panel.delta import CURVE_POINTS

from ...axe import serious
from ...browser import browsing
from ...kernels import TARGET
from ..panel.page import CONTRAST, HOLDS, MODEL, experiment, fill, mark, more_pulls, opened, pulls, rgb

pytestmark = pytest.mark.browser

MANY = 1000


@pytest.fixture(scope="module")
def browser():
    with browsing() as opened:
        yield opened


@pytest.fixture
def study(tmp_path):
    made = Study("# Lower it", TARGET, metric="loss", experiments=MANY, repeats=2, budget="5s", root=tmp_path)
    yield made
    made.stop()


@pytest.fixture
def page(browser, study, monkeypatch):
    """A page with the front end loaded, whose requests are answered by the study's `Panel`."""
    page = browser.new_page(viewport={"width": 900, "height": 1400})
    errors, answers = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    panel = Panel(study)
    monkeypatch.setattr(
        panel,
        "send",
        lambda content, buffers=(): answers.append([content, [b.decode("latin-1") for b in buffers or ()]]),
    )

    def answer(content):
        answers.clear()
        panel._on_message(panel, content, [])
        return list(answers)

    page.expose_function("toPython", answer)
    code = page_script().replace("export default { render };", "window.render = render;")
    page.set_content(f"<style>{page_style()}</style>")
    page.add_script_tag(content=HOLDS)
    page.add_script_tag(content=MODEL)
    page.add_script_tag(content=code, type="module")
    page.wait_for_function("Boolean(window.render)")
    yield page
    page.close()
    panel.close()
    assert not errors, errors


def test_an_idle_panel_with_a_thousand_experiments_changes_nothing_in_the_page(page, study):
    fill(study, MANY)
    opened(page, MANY)
    page.evaluate("""
        window.changes = 0;
        const watch = new MutationObserver((all) => { changes += all.length; });
        for (const node of document.querySelectorAll('.arm-panel tbody, .arm-big .arm-svg')) {
          watch.observe(node, { subtree: true, childList: true, attributes: true });
        }
    """)
    size = page.evaluate("document.querySelectorAll('*').length")
    more_pulls(page)
    assert page.evaluate("changes") == 0
    assert page.evaluate("document.querySelectorAll('*').length") == size
    assert page.evaluate("asked.at(-1).since") == MANY, "only new rows are requested"


def test_a_removed_view_releases_listeners_timers_and_observers(page, study):
    fill(study, 3)
    before = page.evaluate("({ ...held })")
    page.evaluate("window.first = open_view(); window.stop = new AbortController(); void open_view(stop.signal)")
    page.wait_for_function(
        "[...document.querySelectorAll('.arm-history .arm-group')].filter((g) => g.innerText.includes('All 3')).length === 2"
    )
    during = page.evaluate("({ ...held, heard: heard.size })")
    assert (during["heard"], during["timers"], during["sizes"]) == (2, 2, 2)
    page.evaluate("first(); first(); void stop.abort()")
    after = page.evaluate("({ ...held, heard: heard.size })")
    assert after.pop("heard") == 0
    assert {name: count - before.get(name, 0) for name, count in after.items()} == dict.fromkeys(after, 0)
    assert page.locator(".arm-panel").count() == 0
    count = page.evaluate("asked.length")
    page.wait_for_timeout(1500)
    assert page.evaluate("asked.length") == count


def test_a_button_pressed_by_a_key_keeps_the_focus(page, study):
    fill(study, 3)
    opened(page, 3)
    pause = page.get_by_role("button", name="Pause")
    pause.focus()
    page.evaluate("window.busy = true")  # no answer: the command stands
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert [c for c in page.evaluate("asked") if c["type"] == "command"] == [{"type": "command", "name": "pause"}]
    assert pause.is_disabled()
    assert page.evaluate("document.activeElement.textContent") == "Pause"


def test_the_chart_and_the_table_work_by_keys(page, study):
    fill(study, 4)
    opened(page, 4)
    chart = page.get_by_role("application")
    chart.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    said = page.locator(".arm-plot [role=status]")
    assert said.inner_text() == "Experiment 2: discard, 3.500, gain −1.5, built on the baseline, idea 2"
    page.keyboard.press("Enter")
    page.wait_for_selector(".arm-detail[open] .arm-code")
    assert page.get_by_role("dialog", name="Experiment 2").count() == 1
    page.keyboard.press("Escape")
    assert page.locator(".arm-open, .arm-detail[open]").count() == 0
    page.get_by_role("button", name="Experiment 2, details").focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("dialog", name="Experiment 2").count() == 1


def test_proven_keeps_are_filled_and_the_others_hollow(page, study):
    for number, verdict, values in (
        (0, Verdict.BASELINE, (2.0, 2.02, 1.98)), (1, Verdict.KEEP, (1.0, 1.02)), (2, Verdict.KEEP, (0.99,)),
        (3, Verdict.DISCARD, (1.5,)),
    ):  # fmt: skip
        runs = tuple(Measurement(Outcome.OK, v, seed=n, seconds=1.0) for n, v in enumerate(values))
        parent = None if number == 0 else min(1, number - 1)
        study.status.take(Judged(replace(experiment(number, 0.0, verdict), parent=parent, measurements=runs)))
    opened(page, 4)
    assert page.locator(".arm-legend .arm-key").all_inner_texts()[:2] == ["kept, proven", "kept, not proven yet"]
    assert mark(page, 1)["ink"] == rgb(page, "var(--arm-good)")
    assert mark(page, 2)["ink"] == mark(page, 3)["ink"] == rgb(page, "var(--arm-bg)")
    rows = page.locator("tbody tr.arm-row").all_inner_texts()
    assert [row.split("\t")[2] for row in rows] == ["discard", "keep", "keep, proven", "baseline"]
    assert page.locator(".arm-counts .arm-note").inner_text().startswith("2\u00a0kept, 1\u00a0proven")
    at = mark(page, 2)
    page.mouse.move(0, 0)
    page.locator(".arm-front").hover(position={"x": at["x"], "y": at["y"]})
    said = page.locator(".arm-big .arm-tooltip").inner_text()
    assert "chance of being better" in said
    assert said.endswith("not proven yet, built on #1")
    page.get_by_role("button", name="Experiment 1, details").click()
    page.wait_for_selector(".arm-detail .arm-code")
    assert "Expected gain" in page.locator(".arm-detail dl").inner_text()


def test_selecting_text_opens_no_row(page, study):
    fill(study, 3)
    opened(page, 3)
    box = page.get_by_text("idea 2").first.bounding_box()
    page.mouse.move(box["x"] + 1, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 40, box["y"] + 8, steps=4)
    page.mouse.up()
    assert page.evaluate("String(getSelection())")
    assert page.locator(".arm-open").count() == 0
    page.get_by_role("button", name="Experiment 2, details").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("getSelection().type") == "Range"
    assert page.get_by_role("dialog", name="Experiment 2").count() == 1


@pytest.mark.parametrize("dark", [False, True])
def test_text_and_lines_have_enough_contrast(page, study, dark):
    page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    fill(study, 60)
    study.status.take(Judged(replace(experiment(60, None), verdict=Verdict.CRASH, measurements=())))
    curve = [Point(n / 100, n / 20, n, {"loss": 5 / (1 + n)}) for n in range(20)]
    study.status.take(Judged(experiment(61, 0.5, Verdict.KEEP, curve)))
    study.status.take(RunStarted(experiment(62, None), "candidate", 0, 1))
    for point in curve:
        study.status.take(RunProgress(62, "training", point.elapsed, point.progress, point.step, point))
    opened(page, 62)
    page.wait_for_selector(".arm-line.arm-other", state="attached")
    page.get_by_role("button", name="Experiment 61, details").click()
    page.wait_for_selector(".arm-detail .arm-code")
    page.locator("dialog").get_by_role("button", name="Copy").hover()
    assert page.locator(".arm-panel").get_attribute("data-arm-theme") == ("dark" if dark else "light")
    found = page.evaluate(CONTRAST)
    assert len(found) > 50
    weak = sorted({(name, round(ratio, 2)) for least, ratio, name in found if ratio < least})
    assert not weak, weak


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(page, study, dark):
    page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    fill(study, 60)
    opened(page, 60)
    assert serious(page) == []


def test_values_that_differ_by_rounding_alone_are_drawn(page, study):
    study.status.take(Judged(experiment(0, 0.3, Verdict.BASELINE)))
    study.status.take(Judged(experiment(1, 0.1 + 0.2)))
    opened(page, 2)
    at = [mark(page, number) for number in (0, 1)]
    assert all(each["opaque"] for each in at)
    assert 0 < at[1]["x"] - at[0]["x"] < 1000


def test_a_curve_of_half_a_million_points(page, study):
    study.status.take(Judged(experiment(0, 2.0, Verdict.BASELINE)))
    study.status.take(RunStarted(experiment(1, None), "candidate", 0, 1))
    number = 500_000
    for n in range(number):
        point = Point(n / 1e5, n / number, n, {"loss": 1 / (1 + n)})
        study.status.take(RunProgress(1, "training", point.elapsed, point.progress, n, point))
    opened(page, 1)
    page.wait_for_selector(".arm-line.arm-live", state="attached")
    more_pulls(page)
    sent = page.evaluate("asked.at(-1).curve")
    assert (sent["number"], sent["stride"]) == (1, 128)
    assert 3000 < sent["points"] <= CURVE_POINTS


def test_a_busy_kernel_gets_no_further_pulls(page, study):
    fill(study, 3)
    opened(page, 3)
    page.evaluate("window.busy = true")  # a cell holds the kernel: questions wait in its queue
    more_pulls(page, 1)
    count = pulls(page)
    panel = Panel(study)
    sent = []
    panel.send = lambda content, buffers=(): sent.append((content, [b.decode("latin-1") for b in buffers]))
    feed = panel.session.feed
    feed.epoch = "another"  # the view knows nothing of it, and lacks the older rows
    feed._sent = {"since": 2, "revision": 0}
    for _ in range(4):
        panel.session.asked_at = time.monotonic() - 60
        panel.session.push_updates()
        page.evaluate("([answer, buffers]) => tell(answer, buffers)", sent[-1])
        page.wait_for_timeout(400)
    panel.close()
    assert [content["asked"] for content, _ in sent] == [False] * 4
    assert pulls(page) == count
