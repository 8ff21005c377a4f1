"""Places of literals, their names, and values that are replaced in place."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.source.constants import find_constants, read_values, replace_constants
from autoresearch_magic.source.files import join
from autoresearch_magic.source.places import find_places
from autoresearch_magic.source.search_space import Choices


def named(source: str) -> dict[str, Any]:
    return {place.name: place.value for place in find_places(ast.parse(source).body)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("RandomForestClassifier(n_estimators=100)", {"RandomForestClassifier.n_estimators": 100}),
        ("opt = torch.optim.AdamW(net.parameters(), lr=3e-4)", {"AdamW.lr": 3e-4}),
        ("nn.Dropout(0.1)", {"Dropout.p": 0.1}),
        ("layers.Dropout(0.1)", {"Dropout.rate": 0.1}),
        ("nn.Linear(784, 128)", {}),
        ("def train(lr=0.1, *, epochs=10): pass", {"train.lr": 0.1, "train.epochs": 10}),
        ("def train():\n    config = {'lr': 0.1, 'net': {'depth': 4}}",
         {"train.config.lr": 0.1, "train.config.net.depth": 4}),
        ("config = dict(lr=0.1)", {"config.lr": 0.1}),
        ("config['lr'] = 0.1", {"config.lr": 0.1}),
        ("config.lr = 0.1", {"config.lr": 0.1}),
        ("class Net:\n    width = 3\n    def __init__(self, p=0.1):\n        self.depth = 4",
         {"Net.width": 3, "Net.p": 0.1, "Net.depth": 4}),
        ("@dataclass\nclass C:\n    lr: float = field(default=0.1)", {"C.lr": 0.1}),
        ("p.add_argument('-l', '--lr', type=float, default=0.1)", {"--lr": 0.1}),
        ("@click.option('--lr', default=0.1)\ndef f(lr): pass", {"--lr": 0.1}),
        ("flags.DEFINE_float('lr', 0.1, 'rate')", {"--lr": 0.1}),
        ("p.add_argument('--fast', action='store_true', default=False)", {}),
        ("betas = (0.9, 0.95)", {"betas[0]": 0.9, "betas[1]": 0.95}),
        ("MLP(hidden_layer_sizes=(100, 50))", {"MLP.hidden_layer_sizes[0]": 100, "MLP.hidden_layer_sizes[1]": 50}),
        ("fast = p.rolling(10).mean()\nslow = p.rolling(window=50).mean()",
         {"fast.rolling.window": 10, "slow.rolling.window": 50}),
        ("net = Sequential(Dropout(0.1), Dropout(0.2))", {"Dropout.p": 0.1, "Dropout.p#2": 0.2}),
        ("def train(lr): pass\ntrain(0.1)\ntrain(lr=0.2)", {"train().lr": 0.1, "train().lr#2": 0.2}),
        ("t *= 0.99", {"t.factor": 0.99}),
        ("def score(a, b):\n    return 0.7 * a + b ** 1.5", {"score.a.weight": 0.7, "score.b.exponent": 1.5}),
        ("A = 3\nA = 4", {"A": 4}),
        ("if x:\n    with y:\n        try:\n            A = 3\n        except E:\n            B = 4", {"A": 3, "B": 4}),
        ("x = 2**10, 1 << 4, 1/4, -3, 0x1F, 1_000", {}),
        ("x, y, z = 2**10, 1 << 4, 1/4", {"x": 1024, "y": 16, "z": 0.25}),
        ("a = f(\n    n=-3,\n)", {"f.n": -3}),
        ("a = f'{g(n=3)}'", {"g.n": 3}),
        ("x = {'a b': 3, 'ok': 4, 5: 6}", {"x.ok": 4}),
        ("x = 'a'\\\n'b'", {}),
    ],
)  # fmt: skip
def test_names_say_where_a_literal_stands(source: str, expected: dict[str, Any]) -> None:
    assert named(source) == expected


def test_names_stay_when_other_code_changes() -> None:
    source = "import x\n\ndef train(lr=0.1):\n    opt = Adam(p, lr=lr, betas=(0.9, 0.95))\n"
    longer = (
        "import y\nB = 3\n\n\nclass A:\n    z = 3\n"
        + source.replace("(lr=0.1)", "(data, lr=0.1, *, wd=0.2)")
        + "    f(q=3)\n"
    )
    assert named(source).items() <= named(longer).items()


@pytest.mark.parametrize(
    ("before", "name", "value", "after"),
    [
        ("f(a, lr = 3e-4, b=1)  # é", "f.lr", 0.0011, "f(a, lr = 1.1e-3, b=1)  # é"),
        ("ü = f('日本', n=10_000); g(n = 3)", "f.n", 25000, "ü = f('日本', n=25_000); g(n = 3)"),
        ("x = f'ß {g(n=64)} ü'; A = 3", "A", 4, "x = f'ß {g(n=64)} ü'; A = 4"),
        ("N = 2**10 # units", "N", 4096, "N = 2**12 # units"),
        ("N = 2 ** 10", "N", 512, "N = 2 ** 9"),
        ("N = 1 << 10", "N", 512, "N = 1 << 9"),
        ("N = 2**10", "N", 1000, "N = 1000"),
        ("A = 1/3", "A", 0.25, "A = 0.25"),
        ("y = g(a=1/3) ** 2", "g.a", 0.5, "y = g(a=0.5) ** 2"),
        ("f(\r\n  n=0x40,\r\n)", "f.n", 128, "f(\r\n  n=0x80,\r\n)"),
        ("def f(x, *, t=-1.5, u = 2): pass", "f.t", -2.0, "def f(x, *, t=-2.0, u = 2): pass"),
        ("c = {'lr' : 1E-3 , 'é': 2}", "c.lr", 0.02, "c = {'lr' : 2E-2 , 'é': 2}"),
        ("b = (0.9,0.95)", "b[1]", 0.99, "b = (0.9,0.99)"),
        ("p.add_argument('--k', choices=['a', 'b'], default='a')", "--k", "b", "p.add_argument('--k', choices=['a', 'b'], default='b')"),
        ("x = a(n=1)(m=2)", "a.m", 5, "x = a(n=1)(m=5)"),
    ],
)  # fmt: skip
def test_values_are_replaced_in_place(before: str, name: str, value: Any, after: str) -> None:
    assert replace_constants(before, {name: value}) == after
    bundle = join({"m.py": before + "\n", "z.txt": "1\n"})
    assert replace_constants(bundle, {name: value}) == join({"m.py": after + "\n", "z.txt": "1\n"})


_NUMBERS = st.sampled_from(["3e-4", "0.1", "10_000", "1e-3", "64", "-2.5", "2**10", "1/3", "0x1F", "1 << 5", "7"])
_LINES = st.one_of(
    st.tuples(st.just("model{i} = Forest(n_estimators={n}, alpha = {n} , random_state=0)  # ü {{n}}")),
    st.tuples(
        st.just(
            "def train{i}(data, lr={n}, *, epochs = {n}):\n    '''日本 = 3'''\n    momentum = {n}\n    return f'ß{{lr}}'"
        )
    ),
    st.tuples(st.just("config{i} = {{'lr': {n},\n  'é': 3, 'net': {{'depth': {n}}}}}")),
    st.tuples(st.just("class Config{i}:\n    lr: float = {n}  # rate\n    betas = ({n}, {n})\n    name = 'x'")),
    st.tuples(st.just("p.add_argument('--rate{i}', default={n}, help='ä {n}')")),
    st.tuples(st.just("LR{i}, WIDTH{i} = {n}, {n}")),
    st.tuples(st.just("out{i} = outer(\n    inner(sigma={n}),\n    lr={n},\n)")),
    st.tuples(st.just("# only = {n}\ns{i} = 'lr={n}'")),
).map(lambda line: line[0])


@st.composite
def _programs(draw: st.DrawFn) -> str:
    lines = draw(st.lists(_LINES, min_size=1, max_size=5))
    filled = []
    for i, line in enumerate(lines):
        while "{n}" in line.replace("{{n}}", ""):
            line = line.replace("{{n}}", "\0").replace("{n}", draw(_NUMBERS), 1).replace("\0", "{{n}}")
        filled.append(line.replace("{i}", str(i)).replace("{{", "{").replace("}}", "}"))
    return draw(st.sampled_from(["\n", "\r\n"])).join("\n".join(filled).split("\n")) + "\n"


@pytest.mark.slow
@settings(deadline=None, max_examples=150)  # a shared machine stalls at times
@given(_programs(), st.data())
def test_everything_else_stays_as_it_is(source: str, data: st.DataObject) -> None:
    constants = find_constants(source)
    chosen = (
        data.draw(st.lists(st.sampled_from(constants), unique_by=lambda c: c.name, min_size=1)) if constants else []
    )
    values = {c.name: c.space.at(data.draw(st.floats(0, 1))) for c in chosen}
    after = replace_constants(source, values)
    ast.parse(after)
    expected = {name: values.get(name, value) for name, value in read_values(source).items()}
    assert dict(read_values(after)) == expected
    chosen.sort(key=lambda constant: constant.start)
    starts, ends = [*(c.start for c in chosen), None], [0, *(c.end for c in chosen)]
    between = [re.escape(source[end:start]) for end, start in zip(ends, starts, strict=True)]
    assert re.fullmatch(r"[-+\w.*<\s/]+?".join(between), after)


def test_powers_of_two_stay_powers_of_two() -> None:
    for source in ("UNITS = 2**10", "f(batch_size=64)", "BATCH_SIZE = 2**5", "opt = G(width=2**6)"):
        (constant,) = find_constants(source)
        assert isinstance(constant.space, Choices)
        powers = [int(v) & (int(v) - 1) == 0 for v in constant.space.values]
        assert all(powers)
        assert len(powers) > 2
