"""Make the runner that a study's target needs."""

from __future__ import annotations

from pathlib import Path

from ..config.layouts import missing_for_original
from ..errors import UserError
from ..events import Notice, Publish
from ..runners import Runner
from ..runners.cell import CellRunner
from ..runners.command import CommandRunner, GuardCommand
from ..runners.export import Export
from ..runners.replay import ReplayRunner
from ..runners.walls import Walls
from ..source.files import split
from ..storage.git.commits import safe_name
from ..storage.recording import parse_replay
from .definition import Definition
from .keys import with_keys
from .sealed import check_kept, hidden_paths


def make_runner(
    definition: Definition, folder: Path, publish: Publish = lambda event: None, *, scratch: Path | None = None
) -> Runner:
    """Return a runner for a recording, for the files of a repository, or for a cell.

    Parameters
    ----------
    definition : Definition
    folder : Path
        The study's folder.
    publish : callable
        Takes a notice when experiments cannot be forked.
    scratch : Path, optional
        A temporary folder for logs and export, for a plan, a draft or a check, which leave nothing behind: no
        branch is made then.

    Raises
    ------
    UserError
        When the original's repository lacks what it runs with.
    """
    definition = with_keys(definition)
    s = definition.settings
    check_kept(definition.sealed, definition.sealed_mark, folder)
    if s.agent.startswith("replay:"):
        recording, speed = parse_replay(s.agent.partition(":")[2], folder.parent)
        return ReplayRunner(recording, speed, seed=s.seed)
    logs = scratch or folder / "logs"
    secret = hidden_paths(definition.sealed_path, [Path.cwd(), *definition.folders]) if definition.sealed_mark else ()
    walls = Walls(s.sandbox, s.network, s.allow_read, s.allow_write, hidden=(str(folder.parent.absolute()), *secret))
    if definition.checkout is not None:
        branch = "" if scratch else f"autoresearch/{safe_name(folder.name)}"
        made = CommandRunner(
            Export((scratch or folder) / "export", definition.checkout, split(definition.target), branch, s.link),
            s.verify, definition.metric,
            guard=GuardCommand(s.guard, s.as_guard_metric(), s.guard_threshold or 0.0) if s.guard else None,
            threads=s.threads, memory=s.memory, seed=s.seed, pass_env=s.pass_env, worker_log=logs / "worker.log",
            keep=scratch is None, on_note=lambda line: publish(Notice(line)), valid=s.valid,
            artifacts=s.artifacts, hide=s.hide, also=s.also, walls=walls, on_problem=lambda line: publish(Notice(line, lasting=True)),
        )  # fmt: skip
        # Again, because a study may be resumed on another machine.
        if missing := missing_for_original(definition.checkout.folder, s.verify, made.tools):
            raise UserError("\n".join(missing))
        return made

    return CellRunner(
        definition.setup, definition.target, definition.metric, s.budget, threads=s.threads, memory=s.memory, seed=s.seed,
        pass_env=s.pass_env, mode="fresh" if s.fresh else "auto", folders=definition.folders,
        setup_name=definition.setup_path.stem if definition.setup_path else "", setup_log=logs / "setup.log",
        on_note=lambda line: publish(Notice(line)), valid=s.valid, wall=s.clock == "wall", artifacts=s.artifacts,
        also=s.also, on_problem=lambda line: publish(Notice(line, lasting=True)), walls=walls, sealed=definition.sealed, holdout=s.holdout,
        keep=None if scratch else folder,
    )  # fmt: skip
