"""Prior knowledge in a study's journal: what was imported and is not forgotten, so that a resume and a replay know the same."""

from __future__ import annotations

from collections.abc import Sequence

from ..agents.prior import Prior
from ..errors import UserError
from ..source.constants import Constant, find_constants
from ..storage.journal import Journal
from .definition import Definition
from .status import StudyStatus

NOTE = "prior"
"""The kind of the journal's events: a prior was imported, or is forgotten."""


def read_priors(journal: Journal) -> tuple[Prior, ...]:
    """Return what is known, in the order of the imports; a study that was imported again has its last state."""
    found: dict[tuple[str, str], Prior] = {}
    for _, _, body in journal.notes(NOTE):
        if name := body.get("forget"):
            found = {key: prior for key, prior in found.items() if key[1] != name}
        else:
            prior = Prior.from_json(body)
            found.pop((prior.storage, prior.name), None)
            found[prior.storage, prior.name] = prior
    return tuple(found.values())


def add_prior(journal: Journal, prior: Prior) -> None:
    """Record what is known from another study."""
    journal.note(NOTE, **prior.to_json())


def forget_prior(journal: Journal, name: str) -> None:
    """Forget what was imported from a study of this name.

    Raises
    ------
    UserError
        When nothing was.
    """
    known = [prior.name for prior in read_priors(journal)]
    if name not in known:
        raise UserError(f"Nothing was imported from {name!r}: {', '.join(known) or 'no study'} is known.")
    journal.note(NOTE, forget=name)


def known_line(priors: Sequence[Prior]) -> str:
    """Return one line on what the tuner knows from other studies; empty for nothing."""
    return f"The tuner knows {'; '.join(prior.text() for prior in priors)}." if priors else ""


def tuned_constants(definition: Definition, status: StudyStatus) -> list[Constant]:
    """Return the constants of the best version, else of the target, that priors can be about."""
    best, metric = status.incumbent, definition.metric
    target = best.target if best else definition.target
    return find_constants(
        target, strict=False, baseline=definition.target, metric=metric.name, outside=metric.expression
    )
