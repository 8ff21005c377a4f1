"""The panel: the answers of its Python side, and functions of its front end run in node."""

import json
import shutil
import struct
import subprocess
import threading
import time
from dataclasses import replace

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import Judged, Remeasured, RunStarted, State
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.judging.noise import estimate_noise
from autoresearch_magic.study.evidence import figures
from autoresearch_magic.study.live_record import LiveRecord
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.jupyter.panel import Panel
from autoresearch_magic.ui.panel.assets import page_script
from autoresearch_magic.ui.panel.delta import delta
from autoresearch_magic.ui.panel.detail import detail

from ...kernels import TARGET
from ...studies import finish, wait_for

CURVED = (
    "X = 3.0\nimport time\nfrom autoresearch_magic import clock, report\n"
    "for step in clock:\n    time.sleep(0.02)\n    report(step=step, loss=10.0 - step)\nloss = X\n"
)


@pytest.fixture
def study(tmp_path):
    made = Study("# Goal <b>", TARGET, metric="loss", experiments=4, repeats=2, budget="0.05s", root=tmp_path)
    yield made
    made.stop()


def test_a_new_study_has_an_empty_answer(study):
    content, buffers = delta(study, "e", {"since": 0})
    json.dumps(content)
    assert (content["state"], content["rows"], content["best"], content["curve"], buffers) == (
        "new",
        [],
        None,
        None,
        [],
    )
    assert content["study"]["goal"] == "Goal <b>"


@pytest.mark.slow
def test_a_finished_study_row_by_row(study):
    study.start()
    assert study.wait(60)
    content, _ = delta(study, "e", {"since": 0, "epoch": "e"})
    json.dumps(content, allow_nan=False)
    assert [row["number"] for row in content["rows"]] == [0, 1, 2, 3, 4]
    assert content["gains"]["rows"][0] == ["–", "–", "–", False]
    assert [proven for *_, proven in content["gains"]["rows"]].count(True) == content["counts"]["proven"]
    assert content["counts"]["keep"] + content["counts"]["discard"] + content["counts"]["failed"] == 4
    assert content["baseline"]["repeats"] == 2
    assert (content["headline"] is None) == (study.incumbent.number == 0)
    later, _ = delta(study, "e", {"since": 3, "epoch": "e"})
    assert [row["number"] for row in later["rows"]] == [3, 4]
    # A view that knows another opening of the study starts again.
    assert len(delta(study, "e", {"since": 3, "epoch": "old"})[0]["rows"]) == 5


def experiment(number, *values, verdict=Verdict.DISCARD):
    measurements = tuple(Measurement(Outcome.OK, value, seed=n, seconds=1.0) for n, value in enumerate(values))
    return Experiment(number, 0 if number else None, Proposal("x", "s"), verdict=verdict, measurements=measurements)


def test_older_rows_that_changed_are_sent_again(study):
    status = study.status
    baseline = experiment(0, 1.0, verdict=Verdict.BASELINE)
    for e in (baseline, experiment(1, 1.5), experiment(2, verdict=Verdict.CRASH), experiment(3, 0.9)):
        status.take(Judged(e))
    content, _ = delta(study, "e", {"since": 0, "revision": 0, "epoch": "e"})
    assert (content["since"], content["after"], content["revision"]) == (4, 0, 0)
    assert content["baseline"]["sd"] is None, "one run has no standard deviation"

    status.take(Remeasured(replace(baseline, measurements=experiment(0, 1.0, 1.2).measurements)))
    content, _ = delta(study, "e", {"since": 4, "revision": 0, "epoch": "e"})
    assert [r["number"] for r in content["rows"]] == [0]
    assert (content["rows"][0]["repeats"], content["rows"][0]["averaged"], content["revision"]) == (2, 2, 1)
    assert content["baseline"]["sd"] == pytest.approx(0.1414, abs=1e-4)

    later, _ = delta(study, "e", {"since": 4, "revision": 1, "epoch": "e"})
    assert (later["rows"], later["after"], later["revision"]) == ([], 1, 1)
    # A new row and an old one that changed come together, each once.
    status.take(Remeasured(replace(baseline, measurements=experiment(0, 1.0, 1.2, 1.1).measurements)))
    status.take(Judged(experiment(4, 1.3)))
    both, _ = delta(study, "e", {"since": 4, "revision": 1, "epoch": "e"})
    assert [r["number"] for r in both["rows"]] == [0, 4]
    fresh, _ = delta(study, "e", {"since": 4, "revision": 1, "epoch": "another"})
    assert ([r["number"] for r in fresh["rows"]], fresh["after"], fresh["revision"]) == ([0, 1, 2, 3, 4], 0, 2)


