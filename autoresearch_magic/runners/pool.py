"""Share this machine out among the experiments that run at once: GPUs, processors and memory.

Each slot has a GPU of its own where there are as many (``CUDA_VISIBLE_DEVICES``), processors that no other slot has (an affinity, so that
one experiment does not take another one's time) and an equal part of the memory.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..text import counted
from . import Runner
from .fleet import Fleet, Place

ASKING = 20.0
"""Seconds that nvidia-smi may take to list the GPUs: a driver that was unloaded is loaded first."""


@dataclass(frozen=True)
class Gpu:
    """A GPU: what names it in ``CUDA_VISIBLE_DEVICES``, and its model."""

    name: str
    model: str


@dataclass(frozen=True)
class Share:
    """What one slot gets: a place, and threads and bytes for each experiment there."""

    place: Place
    threads: int
    memory: int


def found_gpus(environment: Mapping[str, str] | None = None) -> list[Gpu]:
    """Return the GPUs that experiments may use: those of ``CUDA_VISIBLE_DEVICES`` where it is set, else all that nvidia-smi lists."""
    environment = os.environ if environment is None else environment
    listed = _listed()
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return listed
    models = {name: gpu.model for gpu in listed for name in (gpu.name, str(listed.index(gpu)))}
    chosen: list[Gpu] = []
    for name in (part.strip() for part in visible.split(",")):
        if not name or name == "-1" or (name.isdigit() and listed and int(name) >= len(listed)):
            break  # CUDA sees none from the first invalid one on
        chosen.append(Gpu(name, models.get(name, "GPU")))
    return chosen


def _listed() -> list[Gpu]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    query = [program, "--query-gpu=index,name", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=ASKING, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    rows = (line.split(",", 1) for line in done.stdout.splitlines() if "," in line)
    return [Gpu(index.strip(), model.strip()) for index, model in rows]


def cores_here() -> list[int]:
    """Return the processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return sorted(affinity(0)) if affinity else list(range(os.cpu_count() or 1))


def shares(
    workers: int,
    *,
    threads: int,
    default_threads: int,
    memory: int,
    most_memory: int,
    gpus: list[Gpu],
    cores: list[int],
) -> tuple[list[Share], list[str]]:
    """Share a machine out.

    Parameters
    ----------
    workers : int
        Slots.
    threads, memory : int
        Threads and bytes of an experiment, as the user wants them.
    default_threads : int
        The threads that an experiment has where nobody has said anything; they are shared out.
    most_memory : int
        Bytes for all experiments together.
    gpus : list of Gpu
    cores : list of int
        Processors.

    Returns
    -------
    shares : list of Share
    notes : list of str
        What of it the user should know, a line each.
    """
    notes = []
    each = len(cores) // workers
    own = each >= 1 and (threads <= each or threads == default_threads)
    if threads == default_threads:
        threads = max(1, min(threads, each))
    if not own:
        notes.append(
            f"{workers} experiments of {counted(threads, 'thread')} run at once on {counted(len(cores), 'processor')}: they slow each other down."
        )
    if memory * workers > most_memory:
        memory = most_memory // workers
        notes.append(
            f"Each of {workers} experiments may use {memory / 2**30:.1f} GiB of memory: together they get what one had."
        )
    if gpus and len(gpus) < workers:
        notes.append(
            f"{workers} experiments share {counted(len(gpus), 'GPU')}: they slow each other down, and share its memory."
        )
    made = []
    for slot in range(workers):
        gpu = gpus[slot % len(gpus)] if gpus else None
        mine = tuple(cores[slot * each : (slot + 1) * each]) if own else ()
        made.append(
            Share(
                Place(
                    f"GPU {gpu.name}" if gpu else f"worker {slot + 1}", gpu.name if gpu else "", mine,
                    gpu.model if gpu else platform.machine(),
                ),
                threads, memory,
            )
        )  # fmt: skip
    if len({share.place.kind for share in made}) > 1:
        kinds = ", ".join(sorted({share.place.kind for share in made}))
        notes.append(f"The GPUs are not alike ({kinds}): what depends on time differs between them.")
    return made, notes


def local_fleet(made: list[Share], notes: list[str], make: Callable[[int, Share], Runner]) -> Fleet:
    """Return a fleet on this machine with a runner for each share; `make` takes the slot and its share."""
    runners: list[Runner] = []
    try:
        for slot, share in enumerate(made):
            runners.append(make(slot, share))
    except BaseException:
        for runner in runners:
            runner.close()
        raise
    return Fleet(runners, [share.place for share in made], notes)
