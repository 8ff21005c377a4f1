"""What this machine has, and the shapes of model and batch that suit it: frozen, experiments may not change it.

`choose` finds the device and picks a preset by its memory and its speed; `estimate_memory` says what training with a preset
needs, by part; `describe` puts both in words. Finding a card never starts CUDA in this process, which a study forks.

The sizes of the presets for cards follow from the memory model and the vendors' figures; none has been run on a card yet.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from autoresearch_magic.errors import UserError

GB = 2**30
USUAL_VOCAB = 8192
"""Tokens that `choose` reckons with, since it is asked before there is a tokenizer."""
RESERVE = 0.7 * GB
"""Bytes of a card that are not ours: the CUDA context, its libraries' workspaces."""
FRAGMENTS = 1.1
"""What PyTorch's allocator takes for each byte that is asked for, about."""
UTILIZATION = 0.3
"""Share of the peak that a small model reaches, cautiously; only for choosing a preset."""
FEWEST_STEPS = 300
"""Steps that a budget should have room for: with fewer a smaller model learns more."""


@dataclass(frozen=True)
class Preset:
    """The shapes that suit a kind of machine.

    Attributes
    ----------
    name : str
    device : str
        ``"cuda"`` (ROCm too), ``"mps"`` or ``"cpu"``.
    depth, width, heads, kv_heads : int
        Layers, features, heads of queries, heads of keys and values.
    context : int
        Tokens of a sequence.
    batch : int
        Sequences on the device at a time.
    accumulate : int
        Batches a step.
    eval_tokens : int
        Tokens that the score is measured on.
    seconds : float
        The budget of a run by hand, and the one that the sizes are made for.
    dtype : str
        Of the arithmetic: a name in `torch`. Parameters are always float32.
    compile : bool
        Whether `torch.compile` pays.
    """

    name: str
    device: str
    depth: int
    width: int
    heads: int
    kv_heads: int
    context: int
    batch: int
    accumulate: int
    eval_tokens: int
    seconds: float
    dtype: str
    compile: bool


def _card(name: str, *sizes: int) -> Preset:
    return Preset(name, "cuda", *sizes, seconds=300.0, dtype="bfloat16", compile=True)  # type: ignore[misc, arg-type]


PRESETS = (  #               depth width heads kv context batch accumulate evaluated
    _card("gpu-80gb",          8,   512,   4,   4,  2048,   64,     2,    10_485_760),
    _card("gpu-24gb",          8,   512,   8,   8,  1024,   32,     4,     4_194_304),
    _card("gpu-16gb",          6,   384,   6,   6,  1024,   32,     2,     2_097_152),
    _card("gpu-8gb",           6,   384,   6,   3,   512,   32,     4,     1_048_576),
    _card("gpu-4gb",           4,   256,   4,   2,   512,   16,     4,       524_288),
    Preset("mps", "mps",       4,   256,   4,   4,   256,   16,     2,       131_072, 300.0, "float32", False),
    Preset("cpu", "cpu",       4,    96,   2,   2,   128,   16,     1,        24_576,  20.0, "float32", False),
)  # fmt: skip
"""All presets; those for cards from the largest to the smallest."""

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}

# -- what there is --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Machine:
    """The device that training will use.

    Attributes
    ----------
    device : str
        ``"cuda"``, ``"mps"`` or ``"cpu"``.
    name : str
        As the vendor calls it.
    memory : int
        Bytes, of the card or of the machine.
    capability : tuple of int
        CUDA's compute capability; (0, 0) for anything else, ROCm too.
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
"""Teraflops of dense 16-bit matrix products with float32 sums, by part of the name: the vendors' data sheets, rounded (for
cards without matrix units their float32 rate; for the MI250X half the card, which is what PyTorch sees as one device)."""
UNKNOWN_PEAK = 15.0
"""Teraflops that are assumed of a card that is not in the table, to choose a preset: low, which costs size and not safety."""


def peak_flops(name: str) -> float | None:
    """Return a card's peak in floating-point operations a second at 16 bits; None where it is not known."""
    found = [key for key in PEAKS if key in name.upper()]
    return PEAKS[max(found, key=len)] * 1e12 if found else None


def measured_flops(device: str, dtype: torch.dtype, size: int = 1024, seconds: float = 0.1) -> float:
    """Measure a square matrix product: operations a second, the best of what fits into `seconds`.

    What a model is held against where no data sheet says more; on a CPU it counts the threads that torch uses now.
    """
    x = torch.ones(size, size, device=device, dtype=dtype)
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end or best == float("inf"):
        began = time.perf_counter()
        synchronize((x @ x).device.type)
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best


