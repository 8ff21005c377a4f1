"""The log of a run stays at its place whatever the run does to it, and else goes to the kernel."""

import os
import shutil

import pytest

from autoresearch_magic.runners.worker.output_log import LOG_HEAD, LOG_TAIL, OutputLog


@pytest.fixture
def path(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "logs" / "0007.log"


def nothing(path):
    pass


def deleted(path):
    path.unlink(missing_ok=True)


def folder_deleted(path):
    shutil.rmtree(path.parent)


def a_link(path):
    path.unlink(missing_ok=True)
    path.symlink_to(path.parent.parent / "elsewhere" / "x")


def a_fifo(path):
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def a_folder_that_is_a_link(path):
    shutil.rmtree(path.parent)
    path.parent.symlink_to(path.parent.parent / "elsewhere")


def a_directory(path):
    path.unlink(missing_ok=True)
    path.mkdir()


def a_folder_that_is_a_file(path):
    shutil.rmtree(path.parent)
    path.parent.write_text("mine")


MENDED = (nothing, deleted, folder_deleted, a_link, a_fifo, a_folder_that_is_a_link)


@pytest.mark.parametrize("done", [*MENDED, a_directory, a_folder_that_is_a_file])
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_log_is_at_its_place_or_its_text_comes_along(path, when, done):
    if when == "before":
        done(path)
    log = OutputLog(str(path))
    log.write(b"one\n")
    if when == "meanwhile":
        done(path)
    log.write(b"two\n")
    log.close()
    if done in MENDED:
        assert (path.read_bytes(), log.printed, log.problem) == (b"one\ntwo\n", None, "")
        assert not path.is_symlink()
        assert not path.parent.is_symlink()
    else:
        assert log.printed == b"one\ntwo\n"
        assert log.problem
    assert not [*(path.parent.parent / "elsewhere").iterdir()]


def test_a_flood_is_bounded_in_the_file_and_in_memory(path):
    log = OutputLog(str(path))
    for _ in range(100):
        log.write(b"x" * 65_536)
    log.write(b"the end\n")
    log.close()
    text = path.read_bytes()
    assert len(text) < LOG_HEAD + LOG_TAIL + 100
    assert text.endswith(b"the end\n")
    assert b"bytes of output left out" in text


def test_a_log_is_kept_in_memory_where_no_file_can_be_opened(path, monkeypatch):
    monkeypatch.setattr(
        "autoresearch_magic.runners.worker.log_place.os.open",
        lambda *_: exec("raise OSError(24, 'Too many open files')"),
    )
    monkeypatch.setattr("tempfile.TemporaryFile", lambda *_, **__: exec("raise OSError(24, 'Too many open files')"))
    log = OutputLog(str(path))
    log.write(b"loss: 5\n")
    log.close()
    assert (log.printed, log.problem) == (b"loss: 5\n", "Too many open files")
