"""What a study can be asked, before the start, while it runs and at rest; and what its agent is told.

`Study` is one of these. The questions that run something are answered by the study's own thread: `ask_...` starts one and
returns at once, `answer` has what came out, and the plain verbs wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ..config.settings import Settings
from ..errors import UserError
from ..events import Event, State
from ..experiment import Experiment
from ..metric import Metric
from ..storage.journal import Journal
from . import registry
from .definition import Definition
from .loop import make_briefing
from .measuring import Measurer
from .status import StudyStatus
from .thread import StudyThread, make_runner

if TYPE_CHECKING:
    from ..judging.analysis.analyze import Evals
    from ..judging.pruner import Account
    from .comparisons import Ablation, Regression
    from .plan import Plan


class Askable:
    """The questions to a study, and the words to its agent; what it takes to answer is the study's."""

    name: str
    folder: Path
    definition: Definition
    status: StudyStatus
    _thread: StudyThread | None

    if TYPE_CHECKING:

        @property
        def settings(self) -> Settings:
            """The effective settings."""

        @property
        def metric(self) -> Metric:
            """What is measured."""

        @property
        def active(self) -> bool:
            """Whether its thread is at work."""

        @property
        def experiments(self) -> list[Experiment]:
            """Every judged experiment."""

        @property
        def incumbent(self) -> Experiment | None:
            """The best kept experiment."""

        @property
        def state(self) -> str:
            """Where it stands."""

        def experiment(self, number: int | str) -> Experiment:
            """Return one judged experiment."""

        def wait(self, timeout: float | None = None) -> bool:
            """Wait until it is at rest."""

        def _launch(self, allowed: int | None, question: Callable[[Measurer], object] | None = None) -> Self:
            """Start the thread."""

        def _publish(self, event: Event) -> None:
            """Tell who listens."""

    def plan(self, show: Callable[[float, str], None] | None = None) -> Plan:
        """Find out what a study would be like before anything is spent: runs it, how noisy, how long, at what cost.

        Nothing is written and no experiment is made; the target is run a few times.

        Parameters
        ----------
        show : callable, optional
            Told how far it is: a share, and what is being done.

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
        return make_plan(
            self.definition, lambda logs: make_runner(self.definition, self.folder, self._publish, logs),
            show or (lambda share, what: None),
        )  # fmt: skip

    def say(self, text: str) -> Self:
        """Tell the agent something; the next proposal that is asked for sees it.

        Raises
        ------
        UserError
            When there is nothing to say, or the study has not begun.
        """
        if not text.strip():
            raise UserError("Say what the agent should know, in quotes.")
        with Journal(self.folder / "journal.sqlite") as journal:
            journal.note("say", text=text.strip())
        return self

    def briefing(self) -> str:
        """Return what an agent that is a language model would be told now.

        Raises
        ------
        UserError
            Before there is a baseline.
        """
        from ..agents.llm.backend import as_text
        from ..agents.llm.prompt import build_prompt

        if not self.experiments:
            raise UserError(f"{self.name} has no baseline yet: there is nothing to tell an agent.")
        with Journal(self.folder / "journal.sqlite") as journal:
            notes = journal.said()
        briefing = make_briefing(self.definition, self.experiments, len(self.experiments), notes=notes)
        return as_text(build_prompt(briefing, long=self.settings.blocks_from))

    def evals(self) -> Evals:
        """Say what the history tells of how the study goes, and what to do next; see `autoresearch_magic.judging.analysis.analyze`."""
        from ..judging.analysis.analyze import evaluate
        from ..judging.noise import estimate_noise

        return evaluate(
            self.experiments, self.metric, noise=estimate_noise(self.experiments).sd, planned=self.settings.planned,
            patience=self.settings.patience,
        )  # fmt: skip

    @property
    def pruning(self) -> Account:
        """What stopping losers early has come to: runs stopped, seconds saved, audits and how many of them were wrong."""
        from ..judging.noise import estimate_noise
        from ..judging.pruner import make_pruner

        pruner, experiments = make_pruner(self.settings.pruner, self.metric, self.settings.seed), self.experiments
        for i, e in enumerate(experiments):
            pruner.learn(
                e, None if e.parent is None else experiments[e.parent], estimate_noise(experiments[: i + 1]).sd
            )
        return pruner.account

    def regression(self, a: int | str, b: int | str, samples: int | None = None) -> Regression:
        """Find out whether experiment `b` is no worse than `a`, by running both side by side; waits for the answer.

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
        """Start what `regression` waits for; `answer` has it at the end."""
        from .comparisons import SAMPLES, ask_regression

        self._check_at_rest()
        first, second = self.experiment(a).number, self.experiment(b).number
        if first == second:
            raise UserError("Give the numbers of two experiments, for example  regression 0 5")
        for number in (first, second):
            if not self.experiment(number).ran:
                raise UserError(
                    f"Experiment {number} was never run ({self.experiment(number).verdict}): choose another."
                )
        return self._ask(lambda measurer: ask_regression(measurer, first, second, samples or SAMPLES))

    def ablate(self, samples: int | None = None) -> Ablation:
        """Find out what each kept change contributes to the best, by undoing it; waits for the answer.

        Parameters
        ----------
        samples : int, optional
            Runs of each version; the study's `repeats` by default.
        """
        self.ask_ablation(samples).wait()
        answer: Ablation = self.answer()
        return answer

    def ask_ablation(self, samples: int | None = None) -> Self:
        """Start what `ablate` waits for; `answer` has it at the end."""
        from .comparisons import ask_ablation

        self._check_at_rest()
        if (best := self.incumbent) is None or best.number == 0:
            raise UserError(f"{self.name} has kept nothing so far: there is no change to undo.")
        return self._ask(lambda measurer: ask_ablation(measurer, samples or max(2, self.settings.repeats)))

    def ask_confirmation(self) -> Self:
        """Measure best and baseline again on fresh seeds, as at the end of a study; the headline has it."""
        return self._ask(lambda measurer: measurer.confirm())

    @property
    def unconfirmed(self) -> bool:
        """Whether there is a best that was never measured again, and the study is at rest."""
        best = self.incumbent
        return (
            best is not None and best.number > 0 and self.status.headline is None
            and self.status.state in (State.STOPPED, State.FINISHED, State.FAILED)
        )  # fmt: skip

    def answer(self) -> Any:
        """Return the answer to the last question; None when it was stopped.

        Raises
        ------
        UserError
            When there was none to be had.
        """
        answer = None if self._thread is None else self._thread.answer
        if isinstance(answer, UserError):
            raise answer
        return answer

    def _check_at_rest(self) -> None:
        if self.active:
            raise UserError(f"{self.name} is {self.state}: stop it first, or wait for its end; then it can be asked.")

    def _ask(self, question: Callable[[Measurer], object]) -> Self:
        self._check_at_rest()
        if not self.experiments:
            raise UserError(f"{self.name} has no baseline yet: there is nothing to compare with.")
        return self._launch(None, question)
