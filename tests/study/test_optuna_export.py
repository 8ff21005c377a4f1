"""A study in a storage of Optuna, read back by Optuna's own client."""

import math

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from autoresearch_magic.config.program import Program
from autoresearch_magic.config.settings import Settings
from autoresearch_magic.errors import UserError
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.runs import Point
from autoresearch_magic.source.search_space import Choices, Range
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.definition import Definition
from autoresearch_magic.study.optuna_export import _distribution, _fitting, export_optuna
from autoresearch_magic.study.optuna_storage import opened_storage, shown_storage
from autoresearch_magic.study.status import StudyStatus

TARGET = 'LR = 0.003\nWIDTH = 64  # 32 .. 256 step 32\nNORM = "layer"  # one of: layer, rms\nUSE_BIAS = True\nloss = LR * WIDTH\n'


def experiment(number, target, verdict, *values, parent=0, curve=(), outcome=Outcome.OK, agent="tuner"):
    points = tuple(Point(0.1 * i, 0.1 * i, step, {"loss": v}) for i, (step, v) in enumerate(curve))
    runs = tuple(Measurement(outcome, v, seed=i, seconds=0.5, curve=points) for i, v in enumerate(values))
    return Experiment(number, None if number == 0 else parent, Proposal(target, f"idea {number}", "why", agent=agent), f"f{number}",
                      verdict, "Because.", runs, f"{number:040x}")  # fmt: skip


HISTORY = (
    experiment(0, TARGET, Verdict.BASELINE, 2.0, 2.2, curve=[(1, 3.0), (2, 2.5)]),
    experiment(1, TARGET.replace("0.003", "0.03"), Verdict.KEEP, 1.5, 1.4, curve=[(0, 3.0), (0, 2.0), (0, 1.5)]),
    experiment(2, TARGET.replace("64", "96"), Verdict.PRUNED, None, outcome=Outcome.PRUNED, curve=[(1, 9.0)], parent=1),
    experiment(3, TARGET.replace("layer", "none", 1), Verdict.DISCARD, 1.9, parent=1),  # a value that the comment does not have
    experiment(4, TARGET + "1 / 0\n", Verdict.CRASH, None, outcome=Outcome.CRASH, parent=1),
    experiment(5, TARGET.replace("0.003", '"auto"') + "x = 1\n", Verdict.DISCARD, 1.8, parent=1, agent="claude"),
    experiment(6, TARGET, Verdict.DUPLICATE, parent=1),
)  # fmt: skip


@pytest.fixture
def status(tmp_path):
    with Journal(tmp_path / "journal.sqlite", create=True) as journal:
        for e in HISTORY:
            journal.open_experiment(e)
            for m in e.measurements:
                journal.add_run(e.number, "candidate", m)
            journal.close_experiment(e)
    definition = Definition(Program("", "Lower it"), TARGET, "", Settings(metric="loss", minimize=True, repeats=2))
    return StudyStatus("night", tmp_path, definition, experiments=HISTORY)


def read(storage, name="night"):
    with opened_storage(str(storage), new=False) as opened:
        return optuna.load_study(study_name=name, storage=opened)


def test_what_optuna_reads_back_is_what_the_journal_has(status, tmp_path):
    storage = tmp_path / "t.log"
    assert "has 7 trials, 7 of them new." in export_optuna(status, str(storage)).text()
    study = read(storage)
    with Journal(tmp_path / "journal.sqlite") as journal:
        journaled = journal.experiments()
        times = {row["number"]: row for row in journal.select("SELECT * FROM experiment")}
    assert study.direction.name == "MINIMIZE"
    assert study.metric_names == ["loss"]
    assert [t.number for t in study.trials] == [e.number for e in journaled]
    for trial, e in zip(study.trials, journaled, strict=True):
        attributes = trial.user_attrs
        assert (attributes["verdict"], attributes["reason"]) == (e.verdict, e.reason)
        assert (attributes["seeds"], attributes["values"]) == ([m.seed for m in e.measurements], list(e.values))
        assert (attributes["agent"], attributes["repeats"]) == (e.proposal.agent, len(e.values))
        assert attributes["commit"] == HISTORY[e.number].commit
        assert trial.value == (e.value if trial.state == TrialState.COMPLETE else None)
        assert trial.datetime_start.timestamp() == pytest.approx(times[e.number]["proposed_at"], abs=1e-5)
        assert trial.datetime_complete.timestamp() == pytest.approx(times[e.number]["judged_at"], abs=1e-5)
    assert [t.state.name for t in study.trials] == [
        "COMPLETE",
        "COMPLETE",
        "PRUNED",
        "COMPLETE",
        "FAIL",
        "COMPLETE",
        "FAIL",
    ]
    assert study.best_trial.number == 1
    low, high = study.trials[1].user_attrs["interval"]
    assert low < study.trials[1].user_attrs["gain"] < high


