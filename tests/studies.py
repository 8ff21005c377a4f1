"""Small studies, an agent that follows a script, a shell that runs a study, and waiting for what a study does."""

import subprocess
import sys
import time

from autoresearch_magic.agents import Agent
from autoresearch_magic.errors import NothingToPropose, UserError
from autoresearch_magic.events import State
from autoresearch_magic.experiment import Proposal
from autoresearch_magic.storage.journal import Journal

QUICK = "X = 3.0\nloss = (X - 1) ** 2\n"
SLOW = "X = 3.0\nimport time\ntime.sleep(0.4)\nloss = X\n"
CURVED = """X = 3.0
import time
from autoresearch_magic import clock, report
for step in clock:
    time.sleep(0.02)
    report(step=step, loss=10.0 / (1 + step))
loss = (X - 1) ** 2
"""


class Terminal:
    """Runs the study `night` by the command line in a folder, in processes of its own, as somebody else would in a terminal."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        (folder / "program.md").write_text(
            "---\nmetric: loss\nminimize: true\nrepeats: 1\nbudget: 0.7s\n---\n# Lower it\n"
        )
        (folder / "train.py").write_text(CURVED)

    def __call__(self, command, *words):
        """Begin a command in the background, and wait until its study can be opened; return the process."""
        named = ["program.md", "--target", "train.py", "--name", "night"] if command == "run" else ["night"]
        line = [sys.executable, "-m", "autoresearch_magic", command, *named, *words]
        with (self.folder / "shell.log").open("a") as log:
            self.processes.append(subprocess.Popen(line, cwd=self.folder, stdout=log, stderr=log))
        wait_for(self.begun)
        return self.processes[-1]

    def begun(self):
        try:
            with Journal(self.folder / ".autoresearch" / "night" / "journal.sqlite") as journal:
                return journal.get("definition") is not None
        except UserError:
            return False

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()


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


NOISY = """\
import random
X, Y = 3.0, 2.0
loss = (X - 1) ** 2 + Y + random.gauss(0, 0.05)
"""


def noisy(x=3.0, y=2.0, more=""):
    """Return a version of `NOISY`, whose values depend on its seed alone."""
    return NOISY.replace("3.0, 2.0", f"{x}, {y}") + more


PROPOSALS = (
    noisy(2.5), noisy(2.52), noisy(2.5, 1.97), noisy(2.5), noisy(2.5, 1.5), noisy(2.5, 1.5, "1 / 0\n"), noisy(2.5, 1.49),
    noisy(2.2, 1.5), noisy(2.2, 1.46), noisy(2.2, 1.5, "import random; random.seed(3)\n"), noisy(2.15, 1.5), noisy(2.1, 1.48),
    noisy(4.0, 1.5), noisy(2.1, 1.44), noisy(2.05, 1.44), noisy(1.0, 1.44), noisy(1.02, 1.44), noisy(1.0, 1.43), noisy(1.0, 1.3),
    noisy(1.01, 1.31, "x ="),
)  # fmt: skip
"""Twenty proposals one after another: gains, losses, near ones, a duplicate, crashes, and one that sets a seed."""
