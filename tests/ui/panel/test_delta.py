"""What a panel is sent: everything at first, and then what is new."""

import json
import time
from dataclasses import replace

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import Judged, Remeasured, RunStarted, State, StateChanged
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.noise import estimate_noise
from autoresearch_magic.study.live_record import LiveRecord
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.jupyter.panel import Panel
from autoresearch_magic.ui.panel import delta
from autoresearch_magic.ui.panel.detail import detail

from ...kernels import TARGET
from ...studies import finish
from .view import View, in_node, patient

__all__ = ["patient"]

CURVED = (
    "X = 3.0\nimport time\nfrom autoresearch_magic import clock, report\n"
    "for step in clock:\n    time.sleep(0.02)\n    report(step=step, loss=10.0 - step)\nloss = X\n"
)


@pytest.fixture
def study(tmp_path):
    made = Study("# Goal <b>", TARGET, metric="loss", experiments=4, repeats=2, budget="0.05s", root=tmp_path)
    yield made
    made.stop()


def experiment(number, *values, verdict=Verdict.DISCARD, **more):
    measurements = tuple(Measurement(Outcome.OK, value, seed=n, seconds=1.0) for n, value in enumerate(values))
    given = {"reason": f"reason {number}", **more}
    proposal = Proposal("x", f"summary {number}", agent="tuner")
    return Experiment(number, 0 if number else None, proposal, verdict=verdict, measurements=measurements, **given)


def test_a_new_study_has_no_rows_and_no_curve(study):
    view = View(study)
    content = view.pull()
    assert set(content) == {"type", "epoch", "stamp", "base", "facts"}
    assert (view.facts["state"], view.facts["best"], view.facts["curved"]) == ("new", None, False)
    assert view.facts["study"]["goal"] == "Goal <b>"


@pytest.mark.slow
def test_a_finished_study_row_by_row(study, patient):
    study.start()
    assert study.wait(60)
    view = View(study)
    view.pull()
    assert sorted(view.rows) == [0, 1, 2, 3, 4]
    for number, e in enumerate(study.experiments):
        row = view.rows[number]
        assert (row["value"], row["verdict"], row["summary"], row["agent"]) == (
            e.value,
            e.verdict,
            e.summary,
            e.proposal.agent,
        )
        assert row["parent"] == (-1 if e.parent is None else e.parent)
    counts = view.facts["counts"]
    assert counts["keep"] + counts["discard"] + counts["failed"] == 4
    assert sum(bits & 1 for *_, bits in view.gains) == counts["proven"]
    assert view.facts["baseline"]["repeats"] == 2
    assert (view.facts["headline"] is None) == (study.incumbent.number == 0)
    # A view that knows another opening of the study starts again.
    old = View(study, "new")
    content, _ = old.feed.answer({**view.known, "epoch": "old"})
    assert (content["rows"]["from"], content["rows"]["to"], content["base"]) == (0, 5, None)


def test_an_answer_to_a_view_that_knows_everything_is_tiny(study, patient):
    for number in range(50):
        verdict = Verdict.KEEP if number else Verdict.BASELINE
        study.status.take(Judged(experiment(number, 1.0 - number / 100, 1.01 - number / 100, verdict=verdict)))
    view = View(study)
    view.pull()
    content = view.pull()
    assert set(content) == {"type", "epoch", "stamp"}
    assert len(json.dumps(content)) < 100
    study.status.take(StateChanged(State.RUNNING, ""))
    study.status.take(RunStarted(experiment(50), "candidate", 0, 1))
    view.pull()
    study.status.live.progress, study.status.live.elapsed = 0.25, 1.5
    content = view.pull()
    assert content["facts"]["running"] == {"progress": 0.25, "elapsed": 1.5}, "only what has changed"
    assert len(json.dumps(content)) < 300
    assert view.facts["running"]["number"] == 50


def test_ten_thousand_rows_come_in_pieces_the_numbers_first(study, patient, monkeypatch):
    monkeypatch.setattr(delta, "ROOM", 20_000)
    monkeypatch.setattr(delta, "LEAST_TEXTS", 5_000)
    count = 600
    study.status.experiments = tuple(
        experiment(n, 2.0 - n / 1e4, verdict=Verdict.DISCARD if n else Verdict.BASELINE) for n in range(count)
    )
    view = View(study)
    view.take(*view.feed.answer(view.known))
    assert len(view.rows) == count, "all numbers are in the first answer"
    assert "summary" in view.rows[count - 1]
    assert "summary" not in view.rows[0], "the newest texts come first"
    content = view.pull()
    assert "more" not in content
    assert [view.rows[n]["summary"] for n in range(count)] == [f"summary {n}" for n in range(count)]
    assert len(view.gains) == count
    assert max(view.sizes) < 30_000


