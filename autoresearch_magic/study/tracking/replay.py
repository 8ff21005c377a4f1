"""Send a study that rests to a tracker: the journal is replayed into it, by the same process as while a study runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ...errors import UserError
from ...source.key_references import put_away
from ..study import Study
from .found import prepared_settings
from .process import TrackerProcess, tracker_destination

PATIENCE = 60.0
"""Seconds without a sign of progress after which it is given up."""


@dataclass(frozen=True)
class Sent:
    """What a tracker has of a study by now.

    Attributes
    ----------
    label, where : str
        How the tracker is called, and where the study can be seen there.
    experiments : int
    """

    label: str
    where: str
    experiments: int


def send_study(study: Study, order: str, show: Callable[[float, str], object] = lambda share, what: None) -> Sent:
    """Send to a tracker what it does not have yet of a study that rests.

    Parameters
    ----------
    study : Study
    order : str
        As for ``--track``.
    show : callable, optional
        Called with the share that is done, and what is being done.

    Raises
    ------
    UserError
        When the study runs, or the tracker does not take it.
    """
    status = study.refresh().status
    if status.state.ongoing:
        raise UserError(
            f"{study.name} is {study.state}: it can be sent when it rests; give --track at its start or resume to send it as it runs."
        )
    if not status.experiments:
        raise UserError(f"{study.name} has no experiment yet: there is nothing to send.")
    (prepared,) = prepared_settings(replace(status.settings, track=(order,))).track
    process = TrackerProcess(tracker_destination(put_away(prepared), status), study.name, lambda event: None)
    of = len(status.experiments)
    show(0.0, process.label)
    process.start()
    process.end(study.state, status.message)
    for _ in process.progress(PATIENCE):
        show(process.sent / of, f"{process.sent:,} of {of:,} experiments")
    if not process.done:
        process.kill()
        raise UserError(process.missing(of))
    show(1.0, "done")
    return Sent(process.label, process.where, of)
