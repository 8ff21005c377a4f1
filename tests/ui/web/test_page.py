"""The page in a real browser, of a study that a shell runs."""

import threading
from contextlib import contextmanager

import pytest

from autoresearch_magic.events import State
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.ui.web.serving import make_server

from ...browser import browsing
from ...studies import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]


RESTORE = """
    document.querySelector(".arm-panel").dispatchEvent(new CustomEvent("autoresearch-magic:restore", {
      bubbles: true, cancelable: true, composed: true,
      detail: { study: "night", number: 1, source: "X = 2\\n", cell: "", done: (message) => { window.said = message; } },
    }));
"""
"""What the panel's Restore does."""


@contextmanager
def served(folder):
    """Serve a study's page, as a command does that is started anew."""
    server = make_server(open_study(folder))
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def context():
    with browsing() as browser:
        yield browser.new_context(color_scheme="dark", permissions=["clipboard-read", "clipboard-write"])


def test_a_study_of_a_shell_on_its_page(context, terminal, tmp_path):
    process = terminal("run", "-n", "500")
    folder = tmp_path / ".autoresearch" / "night"
    study, said, asked = open_study(folder), [], []
    context.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: said.append(str(error.error)))
    context.on("request", lambda request: asked.append(request.url))
    with served(folder) as server:
        page, other = context.new_page(), context.new_page()
        page.goto(server.url)
        assert page.url == f"http://127.0.0.1:{server.port}/", "the token is not in the history"
        page.get_by_text(f"running in process {process.pid}").wait_for()
        page.get_by_text("baseline", exact=True).first.wait_for()
        wait_for(lambda: len(study.experiments) > 1)
        page.get_by_role("button", name="Experiment 1, details").wait_for()
        assert page.title().endswith("/500 · night")
        assert page.locator(".arm-panel").get_attribute("data-arm-theme") == "dark"
        other.goto(page.url)
        page.get_by_role("button", name="Pause").click()
        wait_for(lambda: study.status.doing is State.PAUSED)
        for each in (page, other):
            each.get_by_text(f"paused in process {process.pid}").wait_for()
        assert page.title().startswith("⏸ ")
        page.reload()
        page.get_by_role("button", name="Experiment 1, details").click()
        page.get_by_text("X = 3.0").first.wait_for()
        page.keyboard.press("Escape")
        page.evaluate(RESTORE)
        wait_for(lambda: page.evaluate("window.said"))
        assert "autoresearch restore 1 --study night --to FILE" in page.evaluate("said")
        assert page.evaluate("navigator.clipboard.readText()") == "X = 2\n"
    page.get_by_text("The server of this page has ended; the study is not affected.").wait_for()
    page.get_by_text("autoresearch watch night --web").wait_for()
    refused = [text for text in said if "ERR_CONNECTION_REFUSED" not in text]
    assert process.poll() is None
    with served(folder):
        page.locator("#absent").wait_for(state="hidden")
        page.get_by_role("button", name="Stop").click()
        process.wait(30)
        page.locator(".arm-pill[data-arm-state=stopped]").wait_for()
    assert not refused
    assert {url.partition("//")[2].partition("/")[0] for url in asked} == {f"127.0.0.1:{server.port}"}
