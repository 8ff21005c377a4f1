"""What Python answers about one experiment."""

import struct
from dataclasses import replace

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import Judged, RunStarted
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Usage, Verdict
from autoresearch_magic.runs import Point
from autoresearch_magic.source.files import join
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.ui.panel.detail import detail
from autoresearch_magic.ui.panel.differences import LONGEST_LINE
from autoresearch_magic.ui.panel.opening import open_session

from .page import experiment, fill
from .view import patient

__all__ = ["patient"]

pytestmark = pytest.mark.usefixtures("patient")


@pytest.fixture
def ask(study):
    """Ask a question as the view does; answers with buffers are pairs."""
    sent = []
    session = open_session(study, lambda content, buffers=None: sent.append((content, buffers or [])))
    session.in_thread = lambda work: work()

    def ask(kind, buffers=False, **content):
        sent.clear()
        session.take({"type": kind, "key": "k", **content})
        [(answer, bytes_)] = sent
        assert answer["key"] == "k"
        if answer["type"] == "refused":
            raise UserError(answer["message"])
        return (answer, bytes_) if buffers else answer

    return ask


def runs(*values, **more):
    return tuple(
        Measurement(Outcome.OK, v, seed=n, seconds=1.5, steps=100, memory=0.25, **more) for n, v in enumerate(values)
    )


def take(study, *experiments):
    for e in experiments:
        study.status.take(Judged(e))


def test_what_was_expected_and_what_came_of_it(study):
    baseline = replace(experiment(0, 2.0, Verdict.BASELINE), measurements=runs(2.0, 2.02, 1.98))
    proposal = Proposal(
        "X = 1\n", "less", "smaller steps", "-0.5 (sd 0.1)", "claude:opus", Usage(1, 4000, 200, 0, 900, 12.0, 0.021)
    )
    kept = Experiment(
        1, 0, proposal, verdict=Verdict.KEEP, measurements=runs(1.7, 1.71, 1.69), commit="0123456789abcdef"
    )
    crash = replace(experiment(2, None, Verdict.CRASH), proposal=replace(proposal, expect="a bit"), measurements=(Measurement(Outcome.CRASH, None, seed=0, error="KeyError: 'x'", traceback="Traceback\nKeyError: 'x'\n"),))  # fmt: skip
    take(study, baseline, kept, crash)
    shown = detail(study, 1)
    assert shown["forecast"].startswith("expected -0.5 (sd 0.1), got -0.3")
    assert shown["forecast"].endswith("better, but less than expected")
    assert "95% interval -0.3" in shown["forecast"]
    assert [name for name, _ in shown["evidence"]] == [
        "Expected gain",
        "95% interval",
        "Chance of being better",
        "Proven",
    ]
    assert (shown["memory"], shown["commit"]) == (0.25, "0123456789")
    assert shown["usage"] == {"input": 4200, "output": 900, "seconds": 12.0, "cost": 0.021}
    failed = detail(study, 2)
    assert (failed["forecast"], failed["error"]) == ('expected "a bit", got no value', "Traceback\nKeyError: 'x'\n")
    assert detail(study, 0)["forecast"] == ""


def test_the_running_experiment_is_shown_before_it_is_judged(study, ask):
    fill(study, 2)
    with pytest.raises(UserError, match="There is no experiment 2"):
        ask("show", number=2)
    study.status.take(RunStarted(replace(experiment(2, 1.0), verdict=None, measurements=()), "candidate", 0, 1))
    assert ask("show", number=2)["evidence"] == []
    assert ask("source", number=2)["source"].endswith("# 2\n")
    assert ask("diff", number=2, against=0)["added"] == 1


