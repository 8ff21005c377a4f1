"""The subcommand that sends a study to a tracker after it has run, and the one that tries where a study would tell of itself."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from ...study.tracking.found import trackers
from ...study.tracking.replay import send_study
from ...text import counted
from ..reply import Reply, prose_reply
from ..session import Session
from .table import argument, command
from .values import Typed


def tracker_names(typed: Typed) -> dict[str, str]:
    """Return the names of the trackers."""
    return dict.fromkeys(trackers(), "")


@command(
    "track",
    argument("tracker", metavar="NAME[:WHERE]", help="as for --track: mlflow, tensorboard:runs, ...", values=tracker_names),
    of_study=True, json=True,
)  # fmt: skip
def track(session: Session, arguments: argparse.Namespace) -> Reply:
    """Send a study that has run to a tracker such as MLflow or TensorBoard: what it does not have yet, and nothing twice."""
    study = session.study(arguments.study)

    def work(show: Callable[[float, str], None]) -> Reply:
        sent = send_study(study, arguments.tracker, show)
        reply = prose_reply(
            f"{sent.label} has all {counted(sent.experiments, 'experiment')} of {study.name}: {sent.where}"
        )
        data = {"study": study.name, "tracker": sent.label, "where": sent.where, "experiments": sent.experiments}
        return Reply(reply.text, prose=True, data=data)

    return Reply("", work=work)
