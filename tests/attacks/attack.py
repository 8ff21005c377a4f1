"""The files that attacks are written in.

A cell attack is a Python file in `cells/`. Its first comment lines say what must happen, sections follow where it needs its own::

    # attack: the labels are changed in place
    # against: number                     number, walls, record or keys
    # expect: honest-value or no-value    what must happen where the attack is held
    # needs: namespaces or landlock       the layers that hold it, any of them where there is no such line
    # --- setup
    # --- target

A repository attack is a text file in `repositories/`. The files of the repository, and those that the hostile version adds or changes::

    attack: a sitecustomize in the scope
    against: number
    expect: honest-value or no-value
    === repository bench.py
    === version src/sitecustomize.py
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent
AGAINST = ("number", "walls", "record", "keys")
EXPECTED = (
    "honest-value", "no-value", "denied", "crash", "timeout", "out-of-memory", "not-finite", "missing-metric", "metric-error",
    "invalid", "tampered", "guard-failed",
)  # fmt: skip
KNOWN = {
    "attack", "against", "expect", "needs", "metric", "check", "limit", "memory", "budget", "passes", "artifacts", "also",
    "valid", "open", "verify", "guard", "scope", "quota", "link",
}  # fmt: skip


@dataclass(frozen=True)
class Attack:
    """One hostile target or version, and what must happen when it is measured."""

    name: str
    title: str
    against: str
    expect: tuple[str, ...]
    needs: str = ""
    """A Python expression over the names of layers and `root`; the attack must be held where it is true."""
    open: str = ""
    """Why the attack is not held, where it is not."""
    options: dict[str, str] = field(default_factory=dict)
    sections: dict[str, str] = field(default_factory=dict)
    repository: dict[str, str | None] = field(default_factory=dict)
    version: dict[str, str | None] = field(default_factory=dict)
    untracked: dict[str, str | None] = field(default_factory=dict)

    def needed(self, layers: set[str]) -> bool:
        """Return whether the attack must be held where these layers are in use."""
        if not self.needs:
            return True
        names = set(re.findall(r"[a-z_]+", self.needs)) - {"and", "or", "not"}
        return bool(eval(self.needs, {name: name in layers for name in names}))


def _attack(path: Path, head: dict[str, str], **parts) -> Attack:
    assert not (unknown := head.keys() - KNOWN), f"{path.name}: {unknown}"
    against, expected = head["against"], tuple(word.strip() for word in head["expect"].split(" or "))
    assert against in AGAINST, path.name
    assert set(expected) <= set(EXPECTED), f"{path.name}: {expected}"
    rest = {key: value for key, value in head.items() if key not in ("attack", "against", "expect", "needs", "open")}
    return Attack(
        path.stem, head["attack"], against, expected, head.get("needs", ""), head.get("open", ""), rest, **parts
    )


def read_cell(path: Path) -> Attack:
    """Read a cell attack."""
    head, body, sections = {}, [], {}
    lines = path.read_text().splitlines(keepends=True)
    while lines and (found := re.fullmatch(r"# ([a-z]+): (.+)\n", lines[0])):
        head[found[1]] = found[2].strip()
        lines.pop(0)
    name = "target"
    for line in lines:
        if found := re.fullmatch(r"# --- ([a-z]+)\n", line):
            sections[name] = "".join(body)
            name, body = found[1], []
        else:
            body.append(line)
    sections[name] = "".join(body)
    assert set(sections) <= {"target", "setup", "honest", "sealed"}, path.name
    assert sections["target"].strip(), path.name
    return _attack(path, head, sections={key: text for key, text in sections.items() if text.strip()})


def read_repository(path: Path) -> Attack:
    """Read a repository attack."""
    first, *parts = re.split(
        r"^=== (repository|version|untracked|delete) (\S+)\n", path.read_text(), flags=re.MULTILINE
    )
    head = dict(line.split(": ", 1) for line in first.splitlines() if line.strip())
    files: dict[str, dict[str, str | None]] = {"repository": {}, "version": {}, "untracked": {}}
    for kind, place, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if kind == "delete":
            files["version"][place] = None
        else:
            files[kind][place] = text
    return _attack(path, {key: value.strip() for key, value in head.items()}, **files)


def cell_attacks() -> list[Attack]:
    return [read_cell(path) for path in sorted((FOLDER / "cells").glob("*.py"))]


def repository_attacks() -> list[Attack]:
    return [read_repository(path) for path in sorted((FOLDER / "repositories").glob("*.txt"))]
