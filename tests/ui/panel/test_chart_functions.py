"""Scales, ticks, searches and smoothing of the charts, run in node."""

import math

import pytest

from autoresearch_magic.judging.noise import Noise
from autoresearch_magic.ui.panel.facts import level_reach, noise_of

from .view import in_node

SCALES = """
const values = (low, high, count) => logTicks(Math.log10(low), Math.log10(high), count).at;
const texts = (low, high, count) => { const { at, format } = logTicks(Math.log10(low), Math.log10(high), count); return at.map(format); };
const points = Array.from({ length: 10000 }, (_, i) => ({ x: i / 12, y: (i * 37) % 200 }));
const slow = (x, y) => { // by looking at all of them
  let best = -1, least = 36;
  points.forEach((p, i) => { const d = Math.hypot(p.x - x, (p.y - y) * 0.6); if (d < least) [best, least] = [i, d]; });
  return best;
};
const places = Array.from({ length: 200 }, (_, i) => [(i * 97) % 840, (i * 61) % 210]);
const gap = ([x, y]) => { const d = (i) => (i < 0 ? -1 : Math.hypot(points[i].x - x, (points[i].y - y) * 0.6)); return Math.abs(d(nearestPoint(points, x, y)) - d(slow(x, y))); };
console.log(JSON.stringify({
  decades: values(0.001, 1000, 6), fine: values(0.9, 60, 6), close: values(1.01, 1.04, 5), texts: texts(1e-6, 1e7, 14),
  most: Math.max(...[[1e-300, 1e300], [1e-9, 1], [0.5, 2], [3, 4000]].map((ends) => values(...ends, 5).length)),
  least: Math.min(...[[1e-300, 1e300], [1e-9, 1], [0.5, 2], [1.00001, 1.00002], [3, 4000]].map((ends) => values(...ends, 5).length)),
  nearest: Math.max(...places.map(gap)), none: nearestPoint(points, 2000, 0), empty: nearestPoint([], 0, 0),
  log: [makeScale([0, 2], [10, 30], true)(10), makeScale([1, 3], [0, 100])(2)],
}));
"""


def test_a_logarithmic_axis_has_ticks_at_1_2_and_5(tmp_path):
    found = in_node(SCALES, tmp_path)
    assert found["decades"] == [10.0**power for power in range(-3, 4)]
    assert found["fine"] == [1, 2, 5, 10, 20, 50]
    assert len(found["close"]) >= 2, "less than a step of 1-2-5"
    assert found["texts"][0] == "1e−6"
    assert {"0.001", "1", "1000"} <= set(found["texts"])
    assert found["most"] <= 12
    assert found["least"] >= 2
    assert found["log"] == [20, 50]
    # The nearest of ten thousand points is found among its neighbours in x.
    assert found["nearest"] < 1e-9
    assert (found["none"], found["empty"]) == (-1, -1)


def test_an_axis_is_logarithmic_where_values_span_decades(tmp_path):
    script = """
        const many = Array.from({ length: 100 }, (_, i) => 1 + i / 100);
        console.log(JSON.stringify([
          spansDecades([3, 0.3, 0.01], [3, 0.01]), spansDecades([3, 0.3, 0.04], [3, 0.04]), spansDecades([3, 0.001, 0], [3]),
          spansDecades([3, -0.001], [3]), spansDecades([...many, 1e9, 5e8], [1, 1.1]), spansDecades([...many, 1e-5], [1.9, 1e-5]), spansDecades([], []),
        ]));
    """
    assert in_node(script, tmp_path) == [True, False, False, False, False, True, False]


def test_a_window_stays_inside_and_follows(tmp_path):
    script = """
        const seen = [], chart = { window: null, follows: true, last: 0 };
        let end = 100, last = 60;
        const zoom = makeZoom(chart, () => ({ end, last }), () => seen.push(chart.window));
        zoom.set([-20, 30]); zoom.pan(-1); zoom.pan(10); zoom.by(1e-9); zoom.by(1e9);
        zoom.set([40, 60]); last = 65; zoom.follow();
        const followed = chart.window;
        zoom.set([10, 30]); last = 70; zoom.follow();
        console.log(JSON.stringify([seen, followed, chart.window, clampWindow([0, 100], 100), clampWindow([0.2, 0.3], 3)]));
    """
    seen, followed, stays, whole, small = in_node(script, tmp_path)
    assert seen[0] == [0, 50]
    assert seen[1] == [50, 100], "a pan to the left does nothing at the left end"
    assert seen[2] == [73, 77], "four experiments at least"
    assert seen[3] is None, "all of it again"
    assert followed == [45, 65]
    assert stays == [10, 30]
    assert whole is None
    assert small is None, "three experiments are shown all"


