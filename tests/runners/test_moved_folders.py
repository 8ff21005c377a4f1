"""Folders that were moved are noticed, also when they are back; others are not."""

import sys

import pytest

from autoresearch_magic.runners.moved_folders import MovedFolders

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


@pytest.fixture
def top(tmp_path):
    (tmp_path / "tests" / "inner").mkdir(parents=True)
    (tmp_path / "src").mkdir()
    return tmp_path


def test_a_folder_that_was_put_away_and_back(top):
    with MovedFolders(top, ["tests", "tests/inner", "src"]) as watch:
        (top / "tests").rename(top / "away")
        (top / "away").rename(top / "tests")
    assert watch.moved == ["tests"]


def test_a_folder_inside(top):
    with MovedFolders(top, ["tests", "tests/inner"]) as watch:
        (top / "tests" / "inner").rename(top / "inner")
    assert watch.moved == ["tests/inner"]


def test_what_is_made_and_deleted_in_a_folder_is_no_move(top):
    with MovedFolders(top, ["tests", "src"]) as watch:
        (top / "src" / "made").mkdir()
        (top / "src" / "made").rename(top / "src" / "other")
        (top / "tests" / "file").write_text("x")
        (top / "tests" / "file").unlink()
    assert watch.moved == []


def test_a_folder_that_is_not_there(top):
    with MovedFolders(top, ["none"]) as watch:
        pass
    assert watch.moved == []
