"""Frozen setup of the language-model project: text, tokens, batches and the metric. Experiments change `train.py` only.

    python train/prepare.py                                    # what is used, and its size
    python train/prepare.py --source tinystories --shards 4    # download, learn the tokenizer, write the tokens
    python train/prepare.py --measure                          # time batches, a training step and the evaluation

From top to bottom: the choices, bits per byte, samples, the command line. Where the text comes from is in `sources` and
`shards`, what a token is in `vocabulary`, token files and batches are in `dataset`, the machine and the model's shape in
`hardware` and `presets`. Nothing here uses a GPU until `batches` or `evaluate` is called, so that a study's worker process can
run this file once and fork every experiment from it.

The metric's code stays in this file on purpose: a study binds the names of its setup again before it evaluates, so a target
that replaces one of them does not change its own score. The contents of imported modules are not protected in this way.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import cache_folder
import dataset
import presets
import vocabulary
from autoresearch_magic.data import bits_per_byte
from autoresearch_magic.errors import UserError
from dataset import Data

# -- the choices ------------------------------------------------------------------------------------------------------

SOURCE = "embedded"
"""Text: "embedded" (Python's standard library, no download), "tinystories", "climbmix", or a path: a file, a folder or a glob of
text files or of *.parquet."""
SHARDS = 4
"""Number of training shards, for tinystories (which has 4) and climbmix (6542)."""
TOKENIZER = "bytes"
"""One of "bytes", "bpe-4096", "bpe-8192", "bpe-32768"."""
PRESET_NAME = ""
"""Name of a preset; empty chooses one for this machine."""

OPTIONS = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
"""The choices as command-line options: a parent parser for scripts."""
OPTIONS.add_argument("--source", default=SOURCE, help="embedded, tinystories, climbmix or a path (%(default)s)")
OPTIONS.add_argument(
    "--shards", type=int, default=SHARDS, help="training shards of tinystories or climbmix (%(default)s)"
)
OPTIONS.add_argument("--tokenizer", default=TOKENIZER, help=f"{vocabulary.NAMES} (%(default)s)")
OPTIONS.add_argument("--preset", default=PRESET_NAME, help="a preset of presets.py (default: one for this machine)")

_PROGRAM = Path(sys.argv[0]).name if sys.argv else ""  # in a study's worker it is neither script: the constants apply
if _PROGRAM == "prepare.py":
    _PARSER = argparse.ArgumentParser(description="Prepare the data of the language-model project.", parents=[OPTIONS])
    _PARSER.add_argument(
        "--measure", action="store_true", help="time batches, a plain training step and the evaluation"
    )
    _CHOSEN = _PARSER.parse_args()
else:
    _CHOSEN = OPTIONS.parse_known_args(sys.argv[1:] if _PROGRAM == "train.py" else [])[0]


def batches(size: int, context: int, seed: int, device: str | torch.device = "cpu") -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches of the training text without end; see `dataset.batches`."""
    return dataset.batches(DATA.train, size, context, seed, device)


# -- the metric -------------------------------------------------------------------------------------------------------

_LOGITS = 1 << 27
"""Most logits of one forward pass: 512 MB in float32, so that a vocabulary of 32768 tokens fits as well."""
_AT_ONCE = 4096
"""Tokens whose logits are converted to float32 at a time."""
_PEEK = 0.1
"""Nats by which logits may change when later tokens change. Rounding adds nothing (same shapes, same kernels); a model that sees
the next token gains whole nats."""


def evaluate(model: Callable[[Tensor], Tensor]) -> float:
    """Return a model's bits per byte on the validation text: the metric that a study minimises.

    This is the sum of the nats of all tokens, divided by ln 2 and by the bytes of all tokens. It can be compared between
    tokenizers, contexts and models (Gao et al. 2020, "The Pile", section 3.1). The same `PRESET.eval_tokens` bytes of text are
    scored with every tokenizer, each token exactly once and in a fixed order. Windows of `CONTEXT` inputs follow each other and
    share their border token, so each token is predicted from 1 to `CONTEXT` tokens before it.

    Models need not predict where documents end: separators are given as context, but they are neither scored nor counted, and
    the probability that the model gives to a separator is removed before the other tokens are scored. Otherwise a model would
    lose at every document that continues and gain nothing where one ends. Equal logits therefore score exactly 8 with ``bytes``.

    Parameters
    ----------
    model : callable
        ``model(x)`` takes tokens, int64 of shape (rows, CONTEXT), and returns logits of shape (rows, CONTEXT, VOCAB) for the
        token that follows each position. It runs as in training (autocast to `PRESET.dtype`), but in evaluation mode and
        without gradients; its modes and torch's random state are restored afterwards.

    Raises
    ------
    ValueError
        When the logits have another shape, or depend on later tokens.
    """
    return score(model, DATA, CONTEXT, PRESET.batch, getattr(torch, PRESET.dtype))


def score(
    model: Callable[[Tensor], Tensor], data: Data, context: int, rows: int, dtype: torch.dtype = torch.float32
) -> float:
    """Return the bits per byte of a model on `data`; see `evaluate`.

    Parameters
    ----------
    model : callable
    data : Data
    context : int
        Tokens in a window.
    rows : int
        Windows in a forward pass; fewer are used where the logits would take too much memory. Does not change the result.
    dtype : torch.dtype
        For autocast; float32 turns it off.
    """
    rows = max(1, min(rows, -(-(len(data.val) - 1) // context), _LOGITS // (context * data.tokenizer.size)))
    inputs, targets = _windows(data, context, rows)
    device = _device(model)
    parts = []
    # no_grad and not inference_mode: tensors that the model caches must stay usable in training
    with _evaluation_mode(model), torch.no_grad(), _autocast(device, dtype):
        for number, (x, y) in enumerate(zip(inputs.to(device), targets, strict=True)):
            logits = _logits(model, x, data.tokenizer.size)
            if number == 0:
                _check_causal(model, x, logits)
            parts.append(_nats(logits, y.to(device)))
    sums, chosen = torch.cat(parts, 1).cpu().double()
    scored = targets.flatten() != data.tokenizer.separator
    nats = float((sums.log() - chosen)[scored].sum())
    return bits_per_byte(nats, data.val_bytes[1:].sum())


def _windows(data: Data, context: int, rows: int) -> tuple[Tensor, Tensor]:
    """Return inputs and targets, each of shape (passes, rows, context).

    The last pass is filled with separators, which are not scored, so that all passes have one shape and a compiled model is
    compiled once.
    """
    passes = -(-(len(data.val) - 1) // (context * rows))
    stream = np.full(passes * rows * context + 1, data.tokenizer.separator, np.int64)
    stream[: len(data.val)] = data.val
    whole = torch.from_numpy(stream)
    return whole[:-1].view(passes, rows, context), whole[1:].view(passes, rows, context)


def _nats(logits: Tensor, targets: Tensor) -> Tensor:
    """Return, for each target, Σ exp(z − max z) over the text tokens and z − max z of the target; shape (2, targets).

    A target's nats are the logarithm of the first minus the second. The logarithm and the sum over tokens are computed later, in
    float64 on the CPU: some devices have no float64, and for 256 equal logits the sum is exact in float32 but its logarithm is not.
    """
    flat, wanted = logits.flatten(0, 1), targets.flatten()
    text_tokens = flat.shape[1] - 1  # the separator is the last
    pieces = []
    for part, target in zip(torch.split(flat, _AT_ONCE), torch.split(wanted, _AT_ONCE), strict=True):
        z = part[:, :text_tokens].to(torch.promote_types(part.dtype, torch.float32))
        z = z - z.amax(1, keepdim=True)
        pieces.append(torch.stack([z.exp().sum(1), z.gather(1, target.clamp(max=text_tokens - 1)[:, None])[:, 0]]))
    return torch.cat(pieces, 1)


def _logits(model: Callable[[Tensor], Tensor], x: Tensor, size: int) -> Tensor:
    logits = model(x)
    if logits.shape != (*x.shape, size):
        raise ValueError(
            f"model(x) returned shape {tuple(logits.shape)}; expected logits of shape {(*x.shape, size)}: rows, context, VOCAB."
        )
    return logits


def _check_causal(model: Callable[[Tensor], Tensor], x: Tensor, logits: Tensor) -> None:
    """Raise if the logits at a position change with later tokens: attention without its mask would score near 0."""
    rows, context = x.shape
    size = logits.shape[2]
    # Each row has its own border, so that many positions are tested: the tokens after it are replaced.
    border = torch.from_numpy(np.random.default_rng(0).integers(1, max(2, context), rows)).to(x.device)
    before = torch.arange(context, device=x.device) < border[:, None]
    changed = torch.where(before, x, (x + 1 + x.roll(1, 1)) % (size - 1))
    one, other = logits[before].float(), _logits(model, changed, size)[before].float()
    if float((one - other).where(one != other, 0.0).abs().max()) > _PEEK:  # -inf minus -inf would be NaN
        raise ValueError(
            "The logits at a position change with the tokens after it: the model sees the future, so it gets no score."
        )


def _device(model: Any) -> torch.device:
    tensors = [*model.parameters(), *model.buffers()] if isinstance(model, nn.Module) else []
    return tensors[0].device if tensors else torch.device("cpu")


def _autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    return torch.autocast(device.type, dtype if dtype != torch.float32 else None, enabled=dtype != torch.float32)


@contextmanager
def _evaluation_mode(model: Any) -> Iterator[None]:
    """Put the model in evaluation mode; on exit restore its modes and torch's random state."""
    modules = {part: part.training for part in model.modules()} if isinstance(model, nn.Module) else {}
    device = _device(model)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        try:
            for part in modules:
                part.training = False
            yield
        finally:
            for part, training in modules.items():
                part.training = training


# -- samples ----------------------------------------------------------------------------------------------------------


def sample(
    model: Callable[[Tensor], Tensor],
    prompt: str = "",
    count: int = 200,
    temperature: float = 0.8,
    seed: int = 0,
    top_k: int = 50,
) -> str:
    """Return text written by a model: for people to read, while `evaluate` gives the score.

    Parameters
    ----------
    model : callable
        As for `evaluate`.
    prompt : str
        The beginning of a document; empty lets the model begin one.
    count : int
        Tokens to add.
    temperature : float
        Divides the logits; 0 takes the most likely token.
    seed : int
        The same seed and model give the same text.
    top_k : int
        Sample among this many most likely tokens (Fan et al. 2018, section 5.4); 0 for all.

    Returns
    -------
    str
        The prompt and its continuation. Bytes that are not UTF-8 become U+FFFD.
    """
    words, device = DATA.tokenizer, _device(model)
    tokens = [words.separator, *map(int, words.encode(prompt.encode()))]
    draw = torch.Generator().manual_seed(seed)
    with _evaluation_mode(model), torch.no_grad(), _autocast(device, getattr(torch, PRESET.dtype)):
        for _ in range(count):
            seen = tokens[-CONTEXT:]
            x = torch.full(
                (1, CONTEXT), words.separator
            )  # always the full context, so that a compiled model is compiled once
            x[0, : len(seen)] = torch.tensor(seen)
            z = _logits(model, x.to(device), words.size)[0, len(seen) - 1, : words.separator].float().cpu()
            if temperature <= 0:
                tokens.append(int(z.argmax()))
                continue
            best, among = z.topk(min(top_k or len(z), len(z)))
            tokens.append(int(among[torch.multinomial((best / temperature).softmax(0), 1, generator=draw)]))
    return words.decode(tokens).decode("utf-8", "replace")


# -- the constants that train.py imports --------------------------------------------------------------------------------------------

try:
    PRESET = presets.choose(_CHOSEN.preset)
    CONTEXT = PRESET.context
    DATA = dataset.load(
        _CHOSEN.source, _CHOSEN.shards, _CHOSEN.tokenizer, PRESET.eval_tokens, download=_PROGRAM == "prepare.py"
    )
    VOCAB = DATA.tokenizer.size
except UserError as error:
    if _PROGRAM in ("prepare.py", "train.py"):
        sys.exit(f"{error}")
    raise


# -- the command line -------------------------------------------------------------------------------------------------


def describe() -> str:
    """Return a few lines about the text, its tokens and the cache."""
    train, val = len(DATA.train), len(DATA.val)
    each = int(DATA.val_bytes.sum()) / max(1, int((DATA.val_bytes > 0).sum()))
    return (
        f"source      {_CHOSEN.source}: {train:,} tokens to train on ({DATA.train.nbytes / 1e6:,.0f} MB on disk)\n"
        f"tokenizer   {DATA.tokenizer.name}: {VOCAB} tokens, {each:.2f} bytes each\n"
        f"validation  {int(DATA.val_bytes.sum()):,} bytes in {val:,} tokens, {-(-(val - 1) // CONTEXT)} windows of {CONTEXT}\n"
        f"cache       {cache_folder.root()}"
    )


def measure(seconds: float = 2.0) -> str:
    """Return a few lines with the speed of `batches`, of a training step, and the time that `evaluate` takes.

    The step is that of a plain transformer of the preset's shape: PyTorch's own layers, float32, AdamW.
    """
    device = torch.device(PRESET.device)
    stack = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(PRESET.width, PRESET.heads, 4 * PRESET.width, 0.0, "gelu", batch_first=True, norm_first=True),
        PRESET.depth, enable_nested_tensor=False,
    )  # fmt: skip
    mask = nn.Transformer.generate_square_subsequent_mask(CONTEXT).to(device)

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.read, self.stack, self.write = nn.Embedding(VOCAB, PRESET.width), stack, nn.Linear(PRESET.width, VOCAB)

        def forward(self, x: Tensor) -> Tensor:
            return self.write(self.stack(self.read(x), mask, is_causal=True))  # type: ignore[no-any-return]

    model = Plain().to(device)
    adam = torch.optim.AdamW(model.parameters(), 1e-4)

    def step(x: Tensor, y: Tensor) -> None:
        nn.functional.cross_entropy(model(x).flatten(0, 1), y.flatten()).backward()  # type: ignore[no-untyped-call]
        adam.step()
        adam.zero_grad()

    loading = _tokens_per_second(lambda x, y: None, seconds)
    training = _tokens_per_second(step, seconds)
    began = time.perf_counter()
    bits = evaluate(model)
    spent = time.perf_counter() - began
    return (
        f"batches     {loading / 1e6:,.1f} million tokens/s alone, {PRESET.batch} windows of {CONTEXT}\n"
        f"a step      {training / 1e6:,.3f} million tokens/s; {training / loading:.2%} of its time is spent waiting for batches\n"
        f"evaluation  {spent:.2f} s, {spent / PRESET.seconds:.1%} of the budget of {PRESET.seconds:g} s ({bits:.2f} bits per byte)"
    )


def _tokens_per_second(use: Callable[[Tensor, Tensor], None], seconds: float) -> float:
    """Return the tokens per second that `use` processes in batches of the preset, after one batch to warm up."""
    source = batches(PRESET.batch, CONTEXT, 0, PRESET.device)
    use(*next(source))
    began, tokens = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < seconds:
        x, y = next(source)
        use(x, y)
        tokens += x.numel()
    if x.device.type == "cuda":
        torch.cuda.synchronize()
        spent = time.perf_counter() - began
    return tokens / spent


if _PROGRAM == "prepare.py":
    print(describe())
    if _CHOSEN.measure:
        print(measure())
    if (_CHOSEN.source, _CHOSEN.tokenizer) != (SOURCE, TOKENIZER):
        print(
            f'ready       set SOURCE = "{_CHOSEN.source}" and TOKENIZER = "{_CHOSEN.tokenizer}" in train/prepare.py, or give '
            "train.py the same options"
        )
