"""Runs the attacks of repositories on the real runner, as a study makes it."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from autoresearch_magic.runners.walls import Walls
from autoresearch_magic.source.files import join, split
from autoresearch_magic.study import runner_arguments, runner_factory
from autoresearch_magic.study.definition import define

from ..repositories import repository, state, write
from .attack import Attack
from .lab import Lab, describe, differences, end_processes, remove, wait_gone
from .outcome import Result, shown, unexpected

FILES = {
    "bench.py": """import sys
sys.path.insert(0, "src")
from model import predict
print("loss:", sum((predict(x) - x) ** 2 for x in (1.0, 2.0, 3.0)))
""",
    "src/model.py": "def predict(x):\n    return x + 2.0\n",
    "tests/test_model.py": """import sys
sys.path.insert(0, "src")
from model import predict
def test_that_two_are_added():
    assert predict(1.0) == 3.0
""",
    ".gitignore": "__pycache__/\n*.out\nresult.json\n.autoresearch/\n",
}
DEADLINE = 20.0
WATCHED = ("HEAD", "config", "packed-refs", "info", "hooks", "index", "modules", "logs/HEAD")
"""What the study itself leaves as it is in the user's .git."""


def group_of(attack: Attack) -> tuple[str, ...]:
    """Return what attacks must have in common to share a runner."""
    settings = (f"{name}={attack.options[name]}" for name in sorted(attack.options) if name not in ("limit", "check"))
    return (repr(sorted(attack.repository.items())), *settings)


class RepositoryRange:
    """A repository, a runner, and one attack after another on it."""

    def __init__(self, lab: Lab, example: Attack, layers: Iterable[str] | None = None, number: int = 0) -> None:
        self.lab, options = lab, example.options
        self.folder = lab.home / "repository"
        if self.folder.exists():
            remove(self.folder)
        repository(self.folder, {**FILES, **example.repository})
        write(self.folder, example.untracked)
        settings: dict[str, Any] = {
            "repo": str(self.folder), "scope": options.get("scope", "src/**").split(), "verify": options.get("verify", "python bench.py"),
            "metric": options.get("metric", "loss"), "minimize": True, "agent": "tuner", "timeout": "20s",
        }  # fmt: skip
        if "guard" in options:
            settings["guard"] = options["guard"]
        if "quota" in options:
            settings["disk"] = options["quota"]
        if "link" in options:
            settings["link"] = options["link"].split()
        definition = define("Lower the loss", "", "", settings)
        self.target, self._checkout, self._linked = definition.target, definition.checkout, definition.settings.link
        study = self.folder / ".autoresearch" / f"attacks{number}"
        (study / "logs").mkdir(parents=True)
        factory_walls = runner_arguments.Walls
        runner_arguments.Walls = functools.partial(Walls, layers=None if layers is None else tuple(layers))
        try:
            self.runner = runner_factory.make_runner(definition, study)
        finally:
            runner_arguments.Walls = factory_walls
        self._guarded = "guard" in options
        self._number = itertools.count(1)
        self._value: float | None = None
        self.broken = self._next()

    def _run(self, target: str) -> tuple[Any, str]:
        log = self.lab.logs / f"{next(self._number):04}.log"
        if self._guarded:
            found = self.runner.check(target, deadline=DEADLINE, allowed=None, log=str(log))
        else:
            found = self.runner.measure(target, seed=1, deadline=DEADLINE, log=str(log))
        return found, log.read_text(errors="replace") if log.exists() else ""

    def version(self, attack: Attack) -> str:
        """Return the target with the attack's files in it."""
        files = {**split(self.target), **attack.version}
        text = {path: each for path, each in files.items() if each is not None}
        return join({path: each.replace("@PORT@", str(self.lab.listener.tcp[1])) for path, each in text.items()})

    def files(self) -> dict[str, str]:
        """Return the user's repository and home, as far as a study leaves it alone."""
        inside = str(self.folder / ".autoresearch"), str(self.folder / ".git")
        found = {path: what for path, what in self.lab.files().items() if not path.startswith(inside)}
        for name in WATCHED:
            place = self.folder / ".git" / name
            for each in [place, *place.rglob("*")] if place.is_dir() else [place]:
                if each.exists():
                    found[str(each)] = describe(str(each))
        return {**found, "refs": repr(state(self.folder)["refs"]), "stash": repr(state(self.folder)["stash"])}

    def run(self, attack: Attack) -> Result:
        """Run one attack, and see what it has achieved."""
        if self.broken:
            return Result(attack.name, (f"the honest version: {self.broken}",))
        lab = self.lab
        processes, files = set(lab.processes()), self.files()
        reached = len(lab.listener.reached)
        problems, ended = self._attack(attack)
        if problems and (why := self._checkout.refusal(self.target, self.version(attack), self._linked)):
            problems, ended = [], f"a study refuses it: {why}"  # it was run all the same, and may leave nothing
        left = wait_gone(lab, processes | ({self.runner.worker.pid} if self.runner.worker.pid else set()))
        problems += [f"left a process: {what}" for what in left.values()]
        end_processes(list(left))
        if broken := self._next():
            problems.append(f"the next honest run ended as {broken}")
        try:
            problems += differences(files, self.files())
        except AssertionError as error:
            problems.append(f"broke the user's repository: {error}")
        problems += [f"reached {what}" for what in lab.listener.reached[reached:]]
        problems += [problem] if (problem := lab.bystander_problem()) else []
        said = (problem.replace(str(lab.folder), "")[:200] for problem in problems)
        return Result(attack.name, tuple(dict.fromkeys(said)), ended)

    def _attack(self, attack: Attack) -> tuple[list[str], str]:
        try:
            found, log = self._run(self.version(attack))
        except Exception as error:
            return [f"ended the measuring: {type(error).__name__}: {error}"], ""
        leaked = self.lab.leaked(log, str(found))
        if self._guarded:
            return [*([] if found.failure else ["the guard passed"]), *leaked], found.failure[:200]
        return [*unexpected(attack, found, self._value), *leaked], shown(found)[:200]

    def _next(self) -> str:
        """Return what is wrong with an honest run; empty for nothing."""
        try:
            found, _ = self._run(self.target)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        if self._guarded:
            return found.failure
        if self._value is None and found.ok:
            self._value = found.value
        return "" if found.ok and found.value == self._value else f"{shown(found)} in place of {self._value}"

    def close(self) -> None:
        self.runner.close()


def run_repository_attacks(
    lab: Lab, attacks: Iterable[Attack], layers: Iterable[str] | None = None
) -> Iterator[Result]:
    """Run attacks, those of a group with one runner; a repository that an attack has spoiled is made anew."""
    groups: dict[tuple[str, ...], list[Attack]] = {}
    for attack in attacks:
        groups.setdefault(group_of(attack), []).append(attack)
    made = itertools.count()
    for group in groups.values():
        place: RepositoryRange | None = None
        try:
            for attack in group:
                place = place or RepositoryRange(lab, attack, layers, next(made))
                result = place.run(attack)
                yield result
                if not result.held:
                    place.close()
                    place = None
                    lab.restore()
        finally:
            if place is not None:
                place.close()
