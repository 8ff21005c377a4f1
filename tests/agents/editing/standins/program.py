"""One program that plays each coding agent, by the name under which it is started.

Flags are those of the real programs' help in the versions of `adapters.ADAPTERS`, and checked: an unknown one is an error, and so is a
missing one without which the real program would ask, or edit nothing. Output, exit codes and error messages are those of the real
programs, as they came from a server on loopback (claude 2.1.197, codex 0.171.0, gemini 0.61.0, opencode 1.18.33, aider 0.86.2), and
Cursor's from its documentation.

Which of `MODES` it plays stands in ``steps.json`` beside it, or in the environment variable STANDIN_MODE.
"""

import fcntl
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

HERE = Path(sys.argv[0]).resolve().parent
NAME = Path(sys.argv[0]).name
SESSION = "0b8f7a52-6f0e-4f4e-9d53-3f1f2a7c9e10"
INPUT, CACHED, OUTPUT, COST = 1200, 200, 80, 0.024
LATER = "3pm (UTC)"

# name: (option: number of values), (what must be there, with its value)
OPTIONS = {
    "claude": (
        {"-p": 0, "--print": 0, "--output-format": 1, "--permission-mode": 1, "--settings": 1, "--model": 1, "--max-budget-usd": 1,
         "--allowedTools": 1, "--verbose": 0, "--no-session-persistence": 0},
        {"--print": None, "--output-format": "json", "--permission-mode": "acceptEdits"},
    ),
    "codex": (
        {"-a": 1, "--ask-for-approval": 1, "--json": 0, "-s": 1, "--sandbox": 1, "--skip-git-repo-check": 0, "-m": 1, "--model": 1,
         "-c": 1, "--config": 1, "--ephemeral": 0, "-C": 1, "--cd": 1},
        {"exec": None, "--json": None, "--sandbox": "workspace-write", "--skip-git-repo-check": None},
    ),
    "gemini": (
        {"-m": 1, "--model": 1, "-p": 1, "--prompt": 1, "--output-format": 1, "-o": 1, "--approval-mode": 1, "--skip-trust": 0},
        {"--output-format": "json", "--approval-mode": "auto_edit", "--skip-trust": None},
    ),
    "opencode": ({"--format": 1, "--print-logs": 0, "--log-level": 1, "-m": 1, "--model": 1, "--agent": 1, "--title": 1, "--dir": 1}, {"run": None, "--format": "json"}),
    "aider": (
        {"--yes-always": 0, "--no-git": 0, "--no-pretty": 0, "--no-stream": 0, "--no-fancy-input": 0, "--no-suggest-shell-commands": 0,
         "--no-detect-urls": 0, "--no-check-update": 0, "--no-show-release-notes": 0, "--no-show-model-warnings": 0,
         "--no-analytics": 0, "--model": 1, "--file": 1, "--message": 1},
        {"--yes-always": None, "--no-git": None, "--no-pretty": None, "--message": None},
    ),
    "cursor-agent": (
        {"-p": 0, "--print": 0, "--output-format": 1, "--trust": 0, "--sandbox": 1, "--model": 1},
        {"--print": None, "--output-format": "json", "--trust": None, "--sandbox": "enabled"},
    ),
}  # fmt: skip
VERSIONS = {
    "claude": "2.1.197 (Claude Code)", "codex": "codex-cli 0.171.0", "gemini": "0.61.0", "opencode": "1.18.33",
    "aider": "aider 0.86.2", "cursor-agent": "2026.11.20-a1b2c3d",
}  # fmt: skip
UNKNOWN = {
    "claude": (1, "error: unknown option '{}'"), "codex": (2, "error: unexpected argument '{}' found"),
    "gemini": (1, "Unknown arguments: {}"), "opencode": (1, "opencode run [message..]\n\nrun opencode with a message"),
    "aider": (2, "aider: error: unrecognized arguments: {}"), "cursor-agent": (1, "error: unknown option '{}'"),
}  # fmt: skip


def main():
    if sys.argv[1:] in (["--version"], ["-v"]):
        return print(VERSIONS[NAME])
    given, words = read_arguments(sys.argv[1:])
    text = instructions(given, words)
    number, step = next_step()
    mode = os.environ.get("STANDIN_MODE") or step.get("mode", "edit")
    note(number, mode, text, given)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    time.sleep(step.get("seconds", 0))
    if mode == "hang":
        print("Thinking...", file=sys.stderr, flush=True)
        time.sleep(3600)
    elif mode == "flood":
        while True:
            print("all work and no play " * 100)
    elif mode in ("quota", "login", "unknown-model"):
        refuse(mode, given)
    files = [] if mode == "nothing" else change(number, step, given)
    if mode == "outside":
        Path("outside.txt").write_text("no part of the scope\n")
        if step.get("outside"):
            with open(step["outside"], "a") as file:
                file.write("an agent was here\n")
    if mode == "budget" and NAME == "claude":
        say_claude(
            "",
            "some-model",
            step.get("cost", COST),
            INPUT,
            errors=[f"Reached maximum budget (${given['--max-budget-usd'][-1]})"],
        )
        sys.exit(1)
    if mode == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "crash":
        print("TypeError: undefined is not a function", file=sys.stderr)
        sys.exit(1)
    answer(message(mode, number, step, files), files, given, step)


