"""train/presets.py: the choice of a preset, and the memory model against what training really allocates."""

import re
import sys
import types
import weakref
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import hardware
import presets
from autoresearch_magic import clock
from autoresearch_magic.budget import Budget
from autoresearch_magic.errors import UserError

from .helpers import TRAIN

pytestmark = pytest.mark.slow  # torch, which takes seconds to import
GB = presets.GB
BY_NAME = {preset.name: preset for preset in presets.PRESETS}


def card(name, gigabytes, capability=(8, 6)):
    return hardware.Machine("cuda", name, int(gigabytes * GB), capability)


@pytest.fixture
def triton(monkeypatch):
    monkeypatch.setattr(presets.importlib.util, "find_spec", lambda name: object())


# -- which preset ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "expected", "dtype", "compiled"),
    [
        (card("NVIDIA H100 80GB HBM3", 79.6, (9, 0)), "gpu-80gb", "bfloat16", True),
        (card("NVIDIA A100-SXM4-80GB", 79.2, (8, 0)), "gpu-80gb", "bfloat16", True),
        (card("NVIDIA GeForce RTX 4090", 24.0, (8, 9)), "gpu-24gb", "bfloat16", True),
        (card("NVIDIA GeForce RTX 4080", 16.0, (8, 9)), "gpu-16gb", "bfloat16", True),
        (card("Tesla T4", 15.0, (7, 5)), "gpu-16gb", "float16", True),
        (card("NVIDIA GeForce RTX 3070", 8.0), "gpu-8gb", "bfloat16", True),
        (card("NVIDIA GeForce RTX 3050 Laptop GPU", 4.0), "gpu-4gb", "bfloat16", True),
        (card("Tesla P40", 24.0, (6, 1)), "gpu-4gb", "float32", False),  # enough memory, but too slow for a larger one
        (card("AMD Instinct MI300X", 192.0, (0, 0)), "gpu-80gb", "bfloat16", True),
        (
            card("a card from the future", 80.0, (13, 0)),
            "gpu-4gb",
            "bfloat16",
            True,
        ),  # unknown speed: a cautious choice
        (hardware.Machine("mps", "Apple GPU", 8 * GB), "mps", "float32", False),
        (hardware.Machine("cpu", "CPU", 4 * GB), "cpu", "float32", False),
    ],
)
def test_the_preset_is_chosen_by_memory_and_speed(triton, machine, expected, dtype, compiled):
    chosen = presets.preset_for(machine)
    assert (chosen.name, chosen.dtype, chosen.compile) == (expected, dtype, compiled)
    assert presets.fits(chosen, machine)


@pytest.mark.parametrize(
    ("name", "gigabytes"), [("gpu-4gb", 4), ("gpu-8gb", 8), ("gpu-16gb", 16), ("gpu-24gb", 24), ("gpu-80gb", 80)]
)
def test_each_preset_is_estimated_to_fit_its_card_even_in_float32(triton, name, gigabytes):
    machine = card("any", 0.96 * gigabytes)  # the driver keeps some of a card's memory
    assert presets.fits(BY_NAME[name], machine)
    assert (
        presets.estimate_memory(BY_NAME[name], 8192).total > 0.1 * machine.memory
    )  # and the preset uses a good part of it


def test_without_triton_nothing_is_compiled(monkeypatch):
    monkeypatch.setattr(presets.importlib.util, "find_spec", lambda name: None)
    assert not presets.preset_for(card("NVIDIA H100", 80, (9, 0))).compile


def test_a_card_too_small_for_every_preset_is_an_error_with_a_remedy(triton):
    with pytest.raises(UserError, match=r"has 1\.0 GB, .*smallest preset.*--preset cpu"):
        presets.preset_for(card("tiny", 1))


@settings(max_examples=40, deadline=None)
@given(gigabytes=st.floats(4, 200), name=st.sampled_from([*hardware.PEAKS, "unknown"]))
def test_every_choice_fits(gigabytes, name):
    machine = card(name, gigabytes)
    assert presets.fits(presets.preset_for(machine), machine)