def test_the_difference_of_two_versions(study, ask):
    fill(study, 3)
    shown = ask("diff", number=2, against=1, context=1)
    assert (shown["added"], shown["removed"], shown["left"]) == (1, 1, 0)
    assert [row[0] for row in shown["rows"]] == [4, 0, 1]
    gap, same, changed = shown["rows"]
    assert gap[3] == 6
    assert same[1:3] == [7, 7]
    assert (changed[3], changed[4]) == (["com", "# 1"], ["com", "# 2"])
    assert (changed[5], changed[6]) == (((2, 3),), ((2, 3),))
    assert [row[0] for row in ask("diff", number=2, against=1, context=None)["rows"]] == [0] * 7 + [1]
    assert ask("diff", number=2, against=2)["rows"] == []
    with pytest.raises(UserError, match="There is no experiment 9"):
        ask("diff", number=2, against=9)


def test_the_source_alone(study, ask):
    fill(study, 2)
    shown = ask("diff", number=0, against=None)
    assert (shown["rows"][0], len(shown["rows"])) == ([0, 1, 1, ["", "X ", "op", "= ", "num", "3.0"]], 8)
    assert (shown["added"], shown["removed"]) == (0, 0)


@pytest.mark.slow
def test_of_a_long_difference_a_part_is_sent(study, ask):
    target = "".join(f"x{n} = {n}\n" for n in range(5000)) + f"text = '{'x' * 100_000}'\n"
    take(study, experiment(0, 2.0, Verdict.BASELINE), replace(experiment(1, 1.0), proposal=Proposal(target, "long")))
    shown = ask("diff", number=1, against=0, most=100)
    assert len(shown["rows"]) == 100
    assert shown["left"] > 4900
    assert shown["added"] == 5001, "all are counted"
    last = ask("diff", number=1, against=None, most=9000)["rows"][-1]
    assert sum(map(len, last[3][1::2])) <= LONGEST_LINE + 2


def test_files_of_a_repository_are_compared_one_by_one(study, ask):
    first, second = join({"a.py": "A = 1\n", "b.txt": "same\n"}), join({"a.py": "A = 2\n", "b.txt": "same\n"})
    take(study, replace(experiment(0, 2.0, Verdict.BASELINE), proposal=Proposal(first, "")), replace(experiment(1, 1.0), proposal=Proposal(second, "more")))  # fmt: skip
    assert [row[:3] for row in ask("diff", number=1, against=0)["rows"]] == [[5, "a.py", "changed"], [1, 1, 1]]
    assert [row[:3] for row in ask("diff", number=1, against=None)["rows"]] == [[5, "a.py", ""], [0, 1, 1], [5, "b.txt", ""], [0, 1, 1]]  # fmt: skip


def test_runs_and_their_curves(study, ask):
    curve = tuple(Point(n / 10, n / 4000, n, {"loss": 1 / (1 + n)}) for n in range(4000))
    baseline = replace(experiment(0, 2.0, Verdict.BASELINE), measurements=runs(2.0, 2.1, curve=curve[:3]))
    failed = Measurement(Outcome.TIMEOUT, None, seed=7, seconds=60.0, error="took longer than 60s")
    e = replace(experiment(1, 1.0), measurements=(*runs(1.0, 1.1, curve=curve), failed), since=1)
    take(study, baseline, e)
    study.folder.mkdir(parents=True)
    with Journal(study.folder / "journal.sqlite", create=True) as journal:
        journal.open_experiment(e)
        for kind, m in zip(
            ("candidate", "candidate", "incumbent", "final"), (*e.measurements, runs(1.05)[0]), strict=True
        ):
            journal.add_run(1, kind, m)
    shown, (curves, parent) = ask("runs", buffers=True, number=1)
    assert [row["purpose"] for row in shown["rows"]] == ["candidate", "candidate", "incumbent", "final"]
    assert [row["value"] for row in shown["rows"]] == [1.0, 1.1, None, 1.05]
    assert [row["remark"] for row in shown["rows"]] == ["before the machine changed: does not count any more", "", "timeout; took longer than 60s", ""]  # fmt: skip
    assert shown["sizes"] == [1000, 1000, 0]
    assert len(curves) == 2000 * 8
    assert struct.unpack("<6f", parent) == pytest.approx((0, 1, 1 / 4000, 0.5, 2 / 4000, 1 / 3))
    assert shown["parent"] == 0


