"""Text to train on without a download, and how to score a model of its bytes.

`corpus` reads text as bytes, `split` holds some of it out, `bits_per_byte` turns a loss into a figure that can be
compared: over any corpus, tokenizer and batch size.

Not here: tokenizers, tensors and batches; those belong to the setup that a study writes.
"""

from __future__ import annotations

import glob
import itertools
import math
import os
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import SupportsFloat

from .errors import UserError

STDLIB = "stdlib"
"""The corpus that every machine has: the source of Python's own standard library."""

_NO_CODE = frozenset({
    "__pycache__", "site-packages", "dist-packages",  # not the standard library's
    "test", "tests", "idle_test",  # twice the rest, and repetitive
    "encodings", "pydoc_data",  # generated: character tables, and the whole reference manual in one string
})  # fmt: skip
_NO_CODE_FILES = frozenset({"html/entities.py"})  # one table of 2231 names
_OF_THIS_MACHINE = ("_sysconfigdata", "config-")  # how this Python was compiled

_SNIFFED = 8192
"""Bytes of a file that are searched for a NUL, which no text has; git decides in the same way."""


def corpus(source: str | os.PathLike[str] = STDLIB, *, limit: int | None = None) -> bytes:
    """Return text as bytes, the same on every call.

    Parameters
    ----------
    source : str or path
        ``"stdlib"`` is the source of the standard library of the Python that runs, about 9 MB in 500 to 600 files:
        every .py file but tests, installed packages, and what is a table and no code (``encodings``, ``pydoc_data``,
        ``html/entities.py``, ``_sysconfigdata*``). It differs between versions of Python, so compare figures within
        one. Anything else (``"./stdlib"`` too) is a file, a folder (all text files below it, but for hidden ones) or a
        glob such as ``"~/notes/**/*.md"``; of a folder or a glob, files that are binary or empty are passed over.
    limit : int, optional
        At most so many bytes, from the start.

    Returns
    -------
    bytes
        The files as they are, in the order of their relative paths, joined by one newline.

    Raises
    ------
    UserError
        When there is no such text.
    """
    if limit is not None and limit < 1:
        raise UserError(f"corpus(limit={limit}) leaves no text: give a number of bytes above zero, or leave it out.")
    texts, length = [], 0
    for text in _texts(os.fspath(source)):
        texts.append(text)
        length += len(text) + 1
        if limit is not None and length > limit:
            break
    joined = b"\n".join(texts)
    return joined if limit is None else joined[:limit]


