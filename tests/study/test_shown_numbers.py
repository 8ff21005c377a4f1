from autoresearch_magic.config.effective import make_settings
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal
from autoresearch_magic.run_numbers import ShownNumber
from autoresearch_magic.study.shown_numbers import shown_numbers


def study(**facts):
    run = Measurement(Outcome.OK, 1.0, 0, **facts)
    return [Experiment(0, None, Proposal("x", "s"), measurements=(run, run))]


def settings(**given):
    return make_settings({"metric": "loss", "minimize": True, **given})


def test_a_study_shows_what_also_measures_and_what_has_a_limit_each_once():
    experiments = study(memory=2.0, numbers={"per.cat": 3.0, "per.dog": 4.0, "acc": 0.5, "printed": 7.0})
    found = shown_numbers(
        settings(also=["per=per", "acc=acc", "typo=x"], limit="ACC>0.4, acc<0.9, peak_memory_gb<=8"), experiments
    )
    assert found == [
        ShownNumber("per.cat"), ShownNumber("per.dog"), ShownNumber("acc", ((">", 0.4), ("<", 0.9))), ShownNumber("peak_memory_gb", (("<=", 8.0),)),
    ]  # fmt: skip
    assert [n.value(experiments[0]) for n in found] == [3.0, 4.0, 0.5, 2.0]
    assert [found[2].broken_by(v) for v in (0.4, 0.41, 0.9)] == [True, False, True]
    assert [found[3].broken_by(v) for v in (8.0, 8.01)] == [False, True]
    assert found[2].words == "> 0.4 and < 0.9"


def test_a_table_has_those_with_a_limit_first_and_no_keys_of_dictionaries():
    experiments = study(memory=2.0, numbers={"per.cat": 3.0, "acc": 0.5})
    found = shown_numbers(settings(also=["per=per", "acc=acc"], limit="peak_memory_gb<8"), experiments, brief=True)
    assert [n.name for n in found] == ["peak_memory_gb", "acc"]
    assert shown_numbers(settings(), experiments) == []
