"""Which places of the machine an experiment may read and write: a tree of marks, in which the nearest mark above a path decides."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum


class Access(IntEnum):
    """What is allowed at a place and below it."""

    NONE = 0
    READ = 1
    WRITE = 2


@dataclass
class Place:
    """A node of the tree: its mark, and the marked places below it by their names."""

    mark: Access | None = None
    below: dict[str, Place] = field(default_factory=dict)

    def marks(self) -> Iterator[Access]:
        """Yield all marks below this place."""
        for place in self.below.values():
            if place.mark is not None:
                yield place.mark
            yield from place.marks()


class Tree:
    """Marks on absolute paths. Marks on the same path: the smaller access wins, unless it is given as `certain`."""

    def __init__(self, top: Access = Access.READ) -> None:
        self.top = Place(top)

    def mark(self, paths: Iterable[str], access: Access, *, certain: bool = False) -> None:
        """Mark paths, with their links followed."""
        for path in paths:
            place = self.top
            for name in os.path.realpath(path).split("/")[1:]:
                if name:
                    place = place.below.setdefault(name, Place())
            if place.mark is None or certain or access < place.mark:
                place.mark = access

    def access(self, path: str) -> Access:
        """Return what is allowed at a path."""
        place, found = self.top, self.top.mark or Access.NONE
        for name in os.path.realpath(path).split("/")[1:]:
            if name:
                if (below := place.below.get(name)) is None:
                    break
                place = below
                found = found if place.mark is None else place.mark
        return found

    def forget(self, paths: Iterable[str]) -> None:
        """Take the marks of places away."""
        for path in paths:
            place: Place | None = self.top
            for name in path.split("/")[1:]:
                place = place and place.below.get(name)
            if place is not None:
                place.mark = None

    def allowed(self) -> Allowed:
        """Return the tree as rules that only allow: a folder with something closed in it becomes its entries, one by one."""
        found = Allowed()
        _collect(self.top, "/", Access.NONE, found)
        return found


@dataclass
class Allowed:
    """Paths to allow.

    Attributes
    ----------
    read, write : list of str
        With all below them.
    listed : list of str
        Folders of which some entries are closed: their names may be listed.
    """

    read: list[str] = field(default_factory=list)
    write: list[str] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)

    def add(self, path: str, access: Access) -> None:
        """Allow `access` to a path."""
        if access is not Access.NONE:
            (self.write if access is Access.WRITE else self.read).append(path)


def _collect(place: Place, path: str, inherited: Access, found: Allowed) -> None:
    access = inherited if place.mark is None else place.mark
    below = {each for each in place.marks() if each is not access}
    if not any(each < access for each in below):  # only more is allowed below, if anything
        found.add(path, access)
        if not below:
            return
    elif access is not Access.NONE:
        found.listed.append(path)
        try:
            entries = list(os.scandir(path))
        except OSError:
            entries = []
        for entry in entries:
            # What a link leads to is judged where it is.
            if entry.name not in place.below and not entry.is_symlink():
                found.add(entry.path, access)
    for name, each in place.below.items():
        _collect(each, f"{path.rstrip('/')}/{name}", access, found)


@dataclass(frozen=True)
class Step:
    """A place where the access changes: it is closed, or opened inside of what is closed or only readable."""

    path: str
    access: Access


def steps(tree: Tree) -> list[Step]:
    """Return the places where a tree's access changes, outer ones first."""
    found: list[Step] = []
    _changes(tree.top, "/", tree.top.mark or Access.NONE, found)
    return found


def _changes(place: Place, path: str, inherited: Access, found: list[Step]) -> None:
    access = inherited if place.mark is None else place.mark
    if access is not inherited:
        found.append(Step(path, access))
    for name, each in place.below.items():
        _changes(each, f"{path.rstrip('/')}/{name}", access, found)
