"""What a terminal IPython prints of a running study."""

from autoresearch_magic.events import Notice, State, StateChanged
from autoresearch_magic.ui.jupyter.announcer import Announcer


def test_ends_and_waits_are_told_once(capsys):
    announcer = Announcer()
    for event in (
        StateChanged(State.RUNNING),
        StateChanged(State.ELSEWHERE, "running in process 7"),
        StateChanged(State.WAITING, "The model is at its limit."),
        StateChanged(State.WAITING),
        Notice("A plateau."),
        StateChanged(State.STOPPED, "The key is refused."),
    ):
        announcer(event)
    announcer.flush()
    announcer.flush()
    assert capsys.readouterr().out.splitlines() == [
        "[autoresearch] The model is at its limit.",
        "[autoresearch] A plateau.",
        "[autoresearch] stopped: The key is refused.",
    ]
