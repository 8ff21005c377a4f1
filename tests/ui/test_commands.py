"""The table of subcommands, and what some of them answer."""

import re
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.ui.commands import completion, table
from autoresearch_magic.ui.commands.completion import complete_line
from autoresearch_magic.ui.commands.table import COMMANDS, NUMBER, argument, command, run
from autoresearch_magic.ui.jupyter.magics import AutoresearchMagics
from autoresearch_magic.ui.reply import Reply
from autoresearch_magic.ui.session import Place, Session


@pytest.fixture
def greeting(monkeypatch):
    """A new subcommand: one function."""
    commands = {place: dict(commands) for place, commands in COMMANDS.items()}
    for module in (table, completion):
        monkeypatch.setattr(module, "COMMANDS", commands)

    @command(
        "greet",
        NUMBER,
        argument("--whom", default="you", values=lambda typed: {"me": "I", "them": "they"}),
        settings=True,
    )
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
    if place is Place.MAGIC:
        assert complete_line(session, "%autoresearch greet 3 --whom ") == ("", {"me": "I", "them": "they"})
        assert "tuner" in complete_line(session, "%autoresearch greet --agent tu")[1]
        assert {"--whom", "--budget"} <= set(complete_line(session, "%autoresearch greet 3 ")[1])


def test_every_subcommand_has_help():
    for place, commands in COMMANDS.items():
        for name, each in commands.items():
            assert each.summary.endswith("."), name
            assert each.summary in " ".join(each.parser(place).format_help().split()), name


def test_the_notes_that_agents_read(monkeypatch):
    session = Session()
    study = SimpleNamespace(settings=SimpleNamespace(agent="tuner:LR"), say=lambda text: study)
    monkeypatch.setattr(session, "study", lambda name: study)
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


def test_a_sealed_cell_stands_beside_the_setup(tmp_path):
    session = Session(root=tmp_path)
    said = run(session, "setup --sealed", "labels = [1]\ndef grade(x): return 1\n").text
    assert said.startswith("Sealed: 2 lines. It runs")
    assert "(grade, labels)" in said
    run(session, "setup", "n = 1\n")
    assert (session.setup.text, session.sealed.text[:6]) == ("n = 1\n", "labels")
    run(session, "target", "x = 1\n")
    run(session, "program --metric loss=grade(x) --minimize", "Lower it\n")
    study = session.new_study(SimpleNamespace())
    assert study.definition.sealed.startswith("labels")
    with pytest.raises(UserError, match="Both a sealed cell and --sealed FILE"):
        session.new_study(SimpleNamespace(sealed="x.py"))
    with pytest.raises(UserError, match="--here and --sealed exclude each other"):
        run(session, "setup --sealed --here", "labels = 1\n")
    (tmp_path / "held.py").write_text("labels = [2]\n")
    assert "1 line" in run(session, f"setup {tmp_path / 'held.py'} --sealed").text
    assert "is taken back" in run(session, "setup --sealed", "\n").text
    assert session.sealed is None
