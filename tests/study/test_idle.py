"""What runs while the agent is awaited: kept versions and near misses, once more."""

import time

import pytest

from autoresearch_magic.agents.registry import BUILT_IN
from autoresearch_magic.events import Notice
from autoresearch_magic.experiment import Verdict
from autoresearch_magic.judging.judge import Decision
from autoresearch_magic.study.opening import open_study

from ..studies import Script, finish

NOISY = "import random, time\ntime.sleep(0.05)\nX = 3.0\nloss = X + random.SystemRandom().gauss(0, 0.5)\n"
EXACT = "import time\ntime.sleep(0.05)\nX = 3.0\nloss = X\n"


class Thinking(Script):
    """A script that takes ten times as long as an experiment."""

    slow = True

    def propose(self, briefing):
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            briefing.wait(0.05, "")
        return super().propose(briefing)


def study_of(make_study, monkeypatch, target=NOISY, **settings):
    agent = Thinking(*[target.replace("3.0", str(value)) for value in (2.9, 2.95, 1.5)])
    monkeypatch.setitem(BUILT_IN, "thinking", lambda order: agent)
    return make_study(target, agent="thinking", experiments=3, repeats=3, **settings)


def idle(study):
    return [body["experiment"] for _, kind, body in notes(study) if kind == "idle run"]


def notes(study):
    from autoresearch_magic.storage.journal import Journal

    with Journal(study.folder / "journal.sqlite") as journal:
        return journal.notes()


@pytest.mark.slow
def test_versions_run_again_while_the_agent_is_awaited(make_study, monkeypatch):
    study = study_of(make_study, monkeypatch)
    told = []
    study.observe(lambda event: told.append(event.message) if isinstance(event, Notice) else None)
    finish(study)
    made = idle(study)
    assert len(made) >= 3
    assert sum(len(e.measurements) for e in study.experiments) >= 6 + len(
        made
    )  # they count for the versions that were run
    assert sum("the best versions are run again" in line for line in told) == 1
    assert len(study.experiments) == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [{"repeat_idle": False}, {"prefetch": False}, {"max_runs": 20}, {"judge": "strict"}]
)
def test_idle_runs_can_be_switched_off(make_study, monkeypatch, settings):
    assert idle(finish(study_of(make_study, monkeypatch, **settings))) == []


@pytest.mark.slow
def test_nothing_runs_again_where_every_repeat_gives_the_same(make_study, monkeypatch):
    assert idle(finish(study_of(make_study, monkeypatch, EXACT))) == []


@pytest.mark.slow
def test_a_keep_that_the_idle_runs_refute_is_taken_back_and_the_search_goes_on(make_study, monkeypatch):
    study = study_of(make_study, monkeypatch)
    refuted = []

    def best(belief, experiments, incumbent, excluded=()):
        if len(experiments) == 2 and incumbent.number == 1:
            refuted.append(1)
        return 0 if refuted and len(experiments) < 4 else incumbent.number

    monkeypatch.setattr("autoresearch_magic.study.closing.best_version", best)
    monkeypatch.setattr("autoresearch_magic.study.closing.next_runs", lambda *_: [0])
    monkeypatch.setattr("autoresearch_magic.study.trying.Trying.decide", keep_the_first)
    finish(study)
    assert refuted
    first = study.experiment(1)
    assert (first.verdict, first.reason.partition(":")[0]) == ("discard", "Taken back while the agent was awaited")
    assert study.experiment(2).parent == 0
    again = open_study(study.name, study.folder.parent)
    assert [(e.verdict, e.parent, e.commit) for e in again.experiments] == [
        (e.verdict, e.parent, e.commit) for e in study.experiments
    ]


def keep_the_first(loop, experiment):
    keep = experiment.number == 1
    return Decision(Verdict.KEEP if keep else Verdict.DISCARD, "as the test wants it")
