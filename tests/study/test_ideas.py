"""The backlog: ideas of agents and of the user are kept, numbered, merged, tried and struck."""

import threading
from pathlib import Path

import pytest

from autoresearch_magic.agents.llm.agent import LanguageModel
from autoresearch_magic.agents.llm.reply_parser import IDEA, IDEAS
from autoresearch_magic.agents.registry import BUILT_IN
from autoresearch_magic.errors import UserError
from autoresearch_magic.events import State
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.ideas import add_idea, backlog, described, for_agents, keep_ideas, strike_ideas
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.summary import history_text

from ..agents.llm.test_agent import Scripted, reply
from ..studies import QUICK, SLOW, finish, wait_for

pytestmark = pytest.mark.slow  # folders, git and programs for most of them


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.sqlite", create=True) as journal:
        yield journal


def keep(journal, *ideas, tries=(), experiment=1, agent="model"):
    keep_ideas(journal, ideas, tries, agent=agent, experiment=experiment)


def judged(number, verdict, runs=1):
    run = Measurement(Outcome.OK, 1.0, 0)
    return Experiment(number, 0, Proposal("X = 1\n", "s"), verdict=verdict, measurements=(run,) * runs)


def test_ideas_are_numbered_and_know_who_had_them(journal):
    keep(journal, "wider layers", "decay")
    add_idea(journal, "  drop\nthe   bias ")
    keep(journal, "tie weights", experiment=2)
    assert [(i.number, i.text, i.origin) for i in backlog(journal)] == [
        (1, "wider layers", "model, experiment 1"), (2, "decay", "model, experiment 1"), (3, "drop the bias", "you"),
        (4, "tie weights", "model, experiment 2"),
    ]  # fmt: skip
    assert {i.state for i in backlog(journal)} == {"open"}
    assert for_agents(backlog(journal)) == ("3: drop the bias", "4: tie weights", "2: decay", "1: wider layers")


def test_the_same_words_are_one_idea(journal):
    keep(journal, "Wider layers.")
    before = len(journal.notes())
    keep(journal, "wider  LAYERS", "wider layers", experiment=5)
    assert len(journal.notes()) == before, "nothing is written for what is known"
    with pytest.raises(UserError, match=r"^That is idea 1 already: Wider layers\.$"):
        add_idea(journal, "wider layers")
    keep(journal, "lr 0.1", "lr -0.1")
    assert [i.text for i in backlog(journal)] == ["Wider layers.", "lr 0.1", "lr -0.1"]


def test_an_experiment_tries_an_idea_unless_it_never_ran(journal):
    keep(journal, "a", "b", "c")
    keep(journal, tries=(1, 2, 7, 0, -1), experiment=3)
    assert [i.tried for i in backlog(journal)] == [3, 3, None]
    assert for_agents(backlog(journal)) == ("3: c",)
    never = [judged(3, Verdict.REJECTED, runs=0)]
    assert [i.state for i in backlog(journal, never)] == ["open"] * 3
    crashed = [judged(3, Verdict.CRASH)]
    assert described(backlog(journal, crashed)[0], crashed) == "tried by experiment 3, crash"
    keep(journal, tries=(1,), experiment=9)
    assert backlog(journal, crashed)[0].tried == 9


def test_a_struck_idea_stays_away_until_the_user_wants_it_again(journal):
    keep(journal, "a", "b")
    strike_ideas(journal, [1])
    keep(journal, "A", experiment=4)
    assert [i.state for i in backlog(journal)] == ["struck", "open"]
    for numbers, message in (([1], "Idea 1 is struck already: a"), ([2, 3], "There is no idea 3: they are numbered 1 to 2"), ([0], "no idea 0")):  # fmt: skip
        with pytest.raises(UserError, match=message):
            strike_ideas(journal, numbers)
    assert [i.state for i in backlog(journal)] == ["struck", "open"], "none of several is struck where one is wrong"
    assert add_idea(journal, "a").state == "open"
    assert [i.number for i in backlog(journal)] == [1, 2]


@pytest.mark.parametrize(("text", "message"), [("  ", "Say the idea"), (" . ", "Say the idea"), ("x" * 201, "200 characters at most, and this one 201")])  # fmt: skip
def test_what_is_no_idea_is_one_line(journal, text, message):
    with pytest.raises(UserError, match=message):
        add_idea(journal, text)
    assert not backlog(journal)


def test_what_an_agent_of_ones_own_returns_is_bounded(journal):
    keep(journal, *(f"{n} \x1b[1m{'x' * 900}\n" for n in range(50)), "", agent="")
    ideas = backlog(journal)
    assert len(ideas) == IDEAS
    assert all(len(i.text) == IDEA and i.text.isprintable() for i in ideas)
    assert ideas[0].origin == "an agent, experiment 1", "not taken for the user's"
    keep_ideas(journal, "one text", ["1", None, 2.0], agent="a", experiment=2)
    keep_ideas(journal, [7, None], [], agent="a", experiment=2)
    assert [(i.text, i.state) for i in backlog(journal)[IDEAS:]] == [
        ("one text", "open"),
        ("7", "open"),
        ("None", "open"),
    ]


