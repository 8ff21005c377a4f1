"""The README's first study runs as it is written, and its Python is typed."""

import re
from pathlib import Path

import pytest

from ...checked import mypy_strict

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
CELLS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.slow
def test_the_first_study_runs_cell_by_cell(start_kernel):
    kernel = start_kernel()
    first = CELLS[:4]
    assert "--budget 1s -n 16" in first[-1]
    for cell in [*first[:-1], first[-1].replace("--budget 1s -n 16", "--budget 0.2s -n 6"), "%autoresearch wait"]:
        answer = kernel.run(cell)
        assert answer.status == "ok", answer.text + answer.traceback
    told = kernel.run(
        "s = __import__('autoresearch_magic').current(); print(s.state, s.incumbent.number > 0, len(s.experiments[0].measurements[0].curve) > 1)"
    )
    assert told.stdout == "finished True True\n"


@pytest.mark.slow
def test_the_python_example_passes_mypy_strict(tmp_path, tmp_path_factory):
    pytest.importorskip("mypy")
    [example] = [cell for cell in CELLS if "am.Study(" in cell]
    file = tmp_path / "example.py"
    file.write_text(f"{example}\nhistory: int = study.incumbent.target\n")
    errors, printed = mypy_strict(file, tmp_path_factory)
    assert len(errors) == 1, printed
    assert 'has type "str", variable has type "int"' in errors[0], "the added line is seen, so the types are"
