"""The chart of a study: that any study can be drawn, what it shows, and that no shown text overlaps another or is cut off."""

import os
import random
import subprocess
import sys
import threading
import warnings
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.headline import Headline
from autoresearch_magic.metric import Metric
from autoresearch_magic.run_numbers import ShownNumber
from autoresearch_magic.storage.progress_chart import NAMED, draw_progress, save_progress

BPB = Metric("val_bpb", "evaluate(model)")
ACCURACY = Metric("accuracy", "test(model)", minimize=False)


def experiment(number: int, verdict: Verdict | None, value: float | None = None, summary: str = "an idea"):
    measurement = Measurement(Outcome.OK if value is not None else Outcome.CRASH, value, seed=1)
    return Experiment(number, None, Proposal("x", summary), verdict=verdict, measurements=(measurement,))


def simulated(count: int, metric: Metric = BPB, seed: int = 0) -> list[Experiment]:
    chance, best = random.Random(seed), 3.0
    sign = 1 if metric.minimize else -1
    done = [experiment(0, Verdict.BASELINE, best, "baseline")]
    for number in range(1, count):
        kind = chance.choice([Verdict.KEEP, *[Verdict.DISCARD] * 4, Verdict.CRASH, Verdict.PRUNED])
        if kind in (Verdict.CRASH, Verdict.PRUNED):
            done.append(experiment(number, kind))
        elif kind is Verdict.KEEP:
            best -= sign * chance.expovariate(8)
            done.append(experiment(number, kind, best, f"idea number {number}"))
        else:
            done.append(experiment(number, kind, best + sign * chance.expovariate(4)))
    return done


