"""Train a small language model for a fixed time on this machine's device. This is the target: the file that experiments change.

From top to bottom: constants, model, attention, optimizers, schedule, training. Data and metric (`evaluate`, in bits per byte)
come from `prepare`, device and shapes from `hardware` and `presets`; experiments cannot change those.

``python train/train.py --help`` lists the options for running it by hand. In a study it runs in a fork of a process that has
already executed `prepare`, and the study then evaluates ``evaluate(model)``.

Not covered: training on several GPUs, checkpoints, and text generation beyond `prepare.sample`.
"""

from __future__ import annotations

import argparse
import functools
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import hardware
import prepare
import presets
from autoresearch_magic import clock, report, seed
from autoresearch_magic.budget import Budget
from prepare import CONTEXT, PRESET, VOCAB, batches, evaluate, sample

BEGAN = time.perf_counter()

# -- constants, which the tuner can change; the comments give their ranges -------------------------------------------------

DEPTH_SCALE = 1.0  # one of: 0.5, 0.75, 1.0, 1.5, 2.0; multiplies the preset's layers
WIDTH_SCALE = 1.0  # one of: 0.5, 1.0, 1.5, 2.0; multiplies the preset's heads, and with them the width
BATCH_SCALE = 1.0  # one of: 0.25, 0.5, 1.0, 2.0; multiplies the preset's sequences per step
MLP_RATIO = 4  # one of: 2, 3, 4, 6; width of the feed-forward layers, in model widths
WINDOWS = (
    "auto"  # one of: auto, L, SL, SSSL; repeating pattern of layers that see all (L) or a quarter (S) of the context
)
VALUES = "alternate"  # one of: none, alternate, all; layers with value embeddings
SHIFT = True  # one of: True, False; whether a share of the previous token's embedding is added to each token's
ROPE_BASE = 10_000.0  # 300 .. 100000 log
SOFTCAP = 15.0  # 5 .. 60 log; bound on the absolute value of logits

MATRIX_LR = 0.04  # 0.003 .. 0.3 log; learning rate of Muon, for all matrices
EMBEDDING_LR = 0.3  # 0.03 .. 3 log; learning rate of AdamW, as are the next two
HEAD_LR = 0.008  # 0.0008 .. 0.08 log
SCALAR_LR = 0.05  # 0.005 .. 0.5 log
MOMENTUM = 0.95  # 0.8 .. 0.98
BETA1 = 0.8  # 0.6 .. 0.95
BETA2 = 0.95  # 0.9 .. 0.999
WEIGHT_DECAY = 0.1  # 0 .. 0.5
POLAR_STEPS = 5  # one of: 2, 3, 4, 5; more steps are slower and closer to orthogonal
WARMUP = 0.02  # 0 .. 0.2; share of the budget
WARMDOWN = 0.6  # 0.2 .. 1; share of the budget
FINAL_LR = 0.02  # 0 .. 0.3; learning rate at the end, as a share of the full rate


