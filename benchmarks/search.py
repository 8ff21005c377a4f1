"""Compare the whole search, judge and tuner together, with optimisers at equal evaluations, by the true value of what each ends with.

    python benchmarks/search.py run --methods ours,strict --label NAME --out FOLDER
    python benchmarks/search.py run --methods tpe,gp,cmaes,random --out FOLDER
    python benchmarks/search.py table FOLDER [--label NAME]

``run`` appends a line of JSON for each study to the folder, and leaves out what is there already, so it can be stopped and
started at will and run in parts (``--tasks``, ``--noises``, ``--evaluations``, ``--seeds``). ``--label`` names the version of
this package's code: studies of different labels are never mixed. ``table`` prints Markdown.

The tasks are those of `search_tasks.py`. Everybody starts at the target's own values, gets the same noise (the n-th run of a seed
has the same deviation with every method), and may make the same number of runs:

- ``ours`` is the real loop with the default settings: the tuner proposes, the judge decides. The runs of the baseline, the repeats of
  candidates and of incumbents, and those of a closing phase all count. The result is the incumbent at the end. The final
  measurement for the headline selects nothing and is not counted: it would be 6 runs (12 where values are disturbed).
- ``lines3`` is the same with three lines of work (``--lines 3``).
- ``edits`` and ``edits3`` are the loop with one line and three, and the simulated hill climber of `search_edits.py` in place of the tuner.
- ``strict`` is the same with the original's rule (``--judge strict``) and one run of the baseline.
- ``tpe``, ``gp``, ``cmaes`` and ``random`` are Optuna's samplers with their defaults (GP: told that values are noisy). The first trial is the
  start. The result is ``study.best_params``: the parameters of the trial with the best observed value, as a user takes them.
  CMA-ES runs where no constant is a choice between words.

Runs are simulated to take 20 s each, so that the tuner chooses among its proposers as in a real study of that length. The runner of
a formula returns its value and noise that does not depend on the seed; that of a real task trains the model with the seed it is
given. Optuna's trials have a new seed each.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from search_edits import Editor
from search_table import OURS, read_rows, table
from search_tasks import TASKS, VALLEYS, Task, Values

from autoresearch_magic.agents.registry import make_agent
from autoresearch_magic.config.program import Program
from autoresearch_magic.config.settings import Settings
from autoresearch_magic.errors import Stopped
from autoresearch_magic.experiment import Experiment, Measurement, Outcome
from autoresearch_magic.source.constants import Constant, find_constants, read_values
from autoresearch_magic.source.search_space import Choices
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.control import Control
from autoresearch_magic.study.definition import Definition
from autoresearch_magic.study.loop import Loop
from autoresearch_magic.study.measuring import Measurer
from autoresearch_magic.study.status import StudyStatus

OPTIMISERS = ("tpe", "gp", "cmaes", "random")
SECONDS = 20.0
"""Reported duration of a run."""
SEED_STEP = 100_000
"""Distance between the seeds of two studies of a real task, so that no two have a run in common."""
LONG = ("hartmann6", "mixed", *VALLEYS)
"""Tasks of the studies with more than 60 evaluations."""
LONG_SEEDS = 8


@dataclass(frozen=True)
class Row:
    """The result of one study.

    Attributes
    ----------
    method, task, label : str
    noise : float
        In units of the task; -1 where it is the task's own.
    evaluations, seed : int
    truth : float
        The true value of the result.
    claimed : float
        The value that the method itself has for its result.
    runs : int
        Runs that were made; fewer than `evaluations` where the tuner had nothing more to propose.
    seconds : float
        CPU seconds of the study, the values' computation included.
    values : dict
        The result.
    """

    method: str
    task: str
    label: str
    noise: float
    evaluations: int
    seed: int
    truth: float
    claimed: float
    runs: int
    seconds: float
    values: dict[str, Any]


class Evaluations:
    """The runs of one study: values with noise, and an end.

    Parameters
    ----------
    task : Task
    noise : float
    seed : int
    most : int
        Raise `Stopped` when a run beyond these is asked for.
    """

    def __init__(self, task: Task, noise: float, seed: int, most: int) -> None:
        self.task, self.seed, self.most, self.runs = task, seed, most, 0
        self.sd = 0.0 if task.real else noise * task.unit
        self.rng = random.Random(f"{task.name} {noise} {seed}")

    def value(self, values: Values, seed: int) -> float:
        """Make one run and return its value."""
        if self.runs >= self.most:
            raise Stopped
        self.runs += 1
        return self.task.value(values, self.seed * SEED_STEP + seed) + self.sd * self.rng.gauss(0, 1)


# -- this package -------------------------------------------------------------------------------------------------------


class SimulatedStudy:
    """Runner and records of a simulated study in one object; the journal is a real one, in a temporary folder."""

    def __init__(self, evaluations: Evaluations, journal: Journal) -> None:
        self.evaluations, self.journal = evaluations, journal
        self.kind = ""

    # the runner
    def measure(self, target: str, *, seed: int, **_: object) -> Measurement:
        if self.kind == "final":
            raise Stopped  # the search is over
        value = self.evaluations.value(read_values(target), seed)
        return Measurement(Outcome.OK, value, seed, seconds=SECONDS, charged=SECONDS)

    # the records
    def log(self, number: int, kind: str, *_: object) -> str:
        self.kind = kind
        return ""

    def judged(self, experiment: Experiment, before: list[Experiment]) -> Experiment:
        self.journal.close_experiment(experiment)
        return experiment

    def rejudged(self, changed: list[Experiment], *_: object) -> list[Experiment]:
        for experiment in changed:
            self.judged(experiment, [])
        return changed

    def draw(self, experiments: object) -> None: ...

    def failures(self) -> list[str]:
        """Return the tracebacks of bugs that the loop has survived: one must not pass for a bad result."""
        return [body["traceback"] for _, kind, body in self.journal.notes() if body.get("traceback")]


def settings_of(judge: str, evaluations: int, seed: int, lines: int = 1) -> Settings:
    """Return the settings of a study: the defaults, with a limit on runs.

    This is the place that says how many runs the loop may plan with; `Evaluations` ends the study whatever it plans.
    """
    settings = Settings(metric="loss", experiments=10**6, max_runs=evaluations, seed=seed, lines=lines)
    return replace(settings, judge="strict", repeats=1) if judge == "strict" else settings


def lines_of(method: str) -> int:
    """Return how many lines of work a method has: `lines3` and `edits3` have three."""
    return int(method.removeprefix("lines").removeprefix("edits") or 1) if method.startswith(("lines", "edits")) else 1


def study(
    method: str, task: Task, noise: float, seed: int, counts: Sequence[int]
) -> Iterator[tuple[int, Values, float, int]]:
    """Yield, for each number of evaluations, the result of a study, its own value of it, and its runs."""
    for count in counts:
        evaluations, settings = (
            Evaluations(task, noise, seed, count),
            settings_of(method, count, seed, lines_of(method)),
        )
        definition = Definition(Program("", ""), task.source, "", settings)
        with tempfile.TemporaryDirectory() as folder:
            sim = SimulatedStudy(evaluations, Journal(Path(folder) / "journal.db", create=True))
            status = StudyStatus("simulated", Path(folder), definition)
            measurer = Measurer(
                definition=definition, runner=sim, records=sim, status=status, publish=status.take, control=Control()  # type: ignore[arg-type]
            )  # fmt: skip
            try:
                edits = method.startswith("edits")
                agent = Editor() if edits else make_agent(settings.agent, task.source, settings, Path(folder))
                Loop(measurer, agent).run()
            except Stopped:
                pass
            failures = sim.failures()
            sim.journal.close()
        if failures:
            raise RuntimeError(failures[0])
        best = measurer.incumbent
        yield count, read_values(best.target), best.value or 0.0, evaluations.runs


# -- Optuna -------------------------------------------------------------------------------------------------------------


def optimise(
    method: str, task: Task, noise: float, seed: int, counts: Sequence[int]
) -> Iterator[tuple[int, Values, float, int]]:
    """Yield the same for one of Optuna's samplers, which do not know how long they have: one study serves all numbers."""
    import optuna
    from optuna.exceptions import ExperimentalWarning

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
        sampler = sampler_of(method, seed)
        found = optuna.create_study(sampler=sampler)
        constants = find_constants(task.source)
        found.enqueue_trial({c.name: encode(c) for c in constants})
        evaluations = Evaluations(task, noise, seed, max(counts))
        best: tuple[float, Values] = (float("inf"), {})
        for number in range(1, max(counts) + 1):
            trial = found.ask()
            values = {c.name: suggest(c, trial) for c in constants}
            value = evaluations.value(values, number)
            found.tell(trial, value)
            best = min(best, (value, values), key=lambda pair: pair[0])
            if number in counts:
                yield number, best[1], best[0], number


