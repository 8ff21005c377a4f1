"""The programs that verify and guard commands find: which Python and which packages, as the user's own shell would.

The PATH is the user's. A repository's own environment comes before it: ``.venv`` or ``venv``, which git ignores, so a worktree lacks it,
is linked there; for ``node_modules`` see that module. The Python that runs this package comes last, for where there is no other.

An environment in which the repository is installed in editable form would import the code from the user's checkout, so that no
experiment changed anything: PYTHONPATH puts the worktree's folders before it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..text import shorten
from . import node_modules
from .safety.policy import innermost
from .safety.shell_parser import parse_command
from .shell import Shell, find_shell

VENVS = (".venv", "venv")
PROBE_SECONDS = 15.0
"""How long Python may take to start and say where it looks for modules."""
_MANAGERS = {"uv", "poetry", "pdm", "hatch", "pipenv", "pixi", "rye"}
_UPDATING = ("uv", "rye")
"""Of these, programs that bring the repository's ``.venv`` up to date whenever they run: a linked one would no longer be the user's."""
_INSTALLERS = {
    **dict.fromkeys(("pip", "pip3", "conda", "mamba"), frozenset({"install", "uninstall"})),
    **dict.fromkeys(("poetry", "pipenv", "pdm"), frozenset({"install", "sync", "add", "update", "remove", "lock"})),
}
_NODE_INSTALLERS = {
    "npm": frozenset({"ci", "install", "i", "add", "update", "uninstall", "prune", "dedupe", "clean-install"}),
    **dict.fromkeys(("yarn", "pnpm", "bun"), frozenset({"", "install", "i", "add", "update", "up", "remove", "prune"})),
}
_PYTHON = re.compile(r"python[\d.]*")
_MISSING = re.compile(
    r"(?:ModuleNotFoundError|ImportError): No module named '?([\w.]+)|: No module named ([\w.]+)\s*$", re.MULTILINE
)
_PROBE = """
import json, sys
maps = [m.MAPPING for n, m in list(sys.modules.items()) if n.startswith("__editable__") and hasattr(m, "MAPPING")]
print(json.dumps([sys.executable, sys.version.split()[0], sys.path[1:], [p for m in maps for p in m.values()]]))
"""


@dataclass(frozen=True)
class Tools:
    """What the commands of one study run with.

    Attributes
    ----------
    shell : Shell
    environment : mapping
        Their environment variables.
    python : str
        The interpreter that ``python`` (or else ``python3``) is; empty when there is none.
    version : str
        Its version; empty when it does not start.
    linked : tuple of str
        Ignored folders of the checkout that are linked into the worktree because commands need them.
    mirrored : tuple of str
        Its ``node_modules`` folders, whose packages are linked one by one.
    notes : tuple of str
        Lines for the user, each a sentence: the interpreter, what is linked, what is not and why.
    """

    shell: Shell
    environment: Mapping[str, str]
    python: str = ""
    version: str = ""
    linked: tuple[str, ...] = ()
    mirrored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def describe(self) -> list[str]:
        """Return shell and interpreter, and the notes, as lines."""
        shell = f"bash ({self.shell.path})" if self.shell.bash else f"{self.shell.path} (there is no bash)"
        python = f"{self.python} ({self.version or 'it does not start'})" if self.python else "none is found"
        return [f"Shell: {shell}; python: {python}.", *self.notes]


def find_tools(
    checkout: Path, worktree: Path, tracked: Iterable[str], commands: Sequence[str], environment: Mapping[str, str],
    linked: Sequence[str] = (), ignored: Iterable[str] = (),
) -> Tools:  # fmt: skip
    """Find out which shell, Python and packages the commands of a study run with.

    Parameters
    ----------
    checkout, worktree : Path
        The user's repository, and the folder where the commands run, which need not exist yet.
    tracked : iterable of str
        Files that git tracks.
    commands : sequence of str
        Verify and guard.
    environment : mapping
        See `environment.experiment_environment`.
    linked : sequence of str
        What the user has linked (``--link``).
    ignored : iterable of str
        Ignored folders of the checkout.
    """
    links: list[str] = []
    notes: list[str] = []
    folders = {path.partition("/")[0] for path in tracked}
    own = {name.removeprefix("./").rstrip("/") for name in linked}
    env = {**environment, "PYTHONDONTWRITEBYTECODE": "1"}
    path = [each for each in (environment.get("PATH") or os.defpath).split(os.pathsep) if each]
    words = [each for command in commands for each in _calls(command)]
    for name in VENVS:
        if name in folders or not os.access(checkout / name / "bin" / "python", os.X_OK):
            continue
        manager = next((each for each in _UPDATING if any(each == call[0] for call in words)), "")
        if name not in own and (manager or (installer := _installer(words, _INSTALLERS))):
            why = f"{manager} makes an environment of its own in the worktree" if manager else (
                f"the command installs packages ({installer}). Take that out, or make an environment in the command"
            )  # fmt: skip
            notes.append(f"{name} is not linked: {why}.")
            break
        if name not in own:
            links.append(name)
        path.insert(0, str(worktree / name / "bin"))
        env["VIRTUAL_ENV"] = str(worktree / name)
        env["UV_PROJECT_ENVIRONMENT"] = str(
            worktree / ".uv-environment"
        )  # a `uv run` in a Makefile must not change the user's
        env.pop("PYTHONHOME", None)
        break
    there = [node_modules.NAME] if (checkout / node_modules.NAME).is_dir() and node_modules.NAME not in folders else []
    if running := next((call[0] for call in words if call[0] in _MANAGERS and call[1:2] == ("run",)), ""):
        notes.append(f"What {running} run starts has the Python that {running} chooses.")
    mirrored = [
        name for name in dict.fromkeys([*there, *ignored])
        if PurePosixPath(name).name == node_modules.NAME and name not in own
    ]  # fmt: skip
    if mirrored and (installer := _installer(words, _NODE_INSTALLERS)):
        notes.append(f"{', '.join(mirrored)}: not linked, because the command installs packages ({installer}).")
        mirrored = []
    if links or mirrored:
        notes.insert(0, (
            f"Linked from your checkout: {', '.join([*links, *mirrored])}. A change that a run makes inside a package there is not noticed."
        ))  # fmt: skip
    fallback = os.path.dirname(sys.executable)
    env["PATH"] = os.pathsep.join(dict.fromkeys([*path, fallback]))
    # The worktree does not exist yet: its links are followed in the checkout.
    looking = os.pathsep.join(each.replace(str(worktree), str(checkout), 1) for each in env["PATH"].split(os.pathsep))
    python = shutil.which("python", path=looking) or shutil.which("python3", path=looking) or ""
    executable, version, imported = _probe(python, checkout, {**env, "PATH": looking}) if python else ("", "", [])
    ours = _in_worktree(imported, checkout, worktree, [*links, *own])
    if ours:
        env["PYTHONPATH"] = os.pathsep.join([*ours, *filter(None, [environment.get("PYTHONPATH")])])
        notes.append(
            f"The repository is installed in {executable}: its modules are taken from the worktree all the same."
        )
    return Tools(find_shell(env["PATH"]), env, executable, version, tuple(links), tuple(mirrored), tuple(notes))


def packages(environment: Path) -> dict[str, tuple[int, ...]]:
    """Return the packages and programs in a virtual environment, by name, each with what changes when it is installed again.

    That is the first level of its folders: a few milliseconds, not a second. What is inside of packages is left out, because programs
    keep caches there as well.
    """
    found: dict[str, tuple[int, ...]] = {}
    for place in (environment / "bin", *environment.glob("lib/python*/site-packages")):
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or entry.name == "__pycache__":
                        continue
                    stat = entry.stat(follow_symlinks=False)
                    is_folder = entry.is_dir(follow_symlinks=False)
                    name = str(Path(entry.path).relative_to(environment))
                    found[name] = (stat.st_ino,) if is_folder else (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        except OSError:
            continue
    return found


def _calls(command: str) -> list[tuple[str, ...]]:
    """Return the programs that a command line calls with their arguments, wrappers such as ``uv run`` before what they start."""
    calls: list[tuple[str, ...]] = []
    for each in (each for pipeline in parse_command(command) for each in pipeline):
        if each.words:
            calls.append((Path(each.words[0].text).name, *(word.text for word in each.words[1:])))
        if (inner := innermost(each)) and inner != calls[-1]:
            calls.append(inner)
    return calls


def _installer(calls: Sequence[tuple[str, ...]], verbs: Mapping[str, frozenset[str]]) -> str:
    """Return the first call that installs packages, as text; empty for none."""
    for program, *arguments in calls:
        verb = next((each for each in arguments if not each.startswith("-")), "")
        if verb in verbs.get(program, ()):
            return f"{program} {verb}".strip()
    return ""


def _probe(python: str, folder: Path, environment: Mapping[str, str]) -> tuple[str, str, list[str]]:
    """Ask an interpreter for its path, its version and the folders where it looks for modules; no version when it does not start."""
    try:
        printed = _ask([python, "-c", _PROBE], folder, environment) or ""
        executable, version, folders, packages = json.loads(printed.splitlines()[-1])
    except (ValueError, IndexError):
        return python, "", []
    return executable, version, [*folders, *(os.path.dirname(each) for each in packages)]


def _in_worktree(folders: Sequence[str], checkout: Path, worktree: Path, linked: Sequence[str]) -> list[str]:
    """Return the worktree's counterparts of those folders that are in the checkout."""
    found: list[str] = []
    top, inside = checkout.resolve(), worktree.resolve()
    for folder in folders:
        place = Path(folder).resolve()
        if not place.is_relative_to(top) or place.is_relative_to(inside):
            continue
        relative = place.relative_to(top)
        if not any(relative.is_relative_to(name) for name in linked) and "site-packages" not in relative.parts:
            found.append(str(worktree / relative))
    return list(dict.fromkeys(found))


