"""What the last words of a command-line program mean: a limit that passes, with when it does, or a refusal that does not.

Programs such as Claude Code, Codex, Gemini and aider have no status codes: a limit, an overload and a missing login are told in
prose, some of them even with exit code 0. The texts that are recognised here were collected from bug reports of these programs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ...keys.redact import cleaned
from ...text import shorten
from .calls import Problem

SHORT = 600
"""Length up to which an answer without code, given with exit code 0, may be an error in disguise."""

MARGIN = 60.0
"""Seconds added to a time of the day at which a limit is lifted, which is told in minutes or hours."""

STALE = timedelta(hours=2)
"""A time of the day that has passed by less than this is an old message, not tomorrow's."""

_LIMIT = re.compile(
    r"""usage[ _-]limit | rate[ _-]?limit | (?:hit|reached|exceeded)\ (?:your|the)\ (?:[\w-]+\ ){0,3}(?:limit|quota)
    | (?:limit|quota)\ (?:was\ |is\ |has\ been\ |will\ )?(?:reached|exceeded|exhausted|reset) | too\ many\ requests
    | resource[ _](?:has\ been\ )?exhausted | overloaded | at\ (?:full\ )?capacity | temporarily\ unavailable | service\ unavailable
    | (?:error|status|code|http)\W{0,12}(?:(?!line)\w+\W{1,3}){0,2}(?:429|503|529)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_REFUSED = re.compile(
    r"""invalid\ (?:api[ _-]?key|x-api-key|bearer) | incorrect\ api\ key | authentication[ _](?:error|failed|required) | not\ logged\ in
    | please\ (?:run\ )?(?:\S*\s)?/?log ?in\b | oauth\ token\ (?:has\ )?(?:expired|revoked) | token\ (?:has\ )?expired
    | (?:error|status|code|http)\W{0,12}(?:(?!line)\w+\W{1,3}){0,2}(?:401|403)\b | \b401\ unauthori[sz]ed | \b403\ forbidden
    | credit\ balance | insufficient[ _]quota | billing[ _]error
    | model\W.{0,60}(?:not\ found|does\ not\ exist|not\ supported|may\ not\ exist) | (?:unknown|invalid)\ model
    | unknown\ option | unrecogni[sz]ed\ (?:option|argument) | unexpected\ argument | no\ such\ option | can't\ open\ file""",
    re.IGNORECASE | re.VERBOSE,
)
_MISSING = {126: "cannot be executed", 127: "calls a command that does not exist"}
"""What a shell's exit codes mean; no later call would fare better."""