@pytest.mark.slow
def test_a_curve_is_smoothed_as_much_as_it_is_noisy(tmp_path):
    script = """
        let seed = 7;
        const uniform = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
        const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
        const truth = Array.from({ length: 400 }, (_, i) => [i / 399, 1 + 2 * Math.exp(-i / 60)]);
        const noisy = truth.map(([x, y]) => [x, y + 0.1 * normal()]);
        const error = (ys) => Math.sqrt(ys.reduce((sum, y, i) => sum + (y - truth[i][1]) ** 2, 0) / ys.length);
        const long = Array.from({ length: 200000 }, (_, i) => [i / 2e5, Math.sin(i / 3e4) + normal()]);
        const of = smoothed(long).length;
        const spiked = long.map(([x, y], i) => [x, i === 77777 ? 99 : y]);
        const thin = thinned(spiked, (x) => 500 * x);
        console.log(JSON.stringify({
          exact: error(smoothed(truth)), raw: error(noisy.map((p) => p[1])), smooth: error(smoothed(noisy)),
          ends: [0, 399].map((i) => Math.abs(smoothed(noisy)[i] - truth[i][1])),
          few: smoothed([[0, 3], [1, 1]]), none: smoothed([]), level: new Set(smoothed(truth.map(([x]) => [x, 5]))).size,
          far: smoothed(noisy.map(([x, y]) => [x, y + 1e9])).map((y, i) => y - 1e9 - smoothed(noisy)[i]).reduce((most, d) => Math.max(most, Math.abs(d)), 0),
          of, thin: thin.length, spike: Math.max(...thin.map((p) => p[1])), sorted: thin.every((p, i) => !i || p[0] >= thin[i - 1][0]),
        }));
    """
    found = in_node(script, tmp_path)
    assert found["exact"] < 1e-12, "a curve without noise stays as it is"
    assert found["smooth"] < 0.35 * found["raw"]
    assert max(found["ends"]) < 0.15, "it is late at neither end"
    assert found["few"] == [3, 1]
    assert found["none"] == []
    assert found["level"] == 1
    assert found["far"] < 1e-3, "values far from zero are smoothed as others"
    assert found["of"] == 200_000
    assert found["thin"] <= 2 * 501
    assert found["spike"] == 99, "no spike is lost"
    assert found["sorted"]


WORDS = """
const best = { number: 3, value: 1.0, verdict: "keep" }, noise = { sd: 0.01, power: 0, size: 0 };
const say = (value, more = {}, by = noise, down = true) => whyNotKept({ number: 9, verdict: "discard", value, reason: "", ...more }, best, by, down);
console.log(JSON.stringify([
  say(0.996), say(0.95), say(1.2), say(1.2, {}, noise, false), say(0.996, { verdict: "keep" }), say(0.996, {}, null), say(0.9, { reason: "Too small a gain: 0.1" }),
  say(null), [1, 4].map((v) => noiseAt({ sd: 0.1, power: 1, size: 2 }, v)), noiseAt(null, 1),
]));
"""


def test_a_better_value_that_was_discarded_explains_itself(tmp_path):
    said = in_node(WORDS, tmp_path)
    assert said[0] == "0.004 better than the best at that time (#3), but runs vary by sd 0.01: not enough to keep"
    assert "most changes do not help" in said[1]
    assert said[2] == ""
    assert said[3].startswith("0.2 better")
    assert said[4] == ""
    assert said[5].endswith("how much runs vary by chance is not known")
    assert said[6].endswith("less than the smallest gain that is kept")
    assert said[7] == ""
    assert said[8] == pytest.approx([0.05, 0.2])
    assert said[9] is None


def test_the_noise_for_the_band_is_that_of_the_judge(tmp_path):
    noise = Noise(sd=0.1, df=4, power=0.5, size=2.0)
    at = in_node("console.log(JSON.stringify(noiseAt({sd: 0.1, power: 0.5, size: 2}, -8)));", tmp_path)
    assert noise_of(noise) == {"sd": 0.1, "power": 0.5, "size": 2.0}
    assert at == pytest.approx(noise.at(-8.0))
    assert noise_of(Noise()) is None


def test_the_interval_of_a_level_is_student_s():
    assert level_reach(1.0, 3, "mean") == pytest.approx(4.3027 / math.sqrt(3), rel=1e-3)
    assert level_reach(1.0, 1, "mean") is None
    assert level_reach(0.0, 3, "mean") == 0
