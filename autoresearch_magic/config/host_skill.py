"""The skill that teaches a coding agent to drive a study: its files, and writing them into a folder and removing them.

It has the form of Agent Skills: a folder with the skill's name, in it ``SKILL.md`` (front matter with a name and a
description, then the instructions) and the folder ``references``, which is read when it is needed. The text is
``host_skill/SKILL.md``; the references are made from the program templates in ``skills/``, whose text is in one place only.

Every file that is written ends in a comment with the version and a hash of the text above. It tells a file of ours from one
that somebody has changed since, and from one that we did not write; only the first kind is ever replaced or deleted.

Not here: which agent looks where (`skill_hosts`), and the program templates themselves (`skills`).
"""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from .. import __version__
from ..errors import UserError
from ..runners.output.metric_reader import describe_formats
from .skills import BUILT_IN, Skill, read_skills

NAME = "autoresearch-magic"
"""The skill's name and folder. Not ``autoresearch``: the generalised skill has that name, and both may be installed."""

FILE, REFERENCES = "SKILL.md", "references"
PROGRAMS = f"{REFERENCES}/program.md"
TEXT = Path(__file__).parents[1] / "host_skill"

ALIASES = {"latency": "api-latency", "train": "train-lm"}
"""Short names of presets whose template has a longer one."""

ACTIONS = ("install", "show", "remove", "list")
"""What ``autoresearch skill`` does in a terminal."""

_MARK = re.compile(r"\n<!-- autoresearch_magic (\S+), sha256 ([0-9a-f]{16}): [^\n]* -->[ \t\r]*(?=\n|\Z)")
_LEFT_OUT = re.compile(r"^Agent: .*\n", re.MULTILINE)


class State(StrEnum):
    """What stands at the path of one of the skill's files; the value is how a list shows it."""

    MISSING = "not there"
    CURRENT = "up to date"
    OTHER = "of another version"
    EDITED = "changed by somebody since"
    FOREIGN = "not ours"

    @property
    def ours(self) -> bool:
        """Whether it may be replaced or deleted: nobody has put anything into it."""
        return self in (State.CURRENT, State.OTHER)


@dataclass(frozen=True)
class SkillFile:
    """One file of the skill, or one that stands where the skill is.

    Attributes
    ----------
    path : Path
    state : State
    text : str or None
        What this version writes there; None for a file of another version that this one has no more.
    version : str
        The version that wrote what stands there; empty where we did not.
    """

    path: Path
    state: State
    text: str | None
    version: str = ""


def not_in_a_notebook(action: str) -> str:
    """Return the message for an action of the terminal that was asked of the magic of the same name."""
    return (
        f"skill {action} is for the skill that your coding agent reads, and a command of the terminal: !autoresearch skill "
        f"{action} . Here  skill NAME  puts a program template into a cell."
    )


def presets() -> dict[str, Skill]:
    """Return the built-in program templates by the name under which the skill offers them."""
    short = {name: alias for alias, name in ALIASES.items()}
    return {short.get(skill.name, skill.name): skill for skill in read_skills([BUILT_IN])[0]}


def skill_texts() -> dict[str, str]:
    """Return the text of every file of the skill, by its path in the skill's folder, without the mark."""
    table = "\n".join(f"| {name} | {skill.description} | `{_reference(name)}` |" for name, skill in presets().items())
    texts = {
        FILE: _filled(FILE, {"version": __version__, "presets": table}),
        PROGRAMS: _filled("program.md", {"formats": _formats()}),
    }
    return texts | {_reference(name): _preset_text(name, skill) for name, skill in presets().items()}


def skill_files() -> dict[str, str]:
    """Return what is written into every file of the skill, by its path in the skill's folder."""
    return {path: marked(text) for path, text in skill_texts().items()}


def marked(text: str) -> str:
    """Return a text with the mark that says who wrote it, as its last line."""
    body = text.rstrip()
    return f"{body}\n\n<!-- autoresearch_magic {__version__}, sha256 {_digest(body)}: written by  autoresearch skill install -->\n"


def examine(folder: Path) -> list[SkillFile]:
    """Return the files of the skill in its folder, those of other versions included, and what stands at their paths.

    Files of the user's in that folder that no version writes are not among them.
    """
    wanted = skill_files()
    found = [_examined(folder / path, text) for path, text in wanted.items()]
    old = (
        _examined(path, None)
        for path in sorted([*folder.glob("*.md"), *folder.glob(f"{REFERENCES}/*.md")])
        if path.relative_to(folder).as_posix() not in wanted
    )
    return [*found, *(file for file in old if file.state in (State.OTHER, State.EDITED))]


