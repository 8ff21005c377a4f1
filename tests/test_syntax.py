"""Parsing from several threads."""

import ast
import threading

import pytest

from autoresearch_magic import syntax as parsing
from autoresearch_magic.syntax import syntax_tree


def test_it_parses_as_python_does():
    assert ast.dump(syntax_tree("x = 1")) == ast.dump(ast.parse("x = 1"))
    assert isinstance(syntax_tree("f(x)", "eval").body, ast.Call)
    syntax_tree("'\\d'")  # no warning, which would be an error here
    with pytest.raises(SyntaxError):
        syntax_tree("x =")
    with pytest.raises(SyntaxError):
        syntax_tree("x = 1", "eval")


def test_a_parse_that_another_thread_disturbed_is_repeated(monkeypatch):
    spoilt, parse = [3], ast.parse

    def flaky(source, *rest, **named):
        if spoilt[0]:
            spoilt[0] -= 1
            raise SystemError("AST constructor recursion depth mismatch (before=39, after=43)")
        return parse(source, *rest, **named)

    monkeypatch.setattr(parsing.ast, "parse", flaky)
    assert ast.dump(syntax_tree("x = 1")) == ast.dump(parse("x = 1"))
    spoilt[0] = 1000
    with pytest.raises(SystemError):
        syntax_tree("x = 1")


@pytest.mark.slow
def test_many_threads_can_parse_at_once():
    source = "\n".join(f"def f{n}(a, b=[{n}]): return [(a, {{b: c}}) for c in (b, a)]" for n in range(300))
    wanted, found = ast.dump(ast.parse(source)), []

    def work():
        for _ in range(5):
            found.append(ast.dump(syntax_tree(source)) == wanted)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 20
