"""Replaying a recorded study gives the same study, at any speed."""

import math
import os
import shutil
import threading
import time

import pytest

from autoresearch_magic.agents import Briefing
from autoresearch_magic.agents.replay import Replay
from autoresearch_magic.errors import NothingToPropose, ProposalFailed, Stopped, UserError
from autoresearch_magic.events import Confirmed, Notice, RunProgress
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Usage, Verdict
from autoresearch_magic.runners.replay import ReplayRunner, timeline
from autoresearch_magic.runs import Point
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.storage.recording import open_record, parse_replay
from autoresearch_magic.storage.records import Records
from autoresearch_magic.study.control import Control
from autoresearch_magic.study.definition import define
from autoresearch_magic.study.loop import Loop
from autoresearch_magic.study.measuring import Measurer
from autoresearch_magic.study.status import StudyStatus
from autoresearch_magic.study.study import Study

TARGET = "X = 3.0\nloss = (X - 1) ** 2\n"
SETTINGS = {"metric": "loss", "experiments": 4, "repeats": 2, "budget": "0.05s"}
CURVED = """X = 3.0
from autoresearch_magic import clock, report
import time
for step in clock:
    time.sleep(0.01)
    report(step=step, loss=X / (1 + step))
print("trained", X)
loss = (X - 1) ** 2
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("studies")


@pytest.fixture(scope="module")
def recorded(root):
    """A real study: real worker, real tuner."""
    study = Study("Lower it", TARGET, name="first", root=root, agent="tuner", **SETTINGS)
    study.start()
    assert study.wait(60)
    assert study.state == "finished", study.status.message
    return study


@pytest.fixture(scope="module")
def curved(root):
    """A study whose runs take time, report a curve and print."""
    study = Study("Lower it", CURVED, name="curved", root=root, **SETTINGS | {"experiments": 1, "budget": "0.6s"})
    study.start()
    assert study.wait(60)
    assert study.state == "finished", study.status.message
    return study


def record(folder, *experiments, runs=(), settings=None):
    """Write a recording from experiments and (number, kind, measurement) of their runs."""
    folder.mkdir(parents=True)
    with Journal(folder / "journal.sqlite", create=True) as journal:
        journal.set(settings=settings or {"seed": 0})
        for experiment in experiments:
            journal.open_experiment(experiment)
            if experiment.verdict is not None:
                journal.close_experiment(experiment)
        for number, kind, measurement in runs:
            journal.add_run(number, kind, measurement)
    return folder


def baseline(target=TARGET):
    return Experiment(0, None, Proposal(target, "baseline"), verdict=Verdict.BASELINE)


def measured(value, seed=0, **more):
    return Measurement(Outcome.OK, value, seed, **more)


def briefing(number):
    return Briefing("", "", None, baseline(), number=number)


def play(folder, agent, runner, target=TARGET, **settings):
    """Run the loop with new records, as a study's thread does; return its events and experiments."""
    folder.mkdir()
    definition = define("Lower it", target, "", SETTINGS | settings)
    events = []
    journal = Journal(folder / "journal.sqlite", create=True)
    journal.set(created=time.time(), definition=definition.to_json(), settings=definition.settings.to_json())
    made = Records(
        folder, journal, metric=definition.metric, title=definition.program.title, files=definition.files,
        publish=lambda event: None,
    )  # fmt: skip
    with made as records:
        status = StudyStatus(folder.name, folder, definition)

        def publish(event):
            status.take(event)
            events.append(event)

        measurer = Measurer(
            definition=definition, runner=runner, records=records, status=status, publish=publish, control=Control()
        )  # fmt: skip
        try:
            Loop(measurer, agent).run()
        finally:
            runner.close()
    return events, list(status.experiments)


def essence(experiment):
    p = experiment.proposal
    return (experiment.number, experiment.parent, experiment.verdict, experiment.reason, p.target, p.summary,
            p.hypothesis, p.agent, experiment.measurements)  # fmt: skip


# -- the whole of it --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_replay_is_the_same_study(recorded, root, tmp_path):
    events, judged = play(tmp_path / "again", Replay("first@max", root=root), ReplayRunner(recorded.folder))
    assert [essence(e) for e in judged] == [essence(e) for e in recorded.experiments]
    assert len(judged) == 5
    assert any(e.verdict is Verdict.KEEP for e in judged), "the study is no test when nothing was kept"
    headlines = [event.headline for event in events if isinstance(event, Confirmed)]
    assert headlines == [recorded.status.headline]


