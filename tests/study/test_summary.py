"""A study in words: the result with its interval, the run in progress, the runs of each experiment."""

import re
from pathlib import Path

import pytest

from autoresearch_magic.agents.llm.prices import usage_line
from autoresearch_magic.config.program import Program
from autoresearch_magic.config.settings import Settings
from autoresearch_magic.events import Confirmed, Judged, Proposed, RunEnded, RunStarted, Spent, State, StateChanged
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Usage, Verdict
from autoresearch_magic.headline import Headline
from autoresearch_magic.metric import Metric
from autoresearch_magic.study.definition import Definition
from autoresearch_magic.study.gain_words import gain_text
from autoresearch_magic.study.status import LiveRun, StudyStatus
from autoresearch_magic.study.summary import (
    history_markdown,
    history_text,
    report_markdown,
    result_line,
    run_line,
    spent_line,
    state_words,
    status_text,
    tried_line,
)
from autoresearch_magic.text import as_html, counted

from ..studies import finish

LOSS = Metric("val_BPB", "loss")
ACCURACY = Metric("accuracy", "acc", minimize=False)


def experiment(number, *values, verdict=None, summary="LR 0.001 → 0.002"):
    measurements = tuple(Measurement(Outcome.OK, value, seed=n, seconds=1.0) for n, value in enumerate(values))
    parent = None if number == 0 else 0
    return Experiment(number, parent, Proposal("x = 1", summary), verdict=verdict, measurements=measurements)


def headline(gain=0.3, reach=0.02, baseline=1.2, repeats=4):
    return Headline(1, baseline - gain, 0.011, baseline, 0.014, repeats, gain, reach)


RESTING = [
    ((), 0, State.STOPPED, "stopped before the baseline was measured"),
    ((Proposed(experiment(0)),), 0, State.FAILED, "failed before the baseline was measured"),
    ((), 1, State.PAUSED, "paused after the baseline"),
    ((Proposed(experiment(1)),), 1, State.STOPPED, "stopped during experiment 1"),
    (
        (Proposed(experiment(2)), Judged(experiment(2, 1.0, verdict=Verdict.CRASH))),
        2,
        State.PAUSED,
        "paused after experiment 2",
    ),
    ((StateChanged(State.CONFIRMING),), 3, State.PAUSED, "paused while the result was measured again"),
    ((StateChanged(State.CONFIRMING), StateChanged(State.RUNNING)), 3, State.STOPPED, "stopped after experiment 2"),
    ((Proposed(experiment(1)),), 1, State.RUNNING, "running"),
    ((), 3, State.FINISHED, "finished"),
]


@pytest.mark.parametrize(("events", "judged", "state", "words"), RESTING)
def test_a_study_that_rests_says_where_it_does(events, judged, state, words):
    status = StudyStatus("s", Path("s"), shown().definition, state=State.RUNNING)
    baseline = Judged(experiment(0, 1.0, verdict=Verdict.BASELINE))
    others = (Judged(experiment(n, 1.0, verdict=Verdict.DISCARD)) for n in range(1, judged))
    for event in (*([baseline] if judged else []), *others, *events, StateChanged(state)):
        status.take(event)
    assert state_words(status) == words
    assert status_text(status).startswith(f"s: {words}\n")