def synchronize(device: str) -> None:
    """Wait until the device has done what it was told."""
    if device != "cpu":
        getattr(torch, device).synchronize()


def find_machine() -> Machine:
    """Find the device without starting it here: a process that has started CUDA or Metal must not be forked."""
    if torch.version.hip:
        return _probe() or _cpu()
    if torch.version.cuda:
        return _nvidia_smi() or (_probe() if torch.cuda.device_count() else None) or _cpu()
    if sys.platform == "darwin" and platform.machine() == "arm64" and torch.backends.mps.is_built():
        return Machine("mps", "Apple GPU", _physical_memory())  # it shares the machine's memory
    return _cpu()


def _cpu() -> Machine:
    return Machine("cpu", f"CPU, {os.cpu_count() or 1} cores", _physical_memory())


def _physical_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _run(command: list[str]) -> str:
    """Return what a command prints; nothing where it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def _nvidia_smi() -> Machine | None:
    """Ask the driver's own tool: 0.1 s. It cannot say how large a slice (MIG) is."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    if not visible or visible == "-1" or visible.startswith("MIG"):
        return None
    query = "--query-gpu=name,memory.total,compute_cap,mig.mode.current"
    return read_nvidia_smi(_run(["nvidia-smi", f"--id={visible}", query, "--format=csv,noheader,nounits"]))


def read_nvidia_smi(text: str) -> Machine | None:
    """Read the first line that nvidia-smi prints: name, MiB, capability, MIG mode. None where it says something else."""
    parts = [part.strip() for part in text.partition("\n")[0].split(",")]
    try:
        name, memory, capability, sliced = parts
        major, minor = map(int, capability.split("."))
        return None if sliced == "Enabled" else Machine("cuda", name, int(memory) * 2**20, (major, minor))
    except ValueError:
        return None


_PROBE = """
import json, torch
if torch.cuda.is_available():
    p = torch.cuda.get_device_properties(0)
    print(json.dumps([p.name, p.total_memory, [0, 0] if torch.version.hip else [p.major, p.minor]]))
"""


def _probe() -> Machine | None:
    """Ask torch, in a process of its own: a few seconds, and right for every kind of card."""
    text = _run([sys.executable, "-c", _PROBE])
    if not text.strip():
        return None
    name, memory, capability = json.loads(text)
    return Machine("cuda", name, memory, (capability[0], capability[1]))


# -- which preset ---------------------------------------------------------------------------------------------------------


def choose(override: str = "") -> Preset:
    """Choose a preset for this machine.

    Parameters
    ----------
    override : str
        A preset's name, and what to change of it: ``gpu-8gb``, ``cpu,depth=6,batch=32`` or ``depth=6``. Empty: the
        largest preset that fits.

    Raises
    ------
    UserError
        When there is no such preset or field.
    """
    name, changes = _read_override(override)
    machine = _cpu() if name == "cpu" else find_machine()
    if not name:
        return replace(preset_for(machine), **changes)
    found = next((preset for preset in PRESETS if preset.name == name), None)
    if found is None:
        raise UserError(f"There is no preset {name!r}: choose one of {', '.join(preset.name for preset in PRESETS)}.")
    return replace(_suited(found, machine) if found.device == machine.device else found, **changes)


def _read_override(text: str) -> tuple[str, dict[str, Any]]:
    kinds = {field.name: type(getattr(PRESETS[0], field.name)) for field in fields(Preset) if field.name != "name"}
    name, changes = "", {}
    for i, part in enumerate(filter(None, (part.strip() for part in text.split(",")))):
        key, equals, value = part.partition("=")
        if not equals and i == 0:
            name = part
        elif key not in kinds or not equals:
            raise UserError(f"A preset has no {key!r}: write NAME,FIELD=VALUE with a field of {', '.join(kinds)}.")
        else:
            try:
                changes[key] = value.lower() in ("1", "true", "yes") if kinds[key] is bool else kinds[key](value)
            except ValueError:
                raise UserError(f"The preset's {key} cannot be {value!r}: give a number.") from None
    return name, changes


