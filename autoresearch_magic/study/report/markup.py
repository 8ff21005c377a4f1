"""HTML from Python calls. What is not `Html` is text, and is escaped: whatever agents and users wrote stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
"""Characters that HTML forbids, and those that turn the direction of a text, with which code can look like other code."""

_VOID = frozenset(("br", "hr", "img", "meta"))


class Html(str):
    """A piece of markup, inserted as it is."""

    __slots__ = ()


Part = str | Html | None | Iterable["Part"]
"""What an element holds: texts, markup, several of both; None for nothing."""


def text(value: str) -> Html:
    """Return a text as markup."""
    return Html(escape(_CONTROL.sub("\ufffd", value)))


def join(*parts: Part) -> Html:
    """Return parts one after another as markup."""
    return Html("".join(_flat(parts)))


def tag(name: str, /, *inside: Part, **attributes: str | int | float | bool | None) -> Html:
    """Return an element.

    Parameters
    ----------
    name : str
    *inside : str, Html, None or iterables of them
        Texts are escaped.
    **attributes : str, number, bool or None
        A trailing underscore is dropped (``class_``), the others become dashes (``aria_label``). None and False leave one out.
    """
    words = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{text(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    opened = f"<{name}{words}>"
    return Html(opened) if name in _VOID else Html(f"{opened}{join(*inside)}</{name}>")


def _flat(parts: Iterable[Part]) -> Iterable[str]:
    for part in parts:
        if part is None:
            continue
        if isinstance(part, Html):
            yield part
        elif isinstance(part, str):
            yield text(part)
        else:
            yield from _flat(part)