# -- a module that is missing -----------------------------------------------------------------------------------------


def missing_module(output: str, command: str, tools: Tools, checkout: Path, tracked: Sequence[str]) -> str:
    """Return which interpreter looked for a module in vain, and what to do, when the output says that one is missing; else nothing.

    Parameters
    ----------
    output : str
    command : str
    tools : Tools
    checkout : Path
    tracked : sequence of str
        Files that git tracks.
    """
    found = [*_MISSING.finditer(output)]
    if not found:
        return ""
    name = (found[-1][1] or found[-1][2]).partition(".")[0]
    who = _who(command, tools)
    line = f"{who or 'the interpreter'} has no module {name!r}"
    here = [path for path in tracked if re.search(rf"(^|/){re.escape(name)}(\.py|/__init__\.py|/[^/]+\.py)$", path)]
    if here:
        place = here[0].removesuffix("/__init__.py").removesuffix(".py")
        folder = os.path.dirname(place if place.endswith(name) else os.path.dirname(here[0])) or "."
        return f"{line}; it is in the repository: write  PYTHONPATH={folder}  before the command."
    if untracked := [each for each in (name, f"{name}.py") if (checkout / each).exists()]:
        return f"{line}; {untracked[0]} is in your checkout, but git does not track it: commit it, or give --link {untracked[0]}."
    # By folder, because the pythons of two environments may be links to one program.
    if who and not _same_folder(who, sys.executable) and _has_module(name):
        return f"{line}; {sys.executable} has it: write that path in the command, or put its folder first in PATH."
    return f"{line}: install it there, with  {who or 'python'} -m pip install {name}"


