"""Functions of the panel's front end, run in node."""

import math
import random

import pytest

from autoresearch_magic.judging.gains import Gain
from autoresearch_magic.study.evidence import figures

from .view import in_node

AXES = """
const wide = (low, high) => ticks(low, high, 5).at.length;
const range = (...values) => yRange(values.map((value, i) => ({ verdict: i ? "discard" : "baseline", value })), { value: values[0], sd: 0 }, true);
console.log(JSON.stringify([
  wide(0.3, 0.1 + 0.2), wide(1e9, 1e9 + 1e-7), wide(0, 0), wide(-1e300, 1e300), wide(...range(0.3, 0.1 + 0.2)), wide(...range(0, 0)),
]));
"""


def test_an_axis_has_at_most_twelve_ticks(tmp_path):
    counts = in_node(AXES, tmp_path)
    assert all(1 <= count <= 12 for count in counts), counts


def test_an_axis_has_at_least_two_ticks(tmp_path):
    script = (
        "console.log(JSON.stringify([[3.05, 4.9], [0.96, 1.03], [-7, 12]].map((ends) => ticks(...ends, 3).at.length)));"
    )
    assert min(in_node(script, tmp_path)) >= 2


FIGURES = """
const say = (...values) => values.map(makeFormat(values));
console.log(JSON.stringify([say(14, 9), say(13.5, 9), say(0, 0), say(0.0, 0.25), say(-2e-5, 1e-5), say(null, 3.25),
  say(150.5, 12.25, 3433.4, 9.766, 80.2), say(2.4e-19, 0.25),
  [0.8731234, 0.9, 2e-9].map((v) => makeFormat([0.8731234, 0.9], 0.01)(v)), [2.412e-19].map((v) => makeFormat([2.412e-19], 3e-21)(v)),
  say(0.999999999988, 0.999999999996, 0.999999999998), say(0.0425, 0.0116, 0.0117, 9.04e77), say(2e8, 3e8),
]));
"""


def test_values_have_the_decimals_they_need(tmp_path):
    assert in_node(FIGURES, tmp_path) == [
        ["14", "9"],  # findings are counted
        ["13.50", "9.00"],
        ["0", "0"],
        ["0.0000", "0.2500"],
        ["−2.000e−5", "1.000e−5"],
        ["–", "3.250"],
        ["150.50", "12.25", "3433.40", "9.77", "80.20"],  # an outlier takes no decimals from the others
        ["2.4e−19", "0.2500"],  # a small value is not shown as zero
        ["0.873", "0.900", "2.0e−9"],  # as many decimals as the noise allows
        ["2.412e−19"],
        ["0.999999999988", "0.999999999996", "0.999999999998"],
        ["0.04250", "0.01160", "0.01170", "9.0e+77"],  # nor does a run that has diverged
        ["2.000e+8", "3.000e+8"],
    ]


SENTENCES = """
const now = { study: { agent: "tuner" }, done: 3, elapsed: 9, running: null, words: "stopped during experiment 1" };
const me = { ...now, study: { agent: "me" } };
console.log(JSON.stringify([
  { ...now, state: "running" }, { ...now, state: "running", behind: true }, { ...me, state: "running" }, { ...now, state: "stopped" },
  { ...me, state: "stopped" },
].map(sentence)));
"""


def test_the_panel_says_what_a_watched_or_driven_study_waits_for(tmp_path):
    assert in_node(SENTENCES, tmp_path) == [
        "Waiting for the next idea from tuner",
        "Between two runs",
        "Waiting for the next version to try",
        "Stopped during experiment 1; press Continue to go on",
        "Stopped during experiment 1; the next one comes with autoresearch try",
    ]


RESULT = """
const head = { number: 5, gain: 0.8, reach: 0.1, text: "0.80 better" };
console.log(JSON.stringify([head, { ...head, gain: 0.05 }, { ...head, gain: -0.8 }, { ...head, reach: null }, { ...head, number: 0 }]
  .map(resultText)));
"""


