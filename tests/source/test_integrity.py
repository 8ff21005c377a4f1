"""The integrity check: tables of allowed and forbidden changes, and changes that never count."""

from __future__ import annotations

import ast
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.source.integrity import refusal, violations

BASE = """import torch
import numpy as np
from autoresearch_magic import clock, report, seed

LR = 1e-3
model = torch.nn.Linear(2, 2)
for step in clock:
    report(step=step, loss=0.0)
"""
SEEDED = """import torch, random
SEED = 1337
OFFSET = 3
torch.manual_seed(SEED)
random.seed(OFFSET + 1)
LR = 1e-3
"""


def with_line(line: str, base: str = BASE) -> str:
    return base + line + "\n"


SEEDS = [
    "torch.manual_seed(1337)",
    "torch.cuda.manual_seed_all(3)",
    "torch.random.manual_seed(3)",
    "torch.seed()",
    "torch.manual_seed(seed + 1)",
    "torch.manual_seed(seed * 7 % 3)",
    "torch.manual_seed(int(seed) + 1)",
    "torch.manual_seed(LR)",
    "g = torch.Generator().manual_seed(5)",
    "torch.set_rng_state(x)",
    "np.random.seed(0)",
    "rng = np.random.default_rng(3)",
    "rng = np.random.default_rng()",
    "rng = np.random.default_rng([seed, 1])",
    "rng = np.random.default_rng(seed=3)",
    "rng = np.random.RandomState(3)",
    "rng = np.random.Generator(np.random.PCG64(1))",
    "import random\nrandom.seed(3)",
    "import random\nrandom.seed()",
    "import random\nr = random.Random(3)",
    "import random\nr = random.Random()",
    "import random\nrandom.setstate(s)",
    "import jax\nkey = jax.random.PRNGKey(0)",
    "import jax\nkey = jax.random.key(0)",
    "import tensorflow as tf\ntf.random.set_seed(1)",
    "import pytorch_lightning as pl\npl.seed_everything(1, workers=True)",
    "from transformers import set_seed\nset_seed(1)",
    "import torch as t\nt.manual_seed(1)",
    "from random import seed as s\ns(3)",
    "import numpy.random as nr\nnr.seed(3)",
    "from numpy import random as nr\nnr.default_rng(3)",
    "from jax.random import key as k\nk(3)",
    "draw = torch.manual_seed\ndraw(3)",
    "[torch.manual_seed(i) for i in range(3)]",
    "list(map(torch.manual_seed, [3]))",
    "import functools\nf = functools.partial(np.random.default_rng, 3)",
    "split(x, random_state=0)",
    "split(x, seed=3)",
    "split(x, torch_seed=3)",
    "networkx.layout(g, rng=3)",
    "SEED = 3",
    "seed = 3",
    "seed += 1",
    "torch_seed: int = 3",
    "a, random_state = 1, 2",
    "(torch_seed := 3)",
    "cfg.seed = 3",
    "cfg['seed'] = 3",
    "cfg = {'lr': 1, 'seed': 3}",
    "for seed in range(5):\n    train()",
    "best = min(train(seed) for seed in range(5))",
    "def train(seed=3):\n    pass",
    "train = lambda seed=3: 0",
    "class Config:\n    seed: int = 3",
    "setattr(cfg, 'seed', 3)",
    "parser.add_argument('--random-seed', type=int, default=3)",
    "import os\nos.environ['PYTHONHASHSEED'] = '3'",
    "def train(seed):\n    torch.manual_seed(seed)\ntrain(3)",
    "def train(s):\n    torch.manual_seed(s)\ntrain(3)",
    "def train(s):\n    torch.manual_seed(s)\ntrain(s=3)",
    "class Run:\n    def __init__(self, seed):\n        torch.manual_seed(seed)\nRun(3)",
    "def train(seed):\n    torch.manual_seed(seed)\nlist(map(train, [3]))",
    "def manual_seed(x):\n    pass\ntorch.manual_seed(3)",
    "def default_rng(x):\n    pass\nnp.random.default_rng(3)",
    "def f():\n    seed = 4\n    torch.manual_seed(seed)",
    "if True:\n    class A:\n        def f(self):\n            torch.manual_seed(3)",
]


@pytest.mark.parametrize("line", SEEDS)
def test_setting_a_seed_is_a_violation(line: str) -> None:
    found = violations(with_line(line), [BASE])
    assert found, line
    assert {v.rule for v in found} == {"seed"}
    assert all(9 <= v.line <= 9 + line.count("\n") for v in found)
    assert violations(with_line(line), [BASE, with_line(line)]) == (), "what the baseline does already is allowed"
    assert violations(BASE, [with_line(line)]) == (), "taking it away is allowed"
    assert violations(with_line(line), [with_line(line)] * 2, setup="import torch") == ()


