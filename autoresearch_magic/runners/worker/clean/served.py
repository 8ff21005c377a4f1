"""The target's side: what its process does when the clean side asks for names, attributes and calls.

This runs where the target's code has run, so nothing that it says is believed: it hands out values, and the clean side decides.
"""

from __future__ import annotations

import socket
import sys
import traceback
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from ..execution import seed_everything
from ..failures import one_line, text_of, users_traceback
from ..metric_value import also_numbers, evaluate
from .channel import Arena, Channel, Gone
from .digests import changed
from .standins import SPECIAL
from .wire import CannotForward, Packer, Unpacker, exception_type


class Served:
    """The objects of this process that the other one knows by number, and the answers to its calls.

    Parameters
    ----------
    namespace : dict
        The names of setup and target, as they are after the target has run.
    frozen : Mapping
        The names that the setup defined.
    more : Mapping
        Further calls by name: each gets the message and returns a reply.
    """

    def __init__(
        self, namespace: dict[str, Any], frozen: Mapping[str, Any], more: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]],
    ) -> None:  # fmt: skip
        self.namespace, self.frozen, self.more = namespace, frozen, more
        self._objects: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}
        self._next = 1
        self._setup = {id(value): name for name, value in frozen.items() if _is_data(value)}
        self.channel: Channel | None = None

    # -- packing -------------------------------------------------------------------------------------------------------

    def refer(self, value: Any) -> Any:
        """Return the tree of an object without a plain format."""
        if isinstance(value, Callback):
            return ["yours", value.number]
        if (name := self._setup.get(id(value))) is not None:
            return ["setup", name]
        number = self._numbers.get(id(value))
        if number is None:
            number, self._next = self._next, self._next + 1
            self._numbers[id(value)], self._objects[number] = number, value
        return ["object", number, described(value)]

    def _referred(self, kind: str, rest: Sequence[Any]) -> Any:
        if kind == "yours":
            return self._objects[rest[0]]
        if kind == "setup":
            return self.frozen[rest[0]]
        if kind == "callback":
            return Callback(self, *rest)
        if kind == "named":
            return _by_name(self.namespace, *rest)
        if kind == "instance":
            module, name, state = rest
            made = object.__new__(_by_name(self.namespace, module, name))
            for key, value in state:
                object.__setattr__(made, key, self._unpack.value(value))
            return made
        raise ValueError(f"a {kind}")

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget objects that the other process does not know any more."""
        for number in numbers:
            if (value := self._objects.pop(number, None)) is not None:
                self._numbers.pop(id(value), None)

    # -- answers -------------------------------------------------------------------------------------------------------

    def answer(
        self, message: Mapping[str, Any], buffers: Sequence[bytearray]
    ) -> tuple[Mapping[str, Any], Sequence[Any]]:
        """Do what a call asks for and return its result, or the exception that it has raised."""
        self.drop(message.get("drop", ()))
        packer = Packer(self.refer)
        try:
            if (more := self.more.get(message["do"])) is not None:
                return more(message), ()
            if message["do"] == "names":
                found = {name: self.namespace[name] for name in message["names"] if name in self.namespace}
                for value in found.values():  # the target's own, also where the setup has made it
                    self._setup.pop(id(value), None)
                return {
                    "names": {name: [_packed(packer, value), library_name(value)] for name, value in found.items()}
                }, packer.buffers
            self._unpack = Unpacker(buffers, self._referred)
            value = self._done(message)
            return {"value": packer.pack(value)}, packer.buffers
        except Gone:
            raise
        except BaseException as error:
            return {"raised": raised(error)}, ()

    def _done(self, message: Mapping[str, Any]) -> Any:
        on = self._objects[message["on"]]
        args, kwargs = (
            self._unpack.values(message["args"]),
            {key: self._unpack.value(each) for key, each in message["kwargs"]},
        )
        with _gradients(message.get("grad")):
            if message["do"] == "get":
                return getattr(on, *args)
            if message["do"] == "set":
                return setattr(on, *args)
            name, *args = args
            if name == "__call__":
                return on(*args, **kwargs)
            if name == "__bool__":
                return bool(on)
            if name == "__iter__":
                return iter(on)
            return getattr(type(on), name)(on, *args, **kwargs)


class Callback:
    """A function of the clean side: it can be called, and runs there."""

    __slots__ = ("__name__", "_served", "number")

    def __init__(self, served: Served, number: int, name: str) -> None:
        self._served, self.number, self.__name__ = served, number, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function there and return its result."""
        served, packer = self._served, Packer(self._served.refer)
        assert served.channel is not None
        message = {
            "do": "back", "on": self.number, "args": [packer.pack(each) for each in args],
            "kwargs": [[key, packer.pack(each)] for key, each in kwargs.items()],
        }  # fmt: skip
        got, buffers = served.channel.call(message, packer.buffers)
        if "raised" in got:
            raise again(got["raised"])
        return Unpacker(buffers, served._referred).value(got["value"])


def raised(error: BaseException) -> dict[str, Any]:
    """Return an exception as plain values."""
    names = [
        each.__name__ for each in type(error).__mro__ if each.__module__ == "builtins" and issubclass(each, Exception)
    ]
    return {
        "type": type(error).__name__, "builtin": names[0] if names else "RuntimeError", "text": text_of(error)[:2_000],
        "line": one_line(error), "traceback": users_traceback(error), "cannot": isinstance(error, CannotForward),
        "args": [each for each in error.args if isinstance(each, (str, int))][:3] if isinstance(error, (KeyError, IndexError)) else None,
    }  # fmt: skip


