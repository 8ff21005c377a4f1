"""What has been defined so far, and the studies that it makes: the state that all subcommands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..config.argument_parser import given
from ..config.layouts import lab_files, original_settings
from ..config.program import Program
from ..errors import UserError
from ..storage.folders import ROOT
from ..study import registry
from ..study.definition import read_program
from ..study.opening import current, newest, open_study
from ..study.ref_comparison import COMPARED
from ..study.sources import read_source
from ..study.study import Study


class Place(StrEnum):
    """Where commands are typed; the value is how a line begins there."""

    MAGIC = "%autoresearch"
    SHELL = "autoresearch"


MAGIC = Place.MAGIC.value


@dataclass(frozen=True)
class Source:
    """The text of a target or setup, and the path of the file that it was read from, if any."""

    text: str
    path: Path | None = None

    @classmethod
    def read(cls, path: str | Path, what: str) -> Source:
        """Read a file; `what` names it in errors."""
        return cls(*read_source(Path(path), what))

    def as_argument(self) -> str | Path:
        """Return what `Study` takes: the path where there is one."""
        return self.path if self.path is not None else self.text


@dataclass
class Session:
    """The definitions that were made so far, and where studies are kept.

    Parameters
    ----------
    root : Path
        The folder that holds the studies.
    place : Place
        Where the commands come from. The default study is the current one in the magics, and the newest one in `root` on
        the command line, where each command is a new process.
    setup, target, sealed : Source, optional
    program : Program, optional
    options : dict
        Raw settings that were given with the program.
    expand : callable
        Puts the user's variables into the value of an option or argument; in a notebook, ``{n}`` and ``$n``.
    defaults : callable
        Returns raw settings that are weaker than those of a program; in a notebook, those of ``%config Autoresearch``.
    here : set of str
        The setups that were run in the kernel.
    put_into_cell : callable
        Puts the version of an experiment into the target cell of the notebook, and returns what it has done, in a sentence; empty where that
        is not to be had.
    notebook : callable
        Returns the folder of the notebook, None where there is none: from there its links begin.
    """

    root: Path = field(default_factory=lambda: Path(ROOT))
    place: Place = Place.MAGIC
    setup: Source | None = None
    target: Source | None = None
    sealed: Source | None = None
    program: Program | None = None
    options: dict[str, Any] = field(default_factory=dict)
    expand: Callable[[str], str] = str
    defaults: Callable[[], dict[str, Any]] = dict
    here: set[str] = field(default_factory=set)
    put_into_cell: Callable[[Study, int], str] = lambda study, number: ""
    notebook: Callable[[], Path | None] = lambda: None

    def study(self, name: str | None = None, *, switch: bool = False) -> Study:
        """Return the study of that name, or the default one.

        Parameters
        ----------
        name : str, optional
        switch : bool
            Whether the named study becomes the current one even where there is one already.

        Raises
        ------
        UserError
            When there is none.
        """
        if name:
            before = current()
            study = open_study(name, self.root).refresh()
            if before is not None and not switch:
                registry.register(before)
            return study
        last = newest(self.root)
        if self.place is Place.SHELL:
            if last is None:
                raise UserError(
                    f"There is no study in {self.root}: start one with  autoresearch run PROGRAM.md --target FILE"
                )
            return open_study(last, self.root)
        if (present := current()) is not None:
            return present.refresh()
        if last is not None:
            raise UserError(
                f"No study is open: {MAGIC} resume {last}  continues the last one, and  --study {last}  looks at it."
            )
        raise UserError("No study yet: a cell that begins with  %%autoresearch --metric NAME=EXPRESSION  starts one.")

    def to_compare(self, options: dict[str, Any]) -> tuple[Program, dict[str, Any]]:
        """Return a program and raw settings to compare git refs with: of what is defined, else a study's, else program.md's.

        Parameters
        ----------
        options : dict
            Raw settings that were given with the command, which override all others.

        Raises
        ------
        UserError
            When nothing says which command measures.
        """
        program = self.program
        known = program_settings(program, self.options) if program is not None else {}
        if not known.get("verify") and not options.get("verify"):
            program, known = self._compared_by_study() or self._compared_by_file(options)
        elif program is None:
            program = Program("", "")
        known = {name: value for name, value in known.items() if name != "scope"}
        if "metric" in options:
            known.pop("minimize", None)  # the direction of another metric
        return program, {**known, **options}

    def _compared_by_study(self) -> tuple[Program, dict[str, Any]] | None:
        try:
            definition = self.study().definition
        except UserError:
            return None
        if definition.checkout is None:
            return None
        settings = {name: value for name, value in definition.settings.to_json().items() if name in COMPARED}
        return definition.program, {**settings, "repo": str(definition.checkout.folder)}

    def _compared_by_file(self, options: dict[str, Any]) -> tuple[Program, dict[str, Any]]:
        path = Path(str(options.get("repo") or ".")).expanduser() / "program.md"
        if not path.is_file():
            raise UserError(NO_COMMAND)
        program = read_program(path)
        known = program.settings or original_settings(path.parent)
        if not known.get("verify"):
            raise UserError(NO_COMMAND)
        return program, known

    def with_defaults(self, program: Program, options: dict[str, Any]) -> Program:
        """Return a program with the user's defaults below its own settings, as far as they are for its kind of study."""
        defaults = self.defaults()
        repository = bool(program_settings(program, options).get("verify")) or (
            self.target is None and (bool(defaults.get("verify")) or known_layout(program, options))
        )
        other_kind = FOR_CELLS if repository else FOR_REPOSITORIES
        defaults = {name: value for name, value in defaults.items() if name not in other_kind}
        return replace(program, settings=_override(defaults, program.settings))

    def _sealed(self, options: dict[str, Any]) -> str | Path:
        """Return the sealed code of the next study, and take its file out of the options."""
        named = sealed_file(options)
        if self.sealed is None:
            return named
        if named:
            raise UserError("Both a sealed cell and --sealed FILE: leave one of them out.")
        return self.sealed.as_argument()

    def new_study(self, arguments: argparse.Namespace) -> Study:
        """Make a study of what has been defined, with the settings in `arguments` on top.

        Raises
        ------
        UserError
            When program or target are missing, or cannot work.
        """
        options = _override(self.options, given(arguments))
        name = getattr(arguments, "name", None)
        program = self.program or _program_of_repository(options)
        if program is not None:
            program = self.with_defaults(program, options)
        if program is None and self.target is not None:
            raise UserError(
                "No program yet: write goal and rules into a cell that begins with  %%autoresearch --metric NAME=EXPRESSION"
            )
        if program is not None and (
            program_settings(program, options).get("verify") or (self.target is None and known_layout(program, options))
        ):
            if self.sealed is not None:
                raise UserError(
                    f"Sealed code is for cells, and this study is of a repository: an empty cell below  %{MAGIC} setup --sealed  takes it back."
                )
            return Study(program, name=name, root=self.root, **options)
        if program is None or self.target is None:
            raise UserError(
                "No target yet: put the code that experiments may change into a cell that begins with  %%autoresearch target  "
                "(or give --scope and --verify, for files of a repository)"
            )
        return Study(
            program, self.target.as_argument(), self.setup.as_argument() if self.setup else "",
            sealed=self._sealed(options), name=name, root=self.root, **options,
        )  # fmt: skip


