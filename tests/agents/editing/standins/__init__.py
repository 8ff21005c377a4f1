"""Executables that are named like coding agents and behave as these are documented; `install` puts them into a folder.

What they do is told by `Standins.behave`, what they were asked is in `Standins.calls`.
"""

import json
import os
import sys
from pathlib import Path

PROGRAMS = ("claude", "codex", "gemini", "opencode", "aider", "cursor-agent")
MODES = (
    "edit", "nothing", "outside", "hang", "die", "crash", "megabyte", "flood", "quota", "login", "unknown-model", "foreign", "budget",
)  # fmt: skip
"""What a stand-in can do; see `program.py`."""


class Standins:
    """The stand-ins in one folder."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def behave(self, *steps):
        """Set what the next calls do, one step a call, again from the first one after the last.

        A step is one of `MODES`, or a dictionary with ``mode`` and more: ``write`` (path: text), ``replace`` (path: [pattern,
        replacement]), ``delete`` (paths), ``say`` (the last message), ``seconds`` (how long it works), ``outside`` (an absolute path that it writes to),
        ``cost``, ``tokens``.
        """
        steps = [{"mode": step} if isinstance(step, str) else step for step in steps]
        assert all(step.get("mode", "edit") in MODES for step in steps), steps
        (self.folder / "steps.json").write_text(json.dumps(steps))

    @property
    def calls(self):
        """What was asked: ``program``, ``arguments``, ``text`` (the instructions), ``folder``, ``files``, ``variables``, ``mode``."""
        file = self.folder / "calls.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def install(folder, *programs):
    """Put the stand-ins, or only some of them, into a folder and return them."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    source = (Path(__file__).parent / "program.py").read_text()
    for name in programs or PROGRAMS:
        program = folder / name
        program.write_text(f"#!{sys.executable} -IS\n{source}")
        program.chmod(0o755)
    standins = Standins(folder)
    standins.behave("edit")
    return standins


def first_in_path(folder):
    """Return a PATH in which a folder comes first."""
    return os.pathsep.join([str(folder), os.environ.get("PATH", os.defpath)])
