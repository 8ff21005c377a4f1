"""The process between a study and an agent's program: it starts the program, and ends it with all below it when the study ends.

Run as a script by `processes.run_program`, by its path, so it imports nothing of this package. The study may be killed at any
moment (kill -9, out of memory), and then nobody else is left to end the program, which costs money. The supervisor notices by the
socket between the two, which the system closes, and by its parent's process id, where a copy of the socket is open in a fork of
the study. A signal at the parent's death (PR_SET_PDEATHSIG) would not do for the study itself: it comes when the *thread* ends that
started the process.

On Linux, daemons that the program leaves behind become children of the supervisor (PR_SET_CHILD_SUBREAPER) and are ended too, and
the program dies with the supervisor. On other systems the program's process group is ended; a process that has left its session
(``setsid``) survives.
"""

from __future__ import annotations

import errno
import marshal
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

GRACE = 0.5
"""Seconds between SIGTERM and SIGKILL, and of the longest wait after SIGKILL."""

CHECK = 1.0
"""Seconds between two looks at the parent's process id."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE)


def main() -> None:
    """Start the program that the study orders, report how it ends, and end all that is left when the study says so or is gone."""
    parent, line = os.getppid(), os.dup(int(sys.argv[1]))  # the copy is not inherited
    os.close(int(sys.argv[1]))
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    adopts = _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    arguments, environment, folder, afterwards, its_environment = marshal.loads(_order(line))
    program = _start(line, arguments, environment, folder)
    with open(
        os.devnull, "r+b", buffering=0
    ) as nothing:  # else the pipes would not be at their end when the program closes them
        for stream in (0, 1, 2):
            os.dup2(nothing.fileno(), stream)
    poll = select.poll()
    poll.register(line, select.POLLIN)
    poll.register(wake, select.POLLIN)
    while os.getppid() == parent:
        if any(number == line for number, _ in poll.poll(CHECK * 1000)):
            break
        with suppress(BlockingIOError):
            os.read(wake, 1 << 12)
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == program:
                    _tell(line, f"ended {os.waitstatus_to_exitcode(ended[1])}")
    _end(program, adopts)
    if afterwards and not _dismissed(line):
        os.execve(afterwards[0], afterwards, its_environment)


def _dismissed(line: int) -> bool:
    """Whether the study has said that it needs nothing more, and is not gone."""
    os.set_blocking(line, False)
    try:
        return bool(os.read(line, 1))
    except OSError:
        return False


def _order(line: int) -> bytes:
    """Read the study's order to its end: its length in four bytes, then so many."""
    return _read(line, int.from_bytes(_read(line, 4), "big"))


def _read(line: int, count: int) -> bytes:
    """Read so many bytes and no more, as the study's last word may follow them."""
    data = b""
    while len(data) < count:
        more = os.read(line, count - len(data))
        if not more:
            sys.exit(0)  # the study is gone
        data += more
    return data


def _tell(line: int, message: str) -> None:
    with suppress(OSError):  # the study is gone, which the next look at the line shows
        os.write(line, f"{message}\n".encode())


def _start(line: int, arguments: list[bytes], environment: dict[bytes, bytes], folder: bytes) -> int:
    """Start the program in a session of its own and return its process id; a program that cannot be started ends the supervisor."""
    me = os.getpid()
    told, tells = os.pipe()  # closed by the exec: what comes out of it is an error's number
    pid = os.fork()  # this process has a single thread
    if not pid:
        try:
            os.setsid()
            for number in (*_IGNORED, signal.SIGCHLD, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != me:
                os._exit(1)
            os.chdir(folder)
            _tell(line, f"started {os.getpid()}")  # here, as the program may be the first to run, and kill its parent
            os.execve(arguments[0], arguments, environment)
        except (OSError, ValueError) as error:  # a null byte in an argument
            os.write(tells, str(getattr(error, "errno", errno.EINVAL)).encode())
        finally:
            os._exit(127)
    os.close(tells)
    failure = os.read(told, 16)
    os.close(told)
    if failure:
        _tell(line, f"failed {failure.decode()}")
        sys.exit(0)
    return pid


def _end(program: int, adopts: bool) -> None:
    """End the program's process group, and where this process adopts them, all that it has left behind; return when they are gone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + GRACE
        first = True
        while _left(program, adopts):
            if first or number == signal.SIGKILL:  # again, as one may have forked meanwhile
                _signal(program, number)
            first = False
            if time.monotonic() > until:
                break
            time.sleep(0.01)


def _left(program: int, adopts: bool) -> bool:
    """Reap what has ended, and return whether anything of the program still runs."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        if adopts:
            return False
    if adopts:
        return True
    try:
        os.killpg(program, 0)
    except OSError:  # none left; on macOS no permission for a group of zombies
        return False
    return True


def _signal(program: int, number: int) -> None:
    with suppress(OSError):
        os.killpg(program, number)
    for pid in _below(os.getpid()):
        with suppress(OSError):
            if os.getpgid(pid) != program:
                os.kill(pid, number)


def _below(pid: int) -> list[int]:
    """Return the ids of all processes below one, where the system lists them (Linux)."""
    found: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found + [below for child in found for below in _below(child)]


def _prctl(option: int, value: int) -> bool:
    """Call Linux's prctl(2); return whether it was done."""
    if sys.platform != "linux":
        return False
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def _run() -> NoReturn:
    main()
    os._exit(0)


if __name__ == "__main__":
    _run()