_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PART = r"\d+(?:\.\d+)?\s*(?:ms|milliseconds?|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)(?![a-z])"
_DURATION = re.compile(
    rf"(?:\bin|\bafter|\bwait|retry[ _-]?delay\W{{1,5}}|retry[ _-]?after\W{{1,5}})\s*(?:about\ |another\ |~)?({_PART}(?:(?:\s|,|and)*{_PART})*)",
    re.IGNORECASE,
)
_SECONDS = re.compile(
    r"(?:retry[ _-]?after|resets?_in_seconds|reset[ _-]after[ _-]seconds)\W{1,5}(\d+(?:\.\d+)?)\b", re.IGNORECASE
)
_EPOCH = re.compile(r"(?:\||resets?_?(?:\ ?at)?\W{1,5})(\d{10})(\d{3})?\b", re.IGNORECASE)
_ISO = re.compile(r"\b(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)", re.IGNORECASE)
_CLOCK = re.compile(
    r"""(?:resets?|again|until|available)\s+(?:on\s+|at\s+)?
    (?:(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+
       (?:(?P<year>\d{4}),?\s+)?(?:at\s+)?
      |(?P<weekday>mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+(?:at\s+)?)?
    (?P<hour>\d{1,2})(?::(?P<minute>\d\d))?(?:\s*(?P<half>[ap])\.?m\b\.?)?
    (?:\s*\((?P<zone>[\w/+-]+)\)|\s+(?P<utc>utc|gmt)\b)?""",
    re.IGNORECASE | re.VERBOSE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def explain_ending(
    program: str, code: int, output: str, errors: str, asked: str = "", now: datetime | None = None
) -> Problem | None:
    """Return what the ending of a program means; None for one that says nothing, which may have any cause.

    Parameters
    ----------
    program : str
        Its name, for messages.
    code : int
        Its exit code.
    output, errors : str
        What it printed, the end of it.
    asked : str
        What it was asked: its lines count for nothing where the program repeats them.
    now : datetime, optional
        The time; with a zone.
    """
    if not code and (len(output.strip()) > SHORT or "```" in output or "<summary>" in output):
        return None
    text = _without(asked, f"{output[-4000:]}\n{errors[-4000:]}" if code or not output.strip() else output)
    limit = _LIMIT.search(text)
    if limit is None and (code in _MISSING or _REFUSED.search(text)):
        said = _line(text, _REFUSED.search(text))
        if not said:
            last = cleaned(shorten(text.strip().rpartition("\n")[2], 200))
            said = f"it {_MISSING[code]}" + (f" ({last})" if last else "")
        return Problem("refused", f"{program} cannot work: {said}")
    if limit is None or (_REFUSED.search(text) and re.search(r"insufficient[ _]quota|credit balance", text, re.I)):
        return None if limit is None else Problem("refused", f"{program} cannot work: {_line(text, limit)}")
    return Problem("limit", f"{program} is at its limit: {_line(text, limit)}.", seconds_until(text, now))


def seconds_until(text: str, now: datetime | None = None) -> float | None:
    """Return in how many seconds a limit is lifted, as a text says: a duration, a moment, or a time of the day.

    Parameters
    ----------
    text : str
    now : datetime, optional
        The time, with a zone; a time of the day without one is this zone's.
    """
    text = " ".join(text.split())
    now = now or datetime.now().astimezone()
    if found := _DURATION.search(text):
        return sum(
            float(number) * _UNITS["ms" if unit.startswith(("ms", "mil")) else unit[0].lower()]
            for number, unit in re.findall(r"(\d+(?:\.\d+)?)\s*([a-z]+)", found[1], re.IGNORECASE)
        )
    if found := _SECONDS.search(text):
        return float(found[1])
    moment: datetime | None = None
    if found := _EPOCH.search(text):
        moment = datetime.fromtimestamp(int(found[1]), UTC)
    elif found := _ISO.search(text):
        moment = datetime.fromisoformat(found[1].replace("z", "Z"))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
    elif found := next((m for m in _CLOCK.finditer(text) if m["half"] or m["minute"]), None):
        try:
            moment = _moment(found.groupdict(), now)
        except ValueError:  # 25 o'clock, the 31st of June
            moment = None
    if moment is None:
        return None
    seconds = (moment - now).total_seconds()
    return seconds + MARGIN if seconds > 0 else None


def _moment(part: Mapping[str, str | None], now: datetime) -> datetime | None:
    """Return the next moment at a time of the day; None where that has just passed."""
    if zone := part["zone"]:
        try:
            now = now.astimezone(ZoneInfo(zone))
        except (KeyError, ValueError, OSError):
            pass  # an unknown zone: take the local one
    elif part["utc"]:
        now = now.astimezone(UTC)
    hour = int(part["hour"] or 0)
    if half := part["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(f"{hour} is no hour of half a day")
        hour = hour % 12 + (12 if half.lower() == "p" else 0)
    moment = now.replace(hour=hour, minute=int(part["minute"] or 0), second=0, microsecond=0)
    if month := part["month"]:
        moment = moment.replace(
            year=int(part["year"] or now.year), month=1 + _MONTHS.index(month.lower()), day=int(part["day"] or 1)
        )
        if not part["year"] and moment < now - timedelta(days=180):
            moment = moment.replace(year=now.year + 1)
        return moment
    if weekday := part["weekday"]:
        moment += timedelta(days=(_DAYS.index(weekday.lower()) - now.weekday()) % 7)
        return moment if moment > now else moment + timedelta(days=7)
    if moment <= now:
        return None if now - moment < STALE else moment + timedelta(days=1)
    return moment


def _without(asked: str, text: str) -> str:
    lines = {line.strip() for line in asked.splitlines()}
    return "\n".join(line for line in text.splitlines() if line.strip() not in lines)


def _line(text: str, found: re.Match[str] | None) -> str:
    """Return the line in which something was found, in one line without keys."""
    if found is None:
        return ""
    start = text.rfind("\n", 0, found.start()) + 1
    end = text.find("\n", found.end())
    return cleaned(shorten(text[start : end if end >= 0 else None], 240)).rstrip(" .")
