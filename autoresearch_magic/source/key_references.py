"""References to keys: what stands for a key in a study's texts, which are stored, shown and sent, while the key itself is in memory alone.

A key in a setup, a target or a setting has to be there when it is run. `put_away` replaces it by ``[key removed: NAME]``, and `given_back`
puts it in where the text is run. NAME is the environment variable that holds the key; for a key that none holds, one is made up, and a
process that did not see the key finds it in the variable of that name.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
from collections.abc import Sequence

from ..errors import UserError
from ..keys.forms import key_spans
from ..keys.redact import REMOVED, holds_key, known_keys, remember

MADE_UP = "AUTORESEARCH_KEY_"
"""How the names begin of keys that no environment variable holds."""

_MARK = re.compile(re.escape(REMOVED[:-1]) + r": ([A-Za-z_]\w*)\]", re.ASCII)
_lock = threading.Lock()
_kept: dict[str, str] = {}


def keys_of(text: str) -> list[str]:
    """Return the keys in a text, the longest first: what looks like one, and those that this process knows."""
    found = {text[start:end] for start, end in key_spans(text)} | {key for key in known_keys() if key in text}
    return sorted(found, key=lambda key: (-len(key), key))


def put_away(text: str, keys: Sequence[str] | None = None, *, known: bool = True) -> str:
    """Return a text with a reference in place of each key, or of these; they are known from then on, and no other text is told them.

    With `known` false they are not taken out of other texts: what is put away may be a common word, as the topic of a webhook.
    """
    found = keys_of(text) if keys is None else keys
    for key in found:
        if key in text:  # else it was in a longer one
            text = text.replace(key, reference(_name(key)))
    if known:
        remember(*found)
    return text


def reference(name: str) -> str:
    """Return what stands for the key that an environment variable holds."""
    return f"{REMOVED[:-1]}: {name}]"


def given_back(text: str, what: str, *, known: bool = True) -> str:
    """Return a text with the keys that its references stand for; `what` says in an error which text it is, `known` as for `put_away`.

    Raises
    ------
    UserError
        Where this process does not know the key of one.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if key := _kept.get(name) or os.environ.get(name):
            if known:
                remember(key)
            return key
        raise UserError(
            f"The {what} needs a key that is not stored with the study: set the environment variable {name} to it, and try again."
        )

    return _MARK.sub(value, text) if REMOVED[:-1] in text else text


def with_known(text: str) -> str:
    """Return a text with the keys in it that this process knows; other references stay."""
    return _MARK.sub(lambda found: _kept.get(found[1]) or os.environ.get(found[1]) or found[0], text)


def references(text: str) -> list[str]:
    """Return the names of the references in a text, each once."""
    return list(dict.fromkeys(_MARK.findall(text)))


def _name(key: str) -> str:
    with _lock:
        for name, kept in _kept.items():
            if kept == key:
                return name
        held = next((name for name, value in os.environ.items() if value == key and holds_key(name, value)), None)
        name = held or f"{MADE_UP}{secrets.token_hex(3).upper()}"
        _kept[name] = key
        return name
