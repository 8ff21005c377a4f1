"""train/prepare.py: the metric, samples, and the script."""

import dataclasses
import importlib
import itertools
import math
import os
import re
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.data import corpus

from .fake_hub import FakeHub
from .helpers import TRAIN, run, write_parquet

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

pytestmark = pytest.mark.slow  # torch, which takes seconds to import


@pytest.fixture(scope="module")
def prepare(tmp_path_factory):
    """The module, with an empty cache and a small model shape."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.delitem(sys.modules, "prepare", raising=False)
        module = importlib.import_module("prepare")
        small = dataclasses.replace(
            module.PRESET, device="cpu", dtype="float32", batch=8, depth=1, width=32, heads=2, context=64
        )
        patch.setattr(module, "PRESET", small)
        patch.setattr(module, "CONTEXT", small.context)
        val = module.DATA.val[:5000]
        patch.setattr(module, "DATA", dataclasses.replace(module.DATA, val=val, val_bytes=module.DATA.val_bytes[:5000]))
        yield module
    del sys.modules["prepare"]


def data_of(prepare, documents, words):
    """Data with these documents as validation text."""
    val = np.concatenate([[words.separator, *words.encode(document)] for document in documents]).astype(np.uint16)
    return prepare.Data(val, val, words.lengths[val], words)


def table_model(table):
    """A model that depends on the last token only: its logits are a row of the table."""
    return lambda x: table[x]


# -- bits per byte ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("logit", [0.0, 1.7, -300.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_equal_logits_score_exactly_8(prepare, logit, dtype):
    value = prepare.evaluate(lambda x: torch.full((*x.shape, prepare.VOCAB), logit, dtype=dtype))
    assert abs(value - 8) < 1e-12


def tree(seed, alphabet, size):
    """A complete prefix code over an alphabet: no piece begins another, and every text divides into pieces up to its end."""
    rng, pieces = np.random.default_rng(seed), [bytes([byte]) for byte in alphabet]
    while len(pieces) + len(alphabet) <= size:
        grown = pieces.pop(int(rng.integers(len(pieces))))
        pieces += [grown + bytes([byte]) for byte in alphabet]
    return pieces


class Code:
    """A vocabulary of such pieces, with the attributes of `Vocabulary` that scoring uses."""

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


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(5, 60), context=st.integers(1, 40), rows=st.integers(1, 9))
def test_the_same_probabilities_score_the_same_under_two_tokenizations(prepare, seed, size, context, rows):
    """A model of bytes gives each piece the product of its bytes' probabilities, which add up to 1 over a complete code."""
    from vocabulary import of_bytes

    rng = np.random.default_rng(seed)
    alphabet = [0x61, 0xC3, 0xA9, 0x20]  # with the two bytes of é: pieces end within a character
    pieces = tree(seed, alphabet, size)
    documents = [b"".join(pieces[i] for i in rng.integers(len(pieces), size=rng.integers(1, 50))) for _ in range(5)]

    follows = np.log(rng.dirichlet(np.ones(len(alphabet)), 257))  # ln P(byte | the byte before, or the beginning)
    by_bytes = np.full((257, 257), -np.inf)
    by_bytes[:, alphabet] = follows
    by_bytes[:, 256] = 5.0  # the separator's logit, which is removed
    code = Code(pieces)
    by_pieces = np.full((code.size, code.size), 5.0)
    for before, token in itertools.product(range(code.size), range(len(pieces))):
        last = pieces[before][-1] if before < len(pieces) else 256
        by_pieces[before, token] = sum(by_bytes[a, b] for a, b in itertools.pairwise([last, *pieces[token]]))

    one = prepare.score(table_model(torch.tensor(by_bytes)), data_of(prepare, documents, of_bytes()), context, rows)
    other = prepare.score(table_model(torch.tensor(by_pieces)), data_of(prepare, documents, code), context, rows)
    nats = -sum(by_bytes[a, b] for text in documents for a, b in itertools.pairwise([256, *text]))
    assert one == pytest.approx(nats / math.log(2) / sum(map(len, documents)), rel=1e-12)
    assert other == pytest.approx(one, rel=1e-12)