@pytest.mark.parametrize(
    "line",
    [
        "torch.manual_seed(seed)",
        "torch.manual_seed(int(seed))",
        "g = torch.Generator('cpu').manual_seed(seed)",
        "torch.Generator()",
        "torch.random.fork_rng()",
        "rng = np.random.default_rng(seed)",
        "rng = np.random.default_rng(seed=seed)",
        "import random\nrandom.seed(seed)\nr = random.Random(seed)",
        "import autoresearch_magic as am\ntorch.manual_seed(am.seed)",
        "from autoresearch_magic import seed as s\ntorch.manual_seed(s)",
        "from autoresearch_magic.runtime import seed as s\ntorch.manual_seed(s)",
        "from autoresearch_magic import *\ntorch.manual_seed(seed)",
        "import pytorch_lightning as pl\npl.seed_everything(seed, workers=True)",
        "SEED = seed\ntorch.manual_seed(SEED)",
        "s = seed\ntorch.manual_seed(s)",
        "def train(seed):\n    torch.manual_seed(seed)\ntrain(seed)",
        "def train(s):\n    torch.manual_seed(s)\ntrain(seed)",
        "def train(seed=seed):\n    torch.manual_seed(seed)\ntrain()",
        "def train(seed=None):\n    pass\ntrain()\ntrain(None)",
        "def seed_all():\n    torch.manual_seed(seed)\nseed_all()",
        "class Run:\n    def __init__(self, seed):\n        self.seed = seed\nRun(seed)",
        "split(x, random_state=None)",
        "split(x, random_state=seed)",
        "split(x, generator=g)",
        "cfg.seed = seed",
        "cfg = {'seed': seed}",
        "text = \"torch.manual_seed(3); {'seed': 3}\"",
        "# torch.manual_seed(3)",
        "print('seed', seed)",
        "print(cfg.seed, torch.initial_seed(), get_seed())",
        "succeeds = 3",
        "proceed(3)",
        "seeding = plant(3)",
        "key = cache.key(3)",
        "sorted(x, key=f)",
        "random_numbers = torch.rand(3)",
        "WIDTH = 3",
        "def report_loss(clock):\n    return clock",
        "def f():\n    clock = 3\n    return clock",
        "print(clock.elapsed, clock.progress, clock.budget)",
        "from autoresearch_magic import data\ntext = data.corpus('stdlib')",
        "import autoresearch_magic\nprint(autoresearch_magic.__version__)",
        "report_every = 3",
    ],
)
def test_harmless_lines_are_no_violation(line: str) -> None:
    assert violations(with_line(line), [BASE]) == ()
    assert refusal(with_line(line), [BASE]) == ""


@pytest.mark.parametrize(
    "line",
    [
        "clock = range(10**9)",
        "clock, x = 1, 2",
        "report = print",
        "del clock",
        "del seed",
        "import time as clock",
        "from time import time as clock",
        "def report(**values):\n    pass",
        "class clock:\n    pass",
        "for clock in x:\n    pass",
        "with x as clock:\n    pass",
        "def f():\n    global clock\n    clock = 3",
        "clock._budget = 3",
        "clock._spent -= 5",
        "del clock._since",
        "clock.configure(b, None)",
        "configure = clock.configure",
        "print(clock._budget)",
        "clock._stop()",
        "clock.__dict__['_spent'] = 0",
        "vars(clock)['_spent'] = 0",
        "type(clock).expired = False",
        "setattr(clock, '_spent', 0)",
        "object.__setattr__(clock, '_spent', 0)",
        "c = clock\nc._spent = 0",
        "import autoresearch_magic\nautoresearch_magic.clock = 3",
        "import autoresearch_magic.runtime as r\nr.Clock.expired = False",
        "from autoresearch_magic.runtime import Clock\nClock.elapsed = 0",
        "with clock.paused():\n    train()",
        "from autoresearch_magic.runners import child",
        "import autoresearch_magic.judging.judge",
        "from autoresearch_magic import Study",
    ],
)
def test_tampering_with_the_controller_is_a_violation(line: str) -> None:
    found = violations(with_line(line), [BASE])
    assert found, line
    assert {v.rule for v in found} == {"controller"}
    assert "tampers with the study's controls (line " in refusal(with_line(line), [BASE])
    assert violations(with_line(line), [with_line(line)]) == ()


def test_writing_the_packages_seed_is_a_violation() -> None:
    line = "import autoresearch_magic\nautoresearch_magic.runtime.seed = 3"
    assert refusal(with_line(line), [BASE]).startswith(
        "It sets the seed (line 10: autoresearch_magic.runtime.seed = 3)"
    )


