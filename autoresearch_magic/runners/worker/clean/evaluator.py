"""The clean side itself: a process where the target's code never ran evaluates the metric and sends the value.

Its names are the setup's, and of the target's names those that the metric and the setup use: plain values are copied, objects are
stand-ins. Which names are the target's own business is learned once, from the user's own target (`calibration`).
"""

from __future__ import annotations

import ast
import builtins
import functools
import math
import sys
import time
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .... import runtime
from ....budget import Budget
from ....experiment import Outcome
from ...output.cell_validity import is_format
from ..execution import seed_everything
from ..failures import one_line
from ..metric_value import also_numbers, evaluate
from .channel import Channel, Gone
from .served import again, find, library_name, raised
from .standins import is_stand_in, make_stand_in, number_of
from .view import without_overwritten
from .wire import CannotForward, Packer, Unpacker

SAME = 1e-6
"""Relative difference of two values of a metric that counts as none: the order in which threads add may differ."""
_BUILT_IN = frozenset(dir(builtins))
_FUNCTIONS = (types.FunctionType, types.MethodType, functools.partial)


class Evaluator:
    """Evaluates expressions over the setup's names and the target's.

    Parameters
    ----------
    namespace : dict
        Of this process's ``__main__``, as the setup and the sealed cell have left it.
    frozen : Mapping
        The setup's names, without those of the sealed cell.
    channel_of : callable
        Makes the connection to the target's process, given the function that answers its calls.
    """

    def __init__(
        self, namespace: dict[str, Any], frozen: Mapping[str, Any], channel_of: Callable[[Any], Channel]
    ) -> None:
        self.namespace, self.frozen = namespace, frozen
        self.channel = channel_of(self._answer)
        self._stand_ins: dict[int, weakref.ref[Any]] = {}
        self._dropped: list[int] = []
        self._callbacks: list[Any] = []
        self._setup = {
            id(value): name for name, value in frozen.items() if not isinstance(value, (*_FUNCTIONS, types.ModuleType))
        }
        self.told: set[float] = set()
        """Numbers that the target's process has returned as such."""

    # -- the connection ------------------------------------------------------------------------------------------------

    def ask(self, do: str, **message: Any) -> Mapping[str, Any]:
        """Ask the target's process for something that is not done with an object."""
        return self.channel.call({"do": do, **message})[0]

    def forward(self, do: str, reference: int, *args: Any, **kwargs: Any) -> Any:
        """Do something with an object of the target's process; see `standins.Forward`."""
        packer = Packer(self._refer, detached=False)
        torch = sys.modules.get("torch")
        dropped, self._dropped = self._dropped, []
        message = {
            "do": do, "on": reference, "args": [packer.pack(each) for each in args],
            "kwargs": [[key, packer.pack(each)] for key, each in kwargs.items()], "drop": dropped,
            "grad": None if torch is None else torch.is_grad_enabled(),
        }  # fmt: skip
        got, buffers = self.channel.call(message, packer.buffers)
        if "raised" in got:
            raise again(got["raised"])
        value = self._unpacked(got.get("value"), buffers)
        single = getattr(value, "size", None) == 1 or (hasattr(value, "numel") and value.numel() == 1)
        number = value.item() if single and hasattr(value, "item") and not is_stand_in(value) else value
        if isinstance(number, float) and not number.is_integer():
            self.told.add(float(number))
        return value

    def _unpacked(self, tree: Any, buffers: Sequence[bytearray]) -> Any:
        try:
            return Unpacker(buffers, self._referred).value(tree)
        except (CannotForward, MemoryError):
            raise
        except Exception as error:
            raise ValueError(f"the target gave what cannot be read: {type(error).__name__}: {error}") from None

    def _referred(self, kind: str, rest: Sequence[Any]) -> Any:
        if kind == "object":
            number, description = rest
            made = ref() if (ref := self._stand_ins.get(number)) is not None else None
            if made is None:
                if number in self._dropped:
                    self._dropped.remove(number)
                made = make_stand_in(self.forward, int(number), description, self.namespace)
                self._stand_ins[number] = weakref.ref(made)
                weakref.finalize(made, self._dropped.append, number).atexit = False
            return made
        if kind == "setup" and rest[0] in self.frozen:
            return self.frozen[rest[0]]
        if kind == "yours":
            return self._callbacks[rest[0]]
        raise ValueError(f"a {str(kind)[:40]}")

    def _refer(self, value: Any) -> Any:
        """Return the tree of an object of this process for the target's."""
        if is_stand_in(value):
            return ["yours", number_of(value)]
        if (name := self._setup.get(id(value))) is not None:
            return ["setup", name]
        if (named := library_name(value)) is not None:
            return ["named", *named]
        if isinstance(value, type) and _is_setups(value, self.frozen):
            return ["named", "__main__", value.__qualname__]
        if isinstance(value, _FUNCTIONS):
            self._callbacks.append(value)
            return ["callback", len(self._callbacks) - 1, str(getattr(value, "__name__", "function"))]
        kind = type(value)
        if _is_setups(kind, self.frozen) and hasattr(value, "__dict__"):
            packer = Packer(self._refer)
            state = [[key, packer.pack(each)] for key, each in vars(value).items()]
            if not packer.buffers:
                return ["instance", "__main__", kind.__qualname__, state]
        raise CannotForward(
            f"an object of the class {kind.__module__}.{kind.__qualname__} cannot be passed to the target"
        )

    def _answer(
        self, message: Mapping[str, Any], buffers: Sequence[bytearray]
    ) -> tuple[Mapping[str, Any], Sequence[Any]]:
        """Answer a call of a function of this process that was passed to the target; nothing else can be called."""
        packer = Packer(self._refer)
        try:
            if message["do"] != "back":
                raise ValueError("only functions that were passed to the target can be called")
            unpack = Unpacker(buffers, self._referred)
            kwargs = {str(key): unpack.value(each) for key, each in message["kwargs"]}
            value = self._callbacks[message["on"]](*unpack.values(message["args"]), **kwargs)
            return {"value": packer.pack(value)}, packer.buffers
        except Gone:
            raise
        except BaseException as error:
            return {"raised": raised(error)}, ()

    # -- names -----------------------------------------------------------------------------------------------------------

    def fetch(self, names: Iterable[str], known: Mapping[str, Sequence[str]] | None) -> dict[str, list[str]]:
        """Take names from the target's process into the namespace.

        Parameters
        ----------
        names : iterable of str
        known : mapping or None
            Names that stand for a library's module, function or class in the user's own target, with its module and name: this
            process's own is taken. None where it is the user's own target that has run.

        Returns
        -------
        dict
            `known`, of the names that were found.
        """
        got, buffers = self.channel.call({"do": "names", "names": sorted(names)})
        if "raised" in got or not isinstance(found := got.get("names"), dict):
            raise ValueError("the target's names cannot be read")
        learned: dict[str, list[str]] = {}
        for name, pair in found.items():
            tree, library = pair if isinstance(pair, list) and len(pair) == 2 else (None, None)
            expected = library if known is None else known.get(name)
            own = find(*expected) if isinstance(expected, (list, tuple)) and len(expected) == 2 else None
            if own is not None:
                learned[name], self.namespace[name] = list(expected or ()), own
            else:
                self.namespace[name] = self._unpacked(tree, buffers)
        return learned


