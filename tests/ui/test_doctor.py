"""The doctor's checks against real parts, on a working machine and on broken ones."""

import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.budget import Budget
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.cell import CellRunner
from autoresearch_magic.runners.worker.client import SERVER
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.ui.cli import main
from autoresearch_magic.ui.doctor import machine, packages, studies
from autoresearch_magic.ui.doctor.check import Check
from autoresearch_magic.ui.doctor.examine import examine
from autoresearch_magic.ui.doctor.packages import PACKAGES_SCRIPT, TORCH_SCRIPT, Probe
from autoresearch_magic.ui.replies import checks_reply

NAMES = ["python", "cores", "git", "folder", "disk", "sockets", "worker", "walls", "studies", "strays", "notebook", "torch",
         "claude", "openai", "command", "trackers"]  # fmt: skip
KEY = "sk-Xq7mVb2LwP9z"


def run_probe(script):
    probe = Probe(script)
    try:
        return probe.answer()
    finally:
        probe.close()


def only(checks, name):
    return next(check for check in checks if check.name == name)


@pytest.fixture
def no_programs(tmp_path, monkeypatch):
    """A PATH with nothing on it."""
    (tmp_path / "nothing").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


# -- all checks -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_magic_and_command_line_agree_and_show_no_key(start_kernel, tmp_path):
    keys = {"ANTHROPIC_API_KEY": KEY, "OPENAI_API_KEY": KEY}
    kernel = start_kernel(**keys)
    kernel.run("%load_ext autoresearch_magic")
    answer = kernel.run("%autoresearch doctor")
    assert answer.status == "ok", answer
    shown = answer.displays[-1]
    code = (
        "import sys; from autoresearch_magic.ui import cli; code = cli.main(['doctor'])\n"
        "print([m for m in ('torch', 'anthropic', 'openai', 'anywidget') if m in sys.modules])\nsys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env={**os.environ, **keys}
    )
    *printed, imported = done.stdout.splitlines()
    assert done.returncode == 0, done
    assert imported == "[]", "packages must be imported in other processes only"
    assert _lines("\n".join(printed)) == _lines(shown["text/plain"].replace("in a notebook", "not in a notebook"))
    assert [line.split()[1] for line in _lines("\n".join(printed))] == [n for n in NAMES if n not in CHANGING]
    assert shown["text/markdown"].count("a key is set") == 2
    everything = done.stdout + done.stderr + repr(answer)
    assert not [n for n in range(len(KEY) - 3) if KEY[n : n + 4] in everything]
    assert not list(tmp_path.glob(".*")), "nothing is left behind"


CHANGING = ("cores", "strays")
"""Checks of the load, and of workers that other tests may have running or killed."""


def _lines(text):
    """Return the lines of the checks without numbers and without what other programs on the machine change."""
    lines = [re.sub(r"\d+", "N", line) for line in text.splitlines() if line[:4] in ("ok  ", "warn", "bad ")]
    return [line for line in lines if line.split()[1] not in CHANGING]


@pytest.mark.slow
def test_a_failed_check_is_exit_code_1_and_has_a_remedy(tmp_path, monkeypatch, capsys, no_programs):
    monkeypatch.chdir(tmp_path)
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert re.search(r"^bad +git +git was not found\n +-> install it \(.*apt install git", out, re.MULTILINE)
    assert re.search(r"^ok +worker ", out, re.MULTILINE), "the other checks still run"
    assert "1 bad" in out.splitlines()[-1]


@pytest.mark.slow
def test_exceptions_become_failed_checks(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "away"))
    shown = []
    checks = examine(tmp_path / "studies", lambda share, what: shown.append((share, what)))
    assert [check.name for check in checks] == [what for _, what in shown[:-1]] == NAMES
    assert shown[-1] == (1.0, "done"), "the bar ends at 100%"
    assert all(0 <= share < 1 for share, _ in shown[:-1])
    assert {check.name for check in checks if check.state == "bad"} == {"git", "sockets", "worker"}
    for check in checks:
        assert check.remedy or check.state == "ok", check
        assert "\n" not in check.found + check.remedy
    assert only(checks, "worker").found.startswith("FileNotFoundError: ")


