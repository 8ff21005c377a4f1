"""Texts without keys: takes out the keys that this process knows, in whatever form, and what looks like a key.

Whatever leaves a run or an agent passes `cleaned` before it goes to journal, log, commit, report or prompt. Known are the values of
the environment variables whose names say that they hold a key, and those that were given to `remember`, such as an agent's own. A
known key is found plain, in halves, backwards, as JSON, percent-encoded, in base64 and in hexadecimal, and broken over lines.

What is not found: a known key under any other encoding (compressed, encrypted, letter by letter between other text), and a key that
is not known and has no known form (`key_forms`). Code that means to give a key away finds such a way: from that, walls keep the key,
not this.
"""

from __future__ import annotations

import base64
import json
import os
import re
import threading
import time
from functools import lru_cache
from urllib.parse import quote

from .forms import key_spans

REMOVED = "[key removed]"
"""What stands where a key was."""

SHORTEST = 8
"""Characters of the shortest value that is taken for a key."""

_NAME = re.compile(
    r"KEY(?!BOARD|MAP|TIMEOUT|RING)|TOKEN(?!IZER)|SECRET|PASSW|PASSPHRASE|CREDENTIAL|AUTH(?!OR(?:_|$|ED|S))|COOKIE|(?:^|_)(?:PAT|JWT|DSN)(?:_|$)",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?:URL|URI|DSN|PROXY)$", re.IGNORECASE)
_USERINFO = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")
_TRIVIAL = re.compile(
    r"(?:true|false|yes|no|on|off|none|null|default|enabled|disabled|required|optional|auto)|[./~].*|[a-z][a-z0-9+.-]*://[^@]*|file:.*|\d{1,9}|\s*",
    re.I | re.S,
)
_WORDS = re.compile(r"[a-z]+(?:[-_ ][a-z]+)*")
_CERTAIN = re.compile(r"PASSW|PASSPHRASE|SECRET", re.IGNORECASE)

_REREAD = 0.5
"""Seconds for which what the environment held is not read again, unless a variable was added or taken away."""

_lock = threading.Lock()
_given: dict[str, None] = {}
_read_at, _read_size, _in_environment = -1.0, -1, frozenset[str]()


def holds_key(name: str, value: str) -> bool:
    """Return whether an environment variable holds a key, by its name and value: no path, no address without a password, no plain word."""
    if len(value) < SHORTEST or not _NAME.search(name) or _TRIVIAL.fullmatch(value):
        return False
    return bool(_CERTAIN.search(name)) or len(value) >= 16 or not _WORDS.fullmatch(value)


def keyed_name(name: str) -> bool:
    """Return whether the name of a variable says that it holds a key."""
    return _NAME.search(name) is not None


def remember(*values: str) -> None:
    """Take out these values as well from now on: keys that an agent or a setting was given."""
    with _lock:
        _given.update(
            dict.fromkeys(value for value in values if len(value) >= SHORTEST and not _TRIVIAL.fullmatch(value))
        )


def known_keys() -> frozenset[str]:
    """Return the keys that this process knows."""
    global _read_at, _read_size, _in_environment
    now = time.monotonic()
    if now - _read_at > _REREAD or len(os.environ) != _read_size:
        found = set()
        for name, value in list(os.environ.items()):
            if holds_key(name, value):
                found.add(value)
            elif _ADDRESS.search(name) and (inside := _USERINFO.search(value)) and len(inside[1]) >= SHORTEST:
                found.add(inside[1])
        _in_environment, _read_size, _read_at = frozenset(found), len(os.environ), now
    return _in_environment.union(_given) if _given else _in_environment


def keys_in(text: str) -> list[str]:
    """Return what looks like a key in a text, each once, in order."""
    return list(dict.fromkeys(text[start:end] for start, end in sorted(key_spans(text))))


def cleaned(text: str) -> str:
    """Return a text with `REMOVED` in place of each key."""
    if len(text) < SHORTEST:
        return text
    if keys := known_keys():
        text = _without_known(text, _forms(keys))
    spans = sorted(key_spans(text))
    return _cut(text, spans) if spans else text


def cleaned_bytes(data: bytes) -> bytes:
    """Return output of a program without keys; what is no UTF-8 stays as it is."""
    text = data.decode("utf-8", "surrogateescape")
    clean = cleaned(text)
    return data if clean == text else clean.encode("utf-8", "surrogateescape")