def shown(*events, settings=None):
    made = Definition(
        Program("# Lower it", "Lower it"),
        "x = 1",
        "",
        settings or Settings(metric="val_BPB=loss", minimize=True, experiments=9),
    )
    status = StudyStatus("s", Path("s"), made, state=State.RUNNING)
    status.take(Judged(experiment(0, 1.0, 1.02, verdict=Verdict.BASELINE, summary="baseline")))
    status.take(Judged(experiment(1, 0.8, 0.81, 0.79, verdict=Verdict.KEEP)))
    status.take(Judged(experiment(2, 0.9, verdict=Verdict.DISCARD, summary="a | b")))
    for event in events:
        status.take(event)
    return status


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (headline(), "0.300 better (25%; 95% interval 0.280 to 0.320)"),
        (headline(12.3456, 0.0012, 100.0), "12.3456 better (12%; 95% interval 12.3444 to 12.3468)"),
        (
            headline(0.01, 0.0213),
            "0.010 better (0.83%), which chance may explain (95% interval 0.011 worse to 0.031 better)",
        ),
        (
            headline(0.01, 0.02),
            "0.010 better (0.83%), which chance may explain (95% interval 0.010 worse to 0.030 better)",
        ),
        (headline(2.4e-19, 1.3e-20, 1e-18), "2.40e-19 better (24%; 95% interval 2.27e-19 to 2.53e-19)"),
        (headline(-0.3, 0.02), "0.300 worse (25%; 95% interval 0.280 to 0.320)"),
        (headline(0.3, None), "0.3 better (25%), which one run of each cannot tell from chance"),
        (headline(0.3, 0.02, 0.0), "0.300 better (95% interval 0.280 to 0.320)"),
        (headline(0.0, 0.0), "0 better (0%), the same in every run"),
        (
            headline(250.0, 400.0, 1e6),
            "250 better (0.025%), which chance may explain (95% interval 150 worse to 650 better)",
        ),
    ],
)
def test_a_gain_comes_with_its_interval(head, words):
    assert gain_text(head) == words


def test_the_result_in_one_line():
    assert result_line(shown()) == "val_BPB 0.800 (experiment 1), baseline 1.010"
    line = "val_BPB 0.900 (sd 0.011) against a baseline of 1.200 (sd 0.014), both measured again 4 times: "
    assert result_line(shown(Confirmed(headline()))) == f"{line}0.300 better (25%; 95% interval 0.280 to 0.320)"
    once = result_line(shown(Confirmed(headline(reach=None, repeats=1))))
    assert once.startswith("val_BPB 0.900 against a baseline of 1.200, both measured again once: 0.3 better (25%)")


@pytest.mark.parametrize(
    ("kind", "run", "repeat", "repeats", "words"),
    [
        ("baseline", experiment(0), 1, 3, "Baseline · run 2 of 3"),
        ("baseline", experiment(0), 0, 1, "Baseline"),
        ("candidate", experiment(7), 0, 1, "Experiment 7 · LR 0.001 → 0.002"),
        ("candidate", experiment(7, 0.7, 0.9), 2, 9,
         "Experiment 7 · LR 0.001 → 0.002 · looks better, run 3 of at most 9"),
        ("candidate", experiment(7, 1.1), 1, 9,
         "Experiment 7 · LR 0.001 → 0.002 · simpler, perhaps as good, run 2 of at most 9"),
        ("candidate", experiment(7, 0.7, summary=" two\nlines "), 0, 1, "Experiment 7 · two lines"),
        ("incumbent", experiment(5, 0.8), 1, 2, "The current best, experiment 5, once more, to compare"),
        ("incumbent", experiment(0, 0.8), 3, 4, "The baseline once more, to compare"),
        ("incumbent", experiment(3, 0.8), 1, 2, "Experiment 3 once more, to compare"),
        ("final", experiment(5, 0.8), 0, 4, "Measuring the best, experiment 5, again · run 1 of 4"),
        ("final", experiment(0, 0.8), 3, 4, "Measuring the baseline again · run 4 of 4"),
        ("trial", experiment(5, summary="without WIDTH"), 0, 2, "Your comparison: without WIDTH · run 1 of 2"),
    ],
)  # fmt: skip
def test_what_a_run_is_for(kind, run, repeat, repeats, words):
    assert run_line(LiveRun(run, kind, repeat, repeats), experiment(5, 1.0), LOSS) == words


def test_which_way_is_better_is_the_metrics():
    live = LiveRun(experiment(7, 1.1), "candidate", 1, 9)
    assert "looks better" in run_line(live, experiment(5, 1.0), ACCURACY)


def test_the_status_says_what_a_run_is_for():
    text = status_text(shown(RunStarted(experiment(1, 0.8, 0.81, 0.79), "incumbent", 3, 4)))
    assert "Now: The current best, experiment 1, once more, to compare · starting, 0% of the run's budget" in text
    assert text.splitlines()[-1] == "Result: val_BPB 0.800 (experiment 1), baseline 1.010"


