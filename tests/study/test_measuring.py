"""Retests, drift and early stopping in real studies: the loop with real workers and a real journal."""

import sqlite3

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import Notice, RunEnded, RunStarted
from autoresearch_magic.experiment import Measurement, Outcome, Verdict
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.measuring import baseline_error
from autoresearch_magic.study.opening import open_study

from ..studies import finish, wait_for

NOISY = """from autoresearch_magic import seed
X = {x}
loss = X + (-0.1, 0.0, 0.1)[int(seed) % 3]
"""


def noisy(x, note=""):
    return NOISY.format(x=x) + (f"# {note}\ny = {note!r}\n" if note else "")


@pytest.mark.slow
def test_what_looks_better_is_run_again_on_shared_seeds_and_what_does_not_is_not(make_study, script):
    script(noisy(1.05), noisy(0.9), noisy(3.0))
    seen = []
    study = finish(make_study(noisy(1.0), agent="script", experiments=3, repeats=3, observers=[seen.append]))
    by_kind = [(e.kind, e.experiment.number) for e in seen if isinstance(e, RunStarted)]
    assert by_kind[:4] == [("baseline", 0)] * 3 + [("candidate", 1)]
    runs = [len(e.measurements) for e in study.experiments]
    assert runs[2] > 1, "0.1 better where chance is 0.1: more than one run was needed"
    assert runs[3] == 1
    seeds = [m.seed for m in study.experiments[2].measurements]
    shared = {m.seed for m in study.experiments[0].measurements}
    assert set(seeds[: len(shared)]) <= shared, "first on the seeds that the baseline has run"
    assert len(set(seeds)) == len(seeds)
    with sqlite3.connect(study.folder / "journal.sqlite") as journal:
        kinds = dict(journal.execute("SELECT kind, count(*) FROM measurement GROUP BY kind").fetchall())
    assert kinds["candidate"] == sum(runs[1:])
    assert open_study(study.name, study.folder.parent).experiments == study.experiments


def searched(seen):
    """Return the numbers of the experiments that were run, in order."""
    return [e.experiment.number for e in seen if isinstance(e, RunStarted) and e.kind != "final"]


@pytest.mark.slow
def test_the_incumbent_is_run_on_a_new_seed_before_the_candidate_is(make_study, script):
    """One run of the baseline says nothing of the noise: it runs again before a candidate that looks better does."""
    script(noisy(0.96))
    seen = []
    finish(make_study(noisy(1.0), agent="script", experiments=1, repeats=1, observers=[seen.append]))
    order = searched(seen)
    assert order[:3] == [0, 1, 0]
    candidate = [
        e.measurement.seed for e in seen if isinstance(e, RunEnded) and e.number == 1 and e.kind == "candidate"
    ]
    incumbent = [e.measurement.seed for e in seen if isinstance(e, RunEnded) and e.number == 0 and e.kind != "final"]
    assert candidate == incumbent[: len(candidate)], "on seeds that the baseline has run"


@pytest.mark.slow
def test_the_incumbent_is_looked_at_now_and_then_and_seldom_where_nothing_varies(make_study, script, monkeypatch):
    monkeypatch.setattr("autoresearch_magic.study.drifting.RECHECK", 2)
    monkeypatch.setattr("autoresearch_magic.study.drifting.CALM", 3)

    def order(target):
        script(*(target.format(x=3.0 + x) for x in range(7)))
        seen = []
        finish(make_study(target.format(x=1.0), agent="script", experiments=7, repeats=3, observers=[seen.append]))
        return searched(seen)

    assert order("X = {x}\nloss = X") == [0, 0, 0, 1, 2, 3, 4, 5, 6, 0, 7]
    assert order(NOISY) == [0, 0, 0, 1, 2, 0, 3, 4, 0, 5, 6, 0, 7]


