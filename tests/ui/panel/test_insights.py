import json
import math
from array import array

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import Judged, State, StateChanged
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.analysis.importance import Importance
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.panel.answers import PanelSession
from autoresearch_magic.ui.panel.insights import insights

TARGET = "LR = 0.1\nDEPTH = 2\nloss = LR * DEPTH\n"


@pytest.fixture
def session(tmp_path):
    made = Study("# Lower it", TARGET, metric="loss", minimize=True, experiments=50, root=tmp_path)
    return PanelSession(made, lambda content, buffers=None: None)


def take(session, number, target=TARGET, value=1.0, verdict=Verdict.DISCARD, parent=0, **more):
    runs = (Measurement(Outcome.OK if value is not None else Outcome.CRASH, value, seed=0, seconds=2.0, **more),)
    proposal = Proposal(target, f"idea {number}", agent="tuner")
    verdict = verdict if number else Verdict.BASELINE
    found = Experiment(number, parent if number else None, proposal, verdict=verdict, measurements=runs)
    session.study.status.take(Judged(found))


def ask(session, part, **more):
    content, buffers = insights(session, {"type": "insights", "part": part, **more})
    return json.loads(json.dumps(content, allow_nan=False)), buffers


@pytest.mark.parametrize("part", ["importance", "kinds", "constants", "tradeoff", "verdicts", "limits"])
def test_a_study_without_experiments_has_empty_columns(session, part):
    content, _ = ask(session, part)
    assert content["part"] == part
    take(session, 0)
    ask(session, part)


def test_the_kinds_are_columns_of_equal_length(session):
    take(session, 0)
    take(session, 1, TARGET.replace("0.1", "0.05"), 0.5, Verdict.KEEP)
    take(session, 2, TARGET.replace("2", "3"), 2.0, parent=1)
    take(session, 3, TARGET.replace("0.1", "0.2"), None, Verdict.CRASH)
    content, _ = ask(session, "kinds")
    columns = {name: values for name, values in content.items() if isinstance(values, list)}
    assert {len(values) for values in columns.values()} == {2}
    assert (content["kind"][0], content["tried"][0], content["kept"][0]) == ("LR", 2, 1)


def test_the_verdicts_say_how_many_were_kept_and_how_long_nothing_was(session):
    take(session, 0)
    for number in range(1, 13):
        take(
            session,
            number,
            TARGET + f"# {number}\n",
            0.5 if number == 2 else 2.0,
            Verdict.KEEP if number == 2 else Verdict.DISCARD,
        )
    content, _ = ask(session, "verdicts")
    assert content["rates"][0][:2] == [1, 12]
    assert content["rates"][1][:2] == [0, 10]
    assert (content["plateau"]["since"], content["plateau"]["idle"]) == (2, 10)


def test_the_constants_are_columns_of_numbers_with_the_metric_last(session):
    take(session, 0)
    for number in range(1, 5):
        take(session, number, TARGET.replace("0.1", f"{0.1 * number + 0.1:.1f}"), float(number))
    content, (numbers, rates, metric) = ask(session, "constants")
    assert content["constants"] == [{"name": "LR", "words": None, "log": True, "whole": False}]
    assert (content["runs"], content["of"], content["left"]) == (5, 5, 0)
    assert array("i", numbers).tolist() == [0, 1, 2, 3, 4]
    assert array("d", rates).tolist() == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert array("d", metric).tolist() == [1.0, 1.0, 2.0, 3.0, 4.0]


def test_importances_are_computed_once_and_again_when_a_tenth_more_is_known(session, monkeypatch):
    calls = []

    def computed(tried, *, minimize, kind):
        calls.append(tried.valued)
        return Importance(kind, ["LR"], [1.0], [0.8], [1.0], [True], 1.0, tried.valued, 0)

    monkeypatch.setattr("autoresearch_magic.ui.panel.insights.importances", computed)
    take(session, 0)
    for number in range(1, 21):
        take(session, number, TARGET.replace("0.1", f"{0.1 + 0.01 * number:.2f}"), 2.0)
    session.study.status.take(StateChanged(State.RUNNING, ""))
    content, _ = ask(session, "importance")
    assert (content["names"], content["best"], content["range"]) == (["LR"], ["0.1"], ["0.1 to 0.3"])
    ask(session, "importance")
    take(session, 21, TARGET.replace("0.1", "0.5"), 2.0)
    ask(session, "importance")
    assert calls == [21]
    for number in range(22, 25):
        take(session, number, TARGET.replace("0.1", f"{0.1 + 0.01 * number:.2f}"), 2.0)
    ask(session, "importance")
    assert calls == [21, 25]


def test_memory_time_and_other_numbers_are_columns(session):
    take(session, 0, memory=0.5)
    take(session, 1, value=2.0, memory=0.7, numbers={"size": 3.0, "bad": float("nan")})
    take(session, 2, value=None, verdict=Verdict.CRASH, memory=9.0)
    content, buffers = ask(session, "tradeoff")
    assert (content["names"], content["runs"]) == (["size"], 2)
    assert array("i", buffers[0]).tolist() == [0, 1]
    metric, memory, seconds, size = (array("d", b).tolist() for b in buffers[1:])
    assert (metric, memory, seconds) == ([1.0, 2.0], [0.5, 0.7], [2.0, 2.0])
    assert math.isnan(size[0])
    assert size[1] == 3.0


def test_an_unknown_part_is_refused_in_one_line(session):
    with pytest.raises(UserError, match=r"no insights of 'nonsense'; there are .*kinds"):
        ask(session, "nonsense")
