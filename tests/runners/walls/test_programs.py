"""Programs that commands name, and those on PATH, are there inside the walls, wherever the user keeps them."""

import os
import stat

import pytest

from autoresearch_magic.runners.walls import Walls, policy
from autoresearch_magic.runners.walls.places import Access
from autoresearch_magic.runners.walls.programs import named_programs


def program(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    program(home / "envs/ml/bin/tool")
    for name in (
        "envs/ml/lib/x.py",
        "diary",
        ".local/share/mail",
        ".ssh/id_rsa",
        "opt/lang/lib/y",
        "opt/lang/notes",
        "opt/lang/bin/z",
    ):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).touch()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return home


def access_of(home, command=""):
    tree = policy.make_tree(Walls(programs=named_programs([command])))
    return lambda name: tree.access(str(home / name))


def test_the_words_of_a_command_that_are_paths():
    said = "FAST=1 ~/envs/ml/bin/python train.py --data=/srv/a.csv && '/opt/my tool' | ./local/x https://a.b/c"
    assert named_programs([said, "make"])[:2] == ("~/envs/ml/bin/python", "/srv/a.csv")


@pytest.mark.parametrize("written", ["{home}/envs/ml/bin/tool -x", "~/envs/ml/bin/tool -x"])
def test_the_environment_of_a_named_program_is_open_and_nothing_beside_it(home, written):
    assert access_of(home)("envs/ml/bin/tool") is Access.NONE
    access = access_of(home, written.format(home=home))
    assert access("envs/ml/bin/tool") is access("envs/ml/lib/x.py") is Access.READ
    assert access("diary") is access("opt/lang/lib/y") is Access.NONE


def test_of_a_shared_folder_or_home_itself_only_the_programs_are_open(home):
    program(home / ".local/bin/mine")
    program(home / "bin/mine")
    program(home / "mine")
    access = access_of(home, "~/.local/bin/mine; ~/bin/mine; ~/mine; ~/diary")
    assert access("bin/mine") is access("mine") is access(".local/bin/mine") is Access.READ
    assert access("diary") is access(".local/share/mail") is access(".ssh/id_rsa") is Access.NONE


def test_an_environments_interpreter_is_open_where_its_link_leads(home):
    real = program(home / "opt/lang/bin/python3")
    os.symlink(real, home / "envs/ml/bin/python")
    access = access_of(home, "~/envs/ml/bin/python train.py")
    assert access("opt/lang/lib/y") is access("envs/ml/lib/x.py") is Access.READ


def test_installations_on_the_path_are_open_without_what_else_lies_there(home, monkeypatch):
    monkeypatch.setenv("PATH", f"/usr/bin:{home}/opt/lang/bin:{home}")
    access = access_of(home)
    assert access("opt/lang/bin/z") is access("opt/lang/lib/y") is Access.READ
    assert access("opt/lang/notes") is access("diary") is Access.NONE
