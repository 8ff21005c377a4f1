"""Text to train on without a download, and the score of a language model in bits per byte.

`corpus` reads text as bytes, `split` holds part of it out for validation, and `bits_per_byte` turns a loss into a
value that is comparable across tokenizers and batch sizes.

Not here: tokenizers, tensors and batches; a study's own setup creates those.
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
"""Name of the corpus that every machine has: the source of Python's standard library."""

_SKIPPED_FOLDERS = frozenset({
    "__pycache__", "site-packages", "dist-packages",  # not part of the standard library
    "test", "tests", "idle_test",  # twice the size of the library itself, and repetitive
    "encodings", "pydoc_data",  # generated: character tables; the reference manual as one string
})  # fmt: skip
_SKIPPED_FILES = frozenset({"html/entities.py"})  # a table of 2231 names
_SKIPPED_PREFIXES = ("_sysconfigdata", "config-")  # how this machine's Python was compiled

_CHECKED_BYTES = 8192
"""A NUL among the first bytes of a file marks it as binary, as in git."""


def corpus(source: str | os.PathLike[str] = STDLIB, *, limit: int | None = None) -> bytes:
    """Return text as bytes, the same on every call.

    Parameters
    ----------
    source : str or path
        ``"stdlib"`` is the source of the running Python's standard library, about 9 MB in 500 to 600 files: every .py
        file except tests, installed packages and files that hold tables instead of code (``encodings``, ``pydoc_data``,
        ``html/entities.py``, ``_sysconfigdata*``). It differs between Python versions, so compare results within one
        version. Any other text, also ``"./stdlib"``, is the path of a file, a folder (all text files below it, except
        hidden ones) or a glob such as ``"~/notes/**/*.md"``. Binary and empty files in a folder or glob are skipped.
    limit : int, optional
        Maximum number of bytes, counted from the start.

    Returns
    -------
    bytes
        The files' contents in the order of their relative paths, joined by newlines.

    Raises
    ------
    UserError
        When there is no text to read.
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

    The text is cut into `pieces` equal pieces, and the end of each is held out. A corpus is ordered by file names, so
    its tail alone would cover special subjects only (xml and zip, in the standard library), while randomly drawn lines
    would be half known from their neighbours. The split is deterministic, and no byte is in both parts.

    Parameters
    ----------
    text : bytes
    validation : float
        Share to hold out, between 0 and 1; met to within `pieces` bytes.
    pieces : int
        Number of pieces: more of them sample the text more evenly, fewer keep longer passages together.

    Returns
    -------
    train, validation : bytes
        Both in the order of the text.

    Raises
    ------
    UserError
        When one of the two would be empty.
    """
    if not 0 < validation < 1:
        raise UserError(
            f"split(validation={validation}) leaves a part empty: give a share between 0 and 1, such as 0.1."
        )
    if pieces < 1:
        raise UserError(f"split(pieces={pieces}) makes no sense: give 1 or more.")
    bounds = [len(text) * i // pieces for i in range(pieces + 1)]
    parts = [text[start:end] for start, end in itertools.pairwise(bounds)]
    cuts = [len(part) - round(len(part) * validation) for part in parts]
    train = b"".join(part[:cut] for part, cut in zip(parts, cuts, strict=True))
    held_out = b"".join(part[cut:] for part, cut in zip(parts, cuts, strict=True))
    if not train or not held_out:
        raise UserError(f"{len(text)} bytes are too few to split in {pieces} pieces: give more text, or pieces=1.")
    return train, held_out


def bits_per_byte(nats: SupportsFloat, count: SupportsFloat) -> float:
    """Return the bits per byte that a model needs to encode a text: lower is better.

    It is ``nats / (count · ln 2)``, where ``nats = −Σ ln p`` is the negative log-likelihood of the whole text: the
    length in bits per byte that an arithmetic coder driven by the model would reach (Shannon 1948, section 9). Unlike
    a loss per token, it does not depend on the tokenizer (Gao et al. 2020, "The Pile", section 3.1). A uniform guess
    among 256 bytes scores exactly 8.

    Parameters
    ----------
    nats : float or 0-d tensor
        Summed, not averaged, in nats, as ``cross_entropy(..., reduction="sum")`` returns it.
    count : int or 0-d tensor
        Bytes of text (not tokens) that `nats` was summed over.

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
    """Yield the texts of a source in order, at least one."""
    found = False
    for text in _stdlib() if source == STDLIB else _local(source):
        found = True
        yield text
    if not found:
        where = "The standard library has no .py files here" if source == STDLIB else f"There is no text in {source!r}"
        raise UserError(f"{where}: give corpus() a text file, a folder or a glob such as 'books/**/*.txt'.")


def _stdlib() -> Iterator[bytes]:
    root = Path(sysconfig.get_path("stdlib"))
    for path in _below(root, lambda name: name in _SKIPPED_FOLDERS or name.startswith(_SKIPPED_PREFIXES)):
        if path.suffix == ".py" and path.relative_to(root).as_posix() not in _SKIPPED_FILES and (text := _read(path)):
            yield text


def _local(source: str) -> Iterator[bytes]:
    path = Path(source).expanduser()
    if path.is_file():
        yield _read_single(path)
    elif path.is_dir():
        yield from filter(None, map(_read, _below(path, lambda name: name.startswith("."))))
    else:
        # Path.glob does not accept absolute patterns
        matches = sorted(map(Path, glob.glob(str(path), recursive=True)), key=Path.as_posix)  # noqa: PTH207
        if not matches:
            raise UserError(f"Nothing is at {source!r} (seen from {Path.cwd()}): give a file, a folder or a glob.")
        yield from filter(None, map(_read, matches))


def _below(root: Path, skip: Callable[[str], bool]) -> list[Path]:
    """Return the files below a folder, ordered by relative path, without files and folders whose names are to be skipped."""
    files: list[Path] = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not skip(name)]
        files += [Path(folder, name) for name in names if not skip(name)]
    return sorted(files, key=lambda path: path.relative_to(root).as_posix())


def _read_single(path: Path) -> bytes:
    """Read the one file that the user named, and say why when there is no text in it."""
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
    """Read one file of many; return nothing when it cannot be read or is binary."""
    if not path.is_file():  # reading a named pipe would block forever
        return b""
    try:
        text = path.read_bytes()
    except OSError:
        return b""
    return b"" if _is_binary(text) else text


def _is_binary(text: bytes) -> bool:
    return b"\0" in text[:_CHECKED_BYTES]
