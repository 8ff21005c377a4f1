"""The original's layout: its settings, and what is missing for a run of it."""

import sys
from pathlib import Path

import pytest

from autoresearch_magic.config import layouts
from autoresearch_magic.config.layouts import missing_for_original, original_settings
from autoresearch_magic.errors import UserError
from autoresearch_magic.runners.shell import Shell
from autoresearch_magic.runners.tools import Tools
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.cli import main

from ..repositories import repository, write

PREPARE = (
    'import os\nimport no_such_bpe\nCACHE_DIR = os.path.join(os.path.expanduser("~"), ".cache", "autoresearch")\n'
    'DATA_DIR = os.path.join(CACHE_DIR, "data")\ndef rows(path): return no_such_bpe.ParquetFile(path)\nFILES = ("tokenizer.pkl", "token_bytes.pt", ".parquet")\n'
)
TRAIN = (
    'import no_such_torch\nfrom prepare import FILES\ndevice = no_such_torch.device("cuda")\nprint("val_bpb: 1.0")\n'
)
PLAIN = {"prepare.py": "X = 1\n", "train.py": "from prepare import X\nprint('val_bpb:', X)\n"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(layouts, "GPU_FILES", ())
    made = tmp_path / "original"
    made.mkdir()
    write(made, {"program.md": "Get the lowest val_bpb.\n", "prepare.py": PREPARE, "train.py": TRAIN})
    return made


def missing(folder, command="python train.py"):
    tools = Tools(Shell("/bin/sh", False), {"PATH": "/usr/bin:/bin"}, sys.executable)
    lines = missing_for_original(folder, command, tools)
    assert (
        not lines or lines.pop() == "To run it all the same, give the command yourself: --verify 'python -u train.py'"
    )
    return lines


def test_each_thing_that_is_missing_is_a_line_with_its_remedy(folder, tmp_path):
    modules, data, gpu = missing(folder)
    assert (
        modules
        == f"{sys.executable} lacks no_such_torch, no_such_bpe: run  {sys.executable} -m pip install no_such_torch no_such_bpe"
    )
    assert data.startswith(
        f"The data and tokenizer are not prepared ({tmp_path / 'home' / '.cache' / 'autoresearch'}): run  python prepare.py"
    )
    assert gpu.startswith("There is no CUDA GPU, and train.py needs one: run the study on a machine with one")
    assert not any("\n" in line for line in (modules, data, gpu))


def test_a_project_of_uv_is_told_to_install_uv(folder, tmp_path):
    write(folder, {"uv.lock": "", "pyproject.toml": ""})
    modules, data, _ = missing(folder)
    assert modules.startswith(
        f"uv is not installed, and {sys.executable} lacks no_such_torch, no_such_bpe: run  pip install uv; then  uv sync"
    )
    assert "run  uv run prepare.py" in data
    assert missing(folder, "uv run train.py")[0] == "uv is not installed, which the command calls: run  pip install uv"
    write(tmp_path, {"home/.local/bin/uv": "#!/bin/sh\n"})
    (tmp_path / "home" / ".local" / "bin" / "uv").chmod(0o755)
    assert "which is not in PATH: run  export PATH=" in missing(folder, "uv run train.py")[0]


def test_what_is_there_is_not_missed(folder, tmp_path, monkeypatch):
    cache = ".cache/autoresearch"
    write(tmp_path / "home", {f"{cache}/data/shard_00000.parquet": "", f"{cache}/tokenizer/tokenizer.pkl": ""})
    assert missing(folder)[1].startswith("The tokenizer is not prepared")
    write(tmp_path / "home", {f"{cache}/tokenizer/token_bytes.pt": ""})
    assert len(missing(folder)) == 2
    monkeypatch.setattr(layouts, "GPU_FILES", (str(folder / "train.py"),))
    assert len(missing(folder)) == 1
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert missing(folder)[1].startswith("CUDA_VISIBLE_DEVICES hides every GPU")
    write(folder, {"train.py": TRAIN.replace("no_such_torch", "json") + "json.cuda.is_available()\n"})
    assert [line.partition(" lacks ")[2].partition(":")[0] for line in missing(folder)] == ["no_such_bpe"]


def test_a_folder_in_another_form_lacks_nothing(folder):
    assert missing(folder, "make bench") == []
    assert missing(folder, "python -u train.py") == [], "a command of the user's own is not second-guessed"
    write(folder, PLAIN)
    assert missing(folder) == []
    write(folder, {"prepare.py": None})
    assert missing(folder) == []
    assert original_settings(folder) == {}


@pytest.mark.slow
def test_it_is_told_by_plan_and_before_the_start_and_not_as_a_crash(folder, capsys, monkeypatch):
    repository(folder, {".gitignore": ".autoresearch/\n"})
    with pytest.raises(UserError, match=r"lacks no_such_torch(.|\n)*not prepared(.|\n)*no CUDA GPU"):
        Study(folder / "program.md", root=folder / ".autoresearch")
    monkeypatch.chdir(folder)
    for command in ("plan", "run"):
        assert main([command, "program.md"]) == 2
        said = capsys.readouterr().err.splitlines()
        assert [line for line in said if "not prepared" in line]
        assert not any("Traceback" in line for line in said)
    assert not (folder / ".autoresearch").exists()