@pytest.mark.slow
def test_a_study_ends_though_its_incumbent_crashes_when_run_again(make_study, script, tmp_path):
    target = (
        f"from autoresearch_magic import seed\nimport pathlib\nX = {{x}}\nmark = pathlib.Path({str(tmp_path / 'ran')!r})\n"
        "if X == 1.0 and mark.exists():\n    raise ValueError('once only')\nmark.touch()\nloss = X\n"
    )
    script(target.format(x=0.9), target.format(x=0.8))
    study = finish(make_study(target.format(x=1.0), agent="script", experiments=2, repeats=1, sandbox="off"))
    assert len(study.experiments) == 3
    assert any(not m.ok for m in study.experiments[0].measurements)


@pytest.mark.slow
def test_a_study_that_is_stopped_in_mid_retest_goes_on_where_it_was(make_study, script, tmp_path):
    targets = [noisy(0.95), noisy(0.9, "again"), noisy(0.97, "more")]
    script(*targets)
    whole = finish(make_study(noisy(1.0), agent="script", experiments=3, repeats=3, name="whole"))
    agent = script(*targets)
    slow = noisy(1.0)
    parts = make_study(slow, agent="script", experiments=3, repeats=3, name="parts")
    stop_at = []

    def stop_in_mid_retest(event):
        if isinstance(event, RunStarted) and event.kind == "candidate" and event.repeat == 1 and not stop_at:
            stop_at.append(event.experiment.number)
            parts.stop(wait=False)

    parts.observe(stop_in_mid_retest)
    parts.start().wait(60)
    assert parts.state == "stopped"
    assert stop_at
    agent.targets = targets[stop_at[0] :]
    again = open_study("parts", tmp_path).resume()
    assert again.wait(60)
    assert [(e.verdict, e.value) for e in again.experiments] == [(e.verdict, e.value) for e in whole.experiments]


@pytest.mark.slow
def test_strict_is_the_original_s_rule(make_study, script):
    script(noisy(0.999))
    study = finish(make_study(noisy(1.0), agent="script", experiments=1, repeats=1, judge="strict"))
    assert study.experiments[1].verdict is Verdict.KEEP
    assert len(study.experiments[1].measurements) == 1


@pytest.mark.slow
def test_seeds_are_the_controller_s(make_study, script):
    script("import random\nrandom.seed(7)\nX = 1.0\nloss = X - random.random()", noisy(0.9))
    study = finish(make_study(noisy(1.0), agent="script", experiments=1))
    assert study.experiments[1].verdict is Verdict.REJECTED
    assert "seed" in study.experiments[1].reason
    assert not study.experiments[1].ran


@pytest.mark.slow
def test_impossible_values_are_rejected_and_so_are_bounds_that_the_target_is_outside_of(make_study, script):
    script("X = 1.0\nloss = -37.8")
    study = finish(make_study("X = 1.0\nloss = X", agent="script", experiments=1, bounds="0..8"))
    assert study.experiments[1].verdict is Verdict.REJECTED
    bad = make_study("X = 9.0\nloss = X", bounds="0..8").start()
    assert bad.wait(60)
    assert "outside --bounds 0..8" in bad.status.message


@pytest.mark.parametrize("bounds", ["8..0", "x", "1", "nan.."])
def test_bad_bounds_are_told(make_study, bounds):
    with pytest.raises(UserError, match="--bounds takes"):
        make_study(bounds=bounds)


