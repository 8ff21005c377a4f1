"""Which environment variables an agent's program gets."""

import pytest

from autoresearch_magic.agents.editing.adapters import ADAPTERS
from autoresearch_magic.agents.environment import agent_environment, whole_environment
from autoresearch_magic.runners.environment import experiment_environment

PLAIN = {
    "PATH": "/usr/bin", "HOME": "/home/u", "LANG": "C.UTF-8", "PWD": "/home/u", "OLDPWD": "/", "TERM": "xterm", "SHELL": "/bin/sh", "TMPDIR": "/t",
    "PYTHONPATH": "src", "VIRTUAL_ENV": "/v", "CONDA_PREFIX": "/c", "NVM_DIR": "/n", "CUDA_VISIBLE_DEVICES": "0", "XDG_CONFIG_HOME": "/x",
    "NVIDIA_VISIBLE_DEVICES": "all", "HF_HOME": "/hf", "DISPLAY": ":0", "EDITOR": "vi", "COLORTERM": "1", "MY_SETTING": "https://example.org/a",
    "COMPANY": "a:b@c", "DDEV": "1", "OPTION": "x",
}  # fmt: skip
NETWORK = {
    "HTTPS_PROXY": "http://user:pass@proxy:3128", "https_proxy": "http://proxy", "NO_PROXY": "localhost", "ALL_PROXY": "socks5://p",
    "SSL_CERT_FILE": "/ca.pem", "NODE_EXTRA_CA_CERTS": "/ca.pem", "REQUESTS_CA_BUNDLE": "/ca.pem", "NODE_TLS_REJECT_UNAUTHORIZED": "1",
    "npm_config_https_proxy": "http://proxy", "AWS_CA_BUNDLE": "/ca.pem",
}  # fmt: skip
FOREIGN = {
    "OPENAI_API_KEY": "1", "OPENAI_BASE_URL": "http://x", "GEMINI_API_KEY": "1", "GOOGLE_APPLICATION_CREDENTIALS": "/g.json",
    "AWS_ACCESS_KEY_ID": "1", "AWS_PROFILE": "p", "AZURE_OPENAI_ENDPOINT": "https://x", "HF_TOKEN": "1", "GITHUB_TOKEN": "1", "GH_HOST": "x",
    "NPM_TOKEN": "1", "OLLAMA_HOST": "x", "MYVENDOR_BASE_URL": "x", "MYVENDOR_API_BASE": "x", "SOME_ENDPOINT": "x", "DB_PASSWORD": "1",
    "my_secret": "1", "SSH_AUTH_SOCK": "/s", "PGPASSWORD": "1", "DATABASE_URL": "postgres://u:p@h/d", "PLAIN_NAME": "sk-ant-0123456789abcdef",
    "OTHER": "ghp_0123456789abcdef0123", "CERT": "-----BEGIN RSA PRIVATE KEY-----", "ID": "AKIA0123456789ABCDEF", "SENTRY_DSN": "x", "DB_PWD": "1",
    "SESSION": "eyJhbGciOiJI.eyJzdWIi.abc", "PIP_INDEX_URL": "https://u:t@host/simple", "WANDB_MODE": "x", "CURSOR_X": "1", "JPY_API_TOKEN": "1",
}  # fmt: skip
OWN = {
    "ANTHROPIC_API_KEY": "sk-ant-1",
    "ANTHROPIC_BASE_URL": "http://a",
    "CLAUDE_CODE_OAUTH_TOKEN": "2",
    "CLAUDE_CONFIG_DIR": "/c",
}
GIT = {"GIT_DIR": "/repo/.git", "GIT_WORK_TREE": "/repo", "GIT_AUTHOR_NAME": "A", "GIT_SSH_COMMAND": "ssh"}
INSIDE = {"CLAUDECODE": "1", "CLAUDE_CODE_ENTRYPOINT": "cli", "CODEX_SANDBOX": "seatbelt", "GEMINI_CLI": "1"}
ALL = PLAIN | NETWORK | FOREIGN | OWN | GIT | INSIDE


