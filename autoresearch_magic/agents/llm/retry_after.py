"""Parse Retry-After headers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return for how many seconds a server asks not to be called again; None when its headers do not say.

    ``retry-after`` holds seconds or a date (RFC 9110 section 10.2.3). ``retry-after-ms``, which some vendors send too, takes
    precedence.
    """
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        with suppress(ValueError):
            seconds = float(headers.get(name, "")) * unit
            if 0 <= seconds < float("inf"):
                return seconds
    with suppress(ValueError):
        then = parsedate_to_datetime(headers.get("retry-after", ""))
        return max(0.0, (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    return None
