"""Source texts that are given as they are, or as files."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import UserError


def read_source(source: str | Path, what: str) -> tuple[str, Path | None]:
    """Return a text as it is, or the content and path of the file that it names.

    A `Path` names a file; so does a single line that ends in ``.py`` or ``.md``.

    Raises
    ------
    UserError
        When the file cannot be read.
    """
    if not isinstance(source, Path):
        if "\n" in source or not re.fullmatch(r"[^\s#].*\.(py|md)", source.strip()):
            return source, None
        source = Path(source.strip())
    path = source.expanduser()
    try:
        return path.read_text(encoding="utf-8"), path.resolve()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UserError(f"The {what} {path} cannot be read: {reason}.") from None