def test_the_history_counts_runs():
    study = shown()
    lines = history_text(study, study.experiments).splitlines()
    assert [re.split("  +", line.strip()) for line in lines[:4]] == [
        ["#", "verdict", "val_BPB", "runs", "seconds", "gain", "95% interval", "chance", "change"],
        ["0", "baseline", "1.010", "2", "2.0", "–", "–", "–", "baseline"],
        ["1", "keep, proven", "0.800", "3", "3.0", "+0.207", "0.172 to 0.242", ">99%", "LR 0.001 → 0.002"],
        ["2", "discard", "0.900", "1", "1.0", "+0.103", "0.054 to 0.147", "99%", "a | b"],
    ]
    *table, _, note = history_markdown(study, study.experiments).splitlines()
    assert note == " ".join(lines[-len(lines) + lines.index("") + 1 :])
    assert {line.replace("\\|", "").count("|") for line in table} == {11}
    row = table[3].replace("\u00a0", " ")
    assert "| 1 | **keep, proven** | **0.800** | 3 | 3.0 | +0.207 | 0.172 to 0.242 | \\>99% |" in row
    assert as_html("\n".join(table)).count("<td") == 30


def test_a_table_has_one_line_for_each_experiment_in_a_terminal_and_in_a_notebook():
    long = experiment(3, 0.79, verdict=Verdict.KEEP, summary="Wörter 漢字 " * 60)
    study = shown(Judged(long))
    for width in (200, 110, 80, 40):
        table, _, note = history_text(study, study.experiments, width).partition("\n\n")
        lines = table.splitlines()
        assert len(lines) == 5
        taken = [len(line) + sum(c in "漢字" for c in line) for line in lines]
        assert max(taken) <= max(width, 70), "less than figures and some words it cannot be"
        assert lines[-1].endswith("…")
        assert ("Not shown in a terminal of this width" in " ".join(note.split())) is (width < 110)
    assert "漢字 " * 2 not in lines[-1]
    *_, row, _, _ = history_markdown(study, study.experiments).splitlines()
    assert " " not in row.replace(" | ", "").strip("| "), "it cannot break"
    assert len(row) < 160


def test_what_was_tried_kept_and_proven():
    assert tried_line(shown()) == "2 experiments, 1 kept, 1 proven"
    status = shown()
    proven = status.proven
    assert status.believed._made is None, "the gains of all are not worked out for it"
    assert proven == {number for number, gain in status.gains.items() if gain.proven} == status.proven
    assert "\n2 of 9 experiments: 1 kept (1 proven), 1 discarded, 0 failed" in status_text(shown())
    lucky = experiment(3, 0.79, verdict=Verdict.KEEP)
    assert tried_line(shown(Judged(lucky))) == "3 experiments, 2 kept, 1 proven"


def test_the_report_has_the_interval_and_the_runs():
    text = report_markdown(shown(Confirmed(headline())))
    assert "Result: val_BPB 0.900 (sd 0.011) against" in text
    assert "0.300 better (25%; 95% interval 0.280 to 0.320)." in text
    assert "2 experiments, 1 kept, 1 proven, 1 discarded, 0 failed" in text
    row = "| 1 | **keep, proven** | **0.800** | 3 | 3.0 | +0.207 | 0.172 to 0.242 | \\>99% | LR 0.001 → 0.002 |"
    assert f"{row}  |" in text, "what was kept, and why"
    assert f"{row}\n" in text
    assert "| 2 | discard | 0.900 | 1 | 1.0 | +0.103 | 0.054 to 0.147 | 99% | a \\| b |" in text


def test_one_of_a_thing_is_no_plural():
    assert [counted(n, "run") for n in (0, 1, 2, 1500)] == ["0 runs", "1 run", "2 runs", "1,500 runs"]
    ended = RunEnded(0, "baseline", Measurement(Outcome.OK, 1.0, seed=1, seconds=2.0))
    assert spent_line(shown(ended)) == "Evaluations: 1 run, 2s"
    assert spent_line(shown(ended, ended)) == "Evaluations: 2 runs, 4s"
    assert usage_line(Usage(calls=1, input=20, output=5, seconds=1.0)).startswith("Agent: 1 call, 20 tokens in")
    assert "\n2 of 9 experiments: 1 kept" in status_text(shown())
    assert "\n2 of 1 experiment: 1 kept" in status_text(shown(settings=Settings(metric="loss", experiments=1)))
    said = Settings(metric="loss", repeats=1, pairs=1, experiments=1).describe()
    assert "1 experiment · " in said
    assert "1 repeat of the baseline" in said
    assert "at most 1 more run a candidate" in said


