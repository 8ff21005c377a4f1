"""The frozen half of the lab: its text, its batches, and that bits per byte are what they say."""

import dataclasses
import importlib
import itertools
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.data import corpus
from autoresearch_magic.errors import UserError

from .fake_hub import FakeHub

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

ROOT = Path(__file__).parents[2]
TRAIN = ROOT / "train"
sys.path.insert(0, str(TRAIN))
sources = importlib.import_module("sources")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The module, with a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.delitem(sys.modules, "prepare", raising=False)
        module = importlib.import_module("prepare")
        # A small model's machine, whatever the machine: the shapes do not matter here.
        small = dataclasses.replace(
            module.PRESET, device="cpu", dtype="float32", batch=8, depth=1, width=32, heads=2, context=64
        )
        patch.setattr(module, "PRESET", small)
        patch.setattr(module, "CONTEXT", small.context)
        val = module.DATA.val[:5000]
        patch.setattr(module, "DATA", dataclasses.replace(module.DATA, val=val, val_bytes=module.DATA.val_bytes[:5000]))
        yield module
    del sys.modules["prepare"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A cache for one test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HOME", raising=False)
    return tmp_path


def run(*arguments, program="prepare.py", code="", **environment):
    """Run the script, or code in its place."""
    command = [sys.executable, *(["-c", code] if code else [str(TRAIN / program)]), *arguments]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{TRAIN}",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        **environment,
    }
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)


def data_of(lab, documents, words):
    """Data whose validation text is these documents."""
    val = np.concatenate([[words.separator, *words.encode(document)] for document in documents]).astype(np.uint16)
    return lab.Data(val, val, words.lengths[val], words)


def table_model(table):
    """A model that knows the last token only: its logits are a row of the table."""
    return lambda x: table[x]


# -- bits per byte ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("logit", [0.0, 1.7, -300.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_equal_logits_score_exactly_8(lab, logit, dtype):
    value = lab.evaluate(lambda x: torch.full((*x.shape, lab.VOCAB), logit, dtype=dtype))
    assert abs(value - 8) < 1e-12


def tree(seed, alphabet, size):
    """A complete code over an alphabet: no piece begins another, and every text is pieces but for its end."""
    rng, pieces = np.random.default_rng(seed), [bytes([byte]) for byte in alphabet]
    while len(pieces) + len(alphabet) <= size:
        grown = pieces.pop(int(rng.integers(len(pieces))))
        pieces += [grown + bytes([byte]) for byte in alphabet]
    return pieces


class Code:
    """A vocabulary of such pieces, which `Vocabulary` is in all that scoring needs."""

    def __init__(self, pieces):
        from vocabulary import Vocabulary

        held = Vocabulary("code", tuple(pieces))
        self.pieces, self.size, self.separator, self.lengths = held.pieces, held.size, held.separator, held.lengths
        self.number = {piece: token for token, piece in enumerate(pieces)}

    def encode(self, text):
        tokens, start = [], 0
        for end in range(1, len(text) + 1):
            if text[start:end] in self.number:
                tokens.append(self.number[text[start:end]])
                start = end
        assert start == len(text)
        return tokens


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(5, 60), context=st.integers(1, 40), rows=st.integers(1, 9))
def test_the_same_probabilities_score_the_same_under_two_tokenizations(lab, seed, size, context, rows):
    """A model of bytes gives each piece the product of its bytes' probabilities, which add up to 1 over a complete code."""
    from vocabulary import of_bytes

    rng = np.random.default_rng(seed)
    alphabet = [0x61, 0xC3, 0xA9, 0x20]  # with the two bytes of é: pieces end within a character
    pieces = tree(seed, alphabet, size)
    documents = [b"".join(pieces[i] for i in rng.integers(len(pieces), size=rng.integers(1, 50))) for _ in range(5)]

    follows = np.log(rng.dirichlet(np.ones(len(alphabet)), 257))  # ln P(byte | the byte before, or the beginning)
    by_bytes = np.full((257, 257), -np.inf)
    by_bytes[:, alphabet] = follows
    by_bytes[:, 256] = 5.0  # of a separator: is taken out
    code = Code(pieces)
    by_pieces = np.full((code.size, code.size), 5.0)
    for before, token in itertools.product(range(code.size), range(len(pieces))):
        last = pieces[before][-1] if before < len(pieces) else 256
        by_pieces[before, token] = sum(by_bytes[a, b] for a, b in itertools.pairwise([last, *pieces[token]]))

    one = lab.score(table_model(torch.tensor(by_bytes)), data_of(lab, documents, of_bytes()), context, rows)
    other = lab.score(table_model(torch.tensor(by_pieces)), data_of(lab, documents, code), context, rows)
    nats = -sum(by_bytes[a, b] for text in documents for a, b in itertools.pairwise([256, *text]))
    assert one == pytest.approx(nats / math.log(2) / sum(map(len, documents)), rel=1e-12)
    assert other == pytest.approx(one, rel=1e-12)


