from pathlib import Path

import pytest

from autoresearch_magic.config.effective import make_settings
from autoresearch_magic.errors import UserError
from autoresearch_magic.runners.output.validity import check_printed, parse_condition

JSON = 'start\n{"combined_score": 0.9, "correct": false, "tests": {"passed": 7, "ok": "yes"}}\n'


@pytest.mark.parametrize(
    ("condition", "output", "problem"),
    [
        ("json:correct", JSON, "json:correct is false"),
        ("json:correct", JSON.replace("false", "true"), ""),
        ("json:correct", JSON.replace("false", "null"), "json:correct is null"),
        ("json:correct", JSON.replace("false", "0"), "json:correct is 0.0"),
        ("json:correct", "no json", "json:correct cannot be read: the output: no JSON was found"),
        ("json:tests.ok", JSON, ""),
        ("json:tests.passed >= 7", JSON, ""),
        ("json:tests.passed > 7", JSON, "json:tests.passed > 7 does not hold: it is 7"),
        ("json:tests", JSON, "neither true nor false"),
        ("correct", "correct: True", ""),
        ("correct", "Correct = no", "correct is no"),
        ("correct", "correct: yes\ncorrect: no", "correct is no"),
        ("correct", "correct: maybe", "neither true nor false"),
        ("correct", "fine", "no line names 'correct'"),
        ("correct", "incorrect: yes", "no line names 'correct'"),
        ("accuracy > 0.5", "accuracy: 0.75", ""),
        ("accuracy > 0.5", "accuracy: 0.25", "accuracy > 0.5 does not hold: it is 0.25"),
        ("accuracy > 0.5", "accuracy: none", "cannot be compared"),
        ("re:^all fine$", "so\nall fine\n", ""),
        ("re:^all fine$", "not all fine", "nothing matches ^all fine$"),
        ("re:valid=(.*)", "valid=ok", ""),
        ("re:valid=(.*)", "valid=ok\nvalid=wrong", "re:valid=(.*) is wrong"),
        ("re:valid=(.*)", "", "nothing matches valid=(.*)"),
    ],
)
def test_conditions_on_an_output(condition, output, problem):
    found = check_printed(parse_condition(condition), output, metric="m", folder=Path(), since=0.0)
    assert (problem in found) if problem else found == ""


def test_a_flag_in_a_file_that_the_run_wrote(tmp_path):
    (tmp_path / "correct.json").write_text('{"correct": false}')
    for path, words in (("correct.json", "is false"), ("gone.json", "does not exist")):
        condition = parse_condition(f"file:{path}#json:correct")
        assert words in check_printed(condition, "", metric="m", folder=tmp_path, since=0.0)


@pytest.mark.parametrize(
    "text", ["json:", "re:(", "mean:x", "a and b > c", "> 3", "file:a.json", "a > 1.2.3", "json:a..b"]
)
def test_conditions_that_can_never_work_are_refused_before_a_run(text):
    with pytest.raises(UserError) as caught:
        make_settings({"metric": "m", "verify": "true", "scope": "a", "valid": text, "minimize": True})
    assert "--valid" in str(caught.value)
    assert "\n" not in str(caught.value)
