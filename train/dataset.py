"""Token arrays of the training and validation text, cached on disk, and the training batches cut from them.

Which text that is, and how it is divided, is in `sources`; what a token is, in `vocabulary`. Everything here stays on the CPU
until `batches` is given another device.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

import cache_folder
import sources
import vocabulary
from autoresearch_magic.errors import UserError
from vocabulary import Tokens, Vocabulary

LEARN_FROM = 200_000_000
"""Bytes of training text that a tokenizer is learned from; more text changes hardly any merge."""

FORMAT = 1
"""Version of the token files. Raise it when the same text would give other tokens, so that older caches are ignored."""

SECTION = 1 << 20
"""Windows that are shuffled together: this takes 10 ms and 8 MB, however long the text is."""


@dataclass(frozen=True)
class Data:
    """Tokenized training and validation text.

    Attributes
    ----------
    train, val : array of uint16, shape (tokens,)
        Documents one after the other, each preceded by a separator. Memory-mapped and read-only.
    val_bytes : array of int64, shape (tokens,)
        Bytes of text in each token of `val`; 0 for a separator.
    tokenizer : Vocabulary
    """

    train: Tokens
    val: Tokens
    val_bytes: NDArray[np.int64]
    tokenizer: Vocabulary


# -- tokens on disk ---------------------------------------------------------------------------------------------------


def load(source: str, shards: int, tokenizer: str, eval_bytes: int, *, download: bool = False) -> Data:
    """Return the tokens of a source; tokenize and cache them on the first call.

    Parameters
    ----------
    source, shards, tokenizer
        As `SOURCE`, `SHARDS` and `TOKENIZER` in `prepare`.
    eval_bytes : int
        Bytes of validation text to score, from its beginning; all of it when it is shorter.
    download : bool
        Whether missing files may be downloaded.

    Raises
    ------
    UserError
        When the text or the tokenizer does not exist, a library is missing, or the cache cannot be written.
    """
    vocabulary.size_of(tokenizer)  # report a mistyped name before a gigabyte is downloaded
    text = sources.text(source, shards, download=download)
    folder = cache_folder.make(cache_folder.root() / "tokens")
    stem = f"{text.name}-{text.fingerprint}-v{FORMAT}"
    words, mark = vocabulary.of_bytes(), "bytes"
    if tokenizer != "bytes":
        file = folder / f"{stem}-{tokenizer}.json"
        if not file.is_file():
            print(f"learning {tokenizer} from {text.name}", file=sys.stderr)
            vocabulary.learn(tokenizer, _first(text.train(), LEARN_FROM), file)
        words, mark = vocabulary.read(tokenizer, file), f"{tokenizer}-{sources.digest(file.read_bytes())}"
    train = _tokens(folder / f"{stem}-{mark}-train.bin", words, text.train)
    val = _tokens(folder / f"{stem}-{mark}-val-{eval_bytes}.bin", words, lambda: _first(text.validation(), eval_bytes))
    os.environ.setdefault(
        "TOKENIZERS_PARALLELISM", "false"
    )  # the process may be forked now, and threads do not survive that
    return Data(train, val, words.lengths[val], words)


def _first(documents: Iterable[bytes], count: int) -> Iterator[bytes]:
    """Yield documents until they add up to `count` bytes; the last one is cut."""
    for document in documents:
        yield document[:count]
        count -= len(document)
        if count <= 0:
            return


class _Bar(tqdm):  # type: ignore[type-arg]
    """A progress bar without tqdm's monitor thread: a process with threads must not be forked."""

    monitor_interval = 0


def _tokens(file: Path, words: Vocabulary, documents: Callable[[], Iterable[bytes]]) -> Tokens:
    """Memory-map the token file, after writing it if it is missing.

    The file gets its name only when it is complete, so an interrupted run leaves no partial cache.
    """
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
        raise UserError("There is too little text: its training part or its validation part is empty.")
    return np.memmap(file, np.uint16, "r")


# -- batches ----------------------------------------------------------------------------------------------------------


def batches(
    tokens: Tokens, size: int, context: int, seed: int, device: str | torch.device = "cpu"
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches of a text without end.

    The text is cut into windows of `context` tokens without padding: a window may hold the end of one document and the
    beginning of the next. Each pass over the text shifts the cuts and takes every window once, in an order that depends on the
    seed alone, on every machine and in every process.

    Parameters
    ----------
    tokens : array of uint16, shape (tokens,)
    size, context : int
        Windows in a batch, tokens in a window.
    seed : int
    device : str or torch.device
        On CUDA the next batch is copied from pinned memory while the current one is in use.

    Yields
    ------
    x, y : Tensor of int64, shape (size, context)
        Tokens, and the token that follows each.

    Raises
    ------
    UserError
        When the text is too short for such windows.
    """
    if len(tokens) < 2 * context + 1:
        raise UserError(f"The training text has {len(tokens)} tokens, too few for a context of {context}: add text.")
    return _on_device(_cut_batches(tokens, size, context, seed), torch.device(device))


def _cut_batches(tokens: Tokens, size: int, context: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    windows = sliding_window_view(tokens, context + 1)  # a view: nothing is read before it is used
    rng = np.random.default_rng(int(seed))
    waiting = np.empty(0, np.int64)
    while True:
        for starts in _window_starts(len(tokens), context, rng):
            waiting = np.concatenate([waiting, starts])
            while len(waiting) >= size:
                now, waiting = waiting[:size], waiting[size:]
                rows = windows[now].astype(np.int64)
                yield torch.from_numpy(rows[:, :-1].copy()), torch.from_numpy(rows[:, 1:].copy())


def _window_starts(length: int, context: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield the start positions of one pass's windows in random order, `SECTION` at a time."""
    shift = int(rng.integers(context))
    count = (length - 1 - shift) // context
    for first in rng.permutation(np.arange(0, count, SECTION)):
        yield shift + context * (first + rng.permutation(min(SECTION, count - first)))


def _on_device(pairs: Iterator[tuple[Tensor, Tensor]], device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    if device.type != "cuda":
        yield from ((x.to(device), y.to(device)) for x, y in pairs)
        return

    def send() -> tuple[Tensor, Tensor]:
        x, y = next(pairs)
        return x.pin_memory().to(device, non_blocking=True), y.pin_memory().to(device, non_blocking=True)

    following = send()
    while True:
        current, following = following, send()  # queued before the step that uses `current`, so the copy overlaps it
        yield current
