"""The dialog of one experiment, in a real browser."""

from dataclasses import replace

import pytest

from autoresearch_magic.events import Judged, RunStarted
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Usage, Verdict
from autoresearch_magic.runs import Point

from ...axe import serious
from .page import CONTRAST, experiment, fill, opened

pytestmark = pytest.mark.browser


def detail(page, number):
    page.get_by_role("button", name=f"Experiment {number}, details").click()
    dialog = page.get_by_role("dialog", name=f"Experiment {number}")
    dialog.wait_for()
    return dialog


def focused(page):
    return page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.tagName")


def test_it_fits_the_window_and_closes_by_key_and_by_a_click_outside(page, study):
    fill(study, 60)
    page.set_viewport_size({"width": 480, "height": 500})
    opened(page, 60)
    dialog = detail(page, 50)
    box = dialog.bounding_box()
    assert box["width"] <= 0.92 * 480 + 1
    assert box["height"] <= 0.88 * 500 + 1
    assert page.evaluate(
        "document.querySelector('.arm-detail').scrollWidth <= document.querySelector('.arm-detail').clientWidth"
    )
    page.keyboard.press("Escape")
    assert dialog.count() == 0
    assert focused(page) == "Experiment 50, details"
    detail(page, 50)
    page.mouse.click(5, 5)
    assert dialog.count() == 0
    box = detail(page, 50).bounding_box()
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.down()  # a selection that ends outside closes nothing
    page.mouse.move(3, 3)
    page.mouse.up()
    assert dialog.count() == 1


def test_from_one_experiment_to_the_next(page, study):
    fill(study, 60)
    opened(page, 60)
    detail(page, 49)
    page.keyboard.press("Alt+ArrowRight")
    assert page.get_by_role("dialog", name="Experiment 50").count() == 1
    page.get_by_label("kept only").check()
    before = page.get_by_role("button", name="The experiment before it")
    before.click()
    assert page.get_by_role("dialog", name="Experiment 0").count() == 1
    assert before.is_disabled()
    page.keyboard.press("Alt+ArrowLeft")  # there is none: the browser does not go back either
    page.keyboard.press("Alt+ArrowRight")
    dialog = page.get_by_role("dialog", name="Experiment 50")
    assert dialog.get_by_text("idea 50").count() == 1
    page.get_by_role("button", name="Close").click()
    assert page.locator("dialog[open]").count() == 0


def test_keys_in_it_do_not_reach_the_notebook_around_it(page, study):
    fill(study, 3)
    page.evaluate("""() => {
      window.taken = [];
      document.addEventListener("keydown", (event) => {  // as JupyterLab decides it
        if (!event.target.hasAttribute("data-lm-suppress-shortcuts")) taken.push(event.key);
      }, true);
      document.addEventListener("contextmenu", () => taken.push("menu"));
      document.addEventListener("mousedown", () => taken.push("press"));
    }""")
    opened(page, 3)
    detail(page, 2)
    page.evaluate("taken.length = 0")
    for key in ("d", "d", "Control+Enter", "a", "PageDown", "Tab", "x"):
        page.keyboard.press(key)
    page.locator(".arm-detail dl").click()
    page.locator(".arm-detail dl").click(button="right")
    page.keyboard.press("d")
    assert page.evaluate("taken") == []
    page.keyboard.press("Control+s")
    assert page.evaluate("taken.filter((key) => key !== 'Control')") == ["s"]
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    assert page.evaluate("taken.at(-1)") == "d", "outside of it the notebook has its keys"


def test_the_source_is_copied_also_where_the_clipboard_is_refused(page, study):
    fill(study, 3)
    opened(page, 3)
    dialog = detail(page, 2)
    page.evaluate("""() => {
      window.copied = [];
      document.addEventListener("copy", (event) => copied.push(String(document.activeElement.value)), true);
    }""")
    dialog.get_by_role("button", name="Copy").click()
    dialog.get_by_text("The source of experiment 2 is in the clipboard.").wait_for()
    assert page.evaluate("copied") == [study.experiments[2].target]


@pytest.mark.parametrize("notebook", [False, True])
def test_in_a_frame_as_high_as_its_content_it_is_below_the_charts(browser, page, study, notebook):
    fill(study, 3)
    page.evaluate(
        """(notebook) => {
      const frame = document.createElement("iframe");
      frame.style = "width: 900px; height: 800px";
      document.body.append(frame);
      frame.contentDocument.body.className = notebook ? "jp-Notebook" : "";
      const style = document.querySelector("style").cloneNode(true), own = frame.contentWindow;
      frame.contentDocument.head.append(style);
      Object.assign(own, { model, toPython });
      const code = frame.contentDocument.createElement("script");
      code.type = "module";
      code.textContent = [...document.scripts].find((each) => each.type === "module").textContent + "; render({ model, el: document.body });";
      frame.contentDocument.body.append(code);
    }""",
        notebook,
    )
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Experiment 2, details").click()
    dialog = frame.get_by_role("dialog", name="Experiment 2")
    dialog.get_by_text("idea 2").wait_for()
    assert dialog.evaluate("node => node.matches(':modal')") is notebook
    if not notebook:
        assert dialog.evaluate("node => node.previousElementSibling.matches('.arm-charts')")
        page.keyboard.press("Escape")
        assert dialog.count() == 0