def test_what_was_paid_for_in_vain_is_shown():
    used = Usage(calls=1, input=20, output=5, seconds=1.0, cost=0.5)
    ended = shown(Spent(used), StateChanged(State.STOPPED))
    assert spent_line(ended).endswith("($0.50 of it for answers that no experiment used)")
    assert "no experiment used" not in spent_line(shown(Spent(used), StateChanged(State.RUNNING)))
    unknown = shown(Spent(Usage(calls=1, cost=None)), StateChanged(State.STOPPED))
    assert spent_line(unknown).endswith("cost unknown (1 call of it for answers that no experiment used)")
    assert usage_line(Usage(input=20, cost=0.5)).startswith("Agent: 0 calls, 20 tokens in")


def deterministic(*values):
    made = Definition(Program("# Lower it", "Lower it"), "x = 1", "", Settings(metric="loss", minimize=True))
    status = StudyStatus("s", Path("s"), made)
    status.take(Judged(experiment(0, values[0], values[0], verdict=Verdict.BASELINE)))
    for number, value in enumerate(values[1:], start=1):
        status.take(Judged(experiment(number, value, verdict=Verdict.KEEP)))
    return status


def test_without_noise_the_digits_tell_kept_experiments_apart():
    assert result_line(deterministic(4.0, 1.0)) == "loss 1 (experiment 1), baseline 4"
    close = deterministic(0.123456789, 0.123456711)
    assert result_line(close) == "loss 0.123456711 (experiment 1), baseline 0.123456789"
    rows = [re.split("  +", line.strip()) for line in history_text(close, close.experiments).splitlines()[1:3]]
    assert [row[2] for row in rows] == ["0.123456789", "0.123456711"]
    assert rows[1][5:8] == ["+7.8e-08", "exact", "100%"]
    head = Headline(1, 0.123456711, 0.0, 0.123456789, 0.0, 3, 7.8e-8, 0.0)
    close.take(Confirmed(head))
    assert result_line(close).startswith("loss 0.123456711 (sd 0) against a baseline of 0.123456789 (sd 0)")


@pytest.mark.parametrize(("values", "shown"), [((2.4e-19, 1.2e-19), "1.2e-19"), ((1234567.0, 1234560.0), "1234560")])
def test_tiny_and_large_values_are_shown_as_they_are(values, shown):
    assert result_line(deterministic(*values)).startswith(f"loss {shown} (experiment 1)")


@pytest.mark.slow
def test_further_numbers_have_columns_in_the_history_and_are_told_to_the_agent(make_study):
    code = "X = 3.0\nper = {'cat': X, 'dog': 2.5}\nloss = (X - 1) ** 2\n"
    names = [f"n{n}={n}.5" for n in range(4)]
    study = finish(make_study(code, also=["worst=2 * X", "per=per", "typo=eror", *names], experiments=1))
    lines = history_text(study.status, study.experiments).splitlines()
    assert lines[0].split()[-6:] == ["chance", "worst", "n0", "n1", "n2", "change"]
    assert lines[1].split()[-5:] == ["6", "0.5", "1.5", "2.5", "baseline"]
    assert "| chance | worst | n0 | n1 | n2 | change | why |" in history_markdown(study.status, study.experiments)
    numbers = study.history.numbers[0]
    assert list(numbers) == ["worst", "per.cat", "per.dog", "n0", "n1", "n2", "n3"]
    assert numbers["per.dog"] == 2.5
    assert study.status.message.startswith("--also typo has no value")
    prompt = study.briefing()
    assert "while the metric alone decides: `worst=2 * X`; `per=per`; `typo=eror`; " in prompt
    assert "- 0: worst 6, per.cat 3, per.dog 2.5, n0 0.5" in prompt
