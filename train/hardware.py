"""The machine's device: what it is, how fast it is, how much memory was used on it.

`find_machine` never starts CUDA or Metal in this process, because a study forks it.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

import cache_folder


@dataclass(frozen=True)
class Machine:
    """A device that training can use.

    Attributes
    ----------
    device : str
        ``"cuda"``, ``"mps"`` or ``"cpu"``.
    name : str
        The vendor's name.
    memory : int
        Bytes of the GPU, or of the machine without one.
    capability : tuple of int
        CUDA compute capability; (0, 0) for everything else, ROCm included.
    """

    device: str
    name: str
    memory: int
    capability: tuple[int, int] = (0, 0)


PEAKS = {
    "B200": 2250, "H200": 989, "H100 PCIE": 756, "H100": 989, "H800": 989, "H20": 148, "GH200": 989, "A100": 312, "A800": 312,
    "A40": 150, "A30": 165, "A10G": 70, "A10": 125, "L40S": 362, "L40": 181, "L4": 121, "T4": 65, "V100": 112,
    "RTX 6000 ADA": 364, "RTX A6000": 155, "RTX A5000": 111, "RTX A4000": 77,
    "RTX 5090": 210, "RTX 5080": 113, "RTX 5070 TI": 88, "RTX 5070": 62, "RTX 5060": 38,
    "RTX 4090": 165, "RTX 4080": 97, "RTX 4070 TI": 80, "RTX 4070": 58, "RTX 4060 TI": 44, "RTX 4060": 30, "RTX 4050": 24,
    "RTX 3090": 71, "RTX 3080": 60, "RTX 3070": 41, "RTX 3060": 26, "RTX 3050": 18,
    "RTX 2080 TI": 54, "RTX 2080": 40, "RTX 2070": 30, "RTX 2060": 26, "GTX 16": 8, "P100": 9, "P40": 12, "GTX 10": 8,
    "MI300X": 1307, "MI325X": 1307, "MI250X": 192, "MI210": 181, "MI100": 92, "7900 XTX": 123, "7900 XT": 103,
}  # fmt: skip
"""Teraflops of dense 16-bit matrix products with float32 accumulation, by part of the GPU's name: from the vendors' data sheets,
rounded. For GPUs without matrix units it is their float32 rate; for the MI250X it is half the card, which PyTorch sees as one
device."""


def peak_flops(name: str) -> float | None:
    """Return a GPU's peak floating-point operations per second at 16 bits; None if it is not in `PEAKS`."""
    found = [key for key in PEAKS if key in name.upper()]
    return PEAKS[max(found, key=len)] * 1e12 if found else None


def measured_flops(device: str, dtype: torch.dtype, size: int = 1024, seconds: float = 0.1) -> float:
    """Return the operations per second of a square matrix product: the best of the runs that fit into `seconds`.

    It stands in for the peak where there is no data sheet. On a CPU it uses as many threads as torch does now.
    """
    x = torch.ones(size, size, device=device, dtype=dtype)
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end or best == float("inf"):
        began = time.perf_counter()
        synchronize((x @ x).device.type)
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best


def synchronize(device: str) -> None:
    """Wait until the device has finished its queued work."""
    if device != "cpu":
        getattr(torch, device).synchronize()


def find_machine() -> Machine:
    """Return the device without initialising it here: a process that has started CUDA or Metal must not be forked."""
    if torch.version.hip:
        return _probe() or cpu()
    if torch.version.cuda:
        return _nvidia_smi() or (_probe() if torch.cuda.device_count() else None) or cpu()
    if sys.platform == "darwin" and platform.machine() == "arm64" and torch.backends.mps.is_built():
        return Machine("mps", "Apple GPU", _physical_memory())  # Apple GPUs share the machine's memory
    return cpu()


def cpu() -> Machine:
    """Return the CPU as a device."""
    return Machine("cpu", f"CPU, {os.cpu_count() or 1} cores", _physical_memory())


def _physical_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _run(command: list[str]) -> str:
    """Return a command's standard output; empty when it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def _nvidia_smi() -> Machine | None:
    """Ask nvidia-smi, which takes 0.1 s. It does not tell the size of a MIG slice, so it is not used for those."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    if not visible or visible == "-1" or visible.startswith("MIG"):
        return None
    query = "--query-gpu=name,memory.total,compute_cap,mig.mode.current"
    return read_nvidia_smi(_run(["nvidia-smi", f"--id={visible}", query, "--format=csv,noheader,nounits"]))


def read_nvidia_smi(text: str) -> Machine | None:
    """Parse the first line of nvidia-smi's output: name, MiB, capability, MIG mode. None for any other text or in MIG mode."""
    parts = [part.strip() for part in text.partition("\n")[0].split(",")]
    try:
        name, memory, capability, mig_mode = parts
        major, minor = map(int, capability.split("."))
        return None if mig_mode == "Enabled" else Machine("cuda", name, int(memory) * 2**20, (major, minor))
    except ValueError:
        return None


_PROBE = """
import json, torch
if torch.cuda.is_available():
    p = torch.cuda.get_device_properties(0)
    print(json.dumps([p.name, p.total_memory, [0, 0] if torch.version.hip else [p.major, p.minor]]))
"""


def _probe() -> Machine | None:
    """Ask torch in a separate process: this takes a few seconds and works for every GPU."""
    text = _run([sys.executable, "-c", _PROBE])
    if not text.strip():
        return None
    name, memory, capability = json.loads(text)
    return Machine("cuda", name, memory, (capability[0], capability[1]))


# -- memory and compiled code -----------------------------------------------------------------------------------------------


def peak_memory(device: str) -> int:
    """Return this process's peak memory in bytes: on the GPU if it uses one, else resident memory."""
    if device == "cuda":
        return int(torch.cuda.max_memory_allocated())
    if device == "mps":
        return int(torch.mps.driver_allocated_memory())  # Metal records no peak; this is the present use
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that the GPU or the machine ran out of memory."""
    messages = ("can't allocate memory", "MPS backend out of memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(text in str(error) for text in messages)


@functools.cache
def share_compile_cache() -> Path:
    """Let all experiments share one cache of compiled code (PyTorch's and Triton's), unless the user has set another."""
    root = cache_folder.root()
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(root / "inductor"))
    os.environ.setdefault("TRITON_CACHE_DIR", str(root / "triton"))
    return root
