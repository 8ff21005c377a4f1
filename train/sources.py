"""Where the text is from, and what of it is validation: cut before there is any token, the same bytes for every tokenizer.

Not here: the hub's shards themselves (`shards`), tokens (`vocabulary`, `prepare`).
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
"""Bytes that a piece of plain text should have at least, and how many pieces there are at most."""


@dataclass(frozen=True)
class Text:
    """A text in its two parts.

    Attributes
    ----------
    name : str
    fingerprint : str
        Changes when the text does.
    train, validation : callable
        Return the documents, in order.
    """

    name: str
    fingerprint: str
    train: Callable[[], Iterable[bytes]]
    validation: Callable[[], Iterable[bytes]]


def text(source: str, shards: int, *, download: bool = False) -> Text:
    """Return the text of a source.

    Of a data set of the hub the pinned shard is validation; of several Parquet files the last by name ("validation" comes after
    "train"), of one every tenth row. A text is cut into up to 256 pieces, and the last tenth of each is held out.

    Raises
    ------
    UserError
        When there is no such text, or it has not been downloaded.
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
        # Asked when tokens are made: where those are cached, the shards need not be here any more.
        if (paths := hub.here(dataset, shards)) is None:
            again = f"python train/prepare.py --source {dataset.name} --shards {shards}"
            raise UserError(f"{dataset.name} is not here yet: run {again} (and the --tokenizer you want).")
        return paths

    def train() -> Iterator[bytes]:
        for path in files()[:-1]:
            yield from hub.documents(path)

    mark = "\n".join([dataset.repo, dataset.revision, *dataset.files(shards)])  # whose content is checked on arrival
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
    # Each cut begins a document. Held-out pieces come in a drawn order, so that the first of them are from all over the text.
    order = np.random.default_rng(0).permutation(count)
    train, held_out = [train for train, _ in pairs], [pairs[place][1] for place in order]
    return Text("embedded" if source == "embedded" else "text", digest(whole), lambda: train, lambda: held_out)


def digest(content: bytes) -> str:
    """Return 16 signs that change with the content."""
    return hashlib.sha256(content).hexdigest()[:16]
