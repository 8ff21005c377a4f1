"""A page that is loaded again while a cell waits, in a real JupyterLab and Notebook 7: everything comes back, moves, and ends."""

import pytest

from autoresearch_magic.study.opening import open_study

from ...kernels import TARGET
from ...lab import reload, run_cell, save, wait_text

pytestmark = pytest.mark.browser

CELLS = [
    "%load_ext autoresearch_magic",
    f"%%autoresearch target\n{TARGET}",
    "%%autoresearch --metric loss --budget 0.1s -n 400 --repeats 2 --name seen\n# Lower <b>it</b>",
    "%autoresearch wait",
]


ROWS = "document.querySelectorAll('.arm-panel tbody tr').length"
SAYS = "Number(document.querySelector('.arm-wait').innerText.match(/\\d+/)[0])"


def grows(page, number):
    """Wait until a number in the page, a JavaScript expression, has grown."""
    page.wait_for_function(f"before => {number} > before", arg=page.evaluate(number), timeout=30_000)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["lab", "notebook"])
def test_run_the_cells_reload_during_wait_see_panel_and_wait_line_move_and_press_stop(open_page, kind):
    with open_page(kind=kind, cells=CELLS) as page:
        for cell in range(len(CELLS)):
            run_cell(page, cell)
        page.wait_for_selector(".arm-wait", timeout=60_000)
        page.wait_for_selector(".arm-panel tbody tr", timeout=60_000)
        panel, picture = page.locator(".arm-panel"), page.locator(".jp-OutputArea-child img").first
        picture.wait_for(state="attached", timeout=60_000)
        picture.wait_for(state="hidden")  # the panel shows more
        grows(page, ROWS)
        assert "Lower <b>it</b>" in panel.inner_text(), "text of the user is text, not markup"

        save(page)
        reload(page)
        page.wait_for_selector(".arm-panel tbody tr", timeout=20_000)
        page.wait_for_selector(".arm-wait", timeout=20_000)
        grows(page, ROWS)
        grows(page, SAYS)
        picture.wait_for(state="hidden")
        panel.get_by_role("button", name="Stop").click()
        wait_text(page, "Stopped", ".arm-panel")
        wait_text(page, "stopped", ".arm-wait")
        assert open_study("seen", page.folder / ".autoresearch").state == "stopped"
        if kind == "lab":
            page.server.end_kernels(page.folder)
            picture.wait_for(state="visible", timeout=60_000)