def test_ideas_of_replies_that_are_unusable_or_refused_are_kept_and_those_tried_are_marked(make_study, monkeypatch):
    def with_ideas(text, *ideas, tries=""):
        return f"{tries}<ideas>\n" + "".join(f"- {idea}\n" for idea in ideas) + f"</ideas>\n{text}"

    backend = Scripted(
        with_ideas("no code here", "first"), with_ideas("none again", "second"),  # a rejected proposal
        with_ideas(reply("X = 3.0\nloss = (X - 1) ** 2\nimport random\nrandom.seed(3)\n"), "third", tries="<idea>1</idea>"),  # refused
        with_ideas(reply("X = 2.0\nloss = (X - 1) ** 2\n"), "First.", tries="<idea>2</idea>"),
        reply("X = 1.5\nloss = (X - 1) ** 2\n"),
    )  # fmt: skip
    monkeypatch.setattr("autoresearch_magic.study.proposing.PAUSES", (0.0, 0.0))
    monkeypatch.setitem(BUILT_IN, "model", lambda order: LanguageModel(backend))
    study = finish(make_study(QUICK, agent="model", experiments=2, prefetch=False))
    assert [str(e.verdict) for e in study.experiments[1:3]] == ["rejected", "rejected"]
    assert [(i.number, i.text, i.experiment, i.tried) for i in study.ideas] == [
        (1, "first", 1, None), (2, "second", 1, 3), (3, "third", 2, None),
    ]  # fmt: skip
    prompts = [prompt.turns[0].text for prompt in backend.prompts]
    assert "ideas for later" not in prompts[0].lower()
    assert "one of the ideas for later, give its number before the code: <idea>3</idea>" in prompts[2]
    assert "\n- 2: second\n- 1: first\n" in prompts[2]
    assert "\n- 3: third\n- 1: first\n" in prompts[4]
    assert "- 3: third" in study.briefing()


def test_another_process_adds_and_strikes_while_the_study_is_known_here(make_study):
    study = make_study(agent="tuner", experiments=1)
    assert study.ideas == []
    with pytest.raises(UserError, match="There is no study"):
        study.add_idea("too early")
    finish(study)
    there = open_study(study.folder)
    assert there.add_idea("wider layers").number == 1
    study.add_idea("decay")
    assert there.strike_ideas(1) is there
    assert [(i.text, i.state) for i in study.ideas] == [("wider layers", "struck"), ("decay", "open")]
    assert study.state == State.FINISHED
    assert "- 2: decay" in study.briefing()


def test_hidden_lines_do_not_leak_through_ideas(make_study):
    setup = "ANSWERS = [3, 1, 4]\ndef evaluate(x, wanted=3.25):\n    closest = abs(x - wanted)\n    return closest\n"
    study = finish(make_study("X = 1.0\n", setup, metric="loss=evaluate(X)", experiments=1, hide="setup"))
    study.add_idea("know that ANSWERS = [3, 1, 4]")
    study.add_idea("halve X")
    assert study.ideas[0].text == "know that ANSWERS = [3, 1, 4]", "the user sees everything"
    assert "[3, 1, 4]" not in study.briefing()
    assert "- 2: halve X" in study.briefing()


def test_ideas_of_an_answer_that_nobody_took_are_kept(make_study, monkeypatch):
    replies = [
        f"<idea>1</idea><ideas>idea {n}</ideas>{reply(SLOW.replace('3.0', f'2.{n}').replace('0.4', '30'))}"
        for n in range(9)
    ]
    backend = Scripted(*replies)
    monkeypatch.setitem(BUILT_IN, "model", lambda order: LanguageModel(backend))
    study = make_study(QUICK, agent="model", experiments=9, repeats=1, timeout="60s")
    study.start()
    wait_for(lambda: len(study.ideas) == 1 and len(backend.prompts) == 2)
    wait_for(lambda: not any(each.name == "autoresearch-agent" for each in threading.enumerate()))
    study.stop()
    assert [(i.text, i.origin) for i in study.ideas] == [("idea 0", "scripted, experiment 1"), ("idea 1", "scripted")]
    assert {i.state for i in study.ideas} == {"open"}, "an answer that nobody took tries nothing"


def test_the_documented_agent_tries_ideas_and_leaves_some(make_study, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "coding-agents.md").read_text()
    made = {}
    exec(page.partition("### An agent of your own")[2].partition("```python\n")[2].partition("```")[0], made)
    monkeypatch.setitem(BUILT_IN, "halver", lambda order: made["Halver"]())
    study = make_study(QUICK, agent="halver", experiments=2, repeats=1)
    study.step()
    study.wait(60)
    study.add_idea("halve X, then again")
    study.resume()
    study.wait(60)
    assert [e.target.partition("\n")[0] for e in study.experiments][:2] == ["X = 3.0", "X = 1.5"]
    assert [(i.text, i.origin) for i in study.ideas] == [
        ("a third of X", "halver, experiment 1"), ("X in a schedule", "halver, experiment 1"), ("halve X, then again", "you"),
    ]  # fmt: skip
    assert [i.state for i in study.ideas] == ["open", "open", "tried"]


def test_a_replay_has_ideas_notes_files_and_further_numbers_of_its_recording(make_study, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    target = QUICK + "print('note: slow in f')\nopen('prof.txt', 'w').write(f'f {X}')\n"
    backend = Scripted(f"<ideas>decay</ideas>{reply(target.replace('3.0', '2.0'))}")
    monkeypatch.setitem(BUILT_IN, "model", lambda order: LanguageModel(backend))
    finish(make_study(target, agent="model", experiments=1, name="one", also="worst=2 * X", artifacts="prof.txt"))
    again = finish(make_study(target, agent="replay:one@max", name="again", experiments=1))
    last = again.experiments[1]
    assert (last.notes, dict(last.artifacts), last.numbers) == (("slow in f",), {"prof.txt": "f 2.0"}, {"worst": 4.0})
    assert [(i.text, i.origin) for i in again.ideas] == [("decay", "scripted, experiment 1")]
    assert history_text(again.status, again.experiments).splitlines()[0].split()[-2:] == ["worst", "change"]
