"""What a study is made of: program, target, setup and settings, read and checked before anything is run."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .edits import check_syntax
from .errors import UserError
from .metric import Metric
from .program import Program, parse_program
from .runners.warm import missing_module
from .settings import Settings, make_settings


@dataclass(frozen=True)
class Definition:
    """What a study is made of.

    Attributes
    ----------
    program : Program
    target, setup : str
        Sources.
    target_path, setup_path : Path or None
        Where they were read from, when they are files.
    settings : Settings
    """

    program: Program
    target: str
    setup: str
    settings: Settings
    target_path: Path | None = None
    setup_path: Path | None = None

    @property
    def metric(self) -> Metric:
        """What is measured."""
        return self.settings.as_metric()

    @property
    def target_name(self) -> str:
        """The target's file name in git."""
        return self.target_path.name if self.target_path else "target.py"

    @property
    def frozen(self) -> dict[str, str]:
        """What goes beside the target into every commit: file names to contents."""
        return {self.setup_path.name if self.setup_path else "setup.py": self.setup, "program.md": self.program.text}

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready values; the settings, which may change, are not among them."""
        return {
            "program": self.program.text, "target": self.target, "setup": self.setup,
            "target_path": str(self.target_path or ""), "setup_path": str(self.setup_path or ""),
        }  # fmt: skip


def define(program: str | Path, target: str | Path, setup: str | Path, settings: Mapping[str, Any]) -> Definition:
    """Read and check what a study is to be made of; nothing is run.

    Raises
    ------
    UserError
        For the first thing that cannot work.
    """
    program_text, _ = read_source(program, "program")
    target_text, target_path = read_source(target, "target")
    setup_text, setup_path = read_source(setup, "setup")
    if not target_text.strip():
        raise UserError("The target is empty: it is the code that experiments change.")
    parsed = parse_program(program_text)
    made = Definition(
        parsed, target_text, setup_text, make_settings(parsed.settings, settings), target_path, setup_path
    )
    check_syntax(setup_text, "setup")
    check_syntax(target_text, "target")
    check_installed(setup_text, target_text)
    return made


def from_json(values: Mapping[str, Any], settings: Mapping[str, Any]) -> Definition:
    """Return what `Definition.to_json` wrote down."""
    return Definition(
        parse_program(values["program"]), values["target"], values["setup"], make_settings(settings),
        Path(values["target_path"]) if values["target_path"] else None,
        Path(values["setup_path"]) if values["setup_path"] else None,
    )  # fmt: skip


def read_source(source: str | Path, what: str) -> tuple[str, Path | None]:
    """Return text as it is, or the content of the file that it names.

    A `Path` is a file; so is a single line that ends in ``.py`` or ``.md``.

    Raises
    ------
    UserError
        When the file cannot be read.
    """
    if not isinstance(source, Path):
        if "\n" in source or not re.fullmatch(r"[^\s#].*\.(py|md)", source.strip()):
            return source, None
        source = Path(source.strip())
    path = source.expanduser()
    try:
        return path.read_text(encoding="utf-8"), path.absolute()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UserError(f"The {what} {path} cannot be read: {reason}.") from None


def check_installed(setup: str, target: str) -> None:
    """See that every module that the code imports outright is there; imports inside try or functions may fail.

    Raises
    ------
    UserError
        For the first one that is not.
    """
    for where, source in (("setup", setup), ("target", target)):
        for node in ast.parse(source).body:
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            else:
                continue
            for name in names:
                try:
                    found = importlib.util.find_spec(name.partition(".")[0])
                except (ImportError, ValueError):
                    continue  # odd, but there
                if found is None:
                    raise UserError(missing_module(name, where))
