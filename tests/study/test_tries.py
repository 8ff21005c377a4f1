"""Versions from outside: judged as an agent's, one at a time, beside a study that runs or alone."""

import threading

import pytest

from autoresearch_magic.errors import UserCodeError, UserError
from autoresearch_magic.events import Notice, State
from autoresearch_magic.experiment import Proposal, Verdict
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.study import Study
from autoresearch_magic.study.tries import describe

from ..repositories import changed, repository, state
from ..studies import NOISY, PROPOSALS, QUICK, SLOW, finish, wait_for


def x(value):
    return QUICK.replace("3.0", str(value))


def verdicts(study):
    return [str(e.verdict) for e in study.experiments]


@pytest.mark.slow
def test_a_version_is_tried_recorded_and_leaves_the_study_stopped(make_study):
    study = make_study(agent="me")
    kept = study.try_target(x(2.0), summary="two", hypothesis="it is nearer", expect="-3")
    assert (kept.number, kept.verdict, kept.summary, kept.proposal.agent) == (1, Verdict.KEEP, "two", "me")
    assert (kept.proposal.hypothesis, kept.proposal.expect) == ("it is nearer", "-3")
    assert (study.state, study.active) == ("stopped", False)
    worse = study.try_target(x(4.0), agent="student")
    assert (worse.verdict, worse.summary, worse.proposal.agent) == (Verdict.DISCARD, "X = 2.0 → X = 4.0", "student")
    again = open_study(study.name, study.folder.parent)
    assert verdicts(again) == ["baseline", "keep", "discard"]
    assert [e.commit[:7] for e in again.experiments] == [e.commit[:7] for e in study.experiments]
    assert (study.folder / "results.tsv").read_text().count("\n") >= 4
    assert study.resume(agent="tuner", experiments=4).wait(60)
    assert (study.state, study.status.done) == ("finished", 4)


@pytest.mark.slow
def test_nobody_is_asked_where_the_agent_is_me(make_study):
    study = make_study(agent="tuner")
    with pytest.raises(UserError, match="nobody in the study proposes changes: try your own version"):
        study.resume(agent="me")
    assert study.settings.agent == "tuner"  # what cannot be started keeps its settings
    me = make_study(agent="me")
    for start in (me.start, me.resume, me.step):
        with pytest.raises(UserError, match="nobody in the study proposes changes"):
            start()
    assert not me.folder.exists()
    with pytest.raises(UserError, match="takes nothing behind it"):
        make_study(agent="me:x")
    replayed = make_study(agent="tuner")
    finish(replayed)
    again = make_study(agent=f"replay:{replayed.name}")
    with pytest.raises(UserError, match="replays a recorded study"):
        again.try_target(x(2.0))


@pytest.mark.slow
def test_verdicts_equal_those_of_an_agent_inside(make_study, script):
    script(*PROPOSALS)
    options = {"experiments": len(PROPOSALS), "repeats": 3, "budget": "5steps"}
    inside = finish(make_study(NOISY, agent="script", **options))
    outside = make_study(NOISY, agent="me", **options)
    for target in PROPOSALS:
        outside.try_target(target)

    def judged(study):
        return [(e.number, e.parent, str(e.verdict), e.values, e.since) for e in study.experiments]

    def runs(study):
        with Journal(study.folder / "journal.sqlite") as journal:
            return [(r.experiment, r.kind, r.measurement.seed) for r in journal.runs()]

    assert {"keep", "discard", "duplicate", "crash", "rejected"} <= set(verdicts(outside))
    assert verdicts(outside) == verdicts(inside)
    searched = len(runs(outside))
    assert searched < len(runs(inside))
    assert runs(outside) == runs(inside)[:searched]  # the rest is the closing phase and the confirmation
    outside.finish().wait()
    assert (outside.state, judged(outside), runs(outside)) == ("finished", judged(inside), runs(inside))
    assert outside.headline == inside.headline is not None