@pytest.fixture(scope="module")
def bpe(prepare, tmp_path_factory):
    pytest.importorskip("tokenizers")
    import vocabulary

    file = tmp_path_factory.mktemp("bpe") / "v.json"
    vocabulary.learn("bpe-500", [corpus(limit=100_000)], file)
    return vocabulary.read("bpe-500", file)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(
    documents=st.lists(st.binary(min_size=1, max_size=80), min_size=1, max_size=5),
    context=st.integers(1, 50),
    rows=st.integers(1, 6),
)
def test_the_score_of_byte_pairs_equals_a_plain_sum_over_tokens(prepare, bpe, documents, context, rows):
    table = torch.randn(bpe.size, bpe.size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    nats = 0.0
    for document in documents:
        for before, token in itertools.pairwise([bpe.separator, *bpe.encode(document).tolist()]):
            weights = table[before, :-1].exp()
            nats -= math.log(weights[token] / weights.sum())
    value = prepare.score(table_model(table), data_of(prepare, documents, bpe), context, rows)
    assert value == pytest.approx(nats / math.log(2) / len(b"".join(documents)), rel=1e-12)


def test_a_perfect_model_scores_0_and_a_separator_costs_nothing(prepare):
    from vocabulary import of_bytes

    table = torch.full((257, 257), -1e9)
    table[256, 97] = table[97, 98] = table[98, 97] = 0.0
    table[:, 256] = 1e9  # it prefers to end every document
    data = data_of(prepare, [b"ab" * 20, b"aba"], of_bytes())
    assert prepare.score(table_model(table), data, 8, 2) == 0.0


def test_a_large_vocabulary_is_scored_in_smaller_passes(prepare, monkeypatch):
    from vocabulary import of_bytes

    data, seen = data_of(prepare, [bytes(range(256)) * 4], of_bytes()), []
    table = torch.randn(257, 257)

    def model(x):
        seen.append(tuple(x.shape))
        return table[x]

    whole = prepare.score(model, data, 16, 32)
    monkeypatch.setattr(prepare, "_LOGITS", 16 * 257 * 3)
    monkeypatch.setattr(prepare, "_AT_ONCE", 5)
    assert prepare.score(model, data, 16, 32) == pytest.approx(whole, rel=1e-12)
    assert set(seen) == {(32, 16), (3, 16)}  # one shape in each evaluation


# -- what a model may not do, and what stays unchanged ----------------------------------------------------------------


class Attention(nn.Module):
    """One attention head, causal or not."""

    def __init__(self, size, causal):
        super().__init__()
        torch.manual_seed(0)
        self.read, self.write, self.causal = nn.Embedding(size, 16), nn.Linear(16, size), causal
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        h = self.read(x)[:, None]
        h = h + nn.functional.scaled_dot_product_attention(h, h, h, is_causal=self.causal)
        return self.write(self.drop(h[:, 0]))


def test_a_model_that_sees_the_future_gets_no_score(prepare):
    prepare.evaluate(Attention(prepare.VOCAB, causal=True))
    with pytest.raises(ValueError, match="sees the future"):
        prepare.evaluate(Attention(prepare.VOCAB, causal=False))


def test_a_model_that_sees_one_token_ahead_gets_no_score(prepare):
    def model(x):
        return 20.0 * nn.functional.one_hot(x.roll(-1, 1), prepare.VOCAB).float()

    with pytest.raises(ValueError, match="sees the future"):
        prepare.evaluate(model)


@pytest.mark.parametrize("shape", ["last only", "padded"])
def test_logits_of_another_shape_are_an_error(prepare, shape):
    def model(x):
        return torch.zeros(len(x), prepare.VOCAB) if shape == "last only" else torch.zeros(*x.shape, 320)

    with pytest.raises(ValueError, match="expected logits of shape"):
        prepare.evaluate(model)


def test_a_diverged_model_scores_nan(prepare):
    assert math.isnan(prepare.evaluate(lambda x: torch.full((*x.shape, prepare.VOCAB), math.nan)))


def test_modes_gradients_and_random_states_are_restored(prepare):
    model = Attention(prepare.VOCAB, causal=True).train()
    model.read.eval()
    asked = []
    model.register_forward_hook(
        lambda _, __, out: asked.append((model.training, out.requires_grad, torch.rand(1).item()))
    )
    before = torch.get_rng_state()
    first, second = prepare.evaluate(model), prepare.evaluate(model)
    assert first == second
    assert torch.equal(torch.get_rng_state(), before)
    assert {part: part.training for part in (model, model.read, model.write, model.drop)} == {
        model: True, model.read: False, model.write: True, model.drop: True,
    }  # fmt: skip
    assert {(training, gradients) for training, gradients, _ in asked} == {(False, False)}
    assert torch.is_grad_enabled()


def test_modes_are_restored_when_the_model_fails(prepare):
    class Broken(nn.Module):
        def forward(self, x):
            raise RuntimeError("broken")

    model = Broken().train()
    with pytest.raises(RuntimeError, match="broken"):
        prepare.evaluate(model)
    assert model.training


@pytest.mark.slow
def test_a_compiled_model_scores_like_the_uncompiled_one(prepare):
    model = Attention(prepare.VOCAB, causal=True)
    compiled = torch.compile(model, backend="eager")
    assert prepare.evaluate(compiled) == prepare.evaluate(model)
    assert compiled.training
    assert model.training


def test_evaluation_autocasts_as_training_does(prepare):
    model, seen = Attention(prepare.VOCAB, causal=True), []
    model.register_forward_hook(lambda _, __, out: seen.append(out.dtype))
    full = prepare.score(model, prepare.DATA, 64, 16)
    half = prepare.score(model, prepare.DATA, 64, 16, torch.bfloat16)
    assert set(seen) == {torch.float32, torch.bfloat16}
    assert half == pytest.approx(full, abs=0.02)
    assert half != full


def test_the_tokens_and_their_order_are_the_same_every_time(prepare):
    seen = []

    def model(x):
        seen.append(x.clone())
        return torch.zeros(*x.shape, prepare.VOCAB)

    prepare.evaluate(model)
    half = len(seen)
    prepare.evaluate(model)
    assert all(torch.equal(one, other) for one, other in zip(seen[:half], seen[half:], strict=True))
    scored = torch.cat([x.flatten() for x in [seen[0], *seen[2:half]]])  # the second call is the test for causality
    assert scored[: len(prepare.DATA.val)].tolist() == prepare.DATA.val[: len(scored)].tolist()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_score_on_a_gpu_equals_that_on_the_cpu(prepare):
    model = Attention(prepare.VOCAB, causal=True)
    on_cpu = prepare.score(model, prepare.DATA, 64, 16)
    model.cuda()
    state = torch.cuda.get_rng_state()
    assert prepare.score(model, prepare.DATA, 64, 16) == pytest.approx(on_cpu, rel=1e-5)
    assert prepare.score(model, prepare.DATA, 64, 16, torch.bfloat16) == pytest.approx(on_cpu, abs=0.02)
    assert torch.equal(torch.cuda.get_rng_state(), state)
    assert prepare.score(lambda x: torch.zeros(*x.shape, 257, device=x.device), prepare.DATA, 64, 16) == pytest.approx(
        8, abs=1e-12
    )


# -- samples ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def cycle(prepare):
    """A model that writes abcabc...; the separator has the highest logit of all."""
    table = torch.zeros(257, 257)
    for before, after in ((256, 97), (97, 98), (98, 99), (99, 97)):
        table[before, after] = 8.0
    table[:, 256] = 100.0
    return table_model(table)


def test_a_sample_continues_the_prompt(prepare, cycle):
    assert prepare.sample(cycle, "ab", 4, temperature=0) == "abcabc"
    assert prepare.sample(cycle, "", 4, temperature=0) == "abca"
    assert prepare.sample(cycle, "ab", 4, top_k=1) == "abcabc"


def test_a_sample_longer_than_the_context_slides(prepare, cycle):
    count = prepare.CONTEXT + 20
    assert prepare.sample(cycle, "a" * 10, count, temperature=0) == "a" * 10 + ("bca" * count)[:count]


def test_a_seed_gives_the_same_sample_and_leaves_the_random_state(prepare):
    table = torch.randn(257, 257)
    before = torch.get_rng_state()
    one, again, other = (prepare.sample(table_model(table), "x", 50, seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    assert torch.equal(torch.get_rng_state(), before)


def test_bytes_that_are_not_utf8_are_replaced_in_a_sample(prepare):
    table = torch.zeros(257, 257)
    table[:, 0xC3] = 9.0
    assert prepare.sample(table_model(table), "", 2, temperature=0) == "\ufffd\ufffd"


def test_top_k_samples_the_most_likely_tokens_only(prepare):
    table = torch.zeros(257, 257)
    table[:, 97:100] = 0.1
    assert set(prepare.sample(table_model(table), "", 100, temperature=5.0, top_k=3)) == {"a", "b", "c"}


# -- the script and the setup ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_importing_touches_no_gpu_starts_no_thread_and_needs_no_library_of_the_extra(home):
    code = (
        "import sys\nfor name in ('tokenizers', 'pyarrow', 'huggingface_hub'): sys.modules[name] = None\n"
        "import prepare, threading, torch\nprint(torch.cuda.is_initialized(), threading.active_count(), prepare.VOCAB)"
    )
    done = run(code=code)
    assert (done.stdout, done.stderr) == ("False 1 257\n", "")


@pytest.mark.slow
def test_it_runs_as_the_setup_of_a_study_without_a_file(home):
    code = (
        "import sys, pathlib\nsys.argv = ['worker.py', '--source', 'nowhere']\n"
        f"exec(compile(pathlib.Path({str(TRAIN / 'prepare.py')!r}).read_text(), '<setup>', 'exec'))\n"
        "print(evaluate(lambda x: torch.zeros(*x.shape, VOCAB)), next(batches(2, CONTEXT, 0))[0].shape[0])"
    )
    done = run(code=code)
    assert (done.stdout, done.stderr) == ("8.0 2\n", "")


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_script_describes_text_tokenizer_and_validation(home):
    done = run()
    assert done.stderr == ""
    assert re.search(r"^source +embedded: \d,\d{3},\d{3} tokens to train on", done.stdout, re.MULTILINE)
    assert re.search(r"^tokenizer +bytes: 257 tokens, 1.00 bytes each$", done.stdout, re.MULTILINE)
    assert re.search(r"^validation +[\d,]+ bytes in [\d,]+ tokens, \d+ windows of \d+$", done.stdout, re.MULTILINE)
    assert "ready" not in done.stdout


def test_measuring_reports_batches_a_step_and_the_evaluation(prepare):
    lines = prepare.measure(0.01).splitlines()
    assert [line.split("  ")[0] for line in lines] == ["batches", "a step", "evaluation"]
    assert re.search(r"[\d.]+% .* waiting for batches", lines[1])
    assert re.search(r"[\d.]+ s, [\d.]+% of the budget", lines[2])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "arguments", "line"),
    [
        ("prepare.py", ["--source", "no/such/thing"], "Nothing is at 'no/such/thing'"),
        ("train.py", ["--tokenizer", "gpt2", "--seconds", "1"], "There is no tokenizer 'gpt2'"),
        ("prepare.py", ["--source", "tinystories", "--shards", "5"], "tinystories has 4 training shards"),
    ],
)
def test_a_users_mistake_is_one_line_without_traceback(home, program, arguments, line):
    done = run(*arguments, code=f"import sys; sys.argv[0] = {program!r}; import prepare")
    assert done.returncode == 1
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_data_set_of_the_hub_from_download_to_tokens(home):
    for library in ("huggingface_hub", "pyarrow", "tokenizers"):
        pytest.importorskip(library)
    import shards

    dataset = shards.DATASETS["tinystories"]
    rows = {
        name: [f"Once upon a time there was a cat of {name}, number {i}." for i in range(200)]
        for name in dataset.files(2)
    }
    content = {name: write_parquet(home / "made" / name, text=texts).read_bytes() for name, texts in rows.items()}
    choice = ["--source", "tinystories", "--shards", "2", "--tokenizer", "bpe-300"]
    with FakeHub(dataset.repo, dataset.revision, content) as hub:
        done = run(*choice, HF_ENDPOINT=hub.url)
        assert "tokenizer   bpe-300: 300 tokens" in done.stdout, done.stderr
        assert 'set SOURCE = "tinystories" and TOKENIZER = "bpe-300"' in done.stdout
        assert [len(hub.asked(name)) for name in dataset.files(2)] == [1, 1, 1]
    # Without a network train.py then uses what was downloaded.
    code = "import sys; sys.argv[0] = 'train.py'; import prepare; print(prepare.DATA.tokenizer.decode(prepare.DATA.val)[:60].decode())"
    done = run(*choice, code=code, HF_ENDPOINT="http://127.0.0.1:9")
    assert done.stdout == f"{rows[dataset.validation][0]}"[:60] + "\n", done.stderr


@pytest.mark.slow
def test_train_py_does_not_download(home):
    done = run(
        "--source",
        "tinystories",
        code="import sys; sys.argv[0] = 'train.py'; import prepare",
        HF_ENDPOINT="http://127.0.0.1:9",
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        "tinystories has not been downloaded: run python train/prepare.py --source tinystories --shards 4"
    )


@pytest.mark.slow
def test_an_unreachable_hub_is_one_line(home):
    pytest.importorskip("huggingface_hub")
    done = run("--source", "climbmix", HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "climbmix" in done.stderr
    assert "http://127.0.0.1:9" in done.stderr
    assert done.stderr.count("\n") == 1
