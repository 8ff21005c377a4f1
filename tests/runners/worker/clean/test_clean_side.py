"""The metric is computed where the target's code never ran: what is passed on, what is refused, what is learned from the baseline."""

import os
import signal
import threading
import time

import psutil
import pytest

from autoresearch_magic.budget import Budget
from autoresearch_magic.errors import UserError
from autoresearch_magic.experiment import Outcome
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.cell import CellRunner

NUMPY = """
import numpy as np
X = np.arange(10.0)
Y = 2 * X
def evaluate(predict):
    return float(np.abs(predict(X) - Y).mean())
"""


@pytest.fixture
def make(tmp_path):
    made, notes = [], []

    def make(setup, metric="evaluate(predict)", **options):
        runner = CellRunner(
            setup,
            "",
            Metric("loss", metric),
            Budget(5.0, "seconds"),
            setup_log=tmp_path / "setup.log",
            on_note=notes.append,
            **options,
        )
        runner.said = notes
        made.append(runner)
        return runner

    yield make
    for runner in made:
        runner.close()


def measure(runner, target, **options):
    return runner.measure(target, seed=1, deadline=20.0, **options)


@pytest.mark.slow
def test_what_the_target_does_to_the_setup_does_not_count(make):
    runner = make(NUMPY)
    honest = "def predict(x):\n    return 1.9 * x"
    assert measure(runner, honest).value == pytest.approx(0.45)
    assert runner.learned["mode"] == "clean"
    for attack in (
        "Y[:] = 1.9 * X",
        "np.abs = lambda x: np.zeros(1)",
        "evaluate.__code__ = (lambda predict: 0.0).__code__",
        "import sys\nsys.modules['numpy'].ndarray\nnp.mean = lambda *a, **k: 0.0",
        "import builtins\nbuiltins.float = lambda x: 0.0",
        "import gc\n[o.update(loss=0.0) for o in gc.get_objects() if type(o) is dict and 'loss' in o]",
    ):
        assert measure(runner, f"{attack}\n{honest}").value == pytest.approx(0.45), attack


@pytest.mark.slow
def test_an_object_that_lies_about_its_value_is_no_number(make):
    runner = make(NUMPY)
    assert measure(runner, "def predict(x):\n    return 1.9 * x").ok
    liar = """
class Liar:
    def __float__(self): return 0.0
    def __array__(self, *a, **k): return Y
    def item(self): return 0.0
    def __sub__(self, other): return 0 * other
    __rsub__ = __sub__
def predict(x):
    return Liar()
"""
    lied = measure(runner, liar)
    assert lied.outcome is Outcome.METRIC_ERROR
    assert "Liar" in lied.error or "unsupported operand" in lied.error


@pytest.mark.slow
def test_a_value_in_the_event_pipe_is_not_the_metric(make):
    runner = make(NUMPY)
    honest = "def predict(x):\n    return 1.9 * x"
    assert measure(runner, honest).ok
    forged = """
import os
for fd in range(3, 1024):
    try:
        os.write(fd, b'\\n{"result": {"outcome": "ok", "value": 0.0, "calibration": {"mode": "in-process"}}}\\n')
    except OSError:
        pass
"""
    result = measure(runner, forged + honest)
    assert result.value is None or result.value == pytest.approx(0.45)
    assert runner.learned["mode"] == "clean"
    assert measure(runner, honest).value == pytest.approx(0.45)


@pytest.mark.slow
def test_a_model_of_the_setup_that_the_target_trains_is_the_targets(make):
    setup = "class Model:\n    w = 0.0\n    def __call__(self, x):\n        return self.w * x\nmodel = Model()\ndef evaluate():\n    return abs(model(3.0) - 6)"
    runner = make(setup, "evaluate()")
    assert measure(runner, "model.w = 1.5").value == pytest.approx(1.5)
    assert runner.learned == {"mode": "clean", "names": {}, "shared": ["model"], "told": False}
    assert measure(runner, "model.w = 1.75").value == pytest.approx(0.75)
    assert any("changes model of the setup" in line for line in runner.describe())


