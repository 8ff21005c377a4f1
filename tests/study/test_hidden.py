"""`--hide`: agents are told the names of what is hidden, never its contents."""

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal
from autoresearch_magic.study.definition import define
from autoresearch_magic.study.hidden import WITHHELD, hidden_of
from autoresearch_magic.study.study import Study

from ..repositories import repository
from ..studies import finish

ANSWERS = '{"capital of france": "paris the answer", "largest prime": 7919}\n'
FILES = {
    "app.py": "def solve(q):\n    return 'unknown'\n",
    "grade.py": "import json, app\nanswers = json.load(open('answers.json'))\nfor question, secret_value in answers.items():\n"
    "    assert isinstance(app.solve(question), str), secret_value\nprint('score:', sum(app.solve(q) == a for q, a in answers.items()))\n",
    "answers.json": ANSWERS,
    "helper.py": "VISIBLE = 1\n",
    "test_app.py": "import app\ndef test_it():\n    expected_reply = 'unknown'\n    assert app.solve('x') == expected_reply\n",
    ".gitignore": ".autoresearch/\n__pycache__/\n",
}
OPTIONS = {
    "metric": "score", "scope": "app.py", "verify": "python grade.py", "guard": "python -m pytest -q test_app.py", "hide": "answers.json, grade.py test_*.py",
}  # fmt: skip
SETUP = "ANSWERS = [3, 1, 4]\ndef evaluate(x, wanted=3.25):\n    closest = abs(x - wanted)\n    return closest\n"


@pytest.fixture
def repo(tmp_path, monkeypatch):
    folder = repository(tmp_path / "demo", FILES)
    monkeypatch.chdir(folder)
    return folder


def leaks(text):
    return [
        word for word in ("paris the answer", "7919", "secret_value", "json.load", "expected_reply") if word in text
    ]


@pytest.mark.slow
def test_the_briefing_names_hidden_files_and_shows_nothing_of_them(repo, script):
    crash, guard_fails = "def solve(q):\n    return 3\n", "def solve(q):\n    return 'other'\n"
    agent = script(*(f"#% file app.py\n{code}" for code in (crash, guard_fails)))
    seen = []
    propose = agent.propose
    agent.propose = lambda briefing: (seen.append(briefing), propose(briefing))[1]
    study = finish(Study("Answer better", agent="script", experiments=2, repeats=1, **OPTIONS))
    assert [str(e.verdict) for e in study.experiments][:2] == ["baseline", "crash"]
    assert leaks(study.experiments[1].measurements[0].traceback), "the user sees everything"
    prompt = study.briefing()
    assert not leaks(prompt)
    assert "answers.json, grade.py, test_app.py" in prompt
    assert "Their contents are kept from you on purpose" in prompt
    assert WITHHELD in prompt
    for briefing in seen:
        assert briefing.hidden == ("answers.json", "grade.py", "test_app.py")
        assert not leaks(
            briefing.setup
            + "".join(e.reason + m.traceback + m.output for e in briefing.history for m in e.measurements)
        )


def test_without_hide_the_files_that_measure_are_shown(repo):
    made = define("Answer better", "", "", {name: value for name, value in OPTIONS.items() if name != "hide"})
    assert "json.load" in made.setup
    assert hidden_of(made) is None


