"""Run candidates at cheap stages first (``--stage``), and only those that are no clear losers there in full.

What is decided is `judging.stages`'. Runs of a stage are in the journal with a kind of their own and are no measurements of the version; what came
of them is in a note beside them, so a resumed study decides as it would have. One that fails is the version's own run: it has no value.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from ..config.settings import Settings
from ..errors import UserCodeError
from ..events import Notice, Publish, RunKind, State
from ..experiment import Experiment, Measurement, Verdict
from ..judging.judge import Decision
from ..judging.stages import STILL, Full, Seen, StageAccount, StageJudge
from ..runners.stage import Stage
from ..runs import mean, standard_deviation
from ..storage.journal import Journal
from .flight import Flight

NOTE = "stage"
"""Kind of the journal's notes on what came of a run of a stage."""
FIRST = 3
"""Runs of a stage of the first incumbent that is compared there, at most: they tell how much single runs vary."""
MOST = 3
"""Runs of a stage of any incumbent that are made because it is not clear whether a version is a loser."""
STALE = 30
"""Runs of a stage after which the incumbent runs there again, as the machine may have changed."""


class Measures(Protocol):
    """What runs the target: a `measuring.Measurer`, that of the slot."""

    settings: Settings
    publish: Publish

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """Every judged experiment, the baseline first."""

    @property
    def incumbent(self) -> Experiment:
        """The current best."""

    def wait_for_go(self, state: State) -> None:
        """Block while the study is paused."""

    def measure(
        self, experiment: Experiment, kind: RunKind, seed: int, repeat: int, repeats: int, flight: Flight | None = None,
        stage: Stage | None = None,
    ) -> Measurement:  # fmt: skip
        """Run an experiment's target once."""