@pytest.fixture(scope="module")
def bpe(lab, tmp_path_factory):
    pytest.importorskip("tokenizers")
    import vocabulary

    file = tmp_path_factory.mktemp("bpe") / "v.json"
    vocabulary.learn("bpe-500", [corpus(limit=100_000)], file)
    return vocabulary.read("bpe-500", file)


@settings(max_examples=20, deadline=None)
@given(
    documents=st.lists(st.binary(min_size=1, max_size=80), min_size=1, max_size=5),
    context=st.integers(1, 50),
    rows=st.integers(1, 6),
)
def test_byte_pairs_score_as_a_plain_sum_over_tokens(lab, bpe, documents, context, rows):
    table = torch.randn(bpe.size, bpe.size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    nats = 0.0
    for document in documents:
        for before, token in itertools.pairwise([bpe.separator, *bpe.encode(document).tolist()]):
            weights = table[before, :-1].exp()
            nats -= math.log(weights[token] / weights.sum())
    value = lab.score(table_model(table), data_of(lab, documents, bpe), context, rows)
    assert value == pytest.approx(nats / math.log(2) / len(b"".join(documents)), rel=1e-12)


def test_a_perfect_model_scores_0_and_a_separator_costs_nothing(lab):
    from vocabulary import of_bytes

    table = torch.full((257, 257), -1e9)
    table[256, 97] = table[97, 98] = table[98, 97] = 0.0
    table[:, 256] = 1e9  # it would rather end every document
    data = data_of(lab, [b"ab" * 20, b"aba"], of_bytes())
    assert lab.score(table_model(table), data, 8, 2) == 0.0


def test_a_large_vocabulary_is_scored_in_passes_that_fit(lab, monkeypatch):
    from vocabulary import of_bytes

    data, seen = data_of(lab, [bytes(range(256)) * 4], of_bytes()), []
    table = torch.randn(257, 257)

    def model(x):
        seen.append(tuple(x.shape))
        return table[x]

    whole = lab.score(model, data, 16, 32)
    monkeypatch.setattr(lab, "_LOGITS", 16 * 257 * 3)
    monkeypatch.setattr(lab, "_AT_ONCE", 5)
    assert lab.score(model, data, 16, 32) == pytest.approx(whole, rel=1e-12)
    assert set(seen) == {(32, 16), (3, 16)}  # of one shape in each evaluation


# -- what a model may not do, and what is not done to it ----------------------------------------------------------------


class Attention(nn.Module):
    """One head, with its mask or without."""

    def __init__(self, size, causal):
        super().__init__()
        torch.manual_seed(0)
        self.read, self.write, self.causal = nn.Embedding(size, 16), nn.Linear(16, size), causal
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        h = self.read(x)[:, None]
        h = h + nn.functional.scaled_dot_product_attention(h, h, h, is_causal=self.causal)
        return self.write(self.drop(h[:, 0]))


def test_a_model_that_sees_the_future_gets_no_score(lab):
    lab.evaluate(Attention(lab.VOCAB, causal=True))
    with pytest.raises(ValueError, match="the model sees the future"):
        lab.evaluate(Attention(lab.VOCAB, causal=False))


def test_so_does_one_that_only_looks_one_token_ahead(lab):
    def model(x):
        return 20.0 * nn.functional.one_hot(x.roll(-1, 1), lab.VOCAB).float()

    with pytest.raises(ValueError, match="the model sees the future"):
        lab.evaluate(model)


@pytest.mark.parametrize("shape", ["last only", "padded"])
def test_logits_of_another_shape_are_told(lab, shape):
    def model(x):
        return torch.zeros(len(x), lab.VOCAB) if shape == "last only" else torch.zeros(*x.shape, 320)

    with pytest.raises(ValueError, match=r"logits of shape .* are wanted: rows, context, VOCAB"):
        lab.evaluate(model)


def test_a_model_that_diverged_is_no_number(lab):
    assert math.isnan(lab.evaluate(lambda x: torch.full((*x.shape, lab.VOCAB), math.nan)))


def test_modes_gradients_and_random_states_are_as_before(lab):
    model = Attention(lab.VOCAB, causal=True).train()
    model.read.eval()
    asked = []
    model.register_forward_hook(
        lambda _, __, out: asked.append((model.training, out.requires_grad, torch.rand(1).item()))
    )
    before = torch.get_rng_state()
    first, second = lab.evaluate(model), lab.evaluate(model)
    assert first == second
    assert torch.equal(torch.get_rng_state(), before)
    assert {part: part.training for part in (model, model.read, model.write, model.drop)} == {
        model: True, model.read: False, model.write: True, model.drop: True,
    }  # fmt: skip
    assert {(training, gradients) for training, gradients, _ in asked} == {(False, False)}
    assert torch.is_grad_enabled()


def test_modes_are_put_back_when_the_model_fails(lab):
    class Broken(nn.Module):
        def forward(self, x):
            raise RuntimeError("broken")

    model = Broken().train()
    with pytest.raises(RuntimeError, match="broken"):
        lab.evaluate(model)
    assert model.training


def test_a_compiled_model_scores_as_the_same_uncompiled(lab):
    model = Attention(lab.VOCAB, causal=True)
    compiled = torch.compile(model, backend="eager")
    assert lab.evaluate(compiled) == lab.evaluate(model)
    assert compiled.training
    assert model.training


def test_evaluation_autocasts_as_training_does(lab):
    model, seen = Attention(lab.VOCAB, causal=True), []
    model.register_forward_hook(lambda _, __, out: seen.append(out.dtype))
    full = lab.score(model, lab.DATA, 64, 16)
    half = lab.score(model, lab.DATA, 64, 16, torch.bfloat16)
    assert set(seen) == {torch.float32, torch.bfloat16}
    assert half == pytest.approx(full, abs=0.02)
    assert half != full


def test_the_tokens_and_their_order_are_the_same_every_time(lab):
    seen = []

    def model(x):
        seen.append(x.clone())
        return torch.zeros(*x.shape, lab.VOCAB)

    lab.evaluate(model)
    half = len(seen)
    lab.evaluate(model)
    assert all(torch.equal(one, other) for one, other in zip(seen[:half], seen[half:], strict=True))
    scored = torch.cat([x.flatten() for x in [seen[0], *seen[2:half]]])  # the second looks for peeking
    assert scored[: len(lab.DATA.val)].tolist() == lab.DATA.val[: len(scored)].tolist()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_the_score_is_that_of_the_cpu(lab):
    model = Attention(lab.VOCAB, causal=True)
    on_cpu = lab.score(model, lab.DATA, 64, 16)
    model.cuda()
    state = torch.cuda.get_rng_state()
    assert lab.score(model, lab.DATA, 64, 16) == pytest.approx(on_cpu, rel=1e-5)
    assert lab.score(model, lab.DATA, 64, 16, torch.bfloat16) == pytest.approx(on_cpu, abs=0.02)
    assert torch.equal(torch.cuda.get_rng_state(), state)
    assert lab.score(lambda x: torch.zeros(*x.shape, 257, device=x.device), lab.DATA, 64, 16) == pytest.approx(
        8, abs=1e-12
    )


# -- batches ----------------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(
    length=st.integers(3, 400), context=st.integers(1, 30), size=st.integers(1, 7), section=st.integers(1, 9),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_a_pass_takes_every_window_once_and_nothing_is_padding(lab, length, context, size, section, seed):
    if length < 2 * context + 1:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lab, "_SECTION", section)
        starts = np.concatenate(list(lab._pass(length, context, np.random.default_rng(seed))))
        source = lab._batches(np.arange(length, dtype=np.uint16), size, context, seed)  # a token says where it stands
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


