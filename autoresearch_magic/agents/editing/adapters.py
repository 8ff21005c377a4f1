"""The coding agents that can propose by editing: one entry of a table for each.

An entry says how the agent is started without questions and with permissions for its folder alone, how it gets model and budget,
where in its output the message, the cost, the tokens and the session stand, and how it says that its quota is used up or that it
is not logged in. Each was taken from the agent's documentation on the day that stands in it, and where it could be run here, from
the program itself.

A new agent needs an entry in `ADAPTERS`, and nothing else. Not here: running the program (`agents.processes`), the folder that it
works in and what becomes of its edits (`agent`, `workspace`).
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ..llm.backend import BackendRefused, without_secrets
from ..processes import Ending
from .providers import variables_of
from .results import AgentResult, Field, Pattern, Reads, Signs, read_ending


@dataclass(frozen=True)
class Adapter:
    """How one coding agent is used.

    Attributes
    ----------
    name : str
        What it is called in ``--agent NAME[:MODEL]``.
    title : str
        What it is called in messages.
    program : str
        The command that is started.
    start : tuple of str
        The arguments that make it work without questions, in its folder alone, and print what `reads` expects.
    model : tuple of str
        The arguments that choose a model, with ``{model}``; none: it has no such option.
    budget : tuple of str
        The arguments that limit what one question may cost, with ``{budget}`` in US dollars; none: it has no such option.
    files : tuple of str
        The arguments that name a file which may be changed, with ``{file}``, once for each; none: it finds them by itself.
    prompt : tuple of str
        The last arguments, with ``{text}`` for the instructions; none: they go to its standard input.
    variables : mapping
        Environment variables that it needs besides.
    credentials : tuple of str
        The environment variables that it may see although they hold keys; globs, such as ``OPENAI_*``.
    many_vendors : bool
        Whether the key that it needs is that of its model's vendor.
    needs_model : bool
        Whether it cannot be used without ``:MODEL``.
    own_files : tuple of str
        Globs of files that it leaves in its folder for itself.
    version : tuple of str
        The arguments that make it print its version.
    reads : Reads
        Where in its output what stands.
    signs : Signs
        How it says that it cannot work.
    install, login : str
        What the user does to install it, and to log in.
    documentation, dated : str
        Where all this is documented, and the day on which it was read.
    seen : str
        The version that was run to check it; empty for none.
    note : str
        What a user should know, such as what its permissions do not cover.
    """

    name: str
    title: str
    program: str
    start: tuple[str, ...]
    model: tuple[str, ...] = ()
    budget: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    prompt: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    credentials: tuple[str, ...] = ()
    many_vendors: bool = False
    needs_model: bool = False
    own_files: tuple[str, ...] = ()
    version: tuple[str, ...] = ("--version",)
    reads: Reads = field(default_factory=Reads)
    signs: Signs = field(default_factory=Signs)
    install: str = ""
    login: str = ""
    documentation: str = ""
    dated: str = ""
    seen: str = ""
    note: str = ""

    @property
    def by_stdin(self) -> bool:
        """Whether the instructions go to its standard input, and not to the arguments."""
        return not self.prompt

    @property
    def tells_cost(self) -> bool:
        """Whether it says what a question has cost; where it does not, ``--max-cost`` cannot be kept."""
        return self.reads.cost is not None

    @property
    def tells_tokens(self) -> bool:
        """Whether it says how many tokens a question has used; where it does not, ``--max-tokens`` cannot be kept."""
        return self.reads.output is not None

    def path(self) -> str:
        """Return the absolute path of the program; raise `BackendRefused`, with how to install it, when it is not found."""
        found = shutil.which(self.program)
        if found is None:
            if Path(self.program).is_file():
                raise BackendRefused(f"{self.program} is not executable: run chmod +x {shlex.quote(self.program)}")
            raise BackendRefused(f"There is no command {self.program!r}: {self.install}.")
        return str(Path(found).absolute())

    def arguments(
        self, *, model: str = "", budget: float | None = None, files: Sequence[str] = (), text: str = ""
    ) -> list[str]:
        """Return the arguments after the program's path.

        Parameters
        ----------
        model : str
            The model, as the agent calls it; empty for its own choice.
        budget : float, optional
            US dollars that this question may cost.
        files : sequence of str
            Paths of the files that may be changed, relative to its folder.
        text : str
            The instructions; they are among the arguments only where they do not go to its standard input.

        Raises
        ------
        BackendRefused
            When a model is needed and none is given, or the other way round.
        """
        if self.needs_model and not model:
            raise BackendRefused(f"{self.title} needs a model: --agent {self.name}:MODEL, such as {self.name}:sonnet.")
        if model and not self.model:
            raise BackendRefused(f"{self.title} takes no model: --agent {self.name}.")
        arguments = list(self.start)
        if model:
            arguments += [part.replace("{model}", model) for part in self.model]
        if budget is not None:
            arguments += [part.replace("{budget}", f"{budget:.4f}") for part in self.budget]
        for path in files:
            arguments += [part.replace("{file}", path) for part in self.files]
        return arguments + [part.replace("{text}", text) for part in self.prompt]

    def stdin(self, text: str) -> str:
        """Return what goes to its standard input."""
        return text if self.by_stdin else ""

    def passes(self, model: str = "") -> tuple[str, ...]:
        """Return the globs of the environment variables with keys that it may see: its own, and those of its model's vendor."""
        return self.credentials + (variables_of(model) if self.many_vendors else ())

    def shown(self, model: str = "") -> str:
        """Return the command line for a person, with what is filled in later in capitals."""
        settings = [f"{name}={shlex.quote(value)}" for name, value in self.variables.items()]
        wanted = model or ("MODEL" if self.needs_model else "")
        words = self.arguments(model=wanted, files=["FILE"] if self.files else (), text="INSTRUCTIONS")
        return " ".join([*settings, shlex.join([self.program, *words]), *(["< INSTRUCTIONS"] if self.by_stdin else [])])

    def read(self, ending: Ending, asked: str = "", now: datetime | None = None) -> AgentResult:
        """Return what the ending of its program came to; see `results.read_ending`."""
        return read_ending(ending, self.title, self.reads, self.signs, self.login, asked, now)


