"""What a study wants its experiments confined to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

LAYERS = ("namespaces", "landlock", "seccomp", "limits", "cgroup", "sandbox-exec")
"""All layers, in the order in which reports name them."""


@dataclass(frozen=True)
class Walls:
    """What experiments of a study may reach.

    Attributes
    ----------
    sandbox : {"auto", "strict", "off"}
        ``auto`` uses the layers that work here, ``strict`` refuses to run where files or network cannot be confined.
    network : {"off", "loopback", "on"}
        ``loopback`` is the machine's own; ``off`` leaves a private one, where there are namespaces.
    read, write : tuple of str
        Paths that experiments may read, or read and write, in addition.
    hidden : tuple of str
        Paths that they may not read, although what is above them may be read.
    programs : tuple of str
        Paths of programs that the study's commands name, whose folders they may read.
    layers : tuple of str or None
        Only these layers; None for all that work here.
    disk : str
        What an experiment may write, such as ``20GB`` or ``50%`` of the free space; also without any layer.
    """

    sandbox: str = "auto"
    network: str = "off"
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    layers: tuple[str, ...] | None = None
    disk: str = "50%"

    @property
    def up(self) -> bool:
        """Whether anything is confined at all."""
        return self.sandbox != "off"

    def wants(self, layer: str) -> bool:
        """Return whether a layer is to be used where it works."""
        return self.up and (self.layers is None or layer in self.layers)

    def to_json(self) -> dict[str, Any]:
        """Return the walls as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Walls:
        """Return the walls that `to_json` has written; without data there are none."""
        if data is None:
            return cls(sandbox="off")
        known = {each.name for each in fields(cls)}
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in data.items() if key in known
        }
        return cls(**values)


DEFAULT = Walls()
"""The layers that work, no network, and only what programs need."""