def _cut(text: str, spans: list[tuple[int, int]]) -> str:
    parts, at = [], 0
    for start, end in spans:
        if start >= at:
            parts += [text[at:start], REMOVED]
        at = max(at, end)
    return "".join([*parts, text[at:]]).replace(REMOVED + REMOVED, REMOVED)


# -- known keys -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _forms(keys: frozenset[str]) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """Return for each key its forms: those of all of it, and its halves; the longest key first, as one may hold another."""
    return tuple(_forms_of(key) for key in sorted(keys, key=lambda key: (-len(key), key)))


@lru_cache(maxsize=64)
def _forms_of(key: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    data = key.encode("utf-8", "surrogateescape")
    whole = [
        key,
        json.dumps(key)[1:-1],
        json.dumps(key, ensure_ascii=False)[1:-1],
        repr(key)[1:-1],
        quote(key, safe=""),
        quote(key),
        key[::-1],
    ]
    whole += [data.hex(), data.hex().upper()]
    for before in range(3):  # bytes of other text before it in the same group of three
        coded = base64.b64encode(bytes(before) + data).decode()
        inside = coded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        whole += [inside, inside.replace("+", "-").replace("/", "_")]
    half = len(key) // 2
    pieces = (key[:half], key[half:]) if half >= 16 else ()
    return tuple(dict.fromkeys(form for form in whole if len(form) >= SHORTEST)), pieces


def _without_known(text: str, forms: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]) -> str:
    """Return a text without known keys, also where they are broken over lines, as base64 and the terminal break them."""
    for whole, _ in forms:
        for form in whole:
            if form in text:  # with the rest of its word: what is known may be the first part of a longer key
                text = re.sub(rf"{re.escape(form)}[\w-]*={{0,2}}", REMOVED, text, flags=re.ASCII)
    if "\n" in text:
        compact = "".join(text.split())
        for whole, _ in forms:
            for form in whole:
                if form in compact and not any(c.isspace() for c in form):
                    text = re.sub(r"\s*".join(map(re.escape, form)), REMOVED, text)
    for _, pieces in forms:
        for piece in pieces:
            if piece in text:
                text = re.sub(rf"[\w+/=.-]{{0,400}}{re.escape(piece)}[\w+/=.-]*", REMOVED, text, flags=re.ASCII)
    return text


# -- output as it comes -----------------------------------------------------------------------------------------------

LINE_LIMIT = 1 << 14
"""Bytes of a line without an end that are held back, as a key may stand in it; of a longer one the last `OVERLAP` bytes are."""

OVERLAP = 1 << 12
_BEGINS = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY")
_ENDS = re.compile(rb"-----END [A-Z0-9 ]{0,40}PRIVATE KEY")
_BLOCK_LINES = 400


class StreamCleaner:
    """Takes keys out of output as it comes, in pieces of any size.

    A line is held back until its end has come, and so are lines that may begin a known key that is broken over lines.
    """

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Take more of the output, and return what can be told by now."""
        self._held += data
        end = max(self._held.rfind(b"\n"), self._held.rfind(b"\r")) + 1
        if end < len(self._held) - LINE_LIMIT:
            end = len(self._held) - OVERLAP
        ready = self._held[:end]
        if not ready:
            return b""
        end = self._before_broken(ready)
        if begun := [*_BEGINS.finditer(ready)]:
            at = begun[-1].start()
            if not _ENDS.search(ready, at) and ready.count(b"\n", at) < _BLOCK_LINES and len(ready) - at < LINE_LIMIT:
                end = min(end, at)
        ready, self._held = self._held[:end], self._held[end:]
        return cleaned_bytes(ready)

    def flush(self) -> bytes:
        """Return what was held back, at the end of the output."""
        held, self._held = self._held, b""
        return cleaned_bytes(held)

    def _before_broken(self, ready: bytes) -> int:
        """Return where the last lines begin that may be the first part of a known key; the length where they are none."""
        keys = known_keys()
        if not keys:
            return len(ready)
        end = ready[-1024:].decode("utf-8", "surrogateescape")
        compact = "".join(end.split())
        for whole, _ in _forms(keys):
            for form in whole:
                at = compact.rfind(form[:6], max(0, len(compact) - len(form) + 1))
                if at >= 0 and form.startswith(compact[at:]):
                    part = re.search(r"\s*".join(map(re.escape, compact[at:])) + r"\s*$", end)
                    if part is not None:
                        return len(ready) - len(end[part.start() :].encode("utf-8", "surrogateescape"))
        return len(ready)
