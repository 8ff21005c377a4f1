"""Tokenizers: lossless for every string of bytes, UTF-8 or not.

There are two kinds: ``bytes``, one token per byte, and ``bpe-N``, byte pair encoding (Sennrich et al. 2016) over bytes as in GPT-2
(Radford et al. 2019). In both, the last token separates documents; it stands for no text, and no text is encoded to it.

Not covered here: which text a vocabulary is learned from (`dataset`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoresearch_magic.errors import UserError

Tokens = NDArray[np.uint16]

NAMES = "bytes, bpe-4096, bpe-8192 or bpe-32768"
LARGEST = 65_536
"""Largest vocabulary whose tokens fit into 16 bits."""

SPLIT = r"'(?i:[sdmt]|ll|re|ve)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
"""Regular expression whose matches no merge crosses: GPT-4's (cl100k of tiktoken), except that numbers are cut after two digits
instead of three, which saves a small vocabulary a thousand tokens."""


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer: the bytes of each token, and how text is encoded.

    Attributes
    ----------
    name : str
        As requested, such as ``"bpe-4096"``.
    pieces : tuple of bytes
        The bytes of each token; in byte pair encoding they may be part of a character.
    bpe : tokenizers.Tokenizer or None
        None for ``bytes``, where a token is its byte.
    """

    name: str
    pieces: tuple[bytes, ...] = field(repr=False)
    bpe: Any = field(default=None, repr=False)

    @property
    def separator(self) -> int:
        """The token between documents: the last one."""
        return len(self.pieces)

    @property
    def size(self) -> int:
        """Number of tokens, including the separator."""
        return len(self.pieces) + 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Bytes in each token, shape (size,); 0 for the separator."""
        return np.array([*map(len, self.pieces), 0])

    def encode(self, text: bytes) -> Tokens:
        """Return the tokens of a text, shape (tokens,)."""
        return next(self.encode_all([text]))

    def encode_all(self, texts: Iterable[bytes]) -> Iterator[Tokens]:
        """Yield the tokens of each text in order; byte pair encoding works on 1000 texts at a time, on all cores."""
        if self.bpe is None:
            for text in texts:
                yield np.frombuffer(text, np.uint8).astype(np.uint16)
            return
        single = {piece[0]: token for token, piece in enumerate(self.pieces) if len(piece) == 1}
        for group in _groups(texts):
            parts = [_split_utf8(text) for text in group]
            encoded = iter(_ids(self.bpe, [part for each in parts for part in each[::2]]))
            for each in parts:
                ids: list[int] = []
                for number, part in enumerate(each):
                    escaped = part.encode("utf-8", "surrogateescape")
                    ids += next(encoded) if number % 2 == 0 else [single[byte] for byte in escaped]
                yield np.array(ids, np.uint16)

    def decode(self, tokens: Iterable[int]) -> bytes:
        """Return the text of tokens; separators are skipped."""
        return b"".join(self.pieces[token] for token in tokens if token != self.separator)


def of_bytes() -> Vocabulary:
    """Return the vocabulary of the 256 bytes and the separator."""
    return Vocabulary("bytes", tuple(bytes([byte]) for byte in range(256)))


def size_of(name: str) -> int:
    """Return the N of ``bpe-N``; 0 for ``bytes``.

    Raises
    ------
    UserError
        For any other name.
    """
    if name == "bytes":
        return 0
    match = re.fullmatch(r"bpe-(\d{1,6})", name)
    if not match or not 257 < int(match[1]) <= LARGEST:
        raise UserError(f"There is no tokenizer {name!r}: give {NAMES} (any size from 258 to {LARGEST}).")
    return int(match[1])


def learn(name: str, texts: Iterable[bytes], file: Path) -> None:
    """Learn a byte pair encoding and write it atomically, as JSON of the library ``tokenizers``.

    Parameters
    ----------
    name : str
        ``"bpe-N"``: at most N tokens including the separator; fewer when no pair occurs twice any more.
    texts : iterable of bytes
        Training text only. Bytes that are not UTF-8 are skipped.
    file : Path
    """
    library = _library()
    bpe = library.Tokenizer(library.models.BPE())
    bpe.pre_tokenizer = library.pre_tokenizers.Sequence([
        library.pre_tokenizers.Split(library.Regex(SPLIT), behavior="isolated"),
        library.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    trainer = library.trainers.BpeTrainer(
        vocab_size=size_of(name) - 1,  # without the separator: if the library knew it, a text could contain it
        initial_alphabet=sorted(_ALPHABET),  # all 256 bytes, even unseen ones, so that every text can be encoded
        min_frequency=2,
        show_progress=False,
    )
    bpe.train_from_iterator((piece for text in texts for piece in _split_utf8(text)[::2]), trainer)
    part = file.with_suffix(f".{os.getpid()}.part")
    bpe.save(str(part))
    part.replace(file)


def read(name: str, file: Path) -> Vocabulary:
    """Return the byte pair encoding that `learn` has written."""
    bpe = _library().Tokenizer.from_file(str(file))
    by_token = sorted(bpe.get_vocab().items(), key=lambda item: item[1])
    return Vocabulary(name, tuple(bytes(_ALPHABET[character] for character in piece) for piece, _ in by_token), bpe)


# -- details ----------------------------------------------------------------------------------------------------------


def _library() -> Any:
    try:
        import tokenizers
    except ImportError:
        raise UserError(
            "Byte pair encoding needs the library tokenizers: pip install 'autoresearch-magic[lm]', or TOKENIZER = 'bytes'."
        ) from None
    return tokenizers


def _alphabet() -> dict[str, int]:
    """Return the byte for each character in the library's files: visible bytes are themselves, others start at U+0100."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(0x100 + place): byte for place, byte in enumerate(others)}


_ALPHABET = _alphabet()


def _split_utf8(text: bytes) -> list[str]:
    """Split into alternating parts: even ones are valid UTF-8, odd ones are other bytes as surrogate escapes (PEP 383)."""
    return re.split("([\udc80-\udcff]+)", text.decode("utf-8", "surrogateescape"))


def _ids(bpe: Any, texts: Sequence[str]) -> list[list[int]]:
    if len(texts) == 1:  # encoded on this thread, which is safe in a forked process
        return [bpe.encode(texts[0], add_special_tokens=False).ids]
    return [encoding.ids for encoding in bpe.encode_batch_fast(texts, add_special_tokens=False)]


def _groups(texts: Iterable[bytes], size: int = 1000) -> Iterator[list[bytes]]:
    """Yield the texts in lists of `size`, or of fewer where they exceed 16 MB."""
    group: list[bytes] = []
    total = 0
    for text in texts:
        group.append(text)
        total += len(text)
        if len(group) == size or total > 1 << 24:
            yield group
            group, total = [], 0
    if group:
        yield group
