"""Skills: program templates, each a folder with a ``SKILL.md`` and usually an example to try it on.

``SKILL.md`` has the format of Agent Skills: YAML front matter with a name and a description, then the program with its
settings as ``Key: value`` lines. The user's own skills override the built-in ones; they are folders in ``.autoresearch/skills``,
in ``~/.config/autoresearch/skills``, or in one of the folders that the environment variable ``AUTORESEARCH_SKILLS`` lists.

Not here: the meaning of a program's settings (`program`), and the replay of recorded edits (`agents.recorded`).
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..storage.folders import ROOT
from ..storage.git.command import GitFailed, git
from .program import split_front_matter

VARIABLE = "AUTORESEARCH_SKILLS"
BUILT_IN = Path(__file__).parents[1] / "skills"
FILE, EXAMPLE, RECORDED = "SKILL.md", "example", "recorded"

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LONGEST = {"name": 64, "description": 1024}  # limits of the Agent Skills format
_IGNORED = "__pycache__/\n*.pyc\n.coverage\n.autoresearch/\n"
_AUTHOR = "autoresearch"
_GIT = {
    "HOME": os.devnull, "XDG_CONFIG_HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": _AUTHOR, "GIT_AUTHOR_EMAIL": f"{_AUTHOR}@localhost",
    "GIT_COMMITTER_NAME": _AUTHOR, "GIT_COMMITTER_EMAIL": f"{_AUTHOR}@localhost",
}  # fmt: skip
"""Hides the user's git configuration, which may ask for a signature, a hook, or a name that is not set."""


@dataclass(frozen=True)
class Skill:
    """A program template.

    Attributes
    ----------
    name : str
        Lower-case letters, digits and hyphens.
    description : str
        What it does and when to use it.
    text : str
        The program, without the front matter.
    folder : Path
        The folder of its ``SKILL.md``.
    origin : str
        ``built in``, or the folder's path.
    """

    name: str
    description: str
    text: str
    folder: Path
    origin: str

    @property
    def example(self) -> Path | None:
        """The folder of the example; None when there is none."""
        folder = self.folder / EXAMPLE
        return folder if folder.is_dir() else None

    @property
    def recorded(self) -> tuple[Path, ...]:
        """The files with an agent's recorded replies on the example, in order."""
        return tuple(sorted((self.folder / RECORDED).glob("*.md")))


def skill_folders(root: str | Path = ".") -> list[Path]:
    """Return the folders that may hold skills, in order of precedence; they need not exist.

    Parameters
    ----------
    root : str or Path
        The folder of ``.autoresearch``.
    """
    named = [Path(part).expanduser() for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part.strip()]
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return [*named, Path(root) / ROOT / "skills", Path(config).expanduser() / "autoresearch" / "skills", BUILT_IN]


def read_skills(folders: Sequence[Path] | None = None) -> tuple[list[Skill], list[str]]:
    """Read all skills.

    Parameters
    ----------
    folders : sequence of Path, optional
        Where to look, in order of precedence; by default `skill_folders`.

    Returns
    -------
    skills : list of Skill
        Sorted by name, each name once.
    problems : list of str
        One line for each ``SKILL.md`` that was skipped, with the reason.
    """
    found: dict[str, Skill] = {}
    problems: list[str] = []
    for folder in skill_folders() if folders is None else folders:
        for path in sorted(Path(folder).glob(f"*/{FILE}")):
            try:
                skill = read_skill(path)
            except UserError as error:
                problems.append(str(error))
            else:
                found.setdefault(skill.name, skill)
    return [found[name] for name in sorted(found)], problems


def list_skills(folders: Sequence[Path] | None = None) -> list[Skill]:
    """Return all skills, sorted by name; see `read_skills`."""
    return read_skills(folders)[0]


def find_skill(name: str, folders: Sequence[Path] | None = None) -> Skill:
    """Return the skill with a name.

    Raises
    ------
    UserError
        When there is none; it lists similar names, or else all.
    """
    skills, problems = read_skills(folders)
    for skill in skills:
        if skill.name == name.strip().lower():
            return skill
    if broken := next((problem for problem in problems if f"/{name}/{FILE}" in problem), ""):
        raise UserError(broken)
    names = [skill.name for skill in skills]
    near = difflib.get_close_matches(name.strip().lower(), names, n=2)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names) or 'none'}."
    raise UserError(f"There is no skill {name!r}: {hint}")


def read_skill(path: Path) -> Skill:
    """Read one ``SKILL.md``.

    Raises
    ------
    UserError
        When its front matter is missing or invalid; one line that names the file.
    """
    where = path.as_posix()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The skill {where} cannot be read ({error}): skipped.") from None
    matter, body = split_front_matter(text, f"The skill {where}")
    if body == text:
        raise UserError(f"The skill {where} has no front matter: begin it with  ---  name: …  description: …  ---")
    values = {str(key): value for key, value in matter.items()} if isinstance(matter, dict) else {}
    for key, longest in _LONGEST.items():
        value = values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise UserError(f"The skill {where} has no {key}: write  {key}: …  into its front matter.")
        if len(value) > longest:
            raise UserError(f"The skill {where} has a {key} of {len(value)} characters: {longest} are allowed.")
    name = values["name"].strip()
    if not _NAME.fullmatch(name):
        raise UserError(f"The skill {where} is called {name!r}: use lower-case letters, digits and single hyphens.")
    folder = path.parent
    origin = "built in" if folder.parent.resolve() == BUILT_IN.resolve() else folder.as_posix()
    return Skill(name, " ".join(values["description"].split()), body.strip(), folder, origin)


def as_cell(skill: Skill, options: str = "") -> str:
    """Return a notebook cell that runs the skill's program: ``%%autoresearch`` with options, and the program below it."""
    return f"{f'%%autoresearch {options}'.rstrip()}\n{skill.text}\n"


def copy_example(skill: Skill, into: str | Path) -> Path:
    """Copy a skill's example, with its program as ``program.md``, to a new git repository with one commit.

    Parameters
    ----------
    skill : Skill
    into : str or Path
        The new folder; it may exist if it is empty.

    Returns
    -------
    Path
        The folder's absolute path.

    Raises
    ------
    UserError
        When there is no example, the folder is not empty, or git fails.
    """
    if skill.example is None:
        raise UserError(f"The skill {skill.name} has no example: its folder is {skill.folder}.")
    folder = Path(into).expanduser().absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} exists and is not empty: name a new folder for the example.")
    shutil.copytree(
        skill.example, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".coverage")
    )
    (folder / "program.md").write_text(skill.text + "\n", encoding="utf-8")
    ignored = folder / ".gitignore"
    if not ignored.exists():
        ignored.write_text(_IGNORED, encoding="utf-8")
    try:
        git(folder, "init", "--quiet", "--template=", env=_GIT)
        git(folder, "symbolic-ref", "HEAD", "refs/heads/main", env=_GIT)
        git(folder, "add", "--all", env=_GIT)
        git(folder, "commit", "--quiet", f"--message=The example of the skill {skill.name}", env=_GIT)
    except GitFailed as error:
        raise UserError(f"The example could not become a git repository in {folder}: {error}") from None
    return folder
