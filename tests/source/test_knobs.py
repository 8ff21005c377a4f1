"""Which literals are knobs: tables of what is tuned and what is not, and values that only reach printed figures."""

from __future__ import annotations

import pytest

from autoresearch_magic.source.constants import find_constants
from autoresearch_magic.source.files import join
from autoresearch_magic.source.search_space import Choices, Range, Space


def names(source: str, metric: str = "") -> list[str]:
    return [constant.name for constant in find_constants(source, metric=metric)]


@pytest.mark.parametrize(
    "source",
    [
        "RandomForestClassifier(random_state=42, n_jobs=4, verbose=1)",
        "train_test_split(X, y, test_size=0.25)",
        "make_moons(n_samples=400, noise=0.2)",
        "KFold(n_splits=5)",
        "nn.Linear(in_features=64, out_features=128)",
        "nn.Conv2d(3, 16, kernel_size=3, padding=1)",
        "AdamW(p, eps=1e-8)",
        "plt.plot(x, alpha=0.5, linewidth=2)",
        "ax.fill_between(x, y, alpha=0.3)",
        "round(x, ndigits=3)",
        "json.dumps(x, indent=2)",
        "def evaluate(model, threshold=0.5, n_eval=20): pass",
        "def make_data(n=100, k=3, scale=0.1): pass",
        "def rosenbrock(x, a=1.5, b=100.0): pass\nLR = 0.1",
        "def f(lr, seed=3): pass",
        "val_loader = DataLoader(d, batch_size=512)",
        "GRAVITY = 9.81",
        "N_SAMPLES = 1000",
        "TEST_SIZE = 0.2",
        "LOG_INTERVAL = 10",
        "VERSION = 1.2",
        "EPS = 1e-8",
        "config = {'seed': 3, 'log_dir': 'x', 'device': 'cpu', 'num_workers': 2, 'data': {'scale': 2.5}}",
        "results = {'score': 2.5, 'weight': 3}",
        "def f():\n    total = 0.0\n    for i in range(3):\n        total += 0.7 * i",
        "def f():\n    n = 100\n    while n > 0:\n        n -= 1",
        "def train(lr=0.1): pass\ntrain(0.2 * x)",
        "class C:\n    lr: float = 0.1\nC(lr=f())",
        "items = [{'weight': 12, 'value': 24}]",
        "bounds = (-5.0, 5.0)",
        "layers = [784, 10]",
        "model.add(Dense(10, activation='softmax'))",
        "pipe(kernel='rbf')",
        "p.add_argument('--seed', default=3)",
        "p.add_argument('--n-samples', default=300)",
        "WORKERS = 4",
        "# fixed lines\n# autoresearch: fixed\nLR = 0.1\n# autoresearch: end",
    ],
)
def test_no_knobs(source: str) -> None:
    assert [name for name in names(source) if name != "LR" or "fixed" in source] == []


def test_workers_are_knobs_where_time_is_measured() -> None:
    source = "WORKERS = 4\nCACHE_SIZE = 128\n"
    assert names(source, "p95_ms") == ["WORKERS", "CACHE_SIZE"]
    assert names(source, "accuracy") == []


def test_only_lines_that_may_change_are_tuned() -> None:
    source = "LR = 0.1\n# EVOLVE-BLOCK-START\nWIDTH = 64\ndef f(a):\n    return 0.7 * a\n# EVOLVE-BLOCK-END\n"
    assert names(source) == ["WIDTH", "f.a.weight"]
    bundle = join({"a.py": source, "b.py": "DEPTH = 3\n"})
    assert names(bundle) == ["a.WIDTH", "a.f.a.weight"]


PRINTED = """import time
PEAK_FLOPS = 312e12
LR = 0.1
SCALE = 3.5
started = time.time()
loss = train(LR)
mfu = 6 * 1e9 / (time.time() - started) / PEAK_FLOPS
shown = f"{mfu * SCALE:.2f}"
print("val_loss:", loss)
print("mfu:", shown)
"""


def test_what_only_reaches_printed_figures_is_not_tuned() -> None:
    assert names(PRINTED, "val_loss") == ["LR"]
    assert names(PRINTED, "mfu") == ["PEAK_FLOPS", "LR", "SCALE"], "the metric is the printed figure"
    assert names(PRINTED) == ["PEAK_FLOPS", "LR", "SCALE"], "which figure counts is not known"
    assert names(PRINTED, "another") == ["PEAK_FLOPS", "LR", "SCALE"], "it may be read in another way"


@pytest.mark.parametrize(
    "use",
    [
        "def figure(dt):\n    return dt / PEAK\nprint('mfu', figure(3))",
        "def figure(dt, peak):\n    return dt / peak\nprint('mfu', figure(3, PEAK))",
        "class M:\n    def mfu(self, dt):\n        return dt / PEAK\nm = M()\nx = m.mfu(3)\nprint(f'mfu {x:.2f}')",
        "ratio = x / PEAK if x else 0.0\nlogger.info('mfu %.2f', ratio)",
        "wandb.log({'mfu': x / PEAK})",
        "print('mfu {:.2f}'.format(np.log(x) / PEAK))",
        "print(json.dumps({'mfu': round(x / PEAK, 3)}))",
        "if step % PEAK == 0:\n    print('loss so far', x)",
    ],
)
def test_figures_are_followed_through_functions_and_formats(use: str) -> None:
    source = f"PEAK = 312.5\n{use}\nprint('loss:', train())\n"
    assert names(source, "loss") == []
    assert names(source.replace("print('loss:', train())", "print('loss:', train(PEAK))"), "loss") == ["PEAK"]


