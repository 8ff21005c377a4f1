"""The files of the JupyterLab extension, and that a wheel puts them where JupyterLab looks."""

import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from autoresearch_magic.ui.jupyter.labextension import FOLDER, extension_files

ROOT = Path(__file__).parents[3]


def test_the_script_that_is_loaded_has_a_name_of_its_content_and_needs_no_other_file():
    files = extension_files("1.2")
    package = json.loads(files["package.json"])
    script = files[package["jupyterlab"]["_build"]["load"]]
    assert package["version"] == "1.2"
    assert 'window._JUPYTERLAB ??= {})["autoresearch-magic"]' in script
    assert "\nimport " not in script
    assert "\nexport " not in script
    assert "http" not in script.replace("http://www.w3.org/", "")


@pytest.mark.slow
def test_a_wheel_installs_the_extension_where_jupyterlab_finds_it(tmp_path):
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", tmp_path, ROOT], check=True)
    wheel = next(tmp_path.glob("*.whl"))
    # An environment of its own: with --prefix alone, pip would take the package away from the one that runs the tests.
    venv.create(tmp_path / "empty")
    python = tmp_path / "empty" / "bin" / "python"
    subprocess.run([*pip, "--python", python, "install", "--no-deps", "--no-index", wheel], check=True)
    version = json.loads((tmp_path / "empty" / FOLDER / "package.json").read_text())["version"]
    for name, text in extension_files(version).items():
        assert (tmp_path / "empty" / FOLDER / name).read_text("utf-8") == text
    with zipfile.ZipFile(wheel) as archive:
        assert f"autoresearch_magic-{version}.dist-info/METADATA" in archive.namelist()
    found = subprocess.run(
        [sys.executable, "-m", "jupyterlab.labextensions", "list"], capture_output=True, text=True, check=True,
        env={**os.environ, "JUPYTER_PATH": str(tmp_path / "empty" / "share" / "jupyter"), "NO_COLOR": "1"},
    )  # fmt: skip
    listed = (found.stdout + found.stderr).replace("\x1b[32m", "").replace("\x1b[0m", "")
    place = listed.index(str(tmp_path / "empty" / "share" / "jupyter" / "labextensions"))
    assert f"autoresearch-magic v{version} enabled OK" in listed[place:].split("\n\n")[0]


def test_the_modules_can_be_joined_no_two_of_them_have_the_same_name_at_the_top():
    script = next(text for name, text in extension_files("1").items() if name.startswith("static/"))
    declared = re.findall(
        r"^(?:async )?(?:function\*?|class) (\w+)|^(?:const|let) (\w+)|^(?:const|let) .*?, (\w+) = ", script, re.M
    )
    names = [each for found in declared for each in found if each]
    assert len(names) > 10
    assert sorted(names) == sorted(set(names))
