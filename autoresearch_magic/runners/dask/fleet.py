"""Make the runners of a study on a Dask cluster: connect, compare the workers, send them the study."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import UserError
from ...text import counted
from ..fleet import Fleet, Place
from ..walls import Walls
from . import worker
from .cluster import Cluster, scheduler_address
from .environments import Choice, Environment, choose, this_environment
from .local import LocalHost
from .runner import DaskRunner
from .shipping import Recipe, remove_token
from .work import Work, WorkerLost

WORKERS = 30.0
"""Seconds in which a cluster must have a worker."""
HANGS = "it is asked again when it gives a sign of life"


@dataclass(frozen=True)
class Wanted:
    """What a study wants of a cluster.

    Attributes
    ----------
    executor : str
        ``dask`` or ``dask://HOST:PORT``.
    slots : int
        Experiments that may run at once; 0 for as many as the cluster has workers.
    timed : bool
        Whether times are compared.
    walls : Walls
    local : sequence of Mapping
        The environment variables of each worker of a cluster on this machine.
    passed : sequence of str
        Names of environment variables whose values are sent.
    """

    executor: str
    slots: int
    timed: bool
    walls: Walls
    local: Sequence[Mapping[str, str]] = ()
    passed: Sequence[str] = ()


def dask_fleet(
    wanted: Wanted, recipe: Callable[[bool], Recipe], token: tuple[str, str], *, on_note: Callable[[str], object],
    on_problem: Callable[[str], object], logs: Path | None = None, temporary: Sequence[Path] = (),
) -> Fleet:  # fmt: skip
    """Return a fleet whose runs take place on the workers of a Dask cluster.

    Parameters
    ----------
    wanted : Wanted
    recipe : callable
        Makes the study's recipe; takes whether all workers see the study's folder.
    token : (str, str)
        See `Recipe`.
    on_note, on_problem : callable
        Called with lines for the user while the study runs; those of `on_problem` stay.
    logs : Path, optional
        The folder for the logs of the setup.
    temporary : sequence of Path
        Folders that are removed at the end with the token, where they are empty.

    Raises
    ------
    UserError
        When there is no scheduler, or no worker that can be used.
    """
    host = cluster = None
    try:
        host = LocalHost(wanted.local) if wanted.executor == "dask" else None
        address = host.address if host is not None else scheduler_address(wanted.executor)
        cluster = Cluster(address, security=host.security if host is not None else None)
        made = _fleet(wanted, recipe, token, cluster, host, on_note, on_problem, logs)
    except BaseException:
        if cluster is not None:
            cluster.close()
        if host is not None:
            host.close()
        remove_token(token, temporary)
        raise

    def close() -> None:
        made.close()
        remove_token(token, temporary)

    return Fleet(made.runners, made.places, made.notes, close)


def _fleet(
    wanted: Wanted, recipe: Callable[[bool], Recipe], token: tuple[str, str], cluster: Cluster, host: LocalHost | None,
    on_note: Callable[[str], object], on_problem: Callable[[str], object], logs: Path | None,
) -> Fleet:  # fmt: skip
    names = _wait_for_workers(cluster)
    found, seeing, without = _look(cluster, token, wanted.walls, [*names])
    here = this_environment()
    choice = choose(found, names, here, timed=wanted.timed)
    unusable = [f"Dask worker {names[each]} is not used: {why}." for each, why in without.items()]
    if not choice.used:
        raise UserError(" ".join(["No Dask worker can be used.", *choice.notes, *unusable]))
    made = recipe(all(seeing[each] for each in choice.used))
    work = Work(cluster, made.id, pickle.dumps(made), on_note=on_note, on_problem=on_problem, logs=logs)
    for each in names:
        cluster.admit(each, None if HANGS in without.get(each, "") else False)
    for each in choice.used:
        try:
            work.ship(each)
            cluster.admit(each, True)
        except WorkerLost as gone:
            unusable.append(str(gone))
    cluster.on_join = _joins(work, cluster, token, wanted, made, here, choice)
    cluster.begin()
    seats = sum(member.seats for member in cluster.members if member.admitted)
    slots = wanted.slots or max(1, seats)
    notes = [
        *unusable,
        *choice.notes,
        *_remarks(wanted, made, cluster, host, [seeing[each] for each in choice.used], slots, seats),
    ]

    def close() -> None:
        cluster.close(work.forget)
        if host is not None:
            host.close()

    kind = next(iter(choice.kinds), "")
    places = [Place(f"Dask slot {slot + 1}", kind=kind) for slot in range(slots)]
    return Fleet(
        [DaskRunner(work, made.arguments.get("budget"), describes=not slot) for slot in range(slots)],
        places,
        notes,
        close,
    )


def _wait_for_workers(cluster: Cluster) -> dict[str, str]:
    """Return the names of the workers by address; wait for the first one."""
    end = time.monotonic() + WORKERS
    while not (members := cluster.members):
        if time.monotonic() > end:
            raise UserError(
                f"The Dask scheduler at {cluster.address} has no workers: start some with  dask worker {cluster.address} --nthreads 1"
            )
        time.sleep(0.2)
        cluster.look()
    return {member.address: member.name for member in members}


def _look(
    cluster: Cluster, token: tuple[str, str], walls: Walls, addresses: Sequence[str]
) -> tuple[dict[str, Environment], dict[str, bool], dict[str, str]]:
    """Ask workers what they run with; return that, whether they see the study's folder, and why others cannot be used."""
    found: dict[str, Environment] = {}
    seeing: dict[str, bool] = {}
    without: dict[str, str] = {}
    for address, answer in cluster.call(worker.look, token, walls, workers=addresses).items():
        if isinstance(answer, ModuleNotFoundError):
            without[address] = f"it has no module {answer.name}: install autoresearch_magic with its extra there, pip install 'autoresearch_magic[dask]'"  # fmt: skip
        elif isinstance(answer, TimeoutError):
            without[address] = f"{answer} ({HANGS})"
        elif isinstance(answer, BaseException):
            without[address] = f"{type(answer).__name__}: {answer}"
        else:
            found[address], seeing[address] = answer["environment"], answer["sees"]
    return found, seeing, without


