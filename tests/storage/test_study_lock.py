"""The lock of a study, between processes: also after its file was deleted, and where the file system has none."""

import errno
import multiprocessing
import os
import time

import pytest
from filelock import FileLock, Timeout

from autoresearch_magic.errors import TakenOver
from autoresearch_magic.storage import study_lock
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.storage.study_lock import StudyLock, is_held


@pytest.fixture
def folder(tmp_path):
    (made := tmp_path / "one").mkdir()
    return made


@pytest.fixture
def held(folder):
    lock = StudyLock(folder)
    lock.acquire()
    yield lock
    lock.release()


def refused(folder):
    with pytest.raises(Timeout):
        StudyLock(folder).acquire(0.05)
    return True


def test_one_at_a_time(folder):
    assert not is_held(folder)
    assert not is_held(folder.parent / "none")
    with StudyLock(folder) as lock:
        assert (lock.is_locked, is_held(folder), refused(folder)) == (True, True, True)
    assert (lock.is_locked, is_held(folder)) == (False, False)
    with StudyLock(folder):
        pass


def test_looking_leaves_no_file_and_disturbs_nobody(folder):
    assert not is_held(folder)
    assert not [*folder.iterdir()]


@pytest.mark.parametrize("what", ["deleted", "replaced", "renamed"])
def test_what_is_done_to_the_file_or_the_folder_lets_no_second_one_in(held, folder, what):
    if what == "renamed":
        folder = folder.rename(folder.with_name("two"))
    else:
        (folder / "lock").unlink()
        if what == "replaced":
            (folder / "lock").touch()
    assert is_held(folder)
    assert refused(folder)


def test_earlier_versions_and_this_one_keep_each_other_out(folder):
    with FileLock(str(folder / "lock"), timeout=0):
        assert is_held(folder)
        assert refused(folder)
    with StudyLock(folder), pytest.raises(Timeout):
        FileLock(str(folder / "lock"), timeout=0).acquire()


def test_it_is_free_when_its_process_has_been_killed(folder):
    def hold():
        StudyLock(folder).acquire()
        (folder / "ready").touch()
        time.sleep(60)

    process = multiprocessing.get_context("fork").Process(target=hold)
    process.start()
    while not (folder / "ready").exists():
        time.sleep(0.005)
    assert is_held(folder)
    process.kill()
    process.join()
    assert not is_held(folder)


def test_a_file_system_without_locks_is_told(folder, monkeypatch):
    class NoFile:
        def acquire(self, timeout):
            raise NotImplementedError

        def release(self, force):
            pass

    def none(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(study_lock.fcntl, "flock", none)
    lock = StudyLock(folder)
    lock._file = NoFile()
    lock.acquire()
    assert (lock.weak, lock.is_locked, is_held(folder)) == (True, True, False)
    lock.release()


def test_the_former_owner_of_a_journal_writes_nothing_more(folder):
    path = folder / "journal.sqlite"
    with Journal(path, create=True) as first, Journal(path) as second, Journal(path) as reader:
        first.own()
        first.note("one")
        second.own()
        with pytest.raises(
            TakenOver, match=rf"^Process {os.getpid()} on .* runs this study now: this one has ended\.$"
        ):
            first.note("two")
        second.note("three")
        reader.note("say", text="who does not run it may leave a note")
        assert [kind for _, kind, _ in reader.notes()] == ["one", "three", "say"]
        first.own()  # after a resume
        first.note("four")
        with pytest.raises(TakenOver):
            second.set(state="running")
