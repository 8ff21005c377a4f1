"""What the last message of a coding agent says: tags where it has them, else its first sentence."""

from __future__ import annotations

import re

from ..llm.reply_parser import tag

SAYS_SOMETHING = 16
"""Characters from which a first sentence is taken for a summary; shorter ones are "Done." and "All set!"."""

_CODE = re.compile(r"^(?P<ticks>`{3,}|~{3,})[^\n]*\n.*?^(?P=ticks)[ \t]*$", re.DOTALL | re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s|(?<=[。！？])")


def own_words(text: str, asked: str) -> str:
    """Return what a program has said, without the lines of its instructions that it may have repeated."""
    lines = {line.strip() for line in asked.splitlines() if line.strip()}
    return "\n".join(line for line in text.splitlines() if line.strip() not in lines)


def last_tag(text: str, name: str) -> str:
    """Return the content of the last ``<name>`` tag in a message, in one line; code is not searched."""
    prose = _CODE.sub("", text)
    found = re.findall(rf"<{name}>(.*?)</{name}>", prose, re.DOTALL | re.IGNORECASE) or [tag(prose, name)]
    return " ".join(found[-1].split())


def plain(text: str) -> str:
    """Return a message without its tags, code, and marks of Markdown."""
    text = _CODE.sub("", text)
    text = re.sub(r"<(summary|hypothesis|expect|ideas|idea)>.*?</\1>", "", text, flags=re.DOTALL | re.IGNORECASE)
    return re.sub(r"^[ \t]*(?:#+|[-*>])[ \t]+|\*\*|`", "", text, flags=re.MULTILINE).strip()


def first_sentence(text: str) -> str:
    """Return the first sentence of a text, without those that say nothing such as "Done."."""
    for paragraph in text.splitlines():
        for sentence in _SENTENCE_END.split(" ".join(paragraph.split())):
            if len(sentence) >= SAYS_SOMETHING or any(ord(c) > 0x2E80 for c in sentence):
                return sentence.rstrip(".:。 ")
    return text.strip()
