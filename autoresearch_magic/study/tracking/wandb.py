"""Weights & Biases: a run for each experiment and one for the study, in a group of the study's name; offline unless ``wandb:online`` says otherwise.

Entity, project and folder are those of ``WANDB_ENTITY``, ``WANDB_PROJECT`` (else ``autoresearch``) and ``WANDB_DIR`` (else the study's folder). Offline runs
lie in ``wandb/`` there, and ``wandb sync FOLDER/wandb/offline-run-*`` sends them. Online needs ``wandb login`` or ``WANDB_API_KEY``.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import UserError
from .base import SeriesPoint, TrackedEnd, TrackedExperiment, TrackedRun, TrackedStudy, Tracker, curve_name

PROJECT = "autoresearch"
MARK = "autoresearch.json"
"""The file in a run's folder that says which experiment is in it, and that it is whole."""


class WeightsAndBiases(Tracker):
    """Writes runs of W&B."""

    needs = "wandb"
    credentials = ("WANDB_*",)

    @classmethod
    def prepared(cls, argument: str) -> str:
        """Return the mode."""
        if argument.lower() not in ("", "online", "offline"):
            raise UserError("--track wandb is offline, and  --track wandb:online  sends at once; entity, project and folder are in WANDB_ENTITY, WANDB_PROJECT and WANDB_DIR.")  # fmt: skip
        return argument.lower()

    def open(self, study: TrackedStudy, identity: str) -> str:
        """Make the folder."""
        import wandb

        self._wandb: Any = wandb
        self._study = study
        self._online = self.argument == "online"
        self._folder = Path(os.environ.get("WANDB_DIR") or study.folder).absolute()
        self._folder.mkdir(parents=True, exist_ok=True)
        return study.identity

    @property
    def where(self) -> str:
        """The folder, and how to send it; online, the project."""
        project = os.environ.get("WANDB_PROJECT") or PROJECT
        if self._online:
            return f"group {self._study.name} in project {project}"
        return f"offline in {self._folder / 'wandb'}; wandb sync {self._folder / 'wandb' / 'offline-run-*'}  sends it"

    def sent(self) -> Mapping[int, str]:
        """Return the marks that the runs' folders hold."""
        return {number: mark for number, mark, _ in self._runs() if number >= 0}

    def _runs(self) -> list[tuple[int, str, Path]]:
        """Return what the folders of this study's runs hold: number (-1 for that of the study), mark and folder."""
        found = []
        for path in self._folder.glob(f"wandb/*run-*/{MARK}"):
            told = json.loads(path.read_text("utf-8"))
            if told["study"] == self._study.identity and told["online"] == self._online:
                found.append((told["number"], told["mark"], path.parent))
        return found

    def send(self, experiment: TrackedExperiment, before: int) -> None:
        """Write the run of an experiment. Offline a run is written whole, in place of an earlier one; online the new runs are added."""
        e = experiment
        if not self._online:
            self._remove(f"{e.number:04d}")
            before = 0
        run = self._begin(
            f"{e.number:04d}", e.name, "experiment", {**e.parameters}, e.texts.get("hypothesis", ""), [str(e.verdict)]
        )
        for n, each in enumerate(e.runs[before:], before):
            if each.value is not None:
                run.log({"runs/value": each.value, "run": n + 1})
            for row in _rows(each, n):
                run.log(row)
        summary = {
            self._study.metric: e.value,
            "verdict": str(e.verdict),
            "reason": e.reason,
            "experiment": e.number,
            "parent": e.parent,
            **e.texts,
        }
        run.summary.update({name: value for name, value in summary.items() if value is not None})
        run.summary.update({f"numbers/{name}": value for name, value in e.numbers.items()})
        self._finish(run, e.files, e.number, e.mark)

    def end(self, end: TrackedEnd) -> None:
        """Write the run of the study whole."""
        if not self._online:
            self._remove("study")
        run = self._begin("study", self._study.name, "study", dict(self._study.settings), self._study.title, [])
        for number, value, best in end.values:
            row = {"value": value, "best": best, "experiment": number}
            run.log({name: each for name, each in row.items() if each is not None})
        run.summary.update({"state": end.state, "result": end.result, "message": end.message})
        run.summary.update({f"confirmed/{name}": value for name, value in end.numbers.items()})
        for picture in end.pictures:
            shutil.copy(picture, run.dir)
        self._finish(run, {**self._study.files, **end.files}, -1, end.state)

    def _begin(self, name: str, title: str, kind: str, config: dict[str, Any], notes: str, tags: list[str]) -> Any:
        quiet = self._wandb.Settings(
            console="off", silent=True, disable_git=True, disable_code=True, x_disable_stats=True, x_disable_meta=True, x_disable_machine_info=True,
            x_save_requirements=False,
        )  # fmt: skip
        run = self._wandb.init(
            id=f"{self._study.identity}-{name}", name=title, group=self._study.name, job_type=kind, config=config, notes=notes, tags=tags,
            project=os.environ.get("WANDB_PROJECT") or PROJECT, dir=str(self._folder), mode="online" if self._online else "offline",
            resume="allow" if self._online else None, reinit="create_new", settings=quiet,
        )  # fmt: skip
        for pattern, step in (("curve/*", "step"), ("runs/*", "run"), ("value", "experiment"), ("best", "experiment")):
            run.define_metric(step, hidden=True)
            run.define_metric(pattern, step_metric=step)
        return run

    def _finish(self, run: Any, files: Mapping[str, str], number: int, mark: str) -> None:
        folder = Path(run.dir)
        for path, text in files.items():
            place = Path(folder, *(part for part in path.split("/") if part not in ("", ".", "..")))
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        for written in [path for path in folder.rglob("*") if path.is_file()]:
            run.save(str(written), base_path=str(folder), policy="now")
        run.finish()
        told = {"study": self._study.identity, "number": number, "mark": mark, "online": self._online}
        (folder.parent / MARK).write_text(json.dumps(told), encoding="utf-8")

    def _remove(self, name: str) -> None:
        """Remove the folders of an earlier run of the same id, whole or broken off."""
        for folder in self._folder.glob(f"wandb/offline-run-*-{self._study.identity}-{name}"):
            shutil.rmtree(folder)


def _rows(run: TrackedRun, n: int) -> list[dict[str, float]]:
    """Return the points of a run's curves as rows of W&B's history: values that were reported together are in one row."""
    rows: dict[tuple[float, int], dict[str, float]] = {}
    for name, points in run.curves.items():
        for at, point in _numbered(points):
            key = curve_name(name, n)
            rows.setdefault(at, {"step": point.step})[key] = point.value
    return [*rows.values()]


def _numbered(points: Any) -> list[tuple[tuple[float, int], SeriesPoint]]:
    """Return points with what tells them apart: their time, and their number among those of the same time."""
    seen: dict[float, int] = {}
    found = []
    for point in points:
        seen[point.at] = seen.get(point.at, -1) + 1
        found.append(((point.at, seen[point.at]), point))
    return found
