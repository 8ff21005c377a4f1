"""How the unchanged version of a repository behaves: what other versions are measured by, beside the number itself.

It is written beside the folder of the runs, where runs are not let, so that a resumed study knows it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .summaries import Counts


@dataclass(frozen=True)
class Behaviour:
    """What a command did on the unchanged version.

    Attributes
    ----------
    touched : tuple of str
        Files of the version that it wrote, or whose times or permissions it changed.
    summaries : Mapping of str to Counts
        Of test runners in its output.
    imports : tuple of str
        Modules that it imported from the folder of its run and that are installed as well.
    """

    touched: tuple[str, ...] = ()
    summaries: Mapping[str, Counts] = field(default_factory=dict)
    imports: tuple[str, ...] = ()


class Unchanged:
    """The behaviours of a study's commands on its unchanged version.

    Parameters
    ----------
    place : Path
        Their file.
    commit : str
    base : Mapping[str, str]
        The target's files.
    """

    def __init__(self, place: Path, commit: str, base: Mapping[str, str]) -> None:
        self._place = place
        text = "\0".join([commit, *(f"{path}\0{base[path]}" for path in sorted(base))])
        self._of = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        self._known = self._read()

    def _read(self) -> dict[str, Behaviour]:
        try:
            stored = json.loads(self._place.read_text("utf-8"))
            if stored["of"] != self._of:
                return {}
            return {
                command: Behaviour(
                    tuple(each["touched"]),
                    {name: Counts(**c) for name, c in each["summaries"].items()},
                    tuple(each.get("imports", ())),
                )
                for command, each in stored["commands"].items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def get(self, command: str) -> Behaviour | None:
        """Return what is known of a command; None before it has run on the unchanged version, here or by another runner of the study."""
        if command not in self._known:
            self._known = self._read() | self._known
        if command not in self._known:  # it may have run in another slot
            self._known = {**self._read(), **self._known}
        return self._known.get(command)

    def note(
        self, command: str, touched: Sequence[str], summaries: Mapping[str, Counts], imports: Sequence[str] = ()
    ) -> None:
        """Note a run on the unchanged version. Of several, what any of them touched, and the fewest tests."""
        before = self._known.get(command)
        if before is not None:
            touched = sorted({*before.touched, *touched})
            imports = sorted({*before.imports, *imports})
            summaries = {
                name: min(counts, summaries[name], key=lambda c: c.passed)
                for name, counts in before.summaries.items() if name in summaries
            }  # fmt: skip
        found = Behaviour(tuple(touched), dict(summaries), tuple(imports))
        if found == before:
            return
        self._known[command] = found
        stored = {"of": self._of, "commands": {name: asdict(each) for name, each in self._known.items()}}
        fresh = self._place.with_name(f"{self._place.name}.{id(self)}.new")
        try:
            fresh.write_text(json.dumps(stored), "utf-8")
            fresh.replace(self._place)
        except OSError:  # a study resumed later runs the command again
            return

    def forget(self) -> None:
        """Delete the file."""
        self._place.unlink(missing_ok=True)