def split(text: bytes, validation: float = 0.1, *, pieces: int = 32) -> tuple[bytes, bytes]:
    """Hold out part of a text for validation.

    The text is cut into `pieces` equal stretches and the end of each is held out. A corpus is in the order of its file
    names, so its tail alone would be a subject of its own (of the standard library: xml and zip), and single lines
    drawn by chance would be half known from their neighbours. Nothing is random and no byte is in both parts.

    Parameters
    ----------
    text : bytes
    validation : float
        Share that is held out, between 0 and 1; met to within `pieces` bytes.
    pieces : int
        More follow the text more closely; fewer leave longer stretches whole.

    Returns
    -------
    train, validation : bytes
        Each in the order of the text.

    Raises
    ------
    UserError
        When a part would be empty.
    """
    if not 0 < validation < 1:
        raise UserError(
            f"split(validation={validation}) leaves a part empty: give a share between 0 and 1, such as 0.1."
        )
    if pieces < 1:
        raise UserError(f"split(pieces={pieces}) makes no sense: give 1 or more.")
    bounds = [len(text) * i // pieces for i in range(pieces + 1)]
    stretches = [text[start:end] for start, end in itertools.pairwise(bounds)]
    cuts = [len(stretch) - round(len(stretch) * validation) for stretch in stretches]
    train = b"".join(stretch[:cut] for stretch, cut in zip(stretches, cuts, strict=True))
    held_out = b"".join(stretch[cut:] for stretch, cut in zip(stretches, cuts, strict=True))
    if not train or not held_out:
        raise UserError(f"{len(text)} bytes are too few to split in {pieces} pieces: give more text, or pieces=1.")
    return train, held_out


def bits_per_byte(nats: SupportsFloat, count: SupportsFloat) -> float:
    """Return how many bits a model needs for one byte of text: lower is better.

    ``nats / (count · ln 2)``, where ``nats = −Σ ln p`` is the negative log-likelihood of the whole text. It is the
    length in bits that an arithmetic coder driven by the model would reach, per byte (Shannon 1948, section 9), and,
    unlike a loss per token, is the same quantity for every tokenizer (Gao et al. 2020, "The Pile", section 3.1). A
    uniform guess among 256 bytes scores exactly 8.

    Parameters
    ----------
    nats : float or 0-d tensor
        Summed, not averaged: ``cross_entropy(..., reduction="sum")`` is in nats.
    count : int or 0-d tensor
        Bytes of text that `nats` was summed over, whatever the number of tokens.

    Raises
    ------
    ValueError
        When `count` is not above zero.
    """
    count = float(count)
    if not count > 0:
        raise ValueError(f"bits per byte of {count:g} bytes: count has to be above zero")
    return float(nats) / (count * math.log(2))


# -- finding files ----------------------------------------------------------------------------------------------------


def _texts(source: str) -> Iterator[bytes]:
    """Yield the texts of a source in order; there is at least one."""
    found = False
    for text in _stdlib() if source == STDLIB else _local(source):
        found = True
        yield text
    if not found:
        where = "The standard library has no .py files here" if source == STDLIB else f"There is no text in {source!r}"
        raise UserError(f"{where}: give corpus() a text file, a folder or a glob such as 'books/**/*.txt'.")


def _stdlib() -> Iterator[bytes]:
    root = Path(sysconfig.get_path("stdlib"))
    for path in _below(root, lambda name: name in _NO_CODE or name.startswith(_OF_THIS_MACHINE)):
        if path.suffix == ".py" and path.relative_to(root).as_posix() not in _NO_CODE_FILES and (text := _read(path)):
            yield text


def _local(source: str) -> Iterator[bytes]:
    path = Path(source).expanduser()
    if path.is_file():
        yield _only(path)
    elif path.is_dir():
        yield from filter(None, map(_read, _below(path, lambda name: name.startswith("."))))
    else:
        # not Path.glob, which takes no absolute patterns
        matches = sorted(map(Path, glob.glob(str(path), recursive=True)), key=Path.as_posix)  # noqa: PTH207
        if not matches:
            raise UserError(f"Nothing is at {source!r} (seen from {Path.cwd()}): give a file, a folder or a glob.")
        yield from filter(None, map(_read, matches))


def _below(root: Path, left_out: Callable[[str], bool]) -> list[Path]:
    """Return the files below a folder by their relative paths; hides names, of folders too, that are left out."""
    files: list[Path] = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not left_out(name)]
        files += [Path(folder, name) for name in names if not left_out(name)]
    return sorted(files, key=lambda path: path.relative_to(root).as_posix())


def _only(path: Path) -> bytes:
    """Read the one file that was asked for; here it matters why there is no text in it."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): give corpus() another file.") from None
    if not text:
        raise UserError(f"{path} is empty: give corpus() a file with text in it.")
    if _is_binary(text):
        raise UserError(f"{path} is binary (it has NUL bytes): give corpus() a text file.")
    return text


def _read(path: Path) -> bytes:
    """Read one file of many; nothing when it cannot be read or is no text."""
    if not path.is_file():  # a pipe would wait for ever
        return b""
    try:
        text = path.read_bytes()
    except OSError:
        return b""
    return b"" if _is_binary(text) else text


def _is_binary(text: bytes) -> bool:
    return b"\0" in text[:_SNIFFED]
