"""Presets: model and batch shapes for each kind of machine, and an estimate of their memory. Frozen.

`choose` picks a preset by the device's memory and speed; `estimate_memory` returns what training with it needs, by part;
`describe` prints both.

The sizes of the GPU presets follow from the memory model and the vendors' figures; none of them has been run on a GPU yet.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, fields, replace
from typing import Any

import hardware
from autoresearch_magic.errors import UserError
from hardware import Machine

GB = 2**30
USUAL_VOCAB = 8192
"""Vocabulary size that `choose` assumes, because it runs before the tokenizer is known."""
RESERVE = 0.7 * GB
"""Bytes of a GPU that training cannot use: the CUDA context and its libraries' workspaces."""
FRAGMENTATION = 1.1
"""Approximate bytes that PyTorch's allocator takes for each byte requested."""
UTILIZATION = 0.3
"""Cautious share of the peak speed that a small model reaches; used only to choose a preset."""
UNKNOWN_PEAK = 15.0
"""Teraflops assumed for a GPU of unknown speed. The low value may choose a smaller preset than needed, never one that is too large."""
FEWEST_STEPS = 300
"""Training steps that the budget should allow: with fewer, a smaller model learns more."""


@dataclass(frozen=True)
class Preset:
    """Model and batch shapes for one kind of machine.

    Attributes
    ----------
    name : str
    device : str
        ``"cuda"`` (ROCm too), ``"mps"`` or ``"cpu"``.
    depth, width, heads, kv_heads : int
        Layers, model width, query heads, key and value heads.
    context : int
        Tokens in a sequence.
    batch : int
        Sequences on the device at a time.
    accumulate : int
        Batches per optimizer step.
    eval_tokens : int
        Bytes of validation text that are scored.
    seconds : float
        Default training budget, for which the sizes were chosen.
    dtype : str
        Type for the arithmetic, a name in `torch`. Parameters are always float32.
    compile : bool
        Whether to use `torch.compile`.
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
"""All presets; those for GPUs from the largest to the smallest."""

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}

# -- which preset ---------------------------------------------------------------------------------------------------------


def choose(override: str = "") -> Preset:
    """Choose a preset for this machine.

    Parameters
    ----------
    override : str
        A preset's name and fields to change: ``gpu-8gb``, ``cpu,depth=6,batch=32`` or ``depth=6``. Empty chooses the
        largest preset that fits.

    Raises
    ------
    UserError
        When the preset or a field does not exist.
    """
    name, changes = _read_override(override)
    machine = hardware.cpu() if name == "cpu" else hardware.find_machine()
    if not name:
        return replace(preset_for(machine), **changes)
    found = next((preset for preset in PRESETS if preset.name == name), None)
    if found is None:
        raise UserError(f"There is no preset {name!r}: choose one of {', '.join(preset.name for preset in PRESETS)}.")
    return replace(_adapted(found, machine) if found.device == machine.device else found, **changes)


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
    """Return the largest preset that is estimated to fit into memory and to make `FEWEST_STEPS` steps within its budget.

    Raises
    ------
    UserError
        When not even the smallest preset fits.
    """
    candidates = [_adapted(preset, machine) for preset in PRESETS if preset.device == machine.device]
    fitting = [preset for preset in candidates if fits(preset, machine)]
    if not fitting:
        raise UserError(
            f"{machine.name} has {machine.memory / GB:.1f} GB, too little for the smallest preset: train on the CPU "
            "(--preset cpu), or with smaller batches (--preset gpu-4gb,batch=2,accumulate=32)."
        )
    return next((preset for preset in fitting if steps_in_budget(preset, machine) >= FEWEST_STEPS), fitting[-1])


def _adapted(preset: Preset, machine: Machine) -> Preset:
    """Return a GPU preset with the dtype and compilation that this GPU supports well.

    bfloat16 from Ampere (8.0) on and on ROCm; float16 on Volta and Turing (7.x), whose matrix units support only that; float32
    on older GPUs. Compilation needs Triton, which supports 7.0 and later and is not available on Windows.
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
    """Whether training is estimated to fit, with fragmentation and the driver's reserve."""
    # memory of the machine itself is shared with other programs
    room = machine.memory - RESERVE if machine.device == "cuda" else 0.6 * machine.memory
    return estimate_memory(preset, USUAL_VOCAB).total * FRAGMENTATION <= room


def steps_in_budget(preset: Preset, machine: Machine) -> float:
    """Estimate how many steps fit into the preset's budget on a GPU; infinite for other devices."""
    if machine.device != "cuda":
        return float("inf")
    peak = hardware.peak_flops(machine.name) or UNKNOWN_PEAK * 1e12
    tokens = preset.batch * preset.accumulate * preset.context
    return preset.seconds * peak * UTILIZATION / (tokens * flops_per_token(preset, USUAL_VOCAB))


