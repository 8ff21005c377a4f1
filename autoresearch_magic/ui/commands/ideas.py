"""The subcommand that shows and changes the backlog of ideas."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ...agents.me import NAME as ME
from ...agents.readers import reads_nothing
from ...errors import UserError
from ...study.ideas import Idea, counts_line, described
from ...study.study import Study
from ...text import escape, shorten
from ..facts import metric_facts, plain
from ..reply import Reply
from ..session import MAGIC, Session
from .table import argument, command
from .values import Typed

ACTIONS = {
    "list": "show the ideas (the default)",
    "add": "add an idea: ideas add TEXT",
    "strike": "strike ideas: ideas strike N",
}


def _actions(typed: Typed) -> dict[str, str]:
    return ACTIONS


@command(
    "ideas",
    argument("words", nargs="*", metavar="list | add TEXT | strike N", help="list them (the default), add one, or strike some by their numbers", values=_actions),
    of_study=True, json=True,
)  # fmt: skip
def ideas(session: Session, arguments: argparse.Namespace) -> Reply:
    """List the ideas for later of agents and your own, add one, or strike some."""
    study = session.study(arguments.study)
    action, words = (arguments.words[0], arguments.words[1:]) if arguments.words else ("list", [])
    match action:
        case "add":
            idea = study.add_idea(" ".join(words))
            return _changed(study, f"Idea {idea.number} is kept: {idea.text}\n{_reader(study)}")
        case "strike":
            numbers = _numbers(words)
            study.strike_ideas(*numbers)
            struck = [each for each in study.ideas if each.number in numbers]
            return _changed(study, "\n".join(f"Idea {each.number} is struck: {each.text}" for each in struck))
        case "list" if not words:
            return _listed(study, study.ideas)
        case _:
            raise UserError(
                f"ideas cannot do {' '.join(arguments.words)!r}: it takes  list,  add TEXT  or  strike N. Another study is  --study NAME"
            )


def _numbers(words: Sequence[str]) -> list[int]:
    found = [word.strip("#,") for word in words]
    if not found or not all(word.isdecimal() for word in found):
        raise UserError(f"Give the numbers of the ideas to strike, for example  {MAGIC} ideas strike 3")
    return list(dict.fromkeys(map(int, found)))


def _reader(study: Study) -> str:
    agent = study.settings.agent
    if agent == ME:
        return "The next briefing shows it."
    if deaf := reads_nothing(agent, "ideas"):
        return f"But {deaf}."
    return f"{agent} is shown it when it is asked for a proposal."


def _changed(study: Study, text: str) -> Reply:
    return Reply(text, prose=True, data=facts(study, study.ideas))


def _listed(study: Study, shown: Sequence[Idea]) -> Reply:
    if not shown:
        text = f"{study.name} has no ideas yet. A language model's replies bring some; yours:  {MAGIC} ideas add TEXT"
        return Reply(text, prose=True, data=facts(study, shown))
    rows = [
        (str(each.number), described(each, study.experiments), shorten(each.origin, 40), each.text)
        for each in _ordered(shown)
    ]
    heads = ("#", "state", "of", "idea")
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (heads, *rows)
    ]
    table = [
        f"| {' | '.join(row)} |"
        for row in (heads, ("--:", ":--", ":--", ":--"), *([*map(escape, row)] for row in rows))
    ]
    count = counts_line(shown)
    return Reply("\n".join([*lines, "", count]), "\n".join([*table, "", escape(count)]), data=facts(study, shown))


def _ordered(shown: Sequence[Idea]) -> list[Idea]:
    """Return the ideas with the open ones first, by number."""
    return sorted(shown, key=lambda each: (each.state != "open", each.number))


def facts(study: Study, shown: Sequence[Idea]) -> dict[str, object]:
    """Return the ideas as plain values, by number."""
    ideas = [{**plain(each), "state": each.state} for each in shown]
    return {"study": study.name, "metric": metric_facts(study.metric), "ideas": ideas}
