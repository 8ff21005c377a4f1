"""Progress where there is no terminal, and waiting through pauses."""

import os
import subprocess
import sys
import threading

import pytest

from autoresearch_magic.events import State
from autoresearch_magic.ui.progress_bar import ProgressLines, TerminalBar, follow, terminal_bar

from ..command_line import shell
from ..studies import SLOW, wait_for


def test_a_log_gets_a_line_now_and_then(capsys, monkeypatch):
    assert isinstance(terminal_bar(), ProgressLines), "captured output is no terminal"
    bar = ProgressLines()
    for n in range(50):
        bar.show(n / 100, f"{n} of 100")
    assert capsys.readouterr().err == "  0%  0 of 100\n"
    monkeypatch.setattr(ProgressLines, "EVERY", 0.0)
    bar._next = 0.0
    bar.show(0.5, "half")
    bar.show(0.5, "half")
    bar.show(1.0, "done")
    bar.close("result 3")
    out, err = capsys.readouterr()
    assert (out, err) == ("", " 50%  half\n100%  done\nresult 3\n")


def test_a_shell_is_told_commands_as_it_types_them_and_ipython_as_magics(capsys):
    for words, said in ((), "autoresearch resume a"), ((str,), "%autoresearch resume a"):
        ProgressLines(*words).show(0.5, "no room: make some, then %autoresearch resume a")
        assert capsys.readouterr().err == f" 50%  no room: make some, then {said}\n"


def test_a_terminal_gets_a_bar(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert isinstance(terminal_bar("x"), TerminalBar)


@pytest.mark.slow
def test_following_to_the_end_waits_through_a_pause(make_study):
    study = make_study(SLOW, experiments=3, repeats=1).start()
    wait_for(lambda: study.experiments)
    study.pause()
    wait_for(lambda: study.state == State.PAUSED)
    assert follow(study, ProgressLines()) is True
    assert follow(study, ProgressLines(), 0.2, to_end=True) is False
    threading.Timer(0.3, study.resume).start()
    assert follow(study, ProgressLines(), 60, to_end=True) is True
    assert study.state == State.FINISHED


@pytest.mark.slow
def test_a_run_in_a_shell_is_paused_and_goes_on_from_another(tmp_path):
    (tmp_path / "program.md").write_text(
        "---\nmetric: loss\nminimize: true\nexperiments: 5000\nrepeats: 1\n---\n# Lower it\n"
    )
    (tmp_path / "train.py").write_text("X = 3.0\nimport time\ntime.sleep(0.4)\nloss = (X - 1) ** 2\n")
    line = [sys.executable, "-m", "autoresearch_magic"]
    with subprocess.Popen(
        [*line, "run", "program.md", "--target", "train.py", "--name", "a"], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=os.environ.copy(),
    ) as run:  # fmt: skip

        def other(*words):
            return shell(tmp_path, *words)

        wait_for(lambda: other("history", "a").returncode == 0 and "baseline" in other("history", "a").stdout)
        assert other("pause").returncode == 0
        wait_for(lambda: "paused in process" in other("status").stdout)
        assert run.poll() is None, "the shell that runs it waits through the pause"
        assert other("resume").returncode == 0
        waited = other("wait", "--timeout", "1s")
        assert waited.returncode == 6, "it runs on"
        assert f"Still running: a (running in process {run.pid}" in waited.stdout  # on a slow machine a notice follows
        assert "a is stopped" in other("stop").stdout
        out, err = run.communicate(timeout=60)
    assert run.returncode in (0, 3), err
    assert "/5,000 experiments" in err
    assert "baseline" in out