def test_the_difference_in_its_forms(page, study):
    fill(study, 60)
    opened(page, 60)
    dialog = detail(page, 50)
    code = dialog.get_by_role("region", name="Difference from experiment 0 to experiment 50")
    code.wait_for()
    assert code.locator("ins code").all_inner_texts() == ["# 50"]
    assert code.locator(".arm-code-gap").inner_text() == "4 unchanged lines"
    dialog.get_by_role("button", name="whole").click()
    code.locator(".arm-code-gap").wait_for(state="detached")
    dialog.get_by_role("button", name="side by side").click()
    assert code.locator(".arm-code-pair").count() == 8
    assert code.locator(".arm-code-pair").last.inner_text().split() == ["#", "0", "#", "50"]
    dialog.get_by_role("combobox", name="Difference from another experiment").fill("40")
    page.keyboard.press("Enter")
    other = dialog.get_by_role("region", name="Difference from experiment 40 to experiment 50")
    other.wait_for()
    assert other.locator("del .arm-marked").all_inner_texts() == ["40"]
    assert other.locator("ins .arm-marked").all_inner_texts() == ["50"]
    page.keyboard.press("Alt+ArrowLeft")  # the form stays, and it is the parent again that it is compared with
    dialog = page.get_by_role("dialog", name="Experiment 49")
    dialog.get_by_role("region", name="Difference from experiment 0 to experiment 49").wait_for()
    assert dialog.locator(".arm-code-pair").count() == 8
    dialog.get_by_role("button", name="source only").click()
    dialog.get_by_role("region", name="Source of experiment 49").wait_for()
    assert dialog.locator(".arm-t-kw").first.inner_text().strip() == "from"
    page.set_viewport_size({"width": 600, "height": 800})
    dialog.get_by_role("button", name="parent").or_(dialog.get_by_role("button", name="baseline")).first.click()
    dialog.get_by_role("region", name="Difference from experiment 0 to experiment 49").wait_for()
    assert dialog.locator(".arm-code-pair").count() == 0, "two versions have no room beside each other"


def test_the_baseline_and_an_experiment_without_a_value(page, study):
    error = "Traceback (most recent call last):\n" + "  File <target>\n" * 3000 + "KeyError: <b>x</b>\n"
    failed = Measurement(
        Outcome.CRASH,
        None,
        seed=0,
        seconds=1.0,
        error="KeyError",
        traceback=error,
        artifacts={"a.txt": "\x00\x1b[31m<i>"},
    )
    summary = "<b>" + "long " * 100
    study.status.take(Judged(experiment(0, 2.0, Verdict.BASELINE)))
    study.status.take(
        Judged(Experiment(1, 0, Proposal("X = 1\n", summary), verdict=Verdict.CRASH, measurements=(failed,)))
    )
    opened(page, 2)
    dialog = detail(page, 0)
    dialog.get_by_role("region", name="Source of experiment 0").wait_for()
    assert dialog.get_by_role("group", name="Difference from").count() == 0
    page.keyboard.press("Alt+ArrowRight")
    dialog = page.get_by_role("dialog", name="Experiment 1")
    dialog.locator(".arm-error").wait_for()
    assert "no value" in dialog.locator(".arm-detail-head").inner_text()
    assert dialog.locator(".arm-error").inner_text().rstrip().endswith("KeyError: <b>x</b>")
    assert dialog.locator("dd").first.inner_text() == summary.strip()
    assert dialog.locator(".arm-detail-head").bounding_box()["height"] < 150, "a long summary is cut in the head"
    dialog.get_by_text("a.txt").click()
    assert dialog.locator(".arm-detail-file pre").inner_text().endswith("<i>")


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious_in_it(page, study, dark):
    page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    curve = [Point(n / 100, n / 20, n, {"loss": 5 / (1 + n)}) for n in range(20)]
    fill(study, 4)
    study.status.take(Judged(experiment(4, 0.5, Verdict.KEEP, curve)))
    opened(page, 5)
    dialog = detail(page, 4)
    dialog.get_by_role("button", name="whole").click()
    dialog.get_by_role("region", name="Table of runs").wait_for()
    dialog.locator(".arm-detail-curve .arm-line").wait_for(state="attached")
    page.wait_for_selector(".arm-code .arm-t-kw")
    assert serious(page) == []
    weak = {(name, round(ratio, 2)) for least, ratio, name in page.evaluate(CONTRAST) if ratio < least}
    assert not weak