def test_only_a_gain_beyond_chance_is_green(tmp_path):
    tones, texts = zip(*in_node(RESULT, tmp_path), strict=True)
    assert tones == ("good", "plain", "plain", "plain", "plain")
    assert texts[0] == "0.80 better"
    assert "baseline" in texts[-1]


HOLDOUT = """
const held = { name: "t", best: "1.2", sd: "0.1", good: true, text: "0.5 better", share: "0.1 is the selection's share", looks: 1, warning: "", error: "" };
console.log(JSON.stringify([held, { ...held, good: false, looks: 2, warning: "The holdout t does not confirm it: no improvement is shown there." },
  { error: "The holdout could not be measured: KeyError: 'x'." }].map(holdoutText)
  .concat([resultText({ number: 5, gain: 0.8, reach: 0.1, text: "0.80 better", contradicted: true })])));
"""


def test_the_holdout_is_told_with_the_selections_share_and_what_it_contradicts(tmp_path):
    (label, figure, notes), (_, _, against), (_, none, failed), (tone, result) = in_node(HOLDOUT, tmp_path)
    assert (label, figure) == ("Holdout t, which the search never used", ["best 1.2", " sd 0.1"])
    assert notes == [["good", "0.5 better"], ["", "\u00a0· 0.1 is the selection's share"]]
    assert [tone for tone, _ in against] == ["bad", "plain", "", ""]
    assert against[-1][1] == "\u00a0· looked at 2\u00a0times"
    assert (none, failed) == (["–", ""], [["plain", "The holdout could not be measured: KeyError: 'x'."]])
    assert (tone, result) == ("plain", "not confirmed by the holdout: 0.80 better")


GAINS = """
const store = { gains: { rows: ROWS, table: Float32Array.from(TABLE), bits: Uint8Array.from(BITS) } };
console.log(JSON.stringify(Array.from({ length: ROWS }, (_, n) => figuresOf(store, n))));
"""


def test_gains_are_written_as_everywhere_else(tmp_path):
    random.seed(3)
    gains, spreads = [None, Gain(0.5, None, None, 1, 1), Gain(0.25, 0.25, 0.25, 2, 2, 1.0, True)], [0.1, 0.0, 0.0]
    for _ in range(300):
        size = 10.0 ** random.randint(-9, 9)
        middle, reach = random.gauss(0, 1) * size, abs(random.gauss(0, 1)) * size * 10 ** random.randint(-3, 0)
        gains.append(Gain(middle, middle - reach, middle + reach, 1, 1, random.random(), random.random() < 0.3))
        spreads.append(random.choice([0.0, reach, reach * 3]))
    nan = math.nan
    rows = [
        (nan,) * 5
        if g is None
        else (g.gain, *(nan if each is None else each for each in (g.low, g.high, g.p_better)), sd)
        for g, sd in zip(gains, spreads, strict=True)
    ]
    table = [row[column] for column in range(5) for row in rows]
    bits = [0 if g is None else g.proven + 2 * (g.low is not None and g.low == g.high) for g in gains]
    text = "[" + ",".join("NaN" if math.isnan(each) else repr(each) for each in table) + "]"
    script = GAINS.replace("ROWS", str(len(rows))).replace("TABLE", text).replace("BITS", str(bits))
    shown = in_node(script, tmp_path)
    # A 32-bit float has seven digits, so that the last one of a long figure may differ.
    for gain, sd, found in zip(gains, spreads, shown, strict=True):
        wanted = [*figures(gain, sd), gain is not None and gain.proven]
        assert found[2:] == wanted[2:]
        for ours, theirs in zip(found[:2], wanted[:2], strict=True):
            assert len(ours) == len(theirs), (ours, theirs)
            assert [*map(number, ours.split(" to "))] == pytest.approx([*map(number, theirs.split(" to "))], rel=2e-6)


def number(text):
    """Return the number that a text writes; what it says in words has none."""
    try:
        return float(text)
    except ValueError:
        assert text in ("exact", "–"), text
        return 0.0