def test_two_versions(study, ask):
    one, two = Proposal("RATE = 0.1\nWIDTH = 8\n", "a"), Proposal("RATE = 0.2\nWIDTH = 8\nDEPTH = 2\n", "b")
    take(
        study, experiment(0, 2.0, Verdict.BASELINE),
        replace(experiment(1, 1.0), proposal=one, measurements=runs(1.0, 1.02, 0.98)),
        replace(experiment(2, 1.0), proposal=two, measurements=runs(0.8, 0.81, 0.79)),
        replace(experiment(3, None, Verdict.CRASH), measurements=()),
    )  # fmt: skip
    shown = ask("compare", a=1, b=2)
    known = dict(shown["difference"])
    assert known["Difference"].startswith("#2 is 0.2")
    assert known["Difference"].endswith("better than #1")
    assert known["Chance that #2 is better"] == ">99%"
    assert shown["constants"] == [("RATE", "0.1", "0.2"), ("DEPTH", "–", "2")]
    assert [side["runs"] for side in shown["sides"]] == [3, 3]
    assert ask("compare", a=1, b=3)["difference"] == [("Difference", "not known: #3 has no value")]


def test_the_log_of_a_run_the_end_first_and_then_what_is_new(study, ask):
    fill(study, 3)
    logs = study.folder / "logs"
    logs.mkdir(parents=True)
    (logs / "0002.log").write_bytes(b"a" * 100_000 + "é".encode()[:1])
    first = ask("log", number=2)
    assert (first["from"], first["to"], first["size"], first["live"]) == (36_001, 100_000, 100_001, False)
    assert set(first["text"]) == {"a"}, "half of a character is not shown"
    earlier = ask("log", number=2, before=first["from"])
    assert (earlier["from"], earlier["to"]) == (0, 36_001)
    with (logs / "0002.log").open("ab") as file:
        file.write("é".encode()[1:] + b"\n")
    assert ask("log", number=2, **{"from": 100_000})["text"] == "é\n"
    study.status.take(RunStarted(study.experiments[2], "candidate", 1, 2))
    (logs / "0002-2.log").write_text("second")
    live = ask("log", number=2)
    assert (live["live"], live["run"], live["text"]) == (True, 1, "second")
    assert ask("log", number=2, run=0)["live"] is False
    take(study, replace(experiment(3, 1.0), measurements=runs(1.0, output="the last lines")))
    assert ask("log", number=3)["text"] == "the last lines", "the journal has them where there is no log"


def test_what_an_agent_was_asked_is_in_the_journal(study, ask):
    asked = replace(experiment(1, 1.0).proposal, prompt="goal " * 200_000, reply="<summary>", usage=Usage(1))
    study.folder.mkdir(parents=True)
    with Journal(study.folder / "journal.sqlite", create=True) as journal:
        journal.open_experiment(replace(experiment(0, 2.0), proposal=Proposal("X = 1\n", "baseline")))
        journal.open_experiment(replace(experiment(1, 1.0), proposal=asked))
        assert journal.prompt(0) == ""
        assert len(journal.prompt(1)) < 401_000
        assert journal.experiments()[1].proposal.prompt == "", "it may be long, and is read on request"
        journal.rework(
            experiment(1, 1.0), replace(experiment(1, 1.0), proposal=replace(asked, prompt="again")), "guard"
        )
        assert journal.prompt(1) == "again"
        journal.select("SELECT 1")
    take(study, experiment(0, 2.0, Verdict.BASELINE), replace(experiment(1, 1.0), proposal=replace(asked, prompt="")))
    assert detail(study, 1)["asked"]
    assert not detail(study, 0)["asked"]
    assert ask("talk", number=1) == {"type": "talk", "key": "k", "number": 1, "prompt": "again", "reply": "<summary>"}
    assert ask("talk", number=0)["prompt"] == ""