def preset_for(machine: Machine) -> Preset:
    """Return the largest preset whose estimate fits into the machine's memory and whose budget has room for enough steps.

    Raises
    ------
    UserError
        When not even the smallest one fits.
    """
    suited = [_suited(preset, machine) for preset in PRESETS if preset.device == machine.device]
    fitting = [preset for preset in suited if fits(preset, machine)]
    if not fitting:
        raise UserError(
            f"{machine.name} has {machine.memory / GB:.1f} GB, too few for the smallest preset: train on the CPU "
            "(--preset cpu), or with less at a time (--preset gpu-4gb,batch=2,accumulate=32)."
        )
    return next((preset for preset in fitting if steps_in_budget(preset, machine) >= FEWEST_STEPS), fitting[-1])


def _suited(preset: Preset, machine: Machine) -> Preset:
    """Give a preset for cards the arithmetic that the card is good at.

    bfloat16 from Ampere (8.0) on and on ROCm, float16 on Volta and Turing (7.x), which have matrix units for that only,
    float32 on what is older. Triton, which compiled steps need, supports 7.0 and later, and is not there on Windows.
    """
    if preset.device != "cuda" or machine.device != "cuda":
        return preset
    triton = importlib.util.find_spec("triton") is not None
    if machine.capability == (0, 0) or machine.capability >= (8, 0):
        return replace(preset, dtype="bfloat16", compile=triton)
    if machine.capability >= (7, 0):
        return replace(preset, dtype="float16", compile=triton)
    return replace(preset, dtype="float32", compile=False)


def fits(preset: Preset, machine: Machine) -> bool:
    """Whether training is estimated to fit, with the allocator's loss and what the driver keeps."""
    room = (
        machine.memory - RESERVE if machine.device == "cuda" else 0.6 * machine.memory
    )  # the rest is shared with others
    return estimate_memory(preset, USUAL_VOCAB).total * FRAGMENTS <= room


def steps_in_budget(preset: Preset, machine: Machine) -> float:
    """Estimate the steps that the preset's budget has room for on a machine; unlimited where its speed plays no part."""
    if machine.device != "cuda":
        return float("inf")
    peak = peak_flops(machine.name) or UNKNOWN_PEAK * 1e12
    tokens = preset.batch * preset.accumulate * preset.context
    return preset.seconds * peak * UTILIZATION / (tokens * flops_per_token(preset, USUAL_VOCAB))


def flops_per_token(preset: Preset, vocab: int) -> float:
    """Return the floating-point operations to train on a token (Chowdhery et al. 2022, appendix B).

    6 for each weight of a matrix, and 12 L D T for the scores and sums of attention, all layers seeing the whole context.
    """
    attention = 12 * preset.depth * preset.width * preset.context
    return 6 * (_matrices(preset) + vocab * preset.width) + attention


# -- memory ---------------------------------------------------------------------------------------------------------------


def _kv_width(preset: Preset) -> int:
    return preset.width // preset.heads * preset.kv_heads


def _matrices(preset: Preset) -> int:
    """Weights in the matrices of all layers: queries and outputs, keys and values, and twice a feed-forward of 4 widths."""
    return preset.depth * preset.width * (2 * preset.width + 2 * _kv_width(preset) + 8 * preset.width)


@dataclass(frozen=True)
class Estimate:
    """Bytes that training needs, by part.

    Attributes
    ----------
    parameters, gradients, optimizer : int
        All in float32.
    weights : int
        The copy of the matrices in the dtype of the arithmetic; in float32 of those that are put together only.
    activations : int
        What the backward pass needs of the layers.
    logits : int
        What it needs of the last step, in float32, and the gradient there.
    batch : int
        Tokens and targets.
    update : int
        What an update of the matrices needs in passing.
    evaluation : int
        What scoring needs at its peak.
    accumulated : bool
        Whether there are gradients already when a backward pass begins.
    """

    parameters: int
    gradients: int
    optimizer: int
    weights: int
    activations: int
    logits: int
    batch: int
    update: int
    evaluation: int
    accumulated: bool

    @property
    def total(self) -> int:
        """The peak: where a backward pass begins, in an update, or in scoring, whichever needs most."""
        backward = (
            self.weights + self.activations + self.logits + self.batch + (self.gradients if self.accumulated else 0)
        )
        return self.parameters + self.optimizer + max(backward, self.gradients + self.update, self.evaluation)


