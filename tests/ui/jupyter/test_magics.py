"""The magics in a real kernel, as a user types them."""

import os
import re
import signal
import sqlite3
import time

import psutil
import pytest

from ...kernels import TARGET, begin

ENDLESS = (
    "X = 3.0\nimport time\nfrom autoresearch_magic import clock\nfor step in clock: time.sleep(0.01)\nloss = X * X\n"
)


HERE = []


@pytest.fixture(autouse=True)
def _here(tmp_path_factory):
    HERE[:] = [str(tmp_path_factory.getbasetemp())]


def workers():
    """Return the workers of these tests' kernels, and no others on this machine."""
    found = psutil.process_iter(["cmdline", "cwd"])
    return [
        p for p in found
        if "autoresearch_magic.runners.worker.server" in (p.info["cmdline"] or []) and (p.info["cwd"] or "").startswith(HERE[0])
    ]  # fmt: skip


@pytest.mark.slow
def test_define_start_wait_and_inspect(kernel, tmp_path):
    assert "Setup: 1 line" in kernel.run("%%autoresearch setup\nGOAL = 1").said
    started = begin(kernel)
    assert started.status == "ok"
    assert "loss (lower is better) · budget 0.1s" in started.displays[0]["text/plain"]
    assert started.stdout == "", "printed lines would be broken inside words"
    assert "loss (lower is better) · budget 0.1s" in started.displays[0]["text/markdown"]
    assert any("application/vnd.jupyter.widget-view+json" in data for data in started.displays)
    waited = kernel.run("%autoresearch wait")
    assert waited.status == "ok"
    assert any("image/png" in data for data in waited.updates), "the picture is shown again where it is saved"
    status = kernel.run("%autoresearch status").said
    assert "finished" in status
    assert "6 of 6 experiments" in status
    history = kernel.run("%autoresearch history")
    assert "| 0 | **baseline**" in history.displays[0]["text/markdown"]
    assert history.displays[0]["text/plain"].count("\n") >= 7, "a row for each experiment"
    frame = kernel.run(
        "import autoresearch_magic as am; h = am.current().history; print(list(h.columns), len(h), h.experiment.dtype)"
    )
    for column in ("experiment", "verdict", "value", "seconds", "summary", "commit", "agent", "source"):
        assert column in frame.stdout
    assert "7 int64" in frame.stdout
    best = kernel.run("%autoresearch best").displays[0]["text/markdown"]
    number = re.search(r"Experiment (\d+)", best)[1]
    assert "-X = 3.0" in kernel.run(f"%autoresearch diff 0 {number}").displays[0]["text/plain"]
    assert "```python" in kernel.run("%autoresearch show 0").displays[0]["text/markdown"]
    restored = kernel.run(f"%autoresearch restore {number}")
    assert restored.next_input.startswith("%%autoresearch target\nX = ")
    reply = kernel.run("%autoresearch report")
    folder = next((tmp_path / ".autoresearch").iterdir())
    written = f"autoresearch_reports/{folder.name}.html"
    assert f"[Open the report]({written})" in reply.displays[0]["text/markdown"]
    assert "<h2>All experiments</h2>" in (tmp_path / written).read_text()
    assert (folder / "results.tsv").read_text().count("\n") == 8
    assert (folder / "progress.png").read_bytes().startswith(b"\x89PNG")
    assert kernel.run("%unload_ext autoresearch_magic").status == "ok"
    assert kernel.run("%autoresearch status").status == "error"


@pytest.mark.slow
def test_the_kernel_stays_free_and_an_interrupted_wait_leaves_the_study_running(kernel):
    begin(kernel, "--metric loss --budget 0.3s -n 30 --repeats 2")
    assert kernel.run("1+1").stdout == "2"
    waiting = kernel.send("%autoresearch wait")
    time.sleep(1.5)
    kernel.manager.interrupt_kernel()
    interrupted = kernel.gather(waiting)
    assert "Stopped waiting" in interrupted.stderr
    assert "Traceback" not in interrupted.text
    after = kernel.run("import autoresearch_magic as am; print(am.current().state, am.current().status.traceback)")
    assert after.stdout.split()[0] in ("baseline", "running"), after
    stopped = kernel.run("%autoresearch stop")
    assert "is stopped" in stopped.said
    assert not workers()


