"""TensorBoard: event files in a folder, one subfolder for the study and one for each experiment, written without torch and TensorFlow.

``--track tensorboard`` writes into ``tensorboard/`` in the study's folder, ``--track tensorboard:FOLDER`` into ``FOLDER/NAME-OF-THE-STUDY/``. Look at
it with ``tensorboard --logdir FOLDER``. TensorBoard holds scalars with 32 bits: about seven digits.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...text import fenced
from .base import SeriesPoint, TrackedEnd, TrackedExperiment, TrackedLive, TrackedStudy, Tracker, curve_name, free_names

STUDY = "study"
"""The subfolder of what is told of the study as a whole."""
MARK = "sent.json"
"""The file in an experiment's subfolder that says what is in it; TensorBoard does not look at it."""
RUNNING = "running"
"""What the name of an experiment's subfolder begins with while it has no verdict."""
TAG = "_-./ "


class TensorBoard(Tracker):
    """Writes event files."""

    needs = "tensorboard"

    @classmethod
    def prepared(cls, argument: str) -> str:
        """Return the folder as an absolute path."""
        return str(Path(argument).expanduser().absolute()) if argument else ""

    def open(self, study: TrackedStudy, identity: str) -> str:
        """Make the folder; the first time, write settings and program."""
        self._study = study
        self._folder = Path(self.argument, study.name) if self.argument else study.folder / "tensorboard"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._running = dict[str, Writer]()
        for left in self._folder.glob(f"{RUNNING} *"):  # by a process that was ended
            shutil.rmtree(left)
        self._whole = Writer(self._folder / STUDY)  # one file for this process
        told = self._folder / "study.json"
        if not told.exists():
            lines = "\n".join(f"| {name} | {_cell(value)} |" for name, value in study.settings.items())
            self._whole.text("settings", f"| option | value |\n| --- | --- |\n{lines}", 0, study.created)
            for name, text in study.files.items():
                self._whole.text(name, _shown(name, text), 0, study.created)
            self._whole.flush()
            told.write_text(json.dumps({"study": study.identity}), encoding="utf-8")
        return str(self._folder)

    @property
    def where(self) -> str:
        """How to look at it."""
        return f"tensorboard --logdir {self._folder}"

    def sent(self) -> Mapping[int, str]:
        """Return the marks that the experiments' subfolders hold."""
        marks = {}
        for path in self._folder.glob(f"*/{MARK}"):
            if path.parent.name.isdecimal():
                marks[int(path.parent.name)] = str(json.loads(path.read_text("utf-8"))["mark"])
        return marks

    def send(self, experiment: TrackedExperiment, before: int) -> None:
        """Write an event file with what is new of the experiment; the mark is written last."""
        e = experiment
        self.drop(e.live)
        place = self._folder / f"{e.number:04d}"
        if not before:
            for old in place.glob("events.out.tfevents.*"):  # broken off by the end of an earlier process
                old.unlink()
        runs = len(e.runs)
        with Writer(place) as writer:
            if not before:
                writer.hparams(e)
                for path, text in e.files.items():
                    writer.text(path, _shown(path, text), 0, e.ended)
            writer.text("verdict", _verdict(e), runs, e.ended)
            if e.value is not None:
                writer.scalar(self._study.metric, e.value, runs, e.ended)
            for name, value in e.numbers.items():
                writer.scalar(f"numbers/{name}", value, runs, e.ended)
            for n, run in enumerate(e.runs[before:], before):
                if run.value is not None:
                    writer.scalar("runs/value", run.value, n + 1, e.ended)
                writer.curves(run.curves, n)
        if not before:
            for name, known in (("value", e.value), ("best", e.best)):
                if known is not None:
                    self._whole.scalar(name, known, e.number, e.ended)
            self._whole.flush()
        (place / MARK).write_text(json.dumps({"mark": e.mark}), encoding="utf-8")

    def live(self, live: TrackedLive) -> None:
        """Add to a subfolder of its own, which at the verdict gives way to the experiment's, where the points stand in their order."""
        if (writer := self._running.get(live.key)) is None:
            (name,) = free_names([live.name], TAG.replace("/", "")).values()
            writer = self._running[live.key] = Writer(self._folder / f"{RUNNING} {name[:60]} {live.key[:4]}")
        writer.curves(live.points, live.run)
        writer.flush()

    def drop(self, key: str) -> None:
        """Remove the subfolder of a run that goes on."""
        if (writer := self._running.get(key)) is not None:
            writer.close()
            shutil.rmtree(writer.folder, ignore_errors=True)
            del self._running[key]

    def end(self, end: TrackedEnd) -> None:
        """Write the confirmed result."""
        now = time.time()
        self._whole.text("result", f"{end.result}\n\n{end.message}\n\n{end.state}".strip(), 0, now)
        for name, value in end.numbers.items():
            self._whole.scalar(f"confirmed/{name}", value, 0, now)
        self._whole.flush()

    def close(self) -> None:
        """Close the file of the study, and those of runs that go on."""
        for key in [*self._running]:
            self.drop(key)
        self._whole.close()


class Writer:
    """One event file, as a context."""

    def __init__(self, folder: Path) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.plugins.hparams import summary_v2 as hparams
        from tensorboard.plugins.scalar import summary_v2 as scalar
        from tensorboard.plugins.text import summary_v2 as text
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._event, self._hparams, self._scalar, self._text = Event, hparams, scalar, text
        self._file: Any = EventFileWriter(str(folder))
        self._names: dict[str, str] = {}

    def _add(self, summary: Any, step: int, at: float) -> None:
        self._file.add_event(self._event(wall_time=at, step=step, summary=summary))

    def _tag(self, name: str) -> str:
        if name not in self._names:
            self._names = free_names([*self._names, name], TAG)
        return self._names[name]

    def scalar(self, name: str, value: float, step: int, at: float) -> None:
        """Add a number."""
        self._add(self._scalar.scalar_pb(self._tag(name), value), step, at)

    def curves(self, curves: Mapping[str, Sequence[SeriesPoint]], run: int) -> None:
        """Add points of the curves of a run, from 0."""
        for name, points in curves.items():
            for point in points:
                self.scalar(curve_name(name, run), point.value, point.step, point.at)

    def text(self, name: str, markdown: str, step: int, at: float) -> None:
        """Add a text."""
        self._add(self._text.text_pb(self._tag(name), markdown), step, at)

    def hparams(self, e: TrackedExperiment) -> None:
        """Add the values of the constants, which TensorBoard's page HPARAMS compares with the numbers of the same folder."""
        self._add(self._hparams.hparams_pb({**e.parameters}, trial_id=e.name, start_time_secs=e.begun), 0, e.begun)

    def flush(self) -> None:
        """Let readers see what is written."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _verdict(e: TrackedExperiment) -> str:
    parent = "" if e.parent is None else f" (over experiment {e.parent})"
    texts = [f"**{name}**: {_cell(text)}" for name, text in e.texts.items()]
    return "\n\n".join([f"**{e.verdict}**{parent}: {e.reason}", *texts])


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _shown(path: str, text: str) -> str:
    """Return a file as Markdown; a program is Markdown already."""
    if path.endswith(".md"):
        return text
    return fenced(text, "diff" if path.endswith(".diff") else "python" if path.endswith(".py") else "")