@pytest.mark.parametrize(
    ("change", "by"),
    [
        ("1337", "1338"),
        ("SEED = 1337", "SEED = seed_of_the_day()"),
        ("OFFSET = 3", "OFFSET = 4"),
        ("OFFSET + 1", "OFFSET + 2"),
        ("manual_seed(SEED)", "manual_seed(7)"),
        ("random.seed(", "torch.cuda.manual_seed("),
        ("LR = 1e-3", "torch.manual_seed(SEED)"),
    ],
)
def test_changing_an_existing_seed_is_a_violation(change: str, by: str) -> None:
    assert violations(SEEDED.replace(change, by), [SEEDED])


@pytest.mark.parametrize(
    "after",
    [
        SEEDED.replace("LR = 1e-3", "LR = 3e-3"),
        SEEDED.replace("torch.manual_seed(SEED)\n", ""),
        SEEDED.replace("SEED = 1337", "SEED = seed").replace(
            "import torch", "from autoresearch_magic import seed\nimport torch"
        ),
        SEEDED.replace("import torch, random", "import torch as t\nimport random as r")
        .replace("torch.", "t.")
        .replace("random.seed", "r.seed"),
        "def main():\n    " + SEEDED.replace("\n", "\n    "),
        "\n".join(reversed(SEEDED.splitlines())),
        SEEDED.replace("torch.manual_seed(SEED)", "torch.manual_seed(  # once\n    SEED,\n)"),
        "LR = 1",
    ],
)
def test_moving_and_removing_are_no_violation(after: str) -> None:
    assert violations(after, [SEEDED]) == ()


def test_names_of_the_setup_are_resolved() -> None:
    setup = "import torch as t\nfrom autoresearch_magic import clock, seed\ndef start(s):\n    t.manual_seed(s)\n"
    assert violations("start(seed)\nt.manual_seed(seed)", [""], setup) == ()
    for line in ("start(3)", "t.manual_seed(3)", "clock._spent = 0", "clock = 3", "seed = 3"):
        assert violations(line, ["", setup], setup), line
    assert violations("x = 1", ["", ""], setup) == (), "the setup is not checked"
    assert violations("torch.manual_seed(3)", [""], "this is no Python")


def test_the_reason_has_the_line_and_the_code() -> None:
    after = with_line("\nx = 1\ntorch.manual_seed(1337)")
    assert refusal(after, [BASE]).startswith("It sets the seed (line 11: torch.manual_seed(1337)): ")
    assert "`from autoresearch_magic import seed`" in refusal(after, [BASE])
    many = refusal(with_line("torch.manual_seed(3)\nnp.random.seed(" + "9" * 500 + ")\nclock = 3"), [BASE])
    assert "(line 9: torch.manual_seed(3), and 1 more)" in many
    assert len(refusal(with_line("np.random.seed(" + "9" * 500 + ")"), [BASE])) < 250
    assert "\n" not in refusal(with_line("SEED = '''a\nb\x1b[31m'''"), [BASE])


def test_the_larger_count_of_both_allowed_targets_applies() -> None:
    once, twice = with_line("torch.manual_seed(3)"), with_line("torch.manual_seed(3)\ntorch.manual_seed(3)")
    assert violations(twice, [once, twice]) == violations(twice, [twice, BASE]) == ()
    assert len(violations(twice, [once, once])) == 1


@pytest.mark.parametrize("source", ["x = (", "x\x00", "", "x = " + "-" * 5000 + "1", "x = " + "a." * 3000 + "b"])
def test_sources_that_do_not_parse_have_no_violations(source: str) -> None:
    assert violations(source, [BASE]) == ()
    assert refusal(with_line("torch.manual_seed(3)"), [source, BASE])


LONG = {
    "sum": "x = 1" + " + 1" * 2000,
    "attributes": "x = a" + ".b" * 2000,
    "subscripts": "x = a" + "[0]" * 2000,
    "calls": "x = a" + "()" * 2000,
    "conditions": "x = " + "1 if a else " * 1000 + "2",
    "functions": "x = " + "lambda: " * 1000 + "2",
    "signs": "x = " + "not " * 2000 + "a",
    "branches": "if a == 0: b = 1\n" + "".join(f"elif a == {i}: b = 1\n" for i in range(1000)),
    "huge number": "x = 0x" + "f" * 5000,
}


@pytest.mark.parametrize("long", LONG.values(), ids=LONG)
def test_a_long_expression_hides_nothing(long: str) -> None:
    assert refusal(with_line(long), [BASE]) == ""
    assert "torch.manual_seed(3)" in refusal(with_line(f"{long}\ntorch.manual_seed(3)"), [BASE])
    assert "clock = 3" in refusal(with_line(f"{long}\nclock = 3"), [BASE])


