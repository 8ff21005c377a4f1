"""Find trackers by their names: entry points of this and other packages, checked before a study starts."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points, packages_distributions, version
from urllib.parse import urlsplit

from ...config.settings import Settings
from ...errors import UserError
from .base import Tracker

GROUP = "autoresearch_magic.trackers"
"""The group of entry points, each of which is a subclass of `Tracker`."""

_PACKAGE = __name__.rpartition(".")[0]
BUILT_IN = {
    "mlflow": "mlflow:MLflow",
    "tensorboard": "tensorboard:TensorBoard",
    "wandb": "wandb:WeightsAndBiases",
}  # fmt: skip
"""Trackers that are there without an installed entry point, as in a checkout of this project: module in this room, and class."""


@lru_cache(maxsize=1)
def trackers() -> dict[str, EntryPoint]:
    """Return all trackers by name; those of other packages cannot take the names of the built-in ones."""
    found = {each.name.lower(): each for each in entry_points(group=GROUP)}
    return found | {name: EntryPoint(name, f"{_PACKAGE}.{where}", GROUP) for name, where in BUILT_IN.items()}


def tracker_class(name: str) -> type[Tracker]:
    """Return the class of a tracker.

    Raises
    ------
    UserError
        When there is none of that name, or it is broken.
    """
    if (entry := trackers().get(name.lower())) is None:
        raise UserError(f"--track: there is no tracker {name!r}: there is {', '.join(sorted(trackers()))}.")
    try:
        found = entry.load()
    except Exception as error:
        raise UserError(f"--track: the tracker {name} cannot be loaded: {type(error).__name__}: {error}") from None
    if not (isinstance(found, type) and issubclass(found, Tracker)):
        raise UserError(
            f"--track: the tracker {name} is no subclass of autoresearch_magic.study.tracking.base.Tracker."
        )
    return found


def parted(order: str) -> tuple[str, str]:
    """Return name and argument of ``NAME:ARGUMENT``."""
    name, _, argument = order.partition(":")
    return name.lower(), argument


def make_tracker(order: str) -> Tracker:
    """Return the tracker of an order, such as ``mlflow:http://localhost:5000``; it has not opened anything."""
    name, argument = parted(order)
    return tracker_class(name)(argument)


def label(order: str) -> str:
    """Return how messages call a tracker: its name, and the host or the folder's name, without user, password and path."""
    name, argument = parted(order)
    if "://" in argument:
        place = urlsplit(argument)
        shown = place.hostname or ""
        with_port = f"{shown}:{place.port}" if shown and place.port else shown
        return f"{name} at {with_port}" if with_port else name
    return name


def prepared_settings(settings: Settings) -> Settings:
    """Return the settings of a study with its trackers' arguments as they are kept.

    Raises
    ------
    UserError
        When a tracker is unknown, or its package is missing: that is told before anything is spent.
    """
    orders = tuple(_prepared(order) for order in settings.track)
    names = [parted(order)[0] for order in orders]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise UserError(f"--track {twice} is given twice: a study has one place in each tracker.")
    return settings if orders == settings.track else replace(settings, track=orders)


def _prepared(order: str) -> str:
    name, argument = parted(order)
    kind = tracker_class(name)
    if kind.needs and not installed(kind.needs):
        raise UserError(
            f"--track {name} needs {kind.needs}: pip install {kind.needs}  (or leave it out; a study that has begun goes on with  --track none)"
        )
    kept = kind.prepared(argument)
    return f"{name}:{kept}" if kept else name


def installed(package: str) -> str:
    """Return the version of the package that a tracker needs; empty where it is not installed."""
    module = package.replace("-", "_")
    if importlib.util.find_spec(module) is None:
        return ""
    try:
        return version(package)
    except Exception:  # installed under another name, as mlflow-skinny is
        return _distribution_version(module)


def _distribution_version(module: str) -> str:
    for name in packages_distributions().get(module, ()):
        return version(name)
    return "of an unknown version"
