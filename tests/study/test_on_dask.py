"""Whole studies on a Dask worker that does not see their folder: each option has the results that it has on this machine."""

import shutil
import subprocess
import sys

import pytest

pytest.importorskip("distributed", reason="distributed is not installed")

from autoresearch_magic.events import State
from autoresearch_magic.experiment import Outcome, Verdict
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.commands.table import run
from autoresearch_magic.ui.session import Session

from ..repositories import commit, repository, run_git
from ..studies import finish

pytestmark = pytest.mark.slow

SETUP = """
import helper
from autoresearch_magic import seed

def evaluate(x, at=helper.BEST):
    return (x - at) ** 2 + 1 + seed % 7 * 0.01
"""
TARGET = "x = 3.0  # 0 .. 5\ny = 2.0  # 0 .. 5\n"
LEARNS = """
import time
from autoresearch_magic import clock, report
x = 3.0  # 0 .. 5
y = 2.0  # 0 .. 5
for step in clock:
    report(step=step, loss=(x - 1) ** 2 + 10 / (step + 1))
"""
BENCH = "import sys\nsys.path.insert(0, 'src')\nimport app\nprint('ms:', app.cost())\nprint('size:', app.SIZE)\n"
FILES = {
    "src/app.py": "SIZE = 40  # 1 .. 100\nDEPTH = 5  # 1 .. 9\n\n\ndef cost():\n    return (SIZE - 17) ** 2 + DEPTH\n",
    "src/deep/more.py": "FACTOR = 2.0  # 0 .. 4\n",
    "bench.py": BENCH,
    "quick.py": BENCH,
    "check.py": "import sys\nsys.path.insert(0, 'src')\nimport app\nif app.DEPTH > 7:\n    sys.exit('DEPTH is too large')\n",
    ".gitignore": "runs/\n",
}
CELL = {
    "metric": "loss=evaluate(x)",
    "minimize": True,
    "agent": "tuner",
    "experiments": 5,
    "repeats": 2,
    "seed": 3,
    "budget": "30steps",
}
REPOSITORY = {
    "metric": "ms",
    "minimize": True,
    "agent": "tuner",
    "experiments": 4,
    "repeats": 2,
    "seed": 3,
    "scope": "src/**",
    "verify": "python bench.py",
}

