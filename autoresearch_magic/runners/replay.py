"""A runner that runs nothing: it returns the measurements of a recorded study, at a chosen speed."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import Stopped
from ..experiment import Measurement, Outcome
from ..runtime import TICK
from ..source.edits import fingerprint
from ..storage.recording import open_record
from ..storage.rows import Run
from . import Runner, Watch
from .stage import Stage


class ReplayRunner(Runner):
    """Returns the measurements of a recorded study; a run takes its recorded time divided by `speed`.

    A run is found by the fingerprint of its target, its seed, and the cheap stage (``--stage``) that it was a run of. When a target was run several times with the same seed, these
    runs are returned in their order, and then the last one again. Values, seconds and memory are the recorded ones. `deadline`
    and the answers of `watch` have no effect: only a run that was stopped early when it was recorded stops early.

    Parameters
    ----------
    folder : Path
        Folder of the recorded study.
    speed : float
        Recorded seconds per second; `math.inf` for no waiting.
    seed : int, optional
        Seed of the new study; a run's offset from it is its offset from the recorded study's seed. By default the two seeds
        are equal.

    Raises
    ------
    UserError
        When there is no journal or it cannot be read.
    """

    def __init__(self, folder: Path, speed: float = math.inf, *, seed: int | None = None) -> None:
        self.name, self.speed = folder.name, speed
        with open_record(folder) as journal:
            recorded_seed = int((journal.get("settings") or {}).get("seed", 0))
            fingerprints = {e.number: fingerprint(e.target) for e in journal.experiments()}
            runs = [run for run in journal.runs() if run.experiment in fingerprints]
            staged = _staged(runs, [body for _, _, body in journal.notes("stage")])
        self._shift = 0 if seed is None else recorded_seed - seed
        self._known = set(fingerprints.values())
        self._runs: dict[tuple[str, int, str], list[Measurement]] = {}
        for run in runs:
            stage = staged.get(run.id, "")
            # A failed baseline ended the study; the replay needs the one that was measured after a resume.
            if run.kind != "baseline" or run.measurement.ok:
                key = fingerprints[run.experiment], run.measurement.seed, stage
                self._runs.setdefault(key, []).append(_as_measured(run.measurement, stage))
        self._played: dict[tuple[str, int, str], int] = {}
        self._stage = ""
        self._stop = threading.Event()

    def measure(
        self, target: str, *, seed: int, deadline: float, watch: Watch | None = None, log: str = os.devnull, holdout: bool = False
    ) -> Measurement:  # fmt: skip
        """Replay a recorded run, or return a crash when it was not recorded; see `Runner.measure`."""
        if self._stop.is_set():
            raise Stopped
        found = self._find(target, seed)
        began, at = time.monotonic(), 0.0
        for at, event in timeline(found, every=TICK * self.speed):
            self._wait_until(began + at / self.speed)
            if watch is not None:
                watch(event)
        self._wait_until(began + max(at, found.seconds) / self.speed)
        with open(
            log, "w", encoding="utf-8", newline=""
        ) as file:  # newline="": write the line ends as they were printed
            file.write(found.output)
        return found

    @contextmanager
    def at_stage(self, stage: Stage) -> Iterator[None]:
        """Return recorded runs of a stage, within this context; see `Runner.at_stage`."""
        self._stage = stage.text
        try:
            yield
        finally:
            self._stage = ""

    def interrupt(self) -> None:
        """End the current run's wait; see `Runner.interrupt`."""
        self._stop.set()

    def close(self) -> None:
        """Do the same as `interrupt`, because there is no process to end."""
        self._stop.set()

    def _find(self, target: str, seed: int) -> Measurement:
        key = (fingerprint(target), seed + self._shift, self._stage)
        runs = self._runs.get(key)
        if runs is None:
            at = f" at the stage {self._stage}" if self._stage else ""
            what = f"run of this target with seed {key[1]}{at}" if key[0] in self._known else "such target"
            return Measurement(Outcome.CRASH, None, seed, error=f"The recorded study {self.name} has no {what}.")
        count = self._played.get(key, 0)
        self._played[key] = count + 1
        return replace(runs[min(count, len(runs) - 1)], seed=seed)

    def _wait_until(self, when: float) -> None:
        # Waits for an event rather than sleeping, so that an interrupt ends the wait at once.
        left = when - time.monotonic()
        if self._stop.wait(left) if left > 0 else self._stop.is_set():
            raise Stopped


def _staged(runs: Sequence[Run], notes: Sequence[dict[str, Any]]) -> dict[int, str]:
    """Return the stages of the runs that were runs of a stage, by the runs' numbers.

    The notes on an experiment's stages are in the order of their runs. A run that has failed at its stage is the candidate's own.
    """
    found: dict[int, str] = {}
    for note in notes:
        kind = "candidate" if note["way"] == "failed" else "stage"
        own = (run.id for run in runs if run.experiment == note["experiment"] and run.kind == kind and run.id not in found)  # fmt: skip
        if (run := next(own, None)) is not None:
            found[run] = note["stage"]
    return found


def _as_measured(m: Measurement, stage: str) -> Measurement:
    """Return a run as its runner returned it: that it has failed at a stage was written before the error."""
    if stage and not m.ok:
        _, _, error = m.error.partition(": ")
        return replace(m, error=error)
    return m


def timeline(run: Measurement, *, every: float) -> Iterator[tuple[float, dict[str, Any]]]:
    """Yield the events of a recorded run, each with the second at which it occurred.

    The reports are the recorded ones. Ticks were not recorded: they are spread evenly, as if all steps took the same time; a
    target that did not use the clock has none.

    Parameters
    ----------
    run : Measurement
    every : float
        Recorded seconds between two ticks; `math.inf` for no ticks.
    """
    yield 0.0, {"begin": True}
    # Time that is neither training nor evaluation was usually spent before the first step: imports, data, compiling.
    start = max(0.0, run.seconds - run.training - run.evaluation)
    reports = [
        (p.elapsed, {"report": {**_place(p.elapsed, p.progress, p.step), "values": p.values}}) for p in run.curve
    ]
    ticks: list[tuple[float, dict[str, Any]]] = []
    if run.charged > 0 and math.isfinite(every):
        reached = run.curve[-1] if run.curve else None
        # Without a curve, the share of the budget spent at the end is unknown and taken as all of it.
        pace = reached.progress / reached.elapsed if reached and reached.elapsed > 0 else 1.0 / run.charged
        for n in range(1, int(run.charged / every) + 1):
            share = n * every / run.charged
            place = _place(n * every, min(1.0, pace * n * every), int(share * run.steps))
            ticks.append((n * every, {"tick": place}))
    for elapsed, event in sorted([*reports, *ticks], key=lambda item: item[0]):
        yield start + elapsed, event
    if run.evaluation > 0 or run.ok:
        yield start + run.charged, {"evaluating": True}


def _place(elapsed: float, progress: float, step: int) -> dict[str, Any]:
    return {"elapsed": elapsed, "progress": progress, "step": step}
