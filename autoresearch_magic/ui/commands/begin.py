"""Subcommands to begin with: program templates with examples, which are called skills here; the doctor; help.

The skill that a coding agent reads is another thing (`host_skill`).
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path

from ...config.host_skill import ACTIONS, not_in_a_notebook
from ...config.skills import as_cell, copy_example, find_skill, read_skills, skill_folders
from ...errors import UserError
from ...text import counted, escape
from ..doctor.attacks import attack
from ..doctor.examine import examine
from ..replies import attacks_reply, checks_reply
from ..reply import Reply, prose_reply
from ..session import Place, Session
from .table import COMMANDS, argument, command, find_command, overview
from .values import Typed, agents, skill_names


@command("skills")
def skills(session: Session, arguments: argparse.Namespace) -> Reply:
    """List the program templates, each with an example that it runs on."""
    found, problems = read_skills(skill_folders(session.root.parent))
    width = max(len(skill.name) for skill in found)
    described = {s.name: s.description + (f" ({s.origin})" if s.origin != "built in" else "") for s in found}
    hint = "%autoresearch skill NAME puts one into the next cell; with --example FOLDER its example is copied first."
    if session.place is Place.SHELL:
        hint = "autoresearch init TEMPLATE FOLDER copies the example of one, with its program.md."
    table = ["| skill | what it is for |", "| --- | --- |"]
    table += [f"| `{name}` | {escape(what)} |" for name, what in described.items()]
    return Reply(
        "\n".join([*(f"{name:<{width}}  {what}" for name, what in described.items()), "", hint, *problems]),
        "\n\n".join(["\n".join(table), *map(escape, [hint, *problems])]),
        data={"skills": described},
    )


@command(
    "skill", argument("name", metavar="NAME", help="a program template's name", values=skill_names),
    argument("--example", metavar="FOLDER", help="copy its example into this new folder, as a git repository"),
    argument("--no-cell", action="store_true", help="put no program into the next cell"),
    argument("--agent", metavar="AGENT", help="who proposes changes, such as recorded:NAME for the edits that were recorded on the example", values=agents),
    places=[Place.MAGIC],
)  # fmt: skip
def skill(session: Session, arguments: argparse.Namespace) -> Reply:
    """Put a program template into the next cell, and copy its example if you want it."""
    if arguments.name in ACTIONS:
        raise UserError(not_in_a_notebook(arguments.name))
    found = find_skill(arguments.name, skill_folders(session.root.parent))
    options, text = [], f"{found.name}: {found.description}"
    if arguments.example:
        folder = copy_example(found, arguments.example)
        options.append(f"--repo {shlex.quote(str(arguments.example))}")
        files = counted(len(list(folder.rglob("*.*"))), "file")
        text += f" Its example is in {arguments.example}, a git repository of {files}."
    if arguments.agent:
        options.append(f"--agent {shlex.quote(arguments.agent)}")
    if arguments.no_cell:
        return prose_reply(text)
    return prose_reply(
        f"{text} The program is in the cell below: change it as you like, and run it.",
        next_cell=as_cell(found, " ".join(options)),
    )


@command(
    "init", argument("skill", metavar="TEMPLATE", help="a program template's name; see  %%autoresearch skills"),
    argument("folder", nargs="?", metavar="FOLDER", help="a new folder (default: the template's name)"), places=[Place.SHELL],
)  # fmt: skip
def init(session: Session, arguments: argparse.Namespace) -> Reply:
    """Copy a program template's example into a new folder, with its program.md."""
    found = find_skill(arguments.skill, skill_folders(session.root.parent))
    folder = arguments.folder or found.name
    copy_example(found, folder)
    agent = f" --agent recorded:{found.name}" if found.recorded else ""
    return prose_reply(
        f"{found.name} is in {folder}. Run it with  autoresearch run {Path(folder) / 'program.md'}{agent}"
    )


@command(
    "doctor",
    argument("--attacks", action="store_true", help="run hostile targets against this install, in a temporary folder, and say what holds them"),
)  # fmt: skip
def doctor(session: Session, arguments: argparse.Namespace) -> Reply:
    """Check that everything a study needs is installed and works, and say how to fix what does not."""

    def work(show: Callable[[float, str], None]) -> Reply:
        return attacks_reply(attack(show)) if arguments.attacks else checks_reply(examine(session.root, show))

    return Reply("", work=work)


def command_names(typed: Typed) -> dict[str, str]:
    """Return the names of the commands, with what they do."""
    return {name: each.summary for name, each in COMMANDS[typed.session.place].items()}


@command("help", argument("command", nargs="?", metavar="COMMAND", help="a command", values=command_names))
def show_help(session: Session, arguments: argparse.Namespace) -> Reply:
    """Show how to begin, or one command's options."""
    if arguments.command is None:
        return Reply(overview(session.place))
    return Reply(find_command(session.place, arguments.command).parser(session.place).format_help().rstrip())
