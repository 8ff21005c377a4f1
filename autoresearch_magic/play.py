"""An agent that plays recorded edits back: ``command:python PATH/play.py FOLDER``.

It reads the briefing on its standard input, as every command-line agent does, and answers with the first recorded reply, by
the files' names, whose summary does not stand in the briefing yet: what was tried stands there. So it needs no memory, and a
study that was stopped goes on with it. When all were given it ends with exit code 1 and says so.

It imports nothing of ours and starts within some 20 ms. Not here: how a reply is read (`agents.reply`).
"""

import re
import sys
from pathlib import Path


def next_reply(briefing: str, replies: list[str]) -> str | None:
    """Return the first reply that has not been tried; None when all have.

    Parameters
    ----------
    briefing : str
        What the agent is told.
    replies : list of str
        Each with its ``<summary>``.
    """
    told = " ".join(briefing.split())
    for reply in replies:
        found = re.search(r"<summary>(.*?)</summary>", reply, re.DOTALL)
        if found and " ".join(found[1].split()) not in told:
            return reply
    return None


def main(arguments: list[str]) -> int:
    """Answer one briefing; return the exit code."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: play.py FOLDER, one with recorded replies (*.md)", file=sys.stderr)
        return 2
    replies = [path.read_text(encoding="utf-8") for path in sorted(Path(arguments[0]).glob("*.md"))]
    reply = next_reply(sys.stdin.read(), replies)
    if reply is None:
        print(f"all {len(replies)} recorded edits were given", file=sys.stderr)
        return 1
    sys.stdout.write(reply)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
