"""``%autoresearch use`` and ``setup --here``: names of a setup or of a version are in the kernel."""

import pytest

SETUP = """from autoresearch_magic import seed
runs_of_the_setup = globals().get("runs_of_the_setup", 0) + 1

def evaluate(x):
    return (x - 1) ** 2
"""
TARGET = """import random
from autoresearch_magic import clock
X = 3.0  # 0 .. 4
for step in clock:
    model = X
drawn = (random.random(), int(seed))
"""


def started(kernel, options="", setup=SETUP):
    assert kernel.run(f"%%autoresearch setup {options}\n{setup}").status == "ok"
    assert kernel.run(f"%%autoresearch target\n{TARGET}").status == "ok"
    begun = kernel.run(
        "%%autoresearch --metric loss=evaluate(model) --minimize --budget 0.05s -n 3 --repeats 2\nLower it"
    )
    assert begun.status == "ok", begun.text
    assert kernel.run("%autoresearch wait").status == "ok"


@pytest.mark.slow
def test_the_best_version_runs_in_the_kernel_with_its_setup_and_budget(kernel):
    started(kernel)
    check = "import autoresearch_magic as am; best = am.current().incumbent; "
    assert kernel.run(check + "print('model' in globals())").stdout == "False\n"
    used = kernel.run("%autoresearch use")
    assert used.status == "ok", used.text
    assert "Its names can be used in the next cells" in used.said
    assert kernel.run(check + "print((model - 1) ** 2 - best.value)").stdout == "0.0\n"
    assert kernel.run("print(drawn[1] == best.measurements[0].seed, am.clock.budget)").stdout == "True 0.05\n"
    first = kernel.run("print(drawn)").stdout
    assert kernel.run("%autoresearch use 0").status == "ok"
    assert kernel.run("print(model, runs_of_the_setup)").stdout == "3.0 1\n", "the setup runs here once"
    assert kernel.run("%autoresearch use best\nprint(drawn)").stdout.endswith(first), "the same seed as before"


@pytest.mark.slow
def test_a_setup_that_runs_here_is_not_run_again_by_use(kernel):
    started(kernel, "--here")
    assert kernel.run("print(evaluate(3), runs_of_the_setup)").stdout == "4 1\n"
    assert kernel.run("%autoresearch use").status == "ok"
    assert kernel.run("print(runs_of_the_setup, model <= 3)").stdout == "1 True\n"


@pytest.mark.slow
def test_a_setup_that_fails_here_shows_its_traceback_and_is_still_the_setup(kernel):
    failed = kernel.run("%%autoresearch setup --here\nx = 1 / 0")
    assert failed.status == "error"
    assert "ZeroDivisionError" in failed.traceback
    assert "in this kernel raised ZeroDivisionError" in failed.stderr
    assert kernel.run("%autoresearch use").status == "error", "no study yet"