@pytest.mark.slow
def test_nothing_is_recorded_of_a_version_that_cannot_be_tried(make_study):
    study = make_study(agent="me")
    for source, why in (
        (QUICK, "the same as the baseline"),
        ("  \n", "is empty"),
        ({"a.py": "x"}, "give its whole new text"),
    ):
        with pytest.raises(UserError, match=why):
            study.try_target(source)
    assert not study.folder.exists()
    study.try_target(x(2.0))
    with pytest.raises(UserError, match="the same as experiment 1, the best so far"):
        study.try_target(x(2.0) + "\n")
    with pytest.raises(UserError, match="agent is empty"):
        study.try_target(x(1.5), agent=" ")
    assert verdicts(study) == ["baseline", "keep"]


@pytest.mark.slow
def test_a_baseline_that_fails_is_an_error_for_the_caller(make_study):
    study = make_study("X = 3.0\nloss = 1 / 0\n")
    with pytest.raises(UserCodeError, match="ZeroDivisionError"):
        study.try_target(x(2.0))
    assert study.state == "failed"


@pytest.mark.slow
def test_a_version_goes_before_the_next_proposal_of_the_agent(make_study, script):
    script(*(SLOW.replace("3.0", f"{2.9 - n / 10}") for n in range(30)))
    study = make_study(SLOW, agent="script", experiments=30).start()
    wait_for(lambda: study.status.done >= 1)
    tried = study.try_target(SLOW.replace("3.0", "0.5"), summary="mine")
    assert study.active
    assert study.experiments[tried.number - 1].proposal.agent == "script"
    assert (tried.verdict, tried.proposal.agent) == (Verdict.KEEP, "me")
    wait_for(lambda: len(study.experiments) > tried.number + 1)
    assert study.experiments[-1].proposal.agent == "script"
    study.pause().wait()
    done = len(study.experiments)
    in_pause = study.ask_try(SLOW.replace("3.0", "0.4"))
    assert in_pause.wait(30)
    assert in_pause.answer().number == done
    wait_for(lambda: study.status.state is State.PAUSED)
    assert len(study.experiments) == done + 1
    study.stop()


@pytest.mark.slow
def test_a_version_does_not_wait_for_an_agent_that_thinks(make_study, script):
    study, think = None, threading.Event()
    agent = script(x(2.5), x(2.0), x(1.2), x(1.0))
    agent.slow = True
    propose = agent.propose

    def slowly(briefing):
        while not think.wait(0.05):
            briefing.wait(0, "")
        return propose(briefing)

    agent.propose = slowly
    study = make_study(agent="script", experiments=3).start()
    wait_for(lambda: len(study.experiments) == 1)
    assert study.try_target(x(1.5)).number == 1
    think.set()
    assert study.wait(60)
    assert [e.proposal.agent for e in study.experiments[1:]] == ["me", "script", "script"]


@pytest.mark.slow
def test_a_version_given_when_the_search_is_over_is_tried_after_the_end(make_study, script):
    script(x(2.0))
    study = make_study(agent="script", experiments=1)
    asked = []

    def ask(event):
        if study.status.state is State.CONFIRMING and not asked:
            asked.append(study.ask_try(x(1.5)))

    study.observe(ask)
    study.start().wait(60)
    assert asked[0].wait(60)
    assert asked[0].answer().number == 2
    assert study.state == "stopped"


@pytest.mark.slow
def test_a_stop_says_what_has_become_of_the_version(make_study, script):
    script(*(SLOW.replace("3.0", f"{2.9 - n / 10}") for n in range(30)))
    study = make_study(SLOW, agent="script", experiments=30).start()
    wait_for(lambda: study.status.done >= 1)
    asked = study.ask_try(SLOW.replace("3.0", "0.5"))
    study.stop()
    assert asked.wait(10)
    with pytest.raises(UserError, match="was stopped"):
        asked.answer()


