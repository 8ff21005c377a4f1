"""The layer of macOS: its own sandbox, entered by the experiment's process itself through ``sandbox_init`` (what sandbox-exec calls).

The worker stays outside, as on Linux. The profile is a program in the system's own language: a later rule wins over an earlier one, so
what is closed follows what is open, from outer folders to inner ones. It was not run on macOS: the text and the call are tested.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from typing import Any

from .places import Access, Step

LIBRARY = "/usr/lib/libSystem.B.dylib"
_HEAD = """(version 1)
(allow default)
(deny process-info* (target others))
(deny signal (target others))
(allow signal (target same-sandbox))
(deny mach-task-name) (deny mach-priv-task-port)
(deny system-socket) (allow system-socket (require-all (socket-domain AF_UNIX)))
(deny file-write*)
"""
_TERMINALS = '(regex #"^/dev/ttys[0-9]+$")'
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx")


def profile(steps: Sequence[Step], own: Iterable[str], *, network: str) -> str:
    """Return the profile of an experiment.

    Parameters
    ----------
    steps : sequence of Step
        Where access changes, outer places first.
    own : iterable of str
        Folders that it may write to.
    network : {"off", "loopback", "on"}
        Here the machine's loopback can be told from other networks, and a private one cannot be had: with ``off`` there is none.
    """
    lines = [_HEAD.rstrip(), f"(allow file-write* {_any(_DEVICES, kind='literal')} {_TERMINALS})"]
    for step in sorted(steps, key=lambda each: each.path.count("/")):
        if step.access is Access.NONE:
            lines.append(f"(deny file-read* file-write* {_any([step.path])})")
            # Programs ask for the properties of each folder on the way to a file.
            lines.append(f"(allow file-read-metadata (literal {_quoted(step.path)}))")
        elif step.access is Access.READ:
            lines.append(f"(allow file-read* {_any([step.path])})")
        else:
            lines.append(f"(allow file-read* file-write* {_any([step.path])})")
    lines.append(f"(allow file-read* file-write* {_any([*own])})")
    if network == "off":
        lines.append("(deny network*)")
        lines.append("(allow network* (remote unix-socket) (local unix-socket))")
    elif network == "loopback":
        lines.append("(deny network*)")
        lines.append(
            '(allow network* (remote ip "localhost:*") (local ip "localhost:*") (remote unix-socket) (local unix-socket))'
        )
    else:
        lines.append("(allow system-socket)")
    return "\n".join(lines) + "\n"


def enforce(text: str, library: str = LIBRARY) -> None:
    """Confine this process to a profile, for ever.

    Raises
    ------
    OSError
        With what the system says of the profile.
    """
    system: Any = ctypes.CDLL(library)
    error = ctypes.c_char_p()
    system.sandbox_init.argtypes = [ctypes.c_char_p, ctypes.c_uint64, ctypes.POINTER(ctypes.c_char_p)]
    system.sandbox_init.restype = ctypes.c_int
    if system.sandbox_init(text.encode(), 0, ctypes.byref(error)) != 0:
        raise OSError(0, (error.value or b"sandbox_init has failed").decode("utf-8", "replace"))


def _any(paths: Sequence[str], kind: str = "subpath") -> str:
    return " ".join(f"({kind} {_quoted(path)})" for path in paths)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
