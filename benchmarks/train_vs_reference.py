"""Compare train/train.py with a plain reference on this machine's preset: bits per byte after equal training time.

``python benchmarks/train_vs_reference.py [SEEDS] [SECONDS]`` (default: 5 seeds, the preset's seconds) trains both sides in
alternation, each run in a fresh fork, with the same data, tokens per step and threads (``--threads``, default 1), and prints every
score, both means with 95% intervals, and the interval of the paired difference.

The reference is a GPT-2 similar to nanoGPT, written for this comparison: learned positions, LayerNorm, GELU, tied weights, AdamW
(PyTorch's fused version) with warm-up and cosine by elapsed time, gradients clipped at 1, parameters within 5% of train.py's.
``--lr`` sets its learning rate; the default was the best of those that ``--tune`` tries on the CPU preset, with two seeds and 120
steps each, so that the machine's load has no influence.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import statistics
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

TRAIN = Path(__file__).resolve().parent.parent / "train"
sys.path.insert(0, str(TRAIN))

import torch  # noqa: E402
from scipy.stats import t as student  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional  # noqa: E402

import prepare  # noqa: E402
import presets  # noqa: E402
from autoresearch_magic import clock, runtime  # noqa: E402
from autoresearch_magic.budget import Budget  # noqa: E402

LR = 2e-3
"""The reference's learning rate, the best of `RATES`."""
RATES = (5e-4, 1e-3, 2e-3, 4e-3)
TUNING = Budget(120.0, "steps")


class Block(nn.Module):
    """Attention and feed-forward layer, each after a LayerNorm."""

    def __init__(self, width: int, heads: int, depth: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        for layer in (self.qkv, self.up, self.out, self.down):
            nn.init.normal_(layer.weight, std=0.02 / (math.sqrt(2 * depth) if layer in (self.out, self.down) else 1))
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (h.unflatten(-1, (self.heads, -1)).transpose(1, 2) for h in self.qkv(self.norm1(x)).chunk(3, -1))
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).flatten(2))
        return x + self.down(functional.gelu(self.up(self.norm2(x))))  # type: ignore[no-any-return]


class Reference(nn.Module):
    """GPT-2 (Radford et al. 2019)."""

    def __init__(self, depth: int, width: int, heads: int, vocab: int, context: int) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab, width), nn.Embedding(context, width)
        nn.init.normal_(self.tokens.weight, std=0.02)
        nn.init.normal_(self.positions.weight, std=0.02)
        self.blocks = nn.Sequential(*(Block(width, heads, depth) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        h = self.tokens(x) + self.positions.weight[: x.size(1)]
        return functional.linear(self.norm(self.blocks(h)), self.tokens.weight)


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def reference_of(parameters: int) -> Reference:
    """Return the reference with the preset's depth and the width, a multiple of 8, that is nearest to `parameters`."""
    preset = prepare.PRESET

    def build(width: int) -> Reference:
        heads = next(h for h in range(max(1, width // 32), 0, -1) if width % h == 0)
        return Reference(preset.depth, width, heads, prepare.VOCAB, prepare.CONTEXT)

    with torch.device("meta"):
        width = min(range(16, 2049, 8), key=lambda width: abs(count(build(width)) - parameters))
    return build(width)


def train_reference(seed: int, parameters: int, lr: float) -> nn.Module:
    preset = prepare.PRESET
    model = reference_of(parameters).to(preset.device)
    matrices = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    adam = torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.95), fused=True)
    stream = prepare.batches(preset.batch, prepare.CONTEXT, seed, preset.device)
    for _ in clock:
        warm = min(1.0, (clock.progress + 0.001) / 0.05)
        for group in adam.param_groups:
            group["lr"] = lr * warm * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * clock.progress)))
        for _ in range(preset.accumulate):
            x, y = next(stream)
            loss = functional.cross_entropy(model(x).flatten(0, 1), y.flatten()) / preset.accumulate
            loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        adam.zero_grad()
    return model