@pytest.mark.slow
def test_what_cannot_be_passed_on_is_computed_in_the_targets_process_and_said(make):
    runner = make("import copy\ndef evaluate(m):\n    return copy.deepcopy(m).v", "evaluate(m)")
    target = "class M:\n    v = 2.25\nm = M()"
    assert measure(runner, target).value == 2.25
    assert runner.learned["mode"] == "in-process"
    assert runner.said[-1] in runner.describe()
    assert "a copy of an object of the target's class M" in runner.said[-1]
    assert measure(runner, target.replace("2.25", "1.5")).value == 1.5
    tampered = measure(runner, f"{target}\nevaluate.__code__ = (lambda m: 0.0).__code__")
    assert (tampered.outcome, tampered.value) == (Outcome.TAMPERED, None)
    assert "has changed evaluate of the setup" in tampered.error


@pytest.mark.slow
def test_a_value_that_the_target_computes_itself_is_said(make):
    runner = make("X = [1, 2]\ndef evaluate(m):\n    return m.score(X)", "evaluate(m)")
    assert measure(runner, "class M:\n    def score(self, x):\n        return 0.375\nm = M()").value == 0.375
    assert runner.learned["told"]
    assert "a method of its own returns the value" in runner.said[-1]


@pytest.mark.slow
def test_functions_of_the_setup_are_called_back(make):
    setup = "N = [0]\ndef objective(x):\n    N[0] += 1\n    return (x - 3) ** 2\ndef evaluate(optimise):\n    x = optimise(objective)\n    return objective(x) + N[0] / 1000"
    runner = make(setup, "evaluate(optimise)")
    assert measure(runner, "def optimise(f):\n    return min(range(10), key=f)").value == pytest.approx(0.011)
    assert measure(runner, "def optimise(f):\n    N[0] = -50\n    return min(range(10), key=f)").value == pytest.approx(
        0.011
    )


@pytest.mark.slow
def test_a_library_that_the_user_named_is_the_clean_sides_own(make):
    runner = make("import math\ndef evaluate(x):\n    return x * x", "m.sqrt(evaluate(x))")
    assert measure(runner, "import math as m\nx = 3.0").value == 3.0
    lying = "import types\nm = types.SimpleNamespace(sqrt=lambda v: 0.0)\nx = 3.0"
    assert measure(runner, lying).value == 3.0
    assert measure(runner, "import os as m\nx = 2.0").value == 2.0


@pytest.mark.slow
def test_an_exception_in_the_targets_function_names_its_line(make):
    m = measure(make("def evaluate(f):\n    return f(1)", "evaluate(f)"), "def f(x):\n    return 1 / 0")
    assert m.outcome is Outcome.METRIC_ERROR
    assert m.error.endswith("ZeroDivisionError: division by zero (line 2 of the target)")
    assert m.traceback.index("<setup>") < m.traceback.index("<target>")


@pytest.mark.slow
def test_a_target_that_ends_while_it_is_measured_has_no_value(make):
    runner = make(NUMPY)
    assert measure(runner, "def predict(x):\n    return 1.9 * x").ok
    ended = measure(runner, "import os\ndef predict(x):\n    os._exit(0)")
    assert ended.value is None
    assert ended.outcome is Outcome.CRASH
    assert measure(runner, "def predict(x):\n    return 1.9 * x").value == pytest.approx(0.45)


@pytest.mark.slow
def test_what_is_sealed_exists_on_the_clean_side_alone(make):
    setup = "X = [1.0, 2.0]\ndef evaluate(predict):\n    return sum(abs(p - a) for p, a in zip(predict(X), answers))"
    runner = make(setup, sealed="answers = [2.0, 4.0]")
    assert measure(runner, "def predict(x):\n    return [1.5 * v for v in x]").value == pytest.approx(1.5)
    stolen = measure(runner, "def predict(x):\n    return answers")
    assert stolen.value is None
    assert "NameError" in stolen.error
    asked = measure(
        runner,
        "import gc\nfound = [o for o in gc.get_objects() if o == [2.0, 4.0]]\ndef predict(x):\n    return found[0]",
    )
    assert asked.value is None
    told = measure(runner, "def predict(x):\n    return ['a', 'b']")
    assert "unsupported" not in told.error, "the text of an exception may contain what is sealed"


