"""The rows of the table: which, in which order, and with which columns."""

import pytest

from autoresearch_magic.events import Judged
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.terminal.rows import Choice, chosen, columns, head_line, row_line

KINDS = [
    (10.0, Verdict.BASELINE, "baseline"), (4.0, Verdict.KEEP, "Wider layers"), (6.0, Verdict.DISCARD, "Narrow [red]layers[/red]"),
    (None, Verdict.CRASH, "Raises"), (3.0, Verdict.KEEP, "日本語 " * 30),
]  # fmt: skip


@pytest.fixture
def study(tmp_path):
    made = Study("# Lower it", "X = 1\nloss = X\n", metric="loss", experiments=9, budget="5s", root=tmp_path)
    for n, (value, verdict, summary) in enumerate(KINDS):
        outcome = Outcome.OK if value is not None else Outcome.CRASH
        proposal = Proposal(f"X = {n}\n", summary, agent="tuner")
        made.status.take(
            Judged(
                Experiment(
                    n,
                    0 if n else None,
                    proposal,
                    verdict=verdict,
                    measurements=(Measurement(outcome, value, 0, 1.0 + n),),
                )
            )
        )
    return made


def numbers(study, **choice):
    status = study.status
    return [e.number for e in chosen(status.experiments, Choice(**choice), status.gains, status.metric)]


def test_what_is_chosen(study):
    assert numbers(study) == [4, 3, 2, 1, 0]
    assert numbers(study, shown="kept") == [4, 1, 0]
    assert numbers(study, shown="failed") == [3]
    assert numbers(study, order="best") == [4, 1, 2, 0, 3]
    assert numbers(study, order="slowest") == [4, 3, 2, 1, 0]
    assert numbers(study, order="gain") == [4, 1, 2, 3, 0]
    assert numbers(study, search="LAYERS wider") == [1]
    assert numbers(study, search="#3") == numbers(study, search="crash") == [3]
    assert numbers(study, search="nothing of it") == []
    assert Choice(shown="kept", search="a").words(1, 5) == "Experiments: 1 of 5, kept only, with 'a'; newest first"
    assert Choice().turned().order == "best"


@pytest.mark.parametrize("width", [40, 78, 100, 200])
def test_columns_fit(study, width):
    made = columns(study.status, {}, width)
    names = [column.name for column in made]
    assert names[:3] == ["#", "verdict", "loss"]
    assert ("95% interval" in names) == (width >= 104)
    used = sum(column.width + 2 for column in made)
    assert width - used >= 10, "there is room for the summary"
    for e in study.experiments:
        row = row_line(e, study.status, study.status.gains, study.status.proven, made)
        assert row.plain[used:].startswith(e.summary.strip()[:10])
    assert head_line(made).plain.endswith("summary")


def test_what_agents_write_is_no_markup(study):
    row = row_line(study.experiments[2], study.status, {}, (), columns(study.status, {}, 100))
    assert "Narrow [red]layers[/red]" in row.plain
