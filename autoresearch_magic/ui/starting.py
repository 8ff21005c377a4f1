"""Ways to begin: a skill, which is a program template with an example; or a goal, of which a model makes a program.

Not here: starting it, which is the user's.
"""

from __future__ import annotations

import argparse
import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..agents.drafting.attempts import backend_for, make_draft
from ..agents.drafting.draft import Draft, DryRun
from ..config.converters import read_scope
from ..config.settings import make_settings
from ..config.skills import as_cell, copy_example, find_skill, read_skills, skill_folders
from ..runners.command import CommandRunner, GuardCommand
from ..runners.safety.policy import danger
from ..runners.worktree import Worktree
from ..source.files import match, split
from ..storage.git.checkout import open_checkout, top_of
from ..text import escape
from .reply import Reply, said

FORMS = """\
Metric: NAME, where verify prints a line `NAME: NUMBER`, or where its only number is the metric. NAME=re:REGEX takes the number \
that the group of a regular expression matches, NAME=json:PATH (such as json:totals.percent) one from JSON, NAME=lines:REGEX \
counts lines. A tool that says by its exit status that it found something is read with one of these three.
Scope: globs of tracked files from the repository's top, separated by commas, such as src/**/*.py, lib/*.py; !GLOB takes out"""
"""How a metric and a scope are written, in the words that a model is told."""


def list_reply(root: Path) -> Reply:
    """Answer ``%autoresearch skills``; `root` is the folder that holds the studies."""
    skills, problems = read_skills(skill_folders(root.parent))
    width = max(len(skill.name) for skill in skills)
    own = [f" ({skill.source})" if skill.source != "built in" else "" for skill in skills]
    lines = [f"{s.name:<{width}}  {s.description}{where}" for s, where in zip(skills, own, strict=True)]
    hint = (
        "%autoresearch skill NAME puts one into the next cell; with --example FOLDER its example is copied there first."
    )
    table = ["| skill | what it is for |", "| --- | --- |"]
    table += [f"| `{s.name}` | {escape(s.description + where)} |" for s, where in zip(skills, own, strict=True)]
    return Reply(
        "\n".join([*lines, "", hint, *problems]),
        "\n".join(table) + f"\n\n{escape(hint)}" + "".join(f"\n\n{escape(p)}" for p in problems),
    )


def skill_reply(arguments: argparse.Namespace, root: Path) -> Reply:
    """Answer ``%autoresearch skill NAME``; `root` is the folder that holds the studies."""
    skill = find_skill(arguments.name, skill_folders(root.parent))
    options, told = [], f"{skill.name}: {skill.description}"
    if arguments.example:
        folder = copy_example(skill, arguments.example)
        options.append(f"--repo {shlex.quote(str(arguments.example))}")
        told += f" Its example is in {arguments.example}, a git repository of {len(list(folder.rglob('*.*')))} files."
    if arguments.agent:
        options.append(f"--agent {shlex.quote(arguments.agent)}")
    if arguments.no_cell:
        return said(told)
    return said(
        f"{told} The program stands in the cell below: change it as you like, and run it.",
        next_cell=as_cell(skill, " ".join(options)),
    )


def init_project(name: str, into: str, root: Path) -> str:
    """Copy a skill's example into a folder, with its program as ``program.md``; returns what to do next.

    Raises
    ------
    UserError
        When there is no such skill, or the folder is not empty.
    """
    skill = find_skill(name, skill_folders(root.parent))
    copy_example(skill, into)
    agent = f" --agent recorded:{skill.name}" if skill.recorded else ""
    return f"{skill.name} is in {into}. Run it with  autoresearch run {Path(into) / 'program.md'}{agent}"


def draft_reply(goal: str, options: Mapping[str, Any], root: Path) -> Reply:
    """Answer ``%autoresearch plan GOAL``: ask the agent for a program, try it dry, and show the cell that would start it.

    Parameters
    ----------
    goal : str
    options : Mapping
        Of the command, raw: the agent, its limits, the repository.
    root : Path
        The folder that holds the studies.

    Raises
    ------
    UserError
        When there is no repository, or the agent is no language model.
    """
    # A metric must be there, and a folder makes sense with what is to be found only.
    settings = make_settings({"metric": "goal"}, {name: value for name, value in options.items() if name != "repo"})
    top = top_of(Path(options.get("repo") or ".").expanduser().absolute())
    backend = backend_for(settings, root)
    told = {name: value for name, value in options.items() if name in ("agent", "repo", "effort", "base_url")}

    def work(show: Callable[[float, str], None]) -> Reply:
        drafted = make_draft(
            goal, top, backend, lambda draft: try_dry(draft, top), danger, _matching, forms=FORMS,
            deadline=settings.reply_timeout, show=show,
        )  # fmt: skip
        line = " ".join(f"--{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in told.items())
        return Reply(drafted.text, drafted.markdown, next_cell=drafted.cell(line))

    return Reply("", work=work)


def _matching(scope: str, paths: Sequence[str]) -> list[str]:
    return match(read_scope(scope), paths)


def try_dry(draft: Draft, top: Path) -> DryRun:
    """Run a draft's verify and guard once, in a worktree of their own that is taken away afterwards.

    Raises
    ------
    UserError
        When the repository is in no state for it, such as with changes that are not committed.
    """
    settings = make_settings({
        "metric": draft.metric, "minimize": draft.minimize, "scope": draft.scope, "verify": draft.verify, "guard": draft.guard,
        "repo": str(top),
    })  # fmt: skip
    checkout, target, _ = open_checkout(top, settings.scope, [settings.verify, settings.guard])
    with tempfile.TemporaryDirectory(prefix="autoresearch-draft-") as folder:
        runner = CommandRunner(
            Worktree(Path(folder) / "worktree", checkout, split(target)), settings.verify, settings.as_metric(),
            guard=GuardCommand(settings.guard) if settings.guard else None, threads=settings.threads, memory=settings.memory,
            worker_log=Path(folder) / "worker.log", keep=False,
        )  # fmt: skip
        try:
            m = runner.measure(target, seed=0, deadline=settings.deadline(None), log=str(Path(folder) / "verify.log"))
            code, error = runner.exit_code, m.error
            if not settings.guard or not m.ok:
                return DryRun(code, m.output, m.value if m.ok else None, "" if m.ok else error, m.seconds)
            checked = runner.check(
                target, deadline=settings.deadline(None), allowed=None, log=str(Path(folder) / "guard.log")
            )
            guard_code = runner.exit_code
        finally:
            runner.close()
    return DryRun(code, m.output, m.value, "", m.seconds, guard_code, checked.output)
