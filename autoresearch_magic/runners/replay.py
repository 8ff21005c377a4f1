"""The runner that runs nothing: hands out the measurements of a recorded study, in compressed time."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import Stopped
from ..experiment import Measurement, Outcome
from ..runtime import TICK
from ..source.edits import fingerprint
from ..storage.recording import open_record
from . import Runner, Watch


class ReplayRunner(Runner):
    """Returns what was measured when the study was recorded, and lets its runs pass `speed` times as fast.

    A run is found by its target (by fingerprint) and its seed; when a target was run more than once on one seed, those
    runs come in their order, and the last of them again after that. Values, seconds and memory are the recorded ones;
    the seconds that the replay itself takes are nowhere in them. Neither `deadline` nor the answers of `watch` count: a
    run that was stopped early stops where it did, any other one does not.

    Parameters
    ----------
    folder : Path
        Of the recorded study.
    speed : float
        Recorded seconds per second; `math.inf` to wait for nothing.
    seed : int, optional
        The new study's seed: its runs are matched to the recorded ones by how far they are from it. By default the
        recorded study's own.

    Raises
    ------
    UserError
        When there is no journal, or it cannot be read.
    """

    def __init__(self, folder: Path, speed: float = math.inf, *, seed: int | None = None) -> None:
        self.name, self.speed = folder.name, speed
        with open_record(folder) as journal:
            recorded_seed = int((journal.get("settings") or {}).get("seed", 0))
            sources = {e.number: fingerprint(e.target) for e in journal.experiments()}
            runs = [run for run in journal.runs() if run.experiment in sources]
        self._shift = 0 if seed is None else recorded_seed - seed
        self._known = set(sources.values())
        self._runs: dict[tuple[str, int], list[Measurement]] = {}
        for run in runs:
            # A baseline that failed ended the study then; the record goes on with what was measured after it was resumed.
            if run.kind != "baseline" or run.measurement.ok:
                self._runs.setdefault((sources[run.experiment], run.measurement.seed), []).append(run.measurement)
        self._played: dict[tuple[str, int], int] = {}
        self._stop = threading.Event()

    def measure(
        self, target: str, *, seed: int, deadline: float, watch: Watch | None = None, log: str = ""
    ) -> Measurement:
        """Play a recorded run; see `Runner.measure`.

        Returns
        -------
        Measurement
            A crash when that run is not on record.
        """
        if self._stop.is_set():
            raise Stopped
        found = self._find(target, seed)
        began, at = time.monotonic(), 0.0
        for at, event in timeline(found, every=TICK * self.speed):
            self._wait_until(began + at / self.speed)
            if watch is not None:
                watch(event)
        self._wait_until(began + max(at, found.seconds) / self.speed)
        if log:
            # newline="": what a run printed is kept as it was, on every system
            with Path(log).open("w", encoding="utf-8", newline="") as file:
                file.write(found.output)
        return found

    def interrupt(self) -> None:
        """See `Runner.interrupt`."""
        self._stop.set()

    def close(self) -> None:
        """Leave nothing behind: the same as `interrupt`, as there is no process."""
        self._stop.set()

    def _find(self, target: str, seed: int) -> Measurement:
        mark = fingerprint(target)
        key = (mark, seed + self._shift)
        runs = self._runs.get(key)
        if runs is None:
            what = f"run of this target with seed {key[1]}" if mark in self._known else "such target"
            return Measurement(Outcome.CRASH, None, seed, error=f"The record of {self.name} has no {what}.")
        count = self._played.get(key, 0)
        self._played[key] = count + 1
        return replace(runs[min(count, len(runs) - 1)], seed=seed)

    def _wait_until(self, when: float) -> None:
        # An event rather than a sleep, so that an interrupt ends the wait at once.
        left = when - time.monotonic()
        if self._stop.wait(left) if left > 0 else self._stop.is_set():
            raise Stopped


def timeline(run: Measurement, *, every: float) -> Iterator[tuple[float, dict[str, Any]]]:
    """Yield the signs of life of a recorded run, each with the second of the run at which it comes.

    The reports are the recorded ones. Ticks were not recorded; they are put evenly between, on the assumption that steps
    pass at one pace, and none where the target did not use the clock.

    Parameters
    ----------
    run : Measurement
    every : float
        Recorded seconds between two ticks; none for `math.inf`.
    """
    yield 0.0, {"begin": True}
    # What is neither charged nor evaluation went before the first step, as a rule: imports, data, compiling.
    start = max(0.0, run.seconds - run.charged - run.evaluation)
    reports = [
        (p.elapsed, {"report": {**_place(p.elapsed, p.progress, p.step), "values": p.values}}) for p in run.curve
    ]
    ticks: list[tuple[float, dict[str, Any]]] = []
    if run.charged > 0 and math.isfinite(every):
        reached = run.curve[-1] if run.curve else None
        # How much of its budget a run had spent at the end is on record only with a curve; one that ended well, all.
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
