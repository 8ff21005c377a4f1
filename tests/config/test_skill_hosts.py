from pathlib import Path

import pytest

from autoresearch_magic.config.skill_hosts import HOSTS, READ_ON, Level, found_hosts, named_hosts, readers
from autoresearch_magic.errors import UserError

DOCS = (Path(__file__).parents[2] / "docs" / "coding-agents.md").read_text()


@pytest.fixture(autouse=True)
def bare(tmp_path, monkeypatch):
    """A machine with an empty home folder, and a project, on which no agent is installed."""
    for name in ("home", "bin", "project"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for host in HOSTS.values():
        monkeypatch.delenv(host.variable or "NONE", raising=False)
    return tmp_path


def folders(name, tmp_path):
    host = HOSTS[name]
    return [
        host.skills_folder(level, tmp_path / "project").relative_to(tmp_path).as_posix()
        for level in (Level.PROJECT, Level.USER)
    ]


@pytest.mark.parametrize(
    ("name", "project", "user"),
    [
        ("claude", ".claude/skills", ".claude/skills"),
        ("codex", ".agents/skills", ".agents/skills"),
        ("gemini", ".agents/skills", ".agents/skills"),
        ("opencode", ".agents/skills", ".agents/skills"),
        ("cursor", ".agents/skills", ".cursor/skills"),
    ],
)
def test_each_agent_has_its_folders(name, project, user, tmp_path):
    assert folders(name, tmp_path) == [f"project/{project}", f"home/{user}"]


def test_a_variable_moves_the_folder_that_is_inside_of_it(tmp_path, monkeypatch):
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "codex"))
    assert folders("claude", tmp_path)[1] == "elsewhere/skills"
    assert folders("codex", tmp_path)[1] == "home/.agents/skills"
    (tmp_path / "codex").mkdir()
    assert [host.name for host, _ in found_hosts(tmp_path / "project")] == ["codex"]


def test_agents_are_found_by_a_mark_a_program_or_a_folder(tmp_path):
    assert found_hosts(tmp_path / "project") == []
    (tmp_path / "project" / "GEMINI.md").touch()
    program = tmp_path / "bin" / "opencode"
    program.touch()
    program.chmod(0o755)
    (tmp_path / "home" / ".cursor").mkdir()
    assert [(host.name, why) for host, why in found_hosts(tmp_path / "project")] == [
        ("gemini", "GEMINI.md in the project"),
        ("opencode", "the program opencode"),
        ("cursor", "the folder ~/.cursor"),
    ]


def test_names_are_read_with_commas_and_their_other_forms():
    assert [host.name for host in named_hosts("codex, claude-code,codex,Gemini-CLI")] == ["codex", "claude", "gemini"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("emacs", "not 'emacs'"),
        ("", "--for takes claude"),
        (" , ", "--for takes claude"),
        ("claude,aider", "aider --read"),
    ],
)
def test_other_names_are_refused_in_one_line(text, message):
    with pytest.raises(UserError, match=message) as caught:
        named_hosts(text)
    assert "\n" not in str(caught.value)


def test_the_readers_of_a_shared_folder_are_told():
    assert [host.name for host in readers(".agents/skills", [HOSTS["codex"]])] == ["gemini", "opencode", "cursor"]
    assert readers(".claude/skills", [HOSTS["claude"]]) == []


@pytest.mark.parametrize("host", HOSTS.values(), ids=str)
def test_every_row_names_the_page_that_says_so(host):
    assert host.source.startswith("https://")
    assert host.programs
    assert host.marks


def test_the_table_of_the_docs_is_that_of_the_code():
    for host in HOSTS.values():
        row = next(line for line in DOCS.splitlines() if line.startswith(f"| {host.title} | `{host.name}`"))
        assert f"| `{host.project}` | `{host.user}`" in row
        for other in host.also.split(", "):
            assert other in row
    assert READ_ON in DOCS