@pytest.mark.slow
def test_a_long_expression_is_followed_to_the_seed_and_quoted() -> None:
    numbers = refusal(with_line("n = k" + " + k" * 2000 + "\nk = 2\ntorch.manual_seed(n)"), [BASE])
    assert "(line 9: n = k + k + k" in numbers
    assert "and 2 more" in numbers
    assert len(numbers) < 250
    assert "(line 9: torch.manual_seed(1 + 1 +" in refusal(
        with_line("torch.manual_seed(1" + " + 1" * 2000 + ")"), [BASE]
    )
    assert "(line 9: SEED = 0xffff" in refusal(with_line("SEED = 0x" + "f" * 5000), [BASE])


def test_what_is_nested_too_deeply_to_be_read_is_refused() -> None:
    assert "nested too deeply" in refusal("x = " + "-" * 5000 + "1\ntorch.manual_seed(3)", [BASE])


def generated(lines: int) -> dict[str, str]:
    """Sources as programs write them, with many bindings of one name or of many names."""
    half, every = lines // 2, range(lines)
    start = "import torch\nfrom autoresearch_magic import clock, seed\nx0 = 0\n"
    return {
        "one name": start + "x = 1\n" * lines,
        "one name changed": start + "x = 1\n" + "x += x\n" * lines,
        "names": start + "".join(f"x{i} = {i}\n" for i in every),
        "aliases": start + "".join(f"x{i + 1} = x{i}\n" for i in every),
        "the way to a seed": start + "".join(f"x{i + 1} = x{i} + 1\n" for i in every) + f"torch.manual_seed(x{lines})",
        "seeds": start + "k = 1\ntorch.manual_seed(k)\n" * half,
        "the controller's seed": start + "k = seed\ntorch.manual_seed(k)\n" * half,
        "aliases of the seed": start
        + "a = seed\n" * (lines // 3)
        + "b = a\n" * (lines // 3)
        + "torch.manual_seed(b)\n" * (lines // 3),
        "loops": start + "for step in clock: y = step\n" * lines,
        "the clock": start + "clock = 1\n" * lines,
        "functions": "def f(a=1):\n    return f\n" * half,
        "calls": "def f(a, seed=1):\n    return a\n" + "f(2, seed=f)\n" * lines,
        "names of one value": "seed_a, " * lines + "*rest = 1" + ", 2" * lines,
        "imports": "".join(f"import m{i} as m\nm = 1\n" for i in range(half)),
        "attributes": "import m\n" + "m.x = 1\nm.y.z[0] = m.x.w\n" * half,
    }


def lines_executed(function: Callable[[], object]) -> int:
    """Return how many lines of Python a function executes, each round of a loop counted: its time, but always the same."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.slow
@pytest.mark.parametrize("kind", generated(1))
def test_twice_as_many_lines_take_twice_as_much_work(kind: str) -> None:
    once, twice = (lines_executed(lambda n=n: refusal(generated(n)[kind], [BASE])) for n in (300, 600))
    assert twice < 2.2 * once


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["one name", "the way to a seed"])
def test_ten_thousand_lines_are_checked(kind: str) -> None:
    source = generated(10_000)[kind]
    assert refusal(source, [source]) == ""
    assert "seed" in refusal(f"{source}\nimport random\nrandom.seed(8)\n", [source])


_lines = st.lists(
    st.sampled_from([*SEEDS, *BASE.splitlines()[:6], "x = 1", "def g(a, b=2):\n    return a"]), max_size=6
)


@pytest.mark.slow
@settings(deadline=None, max_examples=150)  # a shared machine stalls at times
@given(_lines, st.randoms())
def test_layout_and_order_are_no_violation(lines: list[str], random) -> None:  # type: ignore[no-untyped-def]
    source = "\n".join([*BASE.splitlines(), *lines])
    assert violations(ast.unparse(ast.parse(source)), [source]) == ()
    assert violations(source, [ast.unparse(ast.parse(source))]) == ()
    fewer = [line for line in lines if random.random() < 0.5 and line not in SEEDS] + []
    assert violations("\n".join([*BASE.splitlines(), *fewer]), [source]) == ()


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet="seedlockrandomt_=.()[]{}:'\n 013,+", max_size=60))
def test_any_text_can_be_checked(text: str) -> None:
    assert isinstance(refusal(text, [BASE]), str)
    assert violations(text, [text]) == ()


def test_the_check_is_fast() -> None:
    source = BASE + "\n".join(
        f"def f{i}(x, y={i}):\n    z = x * y + model.weight[{i}]\n    return torch.relu(z) + {i}" for i in range(100)
    )
    began = time.perf_counter()
    violations(source, [BASE])
    assert time.perf_counter() - began < 0.5
