"""The subcommand ``skill`` of the command line: the skill that teaches a coding agent to drive a study.

In a notebook ``skill NAME`` is another thing: it puts a program template into a cell (`begin`).
"""

from __future__ import annotations

import argparse
import os
import textwrap
from dataclasses import dataclass
from pathlib import Path

from ...config.host_skill import (
    ACTIONS,
    FILE,
    NAME,
    PROGRAMS,
    REFERENCES,
    SkillFile,
    State,
    examine,
    preset_name,
    presets,
    remove,
    skill_texts,
    summary,
    write,
)
from ...config.skill_hosts import HOSTS, READ_ON, Level, SkillHost, found_hosts, named_hosts, readers
from ...errors import UserError
from ..reply import Reply
from ..session import Place, Session
from .table import argument, command

WIDTH = 110
"""Columns of a list of paths."""

TAKES = {
    "install": {"hosts", "project", "user", "dry_run", "force"}, "show": {"part"}, "remove": {"hosts", "project", "user", "dry_run"}, "list": set(),
}  # fmt: skip
"""Which arguments each action takes."""

_OPTIONS = {
    "part": "PART",
    "hosts": "--for",
    "project": "--project",
    "user": "--user",
    "dry_run": "--dry-run",
    "force": "--force",
}


@dataclass(frozen=True)
class Installation:
    """The skill in one folder: the agents for which it is there, and its files."""

    folder: Path
    level: Level
    hosts: tuple[SkillHost, ...]
    files: tuple[SkillFile, ...]

    @property
    def there(self) -> bool:
        """Whether any file of ours is there, changed or not."""
        return any(file.state.ours or file.state is State.EDITED for file in self.files)

    @property
    def titles(self) -> str:
        """The agents' names."""
        return _listed([host.title for host in self.hosts])


@command(
    "skill", argument("action", choices=ACTIONS, help="write it, print it, delete it, or say where it is"),
    argument("part", nargs="?", metavar="PART", help="for show: program, or a preset such as speed, instead of SKILL.md"),
    argument("--for", dest="hosts", metavar="AGENTS", help=f"{', '.join(HOSTS)}, or several with commas (default: those that are found here)"),
    argument("--project", action="store_true", help="in this project (the default inside a git repository)"),
    argument("--user", action="store_true", help="in your home folder, for all projects"),
    argument("--dry-run", action="store_true", help="show what would be written or deleted, and do nothing"),
    argument("--force", action="store_true", help="replace files that are not ours or that somebody changed; a copy of each is kept beside it"),
    places=[Place.SHELL],
)  # fmt: skip
def host_skill(session: Session, arguments: argparse.Namespace) -> Reply:
    """Teach your coding agent to drive a study: install the skill for it, show, remove or list it."""
    given = {name for name in _OPTIONS if getattr(arguments, name)}
    if wrong := sorted(_OPTIONS[name] for name in given - TAKES[arguments.action]):
        raise UserError(f"skill {arguments.action} takes no {wrong[0]}. See  autoresearch skill -h")
    if arguments.action == "show":
        return _show(arguments.part)
    if arguments.project and arguments.user:
        raise UserError("Both --project and --user: give one of them.")
    project, inside = _project()
    if arguments.action == "list":
        return Reply("\n".join(_list(project)), verbatim=True)
    if arguments.action == "install":
        return _install(project, inside, arguments)
    return _remove(project, inside, arguments)


# -- install ----------------------------------------------------------------------------------------------------------


