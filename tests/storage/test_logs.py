"""Logs of runs as files, and in archives."""

import zipfile

import pytest

from autoresearch_magic.storage import logs
from autoresearch_magic.storage.logs import BLOCK, NEWEST, archive_logs, guard_log_path, log_bytes, log_path


@pytest.fixture
def study(tmp_path):
    (tmp_path / "logs").mkdir()
    for n in range(300):
        log_path(tmp_path, n, "candidate", 0).write_bytes(b"run %d\r 50%%\rdone\n" % n)
    log_path(tmp_path, 7, "incumbent", 1).write_text("again")
    log_path(tmp_path, 7, "final", 0).write_text("final")
    guard_log_path(tmp_path, 8).write_text("guard")
    for name in ("setup.log", "worker.log", "background.log", "notes.txt"):
        (tmp_path / "logs" / name).write_text(name)
    return tmp_path


def names(folder):
    return sorted(path.name for path in (folder / "logs").iterdir())


def test_old_logs_are_in_archives_and_read_the_same(study):
    before = {path: path.read_bytes() for path in (study / "logs").glob("*.log")}
    assert archive_logs(study, 300) == 300 - NEWEST + 3
    assert [name for name in names(study) if name.endswith(".zip")] == ["0000-0249.zip"]
    assert len(names(study)) == NEWEST + 1 + 4
    assert {path: log_bytes(path) for path in before} == before
    assert log_bytes(log_path(study, 7, "candidate", 5)) is None
    assert log_bytes(study / "logs" / "nothing.log") is None


def test_a_later_run_of_an_old_version_joins_its_archive(study):
    archive_logs(study, 300)
    log_path(study, 7, "incumbent", 2).write_text("once more")
    log_path(study, 3, "candidate", 0).write_text("made anew")
    archive_logs(study, 300)
    assert log_bytes(log_path(study, 7, "incumbent", 2)) == b"once more"
    assert log_bytes(log_path(study, 7, "incumbent", 1)) == b"again"
    assert log_bytes(log_path(study, 3, "candidate", 0)) == b"made anew"
    with zipfile.ZipFile(study / "logs" / "0000-0249.zip") as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == len(set(archive.namelist())) == BLOCK + 4


def test_a_log_that_is_being_written_stays(study):
    path = log_path(study, 7, "incumbent", 1)
    archive_logs(study, 300, [str(path)])
    assert path.read_text() == "again"


def test_a_kill_before_the_files_are_deleted_loses_nothing(study, monkeypatch):
    before = {path: path.read_bytes() for path in (study / "logs").glob("*.log")}
    add = logs._add

    def killed(archive, paths):
        monkeypatch.setattr(logs.Path, "unlink", lambda path, **_: None)  # it is not there any more to delete them
        add(archive, paths)
        raise KeyboardInterrupt

    monkeypatch.setattr(logs, "_add", killed)
    with pytest.raises(KeyboardInterrupt):
        archive_logs(study, 300)
    monkeypatch.undo()
    assert {path: log_bytes(path) for path in before} == before
    archive_logs(study, 300)
    assert {path: log_bytes(path) for path in before} == before


def test_an_archive_that_is_none_is_no_log(study):
    archive_logs(study, 300)
    (study / "logs" / "0000-0249.zip").write_bytes(b"not a zip")
    assert log_bytes(log_path(study, 7, "candidate", 0)) is None


def test_no_key_is_archived(study, monkeypatch):
    log_path(study, 9, "candidate", 0).write_text("token sk-ant-api03-" + "a" * 80)
    archive_logs(study, 300)
    assert b"aaaaaaaa" not in log_bytes(log_path(study, 9, "candidate", 0))
