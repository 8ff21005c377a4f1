"""Reading what a coding agent printed: its last message, what it used, its session, and what went wrong.

Coding agents print one JSON object, one JSON object a line, or prose. Where in that the values stand is said by the entry of the
agent in `adapters.ADAPTERS`, in terms of `Field` (a place in JSON) and `Pattern` (a place in prose).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ...experiment import LARGEST_INTEGER, Usage
from ...keys.redact import cleaned
from ..llm.calls import Problem
from ..llm.limit_texts import explain_ending, seconds_until
from ..processes import OUTPUT_LIMIT, Ending, code_words, last_line

Kind = Literal["limit", "login", "refused"]

KINDS: tuple[Kind, ...] = ("login", "limit", "refused")

STATUSES: Mapping[int, Kind] = {
    401: "login", 403: "login", 402: "refused", 404: "refused", 429: "limit", 503: "limit", 529: "limit",
}  # fmt: skip
"""What the HTTP statuses of model servers mean."""

How = Literal["last", "sum", "join"]

_NUMBER = re.compile(r"([\d.,]*\d)\s*([kKmM]?)")
_SCALE = {"": 1.0, "k": 1e3, "m": 1e6}
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


@dataclass(frozen=True)
class Field:
    """A place in JSON output.

    Attributes
    ----------
    path : str
        Keys with dots between them; ``*`` stands for every key or element. ``A+B``: what stands at both. ``A|B``: what stands at
        A, or where there is nothing, at B.
    where : mapping
        Which objects count: path to the value that must stand there.
    how : {"last", "sum", "join"}
        What is made of several values: the last one, their sum, or their texts, a blank line between them.
    """

    path: str
    where: Mapping[str, object] | None = None
    how: How = "last"


@dataclass(frozen=True)
class Pattern:
    """A place in prose: a regular expression, whose first group is the value. Several matches are taken as `how` says."""

    pattern: str
    how: How = "last"


Place = Field | Pattern


@dataclass(frozen=True)
class Reads:
    """Where in its output a coding agent tells what; None for what it does not tell.

    Attributes
    ----------
    text : Field or Pattern or None
        Its last message; None: everything it printed.
    noise, done : str
        Regular expressions for prose: lines that are no part of the message; and what is printed with each complete answer, so that
        errors before it have been overcome.
    session : Field or Pattern or None
        What the agent needs to continue or show this conversation.
    error : Field or Pattern or None
        What went wrong, in its own words; there only when something did.
    trouble : Field or Pattern or None
        What it tells of attempts that fail while it goes on; counts only where it then fails or is ended.
    status, retry_after : Field or None
        The HTTP status with which the model's server refused, and the seconds that it asks to wait.
    cost : Field or Pattern or None
        US dollars.
    input, cached, written, output : Field or Pattern or None
        Tokens, as in `Usage`.
    cached_in_input : bool
        Whether its number of input tokens includes the cached ones.
    """

    text: Place | None = None
    noise: str = ""
    done: str = ""
    session: Place | None = None
    error: Place | None = None
    trouble: Place | None = None
    status: Place | None = None
    retry_after: Place | None = None
    cost: Place | None = None
    input: Place | None = None
    cached: Place | None = None
    written: Place | None = None
    output: Place | None = None
    cached_in_input: bool = False

    @property
    def structured(self) -> bool:
        """Whether the output is JSON."""
        return isinstance(self.text, Field)


@dataclass(frozen=True)
class Signs:
    """How a coding agent says that it cannot work: regular expressions, looked for in its error, else in what it has printed.

    What is shown is the line that they find, or their group ``said``.

    Attributes
    ----------
    limit : str
        Its quota is used up, or the server is overloaded: it will work again after a while.
    login : str
        It has no credentials, or they are not accepted.
    refused : str
        Anything else that every later question would meet too, such as an unknown model.
    statuses : mapping
        Further values of `Reads.status` and what they mean: ``limit``, ``login`` or ``refused``.
    """

    limit: str = ""
    login: str = ""
    refused: str = ""
    statuses: Mapping[int, Kind] | None = None

    def pattern(self, kind: Kind) -> str:
        """Return the regular expression for a kind."""
        return {"limit": self.limit, "login": self.login, "refused": self.refused}[kind]


@dataclass(frozen=True)
class AgentResult:
    """What one question to a coding agent came to.

    Attributes
    ----------
    text : str
        Its last message; may be empty.
    usage : Usage
        What it has used, as far as it says; the cost is None where it does not.
    session : str
        Its name for this conversation; may be empty.
    problem : Problem or None
        Why there is no answer: ``limit``, ``refused`` or ``failed``.
    guessed : bool
        Whether the problem was guessed from the prose of a program that ended with exit code 0; where it has changed files,
        the prose meant something else.
    """

    text: str
    usage: Usage
    session: str = ""
    problem: Problem | None = None
    guessed: bool = False


def read_ending(
    ending: Ending, title: str, reads: Reads, signs: Signs, login: str, asked: str = "", now: datetime | None = None
) -> AgentResult:
    """Return what the ending of a coding agent's program came to.

    Parameters
    ----------
    ending : Ending
    title : str
        The agent's name, for messages.
    reads : Reads
    signs : Signs
    login : str
        What the user does to log in.
    asked : str
        What the agent was asked; its lines are no message of the program.
    now : datetime, optional
        The time, with a zone.
    """
    found = _Output(ending, reads)
    problem, guessed = _problem(ending, found, title, signs, login, asked, now)
    return AgentResult(found.text, found.usage, found.session, problem, guessed)


def json_objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a text that begin a line or follow another one at once; everything else is skipped."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        if text[at] == "{":
            try:
                value, end = decoder.raw_decode(text, at)
            except (ValueError, RecursionError):  # not JSON, an integer of thousands of digits, nested without end
                pass
            else:
                yield value
                at = end
                continue
        newline = text.find("\n", at)
        at = len(text) if newline < 0 else newline + 1


class _Output:
    """The values in one program's output.

    Attributes
    ----------
    text, session, error, trouble : str
    open : str
        The end of the prose, from the last complete answer on.
    status : int
    retry_after : float or None
    usage : Usage
    """

    def __init__(self, ending: Ending, reads: Reads) -> None:
        self._prose = _ANSI.sub("", ending.output)
        self._objects = list(json_objects(ending.output)) if reads.structured else []
        if reads.structured and not self._objects:
            self._objects = list(json_objects(ending.errors))  # where some programs write the error, also as JSON
        self.session = self._words(reads.session).strip()
        self.error = self._words(reads.error).strip()
        self.trouble = self._words(reads.trouble).strip()
        self.status = self._tokens(reads.status)
        self.retry_after = self._number(reads.retry_after)
        self.text = self._words(reads.text).strip()
        if not self._objects:  # prose, also from a version that does not print the JSON that it was asked for
            self.text = self.text or self._prose.strip()
        self.open = self._prose[-8000:]
        if reads.done and (complete := list(re.finditer(reads.done, self._prose, re.MULTILINE))):
            self.open = self._prose[complete[-1].end() :][-8000:]
        if reads.noise:
            noise = re.compile(reads.noise)
            self.text = "\n".join(line for line in self.text.splitlines() if not noise.search(line)).strip()
        cached = self._tokens(reads.cached)
        self.usage = Usage(
            calls=0 if ending.cut else 1,
            input=max(0, self._tokens(reads.input) - (cached if reads.cached_in_input else 0)),
            cached=cached, written=self._tokens(reads.written), output=self._tokens(reads.output),
            seconds=ending.seconds, cost=self._number(reads.cost),
        )  # fmt: skip

    @property
    def answered(self) -> bool:
        """Whether there is JSON, which says by itself whether it is an error."""
        return bool(self._objects)

    def _words(self, place: Place | None) -> str:
        values = [v if isinstance(v, str) else json.dumps(v) for v in self._values(place) if v not in (None, "")]
        if place is None or not values:
            return ""
        return "\n\n".join(values) if place.how == "join" else values[-1]

    def _tokens(self, place: Place | None) -> int:
        return int(self._number(place) or 0)

    def _number(self, place: Place | None) -> float | None:
        numbers = [n for n in map(_as_number, self._values(place)) if n is not None]
        if place is None or not numbers:
            return None
        return min(float(LARGEST_INTEGER), sum(numbers) if place.how == "sum" else numbers[-1])

    def _values(self, place: Place | None) -> Sequence[object]:
        if place is None:
            return []
        if isinstance(place, Pattern):
            return [found[1] for found in re.finditer(place.pattern, self._prose, re.MULTILINE)]
        counted = [
            o for o in self._objects
            if all(list(_at(o, path)) == [value] for path, value in (place.where or {}).items())
        ]  # fmt: skip
        for either in place.path.split("|"):
            if values := [value for o in counted for path in either.split("+") for value in _at(o, path)]:
                return values
        return []


def _at(value: object, path: str) -> Iterator[object]:
    """Yield what stands at a path in a JSON value."""
    if not path:
        yield value
        return
    key, _, rest = path.partition(".")
    if key == "*":
        members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for member in members:
            yield from _at(member, rest)
    elif isinstance(value, dict) and key in value:
        yield from _at(value[key], rest)


def _as_number(value: object) -> float | None:
    """Return a count or an amount; prose may write ``2.1k`` or ``1,234``."""
    if isinstance(value, str) and (found := _NUMBER.fullmatch(value.strip())):
        try:
            value = float(found[1].replace(",", "")) * _SCALE[found[2].lower()]
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return float(value)


def _problem(
    ending: Ending, found: _Output, title: str, signs: Signs, login: str, asked: str, now: datetime | None
) -> tuple[Problem | None, bool]:
    """Return why there is no answer, and whether that was guessed from prose."""
    failed = bool(ending.code or ending.cut or found.error)
    # What the agent itself calls the error says most. A structured answer without one is none, whatever its message talks about.
    logged = f"{found.trouble}\n{ending.errors}" if failed else ""
    by_status = {**STATUSES, **(signs.statuses or {})}.get(found.status) if found.error else None
    for said, status in ((found.error, by_status), (f"{logged}\n{'' if found.answered else found.open}", None)):
        for kind in KINDS:
            if hit := _find(signs.pattern(kind), said) or (kind == status and last_line(found.error)):
                return _cannot(kind, title, hit, login, found.retry_after, now), False
    if ending.cut == "deadline":
        return Problem("failed", f"{title} gave no answer within {ending.seconds:.4g} s and was ended."), False
    if ending.cut == "output":
        return Problem("failed", f"{title} wrote more than {OUTPUT_LIMIT // 2**20} MiB and was ended."), False
    if failed or not (
        found.answered or signs.limit
    ):  # one that ends well has said by its own signs that it could not work
        output = found.error if found.answered else ending.output
        general = explain_ending(title, ending.code or int(bool(found.error)), output, ending.errors, asked, now)
        if general is not None:
            return general, not failed
    if not failed:
        return None, False
    why = (
        last_line(found.error)
        or last_line(found.trouble)
        or last_line(ending.errors)
        or last_line("" if found.answered else ending.output)
    )
    how = f"ended with {code_words(ending.code)}" if ending.code else "failed"
    return Problem("failed", f"{title} {how}{': ' + why if why else ''}".rstrip(".") + "."), False


def _cannot(kind: Kind, title: str, said: str, login: str, seconds: float | None, now: datetime | None) -> Problem:
    """Return the problem of an agent that has said why it cannot work."""
    said = said.rstrip(" .")
    if kind == "login":
        return Problem("refused", f"{title} is not logged in ({said}): {login}.")
    if kind == "refused":
        return Problem("refused", f"{title} cannot work: {said}.")
    return Problem(
        "limit", f"{title} is at its limit: {said}.", seconds_until(said, now) if seconds is None else seconds
    )


def _find(pattern: str, text: str) -> str:
    """Return the line of a text that a pattern finds, or its group ``said``, shortened and without keys; empty for none."""
    if not pattern or not (found := re.search(pattern, text, re.IGNORECASE | re.MULTILINE)):
        return ""
    start, end = text.rfind("\n", 0, found.start()) + 1, text.find("\n", found.end())
    line = " ".join((found.groupdict().get("said") or text[start : end if end >= 0 else None]).split())
    return cleaned(line)[:300].rstrip(" .")