def read_arguments(arguments):
    known, needed = OPTIONS[NAME]
    given, words = {}, []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        option, equals, value = word.partition("=")
        if not word.startswith("-") or word == "-":
            words.append(word)
        elif option not in known:
            code, line = UNKNOWN[NAME]
            print(line.format(word), file=sys.stderr)
            sys.exit(code)
        elif not known[option]:
            given[option] = True
        else:
            given.setdefault(option, []).append(value if equals else rest.pop(0))
    for short, long in (
        ("-p", "--print"),
        ("-s", "--sandbox"),
        ("-a", "--ask-for-approval"),
        ("-m", "--model"),
        ("-o", "--output-format"),
    ):
        if short in given and long in known:
            given[long] = given.pop(short)
    command = {"codex": "exec", "opencode": "run"}.get(NAME)
    if command and words[:1] == [command]:
        given[words.pop(0)] = True
    for option, value in needed.items():
        if option not in given or (value and given[option] != [value]):
            print(f"{NAME}: {option} {value or ''} is missing: it would ask, or edit nothing", file=sys.stderr)
            sys.exit(64)
    if NAME == "opencode":
        permission = json.loads(os.environ.get("OPENCODE_PERMISSION", "{}"))
        if permission.get("external_directory") != "deny" or permission.get("*", permission.get("edit")) != "allow":
            print("opencode: OPENCODE_PERMISSION allows no edits, or edits outside", file=sys.stderr)
            sys.exit(64)
    return given, words


def instructions(given, words):
    if NAME == "aider":
        return given["--message"][-1]
    if NAME == "cursor-agent":
        return " ".join(words)
    if words and words != ["-"]:
        print(f"{NAME}: instructions among the arguments: {words}", file=sys.stderr)
        sys.exit(64)
    return sys.stdin.read()


