"""Make the runner that a study's target needs."""

from __future__ import annotations

from pathlib import Path

from ..config.converters import default_threads, machine_memory
from ..config.layouts import missing_for_original
from ..errors import UserError
from ..events import Notice, Publish
from ..runners import Runner
from ..runners.cell import CellRunner
from ..runners.command import CommandRunner
from ..runners.export import Export
from ..runners.fleet import ALONE, Fleet
from ..runners.pool import Share, cores_here, found_gpus, local_fleet, shares
from ..runners.replay import ReplayRunner
from ..source.files import split
from ..storage.git.commits import safe_name
from ..storage.recording import parse_replay
from .definition import Definition
from .keys import with_keys
from .on_dask import on_dask
from .runner_arguments import cell_arguments, command_arguments, walls_of
from .sealed import check_kept


def make_runner(
    definition: Definition, folder: Path, publish: Publish = lambda event: None, *, scratch: Path | None = None, slot: int = 0,
    share: Share | None = None,
) -> Runner:  # fmt: skip
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
    slot : int
        Which of the runners of a study it is; each has an export of its own.
    share : Share, optional
        What of the machine it gets; by default what the settings say.

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
    share = share or Share(ALONE, s.threads, s.memory)
    own = f"-{slot + 1}" if slot else ""
    walls = walls_of(definition, folder)
    if definition.checkout is not None:
        branch = "" if scratch else f"autoresearch/{safe_name(folder.name)}"
        made = CommandRunner(
            Export((scratch or folder) / f"export{own}", definition.checkout, split(definition.target), branch, s.link),
            **command_arguments(definition, walls), threads=share.threads, memory=share.memory, pass_env=s.pass_env,
            worker_log=logs / f"worker{own}.log", keep=scratch is None, on_note=lambda line: publish(Notice(line)),
            on_problem=lambda line: publish(Notice(line, lasting=True)), place=share.place,
        )  # fmt: skip
        if missing := missing_for_original(definition.checkout.folder, s.verify, made.tools):
            raise UserError("\n".join(missing))
        return made

    return CellRunner(
        **cell_arguments(definition, walls), threads=share.threads, memory=share.memory, pass_env=s.pass_env, folders=definition.folders,
        setup_log=logs / f"setup{own}.log", on_note=lambda line: publish(Notice(line)),
        on_problem=lambda line: publish(Notice(line, lasting=True)), keep=None if scratch else folder, place=share.place,
    )  # fmt: skip


def make_one(
    definition: Definition, folder: Path, publish: Publish = lambda event: None, *, scratch: Path | None = None
) -> Fleet:
    """Return a fleet of which the first runner is used alone, for a plan or two git refs.

    It runs where the study's experiments do: with ``--executor`` on the cluster, else on this machine. See `make_runner`.
    """
    if definition.settings.executor:
        return on_dask(definition, folder, publish, scratch=scratch)
    return Fleet([make_runner(definition, folder, publish, scratch=scratch)])


def make_fleet(definition: Definition, folder: Path, publish: Publish = lambda event: None) -> Fleet:
    """Return the runners of a study, one for each experiment that may run at once; see `make_runner`."""
    s = definition.settings
    if s.executor:
        return on_dask(definition, folder, publish)
    if not s.side_by_side:
        return Fleet([make_runner(definition, folder, publish)])
    made, notes = shares(
        s.workers, threads=s.threads, default_threads=default_threads(), memory=s.memory, most_memory=int(0.8 * machine_memory()),
        gpus=found_gpus(), cores=cores_here(),
    )  # fmt: skip
    return local_fleet(
        made, notes, lambda slot, share: make_runner(definition, folder, publish, slot=slot, share=share)
    )