def test_every_preset_has_consistent_sizes():
    for preset in presets.PRESETS:
        assert preset.width % preset.heads == 0
        assert preset.heads % preset.kv_heads == 0
        assert preset.width // preset.heads % 8 == 0
        assert preset.dtype in presets.BYTES
        assert hasattr(torch, preset.dtype)
        assert preset.context % 4 == 0


def test_a_preset_can_be_named_and_changed():
    assert presets.choose("cpu") == BY_NAME["cpu"]
    assert presets.choose("gpu-8gb").name == "gpu-8gb"
    changed = presets.choose("cpu, depth=6, seconds=5, compile=true, dtype=bfloat16")
    assert changed == replace(BY_NAME["cpu"], depth=6, seconds=5.0, compile=True, dtype="bfloat16")


def test_fields_of_the_chosen_preset_can_be_changed_without_its_name(monkeypatch):
    monkeypatch.setattr(hardware, "find_machine", lambda: hardware.Machine("cpu", "CPU", 8 * GB))
    assert presets.choose("depth=2") == replace(BY_NAME["cpu"], depth=2)


@pytest.mark.parametrize(
    ("override", "facts"),
    [
        ("gpu-3gb", ("gpu-3gb", "gpu-80gb")),
        ("cpu,layers=3", ("layers", "NAME,FIELD=VALUE", "depth")),
        ("cpu,name=x", ("name",)),
        ("cpu,depth", ("depth",)),
        ("cpu,depth=many", ("depth", "many", "number")),
    ],
)
def test_a_wrong_override_is_one_line(override, facts):
    with pytest.raises(UserError) as caught:
        presets.choose(override)
    assert all(fact in str(caught.value) for fact in facts)
    assert "\n" not in str(caught.value)


# -- memory ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """What train.py defines, after one step on the CPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TRAIN))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setitem(sys.modules, "presets", presets)
        tiny = replace(BY_NAME["cpu"], depth=1, width=32, heads=1, kv_heads=1, context=32, batch=2, eval_tokens=1024)
        patch.setattr(presets, "choose", lambda override="": tiny)
        patch.delitem(sys.modules, "prepare", raising=False)
        module = types.ModuleType("train_for_memory")
        patch.setitem(sys.modules, module.__name__, module)
        clock.configure(Budget(1.0, "steps"), None)
        exec(compile((TRAIN / "train.py").read_text(), "train.py", "exec"), module.__dict__)
        sys.modules.pop("prepare", None)
    return module


SHAPES = [
    (BY_NAME["cpu"], 257),
    (replace(BY_NAME["cpu"], depth=2, width=128, heads=4, kv_heads=2, context=64, batch=4), 257),
    (replace(BY_NAME["cpu"], depth=6, width=64, heads=2, kv_heads=1, context=256, batch=2), 1000),
    (replace(BY_NAME["cpu"], depth=3, width=256, heads=4, kv_heads=4, context=128, batch=4), 4096),
    (
        replace(BY_NAME["cpu"], depth=2, width=256, heads=4, kv_heads=2, context=16, batch=2),
        64,
    ),  # almost all parameters
    (replace(BY_NAME["cpu"], depth=1, width=64, heads=1, kv_heads=1, context=512, batch=8), 257),
]
each_shape = pytest.mark.parametrize(
    ("preset", "vocab"), SHAPES, ids=lambda x: f"{x.depth}x{x.width}" if hasattr(x, "depth") else str(x)
)


def build(script, preset, vocab):
    script.model = script.GPT(
        script.shape_of(preset, vocab, False), "cpu", getattr(torch, preset.dtype), script.Attend()
    )
    x = torch.randint(0, vocab, (preset.batch, preset.context))
    return script.model, script.Optimizer(script.model, compiled=False), x, x.roll(1, 1)