def test_without_credentials_no_secret_passes_and_all_else_does():
    assert agent_environment(source=ALL) == PLAIN | NETWORK


def test_its_own_credentials_pass_and_nobody_elses():
    got = agent_environment(("ANTHROPIC_*", "CLAUDE_*"), source=ALL)
    assert got == PLAIN | NETWORK | OWN  # the marks of a running agent do not pass, though they begin in the same way
    got = agent_environment(["OPENAI_API_KEY"], source=ALL)
    assert got == PLAIN | NETWORK | {"OPENAI_API_KEY": "1"}


def test_what_the_user_allows_passes_but_no_pointer_to_a_repository():
    got = agent_environment((), ["DB_PASSWORD", "GIT_DIR", "CLAUDECODE", "NOT_SET"], source=ALL)
    assert got == PLAIN | NETWORK | {"DB_PASSWORD": "1", "CLAUDECODE": "1"}


def test_it_reads_this_process_by_default(monkeypatch):
    monkeypatch.setenv("AR_PLAIN", "yes")
    monkeypatch.setenv("AR_TOKEN", "no")
    got = agent_environment()
    assert got["AR_PLAIN"] == "yes"
    assert "AR_TOKEN" not in got
    assert whole_environment()["AR_TOKEN"] == "no"


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"])
def test_a_whole_environment_points_git_at_no_repository(name):
    assert whole_environment({name: "/repo", "A_KEY": "1", "GIT_AUTHOR_NAME": "A"}) == {
        "A_KEY": "1",
        "GIT_AUTHOR_NAME": "A",
    }


_OF_VENDORS = {
    "ANTHROPIC_API_KEY": "claude-code", "CLAUDE_CODE_OAUTH_TOKEN": "claude-code", "OPENAI_API_KEY": "codex", "CODEX_API_KEY": "codex", "GEMINI_API_KEY": "gemini",
    "GOOGLE_API_KEY": "gemini", "CURSOR_API_KEY": "cursor", "OPENCODE_API_KEY": "opencode", "AIDER_API_KEY": "aider", "GROQ_API_KEY": "", "HF_TOKEN": "",
    "AWS_SECRET_ACCESS_KEY": "", "GITHUB_TOKEN": "", "DB_PASSWORD": "", "MISTRAL_API_KEY": "", "AZURE_OPENAI_API_KEY": "", "XAI_API_KEY": "",
}  # fmt: skip


@pytest.mark.parametrize("name", [*ADAPTERS])
def test_each_agent_gets_its_own_vendors_keys_alone(name):
    source = {variable: f"canary-of-{variable}-1" for variable in _OF_VENDORS}
    held = agent_environment(ADAPTERS[name].passes(), source=source)
    assert set(held) == {variable for variable, owner in _OF_VENDORS.items() if owner == name}


@pytest.mark.parametrize(
    ("name", "model", "own"),
    [
        ("aider", "anthropic/x", "ANTHROPIC_API_KEY"),
        ("opencode", "groq/x", "GROQ_API_KEY"),
        ("aider", "gpt-5", "OPENAI_API_KEY"),
    ],
)
def test_an_agent_of_many_vendors_gets_the_key_of_its_models_vendor_alone(name, model, own):
    source = {variable: f"canary-of-{variable}-1" for variable in _OF_VENDORS}
    held = agent_environment(ADAPTERS[name].passes(model), source=source)
    assert set(held) - {"OPENCODE_API_KEY", "AIDER_API_KEY"} == {own}


def test_no_experiment_gets_a_variable_that_holds_a_key():
    source = {variable: f"canary-of-{variable}-1" for variable in _OF_VENDORS} | {
        "CUDA_TOKEN": "1",
        "LC_SECRET": "2",
        "PATH": "/bin",
    }
    held = experiment_environment(source, threads=1, seed=0)
    assert "canary" not in repr(held)
    assert {"CUDA_TOKEN", "LC_SECRET"}.isdisjoint(held)
    assert experiment_environment(source, threads=1, seed=0, extra=["HF_TOKEN"])["HF_TOKEN"] == "canary-of-HF_TOKEN-1"
