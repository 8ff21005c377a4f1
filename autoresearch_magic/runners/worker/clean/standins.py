"""Stand-ins for objects of the target's process, on the clean side: what is done with one happens there, and plain values come back.

A stand-in can be called, indexed, iterated and asked for attributes. It has no arithmetic, no comparison and no conversion to a number
or an array: an object that is to be a number would otherwise be asked, each time, which one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NoReturn, Protocol

from .wire import CannotForward

SPECIAL = (
    "__call__",
    "__len__",
    "__iter__",
    "__next__",
    "__getitem__",
    "__setitem__",
    "__contains__",
    "__enter__",
    "__exit__",
    "__bool__",
)
"""Special methods that are forwarded where the object's class has them."""


class Forward(Protocol):
    """Does something with an object of the other process."""

    def __call__(self, do: str, reference: int, *args: Any, **kwargs: Any) -> Any:
        """Return the result."""


class StandIn:
    """The base of all stand-ins; `describe` says what one stands for."""

    __slots__ = ("__weakref__", "_arm_forward", "_arm_known", "_arm_number", "_arm_shown")

    def __init__(self, forward: Forward, number: int, shown: str, known: type | None) -> None:
        for name, value in (("forward", forward), ("number", number), ("shown", shown), ("known", known)):
            object.__setattr__(self, f"_arm_{name}", value)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The nearest class of the object that this process knows, for `isinstance`."""
        return _own(self, "known") or type(self)

    def __getattr__(self, name: str) -> Any:
        if (
            name.startswith("__")
            and name.endswith("__")
            and name not in ("__name__", "__qualname__", "__doc__", "__module__")
        ):
            raise AttributeError(f"{describe(self)} has no {name} here")
        return _own(self, "forward")("get", _own(self, "number"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        _own(self, "forward")("set", _own(self, "number"), name, value)

    def __repr__(self) -> str:
        return f"<{describe(self)}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise CannotForward(f"a copy of {describe(self)}")

    def __array__(self, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError(
            f"{describe(self)} is no array: the target must give arrays, tensors or numbers of the usual types"
        )

    def __float__(self) -> NoReturn:
        raise TypeError(f"{describe(self)} is no number: the target must give numbers of the usual types")

    __int__ = __index__ = __complex__ = __float__


def _own(stand_in: Any, name: str) -> Any:
    return object.__getattribute__(stand_in, f"_arm_{name}")


def is_stand_in(value: Any) -> bool:
    """Return whether a value is a stand-in, whatever class it says it has."""
    return issubclass(type(value), StandIn)


def describe(stand_in: Any) -> str:
    """Return what a stand-in stands for, in a few words."""
    return str(_own(stand_in, "shown"))


def number_of(stand_in: Any) -> int:
    """Return the number by which the other process knows the object."""
    return int(_own(stand_in, "number"))


def _special(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return _own(self, "forward")("special", _own(self, "number"), name, *args, **kwargs)

    method.__name__ = name
    return method


@cache
def _class_with(specials: frozenset[str]) -> type[StandIn]:
    body: dict[str, Any] = {name: _special(name) for name in specials}
    if "__bool__" not in body and "__len__" not in body:
        body["__bool__"] = lambda self: True
    return type("StandIn", (StandIn,), {"__slots__": (), **body})


def make_stand_in(forward: Forward, number: int, description: Mapping[str, Any], own_classes: Mapping[str, Any]) -> Any:
    """Return a stand-in.

    Parameters
    ----------
    forward : Forward
    number : int
    description : Mapping
        From the other process: ``shown``, ``specials`` and ``classes`` (module and name of the object's class and its bases).
    own_classes : Mapping
        The names of this process's ``__main__``.
    """
    specials = frozenset(name for name in description.get("specials", ()) if name in SPECIAL)
    known = next((found for each in description.get("classes", ()) if (found := _known_class(each, own_classes))), None)
    shown = " ".join(str(description.get("shown", "an object of the target")).split())[:120]
    return _class_with(specials)(forward, number, shown, known)


def _known_class(named: Any, own_classes: Mapping[str, Any]) -> type | None:
    """Return the class of that module and name, if this process has it; it is not called, only shown to `isinstance`."""
    if not isinstance(named, list) or len(named) != 2 or not all(isinstance(each, str) for each in named):
        return None
    module, name = named
    found: Any = own_classes if module == "__main__" else getattr(sys.modules.get(module), "__dict__", None)
    for part in name.split("."):
        if found is None:
            return None
        found = found.get(part) if isinstance(found, Mapping) else getattr(found, "__dict__", {}).get(part)
    return found if isinstance(found, type) and found is not object else None