@pytest.mark.slow
@each_shape
def test_parameters_and_state_are_counted_exactly(script, preset, vocab):
    model, optimizer, _, _ = build(script, preset, vocab)
    estimate = presets.estimate_memory(preset, vocab)
    assert estimate.parameters == 4 * sum(p.numel() for p in model.parameters()) == estimate.gradients
    state = sum(4 * x.numel() for pair in (*optimizer.states, *optimizer.moments) for x in pair)
    assert estimate.optimizer == pytest.approx(state, rel=0.02)


@pytest.mark.slow
@each_shape
def test_activations_are_what_the_backward_pass_keeps(script, preset, vocab):
    model, _, x, y = build(script, preset, vocab)
    own = {t.untyped_storage().data_ptr() for t in (*model.parameters(), *model.buffers(), x, y)}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = (
                storage.nbytes(),
                tensor,
            )  # the tensor too, so that its address is not used again
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = model(x, y)
    estimate = presets.estimate_memory(preset, vocab)
    assert loss.requires_grad
    # of the logits' four arrays two are kept: the capped logits and their log-probabilities
    assert estimate.weights + estimate.activations + estimate.logits / 2 == pytest.approx(
        sum(size for size, _ in kept.values()), rel=0.1
    )


class Live(TorchDispatchMode):
    """Counts the bytes of all live tensors, from the forward and backward passes and the optimizer."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self.known = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and (storage := tensor.untyped_storage())._cdata not in self.known:
                self.known.add(storage._cdata)
                self.now += storage.nbytes()
                weakref.finalize(storage, self.gone, storage._cdata, storage.nbytes())
        self.peak = max(self.peak, self.now)
        return result

    def gone(self, known, size):
        self.known.discard(known)
        self.now -= size


def peak(work):
    """Peak of the live bytes that `work` has allocated."""
    with Live() as live:
        work()
    return live.peak


@pytest.mark.slow
@each_shape
def test_the_peak_of_a_step_is_the_estimate(script, preset, vocab):
    made, passes = [], 2 if vocab == 257 else 1

    def work():
        model, optimizer, x, y = build(script, preset, vocab)
        made.extend((model, optimizer))
        for _ in range(2):
            for _ in range(passes):
                model(x, y).backward()
            optimizer.step(0.5)

    estimate = presets.estimate_memory(replace(preset, accumulate=passes), vocab)
    assert estimate.total == pytest.approx(peak(work), rel=0.15)


def test_half_the_batch_needs_half_the_activations():
    preset = BY_NAME["gpu-24gb"]
    whole, half = (presets.estimate_memory(replace(preset, batch=batch), 8192) for batch in (32, 16))
    assert half.activations * 2 == whole.activations
    assert half.logits * 2 == whole.logits
    assert half.parameters == whole.parameters


def test_the_total_is_the_permanent_part_and_the_largest_phase():
    estimate = presets.Estimate(1, 2, 4, 8, 16, 32, 64, update=0, evaluation=0, accumulated=True)
    assert estimate.total == 127
    assert replace(estimate, accumulated=False).total == 125
    assert replace(estimate, update=1000).total == 1007
    assert replace(estimate, evaluation=1000).total == 1005


# -- messages -------------------------------------------------------------------------------------------------------------


def test_the_choice_and_the_estimate_are_described():
    first, second = presets.describe(BY_NAME["gpu-80gb"], 8192, card("NVIDIA H100", 80)).splitlines()
    for fact in ("gpu-80gb", "NVIDIA H100", "8 layers of 512", "2048", "262144", "2 x 64", "bfloat16", "compiled"):
        assert fact in first
    assert second.startswith("memory: about ")
    assert "activations" in second


def test_the_remedy_for_running_out_of_memory_is_a_valid_option():
    line = presets.out_of_memory(BY_NAME["gpu-8gb"], 8192, 7 * GB)
    assert "\n" not in line
    assert "7168 MB" in line
    remedy = re.search(r"--preset (\S+), or", line)[1]
    smaller = presets.choose(remedy)
    assert (smaller.batch, smaller.accumulate) == (16, 8)
