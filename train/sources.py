"""Text sources, divided into training and validation text before tokenization: the same bytes for every tokenizer.

Not covered here: downloads (`shards`), tokens (`vocabulary`, `dataset`).
"""

from __future__ import annotations

import glob
import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import shards as hub
from autoresearch_magic.data import STDLIB, corpus, split
from autoresearch_magic.errors import UserError

PIECE, PIECES = 32_768, 256
"""Smallest size of a piece of plain text in bytes, and the largest number of pieces."""


@dataclass(frozen=True)
class Text:
    """A text with its training and validation parts.

    Attributes
    ----------
    name : str
    fingerprint : str
        Changes when the text changes.
    train, validation : callable
        Return the documents in order.
    """

    name: str
    fingerprint: str
    train: Callable[[], Iterable[bytes]]
    validation: Callable[[], Iterable[bytes]]


def text(source: str, shards: int, *, download: bool = False) -> Text:
    """Return the text of a source.

    The validation part is the pinned shard of a data set on the hub; the last of several Parquet files by name ("validation"
    follows "train"); every tenth row of a single Parquet file; and of plain text, which is cut into up to 256 pieces, the last
    tenth of each piece.

    Raises
    ------
    UserError
        When the text does not exist or has not been downloaded.
    """
    if source in hub.DATASETS:
        return _hub_text(hub.DATASETS[source], shards, download)
    if source != "embedded" and (files := _parquet(source)):
        return _parquet_text(files)
    return _plain_text(source, corpus(STDLIB if source == "embedded" else source))


def _hub_text(dataset: hub.Dataset, shards: int, download: bool) -> Text:
    if download:
        hub.fetch(dataset, shards)

    def files() -> list[Path]:
        # Called only when tokens are made: once those are cached, the shards may be deleted.
        if (paths := hub.local(dataset, shards)) is None:
            command = f"python train/prepare.py --source {dataset.name} --shards {shards}"
            raise UserError(f"{dataset.name} has not been downloaded: run {command} (and the --tokenizer you want).")
        return paths

    def train() -> Iterator[bytes]:
        for path in files()[:-1]:
            yield from hub.documents(path)

    mark = "\n".join([dataset.repo, dataset.revision, *dataset.files(shards)])  # contents are verified when downloaded
    return Text(dataset.name, digest(mark.encode()), train, lambda: hub.documents(files()[-1]))


def _parquet(source: str) -> list[Path]:
    path = Path(source).expanduser()
    found = path.rglob("*.parquet") if path.is_dir() else map(Path, glob.glob(str(path), recursive=True))  # noqa: PTH207
    return sorted(file for file in found if file.suffix == ".parquet")


def _parquet_text(files: list[Path]) -> Text:
    stats = [file.stat() for file in files]
    marks = [f"{file.resolve()} {stat.st_size} {stat.st_mtime_ns}" for file, stat in zip(files, stats, strict=True)]

    def rows(held_out: bool) -> Iterator[bytes]:
        if len(files) > 1:
            for file in files[-1:] if held_out else files[:-1]:
                yield from hub.documents(file)
        else:
            yield from (row for number, row in enumerate(hub.documents(files[0])) if (number % 10 == 9) == held_out)

    return Text("parquet", digest("\n".join(marks).encode()), lambda: rows(False), lambda: rows(True))


def _plain_text(source: str, whole: bytes) -> Text:
    count = max(1, min(PIECES, len(whole) // PIECE))
    bounds = [len(whole) * place // count for place in range(count + 1)]
    pairs = [split(whole[start:end], 0.1, pieces=1) for start, end in itertools.pairwise(bounds)]
    # Each cut begins a document. Validation pieces are shuffled, so that the first of them come from all over the text.
    order = np.random.default_rng(0).permutation(count)
    train, held_out = [train for train, _ in pairs], [pairs[place][1] for place in order]
    return Text("embedded" if source == "embedded" else "text", digest(whole), lambda: train, lambda: held_out)


def digest(content: bytes) -> str:
    """Return the first 16 hexadecimal digits of the content's SHA-256."""
    return hashlib.sha256(content).hexdigest()[:16]