@pytest.mark.slow
def test_a_replay_of_a_replay_is_the_same_again(recorded, root, tmp_path):
    _, once = play(tmp_path / "once", Replay("first@max", root=root), ReplayRunner(recorded.folder))
    _, twice = play(tmp_path / "twice", Replay("once@max", root=tmp_path), ReplayRunner(tmp_path / "once"))
    assert [essence(e) for e in once] == [essence(e) for e in twice]


def test_another_seed_and_more_experiments_than_recorded(recorded, root, tmp_path):
    runner = ReplayRunner(recorded.folder, seed=7)
    events, judged = play(tmp_path / "again", Replay("first", root=root), runner, seed=7, experiments=9)
    assert [e.value for e in judged] == [e.value for e in recorded.experiments]
    assert {m.seed for m in judged[0].measurements} == {7, 8}
    assert [e.message for e in events if isinstance(e, Notice)] == [
        "The replay ends: first has no experiment 5 in its recording."
    ]
    assert any(isinstance(event, Confirmed) for event in events)


def test_failures_are_replayed(tmp_path):
    failure = Proposal(
        TARGET, "no proposal", agent="claude", usage=Usage(1, 5, cost=0.1), reply="hm", failure="No reply."
    )
    better = Proposal(
        "X = 2.0\nloss = (X - 1) ** 2\n", "X 3 → 2", "why", "what", "claude-x", Usage(1, 9, cost=0.2), "so"
    )
    folder = record(
        tmp_path / "old",
        baseline(),
        Experiment(1, 0, failure, "", Verdict.REJECTED, "No reply."),
        Experiment(2, 0, better, "", Verdict.KEEP, "Better."),
        runs=[
            (0, "baseline", measured(4.0, 0)), (0, "baseline", measured(4.0, 1)),
            (2, "candidate", measured(1.0, 0)), (2, "candidate", measured(1.0, 1)),  # so large a gain is seen twice
        ],
    )  # fmt: skip
    events, judged = play(tmp_path / "again", Replay(str(folder)), ReplayRunner(folder))
    assert [e.verdict for e in judged] == [Verdict.BASELINE, Verdict.REJECTED, Verdict.KEEP]
    assert judged[1].reason == "No reply."
    assert judged[1].proposal.reply == "hm"
    assert (judged[2].proposal.agent, judged[2].proposal.reply) == ("claude-x", "so")
    assert judged[2].proposal.usage == Usage(), "a replay costs nothing"
    assert not any(isinstance(event, Confirmed) for event in events), "the record has no confirmation"


# -- the agent --------------------------------------------------------------------------------------------------------


def test_the_recording_ends_before_an_unjudged_experiment(tmp_path):
    folder = record(tmp_path / "old", baseline(), Experiment(1, 0, Proposal("X = 2", "s")))
    with pytest.raises(NothingToPropose, match="old has no experiment 1"):
        Replay(str(folder)).propose(briefing(1))


def test_a_failed_proposal_fails_again(tmp_path):
    failed = Experiment(1, 0, Proposal(TARGET, "s", failure="No reply."), "", Verdict.REJECTED)
    folder = record(tmp_path / "old", baseline(), failed)
    with pytest.raises(ProposalFailed, match="No reply"):
        Replay(str(folder)).propose(briefing(1))


def test_another_target_is_refused(tmp_path):
    folder = record(tmp_path / "old", baseline())
    Replay(str(folder), TARGET + "# a comment\n")
    with pytest.raises(UserError, match="not the baseline of old") as caught:
        Replay(str(folder), "X = 4.0\n")
    assert "\n" not in str(caught.value)


def test_a_study_without_a_baseline_is_refused(tmp_path):
    folder = record(tmp_path / "old", Experiment(0, None, Proposal(TARGET, "baseline")))
    with pytest.raises(UserError, match="no baseline"):
        Replay(str(folder))


