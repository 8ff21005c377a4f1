"""The agent that asks a coding agent's program for a change of files: what it has changed within the scope is the proposal.

Each question is a run of the program in a folder of its own (`workspace`), which is deleted after it. What a program has changed before it
crashed, was ended or reached its limit may be half of a change, and is not used.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ...config.settings import Settings
from ...errors import CallFailed, ProposalFailed, Stopped, UserError
from ...experiment import Proposal, Usage
from ...keys.redact import cleaned
from ...runners.tools import VENVS, Tools, find_tools, packages
from ...runners.walls.policy import PROJECT_KEYS
from ...source import files
from ...source.edits import fingerprint
from ...source.key_references import put_away
from ...storage.git.checkout import MAX_TARGET, Checkout, ignored_folders
from ...text import counted, cut_middle, shorten
from ..base import Agent, Briefing
from ..checkout_guard import CheckoutGuard
from ..command_keys import moved
from ..command_keys import told as key_told
from ..enclosed import AgentWalls
from ..environment import agent_environment
from ..llm.backend import BackendRefused
from ..llm.calls import Problem, backoff
from ..llm.command import LONGEST as LONGEST_WAIT
from ..llm.prices import cost
from ..llm.reply_parser import read_ideas, read_tries
from ..processes import Ending, run_program
from .accounting import check_limits
from .adapters import ADAPTERS, EDITOR, Adapter
from .changes import SETUP, TARGET, Change, FolderGone, Workspace
from .instructions import FAILURES, HISTORY, NOTES, PROGRAM, instructions, texts
from .last_message import first_sentence, last_tag, own_words, plain
from .results import AgentResult
from .workspace import workspace

SUMMARY = 120
"""Greatest length in characters of a summary that is made from an agent's last message."""

REPLY = 20_000
"""Characters of an agent's last message that the journal keeps."""

SHOWN = 2_000
"""Characters of an agent's output that are shown where the search ends because of it."""

WORDS = 300
"""Characters of its words in the reason of a proposal that was refused."""


CENT = 0.01
"""US dollars that a question may cost at least, where the program takes a budget: the search ends by itself when the limit is reached."""

MOST_FILES = 40
"""Files that are named to a program which does not find them by itself."""

_INTERPRETERS = re.compile(r"(?:python|node|deno|bun|ruby|perl|bash|sh|zsh)[\d.]*")
_PLACE = Path("/autoresearch-agent-place/work")
"""Stands for the agent's folder until that is made."""


