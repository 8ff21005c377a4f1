"""The report's charts of other numbers, and what is exported of them."""

import csv
import io
import re
from dataclasses import replace

import pytest

from autoresearch_magic.experiment import Verdict
from autoresearch_magic.run_numbers import ShownNumber
from autoresearch_magic.study.export import history_csv, rows
from autoresearch_magic.study.report.numbers import Point, frontier, less_is_better, limits_table, number_charts
from autoresearch_magic.study.report.page import html_report

from .made_up import experiment, run, study


def made(tmp_path, **settings):
    sizes = [10.0, 20.0, 5.0, 8.0, 30.0]
    verdicts = [Verdict.BASELINE, Verdict.DISCARD, Verdict.KEEP, Verdict.KEEP, Verdict.DISCARD]
    values = [2.0, 0.5, 1.5, 1.0, 0.6]
    each = [
        experiment(
            n, verdicts[n], (run(values[n], memory=4.0, numbers={"size": sizes[n], "acc": 0.5}),), 0 if n else None
        )
        for n in range(5)
    ]
    return study(tmp_path, each, **settings)


def test_the_frontier_has_the_versions_that_no_other_one_beats_in_both():
    def numbers(points, **ways):
        return [(p.number, p.value) for p in frontier([Point(None, *p) for p in points], **ways)]

    points = [(1.0, 5.0), (2.0, 3.0), (2.0, 4.0), (3.0, 3.0), (4.0, 1.0), (0.5, 9.0)]
    assert numbers(points, minimize=True, less=True) == [(0.5, 9.0), (1.0, 5.0), (2.0, 3.0), (4.0, 1.0)]
    assert numbers(points, minimize=False, less=False) == [(0.5, 9.0), (1.0, 5.0), (2.0, 4.0), (3.0, 3.0), (4.0, 1.0)]
    assert numbers(points, minimize=False, less=True) == [(0.5, 9.0)]
    assert numbers([], minimize=True, less=True) == []


@pytest.mark.parametrize(
    ("number", "less"),
    [(ShownNumber("size", (("<", 3.0),)), True), (ShownNumber("size", ((">=", 3.0),)), False), (ShownNumber("peak_memory_gb"), True),
     (ShownNumber("accuracy"), False), (ShownNumber("width"), None)],
)  # fmt: skip
def test_which_way_a_number_is_better_is_said_by_its_limit_or_its_name_or_not_at_all(number, less):
    assert less_is_better(number) is less


def test_the_report_has_two_drawings_for_each_number_and_a_table_of_the_limits(tmp_path):
    found = made(tmp_path, also=["size=size", "acc=acc"], limit="size<12, peak_memory_gb<3")
    page = number_charts(found.status)
    assert page.count("<svg") == 6
    assert "size by experiment, limit &lt; 12" in page
    assert "3 of 5 versions are not beaten in both: lower loss and less size" in page
    assert 'class="beyond"' in page
    assert re.search(r"4: discard · size 30 \(beyond the limit\) · loss 0\.6", page)
    assert limits_table(found.status) == [
        ("size < 12", "10", "8", "within"),
        ("peak_memory_gb < 3", "4 GiB", "4 GiB", "beyond"),
    ]
    assert str(page) in html_report(found)
    assert number_charts(made(tmp_path).status) is None


def test_exports_have_a_column_for_each_number_that_is_shown(tmp_path):
    found = made(tmp_path, also=["size=size"], limit="seconds<9")
    table = list(csv.DictReader(io.StringIO(history_csv(found.status))))
    assert [row["size"] for row in table] == ["10.0", "20.0", "5.0", "8.0", "30.0"]
    assert table[0]["run.seconds"] == table[0]["seconds"] == "1.5"
    assert rows(replace_runs(found.status))[0]["run.seconds"] == 1.5


def replace_runs(found):
    """The same with a second run of the baseline: `seconds` are those of all its runs, `run.seconds` those of one."""
    first, *rest = found.experiments
    found.experiments = (replace(first, measurements=first.measurements * 2), *rest)
    assert rows(found)[0]["seconds"] == 3.0
    return found
