"""The records of one study, kept consistent: journal, git, results.tsv and progress.png.

The order is always the same: the journal first, then git, then the files that are made from them. What a killed process did not
finish, `Records.catch_up` completes when the study is resumed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ..errors import UserError
from ..events import Drawn, Notice, Publish, RunKind, State
from ..experiment import Experiment, incumbent_of
from ..headline import Headline
from ..metric import Metric
from ..source.files import split
from .backup import Backups
from .git.cell_repository import CellRepository
from .git.checkout import Checkout
from .git.commits import Commits
from .git.study_branch import StudyBranch
from .journal import Journal
from .results_tsv import write_results
from .trouble import JournalError

DRAW_EVERY = 15.0
"""Seconds between two pictures while nothing is kept, as drawing takes up to a third of a second of the kernel's time."""


def log_path(folder: Path, number: int, kind: RunKind, repeat: int) -> Path:
    """Return where the output of a run is in a study's folder: ``logs/0007.log`` for the first run of experiment 7."""
    suffix = f"-{kind}{repeat + 1}" if kind in ("control", "final", "trial") else f"-{repeat + 1}" if repeat else ""
    return folder / "logs" / f"{number:04d}{suffix}.log"


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
    """

    def __init__(
        self, folder: Path, journal: Journal, *, metric: Metric, title: str, files: Callable[[str], dict[str, str]], publish: Publish,
        checkout: Checkout | None = None, target: str = "",
    ) -> None:  # fmt: skip
        self.folder, self.journal, self.metric, self.title = folder, journal, metric, title
        self._files, self._publish = files, publish
        (folder / "logs").mkdir(exist_ok=True)
        self.repository: Commits
        if checkout is None:
            self.repository = CellRepository(folder / "repo", folder.name)
        else:
            self.repository = StudyBranch(checkout, split(target), folder.name)
        self._commits: dict[int, str] = {}
        self._drawing_thread = ThreadPoolExecutor(1, thread_name_prefix="autoresearch-picture")
        self._drawing: Future[None] | None = None
        self._drawn_at = -DRAW_EVERY
        self._told = ""  # why git or results.tsv could not be written last
        self._backups = Backups(journal.path)

    def log(self, number: int, kind: RunKind, repeat: int) -> str:
        """Return the path of the file for a run's output."""
        return str(log_path(self.folder, number, kind, repeat))

    def guard_log(self, number: int) -> str:
        """Return the path of the file for the guard's output."""
        return str(self.folder / "logs" / f"{number:04d}-guard.log")

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
            before = [replace(e, commit=e.commit or self._commits.get(e.number, "")) for e in before]
            if self._told or not all(e.commit for e in before):  # could not be written then: try again, in order
                before = self.catch_up(before)
            experiment = self._commit(experiment, {e.number: e.commit for e in before})
            write_results(self.folder / "results.tsv", [*before, experiment], self.metric)
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
            write_results(self.folder / "results.tsv", every, self.metric)
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
        recorded = self.repository.commits()
        for experiment in judged:
            commits = {e.number: e.commit for e in done}
            held = recorded.get(experiment.number)
            done.append(
                experiment if experiment.commit and experiment.commit == held else self._commit(experiment, commits)
            )
        if done:
            write_results(self.folder / "results.tsv", done, self.metric)
        return done

    def _commit(self, experiment: Experiment, commits: dict[int, str]) -> Experiment:
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
        self._drawing = self._drawing_thread.submit(self._draw, list(experiments), proven(), headline, last)
        if last:
            self._drawing.result()

    def _draw(
        self, experiments: list[Experiment], proven: Collection[int], headline: Headline | None, last: bool
    ) -> None:
        try:
            from .progress_chart import save_progress  # matplotlib takes half a second to import
        except ModuleNotFoundError:
            return  # an optional package; who shows the picture says that there is none
        save_progress(
            self.folder / "progress.png", experiments, self.metric,
            title=self.title, noise=experiments[0].deviation, headline=headline, proven=proven,
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
        self.journal.close()