def test_the_gains_of_all_rows_come_whenever_anything_is_new(study):
    status = study.status
    for e in (
        experiment(0, 1.0, verdict=Verdict.BASELINE),
        experiment(1, 1.5),
        experiment(2, 0.8, verdict=Verdict.KEEP),
    ):
        status.take(Judged(e))
    gains = delta(study, "e", {"since": 0})[0]["gains"]
    none = ["–", "–", "–", False]
    assert gains["rows"] == [none, ["-0.5", "–", "–", False], ["+0.2", "–", "–", False]], "the noise is not known"
    known = {"since": 3, "epoch": "e", "gains": gains["state"]}
    assert delta(study, "e", known)[0]["gains"] is None
    assert delta(study, "e", {**known, "epoch": "old"})[0]["gains"] == gains

    status.take(Remeasured(experiment(0, 1.0, 1.02, 0.98, verdict=Verdict.BASELINE)))
    status.take(Remeasured(experiment(2, 0.8, 0.79, 0.81, verdict=Verdict.KEEP)))
    again = delta(study, "e", known)[0]["gains"]
    assert again["state"] != gains["state"]
    assert again["rows"][0] == none
    worse, better = ([*figures(status.gains[n], status.spread(study.experiments[n]))] for n in (1, 2))
    assert again["rows"][1:] == [[*worse, False], [*better, True]]
    assert (worse[2], better[2]) == ("<1%", ">99%")
    assert delta(study, "e", known)[0]["counts"]["proven"] == 1
    assert ["Proven", "yes"] in json.loads(json.dumps(detail(study, 2)["evidence"]))


def test_unasked_answers_send_the_gains_once(study, monkeypatch):
    study.status.take(Judged(experiment(0, 1.0, verdict=Verdict.BASELINE)))
    sent = []
    panel = Panel(study)
    monkeypatch.setattr(panel, "send", lambda content, buffers=None: sent.append(content))
    for _ in range(2):
        panel.session.asked_at = time.monotonic() - 60
        panel.session.push_updates()
    assert [content["gains"] is None for content in sent] == [False, True]
    panel.close()


GAINS = """
const store = newStore(), states = [];
const take = (gains, ...rows) => takeDelta(store, { epoch: "e", since: store.rows.size + rows.length, after: 0, revision: 0, rows, gains });
const record = () => { states.push([store.known, [...store.dirty], [...store.stale]]); store.dirty.clear(); };
const none = ["–", "–", "–", false], one = ["+0.1", "0.0 to 0.2", "96%", false];
take({ state: "2", rows: [none, one] }, { number: 0 }, { number: 1 }); record();
store.details.set(1, {});
take(null); record();
take({ state: "3", rows: [none, [...one.slice(0, 3), true], one] }); record(); // its row has not come yet
take({ state: "4", rows: [none, [...one.slice(0, 3), true], one] }, { number: 2 }); record();
states.push(gainWords(store.gains[1], "keep"), gainWords(["−0.2", "exact", "<1%", false], "discard"), gainWords(undefined, "keep"), gainWords(none, "crash"));
console.log(JSON.stringify(states));
"""


def test_only_rows_whose_gain_is_shown_otherwise_are_drawn_again(tmp_path):
    assert in_node(GAINS, tmp_path) == [
        ["2", [0, 1], []],
        ["2", [], []],
        ["3", [1], [1]],
        ["4", [2], [1]],
        ["gain +0.1", "95% interval 0.0 to 0.2", "chance of being better 96%", "proven"],
        ["gain −0.2", "no noise so far", "chance of being better <1%"],
        ["not proven yet"],
        [],
    ]


