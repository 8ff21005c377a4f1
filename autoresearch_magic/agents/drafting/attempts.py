"""The way to a draft: a model is asked, what must not run is refused, the rest is run once, and the model is told what came of it.

The order of things: `survey` says what is in the repository, `ask_draft` asks a model for a `Draft`, `make_draft` goes on until one
works or the model has had its chances. Nothing starts here: the result is a block of ``Key: value`` lines for the user to read,
change and run.

Not here: how a metric is read and a scope matched, what is dangerous, and where a command runs. All of that is given by the
caller.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from ...config.settings import Settings
from ...errors import UserError
from ...source.frozen_files import is_test, judging_files
from ..llm.agent import DEADLINE
from ..llm.backend import Backend, BackendFailed, Completion, Prompt, Usage, Wait
from ..registry import make_agent
from .draft import Danger, Draft, Drafted, DryRun, Match, NoDraft, Try, TryDry
from .prompt import ask_draft, one_goal, sleep
from .repository_summary import cut, one_line, survey, tracked_files

REFUSALS = 1
"""Dangerous commands that a model is told about; one more ends it."""
FAILURES = 2
"""Drafts that do not work that a model is told about; one more ends it."""


def backend_for(settings: Settings, root: Path) -> Backend:
    """Return the language model of the agent that settings name, checked.

    Raises
    ------
    UserError
        When the agent is none, or cannot be asked.
    """
    name = settings.agent.partition(":")[0]
    found = None if name in ("tuner", "replay") else make_agent(settings.agent, "", settings, root).backend
    if found is None:
        raise UserError(
            f"A plan from a goal alone needs a language model, and {name} is none: "
            "--agent claude, openai:MODEL or command:COMMAND LINE."
        )
    found.check()
    return found


class _Meter(Backend):
    """A backend that adds up what it has used."""

    def __init__(self, backend: Backend) -> None:
        self._backend, self.usage = backend, Usage()

    @property
    def name(self) -> str:
        return self._backend.name

    def check(self) -> None:
        self._backend.check()

    def complete(self, prompt: Prompt, *, deadline: float, wait: Wait) -> Completion:
        try:
            completion = self._backend.complete(prompt, deadline=deadline, wait=wait)
        except BackendFailed as error:
            self.usage = self.usage + error.usage
            raise
        self.usage = self.usage + completion.usage
        return completion


def make_draft(
    goal: str, repo: Path, backend: Backend, try_dry: TryDry, danger: Danger, match: Match, *,
    deadline: float = DEADLINE, wait: Wait = sleep, show: Callable[[float, str], None] = lambda share, words: None,
) -> Drafted:  # fmt: skip
    """Ask for a draft and try it, until one works or the model has had its chances.

    A dangerous command is never run, and told once. A draft that does not work (a scope that matches nothing or holds what
    measures, a number that cannot be read, a guard that fails on the code as it is) is told with the output, `FAILURES`
    times at most.

    Parameters
    ----------
    goal : str
        In plain words.
    repo : Path
        The root of a git repository.
    backend : Backend
    try_dry : callable
        Runs a draft's commands once; a `UserError` of it ends the whole.
    danger : callable
        Gives the reason why a command must not run.
    match : callable
        Gives the files that a scope matches.
    deadline : float
        Seconds of wall clock for one answer.
    wait : callable
        Waits out a vendor's limits.
    show : callable
        Told the share that is done, and what is being done.

    Raises
    ------
    UserError
        When there is no goal or no repository, or the model can never be asked (`BackendRefused`).
    """
    goal = one_goal(goal)
    files = tracked_files(repo)
    known = survey(repo)
    meter = _Meter(backend)
    tries: list[Try] = []
    most = 1 + REFUSALS + FAILURES

    def failed(why: str) -> Drafted:
        return Drafted(goal, backend.name, tries=tuple(tries), failure=why, usage=meter.usage)

    while True:
        show(len(tries) / most, f"asking {backend.name} for a draft" + (" again" if tries else ""))
        try:
            draft = ask_draft(meter, goal, known, tries=tries, deadline=deadline, wait=wait)
        except NoDraft as error:
            return failed(str(error))
        show((len(tries) + 0.5) / most, f"trying it dry: {cut(draft.verify, 60)}")
        tries.append(each := _judge(draft, tries, files, try_dry, danger, match))
        if not each.reason:
            break
        refused = sum(t.refused for t in tries)
        if refused > REFUSALS:
            return failed(f"{one_line(each.reason)} It was told before.")
        if len(tries) - refused > FAILURES:
            return failed(f"{len(tries)} drafts did not work; the last: {one_line(each.reason)}")
    show(1.0, "done")
    assert each.run is not None, "what has not run has a reason"
    return Drafted(
        goal, backend.name, draft, each.run.value, each.run.seconds, tuple(tries),
        warnings=_warnings(each, each.run), usage=meter.usage,
    )  # fmt: skip


def _judge(draft: Draft, tries: list[Try], files: list[str], try_dry: TryDry, danger: Danger, match: Match) -> Try:
    commands = [("Verify", draft.verify), *([("Guard", draft.guard)] if draft.guard else [])]
    reasons = [f"{key} must not be run: {why.rstrip('.')}." for key, command in commands if (why := danger(command))]
    if reasons:
        return Try(draft, " ".join(reasons), refused=True)
    for before in tries:
        if before.run is not None and before.draft.measured == draft.measured:
            return Try(draft, f"That is the same draft as before, so it fails the same way. {before.reason}")
    reason, insist = _scope_problem(draft, files, match)
    insisted = insist and any(insist <= before.insist for before in tries) and "Scope" in dict(draft.why)
    if reason and not insisted:
        return Try(draft, reason, insist=insist)
    run = try_dry(draft)
    reason, output = _run_problem(draft, run)
    return Try(draft, reason, output, run=run, insist=insist)


def _scope_problem(draft: Draft, files: list[str], match: Match) -> tuple[str, frozenset[str]]:
    """Return what is wrong with a scope, and the files that make it wrong if they may stay when the model insists."""
    try:
        scope = set(match(draft.scope, files))
    except UserError as error:
        return f"The scope cannot be read: {error}", frozenset()
    if not scope:
        return f"The scope {draft.scope!r} matches none of the {len(files)} tracked files.", frozenset()
    if tests := [file for file in sorted(scope) if is_test(file)]:
        return f"The scope holds tests ({_some(tests)}): what checks a change must not be part of it.", frozenset()
    commands = (draft.verify, draft.guard)
    named = scope & {file for command in commands for file in judging_files(command, files, implied=False)}
    judging = scope & {file for command in commands for file in judging_files(command, files)}
    if judging - named:
        return f"The scope holds what configures verify or guard ({_some(judging - named)}): take it out.", frozenset()
    if named:
        return (
            f"The commands run {_some(named)}, which the scope lets be changed: whoever may change what measures can fake "
            "the number. Take it out of the scope. Only where that file itself is what the goal wants improved, and the "
            "number is worked out elsewhere, give the same scope again and say so in Why Scope."
        ), frozenset(named)
    return "", frozenset()


def _run_problem(draft: Draft, run: DryRun) -> tuple[str, str]:
    """Return what is wrong with a dry run, and the output that shows it."""
    ended = f" Verify ended with exit code {run.exit_code}." if run.exit_code else ""
    shown = run.output or "(nothing was printed)"
    if run.value is None:
        why = (run.error or "there was no such number in its output").rstrip(".")
        return f"The metric {draft.metric} could not be read: {why}.{ended}", shown
    if not math.isfinite(run.value):
        return f"The metric {draft.metric} is {run.value}, which is no number to compare.{ended}", shown
    if draft.guard and run.guard_code != 0:
        how = "was ended before its end" if run.guard_code is None else f"ended with exit code {run.guard_code}"
        return f"Guard {how} on the code as it is: it must pass before anything is changed.", run.guard_output
    return "", ""


def _warnings(each: Try, run: DryRun) -> tuple[str, ...]:
    said = []
    if each.insist:
        said.append(
            f"The commands run {_some(each.insist)}, which the scope lets be changed: look at kept changes of it with care."
        )
    if not each.draft.guard:
        said.append("There is no guard: nothing checks that the code still works.")
    if run.exit_code:
        said.append(f"Verify printed its number and ended with exit code {run.exit_code}.")
    if run.value == 0 and each.draft.minimize:
        said.append("The number is 0 already: unless it can be negative there is nothing to gain.")
    return tuple(said)


def _some(files: Sequence[str] | set[str] | frozenset[str]) -> str:
    names = sorted(files)
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