def test_two_versions_are_compared(page, study):
    fill(study, 60)
    opened(page, 60)
    dialog = detail(page, 50)
    dialog.get_by_role("button", name="Compare with").click()
    assert focused(page) == "Compare with experiment"
    page.keyboard.press("Escape")
    assert dialog.count() == 1, "Escape closes the field alone"
    page.keyboard.press("Enter")
    page.keyboard.type("99")
    page.keyboard.press("Enter")
    dialog.get_by_text("There is no experiment 99: they are numbered 0 to 59.").wait_for()
    field = dialog.get_by_label("Compare with experiment")
    field.fill("idea 4")
    assert dialog.locator("datalist option").first.get_attribute("value") == "49", "a part of a summary is enough"
    field.fill("40")
    page.keyboard.press("Enter")
    both = page.get_by_role("dialog", name="Experiments 40 and 50")
    both.get_by_text("#50 is 2.005 better than #40").wait_for()
    sides = both.get_by_role("region", name="Both experiments").locator("tr").all_inner_texts()
    assert sides[1].split("\t") == ["verdict", "discard", "keep"]
    assert sides[2].split("\t") == ["loss", "3.025", "1.020"]
    both.get_by_role("region", name="Difference from experiment 40 to experiment 50").wait_for()
    assert serious(page) == []
    both.get_by_role("button", name="Swap").click()
    both = page.get_by_role("dialog", name="Experiments 50 and 40")
    both.get_by_text("#40 is 2.005 worse than #50").wait_for()
    both.get_by_role("button", name="Back").click()
    assert page.get_by_role("dialog", name="Experiment 40").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


def test_the_output_of_the_running_experiment_is_live(page, study):
    fill(study, 3)
    logs = study.folder / "logs"
    logs.mkdir(parents=True)
    log = logs / "0003.log"
    log.write_text("\x1b[32mbegins\x1b[0m\n 10%|#  |\r 20%|## |")
    run = replace(experiment(3, None), verdict=None, measurements=())
    study.status.take(RunStarted(run, "candidate", 0, 1))
    opened(page, 3)
    page.get_by_role("button", name="Log", exact=True).click()
    dialog = page.get_by_role("dialog", name="Experiment 3")
    text = dialog.get_by_label("Output", exact=True)
    text.wait_for()
    assert text.inner_text() == "begins\n 20%|## |"
    dialog.get_by_role("region", name="Difference from experiment 0 to experiment 3").wait_for()
    with log.open("a") as file:
        file.write("\r100%|###|\ndone <b>\n")
    dialog.get_by_text("done <b>").wait_for()
    assert text.inner_text() == "begins\n100%|###|\ndone <b>\n"
    study.status.take(Judged(replace(experiment(3, 0.5, Verdict.KEEP))))
    dialog.get_by_text("keep", exact=True).wait_for()
    dialog.get_by_text("the end of it").wait_for()
    assert text.inner_text() == "begins\n100%|###|\ndone <b>\n"


def test_what_an_agent_was_asked_is_loaded_when_it_is_opened(page, study):
    proposal = Proposal(
        "X = 1\n", "less", agent="claude:opus", reply="<b>reply</b>", usage=Usage(1, 10, output=5, cost=0.5)
    )
    study.status.take(Judged(experiment(0, 2.0, Verdict.BASELINE)))
    study.status.take(Judged(replace(experiment(1, 1.0, Verdict.KEEP), proposal=proposal)))
    opened(page, 2)
    dialog = detail(page, 1)
    dialog.get_by_text("10 tokens in, 5 out").wait_for()
    assert not [a for a in page.evaluate("asked") if a["type"] == "talk"]
    dialog.get_by_text("What it answered").click()
    dialog.get_by_text("<b>reply</b>").wait_for()
    dialog.get_by_text("What claude:opus was asked").click()
    dialog.get_by_text("Not kept").wait_for()


def test_a_version_is_run_again_and_branched_from(page, study):
    fill(study, 3)
    study.status.take(Judged(replace(experiment(3, None, Verdict.CRASH), measurements=())))
    opened(page, 4)
    dialog = detail(page, 2)
    page.evaluate("window.busy = true")
    dialog.get_by_role("button", name="Run again").click()
    assert dialog.get_by_role("button", name="Run again").is_disabled(), "while it is on its way"
    dialog.get_by_role("button", name="Branch from here").click()
    assert [(c["name"], c["number"]) for c in page.evaluate("asked.filter((a) => a.type === 'command')")] == [("again", 2), ("branch", 2)]  # fmt: skip
    page.keyboard.press("Alt+ArrowRight")
    dialog = page.get_by_role("dialog", name="Experiment 3")
    for name in ("Run again", "Branch from here"):
        button = dialog.get_by_role("button", name=name)
        assert button.is_disabled()
        assert button.get_attribute("title") == "Experiment 3 has no value (crash)"
