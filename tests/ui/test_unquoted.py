import shlex

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.study.opening import current
from autoresearch_magic.ui.commands.table import run
from autoresearch_magic.ui.commands.unquoted import quote_expressions
from autoresearch_magic.ui.session import Session


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--metric accuracy=(a == b).mean() --maximize", ["--metric", "accuracy=(a == b).mean()", "--maximize"]),
        ("--metric accuracy = (a == b).mean() -n 3", ["--metric", "accuracy = (a == b).mean()", "-n", "3"]),
        ('--metric acc=score(df["y z"]) -n 3', ["--metric", 'acc=score(df["y z"])', "-n", "3"]),
        ("--metric=acc=(a == b) -n 2", ["--metric=acc=(a == b)", "-n", "2"]),
        ("--metric x=a - b -n 3", ["--metric", "x=a - b", "-n", "3"]),
        ("--metric loss (lower is better) -n 3", ["--metric", "loss (lower is better)", "-n", "3"]),
        ("start --metric [x for x in y][0] -n 3", ["start", "--metric", "[x for x in y][0]", "-n", "3"]),
        (r"--metric p95=re:p95=(\d+) -n 2", ["--metric", r"p95=re:p95=(\d+)", "-n", "2"]),
        ("-n 3 --valid acc > 0.5 --metric loss", ["-n", "3", "--valid", "acc > 0.5", "--metric", "loss"]),
        ("--also a=f(x), b = g(y) + 1 -n 3", ["--also", "a=f(x), b = g(y) + 1", "-n", "3"]),
        # as before where there are quotes, or nothing to join
        ("--metric 'acc=(a == b)' -n 2", ["--metric", "acc=(a == b)", "-n", "2"]),
        (r"--metric p95='re:p95 (\d+)ms' --minimize", ["--metric", r"p95=re:p95 (\d+)ms", "--minimize"]),
        ("--metric loss -n 3", ["--metric", "loss", "-n", "3"]),
        ("--metric loss some words", ["--metric", "loss", "some", "words"]),
        ("--metric f(x -n 3", ["--metric", "f(x", "-n", "3"]),
        ("--metric --minimize", ["--metric", "--minimize"]),
        ("--verify 'bench --metric a (b c)' --metric loss", ["--verify", "bench --metric a (b c)", "--metric", "loss"]),
        ("--metric", ["--metric"]),
    ],
)
def test_a_line_is_split_with_the_expressions_whole(line, words):
    assert shlex.split(quote_expressions(line)) == words


@pytest.mark.slow
def test_an_expression_with_blanks_and_quotes_needs_no_quotes_in_a_magic(tmp_path):
    session = Session(root=tmp_path)
    run(session, "target", "import math\nX = 4.0\nresult = {'a b': X}\n")
    run(
        session,
        "--metric root=max(math.sqrt(result['a b']), 1) - 1 --minimize -n 1 --repeats 1 --budget 1s",
        "# Goal\n",
    )
    study = current()
    assert study.wait(60)
    assert study.experiments[0].value == 1.0
    study.stop()


def test_what_is_left_over_is_an_error_that_says_quote_it(tmp_path):
    session = Session(root=tmp_path)
    run(session, "target", "a = 1\n")
    with pytest.raises(UserError, match="quotes"):
        run(session, "--metric acc=a b --minimize", "# Goal\n")
