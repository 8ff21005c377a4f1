"""A program of the tests: it runs a real study, and before each event goes on only when a line comes in.

The study has all that a journal can tell: a proposal that its guard refuses and that is reworked, a machine that changes (`level` is
added to every value), and a closing phase that takes keeps back.
"""

import os
import re
import sys
import threading
from pathlib import Path

from autoresearch_magic.agents import Agent
from autoresearch_magic.agents.registry import BUILT_IN
from autoresearch_magic.errors import NothingToPropose
from autoresearch_magic.events import Judged, RunProgress, State
from autoresearch_magic.experiment import Proposal, Usage
from autoresearch_magic.study import closing, drifting
from autoresearch_magic.study.study import Study

SIZES = [36, 5, 33, 60, 31, 70, 28, 25, 80, 90]
"""What is proposed in order; the guard refuses a size below 10, which then becomes 38."""


class Sizes(Agent):
    """Proposes `SIZES`."""

    reworks = True

    def __init__(self):
        self.sizes = [*SIZES]

    def propose(self, briefing):
        if not self.sizes and briefing.rework is None:
            raise NothingToPropose("All was tried.")
        size = 38 if briefing.rework is not None else self.sizes.pop(0)
        target = re.sub(r"SIZE = \d+", f"SIZE = {size}", briefing.incumbent.target)
        return Proposal(target, f"size {size}", "why", "", "sizes", Usage(calls=1, output=10, cost=0.25))


def main(repo, root):
    BUILT_IN["sizes"] = lambda order: Sizes()
    drifting.RECHECK = 4
    choose = closing.best_version

    def first_keep(belief, experiments, incumbent, failing):
        return 1 if experiments[1].kept else choose(belief, experiments, incumbent, failing)

    closing.best_version = first_keep
    told = threading.Lock()

    def wait_for_word(event):
        if isinstance(event, RunProgress):
            return
        if isinstance(event, Judged) and event.experiment.number == 5:
            (Path(repo) / "level.local").write_text("1000")
        with told:  # also the thread that reads requests publishes
            print(type(event).__name__, flush=True)
            sys.stdin.readline()

    study = Study(
        "# Make it small", metric="ms", minimize=True, scope="src/**", verify="python bench.py", guard="python check.py", agent="sizes",
        experiments=len(SIZES), repeats=3, repo=repo, root=root, name="night", prefetch=False, observers=[wait_for_word],
    )  # fmt: skip
    study.start()
    while study.active:
        study.wait(1)
    assert study.state == State.FINISHED, study.status.message
    with told:
        print("end", flush=True)
        os._exit(0)  # a thread may be reading the last line, which Python's own end does not survive


if __name__ == "__main__":
    main(*sys.argv[1:])