def test_help(capsys):
    assert main(["doctor", "-h"]) == 0
    assert "usage:" in capsys.readouterr().out
    assert main(["-h"]) == 0
    assert "  doctor  " in capsys.readouterr().out


@given(st.lists(st.builds(Check, st.sampled_from(NAMES), st.sampled_from(["ok", "warn", "bad"]),
                          st.text("a|`*\\ ", min_size=1), st.text("b|`*\\ ")), min_size=1))  # fmt: skip
def test_the_table_has_a_row_per_check_and_aligned_columns(checks):
    reply = checks_reply(checks)
    assert bool(reply.exit_code) == any(check.state == "bad" for check in checks)
    rows = reply.markdown.split("\n\n")[0].splitlines()
    assert len(rows) == 2 + len(checks)
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows} == {5}
    width = max(len(check.name) for check in checks)
    lines = [line for line in reply.text.splitlines()[:-2] if not line.startswith(" ")]
    assert [line[width + 8 :] for line in lines] == [check.found for check in checks]


# -- the machine -----------------------------------------------------------------------------------------------------------


def test_windows_is_sent_to_wsl(monkeypatch):
    assert machine.check_python().state == "ok"
    monkeypatch.setattr("platform.system", lambda: "Windows")
    assert (machine.check_python().state, "WSL" in machine.check_python().remedy) == ("bad", True)


@pytest.mark.slow
def test_the_doctor_runs_without_unix_modules():
    code = (
        "import os, platform, sys\n"
        "for name in ('resource', 'pwd', 'grp', 'termios'): sys.modules[name] = None\n"
        "from autoresearch_magic.ui import cli, replies\n"
        "from autoresearch_magic.ui.doctor import machine\n"
        "platform.system = lambda: 'Windows'\n"
        "print(replies.checks_reply([machine.check_python()]).text)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith("bad   python  "), done.stderr
    assert "WSL" in done.stdout


@pytest.mark.parametrize(("load", "state"), [(0.0, "ok"), (10_000.0, "warn")])
def test_a_load_above_the_cores_is_a_warning(monkeypatch, load, state):
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load))
    assert machine.check_cores().state == state


def test_an_old_git_is_a_warning(tmp_path, monkeypatch):
    assert machine.check_git().state == "ok"
    real = subprocess.run(["sh", "-c", "command -v git"], capture_output=True, text=True, check=True).stdout.strip()
    old = tmp_path / "git"
    old.write_text(
        f'#!/bin/sh\ncase " $* " in *" --version "*) echo git version 2.17.1;; *) exec {shlex.quote(real)} "$@";; esac\n'
    )
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    check = machine.check_git()
    assert (check.state, check.remedy) == ("warn", "upgrade git")
    assert "2.17.1" in check.found


def test_git_hooks_and_settings_of_the_user_are_ignored(tmp_path, monkeypatch):
    (tmp_path / "config").write_text("[commit]\n\tgpgSign = true\n[core]\n\thooksPath = /nowhere\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    assert machine.check_git().state == "ok"


def test_a_file_where_the_folder_should_be(tmp_path):
    assert machine.check_folder(tmp_path / "studies").state == "ok"
    assert not (tmp_path / "studies").exists()
    (tmp_path / "studies").write_text("")
    for place in (tmp_path / "studies", tmp_path / "studies" / "deeper"):
        check = machine.check_folder(place)
        assert (check.state, "move it away" in check.remedy) == ("bad", True)


def test_a_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    try:
        (tmp_path / "try").touch()
    except PermissionError:
        check = machine.check_folder(tmp_path / "studies")
        assert (check.state, "writable" in check.remedy) == ("bad", True)
    else:
        pytest.skip("this user may write everywhere")
    finally:
        tmp_path.chmod(0o700)


def test_low_disk_space_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "LITTLE_SPACE", 0)
    assert machine.check_disk(tmp_path).state == "ok"
    monkeypatch.setattr(machine, "LITTLE_SPACE", float("inf"))
    check = machine.check_disk(tmp_path / "not" / "there")
    assert (check.state, "free some space" in check.remedy) == ("warn", True)


