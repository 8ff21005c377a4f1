"""The list of agents, with the coding agents that are on this machine."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from ...agents.editing.adapters import ADAPTERS, Adapter
from ...agents.editing.found import Found, find_all
from ...agents.registry import agent_names, description
from ...text import escape
from ..reply import Reply
from ..session import Session
from .table import command


@command("agents", json=True)
def agents(session: Session, arguments: argparse.Namespace) -> Reply:
    """List the agents that can propose changes, and which coding agents are on this machine."""
    known = {name: description(name) for name in agent_names()}
    found = find_all(ADAPTERS.values())
    width = max(map(len, [*known, *ADAPTERS]))
    lines = [f"{name:<{width}}  {what}" for name, what in known.items()]
    lines += ["", "Coding agents (--agent NAME[:MODEL]) and how they are started:"]
    rows = []
    for name, adapter in ADAPTERS.items():
        here = found[name]
        first, *others = _facts(adapter, here)
        lines += ["", f"{name:<{width}}  {first}", *(f"{'':<{width}}  {each}" for each in others)]
        rows.append(f"| `{name}` | {escape(_where(here))} | `{adapter.shown()}`<br>{escape(_about(adapter))} |")
    return Reply(
        "\n".join(lines),
        "\n".join(
            [
                "| agent | what it is |", "| --- | --- |", *(f"| `{name}` | {escape(what)} |" for name, what in known.items()),
                "", "| coding agent | on this machine | how it is started |", "| --- | --- | --- |", *rows,
            ]
        ),
        data={"agents": known, "coding_agents": [_data(adapter, found[name]) for name, adapter in ADAPTERS.items()]},
        verbatim=True,
    )  # fmt: skip


def _where(found: Found) -> str:
    return f"{found.version or found.problem}, {found.path}" if found.path else f"{found.problem}."


def _about(adapter: Adapter) -> str:
    """Return what a user should know of an agent, in one paragraph."""
    budget = "" if adapter.budget else " It has no option for what a question may cost."
    tells = [what for what, told in (("cost", adapter.tells_cost), ("tokens", adapter.tells_tokens)) if told]
    keys = ", ".join(adapter.credentials) + (" and the key of its model's vendor" if adapter.many_vendors else "")
    seen = f", run in version {adapter.seen}" if adapter.seen else ""
    return (
        f"{adapter.note} It tells {' and '.join(tells) or 'neither cost nor tokens'} of its questions.{budget} Keys that pass: {keys}. "
        f"Documentation of {adapter.dated}{seen}: {adapter.documentation}"
    )


def _facts(adapter: Adapter, found: Found) -> list[str]:
    return [_where(found), adapter.shown(), _about(adapter)]


def _data(adapter: Adapter, found: Found) -> Mapping[str, Any]:
    return {
        "name": adapter.name, "title": adapter.title, "found": bool(found.path), "path": found.path, "version": found.version,
        "problem": found.problem, "command": adapter.shown(), "tells_cost": adapter.tells_cost, "tells_tokens": adapter.tells_tokens,
        "credentials": [*adapter.credentials], "install": adapter.install, "login": adapter.login, "note": adapter.note,
        "documentation": adapter.documentation, "dated": adapter.dated, "seen": adapter.seen,
    }  # fmt: skip
