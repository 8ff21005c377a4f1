"""`autoresearch watch` in a real terminal, at a study that another shell runs; and without Textual."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

import pytest

from autoresearch_magic.events import State
from autoresearch_magic.study.opening import open_study

from ...studies import wait_for
from ..test_minimal_install import BASE

CLI = "import sys; from autoresearch_magic.ui.cli import main; sys.exit(main(sys.argv[1:]))"


class Screen:
    """A terminal with a program in it."""

    def __init__(self, folder, *words, code=CLI):
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        env = {**os.environ, "TERM": "xterm-256color"}
        env.pop("NO_COLOR", None)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *words], cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.seen = b""

    def press(self, keys):
        os.write(self.ours, keys.encode())

    def wait_for(self, text, seconds=40):
        """Wait until a text is seen, wherever the terminal's width breaks it."""
        end = time.monotonic() + seconds
        while text.encode() not in b" ".join(self.seen.split()):
            assert time.monotonic() < end, self.seen[-3000:]
            self.read()

    def read(self):
        if select.select([self.ours], [], [], 0.1)[0]:
            try:
                self.seen += os.read(self.ours, 65536)
            except OSError:  # the program has ended
                time.sleep(0.05)

    def end(self):
        wait_for(lambda: self.read() or self.process.poll() is not None)
        self.read()
        return self.process.returncode

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.ours)


@pytest.fixture
def screen():
    opened = []

    def screen(*arguments, **options):
        opened.append(Screen(*arguments, **options))
        return opened[-1]

    yield screen
    for each in opened:
        each.close()


@pytest.mark.slow
def test_a_study_of_a_shell_is_watched_paused_resumed_and_left(terminal, screen, tmp_path):
    run = terminal("run", "-n", "500")
    study = open_study("night", tmp_path / ".autoresearch")
    watched = screen(tmp_path, "watch", "night")
    watched.wait_for(f"running in process {run.pid}")
    watched.wait_for("of 500 experiments")
    watched.press("p")
    wait_for(lambda: watched.read() or study.status.doing is State.PAUSED)
    watched.wait_for(f"in process {run.pid}")
    watched.press("r")
    wait_for(lambda: watched.read() or study.status.doing is State.RUNNING)
    run.kill()
    run.wait()
    watched.wait_for("that ran it was killed or has crashed")
    watched.press("q")
    assert watched.end() == 0
    watched.wait_for("night: stopped")
    assert b"Traceback" not in watched.seen


@pytest.mark.slow
def test_without_textual_a_bar_follows_and_says_what_to_install(terminal, screen, tmp_path):
    run = terminal("run", "-n", "500")
    missing = BASE.replace("(dict.fromkeys(", "(dict.fromkeys(('textual', 'rich') + ")
    watched = screen(tmp_path, "watch", "night", code=f"{missing}{CLI}")
    watched.wait_for("A full-screen view with charts needs Textual: pip install 'textual>=8.2'")
    watched.wait_for(f"in process {run.pid}")
    run.kill()
    run.wait()
    watched.wait_for("that ran it was killed or has crashed")
    assert watched.end() is not None