def test_batches_go_on_over_the_end_of_a_pass(lab):
    source = lab._batches(np.arange(50, dtype=np.uint16), 7, 10, 0)
    assert [tuple(next(source)[0].shape) for _ in range(20)] == [(7, 10)] * 20


def test_a_seed_gives_the_same_batches_in_every_process(lab):
    code = (
        "import prepare, hashlib\nsource = prepare.batches(4, 32, 7)\n"
        "print(hashlib.sha256(b''.join(t.numpy().tobytes() for _ in range(50) for t in next(source))).hexdigest())"
    )
    said = {run(code=code, PYTHONHASHSEED=str(number)).stdout for number in (1, 2)}
    assert len(said) == 1
    one, other = (next(lab.batches(4, 32, seed))[0] for seed in (7, 8))
    assert not torch.equal(one, other)


def test_batches_are_of_the_training_text(lab):
    x, y = next(lab.batches(3, 50, 0))
    text = lab.DATA.train.tobytes()
    for row, last in zip(x.tolist(), y[:, -1].tolist(), strict=True):
        assert np.array([*row, last], np.uint16).tobytes() in text


def test_a_text_shorter_than_two_windows_is_told(lab):
    with pytest.raises(UserError, match="too few for a context of"):
        lab.batches(1, len(lab.DATA.train), 0)