def test_older_rows_that_changed_are_sent_again(study, patient):
    status = study.status
    baseline = experiment(0, 1.0, verdict=Verdict.BASELINE)
    for e in (baseline, experiment(1, 1.5), experiment(2, verdict=Verdict.CRASH), experiment(3, 0.9)):
        status.take(Judged(e))
    view = View(study)
    view.pull()
    assert view.facts["baseline"]["sd"] is None, "one run has no standard deviation"

    status.take(Remeasured(replace(baseline, measurements=experiment(0, 1.0, 1.2).measurements, reason="other")))
    rows = view.pull()["rows"]
    assert (rows["again"], rows["from"], rows["to"], rows["after"], rows["revision"]) == ([0], 4, 4, 0, 1)
    assert (view.rows[0]["repeats"], view.rows[0]["averaged"], view.rows[0]["reason"]) == (2, 2, "other")
    assert view.facts["baseline"]["sd"] == pytest.approx(0.1414, abs=1e-4)

    # A new row and an old one that changed come together, each once.
    status.take(Remeasured(replace(baseline, measurements=experiment(0, 1.0, 1.2, 1.1).measurements)))
    status.take(Judged(experiment(4, 1.3)))
    rows = view.pull()["rows"]
    assert (rows["again"], rows["from"], rows["to"]) == ([0], 4, 5)
    assert view.rows[4]["summary"] == "summary 4"


def test_gains_come_whenever_anything_is_new(study, patient):
    status = study.status
    for e in (
        experiment(0, 1.0, verdict=Verdict.BASELINE),
        experiment(1, 1.5),
        experiment(2, 0.8, verdict=Verdict.KEEP),
    ):
        status.take(Judged(e))
    view = View(study)
    view.pull()
    assert [str(gain[0]) for gain in view.gains] == ["nan", "-0.5", "0.20000000298023224"]
    assert [str(gain[1]) for gain in view.gains] == ["nan"] * 3, "the noise is not known"
    assert "gains" not in view.pull()

    status.take(Remeasured(experiment(0, 1.0, 1.02, 0.98, verdict=Verdict.BASELINE)))
    status.take(Remeasured(experiment(2, 0.8, 0.79, 0.81, verdict=Verdict.KEEP)))
    assert "gains" in view.pull()
    for number in (1, 2):
        gain, (shown, low, high, chance, sd, bits) = status.gains[number], view.gains[number]
        wanted = (gain.gain, gain.low, gain.high, gain.p_better, status.spread(study.experiments[number]))
        assert (shown, low, high, chance, sd) == pytest.approx(wanted, rel=1e-5)
        assert bits == (number == 2)
    assert view.facts["counts"]["proven"] == 1
    assert ["Proven", "yes"] in json.loads(json.dumps(detail(study, 2)["evidence"]))


def test_rows_are_there_while_the_gains_are_worked_out(study, monkeypatch):
    study.status.take(Judged(experiment(0, 1.0, verdict=Verdict.BASELINE)))
    slow = delta.gains_of(study)
    monkeypatch.setattr(slow, "_work", lambda study: time.sleep(1))
    view = View(study)
    began = time.monotonic()
    content = view.pull()
    assert time.monotonic() - began < 0.9, "it did not wait for the thread"
    assert len(view.rows) == 1
    assert "gains" not in content
    assert view.facts["counts"]["proven"] is None, "not 0: nobody knows yet"


def test_unasked_answers_send_rows_once_and_all_facts(study, patient, monkeypatch):
    study.status.take(Judged(experiment(0, 1.0, verdict=Verdict.BASELINE)))
    sent = []
    panel = Panel(study)
    monkeypatch.setattr(panel, "send", lambda content, buffers=None: sent.append(content))
    for _ in range(2):
        panel.session.asked_at = time.monotonic() - 60
        panel.session.push_updates()
    assert [("rows" in content, "gains" in content, content["asked"]) for content in sent] == [
        (True, True, False),
        (False, False, False),
    ]
    assert [content["base"] for content in sent] == [None, None]
    panel.close()


