"""``autoresearch skill``, as it is typed; and every command that the skill and the page for coding agents name exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from autoresearch_magic.config.host_skill import NAME, skill_texts
from autoresearch_magic.config.skill_hosts import HOSTS
from autoresearch_magic.errors import UserError
from autoresearch_magic.ui import cli
from autoresearch_magic.ui.commands.table import COMMANDS, run, run_words
from autoresearch_magic.ui.session import Place, Session


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A git repository, and a home folder, without any agent."""
    for name in ("home", "bin", "project"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for host in HOSTS.values():
        monkeypatch.delenv(host.variable or "NONE", raising=False)
    monkeypatch.chdir(tmp_path / "project")
    (tmp_path / "project" / ".git").mkdir()
    return tmp_path


def skill(line):
    return run_words(Session(place=Place.SHELL), ["skill", *shlex.split(line)]).text


def refusal(line):
    with pytest.raises(UserError) as caught:
        skill(line)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def written(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("SKILL.md"))


def test_the_default_is_this_repository_and_what_is_found_there(place):
    (place / "project" / ".claude").mkdir()
    text = skill("install")
    assert text.startswith(f"In this repository, {place / 'project'}")
    assert "Found: Claude Code (.claude in the project)." in text
    assert written(place) == [f"project/.claude/skills/{NAME}/SKILL.md"]
    for path in skill_texts():
        assert path in text
    assert "nothing was written" in skill("install")


def test_the_top_of_the_repository_is_meant_from_a_folder_in_it(place, monkeypatch):
    (place / "project" / "src").mkdir()
    monkeypatch.chdir(place / "project" / "src")
    skill("install --for claude")
    assert written(place) == [f"project/.claude/skills/{NAME}/SKILL.md"]


def test_several_agents_that_share_a_folder_get_one_copy(place):
    text = skill("install --for codex,cursor,claude")
    assert written(place) == [f"project/.agents/skills/{NAME}/SKILL.md", f"project/.claude/skills/{NAME}/SKILL.md"]
    assert "Codex and Cursor: .agents/skills" in text
    assert "(read by Gemini CLI and OpenCode too)" in text
    skill("remove --for codex")
    assert written(place) == [f"project/.claude/skills/{NAME}/SKILL.md"]


def test_a_folder_that_is_a_link_to_another_is_written_once(place):
    (place / "project" / ".agents" / "skills").mkdir(parents=True)
    (place / "project" / ".claude").mkdir()
    (place / "project" / ".claude" / "skills").symlink_to("../.agents/skills")
    assert skill("install --for claude,codex").count("write ") == 1
    skill("remove")
    assert written(place) == []
    assert (place / "project" / ".claude" / "skills").is_symlink()


def test_for_all_projects(place, monkeypatch):
    monkeypatch.chdir(place)  # in no repository
    assert "--user" in refusal("install --for codex")
    skill("install --for codex --user")
    assert written(place) == [f"home/.agents/skills/{NAME}/SKILL.md"]
    skill("install --for codex --project")
    assert len(written(place)) == 2
    assert "say  --project  or  --user" in refusal("remove")
    skill("remove --user")
    assert written(place) == [f".agents/skills/{NAME}/SKILL.md"]


def test_a_dry_run_does_nothing(place):
    assert "Nothing was written" in skill("install --for claude --dry-run")
    assert written(place) == []
    skill("install --for claude")
    assert "Nothing was deleted" in skill("remove --dry-run")
    assert written(place) == [f"project/.claude/skills/{NAME}/SKILL.md"]


@pytest.mark.parametrize(("text", "why"), [("mine", "was not written by"), (None, "was changed since")])
def test_what_is_not_ours_is_refused_for_all_agents_and_forced_with_a_copy(place, text, why):
    path = place / "project" / ".claude" / "skills" / NAME / "SKILL.md"
    if text is None:
        skill("install --for claude")
        text = path.read_text() + "Mine.\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert why in refusal("install --for codex,claude")
    assert path.read_text() == text
    assert not (place / "project" / ".agents").exists()
    assert "SKILL.md.before-1" in skill("install --for claude --force")
    assert path.with_name("SKILL.md.before-1").read_text() == text
    assert "SKILL.md.before-1, which is not ours" in skill("remove")


def test_an_edited_skill_is_not_removed(place):
    skill("install --for claude,codex")
    path = place / "project" / ".claude" / "skills" / NAME / "SKILL.md"
    path.write_text(path.read_text() + "Mine.\n")
    assert "nothing was deleted" in refusal("remove")
    assert len(written(place)) == 2
    assert "changed by somebody since" in skill("list")


@pytest.mark.parametrize(
    "blocked", [".claude", ".claude/skills", f".claude/skills/{NAME}", f".claude/skills/{NAME}/references"]
)
@pytest.mark.parametrize("dangling", [False, True])
def test_a_file_where_a_folder_must_be_is_told(place, blocked, dangling):
    path = place / "project" / blocked
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("nowhere") if dangling else path.write_text("")
    assert "is no folder" in refusal("install --for claude")
    assert "is no folder" in refusal("install --for claude --force")
    assert written(place) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("install", "No coding agent was found here"),
        ("install --for emacs", "not 'emacs'"),
        ("install --for claude --project --user", "give one of them"),
        ("remove --user --project", "give one of them"),
        ("install --for aider", "aider --read"),
        ("remove", "not installed"),
        ("remove --user", "not installed in your home folder"),
        ("remove --force", "takes no --force"),
        ("list --for claude", "takes no --for"),
        ("show --dry-run", "takes no --dry-run"),
        ("install speed", "takes no PART"),
        ("show sleep", "no part 'sleep'"),
        ("instal", "invalid choice"),
        ("", "required"),
        ("install --for", "expected one argument"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(place, line, message):
    assert message in refusal(line)


@pytest.mark.parametrize("loop", [".claude", f".claude/skills/{NAME}"])
def test_a_link_to_itself_is_told(place, loop):
    path = place / "project" / loop
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(path.name)
    assert "is no folder" in refusal("install --for claude")
    assert "not ours" in skill("list")
    assert "not installed" in refusal("remove")


def test_a_folder_that_cannot_be_written_is_told_in_one_line(place, capsys, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied", ".claude")

    monkeypatch.setattr("autoresearch_magic.ui.commands.host_skill.write", refuse)
    assert cli.main(["skill", "install", "--for", "claude"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_it_is_shown(place):
    assert skill("show") == skill_texts()["SKILL.md"].rstrip()
    assert skill("show speed") == skill("show references/speed.md") == skill_texts()["references/speed.md"].rstrip()
    assert skill("show api-latency").startswith("# Preset: latency")
    assert skill("show program").startswith("# How to write program.md")


def test_the_list_says_where_and_what(place):
    skill("install --for codex")
    lines = skill("list").splitlines()
    row = next(line for line in lines if line.startswith("gemini"))
    assert f".agents/skills/{NAME}: 0" in row
    assert f"~/.agents/skills/{NAME}: not installed" in row


def test_the_magic_of_the_same_name_says_the_difference(place):
    with pytest.raises(UserError, match="autoresearch skill install"):
        run(Session(), "skill install")


# -- the commands in the texts ----------------------------------------------------------------------------------------


def command_lines(text):
    """Return the commands of a text, in code spans and in blocks for a console."""
    blocks = re.findall(r"```(?:console|bash|sh)\n(.*?)```", text, re.DOTALL)
    spans = re.findall(r"`(autoresearch [^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [line for line in (*lines, *spans) if line.startswith("autoresearch ")]


TEXTS = {
    **skill_texts(),
    "docs/coding-agents.md": (Path(__file__).parents[2] / "docs" / "coding-agents.md").read_text(),
}


@pytest.mark.parametrize("name", TEXTS)
def test_every_command_that_is_named_can_be_parsed(name):
    session = Session(place=Place.SHELL)
    for line in command_lines(TEXTS[name]):
        words = shlex.split(line.partition(" #")[0].partition(" > ")[0])[1:]
        if "|" in words:
            continue
        assert words[0] in COMMANDS[Place.SHELL], line
        if "-h" in words or len(words) == 1:  # the command as such
            continue
        words = ["1" if word in ("N", "A", "B") else word for word in words]
        COMMANDS[Place.SHELL][words[0]].parse(session, words[1:])  # raises on an unknown option or a missing argument


def test_commands_are_found_in_a_text():
    text = 'Use `autoresearch try "a b"` and:\n```console\nautoresearch wait  # long\nls\n```\n```python\nautoresearch no\n```\n'
    assert command_lines(text) == ["autoresearch wait  # long", 'autoresearch try "a b"']
