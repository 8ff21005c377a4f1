"""A real JupyterLab and Notebook 7 in a real browser.

One Jupyter server per test process serves both, one Chromium per module shows them, and each opened page has a notebook in a folder
of its own::

    def test_it(open_page):
        with open_page(kind="lab", cells=["1 + 1"]) as page:
            run_cell(page, 0)
            wait_text(page, "2")
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from autoresearch_magic.ui.jupyter.labextension import NAME, write_extension

from .browser import browsing, chromium

NOT_OURS = (
    # Notebook 7.6 says both of any notebook: it has no file browser beside one, but the menu entries of the file browser.
    "Cannot read properties of undefined (reading 'schema')",
    "Command 'filebrowser:open-path' not registered.",
    # JupyterLab 4.6 asks for the debugger's state when a page is opened, and sometimes before the kernel can answer.
    "Could not restore the debugger state",
)
"""Errors that JupyterLab and Notebook 7 make without us."""
LOOPBACK = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:", "about:")
READY = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
"""The mark of a notebook whose kernel is ready."""


class Server:
    """A Jupyter server with JupyterLab and Notebook 7, in an empty folder with a configuration of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "work"
        self.root.mkdir()
        self.token = secrets.token_hex(8)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{s.getsockname()[1]}"
        port = self.address.rpartition(":")[2]
        places = {
            name: str(folder / name)
            for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
        }
        self.settings = folder / "JUPYTER_CONFIG_DIR" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
        self.settings.mkdir(parents=True)
        self.set("notification", {"fetchNews": "false", "checkForUpdates": False})
        write_extension(
            folder / "JUPYTER_DATA_DIR" / "labextensions" / NAME, "0"
        )  # as it is here; an installed one may be older
        extensions = {"jupyterlab": True, "notebook": True, "notebook_shim": True}
        with (folder / "server.log").open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ip=127.0.0.1",
                 f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}",
                 f"--ServerApp.root_dir={self.root}", f"--ServerApp.jpserver_extensions={extensions}"],
                env={**os.environ, **places}, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + 120
        while not self._answers():
            assert self._process.poll() is None, (folder / "server.log").read_text()
            assert time.monotonic() < end, (folder / "server.log").read_text()
            time.sleep(0.1)

    def set(self, plugin: str, settings: dict) -> None:
        """Write the user's settings of a plug-in of JupyterLab; pages that are opened from now on have them."""
        (self.settings / f"{plugin}.jupyterlab-settings").write_text(json.dumps(settings))

    def ask(self, path: str, method: str = "GET"):
        """Return what the server's interface answers."""
        request = urllib.request.Request(f"{self.address}/api{path}", method=method)
        request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def url(self, kind: str, path: str) -> str:
        """Return the address of a notebook in JupyterLab or Notebook 7."""
        view = {"lab": "lab/tree", "notebook": "notebooks"}[kind]
        return f"{self.address}/{view}/{path}?token={self.token}" + ("&reset" if kind == "lab" else "")

    def end_kernels(self, folder: Path) -> None:
        """Shut down the kernels of the notebooks in a folder."""
        for session in self.ask("/sessions"):
            if (self.root / session["path"]).is_relative_to(folder):
                self.ask(f"/sessions/{session['id']}", "DELETE")

    def close(self) -> None:
        """End the server and the kernels that it still has."""
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _answers(self) -> bool:
        try:
            return bool(self.ask(""))
        except (urllib.error.URLError, OSError):
            return False


@pytest.fixture(scope="session")
def jupyter_server(tmp_path_factory):
    """The server of this test process."""
    chromium()  # without one it would be started for nothing
    server = Server(tmp_path_factory.mktemp("jupyter"))
    yield server
    server.close()


@pytest.fixture(scope="module")
def lab_browser():
    """A browser for the pages of one module; playwright may run only once at a time, so none of it is left to the next module."""
    with browsing() as browser:
        yield browser


@pytest.fixture
def open_page(jupyter_server, lab_browser):
    """Return a context manager that opens a notebook in a new page; see `opened`."""

    def open_page(**options):
        return opened(jupyter_server, lab_browser, **options)

    return open_page


