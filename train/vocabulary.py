"""Text to tokens and back, exactly, for every string of bytes: UTF-8 or not.

Two kinds: ``bytes``, one token a byte, and ``bpe-N``, byte pair encoding (Sennrich et al. 2016) over bytes, as GPT-2 has it
(Radford et al. 2019). In both the last token is the separator of documents, which stands for no text and which no text contains.

Not here: which text a vocabulary is learned from; `prepare` decides that.
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
"""Tokens that 16 bits can tell apart."""

SPLIT = r"'(?i:[sdmt]|ll|re|ve)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
"""No merge crosses from one match to the next. GPT-4's rule (cl100k, of tiktoken) but for numbers, which are cut after two digits
and not three: a small vocabulary has better uses for a thousand tokens."""


@dataclass(frozen=True)
class Vocabulary:
    """What each token stands for.

    Attributes
    ----------
    name : str
        As asked for, such as ``"bpe-4096"``.
    pieces : tuple of bytes
        The bytes of each token; those of a byte pair encoding may be part of a character.
    bpe : tokenizers.Tokenizer or None
        None for ``bytes``, where a token is its byte.
    """

    name: str
    pieces: tuple[bytes, ...] = field(repr=False)
    bpe: Any = field(default=None, repr=False)

    @property
    def separator(self) -> int:
        """The token between documents: the last."""
        return len(self.pieces)

    @property
    def size(self) -> int:
        """How many tokens there are, the separator among them."""
        return len(self.pieces) + 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Bytes of each token, shape (size,); the separator has none."""
        return np.array([*map(len, self.pieces), 0])

    def encode(self, text: bytes) -> Tokens:
        """Return the tokens of a text, shape (tokens,)."""
        return next(self.encode_all([text]))

    def encode_all(self, texts: Iterable[bytes]) -> Iterator[Tokens]:
        """Yield the tokens of each text, in order; a byte pair encoding takes a thousand at once, on all cores."""
        if self.bpe is None:
            for text in texts:
                yield np.frombuffer(text, np.uint8).astype(np.uint16)
            return
        single = {piece[0]: token for token, piece in enumerate(self.pieces) if len(piece) == 1}
        for group in _groups(texts):
            cut = [_cut(text) for text in group]
            wholes = [piece for pieces in cut for piece in pieces[::2]]
            encoded = iter(_ids(self.bpe, wholes))
            for pieces in cut:
                ids: list[int] = []
                for number, piece in enumerate(pieces):
                    ids += next(encoded) if number % 2 == 0 else [single[byte] for byte in _bytes(piece)]
                yield np.array(ids, np.uint16)

    def decode(self, tokens: Iterable[int]) -> bytes:
        """Return the text of tokens; separators stand for nothing."""
        return b"".join(self.pieces[token] for token in tokens if token != self.separator)


def of_bytes() -> Vocabulary:
    """Return the vocabulary of 256 bytes and the separator."""
    return Vocabulary("bytes", tuple(bytes([byte]) for byte in range(256)))


def merges_of(name: str) -> int:
    """Return the size that a name asks for, 0 for ``bytes``.

    Raises
    ------
    UserError
        When there is no such vocabulary.
    """
    if name == "bytes":
        return 0
    match = re.fullmatch(r"bpe-(\d{1,6})", name)
    if not match or not 257 < int(match[1]) <= LARGEST:
        raise UserError(f"There is no tokenizer {name!r}: give {NAMES} (any size from 258 to {LARGEST}).")
    return int(match[1])


def learn(name: str, texts: Iterable[bytes], file: Path) -> None:
    """Learn a byte pair encoding and write it, whole or not at all, as the JSON of the library ``tokenizers``.

    Parameters
    ----------
    name : str
        ``"bpe-N"``: at most N tokens with the separator; fewer when the text has no more pairs that occur twice.
    texts : iterable of bytes
        Training text only. What is not UTF-8 in it is passed over.
    file : Path
    """
    library = _library()
    bpe = library.Tokenizer(library.models.BPE())
    bpe.pre_tokenizer = library.pre_tokenizers.Sequence([
        library.pre_tokenizers.Split(library.Regex(SPLIT), behavior="isolated"),
        library.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    trainer = library.trainers.BpeTrainer(
        vocab_size=merges_of(name) - 1,  # the separator is ours: as a token of the library, a text could contain it
        initial_alphabet=sorted(_ALPHABET),  # all 256 bytes, seen or not, so that every text has tokens
        min_frequency=2,
        show_progress=False,
    )
    bpe.train_from_iterator((piece for text in texts for piece in _cut(text)[::2]), trainer)
    part = file.with_suffix(f".{os.getpid()}.part")
    bpe.save(str(part))
    part.replace(file)


def read(name: str, file: Path) -> Vocabulary:
    """Return the byte pair encoding that `learn` has written."""
    bpe = _library().Tokenizer.from_file(str(file))
    shown = sorted(bpe.get_vocab().items(), key=lambda item: item[1])
    return Vocabulary(name, tuple(bytes(_ALPHABET[sign] for sign in piece) for piece, _ in shown), bpe)


# -- details ----------------------------------------------------------------------------------------------------------


def _library() -> Any:
    try:
        import tokenizers
    except ImportError:
        raise UserError(
            "A byte pair encoding needs the library tokenizers: pip install 'autoresearch-magic[lm]', or TOKENIZER = 'bytes'."
        ) from None
    return tokenizers


def _alphabet() -> dict[str, int]:
    """Return the byte that each sign of the library's files stands for: itself where it is visible, else one from U+0100 on."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(0x100 + place): byte for place, byte in enumerate(others)}


_ALPHABET = _alphabet()


def _cut(text: bytes) -> list[str]:
    """Cut into UTF-8 and what is none, in turns: the even ones are text, the odd ones bytes in disguise (PEP 383)."""
    return re.split("([\udc80-\udcff]+)", text.decode("utf-8", "surrogateescape"))


def _bytes(disguised: str) -> bytes:
    return disguised.encode("utf-8", "surrogateescape")


def _ids(bpe: Any, texts: Sequence[str]) -> list[list[int]]:
    if len(texts) == 1:  # on this thread: what a forked experiment may do
        return [bpe.encode(texts[0], add_special_tokens=False).ids]
    return [encoding.ids for encoding in bpe.encode_batch_fast(texts, add_special_tokens=False)]


def _groups(texts: Iterable[bytes], size: int = 1000) -> Iterator[list[bytes]]:
    """Yield the texts in lists of `size`, or of 16 MB if that is less."""
    group: list[bytes] = []
    held = 0
    for text in texts:
        group.append(text)
        held += len(text)
        if len(group) == size or held > 1 << 24:
            yield group
            group, held = [], 0
    if group:
        yield group
