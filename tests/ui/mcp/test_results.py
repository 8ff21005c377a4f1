"""The results have the fields of `ui.facts`, but for those that have no limit of size."""

from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.tasks import Task
from autoresearch_magic.ui import facts
from autoresearch_magic.ui.driving import begin_reply
from autoresearch_magic.ui.mcp import results
from autoresearch_magic.ui.session import Place
from autoresearch_magic.ui.verdict import verdict_facts

UNLIMITED = {"source"}
"""The whole target of every experiment: diffs and the resource of the current best have what a client needs of it."""
ANSWER = {"study", "running", "task", "error", "text"}
"""What is told of every piece of work, in `Work`."""
TWICE = {"repeats"}
"""The same as ``runs``."""


def test_the_fields_are_those_of_the_facts(night):
    study = open_study("night", night)
    e = study.experiment(1)
    row = facts.history_facts(study, [e])["experiments"][0]
    assert fields(results.Row) == set(row) - UNLIMITED - TWICE
    shown = facts.experiment_facts(study, e)
    assert fields(results.Experiment) == set(shown) - UNLIMITED - TWICE
    verdict = verdict_facts(study, e, Task(0, "try", 0), "")
    assert fields(results.Tried) | ANSWER == set(verdict) - UNLIMITED - TWICE
    assert fields(results.Begun) | ANSWER | {"briefing"} == set(begin_reply(study, Place.SHELL).data)
    assert fields(results.Study) == set(facts.status_facts(study))
    assert fields(results.Headline) == set(facts.plain(study.headline))
    assert fields(results.Usage) == set(facts.plain(study.status.usage))
    assert fields(results.Run) <= set(shown["measurements"][0])
    assert fields(results.Evals) - {"text"} <= set(facts.evals_facts(study))


def fields(model):
    return set(model.model_fields)