@contextmanager
def opened(
    server, browser, *, cells=(), kind="lab", dark=False, width=1300, height=1000, folder=None, kernel=True,
):  # fmt: skip
    """Write a notebook and open it; at the end, fail on errors of the page and requests to elsewhere, and end the kernels.

    Parameters
    ----------
    server : Server
    browser : Browser
    cells : list of str
        The code cells.
    kind : {"lab", "notebook"}
    dark : bool
        Whether the theme is JupyterLab's dark one.
    width, height : int
        Size of the page in pixels.
    folder : Path, optional
        A folder below `server.root` with a ``nb.ipynb``, which is opened as it is; else a new one is made.
    kernel : bool
        Whether to wait for the kernel.

    Yields
    ------
    Page
        Playwright's, with the notebook's ``folder`` and the ``server``, and lists of ``errors`` and of requests ``outside``.
    """
    made = folder is None
    folder = folder or server.root / secrets.token_hex(4)
    if made:
        folder.mkdir()
        write_notebook(folder / "nb.ipynb", cells)
    server.set("themes", {"theme": "JupyterLab Dark" if dark else "JupyterLab Light"})
    context = browser.new_context(viewport={"width": width, "height": height})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.folder, page.server, page.errors, page.outside = folder, server, [], []
    page.on("pageerror", lambda error: note(page.errors, str(error)))
    page.on("console", lambda message: note(page.errors, message.text) if message.type == "error" else None)
    page.on("request", lambda r: None if r.url.startswith(LOOPBACK) else page.outside.append(r.url))
    try:
        page.goto(server.url(kind, f"{folder.relative_to(server.root)}/nb.ipynb"))
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
        if kernel:
            page.wait_for_selector(READY, state="attached", timeout=60_000)  # a narrow toolbar hides it
        yield page
        errors, outside = list(page.errors), list(page.outside)  # before the page closes, which is no fault
    except BaseException as error:
        error.add_note(f"The page at that moment: {picture_of(page, server.root.parent)}; its errors: {page.errors}")
        raise
    finally:
        context.close()
        server.end_kernels(folder)
        if made:
            shutil.rmtree(folder, ignore_errors=True)
    assert not outside, outside
    assert not errors, errors


def picture_of(page, folder):
    """Write a picture of a page, for whoever looks into a failure; returns its path."""
    path = folder / f"{page.folder.name}.png"
    with suppress(Exception):  # the page may be what failed
        page.screenshot(path=str(path))
    return path


def note(errors, text):
    """Add an error of the page that is not one of JupyterLab's own."""
    if not any(said in text for said in NOT_OURS):
        errors.append(text)


def write_notebook(path, cells):
    """Write a notebook of code cells, with a kernel so that none has to be chosen."""
    nbformat.write(
        v4.new_notebook(
            cells=[v4.new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        ),
        path,
    )


def run_cell(page, number):
    """Run a cell, and press the key again if nothing happens: keys are lost until the kernel is ready."""
    prompt = page.locator(".jp-Notebook .jp-Cell .jp-InputPrompt").nth(number)
    before = prompt.inner_text()

    def runs():
        now = prompt.inner_text()
        return now != before and any(c.isdigit() or c == "*" for c in now)

    for _ in range(20):
        # On a busy machine JupyterLab may ask which kernel to use before the notebook's own is known.
        if (button := page.locator(".jp-Dialog button.jp-mod-accept")).count():
            button.first.click()
        prompt.click()
        page.keyboard.press("Shift+Enter")
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            if runs():
                time.sleep(0.2)  # a star goes away again where the kernel was not ready
                if runs():
                    return
            time.sleep(0.05)
    raise AssertionError(f"cell {number} does not run: {prompt.inner_text()}")


def wait_text(page, text, within="body", seconds=60):
    """Wait until an element shows a text."""
    page.wait_for_function(
        "([within, text]) => [...document.querySelectorAll(within)].some((node) => node.innerText.includes(text))",
        arg=[within, text],
        timeout=1000 * seconds,
    )


def reload(page):
    """Load the page again as a user does, and wait for the notebook."""
    page.reload()
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)


def save(page):
    """Save the notebook, and wait until it is on the disk."""
    file = page.folder / "nb.ipynb"
    before = file.stat().st_mtime_ns
    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    end = time.monotonic() + 20
    while file.stat().st_mtime_ns == before:
        assert time.monotonic() < end, "the notebook was not saved"
        time.sleep(0.05)
