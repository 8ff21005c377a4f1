"""What a study is and what it has found: the side of a study that only reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..config.settings import Settings
from ..errors import UserError
from ..events import State
from ..experiment import Experiment
from ..headline import Headline
from ..judging.analysis.analyze import Evals, evaluate
from ..judging.pruner import Account, make_pruner
from ..judging.stages import StageAccount
from ..metric import Metric
from ..source.key_references import with_known
from ..storage.journal import Journal
from ..text import as_html
from .definition import Definition
from .ideas import Idea, backlog
from .notes import Note, told
from .priors import read_priors, tuned_constants
from .stages import stage_accounts
from .status import StudyStatus
from .summary import result_line

if TYPE_CHECKING:
    import pandas as pd

    from ..agents.prior import Prior
    from .optuna_export import Exported
    from .optuna_import import Matched


class StudyView:
    """What a study is and what it has found; `Study` adds what changes it.

    Attributes
    ----------
    name : str
    folder : Path
        Holds the journal, the git repository, results.tsv, progress.png and the logs.
    status : StudyStatus
        State, message, experiments, the run in progress, the confirmed result, how much is left.
    """

    name: str
    folder: Path
    _status: StudyStatus

    @property
    def status(self) -> StudyStatus:
        """State, message, experiments, the run in progress, the confirmed result, how much is left."""
        return self._status

    @property
    def definition(self) -> Definition:
        """Program, target, setup and settings."""
        return self.status.definition

    @property
    def settings(self) -> Settings:
        """The effective settings."""
        return self.status.settings

    @property
    def metric(self) -> Metric:
        """What is measured."""
        return self.status.metric

    @property
    def state(self) -> str:
        """The state: ``new``, ``starting``, ``baseline``, ``running``, ``paused``, ``finished``, ..."""
        return self.status.state.value

    @property
    def active(self) -> bool:
        """Whether the study's thread, in this process, is working or paused."""
        return self._status.state.active

    @property
    def experiments(self) -> list[Experiment]:
        """Every judged experiment, the baseline first."""
        return list(self.status.experiments)

    @property
    def incumbent(self) -> Experiment:
        """The current best: the last kept experiment; the baseline until something beats it.

        Raises
        ------
        UserError
            Before the baseline is measured; `experiments` is empty until then.
        """
        if (best := self.status.incumbent) is None:
            raise UserError(f"{self.name} has no finished experiment yet: its baseline comes first.")
        return best

    @property
    def headline(self) -> Headline | None:
        """The confirmed result: best and baseline measured again on fresh seeds, with the gain and its interval.

        None until the study has ended, where nothing has beaten the baseline, and after a stop; `report` makes it then. Its
        ``holdout`` has the same comparison by ``--holdout``, which is told only while the study rests.
        """
        return self.status.told

    @property
    def history(self) -> pd.DataFrame:
        """One row per experiment.

        Columns: ``experiment`` (int), ``verdict``, ``value`` (the mean of the runs that count, or the study's ``statistic``), ``seconds`` (wall clock of
        its runs), ``runs``, ``summary``, ``commit``, ``agent``, ``source``, ``gain``, ``gain_low``, ``gain_high``, ``p_better``,
        ``proven``, ``parent`` (the current best that it was compared with), ``repeats`` (the same as ``runs``), ``memory_gb``,
        ``reason``, ``hypothesis``, ``numbers``; then a column for each number of ``--also`` and ``--limit``, the mean of the runs, by its name
        (``run.seconds`` where a column above has that name).

        ``gain`` is how much better the experiment is than its parent, in the metric's unit and negative when it is worse:
        the difference of the means of their runs in the search. From ``gain_low`` to ``gain_high`` is its 95% interval, from
        the noise as it is known now. They are missing for the baseline, for what has no value, and, the interval alone,
        while the noise is not known. ``p_better`` is the chance that it is better than its parent, 0 to 1, missing with the
        interval; ``proven`` says whether it was kept and its runs have shown that it is better. Over the baseline, and on fresh
        runs, `headline` has the gain of the best.
        """
        from .export import history

        return history(self.status)

    @property
    def unconfirmed(self) -> bool:
        """Whether the study has ended with a best that was never measured again."""
        best = self.status.incumbent
        ended = self.status.state in (State.STOPPED, State.FINISHED, State.FAILED)
        return ended and best is not None and best.number > 0 and self.status.headline is None

    @property
    def pruning(self) -> Account:
        """What early stopping has done: runs stopped, seconds saved, audits and how many of them were wrong."""
        pruner, experiments = make_pruner(self.settings.pruner, self.metric, self.settings.seed), self.experiments
        for e in experiments:
            pruner.learn(e, None if e.parent is None else experiments[e.parent])
        return pruner.account

    @property
    def staging(self) -> list[StageAccount]:
        """What each cheap stage (``--stage``) has saved: full runs, seconds, audits and how many of them were wrong."""
        stages = self.status.settings.as_stages()
        if not stages or not (self.folder / "journal.sqlite").exists():
            return []
        with Journal(self.folder / "journal.sqlite") as journal:
            return stage_accounts(stages, journal, self.experiments)

    def experiment(self, number: int | str) -> Experiment:
        """Return one judged experiment.

        Raises
        ------
        UserError
            When there is none of that number.
        """
        experiments = self.status.experiments
        text = str(number).strip().lstrip("#")
        if text.isdecimal() and int(text) < len(experiments):
            return experiments[int(text)]
        numbers = f"they are numbered 0 to {len(experiments) - 1}" if experiments else "none is finished yet"
        raise UserError(f"There is no experiment {number} in {self.name}: {numbers}.")

    @property
    def ideas(self) -> list[Idea]:
        """The backlog: ideas for later, the agents' and the user's, with what became of each."""
        path = self.folder / "journal.sqlite"
        if not path.is_file():  # not begun
            return []
        with Journal(path) as journal:
            return list(backlog(journal, self.status.experiments))

    @property
    def notes(self) -> list[Note]:
        """What the user has told the agent (`say`), and which experiment was the first to be proposed with it."""
        path = self.folder / "journal.sqlite"
        if not path.is_file():  # not begun
            return []
        with Journal(path) as journal:
            return told(journal)

    @property
    def priors(self) -> tuple[Prior, ...]:
        """What the tuner knows from other studies (`use_prior`)."""
        path = self.folder / "journal.sqlite"
        if not path.is_file():  # not begun
            return ()
        with Journal(path) as journal:
            return read_priors(journal)

    def match_optuna(
        self,
        storage: str,
        name: str = "",
        aliases: Mapping[str, str] | None = None,
        *,
        opposite: bool = False,
        objective: str = "",
    ) -> Matched:
        """Read an Optuna study and return what it says about this one's constants; `use_prior` lets the tuner use it.

        Parameters
        ----------
        storage, name : str
            A URL or a path, and the Optuna study's name; empty where there is one alone.
        aliases : mapping, optional
            Constants of the target by parameters that are called otherwise; an empty text leaves a parameter out.
        opposite : bool
            Whether its values count with the opposite sign.
        objective : str
            Which of several objectives, by number or name.

        Raises
        ------
        UserError
            For what can be read in two ways, or says nothing.
        """
        from .optuna_import import match

        constants = tuned_constants(self.definition, self.status)
        return match(storage, name, aliases or {}, constants, self.metric, opposite=opposite, objective=objective)

    def evals(self) -> Evals:
        """Analyse the history: how the study goes, and what to do next; see `autoresearch_magic.judging.analysis`."""
        s = self.settings
        return evaluate(
            self.experiments, self.metric, noise=self.status.noise, gains=self.status.gains, planned=s.planned, patience=s.patience,
            budgeted=not s.verify, confirmed=result_line(self.status) if self.headline else "",
        )  # fmt: skip

    def briefing(self) -> str:
        """Return what an agent would be told now: a language model's prompt, or the instructions and files of one that edits files.

        Raises
        ------
        UserError
            Before there is a baseline.
        """
        from ..agents.editing.accounting import accounting
        from ..agents.editing.instructions import preview
        from ..agents.llm.backend import as_text
        from ..agents.llm.prompt import build_prompt
        from ..agents.registry import advised
        from .briefing import make_briefing

        if not self.experiments:
            raise UserError(f"{self.name} has no baseline yet: there is nothing to tell an agent.")
        with Journal(self.folder / "journal.sqlite") as journal:
            notes, ideas, priors = journal.said(), backlog(journal, self.experiments), read_priors(journal)
        briefing = make_briefing(
            self.definition, self.experiments, notes=notes, ideas=ideas, priors=priors, noise=self.status.noise.sd
        )
        briefing = advised(briefing, self.settings, self.folder.parent)
        if accounting(self.settings.agent) is not None:
            return preview(briefing, deadline=self.settings.reply_timeout)
        return as_text(build_prompt(briefing, long=self.settings.blocks_from))

    def restore(self, number: int | str) -> str:
        """Return the target's source as experiment `number` had it.

        Raises
        ------
        UserError
            When there is no such experiment.
        """
        return with_known(self.experiment(number).target)

    def export(self, path: str | Path, columns: int = 5, *, dark: bool = False) -> Path:
        """Write the best target (``.py .patch``), a notebook of it (``.ipynb``), the history (``.csv .tsv .json``) or the chart for slides (``.png .svg``).

        Parameters
        ----------
        path : str or Path
        columns : int
            Columns of a ``.tsv``: 5 as in the original, or 9 as in the generalised skill.
        dark : bool
            Whether the background of a chart is dark.

        Raises
        ------
        UserError
            For another suffix, or when there is nothing to write yet.
        """
        from .export import export

        return export(self.status, Path(path), columns, dark=dark)

    def export_optuna(
        self, storage: str, name: str = "", *, show: Callable[[float, str], None] = lambda share, what: None
    ) -> Exported:
        """Write the experiments into a storage of Optuna as a study of its own; a second export brings it up to date.

        Parameters
        ----------
        storage : str
            A URL, such as ``sqlite:///trials.db``, or the path of a database or of a journal file.
        name : str
            The Optuna study's; that of this study by default.
        show : callable, optional
            Called with the share that is done, and what is being done.

        Raises
        ------
        UserError
            When the storage cannot be used, or has another study of that name.
        """
        from .optuna_export import export_optuna

        return export_optuna(self.status, storage, name, show)

    def __repr__(self) -> str:
        best, done = self.status.incumbent, self.status.done
        value = f", best {self.status.format(best.value)} (experiment {best.number})" if best else ""
        return f"<Study {self.name}: {self.state}, {done:,} experiment{'' if done == 1 else 's'}{value}>"

    def _repr_markdown_(self) -> str:
        from .display import study_markdown

        return study_markdown(self.status)

    def _repr_html_(self) -> str | None:
        return as_html(self._repr_markdown_())