class Stages:
    """The stages of one study.

    Parameters
    ----------
    stages : sequence of Stage
    journal : Journal
    judges : sequence of StageJudge
        One for each stage.
    """

    def __init__(self, stages: Sequence[Stage], journal: Journal, judges: Sequence[StageJudge]) -> None:
        self.stages, self.journal, self.judges = tuple(stages), journal, tuple(judges)
        self._values: list[dict[int, list[float]]] = [{} for _ in stages]  # by experiment, the latest last
        self._ran: list[int] = [0 for _ in stages]
        self._ran_at: list[dict[int, int]] = [{} for _ in stages]
        self._told: set[int] = set()
        self._marks: list[dict[int, str]] = [{} for _ in stages]
        for _, _, body in journal.notes(NOTE) if stages else ():
            self._take(body)

    def _take(self, body: dict[str, Any]) -> None:
        """Take a note."""
        at = next((i for i, stage in enumerate(self.stages) if stage.text == body["stage"]), None)
        if at is None:  # a stage that the study had before
            return
        number, value = body["experiment"], body["value"]
        self._ran[at] += 1
        if value is None:
            return
        self._values[at].setdefault(number, []).append(value)
        self._ran_at[at][number] = self._ran[at]
        if body["way"] != "repeat":
            self._marks[at][number] = body["mark"]
            self.judges[at].seen[number] = Seen(number, value, body["gap"], body["way"])

    def learn(self, e: Experiment) -> None:
        """Learn from a judged experiment what came of a version that ran in full."""
        if e.value is not None and e.verdict is not None and not e.verdict.failed:
            full = Full(e.value, e.kept or len(e.measurements) > 1)
            for judge in self.judges:
                judge.values[e.number] = full

    def prepare(self, measurer: Measures) -> None:
        """Run each stage of the incumbent where it has not run there, so that one that cannot work ends the study at its start.

        Raises
        ------
        UserCodeError
            When a stage gives no value.
        """
        for at in range(len(self.stages)):
            self._incumbent_values(measurer, at, measurer.incumbent)

    def pass_through(
        self, measurer: Measures, experiment: Experiment, flight: Flight | None
    ) -> tuple[Experiment, Decision | None]:
        """Run a candidate at each stage in turn, until it is a loser or fails.

        Returns
        -------
        experiment : Experiment
            With its number where it was in flight, and with the run of a stage that has failed as its own.
        decision : Decision or None
            Its verdict; None where it is to be run in full, or its own run has failed.
        """
        for at, stage in enumerate(self.stages):
            judge = self.judges[at]
            landed = flight is None or flight.landed
            before = judge.seen.get(experiment.number) if landed else None
            if before is not None and self._marks[at][experiment.number] == experiment.fingerprint:
                # From before the study was stopped, and not of what it was before its agent has reworked it.
                if before.way in ("passed", "audit"):
                    continue
                return experiment, Decision(Verdict.PRUNED, self._reason_of(experiment.number, stage))
            if judge.useless() and at not in self._told:
                self._told.add(at)
                measurer.publish(Notice(
                    f"The stage {stage} does not order versions as the full run does so far: one in {STILL} runs there, and no version is stopped.", lasting=True
                ))  # fmt: skip
            if judge.spares(experiment.fingerprint):
                continue
            incumbent = measurer.experiments[experiment.parent or 0]
            theirs = self._incumbent_values(measurer, at, incumbent)
            waiting = flight if flight and not flight.landed else None
            measured = measurer.measure(
                experiment, "stage", measurer.settings.seed, at, len(self.stages), waiting, stage
            )
            experiment = waiting.experiment if waiting else experiment
            if not measured.ok or measured.value is None:
                self._note(at, experiment, measured, "failed")
                return experiment.with_measurement(measured), None
            while judge.near(measured.value, theirs, self._sd(at)) and len(theirs) < MOST:
                theirs = self._run_incumbent(measurer, at, incumbent)
            found = judge.decide(
                measured.value, theirs, self._sd(at), number=incumbent.number, mark=experiment.fingerprint
            )
            gap = judge.gap(measured.value, theirs)
            self._note(at, experiment, measured, found.way, gap=gap, reason=found.reason)
            if found.way == "audit":
                measurer.publish(
                    Notice(
                        f"Experiment {experiment.number}: {found.reason} It is run in full, to check that the stage is right (an audit)."
                    )
                )
            if found.way == "stopped":
                return experiment, Decision(Verdict.PRUNED, found.reason)
            measurer.wait_for_go(State.RUNNING)
        return experiment, None

    def _reason_of(self, number: int, stage: Stage) -> str:
        bodies = [
            body
            for _, _, body in self.journal.notes(NOTE)
            if body["experiment"] == number and body["stage"] == stage.text
        ]
        return str(bodies[-1].get("reason", "")) if bodies else ""

    def _sd(self, at: int) -> float:
        """Return the standard deviation of one run of a stage, pooled over the versions that ran there more than once."""
        groups = [values for values in self._values[at].values() if len(values) > 1]
        df = sum(len(values) - 1 for values in groups)
        return (sum(standard_deviation(v) ** 2 * (len(v) - 1) for v in groups) / df) ** 0.5 if df else 0.0

    def _incumbent_values(self, measurer: Measures, at: int, incumbent: Experiment) -> list[float]:
        """Return the incumbent's values at a stage; it runs there where it has none, or none of late."""
        values = self._values[at].get(incumbent.number, [])
        first = not any(len(each) > 1 for each in self._values[at].values())
        wanted = max(2, min(FIRST, measurer.settings.repeats)) if first else 1
        while len(values) < wanted:
            values = self._run_incumbent(measurer, at, incumbent)
        if self._ran[at] - self._ran_at[at].get(incumbent.number, 0) >= STALE:
            values = self._run_incumbent(measurer, at, incumbent)
        return values[-MOST:]

    def _run_incumbent(self, measurer: Measures, at: int, incumbent: Experiment) -> list[float]:
        measurer.wait_for_go(State.RUNNING if len(measurer.experiments) > 1 else State.BASELINE)
        ran = len(self._values[at].get(incumbent.number, []))
        measured = measurer.measure(
            incumbent, "stage", measurer.settings.seed + ran, at, len(self.stages), stage=self.stages[at]
        )
        if not measured.ok:
            which = f"experiment {incumbent.number}" if incumbent.number else "the unchanged version"
            raise UserCodeError(
                f"--stage {self.stages[at]} gives no value for {which}: {(measured.error or measured.outcome).rstrip('.')}. Correct it, or leave "
                "it out.",
                measured.traceback or measured.output,
            )
        self._note(at, incumbent, measured, "repeat")
        return self._values[at][incumbent.number][-MOST:]

    def _note(self, at: int, e: Experiment, m: Measurement, way: str, *, gap: float = 0.0, reason: str = "") -> None:
        body = {
            "stage": self.stages[at].text, "experiment": e.number, "mark": e.fingerprint, "value": m.value if m.ok else None, "seconds": m.seconds, "way": way,
            "gap": gap, "reason": reason,
        }  # fmt: skip
        self.journal.note(NOTE, **body)
        self._take(body)


def make_stages(stages: Sequence[Stage], journal: Journal, metric: Any, seed: int) -> Stages:
    """Return the stages of a study, with what is known of them from earlier runs of it."""
    return Stages(stages, journal, [StageJudge(str(stage), stage.metric, metric, seed) for stage in stages])


def stage_accounts(stages: Sequence[Stage], journal: Journal, experiments: Sequence[Experiment]) -> list[StageAccount]:
    """Return what each stage has saved so far."""
    if not stages:
        return []
    bodies = [body for _, _, body in journal.notes(NOTE)]
    full = [m.seconds for e in experiments for m in e.measurements[:1] if m.ok]
    usual = statistics.fmean(full) if full else 0.0
    promising = {e.number for e in experiments if e.kept or len(e.measurements) > 1}
    found = []
    for stage in stages:
        account = StageAccount(str(stage))
        for body in bodies:
            if body["stage"] != stage.text:
                continue
            way = body["way"]
            account = replace(
                account, runs=account.runs + 1, seconds=account.seconds + body["seconds"], stopped=account.stopped + (way == "stopped"),
                failed=account.failed + (way == "failed"), audits=account.audits + (way == "audit"),
                wrong=account.wrong + (way == "audit" and body["experiment"] in promising),
                saved=account.saved + usual * (way in ("stopped", "failed")),
            )  # fmt: skip
        found.append(account)
    return found


def stage_cost(seconds: Sequence[float], full: float) -> str:
    """Return what a run of a stage takes beside a full one, in a few words."""
    own = mean(seconds)
    return f"{own:.1f} s a run, {own / full:.0%} of a full one" if full else f"{own:.1f} s a run"
