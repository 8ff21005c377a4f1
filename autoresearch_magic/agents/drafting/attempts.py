"""Draft a program for a goal: ask a model, refuse dangerous commands, run the rest once, and report problems to the model.

`summarize` describes the repository, `ask_draft` asks the model for a `Draft`, and `make_draft` repeats that until a draft
works or the model has used up its attempts. No study is started: the result is a block of ``Key: value`` lines for the user
to read, change and run.

Not here: how a metric is read, how a scope matches, what is dangerous and where a command runs; the caller provides these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from ...config.settings import Settings
from ...errors import ProposalFailed, UserError
from ...source.frozen_files import is_test, judging_files
from ...text import shorten
from ..llm.ask import DEADLINE
from ..llm.backend import Backend, Usage, Wait
from ..registry import make_agent
from .draft import Attempt, Draft, DraftResult, DryRun, FindDanger, MatchFiles, RunDry
from .prompt import ask_draft, clean_goal, sleep
from .repository_summary import summarize, tracked_files

REFUSALS = 1
"""Number of drafts with a dangerous command that the model may correct; one more ends the drafting."""
FAILURES = 2
"""Number of drafts that do not work and that the model may correct; one more ends the drafting."""


def backend_for(settings: Settings, root: Path) -> Backend:
    """Return the checked language model of the agent that the settings name.

    Raises
    ------
    UserError
        When the agent has no language model, or the model cannot be used.
    """
    name = settings.agent.partition(":")[0]
    found = None if name in ("tuner", "replay") else make_agent(settings.agent, "", settings, root).backend
    if found is None:
        raise UserError(
            f"Drafting a program from a goal needs a language model, and {name} has none: "
            "use --agent claude, openai:MODEL or command:COMMAND LINE."
        )
    found.check()
    return found


def make_draft(
    goal: str, repo: Path, backend: Backend, run_dry: RunDry, danger: FindDanger, match: MatchFiles, *,
    hidden: Collection[str] = (), deadline: float = DEADLINE, wait: Wait = sleep, show: Callable[[float, str], None] = lambda share, text: None,
) -> DraftResult:  # fmt: skip
    """Ask for a draft and test it, until one works or the model has used up its attempts.

    A dangerous command is never run; the model may correct it `REFUSALS` times. A draft that does not work (a scope that
    matches nothing or contains what measures, a metric that cannot be read, a guard that fails on the unchanged code) goes
    back to the model with the output, `FAILURES` times at most.

    Parameters
    ----------
    goal : str
        The goal in plain words.
    repo : Path
        The root of a git repository.
    backend : Backend
    run_dry : callable
        Runs a draft's commands once; its `UserError` ends the drafting.
    danger : callable
        Returns why a command must not run.
    match : callable
        Returns the files that a scope matches.
    hidden : collection of str, optional
        Files whose contents the model must not see.
    deadline : float
        Seconds of wall clock for one answer.
    wait : callable
        See `Wait`.
    show : callable
        Called with the share of the work done and the current step.

    Raises
    ------
    UserError
        When there is no goal or no repository, or every request to the model would fail (`BackendRefused`).
    """
    goal = clean_goal(goal)
    files = tracked_files(repo)
    summary = summarize(repo, hidden)
    usage = Usage()
    attempts: list[Attempt] = []
    told: list[str] = []
    most = 1 + REFUSALS + FAILURES

    def failed(why: str) -> DraftResult:
        return DraftResult(goal, backend.name, attempts=tuple(attempts), failure=why, warnings=tuple(told), usage=usage)

    def wait_or_tell(seconds: float, reason: str) -> None:
        if reason and seconds <= 0:  # what the model's program has changed in the repository
            told.append(reason)
        else:
            wait(seconds, reason)

    if backend.guard is not None:
        backend.guard.set_folder(repo)

    while True:
        show(len(attempts) / most, f"asking {backend.name} for a draft" + (" again" if attempts else ""))
        try:
            answer = ask_draft(backend, goal, summary, attempts=attempts, deadline=deadline, wait=wait_or_tell)
        except ProposalFailed as error:
            usage += error.usage or Usage()
            return failed(str(error))
        draft, usage = answer.value, usage + answer.usage
        show((len(attempts) + 0.5) / most, f"running it once: {shorten(draft.verify)}")
        attempt = _test(draft, attempts, files, run_dry, danger, match, hidden)
        attempts.append(attempt)
        if not attempt.reason:
            break
        refused = sum(each.refused for each in attempts)
        if refused > REFUSALS:
            return failed(f"{shorten(attempt.reason, 300)} The model had been told of such a command before.")
        if len(attempts) - refused > FAILURES:
            return failed(f"{len(attempts)} drafts did not work; the last: {shorten(attempt.reason, 300)}")
    show(1.0, "done")
    assert attempt.run is not None, "a draft that was not run has a reason"
    return DraftResult(
        goal, backend.name, draft, attempt.run.value, attempt.run.seconds, tuple(attempts),
        warnings=(*told, *_warnings(attempt, attempt.run)), usage=usage,
    )  # fmt: skip


def _test(
    draft: Draft, earlier: list[Attempt], files: list[str], run_dry: RunDry, danger: FindDanger, match: MatchFiles,
    hidden: Collection[str],
) -> Attempt:  # fmt: skip
    """Return the outcome of a draft; its commands run only when nothing speaks against them."""
    commands = [("Verify", draft.verify), *([("Guard", draft.guard)] if draft.guard else [])]
    reasons = [f"{key} must not be run: {why.rstrip('.')}." for key, command in commands if (why := danger(command))]
    if reasons:
        return Attempt(draft, " ".join(reasons), refused=True)
    for before in earlier:
        if before.run is not None and before.draft.measured == draft.measured:
            return Attempt(draft, f"This is the same draft as before, so it fails in the same way. {before.reason}")
    reason, editable = _scope_problem(draft, files, match, hidden)
    told_before = bool(editable) and any(editable <= before.editable_measures for before in earlier)
    if reason and not (told_before and "Scope" in dict(draft.why)):
        return Attempt(draft, reason, editable_measures=editable)
    run = run_dry(draft)
    reason, output = _run_problem(draft, run)
    return Attempt(draft, reason, output, run=run, editable_measures=editable)


def _scope_problem(
    draft: Draft, files: list[str], match: MatchFiles, hidden: Collection[str]
) -> tuple[str, frozenset[str]]:
    """Return what is wrong with a scope, and its files that the commands run, which a model may justify."""
    try:
        scope = set(match(draft.scope, files))
    except UserError as error:
        return f"The scope cannot be read: {error}", frozenset()
    if not scope:
        return f"The scope {draft.scope!r} matches none of the {len(files)} tracked files.", frozenset()
    if unseen := scope & {*hidden}:
        return f"The scope contains files that are hidden from you ({_some(unseen)}): take them out.", frozenset()
    if tests := [file for file in sorted(scope) if is_test(file)]:
        return (
            f"The scope contains tests ({_some(tests)}): take them out, as a change must not edit what checks it.",
            frozenset(),
        )
    commands = (draft.verify, draft.guard)
    named = scope & {file for command in commands for file in judging_files(command, files, implied=False)}
    judging = scope & {file for command in commands for file in judging_files(command, files)}
    if judging - named:
        return (
            f"The scope contains files that configure verify or guard ({_some(judging - named)}): take them out.",
            frozenset(),
        )
    if named:
        return (
            f"The commands run {_some(named)}, which the scope allows to change: an agent that may edit what measures can fake "
            "the number. Take it out of the scope. Only if the goal is to improve that very file, and the number is computed "
            "elsewhere, give the same scope again and explain that in Why Scope."
        ), frozenset(named)
    return "", frozenset()


def _run_problem(draft: Draft, run: DryRun) -> tuple[str, str]:
    """Return what is wrong with a dry run, and the output that shows it."""
    ending = f" Verify ended with exit code {run.exit_code}." if run.exit_code else ""
    shown = run.output or "(nothing was printed)"
    if run.value is None:
        why = (run.error or "its output holds no such number").rstrip(".")
        return f"The metric {draft.metric} could not be read: {why}.{ending}", shown
    if not math.isfinite(run.value):
        return f"The metric {draft.metric} is {run.value}, which cannot be compared.{ending}", shown
    if draft.guard and run.guard_code != 0:
        how = "was stopped before it ended" if run.guard_code is None else f"ended with exit code {run.guard_code}"
        return f"Guard {how} on the unchanged code: it must pass before anything is changed.", run.guard_output
    return "", ""


def _warnings(attempt: Attempt, run: DryRun) -> tuple[str, ...]:
    warnings = []
    if attempt.editable_measures:
        warnings.append(
            f"The commands run {_some(attempt.editable_measures)}, which the scope allows to change: review kept changes to it "
            "with care."
        )
    if not attempt.draft.guard:
        warnings.append("There is no guard: nothing checks that the code still works.")
    if run.exit_code:
        warnings.append(f"Verify printed its number but ended with exit code {run.exit_code}.")
    if run.value == 0 and attempt.draft.minimize:
        warnings.append("The metric is 0 already: unless it can be negative, it cannot improve.")
    return tuple(warnings)


def _some(files: Sequence[str] | set[str] | frozenset[str]) -> str:
    names = sorted(files)
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
