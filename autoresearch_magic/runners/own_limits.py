"""The resource limits of this process, put back where a run has lowered them.

A process may set the limits of another one of the same user (prlimit). Where the walls do not keep an experiment from that, a limit of
three open files would make every next file, program and log of the study fail.
"""

from __future__ import annotations

try:
    import resource
except ImportError:  # a system without them
    resource = None  # type: ignore[assignment]

NAMES = ("NOFILE", "FSIZE", "AS", "DATA", "STACK", "NPROC", "CPU", "MEMLOCK", "CORE")


class OwnLimits:
    """The limits of this process when this was made."""

    def __init__(self) -> None:
        self._limits: dict[str, tuple[int, int]] = {}
        self._told: set[str] = set()
        if resource is not None:
            self._limits = {
                name: resource.getrlimit(_number(name)) for name in NAMES if hasattr(resource, f"RLIMIT_{name}")
            }

    @property
    def lowered(self) -> bool:
        """Whether a limit is lower than it was."""
        return any(self._is_lower(name) for name in self._limits)

    def _is_lower(self, name: str) -> bool:
        now, before = resource.getrlimit(_number(name)), self._limits[name]
        return _lower(now[0], before[0]) or _lower(now[1], before[1])

    def restore(self) -> list[str]:
        """Raise every limit that is lower than it was; return a line for each that was, or that cannot be raised again."""
        lines = []
        for name, before in self._limits.items():
            if not self._is_lower(name):
                continue
            try:
                resource.setrlimit(_number(name), before)
                lines.append(
                    f"A limit of the process that runs the study (RLIMIT_{name}) was lowered while a target ran, and was put back."
                )
            except (ValueError, OSError):  # only root may raise the hard limit
                hard = resource.getrlimit(_number(name))[1]
                try:
                    resource.setrlimit(_number(name), (hard, hard))
                except (ValueError, OSError):
                    pass
                if name not in self._told:
                    self._told.add(name)
                    lines.append(
                        f"A limit of the process that runs the study (RLIMIT_{name}) was lowered to {hard} while a target ran, and cannot be put "
                        "back: what is recorded is kept. End this process and resume the study in another one if it fails."
                    )
        return lines


def _number(name: str) -> int:
    return int(getattr(resource, f"RLIMIT_{name}"))


def _lower(now: int, before: int) -> bool:
    infinite = resource.RLIM_INFINITY
    return now != infinite and (before == infinite or now < before)
