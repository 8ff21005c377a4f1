"""The notebooks of repositories run from top to bottom, offline, with fewer experiments than for people."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path

import nbformat
import pytest

from autoresearch_magic.cli import run_notebook
from autoresearch_magic.studies import open_study

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
NEEDS = {"04_code_quality": ("bandit", "radon"), "05_fit_model": ("sklearn",)}
STUDIES = {"02_speed": 1, "03_api_latency": 1, "04_code_quality": 2, "05_fit_model": 1}


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_a_notebook_runs_offline(name, tmp_path, capsys):
    for module in NEEDS.get(name, ()):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    text = (NOTEBOOKS / f"{name}.ipynb").read_text()
    few = 8 if "recorded:" in text else 2
    short, changed = re.subn(r"Iterations: \d+", f"Iterations: {few}", text)
    assert changed == STUDIES[name]
    path = tmp_path / f"{name}.ipynb"
    path.write_text(short)
    assert run_notebook(path, None, {}) in (0, 3)
    executed = nbformat.read(tmp_path / f"{name}.executed.ipynb", as_version=4)
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    assert not [o for cell in code for o in cell.outputs if o.output_type == "error" or o.get("name") == "stderr"]
    pictures = [o for cell in code for o in cell.outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == STUDIES[name]
    studies = [open_study(folder) for folder in (tmp_path / ".autoresearch").iterdir() if folder.is_dir()]
    assert len(studies) == STUDIES[name]
    for study in studies:
        assert study.state == "finished", study.standing.message
        assert study.experiments[0].value is not None
        assert len(study.experiments) > 1
        shutil.rmtree(study.definition.checkout.folder.parent, ignore_errors=True)  # the notebook made it elsewhere
