"""The folder for files that can be made again: tokens, tokenizers, downloaded shards, compiled code."""

from __future__ import annotations

import os
from pathlib import Path

from autoresearch_magic.errors import UserError


def root() -> Path:
    """Return ``$XDG_CACHE_HOME/autoresearch_magic``, by default ``~/.cache/autoresearch_magic``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "autoresearch_magic"


def make(folder: Path, variables: str = "XDG_CACHE_HOME") -> Path:
    """Create a folder with its parents and return it.

    Parameters
    ----------
    folder : Path
    variables : str
        The environment variables that move it, for the error message.

    Raises
    ------
    UserError
        When it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be created ({error.strerror}): set {variables} to a folder you can write to."
        ) from None
    return folder
