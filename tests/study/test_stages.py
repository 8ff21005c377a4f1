"""``--stage`` in a study: losers are not run in full, audits are, a resumed study decides as it would have."""

import pytest

from autoresearch_magic.events import Notice, State
from autoresearch_magic.source.files import join, split
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.replies import evals_reply

from ..repositories import repository
from ..studies import finish

TARGET = """X = 3.0
from autoresearch_magic import clock
steps = 0
for step in clock:
    steps += 1
loss = (X - 1) ** 2 + 10.0 / steps
"""


def x(value):
    return TARGET.replace("3.0", str(value))


def runs(study):
    with Journal(study.folder / "journal.sqlite") as journal:
        return [(run.experiment, run.kind, run.measurement.steps) for run in journal.runs()]


@pytest.fixture(scope="module")
def known():
    return [2.5, 2.8, 2.2, 3.5, 4.0, 9.0, 8.0, 2.0, 7.0]


@pytest.mark.slow
def test_losers_at_the_stage_are_not_run_in_full_but_the_first_is_as_an_audit(make_study, script, known):
    script(*map(x, known), x(1.0) + "1 / 0\n")
    said = []
    study = make_study(TARGET, agent="script", experiments=10, budget="40steps", stage="10steps", repeats=2)
    study.observe(lambda event: said.append(event.message) if isinstance(event, Notice) else None)
    finish(study)
    verdicts = " ".join(str(e.verdict) for e in study.experiments)
    assert verdicts == "baseline keep discard keep discard discard discard pruned keep pruned crash"
    assert any(line.startswith("Experiment 6: A loser at the stage 10steps") and "(an audit)" in line for line in said)
    stopped = study.experiment(7)
    assert stopped.reason.startswith("A loser at the stage 10steps: loss 50 against ")
    assert (stopped.value, stopped.measurements, stopped.ran) == (None, (), True)
    assert study.experiment(10).reason.startswith("At the stage 10steps: ZeroDivisionError")
    made = runs(study)
    assert [m for m in made if m[0] == 7] == [(7, "stage", 10)]
    assert [m for m in made if m[0] == 8][:2] == [(8, "stage", 10), (8, "candidate", 40)]
    assert [kind for number, kind, _ in made if number == 10] == ["candidate"], "a run that fails is the version's own"
    [account] = study.staging
    assert (account.stopped, account.failed, account.audits, account.wrong) == (2, 1, 1, 0)
    assert "Cheap stages: stage 10steps: 3 full runs saved" in evals_reply(study).text
    assert study.status.done == 10
    # A study that goes on decides by what it has seen.
    script(x(6.0))
    again = open_study(study.name, study.folder.parent)
    again.resume(experiments=11)
    assert again.wait(60)
    assert str(again.experiment(11).verdict) == "pruned"


@pytest.mark.slow
def test_a_replay_shows_the_stages_as_they_were(make_study, script, known):
    script(*map(x, known), x(1.0) + "1 / 0\n")
    real = finish(
        make_study(TARGET, agent="script", experiments=10, budget="40steps", stage="10steps", repeats=2, name="real")
    )
    root = real.folder.parent
    played = Study("g", TARGET, agent="replay:real@max", root=root, name="played")
    assert played.settings.stage == real.settings.stage
    finish(played)
    shown = [(e.value, e.verdict, e.reason, len(e.measurements)) for e in real.experiments]
    assert [(e.value, e.verdict, e.reason, len(e.measurements)) for e in played.experiments] == shown
    assert {"pruned", "crash", "keep"} <= {str(e.verdict) for e in real.experiments}
    assert runs(played) == runs(real)


@pytest.mark.slow
def test_a_stage_that_gives_no_value_ends_the_study_at_its_start(make_study, script):
    script(x(2.0))
    broken = TARGET.replace("loss =", "assert steps > 20, 'too few'\nloss =")
    study = make_study(broken, agent="script", experiments=2, budget="40steps", stage="10steps")
    study.start()
    assert study.wait(60)
    assert study.state == State.FAILED
    assert study.status.message.startswith(
        "--stage 10steps gives no value for the unchanged version: AssertionError: too few"
    )


@pytest.mark.slow
def test_several_workers_pass_through_stages(make_study, script, known):
    script(*map(x, known))
    study = finish(
        make_study(
            TARGET, agent="script", experiments=9, budget="40steps", stage=["5steps", "10steps"], repeats=2, workers=2
        )
    )
    assert study.incumbent.target == x(2.0)
    first, second = study.staging
    assert first.runs >= second.runs >= 4
    numbers = {number for number, kind, _ in runs(study) if kind == "stage"}
    assert numbers == set(range(10))


FILES = {
    "src/app.py": "SIZE = 40\n",
    "bench.py": "import sys\nsys.path.insert(0, 'src')\nimport app\nprint('ms:', app.SIZE)\n",
    "quick.py": "import sys\nsys.path.insert(0, 'src')\nimport app\nprint('speed:', 1000 / app.SIZE)\n",
    ".gitignore": ".autoresearch/\n__pycache__/\n",
}


@pytest.mark.slow
def test_a_cheap_command_with_its_own_number_is_a_stage_of_a_repository(tmp_path, script):
    agent, repo = script(), repository(tmp_path / "repo", FILES)

    def size(n):
        return join(split(study.definition.target) | {"src/app.py": f"SIZE = {n}\n"})

    study = Study(
        "# Make it fast", metric="ms", scope="src/**", verify="python bench.py", stage="python quick.py => speed (higher is better)", experiments=8,
        repeats=2, agent="script", repo=str(repo), root=repo / ".autoresearch",
    )  # fmt: skip
    agent.targets = [size(n) for n in (35, 38, 42, 30, 60, 80, 90, 25)]
    try:
        finish(study)
    finally:
        study.stop()
    assert (
        " ".join(str(e.verdict) for e in study.experiments)
        == "baseline keep discard discard keep discard discard pruned keep"
    )
    assert study.experiment(7).reason.startswith("A loser at the stage python quick.py: speed 11.1")
    assert "quick.py" in study.definition.setup, "the file that a stage names is frozen, and shown"
    assert study.staging[0].stopped == 1