def test_a_long_temporary_path_is_too_long_for_sockets(tmp_path, monkeypatch):
    assert machine.check_sockets().state == "ok"
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    check = machine.check_sockets()
    assert (check.state, "TMPDIR" in check.remedy) == ("warn", True)


# -- workers and studies -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_worker_runs_and_ends():
    check = studies.check_worker()
    assert check.state == "ok", check
    assert re.search(r"in \d+\.\d s$", check.found)


def test_a_worker_that_cannot_start_says_its_last_line(tmp_path, monkeypatch):
    broken = tmp_path / "autoresearch_magic"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('half installed')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    check = studies.check_worker()
    assert (check.state, check.found) == ("bad", "it does not start: ImportError: half installed")
    assert "PYTHONPATH" in check.remedy


@pytest.mark.slow
def test_a_study_whose_process_was_killed_can_be_resumed(tmp_path):
    code = (
        "import os, signal, time, autoresearch_magic as am\n"
        "study = am.Study('Lower it', 'X = 1.0\\nimport time\\ntime.sleep(60)\\nloss = X', metric='loss', name='night')\n"
        "study.start()\n"
        "while study.state != 'baseline': time.sleep(0.02)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, timeout=60)
    root = tmp_path / ".autoresearch"
    check = studies.check_studies(root)
    assert check.state == "warn", check
    assert "night" in check.found
    assert "%autoresearch resume night" in check.remedy
    with FileLock(root / "night" / "lock"):
        assert studies.check_studies(root) == Check("studies", "ok", "none was interrupted, 1 running")


def test_an_unreadable_journal_is_named(tmp_path):
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "journal.sqlite").write_text("no database")
    (tmp_path / "fresh").mkdir()
    Journal(tmp_path / "fresh" / "journal.sqlite", create=True).close()
    check = studies.check_studies(tmp_path)
    assert (check.state, check.found) == ("warn", "no readable journal in torn")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_only_workers_without_a_kernel_are_reported(tmp_path):
    runner = CellRunner(
        "", "loss = 1", Metric("loss", "loss"), Budget(1.0, "seconds"), setup_log=tmp_path / "setup.log"
    )
    ours, theirs = socket.socketpair()
    # Its parent is a shell, which is no kernel; who takes in an orphan differs from machine to machine.
    line = f"{shlex.quote(sys.executable)} -m {SERVER} {theirs.fileno()} & echo $!; wait"
    shell = subprocess.Popen(["sh", "-c", line], pass_fds=(theirs.fileno(),), stdout=subprocess.PIPE, text=True)
    try:
        runner.worker.start()
        stray = int(shell.stdout.readline())
        wait_for(lambda: stray in studies._strays())
        check = studies.check_strays()
        assert check.state == "warn", check
        assert str(stray) in check.remedy.split()
        assert str(runner.worker.pid) not in check.remedy.split()
    finally:
        runner.close()
        theirs.close()
        ours.close()  # the end of the socket is the end of the worker
        assert shell.wait(timeout=20) == 0
        shell.stdout.close()
    assert stray not in studies._strays()


# -- packages and agents ---------------------------------------------------------------------------------------------------