def shown(figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def texts(figure) -> list[str]:
    return [text.get_text() for text in shown(figure)]


def assert_readable(figure) -> None:
    """Check that every shown text lies inside the figure and overlaps no other."""
    figure.canvas.draw()
    boxes = {text: text.get_window_extent() for text in shown(figure)}
    for text, box in boxes.items():
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1, text
    assert figure.axes[0].bbox.width > 0.85 * figure.bbox.width, (
        "the layout leaves the axes the room that texts do not need"
    )
    assert figure.axes[0].bbox.height > 0.55 * figure.bbox.height
    for (one, a), (other, b) in combinations(boxes.items(), 2):
        assert not a.padded(-1).overlaps(b.padded(-1)), (one, other)


@pytest.mark.slow
@pytest.mark.parametrize("metric", [BPB, ACCURACY], ids=["minimize", "maximize"])
@pytest.mark.parametrize("count", [0, 1, 3, 10, 500])
def test_a_study_of_any_size(tmp_path, count, metric):
    path = tmp_path / "progress.png"
    experiments = simulated(count, metric) if count else []
    save_progress(path, experiments, metric, title="Lower it", noise=0.01)
    with Image.open(path) as image:
        assert image.size == (1200, 640)
    assert path.stat().st_size < 150_000
    assert [p.name for p in tmp_path.iterdir()] == ["progress.png"]


def test_the_subtitle_sums_up_the_study():
    experiments = [
        experiment(0, Verdict.BASELINE, 3.1), experiment(1, Verdict.KEEP, 2.71), experiment(2, Verdict.CRASH),
        experiment(3, None),
    ]  # fmt: skip
    written = texts(draw_progress(experiments, BPB, title="Lower it"))
    assert "Lower it" in written
    assert "2 experiments, 1 kept, 0 proven, best 2.710 (−12.6%)" in written
    headline = Headline(1, 2.73, 0.004, 3.1, 0.005, 4, 0.37)
    written = texts(draw_progress(experiments, BPB, headline=headline, proven=[1]))
    assert "2 experiments, 1 kept, 1 proven, best 2.730 (−11.9%), measured again 4 times" in written
    assert {"measured again", "2.730, sd 0.004", "−11.9%"} <= set(written)


@pytest.mark.parametrize(
    ("reach", "said", "beside"),
    [
        (0.0155, "(−11.9%; 95% interval −12.4% to −11.4%)", "−12.4% to −11.4%"),
        (0.5, "(−11.9%, within chance; 95% interval −28.1% to +4.2%)", "−28.1% to +4.2%"),
        (1e-5, "(−11.9%; 95% interval −11.9358% to −11.9352%)", "−11.9358% to −11.9352%"),
        (0.0, "(−11.9%)", None),
        (None, "(−11.9%)", None),
    ],
)
def test_the_gain_comes_with_its_interval(reach, said, beside):
    experiments = [experiment(0, Verdict.BASELINE, 3.1), experiment(1, Verdict.KEEP, 2.71)]
    headline = Headline(1, 2.73, 0.004, 3.1, 0.005, 4, 0.37, reach)
    written = texts(draw_progress(experiments, BPB, headline=headline))
    assert f"1 experiment, 1 kept, 0 proven, best 2.730 {said}, measured again 4 times" in written
    assert "−11.9%" in written
    assert [t for t in written if " to " in t and "kept" not in t] == ([beside] if beside else [])
    assert ("95% interval" in written) is bool(beside)
    assert not [t for t in written if "±" in t]


def test_proven_keeps_are_filled_and_the_others_hollow():
    experiments = [
        experiment(0, Verdict.BASELINE, 3.1), experiment(1, Verdict.KEEP, 2.9), experiment(2, Verdict.KEEP, 2.7),
        experiment(3, Verdict.DISCARD, 3.3),
    ]  # fmt: skip
    figure = draw_progress(experiments, BPB, proven=[2])
    marks = {line.get_label(): line for line in figure.axes[0].get_children() if isinstance(line, Line2D)}
    firm, hollow = marks["kept, proven"], marks["kept, not proven"]
    assert ([*firm.get_xdata()], [*hollow.get_xdata()]) == ([0, 2], [1])
    assert firm.get_markerfacecolor() == hollow.get_markeredgecolor() != hollow.get_markerfacecolor()
    written = texts(draw_progress(experiments[:1], BPB))
    assert "kept, proven" not in written, "a baseline alone has nothing to tell apart"


def test_a_legend_with_everything_in_it_is_not_cut_off():
    experiments = [
        *simulated(40), experiment(40, Verdict.CRASH), experiment(41, Verdict.PRUNED), experiment(42, Verdict.DISCARD, 90.0),
    ]  # fmt: skip
    figure = draw_progress(experiments, BPB, noise=0.03, proven=[e.number for e in experiments if e.kept][:3])
    assert_readable(figure)
    entries = {"kept, proven", "kept, not proven", "discarded", "failed", "stopped early", "off the scale"}
    assert entries <= set(texts(figure))


def test_nothing_but_failures():
    written = texts(draw_progress([experiment(n, Verdict.CRASH) for n in range(3)], BPB))
    assert "no value yet" in written
    assert "failed" in written


@pytest.mark.parametrize("metric", [BPB, ACCURACY], ids=["minimize", "maximize"])
@pytest.mark.parametrize("factor", [10, 1e6])
def test_one_value_far_off_does_not_flatten_the_rest(metric, factor):
    experiments = simulated(30, metric)
    kept = [e.value for e in experiments if e.verdict.kept]
    off = 3.0 + factor * 3 * (1 if metric.minimize else -1)
    experiments.append(experiment(30, Verdict.DISCARD, off))
    figure = draw_progress(experiments, metric)
    low, high = figure.axes[0].get_ylim()
    assert low < min(kept) < max(kept) < high
    assert max(kept) - min(kept) > 0.25 * (high - low)
    assert "off the scale" in texts(figure)


@pytest.mark.parametrize("metric", [BPB, ACCURACY], ids=["minimize", "maximize"])
@pytest.mark.parametrize("headline", [None, Headline(7, 9.0, 0.1, 36.0, 0.2, 3, 27.0)], ids=["once", "measured again"])
def test_baseline_and_best_are_on_the_scale_however_far_apart(metric, headline):
    sign = 1 if metric.minimize else -1
    values = {0: 34.9, 1: 10.9, 3: 10.3, 5: 9.9, 7: 9.7}
    experiments = [experiment(n, Verdict.KEEP if n else Verdict.BASELINE, sign * v) for n, v in values.items()]
    experiments += [experiment(n, Verdict.DISCARD, sign * v) for n, v in {2: 11.5, 4: 420.0, 6: 10.4, 9: 10.1}.items()]
    if headline is not None:
        headline = replace(headline, best=sign * headline.best, baseline=sign * headline.baseline)
    figure = draw_progress(experiments, metric, noise=0.1, headline=headline)
    limits = sorted(sign * limit for limit in figure.axes[0].get_ylim())
    shown = [34.9, 9.7, 36.0, 9.0] if headline else [34.9, 9.7]
    assert all(limits[0] < value < limits[1] for value in shown)
    assert limits[1] - limits[0] < 60  # nothing is left free for the one at 420
    assert "off the scale" in texts(figure)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_tick_at_the_top_keeps_clear_of_the_heading(count):
    experiments = [experiment(0, Verdict.BASELINE, 34.9), experiment(1, Verdict.KEEP, 9.7)]
    assert_readable(draw_progress([*experiments, experiment(2, Verdict.DISCARD, 30.0)][:count], BPB))


def test_the_summaries_of_many_kept_experiments_do_not_overlap():
    experiments = [experiment(0, Verdict.BASELINE, 3.0)]
    experiments += [experiment(n, Verdict.KEEP, 3.0 - n / 50, f"summary {n}") for n in range(1, 41)]
    figure = draw_progress(experiments, BPB)
    assert 3 <= len([text for text in texts(figure) if text.startswith("summary")]) <= NAMED
    assert_readable(figure)


@pytest.mark.slow
@pytest.mark.parametrize("metric", [BPB, ACCURACY], ids=["minimize", "maximize"])
@pytest.mark.parametrize("count", [1, 30, 200])
@pytest.mark.parametrize("scale", [1e-19, 1e5])
@pytest.mark.parametrize("again", [False, True], ids=["once", "measured again"])
def test_every_text_is_inside_the_figure_and_covers_no_other(metric, count, scale, again):
    experiments = [
        replace(e, measurements=tuple(replace(m, value=m.value and m.value * scale) for m in e.measurements))
        for e in simulated(count, metric, seed=count)
    ]
    best = [e.value for e in experiments if e.kept][-1]
    first = experiments[0].value
    headline = (
        Headline(1, best, 0.01 * scale, first, 0.02 * scale, 4, abs(best - first), 0.02 * scale) if again else None
    )
    title = "A title that is much too long for one line of the picture " * 3
    assert_readable(draw_progress(experiments, metric, title=title, noise=0.01 * scale, headline=headline))


def test_any_text_is_drawn_literally():
    experiments = [
        experiment(0, Verdict.BASELINE, 3.0),
        experiment(1, Verdict.KEEP, 2.0, "cost $x_1 \\frac$ 学習率 🚀"),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw_progress(experiments, Metric("a$b_^", "x"), title="$ % \\ {\n🚀\t" * 30)
        figure.canvas.draw()
    assert any(text.startswith("$ % \\ { □ $ %") and text.endswith("…") for text in texts(figure))
    assert any(text.startswith("cost $x_1 \\frac$") for text in texts(figure))


@pytest.mark.slow
def test_the_users_styles_do_not_matter(tmp_path):
    experiments = simulated(12)
    save_progress(tmp_path / "plain.png", experiments, BPB)
    styles = {
        "text.usetex": True, "savefig.bbox": "tight", "savefig.dpi": 30, "figure.facecolor": "red", "axes.grid": True,
        "figure.autolayout": True, "font.size": 30, "font.family": "serif", "lines.linewidth": 9, "lines.marker": "x",
        "axes.facecolor": "red", "figure.dpi": 40, "patch.force_edgecolor": True, "savefig.facecolor": "red",
        "patch.edgecolor": "red", "text.color": "red", "savefig.transparent": True, "lines.markersize": 20,
    }  # fmt: skip
    with mpl.rc_context(styles):
        save_progress(tmp_path / "styled.png", experiments, BPB)
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "styled.png").read_bytes()


@pytest.mark.slow
def test_it_is_drawn_in_a_thread_and_leaves_pyplot_alone(tmp_path):
    code = (
        "import sys, threading; from pathlib import Path; import matplotlib as mpl\n"
        "from tests.storage.test_progress_chart import simulated, BPB, save_progress\n"
        "before = mpl.rcParams.copy()\n"
        f"work = lambda: save_progress(Path({str(tmp_path)!r}) / 'a.png', simulated(20), BPB)\n"
        "thread = threading.Thread(target=work); thread.start(); thread.join()\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert mpl.rcParams.copy() == before\n"
    )
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=root, env=environment, check=True)
    assert (tmp_path / "a.png").is_file()