def write(files: Iterable[SkillFile]) -> list[tuple[Path, Path]]:
    """Write the skill's files, and return the copies that were made of files that are not ours: path and copy.

    Parameters
    ----------
    files : iterable of SkillFile
        From `examine`. A file that nobody changed is replaced; any other that is in the way is copied first.
    """
    copies: list[tuple[Path, Path]] = []
    for file in files:
        if file.state is State.CURRENT:
            continue
        if not file.state.ours and file.state is not State.MISSING:
            copies.append((file.path, _set_aside(file.path)))
        if file.text is None:
            file.path.unlink(missing_ok=True)
            continue
        file.path.parent.mkdir(parents=True, exist_ok=True)
        beside = file.path.with_name(f".{file.path.name}.new")
        beside.write_text(file.text, encoding="utf-8")
        beside.replace(file.path)
    return copies


def remove(folder: Path, files: Iterable[SkillFile]) -> list[Path]:
    """Delete the files that are ours, then the folders that are empty, and return what was deleted."""
    gone = [file.path for file in files if file.state.ours]
    for path in gone:
        path.unlink()
    for empty in (folder / REFERENCES, folder, folder.parent, folder.parent.parent):  # such as .agents/skills, .agents
        if empty.is_dir() and not empty.is_symlink() and not any(empty.iterdir()):
            empty.rmdir()
            gone.append(empty)
    return gone


def summary(files: Iterable[SkillFile]) -> str:
    """Return the state of a whole installation in a few words, such as ``0.1.0, up to date``."""
    there = [file for file in files if file.state is not State.MISSING]
    every = {file.state for file in there}
    if not there:
        return "not installed"
    versions = ", ".join(sorted({file.version for file in there if file.version}))
    for state in (State.FOREIGN, State.EDITED):
        if state in every:
            names = ", ".join(file.path.name for file in there if file.state is state)
            return f"{names}: {state}"
    complete = len([file for file in there if file.text is not None]) == len(skill_texts())
    return (
        f"{versions}, {State.CURRENT}"
        if complete and every == {State.CURRENT}
        else f"{versions}, install again to update"
    )


def preset_name(name: str) -> str:
    """Return a preset's name from that or its template's name.

    Raises
    ------
    UserError
        When there is none.
    """
    known = presets()
    short = {skill.name: alias for alias, skill in known.items()}.get(name, name)
    if short not in known:
        raise UserError(f"There is no preset {name!r}: there are {', '.join(known)}.")
    return short


def _reference(name: str) -> str:
    return f"{REFERENCES}/{name}.md"


def _filled(name: str, values: Mapping[str, str]) -> str:
    text = (TEXT / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"{{{{{key}}}}}", value)
    return text


def _formats() -> str:
    return "\n".join(f"- {line}" for line in describe_formats().splitlines())


def _preset_text(name: str, skill: Skill) -> str:
    program = _LEFT_OUT.sub("", skill.text)  # who proposes is the agent that reads this
    example = (
        f"See it at work on its example first, if you like: `autoresearch init {skill.name} FOLDER` makes a small repository,\n"
        "with this program as its program.md.\n\n"
        if skill.example
        else ""
    )
    return (
        f"# Preset: {name}\n\n{skill.description}\n\n"
        "Write a program.md like the one below into the user's repository. Its files and commands are those of an example:\n"
        "replace them, and the sentences that speak of them, by the user's own. Keep the rest; it has been tried.\n\n"
        f"{example}```markdown\n{program}\n```\n"
    )


def _examined(path: Path, text: str | None) -> SkillFile:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        return SkillFile(path, State.FOREIGN, text)
    try:
        there = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return SkillFile(path, State.MISSING, text)
    except UnicodeDecodeError:
        return SkillFile(path, State.FOREIGN, text)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return SkillFile(path, State.FOREIGN, text)
    mark = _MARK.search(there)
    if mark is None:
        return SkillFile(path, State.FOREIGN, text)
    whole = _digest(there[: mark.start()]) == mark[2] and not there[mark.end() :].strip()
    same = text is not None and _lines(there) == _lines(text)
    state = State.CURRENT if same else State.OTHER if whole else State.EDITED
    return SkillFile(path, state, text, mark[1])


def _digest(text: str) -> str:
    """Return the hash of a text without the ends of its lines, which git may convert."""
    return hashlib.sha256("\n".join(_lines(text)).encode()).hexdigest()[:16]


def _lines(text: str) -> list[str]:
    return text.rstrip().splitlines()


def _set_aside(path: Path) -> Path:
    """Rename a file that is in the way, and return its new name."""
    number = 1
    while (aside := path.with_name(f"{path.name}.before-{number}")).exists() or aside.is_symlink():
        number += 1
    path.rename(aside)
    return aside
