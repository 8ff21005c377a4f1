"""Make the runners of a study whose experiments run on a Dask cluster: what of the study is sent, and what is asked of the workers."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

from ..config.converters import default_threads, machine_memory
from ..errors import UserError, require
from ..events import Notice, Publish
from ..runners.fleet import Fleet
from ..runners.pool import Share, cores_here, found_gpus, shares
from ..source.files import split
from ..storage.git.export import calls_git
from .definition import Definition
from .keys import with_keys
from .runner_arguments import cell_arguments, command_arguments, walls_of
from .sealed import check_kept


def on_dask(definition: Definition, folder: Path, publish: Publish, *, scratch: Path | None = None) -> Fleet:
    """Return the runners of a study whose experiments run on a Dask cluster (``--executor``).

    Parameters
    ----------
    definition : Definition
    folder : Path
        The study's.
    publish : callable
    scratch : Path, optional
        A temporary folder for logs, for what leaves nothing behind: the study's folder is removed at the end where it was not there.
    """
    require("distributed", "--executor dask")
    from ..runners.dask.fleet import Wanted, dask_fleet
    from ..runners.dask.shipping import Recipe, leave_token, make_bundle, own_modules
    from ..runners.dask.worker import CORES

    definition = with_keys(definition)
    s, checkout = definition.settings, definition.checkout
    check_kept(definition.sealed, definition.sealed_mark, folder)
    if s.agent.startswith("replay:"):
        raise UserError("--executor dask has no effect with a replay, which runs nothing: leave it out.")
    new = [each for each in (folder, *folder.parents) if not each.exists()] if scratch else []
    walls, token = walls_of(definition, folder), leave_token(folder)
    if scratch == folder:  # who sees a temporary folder need not see the user's files: they are sent
        token = (token[0], "")
    passed = {name: os.environ[name] for name in s.pass_env if name in os.environ}
    own = {"threads": s.threads, "memory": s.memory, "pass_env": passed}
    here: list[Share] = []
    if s.executor == "dask":
        here, _ = shares(
            s.workers, threads=s.threads, default_threads=default_threads(), memory=s.memory,
            most_memory=int(0.8 * machine_memory()), gpus=found_gpus(), cores=cores_here(),
        )  # fmt: skip
        own |= {"threads": here[0].threads, "memory": here[0].memory}
    # What nobody has said is the worker's to decide: its Dask threads, and its own memory.
    theirs = {"default_threads": not here and s.threads == default_threads(), "default_memory": not here and s.memory == int(0.8 * machine_memory())}  # fmt: skip

    def recipe(all_see: bool) -> Recipe:
        common: dict[str, Any] = {
            "id": uuid.uuid4().hex[:12], **theirs, "working_folder": os.getcwd(), "folders": tuple(map(str, definition.folders)), "token": token,
        }  # fmt: skip
        if checkout is None:
            sources = [definition.setup, definition.target, definition.sealed]
            places = list(dict.fromkeys([*common["folders"], os.getcwd()]))
            modules = {} if all_see else own_modules(sources, places)
            return Recipe(arguments={**cell_arguments(definition, walls), **own}, modules=modules, **common)
        if s.link and not all_see:
            raise UserError(
                f"--link {' '.join(s.link)} needs workers that see {checkout.folder} at the same place, and not all do: leave it out, or start the "
                "study in a folder that they share."
            )
        commands = [s.verify, *([s.guard] if s.guard else [])]
        history = calls_git(commands, checkout.folder, checkout.frozen, checkout.tracked)
        return Recipe(
            arguments={**command_arguments(definition, walls), **own}, checkout=checkout.to_json(), base=split(definition.target),
            link=s.link, bundle=b"" if all_see else make_bundle(checkout.folder, checkout.commit, history=history),
            **common,
        )  # fmt: skip

    wanted = Wanted(
        s.executor, s.workers if here or s.workers > 1 else 0, s.budget.unit != "steps" or bool(s.verify), walls,
        [share.place.environment | {CORES: ",".join(map(str, share.place.cores))} for share in here], tuple(passed),
    )  # fmt: skip
    return dask_fleet(
        wanted, recipe, token, logs=(scratch or folder) / "logs", on_note=lambda line: publish(Notice(line)),
        on_problem=lambda line: publish(Notice(line, lasting=True)), temporary=new,
    )  # fmt: skip
