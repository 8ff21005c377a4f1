"""Text for people: counts, Markdown, fences."""

from __future__ import annotations


def counted(number: int, what: str) -> str:
    """Return a number with what it counts: ``1 run``, ``2 runs``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def escape(text: str) -> str:
    """Make text of an agent harmless in Markdown, and one line."""
    text = " ".join(text.split())
    for character in "\\`*_{}[]<>|#$":
        text = text.replace(character, "\\" + character)
    return text


def fenced(text: str, language: str = "") -> str:
    """Put code into a fence that it cannot close."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def shorten(text: str, longest: int = 60) -> str:
    """Cut a text to one printable line of at most `longest` characters, for a message."""
    text = text[: longest * 4].strip()
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
