"""A page that is loaded again while a cell waits, in a real JupyterLab and Notebook 7: everything comes back, moves, and ends."""

import pytest

from ...kernels import TARGET
from ...lab import reload, run_cell, save, wait_text

pytestmark = pytest.mark.browser

CELLS = [
    "%load_ext autoresearch_magic",
    f"%%autoresearch target\n{TARGET}",
    "%%autoresearch --metric loss --budget 0.1s -n 400 --repeats 2 --name seen\n# Lower it",
    "%autoresearch wait",
]


def number(page, within):
    """Return the first number that an element shows."""
    return int(page.eval_on_selector(within, "node => node.innerText.match(/\\d+/)[0]"))


def moves(page, within):
    """Wait until the first number that an element shows has grown."""
    page.wait_for_function(
        "([within, before]) => Number(document.querySelector(within).innerText.match(/\\d+/)[0]) > before",
        arg=[within, number(page, within)],
        timeout=20_000,
    )


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["lab", "notebook"])
def test_a_reload_during_wait_attaches_panel_and_wait_line_again_and_sees_the_end(open_page, kind):
    with open_page(kind=kind, cells=CELLS) as page:
        for cell in range(len(CELLS)):
            run_cell(page, cell)
        page.wait_for_selector(".arm-wait", timeout=60_000)
        page.wait_for_selector(".arm-panel tbody tr", timeout=60_000)
        pictures = page.locator(".jp-OutputArea-child img")
        pictures.first.wait_for(state="attached", timeout=60_000)
        assert not pictures.first.is_visible(), "the panel shows more"
        save(page)
        reload(page)
        page.wait_for_selector(".arm-panel tbody tr", timeout=20_000)
        page.wait_for_selector(".arm-wait", timeout=20_000)
        moves(page, ".arm-wait")
        pictures.first.wait_for(state="hidden")
        page.locator(".arm-panel").get_by_role("button", name="Stop").click()
        wait_text(page, "Stopped", ".arm-panel")
        wait_text(page, "stopped", ".arm-wait")
        for session in page.server.ask("/sessions"):
            page.server.ask(f"/kernels/{session['kernel']['id']}", "DELETE")
        pictures.first.wait_for(state="visible", timeout=60_000)
