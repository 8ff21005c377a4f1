"""The shipped notebooks run from top to bottom, offline, with fewer experiments than written in them."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path

import nbformat
import pytest

from autoresearch_magic.study.opening import open_study
from autoresearch_magic.ui.run_notebook import notebook_progress, run_notebook

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NEEDS = {"04_code_quality": ("bandit", "radon"), "05_fit_model": ("sklearn",)}
EXPORTED = ("02_speed",)
"""A study of a repository, whose export is run too."""
STUDIES = {"02_speed": 1, "03_api_latency": 1, "04_code_quality": 2, "05_fit_model": 1}


def test_the_bar_waits_for_a_journal_that_is_being_created(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "journal.sqlite").touch()
    assert notebook_progress(tmp_path, 0.0, "a.ipynb") == (0.0, "a.ipynb")


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(STUDIES))
def test_a_notebook_runs_offline(name, tmp_path, capsys):
    for module in NEEDS.get(name, ()):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    text = (NOTEBOOKS / f"{name}.ipynb").read_text()
    few = 8 if "recorded:" in text else 1
    short, changed = re.subn(r"Iterations: \d+", f"Iterations: {few}", text)
    assert changed == STUDIES[name]
    short = re.sub(r"(%%autoresearch --repo \{folder\})", r"\1 --repeats 1", short)
    path = tmp_path / f"{name}.ipynb"
    path.write_text(short)
    assert run_notebook(path, None, {}).exit_code in (0, 3)
    executed = nbformat.read(tmp_path / f"{name}.executed.ipynb", as_version=4)
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    assert not [o for cell in code for o in cell.outputs if o.output_type == "error" or o.get("name") == "stderr"]
    pictures = [o for cell in code for o in cell.outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == STUDIES[name]
    studies = [open_study(folder) for folder in (tmp_path / ".autoresearch").iterdir() if folder.is_dir()]
    assert len(studies) == STUDIES[name]
    for study in studies:
        assert study.state == "finished", study.status.message
        assert study.experiments[0].value is not None
        assert len(study.experiments) > 1
        if name in EXPORTED:
            assert_its_export_runs(study, tmp_path / study.name)
        shutil.rmtree(study.definition.checkout.folder.parent, ignore_errors=True)  # the notebook made it elsewhere


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_training_notebook_runs_with_a_short_budget(tmp_path, capsys):
    pytest.importorskip("torch")
    shutil.copytree(NOTEBOOKS.parent / "train", tmp_path / "train", ignore=shutil.ignore_patterns("__pycache__"))
    text = (NOTEBOOKS / "06_train_gpt.ipynb").read_text()
    short = text
    for old, new in {
        '(\\"20s\\", 15, 20)': '(\\"1s\\", 0.25, 1)', "Iterations: 200": "Iterations: 2", "--name night": "--name night --repeats 2",
    }.items():  # fmt: skip
        assert short.count(old) == 1
        short = short.replace(old, new)
    path = tmp_path / "notebooks" / "06_train_gpt.ipynb"
    path.parent.mkdir()
    path.write_text(short)
    assert run_notebook(path, None, {}).exit_code in (0, 3)
    executed = nbformat.read(path.with_suffix(".executed.ipynb"), as_version=4)
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    assert not [o for cell in code for o in cell.outputs if o.output_type == "error"]
    baseline, best = ("".join(o.get("text", "") for o in cell.outputs) for cell in code[-2:])
    assert "val_bpb:" in baseline
    assert "val_bpb:" in best
    study = open_study(path.parent / ".autoresearch" / "night")
    assert study.state == "finished", study.status.message
    assert study.definition.target_path == (tmp_path / "train" / "train.py").resolve()


@pytest.mark.slow
def test_the_notebook_of_coding_agents_runs_both_directions(tmp_path, capsys):
    path = tmp_path / "07_coding_agents.ipynb"
    shutil.copy(NOTEBOOKS / path.name, path)
    assert run_notebook(path, None, {}).exit_code in (0, 3)
    executed = nbformat.read(tmp_path / "07_coding_agents.executed.ipynb", as_version=4)
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    assert not [o for cell in code for o in cell.outputs if o.output_type == "error" or o.get("name") == "stderr"]
    study = open_study(tmp_path / ".autoresearch" / "weather")
    assert study.state == "finished", study.status.message
    proposed = [e for e in study.experiments if e.proposal.agent.startswith("editor:")]
    assert [e.number for e in proposed] == [1, 2, 3, 4, 5]
    assert all(e.value is not None for e in proposed)
    assert {"Summers are warm", "Nights are cold"} <= {e.summary for e in proposed if e.verdict == "keep"}
    mine = [e for e in study.experiments if e.proposal.agent == "me"]
    assert [e.summary for e in mine] == ["Days differ more in summer", "A wave for every month"]
    assert [e.proposal.expect for e in mine] == ["-0.1", "-0.05"]
    assert mine[1].verdict == "discard"
    assert study.headline is not None
    assert study.headline.gain > 4


def assert_its_export_runs(study, folder):
    """Run the exported notebook of a study in another folder: it must make a study with the same settings."""
    exported = study.export(folder / "again.ipynb")
    notebook = nbformat.read(exported, as_version=4)
    nbformat.validate(notebook)
    notebook.cells.append(nbformat.v4.new_code_cell("%autoresearch wait"))
    nbformat.write(notebook, exported)
    assert run_notebook(exported, None, {}).exit_code in (0, 3)
    [again] = [open_study(each) for each in (folder / ".autoresearch").iterdir() if each.is_dir()]
    assert again.state == "finished", again.status.message
    before, after = study.settings.to_json(), again.settings.to_json()
    assert {**before, "repo": ""} == {**after, "repo": ""}  # the export names the repository that the study has found
