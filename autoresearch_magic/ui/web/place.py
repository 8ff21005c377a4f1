"""Port and token of a study's page, which stay the same from one start of the server to the next, so that open tabs find it again."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from ..loopback import SHORTEST

NAME = "web.json"
"""The file in the study's folder; its owner alone may read it."""


@dataclass(frozen=True)
class WebPlace:
    """Where a study's page was served last: port and token."""

    port: int
    token: str


def read_place(folder: Path) -> WebPlace | None:
    """Return where the page of the study in a folder was served last; None where it was not, or others could have read the token."""
    try:
        with (folder / NAME).open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077 or os.fstat(file.fileno()).st_uid != os.getuid():
                return None
            found = json.load(file)
        place = WebPlace(int(found["port"]), str(found["token"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return place if 0 < place.port < 65536 and len(place.token) >= SHORTEST and place.token.isascii() else None


def write_place(folder: Path, place: WebPlace) -> None:
    """Remember where the page is served; a folder that cannot be written changes nothing."""
    try:
        number, path = tempfile.mkstemp(dir=folder, prefix=NAME)  # which nobody else may read
        with os.fdopen(number, "w") as file:
            json.dump(asdict(place), file)
        Path(path).replace(folder / NAME)
    except OSError:
        pass
