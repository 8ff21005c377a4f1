"""Train a small language model for a fixed time, on whatever this machine has. This is the file that experiments change.

It reads top to bottom: constants, model, optimizers, schedule, training. The data, the score (`evaluate`, in bits per byte)
and the budget are `prepare`'s, the device and its shapes `presets`', and neither may be changed by an experiment.

``python train/train.py --help`` says how to run it by hand. In a study it is executed in a fork of a process that has run
`prepare` already; what the study then reads is ``evaluate(model)``.

Not here: several cards, checkpoints, and text generation beyond `prepare.sample`.
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

import prepare
import presets
from autoresearch_magic import clock, report, seed
from autoresearch_magic.budget import Budget
from prepare import CONTEXT, PRESET, VOCAB, batches, evaluate, sample

BEGAN = time.perf_counter()

# -- the constants: what an experiment turns first ------------------------------------------------------------------------

DEPTH_SCALE = 1.0  # one of: 0.5, 0.75, 1.0, 1.5, 2.0; layers, times the preset's
WIDTH_SCALE = 1.0  # one of: 0.5, 1.0, 1.5, 2.0; heads and with them the width, times the preset's
BATCH_SCALE = 1.0  # one of: 0.25, 0.5, 1.0, 2.0; sequences a step, times the preset's
MLP_RATIO = 4  # one of: 2, 3, 4, 6; width of the feed-forward layers, times the model's
WINDOWS = "auto"  # one of: auto, L, SL, SSSL; layers that see all (L) or a quarter (S) of the context, over and over
VALUES = "alternate"  # one of: none, alternate, all; layers with value embeddings
SHIFT = True  # one of: True, False; whether a token sees a share of its left neighbour's embedding
ROPE_BASE = 10_000.0  # 300 .. 100000 log
SOFTCAP = 15.0  # 5 .. 60 log; logits stay within it

MATRIX_LR = 0.04  # 0.003 .. 0.3 log; Muon's, for all matrices
EMBEDDING_LR = 0.3  # 0.03 .. 3 log; AdamW's, as the next two
HEAD_LR = 0.008  # 0.0008 .. 0.08 log
SCALAR_LR = 0.05  # 0.005 .. 0.5 log
MOMENTUM = 0.95  # 0.8 .. 0.98
BETA1 = 0.8  # 0.6 .. 0.95
BETA2 = 0.95  # 0.9 .. 0.999
WEIGHT_DECAY = 0.1  # 0 .. 0.5
POLAR_STEPS = 5  # one of: 2, 3, 4, 5; more are closer to orthogonal, and slower
WARMUP = 0.02  # 0 .. 0.2; share of the budget
WARMDOWN = 0.6  # 0.2 .. 1; share of the budget
FINAL_LR = 0.02  # 0 .. 0.3; what the warm-down ends at, of the full rate


# -- the model ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """The shape of a model.

    Attributes
    ----------
    depth, width, heads, kv_heads : int
        Layers; features; heads of queries; heads of keys and values, which groups of queries share.
    hidden : int
        Features between the two matrices of a feed-forward layer.
    vocab, context : int
        Tokens there are; the longest sequence.
    windows : tuple of int
        For each layer, how many tokens a token sees, itself included.
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
        """Features of one head."""
        return self.width // self.heads

    @property
    def kv_width(self) -> int:
        """Features of all keys of a token, and of all values."""
        return self.kv_heads * self.head_width


def shape_of(preset: presets.Preset, vocab: int, flexible: bool) -> Shape:
    """Apply the constants to a preset; `flexible` says whether sliding windows are fast here."""
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
    """Turn each pair of neighbouring features of x (batch, time, heads, head_width) by its angle."""
    pairs = x.unflatten(-1, (-1, 2))
    if x.device.type == "cpu" and x.dtype == torch.float32:  # one complex product: five times as fast there
        return torch.view_as_real(torch.view_as_complex(pairs) * torch.view_as_complex(turns)).flatten(-2)
    (a, b), (cos, sin) = pairs.unbind(-1), turns.to(x.dtype).unbind(-1)
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


