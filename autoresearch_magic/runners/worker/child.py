"""One run of a target, inside its own process: execute it, restore the frozen names, read the metric, send the result.

The same code runs in a fork of the worker, which has run the setup already, and in a fresh process, which runs it first.
Not here: limits and killing, which the worker does from outside (`server`).
"""

from __future__ import annotations

import _thread
import ast
import builtins
import fcntl
import json
import math
import os
import signal
import sys
import time
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NoReturn, TextIO

from ... import runtime
from ...budget import Budget
from ...experiment import Outcome
from ..walls import Walls
from ..walls.enclosure import Enclosure
from ..walls.opened import Opened
from ..walls.words import remedy_for
from . import working_folder
from .clean.digests import changed, digests
from .clean.served import serve
from .execution import execute, new_main, run_setup, seed_everything
from .failures import not_finite, one_line, out_of_memory, sealed_line, users_traceback
from .memory import shared_bytes
from .metric_value import also_numbers, evaluate, holdout_value
from .protocol import encode
from .waiting import LostTime

HIGH_DESCRIPTOR = 400
"""The event pipe's descriptor is at least this, so that a target that closes all it knows of can still send its result."""
NO_PIPE, WALL = 97, 96
"""Exit codes of an experiment that could not send its result, and of one that could not be confined."""
MOST_NAMES, NAME = 200, 100
"""Names of the target that are sent with the result, and characters of each."""

_BUILTINS = dict(vars(builtins))
_streams: list[TextIO] = []
_write = os.write  # a target may replace what modules contain


class EventPipe:
    """Writes events to a file descriptor, as one JSON object a line.

    Lines of up to 4 kB are written at once, so those of several threads and processes do not mix.
    """

    def __init__(self, fd: int) -> None:
        self._process = os.getpid()
        self._fd = fd
        with suppress(OSError, ValueError):  # a limit on descriptors that is lower
            self._fd = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH_DESCRIPTOR)

    def __call__(self, message: dict[str, Any]) -> None:
        """Write one event."""
        data = encode(message)
        while data:
            data = data[_write(self._fd, data) :]

    @property
    def own(self) -> bool:
        """Whether this is the experiment's own process, not one that the target forked."""
        return os.getpid() == self._process


def become_command(job: Mapping[str, Any]) -> None:
    """Replace this process by the program in the job's ``arguments``, a shell that runs its command; does not return.

    Raises
    ------
    OSError
        When there is no shell or no such folder.
    """
    for number in (signal.SIGINT, signal.SIGPIPE):  # ignored by Python and the worker, which the shell would inherit
        signal.signal(number, signal.SIG_DFL)
    os.chdir(job["folder"])
    os.execve(job["arguments"][0], job["arguments"], job["environment"])


