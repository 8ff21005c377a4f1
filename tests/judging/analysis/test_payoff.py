from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.analysis.payoff import find_changes, payoffs
from autoresearch_magic.judging.gains import Gain

BASE = "LR = 0.1\nDEPTH = 2\nloss = LR * DEPTH\n"


def tried(number, target, verdict=Verdict.DISCARD, value=1.0, parent=0):
    runs = (Measurement(Outcome.OK if value is not None else Outcome.CRASH, value, seed=0),)
    return Experiment(number, parent if number else None, Proposal(target, ""), verdict=verdict, measurements=runs)


def rates(*values):
    return [tried(0, BASE, Verdict.BASELINE), *(tried(n, BASE.replace("0.1", f"{v}")) for n, v in enumerate(values, 1))]


def gain(size, proven=False):
    return Gain(size, None, None, 1, 1, proven=proven)


def test_kinds_are_counted_and_the_one_that_brought_most_comes_first():
    experiments = [
        *rates(0.2, 0.3, 0.4),
        tried(4, BASE.replace("2", "3"), Verdict.KEEP),
        tried(5, BASE.replace("2", "3") + "x = 1\n", Verdict.CRASH, value=None, parent=4),
    ]
    gains = {1: gain(-0.1), 2: gain(0.0), 3: gain(-0.2), 4: gain(0.5, proven=True)}
    found = payoffs(experiments, find_changes(experiments), gains)
    assert [(p.kind, p.kept.of, p.kept.hits, p.proven, p.failed) for p in found] == [
        ("DEPTH", 1, 1, 1, 0),
        ("LR", 3, 0, 0, 0),
        ("structure: more code", 1, 0, 0, 1),
    ]
    assert (found[0].total, found[0].mean, found[0].low) == (0.5, 0.5, None)  # one alone has no interval
    assert found[2].mean is None


def test_the_interval_of_a_mean_gain_is_students():
    experiments = rates(0.2, 0.3, 0.4)
    (found,) = payoffs(experiments, find_changes(experiments), {1: gain(1.0), 2: gain(2.0), 3: gain(3.0)})
    assert found.mean == 2.0
    assert round(found.high - found.mean, 3) == 2.484  # t(0.975, 2) / sqrt(3) = 4.303 / 1.732
    assert round(found.mean - found.low, 3) == 2.484


def test_a_change_is_found_once_and_again_where_the_history_is_another_one():
    experiments, rests = rates(0.2, 0.3), []
    known = find_changes(experiments, None, lambda: rests.append(1))
    find_changes([*experiments, tried(3, BASE)], known, lambda: rests.append(1))
    assert (len(rests), known[3][1].kind) == (3, "nothing")
    find_changes([experiments[0], tried(1, BASE.replace("2", "4"))], known)
    assert known[1][1].kind == "DEPTH"