_CLAUDE_SANDBOX = '{"sandbox":{"enabled":true,"autoAllowBashIfSandboxed":true,"allowUnsandboxedCommands":false}}'
_OPENCODE_PERMISSION = '{"*":"allow","bash":"deny","external_directory":"deny","question":"deny","doom_loop":"deny"}'

ADAPTERS: dict[str, Adapter] = {
    entry.name: entry
    for entry in (
        Adapter(
            name="claude-code",
            title="Claude Code",
            program="claude",
            # acceptEdits: edits in the working folder need no approval. Commands run in its sandbox, or not at all.
            start=("--print", "--output-format", "json", "--permission-mode", "acceptEdits", "--settings", _CLAUDE_SANDBOX),
            model=("--model", "{model}"),
            budget=("--max-budget-usd", "{budget}"),
            # A limit is waited out by the study, which shows it and can be stopped meanwhile.
            variables={"CLAUDE_CODE_MAX_RETRIES": "2", "DISABLE_AUTOUPDATER": "1"},
            credentials=("ANTHROPIC_*", "CLAUDE_*"),
            own_files=(".claude/**",),
            reads=Reads(
                text=Field("result", {"type": "result"}),
                session=Field("session_id", {"type": "result"}),
                error=Field("result|errors.*|subtype", {"type": "result", "is_error": True}),
                status=Field("api_error_status", {"type": "result"}),
                cost=Field("total_cost_usd", {"type": "result"}),
                input=Field("modelUsage.*.inputTokens|usage.input_tokens", {"type": "result"}, "sum"),
                cached=Field("modelUsage.*.cacheReadInputTokens|usage.cache_read_input_tokens", {"type": "result"}, "sum"),
                written=Field(
                    "modelUsage.*.cacheCreationInputTokens|usage.cache_creation_input_tokens", {"type": "result"}, "sum"
                ),
                output=Field("modelUsage.*.outputTokens|usage.output_tokens", {"type": "result"}, "sum"),
            ),
            signs=Signs(
                limit=r"usage limit reached|hit your .*limit|limit reached .*resets|out of extra usage|API Error: .*\b(?:429|529)\b",
                login=r"not logged in|please run /login|invalid api key|API Error: (?:401|403)|oauth token (?:has )?(?:expired|revoked)",
                refused=r"credit balance is too low|issue with the selected model|organization has been disabled",
            ),
            install="install it by npm install -g @anthropic-ai/claude-code",
            login="run claude and type /login, or set ANTHROPIC_API_KEY",
            documentation="https://code.claude.com/docs/en/headless",
            dated="2026-11-28",
            seen="2.1.197",
            note="On Linux its sandbox needs bubblewrap and socat; without them it edits, but runs no commands.",
        ),
        Adapter(
            name="codex",
            title="Codex",
            program="codex",
            # --ask-for-approval is an option of codex, not of exec.
            start=("--ask-for-approval", "never", "exec", "--json", "--sandbox", "workspace-write", "--skip-git-repo-check"),
            model=("--model", "{model}"),
            variables={},
            credentials=("OPENAI_*", "CODEX_*"),
            own_files=(".codex/**",),
            reads=Reads(
                text=Field("item.text", {"type": "item.completed", "item.type": "agent_message"}),
                session=Field("thread_id", {"type": "thread.started"}),
                error=Field("error.message", {"type": "turn.failed"}),
                trouble=Field("message", {"type": "error"}),
                input=Field("usage.input_tokens", {"type": "turn.completed"}, "sum"),
                cached=Field("usage.cached_input_tokens", {"type": "turn.completed"}, "sum"),
                output=Field("usage.output_tokens", {"type": "turn.completed"}, "sum"),
                cached_in_input=True,
            ),
            signs=Signs(
                limit=r"usage limit|rate limit|quota exceeded|status:? (?:429|503|529)|at capacity|overloaded",
                login=r"status:? 401|not logged in|please (?:log in|run codex login)|refresh token|invalid_api_key|incorrect api key",
                refused=r"model .{0,60}(?:not supported|does not exist|not found)|status 404|unexpected argument|error loading config",
            ),
            install="install it by npm install -g @openai/codex",
            login="run codex login, or set CODEX_API_KEY",
            documentation="https://developers.openai.com/codex/noninteractive",
            dated="2026-11-28",
            seen="0.171.0",
            note="Its sandbox also lets it write to /tmp and $TMPDIR.",
        ),
        Adapter(
            name="gemini",
            title="Gemini CLI",
            program="gemini",
            # auto_edit: edits need no approval; what would need one is refused. An untrusted folder would undo that.
            start=("--output-format", "json", "--approval-mode", "auto_edit", "--skip-trust"),
            model=("--model", "{model}"),
            credentials=("GEMINI_*", "GOOGLE_*"),
            own_files=(".gemini/**",),
            reads=Reads(
                text=Field("response"),
                session=Field("session_id"),
                error=Field("error.message"),
                status=Field("error.code"),
                input=Field("stats.models.*.tokens.prompt", how="sum"),
                cached=Field("stats.models.*.tokens.cached", how="sum"),
                output=Field("stats.models.*.tokens.candidates+stats.models.*.tokens.thoughts", how="sum"),
                cached_in_input=True,
            ),
            signs=Signs(
                limit=r"exceeded your current quota|exhausted your (?:capacity|daily quota)|resource.{1,10}exhausted|failed with status (?:429|503)|overloaded",
                login=r"auth method|api key not valid|api_key_invalid|authentication_error|please log ?in",
                refused=r"model.{0,60}not found|unknown arguments?",
                statuses={41: "login", 42: "refused"},  # its own: no login, wrong arguments
            ),
            install="install it by npm install -g @google/gemini-cli",
            login="run gemini and log in, or set GEMINI_API_KEY",
            documentation="https://geminicli.com/docs/cli/headless",
            dated="2026-11-28",
            seen="0.61.0",
            note="It edits, but runs no commands: these would need an approval.",
        ),
        Adapter(
            name="opencode",
            title="OpenCode",
            program="opencode",
            # What would ask is refused in `run`. Shell commands may leave the folder, as it has no sandbox for them.
            # Its log tells of a limit that it waits out by itself, for as long as the server says.
            start=("run", "--format", "json", "--print-logs", "--log-level", "ERROR"),
            model=("--model", "{model}"),
            variables={"OPENCODE_PERMISSION": _OPENCODE_PERMISSION, "OPENCODE_DISABLE_AUTOUPDATE": "true"},
            credentials=("OPENCODE_*",),
            many_vendors=True,
            own_files=(".opencode/**",),
            reads=Reads(
                text=Field("part.text", {"type": "text"}),
                session=Field("sessionID"),
                error=Field("error.data.message|error.message|error.name", {"type": "error"}),
                status=Field("error.data.statusCode", {"type": "error"}),
                retry_after=Field("error.data.responseHeaders.retry-after", {"type": "error"}),
                cost=Field("part.cost", {"type": "step_finish"}, "sum"),
                input=Field("part.tokens.input", {"type": "step_finish"}, "sum"),
                cached=Field("part.tokens.cache.read", {"type": "step_finish"}, "sum"),
                written=Field("part.tokens.cache.write", {"type": "step_finish"}, "sum"),
                output=Field("part.tokens.output+part.tokens.reasoning", {"type": "step_finish"}, "sum"),
            ),
            signs=Signs(
                limit=r'rate.?limit|usage limit|quota|too many requests|overloaded|stream error".*small=false.*error\.error="(?P<said>[^"]*)',
                login=r"ProviderAuthError|api key is missing|invalid api key|incorrect api key",
                refused=r"ProviderModelNotFoundError|model not found|insufficient (?:balance|credit)",
            ),
            install="install it by npm install -g opencode-ai",
            login="run opencode auth login, or name the model as PROVIDER/MODEL and set its provider's key",
            documentation="https://opencode.ai/docs/cli",
            dated="2026-11-28",
            seen="1.18.33",
            note="It edits, but may run no commands: it has no sandbox for them.",
        ),
        Adapter(
            name="aider",
            title="Aider",
            program="aider",
            # --yes-always answers its questions; shell commands are never run by that.
            start=(
                "--yes-always", "--no-git", "--no-pretty", "--no-stream", "--no-fancy-input", "--no-suggest-shell-commands",
                "--no-detect-urls", "--no-check-update", "--no-show-release-notes", "--no-show-model-warnings", "--no-analytics",
            ),
            model=("--model", "{model}"),
            files=("--file", "{file}"),
            prompt=("--message={text}",),
            credentials=("AIDER_*",),
            many_vendors=True,
            needs_model=True,
            own_files=(".aider*", ".aider*/**"),
            reads=Reads(
                text=Pattern(r"(?s)^(?:Repo-map: [^\n]*|Added [^\n]* to the chat\.)\n\n(.*)"),
                noise=r"^(?:Tokens: .* sent|Applied edit to |Only \d+ reflections allowed|Warning: Input is not a terminal)",
                cost=Pattern(r"^.*Cost: .*\$([\d.]+) session"),
                input=Pattern(r"Tokens: ([\d.,]+[kM]?) sent", "sum"),
                cached=Pattern(r"Tokens: .*?([\d.,]+[kM]?) cache hit", "sum"),
                written=Pattern(r"Tokens: .*?([\d.,]+[kM]?) cache write", "sum"),
                output=Pattern(r"Tokens: .*?([\d.,]+[kM]?) received", "sum"),
            ),
            signs=Signs(
                limit=r"^litellm\.(?:RateLimitError|ServiceUnavailableError)",
                login=r"^litellm\.AuthenticationError|^litellm\.PermissionDeniedError|no API keys were provided|openrouter\.ai/auth\?",
                refused=r"^litellm\.(?:NotFoundError|BadRequestError)|unrecognized arguments|LLM Provider NOT provided",
            ),
            install="install it by python -m pip install aider-install && aider-install",
            login="set the key of the model's vendor, such as ANTHROPIC_API_KEY",
            documentation="https://aider.chat/docs/scripting.html",
            dated="2026-11-28",
            seen="0.86.2",
            note="It runs no commands, and has no permissions to choose: its edits may leave the folder.",
        ),
        Adapter(
            name="cursor",
            title="Cursor",
            program="cursor-agent",
            # Without --force edits in the workspace run, commands run in the sandbox, and all else is refused.
            start=("--print", "--output-format", "json", "--trust", "--sandbox", "enabled"),
            model=("--model", "{model}"),
            prompt=("{text}",),
            credentials=("CURSOR_*",),
            own_files=(".cursor/**",),
            reads=Reads(
                text=Field("result", {"type": "result"}),
                session=Field("session_id", {"type": "result"}),
                error=Field("result|subtype", {"type": "result", "is_error": True}),
            ),
            signs=Signs(
                limit=r"hit your .*limit|usage limit|resource_exhausted|rate limit|too many requests",
                login=r"authentication required|not logged in|unauthenticated|invalid api key",
                refused=r"cannot use this model|model.{0,40}(?:not found|not available)|unknown option",
            ),
            install="install it by curl https://cursor.com/install -fsS | bash",
            login="run cursor-agent login, or set CURSOR_API_KEY",
            documentation="https://cursor.com/docs/cli/headless",
            dated="2026-11-28",
            note="Known from its documentation alone.",
        ),
    )
}  # fmt: skip
"""The coding agents by name."""