def sampler_of(method: str, seed: int) -> Any:
    from optuna import samplers

    match method:
        case "tpe":
            return samplers.TPESampler(seed=seed)
        case "gp":
            import torch

            torch.set_num_threads(1)
            return samplers.GPSampler(seed=seed, deterministic_objective=False)
        case "cmaes":
            return samplers.CmaEsSampler(seed=seed)
        case _:
            return samplers.RandomSampler(seed=seed)


def encode(constant: Constant) -> Any:
    """Return a constant's value as Optuna gets it: numbers that are choices by their index, so that their order is known."""
    space = constant.space
    return space.values.index(constant.value) if isinstance(space, Choices) and space.ordered else constant.value


def suggest(constant: Constant, trial: Any) -> Any:
    name, space = constant.name, constant.space
    if isinstance(space, Choices):
        if space.ordered:
            return space.values[trial.suggest_int(name, 0, len(space.values) - 1)]
        return trial.suggest_categorical(name, list(space.values))
    log, step = space.scale == "log", space.step or None
    if space.whole:
        return trial.suggest_int(name, int(space.low), int(space.high), log=log, step=int(step or 1))
    return trial.suggest_float(name, space.low, space.high, log=log, step=step)


# -- running ------------------------------------------------------------------------------------------------------------


def suits(method: str, task: Task) -> bool:
    """Whether a method can search a task: CMA-ES has no notion of words."""
    return method != "cmaes" or not any(
        isinstance(c.space, Choices) and not c.space.ordered for c in find_constants(task.source)
    )


