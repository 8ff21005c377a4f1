"""Running an agent's program: in a folder of its own, with a deadline, a limit of output, and an end that leaves nothing running.

Between the study and the program stands a small process (`supervisor`), which ends the program when the study is killed. A program
has its own session, so that a kernel interrupt does not reach it and its whole process group can be ended.

Not here: which environment variables it gets (`environment`), and what its output means.
"""

from __future__ import annotations

import marshal
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from ..errors import Stopped, UserError
from ..experiment import Usage
from ..keys.redact import cleaned
from . import supervisor
from .command_keys import moved
from .llm.backend import BackendRefused, Wait
from .supervisor import GRACE

POLL = 0.2
"""Seconds between two checks whether the study was stopped."""

OUTPUT_LIMIT = 4 * 2**20
"""Limit of standard output in bytes, far above any reply: a program that writes more is ended."""

ERRORS_KEPT = 2**13
"""Bytes of standard error that are kept, the last ones."""

_BLOCK = 2**16
_PYTHON_NEEDS = (
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "LANG",
    "LC_ALL",
    "TMPDIR",
)

Cut = Literal["", "deadline", "output"]


@dataclass(frozen=True)
class Ending:
    """How a program ended.

    Attributes
    ----------
    program : str
        Its name, for messages.
    code : int
        Its exit code; minus the number of the signal that ended it. Says nothing where the program was cut.
    output, errors : str
        Its standard output, and the end of its standard error; bytes that are not UTF-8 are replaced.
    seconds : float
        From its start to its end.
    cut : {"", "deadline", "output"}
        The limit at which it was ended: the time, or the bytes of output; empty for a program that ended by itself.
    """

    program: str
    code: int
    output: str
    errors: str
    seconds: float
    cut: Cut = ""


def run_program(
    arguments: Sequence[str], *, text: str, folder: Path, env: Mapping[str, str], deadline: float, wait: Wait,
    most_output: int = OUTPUT_LIMIT, afterwards: Sequence[str] = (), name: str = "",
) -> Ending:  # fmt: skip
    """Run a program to its end, or to a limit; when this returns or raises, nothing that it started runs any more.

    Parameters
    ----------
    arguments : sequence of str
        The program, as an absolute path, and its arguments.
    text : str
        Its standard input. A program need not read it.
    folder : Path
        Its working directory.
    env : mapping
        Its environment; ``PWD`` is set to the folder, and git looks for no repository above the folder.
    deadline : float
        Seconds after which it is ended.
    wait : callable
        Called about five times a second, to notice that the study was stopped.
    most_output : int
        Bytes of standard output at which it is ended.
    afterwards : sequence of str
        A command, with an absolute path, that is run once the program is ended where this process was killed meanwhile; empty for none.

    name : str
        What it is called in messages; by default the program's own name.

    Raises
    ------
    BackendRefused
        When it cannot be started.
    Stopped
        From `wait`, with what was used so far.
    """
    program = name or Path(arguments[0]).name
    arguments, env = moved(arguments, env)
    folder = folder.absolute()
    start = time.monotonic()
    process, line = _supervisor(arguments[0])
    exchange = _Exchange(process, line, text.encode("utf-8", "replace"), most_output)
    try:
        _order(line, arguments, _in_folder(env, folder), folder, afterwards)
        cut = exchange.run(start + deadline, wait)
    except (Stopped, UserError) as error:
        error.usage = error.usage or Usage(seconds=time.monotonic() - start, cost=None)
        raise
    finally:
        _end(process, line, exchange)
        exchange.close()
    if exchange.failure is not None:
        raise BackendRefused(f"{arguments[0]} cannot be started: {exchange.failure}.")
    code = -signal.SIGKILL if exchange.code is None else exchange.code
    output, errors = (part.decode(errors="replace") for part in (exchange.output, exchange.errors))
    return Ending(program, code, output, errors, time.monotonic() - start, cut)


def code_words(code: int) -> str:
    """Return an exit code in words: ``exit code 2`` or ``SIGKILL``."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def last_line(text: str) -> str:
    """Return the last line of a text that is not blank, shortened and without keys."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    return cleaned(lines[-1])[:300] if lines else ""