STORE = """
const store = newStore(), row = (number, value) => ({ number, value });
const take = (since, after, revision, ...rows) => takeDelta(store, { epoch: "e", since, after, revision, rows });
const states = [];
const record = (whole) => states.push([whole, store.since, store.revision, [...store.dirty], [...store.stale]]);
record(take(2, 0, 1, row(0, 1), row(1, 2)));
store.dirty.clear(); store.details.set(0, {});
record(take(2, 3, 4)); // asked for by another view that knew more
record(take(2, 1, 4, row(0, 1.5)));
record(take(2, 1, 3)); // late
record(takeDelta(store, { epoch: "f", since: 0, after: 0, revision: 0, rows: [] }));
console.log(JSON.stringify(states));
"""


def in_node(script, folder):
    """Append a script to the panel's modules, run it in node, and return the JSON that it prints."""
    if shutil.which("node") is None:
        pytest.skip("no node on this machine")
    code = page_script()
    path = folder / "panel.mjs"
    path.write_text(code.replace("export default { render };", script), "utf-8")
    done = subprocess.run(["node", str(path)], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def test_the_store_misses_no_change(tmp_path):
    assert in_node(STORE, tmp_path) == [
        [True, 2, 1, [0, 1], []],
        [False, 2, 1, [], []],
        [True, 2, 4, [0], [0]],
        [True, 2, 4, [0], [0]],
        [True, 0, 0, [], []],
    ]


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
  say(0.999999999988, 0.999999999996, 0.999999999998),
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
    ]


def test_a_repeated_run_of_the_incumbent_is_labelled(study):
    study.status.take(Judged(experiment(0, 1.0, verdict=Verdict.BASELINE)))
    study.status.take(RunStarted(experiment(0, 1.0), "incumbent", 1, 2))
    running = delta(study, "e", {"since": 0})[0]["running"]
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
    content, (points, beside) = delta(
        study, "e", {"curve": {"kind": "final", "number": 0, "repeat": 1, "stride": 1, "points": 5}}
    )
    curve = content["curve"]
    assert (curve["kind"], curve["number"], curve["from"], curve["count"], curve["incumbent"]) == ("best", 1, 0, 5, 5)
    assert [len(points), len(beside)] == [40, 40]
    again, buffers = delta(study, "e", {"curve": {**curve, "points": 5}})
    assert (again["curve"]["count"], buffers) == (0, [b"", b""])


@pytest.mark.slow
def test_the_baseline_s_spread_is_that_of_its_own_runs(make_study, script):
    """Single runs of the baseline vary by 0.1, those of the best by 0.001."""
    target = "from autoresearch_magic import seed\nX = {x}\nloss = X * (1 + int(seed) % 2 * 0.1)\n"
    script(target.format(x=0.01))
    study = finish(make_study(target.format(x=1.0), agent="script", experiments=1, repeats=2))
    assert study.incumbent.number == 1
    content, _ = delta(study, "e", {})
    assert content["baseline"]["sd"] == pytest.approx(study.experiments[0].deviation)
    assert content["baseline"]["sd"] > 0.05
    assert estimate_noise(study.experiments).sd < 0.01


@pytest.mark.slow
def test_the_running_curve_comes_in_pieces(tmp_path):
    study = Study("g", CURVED, metric="loss", experiments=4, repeats=1, budget="2s", root=tmp_path).start()
    try:
        end = time.monotonic() + 30
        while (study.status.live is None or len(study.status.live.curve) < 4) and time.monotonic() < end:
            time.sleep(0.02)
        content, buffers = delta(study, "e", {"since": 0})
        piece = content["curve"]
        assert (piece["name"], piece["from"], piece["number"]) == ("loss", 0, 0)
        pairs = list(struct.iter_unpack("<ff", buffers[0]))
        assert len(pairs) == piece["count"] >= 4
        assert [value for _, value in pairs[:3]] == [10.0, 9.0, 8.0]
        time.sleep(0.2)
        known = {"kind": "baseline", "number": 0, "repeat": piece["repeat"], "stride": 1, "points": piece["count"]}
        content, buffers = delta(study, "e", {"since": 0, "curve": known})
        assert content["curve"]["from"] == piece["count"]
        assert next(struct.iter_unpack("<ff", buffers[0]))[1] == 10.0 - piece["count"]
        assert (content["running"]["kind"], content["running"]["what"]) == ("baseline", "Baseline")
        # A run of the same experiment that has another purpose is another curve.
        assert delta(study, "e", {"curve": {**known, "kind": "incumbent"}})[0]["curve"]["from"] == 0
    finally:
        study.stop()