def wanted(counts: Sequence[int], task: Task, seed: int, long: Sequence[str], long_seeds: int) -> list[int]:
    """Return the numbers of evaluations for a seed: the long studies are for some tasks and few seeds."""
    return [n for n in counts if n <= 60 or (task.name in long and seed < long_seeds)]


def run(arguments: argparse.Namespace) -> None:
    """Make the studies that are not in the folder yet."""
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    made = {(r["method"], r["task"], r["label"], r["noise"], r["evaluations"], r["seed"]) for r in read_rows(out)}
    long = arguments.tasks or LONG
    for task in (TASKS[name] for name in arguments.tasks or TASKS):
        for noise in task.noises if task.real else (n for n in arguments.noises if n in task.noises):
            for method in (m for m in arguments.methods if suits(m, task)):
                label = arguments.label if method in OURS else optuna_version()
                search: Callable[..., Iterator[tuple[int, Values, float, int]]] = study if method in OURS else optimise
                for seed in range(arguments.first, arguments.first + arguments.seeds):
                    counts = [
                        n for n in wanted(arguments.evaluations, task, seed - arguments.first, long, arguments.long_seeds)
                        if (method, task.name, label, noise, n, seed) not in made
                    ]  # fmt: skip
                    if not counts:
                        continue
                    clock = time.process_time()
                    for count, values, claimed, runs in search(method, task, noise, seed, counts):
                        seconds = round(time.process_time() - clock, 3)
                        row = Row(
                            method, task.name, label, noise, count, seed, task.truth(values, out), claimed, runs, seconds,
                            dict(values),
                        )  # fmt: skip
                        with (out / f"{method}.jsonl").open("a") as file:
                            file.write(json.dumps(asdict(row)) + "\n")
                        clock = time.process_time() if method in OURS else clock
                print(f"{time.strftime('%H:%M:%S')} {task.name}, noise {noise:g}, {method}", flush=True)


def optuna_version() -> str:
    import optuna

    return f"optuna {optuna.__version__}"


def words(allowed: Sequence[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        found = text.split(",")
        if unknown := [word for word in found if word not in allowed]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(allowed)}")
        return found

    return parse


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run", help="make studies")
    methods = (*OURS, *OPTIMISERS)
    one.add_argument("--methods", type=words(methods), default=["ours", "strict", *OPTIMISERS], help=",".join(methods))
    one.add_argument("--tasks", type=words(list(TASKS)), help=",".join(TASKS))
    one.add_argument("--noises", type=lambda text: [float(n) for n in text.split(",")], default=[0.0, 0.025, 0.1])
    one.add_argument("--evaluations", type=lambda text: [int(n) for n in text.split(",")], default=[20, 60])
    one.add_argument("--seeds", type=int, default=20)
    one.add_argument("--first", type=int, default=0, help="the first seed")
    one.add_argument(
        "--long-seeds", type=int, default=LONG_SEEDS, help="seeds of studies with more than 60 evaluations"
    )
    one.add_argument(
        "--lines", type=int, choices=(1, 2, 3, 4), help="ours with so many lines of work, in place of --methods"
    )
    one.add_argument("--agent", choices=("tuner", "edits"), default="tuner", help="who proposes, with --lines")
    one.add_argument("--label", default="", help="version of this package's code, for ours and strict")
    one.add_argument("--out", type=Path, required=True)
    two = commands.add_parser("table", help="print the results as Markdown")
    two.add_argument("folders", type=Path, nargs="+")
    two.add_argument("--label", default="", help="which version of ours and strict")
    two.add_argument("--seeds", type=int, default=10**6, help="only the first so many seeds")
    two.add_argument("--least", type=int, default=1, help="leave out cells with fewer seeds that all methods have")
    arguments = parser.parse_args()
    if getattr(arguments, "lines", None):
        one_line, several = ("ours", "lines") if arguments.agent == "tuner" else ("edits", "edits")
        arguments.methods = [one_line if arguments.lines == 1 else f"{several}{arguments.lines}"]
    if arguments.command == "table":
        print(
            table(
                [row for folder in arguments.folders for row in read_rows(folder)],
                TASKS,
                arguments.label,
                arguments.seeds,
                arguments.least,
            )
        )
    elif set(arguments.methods) & set(OURS) and not arguments.label:
        sys.exit("--label is needed with ours and strict: the name of the version, such as the commit.")
    else:
        run(arguments)


if __name__ == "__main__":
    main()