def _joins(
    work: Work, cluster: Cluster, token: tuple[str, str], wanted: Wanted, made: Recipe, here: Environment, choice: Choice
) -> Callable[[str], bool | None]:  # fmt: skip
    """Return what looks at a worker that joins later."""

    def look(address: str) -> bool | None:
        name = cluster.name(address)
        found, seeing, without = _look(cluster, token, wanted.walls, [address])
        why = without.get(address, "")
        if not why:
            alone = choose(found, {address: name}, here, timed=False)
            why = alone.left_out.get(address, "")
        if not why and choice.kinds and found[address].kind not in choice.kinds:
            why = f"it differs from the used ones, and times are compared ({found[address].kind})"
        if not why and not seeing[address] and not (made.bundle or made.checkout is None):
            why = "it does not see the repository, and the others do"
        if not why and not seeing[address] and made.link:
            why = "it does not see what --link links"
        if why:
            work.problem(f"Dask worker {name} has joined and is not used: {why}.")
            return None if HANGS in why else False
        work.ship(address)
        work.note(f"Dask worker {name} has joined.")
        return True

    return look


def _remarks(
    wanted: Wanted, made: Recipe, cluster: Cluster, host: LocalHost | None, seeing: Sequence[bool], slots: int, seats: int
) -> list[str]:  # fmt: skip
    """Return what the user should know of a cluster before the first run."""
    notes = [f"Experiments run on {counted(seats, 'Dask worker')} at {cluster.address}, {slots} at once."]
    if slots > seats:
        notes.append(f"{counted(slots - seats, 'slot')} wait for workers that join.")
    if not all(seeing) and made.checkout is not None:
        notes.append(
            f"Workers get the study's commit ({len(made.bundle) / 1e6:.1f} MB), not your folder: untracked files, environments and data that "
            "commands use must be on them."
        )
    elif not all(seeing):
        sent = ", ".join(sorted(made.modules)) or "no module of yours"
        notes.append(
            f"Workers do not see {made.working_folder}: {sent} is sent with setup and target; files that the setup opens must be on them, "
            "under absolute paths."
        )
    encrypted = cluster.address.startswith("tls://")
    if wanted.passed and not encrypted:
        notes.append(
            f"--pass-env {' '.join(wanted.passed)}: the values are sent to the workers in clear, because Dask's configuration has no TLS."
        )
    if host is None and not encrypted and wanted.walls.network != "off":
        notes.append(
            "--network lets experiments reach Dask's scheduler, which runs what it is sent outside of all walls: use TLS."
        )
    if host is not None and host.security is None:
        notes.append(
            "The cluster on this machine has no TLS: pip install cryptography, or other users here could give it work."
        )
    return notes
