"""The definition of a study: program, target, setup and settings, read and checked before anything is run."""

from __future__ import annotations

import ast
import importlib.util
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..config.effective import make_settings
from ..config.layouts import lab_files, missing_for_original, original_settings
from ..config.program import Program, parse_program
from ..config.settings import Settings
from ..errors import UserError
from ..metric import Metric
from ..runners.environment import experiment_environment
from ..runners.output.holdout import NOT_FOR_COMMANDS
from ..runners.safety.policy import danger
from ..runners.shell import bash_syntax, find_shell
from ..runners.tools import find_tools
from ..runners.worker.sentences import missing_module
from ..source.blocks import check_blocks
from ..source.edits import check_syntax
from ..source.files import match, split
from ..source.key_references import references
from ..source.scopes import suggest_scope
from ..source.sealed import mark
from ..storage.git.checkout import Checkout, check_links, open_checkout, top_of, tracked_in
from ..syntax import syntax_tree
from ..text import counted
from .notifying.address import parse_address
from .sealed import check_sealed, kept_source, read_sealed
from .sources import read_source
from .tracking.found import prepared_settings

CHANGEABLE = {
    "experiments", "agent", "timeout", "memory", "disk", "threads", "workers", "executor", "lines", "hours", "minutes", "max_tokens", "max_cost", "patience", "until", "pruner", "artifacts", "also", "stage", "track", "notify",
}  # fmt: skip
"""Settings that a study can be resumed with in another form; with another value of the others, its values would not compare."""


