"""Skills: program templates, each a folder with a ``SKILL.md`` and, mostly, an example that it works on as it stands.

The form is that of Agent Skills: YAML front matter with a name and a description, then the program, whose settings stand in a
paragraph of ``Key: value`` lines. One's own come before those that are built in: a folder below ``.autoresearch/skills``,
``~/.config/autoresearch/skills``, or one of the folders that ``AUTORESEARCH_SKILLS`` names.

Not here: what a program's settings mean (`program`), and playing recorded edits back (`agents.recorded`).
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from ..errors import UserError
from ..storage.folders import ROOT

VARIABLE = "AUTORESEARCH_SKILLS"
BUILT_IN = Path(__file__).parents[1] / "skills"
FILE, EXAMPLE, RECORDED = "SKILL.md", "example", "recorded"

_FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LONGEST = {"name": 64, "description": 1024}  # what the form of Agent Skills allows
_IGNORED = "__pycache__/\n*.pyc\n.coverage\n.autoresearch/\n"
_WHO = "autoresearch"


@dataclass(frozen=True)
class Skill:
    """A program template.

    Attributes
    ----------
    name : str
        Small letters, digits and hyphens.
    description : str
        What it does and when to use it.
    text : str
        The program, without the front matter.
    folder : Path
        Where its ``SKILL.md`` is.
    source : str
        ``built in``, or the folder's path.
    """

    name: str
    description: str
    text: str
    folder: Path
    source: str

    @property
    def example(self) -> Path | None:
        """The folder of the example that comes with it; None when there is none."""
        folder = self.folder / EXAMPLE
        return folder if folder.is_dir() else None

    @property
    def recorded(self) -> tuple[Path, ...]:
        """The recorded replies of an agent that has worked on the example, in their order."""
        return tuple(sorted((self.folder / RECORDED).glob("*.md")))


def skill_folders(root: str | Path = ".") -> list[Path]:
    """Return the folders in which skills are looked for, the one that wins first; they need not exist.

    Parameters
    ----------
    root : str or Path
        Where ``.autoresearch`` is.
    """
    named = [Path(part).expanduser() for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part.strip()]
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return [*named, Path(root) / ROOT / "skills", Path(config).expanduser() / "autoresearch" / "skills", BUILT_IN]


def read_skills(folders: Sequence[Path] | None = None) -> tuple[list[Skill], list[str]]:
    """Read all skills.

    Parameters
    ----------
    folders : sequence of Path, optional
        Where to look, the one that wins first; without it `skill_folders`.

    Returns
    -------
    skills : list of Skill
        By name, each once.
    problems : list of str
        One line for each ``SKILL.md`` that was skipped, and why.
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
    """Return all skills by name; see `read_skills`."""
    return read_skills(folders)[0]


def find_skill(name: str, folders: Sequence[Path] | None = None) -> Skill:
    """Return the skill of that name.

    Raises
    ------
    UserError
        When there is none: with the names that are like it, else all.
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
        When its front matter is missing or broken: one line that names the file.
    """
    where = path.as_posix()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The skill {where} cannot be read ({error}): skipped.") from None
    matter = _FRONT_MATTER.match(text)
    if matter is None:
        raise UserError(f"The skill {where} has no front matter: begin it with  ---  name: …  description: …  ---")
    try:
        loaded = yaml.safe_load(matter[1])
    except yaml.YAMLError as error:
        raise UserError(
            f"The skill {where} has front matter that is not YAML: {' '.join(str(error).split())}."
        ) from None
    values = {str(key): value for key, value in loaded.items()} if isinstance(loaded, dict) else {}
    for key, longest in _LONGEST.items():
        value = values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise UserError(f"The skill {where} has no {key}: write  {key}: …  into its front matter.")
        if len(value) > longest:
            raise UserError(f"The skill {where} has a {key} of {len(value)} characters: {longest} are allowed.")
    name = values["name"].strip()
    if not _NAME.fullmatch(name):
        raise UserError(f"The skill {where} is called {name!r}: use small letters, digits and single hyphens.")
    folder = path.parent
    source = "built in" if folder.parent.resolve() == BUILT_IN.resolve() else folder.as_posix()
    return Skill(name, " ".join(values["description"].split()), text[matter.end() :].strip(), folder, source)


def as_cell(skill: Skill, options: str = "") -> str:
    """Return a notebook cell that runs the skill's program: ``%%autoresearch``, options, and the text below it.

    The front matter is left out: it is for lists of skills, and the text has a heading of its own.
    """
    return f"{f'%%autoresearch {options}'.rstrip()}\n{skill.text}\n"


def copy_example(skill: Skill, into: str | Path) -> Path:
    """Copy a skill's example, and its program as ``program.md``, into a folder, and make that a git repository with one commit.

    Parameters
    ----------
    skill : Skill
    into : str or Path
        A folder that is empty, or is made.

    Returns
    -------
    Path
        The folder, absolute.

    Raises
    ------
    UserError
        When there is no example, the folder is not empty, or git fails.
    """
    if skill.example is None:
        raise UserError(f"The skill {skill.name} has no example: its folder is {skill.folder}.")
    folder = Path(into).expanduser().absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is there and not empty: name a new folder for the example.")
    shutil.copytree(
        skill.example, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".coverage")
    )
    (folder / "program.md").write_text(skill.text + "\n", encoding="utf-8")
    ignored = folder / ".gitignore"
    if not ignored.exists():
        ignored.write_text(_IGNORED, encoding="utf-8")
    _git(folder, "init", "--quiet", "--template=")
    _git(folder, "symbolic-ref", "HEAD", "refs/heads/main")
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", f"--message=The example of the skill {skill.name}")
    return folder


def _git(folder: Path, *arguments: str) -> None:
    # The user's own configuration stays out: it may ask for a signature, a hook, or a name that is not set.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    ours = {
        "HOME": os.devnull, "XDG_CONFIG_HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C",
        "GIT_AUTHOR_NAME": _WHO, "GIT_AUTHOR_EMAIL": f"{_WHO}@localhost",
        "GIT_COMMITTER_NAME": _WHO, "GIT_COMMITTER_EMAIL": f"{_WHO}@localhost",
    }  # fmt: skip
    command = ["git", "-c", f"core.hooksPath={os.devnull}", *arguments]
    try:
        done = subprocess.run(command, cwd=folder, env={**kept, **ours}, capture_output=True, text=True)
    except FileNotFoundError:
        raise UserError("git was not found: install it and start again.") from None
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise UserError(f"git {arguments[0]} in {folder} failed: {said}")
