"""The panel's chart in a real JupyterLab: its keys and its wheel are its own, and a click leaves no frame."""

import pytest

from ...lab import run_cell

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TARGET = "%%autoresearch target\nRATE = 0.3\nloss = (RATE - 0.1) ** 2\n"
STUDY = (
    "%%autoresearch --metric loss --minimize --experiments 12 --budget 0.05s --agent tuner --repeats 2\n# Lower it\n"
)
OUTLINE = "e => { const s = getComputedStyle(e); return s.outlineStyle === 'none' ? 0 : parseFloat(s.outlineWidth); }"


def label(page, words):
    page.wait_for_function(
        "words => document.querySelector('.arm-front').getAttribute('aria-label').includes(words)", arg=words
    )


def test_zoom_by_keys_and_wheel_in_jupyterlab(open_page):
    with open_page(kind="lab", cells=["%load_ext autoresearch_magic", TARGET, STUDY]) as page:
        for number in range(3):
            run_cell(page, number)
        page.wait_for_selector(".arm-pill[data-arm-state=finished]", timeout=60_000)
        label(page, "of 13 experiments")
        chart = page.locator(".arm-front")
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        cells = page.locator(".jp-Notebook .jp-Cell").count()
        page.keyboard.press("Escape")
        chart.click(position={"x": box["width"] / 2, "y": box["height"] - 6})
        assert chart.evaluate(OUTLINE) == 0
        for key in ("+", "+"):
            page.keyboard.press(key)
        label(page, "Zoomed to experiments")
        assert chart.evaluate(OUTLINE) >= 2
        for key in ("Shift+ArrowRight", "-", "-", "-", "0", "0"):  # in JupyterLab "0 0" restarts the kernel
            page.keyboard.press(key)
        page.wait_for_function("!document.querySelector('.arm-front').getAttribute('aria-label').includes('Zoomed')")
        assert page.locator(".jp-Dialog").count() == 0
        assert page.locator(".jp-Notebook .jp-Cell").count() == cells
        page.keyboard.down("Control")
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.wheel(0, -400)
        page.keyboard.up("Control")
        label(page, "Zoomed to experiments")