CASES = {
    "sealed": {
        "sealed": "answer = 2.5\n", "experiments": 8, "metric": "loss=evaluate(x, answer)", "holdout": "unseen=evaluate(x, answer + 1)", "also": "twice=2 * x",
        "limit": "twice<7", "track": "tensorboard", "target": TARGET + "open('note.txt', 'w').write(str(x))\n", "artifacts": "*.txt",
    },
    "stage": {"target": LEARNS, "stage": "10steps", "fresh": True, "valid": "x < 4", "experiments": 3},
    "lines": {"lines": 2, "experiments": 8, "statistic": "median"},
}  # fmt: skip
REPOSITORIES = {
    "guard": {"guard": "python check.py", "also": "size", "limit": "size<50", "track": "tensorboard"},
    "stage": {"stage": "python quick.py", "lines": 2},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("studies")


@pytest.fixture(scope="module")
def executor(folder):
    """The address of a scheduler with one worker, for which the studies' folder is empty."""
    hide = ["unshare", "-Urmu", "sh", "-c", 'hostname worker && mount -t tmpfs none "$0" && exec "$@"', str(folder)]
    if shutil.which("unshare") is None or subprocess.run([*hide, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a worker that does not see the folder needs namespaces (unshare -Urmu)")
    processes = []

    def start(*words, before=()):
        line = [*before, sys.executable, "-m", f"distributed.cli.{words[0]}", *words[1:]]
        with (folder.parent / f"{words[0]}.log").open("w") as log:
            processes.append(subprocess.Popen(line, stdout=log, stderr=log, cwd="/"))

    place = folder.parent / "scheduler.json"
    start(
        "dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--scheduler-file",
        str(place),
        "--dashboard-address",
        "127.0.0.1:0",
        "--no-dashboard",
    )
    start(
        "dask_worker",
        "--scheduler-file",
        str(place),
        "--host",
        "127.0.0.1",
        "--nthreads",
        "1",
        "--no-nanny",
        "--no-dashboard",
        "--memory-limit",
        "0",
        before=hide,
    )
    from distributed import Client

    with Client(scheduler_file=str(place), set_as_default=False) as client:
        client.wait_for_workers(1, timeout=60)
        address = client.scheduler.address
    yield address.replace("tcp://", "dask://")
    for process in reversed(processes):  # a worker whose scheduler is gone would look for it
        process.terminate()
        process.wait(30)


def record(study):
    """What a study has found, without times; of a run that was ended early, not how far it had come."""
    with Journal(study.folder / "journal.sqlite") as journal:
        runs = [(run.experiment, run.kind, run.measurement) for run in journal.runs()]
    found = [
        (number, kind, m.seed, m.outcome, m.value, m.holdout, m.numbers, m.artifacts, m.output, m.error,
         m.outcome is Outcome.PRUNED or (m.steps, [(point.step, point.values) for point in m.curve]))
        for number, kind, m in runs
    ]  # fmt: skip
    head = study.headline
    return {
        "experiments": [(e.number, e.parent, e.verdict, e.target, e.value) for e in study.experiments], "runs": found,
        "headline": (head.best, head.holdout),
    }  # fmt: skip


def is_equal_there(tmp_path, executor, expected, *parts, **options):
    """Run a study here and there, and compare what they have found; return the verdicts."""
    made = []
    for where in ("", executor):
        study = Study(
            "# Lower it",
            *parts,
            name="there" if where else "here",
            root=tmp_path / ".autoresearch",
            executor=where,
            **options,
        )
        study.start()
        assert study.wait(180)
        assert study.state == State.FINISHED, (study.status.message, study.status.traceback)
        made.append(study)
    here, there = map(record, made)
    for part, found in here.items():
        assert found == there[part]
    assert {e.verdict for e in made[1].experiments} >= expected
    if "track" in options:
        assert [*(made[1].folder / "tensorboard").rglob("events.*")]


@pytest.mark.parametrize("name", CASES)
def test_a_cell(name, folder, executor, monkeypatch):
    here = folder / f"cell-{name}"
    here.mkdir()
    (here / "helper.py").write_text("BEST = 1.25\n")
    monkeypatch.chdir(here)
    monkeypatch.syspath_prepend(here)
    options = CELL | CASES[name]
    is_equal_there(here, executor, {Verdict.KEEP}, options.pop("target", TARGET), SETUP, **options)


def test_a_hopeless_run_ends_early(folder, executor, script):
    here = folder / "hopeless"
    here.mkdir()
    slow = LEARNS.replace("report(", "time.sleep(0.05), report(")
    script().targets = [slow.replace("x = 3.0", f"x = {x}") for x in (2.5, 2.4, 90, 95, 99)]
    study = Study(
        "# Lower it",
        slow,
        SETUP.replace("helper.BEST", "1.25").replace("import helper", ""),
        name="hopeless",
        root=here / ".autoresearch",
        executor=executor,
        **CELL | {"agent": "script", "experiments": 5},
    )
    verdicts = [e.verdict for e in finish(study, 180).experiments]
    assert Verdict.KEEP in verdicts[1:3]
    assert Verdict.PRUNED in verdicts[3:]


@pytest.mark.parametrize("name", REPOSITORIES)
def test_a_repository(name, folder, executor, monkeypatch):
    top = repository(folder / f"repository-{name}", FILES)
    monkeypatch.chdir(top)
    is_equal_there(top, executor, {Verdict.DISCARD}, repo=str(top), **REPOSITORY | REPOSITORIES[name])


def outputs(study, kind):
    with Journal(study.folder / "journal.sqlite") as journal:
        return {run.measurement.output.strip() for run in journal.runs() if run.kind == kind}


def test_comparisons_versions_from_outside_and_plans_run_where_experiments_do(folder, executor, script, monkeypatch):
    """Which is told by the name of the machine, which is another one there."""
    here = folder / "comparisons"
    here.mkdir()
    monkeypatch.chdir(here)
    target = "import os\nX = 3.0\nprint(os.uname().nodename)\nloss = (X - 1) ** 2\n"
    script(target.replace("3.0", "2.0"))
    options = {
        "metric": "loss",
        "minimize": True,
        "agent": "script",
        "experiments": 1,
        "repeats": 1,
        "executor": executor,
    }
    study = Study("# Lower it", target, root=here / ".autoresearch", name="night", **options)
    plan = study.plan()
    assert plan.notes[0].startswith("Experiments run on 1 Dask worker at tcp://")
    assert plan.slots == 1
    assert {m.output.strip() for trial in plan.trials for m in trial.measurements} == {"worker"}
    assert not (here / ".autoresearch").exists(), "a plan leaves nothing"
    finish(study, 120)
    assert study.regression(0, 1, 2).verdict == "STABLE"
    assert study.try_target(target.replace("3.0", "1.5"), summary="nearer").value == 0.25
    with Journal(study.folder / "journal.sqlite") as journal:
        ran = {(run.kind, run.measurement.output.strip()) for run in journal.runs()}
    assert ran >= {("trial", "worker"), ("candidate", "worker")}
    assert {where for _, where in ran} == {"worker"}


def test_two_git_refs_are_compared_on_the_cluster(folder, executor, monkeypatch):
    bench = "import os\nprint('there:', 1 + (os.uname().nodename == 'worker'))\n"
    top = repository(folder / "refs", {"words": "one\n", "bench.py": bench})
    run_git(top, "branch", "before")
    commit(top, {"words": "two\n"})
    monkeypatch.chdir(top)
    line = "regression before main --verify 'python bench.py' --metric there --minimize --samples 2"
    for where, value in ((f" --executor {executor}", 2.0), ("", 1.0)):
        data = run(Session(), line + where).work(lambda share, what: None).data
        assert data["verdict"] == "STABLE"
        assert {*data["a"]["values"], *data["b"]["values"]} == {value}
