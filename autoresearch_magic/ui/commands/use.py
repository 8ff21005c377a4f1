"""The subcommand that runs a version in the kernel, so that the notebook can go on with what it has made."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from ... import runtime
from ...errors import UserError
from ...experiment import Experiment
from ...runners.worker.execution import seed_everything
from ...runners.worker.waiting import LostTime
from ...study.study import Study
from ..reply import Reply, prose_reply
from ..session import MAGIC, Place, Session
from .table import argument, command
from .values import experiments


@command(
    "use", argument("number", nargs="?", default="best", metavar="N", help="number of an experiment (default: the best)", values=experiments),
    of_study=True, places=[Place.MAGIC],
)  # fmt: skip
def use(session: Session, arguments: argparse.Namespace) -> Reply:
    """Run the best version, or experiment N, in this kernel: its names can be used in the next cells."""
    study = session.study(arguments.study)
    if study.definition.checkout is not None:
        raise UserError(
            f"{study.name} changes files, not a cell: {MAGIC} apply  commits its best version to your branch."
        )
    if study.active:
        raise UserError(
            f"{study.name} is {study.state}, and a version run here would disturb it: {MAGIC} stop  or  wait  first."
        )
    experiment = study.incumbent if arguments.number == "best" else study.experiment(arguments.number)
    setup = study.definition.setup
    frozen = [setup] if setup.strip() and setup not in session.here else []
    told: list[str] = []

    def begin(names: dict[str, Any]) -> None:
        session.here.add(setup)
        _prepare(study, experiment, names)

    run: tuple[str | Callable[[dict[str, Any]], None], ...] = (
        lambda names: _find_modules(study), *frozen, begin, experiment.target, lambda names: told.append(_value(study, names)),
    )  # fmt: skip
    what = f"experiment {experiment.number}" if experiment.number else "the baseline"
    budget = "" if study.settings.verify else f", with the budget of {study.settings.budget} where it uses the clock"
    return Reply(
        f"Running {what} of {study.name} here{budget}.", prose=True, run_here=run,
        then=lambda: prose_reply(_result(study, experiment, told[0])),
    )  # fmt: skip


def _find_modules(study: Study) -> None:
    """Let imports find the modules beside the study's files, as they do in experiments."""
    sys.path[:0] = [str(folder) for folder in study.definition.folders if str(folder) not in sys.path]


def _prepare(study: Study, experiment: Experiment, names: dict[str, Any]) -> None:
    """Set clock and seeds as they were in the experiment's first run."""
    seed = runtime.Seed(experiment.measurements[0].seed if experiment.measurements else study.settings.seed)
    runtime.seed = seed
    # A `seed` that the setup has imported is replaced too, as in an experiment.
    names.update({name: seed for name, value in names.items() if isinstance(value, runtime.Seed)})
    runtime.clock.configure(study.settings.budget, None, None if study.settings.clock == "wall" else LostTime())
    seed_everything(seed, experiment.target)


def _value(study: Study, names: dict[str, Any]) -> str:
    """Return the metric of what was run, formatted; empty where it was a printed line."""
    try:
        return study.status.format(runtime.number(eval(study.metric.expression, names)))
    except Exception:  # printed, not a name; or a metric of another kind, which the study has read in its own way
        return ""


def _result(study: Study, experiment: Experiment, value: str) -> str:
    metric, inside = study.metric, study.status.format(experiment.value)
    here = f": {metric.name} is {value} here, and was {inside} in the study" if value else ""
    return f"Experiment {experiment.number} has run in this kernel{here}. Its names can be used in the next cells."