@pytest.mark.slow
def test_details_and_refusals(study):
    study.start()
    assert study.wait(60)
    shown = detail(study, 1)
    assert shown["diff"].startswith("---")
    assert shown["numbers"] == ""
    first = study.experiments[1]
    run = replace(first.measurements[0], numbers={"train_loss": 0.25, "tiny": 2.4e-19})
    changed = replace(first, measurements=(run,), since=0)
    study.status.experiments = (study.experiments[0], changed, *study.experiments[2:])
    assert detail(study, 1)["numbers"] == "train_loss 0.25, tiny 2.4e-19"
    for number in (99, None):
        with pytest.raises(UserError, match="There is no experiment"):
            detail(study, number)


SENTENCES = """
const now = { study: { agent: "tuner" }, done: 3, elapsed: 9, running: null };
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
        "Stopped after experiment 3; press Resume to continue",
        "Stopped after experiment 3; the next one comes with autoresearch try",
    ]


def test_what_another_process_does_is_told_as_its_own_state(study):
    study._follower.ours = True  # there is no journal to follow
    status = study.status
    status.state, status.message = State.ELSEWHERE, "paused in process 7 · a plateau"
    status.elsewhere = LiveRecord(7, State.PAUSED, "a plateau", runs=0)
    content, _ = delta(study, "e", {})
    assert (content["state"], content["process"], content["behind"]) == ("paused", 7, False)
    assert content["message"] == "a plateau"
    status.runs = [("baseline", 1.0)]
    assert delta(study, "e", {})[0]["behind"] is True, "that run has ended since"
    status.elsewhere = None
    content, _ = delta(study, "e", {})
    assert (content["state"], content["process"], content["behind"]) == ("running elsewhere", None, False)
    status.state = State.NEW


def test_commands_to_another_process_do_not_block_the_kernel(study, monkeypatch):
    panel, sent, threads = Panel(study), [], []
    monkeypatch.setattr(panel, "send", lambda content, buffers=None: sent.append(content))

    def refuse():
        threads.append(threading.current_thread())
        raise UserError("It does not answer.")

    monkeypatch.setattr(study, "pause", refuse)
    study._follower.ours = True  # there is no journal to follow
    study.status.state = State.ELSEWHERE
    panel._on_message(None, {"type": "command", "name": "pause"}, [])
    wait_for(lambda: len(sent) == 2)
    assert threads[0] is not threading.current_thread()
    assert sent[0] == {"type": "refused", "message": "It does not answer."}
    study.status.state = State.NEW


def test_commands_reach_the_study_and_refusals_come_back(study, monkeypatch):
    sent = []
    panel = Panel(study)
    monkeypatch.setattr(panel, "send", lambda content, buffers=None: sent.append(content))
    panel._on_message(panel, {"type": "command", "name": "pause"}, [])
    assert [s["type"] for s in sent] == ["refused", "delta"]
    panel._on_message(panel, {"type": "command", "name": "dance"}, [])
    assert "no command 'dance'" in sent[2]["message"]
    study.start()
    panel._on_message(panel, {"type": "command", "name": "stop"}, [])
    assert study.wait(20)
    assert study.state == "stopped"
    panel._on_message(panel, {"type": "pull", "since": 0}, [])
    assert sent[-1]["state"] == "stopped"
    panel.close()


def test_a_saved_notebook_names_the_study_of_the_panel(study):
    panel = Panel(study)
    bundle = panel._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert study.name in data["text/plain"]
    panel.close()


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