def sealed_file(options: dict[str, Any]) -> str | Path:
    """Take the file of the sealed code out of options, as `Study` takes it; empty where there is none."""
    named = str(options.pop("sealed", "")).strip()
    return Path(named) if named else ""


def _override(settings: dict[str, Any], by: dict[str, Any]) -> dict[str, Any]:
    """Return settings with others on top; a metric among those leaves the direction of another metric behind."""
    kept = dict(settings)
    if "metric" in by and by["metric"] != settings.get("metric", by["metric"]):
        kept.pop("minimize", None)
    return {**kept, **by}


FOR_CELLS = {"budget"}
FOR_REPOSITORIES = {"scope", "verify", "guard", "guard_metric", "guard_threshold", "repo", "link", "hide"}
NO_COMMAND = (
    "Say which command measures: --verify COMMAND --metric NAME, or write them into a program.md in the repository."
)


def program_settings(program: Program, options: dict[str, Any]) -> dict[str, Any]:
    """Return the raw settings of a program, with `options` on top."""
    return {**program.settings, **options}


def known_layout(program: Program, options: dict[str, Any]) -> bool:
    """Whether program or options belong to a repository whose layout says what the target is: train.py with prepare.py."""
    if options.get("repo"):
        return bool(original_settings(Path(str(options["repo"])).expanduser()))
    folder = program.path.parent if program.path is not None else None
    return folder is not None and bool(original_settings(folder) or lab_files(folder))


def _program_of_repository(options: dict[str, Any]) -> Program | None:
    """Return the program.md of the repository that the options name, if there is one."""
    path = Path(str(options.get("repo") or ".")).expanduser() / "program.md"
    return read_program(path) if "repo" in options and path.is_file() else None
