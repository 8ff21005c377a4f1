"""The links of an experiment's working folder, and how they become its own files, in folders of the test."""

import os
import sqlite3
import sys
from pathlib import Path

import pytest

from autoresearch_magic.runners.worker import working_folder
from autoresearch_magic.runners.worker.working_folder import enter, fill, named_in


@pytest.fixture
def users(tmp_path):
    base = tmp_path / "users"
    for path in (
        "data/x.csv",
        "runs/old.txt",
        "big/0",
        "model.pt",
        ".git/config",
        ".env",
        ".env.local",
        ".hidden",
        "a/b/c.txt",
    ):
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        (base / path).write_text(path)
    for n in range(1, 60):
        (base / "big" / str(n)).write_text("")
    return base


def shown(work):
    return {
        os.path.relpath(os.path.join(place, name), work): os.path.islink(os.path.join(place, name))
        for place, folders, files in os.walk(work)
        for name in [*files, *(each for each in folders if os.path.islink(os.path.join(place, each)))]
    }


def test_entries_are_links_and_small_folders_have_links_inside(users, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    fill(str(users), str(work), named_in("torch.save(m, 'model.pt'); '../x'; '/etc'; '\\0'; 'none.txt'"))
    found = shown(work)
    assert found == {
        "data/x.csv": True, "runs/old.txt": True, "big": True, "model.pt": False, ".hidden": True, "a/b/c.txt": True,
    }  # fmt: skip
    assert (work / "data/x.csv").read_text() == "data/x.csv"
    assert (work / "model.pt").read_text() == "model.pt"


def test_a_folder_that_was_changed_is_put_right(users, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    fill(str(users), str(work), set())
    before = shown(work)
    (work / "data/x.csv").unlink()
    (work / "data/x.csv").write_text("forged")
    (work / ".hidden").unlink()
    (work / ".hidden").symlink_to("/etc/passwd")
    (work / "new/deep").mkdir(parents=True)
    os.mkfifo(work / "pipe")
    (users / "later.txt").write_text("")
    (users / "model.pt").unlink()
    fill(str(users), str(work), set())
    assert shown(work) == {**{k: v for k, v in before.items() if k != "model.pt"}, "later.txt": True}
    assert (work / ".hidden").read_text() == ".hidden"
    assert sorted(os.listdir(work)) == [".hidden", "a", "big", "data", "later.txt", "runs"]


def test_a_folder_that_the_source_names_is_one_however_large(users, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    fill(str(users), str(work), named_in("open('big/7')"))
    assert (work / "big").is_dir()
    assert not (work / "big").is_symlink()
    assert {name: link for name, link in shown(work).items() if not link} == {"big/7": False}


def in_a_fork(act):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            act()
            code = 0
        except BaseException as error:
            sys.stderr.write(repr(error))
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_what_python_writes_to_a_link_stays_in_the_own_folder(users, tmp_path):
    before = {path: path.read_bytes() for path in users.rglob("*") if path.is_file()}
    run = tmp_path / "run"

    def act():
        os.chdir(users)
        own_copy = enter(str(run), "x = 1")
        assert os.getcwd() == str(run / "work")
        with open("model.pt", "w") as file:
            file.write("mine")
        with open("data/x.csv", "a") as file:
            file.write(" and more")
        assert Path("data/x.csv").read_text() == "data/x.csv and more"
        os.makedirs("runs", exist_ok=True)
        Path("runs/new.txt").write_text("new")
        Path("big/3").write_text("three")
        os.makedirs("big/deeper/still")
        os.remove("big/5")
        os.chmod(".hidden", 0o600)
        os.rename("a/b/c.txt", "a/b/d.txt")
        database = sqlite3.connect("runs/old.txt")
        database.close()
        assert not os.path.islink("runs/old.txt")
        assert own_copy(str(users / "big/9")) == str(run / "work/big/9")
        assert own_copy("/elsewhere") is None
        import tempfile

        with tempfile.NamedTemporaryFile() as file:
            assert file.name.startswith(str(run / "tmp"))
        assert os.environ["TRITON_CACHE_DIR"].startswith(str(run / "cache"))

    in_a_fork(act)
    assert {path: path.read_bytes() for path in users.rglob("*") if path.is_file()} == before
    assert (run / "work/model.pt").read_text() == "mine"
    assert (run / "work/big/3").read_text() == "three"


def test_a_link_of_the_targets_own_is_left_alone(users, tmp_path):
    other = tmp_path / "other"
    other.write_text("other")

    def act():
        os.chdir(users)
        enter(str(tmp_path / "run"), "")
        os.symlink(other, "mine")
        Path("mine").write_text("written")

    in_a_fork(act)
    assert other.read_text() == "written"


@pytest.mark.slow
def test_many_entries_are_not_made_again(users, tmp_path, monkeypatch):
    for n in range(2_000):
        (users / f"image{n}").touch()
    work = tmp_path / "work"
    work.mkdir()
    fill(str(users), str(work), set())
    made = []
    monkeypatch.setattr(working_folder.os, "symlink", lambda *paths: made.append(paths))
    fill(str(users), str(work), set())
    assert made == []