@pytest.mark.slow
def test_an_interrupt_of_the_users_cell_leaves_the_study_alone(kernel):
    # More experiments than can be over, however late an interrupt reaches the sleeping cell on a busy machine.
    begin(kernel, "--metric loss --budget 0.2s -n 1000 --repeats 2")
    for _ in range(3):
        sleeping = kernel.send("import time; time.sleep(30)")
        time.sleep(0.7)
        kernel.manager.interrupt_kernel()
        assert "KeyboardInterrupt" in kernel.gather(sleeping).error
    answer = kernel.run(
        "s = am.current() if 'am' in dir() else __import__('autoresearch_magic').current(); print(s.state)"
    )
    assert answer.stdout.strip() in ("baseline", "running"), answer
    kernel.run("%autoresearch stop")


@pytest.mark.slow
def test_stop_leaves_no_process_and_a_consistent_journal(kernel, tmp_path):
    begin(kernel, "--metric loss --budget 60s -n 9 --repeats 1", target=ENDLESS)
    wait_for(lambda: workers() and workers()[0].children())
    stopped = kernel.run("%autoresearch stop")
    assert "is stopped" in stopped.said
    assert not workers()
    folder = next((tmp_path / ".autoresearch").iterdir())
    with sqlite3.connect(folder / "journal.sqlite") as journal:
        assert journal.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert journal.execute("SELECT count(*) FROM experiment WHERE verdict IS NOT NULL").fetchone() == (0,)


@pytest.mark.slow
def test_pause_resume_and_step(kernel):
    kernel.run(f"%%autoresearch target\n{TARGET}")
    kernel.run("%%autoresearch program --metric loss --budget 0.05s -n 30 --repeats 1\nLower it")
    assert "one experiment" in kernel.run("%autoresearch step").said
    assert kernel.run("%autoresearch wait").status == "ok"
    assert "paused" in kernel.run("%autoresearch status").said
    assert "2\n" in kernel.run("import autoresearch_magic as am\nprint(len(am.current().experiments))").stdout
    kernel.run("%autoresearch step")
    kernel.run("%autoresearch wait")
    assert kernel.run("print(len(am.current().experiments))").stdout == "3\n"
    assert "continues" in kernel.run("%autoresearch resume").said
    assert "pauses" in kernel.run("%autoresearch pause").said
    kernel.run("%autoresearch wait")
    assert "paused" in kernel.run("%autoresearch status").said
    said = kernel.run("%autoresearch step --agent hybrid").stderr
    assert "is paused: its settings can change only after a stop" in said
    assert "step makes its next experiment: without --name" in kernel.run("%autoresearch step --name other").stderr
    assert "is stopped" in kernel.run("%autoresearch stop").said
    assert "cannot go on with another budget" in kernel.run("%autoresearch step --budget 9s").stderr
    made = int(kernel.run("print(am.current().status.done)").stdout)
    kernel.run(f"%autoresearch step -n {made + 1}")
    kernel.run("%autoresearch wait")
    assert "paused" in kernel.run("%autoresearch status").said
    kernel.run("%autoresearch resume")  # nothing is left but the confirmation
    kernel.run("%autoresearch wait")
    assert (
        kernel.run("s = am.current()\nprint(s.state, s.settings.experiments - s.status.done)").stdout == "finished 0\n"
    )
    name = kernel.run("print(s.name)").stdout.strip()
    offer = f"resume {name} -n {2 * made + 2}"
    assert offer in kernel.run("%autoresearch status").said
    assert offer in kernel.run("%autoresearch stop").said
    said = kernel.run("%autoresearch step").stderr
    assert f"{name} is finished: go on with  %autoresearch {offer}" in said
    assert "%autoresearch start" in said
    assert kernel.run("print(am.current() is s)").stdout == "True\n"
    kernel.run(f"%autoresearch {offer.replace(str(2 * made + 2), str(made + 2))}")
    kernel.run("%autoresearch wait")
    assert kernel.run("print(s.state, s.settings.experiments - s.status.done)").stdout == "finished 0\n"


