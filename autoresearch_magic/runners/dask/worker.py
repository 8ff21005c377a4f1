"""The side of a Dask worker: it makes the study's runner once, runs what is asked, and tells how the run is going.

A run is a Dask task in a thread of the worker; the experiments' own worker process (`runners.worker`) is started from there, with the same
walls and limits as on the kernel's machine. A task whose key the scheduler has released is ended: its study has stopped, or has given this
worker up.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin, get_worker
from distributed.security import Security

from ...errors import Stopped, UserCodeError, UserError
from ...storage.git.checkout import Checkout
from ...storage.scratch import scratch_folder
from .. import Runner
from ..cell import CellRunner
from ..command import CommandRunner
from ..export import Export
from ..fleet import Place
from ..walls import Walls
from .environments import Environment, host_name, machine_memory, this_environment
from .seat import Seat, Told
from .shipping import Recipe, open_bundle, sees, write_modules

LABEL = "autoresearch"
"""The resource of Dask that says how many experiments run at once on a worker: one, unless it was started with another number."""
MOST_TOLD = 32_768
"""Bytes of an answer that is told: the scheduler keeps the last thousand of a study's events."""
IDLE = 900.0
"""Seconds after which the processes of a study that asks for nothing are ended; its next run starts them again."""
SHARED = ("baseline-times.json", "export.json")
"""Files of what the baseline's runs have shown, which all workers of a study need."""
MOST_KEPT = 256 << 20
"""Bytes of what a kept version wrote that are sent."""
CORES = "AUTORESEARCH_CORES"
"""Environment variable of a worker of the local cluster: the processors that its experiments may use."""


def plugin_name(study: str) -> str:
    """Return the name of a study's plugin on a worker."""
    return f"autoresearch-{study}"


# -- called in the worker's event loop --------------------------------------------------------------------------------


async def look(token: tuple[str, str], walls: Walls, dask_worker: Any) -> dict[str, Any]:
    """Return what a study should know of a worker before it is used: its environment, host, and whether it sees the study's folder."""
    environment: Environment = await asyncio.to_thread(this_environment, dask_worker.state.nthreads, walls)
    return {"environment": environment, "host": host_name(), "sees": sees(token)}


async def receive(recipe: bytes, dask_worker: Any) -> None:
    """Take a study's recipe; the processes of other studies that run nothing now are ended."""
    made: Recipe = await asyncio.to_thread(pickle.loads, recipe)
    for plugin in [*dask_worker.plugins.values()]:
        if isinstance(plugin, StudyHere) and plugin.recipe.id != made.id:
            await asyncio.to_thread(plugin.rest)
    if LABEL not in dask_worker.state.total_resources:
        await dask_worker.set_resources(**{LABEL: 1})
    await dask_worker.plugin_add(plugin=StudyHere(made), name=plugin_name(made.id))


async def forget(study: str, dask_worker: Any) -> None:
    """End a study's processes, and delete what it has on this worker."""
    if plugin_name(study) in dask_worker.plugins:
        await dask_worker.plugin_remove(name=plugin_name(study))


async def prune(study: str, attempt: str, dask_worker: Any) -> None:
    """End a run early, as its study's pruner wants."""
    here = dask_worker.plugins.get(plugin_name(study))
    if here is not None and (told := here.runs.get(attempt)) is not None:
        told.pruned = True


# -- called as a task -------------------------------------------------------------------------------------------------


def run(study: str, request: Mapping[str, Any]) -> bytes:
    """Do what a study asks of this worker; the answer says so where it does not know the study.

    A short answer is told, as the run's last event, and the task has no result then: that arrives at once, and nobody has to fetch it
    from a worker that may hang by then.
    """
    worker: Any = get_worker()
    here = worker.plugins.get(plugin_name(study))
    answer = {"unknown": True} if here is None else here.do(worker, worker.get_current_task(), request)
    packed = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    if len(packed) > MOST_TOLD:
        return packed
    worker.log_event(request["topic"], {"attempt": request["attempt"], "answer": packed})
    return b""


