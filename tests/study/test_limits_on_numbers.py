"""``--limit`` in a study: what is not kept, what is refused at the baseline, and what is told."""

import pytest

from autoresearch_magic.events import Notice, State
from autoresearch_magic.study.briefing import make_briefing

from ..studies import finish

TARGET = "X, SIZE = 3.0, 4.0\nloss = (X - 1) ** 2\nprint(f'size: {SIZE}')\n"


def version(x, size):
    return TARGET.replace("3.0, 4.0", f"{x}, {size}")


@pytest.mark.slow
def test_a_version_beyond_a_limit_is_discarded_with_its_reason_and_the_result_is_within(make_study, script):
    script(version(2.5, 9.0), version(2.6, 7.0), version(1.0, 8.0))
    study = finish(make_study(TARGET, agent="script", experiments=3, limit="size<8"))
    assert [str(e.verdict) for e in study.experiments] == ["baseline", "discard", "keep", "discard"]
    assert study.experiment(1).reason.startswith("size 9 is over the limit 8. By the metric: ")
    assert study.incumbent.number == 2
    assert make_briefing(study.definition, study.experiments, notes=()).limits == ("size<8",)


@pytest.mark.slow
def test_a_study_that_begins_beyond_a_limit_says_so_and_gets_within(make_study, script):
    script(version(4.0, 3.9), version(9.0, 2.0), version(5.0, 2.5), version(2.0, 1.0))
    study, said = make_study(TARGET, agent="script", experiments=4, limit="size<3"), []
    study.observe(lambda event: said.append(event.message) if isinstance(event, Notice) else None)
    finish(study)
    # The second is hardly nearer, and worse; the third is within; then the metric decides again.
    assert [str(e.verdict) for e in study.experiments] == ["baseline", "discard", "keep", "keep", "keep"]
    assert study.experiment(2).reason.startswith(
        "Within the limits, as the baseline is not: size 2 is within the limit < 3."
    )
    assert any(
        line.startswith("The baseline is not within the limits: size 4 is over the limit 3 (mean of 2 runs).")
        for line in said
    )


def test_a_name_that_no_run_has_ends_the_study_at_its_first_run(make_study, script):
    script(version(1.0, 1.0))
    study = make_study(TARGET, agent="script", experiments=2, limit="sise<3")
    study.start()
    assert study.wait(60)
    assert study.state == State.FAILED
    assert "the baseline has no number 'sise'. There are: " in study.status.message
    assert "size. --also NAME=EXPRESSION measures another one." in study.status.message
    assert len(study.status.runs) == 1