@pytest.mark.slow
def test_a_machine_that_drifts_is_noticed(make_study, script, tmp_path, monkeypatch):
    """The value is read from a file that changes under way, as a machine's speed would."""
    monkeypatch.setattr("autoresearch_magic.study.drifting.RECHECK", 3)
    level = tmp_path / "level"
    level.write_text("1.0")
    target = (
        f"from autoresearch_magic import seed\nimport pathlib\nX = {{x}}\n"
        f"loss = X * float(pathlib.Path({str(level)!r}).read_text()) + int(seed) % 3 * 0.01\n"
    )
    script(*(target.format(x=x) for x in (2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 2.7)))
    seen = []

    def slow_down(event):
        seen.append(event)
        if isinstance(event, RunStarted) and event.experiment.number == 2:
            level.write_text("1.5")

    study = finish(
        make_study(target.format(x=1.0), agent="script", experiments=8, repeats=3, observers=[slow_down], sandbox="off")
    )
    assert any(isinstance(e, Notice) and "the machine has changed" in e.message for e in seen)
    baseline = study.experiments[0]
    assert baseline.since > 0
    assert baseline.value == pytest.approx(1.51, abs=0.02)
    assert open_study(study.name, tmp_path).experiments[0].since == baseline.since


@pytest.mark.slow
def test_a_metric_that_takes_two_values_is_no_change_of_the_machine(make_study, script, tmp_path, monkeypatch):
    """The value is 1.05 for the kept version's first runs and 1.41 afterwards, as for any other version."""
    monkeypatch.setattr("autoresearch_magic.study.drifting.RECHECK", 3)
    count = tmp_path / "count"
    target = (
        "from autoresearch_magic import seed\nimport pathlib\n"
        f"X = {{x}}\ncount = pathlib.Path({str(count)!r})\n"
        "runs = count.read_text() if count.exists() else ''\n"
        "_ = count.write_text(runs + f'{{X}} ')\n"
        "low = X == 2.0 and runs.split().count('2.0') < 2\n"
        "loss = (1.05 if low else 1.41) + int(seed) % 3 * 0.0005\n"
    )
    script(*(target.format(x=x) for x in (2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 2.7)))
    seen = []
    study = finish(
        make_study(
            target.format(x=1.0), agent="script", experiments=8, repeats=3, observers=[seen.append], sandbox="off"
        )
    )
    said = [e.message for e in seen if isinstance(e, Notice)]
    assert not [line for line in said if "the machine has changed, and" in line]
    assert any("has not changed with it: it varies, and all its runs count" in line for line in said), said
    assert study.experiments[1].verdict is Verdict.KEEP
    assert study.experiments[1].since == 0
    assert len(study.experiments[1].values) >= 4
    assert any(isinstance(e, RunEnded) and e.kind == "control" for e in seen)
    again = open_study(study.name, tmp_path)
    assert [len(e.measurements) for e in again.experiments] == [len(e.measurements) for e in study.experiments]


@pytest.mark.slow
def test_a_metric_that_takes_two_values_is_told(make_study, tmp_path):
    count = tmp_path / "count"
    target = (
        f"import pathlib\nX = 1.0\ncount = pathlib.Path({str(count)!r})\n"
        "runs = len(count.read_text()) if count.exists() else 0\n_ = count.write_text('.' * (runs + 1))\n"
        "loss = 1.05 if runs % 6 in (1, 4) else 1.41\n"
    )
    study = finish(make_study(target, experiments=3, repeats=6, sandbox="off"))
    told = "The metric takes two values, about 1.05 and 1.41: the same code gives either (1.05 in 2 of "
    assert told in study.status.message
    assert told in open_study(study.name, tmp_path).status.message
    assert "takes two values" in str(study.evals())


@pytest.mark.slow
def test_until_and_patience_end_the_search(make_study, script):
    script("X = 2.0\nloss = X", "X = 1.0\nloss = X", "X = 0.5\nloss = X")
    study = finish(make_study("X = 3.0\nloss = X", agent="script", experiments=9, until=1.5))
    assert study.incumbent.value == 1.0
    assert len(study.experiments) == 3
    script(*(f"X = {x}\nloss = X" for x in range(4, 12)))
    study = finish(make_study("X = 3.0\nloss = X", agent="script", experiments=9, patience=3))
    assert len(study.experiments) == 4
    assert "patience" in study.status.message


