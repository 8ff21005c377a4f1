"""Sealed code runs where the metric is computed: targets have neither its names nor its text, and its errors have no values."""

import pytest

from autoresearch_magic.budget import Budget
from autoresearch_magic.errors import UserCodeError
from autoresearch_magic.experiment import Outcome
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.cell import CellRunner
from autoresearch_magic.runners.walls import Walls, probe

SETUP = """
def grade(predict, answers):
    print("graded", answers)
    return sum(abs(predict(n) - wanted) for n, wanted in enumerate(answers))
"""
SEALED = """
print("loud", "sesame" + "-31337")
answers = [31337, 31338]
held = [31339]
def failing(x): raise KeyError(f"it was {answers[0]} sesame-open")
"""
GUESS = "def predict(n): return 31330\n"
SEARCH = """
import gc, os, sys
def count(data, at=-1, times=0):  # without ever making the word that is looked for
    while (at := data.find(b"ame-open", at + 1)) >= 0:
        times += data[max(0, at - 3) : at] == b"ses"
    return times
found, frame, read = [], sys._getframe(), 0
while frame := frame.f_back:
    found += [name for name, value in frame.f_locals.items() if count(repr(value).encode("utf-8", "replace"))]
texts = [each for held in gc.get_objects() if isinstance(held, dict) for each in list(held.values()) if isinstance(each, str)]
found += ["text"] * any(count(each.encode("utf-8", "replace")) for each in texts)
for fd in range(3, 64):
    try:
        found += [fd] * bool(count(os.pread(fd, 100_000, 0)))
    except OSError:
        pass
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
    for line in maps:
        low, high = (int(end, 16) for end in line.split()[0].split("-"))
        if line.split()[1].startswith("rw") and high - low < 1 << 28:
            try:
                memory.seek(low)
                held = memory.read(high - low)
            except (OSError, ValueError, OverflowError):
                continue
            read += len(held)
            found += ["memory"] * bool(count(held))
print("found", found, "in", read > 1_000_000)
"""


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sealed")
    made = CellRunner(
        SETUP, GUESS, Metric("m", "grade(predict, answers)"), Budget(1, "seconds"), setup_log=folder / "setup.log", sealed=SEALED,
        holdout="unseen=grade(predict, held)", also=["other=failing(1)"],
    )  # fmt: skip
    first = made.measure(GUESS, seed=0, deadline=30, holdout=True, log=str(folder / "0.log"))
    yield made, first, folder
    made.close()


@pytest.mark.slow
def test_the_metric_and_the_holdout_use_it(runner):
    made, first, folder = runner
    assert (first.outcome, first.value, first.holdout, first.holdout_error) == (Outcome.OK, 15, 9, "")
    later = made.measure("def predict(n): return 31337 + n\n", seed=1, deadline=30, log=str(folder / "1.log"))
    assert (later.value, later.holdout) == (0, None)
    for file in folder.glob("*.log"):
        assert "3133" not in file.read_text().replace("31330", "")
    assert "3133" not in first.output


@pytest.mark.parametrize("name", ["answers", "failing"])
def test_a_target_has_none_of_its_names(runner, name):
    made, _, _ = runner
    m = made.measure(f"{GUESS}\nx = {name}\n", seed=0, deadline=30)
    assert m.outcome is Outcome.CRASH
    assert m.error == f"NameError: {name!r} is sealed: only the metric may use it (line 3 of the target)"


def test_a_target_does_not_find_its_text_in_its_memory_or_descriptors(runner):
    made, _, _ = runner
    m = made.measure(SEARCH + GUESS, seed=0, deadline=30)
    assert m.outcome is Outcome.OK, m.error
    assert "found [] in True" in m.output


def test_an_error_in_it_says_type_and_line_alone(runner):
    made, first, _ = runner
    assert [line for line in made.describe() if "--also other" in line] == [
        "--also other has no value: KeyError (line 5 of the sealed cell). The run counts all the same."
    ]
    m = made.measure("def predict(n): return 'text'\n", seed=0, deadline=30)
    assert m.outcome is Outcome.METRIC_ERROR
    assert m.error == "Reading the metric 'grade(predict, answers)' failed: TypeError (line 4 of the setup)"
    assert "3133" not in m.traceback + m.error + first.error


@pytest.mark.slow
def test_a_sealed_cell_that_fails_tells_no_value(tmp_path):
    made = CellRunner(
        "x = 1", GUESS, Metric("m", "x"), Budget(1, "seconds"), setup_log=tmp_path / "setup.log", sealed="\nraise ValueError('sesame-open')\n"
    )  # fmt: skip
    with pytest.raises(UserCodeError, match=r"ValueError \(line 2 of the sealed cell\)") as error:
        made.measure(GUESS, seed=0, deadline=30)
    made.close()
    assert "sesame" not in f"{error.value}{error.value.traceback}" + (tmp_path / "setup.log").read_text()


@pytest.mark.slow
def test_files_of_sealed_code_are_closed_to_targets_by_any_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("labels.txt", "night.ipynb", "credentials.json", "open.txt"):
        (tmp_path / name).write_text(f"sesame of {name}")
    reading = """
for path in ("labels.txt", "night.ipynb", "credentials.json", "open.txt", "FOLDER/labels.txt", "FOLDER/night.ipynb", "../lab/labels.txt"):
    try:
        print(path, open(path).read())
    except OSError as error:
        print(path, type(error).__name__)
""".replace("FOLDER", str(tmp_path))
    made = CellRunner(
        "def grade(x): return x + len(labels)", GUESS, Metric("m", "grade(1)"), Budget(1, "seconds"), setup_log=tmp_path / "setup.log",
        sealed="import pathlib\nlabels = open('labels.txt').read()\n", walls=Walls(hidden=(str(tmp_path / "night.ipynb"),)),
    )  # fmt: skip
    m = made.measure(reading + GUESS, seed=0, deadline=30, log=str(tmp_path / "0.log"))
    layers = {"namespaces", "landlock", "sandbox-exec"} & {layer for layer, why in probe().items() if not why}
    made.close()
    if not layers:
        pytest.skip("no layer here closes files")
    assert m.value == 1 + len("sesame of labels.txt"), m.error
    assert [line for line in m.output.splitlines() if "sesame" in line] == ["open.txt sesame of open.txt"]
