"""train/vocabulary.py: every string of bytes is encoded and decoded without loss."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.errors import UserError

vocabulary = pytest.importorskip("vocabulary", reason="numpy")

TEXT = (
    b"the cat and the dog and the bird 1234 -- don't; l'\xc3\xa9t\xc3\xa9, \xe4\xbd\xa0\xe5\xa5\xbd\n\n    indented\n"
    * 30
)


@pytest.fixture(scope="module")
def bpe(tmp_path_factory):
    pytest.importorskip("tokenizers")
    file = tmp_path_factory.mktemp("bpe") / "v.json"
    vocabulary.learn("bpe-400", [TEXT, b"\xff\xfe not UTF-8"], file)
    return vocabulary.read("bpe-400", file)


@given(text=st.binary(max_size=300))
def test_bytes_are_their_own_tokens(text):
    words = vocabulary.of_bytes()
    assert words.encode(text).tolist() == list(text)
    assert words.decode(words.encode(text)) == text


@settings(deadline=None)
@given(
    text=st.one_of(
        st.binary(max_size=300), st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
    )
)
def test_byte_pairs_are_lossless_for_utf8_and_other_bytes(bpe, text):
    tokens = bpe.encode(text)
    assert bpe.decode(tokens) == text
    assert bpe.lengths[tokens].sum() == len(text)


@settings(deadline=None)
@given(texts=st.lists(st.binary(max_size=50), max_size=8), group=st.integers(1, 3))
def test_many_texts_are_encoded_as_each_alone(bpe, texts, group):
    together = list(bpe.encode_all(texts))
    assert [tokens.tolist() for tokens in together] == [bpe.encode(text).tolist() for text in texts]
    assert list(map(len, vocabulary._groups(texts, group))) == [group] * (len(texts) // group) + [
        len(texts) % group
    ] * (len(texts) % group > 0)


def test_byte_pairs_compress_and_cover_all_256_bytes(bpe):
    assert len(bpe.encode(TEXT)) < len(TEXT) / 3
    assert {bytes([byte]) for byte in range(256)} <= set(bpe.pieces)
    assert len(set(bpe.pieces)) == len(bpe.pieces)
    assert b" the" in bpe.pieces


def test_tokens_may_be_parts_of_characters(bpe):
    smile = "\N{GRINNING FACE}".encode()
    tokens = bpe.encode(smile)  # not in the text it was learned from
    assert bpe.lengths[tokens].tolist() == [1, 1, 1, 1]
    assert bpe.decode(bpe.encode(smile[:2])) == smile[:2]


@pytest.mark.parametrize("name", ["bytes", "bpe"])
def test_the_separator_is_the_last_token_and_has_no_text(name, bpe):
    words = bpe if name == "bpe" else vocabulary.of_bytes()
    assert words.separator == words.size - 1
    assert words.lengths[words.separator] == 0
    assert (words.lengths[:-1] > 0).all()
    assert words.decode([words.separator, *words.encode(b"a b"), words.separator]) == b"a b"


def test_no_text_is_encoded_to_the_separator(bpe):
    for text in (b"<|endoftext|>", b"<|separator|>", b"[SEP]", bytes(range(256))):
        assert bpe.separator not in bpe.encode(text)


def test_no_token_crosses_a_boundary_of_the_split(bpe):
    assert not [piece for piece in bpe.pieces if sum(b"0" <= bytes([byte]) <= b"9" for byte in piece) > 2]
    assert not [piece for piece in bpe.pieces if piece.strip().count(b" ")]


def test_the_size_is_the_requested_one_or_what_the_text_allows(tmp_path, bpe):
    assert bpe.size <= 400
    vocabulary.learn("bpe-300", [bytes(range(97, 123)) * 2], tmp_path / "v.json")
    assert 257 <= vocabulary.read("bpe-300", tmp_path / "v.json").size <= 300
    vocabulary.learn("bpe-270", [TEXT], tmp_path / "v.json")
    assert vocabulary.read("bpe-270", tmp_path / "v.json").size == 270


def test_learning_is_deterministic(tmp_path, bpe):
    vocabulary.learn("bpe-400", [TEXT, b"\xff\xfe not UTF-8"], tmp_path / "v.json")
    assert vocabulary.read("bpe-400", tmp_path / "v.json").pieces == bpe.pieces
    assert [path.name for path in tmp_path.iterdir()] == ["v.json"]


def test_tokens_are_16_bits(bpe):
    assert bpe.encode(TEXT).dtype == vocabulary.of_bytes().encode(TEXT).dtype == np.uint16


@pytest.mark.parametrize("name", ["gpt2", "bpe", "bpe-257", "bpe-65537", "bpe-8192x", ""])
def test_an_unknown_tokenizer_is_an_error(name):
    with pytest.raises(UserError, match=r"There is no tokenizer .*bpe-4096"):
        vocabulary.size_of(name)


def test_a_missing_library_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(
        UserError, match=r"needs the library tokenizers: pip install 'autoresearch-magic\[lm\]', or TOKENIZER = 'bytes'"
    ):
        vocabulary.learn("bpe-300", [TEXT], tmp_path / "v.json")
