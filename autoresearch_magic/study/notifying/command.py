"""Run a command for a message: the figures are in its environment, and no value is ever part of its text."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress

from ...agents.command_keys import moved
from ...agents.environment import agent_environment
from ...errors import UserError
from ...keys.redact import cleaned
from ...runners.shell import find_shell
from ...text import shorten
from .address import Address
from .message import Figure, Message

TIMEOUT = 30.0
"""Seconds after which the command is ended, with all that it has started."""

LONGEST = 4_000
"""Characters of a variable."""

PREFIX = "AUTORESEARCH_"


def variables(message: Message) -> dict[str, str]:
    """Return the figures of a message as environment variables; what there is none of is empty."""
    return {f"{PREFIX}{name.upper()}": _text(value) for name, value in message.figures.items()}


def _text(value: Figure) -> str:
    text = "" if value is None else repr(value) if isinstance(value, float) else str(value)
    return text.replace("\0", "")[:LONGEST].encode("utf-8", "replace").decode()


def run(address: Address, message: Message, *, environment: Mapping[str, str] | None = None) -> None:
    """Run the command.

    Raises
    ------
    UserError
        When it cannot be run, fails, or takes too long.
    """
    known = os.environ if environment is None else environment
    env = agent_environment(extra=address.variables, source=known) | variables(message)
    shell = find_shell(env.get("PATH"))
    arguments, env = moved([shell.path, "-c", address.text], env)
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                arguments, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        except OSError as error:
            raise UserError(f"it cannot be started: {error}") from None
        try:
            code = process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            raise UserError(f"it was ended after {TIMEOUT:.0f} s") from None
        finally:
            with suppress(OSError):  # also what it has left in the background, which would outlive every study
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if code:
            output.seek(0, os.SEEK_END)
            output.seek(max(0, output.tell() - 2_000))
            said = output.read().decode("utf-8", "replace").strip().splitlines()
            raise UserError(f"it ended with exit code {code}{f': {shorten(cleaned(said[-1]), 200)}' if said else ''}")