LEARNS = """from autoresearch_magic import clock, report
import time
RATE = {rate}
loss = 10.0
for step in clock:
    time.sleep(0.01)
    loss *= 1 - RATE
    report(step=step, loss=loss)
"""


@pytest.mark.slow
def test_a_hopeless_run_is_stopped_early(make_study, script):
    rates = [0.049, 0.048, 0.047, 0.046, 0.045, 0.051, 0.0001, 0.0002, 0.0003, 0.0004, 0.0005]
    script(*(LEARNS.format(rate=r) for r in rates))
    study = finish(make_study(LEARNS.format(rate=0.05), agent="script", experiments=len(rates), budget="100steps"), 120)
    pruned = [e for e in study.experiments if e.verdict is Verdict.PRUNED]
    assert pruned, [(e.number, str(e.verdict)) for e in study.experiments]
    assert all(e.number >= 7 for e in pruned), "those that are nearly as good run to their ends"
    assert all("%" in e.reason for e in pruned)
    assert all(e.measurements[0].steps == 0 or e.measurements[0].steps < 100 for e in pruned)
    account = study.pruning
    assert account.stopped == len(pruned)
    assert account.audits >= 1
    at_once = LEARNS.replace("    time.sleep(0.01)\n", "")
    script(*(at_once.format(rate=r) for r in rates))
    unpruned = finish(
        make_study(at_once.format(rate=0.05), agent="script", experiments=len(rates), budget="100steps", pruner="none"),
        120,
    )
    assert not [e for e in unpruned.experiments if e.verdict is Verdict.PRUNED]


@pytest.mark.slow
def test_questions_are_answered_by_a_study_at_rest(make_study, script):
    script("A = 3\nB = 0\nloss = 10 - A", "A = 3\nB = 5\nloss = 10 - A - 1e-3")
    study = finish(make_study("A = 0\nB = 0\nloss = 10 - A", agent="script", experiments=2))
    before = study.experiments
    found = study.regression(0, 1, samples=3)
    assert found.verdict == "STABLE"
    assert study.state == "finished"
    ablation = study.ablate(samples=2)
    assert ablation.best == 2
    assert study.experiments == before, "questions change nothing"
    assert open_study(study.name, study.folder.parent).experiments == before
    assert study.evals().advice.action
    with pytest.raises(UserError, match="two experiments"):
        study.regression(1, 1)


@pytest.mark.slow
def test_a_report_of_a_stopped_study_measures_its_result_first(make_study, script):
    script("X = 1.0\nloss = X", "X = 5.0\nimport time\ntime.sleep(60)\nloss = X")
    study = make_study("X = 3.0\nloss = X", agent="script", experiments=5).start()
    wait_for(lambda: study.status.live is not None and study.status.live.experiment.number == 2)
    study.stop()
    assert study.unconfirmed
    report = study.report().read_text()
    assert study.status.headline.gain == 2.0
    assert "measured again" in report
    assert study.state == "stopped"


@pytest.mark.slow
def test_a_study_that_was_stopped_in_its_confirmation_has_no_result_yet(make_study, script):
    script("X = 1.0\nloss = X")
    study = finish(make_study("X = 3.0\nloss = X", agent="script", experiments=1))
    with Journal(study.folder / "journal.sqlite") as journal:
        last = journal.runs()[-1].id
        journal.write(("UPDATE measurement SET kind = 'trial' WHERE id = ?", (last,), "measurement", last))
        journal.set(state="stopped")
    again = open_study(study.name, study.folder.parent)
    assert again.status.headline is None
    assert again.unconfirmed
    again.report()
    assert again.status.headline == study.status.headline


