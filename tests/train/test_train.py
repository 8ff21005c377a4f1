"""train/train.py: its parts against simple reference implementations, and whole runs by hand and in a study."""

import math
import os
import re
import subprocess
import sys
import types
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic import clock
from autoresearch_magic.budget import Budget
from autoresearch_magic.runners.output.named_lines import find_named
from autoresearch_magic.source.constants import find_constants

from .helpers import TRAIN

SOURCE = (TRAIN / "train.py").read_text()
pytestmark = pytest.mark.slow  # torch, which takes seconds to import
on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """What train.py defines after two steps of a tiny preset on the CPU, executed as in a study."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        import presets

        tiny = replace(
            presets.choose("cpu"), depth=3, width=32, heads=2, kv_heads=1, context=32, batch=4, eval_tokens=2048
        )
        patch.setattr(presets, "choose", lambda override="": tiny)
        patch.delitem(sys.modules, "prepare", raising=False)
        import prepare

        assert tiny == prepare.PRESET
        module = types.ModuleType("train_of_a_study")
        patch.setitem(sys.modules, module.__name__, module)
        clock.configure(Budget(2.0, "steps"), None)
        torch.manual_seed(0)
        names = dict(prepare.__dict__)
        module.__dict__.update(names, __name__=module.__name__)  # a study executes both in one namespace
        exec(compile(SOURCE, "train.py", "exec"), module.__dict__)
        module.names_of_prepare = names
        yield module
        sys.modules.pop("prepare", None)


def small(script, dtype=torch.float32, vocab=64, **changes):
    """A model with random weights, including those initialised at zero, without which most of it has no effect."""
    torch.manual_seed(1)
    shape = script.shape_of(script.PRESET, vocab, False)
    model = script.GPT(replace(shape, **changes), "cpu", dtype, script.Attend())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def tokens_of(rows, length, vocab=64):
    return torch.randint(0, vocab, (rows, length), generator=torch.Generator().manual_seed(2))


# -- orthogonalisation ----------------------------------------------------------------------------------------------------


def best_quintic(low, high):
    """Coefficients of the odd quintic nearest to 1 on [low, high] (Remez: the error has four extrema of equal size)."""
    inner = np.array([(3 * low + high) / 4, (low + 3 * high) / 4])
    for _ in range(200):
        x = np.array([low, *inner, high])
        a, b, c, _ = np.linalg.solve(np.stack([x, x**3, x**5, [1, -1, 1, -1]], 1), np.ones(4))
        root = np.sqrt(9 * b * b - 20 * a * c)
        new = np.sqrt((-3 * b + np.array([-root, root])) / (10 * c))
        if np.abs(new - inner).max() < 1e-14:
            break
        inner = new
    return np.array([a, b, c])


@pytest.mark.slow
def test_the_coefficients_are_those_of_polar_express(script):
    low, high, cushion, safety = 1e-3, 1.0, 0.02407327424182761, 1.01
    for i, given_ in enumerate(script.POLAR):
        found = best_quintic(max(low, cushion * high), high)
        ends = [found @ np.array([x, x**3, x**5]) for x in (low, high)]
        found = found * 2 / sum(ends)  # the cushion had moved the centre off 1
        low = found @ np.array([low, low**3, low**5])
        high = 2 - low
        last = i == len(script.POLAR) - 1
        np.testing.assert_allclose(given_, found / (1 if last else np.array([safety, safety**3, safety**5])), rtol=1e-9)


def test_singular_values_from_a_thousandth_on_come_near_to_one(script):
    x = np.geomspace(1e-3, 1, 5000)
    for a, b, c in script.POLAR:
        x = a * x + b * x**3 + c * x**5
    assert x.min() > 0.85
    assert x.max() < 1.13


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 4), columns=st.integers(1, 24), more=st.integers(0, 24), seed=st.integers(0, 999))
def test_orthogonalising_gives_orthonormal_columns_in_the_same_directions(script, count, columns, more, seed):
    x = torch.randn(count, columns + more, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    u, _, v = torch.linalg.svd(x, full_matrices=False)
    x = u @ torch.diag_embed(torch.linspace(0.01, 1, columns, dtype=torch.float64).expand(count, -1)) @ v
    y = script.orthogonalise(x, len(script.POLAR), torch.float64)
    values = torch.linalg.svdvals(y)
    assert values.min() > 0.8
    assert values.max() < 1.2
    assert ((u.mT @ y @ v.mT) - torch.diag_embed(torch.diagonal(u.mT @ y @ v.mT, dim1=-2, dim2=-1))).abs().max() < 1e-9


def test_bfloat16_suffices_for_orthogonalising(script):
    x = torch.randn(3, 64, 32, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(script.orthogonalise(x, 5, torch.bfloat16).float())
    assert values.min() > 0.75
    assert values.max() < 1.25


# -- attention ------------------------------------------------------------------------------------------------------------


def naive(q, k, v, window):
    """Attention with all scores computed explicitly; shapes are (batch, time, heads, head_width)."""
    length, heads = q.shape[1:3]
    k, v = (x.repeat_interleave(heads // x.shape[2], 2) for x in (k, v))
    scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(q.shape[-1])
    distance = torch.arange(length)[:, None] - torch.arange(length)
    scores = scores.masked_fill((distance < 0) | (distance >= window), -math.inf)
    return torch.einsum("bhqk,bkhd->bqhd", scores.softmax(-1), v)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 3), length=st.integers(1, 40), window=st.integers(1, 48), kv_heads=st.integers(1, 3),
    group=st.integers(1, 3), grouped=st.booleans(), seed=st.integers(0, 999),
)  # fmt: skip
def test_attention_equals_the_naive_one(script, rows, length, window, kv_heads, group, grouped, seed):
    draw = torch.Generator().manual_seed(seed)
    q = torch.randn(rows, length, kv_heads * group, 8, generator=draw, requires_grad=True)
    k, v = (torch.randn(rows, length, kv_heads, 8, generator=draw, requires_grad=True) for _ in range(2))
    weight = torch.randn(q.shape, generator=draw)
    results = []
    for attend in (script.Attend(grouped=grouped), naive):
        y = attend(q, k, v, window)
        results.append([y, *torch.autograd.grad((y * weight).sum(), (q, k, v))])
    for ours, expected in zip(*results, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


# uncompiled FlexAttention warns; compiling it takes half a minute here
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("window", [1, 7, 32, 128])
def test_the_mask_for_flex_attention_is_the_same_window(script, window):
    from torch.nn.attention.flex_attention import flex_attention

    q, k, v = (torch.randn(2, 128, heads, 16, generator=torch.Generator().manual_seed(heads)) for heads in (4, 2, 2))
    attend = script.Attend(flex=flex_attention)
    y = attend(q, k, v, window, script.block_mask(128, window, "cpu"))
    torch.testing.assert_close(y, naive(q, k, v, window), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("device", "capability", "compiled", "grouped", "flex"),
    [
        ("cuda", (9, 0), True, True, True),
        ("cuda", (8, 9), True, True, True),
        ("cuda", (8, 0), False, True, False),
        ("cuda", (7, 5), True, False, False),
        ("cuda", (6, 1), False, False, False),
        ("cuda", (0, 0), True, True, True),
        ("mps", (0, 0), False, False, False),
        ("cpu", (0, 0), False, True, False),
    ],
)
def test_attention_is_chosen_by_the_card(script, device, capability, compiled, grouped, flex):
    chosen = script.choose_attention(device, capability, compiled)
    assert (chosen.grouped, chosen.flex is not None) == (grouped, flex)


# -- the model ------------------------------------------------------------------------------------------------------------


def test_both_implementations_of_rotate_agree(script):
    x = torch.randn(2, 10, 3, 8)
    turns = script.rotary_turns(10, 8, "cpu")
    torch.testing.assert_close(script.rotate(x, turns), script.rotate(x.double(), turns.double()).float())


@given(first=st.integers(0, 40), second=st.integers(0, 40), further=st.integers(0, 20))
@settings(max_examples=30, deadline=None)
def test_rotated_products_depend_on_the_distance_alone(script, first, second, further):
    turns = script.rotary_turns(64, 16, "cpu")
    q, k = (
        torch.randn(1, 1, 1, 16, generator=torch.Generator().manual_seed(seed)).expand(1, 64, 1, 16) for seed in (0, 1)
    )
    q, k = script.rotate(q, turns)[0, :, 0], script.rotate(k, turns)[0, :, 0]
    torch.testing.assert_close(q[first] @ k[second], q[first + further] @ k[second + further], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("windows", [(32, 32, 32), (8, 8, 32)])
def test_no_logit_depends_on_later_tokens(script, windows):
    model, x = small(script, windows=windows), tokens_of(2, 32)
    before = model(x)
    for place in (1, 13, 31):
        changed = x.clone()
        changed[:, place:] = (changed[:, place:] + 1) % 64
        after = model(changed)
        torch.testing.assert_close(after[:, :place], before[:, :place], rtol=1e-4, atol=1e-5)
        assert (after[:, place] - before[:, place]).abs().max() > 1e-3  # but it depends on its own token


def test_logits_are_float32_and_capped_and_the_loss_is_their_cross_entropy(script):
    model, x, y = small(script), tokens_of(2, 32), tokens_of(2, 32).roll(1)
    logits = model(x)
    assert logits.shape == (2, 32, 64)
    assert logits.dtype == torch.float32
    assert logits.abs().max() < script.SOFTCAP
    torch.testing.assert_close(model(x, y), torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten()))


def test_a_new_model_predicts_uniformly(script):
    model = script.GPT(script.shape_of(script.PRESET, 64, False), "cpu", torch.float32, script.Attend())
    assert model(tokens_of(4, 32), tokens_of(4, 32).roll(1)).item() == pytest.approx(math.log(64), abs=0.01)


def test_bfloat16_gives_about_the_same_loss_with_autocast_too(script):
    x, y = tokens_of(4, 32), tokens_of(4, 32).roll(1)
    exact, rough = small(script), small(script, torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        scored = rough(x, y)
        whole = exact(x, y)
    assert scored.item() == rough(x, y).item()  # evaluation computes as training does
    assert whole.item() == exact(x, y).item()
    assert rough(x, y).item() == pytest.approx(exact(x, y).item(), rel=0.02)
    rough(x, y).backward()
    assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in rough.parameters())


def test_the_shape_follows_the_constants(script, monkeypatch):
    monkeypatch.setattr(script, "DEPTH_SCALE", 2.0)
    monkeypatch.setattr(script, "WIDTH_SCALE", 1.5)
    monkeypatch.setattr(script, "WINDOWS", "SSSL")
    monkeypatch.setattr(script, "VALUES", "all")
    shape = script.shape_of(script.PRESET, 64, False)
    assert (shape.depth, shape.width, shape.heads, shape.kv_heads) == (6, 48, 3, 1)
    assert shape.windows == (8, 8, 8, 32, 8, 32)  # the last sees all
    assert shape.valued == (True,) * 6


def test_auto_uses_windows_for_long_contexts_where_they_are_fast(script):
    long = replace(script.PRESET, context=2048)
    assert set(script.shape_of(long, 64, True).windows) == {512, 2048}
    assert set(script.shape_of(long, 64, False).windows) == {2048}
    assert set(script.shape_of(script.PRESET, 64, True).windows) == {32}


# -- the optimizers -------------------------------------------------------------------------------------------------------


def stepped(script, scale=1.0, progress=0.3):
    model = small(script)
    optimizer = script.Optimizer(model, compiled=False)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    (model(tokens_of(4, 32), tokens_of(4, 32).roll(1)) * scale).backward()
    done = optimizer.step(progress, scale)
    return model, optimizer, before, done


def test_every_parameter_is_updated_and_every_gradient_released(script):
    model, _, before, done = stepped(script)
    assert done
    for name, parameter in model.named_parameters():
        assert not torch.equal(parameter, before[name]), name
        assert parameter.grad is None


def test_an_update_of_a_matrix_has_no_weak_direction(script, monkeypatch):
    monkeypatch.setattr(script, "WEIGHT_DECAY", 0.0)
    model, _, before, _ = stepped(script)
    change = (before["query"] - model.query.detach()) / (script.MATRIX_LR * script.schedule(0.3))
    values = torch.linalg.svdvals(change)
    assert values.median() == pytest.approx(1.0, abs=0.3)
    gradient = small(script)
    gradient(tokens_of(4, 32), tokens_of(4, 32).roll(1)).backward()
    spread = torch.linalg.svdvals(gradient.query.grad)
    assert (values[:, 0] / values[:, -4]).max() < 0.2 * (spread[:, 0] / spread[:, -4]).max()


def test_weights_decay_only_where_the_update_does_not_oppose_it(script):
    matrix, grad = torch.randn(2, 8, 4), torch.randn(2, 8, 4)
    results = []
    for decay in (0.0, 0.5):
        copy = matrix.clone()
        number = torch.tensor
        script.muon_update(
            [copy],
            [grad.clone()],
            *script.muon_state([copy]),
            [1.0],
            number(0.1),
            number(0.9),
            number(decay),
            torch.float32,
        )
        results.append(copy)
    plain, decayed = results
    shrunk = ~torch.isclose(plain, decayed, rtol=0, atol=1e-7)
    assert torch.equal(shrunk, (matrix - plain) * matrix > 0)
    torch.testing.assert_close(decayed[shrunk], (plain - 0.1 * 0.5 * matrix)[shrunk])


def test_wide_matrices_are_updated_like_tall_ones(script):
    tall = [torch.randn(2, 8, 4), torch.randn(2, 8, 4)]
    wide = [x.mT.contiguous() for x in tall]
    for matrix, grad in (tall, wide):
        number = torch.tensor
        script.muon_update(
            [matrix], [grad], *script.muon_state([matrix]), [1.0], number(0.1), number(0.9), number(0.1), torch.float32
        )
    torch.testing.assert_close(wide[0].mT, tall[0])


def test_adamw_equals_torchs(script):
    x, theirs = torch.randn(5), torch.nn.Parameter(torch.zeros(5))
    theirs.data.copy_(x)
    adam = torch.optim.AdamW([theirs], lr=0.1, betas=(script.BETA1, script.BETA2), eps=1e-10, weight_decay=0.0)
    state = torch.zeros(5), torch.zeros(5)
    for step in range(1, 5):
        grad = torch.randn(5, generator=torch.Generator().manual_seed(step))
        theirs.grad = grad.clone()
        adam.step()
        script.adamw_update(x, grad, *state, torch.tensor(0.1), torch.tensor(float(step)))
    torch.testing.assert_close(x, theirs.detach())


def test_a_scaled_loss_gives_the_same_step_and_an_overflow_no_step(script):
    plain, scaled = stepped(script)[0], stepped(script, 2.0**10)[0]
    for a, b in zip(plain.parameters(), scaled.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    model, optimizer, before, done = stepped(script, 1e39)  # beyond float32
    assert not done
    assert optimizer.steps == 0
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


@pytest.fixture
def traced(monkeypatch):
    """`torch.compile` without its last stage, which takes half a minute on a CPU; a graph break is an error."""
    whole = torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda f, dynamic: whole(f, dynamic=dynamic, fullgraph=True, backend="aot_eager")
    )
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")
    monkeypatch.setenv("TRITON_CACHE_DIR", "")
    yield
    torch._dynamo.reset()


@pytest.mark.slow
def test_compiling_changes_neither_results_nor_state(script, traced):
    x, y = tokens_of(4, 32), tokens_of(4, 32).roll(1)
    model = small(script, torch.bfloat16, windows=(8, 8, 32))
    optimizer = script.Optimizer(model, compiled=True)
    before = [p.detach().clone() for p in model.parameters()]
    forward = script.compile_all(model, optimizer, x, y)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert optimizer.steps == 0
    assert not any(x.any() for pair in (*optimizer.states, *optimizer.moments) for x in pair)
    torch.testing.assert_close(forward(x, y), model(x, y), rtol=1e-3, atol=1e-3)
    forward(x, y).backward()
    optimizer.step(0.3)
    other = small(script, torch.bfloat16, windows=(8, 8, 32))
    plain = script.Optimizer(other, compiled=False)
    other(x, y).backward()
    plain.step(0.3)
    assert all((a - b).abs().max() < 0.02 for a, b in zip(model.parameters(), other.parameters(), strict=True))


@pytest.mark.slow
def test_updates_are_compiled_once_for_all_rates(script, traced):
    model = small(script)
    optimizer = script.Optimizer(model, compiled=True)
    forward = script.compile_all(model, optimizer, tokens_of(4, 32), tokens_of(4, 32).roll(1))
    with torch._dynamo.config.patch(error_on_recompile=True):
        for progress in (0.0, 0.1, 0.5, 0.9):
            forward(tokens_of(4, 32), tokens_of(4, 32).roll(1)).backward()
            optimizer.step(progress)
    assert optimizer.steps == 4


def test_training_runs_uncompiled_when_compiling_fails(script, traced, monkeypatch, capsys):
    monkeypatch.setattr(script, "PRESET", replace(script.PRESET, compile=True))
    monkeypatch.setattr(script, "compile_all", lambda *_: (_ for _ in ()).throw(NotImplementedError("no such kernel")))
    build, folders = script.build, []
    monkeypatch.setattr(
        script, "build", lambda *given: folders.append(os.environ.get("TORCHINDUCTOR_CACHE_DIR")) or build(*given)
    )
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    script.hardware.share_compile_cache.cache_clear()
    gpt, model, optimizer = script.build_for("cpu", script.batches(4, script.CONTEXT, 0))
    assert folders[0]  # set before the compiler, which reads it, is imported
    assert model is gpt
    assert optimizer.adamw is script.adamw_update
    assert "NotImplementedError" in capsys.readouterr().out


def test_running_out_of_memory_in_compiling_is_raised(script, traced, monkeypatch):
    monkeypatch.setattr(script, "PRESET", replace(script.PRESET, compile=True))
    monkeypatch.setattr(script, "compile_all", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError("no more")))
    with pytest.raises(torch.OutOfMemoryError):
        script.build_for("cpu", script.batches(4, script.CONTEXT, 0))


def test_the_learning_rate_warms_up_stays_and_warms_down(script):
    rates = [script.schedule(i / 1000) for i in range(1001)]
    top = rates.index(1.0)
    assert rates[0] > 0
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] == pytest.approx(script.FINAL_LR)


# -- the whole ------------------------------------------------------------------------------------------------------------


def test_the_tuner_finds_every_constant_with_its_range(script):
    constants = {c.name: c for c in find_constants(SOURCE)}
    assert len(constants) >= 20
    assert not any(c.inferred for c in constants.values())
    for name, constant in constants.items():
        assert getattr(script, name) == constant.value
        assert len(re.findall(rf"\b{name}\b", SOURCE)) > 1, f"{name} is not used"


def test_train_py_redefines_no_name_of_prepare(script):
    """After a run the study binds prepare's names again, in the namespace that train.py's functions use."""
    for name, value in script.names_of_prepare.items():
        if not name.startswith("__"):
            assert script.__dict__[name] is value, f"train.py redefines {name}"


@pytest.mark.slow
def test_a_run_learns_and_is_reproducible_by_its_seed(script):
    scores = []
    for steps in (1, 15, 15):
        clock.configure(Budget(float(steps), "steps"), None)
        torch.manual_seed(3)
        model, optimizer = script.build(script.Attend(), False)
        assert script.train(model, optimizer, script.batches(4, script.CONTEXT, 3), 1) == steps
        scores.append(script.evaluate(model))
    assert scores[1] < scores[0] - 1
    assert scores[1] == pytest.approx(scores[2], abs=1e-4)


@pytest.mark.slow
def test_accumulated_batches_make_one_step(script):
    clock.configure(Budget(1.0, "steps"), None)
    taken = []

    def stream():
        for pair in script.batches(4, script.CONTEXT, 0):
            taken.append(pair)
            yield pair

    model, optimizer = script.build(script.Attend(), False)
    assert script.train(model, optimizer, stream(), 3) == 1
    assert optimizer.steps == 1
    assert len(taken) == 4  # three, and the first of the next step


def test_operations_are_counted_as_in_palm(script):
    model = small(script)
    matrices = sum(getattr(model, name).numel() for name in ("query", "key", "value", "out", "up", "down", "head"))
    assert script.flops_per_token(model.shape) == 6 * matrices + 12 * 32 * 3 * 32


def run_script(tmp_path, *options):
    code = (
        "import runpy, sys\n"
        f"sys.argv = [{str(TRAIN / 'train.py')!r}, *{list(options)!r}]\n"
        f"sys.path.insert(0, {str(TRAIN)!r})\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "import torch\n"
        "print('compiler', 'torch._dynamo' in sys.modules, 'cuda', torch.cuda.is_initialized())\n"
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(TRAIN.parent)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)


@pytest.mark.slow
def test_a_run_by_hand_prints_the_originals_figures_and_a_sample(script, tmp_path):
    done = run_script(
        tmp_path, "--preset", "cpu,depth=1,width=32,heads=1,kv_heads=1,batch=4,eval_tokens=1024", "--seconds", "0.3",
        "--threads", "1", "--sample", "5",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = dict(re.findall(r"^(\w+): +([-\d.]+)$", done.stdout, re.MULTILINE))
    assert {
        "val_bpb", "training_seconds", "total_seconds", "peak_vram_mb", "peak_memory_mb", "mfu_percent", "total_tokens_M",
        "tokens_per_second", "num_steps", "num_params_M", "depth", "startup_seconds", "evaluation_seconds",
    } == figures.keys()  # fmt: skip
    assert 0 < float(figures["val_bpb"]) < 9
    last, empty, heading = done.stdout.partition("total_seconds:")[2].split("\n", 3)[:3]
    assert (float(last) > 0, empty, heading) == (True, "", "--- a sample of its text ---")
    assert not any(any(find_named([heading], name)) for name in ("sample", "text", "a", "of", *figures))
    assert int(figures["num_steps"]) >= 1
    assert float(figures["training_seconds"]) >= 0.3
    assert 0 < float(figures["mfu_percent"]) < 150
    assert "memory: about" in done.stdout
    assert "compiler False cuda False" in done.stdout  # neither is needed here, and each takes seconds to start


@pytest.mark.slow
def test_a_model_too_large_for_memory_is_one_line(script, tmp_path):
    done = run_script(tmp_path, "--preset", "cpu,width=3000000,heads=3,eval_tokens=1024", "--seconds", "1")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("Out of memory on cpu at a peak of ")
    assert "--preset cpu,batch=8,accumulate=2" in done.stderr


# -- on a card ------------------------------------------------------------------------------------------------------------


@pytest.mark.gpu
@on_gpu
@pytest.mark.parametrize("window", [16, 64, 256])
def test_all_attention_kernels_agree_on_the_card(script, window):
    shapes = (4, 2, 2)
    q, k, v = (torch.randn(2, 256, heads, 64, generator=torch.Generator().manual_seed(heads)) for heads in shapes)
    expected = naive(q, k, v, window)
    capability = torch.cuda.get_device_capability()
    q, k, v = (x.cuda().half() for x in (q, k, v))
    for compiled in (False, True):
        attend = script.choose_attention("cuda", capability, compiled)
        mask = script.block_mask(256, window, "cuda") if attend.flex and window < 256 else None
        call = torch.compile(attend, dynamic=False) if compiled else attend
        torch.testing.assert_close(call(q, k, v, window, mask).float().cpu(), expected, rtol=2e-2, atol=2e-2)


@pytest.mark.gpu
@on_gpu
@pytest.mark.parametrize("compiled", [False, True])
def test_training_on_the_card_stays_within_the_estimate(script, monkeypatch, compiled):
    import presets

    preset = next(preset for preset in presets.PRESETS if preset.name == "gpu-4gb")
    preset = replace(preset, compile=compiled, dtype="bfloat16" if torch.cuda.is_bf16_supported() else "float16")
    monkeypatch.setattr(script, "PRESET", preset)
    torch.cuda.reset_peak_memory_stats()
    clock.configure(Budget(20.0, "steps"), None)
    capability = (0, 0) if torch.version.hip else torch.cuda.get_device_capability()
    model, optimizer = script.build(script.choose_attention("cuda", capability, compiled), compiled)
    forward = torch.compile(model, dynamic=False) if compiled else model
    losses = []
    monkeypatch.setattr(script, "report", lambda step, loss: losses.append(loss))
    script.train(forward, optimizer, script.batches(preset.batch, preset.context, 0, "cuda"), 1)
    assert losses[-1] < losses[0] - 0.5
    assert torch.cuda.max_memory_allocated() < 1.15 * presets.estimate_memory(preset, script.VOCAB).total