@dataclass(frozen=True)
class Definition:
    """Program, target, setup and settings of a study.

    Attributes
    ----------
    program : Program
    target, setup : str
        Source texts. In a repository study, the files of the scope and the files that verify and guard name, each as one
        text (see `source.files`).
    target_path, setup_path : Path or None
        The files they were read from.
    sealed : str
        Source that runs after the setup, where the metric is computed and no target can see its names; in no commit, briefing or log.
    sealed_path : Path or None
    sealed_mark : str
        Its hash (`source.sealed.mark`), which the journal has.
    settings : Settings
    checkout : Checkout or None
        The repository whose files are the target; None for a cell.
    """

    program: Program
    target: str
    setup: str
    settings: Settings
    target_path: Path | None = None
    setup_path: Path | None = None
    checkout: Checkout | None = None
    sealed: str = field(default="", repr=False)
    sealed_path: Path | None = None
    sealed_mark: str = ""

    @property
    def metric(self) -> Metric:
        """What is measured."""
        return self.settings.as_metric()

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of the setup's and the target's file, where modules of the user are looked for."""
        return tuple(dict.fromkeys(path.parent for path in (self.setup_path, self.target_path) if path is not None))

    def files(self, target: str) -> dict[str, str]:
        """Return the files of a commit of a version of the target, as paths to contents; in a repository, only the scope's files."""
        if self.checkout is not None:
            return split(target)
        name = self.target_path.name if self.target_path else "target.py"
        setup = self.setup_path.name if self.setup_path else "setup.py"
        sealed = {"sealed.sha256": f"{self.sealed_mark}  sealed.py\n"} if self.sealed_mark else {}
        return {name: target, setup: self.setup, "program.md": self.program.text, **sealed}

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values. The settings are left out: they may change, and are stored apart."""
        return {
            "program": self.program.text, "target": self.target, "setup": self.setup,
            "target_path": str(self.target_path or ""), "setup_path": str(self.setup_path or ""),
            "checkout": self.checkout.to_json() if self.checkout else None,
            "sealed": {"mark": self.sealed_mark, "path": str(self.sealed_path or "")} if self.sealed_mark else None,
        }  # fmt: skip


def define(
    program: str | Path | Program, target: str | Path, setup: str | Path, settings: Mapping[str, Any], sealed: str | Path = ""
) -> Definition:  # fmt: skip
    """Read and check the parts of a study; nothing is run.

    Raises
    ------
    UserError
        For the first part that cannot work.
    """
    parsed = program if isinstance(program, Program) else read_program(program)
    program_path = parsed.path
    given = {**parsed.settings, **settings}
    if program_path is not None and not str(target).strip() and not given.get("verify"):
        target, setup = lab_files(program_path.parent) or (target, setup)
    if given.get("verify") and not given.get("scope"):
        raise UserError(_which_scope(parsed, given))
    known: dict[str, Any] = {}
    if not str(target).strip() and not given.get("verify"):
        folder = (
            Path(given["repo"]).expanduser() if given.get("repo") else program_path.parent if program_path else Path()
        )
        known = original_settings(folder.absolute())
    made_settings = make_settings(known, parsed.settings, settings, aim=parsed.aim)
    made_settings = prepared_settings(made_settings)
    check_addresses(made_settings.notify)
    if made_settings.verify:
        if str(sealed).strip():
            raise UserError(NOT_FOR_COMMANDS.format("sealed"))
        return _define_repository(parsed, made_settings, target, setup, program_path)
    target_text, target_path = read_source(target, "target")
    setup_text, setup_path = read_source(setup, "setup")
    if not target_text.strip():
        raise UserError("The target is empty: it is the code that experiments change.")
    sealed_text, sealed_path = read_sealed(sealed, made_settings, program_path)
    made = Definition(
        parsed, target_text, setup_text, made_settings, target_path, setup_path,
        sealed=sealed_text, sealed_path=sealed_path, sealed_mark=mark(sealed_text),
    )  # fmt: skip
    check_syntax(setup_text, "setup")
    check_syntax(target_text, "target")
    check_blocks(target_text)
    check_sealed(sealed_text, setup_text, target_text, made_settings)
    _check_hidden(made)
    check_installed(setup_text, target_text, made.folders)
    return made


def _check_hidden(definition: Definition) -> None:
    """Raise a `UserError` when ``--hide`` names nothing, or what experiments change."""
    hide, checkout = definition.settings.hide, definition.checkout
    if not hide:
        return
    if checkout is None:
        if hide != ("setup",):
            raise UserError("--hide GLOBS is for the files of a repository; for a cell it is  --hide setup")
        if not definition.setup.strip():
            raise UserError("--hide setup: there is no setup to hide.")
        return
    linked = tuple(name.removeprefix("./").rstrip("/") for name in definition.settings.link)
    for glob in hide:
        if not glob.startswith("!") and not match([glob], checkout.tracked) and not glob.startswith(linked or ("\0",)):
            raise UserError(f"--hide {glob}: git tracks no such file in {checkout.folder}.")
    if both := match(hide, split(definition.target)):
        raise UserError(
            f"--hide and --scope both have {both[0]}: experiments cannot change what they must not see. Take it out of one."
        )


def check_commands(settings: Settings) -> None:
    """Raise a `UserError` when verify or guard is dangerous, or cannot be run by the shell that is there."""
    stages = [("stage", stage.command) for stage in settings.as_stages() if stage.command]
    for what, command in (("verify", settings.verify), ("guard", settings.guard), *stages):
        if why := danger(command):
            raise UserError(f"--{what} is not run, because it {why}: {command.strip()[:120]}")
        if not find_shell(os.environ.get("PATH")).bash and (syntax := bash_syntax(command)):
            raise UserError(
                f"--{what} uses {syntax}: only bash understands that, and there is no bash here. Write it for sh, or install bash."
            )


def check_addresses(notify: Sequence[str]) -> None:
    """Raise a `UserError` when an address of ``--notify`` cannot work, or its command is dangerous."""
    for text in notify:
        if references(text):
            continue  # it was checked when it was given
        address = parse_address(text)
        if address.form == "command" and (why := danger(text)):
            raise UserError(f"--notify is not run, because it {why}: {text[:120]}")


def _define_repository(
    program: Program, settings: Settings, target: str | Path, setup: str | Path, program_path: Path | None
) -> Definition:
    if str(target).strip() or str(setup).strip():
        raise UserError(
            "Both a target and --scope: a study changes either a cell or the files of a repository. Leave one of them out."
        )
    check_commands(settings)
    folder = Path(settings.repo).expanduser() if settings.repo else _start_folder(program_path)
    checkout, text, measuring = open_checkout(folder.absolute(), settings.scope, settings.commands)
    check_links(checkout, settings.link)
    if original_settings(checkout.folder) and not settings.agent.startswith("replay:"):
        commands = settings.commands
        environment = experiment_environment(threads=settings.threads, seed=settings.seed, extra=settings.pass_env)
        tools = find_tools(
            checkout.folder, checkout.folder / "export", checkout.tracked, commands, environment, settings.link
        )
        if missing := missing_for_original(checkout.folder, settings.verify, tools):
            raise UserError("\n".join(missing))
    check_syntax(text)
    check_blocks(text)
    made = Definition(program, text, measuring, settings, checkout=checkout)
    _check_hidden(made)
    return made


def _which_scope(program: Program, given: Mapping[str, Any]) -> str:
    """Return the question for a scope, with a suggestion where the repository can be read."""
    question = "Say which files experiments may change: --scope"
    try:
        top = top_of(Path(given["repo"]).expanduser() if given.get("repo") else _start_folder(program.path))
        globs, paths = suggest_scope(
            tracked_in(top), [str(given[name]) for name in ("verify", "guard") if given.get(name)]
        )
    except UserError:
        globs = []
    if not globs:
        return f"{question} GLOBS, for example --scope 'src/**/*.py' (or a line  Scope: src/**/*.py)."
    shown = ", ".join(paths[:3]) + (f", … {counted(len(paths), 'file')}" if len(paths) > 3 else "")
    return f"{question} '{' '.join(globs)}' (it would take {shown}), or a line  Scope: {', '.join(globs)}"


def _start_folder(program: Path | None) -> Path:
    """Return a folder inside the repository: the program's, when it is in a repository, else the current folder."""
    if program is not None:
        try:
            return top_of(program.parent)
        except UserError:
            pass
    return Path()