@pytest.mark.parametrize(
    ("argument", "name", "speed"),
    [
        ("old", "old", 10.0),
        ("old@20x", "old", 20.0),
        ("old@0.5X", "old", 0.5),
        ("old@3", "old", 3.0),
        (" old@max ", "old", math.inf),
        ("a@2x", "a@2x", 10.0),
        ("a@2x@max", "a@2x", math.inf),
    ],
)
def test_names_and_speeds(tmp_path, argument, name, speed):
    for there in ("old", "a@2x"):
        record(tmp_path / there, baseline())
    assert parse_replay(argument, tmp_path) == (tmp_path / name, speed)


def test_a_path_names_a_study_too(tmp_path, monkeypatch):
    folder = record(tmp_path / "elsewhere" / "old", baseline())
    assert parse_replay(f"{folder}@2x", tmp_path) == (folder, 2.0)
    monkeypatch.chdir(tmp_path)
    assert parse_replay("elsewhere/old", tmp_path / "none") == (folder, 10.0)


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("lost", "no study 'lost' to replay: there is old in"),
        ("", "Name the study to replay, .*: there is old in"),
        ("@20x", "Name the study to replay"),
        ("old@fast", "speed 'fast'"),
        ("old@0x", "speed '0x'"),
        ("old@", "speed ''"),
    ],
)
def test_mistakes_are_one_line(tmp_path, argument, says):
    record(tmp_path / "old", baseline())
    with pytest.raises(UserError, match=says) as caught:
        parse_replay(argument, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_read_only_recording_is_copied(tmp_path, monkeypatch):
    folder = record(tmp_path / "old", baseline())
    before = sorted(path.name for path in folder.iterdir())
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with open_record(folder) as journal:
        assert journal.path.parent != folder
        assert [e.number for e in journal.experiments()] == [0]
        copy = journal.path.parent
    assert not copy.exists()
    assert sorted(path.name for path in folder.iterdir()) == before


# -- the runner -------------------------------------------------------------------------------------------------------


def test_runs_are_found_by_target_and_seed(tmp_path):
    runs = [(0, "baseline", Measurement(Outcome.CRASH, None, 0, error="before it was resumed"))]
    runs += [(0, "baseline", measured(v, s)) for v, s in ((1.0, 0), (2.0, 1), (3.0, 0))]
    runs += [(0, "final", measured(4.0, 1000))]
    runner = ReplayRunner(record(tmp_path / "old", baseline(), runs=runs))
    seeds = (0, 1, 1000, 0, 0)
    assert [runner.measure(TARGET, seed=s, deadline=9).value for s in seeds] == [1.0, 2.0, 4.0, 3.0, 3.0]
    assert runner.measure(TARGET + "# a comment", seed=1, deadline=9).value == 2.0


@pytest.mark.parametrize(
    ("target", "says"), [("X = 9", "no such target"), (TARGET, "no run of this target with seed 5")]
)
def test_an_unrecorded_run_is_a_crash(tmp_path, target, says):
    runner = ReplayRunner(record(tmp_path / "old", baseline(), runs=[(0, "baseline", measured(1.0))]))
    found = runner.measure(target, seed=5, deadline=9)
    assert (found.outcome, found.value, found.seed) == (Outcome.CRASH, None, 5)
    assert says in found.error
    assert "\n" not in found.error


@pytest.mark.slow
def test_curve_and_output_are_replayed(curved, tmp_path):
    seen = []
    log = tmp_path / "0000.log"
    runner = ReplayRunner(curved.folder)
    found = runner.measure(CURVED, seed=0, deadline=9, watch=lambda e: bool(seen.append(e)), log=str(log))
    assert found == curved.experiments[0].measurements[0]
    assert seen[0] == {"begin": True}
    assert seen[-1] == {"evaluating": True}
    told = [e["report"] for e in seen if "report" in e]
    assert [(t["elapsed"], t["step"], t["values"]) for t in told] == [
        (p.elapsed, p.step, p.values) for p in found.curve
    ]
    assert len(told) > 10
    assert log.read_text() == found.output
    assert "trained 3.0" in found.output


def test_the_loop_sees_the_curve(curved, root, tmp_path):
    events, _ = play(
        tmp_path / "again", Replay("curved@max", CURVED, root), ReplayRunner(curved.folder), CURVED, experiments=1
    )
    points = [e.point for e in events if isinstance(e, RunProgress) and e.number == 0 and e.point is not None]
    first = curved.experiments[0].measurements[0].curve
    assert tuple(points[: len(first)]) == first


@pytest.mark.slow
@pytest.mark.parametrize(("speed", "least", "most"), [(1.0, 1.0, 1.6), (5.0, 0.2, 0.6), (math.inf, 0.0, 0.2)])
def test_speed(tmp_path, speed, least, most):
    run = measured(1.0, seconds=1.0, charged=0.8, evaluation=0.1, steps=80)
    runner = ReplayRunner(record(tmp_path / "old", baseline(), runs=[(0, "baseline", run)]), speed)
    seen = []
    began = time.monotonic()
    assert runner.measure(TARGET, seed=0, deadline=9, watch=lambda e: bool(seen.append(e))) == run
    assert least <= time.monotonic() - began < most
    ticks = [e["tick"] for e in seen if "tick" in e]
    assert len(ticks) == {1.0: 4, 5.0: 0, math.inf: 0}[speed]
    assert [t["step"] for t in ticks] == [20, 40, 60, 80][: len(ticks)]


def test_the_timeline_is_in_order():
    curve = (Point(0.35, 0.35, 3, {"loss": 2.0}), Point(0.75, 0.75, 7, {"loss": 1.0}))
    run = measured(1.0, seconds=2.0, charged=1.0, evaluation=0.5, steps=10, curve=curve)
    told = list(timeline(run, every=0.25))
    times = [at for at, _ in told]
    assert times == sorted(times)
    assert told[0][0] == 0.0
    assert told[-1] == (1.5, {"evaluating": True})
    spots = [next(iter(event.values())) for _, event in told[1:-1]]
    assert [s["step"] for s in spots] == sorted(s["step"] for s in spots)
    assert [s["progress"] for s in spots] == pytest.approx([s["elapsed"] for s in spots])


def test_a_run_that_crashed_is_not_evaluated():
    run = Measurement(Outcome.CRASH, None, 0, seconds=1.0, error="NameError")
    assert list(timeline(run, every=0.2)) == [(0.0, {"begin": True})]


@pytest.mark.parametrize("end", ["interrupt", "close"])
def test_it_can_be_interrupted(tmp_path, end):
    run = measured(1.0, seconds=60.0, charged=50.0, steps=10)
    runner = ReplayRunner(record(tmp_path / "old", baseline(), runs=[(0, "baseline", run)]), 1.0)
    ended = []

    def work():
        try:
            runner.measure(TARGET, seed=0, deadline=99)
        except Stopped:
            ended.append(time.monotonic())

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.1)
    asked = time.monotonic()
    getattr(runner, end)()
    thread.join(5)
    assert ended
    assert ended[0] - asked < 0.1
    with pytest.raises(Stopped):
        runner.measure(TARGET, seed=0, deadline=99)


