"""An editing agent's program in walls: it writes to its folder and its own state, and reads no keys of others, no studies, no checkout.

The program is started through this module in a process of its own, which enters the walls and becomes the program. Of the layers of
`runners.walls` it gets one for files: mounts of its own, else Landlock. Not those that would keep it from its vendor (network) or from
making a sandbox of its own for the commands that it runs, as Codex and Claude Code do: namespaces and system calls stay free inside.

With mounts, `/tmp` is empty and ends with the program; `/run` is closed, so a login that only the desktop's keyring holds is not found.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from ..runners.walls.wanted import Walls

_MACHINE_PROC = (
    ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus")
    if hasattr(os, "geteuid") and os.geteuid() == 0
    else ()
)
"""What of ``/proc``, which has to be writable for the maps of a sandbox's user namespace, stays read-only: only root could write it, and
for a user, a mount on a part of it would keep a sandbox from mounting its own."""

STATE = 126
"""Exit status where the walls could not be entered."""


@dataclass(frozen=True)
class AgentWalls:
    """What the program of an agent may reach.

    Attributes
    ----------
    sandbox : {"auto", "strict", "off"}
        As for experiments.
    state : tuple of str
        Its own files and folders in home, such as ``.codex``, which it may write.
    read, write : tuple of str
        What the user allows in addition (``--allow-read``, ``--allow-write``), and what it needs.
    hidden : tuple of str
        What it may not read, although what is above may be read.
    """

    sandbox: str = "auto"
    state: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    def layer(self) -> str:
        """Return the layer that is used here; empty for none."""
        from ..runners.walls.probing import probe

        if self.sandbox == "off":
            return ""
        found = probe()
        return next((layer for layer in ("namespaces", "landlock") if not found.get(layer, "-")), "")

    def around(self, arguments: Sequence[str], own: Sequence[str], variables: Mapping[str, str]) -> list[str]:
        """Return the command that runs a program in these walls; the program's own where there are none.

        Parameters
        ----------
        arguments : sequence of str
            The program, by its absolute path, and its arguments.
        own : sequence of str
            Folders that it may write; the first is its working folder.
        variables : mapping
            Its environment.
        """
        layer = self.layer()
        if not layer:
            return list(arguments)
        spec = {**asdict(self), "layer": layer, "own": list(own), "read": [*self.read, *needed(arguments, variables)]}
        code = (
            f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r}); from {__name__} import main; main()"
        )
        return [sys.executable, "-I", "-c", code, json.dumps(spec), *arguments]


def needed(arguments: Sequence[str], variables: Mapping[str, str]) -> list[str]:
    """Return what of the closed places a program has to read: itself, the packages that it is part of, and what its arguments name."""
    found: list[str] = []
    for word in [arguments[0], *arguments[1:]]:
        path = word.partition("=")[2] if word.startswith("-") else word
        if path.startswith("/") and "\n" not in path and len(path) < 4096 and os.path.lexists(path):
            found += [path, os.path.realpath(path)]
    for program in [arguments[0], *_interpreter(arguments[0], variables)]:
        real = Path(os.path.realpath(program))
        found += [
            str(real),
            *(str(above.parent) for above in real.parents if above.name in ("node_modules", "bin", "site-packages")),
        ]
    homes = {str(Path.home()), os.path.realpath(Path.home()), "/", "/tmp", "/var/tmp", "/home", "/root"}
    found += [path for path in variables.get("PATH", "").split(os.pathsep) if path.startswith("/")]
    found.append(os.path.realpath("/etc/resolv.conf"))
    return [path for path in dict.fromkeys(found) if path not in homes and os.path.lexists(path)]


def _interpreter(program: str, variables: Mapping[str, str]) -> list[str]:
    """Return the program that runs a script, by its first line."""
    try:
        with open(program, "rb") as file:
            first = file.readline(500)
    except OSError:
        return []
    if not first.startswith(b"#!"):
        return []
    words = first[2:].decode(errors="replace").split()
    if words and Path(words[0]).name == "env":
        words = [
            found
            for word in words[1:]
            if not word.startswith("-") and (found := shutil.which(word, path=variables.get("PATH")))
        ]
    return words[:1]


def enter(spec: Mapping[str, object]) -> None:
    """Confine this process, for ever.

    Raises
    ------
    OSError
    """
    from ..runners.walls import capabilities
    from ..runners.walls.enclosure import Enclosure

    home = Path.home()
    state = [str(home / each) for each in _strings(spec["state"]) if (home / each).exists()]
    walls = Walls(
        str(spec["sandbox"]), "on", (*_strings(spec["read"]), *_MACHINE_PROC), (*_strings(spec["write"]), *state, "/proc"), tuple(_strings(spec["hidden"])),
        layers=(str(spec["layer"]),),
    )  # fmt: skip
    own = list(_strings(spec["own"]))
    enclosure = Enclosure(walls, forks=False, tools=True)
    if str(spec["layer"]) not in enclosure.layers:
        raise OSError(0, enclosure.missing.get(str(spec["layer"]), "the layer does not work"))
    enclosure.kept = (*capabilities.KEPT, capabilities.SETFCAP)  # for a sandbox of its own
    enclosure.prepare()
    enclosure.enter(own[0], writable=own[1:])


def _strings(value: object) -> Iterable[str]:
    return [str(each) for each in value] if isinstance(value, list | tuple) else []


def main() -> NoReturn:
    """Enter the walls that the first argument describes, and become the program of the others."""
    spec, arguments = json.loads(sys.argv[1]), sys.argv[2:]
    try:
        enter(spec)
        os.execve(arguments[0], arguments, os.environ)
    except OSError as error:
        sys.stderr.write(
            f"The walls round {Path(arguments[0]).name} could not be made ({error.strerror or error}): --sandbox off starts it without.\n"
        )
    os._exit(STATE)
