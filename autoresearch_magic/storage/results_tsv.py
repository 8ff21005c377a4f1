"""Tables of the experiments for other projects' scripts: five columns, ten or nine.

- Five: the ``results.tsv`` of the original autoresearch, its columns in its order. It is kept up to date in the study's folder.
- Ten: these five, then the gain over the version that each was compared with, its 95% interval, the chance of being better, and
  whether a keep is proven; written by ``export --columns 10``.
- Nine: the table of the generalised autoresearch skill, written by ``export --columns 9``.

All are written from the experiments each time and never read back: the journal is the truth.
"""

from __future__ import annotations

import errno
import operator
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..experiment import Experiment, Verdict
from ..metric import Metric

FIVE_COLUMNS = ("commit", "metric", "memory_gb", "status", "description")
"""In the file, the metric's own name heads the second column."""

MISSING = "nan"
"""A value that was not measured, in the five columns."""

GAIN_COLUMNS = ("gain", "gain_low", "gain_high", "p_better", "proven")
"""What the ten columns have more than the five; named as in `Study.history`."""

NINE_COLUMNS = ("iteration", "timestamp", "commit", "metric", "delta", "guard", "guard-metric", "status", "description")

_NINE_STATUS = {
    Verdict.BASELINE: "baseline",
    Verdict.KEEP: "keep",
    Verdict.DISCARD: "discard",
    Verdict.PRUNED: "discard",
    Verdict.GUARD_FAILED: "discard",
    Verdict.CRASH: "crash",
    Verdict.TIMEOUT: "crash",
    Verdict.METRIC_ERROR: "metric-error",
    Verdict.REJECTED: "metric-error",
    Verdict.DUPLICATE: "no-op",
}
_INVISIBLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


def one_line(text: str) -> str:
    """Return the text with each sequence of white space and control characters replaced by one space."""
    return _INVISIBLE.sub(" ", text).strip()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file as a whole: a reader, or a kill in between, sees either the old content or the new."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        # mkstemp makes files that only their owner may read; a study's folder may be shared or served.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_results(path: Path, experiments: Iterable[Experiment], metric: Metric) -> None:
    """Write the five-column table, one row an experiment.

    Parameters
    ----------
    path : Path
    experiments : iterable of Experiment
        In any order; those without a verdict are left out.
    metric : Metric

    Notes
    -----
    The statuses and the numbers are written so that the original's analysis reads them right: it leaves rows of status
    ``crash`` out and takes the values of all others, and lower is better there.

    - ``keep`` (the baseline included) and ``discard`` have the mean of their runs (or the study's other statistic), in the metric's unit.
    - ``crash``, with ``0.000000`` and ``0.0`` as in the original, is everything that failed: crashes, time limits, a metric
      that could not be read, a guard that did not pass, refused proposals. Which of them stands in brackets behind the
      description.
    - What was discarded without a value of its own has ``nan``, which pandas, R and awk read as missing: a run that was
      stopped early as hopeless, and a duplicate, which was not run. A zero would be the best value of all, and the last
      value that a stopped run has reported is not the metric.
    """
    ResultsFile(path, metric).write([e for e, _ in _judged(experiments)])


