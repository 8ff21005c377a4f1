"""Trials of an Optuna study as prior knowledge: what is matched, what is refused, and what the journal keeps."""

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from autoresearch_magic.agents.prior import MOST
from autoresearch_magic.errors import UserError
from autoresearch_magic.metric import Metric
from autoresearch_magic.source.constants import find_constants
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.optuna_import import _called, match
from autoresearch_magic.study.optuna_storage import opened_storage
from autoresearch_magic.study.priors import add_prior, forget_prior, known_line, read_priors

CONSTANTS = find_constants(
    'LR = 0.003\nWIDTH = 64  # 32 .. 256 step 32\nNORM = "layer"  # one of: layer, rms\nBETA = 0.9\n'
)
LOSS = Metric("loss", "loss")
SPACES = {
    "lr": FloatDistribution(1e-4, 1e-1, log=True), "width": IntDistribution(32, 256), "NORM": CategoricalDistribution(["layer", "rms", "none"]),
    "momentum": FloatDistribution(0, 1),
}  # fmt: skip


def trial(value=1.0, state=TrialState.COMPLETE, curve=None, **params):
    params = {"lr": 0.01, "width": 96, "NORM": "rms", "momentum": 0.5, **params}
    params = {name: v for name, v in params.items() if v is not None}
    return create_trial(
        value=value if state == TrialState.COMPLETE else None, state=state, params=params, intermediate_values=curve or {},
        distributions={name: SPACES[name] for name in params},
    )  # fmt: skip


def stored(path, *trials, name="tuning", directions=("minimize",)):
    with opened_storage(str(path), new=True) as opened:
        study = optuna.create_study(study_name=name, storage=opened, directions=directions)
        study.add_trials(trials)
    return str(path)


FIVE = [trial(1.0 + i, lr=0.002 * (i + 1)) for i in range(5)]


def test_names_are_matched_and_what_is_matched_and_not_is_told(tmp_path):
    more = [
        trial(state=TrialState.FAIL), trial(state=TrialState.PRUNED, curve={1: 9.0, 7: 8.0}), trial(state=TrialState.PRUNED), trial(3.0, NORM="none"),
        trial(2.0, NORM=None), trial(float("inf")),
    ]  # fmt: skip
    found = match(stored(tmp_path / "t.log", *FIVE, *more), "", {}, CONSTANTS, LOSS)
    assert dict(found.pairs) == {"lr": "LR", "width": "WIDTH", "NORM": "NORM"}
    assert found.unmatched == ("momentum",)
    assert found.unknown == ("BETA",)
    assert found.prior.found == 7
    assert found.prior.trials[0].values == {"LR": 0.002, "WIDTH": 96, "NORM": "rms"}
    assert [(t.value, t.pruned) for t in found.prior.trials[5:]] == [(8.0, True), (2.0, False)]
    assert found.prior.trials[6].values == {"LR": 0.01, "WIDTH": 96}
    assert found.text().splitlines() == [
        f"7 trials of tuning ({tmp_path}/t.log): LR, WIDTH, NORM.",
        "matched       lr = LR, width = WIDTH, NORM",
        "not matched   momentum: the target has no such constant (NAME=CONSTANT names one)",
        "not in it     BETA",
        "not used      1 trial failed, 2 trials without a value, 1 trial with a value of NORM out of reach of NORM",
        "its best      1 at LR 0.002, WIDTH 96, NORM rms",
    ]


def test_aliases_name_constants_and_leave_parameters_out(tmp_path):
    storage = stored(tmp_path / "t.log", *FIVE)
    found = match(storage, "tuning", {"momentum": "beta", "NORM": ""}, CONSTANTS, LOSS)
    assert found.pairs["momentum"] == "BETA"
    assert "NORM" not in found.pairs
    assert "left out      NORM" in found.text()
    for aliases, why in (
        ({"momentum": "FOO"}, "The target has no constant 'FOO': it has LR, WIDTH, NORM, BETA"),
        ({"foo": "LR"}, "tuning has no parameter 'foo': it has lr, width, NORM, momentum"),
        ({"momentum": "LR"}, "lr and momentum could both be LR: leave one out with  momentum="),
    ):
        with pytest.raises(UserError, match=why):
            match(storage, "", aliases, CONSTANTS, LOSS)


