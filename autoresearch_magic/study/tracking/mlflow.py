"""MLflow: a parent run for the study, a child run for each experiment, by MLflow's own rules for where the server is.

``--track mlflow`` goes where ``MLFLOW_TRACKING_URI`` says, and without it where MLflow's own default is; ``--track mlflow:URI`` goes there.
The experiment is that of ``MLFLOW_EXPERIMENT_ID`` or ``MLFLOW_EXPERIMENT_NAME``, else ``autoresearch``. User, password and token are MLflow's variables.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from ...experiment import Verdict
from .base import (
    SeriesPoint,
    TrackedEnd,
    TrackedExperiment,
    TrackedLive,
    TrackedStudy,
    Tracker,
    TrackerError,
    curve_name,
    free_names,
)

EXPERIMENT = "autoresearch"
"""The MLflow experiment where the environment names none."""

KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Tag of a new MLflow experiment, by which its pages show metrics and parameters; without it MLflow 3 takes it for one of language models."""

PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "15", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
"""Seconds and attempts of a request, where the user has not set others; what fails is tried again by `sender`."""

QUIET = {"GIT_PYTHON_REFRESH": "quiet", "MLFLOW_ENABLE_ASYNC_LOGGING": "false"}

STUDY, NUMBER, MARK, LIVE = "autoresearch.study", "autoresearch.experiment", "autoresearch.mark", "autoresearch.live"
METRICS, PARAMS, PAGE = 1000, 100, 1000
"""Most metrics, and parameters or tags, of a request, and runs of an answer."""
LONGEST_PARAM, LONGEST_TAG = 6000, 5000
NAME = "_-. :/"
"""What names of metrics and parameters may hold besides letters and digits."""

T = TypeVar("T")


