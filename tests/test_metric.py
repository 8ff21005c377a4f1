import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.metric import Metric, parse_metric


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("val_bpb=evaluate(model)", ("val_bpb", "evaluate(model)", None)),
        ("loss", ("loss", "loss", None)),
        ("evaluate(model, n=3)", ("evaluate", "evaluate(model, n=3)", None)),
        ("accuracy = score(m) (higher is better)", ("accuracy", "score(m)", False)),
        ("val_loss (lower is better)", ("val_loss", "val_loss", True)),
        ("p95 (ms; lower is better)", ("p95", "p95", True)),
        ("ok = a == b", ("ok", "a == b", None)),
        ("model.loss.item()", ("model_loss_item", "model.loss.item()", None)),
    ],
)
def test_metrics_are_parsed(text, expected):
    assert parse_metric(text) == expected


@pytest.mark.parametrize("text", ["", "  ", "x=evaluate(", "a b c", "x="])
def test_invalid_metrics_are_refused_in_one_line(text):
    with pytest.raises(UserError) as caught:
        parse_metric(text)
    assert "\n" not in str(caught.value)
    assert "--metric" in str(caught.value)


@pytest.mark.parametrize("minimize", [True, False])
def test_gain_is_positive_for_better_in_either_direction(minimize):
    metric = Metric("m", "m", minimize)
    better, worse = (1.0, 2.0) if minimize else (2.0, 1.0)
    assert metric.gain(better, over=worse) == 1.0
    assert metric.gain(worse, over=better) == -1.0
    assert metric.gain(worse, over=worse) == 0.0


def test_values_are_formatted_with_six_digits():
    metric = Metric("m", "m")
    assert (metric.format(None), metric.format(2.0), metric.format(1 / 3)) == ("–", "2", "0.333333")
