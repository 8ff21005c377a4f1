"""The table of subcommands, and what some of them answer."""

import re
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.ui.commands import table
from autoresearch_magic.ui.commands.table import COMMANDS, NUMBER, argument, command, run
from autoresearch_magic.ui.jupyter.magics import AutoresearchMagics, complete
from autoresearch_magic.ui.reply import Reply
from autoresearch_magic.ui.session import Place, Session


@pytest.fixture
def greeting(monkeypatch):
    """A new subcommand: one function."""
    monkeypatch.setattr(table, "COMMANDS", {place: dict(commands) for place, commands in COMMANDS.items()})

    @command("greet", NUMBER, argument("--whom", default="you", values=lambda: ["me", "them"]), settings=True)
    def greet(session, arguments):
        """Say hello."""
        return Reply(f"{arguments.number} x hello {arguments.whom}")

    return table.COMMANDS


@pytest.mark.parametrize("place", Place)
def test_a_new_subcommand_is_one_function(greeting, place):
    session = Session(place=place)
    assert run(session, "greet 3 --whom them").text == "3 x hello them"
    assert re.search(r"^  greet +Say hello\.$", run(session, "help").text, re.MULTILINE)
    for line in ("help greet", "greet -h"):
        assert run(session, line).text.startswith(f"usage: {place} greet ")
    with pytest.raises(UserError, match=f"required: N.*{place} greet -h"):
        run(session, "greet")
    with pytest.raises(UserError, match="did you mean greet"):
        run(session, "gret 3")
    assert greeting[place]["greet"].completions("--whom") == ["me", "them"]
    assert "tuner" in greeting[place]["greet"].completions("--agent")
    assert {"--whom", "--budget"} <= set(greeting[place]["greet"].completions("3"))


def test_every_subcommand_has_help():
    for place, commands in COMMANDS.items():
        for name, each in commands.items():
            assert each.summary.endswith("."), name
            assert each.summary in " ".join(each.parser(place).format_help().split()), name


@pytest.mark.parametrize(
    ("line", "typed", "found"),
    [
        ("%autoresearch st", "st", ["start", "step", "stop", "status"]),
        ("%%autoresearch --met", "--met", ["--metric"]),
        ("%autoresearch start --bud", "bud", ["budget"]),  # as IPython asks where a dash ends a word
        ("%autoresearch resume --agent tun", "tun", ["tuner"]),
        ("%autoresearch status ni", "ni", ["night"]),
    ],
)
def test_completion(line, typed, found, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".autoresearch" / "night").mkdir(parents=True)
    (tmp_path / ".autoresearch" / "night" / "journal.sqlite").touch()
    assert complete(None, SimpleNamespace(text_until_cursor=line, symbol=typed)) == found


def test_the_agents_and_the_notes_they_read(monkeypatch):
    session = Session()
    listed = run(session, "agents")
    lines = listed.text.splitlines()
    assert len({re.match(r"\S+ +", line).end() for line in lines}) == 1, "one column of names"
    assert listed.markdown.count("\n") == len(lines) + 1
    study = SimpleNamespace(settings=SimpleNamespace(agent="tuner:LR"), say=lambda text: study)
    monkeypatch.setattr(session, "study", lambda: study)
    assert "tuner:LR reads no notes" in run(session, "say be bold").text
    study.settings.agent = "claude"
    assert "claude reads it" in run(session, "say be bold").text


@pytest.mark.parametrize(("traceback", "refused"), [("", False), ("Traceback: a bug", True)])
def test_the_answer_of_a_failed_study_is_shown(traceback, refused, monkeypatch, capsys):
    monkeypatch.setattr("autoresearch_magic.ui.jupyter.magics.follow", lambda *_, **__: True)
    status = SimpleNamespace(message="The key has expired.", traceback=traceback, elapsed=1.0)
    study = SimpleNamespace(name="s", state="failed", status=status)
    magics = AutoresearchMagics(None)
    asked = Reply("", wait=(study, None), then=lambda: Reply("STABLE"))
    with pytest.raises(UserError, match="expired") if refused else nullcontext():
        magics.show(asked)
    assert ("STABLE" in capsys.readouterr().out) is not refused
    with pytest.raises(UserError, match="expired"):
        magics.show(Reply("", wait=(study, None)))