def flops_per_token(preset: Preset, vocab: int) -> float:
    """Return the floating-point operations to train on one token (Chowdhery et al. 2022, appendix B).

    6 for each weight of a matrix, and 12 L D T for attention (depth, width, context), where all layers see the whole context.
    """
    attention = 12 * preset.depth * preset.width * preset.context
    return 6 * (_matrices(preset) + vocab * preset.width) + attention


# -- memory ---------------------------------------------------------------------------------------------------------------


def _kv_width(preset: Preset) -> int:
    return preset.width // preset.heads * preset.kv_heads


def _matrices(preset: Preset) -> int:
    """Return the weights in all layers' matrices: queries and outputs, keys and values, two feed-forward matrices of 4 widths."""
    return preset.depth * preset.width * (2 * preset.width + 2 * _kv_width(preset) + 8 * preset.width)


@dataclass(frozen=True)
class Estimate:
    """Bytes that training needs, by purpose.

    Attributes
    ----------
    parameters, gradients, optimizer : int
        All in float32.
    weights : int
        Copies of the matrices in the arithmetic's dtype; in float32, only of the matrices that are concatenated.
    activations : int
        Tensors of the layers that are kept for the backward pass.
    logits : int
        Logits in float32, what their loss keeps, and their gradient.
    batch : int
        Tokens and targets.
    update : int
        Temporary memory of a matrix update.
    evaluation : int
        Peak of the evaluation.
    accumulated : bool
        Whether gradients already exist when a backward pass begins.
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
        """The peak: the largest of a backward pass's beginning, an update and the evaluation."""
        backward = (
            self.weights + self.activations + self.logits + self.batch + (self.gradients if self.accumulated else 0)
        )
        return self.parameters + self.optimizer + max(backward, self.gradients + self.update, self.evaluation)


def estimate_memory(preset: Preset, vocab: int) -> Estimate:
    """Estimate the memory of train.py with its present constants, from the shapes alone.

    Attention keeps its inputs, its outputs and one number per head and token, never the scores (Dao et al. 2022). Compiled
    steps keep less, because they recompute cheap parts.

    Parameters
    ----------
    preset : Preset
    vocab : int
        Size of the vocabulary.

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
    kept += 2 * width  # input; input with the embedding mixed in
    kept += width + (width + 2 * kv) + (width + kv)  # norm; queries, keys and values; rotated queries and keys
    kept += width  # attention's output
    kept += 2 * width + hidden  # residual stream; norm; output of the ReLU
    kept += hidden  # squared
    numbers = (
        depth * kept + valued * (2 * kv + 2 * preset.kv_heads) + 4 * width
    )  # value embeddings, gates; first, last norm
    inverses = (
        depth * (2 + 2 * preset.heads + preset.kv_heads) + 2
    )  # float32: scales of norms, normalisers of attention
    scored = min(preset.eval_tokens, tokens)
    return Estimate(
        parameters=4 * (matrices + others),
        gradients=4 * (matrices + others),
        optimizer=4 * (matrices + matrices // width) + 8 * others,
        weights=4 * depth * width * (width + 2 * kv) if size == 4 else size * (matrices + vocab * width),
        activations=tokens * (numbers * size + inverses * 4),
        logits=tokens * vocab * 4 * 4,
        batch=4 * tokens * 8,
        update=6 * 4 * depth * 2 * hidden * width,  # the largest stack: its gradients and orthogonalisation
        evaluation=scored * (4 * vocab * 3 + size * (8 * width + 2 * hidden)),
        accumulated=preset.accumulate > 1,
    )


# -- messages -------------------------------------------------------------------------------------------------------------


def describe(preset: Preset, vocab: int, machine: Machine | None = None) -> str:
    """Return two lines: the preset's shape and its estimated memory."""
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
        f"{preset.batch * preset.accumulate * preset.context} tokens per step ({preset.accumulate} x {preset.batch} sequences), "
        f"{preset.dtype}{', compiled' if preset.compile else ''}\n"
        f"memory: about {_megabytes(need.total)} ({', '.join(f'{k} {_megabytes(v)}' for k, v in parts.items())})"
    )


def _megabytes(count: float) -> str:
    return f"{count / 2**20:.0f} MB" if count < 10 * GB else f"{count / GB:.1f} GB"


def out_of_memory(preset: Preset, vocab: int, peak: int) -> str:
    """Return one line that says at which peak memory ran out and what to change."""
    half = f"{preset.name},batch={max(1, preset.batch // 2)},accumulate={preset.accumulate * 2}"
    return (
        f"Out of memory on {preset.device} at a peak of {_megabytes(peak)} (estimated: "
        f"{_megabytes(estimate_memory(preset, vocab).total)}): halve the batch with --preset {half}, or lower "
        "DEPTH_SCALE, WIDTH_SCALE or BATCH_SCALE in train.py."
    )
