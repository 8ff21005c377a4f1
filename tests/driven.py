"""A repository whose number varies by its seed alone, and twenty changes to it, to be tried from outside and by an agent inside."""

from autoresearch_magic.agents import Agent
from autoresearch_magic.errors import NothingToPropose
from autoresearch_magic.experiment import Proposal
from autoresearch_magic.source.files import join, split

FILES = {
    "src/app.py": "SIZE = 40\nDEPTH = 5\n\n\ndef cost():\n    return SIZE + DEPTH\n", "src/old.py": "UNUSED = 1\n",
    "bench.py": "import os, random, sys\nsys.path.insert(0, 'src')\nimport app\n"
                "print('ms:', app.cost() + random.Random(int(os.environ['AUTORESEARCH_SEED'])).gauss(0, 0.1))\n",
    "check.py": "import sys\nsys.path.insert(0, 'src')\nimport app\nif app.SIZE < 10:\n    sys.exit('SIZE is too small')\n",
    "program.md": "# Make it cheap\n\nMetric: ms\nDirection: lower\nScope: src/**\nVerify: python bench.py\nGuard: python check.py\n",
    ".gitignore": "__pycache__/\n",
}  # fmt: skip


def app(size, depth, more=""):
    """Return the file with the two numbers."""
    return FILES["src/app.py"].replace("40", str(size)).replace("DEPTH = 5", f"DEPTH = {depth}") + more


STEPS = (
    ("smaller", {"src/app.py": app(36, 5)}), ("larger", {"src/app.py": app(45, 5)}), ("flat", {"src/app.py": app(36, 1)}),
    ("tiny, against the guard", {"src/app.py": app(4, 1)}), ("does not run", {"src/app.py": app(30, 1, "1 / 0\n")}),
    ("smaller still, and a new file", {"src/app.py": app(33, 1), "src/new.py": "NEW = 1\n"}), ("deep", {"src/app.py": app(33, 9)}),
    ("is no Python", {"src/app.py": app(31, 1, "def\n")}), ("without what is unused", {"src/app.py": app(31, 1), "src/old.py": None}),
    ("the same again", {"src/app.py": app(36, 1), "src/new.py": None, "src/old.py": FILES["src/old.py"]}),
    ("24", {"src/app.py": app(24, 1)}), ("28", {"src/app.py": app(28, 1)}), ("sets a seed", {"src/app.py": app(20, 1, "import random\nrandom.seed(1)\n")}),
    ("21", {"src/app.py": app(21, 1)}), ("21 in other words", {"src/app.py": app(21, 1, "# shorter\n")}), ("17", {"src/app.py": app(17, 1)}),
    ("prints nothing", {"src/app.py": app(16, 1, "import sys\nsys.exit(0)\n")}), ("14", {"src/app.py": app(14, 1)}),
    ("12, and without the new file", {"src/app.py": app(12, 1), "src/new.py": None}), ("30", {"src/app.py": app(30, 1)}),
)  # fmt: skip
"""Summaries, and the files that are written on top of the best version so far; None deletes one."""


class Steps(Agent):
    """An agent that proposes steps, each on top of the best version so far."""

    name = "script"

    def __init__(self, steps=STEPS):
        self.steps = steps

    def propose(self, briefing):
        if briefing.number > len(self.steps):
            raise NothingToPropose("The script is at its end.")
        summary, files = self.steps[briefing.number - 1]
        contents = {**split(briefing.incumbent.target), **files}
        target = join({path: content for path, content in contents.items() if content is not None})
        return Proposal(target, summary, agent="script")


def judged(study):
    """Return what must be equal however the versions were given: verdicts, what they were compared with, and each first run."""
    return [
        (e.number, e.parent, str(e.verdict), e.fingerprint, [(m.outcome, m.seed, m.value) for m in e.measurements[:1]])
        for e in study.experiments
    ]
