"""A study with several lines of work: what its proposals build on, what is recorded of it, and how it goes on."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from autoresearch_magic.agents.base import Briefing
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.judge import Decision
from autoresearch_magic.judging.lines import ENDED, MOVED, OF, Lines
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners import Runner
from autoresearch_magic.runners.fleet import Fleet, Place
from autoresearch_magic.source.constants import read_values
from autoresearch_magic.source.edits import fingerprint
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.lines import MERGED, Work, line_notes, read_lines
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.summary import lines_of_work, status_text
from autoresearch_magic.ui.panel.facts import study_facts

from ..studies import finish

TARGET = """KIND = "trees"  # one of: trees, net
RATE = 0.01  # 0.0001 .. 1 log
SHARE = 0.5  # 0 .. 1
loss = train()
"""


class TwoValleys(Runner):
    """At the settings that suit trees a net is worse, and better at its own."""

    def measure(self, target, *, seed, deadline, watch=None, log="", holdout=False):
        found = read_values(target)
        rate, share, least = {"trees": (-1.0, 0.8, 1.0), "net": (-3.5, 0.1, 0.0)}[found["KIND"]]
        off = (math.log10(found["RATE"]) - rate) ** 2 / 4 + 3 * (found["SHARE"] - share) ** 2
        return Measurement(Outcome.OK, least + 3 * off / (0.3 + off), seed, seconds=0.01, charged=0.01)


@pytest.fixture
def begin(make_study, monkeypatch):
    monkeypatch.setattr("autoresearch_magic.study.thread.make_runner", lambda *_: TwoValleys())

    def begin(experiments, lines=3, **options):
        return make_study(TARGET, agent="tuner", experiments=experiments, lines=lines, **options)

    return begin


def notes_of(study):
    with Journal(study.folder / "journal.sqlite") as journal:
        return [(kind, body) for _, kind, body in journal.notes(OF, MOVED, ENDED)]


@pytest.mark.slow
def test_proposals_build_on_the_version_of_their_line_and_the_best_is_the_last_keep(begin):
    study = begin(44)
    finish(study)
    known, notes = study.experiments, notes_of(study)
    assert {body["line"] for kind, body in notes if kind == OF} >= {1, 2}
    lines, led = Lines.begin(3), 0
    for kind, body in notes:
        if kind == OF:
            e, line = known[body["experiment"]], lines.lines[body["line"] - 1]
            best = max(e.number for e in known[: e.number] if e.kept)
            assert e.parent == (best if line.version is None else line.version)
            assert e.summary.startswith(f"line {body['line']}: ") or MERGED in e.proposal.agent
        if kind == MOVED and known[body["experiment"]].verdict is Verdict.DISCARD:
            led += 1
            opens = lines.lines[body["line"] - 1].version is None
            assert opens or known[body["experiment"]].reason.startswith(f"Better in line {body['line']}: ")
        lines = lines.after(kind, body)
    assert led
    kept = [e for e in known if e.kept]
    assert [e.value for e in kept] == sorted((e.value for e in kept), reverse=True)
    assert study.status.lines == lines
    opened = open_study(study.name, study.folder.parent)
    assert opened.status.lines == lines
    told = next(line for line in status_text(opened.status).splitlines() if line.startswith("Lines of work: 1 "))
    assert all(
        f"{n} at experiment {line.version} (" in told or line.version is None for n, line in enumerate(lines.lines, 1)
    )
    assert f"at experiment {kept[-1].number} ({opened.status.format(kept[-1].value)}), the best, " in told
    assert told == study_facts(opened, None)["lines"]


def test_a_line_is_told_before_it_begins_and_while_its_version_is_being_recorded():
    status = two_lines().status
    status.lines = (
        Lines.begin(3).after(OF, {"line": 2, "experiment": 1}).after(ENDED, {"line": 3, "at": 3, "experiment": 99})
    )
    assert lines_of_work(status).startswith("Lines of work: 1 at experiment 0 (")
    assert (
        " · 2 looks for its first version, 1 proposal · 3 at experiment 99, 0 proposals, begun anew"
        in lines_of_work(status)
    )
    status.lines = None
    assert lines_of_work(status) == ""


@pytest.mark.slow
def test_a_study_that_is_resumed_goes_on_with_its_lines(begin):
    whole = begin(36, name="whole")
    finish(whole)
    part = begin(30, name="part")
    finish(part)
    again = open_study("part", part.folder.parent)
    again.resume(experiments=36)
    assert again.wait(30)
    assert [e.target for e in again.experiments] == [e.target for e in whole.experiments]
    assert notes_of(again) == notes_of(whole)


@pytest.mark.slow
def test_a_single_line_has_no_notes(begin):
    study = begin(4, lines=1)
    finish(study)
    assert notes_of(study) == []
    assert study.status.lines is None


# -- without a loop -------------------------------------------------------------------------------------------------------

BASE = "A = 1\nB = 1\nC = 1\nD = 1\n"
METRIC = Metric("loss", "loss", True)


class Notes:
    def __init__(self):
        self.made = []

    def note(self, kind, **body):
        self.made.append((0.0, kind, body))

    def notes(self, *kinds):
        return [note for note in self.made if note[1] in kinds]


def experiment(number, parent, target, value, verdict=Verdict.DISCARD):
    run = Measurement(Outcome.OK, value, 0)
    return Experiment(number, parent, Proposal(target, f"{number}"), fingerprint(target), verdict, "", (run,))


def work_of(*experiments, lines=2):
    kept = [e for e in experiments if e.kept]
    settings = SimpleNamespace(lines=lines)
    status = SimpleNamespace(
        experiments=experiments,
        incumbent=kept[-1],
        settings=settings,
        metric=METRIC,
        lines=Lines.begin(lines),
        format=METRIC.format,
    )
    return Work(Notes(), status, lambda n: -experiments[n].value)


def two_lines(other="A = 1\nB = 1\nC = 1\nD = 5\n", value=3.0):
    work = work_of(
        experiment(0, None, BASE, 9.0, Verdict.BASELINE),
        experiment(1, 0, "A = 2\nB = 1\nC = 1\nD = 1\n", 2.0, Verdict.KEEP),
        experiment(2, 0, other, value),
        *(experiment(n, 1, f"A = {n}\nB = 1\nC = 1\nD = 1\n", 9.0) for n in range(3, 40)),
    )
    work.belongs(1, 1)
    work._note(MOVED, line=1, experiment=1, at=2, since=1)
    work.belongs(2, 2)
    work._note(MOVED, line=2, experiment=2, at=3, since=2)
    for n in range(3, 40):
        work.belongs(n, 1)
    return work


def test_what_two_lines_have_found_is_tried_together_once():
    work = two_lines()
    made = work.merged(40)
    assert made is not None
    assert (made.parent, made.target, made.proposal.agent) == (1, "A = 2\nB = 1\nC = 1\nD = 5\n", MERGED)
    work.status.experiments = (*work.status.experiments, replace(made, verdict=Verdict.DISCARD))
    assert work.merged(41) is None


def test_changes_of_the_same_lines_are_not_put_together():
    assert two_lines(other="A = 3\nB = 1\nC = 1\nD = 1\n").merged(40) is None


def test_what_is_better_than_its_line_alone_is_a_discard_that_leads():
    work = two_lines()
    candidate = replace(experiment(40, 2, "A = 1\nB = 2\nC = 1\nD = 5\n", 2.5), verdict=None)
    work.belongs(40, 2)
    asked = []

    def compare(e):
        asked.append(e.parent)
        return Decision(Verdict.DISCARD, "Not better than 1.")

    decision = work.decided(candidate, Decision(Verdict.KEEP, "Better than 2."), compare)
    assert asked == [1]
    assert (decision.verdict, decision.leads) == (Verdict.DISCARD, True)
    assert decision.reason == "Better in line 2: Better than 2. Not better than 1."
    assert work.against(candidate).number == 1
    work.judged(candidate, decision)
    assert work.lines.lines[1].version == 40


def test_a_candidate_that_does_not_lead_its_line_is_not_compared_with_the_best():
    work = two_lines()
    work.belongs(40, 2)
    candidate = replace(experiment(40, 2, BASE + "E = 1\n", 5.0), verdict=None)
    said = Decision(Verdict.DISCARD, "Not better than 2.")
    assert work.decided(candidate, said, lambda e: pytest.fail("it was compared")) is said
    assert work.against(candidate).number == 2
    work.judged(candidate, said)
    assert work.lines.lines[1].version == 2


def test_a_version_that_was_given_belongs_to_the_line_of_the_best():
    work = two_lines()
    given = replace(experiment(40, 1, BASE + "E = 1\n", 1.0), verdict=None)
    assert work.base_of(given).number == 1
    work.judged(given, Decision(Verdict.KEEP, "Better."))
    assert work.lines.lines[0].version == 40


def test_the_best_that_was_chosen_anew_belongs_to_a_line():
    work = two_lines()
    work.status.incumbent = work.status.experiments[3]
    work.settle()
    assert 3 in work.lines.versions()


def test_an_answer_stays_with_the_line_that_it_was_asked_for():
    work = two_lines()
    history = work.status.experiments
    briefing = Briefing("", "", METRIC, history[1], history)
    told = work.brief_for(briefing, 2)
    assert (told.incumbent.number, told.line.number, told.line.count, told.line.others) == (2, 2, 2, (1,))
    assert work.brief_for(briefing, 1).incumbent.number == 1


def test_lines_are_rebuilt_from_their_notes():
    work = two_lines()
    assert read_lines(line_notes(work.journal), 2, 40) == work.lines
    assert read_lines([], 1, 40) is None


@pytest.mark.slow
def test_lines_and_workers_go_together(begin, monkeypatch):
    fleet = Fleet([TwoValleys() for _ in range(3)], [Place(f"worker {n}") for n in range(3)])
    monkeypatch.setattr("autoresearch_magic.study.thread.make_fleet", lambda *_: fleet)
    study = begin(40, lines=3, workers=3)
    finish(study)
    known, lines = study.experiments, study.status.lines
    assert study.status.done == 40
    assert [e.number for e in known] == [*range(len(known))]
    assert {lines.of.get(e.number) for e in known[1:]} >= {1, 2}
    assert all(e.parent < e.number for e in known[1:])
    best = min((e for e in known if e.value is not None), key=lambda e: e.value)
    assert study.status.incumbent.value == pytest.approx(best.value), "the best of all lines is the result"
