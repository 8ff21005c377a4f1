"""The reply of ``report``: where it is written, and the link that opens it."""

import sys
from types import SimpleNamespace

import pytest

from autoresearch_magic.ui import browser
from autoresearch_magic.ui.browser import open_in_browser, terminal_link
from autoresearch_magic.ui.report import notebook_folder, report_reply

from ..study.report.made_up import HEADLINE, study


@pytest.fixture
def made(tmp_path):
    from autoresearch_magic.study.report.write import NAME, write_report

    found = study(tmp_path, headline=HEADLINE)
    found.report = lambda path, confirm: write_report(found, path or found.folder / NAME)
    return found


def test_it_is_written_to_the_given_path(made, tmp_path):
    reply = report_reply(made, str(tmp_path / "out.md"), tmp_path)
    assert (tmp_path / "out.md").read_text().startswith("# ")
    assert f"The report is at {tmp_path / 'out.md'}" in reply.text
    assert "7 experiments, 2 kept, 1 proven, 4 discarded, 1 failed" in reply.text
    assert (tmp_path / "out.md").as_uri() in reply.text
    assert reply.data["url"] == (tmp_path / "out.md").as_uri()


def test_in_a_shell_it_is_in_the_studys_folder(made):
    reply = report_reply(made, None)
    assert (made.folder / "report.html").read_text().startswith("<!doctype html>")
    assert "](" not in reply.markdown


def test_in_a_notebook_it_is_where_a_server_hands_it_out(made, tmp_path):
    reply = report_reply(made, None, tmp_path)
    assert "**[Open the report](autoresearch_reports/made-up.html)**" in reply.markdown
    assert (tmp_path / "autoresearch_reports" / "made-up.html").is_file()
    assert (tmp_path / "autoresearch_reports" / ".gitignore").read_text() == "*\n"
    assert not (made.folder / "report.html").exists()


def test_in_a_notebook_a_study_that_is_not_hidden_keeps_its_report(made, tmp_path):
    made.folder = tmp_path / "studies" / "made up"
    reply = report_reply(made, None, tmp_path)
    assert "(studies/made%20up/report.html)" in reply.markdown
    assert not (tmp_path / "autoresearch_reports").exists()


@pytest.mark.parametrize("where", ["../elsewhere.html", ".hidden/r.html"])
def test_a_path_that_a_server_does_not_hand_out_has_no_link(made, tmp_path, where):
    (tmp_path / "nb").mkdir()
    reply = report_reply(made, str(tmp_path / "nb" / where), tmp_path / "nb")
    assert "](" not in reply.markdown
    assert "The report is at `" in reply.markdown


def test_the_notebooks_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert notebook_folder() == tmp_path
    (tmp_path / "nb").mkdir()
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "nb" / "a.ipynb"))
    assert notebook_folder() == tmp_path / "nb"
    monkeypatch.setenv("JPY_SESSION_NAME", "nb/a.ipynb")
    assert notebook_folder() == tmp_path


def test_the_browser_is_opened_on_request_alone(made, monkeypatch):
    opened = []
    monkeypatch.setattr(browser.webbrowser, "open", lambda url: opened.append(url) or True)
    monkeypatch.setenv("DISPLAY", ":1")
    report_reply(made, None)
    assert opened == []
    assert "It is open in the browser." in report_reply(made, None, browser=True).text
    assert opened == [(made.folder / "report.html").as_uri()]


def test_without_a_screen_no_browser_is_opened(made, monkeypatch):
    monkeypatch.setattr(browser.webbrowser, "open", lambda url: pytest.fail("opened"))
    monkeypatch.setattr(browser.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    assert not open_in_browser("file:///x")
    assert "open the address yourself" in report_reply(made, None, browser=True).text


def test_a_terminal_that_has_links_gets_one(monkeypatch):
    kitty = {"KITTY_WINDOW_ID": "1", "TERM": "xterm-kitty"}
    assert terminal_link("file:///x", kitty) == "file:///x", "the output is no terminal"
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: True))
    assert terminal_link("file:///x", kitty) == "\x1b]8;;file:///x\x1b\\file:///x\x1b]8;;\x1b\\"
    assert terminal_link("file:///x", {"TERM": "xterm"}) == "file:///x"
    assert terminal_link("file:///x", kitty | {"TERM": "dumb"}) == "file:///x"
