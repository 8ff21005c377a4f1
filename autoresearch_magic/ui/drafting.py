"""From a goal to a program: ask a language model for one, run its commands once, and show the cell that would start it.

Nothing is started; that is left to the user.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..agents.drafting.attempts import backend_for, make_draft
from ..agents.drafting.draft import Draft, DryRun
from ..config.converters import read_scope
from ..config.effective import make_settings
from ..errors import UserError
from ..runners.command import CommandRunner
from ..runners.safety.policy import danger
from ..source.files import match
from ..storage.git.checkout import head_of, top_of, tracked_in
from ..storage.scratch import scratch_folder
from ..study.definition import define
from ..study.hidden import Hidden, hidden_lines
from ..study.runner_factory import make_runner
from .reply import Reply


def draft_reply(goal: str, options: Mapping[str, Any], root: Path) -> Reply:
    """Return the reply to ``%autoresearch plan GOAL``: the agent's program, tried once, in a cell that would start it.

    Parameters
    ----------
    goal : str
    options : Mapping
        Raw options of the command: the agent, its limits, the repository.
    root : Path
        The folder that holds the studies.

    Raises
    ------
    UserError
        When there is no repository, or the agent is no language model.
    """
    # Settings need a metric, and accept a repository only together with the scope and command that are to be drafted.
    settings = make_settings({"metric": "goal"}, {name: value for name, value in options.items() if name != "repo"})
    top = top_of(Path(options.get("repo") or ".").expanduser().absolute())
    backend = backend_for(settings, root)
    kept = {name: value for name, value in options.items() if name in ("agent", "repo", "effort", "base_url", "hide")}

    names = tuple(match(settings.hide, tracked_in(top)))
    if settings.hide and not names:
        raise UserError(f"--hide {' '.join(settings.hide)}: git tracks no such file in {top}.")
    hidden = Hidden(names, "", hidden_lines(top, head_of(top)[0], names)) if names else None

    def work(show: Callable[[float, str], None]) -> Reply:
        drafted = make_draft(
            goal, top, backend, lambda draft: without_hidden(dry_run(draft, top), hidden), danger, _matching,
            hidden=names, deadline=settings.reply_timeout, show=show,
        )  # fmt: skip
        line = " ".join(f"--{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in kept.items())
        return Reply(drafted.text, drafted.markdown, next_cell=drafted.cell(line))

    return Reply("", work=work)


def _matching(scope: str, paths: Sequence[str]) -> list[str]:
    return match(read_scope(scope), paths)


def without_hidden(run: DryRun, hidden: Hidden | None) -> DryRun:
    """Return a dry run whose output shows nothing that is hidden from the model."""
    if hidden is None:
        return run
    clean = hidden.clean
    return replace(
        run, output=clean(run.output), error=clean(run.error, run.output), guard_output=clean(run.guard_output)
    )


def dry_run(draft: Draft, top: Path) -> DryRun:
    """Run a draft's verify and guard commands once, in a temporary folder.

    Raises
    ------
    UserError
        When the repository is not ready, for example because it has uncommitted changes.
    """
    definition = define("A draft", "", "", {
        "metric": draft.metric, "minimize": draft.minimize, "scope": draft.scope, "verify": draft.verify, "guard": draft.guard,
        "repo": str(top),
    })  # fmt: skip
    settings, target = definition.settings, definition.target
    with scratch_folder("draft") as folder:
        runner = make_runner(definition, folder, scratch=folder)
        assert isinstance(runner, CommandRunner)
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