@pytest.mark.parametrize(
    "use",
    ["x = train(PEAK)", "m.peak = PEAK", "for i in range(PEAK): f()", "if x > PEAK:\n    stop()", "a[0] = PEAK",
     "while x < PEAK: x = f(x)", "y = x * PEAK", "def f():\n    return PEAK", "print(PEAK)", "f = lambda: PEAK"],
)  # fmt: skip
def test_what_may_change_the_metric_is_kept(use: str) -> None:
    assert names(f"PEAK = 312.5\n{use}\nprint('loss:', 3)\n", "loss") == ["PEAK"]


@pytest.mark.parametrize(
    ("source", "space"),
    [
        ("Adam(p, lr=0.6)", Range(0.075, 4.8, "log")),
        ("def score(a):\n    return 0.7 * a", Range(0.0875, 5.6, "log")),
        ("f(subsample=1.0)", Range(0.3, 1.0)),
        ("f(dropout=0.0)", Range(0.0, 0.3)),
        ("f(weight_decay=0.0)", Range(0.0, 0.1)),
        ("f(batch_size=32)", Choices((8, 16, 32, 64, 128), ordered=True)),
        ("DecisionTree(min_samples_split=2)", Range(2, 8, "log", whole=True)),
        ("PCA(n_components=20)", Range(5, 20, whole=True)),
        ("SVC(kernel='rbf')", Choices(("rbf", "linear", "poly", "sigmoid"))),
        ("p.add_argument('--k', default='a', choices=['a', 'b'])", Choices(("a", "b"))),
        ("Tfidf(ngram_range=(1, 2))", Range(1, 4, whole=True)),
        ("TOTAL_BATCH_SIZE = 2**6", Choices((16, 32, 64, 128, 256), ordered=True)),
        ("f(lr=0.1)  # 0.01 .. 1 log", Range(0.01, 1.0, "log")),
        ("f(size=10)  # 5 .. 20", Range(5, 20, whole=True)),
    ],
)  # fmt: skip
def test_spaces_by_name(source: str, space: Space) -> None:
    (constant,) = find_constants(source)
    assert constant.space == space


def test_heads_always_divide_the_width() -> None:
    for width, heads in ((384, 6), (32, 4), (768, 12), (128, 1), (64, 8)):
        found = {c.name: c for c in find_constants(f"class C:\n    n_head: int = {heads}\n    n_embd: int = {width}\n")}
        values = {name: [int(v) for v in c.space.grid()] for name, c in found.items()}
        for h in values.get("C.n_head", [heads]):
            assert all(w % h == 0 for w in values["C.n_embd"]), (width, heads, h)


def test_a_filters_window_stays_odd_and_longer_than_its_polynomial() -> None:
    found = {c.name: c for c in find_constants("y = savgol_filter(x, window_length=11, polyorder=3)")}
    windows = [int(v) for v in found["savgol_filter.window_length"].space.grid()]
    assert all(w % 2 for w in windows)
    assert max(int(v) for v in found["savgol_filter.polyorder"].space.grid()) < min(windows)


def test_important_constants_are_marked() -> None:
    found = {c.name: c.importance for c in find_constants("LR = 0.1\nBETA2 = 0.9\nQUX = 2.5  # 1 .. 4\nqux = 2.5\n")}
    assert found["QUX"] > found["LR"] > found["BETA2"] > found["qux"]


def test_a_problem_is_tuned_only_where_there_is_nothing_else() -> None:
    source = "A, B = 40, 5\n\ndef cost():\n    return A + B\n"
    assert names(source) == ["A", "B"]
    assert names(source + "LR = 0.1\n") == ["LR"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("EMPTY, BLACK, WHITE = 0, 1, 2", []),
        ("WIDTH, HEIGHT = 8, 8", []),
        ("DEPTH, WIDTH = 2, 64", ["DEPTH", "WIDTH"]),
        ("TABLE = {'corner': 25.0, 'edge': 2.5}\nf(TABLE['corner'], TABLE['edge'])", ["TABLE.corner", "TABLE.edge"]),
        ("TABLE = {'corner': 25.0, 'edge': 2.5}\nf(TABLE[x])", []),
        ("prices = {'apple': 2.5}\nf(prices)", []),
        ("df.rolling(100).mean().tail(3)", []),
        ("m = df.rolling(100).mean()", ["rolling.window"]),
        ("model.fit(X, y, epochs=3)", ["fit.epochs"]),
        ("jitter = f(jitter=1e-6)", []),
        ("LoraConfig(r=16, lora_alpha=32)", ["LoraConfig.r", "LoraConfig.lora_alpha"]),
        ("TrainingArguments(per_device_train_batch_size=8, per_device_eval_batch_size=16)",
         ["TrainingArguments.per_device_train_batch_size"]),
        ("median_filter(x, size=3)", ["median_filter.size"]),
        ("class A:\n    def __init__(self, p=0.5): super(A, self).__init__()\nA(0.3 * x)", []),
        ("temperature = 10.0\nwhile f():\n    pass", ["temperature"]),
        ("def f():\n    temperature = 10.0\n    while g():\n        temperature *= 0.99", ["f.temperature", "f.temperature.factor"]),
        ("def f():\n    total = 10.0\n    while g():\n        total *= 0.99", []),
    ],
)  # fmt: skip
def test_how_a_number_stands_decides(source: str, expected: list[str]) -> None:
    assert names(source + "\nOTHER = 2.5\n") == [*expected, "OTHER"]