EDITOR = "editor"
"""The name in front of the command line of any other program that edits: ``editor:COMMAND LINE``."""


def editor_adapter(line: str) -> Adapter:
    """Return the adapter of any other program that edits files in its working folder.

    It gets the instructions on its standard input, or in the place of ``{text}`` in its command line; what it prints is its
    message. Keys do not pass; ``--pass-env`` names those that should.

    Parameters
    ----------
    line : str
        The command line, split as a shell would split it. No shell runs it, so it has no pipes and no variables.
    """
    shown = f"{EDITOR}:{without_secrets(' '.join(line.split()))[:60]}"
    try:
        words = [os.path.expanduser(word) for word in shlex.split(line)]  # noqa: PTH111 - Path would remove a leading "./"
    except ValueError as error:
        raise BackendRefused(f"The command line cannot be read ({error}): {shown}") from None
    if not words:
        raise BackendRefused(
            "No command was given: use --agent 'editor:COMMAND LINE', as in 'editor:my-agent --quiet'."
        )
    program, *rest = words
    in_arguments = any("{text}" in word for word in rest)
    return Adapter(
        name=shown,
        title=Path(program).name,
        program=program,
        start=() if in_arguments else tuple(rest),
        prompt=tuple(rest) if in_arguments else (),
        install="install it, or give its full path",
        login="log in to it as its documentation says; a key in the environment passes with --pass-env NAME",
    )
