"""train/hardware.py: which device is found, without starting it, and what is known of its speed and memory."""

import json
import os
import subprocess
import sys

import pytest
import torch

import hardware

from .helpers import TRAIN

pytestmark = pytest.mark.slow  # torch, which takes seconds to import
GB = 2**30


def test_nvidia_smi_is_parsed():
    found = hardware.read_nvidia_smi("NVIDIA GeForce RTX 4090, 24564, 8.9, [N/A]\nNVIDIA H100, 81559, 9.0, Disabled\n")
    assert found == hardware.Machine("cuda", "NVIDIA GeForce RTX 4090", 24564 * 2**20, (8, 9))


@pytest.mark.parametrize(
    "text", ["", "No devices were found", "NVIDIA H100, 81559, 9.0, Enabled", "a, b, c, d", "Field is not valid, x"]
)
def test_any_other_output_of_nvidia_smi_is_none(text):
    assert hardware.read_nvidia_smi(text) is None


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """An nvidia-smi that records its arguments and prints one line about a card."""
    program = tmp_path / "nvidia-smi"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\necho "NVIDIA A10, 23028, 8.6, [N/A]"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.version, "hip", None)
    return tmp_path / "asked"


def test_the_visible_card_is_queried(driver, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    assert hardware.find_machine() == hardware.Machine("cuda", "NVIDIA A10", 23028 * 2**20, (8, 6))
    assert "--id=2 " in driver.read_text()


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_the_cpu_is_used_when_no_card_is_visible(driver, monkeypatch, hidden):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert hardware.find_machine().device == "cpu"
    assert not driver.exists()


def test_torch_without_cuda_runs_no_nvidia_smi(driver, monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    assert hardware.find_machine().device in ("cpu", "mps")
    assert not driver.exists()


def test_on_rocm_torch_is_asked_in_a_separate_process(monkeypatch):
    monkeypatch.setattr(torch.version, "hip", "6.4")
    monkeypatch.setattr(hardware, "_run", lambda command: json.dumps(["AMD Instinct MI210", 64 * GB, [0, 0]]))
    assert hardware.find_machine() == hardware.Machine("cuda", "AMD Instinct MI210", 64 * GB)
    monkeypatch.setattr(hardware, "_run", lambda command: "")
    assert hardware.find_machine().device == "cpu"


@pytest.mark.slow
def test_finding_a_card_does_not_initialise_cuda():
    code = "import hardware, torch; hardware.find_machine(); print(torch.cuda.is_initialized())"
    environment = {**os.environ, "PYTHONPATH": f"{TRAIN}{os.pathsep}{TRAIN.parent}"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "False", done.stderr


def test_the_peak_speed_is_that_of_the_longest_matching_name():
    assert hardware.peak_flops("NVIDIA GeForce RTX 4070 Ti SUPER") == 80e12
    assert hardware.peak_flops("NVIDIA GeForce RTX 4070 SUPER") == 58e12
    assert hardware.peak_flops("NVIDIA H100 PCIe") == 756e12
    assert hardware.peak_flops("NVIDIA L40S") == 362e12
    assert hardware.peak_flops("Abacus") is None


def test_the_measured_speed_is_plausible():
    assert 1e8 < hardware.measured_flops("cpu", torch.float32, size=128, seconds=0.02) < 1e15


# -- memory and compiled code -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (MemoryError(), True),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            True,
        ),
        (RuntimeError("shapes cannot be multiplied"), False),
    ],
)
def test_what_counts_as_out_of_memory(error, expected):
    assert hardware.is_out_of_memory(error) is expected


def test_the_peak_of_the_process_is_in_bytes():
    assert 50e6 < hardware.peak_memory("cpu") < 1e12


def test_experiments_share_one_compile_cache_unless_the_user_has_set_another(tmp_path, monkeypatch):
    hardware.share_compile_cache.cache_clear()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "mine")
    monkeypatch.delenv("TRITON_CACHE_DIR", raising=False)
    folder = hardware.share_compile_cache()
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "mine"
    assert os.environ["TRITON_CACHE_DIR"] == str(folder / "triton")
    assert folder == tmp_path / "autoresearch_magic"
    monkeypatch.delenv("TRITON_CACHE_DIR")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_card_that_is_found_is_torchs():
    found, known = hardware.find_machine(), torch.cuda.get_device_properties(0)
    assert found.device == "cuda"
    assert found.memory == pytest.approx(known.total_memory, rel=0.05)
    if not torch.version.hip:
        assert (found.name, found.capability) == (known.name, (known.major, known.minor))