STORE = """
const bytes = (...values) => {
  const view = new DataView(new ArrayBuffer(22 * values.length)), n = values.length;
  values.forEach((value, i) => view.setFloat64(8 * i, value, true));
  return view.buffer;
};
const store = newStore(), states = [];
const columns = COLUMNS;
const take = (from, to, after, revision, again, ...values) => takeDelta(store, {
  epoch: "e", stamp: store.stamp, rows: { from, to, again, after, revision, columns, verdicts: ["discard"], agents: ["tuner"] } }, [bytes(...values)]);
const record = (whole) => states.push([whole, store.since, store.revision, [...store.dirty], [...store.outdated]]);
takeDelta(store, { epoch: "e", stamp: 1, base: null, facts: { state: "running", best: { number: 1, value: 2 } } }, []);
record(take(0, 2, 0, 1, [], 1, 2));
store.dirty.clear(); store.answers.set("0:show", {});
record(take(2, 2, 3, 4, [])); // asked for by another view that knew more
record(take(2, 2, 1, 4, [0], 1.5));
record(take(2, 2, 1, 3, [])); // late
record(takeDelta(store, { epoch: "e", stamp: 7, base: 6, facts: { state: "paused" } }, [])); // of another view
states.push(store.now.state);
record(takeDelta(store, { epoch: "e", stamp: 2, base: 1, facts: { best: { value: 3 } } }, []));
states.push(store.now);
record(takeDelta(store, { epoch: "f", stamp: 1, base: null, facts: { state: "new" } }, []));
console.log(JSON.stringify(states));
"""


def test_the_store_misses_no_change(tmp_path):
    assert in_node(STORE.replace("COLUMNS", json.dumps(delta.COLUMNS)), tmp_path) == [
        [True, 2, 1, [0, 1], []],
        [False, 2, 1, [], []],
        [True, 2, 4, [0], ["0:show"]],
        [True, 2, 4, [0], ["0:show"]],
        [True, 2, 4, [0], ["0:show"]],
        "running",
        [True, 2, 4, [0], ["0:show"]],
        {"state": "running", "best": {"number": 1, "value": 3}},
        [True, 0, 0, [], []],
    ]


GAINS = """
const store = newStore(), columns = (rows) => {
  const view = new DataView(new ArrayBuffer(21 * rows.length));
  rows.forEach((row, n) => { row.slice(0, 5).forEach((value, c) => view.setFloat32(4 * (c * rows.length + n), value, true)); view.setUint8(20 * rows.length + n, row[5]); });
  return view.buffer;
};
const shown = [];
for (let number = 0; number < 3; number++) store.rows.set(number, { number });
const take = (state, rows) => {
  store.dirty.clear();
  takeDelta(store, { epoch: "", stamp: null, gains: { state, rows: rows.length } }, [columns(rows)]);
  shown.push([...store.dirty]);
};
take("1", [[NaN, NaN, NaN, NaN, 0, 0], [0.5, 0.4, 0.6, 0.99, 0.1, 1], [0.2, 0.1, 0.3, 0.9, 0.1, 0]]);
take("2", [[NaN, NaN, NaN, NaN, 0, 0], [0.5001, 0.4001, 0.6, 0.99, 0.1, 1], [0.2, 0.1, 0.3, 0.8, 0.1, 0]]);
take("3", [[NaN, NaN, NaN, NaN, 0, 0], [0.5, 0.4, 0.6, 0.99, 0.1, 0], [0.2, 0.1, 0.3, 0.8, 0.1, 0]]);
console.log(JSON.stringify(shown));
"""


def test_only_rows_whose_gain_is_shown_otherwise_are_drawn_again(tmp_path):
    assert in_node(GAINS, tmp_path) == [[0, 1, 2], [2], [1]]


def test_a_repeated_run_of_the_incumbent_is_labelled(study):
    study.status.take(Judged(experiment(0, 1.0, verdict=Verdict.BASELINE)))
    study.status.take(RunStarted(experiment(0, 1.0), "incumbent", 1, 2))
    view = View(study)
    view.pull()
    running = view.facts["running"]
    assert (running["kind"], running["number"]) == ("incumbent", 0)
    assert running["what"] == "The baseline once more, to compare"


