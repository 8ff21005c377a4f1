"""The charts of characters: what is where."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.run_numbers import ShownNumber
from autoresearch_magic.runs import Point
from autoresearch_magic.ui.terminal.canvas import Canvas
from autoresearch_magic.ui.terminal.charts import HistoryChart, curve_chart
from autoresearch_magic.ui.terminal.scale import last_number, tick_texts, ticks, value_range


def experiment(number, value, verdict=Verdict.DISCARD):
    runs = (Measurement(Outcome.OK if value is not None else Outcome.CRASH, value, 0, 1.0),)
    return Experiment(
        number, 0 if number else None, Proposal(f"X = {number}\n", f"idea {number}"), verdict=verdict, measurements=runs
    )


STUDY = [
    experiment(0, 10.0, Verdict.BASELINE), experiment(1, 4.0, Verdict.KEEP), experiment(2, 6.0), experiment(3, None, Verdict.CRASH),
    experiment(4, 3.0, Verdict.KEEP), experiment(5, 900.0), experiment(6, None, Verdict.PRUNED), experiment(7, 5.0),
]  # fmt: skip


def chart(experiments=STUDY, width=44, height=12, planned=8, noise=lambda value: 0.0, proven=(1,), selected=-1):
    return [row.plain for row in HistoryChart(experiments, proven, planned, noise, width, height).rows(selected)]


@pytest.mark.slow
def test_every_experiment_has_its_mark():
    rows = chart()
    assert len(rows) == 12
    assert {len(row) for row in rows} == {44}
    text = "\n".join(rows)
    assert {mark: text.count(mark) for mark in "◆●○∙×–▴▾"} == {
        "◆": 1,
        "●": 1,
        "○": 1,
        "∙": 2,
        "×": 1,
        "–": 1,
        "▴": 1,
        "▾": 0,
    }
    assert rows[0].count("▴") == 1, "a value that is far away is an arrow at the edge"
    assert "×" in rows[-2]
    assert rows[-1].split() == ["0", "2", "4", "6", "8"]
    columns = {mark: next(row.index(mark) for row in rows if mark in row) for mark in "◆●×○–"}
    assert list(columns.values()) == sorted(columns.values())
    height = {mark: next(y for y, row in enumerate(rows) if mark in row) for mark in "◆●○"}
    assert height["◆"] < height["●"] < height["○"], "lower values are lower"
    assert "┄" in rows[height["◆"]]


def test_the_band_of_noise_is_drawn_where_it_fits():
    assert "░" not in "".join(chart(noise=lambda value: 0.01))
    assert "░" in "".join(chart(noise=lambda value: 1.5))


def test_many_experiments_are_dots_and_what_was_kept_is_above_them():
    many = [experiment(0, 2.0, Verdict.BASELINE)]
    many += [experiment(n, 1.0 + n % 7 / 10) for n in range(1, 1000)]
    many[500] = experiment(500, 0.9, Verdict.KEEP)
    text = "\n".join(chart(many, planned=1000, width=80))
    assert "∙" not in text
    assert text.count("○") == 1
    assert sum(0x2800 < ord(c) <= 0x28FF for c in text) > 100


def test_the_chosen_experiment_is_pointed_out():
    [row] = [row for row in HistoryChart(STUDY, (), 8, lambda v: 0.0, 44, 12).rows(4) if "reverse" in str(row.spans)]
    assert [row.plain[span.start : span.end] for span in row.spans if "reverse" in str(span.style)] == ["○"]


@pytest.mark.parametrize(
    "experiments", [[], [experiment(0, None, Verdict.CRASH)], STUDY[:1], [replace(e, measurements=()) for e in STUDY]]
)
def test_small_and_empty_studies(experiments):
    assert len(chart(experiments)) == 12
    assert len(chart(experiments, width=10, height=3)) == 3


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.floats(-1e300, 1e300), st.sampled_from([0.0, 1e-12, 1e300])), min_size=1, max_size=30),
    st.integers(1, 120), st.integers(1, 40), st.floats(0, 1e12),
)  # fmt: skip
def test_no_value_breaks_the_chart(values, width, height, sd):
    made = [
        experiment(n, v, Verdict.CRASH if v is None else Verdict.DISCARD if n % 3 else Verdict.KEEP)
        for n, v in enumerate(values)
    ]
    rows = chart(made, width=width, height=height, noise=lambda value: sd, selected=len(made) - 1)
    assert len(rows) == height


def test_a_learning_curve_beside_another_one():
    live = [Point(n, n / 20, n, {"loss": 10 / (1 + n)}) for n in range(10)]
    best = [Point(n, n / 20, n, {"loss": 8 / (1 + n)}) for n in range(20)]
    rows = curve_chart(live, best, 40, 10)
    assert len(rows) == 10
    assert {str(span.style) for row in rows for span in row.spans} >= {"blue", "bright_black"}
    broken = [Point(0, 0, 0, {"loss": math.nan}), Point(1, 1, 1, {})]
    assert [row.plain for row in curve_chart(broken, [], 40, 10)] == [""] * 10


def test_dots_of_a_character():
    canvas = Canvas(2, 1)
    canvas.dot(0, 0, "red")
    canvas.dot(1.5, 0.75, "")
    canvas.dot(-1, 9, "")
    assert canvas.rows()[0].plain == "\u2801\u2880"


def test_ticks_are_round():
    assert ticks(0, 10, 5) == [0, 5, 10]
    assert tick_texts(ticks(0.0312, 0.0489, 4)) == ["0.035", "0.040", "0.045"]
    assert tick_texts(ticks(-1, 1, 5)) == ["-1.0", "-0.5", "0.0", "0.5", "1.0"]
    assert ticks(1, 1, 5) == ticks(0, math.inf, 5) == tick_texts([]) == []
    assert tick_texts([1e9, 2e9]) == ["1e+09", "2e+09"]


def test_ranges():
    assert last_number(200, 10) == 16
    assert (last_number(8, 3), last_number(0, 7), last_number(0, 0), last_number(500, 400)) == (8, 7, 1, 500)
    low, high = value_range([10.0, 3.0], [900.0], 10.0, 0.0)
    assert low < 3.0 < 10.0 < high < 20.0
    low, high = value_range([2.0], [2.0], 2.0, 0.0)
    assert low < 2.0 < high


def test_another_number_is_drawn_with_its_limit_and_what_is_beyond_it():
    sizes = [4.0, 5.0, 7.2, None, 6.0, 7.5, None, 3.0]
    study = [
        replace(e, measurements=tuple(replace(m, numbers={} if s is None else {"size": s}) for m in e.measurements))
        for e, s in zip(STUDY, sizes, strict=True)
    ]
    number = ShownNumber("size", (("<", 7.0),))
    text = "\n".join(row.plain for row in HistoryChart(study, (1,), 8, lambda v: 0.0, 44, 12, number).rows())
    assert (text.count("!"), text.count("▴")) == (1, 1)
    assert "╌╌╌" in text
    assert "╌" not in "\n".join(chart())
