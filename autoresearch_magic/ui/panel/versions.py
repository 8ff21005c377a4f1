"""The source of a version, and how it becomes the target again."""

from __future__ import annotations

from typing import Any

from ...experiment import Experiment
from ...study.applying import instead_of_restoring
from ...study.study import Study
from ..replies import shown_path
from ..session import Place
from .answers import Answer, PanelSession, answers
from .detail import version


@answers("source")
def source(session: PanelSession, content: dict[str, Any]) -> Answer:
    """Answer with the source of an experiment, and with the whole cell that makes it the target again.

    Where the target is no cell, ``cell`` is empty, and ``instead`` says what to do.
    """
    study = session.study
    e = version(study, content.get("number", ""))
    instead = what_instead(study, e)
    cell = "" if instead else f"%%autoresearch target\n{e.target.rstrip()}"
    return {"type": "source", "number": e.number, "source": e.target, "cell": cell, "instead": instead}


def what_instead(study: Study, e: Experiment) -> str:
    """Return how a version comes into files, where the target is none of a notebook's cells; empty where it is one."""
    definition = study.definition
    if definition.checkout is not None:
        return instead_of_restoring(study.status, e)
    path = definition.target_path
    if path is None:
        return ""
    return (
        f"The target is the file {path.name}. In a terminal,  {Place.SHELL} restore {e.number} --study {study.name} --to {shown_path(path)}  writes "
        f"version {e.number} into it, if it holds a version of the study; in a notebook,  %autoresearch restore {e.number}  puts it into a cell."
    )