def run_target(job: Mapping[str, Any], module: types.ModuleType, frozen: Mapping[str, Any], emit: EventPipe) -> None:
    """Run a target, read the metric and send the event ``{"result": ...}``.

    Parameters
    ----------
    job : Mapping
        ``target``, ``seed``, ``budget`` (amount, unit), ``wall`` (see `Clock.configure`), ``metric`` (name, expression), ``threads``, and
        ``also``, further expressions by name; in some runs ``holdout`` (name, expression). Where the clean side evaluates the metric:
        ``clean``, the descriptor of the connection to it, and ``calibration`` (see `clean.evaluator`).
    module : ModuleType
        The user's ``__main__``, with the names that the setup defined.
    frozen : Mapping
        The names that the setup defined, with their values at its end.
    emit : EventPipe
    """
    budget = Budget(*job["budget"])
    namespace = module.__dict__
    seed = runtime.Seed(job["seed"])
    runtime.seed = seed
    # `from autoresearch_magic import seed` in the setup has bound the worker's seed: replace it by this run's.
    frozen = {name: seed if isinstance(value, runtime.Seed) else value for name, value in frozen.items()}
    namespace.update(frozen)
    if (torch := sys.modules.get("torch")) and job.get("threads"):
        torch.set_num_threads(job["threads"])
    runtime.clock.configure(budget, emit, None if job.get("wall", True) else LostTime())
    emit({"begin": True})

    result: dict[str, Any] = {"outcome": Outcome.OK, "value": None, "error": "", "evaluation": 0.0}
    details: dict[str, Any] = {}
    clean: int | None = job.get("clean")
    known: dict[str, Any] | None = job.get("calibration")
    allowed = known.get("changed") if known and clean is None else None  # what the user's own target changes
    before = digests(frozen) if allowed is not None or (clean is not None and known is None) else None
    stage, defined = "target", set(namespace)
    try:
        seed_everything(seed, job["target"])
        runtime.clock.begin()
        try:
            execute(job["target"], "target", namespace)
        finally:
            vars(builtins).update(_BUILTINS)  # what the target replaced must not decide what is measured
            result.update(
                charged=runtime.clock.elapsed,
                steps=runtime.clock.step,
                lost=runtime.clock.lost,
                paused=runtime.clock.paused_seconds,
            )
            defined = set(namespace)
            runtime.clock.flush()
        stage = "metric"
        namespace.update(frozen)
        if clean is None:
            emit({"evaluating": True})
            if allowed is not None and before and (tampered := sorted({*changed(before, frozen)} - {*allowed})):
                text = (
                    f"The target has changed {', '.join(tampered[:5])} of the setup, which the metric needs as it is."
                )
                result.update(outcome=Outcome.TAMPERED, error=text)
            else:
                result.update(_evaluated(job, namespace))
    except BaseException as error:
        failure, details = failure_of(error, stage, job)
        result.update(failure)
    if not emit.own:
        os._exit(0)  # a process that the target forked and that ran on to the target's end
    runtime.clock.flush()
    runtime.clock.configure(budget, None)  # threads of the target may still report
    names = sorted(n for n in defined - set(frozen) if isinstance(n, str) and not n.startswith("_"))
    details["names"] = [name[:NAME] for name in names[:MOST_NAMES]]
    if clean is not None and result["outcome"] == Outcome.OK:
        told = {key: result[key] for key in ("charged", "steps", "lost")}
        emit({"result": {**told, **details}})
        emit({"evaluating": True})
        shared = _beside(shared_bytes)
        serve(clean, namespace, frozen, job, before)
        emit({"result": {"gpu_memory": _gpu_memory(), "shared_memory": shared()}})
        return
    # In two messages: the first is short enough to be written at once.
    emit({"result": {**result, "gpu_memory": _gpu_memory(), "shared_memory": shared_bytes()}})
    emit({"result": details})
    # The result is sent: nothing that these do can cost it.
    if job.get("also") and result["outcome"] in (Outcome.OK, Outcome.MISSING_METRIC):
        for known in also_numbers(job["also"], namespace):
            emit({"result": known})
    if job.get("holdout") and result["outcome"] in (Outcome.OK, Outcome.MISSING_METRIC):
        emit({"result": holdout_value(job["holdout"], namespace)})


def _evaluated(job: Mapping[str, Any], namespace: dict[str, Any]) -> dict[str, Any]:
    """Evaluate the metric in this process, and return what `metric_value.evaluate` does, and the seconds that it took."""
    began = time.perf_counter()
    found = evaluate(job["metric"], namespace)
    return finished(
        {"outcome": Outcome.OK, **found, "evaluation": time.perf_counter() - began, "measured": "in-process"}, job
    )


