"""Descriptors that a fork shares with its parent, tried with real forks."""

import gzip
import io
import mmap
import os
import socket
import sqlite3
import subprocess
import threading
import zipfile

import pytest

from autoresearch_magic.runners.worker import descriptors
from autoresearch_magic.runners.worker.descriptors import left_open, reopen_files, written_files


def in_a_fork(read, own_copy=lambda path: None):
    """Return what `read` returns in a fork that has opened its files again."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            reopen_files(own_copy)
            os.write(theirs, repr(read()).encode())
        finally:
            os._exit(0)
    os.close(theirs)
    os.waitpid(pid, 0)
    with open(ours, "rb") as stream:
        return stream.read().decode()


@pytest.fixture(autouse=True)
def no_other_threads(monkeypatch):
    """Hide the threads that the process of the tests has already."""
    listed = threading.enumerate
    others = {*listed()} - {threading.main_thread(), threading.current_thread()}
    monkeypatch.setattr(threading, "enumerate", lambda: [each for each in listed() if each not in others])


@pytest.fixture
def numbers(tmp_path):
    path = tmp_path / "numbers.txt"
    path.write_text("".join(f"{i}\n" for i in range(10_000)))
    return path


@pytest.mark.parametrize("mode", ["r", "r+", "a+"])
@pytest.mark.parametrize("deleted", [False, True])
def test_every_fork_reads_on_from_where_the_setup_left_the_file(numbers, mode, deleted):
    with open(numbers, mode) as file:
        file.seek(0)
        assert file.readline() == "0\n"
        if deleted:
            numbers.unlink()
        assert [in_a_fork(file.readline) for _ in range(3)] == ["'1\\n'"] * 3
        assert file.readline() == "1\n"


def test_a_position_is_that_of_the_descriptor_and_not_shared(numbers):
    fd = os.open(numbers, os.O_RDONLY)
    os.lseek(fd, 20, os.SEEK_SET)
    assert {in_a_fork(lambda: os.read(fd, 4)) for _ in range(3)} == {repr(os.read(fd, 4))}
    assert os.lseek(fd, 0, os.SEEK_CUR) == 24
    os.close(fd)


@pytest.mark.slow
def test_archives_and_maps_on_top_of_a_file_work_in_every_fork(numbers, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(numbers, "n")
    with gzip.open(tmp_path / "n.gz", "wb") as packed:
        packed.write(numbers.read_bytes())
    with (
        zipfile.ZipFile(tmp_path / "a.zip") as archive,
        gzip.open(tmp_path / "n.gz") as packed,
        open(numbers, "rb") as file,
    ):
        packed.readline()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
            for read in (lambda: len(archive.read("n")), lambda: packed.read()[-6:], lambda: pages[:4]):
                assert len({in_a_fork(read) for _ in range(3)} | {repr(read())}) == 1


@pytest.mark.slow
def test_what_forks_write_stays_with_them(tmp_path):
    for mode in ("w", "a", "r+", "w+", "a+"):
        path = tmp_path / mode
        path.write_text("before\n")
        with open(path, mode) as log:
            log.write("setup\n")
            log.flush()
            at, held = log.tell(), path.read_text()

            def write(log=log):
                log.write("mine\n")
                log.flush()
                return log.tell(), os.fstat(log.fileno()).st_size

            assert in_a_fork(write) == in_a_fork(write) == repr((at + 5, max(at + 5, len(held)))), mode
            assert log.tell() == at
        assert path.read_text() == held


def test_a_copy_can_have_a_name_and_a_large_file_can_only_be_read(tmp_path, monkeypatch):
    log, own = tmp_path / "log-of-the-setup", tmp_path / "own"
    before = written_files()  # such as the file that the tests print to
    with open(log, "a") as file:
        file.write("setup\n")
        file.flush()
        assert [each for each in written_files() if each not in before] == [log.name]
        in_a_fork(lambda: (file.write("mine\n"), file.flush()), {str(log): str(own)}.get)
        assert (log.read_text(), own.read_text()) == ("setup\n", "setup\nmine\n")
        monkeypatch.setattr(descriptors, "LARGEST_COPY", 3)
        assert f"{log.name} (too large for that: it can only be read)" in written_files()

        def refused():
            try:
                os.write(file.fileno(), b"mine")
            except OSError as error:
                return error.errno

        assert in_a_fork(refused) == "9"
    assert log.read_text() == "setup\n"


class Client:
    def __init__(self, connection):
        self.connection = connection


def test_what_cannot_be_shared_is_named(numbers, tmp_path):
    one, other = socket.socketpair()
    reading, writing = os.pipe()
    database = sqlite3.connect(tmp_path / "d.sqlite")
    hold = threading.Event()
    thread = threading.Thread(target=hold.wait, name="prefetch")
    thread.start()
    closed = open(numbers)  # noqa: SIM115
    closed.close()
    with one, other, open(reading, "rb") as pipe, subprocess.Popen(["sleep", "60"]) as process, open(numbers) as file:
        setup = {
            "one": one, "client": Client(other), "pipe": pipe, "database": database, "process": process, "file": file,
            "closed": closed, "text": io.StringIO(), "number": 5, "module": os, "kind": socket.socket, "__builtins__": {},
        }  # fmt: skip
        told = left_open(setup)
        process.kill()
    hold.set()
    thread.join()
    database.close()
    os.close(writing)
    assert told == [
        "a socket (one)", "a socket (client.connection)", "a pipe (pipe)", "an SQLite connection (database)", "a process (process)",
        "a thread (prefetch)",
    ]  # fmt: skip


def test_a_file_that_cannot_be_opened_again_is_named(numbers, monkeypatch):
    def refuse(path, flags):
        raise PermissionError(13, "Permission denied")

    with open(numbers) as file:
        monkeypatch.setattr(os, "open", refuse)
        assert left_open({"F": file}) == ["a file (F) that cannot be opened again: Permission denied"]
        monkeypatch.undo()
