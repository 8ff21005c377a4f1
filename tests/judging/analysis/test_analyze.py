"""The analysis of a history: each figure by hand on small histories, and properties that hold for any."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.analysis.analyze import Evals, evaluate, failures
from autoresearch_magic.judging.analysis.change_kinds import change as compare
from autoresearch_magic.judging.analysis.format import evals_markdown, evals_text, plateau_line
from autoresearch_magic.judging.gains import Gain
from autoresearch_magic.metric import Metric

DOWN, UP = Metric("val_bpb", "x", True), Metric("accuracy", "x", False)
TARGET = "LR = 0.1\nWIDTH = 64\nSEED = 3\nmodel = build(LR, WIDTH)\n"
K, D, C, P = Verdict.KEEP, Verdict.DISCARD, Verdict.CRASH, Verdict.PRUNED


class History:
    """Builds a history step by step."""

    def __init__(self, value: float = 10.0, target: str = TARGET, runs: int = 3) -> None:
        made = tuple(Measurement(Outcome.OK, value, seed) for seed in range(runs))
        self.all = [Experiment(0, None, Proposal(target, "baseline"), "", Verdict.BASELINE, "", made)]
        self.incumbent = self.all[0]

    def add(
        self, verdict: Verdict | None, value: float | None = None, change: tuple[str, str] = ("0.1", "0.2"), *,
        reason: str = "", agent: str = "tuner", failure: str = "", summary: str = "a change", runs: int = 1,
    ) -> Experiment:  # fmt: skip
        ran = verdict in (K, D, P) or (verdict is C and "syntax" not in reason) or verdict is Verdict.TIMEOUT
        outcome = Outcome.OK if value is not None else Outcome.CRASH
        made = tuple(Measurement(outcome, value, seed) for seed in range(runs)) if ran else ()
        proposal = Proposal(self.incumbent.target.replace(*change), summary, agent=agent, failure=failure)
        e = Experiment(len(self.all), self.incumbent.number, proposal, "", verdict, reason, made)
        self.all.append(e)
        if verdict is K:
            self.incumbent = e
        return e

    def evals(self, metric: Metric = DOWN, **options: object) -> Evals:
        return evaluate(self.all, metric, **{"noise": 0.0, "planned": 24, **options})  # type: ignore[arg-type]


def busy() -> History:
    """Return a history with every kind of result."""
    h = History()
    h.add(K, 8.0)
    h.add(D, 9.0, ("64", "32"))
    h.add(C, None, ("64", "1"), reason="ValueError: bad width (line 4 of the target)", agent="claude")
    h.add(K, 7.0, ("build(LR, WIDTH)", "build(LR)"), agent="claude")
    h.add(Verdict.DUPLICATE, reason="The same as experiment 1.")
    h.add(D, 7.5, ("0.2", "0.4"))
    h.add(C, None, ("64", "2"), reason="ValueError (line 4 of the target)")
    h.add(P, None, ("64", "3"))
    h.add(Verdict.REJECTED, reason="The reply had no code.", failure="The reply had no code.")
    h.add(K, 6.5, ("0.2", "0.3"))
    h.add(C, None, ("(", "(("), reason="line 4 of the target is not valid Python (syntax)")
    h.add(None)
    return h


def test_the_figures_by_hand() -> None:
    e = busy().evals()
    assert (e.judged, e.ran, e.planned) == (11, 8, 24)
    assert (e.baseline, e.best, e.incumbent, e.gain) == (10.0, 6.5, 10, 3.5)
    assert (e.kept.hits, e.kept.of) == (e.lately.hits, e.lately.of) == (3, 8)
    assert e.trend.window == 8
    assert e.trend.mean == pytest.approx(3.5 / 8)
    assert (e.plateau.since, e.plateau.idle) == (10, 0)
    # progress: 0 2 2 2 3 3 3 3 3.5
    assert e.returns.half == 4
    assert (e.returns.early, e.returns.late) == pytest.approx((3 / 4, 0.5 / 4))
    assert e.returns.ratio == pytest.approx(1 / 6)
    assert e.returns.fade == pytest.approx(0.5)
    assert e.returns.ahead == pytest.approx(16 * 0.5 / 4)
    assert e.steps == (2.0, 1.0, 0.5)
    assert [(w.number, w.gain, w.kind) for w in e.wins] == [
        (1, 2.0, "LR"), (4, 1.0, "structure: less code"), (10, 0.5, "LR"),
    ]  # fmt: skip
    assert [w.share for w in e.wins] == pytest.approx([2 / 3.5, 1 / 3.5, 0.5 / 3.5])
    assert (e.duplicates, e.pruned, e.close) == (1, 1, 0)


def test_what_paid_off() -> None:
    e = busy().evals()
    kinds = {g.name: (g.kept.of, g.kept.hits, g.gain, g.median, g.failed) for g in e.kinds}
    assert kinds == {
        "LR": (3, 2, 2.5, 1.25, 0),
        "structure: less code": (1, 1, 1.0, 1.0, 0),
        "WIDTH": (4, 0, 0.0, None, 2),
    }
    assert [g.name for g in e.kinds] == ["LR", "structure: less code", "WIDTH"]
    assert [(g.name, g.kept.hits, g.kept.of) for g in e.agents] == [("tuner", 2, 6), ("claude", 1, 2)]


def test_failures_by_cause() -> None:
    found = busy().evals().failures
    assert [(f.cause, f.numbers) for f in found] == [
        ("crash (ValueError)", (3, 7)), ("crash", (11,)), ("rejected (no proposal)", (9,)),
    ]  # fmt: skip
    assert found[0].reason == "ValueError (line 4 of the target)"


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("ValueError: no (line 3 of the target)", "crash (ValueError)"),
        ("KeyError (line 3 of the target)", "crash (KeyError)"),
        ("KeyboardInterrupt", "crash (KeyboardInterrupt)"),
        ("Reading the metric 'f(x): g' failed: TypeError: no", "crash (TypeError)"),
        ("loss is nan: the run diverged", "crash"),
        ("It was killed after 30 s.", "crash"),
        ("crash", "crash"),
        ("", "crash"),
    ],
)
def test_causes(reason: str, cause: str) -> None:
    h = History()
    h.add(C, None, reason=reason)
    assert failures(h.all)[0].cause == cause


def believed(gain: float, p: float, proven: bool = False) -> Gain:
    return Gain(gain, gain - 1, gain + 1, 1, 3, p, proven)


def test_what_is_believed_of_the_keeps_goes_into_every_figure() -> None:
    h = History()
    h.add(K, 9.0)
    h.add(K, 5.0, ("64", "32"))
    h.add(K, 5.1, ("build(LR, WIDTH)", "build()"), runs=4)
    h.add(D, 4.0, ("0.2", "0.5"))
    gains = {1: believed(0.5, 0.7), 2: believed(3.5, 0.999, True), 3: believed(-0.1, 0.3), 4: believed(-0.2, 0.4)}
    e = h.evals(noise=0.9, gains=gains)
    assert [(w.number, w.gain, w.p_better, w.proven) for w in e.wins] == [
        (2, 3.5, 0.999, True), (1, 0.5, 0.7, False), (3, -0.1, 0.3, False),
    ]  # fmt: skip
    assert [w.share for w in e.wins] == [3.5 / 4, 0.5 / 4, 0.0], "what was kept because it is simpler has no share"
    assert (e.gain, e.seen) == (pytest.approx(3.9), pytest.approx(4.9))
    assert (e.proven, e.unproven, e.close) == (1, 2, 1)
    text = evals_text(e)
    assert "better by 4.9 (49.0%) than the baseline's 10.0" in text
    assert "expected +3.9, as what looks good is lucky too" in text
    assert "chance may explain" not in text
    assert "3 of 4 kept" in text
    assert "1 of them proven" in text
    rows = [line.split() for line in text.splitlines() if "a change" in line]
    assert [row[4:6] for row in rows] == [[">99%", "yes"], ["70%", "no"], ["30%", "no"]]


def test_a_result_of_which_nothing_is_proven_may_be_chance() -> None:
    h = History()
    h.add(K, 9.0)
    assert ", which chance may explain" in evals_text(h.evals(gains={1: believed(0.5, 0.7)}))
    assert "chance" not in evals_text(h.evals(gains={1: believed(0.9, 0.99, True)})).partition("Wins")[0]
    assert "chance may" not in evals_text(h.evals()), "nothing is known of the noise"


@pytest.mark.parametrize(
    ("statistic", "said"), [("mean", "means of 1 and 3 runs"), ("median", "medians of 1 and 3 runs")]
)
def test_what_the_values_are_of_the_runs_is_said(statistic: str, said: str) -> None:
    h = History()
    h.add(K, 9.0)
    h.all = [replace(e, statistic=statistic) for e in h.all]
    assert said in evals_text(h.evals())


def test_a_drift_is_chained() -> None:
    h = History()
    h.add(K, 8.0)
    parent = h.all[1]
    slow = tuple(Measurement(Outcome.OK, v, 9) for v in (12.0, 12.0))
    h.all[1] = h.incumbent = replace(parent, measurements=(*parent.measurements, *slow), since=1)
    h.add(K, 11.0, ("64", "32"))
    e = h.evals()
    assert e.steps == (2.0, 1.0)
    assert e.gain == 3.0
    assert (e.baseline, e.best) == (10.0, 11.0)


# -- with little or nothing -------------------------------------------------------------------------------------------


def test_no_experiments() -> None:
    e = evaluate([], DOWN, noise=0.0, planned=24)
    assert (e.ran, e.baseline, e.best, e.gain, e.kinds, e.wins) == (0, None, None, 0.0, (), ())
    assert e.advice.action == "continue"
    assert evals_text(e).split() == ["Advice:", "continue.", "There", "is", "no", "baseline", "yet."]


def test_the_baseline_only() -> None:
    e = History().evals()
    assert (e.ran, e.best, e.incumbent, e.gain, e.trend.window) == (0, 10.0, 0, 0.0, 0)
    assert e.untried == ("LR", "WIDTH")
    assert "after 0 of 24 experiments" in evals_text(e)


def test_one_experiment() -> None:
    h = History()
    h.add(K, 8.0)
    e = h.evals()
    assert (e.gain, e.returns.half, e.trend.mean) == (2.0, 0, 2.0)
    assert "Pace" not in evals_text(e)


def test_nothing_kept() -> None:
    h = History()
    for _ in range(12):
        h.add(D, 11.0)
    e = h.evals()
    assert (e.gain, e.wins, e.returns.ratio, e.returns.fade) == (0.0, (), None, None)
    assert not e.plateau.reached
    assert e.advice.action == "continue"
    assert "19 make a plateau" in e.advice.reason


def test_all_failed() -> None:
    h = History()
    for _ in range(6):
        h.add(C, None, reason="OutOfMemoryError: full (line 4 of the target)")
    e = h.evals()
    assert (e.kept.hits, e.kept.of, e.best) == (0, 6, 10.0)
    assert e.advice.action == "change strategy"
    assert "6 of the last 6 proposals ended with crash (OutOfMemoryError)" in e.advice.reason


def test_missing_values_and_parents() -> None:
    h = History()
    h.add(P, None)
    h.add(Verdict.TIMEOUT, None, reason="It was killed after 30 s.")
    h.add(D, None)
    odd = Experiment(4, 77, Proposal("x = 1", "an orphan"), "", D, "", (Measurement(Outcome.OK, 3.0, 0),))
    e = evaluate([*h.all, odd], UP, noise=0.1, planned=3)
    assert e.ran == 4
    assert evals_text(e)


# -- advice -----------------------------------------------------------------------------------------------------------


def flat(history: History, count: int = 40, value: float = 11.0, change: tuple[str, str] = ("0.1", "0.2")) -> None:
    for _ in range(count):
        history.add(D, value, change)


def test_few_experiments_are_too_early_to_tell() -> None:
    h = History()
    flat(h, 3)
    assert h.evals().advice.action == "continue"
    assert "Too early to tell: 3 experiments" in h.evals().advice.reason


def test_an_untried_constant_is_named() -> None:
    h = History()
    flat(h)
    advice = h.evals().advice
    assert advice.action == "change strategy"
    assert "WIDTH was never changed" in advice.reason


def test_an_untried_structure_is_named() -> None:
    h = History()
    flat(h)
    flat(h, 5, change=("64", "32"))
    advice = h.evals().advice
    assert advice.action == "change strategy"
    assert "only constants were changed" in advice.reason


def test_when_all_was_tried_it_stops() -> None:
    h = History()
    h.add(K, 8.0)
    flat(h, 5, change=("64", "32"))
    flat(h, 40, change=("build(LR", "build(2 * LR"))
    advice = h.evals().advice
    assert advice.action == "stop"
    assert advice.reason.startswith("45 experiments without a keep")
    assert "probability" in advice.reason


def test_a_plateau_that_just_began_is_no_reason_to_stop() -> None:
    h = History()
    for n in range(4):
        h.add(K, 9.0 - n, ("64", "32"))
        flat(h, 5, change=("0.1", "0.2"))
    flat(h, 8, change=("build(LR", "build(2 * LR"))
    e = h.evals(patience=13)
    assert e.plateau.reached
    assert 0.01 < e.plateau.chance < 0.2
    assert e.advice.action == "continue"
    assert "A plateau begins" in e.advice.reason
    flat(h, 13, change=("build(LR", "build(2 * LR"))
    assert h.evals(patience=13).advice.action == "stop"


def test_nothing_ever_kept_is_a_reason_to_check_the_program() -> None:
    h = History()
    flat(h, 10)
    flat(h, 5, change=("64", "32"))
    flat(h, 20, change=("build(LR", "build(2 * LR"))
    advice = h.evals().advice
    assert advice.action == "change strategy"
    assert "Nothing was kept in 35 experiments" in advice.reason


def test_noise_that_hides_gains_is_named() -> None:
    h = History()
    flat(h, 20, value=10.1)
    flat(h, 20, value=9.9)
    e = h.evals(noise=0.5)
    assert e.close == 20
    assert e.advice.action == "change strategy"
    assert "(sd 0.5) hides small gains" in e.advice.reason
    assert "noise" not in h.evals(noise=0.0).advice.reason


def test_an_agent_out_of_ideas() -> None:
    h = History()
    flat(h, 5)
    for _ in range(4):
        h.add(Verdict.DUPLICATE)
    h.add(Verdict.REJECTED, failure="no code")
    advice = h.evals().advice
    assert advice.action == "change strategy"
    assert "4 tried before, 1 without a new target" in advice.reason


def test_stopping_bad_runs_early_alone_is_not_a_bad_sign() -> None:
    h = History()
    h.add(K, 9.0)
    flat(h, 3)
    for _ in range(7):
        h.add(P, None)
    assert h.evals(patience=50).advice.action == "continue"
    for _ in range(3):
        h.add(P, None)
    assert "10 stopped early" in h.evals(patience=50).advice.reason


def test_what_pays_is_named() -> None:
    h = History()
    for n in range(5):
        h.add(K, 9.0 - n, (f"LR = {0.1 + n}", f"LR = {1.1 + n}"))
        h.add(D, 11.0, ("64", "32"))
    assert h.evals().advice.reason == "LR paid most: kept 5 of 5, 100% of all gains."
    more = h.evals(planned=10).advice
    assert more.action == "continue"
    assert "more (-n) are likely to pay" in more.reason


def test_smaller_gains_are_mentioned() -> None:
    h = History()
    for n in range(5):
        h.add(K, 9.0 - n)
    h.add(K, 4.99)
    flat(h, 4)
    assert "the second half gained 0% of the first" in h.evals().advice.reason


# -- as text ----------------------------------------------------------------------------------------------------------


def test_the_text_has_every_figure() -> None:
    text = evals_text(busy().evals())
    for part in (
        "Advice:      continue. LR paid most",
        "val_bpb 6.5 (experiment 10, the current best) after 8 of 24 experiments",
        "better by 3.5 (35.0%) than the baseline's 10",
        "+0.438 per experiment over the last 8",
        "3 of 8 kept, 38% (95% interval 14–69%)",
        "no: 0 experiments without a keep since experiment 10",
        "about 0.5 times as much as the one before",
        "1 tried before, 1 stopped early",
        "What paid off",
        "By agent",
        "Wins",
        "Failures by cause",
    ):
        assert part in text
    assert str(busy().evals()) == text
    assert max(map(len, text.splitlines())) < 200


def test_agents_text_is_harmless() -> None:
    h = History()
    h.add(K, 8.0, summary="# *big* | [x](http://y) `z` <b>\n\x1b[31m", agent="a|b")
    for _ in range(5):
        h.add(C, None, reason="E|*x*\nError: <script>\x1b[0m", agent="c\nd")
    text, markdown = evals_text(h.evals()), evals_markdown(h.evals())
    assert "\x1b" not in text
    assert "<b>" not in markdown.replace("\\<b\\>", "")
    assert "\\<script\\>" in markdown
    for block in markdown.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.replace("\\|", "").count("|") for line in rows}) <= 1


def test_long_lists_are_summed_up() -> None:
    h = History(value=100.0)
    for n in range(15):
        h.add(K, 99.0 - n)
    assert "and 5 smaller, together 5" in evals_text(h.evals())
    for n in range(10):
        h.add(C, None, reason=f"E{n}: no")
    assert "and 2 causes more" in evals_markdown(h.evals())


def test_the_notice_of_a_plateau() -> None:
    h = History()
    h.add(K, 8.0)
    flat(h, 12)
    e = h.evals(patience=12)
    assert e.plateau.begins
    for part in ("12 experiments without a keep since experiment 1", "probability 1%", "12 make a plateau"):
        assert part in plateau_line(e.plateau)


# -- properties of any history ----------------------------------------------------------------------------------------

_values = st.floats(-1e3, 1e3).map(lambda v: round(v, 3))
_steps = st.lists(
    st.tuples(
        st.sampled_from([K, D, D, C, P, Verdict.DUPLICATE, Verdict.REJECTED, Verdict.TIMEOUT, None]), _values,
        st.sampled_from([("0.1", "0.2"), ("64", "32"), ("build(", "g("), ("model", "net = model")]),
    ),
    max_size=30,
)  # fmt: skip


def make(steps: list[tuple[Verdict | None, float, tuple[str, str]]], sign: float = 1.0) -> History:
    h = History(sign * 10.0)
    for verdict, value, change in steps:
        h.add(verdict, sign * value if verdict in (K, D) else None, change, reason="E: x")
    return h


@settings(deadline=None, max_examples=60)
@given(_steps, st.floats(0, 10))
def test_the_direction_makes_no_difference(
    steps: list[tuple[Verdict | None, float, tuple[str, str]]], noise: float
) -> None:
    down, up = make(steps).evals(DOWN, noise=noise), make(steps, -1.0).evals(UP, noise=noise)
    for name in (
        "gain",
        "trend",
        "kept",
        "plateau",
        "kinds",
        "agents",
        "wins",
        "steps",
        "returns",
        "advice",
        "close",
        "failures",
    ):
        assert getattr(down, name) == getattr(up, name), name


@settings(deadline=None, max_examples=60)
@given(_steps)
def test_the_parts_add_up(steps: list[tuple[Verdict | None, float, tuple[str, str]]]) -> None:
    h = make(steps)
    e = h.evals()
    assert e.gain == pytest.approx(10.0 - (e.best or 0.0), abs=1e-6)
    assert sum(g.kept.of for g in e.kinds) == sum(g.kept.of for g in e.agents) == e.ran == e.kept.of
    assert sum(g.gain for g in e.kinds) == pytest.approx(e.gain, abs=1e-6)
    assert sum(w.gain for w in e.wins) == pytest.approx(sum(e.steps), abs=1e-6)
    assert [w.gain for w in e.wins] == sorted((w.gain for w in e.wins), reverse=True)
    assert sum(w.share for w in e.wins) == pytest.approx(1.0 if any(s > 0 for s in e.steps) else 0.0)
    assert e.advice.action in ("continue", "stop", "change strategy")
    assert evaluate(iter(h.all), DOWN, noise=0.0, planned=24) == e
    assert evals_text(e)
    assert evals_markdown(e)


def test_equal_results_have_one_order() -> None:
    h = History()
    for change in (("64", "32"), ("0.1", "0.2"), ("build(", "g(")):
        h.add(D, 11.0, change)
    assert [g.name for g in h.evals().kinds] == ["LR", "WIDTH", "structure: as much code"]


def test_a_thousand_experiments_are_compared_once() -> None:
    h = History(value=1000.0)
    for n in range(1000):
        h.add(
            K if n % 7 == 0 else D,
            999.0 - n if n % 7 == 0 else 2000.0,
            (h.incumbent.target[:9].split("\n")[0], f"LR = {n % 9}"),
        )
    h.evals()
    before = compare.cache_info().misses
    h.evals()
    assert compare.cache_info().misses == before