def _is_setups(kind: type, frozen: Mapping[str, Any]) -> bool:
    """Whether a class is one that the setup has defined, and so the target's process has as well."""
    return kind.__module__ == "__main__" and frozen.get(kind.__qualname__) is kind


def names_in(*sources: str) -> set[str]:
    """Return every name that occurs in source texts; none of a text that is no Python."""
    found: set[str] = set()
    for source in sources:
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        found |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return found


def expressions_of(job: Mapping[str, Any]) -> list[str]:
    """Return the expressions that a job evaluates."""
    metric, holdout = job["metric"], job.get("holdout") or {}
    valid = metric.get("valid", "")
    found = [
        metric["expression"],
        "" if is_format(valid) else valid,
        holdout.get("expression", ""),
        *(job.get("also") or {}).values(),
    ]
    return [each for each in found if each]


def has_clean_metric(job: Mapping[str, Any], frozen: Mapping[str, Any], sealed: Iterable[str] = ()) -> bool:
    """Return whether the metric uses what the setup has defined; else its value is what the target says, wherever it is read."""
    metric = job["metric"]
    names = names_in(metric["expression"], (job.get("holdout") or {}).get("expression", ""))
    return bool(metric["expression"]) and not names.isdisjoint({*frozen, *sealed})


def run_evaluation(
    job: Mapping[str, Any], evaluator: Evaluator, names: set[str], emit: Callable[[dict[str, Any]], None],
    wait: Callable[[], object],
) -> dict[str, Any]:  # fmt: skip
    """Evaluate a job's metric; return the result's parts as `child.run_target` would send them.

    Parameters
    ----------
    job : Mapping
        Of the run; ``calibration`` is what was learned from the user's own target, None where that has just run.
    evaluator : Evaluator
    names : set of str
        Those in the texts of setup and sealed cell, which may be the target's.
    emit : callable
        Takes events.
    wait : callable
        Returns when the worker has taken note that the target has ended, and keeps nothing more of what is printed if it must not.

    Raises
    ------
    Exception
        What the metric raises.
    """
    wanted = names | names_in(*expressions_of(job))
    # As before the evaluation: a fork's first use of memory takes time, which is to spare until the target has ended.
    seed_everything(job["seed"], "")
    evaluator.ask("hello")
    emit({"serving": True})
    wait()
    seed = runtime.Seed(job["seed"])
    runtime.seed = seed
    seeds = {name: seed for name, value in evaluator.namespace.items() if isinstance(value, runtime.Seed)}
    evaluator.namespace.update(seeds)
    if (torch := sys.modules.get("torch")) and job.get("threads"):
        torch.set_num_threads(job["threads"])
    runtime.clock.configure(Budget(*job["budget"]), emit)
    if (known := job.get("calibration")) is None:
        with without_overwritten(Path(job["folder"])):
            return _calibrated(job, evaluator, wanted)
    shared = wanted & set(known.get("shared", ()))
    kept = _BUILT_IN - set(known.get("built_in", ()))  # a target's own `max` would be what the setup's functions call
    evaluator.fetch((wanted - set(evaluator.namespace) - kept) | shared, known.get("names", {}))
    return _evaluated(job, evaluator)


