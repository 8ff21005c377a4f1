"""Reading what coding agents print: the stand-ins' output, through the real way of running a program."""

import json
from datetime import UTC, datetime

import pytest

from autoresearch_magic.agents.editing.adapters import ADAPTERS, editor_adapter
from autoresearch_magic.agents.editing.results import json_objects
from autoresearch_magic.agents.environment import agent_environment
from autoresearch_magic.agents.processes import Ending, run_program

from .standins import PROGRAMS

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
NAMES = tuple(ADAPTERS)
SESSIONS = dict.fromkeys(NAMES, "0b8f7a52-6f0e-4f4e-9d53-3f1f2a7c9e10") | {"opencode": "ses_1", "aider": ""}
TELLS_USE = ("claude-code", "codex", "gemini", "opencode", "aider")


@pytest.fixture
def ask(standins, tmp_path):
    folder = tmp_path / "folder"

    def ask(name, *, text="Lower it.", deadline=20.0):
        adapter = ADAPTERS[name]
        folder.mkdir(exist_ok=True)
        (folder / "target.py").write_text("rate = 10.0\n")
        ending = run_program(
            [adapter.path(), *adapter.arguments(model="openai/m", budget=0.5, files=["target.py"], text=text)],
            text=adapter.stdin(text), folder=folder, env=agent_environment(adapter.passes()) | dict(adapter.variables),
            deadline=deadline, wait=lambda seconds, reason: None,
        )  # fmt: skip
        return adapter.read(ending, text, NOW)

    ask.folder = folder
    return ask


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_each_agent_edits_and_tells_message_session_and_use(ask, standins, name):
    result = ask(name, text="Lower it.\n--and nothing else")

    assert result.problem is None
    assert result.text.startswith("I changed target.py.\n<summary>Step 1 of the stand-in</summary>")
    assert (ask.folder / "target.py").read_text() == "rate = 8.000001\n"
    assert result.session == SESSIONS[name]
    assert result.usage.calls == 1
    assert (result.usage.output == 80) == (name in TELLS_USE)
    assert (result.usage.input + result.usage.cached == 1200) == (name in TELLS_USE)
    assert result.usage.cost == (0.024 if ADAPTERS[name].tells_cost else None)
    (call,) = standins.calls
    assert (call["program"], call["model"]) == (ADAPTERS[name].program, "openai/m")
    assert call["text"] == "Lower it.\n--and nothing else"


def test_what_an_agent_tells_is_what_its_entry_says():
    assert [n for n in NAMES if ADAPTERS[n].tells_cost] == ["claude-code", "opencode", "aider"]
    assert tuple(n for n in NAMES if ADAPTERS[n].tells_tokens) == TELLS_USE


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_quota_is_a_limit_that_passes(ask, standins, name):
    standins.behave("quota")

    problem = ask(name).problem

    assert problem.kind == "limit"
    assert problem.line.startswith(f"{ADAPTERS[name].title} is at its limit: ")
    seconds = {"claude-code": 3 * 3600 + 60.0, "cursor": None}
    assert problem.seconds == seconds.get(name, 7500.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_missing_login_says_how_to_log_in(ask, standins, name):
    standins.behave("login")

    problem = ask(name).problem

    assert problem.kind == "refused"
    assert problem.line.startswith(f"{ADAPTERS[name].title} is not logged in (")
    assert problem.line.endswith(f": {ADAPTERS[name].login}.")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_model_is_refused(ask, standins, name):
    standins.behave("unknown-model")

    problem = ask(name).problem

    assert problem.kind == "refused"
    assert problem.line.startswith(f"{ADAPTERS[name].title} cannot work: ")


@pytest.mark.slow
def test_a_question_that_has_cost_what_it_may_is_a_failure_whose_cost_counts(ask, standins):
    standins.behave("budget")

    result = ask("claude-code")

    assert result.problem.line == "Claude Code ended with exit code 1: Reached maximum budget ($0.5000)."
    assert (result.usage.cost, result.usage.output) == (0.024, 80)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("mode", "said"), [("die", "ended with SIGKILL"), ("crash", "ended with exit code 1: TypeError: undefined is not a function")]
)  # fmt: skip
def test_a_crash_is_a_failure_that_says_so(ask, standins, name, mode, said):
    standins.behave(mode)

    problem = ask(name).problem

    assert problem.kind == "failed"
    assert problem.line == f"{ADAPTERS[name].title} {said}."


