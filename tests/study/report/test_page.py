"""The report's page: what it says of all kinds of studies, and that nothing in it is markup but ours."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from random import Random

import pytest

from autoresearch_magic.events import State
from autoresearch_magic.experiment import Outcome, Usage, Verdict
from autoresearch_magic.headline import Headline
from autoresearch_magic.source.files import join
from autoresearch_magic.study.report.page import html_report

from .made_up import HEADLINE, experiment, run, study, typical

VOID = {"meta", "br", "hr"}


class Words(HTMLParser):
    """The visible text of a page; fails on tags that are not closed."""

    def __init__(self, page):
        super().__init__()
        self.open, self.found, self.tags, self.ids, self.links = [], [], [], [], []
        self.feed(page)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        given = dict(attributes)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "title"} & {*self.open}:
            self.found.append(data)

    @property
    def text(self):
        return " ".join("".join(self.found).split())


def words(made):
    return Words(html_report(made)).text


def test_a_finished_study(tmp_path):
    page = html_report(study(tmp_path, headline=HEADLINE))
    found = Words(page)
    for said in (
        "loss fell from 2.010 to 0.985, by 51%.", "95% interval 0.975 to 1.075 better", "measured again 3 times each, on fresh seeds",
        "2 kept (1 proven)", "a much better rate", "It was too low.", "-0.5; it was +", "What changed in the baseline", "nearly",
        "Better with a chance of 60%.", "crash (KeyError)", "Traceback KeyError: 'x'", "What kinds of change paid off", "Advice",
        "--minimize", "autoresearch-magic", "Seeds of the baseline's runs0, 1, 2", "A keep is called proven",
    ):  # fmt: skip
        assert said in found.text, said
    assert len(found.ids) == len(set(found.ids))
    assert {link.removeprefix("#") for link in found.links} <= {*found.ids}
    assert [*found.tags].count("h1") == found.tags.count("main") == found.tags.count("nav") == 1
    assert "script" not in found.tags
    assert not re.search(r"https?://|url\(|@import|src=", page)


def test_the_first_three_differences_are_open(tmp_path):
    steps = [experiment(0, Verdict.BASELINE, (9.0, 9.01))]
    steps += [experiment(n, Verdict.KEEP, (9.0 - n,), n - 1) for n in range(1, 7)]
    page = html_report(study(tmp_path, steps))
    assert len(re.findall(r"<details open><summary>What changed", page)) == 3
    assert page.count("<summary>What changed") == 6


HOSTILE = """</pre></script><img src=x onerror=alert(1)><script>alert(1)</script><style>*{display:none}</style>'"&amp; \u202e \x00"""


def test_what_agents_and_users_wrote_is_text(tmp_path):
    crash = run(None, outcome=Outcome.CRASH, error=HOSTILE, traceback=HOSTILE, output=HOSTILE)
    experiments = [
        experiment(0, Verdict.BASELINE, (2.0, 2.01), target=f"x = 1\n# {HOSTILE}\n"),
        experiment(
            1, Verdict.KEEP, (1.0,), 0, HOSTILE, f"x = 2\n# {HOSTILE}\n", HOSTILE, hypothesis=HOSTILE, expect=HOSTILE
        ),
        experiment(2, Verdict.DISCARD, (0.99,), 1, HOSTILE, reason=HOSTILE),
        experiment(3, Verdict.CRASH, (crash,), 1, HOSTILE, reason=HOSTILE),
    ]
    made = study(tmp_path, experiments, program=f"# {HOSTILE}\n\nmore {HOSTILE}", artifacts=("a<b>.csv",))
    made.status.message = HOSTILE
    page = html_report(made)
    found = Words(page)
    assert not {"script", "img"} & {*found.tags}
    assert found.tags.count("style") == 1
    assert "<img src=x onerror=alert(1)>" in found.text
    assert "\u202e" not in page
    assert "\x00" not in page


def test_a_study_without_an_experiment(tmp_path):
    assert "No result: loss of the baseline is not known." in words(study(tmp_path, [], State.NEW))


def test_a_keep_that_is_as_good_as_the_baseline(tmp_path):
    experiments = [experiment(0, Verdict.BASELINE, (2.0, 2.0)), experiment(1, Verdict.KEEP, (2.0,), 0, "simpler")]
    text = words(study(tmp_path, experiments))
    assert "In the search, loss is 2 (experiment 1), and was 2 at the start.That is one run of the search" in text


def test_a_study_that_has_just_begun(tmp_path):
    text = words(study(tmp_path, [typical()[0]], State.RUNNING))
    assert "Nothing has beaten the baseline so far: loss is 2.000.No change was tried yet." in text


