from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.analysis.tried_constants import Readings, tried_constants
from autoresearch_magic.metric import Metric

METRIC = Metric("loss", "loss", True)
BASE = 'LR = 0.1\nDEPTH = 2\nMODE = "relu"  # one of: relu, gelu\n\ndef block(x):\n    return x * DEPTH\n\nloss = train(block, LR, MODE)\n'


def tried(number, target, verdict=Verdict.DISCARD, value=1.0, parent=0):
    runs = () if value is None else (Measurement(Outcome.OK, value, seed=0),)
    verdict = verdict if number else Verdict.BASELINE
    return Experiment(number, parent if number else None, Proposal(target, ""), verdict=verdict, measurements=runs)


def read(experiments, readings=None, **more):
    return tried_constants(experiments, METRIC, readings or Readings(), **more)


def test_the_values_of_changed_constants_are_columns():
    found = read(
        [
            tried(0, BASE), tried(1, BASE.replace("0.1", "0.03")), tried(2, BASE.replace("relu\"", "gelu\"", 1), value=2.0),
            tried(3, BASE.replace("0.1", "1"), Verdict.CRASH, None), tried(4, BASE.replace("0.1", "0.2"), Verdict.PRUNED, None),
        ]
    )  # fmt: skip
    assert found.names == ("LR", "MODE")  # DEPTH had one value
    assert found.numbers == (0, 1, 2, 4)
    assert found.values == ((0.1, 0.03, 0.1, 0.2), ("relu", "relu", "gelu", "relu"))
    assert found.results == (1.0, 1.0, 2.0, None)
    assert (found.valued, found.of, found.current) == (3, 3, True)


def test_versions_with_other_code_are_left_out_and_the_best_ones_structure_is_taken():
    other = BASE.replace("x * DEPTH", "x * DEPTH + 1")
    experiments = [
        tried(0, BASE), tried(1, BASE.replace("0.1", "0.2")), tried(2, other, Verdict.KEEP, 0.5),
        tried(3, other.replace("0.1", "0.3"), parent=2), tried(4, other.replace("0.1", "0.4"), parent=2),
    ]  # fmt: skip
    found = read(experiments)
    assert (found.numbers, found.example, found.current, found.of) == ((2, 3, 4), 2, True, 5)
    found = read([*experiments[:3], tried(3, BASE.replace("0.1", "0.4"))], enough=3)
    assert (found.numbers, found.example, found.current) == ((0, 1, 3), 0, False)  # the best one's has too few runs


def test_a_version_with_another_layout_is_read_as_a_tree():
    readings = Readings()
    found = read([tried(0, BASE), tried(1, "# new\n" + BASE.replace("LR = 0.1", "LR = (0.2)"))], readings)
    assert found.values == ((0.1, 0.2),)
    assert readings.parsed == 2
    read([tried(0, BASE), tried(1, BASE.replace("0.1", "0.7"))], readings)
    assert readings.parsed == 2, "a version that differs by a number alone is not parsed"
    assert readings.read[1][2][0] == 0.7, "and one that is another one now is read again"


def test_what_is_no_literal_of_the_same_kind_is_other_code():
    found = read([tried(0, BASE), tried(1, BASE.replace("= 2", "= two")), tried(2, BASE.replace("= 2", "= 3"))])
    assert (found.names, found.numbers) == (("DEPTH",), (0, 2))


def test_no_experiments_and_no_constants():
    assert read([]).names == ()
    assert read([tried(0, "print(1)\n"), tried(1, "print(2)\n")]).numbers == ()
