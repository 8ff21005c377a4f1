"""The walls round an experiment: what it may read, write and reach, by layers that the system may have.

`Walls` says what is wanted, `probe` which layers work here, and `enter` confines the calling process. `paths` decides what is readable,
`landlock`, `namespaces`, `seccomp`, `limits`, `cgroup` and `sandbox_exec` are the layers. Only a target's process is confined; the
setup is the user's own code.
"""

from __future__ import annotations

from .enclosure import enter
from .probing import probe
from .wanted import DEFAULT, LAYERS, Walls

__all__ = ["DEFAULT", "LAYERS", "Walls", "enter", "probe"]