class EditingAgent(Agent):
    """Proposes by running a program that edits files.

    Parameters
    ----------
    adapter : Adapter
        How the program is used.
    model : str
        The model, as the program calls it; empty for its own choice.
    settings : Settings
        The study's.
    root : Path
        The folder of the studies: what an agent has written into the user's checkout is kept there.
    """

    slow = True
    parallel = True
    reworks = True

    def __init__(self, adapter: Adapter, model: str, settings: Settings, root: Path) -> None:
        self.adapter, self.model, self.settings, self.root = adapter, model, settings, root
        self.name = f"{adapter.name}:{model}" if model else adapter.name
        self._told: list[str] = []
        self._lock = threading.Lock()
        self._guard = CheckoutGuard(root)  # one for all questions: those that overlap share what the first has found

    def check(self) -> None:
        """Find the program; raise `UserError` with how to install it, or what is wrong with how it would be started."""
        self.adapter.path()
        name = EDITOR if self.adapter.name not in ADAPTERS else self.adapter.name
        check_limits(self.settings, f"{name}:{self.model}")
        words = self.adapter.arguments(model=self.model)
        unwalled = self.settings.sandbox != "off" and not AgentWalls(self.settings.sandbox).layer()
        if unwalled and self.settings.sandbox == "strict":
            raise UserError(
                f"--sandbox strict: this system has no layer to confine {self.adapter.title}: see  %autoresearch doctor"
            )
        told = f"{self.adapter.title} is not confined: this system has no layer for that." if unwalled else ""
        self.warning = " ".join(filter(None, [key_told([self.adapter.program, *words]), told]))
        if not _INTERPRETERS.fullmatch(Path(self.adapter.program).name):
            return
        script = next((word for word in words if not word.startswith("-")), "")
        if script and not Path(script).is_absolute() and Path(script).is_file():
            raise UserError(
                f"{script}: the program runs in a folder of its own, where there is no such file; write {Path(script).absolute()}"
            )

    def propose(self, briefing: Briefing) -> Proposal:
        """Let the program change the files in a folder made for this question, and return what it has changed.

        Raises
        ------
        ProposalFailed
            When it has changed nothing that can be used; `CallFailed` when it has crashed or was ended.
        UserError
            When every question would fail, as without a login.
        """
        with self._lock:
            told, self._told = self._told, []
        used, limits = Usage(), 0
        while True:
            answer = self._answer(briefing, told, used)
            used += answer.result.usage
            problem, changed = answer.result.problem, bool(answer.change and answer.change.inside)
            if problem is None or (answer.result.guessed and changed):
                return self._proposal(answer, used)
            unused = " What it had changed until then is not used." if changed else ""
            if problem.kind == "refused":
                raise BackendRefused(problem.line)
            if problem.kind != "limit":
                failed = CallFailed(f"{problem.line}{unused}", used)
                failed.unfit = problem.kind == "unfit"
                raise failed
            limits += 1
            pause = backoff(limits, LONGEST_WAIT) if problem.seconds is None else problem.seconds
            briefing.wait(pause, f"{problem.line}{unused}")

    # -- one run of the program -----------------------------------------------------------------------------------------

    def _answer(self, briefing: Briefing, told: Sequence[str], used: Usage) -> _Answer:
        """Make a folder, run the program in it, and read what it has said and changed."""
        checkout, hidden = briefing.checkout, self.settings.hide
        base = briefing.incumbent.target if briefing.rework is None else briefing.rework.proposal.target
        started = briefing.history[0].target if briefing.history else briefing.incumbent.target
        variables = agent_environment(self.adapter.passes(self.model), self.settings.pass_env)
        tools = None if checkout is None else self._tools(checkout, variables)
        with ExitStack() as stack:
            try:
                space = stack.enter_context(workspace(
                    base, checkout, started=started, setup=briefing.setup, texts=texts(briefing), own_files=self.adapter.own_files,
                    linked=(*self.settings.link, *tools.linked) if tools else (), mirrored=tools.mirrored if tools else (),
                    hidden=hidden if checkout else (),
                ))  # fmt: skip
            except OSError as error:
                why = error.strerror or str(error)
                raise CallFailed(f"The folder for {self.adapter.title} cannot be made: {why}.", used) from None
            if tools is not None:
                variables = _placed(tools.environment, space.folder)
            shown = (PROGRAM, HISTORY, FAILURES, NOTES, SETUP) if self.adapter.files else ()
            asked = instructions(briefing, space, deadline=self.settings.reply_timeout, given=shown, told=told)
            asked = cleaned(put_away(asked))
            arguments = self.adapter.arguments(
                model=self.model, budget=self._budget(briefing), files=self._files(space), text=asked
            )
            with self._watched(briefing, checkout, space) as afterwards:
                words = [self.adapter.path(), *arguments]
                ending = self._run(briefing, words, asked, space, variables, afterwards)
            result = self.adapter.read(ending, asked, datetime.now().astimezone())
            result = replace(result, usage=self._usage(result.usage, briefing, result.problem))
            briefing.paid(result.usage)
            try:
                change = space.change()
            except FolderGone:
                change = None
            return _Answer(result, change, base, asked, f"{ending.output}\n{ending.errors}"[-SHOWN:].strip())

    def _run(
        self, briefing: Briefing, arguments: Sequence[str], asked: str, space: Workspace, variables: Mapping[str, str],
        afterwards: Sequence[str],
    ) -> Ending:  # fmt: skip
        words, env = moved(arguments, {**variables, **self.adapter.variables})
        words = self._walls(space, briefing.checkout).around(words, [str(space.folder), str(space.folder.parent)], env)
        try:
            return run_program(
                words, text=self.adapter.stdin(asked), folder=space.folder, env=env, deadline=self.settings.reply_timeout,
                wait=briefing.wait, afterwards=afterwards, name=Path(arguments[0]).name,
            )  # fmt: skip
        except (UserError, Stopped) as error:
            if error.usage is not None:  # what a program that was ended has used counts
                error.usage = self._usage(error.usage, briefing, ended=True)
                briefing.paid(error.usage)
            raise

    def _walls(self, space: Workspace, checkout: Checkout | None) -> AgentWalls:
        """Return what the program may reach: its folder and its own state, and what is linked in its folder."""
        s, folder = self.settings, checkout.folder if checkout else Path()
        hidden = [str(self.root.absolute()), *(str(folder / each) for each in PROJECT_KEYS if checkout)]
        linked = [str(folder / each) for each in space.linked if checkout]
        return AgentWalls(s.sandbox, self.adapter.state, (*linked, *s.allow_read), s.allow_write, tuple(hidden))

    def _tools(self, checkout: Checkout, variables: Mapping[str, str]) -> Tools:
        """Return what the commands of the study run with, for the agent to run them."""
        s = self.settings
        return find_tools(
            checkout.folder, _PLACE, checkout.tracked, [each for each in (s.verify, s.guard) if each], variables, s.link,
            ignored_folders(checkout.folder),
        )  # fmt: skip

    @contextmanager
    def _watched(self, briefing: Briefing, checkout: Checkout | None, space: Workspace) -> Iterator[Sequence[str]]:
        """Tell what a program changes in the user's checkout, which is undone, and in the packages that are linked from it."""
        self._guard.set_checkout(checkout)
        linked = [checkout.folder / name for name in space.linked if name in VENVS] if checkout else []
        installed = [packages(folder) for folder in linked]
        try:
            with self._guard.around(briefing.wait) as afterwards:
                yield afterwards
        finally:
            for folder, earlier in zip(linked, installed, strict=True):
                if different := dict(earlier.items() ^ packages(folder).items()):
                    line = f"{min(different)} in {folder} changed while {self.adapter.title} was asked: nothing was undone."
                    briefing.wait(0.0, line)

    def _files(self, space: Workspace) -> Sequence[str]:
        """Return the files to name to a program that does not find them by itself."""
        if not files.is_bundle(space.base):
            return [TARGET]
        return list(files.split(space.base))[:MOST_FILES]

    def _budget(self, briefing: Briefing) -> float | None:
        """Return what --max-cost leaves for this question, as far as the journal tells; None without a limit."""
        if self.settings.max_cost is None:
            return None
        return max(CENT, self.settings.max_cost - sum(e.proposal.usage.cost or 0.0 for e in briefing.history))

    def _usage(self, usage: Usage, briefing: Briefing, problem: Problem | None = None, *, ended: bool = False) -> Usage:
        """Return what a run has used, with its cost from the price list where the program tells tokens only.

        A program that was ended or has crashed may have told nothing. It is taken for the most expensive one so far, and the user is told,
        so that neither one hang makes the cost of a whole study unknown, nor a limit is passed unseen.
        """
        if usage.cost is None and usage.tokens and self.model:
            usage = replace(usage, cost=cost(self.model, usage))
        tells_cost, tells_tokens = self.adapter.tells_cost, self.adapter.tells_tokens
        if not (tells_cost and usage.cost is None) and not (tells_tokens and not usage.tokens):
            return usage
        if problem is not None and problem.kind in ("limit", "refused"):  # it was not let in
            return replace(usage, calls=0, cost=0.0)
        if problem is None and not ended:
            return usage
        own = [e.proposal.usage for e in briefing.history if e.proposal.agent == self.name]
        told = [each for each in own if each.calls == 1 and (each.cost is not None if tells_cost else each.tokens)]
        most = max(told, key=lambda each: (each.cost or 0.0, each.tokens), default=Usage())
        if self.settings.max_cost is not None or self.settings.max_tokens is not None:
            what = f"${most.cost or 0:.2f}" if tells_cost else counted(most.tokens, "token")
            counts = (
                f"{what}, the most that a question has used so far, is counted for it" if told else "it is not counted"
            )
            briefing.wait(0.0, f"{self.adapter.title} ended before it told what it has used: {counts}.")
        return replace(most, calls=0, seconds=usage.seconds)

    # -- what becomes of it ---------------------------------------------------------------------------------------------

    def _proposal(self, answer: _Answer, used: Usage) -> Proposal:
        """Return the proposal; raise `ProposalFailed` where nothing was changed that can be used."""
        try:
            return self._made_of(answer, used)
        except ProposalFailed as failed:
            failed.prompt = answer.asked
            raise

    def _made_of(self, answer: _Answer, used: Usage) -> Proposal:
        title, change, said = self.adapter.title, answer.change, own_words(answer.result.text, answer.asked)
        reply, output = cut_middle(said, REPLY), answer.output
        if change is None:
            why = f"{title} has deleted the folder in which it works."
            raise ProposalFailed(why, used, reply, unchanged=True, output=output)
        if change.outside:
            named = ", ".join(shorten(each, SUMMARY) for each in change.outside[:3]) + (
                f" and {len(change.outside) - 3} more" if len(change.outside) > 3 else ""
            )
            with self._lock:
                self._told = [f"You changed {named}: that is not what you may change, and was undone."]
            reply = f"{reply}\n\n[Not taken: {named}.]"
        words = f' It says: "{shorten(plain(said), WORDS)}"' if said.strip() else ""
        if not change.inside:
            why = f"{title} has changed nothing."
            if change.outside:
                why = f"{title} has changed only what is not to be changed: {named}."
            raise ProposalFailed(f"{why}{words}", used, reply, unchanged=True, output=output)
        if not change.target:
            raise ProposalFailed(f"{title} has deleted every file of the scope.{words}", used, reply, output=output)
        if len(change.target) > MAX_TARGET:
            raise ProposalFailed(
                f"{title} has made the target longer than {MAX_TARGET // 1_000_000} MB.", used, reply, output=output
            )
        if fingerprint(change.target) == fingerprint(answer.base):
            why = f"{title} has changed only layout, comments or docstrings.{words}"
            raise ProposalFailed(why, used, reply, unchanged=True, output=output)
        hypothesis = last_tag(said, "hypothesis")
        summary = last_tag(said, "summary") or first_sentence(plain(said)) or first_sentence(hypothesis)
        return Proposal(
            change.target, shorten(summary or f"change {', '.join(change.inside)}", SUMMARY), hypothesis, last_tag(said, "expect"), self.name,
            used, reply, ideas=read_ideas(said), tries=read_tries(said), prompt=answer.asked,
        )  # fmt: skip


@dataclass(frozen=True)
class _Answer:
    """What one run of the program came to.

    Attributes
    ----------
    result : AgentResult
    change : Change or None
        None when the program has deleted its folder.
    base, asked : str
        The target that it began with, and its instructions.
    output : str
        The end of what it printed.
    """

    result: AgentResult
    change: Change | None
    base: str
    asked: str
    output: str


def _placed(variables: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return environment variables with the agent's folder in the place of `_PLACE`."""
    near = {str(_PLACE): str(folder), str(_PLACE.parent / "uv"): str(folder.parent / "uv")}
    for old, new in near.items():
        variables = {name: value.replace(old, new) for name, value in variables.items()}
    return dict(variables)
