"""results.tsv: the five columns of the original autoresearch, in its order, for its readers' scripts.

It is made from the experiments each time and never read back: the journal is the truth.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ..experiment import Experiment, Verdict
from ..metric import Metric

_UNSEEN = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


def one_line(text: str) -> str:
    """Return the text with each run of white space and control characters made one space."""
    return _UNSEEN.sub(" ", text).strip()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a reader, or a kill between, sees the old one or the new one."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        # mkstemp's files are their owner's alone; a study's folder may well be shared or served.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_results(path: Path, experiments: Iterable[Experiment], metric: Metric) -> None:
    """Write the table anew, one row an experiment.

    Parameters
    ----------
    path : Path
    experiments : iterable of Experiment
        In any order; those without a verdict are left out.
    metric : Metric
        Its name heads the second column.
    """
    judged = sorted((e for e in experiments if e.verdict is not None), key=lambda e: e.number)
    rows = [("commit", one_line(metric.name), "memory_gb", "status", "description"), *map(_row, judged)]
    text = "".join("\t".join(row) + "\n" for row in rows)
    write_atomically(path, text.encode("utf-8", "replace"))


def _row(experiment: Experiment) -> tuple[str, str, str, str, str]:
    verdict = experiment.verdict
    assert verdict is not None
    status = "crash" if verdict.failed else "keep" if verdict.kept else "discard"
    # The original's convention: what gave no value has zeros, so that the columns stay numbers.
    value = 0.0 if verdict.failed or experiment.value is None else experiment.value
    memory = 0.0 if verdict.failed else experiment.memory
    description = one_line(experiment.summary) or f"experiment {experiment.number}"
    if verdict.failed and verdict is not Verdict.CRASH:
        description += f" ({verdict})"
    if description.startswith('"'):
        # There is no quoting here, but csv and pandas take a quote that opens a field for one and swallow rows.
        description = description.replace('"', "'")
    return experiment.commit[:7], f"{value:.6f}", f"{memory:.1f}", status, description