@pytest.mark.slow
def test_hanging_and_endless_output_are_failures(ask, standins):
    standins.behave("hang", "flood")

    hung, flooded = ask("claude-code", deadline=0.5), ask("codex")

    assert "gave no answer within" in hung.problem.line
    assert flooded.problem.line == "Codex wrote more than 4 MiB and was ended."
    assert hung.usage.calls == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_long_and_foreign_messages_are_messages(ask, standins, name):
    standins.behave("megabyte", "foreign")

    long, foreign = ask(name), ask(name)

    assert long.problem is None and len(long.text) > 1_000_000  # noqa: PT018
    assert foreign.problem is None
    assert foreign.text == "J'ai réduit le pas d'apprentissage : la perte devrait baisser. 学习率太高了。"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_words_about_limits_are_no_limit(ask, standins, name):
    standins.behave({"say": "I added a retry after the usage limit: HTTP 429, not logged in, unknown model."})

    result = ask(name)

    assert result.problem is None


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_stand_ins_refuse_flags_that_the_real_programs_do_not_know(standins, program, tmp_path):
    ending = run_program(
        [str(standins.folder / program), "--no-such-flag"],
        text="", folder=tmp_path, env=agent_environment(), deadline=20.0, wait=lambda seconds, reason: None,
    )  # fmt: skip

    assert ending.code
    assert "no-such-flag" in ending.errors or program == "opencode"  # the real one prints its help alone
    assert standins.calls == []
    adapter = next(each for each in ADAPTERS.values() if each.program == program)
    assert adapter.read(ending).problem.kind == "refused"


