"""The commits of a study, which are the same for cells and for files: what can be done, what they say, where they are found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ...experiment import Experiment
from ...metric import Metric
from ..results_tsv import one_line

SUBJECT = 72
"""Characters of a commit's subject: what `git log --oneline` shows in a terminal."""
COMMITTER, ADDRESS = "autoresearch", "autoresearch@localhost"
"""Who commits, and the address of all; the author is the agent (`author_name`)."""


class Commits(Protocol):
    """Where a study's experiments are committed: `repository.CellRepository` for cells, `branch.StudyBranch` for files."""

    def record(
        self, experiment: Experiment, files: Mapping[str, str], metric: Metric, parent_commit: str | None,
        when: datetime,
    ) -> str:  # fmt: skip
        """Commit a judged experiment; doing it again changes nothing.

        Parameters
        ----------
        experiment : Experiment
            With its verdict. A kept one advances the branch.
        files : Mapping[str, str]
            Paths, with forward slashes, to contents: all that this version holds.
        metric : Metric
        parent_commit : str or None
            The commit of the incumbent it was proposed against; None for the baseline.
        when : datetime
            When it was judged: the commit's date. The same arguments give the same commit.

        Returns
        -------
        str
            The commit's full hash.

        Raises
        ------
        UserError
            When git refuses.
        """
        ...

    def commit_of(self, number: int) -> str | None:
        """Return the hash of an experiment's commit; None when it was never recorded here."""
        ...


@dataclass(frozen=True)
class References:
    """Names of a study's branch and of each experiment's reference, for a study's `safe_name`."""

    study: str

    @property
    def branch(self) -> str:
        """The branch of what was kept."""
        return f"autoresearch/{self.study}"

    @property
    def head(self) -> str:
        """The branch's reference."""
        return f"refs/heads/{self.branch}"

    @property
    def experiments(self) -> str:
        """What all the experiments' references are below."""
        return f"refs/autoresearch/{self.study}"

    def experiment(self, number: int) -> str:
        """Return the reference of an experiment."""
        return f"{self.experiments}/{number:04d}"


def safe_name(study: str) -> str:
    """Return a study's name as git allows it in a reference (`git check-ref-format`); a slug is returned as it is."""
    name = re.sub(r"[^A-Za-z0-9._+=,-]+", "-", study)
    name = re.sub(r"\.{2,}", ".", name).strip(".-")
    return re.sub(r"\.lock$", "-lock", name) or "study"


def commit_message(experiment: Experiment, metric: Metric) -> str:
    """Return subject, body and trailers of an experiment's commit.

    The subject is the summary, cut where it is long (the body has the whole then); the body is the hypothesis and
    the judge's reason; the trailers are `Experiment`, `Verdict` and `Metric`, the value with all its digits.
    """
    summary = one_line(experiment.summary)
    subject = summary or ("baseline" if experiment.number == 0 else f"experiment {experiment.number}")
    body = [_paragraph(experiment.proposal.hypothesis), _paragraph(experiment.reason)]
    if len(subject) > SUBJECT:
        body.insert(0, subject)
        subject = subject[: SUBJECT - 1].rstrip() + "…"
    value = experiment.value
    if value is None:  # a NaN or an infinity is worth telling from no value at all
        value = next((m.value for m in experiment.measurements if m.value is not None), None)
    trailers = [
        f"Experiment: {experiment.number}",
        f"Verdict: {experiment.verdict}",
        f"Metric: {one_line(metric.name)}={'none' if value is None else repr(float(value))}",
    ]
    return "\n\n".join([subject, *filter(None, body), "\n".join(trailers)]) + "\n"


def author_name(agent: str) -> str:
    """Return an agent's name as git allows an author's."""
    return re.sub(r"[<>]", "", one_line(agent)).strip(" .,:;\"'") or COMMITTER


def git_date(when: datetime) -> str:
    """Return a time as git writes it into a commit: seconds, in UTC."""
    return f"{int(when.timestamp())} +0000"


def _paragraph(text: str) -> str:
    """Return a text for a commit's body: no control characters, which would end or garble the message."""
    lines = (one_line(line) for line in text.strip().splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