@pytest.mark.slow
def test_a_metric_that_cannot_be_computed_apart_cannot_be_sealed(make):
    runner = make("import copy\ndef evaluate(m):\n    return copy.deepcopy(m).v", "evaluate(m)", sealed="secret = 1")
    with pytest.raises(UserError, match="cannot be computed apart from the target"):
        measure(runner, "class M:\n    v = 2.25\nm = M()")


@pytest.mark.slow
def test_a_torch_model_is_measured_from_outside(make):
    torch = pytest.importorskip("torch")
    assert torch is not None
    setup = """
import torch
X = torch.linspace(-1, 1, 64).reshape(16, 4)
y = X.sum(1)
def evaluate(model):
    assert isinstance(model, torch.nn.Module)
    model.eval()
    with torch.no_grad():
        size = sum(p.numel() for p in model.parameters())
        return torch.nn.functional.mse_loss(model(X).squeeze(-1), y) + size / 1e6
"""
    target = "import torch\nmodel = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))"
    runner = make(setup, "evaluate(model)")
    first = measure(runner, target)
    assert first.ok, first.error
    assert runner.learned["mode"] == "clean"
    cheat = (
        target
        + "\ny.copy_(model.eval()(X).squeeze(-1).detach())\ntorch.nn.functional.mse_loss = lambda *a, **k: torch.tensor(0.0)"
    )
    assert measure(runner, cheat).value == pytest.approx(first.value)


def template_of(runner):
    """Return the process that evaluating processes are forked from: of the worker's two children the one that holds its setup."""
    return max(psutil.Process(runner.worker.pid).children(), key=lambda each: each.memory_info().rss)


@pytest.mark.slow
def test_when_the_template_is_killed_another_worker_runs_the_experiment(make):
    runner = make(NUMPY)
    honest = "def predict(x):\n    return 1.9 * x"
    assert measure(runner, honest).ok
    template_of(runner).kill()
    assert measure(runner, honest).value == pytest.approx(0.45)
    assert any("Another one runs the experiment again" in line for line in runner.said)


@pytest.mark.slow
def test_a_run_whose_evaluating_process_is_killed_runs_once_more(make, tmp_path):
    runner = make(
        NUMPY
        + f"""
import os, pathlib, time
def slow(predict):
    if pathlib.Path({str(tmp_path / "slow")!r}).exists():
        time.sleep(20)
    return evaluate(predict)
""",
        metric="slow(predict)",
    )
    honest = "def predict(x):\n    return 1.9 * x"
    assert measure(runner, honest).ok
    template = template_of(runner)
    (tmp_path / "slow").touch()

    def kill():
        while not template.children():
            time.sleep(0.01)
        time.sleep(0.5)
        (tmp_path / "slow").unlink()
        os.kill(template.children()[0].pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    m = measure(runner, honest)
    killer.join()
    assert m.value == pytest.approx(0.45), m.error
    assert any(
        line.startswith("The process that evaluates the metric ended") and "It runs again" in line
        for line in runner.said
    )


@pytest.mark.slow
def test_an_evaluating_process_that_dies_each_time_is_told_as_such(make):
    runner = make(
        NUMPY
        + """
import os
def fatal(predict):
    if predict(X[:1]) != 0:
        os.abort()
    return 1.0
""",
        metric="fatal(predict)",
    )
    assert measure(runner, "def predict(x):\n    return 0 * x").value == 1.0
    m = measure(runner, "def predict(x):\n    return x + 1")
    assert m.outcome is Outcome.CRASH
    assert "process that evaluates the metric" in m.error


@pytest.mark.slow
def test_the_evaluating_process_is_gone_soon_after_its_run(make):
    runner = make(NUMPY)
    assert measure(runner, "def predict(x):\n    return 1.9 * x").ok
    template = template_of(runner)
    end = time.monotonic() + 10
    while template.children() and time.monotonic() < end:
        time.sleep(0.01)
    assert not template.children()
