import pytest

from autoresearch_magic.budget import Budget
from autoresearch_magic.errors import UserError
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.stage import parse_stages

LOSS, FULL = Metric("loss", ""), Budget(20.0, "seconds")


def cell(*texts, budget=FULL):
    return parse_stages(texts, LOSS, budget, verified=False)


def command(*texts):
    return parse_stages(texts, LOSS, FULL, verified=True)


def test_a_stage_of_a_cell_is_a_shorter_budget_and_several_come_in_order():
    first, second = cell("2s", "5s")
    assert (first.budget, second.budget) == (Budget(2.0, "seconds"), Budget(5.0, "seconds"))
    assert first.metric is LOSS
    assert str(cell("50steps", budget=Budget(300, "steps"))[0]) == "50steps"


def test_a_stage_of_a_repository_is_a_command_with_the_studys_metric_or_its_own():
    [plain] = command("FAST=1 python quick.py")
    assert (plain.command, plain.metric, plain.budget) == ("FAST=1 python quick.py", LOSS, None)
    [own] = command("python quick.py => score (higher is better)")
    assert (own.command, own.metric.name, own.metric.minimize) == ("python quick.py", "score", False)
    [same] = command("python quick.py => score")
    assert same.metric.minimize is LOSS.minimize, "the same direction unless said"


@pytest.mark.parametrize(
    ("texts", "words"),
    [(["20s"], "must be less"), (["30s"], "must be less"), (["10steps"], "in the same unit"), (["python quick.py"], "is no budget"),
     (["5s", "2s"], "the cheaper one first"), (["2s", "2s"], "twice"), (["1s", "2s", "3s", "4s", "5s"], "4 stages at most")],
)  # fmt: skip
def test_stages_of_a_cell_that_cannot_work_are_refused(texts, words):
    with pytest.raises(UserError, match=words):
        cell(*texts)


@pytest.mark.parametrize(
    ("text", "words"),
    [("5s", "a command ends by itself"), ("=> x", "takes a command"), ("python q.py =>", "takes a command")],
)
def test_stages_of_a_repository_that_cannot_work_are_refused(text, words):
    with pytest.raises(UserError, match=words):
        command(text)