def train_ours(seed: int) -> nn.Module:
    """Execute train.py as in a study."""
    runtime.seed = runtime.Seed(seed)
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    source = (TRAIN / "train.py").read_text()
    exec(compile(source, "train.py", "exec"), main.__dict__)
    return main.__dict__["model"]  # type: ignore[no-any-return]


def measured(train: Callable[[], nn.Module], seed: int, budget: Budget, threads: int, queue: Any) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    clock.configure(budget, None)
    sys.stdout = open("/dev/null", "w")  # noqa: SIM115
    began = time.perf_counter()
    model = train()
    spent = time.perf_counter() - began
    queue.put((prepare.evaluate(model), clock.step, count(model), spent - clock.elapsed))


def in_a_fork(train: Callable[[], nn.Module], seed: int, budget: Budget, threads: int) -> tuple[float, int, int, float]:
    """Train and evaluate in a fork; return bits per byte, steps, parameters and the seconds beside the training."""
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    process = context.Process(target=measured, args=(train, seed, budget, threads, queue))
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(f"A run ended with {process.exitcode}.")
    return queue.get()  # type: ignore[no-any-return]


def interval(values: list[float]) -> str:
    """Format a mean with its 95% interval (Student's t)."""
    mean = statistics.mean(values)
    half = float(student.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean:.4f} (95% interval {mean - half:.4f} to {mean + half:.4f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("seeds", nargs="?", type=int, default=5)
    parser.add_argument("seconds", nargs="?", type=float, default=prepare.PRESET.seconds)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--lr", type=float, default=LR, help="of the reference (default %(default)s)")
    parser.add_argument("--tune", action="store_true", help="try learning rates of the reference instead")
    asked = parser.parse_args()
    if asked.seeds < 2:
        parser.error("an interval needs at least two seeds")
    torch.set_num_threads(1)  # a process that has used a pool of threads must not be forked
    torch.optim.AdamW([nn.Parameter(torch.zeros(1))])  # imports 800 modules here instead of in every fork
    print(presets.describe(prepare.PRESET, prepare.VOCAB))
    _, _, parameters, _ = in_a_fork(lambda: train_ours(0), 0, Budget(1.0, "steps"), asked.threads)
    if asked.tune:
        for lr in RATES:
            scores = [in_a_fork(lambda lr=lr, seed=seed: train_reference(seed, parameters, lr), seed, TUNING, asked.threads)[0]
                      for seed in range(2)]  # fmt: skip
            print(f"reference, learning rate {lr:g}: {scores[0]:.4f} {scores[1]:.4f}", flush=True)
        return
    ours, theirs, budget = [], [], Budget(asked.seconds, "seconds")
    print(f"{'seed':>4} {'train.py':>9} {'steps':>6} {'reference':>10} {'steps':>6}")
    for seed in range(asked.seeds):
        a, a_steps, a_size, a_beside = in_a_fork(lambda seed=seed: train_ours(seed), seed, budget, asked.threads)  # type: ignore[misc]
        b, b_steps, b_size, _ = in_a_fork(
            lambda seed=seed: train_reference(seed, parameters, asked.lr), seed, budget, asked.threads  # type: ignore[misc]
        )  # fmt: skip
        ours.append(a)
        theirs.append(b)
        print(f"{seed:>4} {a:>9.4f} {a_steps:>6} {b:>10.4f} {b_steps:>6}", flush=True)
    print(f"\ntrain.py   {interval(ours)} bits per byte, {a_size:,} parameters, {a_beside:.2f} s beside the training")
    print(f"reference  {interval(theirs)} bits per byte, {b_size:,} parameters ({b_size / a_size - 1:+.1%})")
    print(f"gain       {interval([b - a for a, b in zip(ours, theirs, strict=True)])} (paired, 95% interval)")


if __name__ == "__main__":
    main()