class ResultsFile:
    """The five-column table of a study that goes on.

    A row is appended for each experiment. Where an older row has changed, or the file is not what was written last, it is written whole.

    Parameters
    ----------
    path : Path
    metric : Metric
    """

    def __init__(self, path: Path, metric: Metric) -> None:
        self._path, self._metric = path, metric
        self._experiments: list[Experiment] = []
        self._rows: list[bytes] = []
        self._written: tuple[int, int, int] | None = None  # what tells whether it is the file that was written last

    def write(self, experiments: Sequence[Experiment]) -> None:
        """Bring the file up to date with the judged experiments, which are given in the order of their numbers.

        Raises
        ------
        OSError
            When it cannot be written; the next call writes it as a whole.
        """
        known = self._experiments
        whole = self._written is None or len(known) > len(experiments) or self._written != _identity(self._path)
        if len(known) > len(experiments):
            del known[len(experiments) :], self._rows[len(experiments) :]
        if not all(map(operator.is_, known, experiments)):
            for at, (before, now) in enumerate(zip(known, experiments, strict=False)):
                if before is not now:
                    row = self._row(now)
                    whole = whole or row != self._rows[at]
                    known[at], self._rows[at] = now, row
        new = [self._row(e) for e in experiments[len(known) :]]
        known += experiments[len(known) :]
        self._rows += new
        self._written = None
        if whole:
            head = _lines([_five_names(self._metric)]).encode("utf-8", "replace")
            write_atomically(self._path, b"".join([head, *self._rows]))
        elif new:
            with self._path.open("ab", buffering=0) as file:
                data = b"".join(new)
                if file.write(data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        self._written = _identity(self._path)

    def _row(self, experiment: Experiment) -> bytes:
        return (
            b""
            if experiment.verdict is None
            else _lines([_five(experiment, experiment.verdict)]).encode("utf-8", "replace")
        )


def _identity(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when somebody else writes or replaces a file."""
    try:
        found = path.lstat()  # a link that was put in its place is another file
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def ten_column_table(
    experiments: Iterable[Experiment], metric: Metric, gains: Mapping[int, Mapping[str, float | bool | None]]
) -> str:
    """Return the table of ten columns: those of `write_results`, then `GAIN_COLUMNS`.

    Parameters
    ----------
    experiments : iterable of Experiment
    metric : Metric
    gains : mapping
        Values of `GAIN_COLUMNS` by the experiment's number; what is missing is ``nan``, and ``proven`` is ``yes`` or ``no``.
    """
    rows = [(*_five_names(metric), *GAIN_COLUMNS)]
    for experiment, verdict in _judged(experiments):
        found = {"proven": False, **gains.get(experiment.number, {})}
        rows.append((*_five(experiment, verdict), *(_gain_cell(found.get(name)) for name in GAIN_COLUMNS)))
    return _lines(rows)


def _gain_cell(value: float | bool | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return MISSING if value is None else f"{value:.6g}"


def _five_names(metric: Metric) -> tuple[str, ...]:
    return tuple(one_line(metric.name) if name == "metric" else name for name in FIVE_COLUMNS)


def _lines(rows: Iterable[Sequence[str]]) -> str:
    return "".join("\t".join(row) + "\n" for row in rows)


def nine_column_table(
    experiments: Iterable[Experiment],
    metric: Metric,
    *,
    guarded: bool = False,
    judged_at: Mapping[int, float] | None = None,
) -> str:
    """Return the nine-column table.

    Parameters
    ----------
    experiments : iterable of Experiment
        In any order; those without a verdict are left out.
    metric : Metric
    guarded : bool
        Whether the study has a guard.
    judged_at : mapping of int to float, optional
        Seconds since the epoch by number.

    Notes
    -----
    The first line is a comment, ``# metric_direction: lower_is_better`` or ``higher_is_better``, the second the header; then
    one row an experiment in the order of their numbers. The columns, as the skill's documents describe them (2.2, and 2.0 for
    what 2.2 leaves open):

    1. ``iteration``: the experiment's number, 0 for the baseline.
    2. ``timestamp``: when it was judged, ISO 8601 in UTC; ``-`` where that is not known.
    3. ``commit``: seven digits of the commit of what was kept, else ``-``.
    4. ``metric``: the mean of its runs, or the study's other statistic; ``0.0`` after a crash, ``-`` where no number was printed or nothing was run.
    5. ``delta``: its metric minus that of the best before it, with a sign: negative for an improvement where lower is better.
       ``0.0`` for the baseline and after a crash, ``-`` where there is no metric.
    6. ``guard``: ``pass``, ``fail``, or ``-`` where the guard was not run: there is none, or the metric was no better.
    7. ``guard-metric``: always ``-``, as an experiment records only whether its guard passed.
    8. ``status``: ``baseline``, ``keep``, ``discard``, ``crash``, ``no-op`` (nothing was run) or ``metric-error``.
    9. ``description``: the change in one line, followed by the verdict in brackets where it says more than the status.
    """
    direction = "lower_is_better" if metric.minimize else "higher_is_better"
    lines = [f"# metric_direction: {direction}", "\t".join(NINE_COLUMNS)]
    best: float | None = None
    for experiment, verdict in _judged(experiments):
        when = (judged_at or {}).get(experiment.number)
        lines.append("\t".join(_nine(experiment, verdict, best, guarded=guarded, when=when)))
        if verdict.kept and experiment.value is not None:
            best = experiment.value
    return "\n".join(lines) + "\n"


def _judged(experiments: Iterable[Experiment]) -> list[tuple[Experiment, Verdict]]:
    """Return the experiments that have a verdict, with it, in the order of their numbers."""
    return [(e, e.verdict) for e in sorted(experiments, key=lambda e: e.number) if e.verdict is not None]


def _five(experiment: Experiment, verdict: Verdict) -> tuple[str, ...]:
    status = "crash" if verdict.failed else "keep" if verdict.kept else "discard"
    if verdict.failed:
        value, memory = "0.000000", "0.0"
    else:
        value = MISSING if experiment.value is None else _figure(experiment.value)
        memory = f"{experiment.memory:.1f}" if experiment.ran else MISSING
    plain = verdict in (Verdict.CRASH, Verdict.KEEP, Verdict.BASELINE, Verdict.DISCARD)
    return experiment.commit[:7], value, memory, status, _description(experiment, "" if plain else verdict)


def _figure(value: float) -> str:
    """Return a value with six decimals as in the original where that is all of it, else with all its digits."""
    text = f"{value:.6f}"
    return text if float(text) == value else repr(value)


def _nine(
    experiment: Experiment, verdict: Verdict, best: float | None, *, guarded: bool, when: float | None
) -> tuple[str, ...]:
    status = "no-op" if verdict is Verdict.REJECTED and not experiment.ran else _NINE_STATUS[verdict]
    value = None if status in ("crash", "no-op", "metric-error") else experiment.value
    if value is None:
        metric = delta = "0.0" if status == "crash" else "-"
    else:
        metric = _figure(value)
        delta = "0.0" if best is None else _signed(value - best)
    return (
        str(experiment.number),
        "-" if when is None else datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        (experiment.commit[:7] or "-") if verdict.kept else "-",
        metric,
        delta,
        "fail" if verdict is Verdict.GUARD_FAILED else "pass" if guarded and verdict.kept else "-",
        "-",
        status,
        _description(experiment, verdict if verdict != status else ""),
    )


def _signed(change: float) -> str:
    return f"{change:+.6g}" if 0 < abs(change) < 1e-3 else f"{change:+.6f}"


def _description(experiment: Experiment, verdict: str) -> str:
    description = one_line(experiment.summary) or f"experiment {experiment.number}"
    if verdict:
        description += f" ({verdict})"
    # The table has no quoting, but csv and pandas would read a leading quote as one and swallow rows.
    return description.replace('"', "'") if description.startswith('"') else description
