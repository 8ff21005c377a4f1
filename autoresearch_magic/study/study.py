"""A study: one program, one target, all their experiments. The public class; its work is done by a `StudyThread`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack

from ..agents.base import Agent
from ..agents.registry import make_agent
from ..config.effective import renamed_values
from ..config.program import Program
from ..config.settings_options import SettingsOptions
from ..errors import NothingToTune, UserError
from ..events import Observer
from ..experiment import Experiment
from ..runners.fleet import Fleet
from ..storage import folders
from ..storage.folders import ROOT
from ..storage.git.checkout import forget_command, has_study
from ..storage.git.commits import safe_name
from ..storage.journal import Journal
from ..storage.recording import recorded_settings
from . import registry
from .background import BackgroundStudy
from .confirming import confirm
from .definition import Definition, define
from .keys import passed_keys, without_keys
from .keys import remark as key_remark
from .priors import add_prior, forget_prior, known_line
from .runner_factory import make_one
from .sealed import holdout_remark

if TYPE_CHECKING:
    from ..agents.prior import Prior
    from .comparisons import Ablation, Regression
    from .plan import Plan
    from .tries import Source, Try


class Study(BackgroundStudy):
    """One program, one target, and all their experiments.

    Parameters
    ----------
    program : str, Path or Program
        Goal and rules in Markdown, possibly with settings; a path of a file is read.
    target : str or Path
        The editable source, or the path of the file that holds it.
    setup : str or Path
        The frozen source; runs once, before every experiment.
    sealed : str or Path, optional
        Source that runs after the setup, where the metric is computed: its names are for metric and holdout, no target can use them and
        no agent sees it.
    name : str, optional
        Made from the date and the metric by default.
    root : str or Path
        The folder that holds the studies.
    observers : sequence of Observer
        Called with every event, in the study's thread.
    **settings
        See `autoresearch_magic.config.settings.Settings`: ``metric="val_bpb=evaluate(model)"``, ``budget="20s"``, ...

    Attributes
    ----------
    name : str
    folder : Path
        Holds the journal, the git repository, results.tsv, progress.png and the logs.
    status : StudyStatus
        State, message, experiments, the run in progress, the confirmed result, how much is left.

    Raises
    ------
    UserError
        When any part of it cannot work; nothing has been run or written then.

    Examples
    --------
    >>> study = Study("Lower it", "X = 3.0; loss = (X - 1) ** 2", metric="loss", experiments=5)  # doctest: +SKIP
    >>> study.start().wait()  # doctest: +SKIP
    >>> study.history  # doctest: +SKIP
    """

    _planning: Fleet | None = None

    def __init__(
        self,
        program: str | Path | Program,
        target: str | Path = "",
        setup: str | Path = "",
        *,
        sealed: str | Path = "",
        name: str | None = None,
        root: str | Path = ROOT,
        observers: Sequence[Observer] = (),
        **settings: Unpack[SettingsOptions],
    ) -> None:
        root = Path(root).absolute()
        recorded = recorded_settings(str(settings.get("agent", "")), root)
        definition = without_keys(define(program, target, setup, {**recorded, **settings}, sealed))
        try:
            agent: Agent | None = make_agent(definition.settings.agent, definition.target, definition.settings, root)
        except NothingToTune:  # raised again by a start; a plan needs no agent
            agent = None
        if name is not None and (root / folders.checked_name(name)).exists():
            raise UserError(f"There is a study {name!r} already: choose another name, or  %autoresearch resume {name}")
        if name is not None and _branch_exists(definition, name):
            raise UserError(
                f"The repository has the experiments of an earlier study {name}, whose folder is gone: choose another name, or delete them with  {forget_command(safe_name(name))}"
            )
        free = name or folders.free_name(root, definition.metric, lambda name: _branch_exists(definition, name))
        self._prepare(root / free, definition, observers, agent)
        self._remarks = [
            *renamed_values(definition.program.settings, settings), *holdout_remark(definition.sealed, definition.settings),
            *filter(None, [key_remark(definition), passed_keys(definition.settings)]),
        ]  # fmt: skip

    def plan(self, show: Callable[[float, str], None] = lambda share, what: None) -> Plan:
        """Find out, before anything is spent, whether the target runs, how noisy it is, how long it takes, what it costs.

        The target is run a few times; nothing is written and no experiment is made.

        Parameters
        ----------
        show : callable, optional
            Called with the share that is done, and what is being done.

        Raises
        ------
        UserError
            When the target does not run, or the metric cannot be read.
        """
        from .plan import make_plan

        if (other := registry.running()) is not None:
            raise UserError(
                f"The study {other.name} is {other.state}: a plan beside it would measure that. Stop it first."
            )

        def plan_fleet(scratch: Path) -> Fleet:
            self._planning = make_one(self.definition, self.folder, self._publish, scratch=scratch)
            return self._planning

        plan = make_plan(self.definition, plan_fleet, show)
        try:
            self._agent = self._agent or self._make_agent(self.definition)
        except NothingToTune as error:
            plan = replace(plan, problem=str(error))
        return replace(plan, notes=(*plan.notes, known_line(priors))) if (priors := self.priors) else plan

    def stop_plan(self) -> None:
        """End a plan that another thread makes: `plan` raises `Stopped` there. The study cannot be planned again."""
        if self._planning is not None:
            self._planning.interrupt()

    # -- versions from outside --------------------------------------------------------------------------------------

    def try_target(
        self, source: Source, *, summary: str = "", hypothesis: str = "", expect: str = "", agent: str = "me"
    ) -> Experiment:
        """Run and judge a version of your own, record it like any other experiment, and return it; waits for the verdict.

        The baseline is measured first where there is none. The version is judged as the same proposal of an agent would be: by the
        same seeds, repeats, guard and checks. A study that runs goes on with it before its agent's next proposal; one that does not
        is left stopped, and `resume` goes on.

        Parameters
        ----------
        source : str or Mapping[str, str or None]
            The text of the cell; in a repository, the files that change from the best version so far, by path (None deletes one), or a text of
            all files of the scope (`source.files.join`).
        summary : str, optional
            One line that says what it changes.
        hypothesis, expect : str, optional
            Why it should help, and what effect you expect, such as ``"-0.02"``.
        agent : str
            Who proposes it.

        Returns
        -------
        Experiment
            With its verdict; `status.gains` has its gain by number.

        Raises
        ------
        UserError
            When it changes nothing, or something outside the scope, or the study cannot run now: nothing is recorded then.
        """
        asked = self.ask_try(source, summary=summary, hypothesis=hypothesis, expect=expect, agent=agent)
        asked.wait()
        return asked.answer()

    def ask_try(
        self,
        source: Source,
        *,
        summary: str = "",
        hypothesis: str = "",
        expect: str = "",
        agent: str = "me",
        drop: bool = False,
    ) -> Try:
        """Start what `try_target` waits for, and return at once an object to wait with (`study.tries.Try`).

        With `drop`, an experiment that was begun and not finished, as by a process that was killed, is recorded as rejected; else it is
        finished first, and where it is of the same version, it is the answer.
        """
        from .tries import Try, make_proposal

        proposal = make_proposal(self, source, summary=summary, hypothesis=hypothesis, expect=expect, agent=agent)
        return Try(self, proposal, drop=drop)

    def use_prior(self, prior: Prior) -> Self:
        """Let the tuner use what another study has found (`match_optuna`), from its next proposal on; the journal keeps it.

        What was imported from the same study before is replaced.
        """
        with self._noted() as journal:
            add_prior(journal, prior)
        return self

    def forget_prior(self, name: str) -> Self:
        """Forget what was imported from a study of this name.

        Raises
        ------
        UserError
            When nothing was.
        """
        with self._noted() as journal:
            forget_prior(journal, name)
        return self

    def _noted(self) -> Journal:
        """Return the journal; a study that has not begun is saved first."""
        if not (self.folder / "journal.sqlite").is_file():
            self.save()
        return Journal(self.folder / "journal.sqlite")

    def branch(self, number: int | str, name: str | None = None) -> Study:
        """Make a new study that begins at an experiment's version, and return it; nothing runs before its `start`.

        It has the same program, setup and settings. It is written to disk, so that ``%autoresearch resume NAME`` starts it as well.

        Parameters
        ----------
        number : int
        name : str, optional
            ``NAME-from-7`` by default.

        Raises
        ------
        UserError
            Where a study cannot begin there: in a repository it begins at a commit, so the version must be applied first.
        """
        from .branching import branched, name_of_branch

        e, root = self.experiment(number), self.folder.parent
        definition = branched(self.status, e)
        made = Study.__new__(Study)
        made._prepare(root / name_of_branch(root, self.name, e.number, name), definition)
        return made.save()

    # -- comparisons ------------------------------------------------------------------------------------------------
    # `ask_...` starts one in the study's thread and returns at once; `answer` has the result; the plain verbs wait for it.

    def regression(self, a: int | str, b: int | str, samples: int | None = None) -> Regression:
        """Run experiments `a` and `b` side by side and return whether `b` is no worse than `a`; waits for the answer.

        Parameters
        ----------
        a, b : int
            Numbers of experiments.
        samples : int, optional
            Runs of each; 8 by default.
        """
        self.ask_regression(a, b, samples).wait()
        answer: Regression = self.answer()
        return answer

    def ask_regression(self, a: int | str, b: int | str, samples: int | None = None) -> Self:
        """Start what `regression` waits for."""
        from .comparisons import SAMPLES, ask_regression

        self._check_not_active()
        first, second = self.experiment(a), self.experiment(b)
        if first is second:
            raise UserError("Give the numbers of two experiments, for example  regression 0 5")
        for experiment in (first, second):
            if not experiment.measurements:
                raise UserError(f"Experiment {experiment.number} was never run ({experiment.verdict}): choose another.")
        return self._ask(lambda measurer: ask_regression(measurer, first.number, second.number, samples or SAMPLES))

    def ablate(self, samples: int | None = None) -> Ablation:
        """Undo each kept change in turn and return what it contributes to the best; waits for the answer.

        Parameters
        ----------
        samples : int, optional
            Runs of each version; the study's `repeats` by default.
        """
        self.ask_ablation(samples).wait()
        answer: Ablation = self.answer()
        return answer

    def ask_ablation(self, samples: int | None = None) -> Self:
        """Start what `ablate` waits for."""
        from .comparisons import ask_ablation

        self._check_not_active()
        if (best := self.status.incumbent) is None or best.number == 0:
            raise UserError(f"{self.name} has kept nothing so far: there is no change to undo.")
        return self._ask(lambda measurer: ask_ablation(measurer, samples or max(2, self.settings.repeats)))

    def ask_confirmation(self) -> Self:
        """Measure best and baseline again on fresh seeds, as at the end of a study; `status.headline` has the result."""
        return self._ask(confirm)

    def answer(self) -> Any:
        """Return the answer to the last comparison; None when it was stopped.

        Raises
        ------
        UserError
            When it could not be answered.
        """
        answer = None if self._thread is None else self._thread.answer
        if isinstance(answer, UserError):
            raise answer
        return answer

    # -- results ----------------------------------------------------------------------------------------------------

    def apply(self, number: int | str | None = None) -> str:
        """Commit what an experiment has changed to the user's branch, as one commit; nothing is pushed.

        Parameters
        ----------
        number : int, optional
            The best by default.

        Returns
        -------
        str
            The hash of the new commit.

        Raises
        ------
        UserError
            When the branch is not in a state for it; nothing is changed then.
        """
        from .applying import apply_to_branch

        return apply_to_branch(self.status, self.status.incumbent if number is None else self.experiment(number))

    def ask_winners(self, how: str = "commits", samples: int | None = None) -> Self:
        """Run each proven keep's own change on top of the study's base; `apply_winners` then makes branches of them.

        Parameters
        ----------
        how : {"commits", "branches"}
            Commits of one branch, or a branch for each.
        samples : int, optional
            Runs of each; three by default, or the study's `repeats` where those are more.
        """
        from .winners import ask_winners, checked_branches

        self._check_not_active()
        checked_branches(self.status, how)
        return self._ask(lambda measurer: ask_winners(measurer, samples or max(3, self.settings.repeats)))

    def apply_winners(self, how: str = "commits") -> str:
        """Make new branches of what `ask_winners` has run, and return what was made; the checkout is not touched, nothing is pushed.

        Raises
        ------
        UserError
            When a branch of that name exists, or git cannot write.
        """
        from .winners import Winners, winners_text, write_winners

        answer = self.answer()
        if not isinstance(answer, Winners):
            raise UserError("The winners were not run to the end: ask again with  %autoresearch apply --each")
        return winners_text(self.metric, answer, write_winners(self.status, answer, how), how)

    def report(self, path: str | Path | None = None, *, confirm: bool = True) -> Path:
        """Write a report and return its path.

        Parameters
        ----------
        path : str or Path, optional
            ``report.html`` in the study's folder by default: one file that needs nothing else. A path that ends in ``.md`` gives Markdown.
        confirm : bool
            Whether to measure best and baseline again first, when the study has ended without that.
        """
        from .report.write import NAME, write_report

        if confirm and self.unconfirmed:
            self.ask_confirmation().wait()
        return write_report(self, self.folder / NAME if path is None else Path(path))


def _branch_exists(definition: Definition, name: str) -> bool:
    """Whether the repository holds the experiments of an earlier study of this name, whose folder is gone."""
    return definition.checkout is not None and has_study(definition.checkout, safe_name(name))