def resumed(definition: Definition, settings: Mapping[str, Any]) -> Definition:
    """Return the definition with some of its settings (`CHANGEABLE`) changed, to resume the study with.

    Raises
    ------
    UserError
        When the values would not compare with those so far.
    """
    if odd := sorted(set(settings) - CHANGEABLE):
        raise UserError(f"A study cannot go on with another {odd[0]}: its values would not compare. Start a new one.")
    made = prepared_settings(make_settings(definition.settings.to_json(), settings))
    check_addresses(made.notify)
    if made.agent.startswith("replay:") != definition.settings.agent.startswith("replay:"):
        raise UserError("A replay and a real study cannot go on as each other: recorded and measured values would mix.")
    return replace(definition, settings=made)


def from_json(values: Mapping[str, Any], settings: Mapping[str, Any], folder: Path | None = None) -> Definition:
    """Return the definition that `Definition.to_json` has written, with its settings; `folder` is the study's, which has the sealed source."""
    sealed = values.get("sealed") or {}
    return Definition(
        parse_program(values["program"]), values["target"], values["setup"], read_settings(settings),
        Path(values["target_path"]) if values["target_path"] else None,
        Path(values["setup_path"]) if values["setup_path"] else None,
        Checkout.from_json(values["checkout"]) if values.get("checkout") else None,
        kept_source(folder) if sealed and folder else "", Path(sealed["path"]) if sealed.get("path") else None, sealed.get("mark", ""),
    )  # fmt: skip


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Return the settings that a journal holds."""
    # The wall clock was the only one before there was an option; a command has none.
    return make_settings(values if values.get("verify") else {"clock": "wall", **values})


def read_program(source: str | Path) -> Program:
    """Parse a program, from its text or from the file that it names; see `sources.read_source`."""
    return parse_program(*read_source(source, "program"))


def check_installed(setup: str, target: str, folders: Sequence[Path] = ()) -> None:
    """Check that every module that the code imports at its top level is installed; imports inside try or functions may fail.

    Parameters
    ----------
    setup, target : str
    folders : sequence of Path
        Folders with modules of the user, besides Python's own search path.

    Raises
    ------
    UserError
        For the first one that is missing.
    """
    for where, source in (("setup", setup), ("target", target)):
        for node in syntax_tree(source).body:
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            else:
                continue
            for name in names:
                top = name.partition(".")[0]
                if any((folder / f"{top}.py").is_file() or (folder / top).is_dir() for folder in folders):
                    continue
                try:
                    found = importlib.util.find_spec(top)
                except (ImportError, ValueError):
                    continue  # found, but its parent cannot be imported: not missing
                if found is None:
                    raise UserError(missing_module(name, where))
