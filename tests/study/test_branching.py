"""A study that begins at a version of another one."""

import json

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import Judged
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.study.branching import branch_text, name_of_branch
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.study import Study

from ..repositories import repository
from ..studies import QUICK, finish


def filled(study):
    for number, verdict, value in ((0, Verdict.BASELINE, 4.0), (1, Verdict.KEEP, 2.25), (2, Verdict.CRASH, None)):
        runs = (Measurement(Outcome.OK if value else Outcome.CRASH, value, seed=0, seconds=1.0),)
        proposal = Proposal(QUICK.replace("3.0", f"{3 - number / 2}"), "s")
        study.status.take(
            Judged(Experiment(number, 0 if number else None, proposal, verdict=verdict, measurements=runs))
        )
    return study


def test_it_has_the_version_and_everything_else_of_the_first_one(make_study):
    study = filled(
        make_study(name="toy", setup="Z = 1\n", program="# Lower it\nbe bold", until=0.5, guard="", patience=7)
    )
    made = study.branch("#1")
    assert (made.name, made.state, made.experiments) == ("toy-from-1", "new", [])
    assert made.definition.target == study.experiment(1).target
    for other in (made, open_study(made.folder)):
        assert other.definition.setup == "Z = 1\n"
        assert other.definition.program.text == study.definition.program.text
        assert json.dumps(other.settings.to_json()) == json.dumps(study.settings.to_json())
    assert study.branch(1).name == "toy-from-1-2"
    assert study.branch(1, "mine").name == "mine"


def test_what_is_no_beginning_is_refused(make_study, tmp_path):
    study = filled(make_study(name="toy"))
    (tmp_path / "mine").mkdir()
    for number, name, why in (
        (2, None, r"Experiment 2 has no value \(crash\)"), (7, None, "There is no experiment 7"),
        (1, "mine", "There is a study 'mine' already"), (1, "../x", "cannot name a study"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=why):
            study.branch(number, name)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"mine"}


def test_in_a_repository_it_says_what_to_do(tmp_path):
    folder = repository(tmp_path / "demo", {"src/a.py": "X = 3\n", "bench.py": "import src.a\nprint('ms:', src.a.X)\n"})
    study = Study(
        "# Fast", metric="ms", scope="src/**", verify="python bench.py", repo=str(folder), name="fast", root=tmp_path / "studies", minimize=True,
    )  # fmt: skip
    filled(study)
    with pytest.raises(UserError, match=r"begin at a commit: %autoresearch apply 1  commits the experiment"):
        study.branch(1)
    with pytest.raises(UserError, match="experiment 0 is the code as it was"):
        study.branch(0)


def test_names_stay_short(tmp_path):
    assert name_of_branch(tmp_path, "n" * 80, 123) == f"{'n' * 60}-from-123"
    assert branch_text("toy", "toy-from-1", 1, "tuner").endswith("Start it with  %autoresearch resume toy-from-1")
    assert branch_text("toy", "toy-from-1", 1, "me").endswith(
        "Start it with  %autoresearch try SUMMARY --study toy-from-1"
    )


@pytest.mark.slow
def test_a_branch_runs(make_study):
    study = filled(make_study(name="toy", experiments=1))
    made = finish(open_study(study.branch(1).folder))
    assert made.experiments[0].value == 2.25
    assert made.status.done == 1