def test_two_readings_are_refused(tmp_path):
    storage = stored(tmp_path / "t.log", *FIVE)
    with pytest.raises(UserError, match=r"tuning is minimised, and higher loss is better here.*add --opposite"):
        match(storage, "", {}, CONSTANTS, Metric("loss", "loss", minimize=False))
    turned = match(storage, "", {}, CONSTANTS, Metric("loss", "loss", minimize=False), opposite=True)
    assert [t.value for t in turned.prior.trials] == [-1.0, -2.0, -3.0, -4.0, -5.0]
    assert turned.best.startswith("-1 at")
    with pytest.raises(UserError, match="Leave out --opposite"):
        match(storage, "", {}, CONSTANTS, LOSS, opposite=True)
    both = find_constants("import a\nclass A:\n    lr = 0.1\nclass B:\n    lr = 0.2\n")
    assert len(both) == 2
    with pytest.raises(
        UserError, match=f"lr could be {both[0].name} or {both[1].name}: say which with  lr={both[0].name}"
    ):
        match(storage, "", {}, both, LOSS)
    with pytest.raises(UserError, match="is called like a constant of the target"):
        match(storage, "", {}, find_constants("FOO = 0.1\n"), LOSS)
    stored(tmp_path / "t.log", name="second")
    with pytest.raises(UserError, match="has 2 studies: name one of tuning, second"):
        match(storage, "", {}, CONSTANTS, LOSS)
    with pytest.raises(UserError, match="has no study 'third'"):
        match(storage, "third", {}, CONSTANTS, LOSS)
    with pytest.raises(UserError, match="has 0 trials with a value"):
        match(stored(tmp_path / "e.log", trial(state=TrialState.FAIL)), "", {}, CONSTANTS, LOSS)


def test_values_in_another_unit_are_noticed(tmp_path):
    storage = stored(tmp_path / "t.log", *[trial(1.0 + i, lr=0.09) for i in range(5)])
    small = find_constants("LR = 1e-6\nWIDTH = 64\n")
    with pytest.raises(
        UserError,
        match=r"5 trials of 5 in tuning have values of lr out of reach of LR .*in another unit. Leave it out with  lr=",
    ):
        match(storage, "", {}, small, LOSS)
    assert match(storage, "", {"lr": ""}, small, LOSS).prior.names == ("WIDTH",)


def test_one_of_several_objectives_is_chosen(tmp_path):
    two = [
        create_trial(values=[1.0 + i, 10.0 - i], params={"lr": 0.01}, distributions={"lr": SPACES["lr"]})
        for i in range(4)
    ]
    storage = stored(tmp_path / "t.log", *two, directions=("minimize", "maximize"))
    with pytest.raises(UserError, match="has 2 objectives: choose one with --objective, of 0, 1"):
        match(storage, "", {}, CONSTANTS, LOSS)
    assert [t.value for t in match(storage, "", {}, CONSTANTS, LOSS, objective="0").prior.trials] == [
        1.0,
        2.0,
        3.0,
        4.0,
    ]
    with pytest.raises(UserError, match="is maximised"):
        match(storage, "", {}, CONSTANTS, LOSS, objective="1")
    with pytest.raises(UserError, match="no objective '2'"):
        match(storage, "", {}, CONSTANTS, LOSS, objective="2")


def test_the_closest_kind_of_likeness_decides():
    names = ["lr", "LR", "model.width", "Forest.n_estimators"]
    assert _called("lr", names) == ["lr"]
    assert _called("Lr", names) == ["lr", "LR"]
    assert _called("width", names) == ["model.width"]
    assert _called("nEstimators", names) == ["Forest.n_estimators"]
    assert _called("depth", names) == []


@pytest.mark.slow
def test_the_journal_keeps_it_and_a_second_import_replaces_it(tmp_path):
    storage = stored(tmp_path / "t.log", *[trial(float(i), lr=0.002 + 1e-5 * i) for i in range(MOST + 20)])
    prior = match(storage, "", {}, CONSTANTS, LOSS).prior
    assert (prior.found, len(prior.trials)) == (MOST + 20, MOST)
    with Journal(tmp_path / "journal.sqlite", create=True) as journal:
        add_prior(journal, prior)
        add_prior(journal, prior)
        assert read_priors(journal) == (prior,)
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert known_line(read_priors(journal)).startswith(
            f"The tuner knows {MOST + 20} trials of tuning ({storage}), {MOST} of them kept: LR"
        )
        with pytest.raises(UserError, match="Nothing was imported from 'other': tuning is known"):
            forget_prior(journal, "other")
        forget_prior(journal, "tuning")
        assert read_priors(journal) == ()