def _install(project: Path, inside: bool, arguments: argparse.Namespace) -> Reply:
    level, lines = _level(arguments), list[str]()
    if level is None and not inside:
        raise UserError(
            "This folder is in no git repository: say  --user  to install the skill for all your projects, or  --project  for "
            "this folder alone."
        )
    if level is None:
        level = Level.PROJECT
        lines.append(f"In this repository, {project} (for all your projects: --user).")
    hosts = _chosen(arguments.hosts, project, lines)
    every = _installations(hosts, level, project)
    for each in every:
        _check(each, arguments.force)
    changed = [each for each in every if any(file.state is not State.CURRENT for file in each.files)]
    for each in every:
        lines += ["", f"{each.titles}: {_shown(each.folder)}{_also_read(each)}", *_plan(each)]
        if each in changed and not arguments.dry_run:
            lines += [f"  copy       {path.name} as it was is now {_shown(copy)}" for path, copy in write(each.files)]
    if arguments.dry_run:
        lines += ["", "Nothing was written (--dry-run)."]
    elif not changed:
        lines += ["", "Everything is up to date: nothing was written."]
    else:
        lines += ["", *_next_steps(level)]
    return Reply("\n".join(lines).lstrip("\n"), verbatim=True)


def _chosen(text: str | None, project: Path, lines: list[str]) -> list[SkillHost]:
    """Return the agents that were named, else those that are found; what was found goes into `lines`."""
    if text is not None:
        return named_hosts(text)
    found = found_hosts(project)
    if not found:
        raise UserError(
            f"No coding agent was found here: name yours with --for, as in  autoresearch skill install --for claude  "
            f"({', '.join(HOSTS)})."
        )
    lines.append("Found: " + ", ".join(f"{host.title} ({why})" for host, why in found) + ".")
    return [host for host, _ in found]


def _check(installation: Installation, force: bool) -> None:
    """Raise a `UserError` where the skill cannot be written, or would replace what is not ours."""
    for folder in (*reversed(installation.folder.parents), installation.folder, installation.folder / REFERENCES):
        if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
            raise UserError(f"{_shown(folder)} is no folder, so the skill cannot be put there: rename it.")
    for file in installation.files:
        if not (file.state.ours or file.state is State.MISSING or force):
            what = (
                "was changed since it was installed"
                if file.state is State.EDITED
                else "was not written by autoresearch"
            )
            raise UserError(
                f"{_shown(file.path)} {what}: nothing was written. --force  replaces it, and keeps a copy beside it."
            )


def _plan(installation: Installation) -> list[str]:
    """Return lines that say what becomes of every file."""
    verbs = {State.MISSING: "write", State.CURRENT: "unchanged", State.OTHER: "update"}
    plan: dict[str, list[Path]] = {}
    for file in installation.files:
        verb = "delete" if file.text is None else verbs.get(file.state, "replace")
        plan.setdefault(verb, []).append(file.path)
    return [line for verb, paths in plan.items() for line in _paths(verb, paths, installation.folder)]


def _paths(verb: str, paths: list[Path], folder: Path) -> list[str]:
    """Return lines that say what is done with paths, which are shown from the skill's folder on."""
    names = [
        path.relative_to(folder).as_posix() if path.is_relative_to(folder) and path != folder else _shown(path)
        for path in paths
    ]
    return textwrap.wrap(
        ", ".join(names), WIDTH, initial_indent=f"  {verb:<11}", subsequent_indent=" " * 13, break_long_words=False, break_on_hyphens=False
    )  # fmt: skip


def _next_steps(level: Level) -> list[str]:
    lines = [
        f'Start your agent anew and ask it, for example: "Use {NAME} to make the tests faster."',
        "autoresearch skill remove  takes it away again.",
    ]
    return [*lines, "Commit the folder to share it with your team."] if level is Level.PROJECT else lines


def _also_read(installation: Installation) -> str:
    """Return which other agents read the folder; empty when there are none."""
    if installation.level is Level.USER:
        return ""
    others = readers(installation.hosts[0].project, installation.hosts)
    return f" (read by {_listed([host.title for host in others])} too)" if others else ""


# -- show, remove, list -----------------------------------------------------------------------------------------------


def _show(part: str | None) -> Reply:
    texts = skill_texts()
    if part is None:
        return Reply(texts[FILE].rstrip(), verbatim=True)
    name = part.removeprefix(f"{REFERENCES}/").removesuffix(".md")
    if name == "program":
        return Reply(texts[PROGRAMS].rstrip(), verbatim=True)
    try:
        return Reply(texts[f"{REFERENCES}/{preset_name(name)}.md"].rstrip(), verbatim=True)
    except UserError:
        raise UserError(f"The skill has no part {part!r}: show takes program, {', '.join(presets())}.") from None


