"""Command-line programs as models: the prompt goes to standard input, the reply comes from standard output.

Unlike an experiment, the program runs with the user's own environment and working directory: programs such as ``claude -p``
or ``codex exec -`` need their keys, settings and login, and the user decides what they may do besides answering. Not here:
parsing the reply; ending a program that leaves its session (``setsid``).
"""

from __future__ import annotations

import os
import selectors
import shlex
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO

from ...errors import Stopped, UserError
from .backend import Backend, BackendFailed, BackendRefused, Completion, Prompt, Usage, Wait, as_text, without_secrets
from .calls import backoff
from .limit_texts import explain_ending

POLL = 0.2
"""Seconds between two checks whether the study was stopped."""

LONGEST = 300.0
"""Seconds of the longest wait for a limit where the program does not say when it is lifted."""

GRACE = 0.5
"""Seconds between SIGTERM and SIGKILL, and the time to read the last output of a program that has ended."""

OUTPUT_LIMIT = 4 * 2**20
"""Limit of a reply in bytes, far above any target: a program that writes more is ended."""

_BLOCK = 2**16
_STDERR_TAIL = 2**13


class CommandBackend(Backend):
    """A command-line program as a model.

    Parameters
    ----------
    line : str
        The command line, split as a shell would split it. No shell runs it, so it has no pipes and no variables.
    """

    def __init__(self, line: str) -> None:
        self.line = line.strip()

    @property
    def name(self) -> str:
        """``command:`` and the command line, shortened and without keys."""
        return f"command:{without_secrets(' '.join(self.line.split()))[:60]}"

    def check(self) -> None:
        """Check that the program exists; it is not run, as that could cost something."""
        self._arguments()

    def complete(self, prompt: Prompt, *, deadline: float, wait: Wait) -> Completion:
        """Run the program, again after each limit that it reports; see `Backend.complete`."""
        used, limits = Usage(), 0
        try:
            while True:
                ending = self._run(prompt, deadline, wait)
                used += ending.usage
                problem = explain_ending(
                    ending.program,
                    ending.code,
                    ending.output,
                    ending.errors,
                    as_text(prompt),
                    datetime.now().astimezone(),
                )
                if problem is None:
                    return ending.completion(used)
                if problem.kind == "refused":
                    raise BackendRefused(problem.line)
                limits += 1
                pause = backoff(limits, LONGEST) if problem.seconds is None else problem.seconds
                wait(pause, problem.line)
        except (UserError, Stopped) as error:
            error.usage = used + (error.usage or Usage())
            raise

    def _run(self, prompt: Prompt, deadline: float, wait: Wait) -> _Ending:
        """Run the program once, to its end."""
        arguments = self._arguments()
        start = time.monotonic()
        try:
            # In its own session, so that a kernel interrupt does not reach it and its whole group can be killed.
            process = subprocess.Popen(
                arguments, bufsize=0, start_new_session=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
        except OSError as error:  # no interpreter behind its #!, too little memory
            raise BackendRefused(f"{arguments[0]} cannot be started: {error.strerror or error}.") from None
        exchange = _Exchange(process, as_text(prompt).encode())
        try:
            failure = exchange.run(start + deadline, wait)
        except Stopped as stopped:
            stopped.usage = Usage(seconds=time.monotonic() - start, cost=None)
            raise
        finally:
            _end(process)
            exchange.close()
        unanswered = Usage(seconds=time.monotonic() - start, cost=None)
        program = Path(arguments[0]).name
        if failure == "deadline":
            raise BackendFailed(f"{program} gave no answer within {deadline:.4g} s and was ended.", unanswered)
        if failure == "output":
            raise BackendFailed(f"{program} wrote more than {OUTPUT_LIMIT // 2**20} MiB and was ended.", unanswered)
        output, errors = (part.decode(errors="replace") for part in (exchange.output, exchange.errors))
        return _Ending(program, exchange.code or 0, output, errors, unanswered)

    def _arguments(self) -> list[str]:
        """Split the line and find its program; raise `BackendRefused`."""
        try:
            # Path's own expanduser would remove the "./" that marks a program in the current folder.
            arguments = [os.path.expanduser(word) for word in shlex.split(self.line)]  # noqa: PTH111
        except ValueError as error:
            raise BackendRefused(f"The command line cannot be read ({error}): {self.name}") from None
        if not arguments:
            raise BackendRefused("No command was given: use --agent 'command:COMMAND LINE', as in 'command:claude -p'.")
        found = shutil.which(arguments[0])
        if found is None:
            if Path(arguments[0]).is_file():
                raise BackendRefused(f"{arguments[0]} is not executable: run chmod +x {shlex.quote(arguments[0])}")
            raise BackendRefused(f"There is no command {arguments[0]!r}: install it, or give its full path.")
        return [found, *arguments[1:]]


@dataclass(frozen=True)
class _Ending:
    """How a program ended: its exit code, what it printed, and its usage without an answer."""

    program: str
    code: int
    output: str
    errors: str
    usage: Usage

    def completion(self, used: Usage) -> Completion:
        """Return the answer; raise `BackendFailed` where there is none."""
        if self.code:
            message = _last_line(self.errors) or _last_line(self.output)
            raise BackendFailed(
                f"{self.program} ended with {_code(self.code)}{': ' + message if message else ''}", used
            )
        used = replace(used, calls=1)
        if not self.output.strip():
            message = _last_line(self.errors)
            raise BackendFailed(f"{self.program} gave an empty answer{': ' + message if message else '.'}", used)
        return Completion(self.output, used)


class _Exchange:
    """Writes to and reads from one process in a single thread, so that a full pipe blocks neither side.

    Attributes
    ----------
    output, errors : bytearray
        Its standard output, and the end of its standard error.
    code : int or None
        Its exit code; None unless it ended by itself.
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
        """Write and read until the process ends; return "", or the limit it exceeded: ``deadline`` or ``output``."""
        polled = 0.0
        while True:
            self._step(0.02 if self.code is not None or not self._selector.get_map() else POLL / 2)
            now = time.monotonic()
            if len(self.output) > OUTPUT_LIMIT:
                return "output"
            if self.code is None and (code := self._process.poll()) is not None:
                # Read what is left in the pipes, for a limited time only: a grandchild may hold them open.
                self.code, end = code, now + GRACE
            if self.code is not None and (not self._reading or now > end):
                return ""
            if now > end:
                return "deadline"
            if now - polled >= POLL:
                polled = now
                wait(0.0, "")

    def close(self) -> None:
        """Close this side of the pipes."""
        self._selector.close()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            with suppress(OSError):  # unwritten input is dropped
                stream.close()

    @property
    def _reading(self) -> bool:
        return any(key.events == selectors.EVENT_READ for key in self._selector.get_map().values())

    def _step(self, seconds: float) -> None:
        """Wait up to so many seconds until a pipe is ready, and write or read."""
        if not self._selector.get_map():
            time.sleep(seconds)  # the process has closed its pipes and still runs
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
            except OSError:  # the process reads no further, which is not an error
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
    """End a process and its whole group.

    The group has the process's number, which is not reused while the group has members, so it is safe to use after the
    process itself has ended.
    """
    end = time.monotonic() + GRACE
    alive = _signal(process, signal.SIGTERM)
    while alive and time.monotonic() < end:
        time.sleep(0.01)
        process.poll()  # reap it, else it would count as a member
        alive = _signal(process, 0)
    if alive:
        _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> bool:
    """Send a signal to a process's group; return whether the group has members."""
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
    """Return the last line that is not blank, shortened and without keys."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    return without_secrets(lines[-1])[:300] if lines else ""
