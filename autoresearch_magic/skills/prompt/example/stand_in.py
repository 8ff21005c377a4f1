"""A stand-in for a language model: it needs no network and always answers alike, and it does what a prompt tells it.

It reads the prompt's list of groups (``- name: what belongs there``) and its examples (``Message: ...`` with ``Group: ...`` on
the next line), and sorts the last message by the words that it has in common with each, rare words counting more. It knows
nothing that the prompt does not say. Use a real one with  python score.py --model 'COMMAND'.
"""

import math
import re
from collections import Counter

_COMMON = {
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "can", "do", "does", "for", "from", "has", "have", "how",
    "i", "in", "is", "it", "my", "not", "of", "on", "or", "our", "that", "the", "them", "there", "this", "to", "was",
    "we", "when", "where", "why", "will", "with", "you", "your", "please", "me",
}  # fmt: skip


def answer(prompt):
    """Return what follows the prompt."""
    groups = {name: _stems(text) for name, text in re.findall(r"^- ([a-z]+):(.*)$", prompt, re.MULTILINE)}
    if not groups:
        return "I do not know any groups."
    for message, name in re.findall(r"^Message: (.*)\nGroup: ([a-z]+)$", prompt, re.MULTILINE):
        groups.setdefault(name, Counter()).update(_stems(message))
    message = _stems(re.findall(r"^Message: (.*)$", prompt, re.MULTILINE)[-1])
    known_in = Counter(stem for words in groups.values() for stem in words)
    points = {
        name: sum(math.log(1 + len(groups) / known_in[stem]) for stem in message if stem in words)
        for name, words in groups.items()
    }
    best = max(points, key=points.get)
    if not points[best] and (unsure := re.search(r"(?i)(?:in doubt|unsure|not sure)[^.\n]*?\b(\w+)\.", prompt)):
        best = unsure[1]
    brief = re.search(r"(?i)\b(alone|only|nothing else|one word)\b", prompt)
    return best if brief else f"This message belongs to {best}."


def _stems(text):
    """Count the words of a text, each cut to its first five letters, without the most common ones."""
    return Counter(word[:5] for word in re.findall(r"[a-z]+", text.lower()) if word not in _COMMON)
