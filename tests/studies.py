"""Small studies, an agent that follows a script, and waiting for what a study does."""

import time

from autoresearch_magic.agents import Agent
from autoresearch_magic.errors import NothingToPropose
from autoresearch_magic.events import State
from autoresearch_magic.experiment import Proposal

QUICK = "X = 3.0\nloss = (X - 1) ** 2\n"
SLOW = "X = 3.0\nimport time\ntime.sleep(0.4)\nloss = X\n"


class Script(Agent):
    """An agent that proposes what it was told to, in order."""

    def __init__(self, *targets):
        self.targets = list(targets)

    def propose(self, briefing):
        if not self.targets:
            raise NothingToPropose("The script is at its end.")
        return Proposal(self.targets.pop(0), f"step {briefing.number}", "why", "what", "script")


def finish(study, seconds=60):
    study.start()
    assert study.wait(seconds), study
    assert study.state != State.FAILED, study.status.message
    return study


def wait_for(condition, seconds=40.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