def test_lines_of_hidden_files_are_withheld_from_reports_of_tests(repo):
    hidden = hidden_of(define("Answer better", "", "", OPTIONS))
    report = (
        "    def test_it():\n        expected_reply = 'unknown'\n>       assert app.solve('x') == expected_reply\n"
        "E       AssertionError: assert 'other' == 'unknown'\n\ntest_app.py:4: AssertionError\n1 failed in 0.01s"
    )
    shown = hidden.clean(report)
    assert not leaks(shown)
    assert "== 'unknown'" not in shown
    assert shown.endswith("\n\ntest_app.py:4: AssertionError\n1 failed in 0.01s"), "what failed, and where, is told"
    assert hidden.clean("12: answers = json.load(open('answers.json'))") == WITHHELD
    assert hidden.clean("    return 'unknown'") == "    return 'unknown'", "a line of the target is no secret"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            'File "/tmp/wt/app.py", line 2, in solve\nValueError: of the target',
            'File "/tmp/wt/app.py", line 2, in solve\nValueError: of the target',
        ),
        (
            'File "/tmp/wt/app.py", line 2, in solve\n  File "/tmp/wt/grade.py", line 4, in <module>\nAssertionError: 31415',
            'File "/tmp/wt/app.py", line 2, in solve\n  File "/tmp/wt/grade.py", line 4, in <module>\nAssertionError: '
            + WITHHELD,
        ),
        ("got x, wanted 'paris the answer'", WITHHELD),
        ("answers.json is missing", "answers.json is missing"),
        ("", ""),
    ],
)
def test_messages_of_hidden_code_and_its_strings_are_withheld(repo, text, shown):
    assert hidden_of(define("Answer better", "", "", OPTIONS)).clean(text) == shown


@pytest.mark.parametrize(
    ("hide", "message"),
    [
        ("nothing.json", "--hide nothing.json: git tracks no such file"),
        ("app.py", "--hide and --scope both have app.py"),
        ("*.py", "--hide and --scope both have app.py"),
    ],
)
def test_what_cannot_be_hidden_is_one_line(repo, hide, message):
    with pytest.raises(UserError, match=message.replace("*", r"\*")):
        define("Answer better", "", "", {**OPTIONS, "hide": hide})


@pytest.mark.slow
def test_a_cells_setup_shows_its_names_alone(make_study, script):
    script("loss = evaluate('a')\n")
    study = finish(make_study("loss = evaluate(5.0)\n", SETUP, hide="setup", agent="script", experiments=1))
    assert "closest = abs" in study.experiments[1].measurements[0].traceback
    prompt = study.briefing()
    assert "def evaluate(x, wanted=...): ..." in prompt
    assert "ANSWERS = ..." in prompt
    assert "their bodies are hidden from you" in prompt
    assert not [word for word in ("3.25", "[3, 1, 4]", "closest = abs") if word in prompt]


@pytest.mark.parametrize(
    ("setup", "hide", "message"),
    [("", "setup", "there is no setup to hide"), (SETUP, "answers.json", "for a cell it is  --hide setup")],
)
def test_a_cell_can_hide_its_setup_only(setup, hide, message):
    with pytest.raises(UserError, match=message):
        define("Lower it", "loss = 1", setup, {"metric": "loss", "hide": hide})


def test_a_program_says_it_too(repo):
    made = define(
        "Goal: Better\nMetric: score\nScope: app.py\nVerify: python grade.py\nHide: {answers,grade}.{json,py}\n",
        "",
        "",
        {},
    )
    assert made.settings.hide == ("{answers,grade}.{json,py}",)
    assert hidden_of(made).names == ("answers.json", "grade.py")


def test_notes_and_files_show_nothing_that_is_hidden(repo):
    hidden = hidden_of(define("Answer better", "", "", OPTIONS))
    run = Measurement(
        Outcome.OK, 1.0, 0, notes=("got 'paris the answer'", "slow"), artifacts={"out.txt": "a\nlargest prime: x\nb", "answers.json": "never"},
    )  # fmt: skip
    clean = hidden.clean_experiment(Experiment(0, None, Proposal("x", "s"), measurements=(run,))).measurements[0]
    assert clean.notes == (WITHHELD, "slow")
    assert clean.artifacts == {"out.txt": f"a\n{WITHHELD}\nb"}


def test_names_of_numbers_show_nothing_that_is_hidden(repo):
    hidden = hidden_of(define("Answer better", "", "", OPTIONS))
    run = Measurement(Outcome.OK, 1.0, 0, numbers={"per.paris the answer": 1.0, "worst": 2.0})
    clean = hidden.clean_experiment(Experiment(0, None, Proposal("x", "s"), measurements=(run,)))
    assert clean.numbers == {"worst": 2.0}
