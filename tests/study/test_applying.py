"""Which experiments can be applied, and what the commit on the user's branch says."""

from pathlib import Path

import pytest

from autoresearch_magic.config.program import Program
from autoresearch_magic.config.settings import Settings
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.headline import Headline
from autoresearch_magic.study.applying import applied_text, commit_message, not_applicable
from autoresearch_magic.study.definition import Definition
from autoresearch_magic.study.status import StudyStatus


def experiment(number, verdict, *values, parent=0, commit="abcdef0123456789", reason="Because."):
    runs = tuple(Measurement(Outcome.OK, v, seed=i) for i, v in enumerate(values))
    return Experiment(number, None if number == 0 else parent, Proposal("x", f"idea {number}"), verdict=verdict,
                      reason=reason, measurements=runs, commit=commit)  # fmt: skip


def study(*experiments, headline=None):
    definition = Definition(Program("", "Lower it"), "x", "", Settings(metric="ms", repeats=2))
    return StudyStatus("s", Path("s"), definition, experiments=experiments, headline=headline)


KEPT = (experiment(0, Verdict.BASELINE, 10.0, 10.2), experiment(1, Verdict.KEEP, 8.0), experiment(2, Verdict.KEEP, 7.0, parent=1))  # fmt: skip


def test_the_commit_says_the_confirmed_values_and_not_the_search_s():
    status = study(*KEPT, headline=Headline(2, 7.9, 0.2, 10.1, 0.2, 3, 2.2, 0.45))
    message = commit_message(status, KEPT[2])
    assert message.splitlines()[0] == "ms 10.10 -> 7.90"
    assert "- idea 1\n- idea 2\n" in message
    assert "Measured again 3 times beside the baseline: 2.20 better (22%; 95% interval 1.75 to 2.65)." in message
    assert message.rstrip().endswith("Metric: ms=7.9")


def test_where_chance_may_explain_it_the_commit_says_so():
    status = study(*KEPT, headline=Headline(2, 9.9, 0.2, 10.1, 0.2, 3, 0.2, 0.45))
    assert "0.20 better (2%), which chance may explain (95% interval 0.25 worse to 0.65 better)" in commit_message(
        status, KEPT[2]
    )


def test_values_of_the_search_are_named_as_such():
    status = study(*KEPT, headline=Headline(2, 7.9, 0.2, 10.1, 0.2, 3, 2.2, 0.45))
    message = commit_message(status, KEPT[1])  # not the one that was measured again
    assert "- idea 1 (8.00 in the search)" in message
    assert (
        "Its ms, 8.00, is the mean of 1 run in the search; it was not measured again, so chance may explain it."
        in message
    )
    assert "7.9" not in message
    assert "in the search" in applied_text(study(*KEPT), KEPT[2])


@pytest.mark.parametrize("verdict", [v for v in Verdict if v is not Verdict.BASELINE])
def test_only_what_has_a_value_that_counts_is_applied(verdict):
    e = experiment(1, verdict, 3.0, reason="It broke.")
    why = not_applicable(study(KEPT[0], e), e)
    if verdict in (Verdict.KEEP, Verdict.DISCARD):
        assert why == ""
    else:
        assert why == (
            f"Experiment 1 cannot be applied ({verdict}: It broke): choose one that was kept or discarded, or look at  "
            "git show abcdef0123"
        )


def test_neither_the_baseline_nor_what_has_no_commit_is_applied():
    assert not_applicable(study(*KEPT), KEPT[0]) == "Experiment 0 is the code as it was: there is nothing to apply."
    lost = experiment(1, Verdict.KEEP, 3.0, commit="")
    assert "has no commit" in not_applicable(study(KEPT[0], lost), lost)
