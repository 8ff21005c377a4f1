"""What an experiment does to the program that runs it costs that experiment, never the study."""

import sys

import pytest

from autoresearch_magic.events import Judged, Notice, StateChanged
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.storage.records import Records
from autoresearch_magic.study import trying
from autoresearch_magic.study.measuring import Measurer
from autoresearch_magic.study.opening import open_study

from ..studies import QUICK, finish


def x(value):
    return QUICK.replace("3.0", str(value))


def notices(study):
    said = []
    study.observe(lambda event: said.append(event.message) if isinstance(event, Notice) else None)
    return said


@pytest.mark.slow
def test_an_experiment_whose_handling_fails_is_tried_three_times_and_then_a_crash(make_study, script, monkeypatch):
    script(x(2.5), x(2.0), x(1.5))
    measure, failed = Measurer.measure, []

    def faulty(self, experiment, *options):
        if experiment.number == 2:
            failed.append(experiment.number)
            raise ValueError("lone surrogate")
        return measure(self, experiment, *options)

    monkeypatch.setattr(Measurer, "measure", faulty)
    study = make_study(agent="script", experiments=9)
    said = notices(study)
    finish(study)
    assert [str(e.verdict) for e in study.experiments] == ["baseline", "keep", "crash", "keep"]
    assert study.experiment(2).reason == "Given up after 3 attempts: ValueError: lone surrogate"
    assert failed == [2, 2, 2]
    assert said.count("Experiment 2 failed the program that runs it: ValueError: lone surrogate") == 3


@pytest.mark.slow
def test_an_experiment_that_ends_the_process_has_three_attempts(make_study, script):
    script(x(2.5), x(2.0))
    study = make_study(agent="script", experiments=1)
    finish(study)
    with Journal(study.folder / "journal.sqlite") as journal:  # as killed processes leave it
        proposed = study.experiment(1)
        journal.open_experiment(type(proposed)(2, 1, type(proposed.proposal)(x(2.0), "kills"), "mark"))
        for begun in (True, False, True, False, True):  # two were killed before the target had begun
            journal.note("attempt", experiment=2)
            if begun:
                journal.note("attempt begun", experiment=2)
    again = open_study(study.name, study.folder.parent)
    script(x(1.5))
    again.resume(experiments=2)
    assert again.wait(60)
    assert [str(e.verdict) for e in again.experiments] == ["baseline", "keep", "crash", "keep"]
    assert again.experiment(2).reason == "Given up after 3 attempts: The process ended while it ran."