def next_step():
    """Return the number of this call, from 1, and what it is to do."""
    with open(HERE / "count", "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        number = int(file.read() or 0) + 1
        file.truncate(0)
        file.write(str(number))
    steps = json.loads((HERE / "steps.json").read_text())
    return number, steps[(number - 1) % len(steps)]


def note(number, mode, text, given):
    files = sorted(str(p) for p in Path().rglob("*") if p.is_file() and ".git" not in p.parts)
    call = {
        "number": number, "program": NAME, "arguments": sys.argv[1:], "model": (given.get("--model") or [""])[-1], "text": text,
        "folder": os.getcwd(), "files": files, "variables": dict(os.environ), "mode": mode,
    }  # fmt: skip
    with open(HERE / "calls.jsonl", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps(call) + "\n")


def change(number, step, given):
    """Edit files; return their paths."""
    changed = []
    for path, text in step.get("write", {}).items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
        changed.append(path)
    for path, (pattern, replacement) in step.get("replace", {}).items():
        Path(path).write_text(re.sub(pattern, replacement, Path(path).read_text(), flags=re.MULTILINE))
        changed.append(path)
    for path in step.get("delete", []):
        Path(path).unlink()
        changed.append(path)
    if {"write", "replace", "delete"} & step.keys():
        return changed
    # Without orders: the first number of the first file that may be changed, a bit smaller or larger in turns.
    candidates = [Path(p) for p in given.get("--file", [])] or sorted(
        Path().rglob("*.py"), key=lambda p: (p.name != "target.py", p)
    )
    for path in candidates:
        if not os.access(path, os.W_OK) or not path.stat().st_mode & 0o200:
            continue
        text = path.read_text()
        found = re.search(r"^(\w+ *= *)(-?\d+(?:\.\d+)?)\s*(?:#.*)?$", text, re.MULTILINE)
        if found:
            value = float(found[2]) * (0.8 if number % 3 else 1.1) + number * 1e-6  # never the same text twice
            path.write_text(f"{text[: found.start(2)]}{value:.8g}{text[found.end(2) :]}")
            return [str(path)]
    return []


def message(mode, number, step, files):
    if "say" in step:
        return step["say"]
    if mode == "megabyte":
        return "A smaller number. " + "I thought about it for a long time. " * 30_000
    if mode == "foreign":
        return "J'ai réduit le pas d'apprentissage : la perte devrait baisser. 学习率太高了。"
    if mode == "nothing":
        return "I looked at everything and found nothing that would help."
    return (
        f"I changed {', '.join(files) or 'nothing'}.\n<summary>Step {number} of the stand-in</summary>\n"
        "<hypothesis>A smaller number fits better</hypothesis>"
    )


def answer(text, files, given, step):
    model = (given.get("--model") or ["some-model"])[-1]
    cost, tokens = step.get("cost", COST), step.get("tokens", INPUT)
    if NAME == "claude":
        say_claude(text, model, cost, tokens)
    elif NAME == "codex":
        events = [
            {"type": "thread.started", "thread_id": SESSION},
            {"type": "turn.started"},
            {"type": "item.completed", "item": {"id": "item_0", "type": "agent_message", "text": "I will look at the files first."}},
            {"type": "item.completed", "item": {
                "id": "item_1", "type": "file_change", "status": "completed",
                "changes": [{"path": os.path.abspath(f), "kind": "update"} for f in files]}},
            {"type": "item.completed", "item": {"id": "item_2", "type": "agent_message", "text": text}},
            {"type": "turn.completed", "usage": {
                "input_tokens": tokens, "cached_input_tokens": CACHED, "cache_write_input_tokens": 0, "output_tokens": OUTPUT,
                "reasoning_output_tokens": 0}},
        ]  # fmt: skip
        print("Reading prompt from stdin...", file=sys.stderr)
        print("\n".join(map(json.dumps, events)))
    elif NAME == "gemini":
        counts = {
            "input": tokens - CACHED, "prompt": tokens, "candidates": OUTPUT, "total": tokens + OUTPUT, "cached": CACHED,
            "thoughts": 0, "tool": 0,
        }  # fmt: skip
        api = {"totalRequests": 2, "totalErrors": 0, "totalLatencyMs": 452, "errorsByType": {}}
        stats = {
            "models": {model: {"api": api, "tokens": counts, "roles": {"main": {"totalRequests": 2, "tokens": counts}}}},
            "tools": {"totalCalls": 1, "totalSuccess": 1, "totalFail": 0}, "files": {"totalLinesAdded": 1, "totalLinesRemoved": 1},
        }  # fmt: skip
        print("Ripgrep is not available. Falling back to GrepTool.", file=sys.stderr)
        print(json.dumps({"session_id": SESSION, "response": text, "stats": stats}, indent=2))
    elif NAME == "opencode":
        finish = {
            "type": "step-finish", "reason": "stop", "cost": cost,
            "tokens": {"total": tokens + OUTPUT, "input": tokens - CACHED, "output": OUTPUT, "reasoning": 0,
                       "cache": {"write": 0, "read": CACHED}},
        }  # fmt: skip
        for kind, part in (
            ("step_start", {"type": "step-start"}),
            *(
                (
                    "tool_use",
                    {"type": "tool", "tool": "edit", "state": {"status": "completed", "input": {"filePath": f}}},
                )
                for f in files
            ),
            ("text", {"type": "text", "text": text}),
            ("step_finish", finish),
        ):
            print(json.dumps({"type": kind, "timestamp": 1795877463874, "sessionID": "ses_1", "part": part}))
    elif NAME == "aider":
        start_aider(given)
        print(
            f"{text}\n\nTokens: {tokens / 1000:.1f}k sent, {OUTPUT} received. Cost: ${cost} message, ${cost} session."
        )
        for path in files:
            print(f"Applied edit to {path}")
        Path(".aider.chat.history.md").write_text("# aider chat started\n")
        Path(".aider.input.history").write_text("# 2026-11-28\n")
    else:
        print(json.dumps({
            "type": "result", "subtype": "success", "is_error": False, "duration_ms": 1234, "duration_api_ms": 1234,
            "result": text, "session_id": SESSION, "request_id": "r-1"}))  # fmt: skip


def start_aider(given):
    model = given["--model"][-1]
    print(
        f"Aider v0.86.2\nMain model: {model} with diff edit format\nWeak model: {model}\nGit repo: none\nRepo-map: disabled"
    )
    for path in given.get("--file", []):
        print(f"Added {path} to the chat.")
    print()


def say_claude(text, model, cost, tokens, *, error=False, status=None, errors=None):
    used = 0 if error else 1
    kind = {"subtype": "error_max_budget_usd", "errors": errors} if errors else {"subtype": "success", "result": text}
    print(json.dumps({
        "type": "result", **kind, "is_error": error or bool(errors), "api_error_status": status, "duration_ms": 811, "duration_api_ms": 448,
        "num_turns": 2, "stop_reason": "end_turn", "session_id": SESSION, "total_cost_usd": cost * used,
        "usage": {"input_tokens": (tokens - CACHED) * used, "cache_creation_input_tokens": 0, "cache_read_input_tokens": CACHED * used,
                  "output_tokens": OUTPUT * used, "service_tier": "standard"},
        "modelUsage": {model: {"inputTokens": tokens - CACHED, "outputTokens": OUTPUT, "cacheReadInputTokens": CACHED,
                               "cacheCreationInputTokens": 0, "costUSD": cost}} if used else {},
        "permission_denials": [], "terminal_reason": "completed"}))  # fmt: skip


def refuse(mode, given):
    """Print what the real program prints when it cannot work, and leave."""
    if NAME == "claude":
        text, status = {
            "quota": (f"You've hit your limit · resets {LATER}", 429),
            "login": ("Not logged in · Please run /login", None),
            "unknown-model": (
                "There's an issue with the selected model (x). It may not exist or you may not have access to it.",
                404,
            ),
        }[mode]
        say_claude(text, "", 0.0, 0, error=True, status=status)
        sys.exit(1)
    if NAME == "codex":
        text = {
            "quota": "You've hit your usage limit. Upgrade to Pro (https://openai.com/chatgpt/pricing) or try again in 2 hours 5 minutes.",
            "login": "unexpected status 401 Unauthorized: Missing bearer or basic authentication in header, url: https://127.0.0.1/v1/responses",
            "unknown-model": "unexpected status 404 Not Found: The model `x` does not exist, url: https://127.0.0.1/v1/responses",
        }[mode]
        for event in ({"type": "thread.started", "thread_id": SESSION}, {"type": "turn.started"}, {"type": "error", "message": text},
                      {"type": "turn.failed", "error": {"message": text}}):  # fmt: skip
            print(json.dumps(event))
        sys.exit(1)
    if NAME == "gemini":
        text, code, leave = {
            "quota": ("You have exhausted your capacity on this model. Your quota will reset after 2h5m0s.", 429, 173),
            "login": (
                "Please set an Auth method in your settings.json or specify one of the following environment variables before running: "
                "GEMINI_API_KEY, GOOGLE_GENAI_USE_VERTEXAI, GOOGLE_GENAI_USE_GCA", 41, 41,
            ),
            "unknown-model": ("models/x is not found for API version v1beta, or is not supported for generateContent.", 404, 148),
        }[mode]  # fmt: skip
        if mode == "quota":
            print(f"Attempt 1 failed: {text}. Retrying after 6173ms...", file=sys.stderr)
        print(
            json.dumps({"session_id": SESSION, "error": {"type": "Error", "message": text, "code": code}}, indent=2),
            file=sys.stderr,
        )
        sys.exit(leave)
    if NAME == "opencode":
        headers = {"content-type": "application/json", "retry-after": "7500"}
        error = {
            "quota": {"name": "APIError", "data": {
                "message": "Too many tokens", "statusCode": 429, "isRetryable": True, "responseHeaders": headers}},
            "login": {"name": "APIError", "data": {"message": "Incorrect API key provided", "statusCode": 401, "isRetryable": False}},
            "unknown-model": {"name": "UnknownError", "data": {
                "message": "Unexpected server error. Check server logs for details.", "ref": "err_9a14558a"}},
        }[mode]  # fmt: skip
        if mode == "unknown-model":  # which is told by its log alone
            failure = "ProviderModelNotFoundError: Model not found: x/y. Did you mean: z?"
            print(
                f'level=ERROR message=failed ref=err_9a14558a error="{failure}" cause="{failure}\\n    at <anonymous>"',
                file=sys.stderr,
            )
        print(json.dumps({"type": "error", "timestamp": 1795877630451, "sessionID": "ses_1", "error": error}))
        sys.exit(1)
    if NAME == "aider":
        start_aider(given)
        print({
            "quota": "litellm.RateLimitError: RateLimitError: OpenAIException - Please try again in 2h5m.\n"
                     "The API provider has rate limited you. Try again later or check your quotas.\nRetrying in 32.0 seconds...",
            "login": "litellm.AuthenticationError: AuthenticationError: OpenAIException - Incorrect API key provided\n"
                     "The API provider is not able to authenticate you. Check your API key.",
            "unknown-model": "litellm.NotFoundError: NotFoundError: OpenAIException - The model x does not exist",
        }[mode] + "\n")  # fmt: skip
        sys.exit(0)
    print({
        "quota": "Error: You've hit your usage limit\n  Get Cursor Pro for more Agent usage, unlimited Tab, and more.",
        "login": "Error: Authentication required. Please run 'agent login' first, or set CURSOR_API_KEY environment variable.",
        "unknown-model": "Cannot use this model: x. Available models: auto, composer-2",
    }[mode], file=sys.stderr)  # fmt: skip
    sys.exit(1)


main()