class GPT(nn.Module):
    """A decoder-only transformer.

    Matrices of one kind are stacked over the layers, so that an optimizer step is a handful of large operations. Beside the
    usual parts: rotary positions; queries and keys of unit size (Henry et al. 2020); keys and values shared by groups of
    queries (Ainslie et al. 2023); sliding windows (Beltagy et al. 2020); squared ReLU (So et al. 2021); value embeddings, a
    second embedding of the token that a layer adds to its values through a gate (after Zhou et al. 2024, in the form of
    Jordan et al., modded-nanogpt, 2024); the embedding mixed into the residual stream again before every layer
    (modded-nanogpt); a first layer that sees a share of the left neighbour (token shift, Peng et al. 2023); logits capped by
    a tanh (Gemma 2, 2024); matrices that write into the residual stream begin at zero (Zhang et al. 2019, Fixup).
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
        self.up, self.down = matrix(depth, hidden, width), matrix(depth, hidden, width, spread=0.0)  # alike for Muon
        self.embedding = nn.Parameter(torch.randn(vocab, width, device=device))
        self.values = matrix(vocab, valued * kv)
        self.head = nn.Parameter(torch.randn(vocab, width, device=device) * 0.001)
        self.gates = nn.Parameter(torch.zeros(valued, shape.kv_heads, width, device=device))
        self.keep = nn.Parameter(torch.ones(depth, device=device))
        self.again = nn.Parameter(torch.full((depth,), 0.1, device=device))
        self.shift = nn.Parameter(torch.full((width,), 0.2, device=device)) if SHIFT else None
        # which tiles of the scores a sliding window needs: made here, once, outside of what is compiled
        short = {window for window in shape.windows if window < shape.context} if attend.flex else set()
        self.masks = {window: block_mask(shape.context, window, device) for window in short}
        self.register_buffer("turns", rotary_turns(shape.context, shape.head_width, device), persistent=False)

    def forward(self, tokens: Tensor, targets: Tensor | None = None) -> Tensor:
        """Return the logits (batch, time, vocab) in float32, or the mean loss in nats where there are targets.

        Both arguments are (batch, time) of int64.
        """
        with torch.autocast(tokens.device.type, enabled=False):  # the casts are written out, once for each stack
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
        """Look up the value embeddings of all layers at once; yields (batch, time, kv_heads, head_width) for each."""
        found = F.embedding(tokens, self.values).to(self.dtype)
        return iter(found.unflatten(-1, (-1, self.shape.kv_heads, self.shape.head_width)).unbind(2))


# -- attention ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attend:
    """Causal attention by what the device has; nothing is downloaded, PyTorch's own kernels do it.

    Attributes
    ----------
    grouped : bool
        Whether the kernels share keys among queries themselves; otherwise keys are repeated for them.
    flex : callable, optional
        FlexAttention (Dong et al. 2024), a compiled kernel that skips what no query of a sliding window sees. Without it the
        sequence is cut in blocks of a window, each of which sees itself and the one before it.
    """

    grouped: bool = True
    flex: Callable[..., Tensor] | None = None

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, window: int, mask: Any = None) -> Tensor:
        """Attend: q is (batch, time, heads, head_width), k and v have kv_heads; returns q's shape. `mask` is that of flex."""
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
    """Say to FlexAttention which tokens see which: each itself and the ``window - 1`` before it."""
    from torch.nn.attention.flex_attention import create_block_mask  # it imports the compiler, which a CPU does without

    def seen(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (query >= key) & (query - key < window)

    return create_block_mask(seen, None, None, length, length, device=device)


def in_blocks(q: Tensor, k: Tensor, v: Tensor, window: int, grouped: bool) -> Tensor:
    """Sliding-window attention by any kernel that takes a mask: q, k, v are (batch, heads, time, head_width).

    Scores are computed for two windows of keys a query, whatever the length.
    """
    length, more = q.size(2), -q.size(2) % window  # padding stands in the future of all queries: none sees it
    q, k, v = (F.pad(x, (0, 0, 0, more)).unflatten(2, (-1, window)).transpose(1, 2) for x in (q, k, v))
    k, v = (torch.cat((F.pad(x[:, :-1], (0, 0, 0, 0, 0, 0, 1, 0)), x), 3) for x in (k, v))
    rows, blocks = q.shape[:2]
    query, key = torch.arange(window, device=q.device)[:, None], torch.arange(-window, window, device=q.device)
    mask = ((key <= query) & (key > query - window)).repeat(blocks, 1, 1)
    mask[0, :, :window] = False  # there is nothing before the first block
    mask = mask.repeat(rows, 1, 1)[:, None]
    y = F.scaled_dot_product_attention(*(x.flatten(0, 1) for x in (q, k, v)), attn_mask=mask, enable_gqa=grouped)
    return y.unflatten(0, (rows, blocks)).transpose(1, 2).flatten(2, 3)[:, :, :length]


def choose_attention(device: str, capability: tuple[int, int], compiled: bool) -> Attend:
    """Choose by the card: ``capability`` is its compute capability, (0, 0) where it has none, as with ROCm.

    From Ampere on (8.0), and on ROCm, PyTorch has flash kernels, which share keys among queries themselves, and
    FlexAttention. Turing and older cards have the memory-efficient kernel only, which shares nothing: with shared keys
    PyTorch would fall back to writing all scores to memory. So would Apple's.
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
"""Polar Express (Amsel et al. 2025, algorithm 1): the odd quintic polynomials whose composition is nearest to 1 on singular
values of 0.001 to 1, with the paper's cushion (0.0241) and safety factor (1.01). The test derives them anew."""


def orthogonalise(x: Tensor, steps: int, dtype: torch.dtype) -> Tensor:
    """Return the nearest matrix with orthonormal columns, about: U V' of x = U S V'.

    Parameters
    ----------
    x : Tensor
        (..., rows, columns) with rows >= columns; all matrices are done at once.
    steps : int
        At most ``len(POLAR)``.
    dtype : torch.dtype
        To compute in; bfloat16 does, as the result has to be right to some percent only.
    """
    x = x.to(dtype)
    x = x / (x.norm(dim=(-2, -1), keepdim=True) * 1.01 + 1e-7)  # no singular value above 1
    for a, b, c in POLAR[-steps:] if steps < 0 else POLAR[:steps]:
        gram = x.mT @ x
        x = a * x + x @ (b * gram + c * gram @ gram)
    return x


def muon_update(
    matrices: Sequence[Tensor], grads: Sequence[Tensor], average: Tensor, variance: Tensor, rates: Sequence[float],
    lr: Tensor, momentum: Tensor, decay: Tensor, dtype: torch.dtype,
) -> None:  # fmt: skip
    """Muon (Jordan et al. 2024): the update is the orthogonalised momentum, so that it has the same size in every direction.

    All matrices of one shape are done together. Two additions: the rows of the update are brought to a common scale by a
    running mean of their squares (NorMuon, Li et al. 2025), and weights decay only where the update does not oppose it
    (Chen et al. 2025).

    Parameters
    ----------
    matrices, grads : sequence of Tensor
        Each (layers, rows, columns), rows >= columns or the other way round, alike in the last two.
    average, variance : Tensor
        The state: (all layers, rows, columns) and (all layers, rows, 1), or (all layers, 1, columns) where they are more.
    rates : sequence of float
        The learning rate of each matrix, of `lr`.
    lr, momentum, decay : Tensor
        Without axes, so that a compiled update serves all values.
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
    step = step * (scale * (size / new_size.clamp_min(1e-10)).sqrt())  # rows alike, the whole as large as before
    for matrix, part, rate in zip(matrices, step.split([len(m) for m in matrices]), rates, strict=True):
        matrix.sub_(lr * rate * (part + decay * matrix * (part * matrix > 0)))


def muon_state(matrices: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the zeros that `muon_update` begins with."""
    average = torch.cat([torch.zeros_like(matrix) for matrix in matrices])
    return average, average.mean(-1 if average.size(1) >= average.size(2) else -2, keepdim=True)


def adamw_update(
    x: Tensor, grad: Tensor, average: Tensor, square: Tensor, lr: Tensor, step: Tensor
) -> None:  # fmt: skip
    """AdamW (Kingma & Ba 2015; Loshchilov & Hutter 2019) without decay, for all that is no hidden matrix; in place."""
    average.lerp_(grad, 1 - BETA1)
    square.lerp_(grad.square(), 1 - BETA2)
    size = (square / (1 - BETA2**step)).sqrt() + 1e-10
    x.sub_(average / size * (lr / (1 - BETA1**step)))


class Optimizer:
    """Muon for the stacked matrices, AdamW for the rest.

    Not a `torch.optim.Optimizer`: the first of those imports the compiler, 800 modules.

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
        head_lr = HEAD_LR * (width / 768) ** -0.5  # it was found at a width of 768 (nanochat)
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
        """Update all parameters by their gradients, and let go of those.

        Parameters
        ----------
        progress : float
            Share of the budget that is spent, 0 to 1.
        scale : float
            What the loss was multiplied by, where 16 bits would else be too few for its gradients.

        Returns
        -------
        bool
            False where the scaled gradients have overflowed: then nothing was updated.
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
        rate, settled = schedule(progress), min(1.0, self.steps / 100)
        number = functools.partial(torch.tensor, dtype=torch.float32)
        momentum, decay = number(MOMENTUM - 0.1 * (1 - settled)), number(WEIGHT_DECAY * (1 - progress))
        for (group, rates), state in zip(self.matrices, self.states, strict=True):
            found, lr = [grads[id(m)] for m in group], number(MATRIX_LR * rate)
            self.muon(group, found, *state, rates, lr, momentum, decay, self.dtype)
        for (x, full), state in zip(self.others, self.moments, strict=True):
            self.adamw(x, grads[id(x)], *state, number(full * rate), number(self.steps))
        return True

    def reset(self) -> None:
        """Forget all steps."""
        torch._foreach_zero_([x for pair in (*self.states, *self.moments) for x in pair])
        self.steps = 0


def schedule(progress: float) -> float:
    """Return the share of the full learning rate: up, level, and down in a line (Hägele et al. 2024), by elapsed time.

    By time and not by steps, since nobody knows how many steps a budget of seconds will have.
    """
    if progress < WARMUP:
        return (progress + 0.001) / (WARMUP + 0.001)
    return FINAL_LR + (1 - FINAL_LR) * min(1.0, (1 - progress) / WARMDOWN)


# -- training -------------------------------------------------------------------------------------------------------------


def options() -> argparse.Namespace | None:
    """Read the command line; None where this file runs in a study, which sets the budget, the seed and the threads."""
    if Path(sys.argv[0]).name != "train.py":
        return None
    parser = argparse.ArgumentParser(
        description="Train a small language model for a fixed time.", parents=[prepare.OPTIONS]
    )
    parser.add_argument("--seconds", type=float, default=PRESET.seconds, help="of training (default: the preset's)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of the CPU (default: torch's)")
    parser.add_argument("--sample", type=int, default=200, metavar="N", help="tokens of text to print (default 200)")
    return parser.parse_args()


def build(attend: Attend, compiled: bool) -> tuple[GPT, Optimizer]:
    """Make the model, as it trains, and its optimizer."""
    shape = shape_of(PRESET, VOCAB, flexible=attend.flex is not None)
    made = GPT(shape, PRESET.device, getattr(torch, PRESET.dtype), attend)
    return made, Optimizer(made, compiled)


def compile_all(gpt: GPT, optimizer: Optimizer, x: Tensor, y: Tensor) -> Callable[..., Tensor]:
    """Compile the model and the updates by a whole step, before the clock starts, and put everything back as it was."""
    forward: Callable[..., Tensor] = torch.compile(gpt, dynamic=False)
    parameters: list[Tensor] = [p for p in gpt.parameters() if p.numel()]
    before = [p.detach().clone() for p in parameters]
    forward(x, y).backward()  # type: ignore[no-untyped-call]
    optimizer.step(0.0)
    optimizer.reset()
    with torch.no_grad():
        torch._foreach_copy_(parameters, before)
    return forward


def made_ready(device: str, stream: Iterator[tuple[Tensor, Tensor]]) -> tuple[GPT, Callable[..., Tensor], Optimizer]:
    """Make the model, what to call to train it, and its optimizer: compiled where the preset says so and it works."""
    nvidia = device == "cuda" and not torch.version.hip
    capability = torch.cuda.get_device_capability() if nvidia else (0, 0)
    if PRESET.compile:
        presets.share_compile_cache()  # first of all: the compiler settles on a folder when it is imported
        gpt, optimizer = build(choose_attention(device, capability, True), True)
        try:
            return gpt, compile_all(gpt, optimizer, *next(stream)), optimizer
        except Exception as error:
            if presets.is_out_of_memory(error):
                raise
            print(
                f"Compiling failed ({type(error).__name__}), so steps run uncompiled and slower: --preset compile=false"
            )
    gpt, optimizer = build(choose_attention(device, capability, False), False)
    return gpt, gpt, optimizer


def train(
    forward: Callable[..., Tensor], optimizer: Optimizer, stream: Iterator[tuple[Tensor, Tensor]], accumulate: int
) -> int:
    """Train until the budget is spent; returns the steps.

    `accumulate` batches make a step. In float16 the loss is scaled so that small gradients do not vanish, and the scale is
    halved whenever they overflow (Micikevicius et al. 2018).
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
        if before is not None:  # the loss of the step before: reading this one's would let the device wait
            value = before.item()
            report(step=step - 1, loss=value)
            if not math.isfinite(value):
                break  # it has diverged, and the score will say so
        before = loss.detach()
    presets.synchronize(PRESET.device)
    return clock.step


def flops_per_token(shape: Shape) -> float:
    """Operations to train on a token, counted as in PaLM (Chowdhery et al. 2022, appendix B): embeddings cost nothing."""
    matrices = shape.depth * shape.width * (2 * shape.width + 2 * shape.kv_width + 2 * shape.hidden)
    return 6 * (matrices + shape.vocab * shape.width) + 12 * shape.width * sum(shape.windows)


def summary(steps: int, tokens: int, startup: float) -> dict[str, str]:
    """Say what the training was: `evaluate` comes later, from outside where this is a study."""
    speed = tokens / max(clock.elapsed, 1e-9)
    known = PRESET.device == "cuda" and PRESET.dtype != "float32"
    card = presets.peak_flops(torch.cuda.get_device_name()) if known else None
    peak = card or presets.measured_flops(PRESET.device, getattr(torch, PRESET.dtype))
    return {
        "training_seconds": f"{clock.elapsed:.1f}",
        "startup_seconds": f"{startup:.2f}",
        "peak_memory_mb": f"{presets.peak_memory(PRESET.device) / 2**20:.1f}",
        "peak_vram_mb": f"{presets.peak_memory('cuda') / 2**20 if PRESET.device == 'cuda' else 0:.1f}",
        "mfu_percent": f"{100 * speed * flops_per_token(gpt.shape) / peak:.2f}",
        "tokens_per_second": f"{speed:.0f}",
        "total_tokens_M": f"{tokens / 1e6:.3f}",
        "num_steps": str(steps),
        "num_params_M": f"{sum(p.numel() for p in gpt.parameters()) / 1e6:.3f}",
        "depth": str(gpt.shape.depth),
    }


ASKED = options()
if ASKED:
    clock.configure(Budget(ASKED.seconds, "seconds"), None)
    torch.set_num_threads(ASKED.threads)
    torch.manual_seed(ASKED.seed)
    seed = ASKED.seed
print(presets.describe(PRESET, VOCAB))
sequences = max(1, round(PRESET.batch * PRESET.accumulate * BATCH_SCALE))
accumulate = -(-sequences // PRESET.batch)
try:
    stream = batches(sequences // accumulate, CONTEXT, seed, PRESET.device)
    gpt, model, optimizer = made_ready(PRESET.device, stream)
    startup = time.perf_counter() - BEGAN
    steps = train(model, optimizer, stream, accumulate)
except (RuntimeError, MemoryError) as error:
    if not presets.is_out_of_memory(error):
        raise
    line = presets.out_of_memory(PRESET, VOCAB, presets.peak_memory(PRESET.device))
    if ASKED:
        sys.exit(line)
    raise torch.OutOfMemoryError(line) from None
figures = summary(steps, steps * accumulate * (sequences // accumulate) * CONTEXT, startup)
if ASKED:
    began = time.perf_counter()
    figures = {"val_bpb": f"{evaluate(model):.6f}", **figures}
    figures["evaluation_seconds"] = f"{time.perf_counter() - began:.2f}"
    figures["total_seconds"] = f"{time.perf_counter() - BEGAN:.1f}"
print("---", *(f"{name + ':':20}{value}" for name, value in figures.items()), sep="\n")
if ASKED and ASKED.sample:
    # A heading that no reader of `name: value` lines takes for a figure.
    print("", "--- a sample of its text ---", sample(model, count=ASKED.sample), sep="\n")