@pytest.mark.slow
def test_an_experiment_that_was_not_finished_comes_first(make_study):
    study = make_study(agent="me")
    study.begin().wait()
    assert verdicts(study) == ["baseline"]
    with Journal(study.folder / "journal.sqlite") as journal:  # as a killed process leaves it
        opened = type(study.experiments[0])(1, 0, Proposal(x(2.0), "killed", agent="me"), "mark")
        journal.note("given", experiment=1)
        journal.open_experiment(opened)
        journal.note("attempt", experiment=1)
    again = open_study(study.name, study.folder.parent)
    said = []
    again.observe(lambda event: said.append(event.message) if isinstance(event, Notice) else None)
    assert again.try_target(x(1.5)).number == 2
    assert "Experiment 1 was begun and not finished: that comes first." in said
    assert [e.summary for e in again.experiments] == ["baseline", "killed", "X = 3.0 → X = 1.5"]


@pytest.mark.slow
def test_one_study_at_a_time_in_a_process_and_one_process_at_a_time(make_study, script):
    script(*(SLOW.replace("3.0", f"{2.9 - n / 10}") for n in range(30)))
    other = make_study(SLOW, agent="me")
    running = make_study(SLOW, agent="script", experiments=30).start()
    wait_for(lambda: running.experiments)
    with pytest.raises(UserError, match=rf"The study {running.name} is (running|baseline)"):
        other.try_target(SLOW.replace("3.0", "2.0"))
    running.stop()
    other.try_target(SLOW.replace("3.0", "2.0"))
    from filelock import FileLock

    with (
        FileLock(str(other.folder / "lock"), thread_local=False),
        pytest.raises(UserError, match="Another process is running"),
    ):
        open_study(other.name, other.folder.parent).try_target(SLOW.replace("3.0", "1.0"))
    comparing = other.ask_regression(0, 1)
    with pytest.raises(UserError, match=r"measuring|starting"):
        comparing.try_target(SLOW.replace("3.0", "1.0"))
    other.stop()


FILES = {
    "src/app.py": "SIZE = 40\n\n\ndef cost():\n    return SIZE\n", "src/old.py": "A = 1\n",
    "bench.py": "import sys\nsys.path.insert(0, 'src')\nimport app\nprint('ms:', app.cost())\n",
    "check.py": "import sys\nsys.path.insert(0, 'src')\nimport app\nif app.SIZE < 10:\n    sys.exit('SIZE is too small')\n",
}  # fmt: skip


@pytest.mark.slow
def test_files_of_a_repository(tmp_path):
    repo = repository(tmp_path / "repo", FILES)
    study = Study(
        "Make it cheaper", metric="ms", scope="src/**", verify="python bench.py", guard="python check.py", repo=str(repo),
        repeats=2, agent="me", root=tmp_path,
    )  # fmt: skip
    before = state(repo)
    smaller = FILES["src/app.py"].replace("40", "30")
    assert (
        study.try_target({"src/app.py": smaller, "src/old.py": None, "src/new.py": "B = 2\n"}).verdict is Verdict.KEEP
    )
    assert study.try_target({"src/app.py": smaller.replace("30", "3")}).verdict is Verdict.GUARD_FAILED
    bundle = changed(study.incumbent.target, src__app_py=smaller.replace("30", "20"))
    assert study.try_target(bundle).verdict is Verdict.KEEP
    for source, why in (
        ({"bench.py": "print('ms: 1')\n"}, "frozen"), ({"other.py": ""}, "outside the scope"), ("X = 1\n", "dict of paths"),
        ({"../x.py": ""}, "not a path inside"), ({"src/none.py": None}, "no file src/none.py"), (study.incumbent.target, "nothing to try"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=why):
            study.try_target(source)
    assert verdicts(study) == ["baseline", "keep", "guard-failed", "keep"]
    assert state(repo) == before


def test_a_summary_from_the_difference():
    assert describe("a = 1\nb = 2\n", "a = 1\nb = 3\n") == "b = 2 → b = 3"
    assert describe("a = 1\n", "a = 1\nb = 3\nc = 4\n") == "2 lines added, 0 removed"
    assert describe("#% file a.py\nA = 1\n", "#% file a.py\nA = 1\nB = 2\n") == "1 line added, 0 removed in a.py"