@pytest.mark.parametrize(
    "output",
    [
        "", "{", "not JSON", '{"type":"result"', "[1, 2]", '{"type": "result", "result": 7, "usage": "much", "total_cost_usd": "dear"}',
        '{"type":"result","total_cost_usd":-1,"usage":{"input_tokens":1e400,"output_tokens":NaN}}', "{" * 5000, '{"a":' * 5000,
        '{"type":"result","usage":{"input_tokens":' + "9" * 5000 + "}}", "\x00\x1b[31m{}\n{}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", [*NAMES, "editor"])
def test_garbage_is_read_without_an_error(name, output):
    adapter = editor_adapter("some-agent") if name == "editor" else ADAPTERS[name]

    for code in (0, 1):
        result = adapter.read(Ending("p", code, output, "", 1.0))
        assert 0 <= result.usage.input <= 2**63 - 1
        assert result.usage.cost is None or result.usage.cost >= 0
        assert (result.problem is not None) or not code


def test_objects_are_found_between_other_lines():
    text = 'warming up\n{"a": 1}\nnoise {"b": 2}\n{\n  "c": {\n    "d": 3\n  }\n}\n{"e": 4}{"f": 5}\n'

    assert list(json_objects(text)) == [{"a": 1}, {"c": {"d": 3}}, {"e": 4}, {"f": 5}]


def test_prose_from_an_agent_that_was_asked_for_json_is_its_message():
    result = ADAPTERS["claude-code"].read(Ending("claude", 0, "I lowered the rate.\n", "", 2.0))

    assert (result.text, result.problem) == ("I lowered the rate.", None)


def test_only_the_last_message_of_several_counts():
    events = [
        {"type": "item.completed", "item": {"type": "agent_message", "text": "First I look."}},
        {"type": "item.completed", "item": {"type": "reasoning", "text": "Hm."}},
        {"type": "item.completed", "item": {"type": "agent_message", "text": "Done."}},
        {"type": "turn.completed", "usage": {"input_tokens": 100, "cached_input_tokens": 60, "output_tokens": 7}},
        {"type": "turn.completed", "usage": {"input_tokens": 50, "cached_input_tokens": 40, "output_tokens": 3}},
    ]

    result = ADAPTERS["codex"].read(Ending("codex", 0, "\n".join(map(json.dumps, events)), "", 2.0))

    assert result.text == "Done."
    assert (result.usage.input, result.usage.cached, result.usage.output) == (50, 100, 10)


def test_an_editor_says_what_it_prints():
    result = editor_adapter("some-agent").read(Ending("some-agent", 0, "\x1b[1mA smaller rate.\x1b[0m\n", "", 2.0))

    assert (result.text, result.problem, result.usage.cost) == ("A smaller rate.", None, None)


def test_a_limit_in_the_prose_of_an_editor_that_ended_well_is_a_guess():
    adapter = editor_adapter("some-agent")

    guess = adapter.read(Ending("some-agent", 0, "Usage limit reached, resets in 5 minutes", "", 2.0))
    failure = adapter.read(Ending("some-agent", 1, "Usage limit reached, resets in 5 minutes", "", 2.0))

    assert (guess.problem.kind, guess.problem.seconds, guess.guessed) == ("limit", 300.0, True)
    assert (failure.problem.kind, failure.guessed) == ("limit", False)


def test_a_limit_that_an_agent_waits_out_by_itself_is_told_when_it_is_ended():
    log = (
        'timestamp=2026-11-28T15:34:00.748Z level=ERROR run=d0e61eb8 message="stream error" providerID=loop modelID=loop small=false '
        'agent=build mode=primary error.error="AI_APICallError: the words of the server"\n'
    )

    cut = ADAPTERS["opencode"].read(Ending("opencode", -9, "", log, 600.0, "deadline"))
    ended = ADAPTERS["opencode"].read(Ending("opencode", 0, '{"type":"text","part":{"text":"Done."}}', log, 9.0))

    assert (cut.problem.kind, cut.problem.line) == (
        "limit",
        "OpenCode is at its limit: AI_APICallError: the words of the server.",
    )
    assert (ended.problem, ended.text) == (None, "Done.")


def test_trouble_that_an_agent_has_overcome_is_no_error():
    trouble = {
        "type": "error",
        "message": "Reconnecting... 1/5 (exceeded retry limit, last status: 429 Too Many Requests)",
    }
    done = {"type": "item.completed", "item": {"type": "agent_message", "text": "Done."}}
    events = [json.dumps(trouble), json.dumps(done)]

    overcome = ADAPTERS["codex"].read(Ending("codex", 0, "\n".join(events), "", 9.0))
    ended = ADAPTERS["codex"].read(Ending("codex", -9, events[0], "", 600.0, "deadline"))

    assert (overcome.text, overcome.problem) == ("Done.", None)
    assert ended.problem.kind == "limit"
    assert "429 Too Many Requests" in ended.problem.line


def test_a_limit_before_a_complete_answer_has_been_overcome():
    limit = "litellm.RateLimitError: RateLimitError: OpenAIException - too fast\nRetrying in 0.2 seconds...\n"
    answer = "A smaller rate.\n\nTokens: 1.2k sent, 80 received. Cost: $0.0038 message, $0.0038 session.\nApplied edit to target.py\n"
    head = "Aider v0.86.2\nRepo-map: disabled\nAdded target.py to the chat.\n\n"

    overcome = ADAPTERS["aider"].read(Ending("aider", 0, head + limit + answer, "", 9.0))
    failed = ADAPTERS["aider"].read(Ending("aider", 0, head + answer + limit, "", 9.0))

    assert overcome.problem is None
    assert failed.problem.kind == "limit"


def test_what_an_agent_calls_its_error_counts_more_than_its_log():
    error = {
        "type": "error",
        "sessionID": "s",
        "error": {"name": "APIError", "data": {"message": "no such thing", "statusCode": 404}},
    }

    result = ADAPTERS["opencode"].read(
        Ending("opencode", 1, json.dumps(error), "rate limit, quota, invalid api key", 9.0)
    )

    assert (result.problem.kind, result.problem.line) == ("refused", "OpenCode cannot work: no such thing.")