def _remove(project: Path, inside: bool, arguments: argparse.Namespace) -> Reply:
    hosts = named_hosts(arguments.hosts) if arguments.hosts is not None else list(HOSTS.values())
    level = _level(arguments)
    levels = [level] if level else list(Level)
    every = [each for level in levels for each in _installations(hosts, level, project) if each.there]
    if not every:
        where = {Level.PROJECT: " in this project", Level.USER: " in your home folder", None: ""}[level]
        raise UserError(f"The skill is not installed{where}:  autoresearch skill list  says where it could be.")
    if len({each.level for each in every}) > 1:
        raise UserError(
            "The skill is installed in this project and for all your projects: say  --project  or  --user ."
        )
    if edited := [file for each in every for file in each.files if file.state is State.EDITED]:
        raise UserError(
            f"{_shown(edited[0].path)} was changed since it was installed: nothing was deleted. Delete or rename it yourself, then "
            "remove the rest."
        )
    lines: list[str] = []
    for each in every:
        ours = [file.path for file in each.files if file.state.ours]
        gone = ours if arguments.dry_run else remove(each.folder, each.files)
        lines += [f"{each.titles}: {_shown(each.folder)}{_also_read(each)}", *_paths("delete", gone, each.folder)]
        lines += [] if arguments.dry_run else _left(each.folder)
    return Reply(
        "\n".join([*lines, *(["Nothing was deleted (--dry-run)."] if arguments.dry_run else [])]), verbatim=True
    )


def _left(folder: Path) -> list[str]:
    left = sorted(path for path in folder.rglob("*") if not path.is_dir()) if folder.is_dir() else []
    return [f"  left       {_shown(path)}, which is not ours" for path in left]


def _list(project: Path) -> list[str]:
    """Return a table of agents, why they are found, and the state of the skill for each."""
    rows = [("agent", "found by", "in this project", "for all your projects")]
    rows += [
        (
            f"{host.name} ({host.title})", host.why_found(project) or "-",
            _place(host, Level.PROJECT, project), _place(host, Level.USER, project),
        )
        for host in HOSTS.values()
    ]  # fmt: skip
    widths = [max(len(row[n]) for row in rows) for n in range(3)]
    table = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in rows
    ]
    return [
        *table, "",
        f"Where each agent looks was read from its documentation on {READ_ON}. Program templates are another thing:  autoresearch skills",
    ]  # fmt: skip


def _place(host: SkillHost, level: Level, project: Path) -> str:
    folder = host.skills_folder(level, project) / NAME
    return f"{_shown(folder)}: {summary(examine(folder))}"


# -- common -----------------------------------------------------------------------------------------------------------


def _project() -> tuple[Path, bool]:
    """Return the top folder of the repository that the working folder is in, or that folder; and whether there is one."""
    here = Path.cwd()  # by a look at the folders, since the skill can be installed where git is not
    top = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), None)
    return top or here, top is not None


def _level(arguments: argparse.Namespace) -> Level | None:
    return Level.PROJECT if arguments.project else Level.USER if arguments.user else None


def _installations(hosts: list[SkillHost], level: Level, project: Path) -> list[Installation]:
    """Return where the skill is, or would be, for these agents: each folder once, also when one is a link to another."""
    folders: dict[str, tuple[Path, list[SkillHost]]] = {}
    for host in hosts:
        folder = host.skills_folder(level, project) / NAME
        folders.setdefault(os.path.realpath(folder), (folder, []))[1].append(host)
    return [Installation(folder, level, tuple(each), tuple(examine(folder))) for folder, each in folders.values()]


def _shown(path: Path) -> str:
    """Return a path as a person would write it: below the working folder, or below the home folder."""
    for base, sign in ((Path.cwd(), "."), (Path.home(), "~")):
        if path.is_relative_to(base) and path != base:
            inside = path.relative_to(base).as_posix()
            return inside if sign == "." else f"{sign}/{inside}"
    return str(path)


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
