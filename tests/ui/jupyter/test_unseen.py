"""A study that runs while no page shows its panel is told of, once."""

from types import SimpleNamespace

import pytest

from autoresearch_magic.events import State, StateChanged
from autoresearch_magic.ui.jupyter import panel as panel_module
from autoresearch_magic.ui.jupyter import unseen
from autoresearch_magic.ui.jupyter.panel import Panel
from autoresearch_magic.ui.jupyter.unseen import UNHEARD, Unseen


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test turns."""
    now = [1000.0]
    turned = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(unseen, "time", turned)
    monkeypatch.setattr(panel_module, "time", turned)
    return now


def test_it_is_told_once_and_not_while_a_panel_asks(make_study, clock):
    study, told = make_study(experiments=24), Unseen()
    panel = Panel(study)
    study.status.take(StateChanged(State.RUNNING))
    clock[0] += 60
    assert told.line("status") == "", "no page has ever shown it: perhaps none can"
    panel._on_message(panel, {"type": "pull"}, [])
    clock[0] += 2
    assert told.line("status") == ""
    clock[0] += UNHEARD
    assert told.line("watch") == told.line("status --json") == ""
    assert (
        told.line("status")
        == told.line()
        == f"{study.name} still runs (experiment 0 of 24):  %autoresearch watch  shows its panel."
    )
    assert told.line("status") == ""
    panel._on_message(panel, {"type": "pull"}, [])
    clock[0] += 60
    told.cell_ended()  # a long cell, in which the panel could not ask
    assert told.line("status") == ""
    clock[0] += UNHEARD + 1
    study.status.take(StateChanged(State.PAUSED))
    assert "is still paused" in told.line("status")
    panel._on_message(panel, {"type": "pull"}, [])
    clock[0] += 60
    study.status.take(StateChanged(State.STOPPED))
    assert told.line("status") == ""