class MLflow(Tracker):
    """Sends a study to an MLflow server, or to its store in a file."""

    needs = "mlflow"
    credentials = ("MLFLOW_*", "DATABRICKS_*", "AWS_*", "AZURE_*", "GOOGLE_*")

    def open(self, study: TrackedStudy, identity: str) -> str:
        """Find the parent run by its id or by its tag, or make it."""
        os.environ |= {name: value for name, value in (PATIENCE | QUIET).items() if name not in os.environ}
        from mlflow.entities import Metric, Param, RunTag
        from mlflow.tracking import MlflowClient

        self._metric, self._param, self._tag = Metric, Param, RunTag
        self._client: Any = MlflowClient(tracking_uri=self.argument or None)
        self._study, self._children, self._running = study, dict[int, str](), dict[str, str]()
        self._experiment = self._experiment_id()
        self._parent = self._parent_run(identity)
        return self._parent

    @property
    def where(self) -> str:
        """The address of the parent run, or the store."""
        uri = self._client.tracking_uri
        if uri.startswith("http"):
            return f"{uri.rstrip('/')}/#/experiments/{self._experiment}/runs/{self._parent}"
        return f"run {self._parent} in {uri}"

    def _experiment_id(self) -> str:
        if given := os.environ.get("MLFLOW_EXPERIMENT_ID"):
            return given
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        if (found := self._client.get_experiment_by_name(name)) is None:
            return str(self._client.create_experiment(name, tags=KIND))
        if found.lifecycle_stage != "active":
            raise TrackerError(
                f"the MLflow experiment {name!r} is deleted: restore it, or set MLFLOW_EXPERIMENT_NAME to another."
            )
        return str(found.experiment_id)

    def _parent_run(self, identity: str) -> str:
        study = self._study
        found = self._search(f"tags.`{STUDY}` = '{study.identity}'")
        ours = [run for run in found if NUMBER not in run.data.tags]
        kept = next((run for run in ours if run.info.run_id == identity), ours[-1] if ours else None)
        if kept is not None:
            self._client.update_run(kept.info.run_id, status="RUNNING")
            return str(kept.info.run_id)
        tags = {STUDY: study.identity, "mlflow.runName": study.name, "mlflow.source.name": "autoresearch"}
        run = self._client.create_run(
            self._experiment, start_time=_milliseconds(study.created), tags=tags, run_name=study.name
        )
        parent = str(run.info.run_id)
        self._log(parent, params=study.settings, tags={
            "autoresearch.name": study.name, "autoresearch.metric": study.metric,
            "autoresearch.direction": "lower is better" if study.minimize else "higher is better", "mlflow.note.content": study.title,
        })  # fmt: skip
        self._write(parent, study.files)
        return parent

    def _search(self, filter_: str) -> list[Any]:
        found, token = [], None
        while True:
            page = self._client.search_runs([self._experiment], filter_, max_results=PAGE, page_token=token)
            found += page
            if not (token := page.token):
                return found

    def sent(self) -> Mapping[int, str]:
        """Return the marks of the child runs, and remember their ids; what an earlier process has left of runs without a verdict is deleted."""
        marks = {}
        for run in self._search(f"tags.`mlflow.parentRunId` = '{self._parent}'"):
            tags = run.data.tags
            if LIVE in tags and MARK not in tags:
                self._client.delete_run(run.info.run_id)
            elif tags.get(NUMBER, "").isdecimal():
                self._children[int(tags[NUMBER])] = run.info.run_id
                marks[int(tags[NUMBER])] = tags.get(MARK, "")
        return marks

    def send(self, experiment: TrackedExperiment, before: int) -> None:
        """Make the child run, or add to it; its mark is set last, so that one that was broken off is completed."""
        e = experiment
        if e.live in self._running:
            self._client.update_run(self._running[e.live], name=e.name)
            self._children[e.number] = self._running.pop(e.live)
        if e.number not in self._children:
            self._children[e.number] = self._child(e.name, e.begun)
        child = self._children[e.number]
        tags = {
            NUMBER: str(e.number),
            "verdict": str(e.verdict), "reason": e.reason, "parent": "" if e.parent is None else str(e.parent), **e.texts,
            "mlflow.note.content": "\n\n".join(each for each in (e.texts.get("summary", ""), e.texts.get("hypothesis", ""), e.reason) if each),
        }  # fmt: skip
        self._log(
            child, [*self._series(e, before)], {} if before else {k: str(v) for k, v in e.parameters.items()}, tags
        )
        self._write(child, e.files)
        points = [("value", SeriesPoint(e.number, e.ended, e.value))] if e.value is not None else []
        points += [("best", SeriesPoint(e.number, e.ended, e.best))] if e.best is not None else []
        if not before:
            self._log(self._parent, points)
        status = "FAILED" if e.verdict.failed else "KILLED" if e.verdict is Verdict.PRUNED else "FINISHED"
        self._client.set_terminated(child, status, _milliseconds(e.ended))
        self._log(child, tags={MARK: e.mark})

    def _series(self, e: TrackedExperiment, before: int) -> Iterator[tuple[str, SeriesPoint]]:
        """Yield the points of an experiment that are not there yet."""
        runs = len(e.runs)
        if runs > before or not runs:
            numbers = {self._study.metric: e.value, **{f"numbers/{name}": value for name, value in e.numbers.items()}}
            for name, value in numbers.items():
                if value is not None:
                    yield name, SeriesPoint(runs, e.ended, value)
        for n, run in enumerate(e.runs[before:], before):
            if run.value is not None:
                yield "runs/value", SeriesPoint(n + 1, e.ended, run.value)
            for name, points in run.new.items():
                yield from ((curve_name(name, n), point) for point in points)

    def _child(self, name: str, begun: float, **tags: str) -> str:
        """Make a child run, which is RUNNING, and return its id."""
        known = {"mlflow.parentRunId": self._parent, STUDY: self._study.identity, "mlflow.source.name": "autoresearch"}
        run = self._client.create_run(
            self._experiment, start_time=_milliseconds(begun), tags=known | tags, run_name=name
        )
        return str(run.info.run_id)

    def live(self, live: TrackedLive) -> None:
        """Make the child run at its start, and add to it."""
        if (child := self._running.get(live.key)) is None:
            child = self._running[live.key] = self._child(live.name, live.begun, **{LIVE: live.key})
        elif live.number is not None:
            self._client.update_run(child, name=live.name)
        self._log(child, [(curve_name(name, live.run), p) for name, points in live.points.items() for p in points])

    def drop(self, key: str) -> None:
        """Delete the child run: MLflow takes no point back."""
        if (child := self._running.get(key)) is not None:
            self._client.delete_run(child)
            del self._running[key]

    def end(self, end: TrackedEnd) -> None:
        """End the parent run, with the confirmed result."""
        self._log(self._parent, [(f"confirmed/{name}", SeriesPoint(0, self._study.created, value)) for name, value in end.numbers.items()], tags={
            "autoresearch.state": end.state, "autoresearch.result": end.result, **({"autoresearch.message": end.message} if end.message else {}),
            "mlflow.note.content": f"{self._study.title}\n\n{end.result}",
        })  # fmt: skip
        self._write(self._parent, end.files)
        for picture in end.pictures:
            self._client.log_artifact(self._parent, str(picture))
        status = {"finished": "FINISHED", "failed": "FAILED"}.get(end.state, "KILLED")
        self._client.set_terminated(self._parent, status)

    def _log(
        self, run: str, points: Sequence[tuple[str, SeriesPoint]] = (), params: Mapping[str, str] = {}, tags: Mapping[str, str] = {}
    ) -> None:  # fmt: skip
        keys = free_names([*dict.fromkeys(name for name, _ in points)], NAME)
        names = free_names([*params], NAME)
        metrics = [self._metric(keys[name], _finite(p.value), _milliseconds(p.at), p.step) for name, p in points]
        for some in _batches(metrics, METRICS):
            self._client.log_batch(run, metrics=some)
        for some in _batches(
            [self._param(names[name], value[:LONGEST_PARAM]) for name, value in params.items()], PARAMS
        ):
            self._client.log_batch(run, params=some)
        for some in _batches([self._tag(name, value[:LONGEST_TAG]) for name, value in tags.items()], PARAMS):
            self._client.log_batch(run, tags=some)

    def _write(self, run: str, files: Mapping[str, str]) -> None:
        """Send all files in one go."""
        with tempfile.TemporaryDirectory(prefix="autoresearch-") as folder:
            for path, text in files.items():
                place = Path(folder, *(part for part in path.split("/") if part not in ("", ".", "..")))
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text, encoding="utf-8")
            self._client.log_artifacts(run, folder)


def _batches(items: Sequence[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while some := [*islice(rest, size)]:
        yield some


def _milliseconds(seconds: float) -> int:
    return round(1000 * seconds)


def _finite(value: float) -> float:
    """Return a value that every store of MLflow takes: SQL ones hold NaN, and the largest number for infinity."""
    return math.copysign(1.7976931348623157e308, value) if math.isinf(value) else float(value)