def _evaluated(job: Mapping[str, Any], evaluator: Evaluator) -> dict[str, Any]:
    seed_everything(job["seed"], "")
    evaluator.told.clear()
    began = time.perf_counter()
    found = evaluate(job["metric"], evaluator.namespace)
    result = {"outcome": Outcome.OK, "error": "", **found, "evaluation": time.perf_counter() - began}
    result["measured"] = "told" if result["value"] in evaluator.told else "clean"
    return result


def _calibrated(job: Mapping[str, Any], evaluator: Evaluator, wanted: set[str]) -> dict[str, Any]:
    """Evaluate the metric of the user's own target here and in its process, and learn how the study's metric can be computed here.

    Where both values agree it is computed here from now on. If the target has changed objects of the setup, such as a model that
    the setup makes and the target trains, these are taken for the target's. Where the values still differ, or the metric needs
    something that cannot be passed on, the metric is computed in the target's process, and the run is to be made again.
    """
    clean = set(evaluator.namespace)
    names = evaluator.fetch(wanted - clean, None)
    built_in = sorted(_BUILT_IN & (set(evaluator.namespace) - clean))
    result, error = _tried(job, evaluator)
    own = evaluator.ask("calibrate")
    shared: list[str] = []
    if "error" in own or own.get("value") is None:  # not here either: it is the metric that is wrong, or printed
        if error is not None:
            raise error
    elif not _agree(result, own):
        shared = sorted(wanted & clean & {str(name) for name in own.get("changed", ())})
        shared = [name for name in shared if not isinstance(evaluator.namespace[name], (*_FUNCTIONS, type))]
        if shared:
            evaluator.fetch(shared, None)
            result, error = _tried(job, evaluator)
        if not _agree(result, own) and not _agree(result, own, evaluator.ask("calibrate")):
            return {
                "outcome": Outcome.STOPPED,
                "value": None,
                "calibration": {
                    "mode": "in-process",
                    "why": _why(job, result, error, own),
                    "changed": own.get("changed", []),
                },
            }
    assert result is not None
    return {
        **result,
        "calibration": {
            "mode": "clean",
            "names": names,
            **({"built_in": built_in} if built_in else {}),
            "shared": shared,
            "told": result["measured"] == "told",
        },
    }


def _tried(job: Mapping[str, Any], evaluator: Evaluator) -> tuple[dict[str, Any] | None, BaseException | None]:
    try:
        return _evaluated(job, evaluator), None
    except Gone:
        raise
    except BaseException as error:
        return None, error


def _agree(result: Mapping[str, Any] | None, own: Mapping[str, Any], second: Mapping[str, Any] | None = None) -> bool:
    """Return whether the value here is the one in the target's process, up to how much two values there differ."""
    if result is None or result["value"] is None:
        return False
    here, there = float(result["value"]), float(own["value"])
    if not math.isfinite(there) or not math.isfinite(here):
        return repr(here) == repr(there)
    apart = abs(float(second["value"]) - there) if second is not None and second.get("value") else 0.0
    return abs(here - there) <= SAME * max(abs(here), abs(there)) + 3 * apart


def _why(
    job: Mapping[str, Any], result: Mapping[str, Any] | None, error: BaseException | None, own: Mapping[str, Any]
) -> str:
    if error is not None:
        return one_line(error)
    assert result is not None
    return f"its value would be {result['value']:.6g} there and is {float(own['value']):.6g} in the target's process"


def further_numbers(job: Mapping[str, Any], evaluator: Evaluator, *, quiet: bool = False) -> Iterator[dict[str, Any]]:
    """Yield what is known of a run's further numbers after each; those that cannot be evaluated here are asked of the target's process."""
    found: dict[str, Any] = {}
    for known in also_numbers(job["also"], evaluator.namespace, quiet=quiet):
        found = known
        yield found
    failed = {name: job["also"][name] for name in found.get("also_errors", {})}
    if failed:
        told = evaluator.ask("also", expressions=failed)
        numbers = {k: v for k, v in dict(told.get("also", {})).items() if isinstance(v, float)}
        errors = {k: v for k, v in dict(told.get("also_errors", {})).items() if isinstance(v, str)}
        if quiet:  # here it failed for the reason that counts: the target's process has no sealed names
            errors = {name: found["also_errors"][name] for name in errors}
        yield {"also": {**numbers, **found["also"]}, "also_errors": errors}