def test_parameters_are_constants_with_the_tuner_s_ranges_and_curves_are_intermediate_values(status, tmp_path):
    export_optuna(status, str(tmp_path / "t.log"))
    trials = read(tmp_path / "t.log").trials
    assert trials[0].params == {"LR": 0.003, "WIDTH": 64, "NORM": "layer", "USE_BIAS": True}
    assert trials[0].distributions["WIDTH"] == IntDistribution(32, 256, step=32)
    assert trials[0].distributions["NORM"] == CategoricalDistribution(["layer", "rms", "none"])
    assert trials[3].params["NORM"] == "none"
    rate = trials[0].distributions["LR"]
    assert isinstance(rate, FloatDistribution)
    assert rate.log
    assert rate.low <= 0.003 / 8 * 1.001  # the range at the baseline, and that at the best
    assert rate.high >= 0.03 * 7.9
    assert all(t.distributions["LR"] == rate for t in trials if "LR" in t.params)
    assert trials[0].intermediate_values == {1: 3.0, 2: 2.5}
    assert trials[1].intermediate_values == {0: 3.0, 1: 2.0, 2: 1.5}  # without steps of its own
    assert trials[2].intermediate_values == {1: 9.0}


def test_what_a_language_model_changes_besides_constants_is_in_attributes(status, tmp_path):
    export_optuna(status, str(tmp_path / "t.log"))
    trials = read(tmp_path / "t.log").trials
    assert trials[5].params == {"WIDTH": 64, "NORM": "layer", "USE_BIAS": True}  # its LR is a text: no number
    assert trials[5].user_attrs["changed"] == "code"
    assert '+LR = "auto"' in trials[5].user_attrs["diff"]
    assert trials[1].user_attrs["changed"] == "constants"
    assert "diff" not in trials[1].user_attrs


def test_a_second_export_adds_what_is_new_and_nothing_twice(status, tmp_path):
    storage = str(tmp_path / "t.log")
    status.experiments = HISTORY[:4]
    export_optuna(status, storage)
    before = [t.user_attrs for t in read(storage).trials]
    assert "none of them new" in export_optuna(status, storage).text()
    status.experiments = (*HISTORY[:4], HISTORY[4])
    assert "has 5 trials, 1 of them new." in export_optuna(status, storage).text()
    trials = read(storage).trials
    assert [t.number for t in trials] == [0, 1, 2, 3, 4]
    assert [t.user_attrs for t in trials[:4]] == before


def test_what_has_changed_since_is_brought_up_to_date_and_the_user_s_attributes_stay(status, tmp_path):
    storage = str(tmp_path / "t.log")
    export_optuna(status, storage)
    read(storage).set_user_attr("mine", "a remark")
    again = HISTORY[1].with_measurement(Measurement(Outcome.OK, 1.6, seed=7))
    status.experiments = (HISTORY[0], again, *HISTORY[2:])
    assert "written anew" in export_optuna(status, storage).text()
    study = read(storage)
    assert len(study.trials) == 7
    assert study.trials[1].value == pytest.approx(1.5)
    assert study.trials[1].user_attrs["seeds"] == [0, 1, 7]
    assert study.user_attrs["mine"] == "a remark"