def again(told: Mapping[str, Any]) -> Exception:
    """Return an exception of the other process as one of this process's built-in types, with its line and traceback there."""
    if told.get("cannot") is True:
        return CannotForward(str(told.get("text", "")))
    kind = exception_type(told.get("builtin"))
    args = told.get("args")
    arguments = tuple(args) if isinstance(args, list) and args else (str(told.get("text", "")),)
    if told.get("type") == "OutOfMemoryError":
        kind = MemoryError
    made = type(kind.__name__, (kind,), {"__module__": "builtins"})
    try:
        error: Exception = made(*arguments)
    except TypeError:  # such as UnicodeDecodeError, which needs five arguments
        error = RuntimeError(*arguments)
    error.__notes__ = []
    for name in ("line", "traceback"):
        setattr(error, f"_target_{name}", str(told.get(name, "")))
    return error


def _packed(packer: Packer, value: Any) -> Any:
    """Return the tree of a name's value; of one that cannot be copied, a reference."""
    try:
        return packer.pack(value)
    except CannotForward:
        return packer._refer(value)


def described(value: Any) -> dict[str, Any]:
    """Describe an object for `standins.make_stand_in`."""
    kind = type(value)
    name = (
        getattr(value, "__name__", None)
        if isinstance(value, (types.FunctionType, type, types.BuiltinFunctionType))
        else None
    )
    shown = f"{name}() of the target" if isinstance(name, str) else f"an object of the target's class {kind.__name__}"
    specials = [each for each in SPECIAL if any(each in vars(base) for base in kind.__mro__)]
    return {
        "shown": shown,
        "specials": specials,
        "classes": [[str(c.__module__), c.__qualname__] for c in kind.__mro__[:30]],
    }


def library_name(value: Any) -> list[str] | None:
    """Return module and name of a library's module, function or class; None for anything else."""
    if isinstance(value, types.ModuleType):
        return [value.__name__, ""]
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, type)) or type(value).__name__ == "ufunc":
        module, name = (
            getattr(value, "__module__", None) or "numpy",
            getattr(value, "__qualname__", None) or value.__name__,
        )
        if module != "__main__" and find(module, name) is value:
            return [module, name]
    return None


def find(module: str, name: str) -> Any:
    """Return what a loaded module has under a dotted name; None where there is none."""
    found: Any = sys.modules.get(module)
    for part in name.split(".") if name else ():
        found = getattr(found, "__dict__", {}).get(part)
    return found


def _by_name(namespace: Mapping[str, Any], module: str, name: str) -> Any:
    if module == "__main__":
        first, *rest = name.split(".")
        found = namespace[first]
        for part in rest:
            found = getattr(found, part)
        return found
    if module not in sys.modules:
        __import__(module)
    return find(module, name)


def _is_data(value: Any) -> bool:
    """Whether a setup's value is one that both processes have: no plain one, no function."""
    return not isinstance(
        value, (type(None), bool, int, float, complex, str, bytes, types.FunctionType, types.ModuleType)
    )


def _gradients(enabled: bool | None) -> Any:
    """Return a context in which torch records gradients as the clean side does."""
    torch = sys.modules.get("torch")
    return ExitStack() if torch is None or enabled is None else torch.set_grad_enabled(enabled)


def serve(
    connection: int,
    namespace: dict[str, Any],
    frozen: Mapping[str, Any],
    job: Mapping[str, Any],
    before: Mapping[str, int] | None,
) -> None:
    """Answer the clean side's calls until it has what it needs.

    Parameters
    ----------
    connection : int
        Descriptor of the socket; the shared memory's is ``job["arena"]``.
    namespace, frozen
        See `Served`.
    job : Mapping
    before : mapping or None
        Digests of the setup's names before the target ran, where it is the user's own target (see `evaluator`).
    """
    more = {
        "hello": lambda message: {"value": None},
        "also": lambda message: _last(also_numbers(message["expressions"], namespace)),
        "calibrate": lambda message: _own_value(job, namespace, frozen, before or {}),
    }
    served = Served(namespace, frozen, more)
    served.channel = Channel(socket.socket(fileno=connection), Arena(job["arena"], 0), served.answer)
    try:
        served.channel.serve()
    except Exception:  # a broken connection ends the evaluation there, which is told there
        traceback.print_exc()


def _last(found: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    last: Mapping[str, Any] = {}
    for each in found:
        last = each
    return last


def _own_value(
    job: Mapping[str, Any], namespace: dict[str, Any], frozen: Mapping[str, Any], before: Mapping[str, int]
) -> Mapping[str, Any]:
    """Evaluate the metric in this process, seeded as on the clean side, and say which of the setup's names the target has changed."""
    told: dict[str, Any] = {"changed": changed(before, frozen)}
    seed_everything(job["seed"], "")
    try:
        value = evaluate(job["metric"], namespace)["value"]
        told["value"] = None if value is None else repr(float(value))
    except BaseException as error:
        told["error"] = one_line(error)
    return told
