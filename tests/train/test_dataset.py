"""train/dataset.py and train/sources.py: the two parts of a text, token files, and batches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.data import corpus
from autoresearch_magic.errors import UserError

from .helpers import run, write_parquet

torch = pytest.importorskip("torch")
import dataset  # noqa: E402
import sources  # noqa: E402

pytestmark = pytest.mark.slow  # torch, which takes seconds to import

# -- the text and its two parts ---------------------------------------------------------------------------------------


def test_both_parts_of_the_embedded_text_come_from_all_over_it():
    text, whole = sources.text("embedded", 0), corpus()
    train, held_out = list(text.train()), list(text.validation())
    assert sum(map(len, train)) + sum(map(len, held_out)) == len(whole)
    assert sum(map(len, held_out)) == pytest.approx(len(whole) / 10, rel=0.001)
    assert sorted(map(len, held_out))[0] > 1000
    assert whole.startswith(train[0])
    assert all(piece in whole for piece in held_out[:10])
    places = [whole.index(piece) / len(whole) for piece in held_out[:10]]  # what is scored first
    assert max(places) - min(places) > 0.5


def test_every_tokenizer_scores_the_same_bytes(home):
    pytest.importorskip("tokenizers")
    (home / "text.txt").write_bytes("Äpfel und Birnen, 你好\n".encode() * 3000)
    by_bytes, by_pairs = (dataset.load(str(home / "text.txt"), 1, name, 1000) for name in ("bytes", "bpe-300"))
    assert by_bytes.val_bytes.sum() == by_pairs.val_bytes.sum() == 1000
    assert by_bytes.tokenizer.decode(by_bytes.val) == by_pairs.tokenizer.decode(by_pairs.val)
    assert len(by_pairs.val) < len(by_bytes.val)
    assert by_bytes.tokenizer.decode(by_bytes.train) == by_pairs.tokenizer.decode(by_pairs.train)


def test_a_separator_precedes_each_document(home):
    pytest.importorskip("pyarrow")
    write_parquet(home / "a.parquet", text=["one", "two"])
    write_parquet(home / "b.parquet", text=["held", "out"])
    data = dataset.load(str(home / "*.parquet"), 1, "bytes", 5)
    assert data.train.tolist() == [256, *b"one", 256, *b"two"]
    assert data.val.tolist() == [256, *b"held", 256, *b"o"]
    assert data.val_bytes.tolist() == [0, 1, 1, 1, 1, 0, 1]
    assert data.train.dtype == np.uint16
    assert not data.train.flags.writeable


def test_of_one_parquet_file_every_tenth_row_is_held_out(home):
    pytest.importorskip("pyarrow")
    text = sources.text(str(write_parquet(home / "a.parquet", text=[f"row {i}" for i in range(30)])), 1)
    assert list(text.validation()) == [b"row 9", b"row 19", b"row 29"]
    assert len(list(text.train())) == 27
    assert b"row 9" not in list(text.train())


@pytest.mark.parametrize("form", ["file", "folder", "glob"])
def test_the_users_own_text(home, form):
    for name in ("a.txt", "b.txt"):
        (home / "books" / name).parent.mkdir(exist_ok=True)
        (home / "books" / name).write_text(f"the text of {name}\n" * 200)
    source = {"file": "books/a.txt", "folder": "books", "glob": "books/*.txt"}[form]
    data = dataset.load(str(home / source), 1, "bytes", 10**9)
    assert len(data.train) + len(data.val) - 2 == len(corpus(home / source))


def test_the_fingerprint_changes_with_the_text(home):
    path = home / "text.txt"
    path.write_bytes(b"one text" * 100)
    before = sources.text(str(path), 1).fingerprint
    path.write_bytes(b"another!" * 100)
    assert sources.text(str(path), 1).fingerprint != before


@pytest.mark.parametrize(("content", "match"), [(b"x", "too few"), (b"x" * 15, "")])
def test_a_text_of_a_few_bytes_is_refused_or_divided(home, content, match):
    (home / "text.txt").write_bytes(content)
    if match:
        with pytest.raises(UserError, match=match):
            dataset.load(str(home / "text.txt"), 1, "bytes", 10)
    else:
        assert dataset.load(str(home / "text.txt"), 1, "bytes", 10).val.tolist() == [256, *b"xx"]


def test_a_source_that_does_not_exist_is_an_error(home):
    with pytest.raises(UserError, match="Nothing is at"):
        dataset.load(str(home / "nowhere"), 1, "bytes", 10)


# -- tokens on disk ---------------------------------------------------------------------------------------------------


def cached_files(home):
    return sorted(path.name for path in (home / "cache/autoresearch_magic/tokens").iterdir())


def test_tokens_are_encoded_once_and_then_read_from_the_cache(home, monkeypatch):
    (home / "text.txt").write_bytes(b"some text " * 500)
    first = dataset.load(str(home / "text.txt"), 1, "bytes", 100)
    names = cached_files(home)
    monkeypatch.setattr(dataset.Vocabulary, "encode_all", lambda *_: pytest.fail("encoded again"))
    again = dataset.load(str(home / "text.txt"), 1, "bytes", 100)
    assert again.train.tolist() == first.train.tolist()
    assert cached_files(home) == names
    assert len(names) == 2


def test_an_incomplete_cache_file_is_never_used(home, monkeypatch):
    (home / "text.txt").write_bytes(b"some text " * 5000)

    def interrupted(self, documents):
        yield np.zeros(1000, np.uint16)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(dataset.Vocabulary, "encode_all", interrupted)
        with pytest.raises(KeyboardInterrupt):
            dataset.load(str(home / "text.txt"), 1, "bytes", 100)
    assert cached_files(home) == []
    (home / "cache/autoresearch_magic/tokens/left.part").write_bytes(b"of a process that was killed")
    data = dataset.load(str(home / "text.txt"), 1, "bytes", 100)
    assert data.tokenizer.decode(data.train).startswith(b"some text some text")


def test_a_cache_that_cannot_be_written_is_an_error_with_a_remedy(home, monkeypatch):
    (home / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "file"))
    with pytest.raises(UserError, match="set XDG_CACHE_HOME"):
        dataset.load("embedded", 1, "bytes", 10)


# -- batches ----------------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(
    length=st.integers(3, 400), context=st.integers(1, 30), size=st.integers(1, 7), section=st.integers(1, 9),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_a_pass_takes_every_window_once_without_padding(length, context, size, section, seed):
    if length < 2 * context + 1:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset, "SECTION", section)
        starts = np.concatenate(list(dataset._window_starts(length, context, np.random.default_rng(seed))))
        source = dataset._cut_batches(
            np.arange(length, dtype=np.uint16), size, context, seed
        )  # each token is its own position
        taken = [next(source) for _ in range(len(starts) // size)]
    begins = sorted(starts.tolist())
    assert begins == list(range(begins[0], begins[0] + context * len(begins), context))
    assert begins[0] < context
    assert length - 1 - context < begins[-1] + context <= length - 1
    for x, y in taken:
        assert x.dtype == y.dtype == torch.int64
        assert x.shape == y.shape == (size, context)
        assert x.is_contiguous()
        assert y.is_contiguous()
        assert torch.equal(y, x + 1)
        assert torch.equal(x - x[:, :1], torch.arange(context).expand(size, -1))
    drawn = [int(row[0]) for x, _ in taken for row in x]
    assert drawn == starts[: len(drawn)].tolist()


def test_batches_continue_after_the_end_of_a_pass():
    source = dataset._cut_batches(np.arange(50, dtype=np.uint16), 7, 10, 0)
    assert [tuple(next(source)[0].shape) for _ in range(20)] == [(7, 10)] * 20


@pytest.mark.slow
def test_a_seed_gives_the_same_batches_in_every_process(home):
    code = (
        "import prepare, hashlib\nsource = prepare.batches(4, 32, 7)\n"
        "print(hashlib.sha256(b''.join(t.numpy().tobytes() for _ in range(50) for t in next(source))).hexdigest())"
    )
    digests = {run(code=code, PYTHONHASHSEED=str(number)).stdout for number in (1, 2)}
    assert len(digests) == 1
    tokens = np.arange(1000, dtype=np.uint16)
    one, other = (next(dataset.batches(tokens, 4, 32, seed))[0] for seed in (7, 8))
    assert not torch.equal(one, other)


def test_batches_are_windows_of_the_text(home):
    tokens = dataset.load("embedded", 1, "bytes", 100).train
    x, y = next(dataset.batches(tokens, 3, 50, 0))
    text = tokens.tobytes()
    for row, last in zip(x.tolist(), y[:, -1].tolist(), strict=True):
        assert np.array([*row, last], np.uint16).tobytes() in text


def test_a_text_shorter_than_two_windows_is_an_error():
    with pytest.raises(UserError, match="20 tokens, too few for a context of 10"):
        dataset.batches(np.arange(20, dtype=np.uint16), 1, 10, 0)
