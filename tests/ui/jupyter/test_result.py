"""What the magics return, and what is shown when nothing is assigned, in a real kernel."""

import json
from types import SimpleNamespace

import pytest

from autoresearch_magic.ui.jupyter.result import Result, use_of
from autoresearch_magic.ui.reply import Reply

from ...kernels import Kernel, begin


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A kernel with a finished study."""
    kernel = Kernel(tmp_path_factory.mktemp("finished"))
    kernel.run("%load_ext autoresearch_magic")
    begin(kernel, "--metric loss --budget 0.02s -n 3 --repeats 2 --name night")
    assert kernel.run("%autoresearch wait").status == "ok"
    yield kernel
    kernel.close()


@pytest.mark.slow
def test_an_assigned_history_is_a_dataframe_and_nothing_is_shown(finished):
    answer = finished.run("r = %autoresearch history\nprint(type(r), len(r), r.verdict[0])")
    assert answer.stdout == "<class 'pandas.DataFrame'> 4 baseline\n"
    assert answer.displays == []
    kept = finished.run("k = %autoresearch history --kept\nprint(set(k.verdict) <= {'baseline', 'keep'})")
    assert kept.stdout == "True\n"


@pytest.mark.slow
def test_a_line_alone_shows_the_table_once_and_keeps_the_value(finished):
    shown = finished.run("%autoresearch history")
    assert [list(data) for data in shown.displays] == [["text/plain", "text/markdown"]]
    assert shown.displays[0]["text/markdown"].startswith("| # | verdict |")
    assert shown.stdout == ""
    assert finished.run("print(type(_).__name__, len(_))").stdout == "DataFrame 4\n"
    again = finished.run("_")
    assert "experiment" in again.stdout, "the value itself is shown as pandas shows it"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "displays"),
    [
        ("%autoresearch status", 1),
        ("%autoresearch status;", 0),
        ("%autoresearch history;", 0),
        ("%autoresearch status\n%autoresearch history\n%autoresearch best", 3),
        ("%autoresearch status\nx = 1", 1),
        ("def f():\n    %autoresearch status\nf()", 1),
        ("if True:\n    %autoresearch status", 1),
        ("s = %autoresearch status", 0),
        ("s = %autoresearch status;", 0),
        ("s = get_ipython().run_line_magic('autoresearch', 'status')\ns", 1),
        ("get_ipython().run_line_magic('autoresearch', 'status')", 1),
        ("display(get_ipython().run_line_magic('autoresearch', 'status'))", 1),
        ("%autoresearch stop", 1),
        ("%autoresearch stop;", 0),
    ],
)
def test_a_reply_is_shown_once_or_not_at_all(finished, cell, displays):
    answer = finished.run(cell)
    assert (answer.status, len(answer.displays), answer.stdout) == ("ok", displays, ""), answer


@pytest.mark.slow
def test_answers_have_their_facts_and_two_forms(finished):
    lines = ["status", "best", "show 1", "diff 0 2", "evals", "report", "agents", "skills", "plan", "briefing",
             "regression 0 1 --samples 2"]  # fmt: skip
    code = f"""
import json
for line in {lines!r}:
    r = get_ipython().run_line_magic("autoresearch", line)
    both = r._repr_html_(), r._repr_markdown_()
    assert both[0].startswith("<div>") and "object at" not in "".join(both) + str(r) + repr(r), line
    assert str(r) and all(both), line
    print(json.dumps([line, sorted(json.loads(json.dumps(r.to_dict(), allow_nan=False)))]))
"""
    answer = finished.run(code, timeout=120)
    assert answer.status == "ok", answer
    facts = dict(json.loads(line) for line in answer.stdout.splitlines())
    assert set(facts) == set(lines)
    assert "state" in facts["status"]
    assert "measurements" in facts["show 1"]
    assert facts["diff 0 2"] == ["diff", "from", "study", "to"]
    assert "verdict" in facts["regression 0 1 --samples 2"]
    one = finished.run(
        "s = %autoresearch status\nprint(s.state, s['study'], s.best['experiment'] >= 0, 'state' in dir(s))"
    )
    assert one.stdout == "finished night True True\n"
    assert "has no 'states'" in finished.run("s.states").error


@pytest.mark.slow
def test_json_in_a_notebook_is_the_same_object(finished):
    printed = json.loads(finished.run("%autoresearch best --json").stdout)
    value = finished.run("b = %autoresearch best\nimport json; print(json.dumps(b.to_dict()))")
    assert printed == json.loads(value.stdout)


def test_a_call_without_source_is_used():
    frame = SimpleNamespace()
    assert use_of(None, "last_expr") == "used"
    exec(compile("frame.f = use()", "<none>", "exec"), {"frame": frame, "use": lambda: use_of(None, "last_expr")})
    assert frame.f == "used"


def test_a_result_without_facts_is_its_text():
    result = Result(Reply("two\nlines"))
    assert (str(result), repr(result), result.to_dict()) == ("two\nlines", "two\nlines", {})
    assert result._repr_markdown_() == "```text\ntwo\nlines\n```"
    with pytest.raises(AttributeError, match="no facts"):
        _ = result.state
    with pytest.raises(KeyError):
        result["state"]