def test_a_broken_torch_is_a_warning(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("raise OSError('libcudart.so.12:\\ncannot open shared object file')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path) + os.pathsep + os.environ.get("PYTHONPATH", ""))
    check = packages.check_torch(run_probe(TORCH_SCRIPT))
    assert (check.state, check.found) == (
        "warn", "import torch raises OSError: libcudart.so.12: cannot open shared object file",
    )  # fmt: skip
    assert "pip install" in check.remedy
    (tmp_path / "torch.py").write_text("import os\nos.abort()\n")
    check = packages.check_torch(run_probe(TORCH_SCRIPT))
    assert (check.state, "exit status -6" in check.found) == ("warn", True)


def test_torch_is_optional_and_its_install_command_is_shown(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(name='torch')\n")
    monkeypatch.chdir(tmp_path)
    check = packages.check_torch(run_probe(TORCH_SCRIPT))
    assert (check.state, "pip install torch" in check.remedy) == ("ok", True)


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        ({"devices": [["NVIDIA H100", 85e9]]}, "ok", "2.6.0 with CUDA 12.4: NVIDIA H100 (79 GiB)"),
        ({"devices": [["A", 8 * 2**30], ["B", 16 * 2**30]]}, "ok", "2.6.0 with CUDA 12.4: A (8 GiB), B (16 GiB)"),
        ({"why": "RuntimeError: no\ndriver"}, "warn", "2.6.0: its GPU does not answer: RuntimeError: no driver"),
    ],
)
def test_gpus_of_torch(answer, state, said):
    check = packages.check_torch({"version": "2.6.0", "cuda": "12.4", "devices": [], "why": "", **answer})
    assert (check.state, check.found, bool(check.remedy)) == (state, said, state == "warn")


def test_a_python_that_does_not_start_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert "does not start" in packages.check_torch(run_probe(TORCH_SCRIPT)).found
    assert "does not start" in packages.check_notebook(run_probe(PACKAGES_SCRIPT)).found


def test_a_broken_widget_is_a_warning(tmp_path, monkeypatch):
    (tmp_path / "anywidget.py").write_text("raise RuntimeError('half installed')\n")
    monkeypatch.chdir(tmp_path)
    check = packages.check_notebook(run_probe(PACKAGES_SCRIPT))
    assert check.state == "warn"
    assert "half installed" in check.found
    assert "anywidget" in check.remedy


def packages_of(version="2.0"):
    return {"anthropic": [version, ""], "openai": [version, ""]}


@pytest.mark.parametrize(
    ("key", "answer", "state", "said", "remedy"),
    [
        (KEY, packages_of(), "ok", "a key is set", "^$"),
        ("", packages_of(), "ok", "no key is set", "set OPENAI_API_KEY"),
        ("  ", packages_of(), "ok", "no key is set", "set OPENAI_API_KEY"),
        ("", packages_of(""), "ok", "not installed", r"pip install openai"),
        (KEY, packages_of(""), "warn", "not installed", r"pip install openai"),
        (f"{KEY} {KEY}", packages_of(), "warn", "malformed", "set OPENAI_API_KEY again"),
    ],
)
def test_sdk_and_key_of_a_vendor(monkeypatch, key, answer, state, said, remedy):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    check = packages.check_vendor(packages.OPENAI, answer)
    assert check.state == state
    assert said in check.found
    assert re.search(remedy, check.remedy)
    assert KEY[3:] not in check.found + check.remedy


def test_the_second_variable_of_claude_counts(monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", KEY)
    assert "a key is set" in packages.check_vendor(packages.CLAUDE, packages_of()).found


def test_programs_of_agents_are_found_on_path(no_programs, tmp_path):
    assert "no command-line agent" in packages.check_programs().found
    program = tmp_path / "nothing" / "codex"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert packages.check_programs() == Check("command", "ok", "codex on PATH: --agent codex")
    program.rename(program.with_name("ollama"))
    assert packages.check_programs().found == "ollama on PATH: --agent 'command:ollama ...'"


def wait_for(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.05)


def test_trackers_that_are_installed_are_named_and_the_others_can_be(monkeypatch):
    monkeypatch.setattr(packages, "installed", lambda package: "3.1" if package == "mlflow" else "")
    check = packages.check_trackers()
    assert check.state == "ok"
    assert check.found == "mlflow 3.1; not installed: tensorboard, wandb"
    assert check.remedy == "pip install tensorboard wandb  for --track"
    monkeypatch.setattr(packages, "installed", lambda package: "")
    assert packages.check_trackers().found == "none installed"
