"""What experiments may read by default."""

import pytest

from autoresearch_magic.runners.walls import Walls, policy
from autoresearch_magic.runners.walls.places import Access


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    for name in (".ssh/id_rsa", ".aws/credentials", ".cache/huggingface/token", ".cache/huggingface/hub/model", ".config/gh/hosts.yml",
                 ".cargo/bin/cargo", ".cargo/credentials.toml", ".jupyter/secret", "work/notebook.ipynb", "work/.git/config", "work/.env",
                 "work/.env.local", "work/.env.example", "work/.autoresearch/study/journal.sqlite", "private/diary",
                 ".local/share/jupyter/runtime/kernel-1.json", ".bash_history"):  # fmt: skip
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setenv("HOME", str(home))
    return home


def open_in(home, tree):
    return {
        str(path.relative_to(home))
        for path in home.rglob("*")
        if path.is_file() and tree.access(str(path)) is Access.READ
    }


def test_of_home_only_the_project_and_the_caches_without_their_tokens_are_open(home):
    tree = policy.make_tree(Walls(), projects=[str(home / "work")])
    assert open_in(home, tree) == {
        ".cache/huggingface/hub/model", ".cargo/bin/cargo", "work/notebook.ipynb", "work/.env.example"
    }  # fmt: skip


def test_where_home_is_the_project_its_hidden_files_stay_closed(home):
    tree = policy.make_tree(Walls(), projects=[str(home)])
    found = open_in(home, tree)
    assert "private/diary" in found
    assert not {name for name in found if name.startswith((".ssh", ".aws", ".config", ".jupyter", ".bash", ".local"))}
    assert ".cache/huggingface/token" not in found


def test_what_the_user_allows_is_open_and_what_is_hidden_is_closed(home):
    walls = Walls(read=(str(home / "private"),), write=(str(home / "out"),), hidden=(str(home / "work" / "data"),))
    (home / "work" / "data").mkdir()
    tree = policy.make_tree(walls, projects=[str(home / "work")])
    assert tree.access(str(home / "private" / "diary")) is Access.READ
    assert tree.access(str(home / "out" / "x")) is Access.WRITE
    assert tree.access(str(home / "work" / "data" / "labels")) is Access.NONE
    assert tree.access("/etc/shadow") is Access.NONE
    assert tree.access("/dev/null") is Access.WRITE
    assert tree.access("/dev/sda") is Access.NONE


def test_what_the_setup_opened_is_open_and_of_many_files_their_folders(home, monkeypatch):
    (home / "data").mkdir()
    files = [str(home / "data" / f"{n}.npy") for n in range(5)]
    monkeypatch.setattr(policy, "CLOSED", (*policy.CLOSED, str(home)))
    assert policy.opened_paths(files) == files
    monkeypatch.setattr(policy, "MOST_OPENED", 4)
    assert policy.opened_paths(files) == [str(home / "data")]
    assert policy.opened_paths([str(home / f"{n}.npy") for n in range(5)]) == [], "never all of home"


def test_for_cells_only_the_tools_on_the_path_are_open(home, monkeypatch):
    (home / ".nvm/versions/bin").mkdir(parents=True)
    monkeypatch.setenv("PATH", f"/usr/bin:{home}/.nvm/versions/bin")
    access = policy.make_tree(Walls(), tools=False).access
    assert access(str(home / ".nvm" / "versions" / "lib")) is Access.READ
    assert access(str(home / ".cargo" / "bin" / "cargo")) is Access.NONE