@pytest.mark.slow
def test_at_rest_the_curve_is_the_best_s_beside_the_baseline_s_and_not_that_of_the_last_run(make_study, script):
    target = (
        "from autoresearch_magic import report\nRATE = {rate}\nloss = 1.0\nfor step in range(5):\n"
        "    loss *= RATE\n    report(step=step, loss=loss)\n"
    )
    script(target.format(rate=0.5))
    study = finish(make_study(target.format(rate=0.9), agent="script", experiments=1))
    assert study.incumbent.number == 1
    view = View(study)
    view.known["curve"] = {"kind": "final", "number": 0, "repeat": 1, "stride": 1, "points": 5}
    curve = view.pull()["curve"]
    assert (curve["kind"], curve["number"], curve["from"], curve["count"], curve["incumbent"]) == ("best", 1, 0, 5, 5)
    assert (len(view.points), len(view.beside)) == (5, 5)
    assert "curve" not in view.pull()
    assert view.facts["curved"]


@pytest.mark.slow
def test_the_baseline_s_spread_is_that_of_its_own_runs(make_study, script):
    """Single runs of the baseline vary by 0.1, those of the best by 0.001."""
    target = "from autoresearch_magic import seed\nX = {x}\nloss = X * (1 + int(seed) % 2 * 0.1)\n"
    script(target.format(x=0.01))
    study = finish(make_study(target.format(x=1.0), agent="script", experiments=1, repeats=2))
    assert study.incumbent.number == 1
    view = View(study)
    view.pull()
    assert view.facts["baseline"]["sd"] == pytest.approx(study.experiments[0].deviation)
    assert view.facts["baseline"]["sd"] > 0.05
    assert estimate_noise(study.experiments).sd < 0.01


@pytest.mark.slow
def test_the_running_curve_comes_in_pieces(tmp_path):
    study = Study("g", CURVED, metric="loss", experiments=4, repeats=1, budget="2s", root=tmp_path).start()
    try:
        end = time.monotonic() + 30
        while (study.status.live is None or len(study.status.live.curve) < 4) and time.monotonic() < end:
            time.sleep(0.02)
        view = View(study)
        piece = view.pull()["curve"]
        assert (piece["name"], piece["from"], piece["number"]) == ("loss", 0, 0)
        assert len(view.points) == piece["count"] >= 4
        assert [value for _, value in view.points[:3]] == [10.0, 9.0, 8.0]
        time.sleep(0.2)
        later = view.pull()["curve"]
        assert later["from"] == piece["count"]
        assert view.points[0][1] == 10.0 - piece["count"]
        assert (view.facts["running"]["kind"], view.facts["running"]["what"]) == ("baseline", "Baseline")
        # A run of the same experiment that has another purpose is another curve.
        view.known["curve"]["kind"] = "incumbent"
        assert view.pull()["curve"]["from"] == 0
    finally:
        study.stop()


def test_what_another_process_does_is_told_as_its_own_state(study):
    study._follower.ours = True  # there is no journal to follow
    status, view = study.status, View(study)
    status.state, status.message = State.ELSEWHERE, "paused in process 7 · a plateau"
    status.elsewhere = LiveRecord(7, State.PAUSED, "a plateau", runs=0)
    view.pull()
    assert (view.facts["state"], view.facts["process"], view.facts["behind"]) == ("paused", 7, False)
    assert view.facts["message"] == "a plateau"
    status.runs = [("baseline", 1.0)]
    view.pull()
    assert view.facts["behind"] is True, "that run has ended since"
    status.elsewhere = None
    view.pull()
    assert (view.facts["state"], view.facts["process"], view.facts["behind"]) == ("running elsewhere", None, False)
    status.state = State.NEW


def test_a_message_that_nothing_answers_is_refused(study):
    sent = []
    panel = Panel(study)
    panel.send = lambda content, buffers=None: sent.append(content)
    panel.session.take({"type": "dance", "key": "k"})
    assert sent == [{"type": "refused", "message": "The panel has no message 'dance'.", "key": "k"}]
    panel.session.take({"type": "show", "number": 3, "key": "3:show"})
    assert (sent[1]["type"], sent[1]["key"]) == ("refused", "3:show")
    with pytest.raises(UserError):
        detail(study, 3)
    panel.close()