# -- the text and its two parts ---------------------------------------------------------------------------------------


def test_the_embedded_text_is_cut_where_both_parts_are_from_all_over(lab):
    text, whole = sources.text("embedded", 0), corpus()
    train, held_out = list(text.train()), list(text.validation())
    assert sum(map(len, train)) + sum(map(len, held_out)) == len(whole)
    assert sum(map(len, held_out)) == pytest.approx(len(whole) / 10, rel=0.001)
    assert sorted(map(len, held_out))[0] > 1000
    assert whole.startswith(train[0])
    assert all(piece in whole for piece in held_out[:10])
    places = [whole.index(piece) / len(whole) for piece in held_out[:10]]  # what is scored first
    assert max(places) - min(places) > 0.5


def test_the_scored_bytes_are_the_same_whatever_the_tokenizer(lab, home):
    pytest.importorskip("tokenizers")
    (home / "text.txt").write_bytes("Äpfel und Birnen, 你好\n".encode() * 3000)
    by_bytes, by_pairs = (lab.load(str(home / "text.txt"), 1, name, 1000) for name in ("bytes", "bpe-300"))
    assert by_bytes.val_bytes.sum() == by_pairs.val_bytes.sum() == 1000
    assert by_bytes.tokenizer.decode(by_bytes.val) == by_pairs.tokenizer.decode(by_pairs.val)
    assert len(by_pairs.val) < len(by_bytes.val)
    assert by_bytes.tokenizer.decode(by_bytes.train) == by_pairs.tokenizer.decode(by_pairs.train)