@pytest.mark.slow
@pytest.mark.parametrize(("disturbance", "runs"), [(0.0, 3), (30.0, 6)])
def test_a_disturbed_confirmation_is_made_longer(make_study, script, disturbance, runs):
    """One far-off run of three makes an interval that says nothing: then there are three more, and it does."""
    script(noisy(1.0))
    target = NOISY.format(x=9.0) + f"loss += {disturbance} * (int(seed) == 1001)\n"
    seen = []
    study = finish(make_study(target, agent="script", experiments=1, repeats=3, observers=[seen.append]))
    assert study.incumbent.number == 1
    finals = [e.number for e in seen if isinstance(e, RunEnded) and e.kind == "final"]
    assert finals == [1, 0] * runs
    head = study.status.headline
    assert head.repeats == runs
    assert head.gain == pytest.approx(8.0 + disturbance / runs, abs=0.1)
    assert any("each gets as many runs once more" in e.message for e in seen if isinstance(e, Notice)) is bool(
        disturbance
    )
    assert open_study(study.name, study.folder.parent).status.headline == head
    seen.clear()
    assert study.resume(experiments=2).wait(60)
    assert not any(isinstance(e, RunStarted) for e in seen), "the script is at its end, and all is measured"
    assert not any("varied far more" in e.message for e in seen if isinstance(e, Notice))
    assert study.status.headline == head


@pytest.mark.slow
def test_a_run_of_the_confirmation_that_fails_is_made_good_on_its_own_seed(make_study, script):
    """The values of the others are not measured a second time, which would count them twice."""
    script(noisy(1.0))
    target = NOISY.format(x=9.0) + "assert int(seed) != 1001\n"
    seen = []
    study = finish(make_study(target, agent="script", experiments=1, repeats=3, observers=[seen.append]))

    def finals(number):
        return [
            e.measurement.seed for e in seen if isinstance(e, RunEnded) and e.kind == "final" and e.number == number
        ]

    assert finals(0) == finals(1) == [1000, 1001, 1002]
    assert study.status.headline.repeats == 2
    seen.clear()
    study.ask_confirmation().wait()
    assert (finals(0), finals(1)) == ([1001], [])
    assert study.status.headline.repeats == 2


@pytest.mark.slow
def test_a_disturbed_confirmation_is_no_longer_than_the_time_allows(make_study, script):
    slow = "import time\ntime.sleep(0.2)\n"
    script(*(slow + noisy(1.0 + n / 1000, f"try {n}") for n in range(40)))
    target = slow + NOISY.format(x=9.0) + "loss += 30.0 * (int(seed) == 1001)\n"
    seen = []
    study = finish(make_study(target, agent="script", experiments=40, repeats=3, minutes=0.1, observers=[seen.append]))
    assert [e.number for e in seen if isinstance(e, RunEnded) and e.kind == "final"].count(0) == 3
    assert any("no time is left for more runs" in e.message for e in seen if isinstance(e, Notice))
    assert study.status.headline.repeats == 3


@pytest.mark.slow
def test_a_plan_runs_the_target_and_writes_nothing(make_study, tmp_path):
    study = make_study(LEARNS.format(rate=0.05), budget="20steps", experiments=4, repeats=3)
    shares = []
    plan = study.plan(lambda share, what: shares.append(share))
    text = str(plan)
    assert "The target runs: loss" in text
    assert "no noise" in text
    assert "4 experiments take about" in text
    assert "the agent is offline" in text
    assert shares == sorted(shares)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError, match="does not run as it is"):
        make_study("1/0\nX = 2.0").plan()


def test_a_baseline_whose_number_cannot_be_used_is_not_said_to_be_broken():
    invalid = Measurement(
        Outcome.INVALID, 3.0, seed=0, error="Not valid: correct is false. Its loss, 3, does not count."
    )
    assert str(baseline_error(invalid)).startswith("The target as it is gives no value that counts: Not valid: correct")
    crashed = Measurement(Outcome.CRASH, None, seed=0, error="ZeroDivisionError: division by zero")
    assert str(baseline_error(crashed)).startswith("The target does not run as it is: ZeroDivisionError")
