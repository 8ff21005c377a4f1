"""The table of coding agents: what each one is started with, and what it may see."""

import re
import shlex
from datetime import date
from pathlib import Path

import pytest

from autoresearch_magic.agents.editing.adapters import ADAPTERS, editor_adapter
from autoresearch_magic.agents.llm.backend import BackendRefused

NAMES = ("claude-code", "codex", "gemini", "opencode", "aider", "cursor")
UNSAFE = re.compile(r"dangerous|bypass|yolo|danger-full-access|--force|full-auto|skip-permissions|--auto\b")


def test_the_documentation_shows_how_each_agent_is_started():
    text = (Path(__file__).parents[3] / "docs" / "coding-agents.md").read_text()

    for adapter in ADAPTERS.values():
        assert f"\n{adapter.shown()}\n" in text
        assert f"| `{adapter.name}" in text
        assert all(f"`{glob}`" in text for glob in adapter.credentials)
        assert adapter.dated in text
        assert adapter.seen in text


def test_every_coding_agent_of_the_documentation_has_an_entry():
    assert tuple(ADAPTERS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_is_complete(name):
    adapter = ADAPTERS[name]

    assert adapter.install.startswith("install it by ")
    assert adapter.login
    assert adapter.note.endswith(".")
    assert adapter.documentation.startswith("https://")
    assert date.fromisoformat(adapter.dated) >= date(2026, 11, 1)
    assert adapter.signs.limit
    assert adapter.signs.login
    assert adapter.signs.refused
    assert adapter.own_files
    for pattern in (adapter.signs.limit, adapter.signs.login, adapter.signs.refused, adapter.reads.noise):
        re.compile(pattern)


@pytest.mark.parametrize("name", NAMES)
def test_no_agent_is_started_without_any_permissions_at_all(name):
    assert not UNSAFE.search(ADAPTERS[name].shown("some/model"))


@pytest.mark.parametrize("name", NAMES)
def test_model_budget_files_and_instructions_stand_where_the_entry_says(name):
    adapter = ADAPTERS[name]
    text = "Change target.py.\n--not-an-option"

    arguments = adapter.arguments(model="some/model", budget=0.25, files=["a b.py", "c.py"], text=text)

    assert "some/model" in arguments
    assert ("0.2500" in arguments) == bool(adapter.budget)
    assert ("a b.py" in arguments and "c.py" in arguments) == bool(adapter.files)
    assert any(text in word for word in arguments) != adapter.by_stdin
    assert adapter.stdin(text) == (text if adapter.by_stdin else "")
    assert not any(
        "{" in word and "}" in word and word[1:-1] in ("model", "budget", "file", "text") for word in arguments
    )


def test_only_what_is_given_is_among_the_arguments():
    adapter = ADAPTERS["claude-code"]

    assert adapter.arguments() == list(adapter.start)
    assert "--max-budget-usd" not in adapter.arguments(model="opus")


def test_an_agent_that_needs_a_model_says_how_to_name_one():
    with pytest.raises(BackendRefused, match="--agent aider:MODEL"):
        ADAPTERS["aider"].arguments()


def test_an_agent_that_is_not_installed_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BackendRefused, match="no command 'codex': install it by npm install -g @openai/codex"):
        ADAPTERS["codex"].path()


@pytest.mark.parametrize(
    ("name", "model", "globs"),
    [
        ("claude-code", "opus", ("ANTHROPIC_*", "CLAUDE_*")),
        ("codex", "gpt-5", ("OPENAI_*", "CODEX_*")),
        ("opencode", "", ("OPENCODE_*",)),
        ("opencode", "anthropic/claude-sonnet-5", ("OPENCODE_*", "ANTHROPIC_*")),
        ("opencode", "some-vendor/m", ("OPENCODE_*", "SOME_VENDOR_*")),
        ("aider", "sonnet", ("AIDER_*", "ANTHROPIC_*")),
        ("aider", "o3-mini", ("AIDER_*", "OPENAI_*")),
        ("aider", "openrouter/anthropic/claude", ("AIDER_*", "OPENROUTER_*")),
        ("aider", "unheard-of", ("AIDER_*",)),
    ],
)
def test_its_own_credentials_pass_and_those_of_the_vendor_of_its_model(name, model, globs):
    assert ADAPTERS[name].passes(model) == globs


def test_the_command_line_for_a_person_can_be_read_by_a_shell():
    words = shlex.split(ADAPTERS["opencode"].shown("openai/gpt-5").removesuffix(" < INSTRUCTIONS"))

    assert words[0].startswith('OPENCODE_PERMISSION={"*":"allow"')
    assert words[-2:] == ["--model", "openai/gpt-5"]


def test_any_other_program_is_an_editor():
    adapter = editor_adapter("my-agent --quiet 'two words'")

    assert (adapter.program, adapter.arguments(text="Do it.")) == ("my-agent", ["--quiet", "two words"])
    assert adapter.stdin("Do it.") == "Do it."
    assert adapter.passes("") == ()


def test_an_editor_may_take_the_instructions_as_an_argument():
    adapter = editor_adapter("my-agent --prompt={text} --quiet")

    assert adapter.arguments(text="Do it.") == ["--prompt=Do it.", "--quiet"]
    assert adapter.stdin("Do it.") == ""


@pytest.mark.parametrize(("line", "said"), [("", "No command was given"), ("agent 'x", "cannot be read")])
def test_a_command_line_that_cannot_be_used_is_refused(line, said):
    with pytest.raises(BackendRefused, match=said):
        editor_adapter(line)


def test_a_model_for_an_agent_that_takes_none_is_refused():
    with pytest.raises(BackendRefused, match="takes no model"):
        editor_adapter("my-agent").arguments(model="gpt-5")


@pytest.mark.parametrize("name", NAMES)
def test_an_option_is_no_model(name):
    with pytest.raises(BackendRefused, match="--dangerously-x is an option and no model"):
        ADAPTERS[name].arguments(model="--dangerously-x")
