"""Studies whose value is another statistic of the runs than their mean."""

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.summary import result_line
from autoresearch_magic.ui import cli

from ..studies import finish

TWO_LEVELS = """from autoresearch_magic import seed
X = 3.0
loss = X + (10.0 if seed == 1 else 0.001 * (seed % 7))
"""


@pytest.mark.slow
def test_the_median_of_the_runs_is_the_value_everywhere(make_study, script, tmp_path):
    script(TWO_LEVELS.replace("3.0", "2.0"))
    study = finish(make_study(TWO_LEVELS, agent="script", repeats=3, experiments=1, statistic="median"))
    baseline = study.experiment(0)
    assert len(baseline.values) == 3
    assert baseline.value == sorted(baseline.values)[1] < 4
    assert study.history["value"][0] == baseline.value
    assert study.export(tmp_path / "h.tsv").read_text().splitlines()[1].split("\t")[1] == f"{baseline.value:.6f}"
    assert f"{baseline.value:.6f}" in (study.folder / "results.tsv").read_text()
    assert study.evals().baseline == baseline.value
    again = open_study(study.name, study.folder.parent)
    assert again.experiments == study.experiments
    assert again.experiment(0).value == baseline.value
    with pytest.raises(UserError, match="another statistic"):
        again.resume(statistic="mean")


@pytest.mark.slow
def test_the_result_is_the_statistic_of_its_fresh_runs(make_study, script):
    target = "from autoresearch_magic import seed\nX = 3.0\nloss = X + 0.1 * (seed % 3)\n"
    script(target.replace("3.0", "1.0"))
    study = finish(make_study(target, agent="script", repeats=3, experiments=1, statistic="min"))
    head = study.headline
    assert (head.best, head.baseline) == (1.0, 3.0)
    assert head.gain == pytest.approx(2.0)
    assert head.p_better > 0.99
    assert "both measured again 3 times (min of the runs): " in result_line(study.status)


@pytest.mark.slow
def test_a_former_name_of_the_judge_is_told_once(make_study):
    study = make_study(judge="sequential", experiments=1)
    said = []
    study.observe(lambda event: said.append(getattr(event, "message", "")))
    finish(study)
    assert study.settings.judge == "expected"
    assert said.count(TOLD) == 1
    assert open_study(study.name, study.folder.parent).settings.judge == "expected"
    assert make_study(judge="sequential").take_remarks() == [said[said.index(TOLD)]]


TOLD = "--judge sequential is called expected now, and is read as that."


@pytest.mark.slow
def test_a_former_name_in_a_program_is_told_below_the_settings(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "target.py").write_text("X = 3.0\nloss = X\n")
    (tmp_path / "program.md").write_text(
        "# Lower it\nMetric: loss\nDirection: lower\nJudge: sequential\nIterations: 1\n"
    )
    cli.main(["run", "program.md", "--target", "target.py", "--budget", "0.05s"])
    assert capsys.readouterr().out.splitlines()[1] == TOLD


@pytest.mark.slow
def test_a_journal_from_before_opens_with_means_and_the_rule_of_today(make_study, script):
    script()
    study = finish(make_study(TWO_LEVELS, agent="script", repeats=3, statistic="median"))
    with Journal(study.folder / "journal.sqlite") as journal:
        old = {name: value for name, value in journal.get("settings").items() if name != "statistic"}
        journal.set(settings={**old, "judge": "sequential"})
    again = open_study(study.name, study.folder.parent)
    assert (again.settings.judge, again.settings.statistic) == ("expected", "mean")
    values = again.experiment(0).values
    assert again.experiment(0).value == pytest.approx(sum(values) / 3) != study.experiment(0).value