def test_tokens_are_documents_each_after_a_separator(lab, home):
    pytest.importorskip("pyarrow")
    parquet(home / "a.parquet", ["one", "two"])
    parquet(home / "b.parquet", ["held", "out"])
    data = lab.load(str(home / "*.parquet"), 1, "bytes", 5)
    assert data.train.tolist() == [256, *b"one", 256, *b"two"]
    assert data.val.tolist() == [256, *b"held", 256, *b"o"]
    assert data.val_bytes.tolist() == [0, 1, 1, 1, 1, 0, 1]
    assert data.train.dtype == np.uint16
    assert not data.train.flags.writeable


def parquet(path, rows):
    import pyarrow as arrow
    from pyarrow.parquet import write_table

    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(arrow.table({"text": rows}), path)
    return path


def test_of_one_parquet_file_every_tenth_row_is_held_out(lab, home):
    pytest.importorskip("pyarrow")
    text = sources.text(str(parquet(home / "a.parquet", [f"row {i}" for i in range(30)])), 1)
    assert list(text.validation()) == [b"row 9", b"row 19", b"row 29"]
    assert len(list(text.train())) == 27
    assert b"row 9" not in list(text.train())


@pytest.mark.parametrize("form", ["file", "folder", "glob"])
def test_text_of_ones_own(lab, home, form):
    for name in ("a.txt", "b.txt"):
        (home / "books" / name).parent.mkdir(exist_ok=True)
        (home / "books" / name).write_text(f"the text of {name}\n" * 200)
    source = {"file": "books/a.txt", "folder": "books", "glob": "books/*.txt"}[form]
    data = lab.load(str(home / source), 1, "bytes", 10**9)
    assert len(data.train) + len(data.val) - 2 == len(corpus(home / source))


def test_another_text_has_another_fingerprint(lab, home):
    path = home / "text.txt"
    path.write_bytes(b"one text" * 100)
    before = sources.text(str(path), 1).fingerprint
    path.write_bytes(b"another!" * 100)
    assert sources.text(str(path), 1).fingerprint != before


@pytest.mark.parametrize(("content", "match"), [(b"x", "too few"), (b"x" * 15, "")])
def test_a_text_of_a_few_bytes(lab, home, content, match):
    (home / "text.txt").write_bytes(content)
    if match:
        with pytest.raises(UserError, match=match):
            lab.load(str(home / "text.txt"), 1, "bytes", 10)
    else:
        assert lab.load(str(home / "text.txt"), 1, "bytes", 10).val.tolist() == [256, *b"xx"]


def test_a_source_that_is_nowhere_is_told(lab, home):
    with pytest.raises(UserError, match="Nothing is at"):
        lab.load(str(home / "nowhere"), 1, "bytes", 10)


# -- tokens on disk ---------------------------------------------------------------------------------------------------


def kept(home):
    return sorted(path.name for path in (home / "cache/autoresearch_magic/tokens").iterdir())


def test_tokens_are_made_once(lab, home, monkeypatch):
    (home / "text.txt").write_bytes(b"some text " * 500)
    first = lab.load(str(home / "text.txt"), 1, "bytes", 100)
    names = kept(home)
    monkeypatch.setattr(lab.Vocabulary, "encode_all", lambda *_: pytest.fail("encoded again"))
    again = lab.load(str(home / "text.txt"), 1, "bytes", 100)
    assert again.train.tolist() == first.train.tolist()
    assert kept(home) == names
    assert len(names) == 2


def test_a_cache_that_was_half_written_is_never_used(lab, home, monkeypatch):
    (home / "text.txt").write_bytes(b"some text " * 5000)

    def breaks_off(self, documents):
        yield np.zeros(1000, np.uint16)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(lab.Vocabulary, "encode_all", breaks_off)
        with pytest.raises(KeyboardInterrupt):
            lab.load(str(home / "text.txt"), 1, "bytes", 100)
    assert kept(home) == []
    (home / "cache/autoresearch_magic/tokens/left.part").write_bytes(b"of a process that was killed")
    data = lab.load(str(home / "text.txt"), 1, "bytes", 100)
    assert data.tokenizer.decode(data.train).startswith(b"some text some text")