def _same_folder(one: str, other: str) -> bool:
    return os.path.realpath(os.path.dirname(one)) == os.path.realpath(os.path.dirname(other))


def lacking_modules(tools: Tools, names: Sequence[str]) -> list[str]:
    """Return those top-level modules that the interpreter of the commands has not; all when it does not start."""
    if not names:
        return []
    code = "import importlib.util, sys; print(*(n for n in sys.argv[1:] if importlib.util.find_spec(n) is None))"
    printed = _ask([tools.python, "-c", code, *names], Path("/"), tools.environment)
    return list(names) if printed is None else printed.split()


def _ask(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str | None:
    """Return what an interpreter prints; None when it fails or has not ended in time.

    It prints into a file, because a pipe would be waited for as long as any process that it has left behind.
    """
    with tempfile.TemporaryFile() as file:
        try:
            process = subprocess.Popen(
                arguments, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
        except OSError:
            return None
        try:
            failed = process.wait(PROBE_SECONDS)
        except subprocess.TimeoutExpired:
            failed = 1
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        file.seek(0)
        return None if failed else file.read().decode("utf-8", "replace")


def _has_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _who(command: str, tools: Tools) -> str:
    """Return the interpreter that the last Python program of a command runs with; empty where another program decides that."""
    if not tools.shell.path:
        return ""
    path = tools.environment.get("PATH")
    for pipeline in reversed(parse_command(command)):
        for each in reversed(pipeline):
            words = [word.text for word in each.words]
            if words and Path(words[0]).name in _MANAGERS:
                return f"the environment of {shorten(' '.join(words[:2]), 30)}"
            names = [word for word in words if _PYTHON.fullmatch(Path(word).name)]
            inner = innermost(each)
            program = shutil.which(names[0] if names else inner[0] if inner else "", path=path)
            if program is None:
                continue
            if names:
                return tools.python if names[0] == "python" else program
            if shebang := _shebang(program):
                return shebang
    return ""


def _shebang(program: str) -> str:
    try:
        with open(program, "rb") as file:
            first = file.readline(300)
    except OSError:
        return ""
    found = re.match(rb"#!\s*(\S*python[\d.]*)\s*$", first)
    return found[1].decode("utf-8", "replace") if found else ""
