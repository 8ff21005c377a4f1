"""The errors that users read: where nobody catches them, the calls in Python stand below the line."""

import traceback

import pytest

from autoresearch_magic.errors import UserCodeError, UserError, in_python


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("go on with  %autoresearch resume my-night.2 -n 5  or begin another with  %autoresearch start",
         ["open_study('my-night.2').resume(experiments=5)", "Study(...).start()"]),
        ("wait for it (%autoresearch wait) or stop it (%autoresearch stop); %autoresearch wait", ["study.wait()", "study.stop()"]),
        ("%autoresearch stop, then  %autoresearch resume x  with them.", ["study.stop()", "open_study('x').resume()"]),
        ("%autoresearch status lists the existing ones.", ["study.state"]),
        ("see  %autoresearch show 3", ["study.experiment(3)"]),
        ("a branch autoresearch/night, %%autoresearch setup, %autoresearch doctor", []),
    ],
)  # fmt: skip
def test_the_calls_that_stand_for_commands(text, calls):
    assert in_python(text) == calls


def test_an_error_that_nobody_catches_says_the_call_below_its_line():
    error = UserError("night is running already: see  %autoresearch status")
    assert str(error) == "night is running already: see  %autoresearch status", (
        "the magics and the shell show this alone"
    )
    assert traceback.format_exception_only(error)[1:] == ["In Python: study.state\n"]
    assert not hasattr(UserError("no such file"), "__notes__")
    assert UserCodeError("line", "Traceback").traceback == "Traceback"
