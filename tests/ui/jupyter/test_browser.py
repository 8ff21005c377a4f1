"""The panel in a real JupyterLab and Notebook 7, in a real browser: run the cells, see it move, press Stop."""

import pytest

from autoresearch_magic.study.opening import open_study

from ...kernels import TARGET
from ...lab import reload, run_cell, save, wait_text
from ...studies import Terminal

pytestmark = pytest.mark.browser

ROWS = "document.querySelectorAll('.arm-panel tbody tr').length"


def wait_rows(page, count):
    """Wait until the panel's table has so many rows."""
    page.wait_for_function(f"count => {ROWS} >= count", arg=count, timeout=60_000)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["lab", "notebook"])
def test_run_the_cells_see_the_panel_move_reload_and_press_stop(open_page, kind):
    cells = [
        "%load_ext autoresearch_magic",
        f"%%autoresearch target\n{TARGET}",
        "%%autoresearch --metric loss --budget 0.1s -n 500 --repeats 2 --name seen\n# Lower <b>it</b>",
    ]
    with open_page(kind=kind, cells=cells) as page:
        for number in range(len(cells)):
            run_cell(page, number)
        panel = page.locator(".arm-panel")
        panel.wait_for(timeout=60_000)
        wait_rows(page, 3)
        before = panel.inner_text()
        wait_rows(page, page.evaluate(ROWS) + 1)
        assert panel.inner_text() != before
        assert "Lower <b>it</b>" in panel.inner_text(), "text of the user is text, not markup"

        save(page)
        reload(page)
        page.wait_for_selector(".arm-panel tbody tr", timeout=90_000)
        panel.get_by_role("button", name="Stop").click()
        page.wait_for_function(
            "document.querySelector('.arm-panel').innerText.toLowerCase().includes('stopped')", timeout=20_000
        )
        assert open_study("seen", page.folder / ".autoresearch").state == "stopped"


@pytest.mark.timeout(300)
def test_a_study_of_a_shell_is_watched_and_its_buttons_reach_it(open_page):
    with open_page(cells=["%load_ext autoresearch_magic\n%autoresearch watch night"]) as page:
        terminal = Terminal(page.folder)
        try:
            process = terminal("run", "-n", "500")
            run_cell(page, 0)
            says(page, f"running in process {process.pid}")
            wait_rows(page, 2)
            wait_rows(page, page.evaluate(ROWS) + 1)
            page.wait_for_selector(".arm-line.arm-live", timeout=30_000)
            page.locator(".arm-panel").get_by_role("button", name="Pause").click()
            says(page, f"paused in process {process.pid}")
            page.locator(".arm-panel").get_by_role("button", name="Resume").click()
            says(page, f"running in process {process.pid}")
            process.kill()
            says(page, "was killed or has crashed")
            says(page, "Stopped ")
            again = terminal("resume")
            says(page, f"running in process {again.pid}")
            page.locator(".arm-panel").get_by_role("button", name="Stop").click()
            says(page, "Stopped ")
            assert again.wait(30) == 3
        finally:
            terminal.close()


def says(page, text):
    """Wait until the panel says something."""
    wait_text(page, text, ".arm-panel")
