"""Variables in a magic's options, in a real IPython: they stand where they are useful, and nothing else is touched."""

from pathlib import Path

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.ui.jupyter import magics
from autoresearch_magic.ui.jupyter.variables import expand_variables

REPOSITORY = """--scope 'src/{a,b}.py' --verify "awk '{print $1}' log" --guard 'test -z "${CI}" && echo {n}'"""


def options(shell):
    return magics._loaded[id(shell)].session.options


@pytest.mark.parametrize("how", ["run_cell", "run_cell_magic"])
def test_patterns_commands_and_prose_arrive_as_they_are_typed(shell, how):
    shell.user_ns.update(n=7, folder=Path("demo"), d=3)
    line = rf"program --metric 'p95=re:p95 (\d{{3}})ms' {REPOSITORY} -n {{n}} --repo $folder --timeout {{2*n}}s"
    prose = "Lower p95 to {n} ms, for $n users. Metric lines are {p95}."
    if how == "run_cell":
        shell.run_cell(f"%%autoresearch {line}\n{prose}").raise_error()
    else:
        shell.run_cell_magic("autoresearch", line, prose)
    assert options(shell) == {
        "metric": r"p95=re:p95 (\d{3})ms", "scope": "src/{a,b}.py", "verify": "awk '{print $1}' log",
        "guard": 'test -z "${CI}" && echo {n}', "experiments": "7", "repo": "demo", "timeout": "14s",
    }  # fmt: skip
    assert magics._loaded[id(shell)].session.program.text == prose


def test_a_line_magic_in_a_function_sees_its_local_variables(shell):
    Path("p.md").write_text("Metric: loss\n")
    shell.run_cell(
        "def define(count, path):\n    get_ipython().run_line_magic('autoresearch', 'program {path} -n {count}')\n"
        "define(9, 'p.md')"
    ).raise_error()
    assert options(shell) == {"experiments": "9"}
    shell.run_cell(
        "def define(count, name):\n    %autoresearch program $name.md -n $count\ndefine(8, 'p')"
    ).raise_error()
    assert options(shell) == {"experiments": "8"}


def test_an_unknown_name_in_braces_is_one_line(shell, capsys):
    with pytest.raises(Exception, match=r"'\{many\}': there is no variable 'many' in the notebook") as caught:
        shell.run_line_magic("autoresearch", "start -n {many}")
    assert type(caught.value).__name__ == "UsageError"
    assert "\n" not in str(caught.value)


def test_command_lines_of_agents_and_texts_are_never_expanded(shell):
    shell.user_ns.update(m="opus", n=3)
    shell.run_cell_magic("autoresearch", "program --agent claude:{m} --metric loss", "Lower it")
    assert options(shell)["agent"] == "claude:opus"
    shell.run_cell_magic("autoresearch", "program --agent 'command:llm -m {m} $n' --metric loss", "Lower it")
    assert options(shell)["agent"] == "command:llm -m {m} $n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{n}", "3"),
        ("a{n}b$n", "a3b3"),
        ("{cfg.x}-{values[1]}", "5-2"),
        ("{values}", "1,2"),
        ("{a,b}", "{a,b}"),
        ("{3}", "{3}"),
        ("{", "{"),
        ("{}", "{}"),
        ("${n}", "$3"),
        ("$HOME/$n", "$HOME/3"),
        ("{n:", "{n:"),
    ],
)
def test_what_is_expanded(text, expected):
    class Cfg:
        x = 5

    assert expand_variables(text, {"n": 3, "values": [1, 2], "cfg": Cfg}) == expected


def test_an_expression_that_fails_says_why():
    with pytest.raises(UserError, match=r"^\{n/0\} in '\{n/0\}' failed: ZeroDivisionError: division by zero\.$"):
        expand_variables("{n/0}", {"n": 3})