@pytest.mark.slow
def test_resume_after_the_kernel_was_killed(kernel, start_kernel, tmp_path):
    begin(kernel, "--metric loss --budget 0.1s -n 8 --repeats 2 --name night")
    journal = tmp_path / ".autoresearch" / "night" / "journal.sqlite"
    wait_for(lambda: count(journal) >= 4)
    os.kill(kernel.pid, signal.SIGKILL)
    wait_for(lambda: not workers())
    before = rows(journal)
    other = start_kernel()
    other.run("%load_ext autoresearch_magic")
    resumed = other.run("%autoresearch resume night")
    assert resumed.status == "ok", resumed
    assert other.run("%autoresearch wait").status == "ok"
    after = rows(journal)
    assert after[: len(before)] == before
    assert [row[0] for row in after] == list(range(9))
    # The same study in one piece proposes the very same: seeds and the tuner's state come from the journal alone.
    whole = start_kernel()
    whole.run("%load_ext autoresearch_magic")
    begin(whole, "--metric loss --budget 0.1s -n 8 --repeats 2 --name day")
    whole.run("%autoresearch wait")
    day = rows(tmp_path / ".autoresearch" / "day" / "journal.sqlite")
    assert [(n, target) for n, target, _ in day] == [(n, target) for n, target, _ in after]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%%autoresearch --metric loss\nprogram", "No target yet"),
        ("%%autoresearch target\nx = (", r"line 1 of the target.*x = \("),
        ("%%autoresearch setup\nif x:\n", "line 1 of the setup|line 2 of the setup"),
        ("%%autoresearch target\n%matplotlib inline\nx = 1", "IPython magic"),
        ("%autoresearch strat", "did you mean start"),
        ("%autoresearch status --loud", "unrecognized arguments: --loud"),
        ("%%autoresearch --budjet 3\nprogram", "unrecognized arguments"),
        ("%autoresearch diff", "required"),
        ("%autoresearch target nowhere.py", "nowhere.py cannot be read"),
        ("%autoresearch show 1", "No study yet"),
        ("%autoresearch resume nothing", "There is no study 'nothing'"),
        ("%autoresearch wait --timeout soon", "not a duration"),
        ("%autoresearch start 'x", "quotes"),
    ],
)
def test_bad_input_is_one_line_without_a_traceback(shared_kernel, cell, message):
    answer = shared_kernel.run(cell)
    check_one_line(answer, message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--metric loss --agent robot", "There is no agent 'robot': use one of tuner"),
        ("--metric loss --budget soon", "The budget 'soon' is not a duration"),
        ("--metric loss --budget 20", "for example 20s"),
        ("--metric loss -n none", "--experiments takes a whole number"),
        ("--metric 'f('", "not a Python expression"),
        ("", "No metric"),
        ("--metric loss --name a/b", "cannot name a study"),
    ],
)
def test_bad_options_are_one_line_without_a_traceback(shared_kernel, options, message):
    shared_kernel.run("%%autoresearch target\nX = 1.0\nloss = X")
    check_one_line(shared_kernel.run(f"%%autoresearch {options}\nprogram"), message)


def test_missing_modules_are_reported_before_anything_runs(shared_kernel):
    shared_kernel.run("%%autoresearch target\nimport torch_of_tomorrow\nX = 1.0\nloss = X")
    check_one_line(shared_kernel.run("%%autoresearch --metric loss\nprogram"), "torch_of_tomorrow is not installed")


def test_a_target_with_nothing_to_tune_is_one_line(shared_kernel):
    shared_kernel.run("%%autoresearch target\nloss = abs(-1)")
    check_one_line(shared_kernel.run("%%autoresearch --metric loss\nprogram"), "nothing to tune|no constants")


