"""Pack a study's objects and references, so that a long study is not tens of thousands of files.

Git writes each commit, tree and file of an experiment as a file of its own. From time to time what has come since is written into a
pack, and the files that the pack replaces are deleted. Nothing else is touched: in the user's repository only objects of
the study's commits that are not part of the user's own history are packed, and neither ``git gc`` nor ``git repack`` is run.

The order makes it safe to be killed at any moment: git writes a pack in a folder where it does not look for packs; the pack's name
is noted in the study's folder; the pack is moved to the others, its index last; then the loose files go whose objects are in it.
What was left by a kill is deleted the next time.
Other git processes that run meanwhile look for the packs again where they miss an object.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from ...errors import UserError
from .commits import Commits

MOST_PACKS = 8
"""Packs of one study, beyond which they are put together."""

NOTE = "packs"
"""The file in the study's folder that has the names of its packs, one a line."""


class Packing:
    """Packs the objects of one study's commits.

    Parameters
    ----------
    repository : Commits
    folder : Path
        The study's.
    """

    def __init__(self, repository: Commits, folder: Path) -> None:
        self._repository, self._note = repository, folder / NOTE
        self._tidied = False

    def pack(self) -> None:
        """Pack what is new, and delete the files that it stood in.

        Raises
        ------
        UserError
            When git fails; nothing is lost then.
        """
        place = Path(self._repository.run("rev-parse", "--git-path", "objects").strip())
        objects = place if place.is_absolute() else self._repository.folder / place
        known = self._names(objects)
        if not self._tidied:  # what a killed process has left
            shutil.rmtree(self._unmoved(objects), ignore_errors=True)
            for name in known:
                self._delete_loose(objects, self._content(objects, name))
            self._tidied = True
        if made := self._write(objects, self._listed("--unpacked"), known):
            known = [*known, made]
            self._delete_loose(objects, self._content(objects, made))
        if len(known) > MOST_PACKS:
            self._put_together(objects, known)
        self._repository.pack_references()

    def _listed(self, *options: str) -> str:
        """Return the names of all objects of the study's commits, a line each, without those of the user's own history."""
        tips = set(self._repository.commits().values())
        base = [f"^{self._repository.base}"] if self._repository.base else []
        given = "".join(f"{name}\n" for name in [*sorted(tips), *base])
        return self._repository.run("rev-list", "--objects", "--no-object-names", *options, "--stdin", given=given)

    def _unmoved(self, objects: Path) -> Path:
        """Return the folder for packs that are not yet noted; git does not look into it."""
        return objects / self._repository.branch.replace("/", "-")

    def _write(self, objects: Path, listed: str, known: list[str]) -> str:
        """Write a pack of objects, note it beside the known ones, and return its name; empty for no objects."""
        if not listed.strip():
            return ""
        folder = self._unmoved(objects)
        folder.mkdir(exist_ok=True)
        prefix = str((folder / "pack").absolute())
        made = self._repository.run("pack-objects", "--quiet", "--threads=1", prefix, given=listed).strip()
        self._noted([*(name for name in known if name != made), made])
        self._move(folder, objects / "pack")
        return made

    def _move(self, folder: Path, packs: Path) -> None:
        """Move what git wrote to its other packs."""
        packs.mkdir(exist_ok=True)
        # The index comes last: without it, a pack is none.
        for path in sorted(folder.iterdir(), key=lambda path: path.suffix == ".idx"):
            path.replace(packs / path.name)
        folder.rmdir()

    def _put_together(self, objects: Path, known: list[str]) -> None:
        """Make one pack of all objects of the study, and delete those packs of which it has everything."""
        made = self._write(objects, self._listed(), known)
        if not made:
            return
        held = set(self._content(objects, made))
        for name in known:
            if name != made and set(self._content(objects, name)) <= held:
                for suffix in (".idx", ".rev", ".pack"):  # without an index, a pack is none
                    _pack(objects, name, suffix).unlink(missing_ok=True)
        self._noted([name for name in dict.fromkeys([*known, made]) if _whole(objects, name)])

    def _content(self, objects: Path, name: str) -> list[str]:
        """Return the names of a pack's objects."""
        listed = self._repository.run("show-index", given=_pack(objects, name, ".idx").read_bytes())
        return [line.split()[1] for line in listed.splitlines()]

    def _delete_loose(self, objects: Path, names: list[str]) -> None:
        """Delete the files of objects, of which most may be gone."""
        by_folder: dict[str, list[str]] = {}
        for name in names:
            by_folder.setdefault(name[:2], []).append(name[2:])
        for folder, files in by_folder.items():
            with suppress(OSError):
                for file in {*os.listdir(objects / folder)}.intersection(files):
                    (objects / folder / file).unlink(missing_ok=True)

    def _names(self, objects: Path) -> list[str]:
        """Return the study's packs that are there: a person's ``git gc`` may have put them into another."""
        try:
            noted = self._note.read_text().split()
        except (OSError, UnicodeDecodeError):
            return []
        return [name for name in noted if name.isalnum() and _whole(objects, name)]

    def _noted(self, names: list[str]) -> None:
        new = self._note.with_name(f"{NOTE}.new")
        new.write_text("".join(f"{name}\n" for name in names))
        new.replace(self._note)


def _pack(objects: Path, name: str, suffix: str) -> Path:
    return objects / "pack" / f"pack-{name}{suffix}"


def _whole(objects: Path, name: str) -> bool:
    return _pack(objects, name, ".pack").is_file() and _pack(objects, name, ".idx").is_file()


def packed_quietly(packing: Packing) -> str:
    """Pack; return why that was not possible, in one line, and an empty text where it was."""
    try:
        packing.pack()
    except (UserError, OSError, ValueError, IndexError) as error:
        return " ".join(str(error).split())[:300]
    return ""