def test_no_place_to_write_is_told(lab, home, monkeypatch):
    (home / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "file"))
    with pytest.raises(UserError, match="set XDG_CACHE_HOME to a folder of yours"):
        lab.load("embedded", 1, "bytes", 10)


# -- samples ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def cycle(lab):
    """After a comes b, after b c, after c a; a document begins with a; the separator is likeliest of all."""
    table = torch.zeros(257, 257)
    for before, after in ((256, 97), (97, 98), (98, 99), (99, 97)):
        table[before, after] = 8.0
    table[:, 256] = 100.0
    return table_model(table)


def test_a_sample_goes_on_with_the_prompt(lab, cycle):
    assert lab.sample(cycle, "ab", 4, temperature=0) == "abcabc"
    assert lab.sample(cycle, "", 4, temperature=0) == "abca"
    assert lab.sample(cycle, "ab", 4, top_k=1) == "abcabc"


def test_a_sample_longer_than_the_context_slides(lab, cycle):
    count = lab.CONTEXT + 20
    assert lab.sample(cycle, "a" * 10, count, temperature=0) == "a" * 10 + ("bca" * count)[:count]


def test_a_seed_gives_the_same_sample_and_leaves_the_random_state(lab):
    table = torch.randn(257, 257)
    before = torch.get_rng_state()
    one, again, other = (lab.sample(table_model(table), "x", 50, seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    assert torch.equal(torch.get_rng_state(), before)


def test_a_sample_may_hold_bytes_that_are_no_text(lab):
    table = torch.zeros(257, 257)
    table[:, 0xC3] = 9.0
    assert lab.sample(table_model(table), "", 2, temperature=0) == "\ufffd\ufffd"


def test_top_k_keeps_to_the_likeliest(lab):
    table = torch.zeros(257, 257)
    table[:, 97:100] = 0.1
    assert set(lab.sample(table_model(table), "", 100, temperature=5.0, top_k=3)) == {"a", "b", "c"}


# -- as it is used ----------------------------------------------------------------------------------------------------


def test_importing_touches_no_gpu_starts_no_thread_and_needs_no_library_of_the_extra(home):
    code = (
        "import sys\nfor name in ('tokenizers', 'pyarrow', 'huggingface_hub'): sys.modules[name] = None\n"
        "import prepare, threading, torch\nprint(torch.cuda.is_initialized(), threading.active_count(), prepare.VOCAB)"
    )
    done = run(code=code)
    assert (done.stdout, done.stderr) == ("False 1 257\n", "")


def test_it_runs_as_the_setup_of_a_study_which_has_no_file(home):
    code = (
        "import sys, pathlib\nsys.argv = ['worker.py', '--source', 'nowhere']\n"
        f"exec(compile(pathlib.Path({str(TRAIN / 'prepare.py')!r}).read_text(), '<setup>', 'exec'))\n"
        "print(evaluate(lambda x: torch.zeros(*x.shape, VOCAB)), next(batches(2, CONTEXT, 0))[0].shape[0])"
    )
    done = run(code=code)
    assert (done.stdout, done.stderr) == ("8.0 2\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_fork_after_a_tokenizer_was_learned_can_use_it(home):
    pytest.importorskip("tokenizers")
    (home / "text.txt").write_text("the cat and the dog\n" * 3000)
    code = (
        "import sys, os; sys.argv[0] = 'train.py'\nimport prepare\n"
        "pid = os.fork()\n"
        "status = os.waitpid(pid, 0)[1] if pid else 'child'\n"
        "words = prepare.DATA.tokenizer\n"
        "print([words.decode(tokens) for tokens in words.encode_all([b'the cat', b'a dog'])], flush=True)\n"
        "print(status, flush=True)\n"
    )
    done = run("--source", str(home / "text.txt"), "--tokenizer", "bpe-280", code=code)
    line = "[b'the cat', b'a dog']\n"
    assert done.stdout == f"{line}child\n{line}0\n"
    assert done.stderr == "learning bpe-280 from text\n"


def test_the_script_says_what_there_is(home):
    done = run()
    assert done.stderr == ""
    assert re.search(r"^source +embedded: \d,\d{3},\d{3} tokens to train on", done.stdout, re.MULTILINE)
    assert re.search(r"^tokenizer +bytes: 257 tokens, 1.00 bytes each$", done.stdout, re.MULTILINE)
    assert re.search(r"^validation +[\d,]+ bytes in [\d,]+ tokens, \d+ windows of \d+$", done.stdout, re.MULTILINE)
    assert "ready" not in done.stdout


def test_measuring_says_whether_batches_are_a_bottleneck(lab):
    said = lab.measure(0.01)
    assert "million tokens/s alone" in said
    assert "of it is waiting for batches" in said
    assert "of the budget of" in said


@pytest.mark.parametrize(
    ("program", "arguments", "line"),
    [
        ("prepare.py", ["--source", "no/such/thing"], "Nothing is at 'no/such/thing'"),
        ("train.py", ["--tokenizer", "gpt2", "--seconds", "1"], "There is no tokenizer 'gpt2'"),
        ("prepare.py", ["--source", "tinystories", "--shards", "5"], "tinystories has 4 training shards"),
    ],
)
def test_a_mistake_is_one_line_and_no_traceback(home, program, arguments, line):
    done = run(*arguments, code=f"import sys; sys.argv[0] = {program!r}; import prepare")
    assert done.returncode == 1
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1


def test_a_data_set_of_the_hub_from_download_to_tokens(home):
    for library in ("huggingface_hub", "pyarrow", "tokenizers"):
        pytest.importorskip(library)
    import shards

    dataset = shards.DATASETS["tinystories"]
    rows = {
        name: [f"Once upon a time there was a cat of {name}, number {i}." for i in range(200)]
        for name in dataset.files(2)
    }
    content = {name: parquet(home / "made" / name, texts).read_bytes() for name, texts in rows.items()}
    choice = ["--source", "tinystories", "--shards", "2", "--tokenizer", "bpe-300"]
    with FakeHub(dataset.repo, dataset.revision, content) as hub:
        done = run(*choice, HF_ENDPOINT=hub.url)
        assert "tokenizer   bpe-300: 300 tokens" in done.stdout, done.stderr
        assert 'set SOURCE = "tinystories" and TOKENIZER = "bpe-300"' in done.stdout
        assert [len(hub.asked(name)) for name in dataset.files(2)] == [1, 1, 1]
    # Later there is no network, and train.py takes what is here.
    code = "import sys; sys.argv[0] = 'train.py'; import prepare; print(prepare.DATA.tokenizer.decode(prepare.DATA.val)[:60].decode())"
    done = run(*choice, code=code, HF_ENDPOINT="http://127.0.0.1:9")
    assert done.stdout == f"{rows[dataset.validation][0]}"[:60] + "\n", done.stderr


def test_a_data_set_that_is_not_here_is_not_fetched_by_the_way(home):
    done = run(
        "--source",
        "tinystories",
        code="import sys; sys.argv[0] = 'train.py'; import prepare",
        HF_ENDPOINT="http://127.0.0.1:9",
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        "tinystories is not here yet: run python train/prepare.py --source tinystories --shards 4"
    )


def test_offline_the_script_says_so_in_one_line(home):
    pytest.importorskip("huggingface_hub")
    done = run("--source", "climbmix", HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 1
    assert done.stderr.startswith("climbmix cannot be had from http://127.0.0.1:9")
    assert done.stderr.count("\n") == 1
