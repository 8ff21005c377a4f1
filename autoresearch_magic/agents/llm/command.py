"""Any command-line program as a model: the prompt on its standard input, the reply on its standard output.

The program runs with the user's own environment and working directory, unlike an experiment: programs such as
``claude -p`` or ``codex exec -`` need their keys, their settings and their login. It is also the user's choice what
such a program may do besides answering. Not here: what the reply means; a program that leaves its session
(``setsid``), which outlives us.
"""

from __future__ import annotations

import os
import re
import selectors
import shlex
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from .backend import Backend, BackendFailed, BackendRefused, Completion, Prompt, Usage, Wait, as_text

POLL = 0.2
"""Seconds between two looks at whether the study was stopped."""

GRACE = 0.5
"""Seconds between SIGTERM and SIGKILL, and for the last output of a program that has ended."""

OUTPUT_LIMIT = 4 * 2**20
"""Bytes of a reply; no cell is that long, so a program that writes more has gone astray."""

_BLOCK = 2**16
_STDERR_TAIL = 2**13
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH", re.IGNORECASE)


class CommandBackend(Backend):
    """A command-line agent.

    Parameters
    ----------
    line : str
        The command line, split as a shell would; no shell runs it, so there are no pipes and no variables.
    """

    def __init__(self, line: str) -> None:
        self.line = line.strip()

    @property
    def name(self) -> str:
        """``command:`` and the line, cut and without keys."""
        return f"command:{_without_secrets(' '.join(self.line.split()))[:60]}"

    def check(self) -> None:
        """See that there is such a program; it is not run, for that could cost something already."""
        self._arguments()

    def complete(self, prompt: Prompt, *, deadline: float, wait: Wait) -> Completion:
        """Run the program once; see `Backend.complete`."""
        arguments = self._arguments()
        start = time.monotonic()
        try:
            # A session of its own: an interrupt of the kernel does not reach it, and its whole group can be killed.
            process = subprocess.Popen(
                arguments, bufsize=0, start_new_session=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
        except OSError as error:  # no interpreter behind its #!, too little memory
            raise BackendRefused(f"{arguments[0]} cannot be started: {error.strerror or error}.") from None
        talk = _Talk(process, as_text(prompt).encode())
        try:
            failure = talk.run(start + deadline, wait)
        finally:
            _end(process)
            talk.close()
        seconds = time.monotonic() - start
        usage = Usage(calls=1, seconds=seconds, cost=None)
        unanswered = Usage(seconds=seconds, cost=None)
        program = Path(arguments[0]).name
        if failure == "deadline":
            raise BackendFailed(f"{program} had no answer after {deadline:.4g} s and was ended.", unanswered)
        if failure == "output":
            raise BackendFailed(f"{program} wrote more than {OUTPUT_LIMIT // 2**20} MiB and was ended.", unanswered)
        text = talk.output.decode(errors="replace")
        if code := talk.code:
            said = _last_line(talk.errors.decode(errors="replace")) or _last_line(text)
            raise BackendFailed(f"{program} ended with {_code(code)}{': ' + said if said else ''}", unanswered)
        if not text.strip():
            said = _last_line(talk.errors.decode(errors="replace"))
            raise BackendFailed(f"{program} answered nothing{': ' + said if said else '.'}", usage)
        return Completion(text, usage)

    def _arguments(self) -> list[str]:
        """Split the line and find its program; raise `BackendRefused`."""
        try:
            # Not Path's own, which would take the "./" away that makes a program one of this folder.
            arguments = [os.path.expanduser(word) for word in shlex.split(self.line)]  # noqa: PTH111
        except ValueError as error:
            raise BackendRefused(f"The command line cannot be read ({error}): {self.name}") from None
        if not arguments:
            raise BackendRefused("No command was given: use --agent 'command:COMMAND LINE', as in 'command:claude -p'.")
        found = shutil.which(arguments[0])
        if found is None:
            if Path(arguments[0]).is_file():
                raise BackendRefused(f"{arguments[0]} is not executable: run chmod +x {shlex.quote(arguments[0])}")
            raise BackendRefused(f"There is no command {arguments[0]!r}: install it, or give its whole path.")
        return [found, *arguments[1:]]


class _Talk:
    """Both sides of the conversation with one process, in one thread: a full pipe can block neither.

    Attributes
    ----------
    output, errors : bytearray
        What it wrote; of standard error the end.
    code : int or None
        What it ended with, when it ended by itself.
    """

    def __init__(self, process: subprocess.Popen[bytes], text: bytes) -> None:
        self.output, self.errors = bytearray(), bytearray()
        self.code: int | None = None
        self._process = process
        self._left = memoryview(text)
        self._selector = selectors.DefaultSelector()
        for stream, event in (
            (process.stdin, selectors.EVENT_WRITE),
            (process.stdout, selectors.EVENT_READ),
            (process.stderr, selectors.EVENT_READ),
        ):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, event)

    def run(self, end: float, wait: Wait) -> str:
        """Talk until it has ended; return "", or what was wrong: ``deadline`` or ``output``."""
        looked = 0.0
        while True:
            self._step(0.02 if self.code is not None or not self._selector.get_map() else POLL / 2)
            now = time.monotonic()
            if len(self.output) > OUTPUT_LIMIT:
                return "output"
            if self.code is None and (code := self._process.poll()) is not None:
                # What it left in the pipes is still read. A grandchild can hold them open for ever, so not for long.
                self.code, end = code, now + GRACE
            if self.code is not None and (not self._reading or now > end):
                return ""
            if now > end:
                return "deadline"
            if now - looked >= POLL:
                looked = now
                wait(0.0, "")

    def close(self) -> None:
        """Close our ends."""
        self._selector.close()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            with suppress(OSError):  # what was not yet written is lost, as meant
                stream.close()

    @property
    def _reading(self) -> bool:
        return any(key.events == selectors.EVENT_READ for key in self._selector.get_map().values())

    def _step(self, seconds: float) -> None:
        """Wait so long for the process to say or take something, and give or take it."""
        if not self._selector.get_map():
            time.sleep(seconds)  # it has closed its pipes and still runs
        for key, _ in self._selector.select(seconds):
            stream: IO[bytes] = key.fileobj  # type: ignore[assignment]
            try:
                if stream is self._process.stdin:
                    self._left = self._left[os.write(key.fd, self._left[:_BLOCK]) :]
                    if not self._left:
                        self._drop(stream)
                elif data := os.read(key.fd, _BLOCK):
                    self._keep(stream, data)
                else:
                    self._drop(stream)
            except BlockingIOError:
                continue
            except OSError:  # it reads no further: its own affair
                self._drop(stream)

    def _keep(self, stream: IO[bytes], data: bytes) -> None:
        if stream is self._process.stdout:
            self.output += data
        else:
            self.errors += data
            del self.errors[:-_STDERR_TAIL]

    def _drop(self, stream: IO[bytes]) -> None:
        self._selector.unregister(stream)
        with suppress(OSError):
            stream.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all of its group.

    The group's number is the process's own; it is not given to others as long as the group has members, so it is safe
    to use after the process itself has ended.
    """
    end = time.monotonic() + GRACE
    alive = _signal(process, signal.SIGTERM)
    while alive and time.monotonic() < end:
        time.sleep(0.01)
        process.poll()  # reaped, or it would count as a member
        alive = _signal(process, 0)
    if alive:
        _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> bool:
    """Send a signal to a group; return whether there was anybody to receive it."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):  # macOS: no permission for a group of zombies
        return False
    return True


def _code(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _last_line(text: str) -> str:
    """Return the last line that says something, short and without keys."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    return _without_secrets(lines[-1])[:300] if lines else ""


def _without_secrets(text: str) -> str:
    """Blot out the values of environment variables that look like keys: error lines end up in journals."""
    for name, value in os.environ.items():
        if len(value) >= 8 and _SECRET.search(name):
            text = text.replace(value, "...")
    return text