def test_nothing_was_kept(tmp_path):
    text = words(study(tmp_path, [typical()[0], experiment(1, Verdict.DISCARD, (3.0,), 0)]))
    assert "Nothing has beaten the baseline: loss is 2.000." in text
    assert "1 change was tried, and none was expected to be better." in text
    assert "Nothing was kept" in text


def test_only_failures(tmp_path):
    crash = run(None, outcome=Outcome.CRASH, error="E", traceback="T")
    made = study(
        tmp_path, [typical()[0], *(experiment(n, Verdict.CRASH, (crash,), 0, reason="E: no") for n in range(1, 4))]
    )
    text = words(made)
    assert "All 3 changes that were tried failed." in text
    assert "3 times" in text
    assert "Near misses" not in text


def test_a_baseline_that_failed(tmp_path):
    made = study(tmp_path, [experiment(0, Verdict.BASELINE, (run(None, outcome=Outcome.CRASH),))], State.FAILED)
    made.status.message = "The baseline crashed."
    text = words(made)
    assert "No experiment has a value" in text
    assert "The study ended with an error: The baseline crashed." in text


def test_a_running_study(tmp_path):
    text = words(study(tmp_path, state=State.RUNNING))
    assert "This report was made while the study was running" in text
    assert "In the search, loss fell from 2.000 to 0.980 (experiment 4)." in text
    assert "not yet measured again" in text


def test_a_result_that_chance_may_explain(tmp_path):
    text = words(study(tmp_path, headline=Headline(4, 1.99, 0.1, 2.01, 0.1, 3, 0.02, 0.2)))
    assert "loss is 1.99, against 2.01 at the start." in text
    assert "which chance may explain" in text


def test_higher_is_better(tmp_path):
    experiments = [experiment(0, Verdict.BASELINE, (0.5, 0.51)), experiment(1, Verdict.KEEP, (0.8,), 0)]
    text = words(
        study(
            tmp_path,
            experiments,
            metric="accuracy",
            minimize=False,
            headline=Headline(1, 0.79, 0.01, 0.5, 0.01, 2, 0.29, 0.03),
        )
    )
    assert "accuracy rose from 0.500 to 0.790, by 58%." in text
    assert "higher is better" in text


def test_tokens_and_cost_against_their_limits(tmp_path):
    experiments = typical()
    experiments[1] = replace(
        experiments[1], proposal=replace(experiments[1].proposal, usage=Usage(2, 900, 0, 0, 100, 4.0, 0.25))
    )
    text = words(study(tmp_path, experiments, max_tokens=5000, max_cost=2.0, minutes=3))
    assert "$0.25" in text
    assert "$2.00" in text
    assert "5,000" in text
    assert "180s" in text or "3m" in text


def test_several_files(tmp_path):
    old = join({"src/a.py": "N = 1\n", "b.json": '{"a": 1}\n'})
    new = join({"src/a.py": "N = 2\n", "b.json": '{"a": 1}\n'})
    experiments = [
        experiment(0, Verdict.BASELINE, (2.0, 2.0), target=old),
        experiment(1, Verdict.KEEP, (1.0,), 0, target=new),
    ]
    text = words(study(tmp_path, experiments))
    assert "src/a.py" in text
    assert "The best version, experiment 1 (2 files)" in text


@pytest.mark.slow
def test_ten_thousand_experiments_fit_into_three_megabytes(tmp_path, monkeypatch):
    chance, best, kept = Random(3), 5.0, 0
    experiments = [experiment(0, Verdict.BASELINE, (5.0, 5.1, 4.9))]
    for n in range(1, 10_001):
        value = best + chance.gauss(0.2, 0.15)
        if chance.random() < 0.02:
            experiments.append(
                experiment(n, Verdict.CRASH, (run(None, outcome=Outcome.CRASH, error="E: x"),), kept, reason="E: x")
            )
        elif value < best - 0.1 and chance.random() < 0.3:
            best, parent, kept = value, kept, n
            experiments.append(experiment(n, Verdict.KEEP, (value,), parent, "word " * 100))
        else:
            experiments.append(experiment(n, Verdict.DISCARD, (value,), kept, "word " * 100))
    made = study(tmp_path, experiments)
    made.status.believed._made = made.status.experiments, {}  # of ten thousand it has a benchmark of its own
    few = study(tmp_path, experiments[:200]).evals()
    monkeypatch.setattr(made, "evals", lambda: few)
    page = html_report(made)
    assert len(page.encode()) < 3_000_000
    found = Words(page)
    assert "10,000" in found.text
    assert "All 10,001 experiments are drawn" in found.text
    assert found.tags.count("tr") < 800
