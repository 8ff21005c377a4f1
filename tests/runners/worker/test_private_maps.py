"""Shared maps become private in a fork, tried with real forks: what one writes, nobody else reads."""

import faulthandler
import mmap
import os
import sys
from multiprocessing import shared_memory

import numpy as np
import pytest

from autoresearch_magic.runners.worker import private_maps
from autoresearch_magic.runners.worker.descriptors import reopen_files
from autoresearch_magic.runners.worker.private_maps import make_private, not_private, shared_maps, shared_names

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the system does not list a process's maps")


def in_a_fork(act):
    """Return what `act` returns in a fork with private maps, and what could not be made private."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            told = make_private()
            reopen_files()
            os.write(theirs, repr((act(), told)).encode())
        finally:
            os._exit(0)
    os.close(theirs)
    os.waitpid(pid, 0)
    with open(ours, "rb") as stream:
        return eval(stream.read().decode())


def halve(values):
    before = float(values[0])
    values[:] = 0.5
    return before, float(values[0]), float(values[-1])


@pytest.fixture
def numbers(tmp_path):
    np.save(tmp_path / "n.npy", np.full(3_000, 3.5))
    return tmp_path / "n.npy"


def mapped(numbers):
    return np.load(numbers, mmap_mode="r+")


def deleted(numbers):
    values = np.load(numbers, mmap_mode="r+")
    os.unlink(numbers)
    return values


def anonymous(numbers):
    values = np.frombuffer(mmap.mmap(-1, 24_000))
    values[:] = 3.5
    return values


def shared(numbers):
    made = shared_memory.SharedMemory(create=True, size=24_000)
    values = np.ndarray((3_000,), buffer=made.buf)
    values[:] = 3.5
    made.unlink()
    KEPT.append(made)
    return values


KEPT = []


@pytest.mark.parametrize("make", [mapped, deleted, anonymous, shared])
def test_what_a_fork_writes_to_shared_memory_stays_with_it(numbers, make):
    values = make(numbers)
    assert [in_a_fork(lambda: halve(values)) for _ in range(2)] == [((3.5, 0.5, 0.5), [])] * 2
    assert set(values.tolist()) == {3.5}
    if numbers.exists():
        assert set(np.load(numbers).tolist()) == {3.5}


@pytest.mark.slow
def test_shared_tensors_become_private():
    torch = pytest.importorskip("torch")
    values = torch.full((3_000,), 3.5).share_memory_()
    assert [in_a_fork(lambda: halve(values)) for _ in range(2)] == [((3.5, 0.5, 0.5), [])] * 2
    assert values.unique().tolist() == [3.5]


def test_a_file_that_was_replaced_since_is_not_mistaken_for_the_mapped_one(numbers):
    values = np.load(numbers, mmap_mode="r+")
    os.rename(numbers, f"{numbers}.old")
    np.save(numbers, np.full(3_000, 9.0))
    assert in_a_fork(lambda: halve(values)) == ((3.5, 0.5, 0.5), [])
    assert (values[0], np.load(numbers)[0]) == (3.5, 9.0)


def test_what_is_too_large_to_be_copied_can_only_be_read_and_is_told(monkeypatch):
    pages = mmap.mmap(-1, 8_192)
    pages[:4] = b"data"
    monkeypatch.setattr(private_maps, "LARGEST_COPY", 4_096)
    assert not_private({}) == ["shared memory (8,192 bytes)"]
    assert in_a_fork(lambda: pages[:4]) == (b"data", ["shared memory (8,192 bytes)"])
    pid = os.fork()
    if pid == 0:
        faulthandler.disable()
        make_private()
        pages[:4] = b"mine"
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -11
    assert pages[:4] == b"data"
    pages.close()


def test_maps_without_write_access_stay_readable(numbers):
    with open(numbers, "r+b") as file:
        pages = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    assert in_a_fork(lambda: pages[1:6]) == (b"NUMPY", [])
    assert not [each for each in shared_maps() if each.path == str(numbers) and each.writable]
    pages.close()


def test_where_maps_are_not_listed_the_setups_names_tell(numbers):
    names = {
        "V": np.load(numbers, mmap_mode="r+"), "R": np.load(numbers, mmap_mode="r"), "P": mmap.mmap(-1, 10), "x": 5,
        "S": shared_memory.SharedMemory(create=True, size=10), "A": np.ones(3),
    }  # fmt: skip
    told = shared_names(names)
    names["S"].close()
    names["S"].unlink()
    assert told == ["a writable map (V)", "a writable map (P)", "shared memory (S)"]
