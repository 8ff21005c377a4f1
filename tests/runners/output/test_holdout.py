"""What --holdout may be."""

import pytest

from autoresearch_magic.config.effective import make_settings
from autoresearch_magic.errors import UserError

CELL = {"metric": "loss=evaluate(model)", "minimize": True}


def test_the_name_and_what_is_shown_of_it():
    settings = make_settings({**CELL, "holdout": " test_loss=evaluate(model, test) "})
    assert settings.holdout_name == "test_loss"
    assert "holdout test_loss=evaluate(model, test) at the end" in settings.describe()
    assert make_settings(CELL).holdout_name == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"holdout": "t=f(x) (higher is better)"}, "has the metric's direction: take that out"),
        ({"holdout": "t=re:test (.*)"}, "the target would decide it"),
        ({"holdout": "t=f(x"}, "--holdout 't=f\\(x': .* not a Python expression"),
        ({"holdout": "loss=f(x)"}, "has the name of the metric, 'loss'"),
        ({"holdout": "a=f(x)", "also": "a=g(x)"}, "has the name of one of --also, 'a'"),
        ({"sealed": "labels.py", "fresh": True}, "Take out --fresh, or the sealed code"),
        ({"holdout": "t=f(x)", "verify": "python a.py", "scope": "a.py", "metric": "loss"}, "--holdout is for a cell"),
        ({"sealed": "s.py", "verify": "python a.py", "scope": "a.py", "metric": "loss"}, "--sealed is for a cell"),
    ],
)
def test_what_can_never_work_is_one_line(options, words):
    with pytest.raises(UserError, match=words) as error:
        make_settings({**CELL, **options})
    assert "\n" not in str(error.value)
