"""What a shell has asked of a driven study, as another process reads it from the journal."""

import os
import subprocess
import sys

from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.tasks import begin_task, end_task, last_task


def test_the_last_task_and_how_it_ended(tmp_path):
    with Journal(tmp_path / "journal.sqlite", create=True) as journal:
        assert last_task(journal) is None
        first = begin_task(journal, "begin")
        end_task(journal, first)
        number = begin_task(journal, "try", "faster", ["notes.txt"])
        task = last_task(journal)
        assert (task.what, task.summary, task.pid, task.ended, task.scratch) == (
            "try",
            "faster",
            os.getpid(),
            False,
            ("notes.txt",),
        )
        assert task.alive
        end_task(journal, number, experiment=3, first=[2], reverted=["a.py"])
        ended = last_task(journal)
        assert (ended.ended, ended.experiment, ended.first, ended.reverted, ended.error) == (
            True,
            3,
            (2,),
            ("a.py",),
            "",
        )


def test_a_process_that_is_gone(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with Journal(tmp_path / "journal.sqlite", create=True) as journal:
        journal.note("task", what="finish", pid=gone.pid, summary="", scratch=[])
        assert not last_task(journal).alive
