"""A study in processes of its own, which are killed; and what must be true of it afterwards."""

import ast
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress

import psutil

from autoresearch_magic.experiment import Verdict
from autoresearch_magic.storage.journal import SEARCH, Journal

from . import kernel

AGENT = """#!/bin/sh
# A model that answers at once: a target with a constant of its own.
cat > /dev/null
sleep 0.0$(( $(date +%N | cut -c1-1) + 1 ))
x=2.$(date +%N | cut -c1-6)
printf '<summary>%s</summary>\\n<hypothesis>h</hypothesis>\\n```python\\n' "$x"
printf 'X = %s\\nimport time\\ntime.sleep(0.03)\\nloss = (X - 1) ** 2\\n```\\n' "$x"
"""


class Scene:
    """One study after another below a folder, each of `length` experiments, by turns with an agent in the process and one in a program.

    Two of four run three experiments at once.
    """

    def __init__(self, place, length=60, seed=0):
        self.place, self.length, self.random = place, length, random.Random(seed)
        self.killed = Counter()
        self.studies = self.judged = 0
        self.pid = None
        self.agent = place / "autoresearch-chaos-agent.sh"
        self.agent.write_text(AGENT)
        self.agent.chmod(0o755)
        self.starter = subprocess.Popen(
            [sys.executable, "-m", kernel.__name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.begin_another()

    # -- processes ------------------------------------------------------------------------------------------------

    def begin_another(self):
        self.studies += 1
        self.root = self.place / f"study-{self.studies}"
        self.root.mkdir()
        self.programs = self.studies % 2 == 0
        self.workers = 3 if self.studies % 4 < 2 else 1

    def start(self):
        """Go on with the study in a new process; return its id."""
        (self.root / "status").unlink(missing_ok=True)
        agent = f"command:{self.agent}" if self.programs else "steps"
        self.starter.stdin.write(f"{self.root}\t{agent}\t{self.length}\t{self.workers}\n")
        self.starter.stdin.flush()
        self.pid = int(self.starter.stdout.readline())
        return self.pid

    @property
    def lives(self):
        try:
            return psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    @property
    def below(self):
        """The living processes of the study, the kernel first."""
        with suppress(psutil.NoSuchProcess):
            kernel_process = psutil.Process(self.pid)
            return [kernel_process, *kernel_process.children(recursive=True)]
        return []

    def find(self, victim):
        """Return a process of a kind, or None where there is none at this moment."""
        if victim == "kernel":
            return psutil.Process(self.pid) if self.lives else None
        found = []
        for process in self.below[1:]:
            with suppress(psutil.Error):
                line, name = process.cmdline(), process.name()
                is_worker = "autoresearch_magic.runners.worker.server" in line
                match victim:
                    case "worker" if is_worker and process.ppid() == self.pid:
                        found.append(process)
                    case "experiment" if is_worker and process.ppid() != self.pid:
                        found.append(process)
                    case "git" if name.startswith("git"):
                        found.append(process)
                    case "agent" if any(self.agent.name in word for word in line):
                        found.append(process)
        return self.random.choice(found) if found else None

    def kill(self, victim, seconds=10.0):
        """Kill a process of a kind at a random moment; return whether there was one."""
        time.sleep(self.random.random() ** 2 * 0.6)
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.lives:
            if (process := self.find(victim)) is not None:
                time.sleep(self.random.random() * 0.03)
                with suppress(psutil.NoSuchProcess):
                    process.kill()
                    self.killed[victim] += 1
                    return True
        return False

    def gone(self, processes, seconds=10.0):
        """Wait until processes have ended; return the command lines of those that have not."""
        _, alive = psutil.wait_procs(processes, timeout=seconds)
        return [each.cmdline() for each in alive if each.status() != psutil.STATUS_ZOMBIE]

    def stop(self):
        """Let the study stop as its user would; return what is left of its processes."""
        processes = self.below
        with suppress(psutil.NoSuchProcess):
            psutil.Process(self.pid).send_signal(signal.SIGTERM)
        return self.gone(processes, 30)

    def close(self):
        for process in self.below:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.starter.stdin.close()
        self.starter.wait(10)
        self.starter.stdout.close()

    # -- the record -------------------------------------------------------------------------------------------------

    @property
    def folder(self):
        return self.root / kernel.NAME

    def count(self):
        """Return how many experiments are judged."""
        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(f"{(self.folder / 'journal.sqlite').as_uri()}?mode=ro", uri=True)) as c,
        ):
            return c.execute("SELECT count(*) FROM experiment WHERE verdict IS NOT NULL").fetchone()[0]
        return 0

    def wait_judged(self, more, seconds=60.0):
        """Wait until so many more are judged, or the study has ended by itself."""
        wanted, end = self.count() + more, time.monotonic() + seconds
        while self.count() < wanted and self.lives:
            assert time.monotonic() < end, f"nothing happens any more: {self.told()}"
            time.sleep(0.01)

    def told(self):
        with suppress(OSError):
            return (self.root / "told").read_text()[-3000:]
        return ""

    def ended(self):
        """Return whether the study was at its end when its process ended."""
        return self.told().rstrip().rpartition("\n")[2].startswith("finished")

    def wrong(self, *, settled):
        """Return what is wrong with the record, a line each.

        Parameters
        ----------
        settled : bool
            Whether the study was stopped, so that git and results.tsv must have all that the journal has.
        """
        path = self.folder / "journal.sqlite"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path)) as connection:
            found = [f"integrity: {row[0]}" for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
            found += [f"foreign key: {row}" for row in connection.execute("PRAGMA foreign_key_check")]
            mode = connection.execute("SELECT count(*) FROM meta WHERE key = 'definition'").fetchone()[0]
        if not mode:
            return found
        with Journal(path) as journal:
            experiments, runs = journal.experiments(), journal.runs()
            found += [f"chain: {each.text}" for each in journal.findings()]
        if [e.number for e in experiments] != [*range(len(experiments))]:
            found.append(f"numbers: {[e.number for e in experiments]}")
        unjudged = [e.number for e in experiments if e.verdict is None]
        if len(unjudged) > self.workers or unjudged != [*range(len(experiments) - len(unjudged), len(experiments))]:
            found.append(f"open, and not the last: {unjudged} of {len(experiments)}")
        found += [
            f"{e.number}: {e.verdict}: {e.reason}"
            for e in experiments
            if e.verdict in (Verdict.CRASH, Verdict.METRIC_ERROR)
        ]
        judged = [e for e in experiments if e.verdict is not None]
        found += [
            f"{e.number} has no run"
            for e in judged
            if e.verdict not in (Verdict.REJECTED, Verdict.DUPLICATE) and not e.measurements
        ]
        twice = Counter((run.experiment, run.measurement.seed) for run in runs if run.kind in SEARCH)
        found += [f"run twice: {key}" for key, count in twice.items() if count > 1]
        finals = Counter((run.experiment, run.measurement.seed) for run in runs if run.kind == "final")
        found += [f"final run twice: {key}" for key, count in finals.items() if count > 1]
        for run in runs:
            x = ast.literal_eval(experiments[run.experiment].target.partition("\n")[0].removeprefix("X = "))
            if not run.measurement.ok or abs((run.measurement.value or 0) - (x - 1) ** 2) > 1e-12:
                found.append(
                    f"a run of {run.experiment}: {run.measurement.outcome} {run.measurement.value}: {run.measurement.error}"
                )
        return found + self.disagree(judged, settled=settled)

    def disagree(self, judged, *, settled):
        """Return where git and results.tsv are not what the journal says."""
        found = []
        refs = self.git(
            "for-each-ref", "--format=%(refname:lstrip=3) %(objectname)", f"refs/autoresearch/{kernel.NAME}"
        ).splitlines()
        commits = {int(number): sha for number, sha in (line.split() for line in refs)}
        rows = (
            (self.folder / "results.tsv").read_text().splitlines()[1:] if (self.folder / "results.tsv").exists() else []
        )
        wanted = {e.number: e for e in judged}
        if settled and (sorted(commits), len(rows)) != (sorted(wanted), len(wanted)):
            found.append(f"git has {sorted(commits)}, results.tsv {len(rows)} rows, the journal {sorted(wanted)}")
        if surplus := set(commits) - set(wanted):
            found.append(f"git has {surplus}, which the journal has not judged")
        for number, sha in commits.items():
            e = wanted.get(number)
            text = self.git("cat-file", "commit", sha)
            if e is not None and (
                f"Experiment: {number}\n" not in text
                or (settled and (e.commit != sha or f"Verdict: {e.verdict}\n" not in text))
            ):
                found.append(f"commit {sha} of {number} ({e.verdict}, {e.commit}): {text}")
        if settled and commits:
            found += [
                f"git fsck: {line}" for line in self.git("fsck", "--no-dangling").splitlines() if "notice" not in line
            ]
            for row, e in zip(rows, judged, strict=False):
                if e.commit[:7] not in row:
                    found.append(f"results.tsv: {row!r} is not {e.number} at {e.commit}")
            best = [e for e in judged if e.kept][-1]
            if (head := self.git("rev-parse", f"refs/heads/autoresearch/{kernel.NAME}").strip()) != best.commit:
                found.append(f"the branch is at {head}, the best, {best.number}, at {best.commit}")
        return found

    def git(self, *arguments):
        repository = self.folder / "repo"
        if not (repository / ".git").exists():
            return ""
        done = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, text=True)
        return done.stdout + (done.stderr if done.returncode else "")

    def forget(self):
        """Delete a study that was looked at."""
        shutil.rmtree(self.root)
