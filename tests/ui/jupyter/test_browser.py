"""The panel in a real JupyterLab, in a real browser: run the cells, see it move, press Stop."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import nbformat
import pytest
from nbformat import v4

from ...browser import chromium
from ...studies import Terminal

pytestmark = pytest.mark.browser

TARGET = """X = 3.0
from autoresearch_magic import clock, report
import time
for step in clock:
    time.sleep(0.01)
    report(step=step, loss=5 / (1 + step))
loss = (X - 1) ** 2
"""


@pytest.fixture
def lab(tmp_path):
    """Start a JupyterLab in a new folder; yields browser, address and folder."""
    browser = chromium()
    port, token = free_port(), secrets.token_hex(8)
    folder = tmp_path / "work"
    folder.mkdir()
    places = {
        name: str(tmp_path / name)
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    settings = tmp_path / "JUPYTER_CONFIG_DIR" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
             f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}", "--ServerApp.port_retries=0"],
            env={**os.environ, **places}, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/api?token={token}"), 120)
        yield browser, f"http://127.0.0.1:{port}/lab/tree/nb.ipynb?token={token}", folder
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


@pytest.mark.timeout(240)
def test_run_the_cells_see_the_panel_move_reload_and_press_stop(lab, tmp_path):
    from playwright.sync_api import sync_playwright

    folder = lab[2]
    cells = [
        "%load_ext autoresearch_magic",
        f"%%autoresearch target\n{TARGET}",
        "%%autoresearch --metric loss --budget 0.5s -n 200 --repeats 2 --name seen\n# Lower <b>it</b>",
    ]
    write_notebook(folder, cells)
    errors, outside = [], []
    with sync_playwright() as play:
        browser, page = open_notebook(play, lab, errors, outside)
        for number in range(len(cells)):
            run_cell(page, number)
        panel = page.locator(".arm-panel")
        panel.wait_for(timeout=60_000)
        page.wait_for_function("document.querySelectorAll('.arm-panel tbody tr').length >= 3", timeout=60_000)
        before = panel.inner_text()
        page.wait_for_function(
            "n => document.querySelectorAll('.arm-panel tbody tr').length > n",
            arg=page.locator(".arm-panel tbody tr").count(),
            timeout=30_000,
        )
        assert panel.inner_text() != before
        assert "Lower <b>it</b>" in panel.inner_text(), "text of the user is text, not markup"
        assert page.locator(".arm-panel svg").count() >= 1

        page.keyboard.press("Control+s")
        time.sleep(1)
        page.reload()
        page.wait_for_selector(".arm-panel tbody tr", timeout=90_000)

        page.locator(".arm-panel").get_by_role("button", name="Stop").click()
        page.wait_for_function(
            "document.querySelector('.arm-panel').innerText.toLowerCase().includes('stopped')", timeout=20_000
        )
        page.screenshot(path=str(tmp_path / "stopped.png"))
        browser.close()
    assert not outside, outside
    assert not errors, errors
    from autoresearch_magic.study.opening import open_study

    assert open_study("seen", folder / ".autoresearch").state == "stopped"


@pytest.mark.timeout(300)
def test_a_study_of_a_shell_is_watched_and_its_buttons_reach_it(lab):
    from playwright.sync_api import sync_playwright

    folder = lab[2]
    terminal = Terminal(folder)
    write_notebook(folder, ["%load_ext autoresearch_magic\n%autoresearch watch night"])
    errors, outside = [], []
    try:
        process = terminal("run", "-n", "500")
        with sync_playwright() as play:
            browser, page = open_notebook(play, lab, errors, outside)
            run_cell(page, 0)
            says(page, f"running in process {process.pid}")
            rows = "document.querySelectorAll('.arm-panel tbody tr').length"
            page.wait_for_function(f"{rows} >= 2", timeout=60_000)
            page.wait_for_function(f"n => {rows} > n", arg=page.locator(".arm-panel tbody tr").count(), timeout=60_000)
            page.wait_for_selector(".arm-line.arm-live", timeout=30_000)
            button = page.locator(".arm-panel").get_by_role("button", name="Pause")
            button.click()
            says(page, f"paused in process {process.pid}")
            page.locator(".arm-panel").get_by_role("button", name="Resume").click()
            says(page, f"running in process {process.pid}")
            process.kill()
            says(page, "was killed or has crashed")
            says(page, "Stopped after experiment")
            again = terminal("resume")
            says(page, f"running in process {again.pid}")
            page.locator(".arm-panel").get_by_role("button", name="Stop").click()
            says(page, "Stopped after experiment")
            assert again.wait(30) == 3
            browser.close()
    finally:
        terminal.close()
    assert not outside, outside
    assert not errors, errors


def says(page, text):
    """Wait until the panel says something."""
    page.wait_for_function(
        "text => document.querySelector('.arm-panel').innerText.includes(text)", arg=text, timeout=60_000
    )


def write_notebook(folder, cells):
    nbformat.write(
        v4.new_notebook(
            cells=[v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "p"}},
        ),
        folder / "nb.ipynb",
    )


def open_notebook(play, lab, errors, outside):
    """Open the notebook in the browser, which adds errors of the page and requests to elsewhere to these lists."""
    browser_path, address, _ = lab
    browser = play.chromium.launch(
        executable_path=browser_path,
        args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"],
    )
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.on("pageerror", lambda error: errors.append(str(error)))
    local = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(local) else outside.append(r.url))
    page.goto(address + "&reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
    page.wait_for_selector("[data-status=idle], .jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=60_000)
    return browser, page


def run_cell(page, number):
    """Run a cell, and press the key again if nothing happens: keys are lost until the kernel is ready."""
    prompt = page.locator(".jp-Notebook .jp-Cell .jp-InputPrompt").nth(number)
    for _ in range(6):
        # On a busy machine JupyterLab may ask which kernel to use before the notebook's own is known.
        if (button := page.locator(".jp-Dialog button.jp-mod-accept")).count():
            button.first.click()
        prompt.click()
        page.keyboard.press("Shift+Enter")
        end = time.monotonic() + 8
        while time.monotonic() < end:
            if any(c.isdigit() for c in prompt.inner_text()):
                return
            time.sleep(0.1)
    raise AssertionError(f"cell {number} does not run: {prompt.inner_text()}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.25)
