"""The tab "Insights" in a real browser, answered by a real `PanelSession`."""

import pytest

from autoresearch_magic.events import Judged, StateChanged
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Usage, Verdict
from autoresearch_magic.judging.analysis.importance import Importance
from autoresearch_magic.study.status import State
from autoresearch_magic.study.study import Study

from ...axe import serious
from .page import CONTRAST

pytestmark = pytest.mark.browser

TARGET = """LR = 0.1  # 0.0001 .. 1 log
WIDTH = 64
ACTIVATION = "relu"  # one of: relu, gelu
loss = train(LR, WIDTH, ACTIVATION)
"""


@pytest.fixture
def study(tmp_path):
    made = Study(
        "# Lower it", TARGET, metric="loss", minimize=True, experiments=100, agent="hybrid", max_cost=5.0, root=tmp_path
    )
    yield made
    made.stop()


def shares(tried, *, minimize, kind):
    """What the process that computes importances would say; it takes seconds."""
    if len(tried.numbers) < 16:
        return None
    some = [0.7, 0.3][: len(tried.names)]
    return Importance(kind, ["LR", "WIDTH"], some, [0.6, 0.1], [0.8, 0.4], [True, False], 1.0, tried.valued, 0)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("autoresearch_magic.ui.panel.insights.importances", shares)


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
    assert "paid off most" in kinds.locator(".arm-cardwords").inner_text()
    rows = kinds.locator("tbody tr").all_inner_texts()
    assert rows[0].startswith("LR\t10\t"), rows


def test_what_matters_is_said_with_its_interval_and_chance_is_hollow(page, study):
    fill(study, 30)
    opened(page, 30)
    matters = card(page, "Which constants matter")
    said = matters.locator(".arm-cardwords").inner_text()
    assert said.startswith("LR matters most: 70% of the importance, 60% to 80% in 9 of 10 resamples, from ")
    assert "What the hollow bar shows may be chance." in said
    bars = matters.get_by_role("img").evaluate_all("all => all.map((b) => b.ariaLabel)")
    assert bars == ["LR: 70%, 60% to 80% in resamples", "WIDTH: 30%, 10% to 40% in resamples, may be chance"]


def test_too_few_runs_say_how_many_are_needed(page, study):
    fill(study, 10)
    opened(page, 10)
    matters = card(page, "Which constants matter")
    assert matters.locator(".arm-lacks").inner_text() == "There are 9 runs with a result so far; importances need 16."
    assert matters.get_by_role("img").count() == 0


def test_one_constant_against_the_metric_is_walked_by_keys_and_opens(page, study):
    fill(study, 30)
    opened(page, 30)
    one = card(page, "One constant against loss")
    assert one.locator(".arm-cardwords").inner_text().startswith("In the best 5 of 28 runs LR was ")
    one.get_by_role("combobox", name="Constant").select_option("WIDTH")
    chart = one.get_by_role("application")
    page.wait_for_function("c => c.ariaLabel.includes('WIDTH against loss of 28 runs')", arg=chart.element_handle())
    chart.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    said = one.get_by_role("status").inner_text()
    assert "WIDTH" in said
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name=said.split(":")[0]).wait_for()


def test_the_pareto_front_is_of_memory_time_or_a_number_that_was_recorded(page, study):
    fill(study, 30)
    opened(page, 30)
    trade = card(page, "loss against memory or time")
    assert "are on the Pareto front" in trade.locator(".arm-cardwords").inner_text()
    trade.get_by_role("combobox", name="Against").select_option("parameters")
    page.get_by_text("say which way is better").wait_for()
    trade.get_by_role("button", name="higher is better").click()
    page.get_by_text("is best in both").wait_for()  # the best has the most parameters
    chart = trade.get_by_role("application")
    assert "loss against parameters of 28 versions, 1 on the Pareto front." in chart.get_attribute("aria-label")


def test_the_tree_is_walked_by_keys_and_opens(page, study):
    fill(study, 30)
    opened(page, 30)
    tree = card(page, "What was built on what")
    assert tree.locator(".arm-cardwords").inner_text().startswith("The best, experiment 29, is ")
    tree.get_by_role("application").focus()
    said = tree.get_by_role("status")
    page.keyboard.press("ArrowDown")
    assert said.inner_text().startswith("Experiment 29: keep")
    for _ in range(40):  # to the baseline, which is out of view
        page.keyboard.press("ArrowDown")
    assert said.inner_text().startswith("Experiment 0: baseline, ")
    assert tree.locator(".arm-lineage").evaluate("e => e.scrollTop > 0")
    page.keyboard.press("ArrowRight")
    first = said.inner_text().split(":")[0]
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name=first).wait_for()


def test_an_axis_is_brushed_by_pointer_and_by_keys(page, study):
    fill(study, 30)
    opened(page, 30)
    lines = card(page, "All constants and loss together")
    chart = lines.get_by_role("application")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    x = box["x"] + box["width"] - 10  # the metric's axis; the best is on top
    page.mouse.move(x, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(x, box["y"] + 120, steps=3)
    page.mouse.up()
    foot = lines.locator(".arm-parallelfoot")
    assert "of 28 runs shown" in foot.inner_text()
    assert not foot.inner_text().strip().endswith("28 of 28 runs shown. Show all")
    lines.get_by_role("button", name="Show all").click()
    assert "runs shown" not in foot.inner_text()
    for key in ("End", "b", "ArrowDown", "ArrowDown", "b"):
        page.keyboard.press(key)
    assert " of 28 runs shown" in foot.inner_text()
    said = lines.get_by_role("status")
    page.keyboard.press("ArrowUp")
    number = said.inner_text().split(",")[0]
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name=number).wait_for()


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
def test_axe_finds_nothing_serious_and_lines_have_enough_contrast(page, study, dark):
    page.emulate_media(color_scheme="dark" if dark else "light")
    fill(study, 30)
    opened(page, 30)
    found = page.evaluate(CONTRAST)
    assert len(found) > 80
    weak = sorted({(name, round(ratio, 2)) for least, ratio, name in found if ratio < least})
    assert not weak, weak
    assert serious(page) == []


def test_every_card_says_what_is_missing_before_there_are_experiments(page, study):
    opened(page, 1)
    missing = page.locator(".arm-lacks").all_inner_texts()
    assert missing
    assert all(missing[:2])
