"""Steering and versions in a real JupyterLab: a note, further experiments, scrub, and a version back in its cell."""

import re

import pytest

from ...lab import run_cell, wait_text

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AGENT = """\
from pathlib import Path
here = Path.cwd()
code = "import random, sys\\nsys.stdin.read()\\nprint(f'```python\\\\nX = {random.random():.6f}\\\\nloss = X\\\\n```')\\n"
(here / "agent.py").write_text(code)
%load_ext autoresearch_magic"""
TARGET = "%%autoresearch target\nX = 3.0\nloss = X"
PROGRAM = """\
options = f"--metric loss --minimize --budget 0.1s -n 2 --repeats 1 --name steer --agent 'command:python {here}/agent.py'"
get_ipython().run_cell_magic("autoresearch", options, "# Lower it")"""


def test_a_note_further_experiments_and_a_version_back_in_its_cell(open_page):
    with open_page(kind="lab", cells=[AGENT, TARGET, PROGRAM]) as page:
        for number in range(3):
            run_cell(page, number)
        panel = page.locator(".arm-panel").first
        wait_text(page, "Finished: 2 experiments")
        cells = page.locator(".jp-CodeCell").count()
        panel.get_by_role("textbox", name="A note to the agent").click()
        page.keyboard.type("dd be bold, xx")  # in command mode these keys delete and cut cells
        page.keyboard.press("Enter")
        panel.locator(".arm-told summary", has_text="1 note to the agent, 1 not read yet").wait_for()
        assert page.locator(".jp-CodeCell").count() == cells
        field = panel.get_by_role("spinbutton", name="Further experiments")
        assert field.input_value() == "2"
        field.fill("1")
        field.press("Enter")
        wait_text(page, "Finished: 3 experiments")
        panel.locator(".arm-told summary", has_text="1 note to the agent").wait_for()
        panel.locator(".arm-told summary").click()
        panel.locator(".arm-notes", has_text="read for experiment 3").wait_for()
        slider = panel.get_by_role("slider", name="Version")
        slider.focus()
        slider.press("Home")
        panel.locator(".arm-version-what b", has_text="#0").first.wait_for()
        slider.press("ArrowRight")
        difference = panel.get_by_role("region", name=re.compile("Difference from experiment 0 to experiment"))
        source = difference.locator("ins code", has_text="X = 0.").first.inner_text()
        panel.get_by_role("button", name="Restore").click()
        page.locator(".jp-CodeCell .cm-content", has_text=source).first.wait_for()