# -- the model ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """The shape of a model.

    Attributes
    ----------
    depth, width, heads, kv_heads : int
        Layers; model width; query heads; key and value heads, each shared by a group of query heads.
    hidden : int
        Width between the two matrices of a feed-forward layer.
    vocab, context : int
        Size of the vocabulary; longest sequence.
    windows : tuple of int
        For each layer, how many tokens each token attends to, itself included.
    valued : tuple of bool
        For each layer, whether it has value embeddings.
    """

    depth: int
    width: int
    heads: int
    kv_heads: int
    hidden: int
    vocab: int
    context: int
    windows: tuple[int, ...]
    valued: tuple[bool, ...]

    @property
    def head_width(self) -> int:
        """Width of one head."""
        return self.width // self.heads

    @property
    def kv_width(self) -> int:
        """Width of all keys of a token, and of all its values."""
        return self.kv_heads * self.head_width


def shape_of(preset: presets.Preset, vocab: int, flexible: bool) -> Shape:
    """Return the preset's shape with the constants applied; `flexible` says whether sliding windows are fast on this device."""
    depth = max(1, round(preset.depth * DEPTH_SCALE))
    head_width = preset.width // preset.heads
    heads = max(1, round(preset.heads * WIDTH_SCALE))
    pattern = ("SSSL" if flexible and preset.context >= 1024 else "L") if WINDOWS == "auto" else WINDOWS
    sizes = {"L": preset.context, "S": preset.context // 4}
    valued = {"none": (), "all": range(depth), "alternate": range(depth - 1, -1, -2)}[VALUES]
    return Shape(
        depth=depth,
        width=heads * head_width,
        heads=heads,
        kv_heads=math.gcd(heads, preset.kv_heads),
        hidden=MLP_RATIO * heads * head_width,
        vocab=vocab,
        context=preset.context,
        windows=(*(sizes[pattern[i % len(pattern)]] for i in range(depth - 1)), preset.context),
        valued=tuple(i in valued for i in range(depth)),
    )


def norm(x: Tensor) -> Tensor:
    """RMS norm over the last axis, without a gain (Zhang & Sennrich 2019)."""
    return F.rms_norm(x, (x.size(-1),))


def rotary_turns(length: int, head_width: int, device: str) -> Tensor:
    """Angles of the rotary embedding (Su et al. 2021) as cosines and sines, of shape (length, 1, head_width / 2, 2)."""
    pace = ROPE_BASE ** -(torch.arange(0, head_width, 2, dtype=torch.float32, device=device) / head_width)
    angle = torch.outer(torch.arange(length, dtype=torch.float32, device=device), pace)
    return torch.stack((angle.cos(), angle.sin()), -1)[:, None]


def rotate(x: Tensor, turns: Tensor) -> Tensor:
    """Rotate each pair of neighbouring features of x (batch, time, heads, head_width) by its angle."""
    pairs = x.unflatten(-1, (-1, 2))
    if x.device.type == "cpu" and x.dtype == torch.float32:  # one complex product is five times as fast there
        return torch.view_as_real(torch.view_as_complex(pairs) * torch.view_as_complex(turns)).flatten(-2)
    (a, b), (cos, sin) = pairs.unbind(-1), turns.to(x.dtype).unbind(-1)
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


class GPT(nn.Module):
    """A decoder-only transformer.

    Matrices of one kind are stacked over the layers, so that an optimizer step takes few, large operations. In addition to
    the usual parts it has: rotary positions; queries and keys of unit norm (Henry et al. 2020); keys and values shared by groups of
    queries (Ainslie et al. 2023); sliding windows (Beltagy et al. 2020); squared ReLU (So et al. 2021); value embeddings, a
    second embedding of the token that a layer adds to its values through a gate (after Zhou et al. 2024, in the form of
    Jordan et al., modded-nanogpt, 2024); the embedding added to the residual stream again before every layer
    (modded-nanogpt); a share of the previous token's embedding added at the input (token shift, Peng et al. 2023); logits
    capped by a tanh (Gemma 2, 2024); matrices that write into the residual stream initialised at zero (Zhang et al. 2019,
    Fixup).
    """

    def __init__(self, shape: Shape, device: str, dtype: torch.dtype, attend: Attend) -> None:
        super().__init__()
        self.shape, self.dtype, self.attend = shape, dtype, attend
        depth, width, kv, hidden, vocab = shape.depth, shape.width, shape.kv_width, shape.hidden, shape.vocab
        valued = sum(shape.valued)

        def matrix(*size: int, spread: float = 3**0.5 * width**-0.5) -> nn.Parameter:
            return nn.Parameter(torch.empty(size, device=device).uniform_(-spread, spread))

        self.query, self.out = matrix(depth, width, width), matrix(depth, width, width, spread=0.0)
        self.key, self.value = matrix(depth, kv, width), matrix(depth, kv, width)
        self.up, self.down = (
            matrix(depth, hidden, width),
            matrix(depth, hidden, width, spread=0.0),
        )  # of one shape, for Muon
        self.embedding = nn.Parameter(torch.randn(vocab, width, device=device))
        self.values = matrix(vocab, valued * kv)
        self.head = nn.Parameter(torch.randn(vocab, width, device=device) * 0.001)
        self.gates = nn.Parameter(torch.zeros(valued, shape.kv_heads, width, device=device))
        self.keep = nn.Parameter(torch.ones(depth, device=device))
        self.again = nn.Parameter(torch.full((depth,), 0.1, device=device))
        self.shift = nn.Parameter(torch.full((width,), 0.2, device=device)) if SHIFT else None
        # block masks of the sliding windows, computed once here, outside the compiled code
        short = {window for window in shape.windows if window < shape.context} if attend.flex else set()
        self.masks = {window: block_mask(shape.context, window, device) for window in short}
        self.register_buffer("turns", rotary_turns(shape.context, shape.head_width, device), persistent=False)

    def forward(self, tokens: Tensor, targets: Tensor | None = None) -> Tensor:
        """Return the logits (batch, time, vocab) in float32, or with targets the mean loss in nats.

        Both arguments are (batch, time) of int64.
        """
        with torch.autocast(tokens.device.type, enabled=False):  # casts are explicit instead, one per stack
            return self.compute(tokens, targets)

    def compute(self, tokens: Tensor, targets: Tensor | None) -> Tensor:
        """See `forward`."""
        s, rows, length = self.shape, *tokens.shape
        qkv = torch.cat((self.query, self.key, self.value), 1).to(self.dtype).unbind()
        out, up, down = (w.to(self.dtype).unbind() for w in (self.out, self.up, self.down))
        gates, values = iter(self.gates.to(self.dtype).unbind()), self.value_embeddings(tokens)
        keep, again = self.keep.to(self.dtype).unbind(), self.again.to(self.dtype).unbind()
        turns = self.turns[:length]

        x = F.embedding(tokens, self.embedding).to(self.dtype)
        if self.shift is not None:
            x = x + F.pad(x[:, :-1], (0, 0, 1, 0)) * self.shift.to(self.dtype)
        x = first = norm(x)
        for i in range(s.depth):
            x = keep[i] * x + again[i] * first
            h = norm(x)
            heads = F.linear(h, qkv[i]).view(rows, length, s.heads + 2 * s.kv_heads, s.head_width)
            qk, v = heads.split((s.heads + s.kv_heads, s.kv_heads), 2)
            if s.valued[i]:
                v = v + 2 * torch.sigmoid(F.linear(h, next(gates)))[..., None] * next(values)
            q, k = rotate(norm(qk), turns).split((s.heads, s.kv_heads), 2)
            y = self.attend(q, k, v, s.windows[i], self.masks.get(s.windows[i]))
            x = x + F.linear(y.reshape(rows, length, s.width), out[i])
            x = x + F.relu(F.linear(norm(x), up[i])).square() @ down[i]
        logits = SOFTCAP * torch.tanh(F.linear(norm(x), self.head.to(self.dtype)).float() / SOFTCAP)
        if targets is None:
            return logits
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def value_embeddings(self, tokens: Tensor) -> Iterator[Tensor]:
        """Look up the value embeddings of all layers at once; yield (batch, time, kv_heads, head_width) for each layer."""
        found = F.embedding(tokens, self.values).to(self.dtype)
        return iter(found.unflatten(-1, (-1, self.shape.kv_heads, self.shape.head_width)).unbind(2))


# -- attention ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attend:
    """Causal attention with the PyTorch kernel that suits the device.

    Attributes
    ----------
    grouped : bool
        Whether the kernel supports grouped queries; otherwise keys and values are repeated for it.
    flex : callable, optional
        FlexAttention (Dong et al. 2024), a compiled kernel that skips the keys outside a sliding window. Without it the
        sequence is cut into blocks of one window, and each block attends to itself and the block before it.
    """

    grouped: bool = True
    flex: Callable[..., Tensor] | None = None

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, window: int, mask: Any = None) -> Tensor:
        """Return the attention output, shaped as q.

        q is (batch, time, heads, head_width); k and v have kv_heads instead of heads. `mask` is FlexAttention's block mask.
        """
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))
        if not self.grouped and k.size(1) < q.size(1):
            k, v = (x.repeat_interleave(q.size(1) // k.size(1), 1) for x in (k, v))
        grouped = k.size(1) < q.size(1)
        if window >= q.size(2):
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=grouped)
        elif self.flex is not None and mask is not None:
            y = self.flex(q, k, v, block_mask=mask, enable_gqa=grouped)
        else:
            y = in_blocks(q, k, v, window, grouped)
        return y.transpose(1, 2)


def block_mask(length: int, window: int, device: str) -> Any:
    """Return FlexAttention's mask by which each token attends to itself and the ``window - 1`` tokens before it."""
    from torch.nn.attention.flex_attention import create_block_mask  # imports the compiler, which is slow

    def seen(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (query >= key) & (query - key < window)

    return create_block_mask(seen, None, None, length, length, device=device)


def in_blocks(q: Tensor, k: Tensor, v: Tensor, window: int, grouped: bool) -> Tensor:
    """Sliding-window attention for kernels that take a mask: q, k, v are (batch, heads, time, head_width).

    Scores are computed for two windows of keys per query, for any length.
    """
    length, padding = q.size(2), -q.size(2) % window  # the padding comes after all queries, so none attends to it
    q, k, v = (F.pad(x, (0, 0, 0, padding)).unflatten(2, (-1, window)).transpose(1, 2) for x in (q, k, v))
    k, v = (torch.cat((F.pad(x[:, :-1], (0, 0, 0, 0, 0, 0, 1, 0)), x), 3) for x in (k, v))
    rows, blocks = q.shape[:2]
    query, key = torch.arange(window, device=q.device)[:, None], torch.arange(-window, window, device=q.device)
    mask = ((key <= query) & (key > query - window)).repeat(blocks, 1, 1)
    mask[0, :, :window] = False  # no block comes before the first
    mask = mask.repeat(rows, 1, 1)[:, None]
    y = F.scaled_dot_product_attention(*(x.flatten(0, 1) for x in (q, k, v)), attn_mask=mask, enable_gqa=grouped)
    return y.unflatten(0, (rows, blocks)).transpose(1, 2).flatten(2, 3)[:, :, :length]


def choose_attention(device: str, capability: tuple[int, int], compiled: bool) -> Attend:
    """Return the attention for a device; ``capability`` is the CUDA compute capability, (0, 0) on ROCm and without CUDA.

    From Ampere (8.0) on and on ROCm, PyTorch has FlexAttention and flash kernels that support grouped queries. Turing and older
    GPUs have only the memory-efficient kernel, which does not support them: PyTorch would write all scores to memory instead.
    The same holds for Apple's GPUs.
    """
    modern = device == "cuda" and (capability >= (8, 0) or capability == (0, 0))
    if modern and compiled:
        from torch.nn.attention.flex_attention import flex_attention

        return Attend(grouped=True, flex=flex_attention)
    return Attend(grouped=modern or device == "cpu")


# -- the optimizers -------------------------------------------------------------------------------------------------------

POLAR = (
    (8.20516041400557, -22.90193498705603, 16.460724910180296),
    (4.066395159942773, -2.861154086755142, 0.5183995226694741),
    (3.909594904437913, -2.8233517350395116, 0.5250369769390014),
    (3.285564017198617, -2.415301959635947, 0.4852940655279091),
    (2.3006520199548177, -1.66890398457475, 0.4188073119525673),
)
"""Polar Express (Amsel et al. 2025, algorithm 1): coefficients of the odd quintic polynomials whose composition is nearest to 1 for
singular values from 0.001 to 1, with the paper's cushion (0.0241) and safety factor (1.01). A test derives them again."""


def orthogonalise(x: Tensor, steps: int, dtype: torch.dtype) -> Tensor:
    """Return approximately the nearest matrix with orthonormal columns: U V' of x = U S V'.

    Parameters
    ----------
    x : Tensor
        (..., rows, columns) with rows >= columns; all matrices are processed together.
    steps : int
        At most ``len(POLAR)``.
    dtype : torch.dtype
        Type for the computation; bfloat16 suffices, because a few percent of error do no harm.
    """
    x = x.to(dtype)
    x = x / (x.norm(dim=(-2, -1), keepdim=True) * 1.01 + 1e-7)  # makes all singular values at most 1
    for a, b, c in POLAR[-steps:] if steps < 0 else POLAR[:steps]:
        gram = x.mT @ x
        x = a * x + x @ (b * gram + c * gram @ gram)
    return x


def muon_update(
    matrices: Sequence[Tensor], grads: Sequence[Tensor], average: Tensor, variance: Tensor, rates: Sequence[float],
    lr: Tensor, momentum: Tensor, decay: Tensor, dtype: torch.dtype,
) -> None:  # fmt: skip
    """Update matrices in place by Muon (Jordan et al. 2024): by their orthogonalised momentum, equally large in every direction.

    All matrices of one shape are updated together. There are two additions: the rows of the update are normalised by a running
    mean of their squares (NorMuon, Li et al. 2025), and weights decay only where the update does not oppose it (Chen et al.
    2025).

    Parameters
    ----------
    matrices, grads : sequence of Tensor
        Each (layers, rows, columns), with the same rows and columns.
    average, variance : Tensor
        The state: (all layers, rows, columns) and (all layers, rows, 1), or (all layers, 1, columns) if columns > rows.
    rates : sequence of float
        The learning rate of each matrix, relative to `lr`.
    lr, momentum, decay : Tensor
        Scalars, as tensors so that the compiled update need not be compiled for each value.
    """
    grad = torch.cat(list(grads))
    average.lerp_(grad, 1 - momentum)
    step = grad.lerp_(average, momentum)  # Nesterov
    tall = step.size(1) >= step.size(2)
    step = orthogonalise(step if tall else step.mT, POLAR_STEPS, dtype).float()
    step = step if tall else step.mT
    square = step.square().mean(-1 if tall else -2, keepdim=True)
    variance.lerp_(square, 1 - BETA2)
    scale = variance.clamp_min(1e-10).rsqrt()
    size, new_size = square.sum((-2, -1), keepdim=True), (square * scale.square()).sum((-2, -1), keepdim=True)
    step = step * (scale * (size / new_size.clamp_min(1e-10)).sqrt())  # rows of equal size, the same total size
    for matrix, part, rate in zip(matrices, step.split([len(m) for m in matrices]), rates, strict=True):
        matrix.sub_(lr * rate * (part + decay * matrix * (part * matrix > 0)))


def muon_state(matrices: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the initial state for `muon_update`: zeros."""
    average = torch.cat([torch.zeros_like(matrix) for matrix in matrices])
    return average, average.mean(-1 if average.size(1) >= average.size(2) else -2, keepdim=True)


def adamw_update(
    x: Tensor, grad: Tensor, average: Tensor, square: Tensor, lr: Tensor, step: Tensor
) -> None:  # fmt: skip
    """Update a parameter in place by AdamW without decay (Kingma & Ba 2015; Loshchilov & Hutter 2019)."""
    average.lerp_(grad, 1 - BETA1)
    square.lerp_(grad.square(), 1 - BETA2)
    size = (square / (1 - BETA2**step)).sqrt() + 1e-10
    x.sub_(average / size * (lr / (1 - BETA1**step)))


class Optimizer:
    """Muon for the stacked matrices, AdamW for all other parameters.

    It does not derive from `torch.optim.Optimizer`, which imports the compiler with its 800 modules.

    Parameters
    ----------
    model : GPT
    compiled : bool
        Whether to compile the updates.
    """

    def __init__(self, model: GPT, compiled: bool) -> None:
        shape, width = model.shape, model.shape.width
        self.dtype = torch.bfloat16 if model.dtype == torch.bfloat16 else torch.float32
        groups: dict[torch.Size, list[tuple[Tensor, float]]] = {}
        for matrix, outputs, inputs in (
            (model.query, width, width), (model.key, shape.kv_width, width), (model.value, shape.kv_width, width),
            (model.out, width, width), (model.up, shape.hidden, width), (model.down, width, shape.hidden),
        ):  # fmt: skip
            groups.setdefault(matrix.shape[1:], []).append((matrix, max(1.0, outputs / inputs) ** 0.5))
        self.matrices = [([m for m, _ in group], [rate for _, rate in group]) for group in groups.values()]
        head_lr = HEAD_LR * (width / 768) ** -0.5  # HEAD_LR is for a width of 768 (nanochat)
        others = [
            (model.embedding, EMBEDDING_LR), (model.values, EMBEDDING_LR), (model.head, head_lr), (model.gates, SCALAR_LR),
            (model.keep, SCALAR_LR * 0.1), (model.again, SCALAR_LR), (model.shift, SCALAR_LR),
        ]  # fmt: skip
        self.others = [(x, lr) for x, lr in others if x is not None and x.numel()]
        self.states = [muon_state(group) for group, _ in self.matrices]
        self.moments = [(torch.zeros_like(x), torch.zeros_like(x)) for x, _ in self.others]
        self.steps = 0
        self.muon, self.adamw = muon_update, adamw_update
        if compiled:
            self.muon, self.adamw = (torch.compile(f, dynamic=False) for f in (muon_update, adamw_update))

    @torch.no_grad()
    def step(self, progress: float, scale: float = 1.0) -> bool:
        """Update all parameters by their gradients and release the gradients.

        Parameters
        ----------
        progress : float
            Spent share of the budget, 0 to 1.
        scale : float
            Factor by which the loss was multiplied, to keep float16 gradients from vanishing.

        Returns
        -------
        bool
            False if the scaled gradients overflowed; nothing was updated then.
        """
        parameters = [x for group, _ in self.matrices for x in group] + [x for x, _ in self.others]
        grads: dict[int, Tensor] = {}
        for x in parameters:
            assert x.grad is not None
            grads[id(x)], x.grad = x.grad, None
        if scale != 1.0:
            torch._foreach_div_(list(grads.values()), scale)
            if not all(bool(grad.isfinite().all()) for grad in grads.values()):
                return False
        self.steps += 1
        rate, warmed = schedule(progress), min(1.0, self.steps / 100)
        scalar = functools.partial(torch.tensor, dtype=torch.float32)
        momentum, decay = scalar(MOMENTUM - 0.1 * (1 - warmed)), scalar(WEIGHT_DECAY * (1 - progress))
        for (group, rates), state in zip(self.matrices, self.states, strict=True):
            group_grads, lr = [grads[id(m)] for m in group], scalar(MATRIX_LR * rate)
            self.muon(group, group_grads, *state, rates, lr, momentum, decay, self.dtype)
        for (x, lr_full), state in zip(self.others, self.moments, strict=True):
            self.adamw(x, grads[id(x)], *state, scalar(lr_full * rate), scalar(self.steps))
        return True

    def reset(self) -> None:
        """Clear the state, as before the first step."""
        torch._foreach_zero_([x for pair in (*self.states, *self.moments) for x in pair])
        self.steps = 0


def schedule(progress: float) -> float:
    """Return the learning rate as a share of the full one: linear warm-up, constant, linear warm-down (Hägele et al. 2024).

    It follows the elapsed time, because the number of steps in a budget of seconds is not known in advance.
    """
    if progress < WARMUP:
        return (progress + 0.001) / (WARMUP + 0.001)
    return FINAL_LR + (1 - FINAL_LR) * min(1.0, (1 - progress) / WARMDOWN)


# -- training -------------------------------------------------------------------------------------------------------------


def options() -> argparse.Namespace | None:
    """Parse the command line; return None in a study, which sets the budget, the seed and the threads itself."""
    if Path(sys.argv[0]).name != "train.py":
        return None
    parser = argparse.ArgumentParser(
        description="Train a small language model for a fixed time.", parents=[prepare.OPTIONS]
    )
    parser.add_argument("--seconds", type=float, default=PRESET.seconds, help="training time (default: the preset's)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads (default: torch's)")
    parser.add_argument(
        "--sample", type=int, default=200, metavar="N", help="tokens of text to print (default 200)"
    )  # fixed
    return parser.parse_args()


def build(attend: Attend, compiled: bool) -> tuple[GPT, Optimizer]:
    """Return a new model and its optimizer."""
    shape = shape_of(PRESET, VOCAB, flexible=attend.flex is not None)
    new = GPT(shape, PRESET.device, getattr(torch, PRESET.dtype), attend)
    return new, Optimizer(new, compiled)


def compile_all(gpt: GPT, optimizer: Optimizer, x: Tensor, y: Tensor) -> Callable[..., Tensor]:
    """Compile the model and the updates by running one step before the clock starts; restore all parameters and state."""
    forward: Callable[..., Tensor] = torch.compile(gpt, dynamic=False)
    parameters: list[Tensor] = [p for p in gpt.parameters() if p.numel()]
    before = [p.detach().clone() for p in parameters]
    forward(x, y).backward()  # type: ignore[no-untyped-call]
    optimizer.step(0.0)
    optimizer.reset()
    with torch.no_grad():
        torch._foreach_copy_(parameters, before)
    return forward


def build_for(device: str, stream: Iterator[tuple[Tensor, Tensor]]) -> tuple[GPT, Callable[..., Tensor], Optimizer]:
    """Return the model, the function to train it with, and its optimizer: compiled if the preset asks for it and it works."""
    nvidia = device == "cuda" and not torch.version.hip
    capability = torch.cuda.get_device_capability() if nvidia else (0, 0)
    if PRESET.compile:
        hardware.share_compile_cache()  # before anything else: the compiler reads its folder when it is imported
        gpt, optimizer = build(choose_attention(device, capability, True), True)
        try:
            return gpt, compile_all(gpt, optimizer, *next(stream)), optimizer
        except Exception as error:
            if hardware.is_out_of_memory(error):
                raise
            print(
                f"Compiling failed ({type(error).__name__}); steps run uncompiled and slower. "
                "Skip the attempt with --preset compile=false."
            )
    gpt, optimizer = build(choose_attention(device, capability, False), False)
    return gpt, gpt, optimizer


def train(
    forward: Callable[..., Tensor], optimizer: Optimizer, stream: Iterator[tuple[Tensor, Tensor]], accumulate: int
) -> int:
    """Train until the budget is spent; return the number of steps.

    Each step takes `accumulate` batches. In float16 the loss is scaled so that small gradients do not vanish, and the scale is
    halved when they overflow (Micikevicius et al. 2018).
    """
    scale = 2.0**15 if PRESET.dtype == "float16" else 1.0
    x, y = next(stream)
    before: Tensor | None = None
    for step in clock:
        for _ in range(accumulate):
            loss = forward(x, y)
            (loss * (scale / accumulate)).backward()  # type: ignore[no-untyped-call]
            x, y = next(stream)
        if not optimizer.step(clock.progress, scale):
            scale /= 2
        if before is not None:  # reading the latest loss would make the device wait, so report the previous one
            value = before.item()
            report(step=step - 1, loss=value)
            if not math.isfinite(value):
                break  # diverged; the metric will show it
        before = loss.detach()
    hardware.synchronize(PRESET.device)
    return clock.step


def flops_per_token(shape: Shape) -> float:
    """Return the operations to train on one token, counted as in PaLM (Chowdhery et al. 2022, appendix B), without embeddings."""
    matrices = shape.depth * shape.width * (2 * shape.width + 2 * shape.kv_width + 2 * shape.hidden)
    return 6 * (matrices + shape.vocab * shape.width) + 12 * shape.width * sum(shape.windows)


def summary(steps: int, tokens: int, startup: float) -> dict[str, str]:
    """Return the figures of the training by name; the metric is computed afterwards, in a study from outside."""
    speed = tokens / max(clock.elapsed, 1e-9)
    known = PRESET.device == "cuda" and PRESET.dtype != "float32"
    gpu_peak = hardware.peak_flops(torch.cuda.get_device_name()) if known else None
    peak = gpu_peak or hardware.measured_flops(PRESET.device, getattr(torch, PRESET.dtype))
    return {
        "training_seconds": f"{clock.elapsed:.1f}",
        "startup_seconds": f"{startup:.2f}",
        "peak_memory_mb": f"{hardware.peak_memory(PRESET.device) / 2**20:.1f}",
        "peak_vram_mb": f"{hardware.peak_memory('cuda') / 2**20 if PRESET.device == 'cuda' else 0:.1f}",
        "mfu_percent": f"{100 * speed * flops_per_token(gpt.shape) / peak:.2f}",
        "tokens_per_second": f"{speed:.0f}",
        "total_tokens_M": f"{tokens / 1e6:.3f}",
        "num_steps": str(steps),
        "num_params_M": f"{sum(p.numel() for p in gpt.parameters()) / 1e6:.3f}",
        "depth": str(gpt.shape.depth),
    }


ARGUMENTS = options()
if ARGUMENTS:
    clock.configure(Budget(ARGUMENTS.seconds, "seconds"), None)
    torch.set_num_threads(ARGUMENTS.threads)
    torch.manual_seed(ARGUMENTS.seed)
    seed = ARGUMENTS.seed
print(presets.describe(PRESET, VOCAB))
sequences = max(1, round(PRESET.batch * PRESET.accumulate * BATCH_SCALE))
accumulate = -(-sequences // PRESET.batch)
try:
    stream = batches(sequences // accumulate, CONTEXT, seed, PRESET.device)
    gpt, model, optimizer = build_for(PRESET.device, stream)
    startup = time.perf_counter() - BEGAN
    steps = train(model, optimizer, stream, accumulate)
except (RuntimeError, MemoryError) as error:
    if not hardware.is_out_of_memory(error):
        raise
    line = presets.out_of_memory(PRESET, VOCAB, hardware.peak_memory(PRESET.device))
    if ARGUMENTS:
        sys.exit(line)
    raise torch.OutOfMemoryError(line) from None
figures = summary(steps, steps * accumulate * (sequences // accumulate) * CONTEXT, startup)
if ARGUMENTS:
    began = time.perf_counter()
    figures = {"val_bpb": f"{evaluate(model):.6f}", **figures}
    figures["evaluation_seconds"] = f"{time.perf_counter() - began:.2f}"
    figures["total_seconds"] = f"{time.perf_counter() - BEGAN:.1f}"
print("---", *(f"{name + ':':20}{value}" for name, value in figures.items()), sep="\n")
if ARGUMENTS and ARGUMENTS.sample:
    # This heading must not look like a `name: value` line, from which studies read metrics.
    print("", "--- a sample of its text ---", sample(model, count=ARGUMENTS.sample), sep="\n")