def estimate_memory(preset: Preset, vocab: int) -> Estimate:
    """Estimate what train.py needs with its own constants, from the shapes alone.

    Attention keeps its inputs, its outputs and one number for each head and token, and never the scores (Dao et al. 2022).
    Compiled steps keep less than this, since they compute cheap parts again.

    Parameters
    ----------
    preset : Preset
    vocab : int
        Tokens there are.

    Returns
    -------
    Estimate
    """
    depth, width, kv, hidden = preset.depth, preset.width, _kv_width(preset), 4 * preset.width
    tokens, size = preset.batch * preset.context, BYTES[preset.dtype]
    valued = (depth + 1) // 2
    matrices = _matrices(preset)
    others = vocab * (2 * width + valued * kv) + valued * preset.kv_heads * width + 2 * depth + width
    kept = 0  # numbers that a layer keeps for each token
    kept += 2 * width  # its input; with the embedding mixed in
    kept += width + (width + 2 * kv) + (width + kv)  # normed; queries, keys and values; the former two turned
    kept += width  # what attention returns
    kept += 2 * width + hidden  # the stream; normed; behind the ReLU
    kept += hidden  # squared
    numbers = depth * kept + valued * (2 * kv + 2 * preset.kv_heads) + 4 * width  # values and their gates; the two ends
    inverses = depth * (2 + 2 * preset.heads + preset.kv_heads) + 2  # float32: of norms, and of attention
    scored = min(preset.eval_tokens, tokens)
    return Estimate(
        parameters=4 * (matrices + others),
        gradients=4 * (matrices + others),
        optimizer=4 * (matrices + matrices // width) + 8 * others,
        weights=4 * depth * width * (width + 2 * kv) if size == 4 else size * (matrices + vocab * width),
        activations=tokens * (numbers * size + inverses * 4),
        logits=tokens * vocab * 4 * 4,
        batch=4 * tokens * 8,
        update=6
        * 4
        * depth
        * 2
        * hidden
        * width,  # of the largest stack, its gradients and what orthogonalisation computes
        evaluation=scored * (4 * vocab * 3 + size * (8 * width + 2 * hidden)),
        accumulated=preset.accumulate > 1,
    )


# -- in words -------------------------------------------------------------------------------------------------------------


def describe(preset: Preset, vocab: int, machine: Machine | None = None) -> str:
    """Say in two lines what was chosen and what it is estimated to need."""
    need = estimate_memory(preset, vocab)
    parts = {
        "parameters": need.parameters,
        "gradients": need.gradients,
        "optimizer": need.optimizer,
        "activations": need.weights + need.activations,
        "logits": need.logits,
    }
    where = f" on {machine.name}" if machine else ""
    return (
        f"preset {preset.name}{where}: {preset.depth} layers of {preset.width}, context {preset.context}, "
        f"{preset.batch * preset.accumulate * preset.context} tokens a step ({preset.accumulate} x {preset.batch} sequences), "
        f"{preset.dtype}{', compiled' if preset.compile else ''}\n"
        f"memory: about {_megabytes(need.total)} ({', '.join(f'{k} {_megabytes(v)}' for k, v in parts.items())})"
    )


def _megabytes(count: float) -> str:
    return f"{count / 2**20:.0f} MB" if count < 10 * GB else f"{count / GB:.1f} GB"


def out_of_memory(preset: Preset, vocab: int, peak: int) -> str:
    """Say in one line that memory ran out, at which peak, and what to change."""
    half = f"{preset.name},batch={max(1, preset.batch // 2)},accumulate={preset.accumulate * 2}"
    return (
        f"Out of memory on {preset.device} at a peak of {_megabytes(peak)} (estimated: "
        f"{_megabytes(estimate_memory(preset, vocab).total)}): halve the sequences at a time with --preset {half}, or lower "
        "DEPTH_SCALE, WIDTH_SCALE or BATCH_SCALE in train.py."
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, of a card or of the machine."""
    said = ("can't allocate memory", "MPS backend out of memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(words in str(error) for words in said)


def peak_memory(device: str) -> int:
    """Return the peak of this process in bytes: of the card where there is one, else resident memory."""
    if device == "cuda":
        return int(torch.cuda.max_memory_allocated())
    if device == "mps":
        return int(torch.mps.driver_allocated_memory())  # Metal keeps no peak: what is held now
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@functools.cache
def share_compile_cache() -> Path:
    """Point PyTorch's and Triton's caches of compiled code to one folder for all experiments, unless the user has done so."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "autoresearch_magic"
    for name in ("inductor", "triton"):
        variable = f"TORCH{name.upper()}_CACHE_DIR" if name == "inductor" else "TRITON_CACHE_DIR"
        os.environ.setdefault(variable, str(home / name))
    return home