@pytest.mark.slow
def test_stops_are_no_attempts(make_study, script):
    slow = QUICK + "import time\ntime.sleep(0.3)\n"
    script(*[slow.replace("3.0", str(v)) for v in (2.5, 2.0)])
    study = make_study(slow, agent="script", experiments=2, repeats=1)
    begun = []
    study.observe(lambda event: begun.append(1) if type(event).__name__ == "RunStarted" else None)
    for runs in (2, 4, 6):
        study.start() if runs == 2 else study.resume()
        while len(begun) < min(runs, 2 + runs // 2):
            assert study.active, study.status.message
        study.stop()
    study.resume()
    assert study.wait(60)
    assert [str(e.verdict) for e in study.experiments] == ["baseline", "keep", "keep"]


@pytest.mark.slow
def test_a_setup_that_fails_in_a_new_worker_is_tried_again(make_study, script, tmp_path, monkeypatch):
    data = tmp_path / "data.txt"
    data.write_text("1.0")
    setup = f"BASE = float(open({str(data)!r}).read())\n"
    target = "X = 3.0\nloss = BASE * X\n"
    kills = f"import os, signal\nos.remove({str(data)!r})\nos.kill(os.getppid(), signal.SIGKILL)\n"
    script(kills + target, target.replace("3.0", "2.0"), target.replace("3.0", "1.0"))
    monkeypatch.setattr(trying, "RETRIES", (0.1, 0.1))
    study = make_study(target, setup, agent="script", experiments=9, repeats=1, sandbox="off")
    waits = []

    def mend(event):
        if isinstance(event, StateChanged) and event.state == "waiting":
            waits.append(event.message)
            if len(waits) < 3:
                data.write_text("1.0")

    study.observe(mend)
    study.start()
    assert study.wait(60)
    assert "The setup failed: FileNotFoundError" in waits[0]
    assert waits[0].endswith("Tried again in 0 s.")
    assert [str(e.verdict) for e in study.experiments] == ["baseline", "crash"], "it ends its worker each time"
    assert study.experiment(1).reason.startswith("Given up after 3 attempts: The setup failed: FileNotFoundError")
    assert study.state == "failed", "then it stays broken"
    assert study.status.message.startswith("The setup failed: FileNotFoundError")
    data.write_text("1.0")
    study.resume()
    assert study.wait(60)
    assert (study.state, str(study.experiments[-1].verdict)) == ("finished", "keep")


@pytest.mark.slow
def test_git_and_tables_that_cannot_be_written_are_written_with_the_next_one(make_study, script, monkeypatch):
    script(x(2.5), x(2.0), x(1.5))
    commit = Records._commit

    def faulty(self, experiment, commits):
        if experiment.number == 1 and not failed:
            failed.append(1)
            raise OSError("No space left on device")
        return commit(self, experiment, commits)

    failed = []
    monkeypatch.setattr(Records, "_commit", faulty)
    study = make_study(agent="script", experiments=3)
    said = notices(study)
    finish(study)
    assert any("git or results.tsv could not be written (OSError: No space left on device)" in line for line in said)
    assert [str(e.verdict) for e in study.experiments] == ["baseline", "keep", "keep", "keep"]
    rows = (study.folder / "results.tsv").read_text().splitlines()
    assert len(rows) == 5
    assert all(len(row.split("\t")[0]) >= 7 for row in rows[1:])


@pytest.mark.slow
def test_a_chart_and_an_observer_that_fail_end_nothing(make_study, script, monkeypatch):
    def fail(self, *options, **more):
        raise RuntimeError("no fonts")

    monkeypatch.setattr(Records, "_draw", fail)
    script(x(2.5), x(2.0))
    study = make_study(agent="script", experiments=2)
    study.observe(lambda event: sys.exit(3) if isinstance(event, Judged) else None)
    finish(study)
    assert [str(e.verdict) for e in study.experiments] == ["baseline", "keep", "keep"]
    assert study.status.headline.number == 2
    assert not study.locked


@pytest.mark.slow
def test_of_what_was_not_kept_memory_holds_numbers_alone(make_study, script):
    reports = "from autoresearch_magic import report\nfor i in range(9): report(step=i, a=i)\nprint('said', X)\n"
    script(x(2.5) + reports, x(2.9) + reports)
    study = make_study(agent="script", experiments=2)
    said = notices(study)
    finish(study)
    kept, discarded = study.experiments[1:]
    assert [str(kept.verdict), str(discarded.verdict)] == ["keep", "discard"]
    assert {"curve", "output"} <= vars(kept.measurements[0]).keys()
    assert not {"curve", "output", "names"} & vars(discarded.measurements[0]).keys()
    assert (len(discarded.measurements[0].curve), discarded.measurements[0].output) == (9, "said 2.9\n")
    assert not [line for line in said if line.startswith("After experiment")]


@pytest.mark.slow
def test_crashes_in_a_row_are_checked_against_the_best(make_study, script, tmp_path):
    data = tmp_path / "data.txt"
    data.write_text("1.0")
    read = f"X = 3.0\nloss = X * float(open({str(data)!r}).read())\n"
    crash = [read + f"1 / 0  # {n}\nY = {n}\n" for n in range(6)]
    script(read.replace("3.0", "2.0"), *crash, read.replace("3.0", "1.5"))
    study = make_study(read, agent="script", experiments=9, sandbox="off")  # it reads a file of another folder
    said = notices(study)
    finish(study)
    assert study.experiments[-1].kept
    assert "5 runs in a row gave no value, but experiment 1, the best so far, still does" in "\n".join(said)
    script(*[read.replace("3.0", f"1.{n}") for n in range(1, 9)])
    data.unlink()
    study.resume(experiments=30)
    assert study.wait(60)
    assert study.state == "failed"
    assert study.status.message.startswith(
        "5 runs in a row gave no value, and experiment 8, the best so far, gives none"
    )
    assert "FileNotFoundError" in study.status.message
