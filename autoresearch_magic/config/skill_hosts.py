"""The coding agents that read skills, and the folders where each one looks for them.

Read from each program's documentation on the date of `READ_ON`. Four of the five share one folder, ``.agents/skills``, so a
skill that is written once there is found by all four, and none of them sees it twice. The tests hold this table.

Not here: how these agents are started to propose changes (`agents.editing.adapters`), and what the skill says (`host_skill`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ..errors import UserError

READ_ON = "2026-11-28"
"""When the documentation was read."""


class Level(StrEnum):
    """For whom a skill is installed."""

    PROJECT = "project"
    USER = "user"


@dataclass(frozen=True)
class SkillHost:
    """A coding agent that reads skills.

    Attributes
    ----------
    name : str
        What ``--for`` takes.
    title : str
    programs : tuple of str
        Any of these on the PATH says that it is installed.
    marks : tuple of str
        Any of these files or folders in a project says that it is used there.
    home : str
        Its folder in the user's home, which says that it is used on this machine.
    project : str
        The skills folder in a project.
    user : str
        The skills folder for all projects.
    variable : str
        The environment variable that moves `home`, and `user` where that is inside of it.
    also : str
        What else it reads.
    source : str
        The page that says so.
    """

    name: str
    title: str
    programs: tuple[str, ...]
    marks: tuple[str, ...]
    home: str
    project: str
    user: str
    variable: str
    also: str
    source: str

    def skills_folder(self, level: Level, project: Path) -> Path:
        """Return the folder in which it looks for skills."""
        if level is Level.PROJECT:
            return project / self.project
        inside = Path(self.user).is_relative_to(self.home)
        return self._home() / Path(self.user).relative_to(self.home) if inside else Path(self.user).expanduser()

    def why_found(self, project: Path) -> str:
        """Return what shows that it is used here, such as ``the program claude``; empty when nothing does."""
        for mark in self.marks:
            if (project / mark).exists():
                return f"{mark} in the project"
        for program in self.programs:
            if shutil.which(program):
                return f"the program {program}"
        return f"the folder {self.home}" if self._home().is_dir() else ""

    def _home(self) -> Path:
        moved = os.environ.get(self.variable) if self.variable else ""
        return Path(moved or self.home).expanduser()


HOSTS: dict[str, SkillHost] = {
    host.name: host
    for host in (
        # CLAUDE_CONFIG_DIR stands for ~/.claude itself: anthropics/claude-code, issue 55065.
        SkillHost(
            "claude", "Claude Code", ("claude",), (".claude", "CLAUDE.md"), "~/.claude",
            ".claude/skills", "~/.claude/skills", "CLAUDE_CONFIG_DIR",
            "", "https://code.claude.com/docs/en/skills",
        ),
        # CODEX_HOME moves ~/.codex, whose folder skills is read for old skills only; the user's skills are not in it.
        SkillHost(
            "codex", "Codex", ("codex",), (".codex",), "~/.codex",
            ".agents/skills", "~/.agents/skills", "CODEX_HOME",
            "~/.codex/skills", "https://developers.openai.com/codex/skills",
        ),
        SkillHost(
            "gemini", "Gemini CLI", ("gemini",), (".gemini", "GEMINI.md"), "~/.gemini",
            ".agents/skills", "~/.agents/skills", "",
            ".gemini/skills", "https://geminicli.com/docs/cli/using-agent-skills/",
        ),
        SkillHost(
            "opencode", "OpenCode", ("opencode",), (".opencode", "opencode.json", "opencode.jsonc"), "~/.config/opencode",
            ".agents/skills", "~/.agents/skills", "",
            ".opencode/skills, .claude/skills", "https://opencode.ai/docs/skills/",
        ),
        SkillHost(
            "cursor", "Cursor", ("cursor-agent", "cursor"), (".cursor", ".cursorrules"), "~/.cursor",
            ".agents/skills", "~/.cursor/skills", "",
            ".cursor/skills, .claude/skills, .codex/skills", "https://cursor.com/docs/context/skills",
        ),
    )
}  # fmt: skip
"""The coding agents by name, in the order in which they are listed."""

_OTHER_NAMES = {"claude-code": "claude", "gemini-cli": "gemini", "cursor-agent": "cursor"}


def named_hosts(text: str) -> list[SkillHost]:
    """Return the agents of a list of names, ``claude`` or ``claude,codex``, each once.

    Raises
    ------
    UserError
        For a name that is none of theirs.
    """
    names = [_OTHER_NAMES.get(word, word) for word in (part.strip().lower() for part in text.split(",")) if word]
    for name in names or [""]:
        if name == "aider":
            raise UserError(
                "Aider reads no skills: write the text with  autoresearch skill show > autoresearch.md  and start it with  "
                "aider --read autoresearch.md"
            )
        if name not in HOSTS:
            raise UserError(f"--for takes {', '.join(HOSTS)}, or several of them with commas, not {name!r}.")
    return [HOSTS[name] for name in dict.fromkeys(names)]


def found_hosts(project: Path) -> list[tuple[SkillHost, str]]:
    """Return the agents that are used in a project or installed on this machine, and what shows it."""
    reasons = ((host, host.why_found(project)) for host in HOSTS.values())
    return [(host, why) for host, why in reasons if why]


def readers(project_folder: str, hosts: Sequence[SkillHost] = ()) -> list[SkillHost]:
    """Return the agents, other than `hosts`, that look into a skills folder of a project."""
    return [host for host in HOSTS.values() if host.project == project_folder and host not in hosts]