@pytest.mark.slow
def test_two_threads_draw_at_once(tmp_path):
    errors: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for seed in range(4):
                save_progress(tmp_path / f"{name}.png", simulated(30, seed=seed), BPB)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


VALUES = st.floats(allow_nan=False, allow_infinity=False) | st.floats(-1, 1) | st.just(0.0) | st.none()


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.tuples(st.sampled_from(list(Verdict)[1:]), VALUES), max_size=8),
    baseline=VALUES, noise=st.floats(0, 1e3), minimize=st.booleans(),
)  # fmt: skip
def test_any_values_can_be_drawn(values, baseline, noise, minimize):
    experiments = [experiment(0, Verdict.CRASH if baseline is None else Verdict.BASELINE, baseline)]
    experiments += [experiment(n, verdict, value) for n, (verdict, value) in enumerate(values, 1)]
    headline = None
    if baseline is not None and abs(baseline) < 1e100:
        headline = Headline(0, baseline, 0.0, baseline, 1.0, 2, 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_progress(experiments, Metric("m", "m", minimize=minimize), noise=noise, headline=headline).canvas.draw()


def contrast(a, b) -> float:
    """Return WCAG's contrast of two colours."""

    def light(color):
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in to_rgb(color)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dark = sorted((light(a), light(b)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_the_picture_has_no_background_and_its_texts_read_on_white_and_on_dark_pages(tmp_path):
    found = simulated(30)
    figure = draw_progress(found, BPB, noise=0.05, proven=[e.number for e in found if e.kept][:2])
    for text in shown(figure):
        assert min(contrast(text.get_color(), page) for page in ("#ffffff", "#111111")) >= 4.2, text
    save_progress(tmp_path / "p.png", found, BPB)
    picture = imread(tmp_path / "p.png")
    assert picture[0, 0, 3] == 0
    assert (picture[..., 3] > 0.9).any()


@pytest.mark.slow
def test_numbers_beside_the_metric_have_panels_below_it_with_their_limits():
    def with_number(e, size):
        return replace(e, measurements=tuple(replace(m, numbers={"size": size}) for m in e.measurements))

    study = [with_number(e, 5.0 + e.number % 7) for e in simulated(30)]
    figure = draw_progress(
        study, BPB, numbers=[ShownNumber("size", (("<", 9.0),)), ShownNumber("missing"), ShownNumber("size")]
    )
    assert len(figure.axes) == 3
    main, limited, free = figure.axes
    assert main.bbox.y0 > limited.bbox.y1 > limited.bbox.y0 > free.bbox.y1
    assert main.get_xlim() == limited.get_xlim() == free.get_xlim()
    assert main.bbox.height > 2.2 * limited.bbox.height
    assert any(text.startswith("size · 5 → ") and text.endswith(" · limit < 9") for text in texts(figure))
    assert "beyond a limit" in texts(figure)
    assert [*limited.lines[0].get_ydata()] == [9.0, 9.0]
    assert limited.get_ylim()[0] < 5.0
    assert limited.get_ylim()[1] > 9.0
    figure.canvas.draw()
    boxes = {text: text.get_window_extent() for text in shown(figure)}
    for (one, a), (other, b) in combinations(boxes.items(), 2):
        assert not a.padded(-1).overlaps(b.padded(-1)), (one, other)
    assert draw_progress(study, BPB).bbox.height < figure.bbox.height