def finished(result: dict[str, Any], job: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of an evaluation; a value that is not finite makes it one of its own."""
    if result["value"] is not None and not math.isfinite(result["value"]):
        result["outcome"] = Outcome.NOT_FINITE
        result["error"] = not_finite(job["metric"]["name"], result["value"])
    return result


def failure_of(
    error: BaseException, stage: str, job: Mapping[str, Any], *, quiet: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the result of a run that raised an exception, and its details.

    Parameters
    ----------
    error : BaseException
    stage : {"target", "metric"}
    job : Mapping
    quiet : bool
        Whether the exception's text must not be told, because it may contain what is sealed.
    """
    expression = job["metric"]["expression"]
    if out_of_memory(error):
        outcome, text = Outcome.OUT_OF_MEMORY, one_line(error)
    elif stage == "metric" and isinstance(error, NameError) and str(error.name) in _names(expression):
        # No traceback, because this line says everything. The worker may still find the metric in the output.
        text = f"The metric needs {error.name!r}, which neither the setup nor the target has defined."
        return {"outcome": Outcome.MISSING_METRIC, "error": text}, {}
    elif stage == "metric":
        outcome, text = (
            Outcome.METRIC_ERROR,
            f"Reading the metric {expression!r} failed: {sealed_line(error) if quiet else one_line(error)}",
        )
    else:
        outcome, text = Outcome.CRASH, one_line(error)
    if remedy := remedy_for(error, Walls.from_json(job.get("walls"))):
        text = f"{text}: {remedy}"
    shown = sealed_line(error) if quiet else users_traceback(error)
    say(shown)
    missing = error.name if isinstance(error, ModuleNotFoundError) and isinstance(error.name, str) else None
    return {"outcome": outcome, "error": text}, {"traceback": shown, "missing_module": missing and missing[:NAME]}


def say(text: str) -> None:
    """Print a line to descriptor 2, after what the target's own streams hold; they may be closed or replaced."""
    flush_streams()
    with suppress(OSError):
        os.write(2, text.encode("utf-8", "backslashreplace") + b"\n")


def flush_streams() -> None:
    """Flush the standard streams, those of the target and our own."""
    for stream in (sys.stdout, sys.stderr, *_streams):
        try:
            stream.flush()
        except BaseException:  # the target may have closed or replaced it
            pass


def _beside(count: Callable[[], int]) -> Callable[[], int]:
    """Begin to count something in a thread; return a function that waits for the number. Memory takes 10 ms to count in a large fork."""
    found, done = [0], _thread.allocate_lock()
    done.acquire()

    def run() -> None:
        try:
            found[0] = count()
        finally:
            done.release()

    try:
        _thread.start_new_thread(run, ())
    except RuntimeError:  # there is no thread to be had
        run()

    def wait() -> int:
        done.acquire()
        return found[0]

    return wait


def _names(expression: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(expression, mode="eval")) if isinstance(node, ast.Name)}


def _gpu_memory() -> int:
    """Return the peak memory on all GPUs in bytes, 0 without a GPU."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return 0
    return sum(torch.cuda.max_memory_allocated(i) for i in range(torch.cuda.device_count()))


def open_streams() -> None:
    """Open new, line-buffered text streams on descriptors 1 and 2."""
    for name, fd in (("stdout", 1), ("stderr", 2)):
        stream = open(fd, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
        _streams.append(stream)


def run_and_leave(
    job: Mapping[str, Any], module: types.ModuleType, frozen: Mapping[str, Any], emit: EventPipe
) -> NoReturn:
    """Run a target and end the process at once, without waiting for threads or exit handlers of the target."""
    code = 0
    try:
        run_target(job, module, frozen, emit)
    except BaseException as error:  # an object of the target that misbehaves where nothing has caught it
        code = _send_failure(error, emit)
    flush_streams()
    os._exit(code)


def _send_failure(error: BaseException, emit: EventPipe) -> int:
    """Send the result of a run whose result could not be made or sent; return the exit code."""
    try:
        emit({"result": {"outcome": Outcome.CRASH, "error": f"The run could not be finished: {one_line(error)}"}})
        return 0
    except BaseException:
        return NO_PIPE


def enter_or_leave(enter: Callable[[], object], emit: EventPipe | None) -> None:
    """Confine this process; where that fails, nothing is run in it."""
    try:
        enter()
    except BaseException as error:
        line = f"The walls round the experiment could not be put up ({one_line(error)}); --sandbox off runs it without them."
        say(line)
        if emit is not None:
            emit({"result": {"outcome": Outcome.CRASH, "value": None, "error": line}})
        os._exit(WALL)


def main() -> None:
    """Run one target in a fresh process: ``python -m autoresearch_magic.runners.worker.child JOB_FD EVENTS_FD``."""
    with open(int(sys.argv[1]), encoding="utf-8") as stream:
        job = json.load(stream)
    emit = EventPipe(int(sys.argv[2]))
    open_streams()
    enclosure = Enclosure(Walls.from_json(job.get("walls")), job.get("projects", ()), forks=False)
    module = new_main()
    opened = Opened()
    try:
        with opened:
            run_setup(job, module, seed=job["setup_seed"])
    except BaseException as error:
        shown = users_traceback(error)
        say(shown)
        emit({"result": {"outcome": Outcome.CRASH, "value": None, "error": f"The setup failed: {one_line(error)}"}})
        emit({"result": {"traceback": shown}})
        flush_streams()
        os._exit(0)
    enclosure.prepare(opened)
    working_folder.enter(job["folder"], job["target"])
    enter_or_leave(lambda: enclosure.enter(writable=[job["folder"]]), emit)
    run_and_leave(job, module, dict(module.__dict__), emit)


if __name__ == "__main__":
    main()
