"""Data, batches and the metric of the language-model lab. Frozen: `train.py` is what changes.

    python train/prepare.py                                    # what is used, what it costs
    python train/prepare.py --source tinystories --shards 4    # download, learn the tokenizer, write the tokens
    python train/prepare.py --measure                          # are batches a bottleneck? what does evaluation take?

From top to bottom: the choices, tokens on disk, batches, bits per byte, samples. Where the text is from and what of it is validation
is in `sources` and `shards`, what a token is in `vocabulary`, the machine and the shape of the model in `presets`. Everything here stays on the CPU until
`batches` or `evaluate` is called, so that the warm worker can run this once and fork an experiment in a moment.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

import presets
import shards as hub
import sources
import vocabulary
from autoresearch_magic.data import bits_per_byte
from autoresearch_magic.errors import UserError
from vocabulary import Tokens, Vocabulary

# -- the choices ------------------------------------------------------------------------------------------------------

SOURCE = "embedded"
"""Text: "embedded" (Python's standard library, no download), "tinystories", "climbmix", or a path: a file, a folder or a glob of
text, or of *.parquet."""
SHARDS = 4
"""Of tinystories (has 4) and climbmix (6542): how many training shards."""
TOKENIZER = "bytes"
"""One of "bytes", "bpe-4096", "bpe-8192", "bpe-32768"."""
PRESET_NAME = ""
"""A preset by name; the one for this machine if empty."""

OPTIONS = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
"""The choices as options of the command line, a parent for the parser of a script."""
OPTIONS.add_argument("--source", default=SOURCE, help="embedded, tinystories, climbmix or a path (%(default)s)")
OPTIONS.add_argument(
    "--shards", type=int, default=SHARDS, help="training shards of tinystories or climbmix (%(default)s)"
)
OPTIONS.add_argument("--tokenizer", default=TOKENIZER, help=f"{vocabulary.NAMES} (%(default)s)")
OPTIONS.add_argument("--preset", default=PRESET_NAME, help="a preset of presets.py; that of this machine if not given")

_PROGRAM = Path(sys.argv[0]).name if sys.argv else ""  # in the warm worker neither of the two: there the constants hold
if _PROGRAM == "prepare.py":
    _PARSER = argparse.ArgumentParser(description="Prepare the data of the language-model lab.", parents=[OPTIONS])
    _PARSER.add_argument(
        "--measure", action="store_true", help="time batches, a plain training step and the evaluation"
    )
    _CHOSEN = _PARSER.parse_args()
else:
    _CHOSEN = OPTIONS.parse_known_args(sys.argv[1:] if _PROGRAM == "train.py" else [])[0]

LEARN_FROM = 200_000_000
"""Bytes of training text that a tokenizer is learned from; more change hardly a merge."""

FORMAT = 1
"""To be raised when the same text would give other tokens than before: caches of older code are then passed over."""

# -- tokens -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Data:
    """What there is to train on and to be scored on.

    Attributes
    ----------
    train, val : array of uint16, shape (tokens,)
        Documents one after the other, each after a separator. Read from disk as needed, and read only.
    val_bytes : array of int64, shape (tokens,)
        Bytes of text of each token of `val`, 0 for a separator.
    tokenizer : Vocabulary
    """

    train: Tokens
    val: Tokens
    val_bytes: NDArray[np.int64]
    tokenizer: Vocabulary


def load(source: str, shards: int, tokenizer: str, eval_bytes: int, *, download: bool = False) -> Data:
    """Return the tokens of a source, from the cache where they have been made before.

    Parameters
    ----------
    source, shards, tokenizer
        As `SOURCE`, `SHARDS` and `TOKENIZER`.
    eval_bytes : int
        Bytes of validation text that are scored, from its beginning; all when it has fewer.
    download : bool
        Whether the network may be asked for what is not here.

    Raises
    ------
    UserError
        When there is no such text or tokenizer, when a library for it is missing, or when nothing can be written.
    """
    vocabulary.merges_of(tokenizer)  # a slip of the pen is told before a gigabyte is fetched
    chosen = sources.text(source, shards, download=download)
    folder = hub.cache() / "tokens"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be made ({error.strerror}): set XDG_CACHE_HOME to a folder of yours."
        ) from None
    stem = f"{chosen.name}-{chosen.fingerprint}-v{FORMAT}"
    words, mark = vocabulary.of_bytes(), "bytes"
    if tokenizer != "bytes":
        file = folder / f"{stem}-{tokenizer}.json"
        if not file.is_file():
            print(f"learning {tokenizer} from {chosen.name}", file=sys.stderr)
            vocabulary.learn(tokenizer, _first(chosen.train(), LEARN_FROM), file)
        words, mark = vocabulary.read(tokenizer, file), f"{tokenizer}-{sources.digest(file.read_bytes())}"
    train = _tokens(folder / f"{stem}-{mark}-train.bin", words, chosen.train)
    val = _tokens(
        folder / f"{stem}-{mark}-val-{eval_bytes}.bin", words, lambda: _first(chosen.validation(), eval_bytes)
    )
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # from here on we may be forked, and its threads are not
    return Data(train, val, words.lengths[val], words)


def _first(documents: Iterable[bytes], count: int) -> Iterator[bytes]:
    """Yield documents until they have `count` bytes; the last is cut."""
    for document in documents:
        yield document[:count]
        count -= len(document)
        if count <= 0:
            return


class _Bar(tqdm):  # type: ignore[type-arg]
    """A bar without the thread that tqdm starts beside its bars: a process with threads is not to be forked."""

    monitor_interval = 0


def _tokens(file: Path, words: Vocabulary, documents: Callable[[], Iterable[bytes]]) -> Tokens:
    """Map the tokens of documents into memory; a file that has its name is whole."""
    if not file.is_file():
        with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".part", delete=False) as part:
            try:
                for tokens in _Bar(
                    words.encode_all(documents()), desc=file.name, unit=" documents", disable=None, leave=False
                ):
                    part.write(np.uint16(words.separator).tobytes())
                    part.write(tokens.tobytes())
                part.flush()
                os.fsync(part.fileno())
                Path(part.name).replace(file)
            except BaseException:
                Path(part.name).unlink(missing_ok=True)
                raise
    if not file.stat().st_size:
        file.unlink()
        raise UserError("There is too little text: one of its two parts, training and validation, is empty.")
    return np.memmap(file, np.uint16, "r")


# -- batches ----------------------------------------------------------------------------------------------------------

_SECTION = 1 << 20
"""Windows that are shuffled at a time: ten milliseconds and 8 MB, however long the text is."""


def batches(size: int, context: int, seed: int, device: str | torch.device = "cpu") -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches of training text without end.

    The text is cut into windows of `context` tokens, full to the last place: a window may hold the end of one document and the
    beginning of the next. Each pass over the text cuts at other places and takes every window once, in an order that the seed
    alone decides, on every machine and in every process.

    Parameters
    ----------
    size, context : int
        Windows in a batch, tokens in a window.
    seed : int
    device : str or torch.device
        On CUDA a batch is copied from pinned memory while the one before it is in use.

    Yields
    ------
    x, y : Tensor of int64, shape (size, context)
        Tokens, and the token that follows each.

    Raises
    ------
    UserError
        When the text has no window of that length.
    """
    if len(DATA.train) < 2 * context + 1:
        raise UserError(
            f"The training text has {len(DATA.train)} tokens, too few for a context of {context}: give more text."
        )
    return _ahead(_batches(DATA.train, size, context, seed), torch.device(device))


def _batches(tokens: Tokens, size: int, context: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    windows = sliding_window_view(tokens, context + 1)  # a view: nothing is read before it is taken
    rng = np.random.default_rng(int(seed))
    waiting = np.empty(0, np.int64)
    while True:
        for starts in _pass(len(tokens), context, rng):
            waiting = np.concatenate([waiting, starts])
            while len(waiting) >= size:
                now, waiting = waiting[:size], waiting[size:]
                rows = windows[now].astype(np.int64)
                yield torch.from_numpy(rows[:, :-1].copy()), torch.from_numpy(rows[:, 1:].copy())


def _pass(length: int, context: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield where the windows of one pass begin, in a drawn order, `_SECTION` at a time."""
    shift = int(rng.integers(context))
    count = (length - 1 - shift) // context
    for first in rng.permutation(np.arange(0, count, _SECTION)):
        yield shift + context * (first + rng.permutation(min(_SECTION, count - first)))


def _ahead(pairs: Iterator[tuple[Tensor, Tensor]], device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    if device.type != "cuda":
        yield from ((x.to(device), y.to(device)) for x, y in pairs)
        return

    def send() -> tuple[Tensor, Tensor]:
        x, y = next(pairs)
        return x.pin_memory().to(device, non_blocking=True), y.pin_memory().to(device, non_blocking=True)

    following = send()
    while True:
        current, following = following, send()  # queued before the step that uses `current`, so it never waits for it
        yield current


# -- the metric -------------------------------------------------------------------------------------------------------

_LOGITS = 1 << 27
"""Logits of one forward pass at most: 512 MB in float32, so that a vocabulary of 32768 does not decide what fits."""
_AT_ONCE = 4096
"""Tokens whose logits are turned to float32 at a time."""
_PEEK = 0.1
"""Nats by which logits may change with the text that follows. Rounding gives none (same shapes, same kernels); a model that sees
the next token gains whole nats."""


def evaluate(model: Callable[[Tensor], Tensor]) -> float:
    """Return the bits per byte of a model on the validation text: what the study minimises.

    The nats of all tokens, over ln 2 and the bytes of all tokens: comparable between tokenizers, contexts and models (Gao et al.
    2020, "The Pile", section 3.1). The same `PRESET.eval_tokens` bytes of text are scored whatever the tokenizer (so that no
    tokenizer has more tokens to score), every token of it exactly once, in one fixed order. Windows of `CONTEXT` inputs follow
    each other and share their border token, so each token is seen with 1 to `CONTEXT` tokens before it.

    Where documents end is given, not guessed: separators are context, but neither scored nor counted, and the model's probability
    of a separator is taken out before the rest is scored. Without that a model would pay for every document that goes on and earn
    nothing for one that ends. So equal logits score exactly 8 with ``bytes``.

    Parameters
    ----------
    model : callable
        ``model(x)`` takes tokens, int64 of shape (rows, CONTEXT), and returns logits of shape (rows, CONTEXT, VOCAB): at each
        place of what follows there. It runs as in training (autocast to `PRESET.dtype`), but in evaluation mode and without
        gradients; its modes and torch's random state are put back.

    Raises
    ------
    ValueError
        When the logits have another shape, or depend on text that is yet to come.
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
        Windows in a forward pass; fewer where the logits would be too many. Does not change the result.
    dtype : torch.dtype
        For autocast; float32 is none.
    """
    rows = max(1, min(rows, -(-(len(data.val) - 1) // context), _LOGITS // (context * data.tokenizer.size)))
    inputs, targets = _windows(data, context, rows)
    device = _device(model)
    parts = []
    with (
        _as_it_was(model),
        torch.no_grad(),
        _autocast(device, dtype),
    ):  # not inference_mode: what a model caches must stay usable
        for number, (x, y) in enumerate(zip(inputs.to(device), targets, strict=True)):
            logits = _logits(model, x, data.tokenizer.size)
            if number == 0:
                _refuse_to_peek(model, x, logits)
            parts.append(_nats(logits, y.to(device)))
    sums, chosen = torch.cat(parts, 1).cpu().double()
    scored = targets.flatten() != data.tokenizer.separator
    nats = float((sums.log() - chosen)[scored].sum())
    return bits_per_byte(nats, data.val_bytes[1:].sum())


def _windows(data: Data, context: int, rows: int) -> tuple[Tensor, Tensor]:
    """Return inputs and targets, each of shape (passes, rows, context); at the end stand separators, which are not scored.

    Every pass has the same shape, so that a compiled model is compiled once.
    """
    passes = -(-(len(data.val) - 1) // (context * rows))
    stream = np.full(passes * rows * context + 1, data.tokenizer.separator, np.int64)
    stream[: len(data.val)] = data.val
    whole = torch.from_numpy(stream)
    return whole[:-1].view(passes, rows, context), whole[1:].view(passes, rows, context)


def _nats(logits: Tensor, targets: Tensor) -> Tensor:
    """Return, for each target, Σ exp(z − max z) over the text tokens and z − max z of the target; shape (2, targets).

    The nats are ln of the first less the second. The logarithm and the sum over tokens are left to float64 on the CPU: some devices
    have none, and of 256 equal logits the sum is exact in float32 but its logarithm is not.
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
            f"model(x) gives {tuple(logits.shape)}; logits of shape {(*x.shape, size)} are wanted: rows, context, VOCAB."
        )
    return logits


def _refuse_to_peek(model: Callable[[Tensor], Tensor], x: Tensor, logits: Tensor) -> None:
    """Raise if the logits at a place change with the tokens after it: attention without its mask would score near 0."""
    rows, context = x.shape
    size = logits.shape[2]
    # A border for each row, so that many places are tried: what stands after it is replaced.
    border = torch.from_numpy(np.random.default_rng(0).integers(1, max(2, context), rows)).to(x.device)
    before = torch.arange(context, device=x.device) < border[:, None]
    changed = torch.where(before, x, (x + 1 + x.roll(1, 1)) % (size - 1))
    one, other = logits[before].float(), _logits(model, changed, size)[before].float()
    if float((one - other).where(one != other, 0.0).abs().max()) > _PEEK:  # -inf less -inf is nothing, and no number
        raise ValueError(
            "The logits at a place change with the tokens after it: the model sees the future, so no score is given."
        )


def _device(model: Any) -> torch.device:
    held = [*model.parameters(), *model.buffers()] if isinstance(model, nn.Module) else []
    return held[0].device if held else torch.device("cpu")


def _autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    return torch.autocast(device.type, dtype if dtype != torch.float32 else None, enabled=dtype != torch.float32)


@contextmanager
def _as_it_was(model: Any) -> Iterator[None]:
    """Put the model in evaluation mode, and on leaving its modes and the random states as they were."""
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
    """Let a model go on with a text: to look at, for the figures are in `evaluate`.

    Parameters
    ----------
    model : callable
        As for `evaluate`.
    prompt : str
        The beginning of a document; the model begins one itself if empty.
    count : int
        Tokens to add.
    temperature : float
        The logits are divided by it; 0 takes the likeliest token.
    seed : int
        The same seed and model give the same text.
    top_k : int
        Drawn among so many likeliest tokens (Fan et al. 2018, section 5.4); 0 for all.

    Returns
    -------
    str
        The prompt and what follows. Bytes that are no UTF-8 show as U+FFFD.
    """
    words, device = DATA.tokenizer, _device(model)
    tokens = [words.separator, *map(int, words.encode(prompt.encode()))]
    draw = torch.Generator().manual_seed(seed)
    with _as_it_was(model), torch.no_grad(), _autocast(device, getattr(torch, PRESET.dtype)):
        for _ in range(count):
            seen = tokens[-CONTEXT:]
            x = torch.full((1, CONTEXT), words.separator)  # always the whole context: a compiled model is compiled once
            x[0, : len(seen)] = torch.tensor(seen)
            z = _logits(model, x.to(device), words.size)[0, len(seen) - 1, : words.separator].float().cpu()
            if temperature <= 0:
                tokens.append(int(z.argmax()))
                continue
            best, among = z.topk(min(top_k or len(z), len(z)))
            tokens.append(int(among[torch.multinomial((best / temperature).softmax(0), 1, generator=draw)]))
    return words.decode(tokens).decode("utf-8", "replace")


# -- what train.py imports --------------------------------------------------------------------------------------------

try:
    PRESET = presets.choose(_CHOSEN.preset)
    CONTEXT = PRESET.context
    DATA = load(
        _CHOSEN.source, _CHOSEN.shards, _CHOSEN.tokenizer, PRESET.eval_tokens, download=_PROGRAM == "prepare.py"
    )
    VOCAB = DATA.tokenizer.size
except UserError as error:
    if _PROGRAM in ("prepare.py", "train.py"):
        sys.exit(f"{error}")
    raise


# -- the command line -------------------------------------------------------------------------------------------------


def describe() -> str:
    """Return what is trained on and scored, in a few lines."""
    train, val = len(DATA.train), len(DATA.val)
    each = int(DATA.val_bytes.sum()) / max(1, int((DATA.val_bytes > 0).sum()))
    return (
        f"source      {_CHOSEN.source}: {train:,} tokens to train on ({DATA.train.nbytes / 1e6:,.0f} MB on disk)\n"
        f"tokenizer   {DATA.tokenizer.name}: {VOCAB} tokens, {each:.2f} bytes each\n"
        f"validation  {int(DATA.val_bytes.sum()):,} bytes in {val:,} tokens, {-(-(val - 1) // CONTEXT)} windows of {CONTEXT}\n"
        f"cache       {hub.cache()}"
    )


def measure(seconds: float = 2.0) -> str:
    """Return the speed of `batches` beside that of a training step, and the time `evaluate` takes, in a few lines.

    The step is that of a plain transformer of the preset's shape: its own of PyTorch, float32, AdamW.
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

    alone = _rate(lambda x, y: None, seconds)
    training = _rate(step, seconds)
    began = time.perf_counter()
    bits = evaluate(model)
    spent = time.perf_counter() - began
    return (
        f"batches     {alone / 1e6:,.1f} million tokens/s alone, {PRESET.batch} windows of {CONTEXT}\n"
        f"a step      {training / 1e6:,.3f} million tokens/s: {training / alone:.2%} of it is waiting for batches\n"
        f"evaluation  {spent:.2f} s, {spent / PRESET.seconds:.1%} of the budget of {PRESET.seconds:g} s ({bits:.2f} bits per byte)"
    )


def _rate(use: Callable[[Tensor, Tensor], None], seconds: float) -> float:
    """Return the tokens a second that `use` takes in batches of the preset, after a first one for warming up."""
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
