"""What a terminal IPython prints of a running study."""

import os
import sys

import pexpect
import pytest

from autoresearch_magic.events import Notice, State, StateChanged
from autoresearch_magic.ui.jupyter.announcer import Announcer

from ...kernels import TARGET


def test_ends_and_waits_are_told_once(capsys):
    announcer = Announcer()
    for event in (
        StateChanged(State.RUNNING),
        StateChanged(State.ELSEWHERE, "running in process 7"),
        StateChanged(State.WAITING, "The model is at its limit."),
        StateChanged(State.WAITING),
        Notice("A plateau."),
        StateChanged(State.STOPPED, "The key is refused."),
    ):
        announcer(event)
    announcer.flush()
    announcer.flush()
    assert capsys.readouterr().out.splitlines() == [
        "[autoresearch] The model is at its limit.",
        "[autoresearch] A plateau.",
        "[autoresearch] stopped: The key is refused.",
    ]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_keeps_and_the_end_appear_above_the_prompt_of_a_real_ipython_and_what_is_typed_stays(tmp_path):
    (tmp_path / "train.py").write_text(TARGET)
    (tmp_path / "program.md").write_text("# Lower it\n")
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path / "ipython"), "PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm"}
    terminal = pexpect.spawn(
        sys.executable, ["-m", "IPython", "--no-banner", "--no-confirm-exit", "--colors=NoColor"],
        cwd=str(tmp_path), env=environment, dimensions=(40, 160), encoding="utf-8", timeout=60,
    )  # fmt: skip
    try:
        for line in (
            "%load_ext autoresearch_magic",
            "%autoresearch target train.py",
            "%autoresearch program program.md",
            "%autoresearch start --metric loss --budget 0.1s -n 4 --repeats 2 --name told",
        ):
            terminal.expect(r"In \[")
            terminal.send(line + "\r")
        terminal.expect(r"It runs in the background")
        terminal.expect(r"In \[")
        terminal.send("print('in' + 't")  # and no return: nothing is run from here on
        terminal.expect(r"\[autoresearch\] experiment \d+ kept")
        terminal.expect(r"\[autoresearch\] finished")
        terminal.send("act')\r")
        terminal.expect(r"intact\r\n")
    finally:
        terminal.close(force=True)
