"""Commit messages and names of references; `test_cell_repository` and `test_study_branch` show that git accepts them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.storage.git.commits import Commits, author_name, commit_message, safe_name

METRIC = Metric("val_bpb", "evaluate(model)")


def message(number: int = 1, value: float | None = 2.71, summary: str = "a change") -> str:
    measurement = Measurement(Outcome.OK if value is not None else Outcome.CRASH, value, seed=1)
    verdict = Verdict.BASELINE if number == 0 else Verdict.KEEP
    told = Experiment(number, None, Proposal("", summary), verdict=verdict, measurements=(measurement,))
    return commit_message(told, METRIC)


@pytest.mark.parametrize(("value", "written"), [(None, "none"), (float("nan"), "nan"), (float("inf"), "inf")])
def test_the_trailer_of_one_without_a_value(value, written):
    assert f"Metric: val_bpb={written}\n" in message(value=value)


def test_a_subject_is_never_empty():
    assert message(3, summary=" \n\t\0 ").startswith("experiment 3\n\n")
    assert message(0, summary="").startswith("baseline\n\n")


@given(st.text())
def test_any_study_name_is_safe_in_a_reference(name):
    safe = safe_name(name)
    assert safe
    parts = safe.split("/")
    assert len(parts) == 1
    assert ".." not in safe
    assert not safe.startswith((".", "-"))
    assert not safe.endswith((".", ".lock"))


def test_a_slug_is_its_own_name():
    assert safe_name("2026-11-24-val_bpb") == "2026-11-24-val_bpb"
    assert safe_name("a..b.lock") == "a.b-lock"


@pytest.mark.parametrize(
    ("agent", "author"),
    [("claude:m", "claude:m"), ("a <b@c>\nd", "a b@c d"), ("", "autoresearch"), (" . ", "autoresearch")],
)
def test_an_author_is_as_git_allows_it(agent, author):
    assert author_name(agent) == author


def test_names_of_branch_and_references():
    commits = Commits(Path(), "s")
    assert (commits.branch, commits.head) == ("autoresearch/s", "refs/heads/autoresearch/s")
    assert commits.references == "refs/autoresearch/s"