class StudyHere(WorkerPlugin):  # type: ignore[misc]
    """A study on this worker: its runners, each of which runs one experiment at a time.

    Parameters
    ----------
    recipe : Recipe

    Attributes
    ----------
    runs : dict of str to Told
        The runs in progress, by attempt.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.runs: dict[str, Told] = {}
        self._lock = threading.Lock()
        self._idle: list[Seat] = []
        self._all: list[Seat] = []
        self._stack = ExitStack()
        self._place: Path | None = None
        self._closed = False
        self._count = 0
        self._timer: threading.Timer | None = None
        self._checkout: Checkout | None = None

    async def teardown(self, worker: Any) -> None:
        """End everything; called by Dask when the worker closes or the plugin is removed."""
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """End all processes and delete all files."""
        with self._lock:
            self._closed, seats = True, [*self._all]
            self._all.clear()
            self._idle.clear()
            if self._timer is not None:
                self._timer.cancel()
        for seat in seats:
            seat.close()
        self._stack.close()

    def rest(self) -> None:
        """End the processes that wait for a run; the next run starts them again."""
        with self._lock:
            resting = [*self._idle]
            self._idle.clear()
            for seat in resting:
                self._all.remove(seat)
        for seat in resting:
            seat.close()

    # -- a run --------------------------------------------------------------------------------------------------------

    def do(self, worker: Any, key: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        """Run a target or the guard, or hand out what a run has kept, and return the answer."""
        if request["do"] == "keep":
            return {"kept": self._kept(request["target"])}
        told = Told(worker, key, request["topic"], request["attempt"])
        self.runs[told.attempt] = told
        try:
            with told, scratch_folder("dask") as scratch:
                answer = self._answer(told, request, scratch / "run.log")
                with suppress(OSError):
                    answer["log"] = (scratch / "run.log").read_bytes()
                return answer
        finally:
            self.runs.pop(told.attempt, None)

    def _answer(self, told: Told, request: Mapping[str, Any], log: Path) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        try:
            with self._seat(told, request["shared"]) as seat:
                runner = seat.runner
                assert runner is not None
                runner.budget, runner.learned = request["budget"], request["learned"]
                try:
                    answer["result"] = self._called(runner, told, request, log)
                finally:
                    answer.update(
                        learned=runner.learned, shared=_read_shared(seat.place), setup_log=seat.new_log(), lines=runner.describe()
                    )  # fmt: skip
        except Stopped:
            answer["stopped"] = True
        except UserError as error:
            answer["error"] = str(error)
            answer["traceback"] = error.traceback if isinstance(error, UserCodeError) else None
        return answer

    @staticmethod
    def _called(runner: Runner, told: Told, request: Mapping[str, Any], log: Path) -> Any:
        target, deadline = request["target"], request["deadline"]
        if request["do"] == "check":
            return runner.check(target, deadline=deadline, allowed=request["allowed"], log=str(log))
        held = {"holdout": True} if request["holdout"] else {}
        with runner.at_stage(request["stage"]) if request["stage"] is not None else nullcontext():
            return runner.measure(
                target, seed=request["seed"], deadline=deadline, watch=told.watch, log=str(log), **held
            )

    @contextmanager
    def _seat(self, told: Told, shared: Mapping[str, str]) -> Iterator[Seat]:
        """Lend a runner that nothing uses; one that was interrupted, or has failed in a way nobody foresaw, is not used again."""
        with self._lock:
            if self._closed:
                raise Stopped
            if self._timer is not None:
                self._timer.cancel()
            seat = self._idle.pop() if self._idle else Seat(self._new_place())
            if seat.runner is None:
                self._all.append(seat)
        fit = False
        try:
            _write_shared(seat.place, shared)
            seat.told = told
            if seat.runner is None:
                seat.runner = self._make(seat)
            told.runs_in(seat.runner)
            try:
                yield seat
            except UserError:
                fit = True
                raise
            fit = True
        finally:
            seat.told = None
            with self._lock:
                keep = fit and not told.ended and not self._closed
                if keep:
                    self._idle.append(seat)
                    self._timer = threading.Timer(IDLE, self.rest)
                    self._timer.daemon = True
                    self._timer.start()
                elif seat in self._all:
                    self._all.remove(seat)
            if not keep:
                seat.close()

    def _new_place(self) -> Path:
        if self._place is None:
            self._place = Path(os.path.realpath(self._stack.enter_context(scratch_folder("study"))))
        self._count += 1
        place = self._place / str(self._count)
        (place / "state").mkdir(parents=True)
        return place

    # -- making a runner ----------------------------------------------------------------------------------------------

    def _make(self, seat: Seat) -> Runner:
        place, recipe, worker = seat.place, self.recipe, get_worker()
        arguments = dict(recipe.arguments)
        threads = max(1, worker.state.nthreads // int(worker.state.total_resources.get(LABEL, 1)))
        if recipe.default_threads:
            arguments["threads"] = threads
        if recipe.default_memory:
            most = getattr(worker.memory_manager, "memory_limit", None) or machine_memory()
            arguments["memory"] = int(0.8 * most / worker.state.total_resources.get(LABEL, 1))
        walls = arguments["walls"]
        arguments["walls"] = replace(walls, hidden=(*walls.hidden, *_tls_keys()))
        cores = tuple(int(each) for each in os.environ.get(CORES, "").split(",") if each)
        common: dict[str, Any] = {"on_note": seat.note, "on_problem": seat.problem, "place": Place("here", cores=cores)}
        if recipe.checkout is not None:
            return self._make_command(place, arguments, common)
        if sees(recipe.token):
            folders = [Path(each) for each in recipe.folders]
            return CellRunner(
                **arguments, **common, folders=folders, setup_log=place / "setup.log", keep=place / "state",
                working_folder=Path(recipe.working_folder),
            )  # fmt: skip
        modules, work = place / "modules", place / "work"
        write_modules(recipe.modules, modules)
        work.mkdir(exist_ok=True)
        return CellRunner(
            **arguments, **common, folders=[modules], setup_log=place / "setup.log", keep=place / "state", working_folder=work
        )  # fmt: skip

    def _make_command(self, place: Path, arguments: dict[str, Any], common: Mapping[str, Any]) -> Runner:
        recipe = self.recipe
        assert recipe.checkout is not None
        checkout = Checkout.from_json(dict(recipe.checkout))
        if not sees(recipe.token):
            with self._lock:
                if self._checkout is None:
                    assert self._place is not None
                    folder = self._place / "repository"
                    open_bundle(recipe.bundle, checkout.commit, folder)
                    self._checkout = replace(checkout, folder=folder)
                checkout = self._checkout
        export = Export(place / "state" / "export", checkout, recipe.base, "", recipe.link)
        return CommandRunner(export, **arguments, **common, worker_log=place / "setup.log", keep=False)

    # -- what comes back ----------------------------------------------------------------------------------------------

    def _kept(self, target: str) -> bytes:
        """Return what the last run of a target wrote as a tar archive; empty for nothing."""
        with self._lock:
            runners = [seat.runner for seat in self._all if seat.runner is not None]
        with scratch_folder("kept") as scratch:
            folder = scratch / "kept"
            for runner in runners:
                runner.keep_files(target, folder)
                if folder.is_dir():
                    break
            if not folder.is_dir():
                return b""
            left, out = MOST_KEPT, BytesIO()
            with tarfile.open(fileobj=out, mode="w:gz") as archive:
                for path in sorted(each for each in folder.rglob("*") if each.is_file() and not each.is_symlink()):
                    if (size := path.stat().st_size) <= left:
                        archive.add(path, str(path.relative_to(folder)), recursive=False)
                        left -= size
            return out.getvalue()


def _tls_keys() -> list[str]:
    """Return the files of the keys with which this worker speaks to the scheduler."""
    security = Security()
    keys = (security.tls_client_key, security.tls_scheduler_key, security.tls_worker_key)
    return [os.path.abspath(each) for each in keys if each and "\n" not in each and Path(each).is_file()]


def _read_shared(place: Path) -> dict[str, str]:
    found = {}
    for name in SHARED:
        with suppress(OSError, ValueError):
            found[name] = (place / "state" / name).read_text("utf-8")
    return found


def _write_shared(place: Path, shared: Mapping[str, str]) -> None:
    for name, text in shared.items():
        file = place / "state" / name
        with suppress(OSError):
            if not file.exists():
                file.write_text(text, "utf-8")
