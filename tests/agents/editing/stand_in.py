"""A stand-in for a program that edits files: it is told by a file what to do, question by question.

It is called with the path of a plan, one line of Python a question (the last one is repeated), and of a log, to which it adds its
instructions. The lines are run in its working folder, with `edit`, `say` and `stop` at hand.
"""

import os
import sys
import time
from pathlib import Path


def edit(path, text=None, **words):
    """Write a file, or replace words in it."""
    place = Path(path)
    if text is None:
        text = place.read_text()
        for old, new in words.items():
            text = text.replace(old, new)
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        place.chmod(0o644)
    place.write_text(text)


def say(summary, hypothesis="why", more=""):
    """Print a last message with tags."""
    print(f"I looked around.\n<summary>{summary}</summary>\n<hypothesis>{hypothesis}</hypothesis>\n{more}")


def main():
    plan, log = Path(sys.argv[1]), Path(sys.argv[2])
    asked = sys.argv[3] if len(sys.argv) > 3 else sys.stdin.read()
    number = len(list(log.parent.glob(f"{log.name}-*")))
    while True:
        try:
            descriptor = os.open(f"{log}-{number:03d}", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            break
        except FileExistsError:
            number += 1
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(asked)
    lines = [line for line in plan.read_text().splitlines() if line.strip()]
    names = {
        "edit": edit,
        "say": say,
        "stop": sys.exit,
        "time": time,
        "os": os,
        "sys": sys,
        "Path": Path,
        "number": number,
    }
    exec(lines[min(number, len(lines) - 1)], names)


if __name__ == "__main__":
    main()
