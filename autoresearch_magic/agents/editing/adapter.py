"""How one coding agent is used: the form of the entries in `adapters.ADAPTERS`, and what is done with them.

Not here: running the program (`agents.processes`), the folder that it works in and what becomes of its edits (`agent`, `workspace`).
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ...keys.redact import cleaned
from ..llm.backend import BackendRefused
from ..processes import Ending
from .providers import variables_of
from .results import AgentResult, Reads, Signs, read_ending

EDITOR = "editor"
"""The name in front of the command line of any other program that edits: ``editor:COMMAND LINE``."""


@dataclass(frozen=True)
class Adapter:
    """How one coding agent is used.

    Attributes
    ----------
    name : str
        What it is called in ``--agent NAME[:MODEL]``.
    title : str
        What it is called in messages.
    program : str
        The command that is started.
    start : tuple of str
        The arguments that make it work without questions, in its folder alone, and print what `reads` expects.
    model : tuple of str
        The arguments that choose a model, with ``{model}``; none: it has no such option.
    budget : tuple of str
        The arguments that limit what one question may cost, with ``{budget}`` in US dollars; none: it has no such option.
    files : tuple of str
        The arguments that name a file which may be changed, with ``{file}``, once for each; none: it finds them by itself.
    prompt : tuple of str
        The last arguments, with ``{text}`` for the instructions; none: they go to its standard input.
    variables : mapping
        Environment variables that it needs besides.
    credentials : tuple of str
        The environment variables that it may see although they hold keys; globs, such as ``OPENAI_*``.
    many_vendors : bool
        Whether the key that it needs is that of its model's vendor.
    needs_model : bool
        Whether it cannot be used without ``:MODEL``.
    own_files : tuple of str
        Globs of files that it leaves in its folder for itself.
    state : tuple of str
        Its own files and folders in home, which it may write from inside of its walls.
    version : tuple of str
        The arguments that make it print its version.
    reads : Reads
        Where in its output what stands.
    signs : Signs
        How it says that it cannot work.
    install, login : str
        What the user does to install it, and to log in.
    documentation, dated : str
        Where all this is documented, and the day on which it was read.
    seen : str
        The version that was run to check it; empty for none.
    note : str
        What a user should know, such as what its permissions do not cover.
    """

    name: str
    title: str
    program: str
    start: tuple[str, ...]
    model: tuple[str, ...] = ()
    budget: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    prompt: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    credentials: tuple[str, ...] = ()
    many_vendors: bool = False
    needs_model: bool = False
    own_files: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    version: tuple[str, ...] = ("--version",)
    reads: Reads = field(default_factory=Reads)
    signs: Signs = field(default_factory=Signs)
    install: str = ""
    login: str = ""
    documentation: str = ""
    dated: str = ""
    seen: str = ""
    note: str = ""

    @property
    def by_stdin(self) -> bool:
        """Whether the instructions go to its standard input, and not to the arguments."""
        return not self.prompt

    @property
    def tells_cost(self) -> bool:
        """Whether it says what a question has cost; where it does not, ``--max-cost`` cannot be kept."""
        return self.reads.cost is not None

    @property
    def tells_tokens(self) -> bool:
        """Whether it says how many tokens a question has used; where it does not, ``--max-tokens`` cannot be kept."""
        return self.reads.output is not None

    def path(self) -> str:
        """Return the absolute path of the program; raise `BackendRefused`, with how to install it, when it is not found."""
        found = shutil.which(self.program)
        if found is None:
            if Path(self.program).is_file():
                raise BackendRefused(f"{self.program} is not executable: run chmod +x {shlex.quote(self.program)}")
            raise BackendRefused(f"There is no command {self.program!r}: {self.install}.")
        return str(Path(found).absolute())

    def arguments(
        self, *, model: str = "", budget: float | None = None, files: Sequence[str] = (), text: str = ""
    ) -> list[str]:
        """Return the arguments after the program's path.

        Parameters
        ----------
        model : str
            The model, as the agent calls it; empty for its own choice.
        budget : float, optional
            US dollars that this question may cost.
        files : sequence of str
            Paths of the files that may be changed, relative to its folder.
        text : str
            The instructions; they are among the arguments only where they do not go to its standard input.

        Raises
        ------
        BackendRefused
            When a model is needed and none is given, or the other way round, or when it would be taken for an option.
        """
        if model.startswith("-"):
            raise BackendRefused(f"{model} is an option and no model: --agent {self.name}:MODEL.")
        if self.needs_model and not model:
            raise BackendRefused(f"{self.title} needs a model: --agent {self.name}:MODEL, such as {self.name}:sonnet.")
        if model and not self.model:
            raise BackendRefused(f"{self.title} takes no model: --agent {self.name}.")
        arguments = list(self.start)
        if model:
            arguments += [part.replace("{model}", model) for part in self.model]
        if budget is not None:
            arguments += [part.replace("{budget}", f"{budget:.4f}") for part in self.budget]
        for path in files:
            arguments += [part.replace("{file}", path) for part in self.files]
        return arguments + [part.replace("{text}", text) for part in self.prompt]

    def stdin(self, text: str) -> str:
        """Return what goes to its standard input."""
        return text if self.by_stdin else ""

    def passes(self, model: str = "") -> tuple[str, ...]:
        """Return the globs of the environment variables with keys that it may see: its own, and those of its model's vendor."""
        return self.credentials + (variables_of(model) if self.many_vendors else ())

    def shown(self, model: str = "") -> str:
        """Return the command line for a person, with what is filled in later in capitals."""
        settings = [f"{name}={shlex.quote(value)}" for name, value in self.variables.items()]
        wanted = model or ("MODEL" if self.needs_model else "")
        words = self.arguments(model=wanted, files=["FILE"] if self.files else (), text="INSTRUCTIONS")
        return " ".join([*settings, shlex.join([self.program, *words]), *(["< INSTRUCTIONS"] if self.by_stdin else [])])

    def read(self, ending: Ending, asked: str = "", now: datetime | None = None) -> AgentResult:
        """Return what the ending of its program came to; see `results.read_ending`."""
        return read_ending(ending, self.title, self.reads, self.signs, self.login, asked, now)


def editor_adapter(line: str) -> Adapter:
    """Return the adapter of any other program that edits files in its working folder.

    It gets the instructions on its standard input, or in the place of ``{text}`` in its command line; what it prints is its
    message. Keys do not pass; ``--pass-env`` names those that should.

    Parameters
    ----------
    line : str
        The command line, split as a shell would split it. No shell runs it, so it has no pipes and no variables.
    """
    shown = f"{EDITOR}:{cleaned(' '.join(line.split()))[:60]}"
    try:
        words = [os.path.expanduser(word) for word in shlex.split(line)]  # noqa: PTH111 - Path would remove a leading "./"
    except ValueError as error:
        raise BackendRefused(f"The command line cannot be read ({error}): {shown}") from None
    if not words:
        raise BackendRefused(
            "No command was given: use --agent 'editor:COMMAND LINE', as in 'editor:my-agent --quiet'."
        )
    program, *rest = words
    in_arguments = any("{text}" in word for word in rest)
    return Adapter(
        name=shown,
        title=Path(program).name,
        program=program,
        start=() if in_arguments else tuple(rest),
        prompt=tuple(rest) if in_arguments else (),
        install="install it, or give its full path",
        login="log in to it as its documentation says; a key in the environment passes with --pass-env NAME",
    )
