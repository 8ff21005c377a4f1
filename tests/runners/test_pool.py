"""How this machine is shared out among experiments that run at once."""

from __future__ import annotations

import pytest

from autoresearch_magic.runners.fleet import Fleet, Place
from autoresearch_magic.runners.pool import Gpu, Share, found_gpus, local_fleet, shares
from autoresearch_magic.runners.replay import ReplayRunner

GIB = 2**30


def shared(workers, **more):
    values = {
        "threads": 7, "default_threads": 7, "memory": 8 * GIB, "most_memory": 8 * GIB, "gpus": [], "cores": list(range(8)),
    } | more  # fmt: skip
    return shares(workers, **values)


def test_processors_and_memory_are_shared_out():
    made, notes = shared(3)
    assert [share.place.cores for share in made] == [(0, 1), (2, 3), (4, 5)]
    assert {share.threads for share in made} == {2}
    assert {share.memory for share in made} == {8 * GIB // 3}
    assert len(notes) == 1
    assert "2.7 GiB" in notes[0]


def test_threads_that_the_user_wants_are_not_changed_and_it_is_said_that_there_are_too_few_processors():
    made, notes = shared(4, threads=4, memory=GIB)
    assert {share.threads for share in made} == {4}
    assert {share.place.cores for share in made} == {()}
    assert {share.memory for share in made} == {GIB}
    assert "4 experiments of 4 threads run at once on 8 processors" in notes[0]


def test_more_workers_than_processors_share_them():
    made, notes = shared(16, memory=1)
    assert {share.place.cores for share in made} == {()}
    assert {share.threads for share in made} == {1}
    assert "slow each other down" in notes[0]


def test_each_has_a_gpu_of_its_own():
    made, notes = shared(2, memory=1, gpus=[Gpu("0", "H200"), Gpu("1", "H200")])
    assert [share.place.environment for share in made] == [{"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"}]
    assert [share.place.name for share in made] == ["GPU 0", "GPU 1"]
    assert notes == []


def test_fewer_gpus_than_workers_and_gpus_that_are_not_alike_are_told():
    made, notes = shared(3, memory=1, gpus=[Gpu("0", "H200"), Gpu("1", "A100")])
    assert [share.place.device for share in made] == ["0", "1", "0"]
    assert any("share 2 GPUs" in line for line in notes)
    assert any("A100, H200" in line for line in notes)


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """A program that prints what nvidia-smi prints for two GPUs."""
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\n[ \"$1\" = --query-gpu=index,name ] || exit 2\necho '0, NVIDIA A'\necho '1, NVIDIA B'\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.parametrize(
    ("visible", "found"),
    [
        (None, [("0", "NVIDIA A"), ("1", "NVIDIA B")]),
        ("", []),
        ("-1", []),
        ("1", [("1", "NVIDIA B")]),
        ("1,0", [("1", "NVIDIA B"), ("0", "NVIDIA A")]),
        ("0,5,1", [("0", "NVIDIA A")]),
        ("GPU-4711", [("GPU-4711", "GPU")]),
    ],
)
def test_gpus_are_those_that_cuda_would_see(nvidia_smi, visible, found):
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert [(gpu.name, gpu.model) for gpu in found_gpus(environment)] == found


def test_without_nvidia_smi_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert found_gpus({}) == []


class Closing(ReplayRunner):
    """Notes that it was closed."""

    def __init__(self, fails: bool = False) -> None:
        self.closed, self.fails = False, fails

    def close(self) -> None:
        self.closed = True
        if self.fails:
            raise OSError("no")


def test_all_are_closed_whatever_one_of_them_does():
    ended = []
    runners = [Closing(fails=True), Closing()]
    Fleet(runners, [Place("a"), Place("b")], close=lambda: ended.append(1)).close()
    assert all(runner.closed for runner in runners)
    assert ended == [1]


def test_what_was_made_is_closed_when_the_next_cannot_be_made():
    made = []

    def make(slot, share):
        if slot == 1:
            raise OSError("no")
        made.append(Closing())
        return made[-1]

    with pytest.raises(OSError, match="no"):
        local_fleet([Share(Place("a"), 1, 1)] * 2, [], make)
    assert made[0].closed
