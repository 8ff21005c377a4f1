"""STUB: the real module is written elsewhere."""

from __future__ import annotations

import re

from .errors import UserError


def parse_verified_metric(text: str) -> tuple[str, str, bool | None]:
    """Split off the direction; the rest is name and way of reading."""
    found = re.search(r"\(\s*(lower|higher)\s+is\s+better\s*\)", text, re.IGNORECASE)
    name = (text.replace(found[0], "") if found else text).strip()
    if not name:
        raise UserError("The metric is empty.")
    return name, name, (found[1].lower() == "lower") if found else None
