"""The processes that tests kill: run as a script, this one starts a process for each line that it reads, which goes on with a study.

It imports everything once, so that a new process costs milliseconds. Each line is a folder, an agent, a number of experiments and one of workers, with
tabs between; it answers with the new process's id. SIGTERM stops a study as its user would. A study that is at its end ends its process
with status 0, one that cannot go on with status 3, after its message was appended to `told` beside the studies.
"""

import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

from autoresearch_magic.agents import Agent
from autoresearch_magic.agents.registry import BUILT_IN
from autoresearch_magic.errors import UserError
from autoresearch_magic.events import Notice
from autoresearch_magic.experiment import Proposal
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.study import Study

NAME = "chaos"
TARGET = "X = 3.0\nimport time\ntime.sleep(0.03)\nloss = (X - 1) ** 2\n"


class Steps(Agent):
    """Goes down in small steps, and back by every third one."""

    def __init__(self):
        pass

    def propose(self, briefing):
        n = briefing.number
        x = 3.0 - 0.004 * n + (0.5 if n % 3 == 0 else 0.0)
        return Proposal(TARGET.replace("3.0", f"{x:.4f}"), f"step {n}", "why", "what", "steps")


def go_on(root, agent, experiments, workers):
    """Go on with the study in a folder, or begin it; return the exit status."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    BUILT_IN["steps"] = lambda order: Steps()
    told = root / "told"

    def observe(event):
        if isinstance(event, Notice):
            with told.open("a") as file:
                file.write(f"notice: {event.message}\n")

    try:
        try:
            study = open_study(NAME, root).resume(experiments=experiments)
        except UserError as error:
            if (root / NAME / "journal.sqlite").exists() and "has not begun" not in str(error):
                raise
            shutil.rmtree(root / NAME, ignore_errors=True)
            study = Study(
                "Lower it", TARGET, "import os", root=root, name=NAME, metric="loss", minimize=True, budget="5s", repeats=1,
                experiments=experiments, agent=agent, patience=9999, workers=workers,
            ).start()  # fmt: skip
        study.observe(observe)
        while study.active and not stop.is_set():
            time.sleep(0.005)
        if stop.is_set():
            study.stop()
        state, message = study.state, study.status.message
    except UserError as error:
        state, message = "refused", str(error)
    with told.open("a") as file:
        file.write(f"{state}: {message}\n")
    return 3 if state in ("failed", "refused") else 0


def main():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them here: the tests look whether they live
    for line in sys.stdin:
        root, agent, experiments, workers = line.rstrip("\n").split("\t")
        if pid := os.fork():
            print(pid, flush=True)
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        log = os.open(f"{root}/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for target, source in ((0, null), (1, log), (2, log)):
            os.dup2(source, target)
        status = 9
        try:
            os.chdir(root)
            status = go_on(Path(root), agent, int(experiments), int(workers))
        finally:
            Path(root, "status").write_text(str(status))
            os._exit(status)


if __name__ == "__main__":
    main()
