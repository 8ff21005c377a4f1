"""What is sent of a study and its experiments, from its status, its journal and its logs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from ...config.settings import FIELDS
from ...errors import UserError
from ...experiment import Experiment, incumbent_of
from ...keys.redact import cleaned
from ...runs import Point
from ...source.constants import find_constants
from ...source.edits import unified_diff
from ...source.files import is_bundle, split
from ...source.search_space import Value
from ...storage.journal import Journal
from ...storage.logs import guard_log_path, log_bytes, log_path
from ...storage.rows import MOST_POINTS
from ...text import cut_middle, shorten
from ..export import history_csv
from ..status import StudyStatus
from ..summary import result_line
from .base import TrackedEnd, TrackedExperiment, TrackedRun, TrackedStudy
from .live import Held, LivePart, series

LONGEST_LOG = 1_000_000
"""Characters of a log that are sent; of a longer one the middle is left out."""
NOT_SENT = ("track", "notify", "sealed")
"""Settings that are not told: where else the study is told of, and where its sealed code is."""


def tracked_study(status: StudyStatus, journal: Journal) -> TrackedStudy:
    """Return what a tracker is told of a study when it is opened."""
    definition, created = status.definition, float(journal.get("created") or 0.0)
    values = {name: value for name, value in status.settings.to_json().items() if name not in NOT_SENT}
    shown = {
        name: cleaned(_shown(value)) for name, value in values.items() if value not in (None, "", []) and name in FIELDS
    }
    files = {"program.md": definition.program.text}
    if definition.checkout is None and definition.setup.strip():
        files["setup.py"] = definition.setup
    return TrackedStudy(
        name=status.name,
        identity=hashlib.sha256(f"{status.name}\n{created!r}".encode()).hexdigest()[:16],
        folder=status.folder,
        title=cleaned(definition.program.title or status.name),
        metric=status.metric.name,
        minimize=status.metric.minimize,
        created=created,
        settings=shown,
        files={name: cleaned(text) for name, text in files.items()},
    )


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def mark(e: Experiment) -> str:
    """Return the mark of an experiment: how many runs it has, and a hash of what may change of it after its verdict."""
    told = (str(e.verdict), e.reason, e.since, e.value, [m.value for m in e.measurements])
    return f"{len(e.measurements)}-{hashlib.sha256(repr(told).encode()).hexdigest()[:10]}"


def tracked_experiment(
    status: StudyStatus, e: Experiment, journal: Journal, live: Held | None = None
) -> TrackedExperiment:
    """Return an experiment as it is sent; `live` is what was sent of it before its verdict."""
    assert e.verdict is not None
    proposed, judged = journal.times(e.number)
    before = status.experiments[: e.number + 1]
    best = incumbent_of(before)
    texts = {
        "summary": e.summary, "hypothesis": e.proposal.hypothesis, "expect": e.proposal.expect, "agent": e.proposal.agent,
        "commit": e.commit, "notes": "\n".join(e.notes),
    }  # fmt: skip
    return TrackedExperiment(
        number=e.number,
        parent=e.parent,
        name=cleaned(f"{e.number:04d} {shorten(e.summary, 80)}"),
        mark=mark(e),
        verdict=e.verdict,
        reason=cleaned(e.reason),
        value=e.value,
        best=best.value if best else None,
        begun=proposed,
        ended=judged,
        parameters=_parameters(status, e),
        numbers={"seconds": e.seconds, "memory_gb": e.memory, "runs": float(len(e.measurements)), **e.numbers},
        texts={name: cleaned(text) for name, text in texts.items() if text},
        runs=[*_runs(e, proposed, live.parts if live else {})],
        files={path: cleaned(text) for path, text in _files(status, e)},
        live=live.key if live else "",
    )


def _parameters(status: StudyStatus, e: Experiment) -> dict[str, Value]:
    """Return the values of the constants that a tuner would tune; none where the code does not parse."""
    with suppress(UserError):
        found = find_constants(
            e.target, strict=False, baseline=status.experiments[0].target, metric=status.metric.name,
            outside=status.metric.expression,
        )  # fmt: skip
        return {each.name: each.value for each in found}
    return {}


def _runs(e: Experiment, begun: float, live: Mapping[int, LivePart]) -> Iterator[TrackedRun]:
    """Yield the runs; a run begins when those before it were over, so that a further run changes no time of an earlier one.

    Of one whose points were sent as it went on, it is known when it began.
    """
    for n, m in enumerate(e.measurements):
        points = m.curve[:: 1 + len(m.curve) // MOST_POINTS]  # those that the journal keeps
        if part := live.get(n):
            begun = part.since
        rest = _not_sent(points, part.points) if part else None
        yield TrackedRun(m.value, str(m.outcome), series(points, begun), None if rest is None else series(rest, begun))
        begun += m.seconds


def _not_sent(points: Sequence[Point], sent: Sequence[Point]) -> list[Point]:
    """Return what of each point was not sent; values that were too many for the live record are."""
    known: dict[tuple[float, int], set[str]] = {}
    for each in sent:
        known.setdefault((each.elapsed, each.step), set()).update(each.values)
    rest = []
    for point in points:
        gone = known.get((point.elapsed, point.step), set())
        if left := {name: value for name, value in point.values.items() if name not in gone}:
            rest.append(replace(point, values=left))
    return rest


def _files(status: StudyStatus, e: Experiment) -> Iterator[tuple[str, str]]:
    if is_bundle(e.target):
        for path, text in split(e.target).items():
            yield f"source/{path}", text
    else:
        yield "source.py", e.target
    if e.parent is not None and e.parent < len(status.experiments):
        parent = status.experiments[e.parent]
        yield "change.diff", unified_diff(parent.target, e.target, f"experiment {parent.number}", f"experiment {e.number}")  # fmt: skip
    logs = [(f"log-{n + 1}.txt" if n else "log.txt", log_path(status.folder, e.number, "candidate", n)) for n in range(len(e.measurements))]  # fmt: skip
    for name, log in (*logs, ("guard.txt", guard_log_path(status.folder, e.number))):
        if (data := log_bytes(log)) is not None:
            yield name, cut_middle(data.decode("utf-8", "replace"), LONGEST_LOG)
    if failed := next((m for m in reversed(e.measurements) if m.traceback), None):
        yield "traceback.txt", failed.traceback
    for path, text in e.artifacts.items():
        yield f"artifacts/{path.lstrip('/')}", text


def tracked_end(status: StudyStatus, state: str, message: str) -> TrackedEnd:
    """Return how a study has ended: the confirmed result, and the files that sum it up."""
    head, best = status.headline, status.incumbent
    numbers: dict[str, float] = {}
    if head is not None:
        numbers = {"best": head.best, "baseline": head.baseline, "gain": head.gain, "repeats": float(head.repeats)}
        if head.reach is not None:
            numbers |= {"gain_low": head.gain - head.reach, "gain_high": head.gain + head.reach}
        if head.p_better is not None:
            numbers["p_better"] = head.p_better
        if head.holdout is not None:
            numbers |= {"holdout_best": head.holdout.best, "holdout_baseline": head.holdout.baseline}
    files: dict[str, str] = {}
    if best is not None:
        files["history.csv"] = history_csv(status)
        with suppress(OSError):
            files["results.tsv"] = (status.folder / "results.tsv").read_text("utf-8")
        if best.number:
            files["best.diff"] = unified_diff(status.experiments[0].target, best.target, "baseline", f"experiment {best.number}")  # fmt: skip
        if not is_bundle(best.target):
            files["best.py"] = best.target
    values, top = list[tuple[int, float | None, float | None]](), None
    for e in status.experiments:
        top = e.value if e.kept else top
        values.append((e.number, e.value, top))
    picture = status.folder / "progress.png"
    return TrackedEnd(
        state, cleaned(message), cleaned(result_line(status)) if best is not None else "", numbers,
        {path: cleaned(text) for path, text in files.items()}, [picture] if picture.is_file() else [], values,
    )  # fmt: skip
