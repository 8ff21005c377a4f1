"""Runs the attacks of cells on the real runner: an honest target before, the attack, the same honest target after."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from autoresearch_magic.budget import Budget
from autoresearch_magic.experiment import Measurement
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.cell import CellRunner
from autoresearch_magic.runners.clean import clean_measurement

from .attack import Attack
from .lab import Lab, differences, end_processes, wait_gone
from .outcome import Result, shown, unexpected

SETUP = """
import numpy as np
from autoresearch_magic import clock, report, seed
INPUTS = np.arange(8.0)
LABELS = np.arange(8.0)
def evaluate(model):
    return float(np.mean((np.asarray(model(INPUTS)) - LABELS) ** 2))
"""
HONEST = """
def model(x):
    return x + 2.0
"""
MEMORY = 1_200_000_000
DEADLINE = 12.0


def option(attack: Attack, name: str, default: str = "") -> str:
    return attack.options.get(name, default)


def group_of(attack: Attack) -> tuple[str, ...]:
    """Return what attacks must have in common to share a worker."""
    settings = (f"{name}={attack.options[name]}" for name in sorted(attack.options) if name not in ("limit", "check"))
    return (attack.sections.get("setup", ""), attack.sections.get("sealed", ""), *settings)


def walls_of(layers: Iterable[str] | None, **more: Any) -> dict[str, Any]:
    """Return the runner's argument for the walls, with these layers only where they are given."""
    try:
        from autoresearch_magic.runners.walls import Walls
    except ImportError:
        return {}
    return {"walls": Walls(layers=None if layers is None else tuple(layers), **more)}


class CellRange:
    """A runner, and one attack after another on it.

    Parameters
    ----------
    lab : Lab
    example : Attack
        One of a group that shares a worker.
    layers : iterable of str, optional
        The layers of the walls to use; all that work here by default.
    """

    def __init__(self, lab: Lab, example: Attack, layers: Iterable[str] | None = None, **options: Any) -> None:
        self.lab = lab
        self.honest = example.sections.get("honest", HONEST)
        metric = option(example, "metric", "evaluate(model)")
        more = dict(options)
        if sealed := example.sections.get("sealed"):
            more["sealed"] = sealed
        self.runner = CellRunner(
            lab.knowledge() + example.sections.get("setup", SETUP), self.honest,
            Metric("loss", "loss" if metric == "printed" else metric),
            Budget(float(option(example, "budget", "0.3")), "seconds"),
            setup_log=lab.logs / "setup.log", memory=int(float(option(example, "memory", str(MEMORY)))),
            pass_env=["ATTACK_MARK", *option(example, "passes").split()], artifacts=option(example, "artifacts").split(),
            also=[option(example, "also")] if option(example, "also") else (), valid=option(example, "valid"),
            **walls_of(layers, disk=option(example, "quota", "50%")), **more,
        )  # fmt: skip
        self._number = itertools.count(1)
        self.value: float | None = None
        first = self._measure(self.honest)[0]
        self.broken = "" if first.ok else f"the honest target ended as {shown(first)} {first.traceback}"
        self.value = first.value

    def _measure(self, target: str, limit: float = DEADLINE) -> tuple[Measurement, str]:
        log = self.lab.logs / f"{next(self._number):04}.log"
        m = clean_measurement(self.runner.measure(target, seed=1, deadline=limit, log=str(log)))
        return m, log.read_text(errors="replace") if log.exists() else ""

    def run(self, attack: Attack) -> Result:
        """Run one attack, and see what it has achieved."""
        if self.broken:
            return Result(attack.name, (self.broken,))
        lab = self.lab
        processes, files, worker = set(lab.processes()), lab.files(), self.runner.worker.pid
        reached, logs = len(lab.listener.reached), {path.name for path in lab.logs.iterdir()}
        problems, ended = self._attack(attack)
        left = wait_gone(lab, processes | ({self.runner.worker.pid} if self.runner.worker.pid else set()))
        problems += [f"left a process: {what}" for what in left.values()]
        end_processes(list(left))
        problems += differences(files, lab.files())
        problems += [f"reached {what}" for what in lab.listener.reached[reached:]]
        problems += [problem] if (problem := lab.bystander_problem()) else []
        if self.runner.worker.pid != worker:
            problems.append("ended the worker")
        if not lab.logs.is_dir() or logs - {path.name for path in lab.logs.iterdir()}:
            problems.append("deleted logs")
        problems += self._next(attack)
        said = (problem.replace(str(lab.folder), "")[:200] for problem in problems)
        return Result(attack.name, tuple(dict.fromkeys(said)), ended)

    def _attack(self, attack: Attack) -> tuple[list[str], str]:
        """Return what can be seen from the run itself, and how it ended."""
        try:
            m, log = self._measure(attack.sections["target"], float(option(attack, "limit", str(DEADLINE))))
        except Exception as error:
            return [f"ended the measuring: {type(error).__name__}"], ""
        return unexpected(attack, m, self.value) + self.lab.leaked(log, str(m), *m.artifacts.values()), shown(m)[:200]

    def _next(self, attack: Attack) -> list[str]:
        """Return what is wrong with the next honest run."""
        try:
            after, _ = self._measure(self.honest)
        except Exception as error:
            return [f"ended the next measuring: {type(error).__name__}"]
        if after.ok and after.value == self.value:
            return []
        return [f"the next honest run ended as {shown(after)} in place of {self.value:g}"]

    def close(self) -> None:
        self.runner.close()


def run_cell_attacks(
    lab: Lab, attacks: Iterable[Attack], layers: Iterable[str] | None = None, **options: Any
) -> Iterator[Result]:
    """Run attacks, those of a group in one worker; a worker that an attack has spoiled is replaced."""
    groups: dict[tuple[str, ...], list[Attack]] = {}
    for attack in attacks:
        if "sealed" not in attack.sections or "sealed" in inspect.signature(CellRunner).parameters:
            groups.setdefault(group_of(attack), []).append(attack)
    for group in groups.values():
        place: CellRange | None = None
        try:
            for attack in group:
                if place is None:
                    place = CellRange(lab, attack, layers, **options)
                result = place.run(attack)
                yield result
                if not result.held:
                    place.close()
                    place = None
                    lab.restore()
        finally:
            if place is not None:
                place.close()