@pytest.mark.slow
def test_plan_evals_regression_and_ablate_in_a_notebook(kernel, tmp_path):
    assert kernel.run(f"%%autoresearch target\n{TARGET}").status == "ok"
    assert kernel.run("%%autoresearch program\nLower it").status == "ok"
    plan = kernel.run("%autoresearch plan --metric loss --budget 0.1s -n 4")
    assert "The target runs" in plan.displays[-1]["text/plain"]
    assert "progress" in plan.displays[0]["text/html"], "a bar while it runs"
    assert not (tmp_path / ".autoresearch").exists()
    assert kernel.run("%autoresearch start --metric loss --budget 0.1s -n 5").status == "ok"
    check_one_line(kernel.run("%autoresearch ablate"), "stop it first")
    assert kernel.run("%autoresearch wait").status == "ok"
    assert "Keep rate" in kernel.run("%autoresearch evals").displays[-1]["text/plain"]
    told = kernel.run("%autoresearch regression 0 1 --samples 2")
    assert "STABLE" in told.displays[-1]["text/plain"] or "UNDECIDED" in told.displays[-1]["text/plain"]
    ablated = kernel.run("%autoresearch ablate --samples 2")
    assert "contributes" in ablated.displays[-1]["text/plain"]
    for line, message in {
        "regression 1 1": "two experiments", "regression 0 99": "There is no experiment 99", "ablate --samples 0": "from 2 up",
    }.items():  # fmt: skip
        check_one_line(kernel.run(f"%autoresearch {line}"), message)


@pytest.mark.slow
def test_a_second_study_while_one_runs(kernel):
    begin(kernel, "--metric loss --budget 0.3s -n 30 --repeats 1 --name first")
    check_one_line(
        kernel.run("%%autoresearch --metric loss --name second\nprogram"), r"The study first is \w+: wait for it"
    )
    check_one_line(kernel.run("%autoresearch restore 99"), "no experiment 99")
    kernel.run("%autoresearch stop")


@pytest.mark.slow
def test_a_setup_that_raises_shows_its_traceback_once(kernel):
    kernel.run("%%autoresearch setup\ndef load():\n    raise OSError('no data here')\n\nload()")
    begin(kernel)
    first, second = kernel.run("%autoresearch wait"), kernel.run("%autoresearch wait")
    assert "The setup failed: OSError: no data here (line 2 of the setup)" in first.text
    assert first.stderr.count("raise OSError('no data here')") == 1
    assert "autoresearch_magic" not in first.stderr
    assert "raise OSError" not in second.text
    assert "The setup failed" in second.text


@pytest.mark.slow
def test_an_undefined_metric_names_the_defined_variables(kernel):
    begin(kernel, "--metric accuracy --maximize --budget 0.05s -n 3")
    check_one_line(kernel.run("%autoresearch wait"), r"needs 'accuracy'.*Defined were: .*\bloss\b.*--metric")


def test_help_is_everywhere(shared_kernel):
    assert "%%autoresearch target" in shared_kernel.run("%autoresearch help").stdout
    assert "NAME=EXPRESSION" in shared_kernel.run("%%autoresearch -h\n ").stdout
    for name in ("setup", "target", "program", "start", "status", "pause", "resume", "stop", "step", "wait", "history",
                 "show", "diff", "restore", "best", "help", "report", "export", "watch", "doctor"):  # fmt: skip
        answer = shared_kernel.run(f"%autoresearch {name} -h")
        assert (answer.status, "usage:" in answer.stdout) == ("ok", True), name


@pytest.mark.slow
def test_completion(shared_kernel):
    assert {"start", "status", "step", "stop"} <= set(shared_kernel.complete("%autoresearch st"))
    assert "setup" in shared_kernel.complete("%%autoresearch se")
    assert "--budget" in shared_kernel.complete("%autoresearch start --bud")
    assert "--metric" in shared_kernel.complete("%%autoresearch --met")
    assert "--timeout" in shared_kernel.complete("%autoresearch wait --t")


@pytest.fixture(scope="module")
def shared_kernel(tmp_path_factory):
    from ...kernels import Kernel

    made = Kernel(tmp_path_factory.mktemp("shared"))
    assert made.run("%load_ext autoresearch_magic").status == "ok"
    yield made
    made.close()


def check_one_line(answer, message):
    assert answer.status == "error", answer
    assert re.search(message, answer.text, re.IGNORECASE), answer.text
    said = (answer.stderr or answer.error).strip()
    assert len(said.splitlines()) == 1, said
    assert "Traceback" not in answer.text


def count(journal):
    return len(rows(journal))


def rows(journal):
    if not journal.exists():
        return []
    with sqlite3.connect(journal) as connection:
        try:
            query = "SELECT number, target, value FROM experiment WHERE verdict IS NOT NULL ORDER BY number"
            return connection.execute(query).fetchall()
        except sqlite3.OperationalError:  # the tables are not made yet
            return []


def wait_for(condition, seconds=40.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.05)
