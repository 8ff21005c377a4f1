"""The buttons of the panel and the line for notes, in a browser."""

import re
from dataclasses import replace

import pytest

from autoresearch_magic.events import Judged, Proposed, StateChanged
from autoresearch_magic.experiment import Verdict
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.status import State
from autoresearch_magic.study.study import Study

from ...kernels import TARGET
from .page import CONTRAST, experiment

pytestmark = pytest.mark.browser

COMMANDS = "asked.filter((a) => a.type === 'command')"


@pytest.fixture
def study(tmp_path):
    """A study of five experiments whose agent reads notes; nothing is run."""
    made = Study(
        "# Lower it", TARGET, metric="loss", experiments=5, repeats=2, budget="5s", agent="command:cat", root=tmp_path
    )
    made.save()
    made._follower.ours = True  # what the tests publish is its state, not what the journal says
    made.status.take(Judged(experiment(0, 2.0, Verdict.BASELINE)))
    yield made
    made.stop()


def shown(page, state):
    page.evaluate("void open_view()")
    page.wait_for_selector(f".arm-pill[data-arm-state={state}]")
    return page.locator(".arm-panel").last


def button(panel, name):
    return panel.get_by_role("button", name=name, exact=True)


def says(panel, words):
    panel.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # pulls at once
    panel.locator(".arm-doing", has_text=words).wait_for()


def test_one_button_pauses_resumes_and_continues_and_each_says_why_it_cannot(page, study):
    study.status.take(StateChanged(State.RUNNING))
    panel = shown(page, "running")
    assert button(panel, "Pause").get_attribute("title") == "Pause after the current run"
    step = button(panel, "Step")
    assert (step.is_disabled(), step.get_attribute("title")) == (
        True,
        "Pause first: a step is one experiment from a pause",
    )
    study.status.take(StateChanged(State.PAUSED))
    says(panel, "Paused after the baseline; press Resume to continue")
    assert button(panel, "Resume").is_enabled()
    assert (step.is_enabled(), step.get_attribute("title")) == (True, "Run one experiment, then pause")
    study.status.take(Proposed(experiment(1, None)))
    study.status.take(StateChanged(State.STOPPED))
    says(panel, "Stopped during experiment 1; press Continue to go on")
    stop = button(panel, "Stop")
    assert (stop.is_disabled(), stop.get_attribute("title")) == (True, "It has ended: there is nothing to stop")
    assert panel.get_by_role("spinbutton", name="Further experiments").input_value() == "5"
    assert panel.locator(".arm-buttons button").all_inner_texts() == ["Continue", "Step", "Stop"]


def test_continue_asks_for_as_many_as_are_typed_by_keys_alone(page, study):
    study.status.take(Judged(experiment(1, 1.0, Verdict.KEEP)))
    study.status.take(StateChanged(State.FINISHED))
    panel = shown(page, "finished")
    field = panel.get_by_role("spinbutton", name="Further experiments")
    assert field.input_value() == "4", "what is left of the plan"
    button(panel, "Continue").focus()
    page.keyboard.press("Tab")
    page.evaluate("window.busy = true")  # no answer: the command stands
    page.keyboard.press("Control+a")
    page.keyboard.type("0")
    assert button(panel, "Continue").get_attribute("title") == "How many? A whole number from 1 to 1,000,000"
    page.keyboard.press("Enter")
    assert page.evaluate(COMMANDS) == []
    page.keyboard.press("Control+a")
    page.keyboard.type("12")
    assert button(panel, "Continue").get_attribute("title") == "Run 12 further experiments"
    page.keyboard.press("Enter")
    assert page.evaluate(COMMANDS) == [{"type": "command", "name": "more", "count": 12}]
    waiting = button(panel, "Continue")
    assert (waiting.is_disabled(), waiting.get_attribute("aria-busy")) == (True, "true")
    page.evaluate("tell({ type: 'refused', message: 'The study other is running.' }, [])")
    assert (waiting.is_enabled(), waiting.get_attribute("aria-busy")) == (True, "false")
    assert field.input_value() == "12", "what was typed stays"


@pytest.mark.parametrize(
    ("agent", "why"), [("me", "The next version comes from you: %autoresearch try SUMMARY"), ("tuner", "")]
)
def test_what_cannot_be_continued_or_told_says_so(page, study, agent, why):
    study.status.definition = replace(study.definition, settings=replace(study.settings, agent=agent))
    study.status.take(StateChanged(State.STOPPED))
    panel = shown(page, "stopped")
    goes_on, note = button(panel, "Continue"), panel.get_by_role("textbox", name="A note to the agent")
    if agent == "me":
        assert (goes_on.is_disabled(), goes_on.get_attribute("title")) == (True, why)
        assert button(panel, "Step").get_attribute("title") == why
        assert panel.get_by_role("spinbutton").count() == 0
        assert note.is_enabled()
    else:
        assert goes_on.is_enabled()
        assert note.is_disabled()
        assert note.get_attribute("placeholder") == "tuner reads no notes: a language model does (--agent)"
        assert button(panel, "Tell the agent").count() == 0


def test_two_panels_agree_on_notes_and_commands(page, study):
    study.status.take(StateChanged(State.PAUSED))
    shown(page, "paused")
    panel = shown(page, "paused")
    first = page.locator(".arm-panel").first
    note = first.get_by_role("textbox", name="A note to the agent")
    note.fill("<b>keep</b> the batch size")
    note.press("Enter")
    says(panel, "Paused")
    for each in (first, panel):
        each.locator(".arm-told summary", has_text="1 note to the agent, 1 not read yet").wait_for()
    assert note.input_value() == ""
    assert "Noted: command:cat reads it" in first.locator(".arm-toast").inner_text()
    panel.locator(".arm-told summary").click()
    assert panel.locator(".arm-notes li").inner_text() == "<b>keep</b> the batch size not read yet"
    with Journal(study.folder / "journal.sqlite") as journal:
        journal.note("notes read", notes=1, experiment=1)
    study.status.take(Judged(experiment(1, 1.0, Verdict.KEEP)))
    says(panel, "Paused after experiment 1")
    panel.locator(".arm-notes", has_text="read for experiment 1").wait_for()

    def resume():
        study.status.take(StateChanged(State.RUNNING))

    study.resume = resume
    button(first, "Resume").click()
    says(panel, "Waiting for the next idea")
    for each in (first, panel):
        button(each, "Pause").wait_for()


@pytest.mark.parametrize("dark", [False, True])
def test_steering_in_a_narrow_panel_in_both_themes(page, study, dark):
    page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    page.set_viewport_size({"width": 480, "height": 900})
    study.say("mind the memory")
    study.status.take(StateChanged(State.FINISHED))
    panel = shown(page, "finished")
    panel.locator(".arm-told summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 480
    inside = "node => { const [a, b] = [node, node.closest('.arm-panel')].map((n) => n.getBoundingClientRect()); return a.left >= b.left && a.right <= b.right; }"
    for each in panel.locator(".arm-header button, .arm-header input, .arm-steering input, .arm-steering button").all():
        assert each.evaluate(inside)
    found = page.evaluate(CONTRAST)
    weak = [(name, ratio) for least, ratio, name in found if ratio < least]
    assert not weak, weak
    assert {name for _, _, name in found if re.search(r"arm-(notetext|wait)", name)} == {"arm-notetext", "arm-wait"}
