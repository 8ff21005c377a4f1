"""The tab "Insights" in a real browser, answered by a real `PanelSession`."""

import pytest

from autoresearch_magic.events import Judged, StateChanged
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Usage, Verdict
from autoresearch_magic.study.status import State
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.panel.assets import page_script, page_style
from autoresearch_magic.ui.panel.opening import open_session

from ...browser import chromium
from ..jupyter.test_panel_page import CONTRAST, MODEL

pytestmark = pytest.mark.browser

TARGET = """LR = 0.1  # 0.0001 .. 1 log
WIDTH = 64
ACTIVATION = "relu"  # one of: relu, gelu
loss = train(LR, WIDTH, ACTIVATION)
"""


@pytest.fixture(scope="module")
def browser():
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"],
        )
        yield opened
        opened.close()


@pytest.fixture
def study(tmp_path):
    made = Study(
        "# Lower it", TARGET, metric="loss", minimize=True, experiments=100, agent="hybrid", max_cost=5.0, root=tmp_path
    )
    yield made
    made.stop()


@pytest.fixture
def page(browser, study):
    page = browser.new_page(viewport={"width": 1000, "height": 1000}, reduced_motion="reduce")
    errors, answers = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    session = open_session(
        study, lambda content, buffers=None: answers.append([content, [bytes(b).decode("latin-1") for b in buffers or ()]])
    )  # fmt: skip
    session.in_thread = lambda work: work()

    def answer(content):
        answers.clear()
        session.take(content)
        return list(answers)

    page.expose_function("toPython", answer)
    page.set_content(f"<!doctype html><style>{page_style()}</style>")
    page.add_script_tag(content=MODEL)
    page.add_script_tag(
        content=page_script().replace("export default { render };", "window.render = render;"), type="module"
    )
    page.wait_for_function("Boolean(window.render)")
    yield page
    page.close()
    assert not errors, errors


def fill(study, count):
    """A history of constants that were changed by a tuner, and of two crashes."""
    best, best_value, parent = (0.1, 64), 2.0, None
    for number in range(count):
        rate, width = best
        rate, width = (0.001 * number, width) if number % 2 else (rate, 32 + number) if number else best
        target = TARGET.replace("0.1", f"{rate:.4g}", 1).replace("64", f"{width}")
        crashed = number in (5, 11)
        value = None if crashed else 2.0 - 0.02 * (number if number % 2 else number % 7) + 0.001 * (number % 3)
        verdict = Verdict.CRASH if crashed else Verdict.KEEP if number and value < best_value else Verdict.DISCARD
        run = Measurement(
            Outcome.CRASH if crashed else Outcome.OK, value, 0, 1.0 + number % 5, memory=0.5 + 0.1 * (number % 4),
            numbers={"parameters": 1000.0 * number},
        )  # fmt: skip
        usage = Usage(1, 500, 0, 0, 100, 1.0, 0.01) if number % 2 else Usage()
        proposal = Proposal(target, f"idea {number}", agent="claude" if number % 2 else "tuner", usage=usage)
        study.status.take(
            Judged(Experiment(number, parent, proposal, verdict=verdict if number else Verdict.BASELINE, measurements=(run,)))
        )  # fmt: skip
        if number == 0 or verdict is Verdict.KEEP:
            parent, best_value, best = number, value, (rate, width)
    study.status.take(StateChanged(State.RUNNING, ""))


def opened(page, count):
    page.evaluate("void open_view()")
    page.wait_for_function(
        "text => document.querySelector('.arm-counts .arm-figure')?.textContent.startsWith(text)", arg=f"{count - 1}"
    )
    page.get_by_role("tab", name="Insights").click()
    page.wait_for_function(
        "() => ![...document.querySelectorAll('.arm-lacks')].some((n) => n.textContent === 'Computing …')"
    )


def card(page, title):
    return page.get_by_role("region", name=title)


def test_the_tabs_work_by_keys_and_show_one_page(page, study):
    fill(study, 4)
    page.evaluate("void open_view()")
    experiments, insights = page.get_by_role("tab", name="Experiments"), page.get_by_role("tab", name="Insights")
    experiments.focus()
    page.keyboard.press("ArrowRight")
    assert insights.get_attribute("aria-selected") == "true"
    assert page.evaluate("document.activeElement.textContent") == "Insights"
    assert experiments.get_attribute("tabindex") == "-1"
    assert page.get_by_role("tabpanel").count() == 1
    assert page.get_by_role("tabpanel", name="Insights").is_visible()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tabpanel", name="Experiments").is_visible()


def test_the_kinds_that_paid_off_are_said_in_words(page, study):
    fill(study, 20)
    opened(page, 20)
    kinds = card(page, "What kinds of change paid off")
    assert "paid off most" in kinds.locator(".arm-reading").inner_text()
    rows = kinds.locator("tbody tr").all_inner_texts()
    assert rows[0].startswith("LR\t10\t"), rows


def test_limits_are_bars_that_say_what_is_used(page, study):
    fill(study, 21)
    opened(page, 21)
    limits = card(page, "What it takes, against the limits")
    meters = limits.get_by_role("meter").evaluate_all("all => all.map((m) => [m.ariaLabel, m.ariaValueText])")
    assert ["Experiments", "used 20 of 100"] in meters
    assert ["Cost of the agent", "used 0.10 of 5.00 USD"] in meters
    assert "about 0.50 USD after all 100 experiments" in limits.inner_text()
    assert limits.locator(".arm-agents tbody tr").all_inner_texts() == [
        "claude\t10\t8\t10\t6,000\t0.10",
        "tuner\t10\t3\t0\t0\t0.00",
    ]


@pytest.mark.parametrize("dark", [False, True])
def test_text_and_lines_have_enough_contrast(page, study, dark):
    page.emulate_media(color_scheme="dark" if dark else "light")
    fill(study, 30)
    opened(page, 30)
    found = page.evaluate(CONTRAST)
    assert len(found) > 80
    weak = sorted({(name, round(ratio, 2)) for least, ratio, name in found if ratio < least})
    assert not weak, weak


def test_every_card_says_what_is_missing_before_there_are_experiments(page, study):
    opened(page, 1)
    missing = page.locator(".arm-lacks").all_inner_texts()
    assert missing
    assert all(missing[:2])
