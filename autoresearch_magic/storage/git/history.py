"""What the commits of a study say of its experiments: what a journal can be made from when nothing else is left."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ...errors import UserError
from .commits import COMMITTER, Commits

_TRAILER = re.compile(r"^(Experiment|Verdict|Metric|Journal): (.*)$", re.MULTILINE)
_WHO = re.compile(r"^author (.*) <.*> (\d+) [+-]\d{4}$", re.MULTILINE)
_PARENT = re.compile(r"^parent ([0-9a-f]{40,64})$", re.MULTILINE)


@dataclass(frozen=True)
class Recorded:
    """One experiment as its commit tells of it.

    Attributes
    ----------
    number : int
    sha, parent : str
        Hashes of the commit and of the commit that it was proposed against; the parent is empty for a baseline of a cell.
    agent, summary, hypothesis, reason, verdict : str
    value : float or None
    when : float
        When it was judged, in seconds since the epoch.
    files : dict of str to str
        Contents by path.
    """

    number: int
    sha: str
    parent: str
    agent: str
    summary: str
    hypothesis: str
    reason: str
    verdict: str
    value: float | None
    when: float
    files: dict[str, str]


def recorded(
    repository: Commits, wanted: Callable[[int], bool] = lambda number: True
) -> tuple[dict[int, Recorded], list[int]]:
    """Read the commits of experiments.

    Parameters
    ----------
    repository : Commits
    wanted : callable, optional
        Says of which experiments the commits are read; all others are only looked for.

    Returns
    -------
    found : dict of int to Recorded
    broken : list of int
        Experiments whose commits or files cannot be read.

    Raises
    ------
    UserError
        When git cannot say which commits there are.
    """
    found, broken = {}, []
    for number, sha in repository.commits().items():
        if not wanted(number):
            continue
        try:
            found[number] = _read(repository, number, sha)
        except (UserError, ValueError, AttributeError, IndexError):
            broken.append(number)
    return found, broken


def _read(repository: Commits, number: int, sha: str) -> Recorded:
    content = repository.raw(sha)
    head, _, message = content.partition("\n\n")
    parent, who = _PARENT.search(head), _WHO.search(head)
    if who is None:
        raise ValueError("no author")
    *body, last = message.strip("\n").split("\n\n")
    trailers = dict(_TRAILER.findall(last))
    value = trailers["Metric"].rpartition("=")[2] if "Metric" in trailers else "none"
    summary, *paragraphs = body
    if summary.endswith("…") and paragraphs:
        summary, *paragraphs = paragraphs
    reason = paragraphs.pop() if paragraphs else ""
    return Recorded(
        number, sha, parent[1] if parent else "", "" if who[1] == COMMITTER else who[1], summary, "\n\n".join(paragraphs), reason,
        trailers["Verdict"], None if value == "none" else float(value), float(who[2]), repository.read(number),
    )  # fmt: skip


def damage(repository: Commits) -> str:
    """Return what is wrong with the objects of a study's commits, in one line; empty where all can be read."""
    try:
        known = repository.commits()
        repository.reach(known.values())
    except UserError as error:
        return " ".join(str(error).split())[:300]
    return ""
