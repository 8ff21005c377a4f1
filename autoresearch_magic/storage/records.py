"""The records of one study, kept consistent: journal, git, results.tsv and progress.png.

The order is always the same: the journal first, then git, then the files that are made from them. What a killed process did not
finish, `Records.catch_up` completes when the study is resumed.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ..errors import UserError
from ..events import Drawn, Notice, Publish, RunKind, State
from ..experiment import Experiment, incumbent_of
from ..headline import Headline
from ..metric import Metric
from ..run_numbers import ShownNumber
from ..source.files import split
from .backup import Backups
from .git.cell_repository import CellRepository
from .git.checkout import Checkout
from .git.commits import Commits
from .git.packing import Packing, packed_quietly
from .git.study_branch import StudyBranch
from .journal import Journal
from .logs import FOLDER, archive_logs, guard_log_path, log_path
from .results_tsv import ResultsFile
from .trouble import JournalError

DRAW_EVERY = 15.0
"""Seconds between two pictures while nothing is kept, as drawing takes up to a third of a second of the kernel's time."""


OPEN_LOGS = 64
"""Logs that may still be written, as they were asked for last."""

PACK_EVERY = 250
"""Experiments after which logs, and the objects of their commits, are put together."""


class Records:
    """Writes verdicts, commits, tables and pictures of one study; proposals and runs go to its `journal` directly.

    Parameters
    ----------
    folder : Path
        The study's folder, which exists and contains the journal.
    journal : Journal
    metric : Metric
    title : str
        The progress chart's.
    files : callable
        Takes a target; returns the files of its commit, contents by path.
    publish : callable
        Called with an event after each picture.
    checkout : Checkout, optional
        The user's repository, where the target is files in it.
    target : str
        The target that the study started with; needed with `checkout`.

    Attributes
    ----------
    numbers : callable
        Returns the numbers besides the metric that the picture shows of some experiments.
    """

    def __init__(
        self, folder: Path, journal: Journal, *, metric: Metric, title: str, files: Callable[[str], dict[str, str]], publish: Publish,
        checkout: Checkout | None = None, target: str = "",
    ) -> None:  # fmt: skip
        self.folder, self.journal, self.metric, self.title = folder, journal, metric, title
        self._files, self._publish = files, publish
        self.numbers: Callable[[Sequence[Experiment]], Sequence[ShownNumber]] = lambda experiments: ()
        (folder / FOLDER).mkdir(exist_ok=True)
        self._table = ResultsFile(folder / "results.tsv", metric)
        self.repository: Commits
        if checkout is None:
            self.repository = CellRepository(folder / "repo", folder.name)
        else:
            self.repository = StudyBranch(checkout, split(target), folder.name)
        self._commits: dict[int, str] = {}
        self._drawing_thread = ThreadPoolExecutor(1, thread_name_prefix="autoresearch-picture")
        self._drawing: Future[None] | None = None
        self._drawn_at = -DRAW_EVERY
        self._late = False  # whether commits were written later than their experiments were judged
        self._told = ""  # why git or results.tsv could not be written last
        self._backups = Backups(journal.path)
        self._packing = Packing(self.repository, folder)
        self._packing_thread = ThreadPoolExecutor(1, thread_name_prefix="autoresearch-packing")
        self._packed: Future[None] | None = None
        self._packed_at = 0  # how many experiments there were
        self._told_packing = ""
        self._open_logs: deque[str] = deque(maxlen=OPEN_LOGS)

    def log(self, number: int, kind: RunKind, repeat: int) -> str:
        """Return the path of the file for a run's output."""
        path = str(log_path(self.folder, number, kind, repeat))
        self._open_logs.append(path)
        return path

    def guard_log(self, number: int) -> str:
        """Return the path of the file for the guard's output."""
        path = str(guard_log_path(self.folder, number))
        self._open_logs.append(path)
        return path

    def files(self, number: int) -> Path:
        """Return the folder for the files that an experiment wrote, where it was kept."""
        return self.folder / "files" / f"{number:04d}"

    def judged(self, experiment: Experiment, before: list[Experiment]) -> Experiment:
        """Record an experiment's verdict in the journal, git and results.tsv; returns it with its commit.

        Parameters
        ----------
        experiment : Experiment
            With its verdict.
        before : list of Experiment
            All experiments that were judged before it.
        """
        self.journal.close_experiment(experiment)
        try:
            if len(self._commits) < len(before):
                self._commits |= {e.number: e.commit for e in before if e.commit}
            if self._told or len(self._commits) < len(before):  # could not be written then: try again, in order
                self._late = True
                before = self.catch_up([replace(e, commit=self._commits.get(e.number, "")) for e in before])
            elif self._late:  # some were written since, which the caller does not know
                before = [e if e.commit else replace(e, commit=self._commits[e.number]) for e in before]
            experiment = self._commit(experiment, self._commits)
            self._table.write([*before, experiment])
            self._pack(len(before) + 1)
        except JournalError:
            raise
        except Exception as error:  # all of it can be made again from the journal, so it is worth no study's end
            self._tell(error)
        else:
            self._told = ""
        if experiment.verdict is not None and experiment.verdict.kept and self._backups.due:
            self._drawing_thread.submit(self.back_up)
        return experiment

    def _tell(self, error: Exception) -> None:
        """Tell that git or results.tsv could not be written; once for a reason that stays the same."""
        line = f"{type(error).__name__}: {error}" if not isinstance(error, UserError) else str(error)
        if (line := " ".join(line.split())[:400].rstrip(".")) != self._told:
            self._told = line
            self._publish(Notice(
                f"Everything is in the journal, but git or results.tsv could not be written ({line}): tried again after each experiment."
            ))  # fmt: skip

    def back_up(self) -> None:
        """Make a backup of the journal; one that fails is told, and costs nothing else."""
        try:
            self._backups.make()
        except JournalError as error:
            self._publish(Notice(f"The journal has no new backup: {error}"))

    def rejudged(self, changed: Sequence[Experiment], best: int, experiments: Sequence[Experiment]) -> list[Experiment]:
        """Record other verdicts of experiments, and that the branch ends with another version; return them with their commits.

        Parameters
        ----------
        changed : sequence of Experiment
            With their new verdicts.
        best : int
            Number of the experiment that the study ends with.
        experiments : sequence of Experiment
            All judged ones as they were.
        """
        for e in changed:
            self.journal.close_experiment(e)
            self.journal.set_commit(
                e.number, ""
            )  # until it has one that says the new verdict, also when this process is killed
            self._commits.pop(e.number, None)
        commits = {e.number: e.commit or self._commits.get(e.number, "") for e in experiments}
        done: list[Experiment] = []
        try:
            for e in changed:
                done.append(self._commit(e, commits))
                commits[e.number] = done[-1].commit
            new = {e.number: e for e in done}
            every = [new.get(e.number, e) for e in experiments]
            self.repository.end_with(commits[best], self._files(every[best].target))
            self._table.write(every)
        except JournalError:
            raise
        except Exception as error:  # as above
            self._tell(error)
        return [*done, *(replace(e, commit="") for e in changed[len(done) :])]

    def begin(self, judged: list[Experiment]) -> list[Experiment]:
        """Complete git and results.tsv from the journal, as far as it is possible at the start of a study."""
        try:
            judged = self.catch_up(judged)
            if (best := incumbent_of(judged)) is not None:
                own = {e.commit for e in judged}
                self.repository.end_with(best.commit, self._files(best.target), among=own)
            return judged
        except JournalError:
            raise
        except Exception as error:  # as in `judged`, with which it is tried again
            self._tell(error)
            return judged

    def complete(self, judged: list[Experiment]) -> None:
        """At the end of a study, write once more what could not be written to git or results.tsv."""
        if self._told:
            self.begin([replace(e, commit=e.commit or self._commits.get(e.number, "")) for e in judged])

    def catch_up(self, judged: list[Experiment]) -> list[Experiment]:
        """Complete git and results.tsv from the journal, after a process was killed between writing them."""
        done: list[Experiment] = []
        recorded, commits = self.repository.commits(), dict[int, str]()
        for experiment in judged:
            held = recorded.get(experiment.number)
            there = experiment.commit and experiment.commit == held
            done.append(experiment if there else self._commit(experiment, commits))
            commits[experiment.number] = done[-1].commit
        self._commits |= commits
        if done:
            self._table.write(done)
        return done

    def _pack(self, experiments: int) -> None:
        """Put logs and objects together in a thread beside the study, every `PACK_EVERY` experiments."""
        if experiments - self._packed_at >= PACK_EVERY and (self._packed is None or self._packed.done()):
            self._packed_at = experiments
            self._packed = self._packing_thread.submit(self._pack_now, experiments)

    def _pack_now(self, experiments: int) -> None:
        why = packed_quietly(self._packing)
        try:
            archive_logs(self.folder, experiments, [*self._open_logs])
        except OSError as error:
            why = why or str(error)
        if why and why != self._told_packing:
            self._publish(
                Notice(f"Logs or commits of earlier experiments could not be packed, and stay as they are: {why}")
            )
        self._told_packing = why

    def _commit(self, experiment: Experiment, commits: Mapping[int, str]) -> Experiment:
        sha = self.repository.record(
            experiment,
            self._files(experiment.target),
            self.metric,
            None if experiment.parent is None else commits[experiment.parent],
            when=datetime.fromtimestamp(self.journal.judged_at(experiment.number), UTC),
            mark=self.journal.mark(experiment.number),
        )
        self.journal.set_commit(experiment.number, sha)
        self._commits[experiment.number] = sha
        return replace(experiment, commit=sha)

    def draw(
        self, experiments: list[Experiment], proven: Callable[[], Collection[int]], headline: Headline | None = None, *,
        last: bool = False,
    ) -> None:  # fmt: skip
        """Draw progress.png in a separate thread: after each keep, at the end, and every `DRAW_EVERY` seconds.

        Parameters
        ----------
        experiments : list of Experiment
        proven : callable
            Returns the numbers of the keeps that are proven; called when the picture is drawn.
        headline : Headline, optional
        last : bool
            Whether this is the study's last picture, which is drawn in any case and waited for.
        """
        if not experiments:
            return
        verdict = experiments[-1].verdict
        due = last or (verdict is not None and verdict.kept) or time.monotonic() - self._drawn_at > DRAW_EVERY
        busy = self._drawing is not None and not self._drawing.done()
        if not due or (busy and not last):
            return
        self._drawn_at = time.monotonic()
        self._drawing = self._drawing_thread.submit(self._draw, list(experiments), proven, headline, last)
        if last:
            self._drawing.result()

    def _draw(
        self,
        experiments: list[Experiment],
        proven: Callable[[], Collection[int]],
        headline: Headline | None,
        last: bool,
    ) -> None:
        try:
            from .progress_chart import save_progress  # matplotlib takes half a second to import
        except ModuleNotFoundError:
            return  # an optional package; who shows the picture says that there is none
        save_progress(
            self.folder / "progress.png", experiments, self.metric,
            title=self.title, noise=experiments[0].deviation, headline=headline, proven=proven(), numbers=self.numbers(experiments),
        )  # fmt: skip
        self._publish(Drawn(last))

    def ended(self, state: State, message: str, seconds: float) -> None:
        """Record how the study's thread ended, and for how many seconds the study has worked in total."""
        self.journal.note("state", state=state, message=message)
        self.journal.set(state=state, message=message, seconds=seconds)

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *_: object) -> None:
        self._drawing_thread.shutdown(wait=True)
        self._packing_thread.shutdown(wait=True)
        self.journal.close()