def test_the_recording_stays_unchanged(recorded, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(recorded.folder / "journal.sqlite", copy)
    before = (copy / "journal.sqlite").read_bytes()
    ReplayRunner(copy).measure(TARGET, seed=0, deadline=9)
    Replay(str(copy)).propose(briefing(1))
    assert (copy / "journal.sqlite").read_bytes() == before
    assert [path.name for path in copy.iterdir()] == ["journal.sqlite"], "no -wal or -shm is left"


@pytest.mark.slow
def test_a_study_that_replays_another_takes_its_settings_and_its_values(tmp_path):
    from autoresearch_magic.study.opening import open_study
    from autoresearch_magic.study.study import Study

    target = "X = 3.0\nloss = (X - 1) ** 2\n"
    real = Study("g", target, metric="loss", experiments=4, repeats=2, budget="0.05s", root=tmp_path, name="night")
    real.start()
    assert real.wait(60)
    played = Study("g", target, agent="replay:night@max", root=tmp_path, name="class")
    assert (played.settings.metric, played.settings.experiments, played.settings.repeats) == ("loss", 4, 2)
    played.start()
    assert played.wait(60)
    assert played.state == "finished", played.status.message
    assert [(e.value, e.verdict, e.target) for e in played.experiments] == [
        (e.value, e.verdict, e.target) for e in real.experiments
    ]
    assert played.status.headline == real.status.headline
    with pytest.raises(UserError, match="would mix"):
        open_study("class", tmp_path).resume(agent="tuner", experiments=9)