def _supervisor(program: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a supervisor, which waits for its order."""
    ours, theirs = socket.socketpair()
    own = {name: os.environ[name] for name in _PYTHON_NEEDS if name in os.environ}
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(supervisor.__file__)), str(theirs.fileno())],
            bufsize=0, start_new_session=True, pass_fds=(theirs.fileno(),), env=own, cwd="/",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:  # too little memory
        ours.close()
        raise BackendRefused(f"{program} cannot be started: {error.strerror or error}.") from None
    finally:
        theirs.close()
    return process, ours


def _order(
    line: socket.socket, arguments: Sequence[str], env: Mapping[str, str], folder: Path, afterwards: Sequence[str]
) -> None:
    """Tell the supervisor what to start: by the socket, so that the environment is in no other process's listing."""
    data = marshal.dumps((
        [os.fsencode(word) for word in arguments], _encoded(env), os.fsencode(folder),
        [os.fsencode(word) for word in afterwards], _encoded(os.environ if afterwards else {}),
    ))  # fmt: skip
    with suppress(OSError):  # it has died, which the exchange notices
        line.sendall(len(data).to_bytes(4, "big") + data)


def _encoded(env: Mapping[str, str]) -> dict[bytes, bytes]:
    return {os.fsencode(name): os.fsencode(value) for name, value in env.items()}


def _in_folder(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the environment of a program that works in a folder."""
    variables = {name: value for name, value in env.items() if name != "OLDPWD"}
    # A temporary folder may be inside of a repository: the program's git is to find none there.
    ceilings = [str(folder.parent), *filter(None, [variables.get("GIT_CEILING_DIRECTORIES", "")])]
    return variables | {"PWD": str(folder), "GIT_CEILING_DIRECTORIES": os.pathsep.join(ceilings)}


class _Exchange:
    """Writes to and reads from one program in a single thread, so that a full pipe blocks neither side.

    Attributes
    ----------
    output, errors : bytearray
        Its standard output, and the end of its standard error.
    pid : int or None
        Its process id and that of its group; None before it has started.
    code : int or None
        Its exit code; None while it runs, and where the supervisor was killed.
    failure : str or None
        Why it could not be started.
    lost : bool
        Whether the supervisor has ended before its time.
    """

    def __init__(self, process: subprocess.Popen[bytes], line: socket.socket, text: bytes, most_output: int) -> None:
        self.output, self.errors = bytearray(), bytearray()
        self.pid: int | None = None
        self.code: int | None = None
        self.failure: str | None = None
        self.lost = False
        self._process, self._line, self._most = process, line, most_output
        self._left = memoryview(text)
        self._told = b""
        self._selector = selectors.DefaultSelector()
        for stream, event in (
            (process.stdin, selectors.EVENT_WRITE),
            (process.stdout, selectors.EVENT_READ),
            (process.stderr, selectors.EVENT_READ),
        ):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, event)
        self._selector.register(line, selectors.EVENT_READ)

    def run(self, end: float, wait: Wait) -> Cut:
        """Write and read until the program ends; return "", or the limit it exceeded: ``deadline`` or ``output``."""
        polled, over = 0.0, False
        while True:
            self._step(POLL / 10 if over else POLL / 2)
            now = time.monotonic()
            if len(self.output) > self._most:
                return "output"
            if not over and (self.code is not None or self.failure is not None or self.lost):
                # Read what is left in the pipes, for a limited time only: a grandchild may hold them open.
                over, end = True, now + GRACE
            if over and (not self._reading or now > end):
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

    def _listen(self) -> None:
        """Read what the supervisor tells."""
        try:
            data = self._line.recv(1 << 12)
        except OSError:
            data = b""
        if not data:
            self.lost = True
            with suppress(KeyError, ValueError):
                self._selector.unregister(self._line)
        *messages, self._told = (self._told + data).split(b"\n")
        for message in messages:
            what, number = message.split()
            if what == b"started":
                self.pid = int(number)
            elif what == b"ended":
                self.code = int(number)
            else:
                self.failure = os.strerror(int(number))

    @property
    def _reading(self) -> bool:
        streams = (self._process.stdout, self._process.stderr)
        return any(key.fileobj in streams for key in self._selector.get_map().values())

    def _step(self, seconds: float) -> None:
        """Wait up to so many seconds until a pipe is ready, and write or read."""
        if not self._selector.get_map():
            time.sleep(seconds)
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._line:
                self._listen()
                continue
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
            except OSError:  # the program reads no further, which is not an error
                self._drop(stream)

    def _keep(self, stream: IO[bytes], data: bytes) -> None:
        if stream is self._process.stdout:
            self.output += data
        else:
            self.errors += data
            del self.errors[:-ERRORS_KEPT]

    def _drop(self, stream: IO[bytes]) -> None:
        self._selector.unregister(stream)
        with suppress(OSError):
            stream.close()


def _end(process: subprocess.Popen[bytes], line: socket.socket, exchange: _Exchange) -> None:
    """Let the supervisor end the program and all below it; where the supervisor was killed, end the program's group here."""
    with suppress(OSError):
        line.send(b".")  # this process is not gone
        line.shutdown(socket.SHUT_WR)
    died = exchange.lost and exchange.failure is None
    try:
        process.wait(0.1 if died else 2 * GRACE + 2)
    except subprocess.TimeoutExpired:  # stopped by a signal
        died = True
        process.kill()
        process.wait()
    line.close()
    if died and exchange.pid is not None:
        _end_group(exchange.pid)


def _end_group(pid: int) -> None:
    """End the process group of a program whose supervisor has just died."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        end = time.monotonic() + GRACE
        try:
            os.killpg(pid, number)
            while time.monotonic() < end:
                time.sleep(0.01)
                os.killpg(pid, 0)
        except (ProcessLookupError, PermissionError):  # macOS: no permission for a group of zombies
            return
