"""A study that a shell runs, in a real JupyterLab: its panel moves, and the buttons reach it."""

import pytest

from ...lab import run_cell, wait_text
from ...studies import Terminal

pytestmark = pytest.mark.browser

ROWS = "document.querySelectorAll('.arm-panel tbody tr').length"


def wait_rows(page, count):
    """Wait until the panel's table has so many rows."""
    page.wait_for_function(f"count => {ROWS} >= count", arg=count, timeout=60_000)


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
