"""The detail of an experiment in a real JupyterLab and Notebook 7: its keys stay in it, and no cell is lost."""

import pytest

from ...kernels import TARGET
from ...lab import run_cell

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["notebook"])  # keys reach more there than in JupyterLab
def test_keys_in_the_detail_do_nothing_to_the_notebook(open_page, kind):
    cells = [
        f"%load_ext autoresearch_magic\nget_ipython().run_cell_magic('autoresearch', 'target', {TARGET!r})",
        "%%autoresearch --metric loss --budget 0.1s -n 3 --repeats 1\n# Lower it",
        "x = 1",
    ]
    with open_page(kind=kind, cells=cells) as page:
        run_cell(page, 0)
        run_cell(page, 1)
        page.locator(".arm-row").nth(3).wait_for(timeout=60_000)
        before = page.locator(".jp-Cell").count()
        page.get_by_role("button", name="Experiment 2, details").click()
        dialog = page.get_by_role("dialog", name="Experiment 2")
        dialog.locator(".arm-code ins").first.wait_for()
        box = dialog.bounding_box()
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= 1300
        assert box["y"] + box["height"] <= 1000
        assert not page.evaluate("document.activeElement.matches(':focus-visible')"), (
            "no frame after a press of the mouse"
        )
        for key in ("d", "d", "a", "b", "x", "Shift+Enter", "Control+Enter"):
            page.keyboard.press(key)
        dialog.locator("dl").click()
        page.keyboard.press("d")
        page.keyboard.press("d")
        dialog.get_by_role("combobox", name="Difference from another experiment").click()
        page.keyboard.type("1")
        page.keyboard.press("Enter")
        dialog.get_by_role("region", name="Difference from experiment 1 to experiment 2").wait_for()
        page.keyboard.press("Alt+ArrowRight")
        page.get_by_role("dialog", name="Experiment 3").wait_for()
        dialog = page.get_by_role("dialog", name="Experiment 3")
        dialog.get_by_role("button", name="Copy").click()
        dialog.get_by_text("is in the clipboard").wait_for()
        assert page.evaluate("navigator.clipboard.readText()").startswith("X = ")
        page.keyboard.press("Escape")
        dialog.wait_for(state="hidden")
        assert page.locator(".jp-Cell").count() == before
        assert page.evaluate("document.activeElement.closest('.arm-panel') !== null"), "the focus is where it was"