def test_studies_and_trials_of_others_stay_as_they_are(status, tmp_path):
    storage = str(tmp_path / "t.log")
    with opened_storage(storage, new=True) as opened:
        optuna.create_study(study_name="night", storage=opened)
    with pytest.raises(UserError, match="not of night: give another name with  --as NAME"):
        export_optuna(status, storage)
    export_optuna(status, storage, "mine")
    study = read(storage, "mine")
    study.add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(UserError, match="1 trial came from elsewhere"):
        export_optuna(status, storage, "mine")
    assert len(read(storage, "mine").trials) == 8


@pytest.mark.slow
def test_a_database_takes_it_too(status, tmp_path):
    url = f"sqlite:///{tmp_path}/t.db"
    export_optuna(status, url)
    assert "none of them new" in export_optuna(status, str(tmp_path / "t.db")).text()
    trials = read(url).trials
    assert [t.value for t in trials if t.value is not None] == pytest.approx([2.1, 1.45, 1.9, 1.8])
    assert trials[1].intermediate_values == {0: 3.0, 1: 2.0, 2: 1.5}


def test_what_is_no_storage_of_optuna_is_refused_and_stays_as_it_is(status, tmp_path):
    before = (tmp_path / "journal.sqlite").read_bytes()
    (tmp_path / "text.db").write_text("hello")
    (tmp_path / "list.jsonl").write_text("[1]\n")
    for storage, why in (
        (tmp_path / "journal.sqlite", "something else than Optuna"), (f"sqlite:///{tmp_path}/text.db", "no SQLite database"),
        (tmp_path / "list.jsonl", "neither an SQLite database nor"), (tmp_path / "what", "could be a database or a journal file"),
        (tmp_path, "is a folder"), (f"sqlite:///{tmp_path}/no/t.db", "There is no folder"), ("sqlite://", "in memory"), ("foo://x", "is no URL"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=why):
            export_optuna(status, str(storage))
    assert (tmp_path / "journal.sqlite").read_bytes() == before
    with pytest.raises(UserError, match="There is no file"), opened_storage(str(tmp_path / "t.db"), new=False):
        pass
    assert not (tmp_path / "t.db").exists()


def test_no_message_has_a_password():
    assert shown_storage("postgresql://me:secret@localhost/x") == "postgresql://me:***@localhost/x"
    assert "secret" not in shown_storage("postgresql://me:secret@local host:port/x")


@pytest.mark.parametrize(
    ("spaces", "tried", "expected"),
    [
        ([Range(0.1, 1.0, step=0.1)], [0.3], FloatDistribution(0.1, 1.0, step=0.1)),
        ([Range(0.1, 1.0, step=0.1)], [0.35], FloatDistribution(0.1, 1.0)),  # not on the grid
        ([Range(0.5, 0.99, "near-one")], [0.999], FloatDistribution(0.5, 0.999)),
        ([Range(1e-4, 1e-2, "log")], [0.0], FloatDistribution(0.0, 1e-2)),  # no logarithm of 0
        ([Range(1, 8, "log", whole=True)], [9], IntDistribution(1, 9, log=True)),
        ([Range(1, 8, whole=True)], [2.5], FloatDistribution(1.0, 8.0)),
        ([Range(0, 7, step=2, whole=True)], [4], IntDistribution(0, 6, step=2)),
        ([Choices((8, 16), ordered=True), Choices((16, 32), ordered=True)], [12], CategoricalDistribution([8, 12, 16, 32])),
        ([Choices((False, True))], [1, True], CategoricalDistribution([False, True])),
        ([Range(0.0, 1.0)], [math.inf, math.nan, "x", 10**400], FloatDistribution(0.0, 1.0)),
    ],
)  # fmt: skip
def test_distributions(spaces, tried, expected):
    found = _distribution(spaces, tried)
    assert found == expected
    fitting = [_fitting(value, found) for value in tried]
    assert all(value is None or found._contains(found.to_internal_repr(value)) for value in fitting)


def test_a_parameter_keeps_its_type():
    assert _fitting(True, CategoricalDistribution([0, 1])) is None
    assert type(_fitting(3, FloatDistribution(0, 5))) is float
