"""The coding agents that can propose by editing: one entry of a table for each.

An entry says how the agent is started without questions and with permissions for its folder alone, how it gets model and budget,
where in its output the message, the cost, the tokens and the session stand, and how it says that its quota is used up or that it
is not logged in; `Adapter` explains each part. Each was taken from the agent's documentation on the day that stands in it, and where
it could be run here, from the program itself.

A new agent needs an entry here, and nothing else.
"""

from __future__ import annotations

from .adapter import EDITOR as EDITOR
from .adapter import Adapter as Adapter
from .adapter import editor_adapter as editor_adapter
from .results import Field, Pattern, Reads, Signs

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
            state=(".claude", ".claude.json", ".cache/claude", ".cache/claude-cli-nodejs", ".config/claude", ".local/share/claude", ".local/state/claude"),
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
            note="On Linux its sandbox needs bubblewrap and socat; without them it edits, and runs only simple commands on files.",
        ),
        Adapter(
            name="codex",
            title="Codex",
            program="codex",
            # --ask-for-approval is an option of codex, not of exec.
            start=("--ask-for-approval", "never", "exec", "--json", "--sandbox", "workspace-write", "--skip-git-repo-check"),
            model=("--model", "{model}"),
            credentials=("OPENAI_*", "CODEX_*"),
            own_files=(".codex/**",),
            state=(".codex",),
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
            state=(".gemini", ".cache/gemini", ".config/gemini"),
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
            state=(".opencode", ".config/opencode", ".local/share/opencode", ".local/state/opencode", ".cache/opencode"),
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
                limit=r'rate.?limit|usage limit|quota|too many requests|overloaded|stream error".*small=false.*error\.error="(?P<said>(?!AI_APICallError: Cannot connect)[^"]*)',
                login=r"ProviderAuthError|api key is missing|invalid api key|incorrect api key",
                refused=r'(?P<said>ProviderModelNotFoundError: [^"]*)|model not found|insufficient (?:balance|credit)|^opencode run \[message',
            ),
            install="install it by npm install -g opencode-ai",
            login="run opencode auth login, or name the model as PROVIDER/MODEL and set its provider's key",
            documentation="https://opencode.ai/docs/cli",
            dated="2026-11-28",
            seen="1.18.33",
            note="It edits, but may run no commands: it has no sandbox for them. Without a model it takes its own default, which may be a free one of its maker; it calls a model unknown whose vendor has no key.",
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
            variables={"COLUMNS": "500"},  # where it breaks lines
            credentials=("AIDER_*",),
            many_vendors=True,
            needs_model=True,
            own_files=(".aider*", ".aider*/**"),
            state=(".aider", ".aider.conf.yml", ".aider.model.settings.yml", ".aider.model.metadata.json", ".cache/aider"),
            reads=Reads(
                text=Pattern(r"(?s)^(?:Repo-map: [^\n]*|Added [^\n]* to the chat\.)\n\n(.*)"),
                noise=r"^(?:Tokens: .* sent|Applied edit to |Only \d+ reflections allowed|Warning: Input is not a terminal)",
                done=r"^Tokens: .* sent",
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
            state=(".cursor", ".config/cursor", ".config/Cursor", ".cache/cursor-compile-cache", ".local/share/cursor-agent"),
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
