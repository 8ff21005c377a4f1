"""Functions of the insights' front end, run in node."""

from .view import in_node

TREE = """
const rows = new Map([
  [0, null, "baseline"], [1, 0, "discard"], [2, 0, "keep"], [3, 2, "keep"], [4, 2, "keep"], [5, 4, "crash"], [6, 3, "discard"], [7, 4, "keep"],
].map(([number, parent, verdict]) => [number, { number, parent, verdict }]));
const tree = layLineage(rows, 7);
console.log(JSON.stringify([tree.rows.map((r) => [r.number, r.lane, r.twigs]), tree.width, tree.trunk]));
"""


def test_the_trunk_is_what_the_best_was_built_on_and_other_keeps_have_lanes_of_their_own(tmp_path):
    rows, width, trunk = in_node(TREE, tmp_path)
    assert rows == [[7, 0, []], [4, 0, [5]], [3, 1, [6]], [2, 0, []], [0, 0, [1]]]
    assert (width, trunk) == (2, 4)


FRONTS = """
const xs = [3, 1, 2, 2, 5, NaN], ys = [1, 4, 2, 3, 1, 0];
console.log(JSON.stringify([paretoFront(xs, ys, true, true), paretoFront(xs, ys, false, true), paretoFront(xs, ys, true, false), paretoFront([], [], true, true)]));
"""


def test_the_pareto_front_holds_what_nothing_beats_in_both(tmp_path):
    less, more, higher, empty = in_node(FRONTS, tmp_path)
    assert less == [1, 2, 0]  # 4 is as good as 0, and takes more
    assert more == [4]
    assert higher == [1]
    assert empty == []


WORDS = """
const none = { name: [], used: [], limit: [], forecast: [], done: 5, planned: 60, over: false };
console.log(JSON.stringify([
  usedWords("cost", 0.82, 5), usedWords("time", 61, 7200), usedWords("cost", null, 5), usedWords("tokens", 1234, null),
  forecastWords("cost", 1, 2, 6, 10, 60), forecastWords("cost", 1, 9, 6, 10, 60), forecastWords("time", 60, null, null, 2, 60),
  limitWords({ ...none, name: ["experiments", "cost"], used: [10, 1], limit: [60, 2], forecast: [null, 6] }),
  limitWords(none), limitWords({ ...none, over: true }),
  kindWords({ kind: ["LR", "structure: more code"], tried: [12, 5], kept: [3, 0], total: [0.5, 0] }),
  kindWords({ kind: ["LR"], tried: [1], kept: [0], total: [0] }),
  forecastWords("cost", 7, 5, 9, 10, 60), inPercent(17, 9999), inPercent(0, 9), inPercent(1, 3),
  importanceMissing({ names: [], failed: true }), importanceMissing({ names: [], of: 5, valued: 5, needed: 16, tried: 1, current: true }),
  importanceMissing({ names: [], of: 30, valued: 7, needed: 16, tried: 1, current: false, example: 4 }),
]));
"""


def test_limits_and_kinds_are_said_in_words(tmp_path):
    assert in_node(WORDS, tmp_path) == [
        "0.82 of 5.00 USD",
        "1 min 01 s of 2 h 00 min",
        "not known, of 5.00 USD",
        "1,234",
        "at this pace the limit comes after about 20 experiments, before all 60",
        "about 6.00 USD after all 60 experiments",
        "no limit",
        "Cost of the agent will run out first, at this pace: before all 60 experiments are made.",
        "No limit is set: the study goes on until it is stopped.",
        "The study is at rest after 5 experiments.",
        "LR paid off most: 12 tried, 3 kept, 100% of all that was gained. Nothing came of more code in 5 tries.",
        "Nothing was kept so far: 1 try of 1 kind of change.",
        "used up",
        "0.2%",
        "0%",
        "33%",
        "The importances could not be computed: the process that does it ended without an answer.",
        "There are 5 runs with a result so far; importances need 16.",
        "7 of the 30 runs with a result share their code with experiment 4, constants aside; importances need 16.",
    ]


SCALES = """
const log = viewScale([1e-4, 1e-1], { log: true, from: 0, to: 300, count: 4 }), words = viewScale([], { words: ["a", "b"], from: 0, to: 100 });
const flat = viewScale([2, 2], { from: 0, to: 100 }), huge = viewScale([1e300, -1e300], { from: 0, to: 100 });
console.log(JSON.stringify([log.ticks.map(([v]) => v), words.at(0), words.at(1), flat.at(2), huge.ticks.length > 0, viewFigure(0.0001234), viewFigure(12345678), viewFigure(0.25), usefulRange([], true), usefulRange([1, 2, 3, 1000], true)[1] < 2000]));
"""


def test_scales_hold_for_logarithms_words_one_value_and_huge_ones(tmp_path):
    ticks, first, second, middle, some, small, large, plain, empty, useful = in_node(SCALES, tmp_path)
    assert ticks == [0.0001, 0.001, 0.01, 0.1]
    assert (first, second, round(middle)) == (25, 75, 50)
    assert some
    assert (small, large, plain) == ("1.23e−4", "1.23e7", "0.25")
    assert empty == [0, 1]
    assert useful
