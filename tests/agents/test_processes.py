"""Programs of agents run to their end, with real programs, and leave nothing running."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from autoresearch_magic.agents.llm.backend import BackendRefused
from autoresearch_magic.agents.processes import GRACE, code_words, last_line, run_program
from autoresearch_magic.errors import Stopped


def run(tmp_path, code, *, text="", deadline=20.0, wait=lambda *_: None, env=None, **options):
    arguments = ["/bin/sh", "-c", code] if isinstance(code, str) else code
    env = {"PATH": os.environ["PATH"]} if env is None else env
    return run_program(arguments, text=text, folder=tmp_path, env=env, deadline=deadline, wait=wait, **options)


def python(code):
    return [sys.executable, "-S", "-c", code]


def gone(pid, seconds=3.0):
    """Return whether a process has ended; a zombie has, as it may not be reaped yet."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def pids(path, count):
    """Return the process ids that a program writes into a file, once there are so many."""
    for _ in range(500):
        words = path.read_text().split() if path.is_file() else []
        if len(words) == count:
            return [int(word) for word in words]
        time.sleep(0.02)
    raise AssertionError(f"no {count} process ids in {path}")


def test_it_gets_text_folder_and_environment_and_nothing_else(tmp_path):
    got = run(
        tmp_path, 'cat; pwd; echo "$PWD $A $HOME"; echo bad >&2; exit 3', text="häl\n", env={"A": "x y", "OLDPWD": "/"}
    )
    assert got.output == f"häl\n{tmp_path}\n{tmp_path} x y \n"
    assert (got.program, got.code, got.errors, got.cut) == ("sh", 3, "bad\n", "")
    assert 0 < got.seconds < 15
    got = run(tmp_path, ["/usr/bin/env"], env={})
    assert sorted(got.output.split()) == [f"GIT_CEILING_DIRECTORIES={tmp_path.parent}", f"PWD={tmp_path}"]


def test_it_has_no_more_open_files_than_its_pipes_and_its_signals_are_the_usual_ones(tmp_path):
    got = run(tmp_path, python("import os; print(sorted(map(int, os.listdir('/dev/fd')))[:4])"))
    assert got.output == "[0, 1, 2, 3]\n"  # 3 lists the folder
    got = run(tmp_path, "trap 'echo term' TERM; kill $$; kill -PIPE $$; echo not here")
    assert (got.code, got.output) == (-signal.SIGPIPE, "term\n")


def test_odd_bytes_go_in_and_out(tmp_path):
    env = {"PATH": os.environ["PATH"], "ODD": os.fsdecode(b"\xff\n=")}
    got = run(tmp_path, ["/bin/sh", "-c", 'printf "$ODD|$1"', "sh", os.fsdecode(b"a\xfe")], env=env)
    assert got.output.encode() == b"\xff\n=|a\xfe".decode(errors="replace").encode()
    assert run(tmp_path, "printf 'ab\\377\\000c'").output == "ab\ufffd\0c"


def test_a_large_environment_and_many_arguments(tmp_path):
    env = {f"V{n}": "x" * 30_000 for n in range(20)}
    assert run(tmp_path, ["/usr/bin/env"], env=env).output.count("x" * 30_000) == 20
    with pytest.raises(BackendRefused, match=r"^/bin/echo cannot be started: Argument list too long\.$"):
        run(tmp_path, ["/bin/echo", "x" * 3_000_000])


def test_what_cannot_be_started_is_refused_in_one_line(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("echo")
    for arguments, said in [
        ([str(tmp_path / "none")], "No such file"), ([str(plain)], "Permission denied"), ([str(tmp_path)], "Permission denied"),
        (["/bin/echo", "a\0b"], "Invalid argument"),
    ]:  # fmt: skip
        with pytest.raises(BackendRefused, match=said) as caught:
            run(tmp_path, arguments)
        assert "\n" not in str(caught.value)
    with pytest.raises(BackendRefused, match="No such file"):
        run(tmp_path / "missing", "true")


def test_a_limit_of_output_ends_it_and_keeps_what_came(tmp_path):
    got = run(tmp_path, "yes ab", most_output=1_000_000)
    assert got.cut == "output"
    assert 1_000_000 < len(got.output) < 1_200_000
    got = run(tmp_path, "yes ab | head -c 1000000; yes e | head -c 1000000 >&2", most_output=1_000_000)
    assert (got.cut, got.code, len(got.output), len(got.errors)) == ("", 0, 1_000_000, 8192)


def test_a_deadline_keeps_what_came(tmp_path):
    got = run(tmp_path, "echo so far; sleep 60", deadline=0.3)
    assert (got.cut, got.output) == ("deadline", "so far\n")


def test_a_long_text_need_not_be_read(tmp_path):
    assert run(tmp_path, "echo yes", text="c" * 1_000_000).output == "yes\n"
    assert run(tmp_path, "exec <&-; sleep 0.1; echo yes", text="c" * 1_000_000).output == "yes\n"


@pytest.mark.slow
def test_daemons_are_ended_too(tmp_path):
    """Left behind in another session: on Linux they become children of the supervisor."""
    if sys.platform != "linux":
        pytest.skip("only Linux hands them over")
    code = f"""
import os, sys, time
if os.fork():
    sys.exit(0)
os.setsid()
if os.fork():
    os._exit(0)
open({str(tmp_path / "pid")!r}, "w").write(str(os.getpid()))
os.closerange(0, 9)
time.sleep(60)
"""
    got = run(
        tmp_path,
        [
            "/bin/sh",
            "-c",
            f'{sys.executable} -S -c "$1"; while ! [ -s "{tmp_path}/pid" ]; do sleep 0.02; done',
            "sh",
            code,
        ],
    )
    assert got.code == 0
    assert gone(*pids(tmp_path / "pid", 1), seconds=0.1)


@pytest.mark.slow
def test_what_ignores_sigterm_is_killed_with_its_children(tmp_path):
    start = time.monotonic()
    run(tmp_path, "trap '' TERM HUP INT; sleep 60 & echo $$ $! > pids; sleep 60; sleep 60", deadline=0.6)
    assert time.monotonic() - start < 0.6 + 2 * GRACE + 2
    assert all(gone(pid, 0.1) for pid in pids(tmp_path / "pids", 2))


@pytest.mark.slow
def test_a_program_that_kills_its_own_group_and_its_parent(tmp_path):
    assert run(tmp_path, "kill -9 0").code == -signal.SIGKILL
    got = run(
        tmp_path, "sleep 60 & echo $! $$ > pids; kill -9 $PPID; sleep 60"
    )  # the supervisor's end is the program's
    assert got.code == -signal.SIGKILL
    assert all(gone(pid, 1) for pid in pids(tmp_path / "pids", 2))


@pytest.mark.slow
def test_a_stopped_study_ends_it_and_is_told_what_it_cost(tmp_path):
    def wait(seconds, reason):
        if (tmp_path / "pids").exists():
            raise Stopped

    with pytest.raises(Stopped) as caught:
        run(tmp_path, "sleep 60 & echo $$ $! > pids; sleep 60", wait=wait)
    assert caught.value.usage.cost is None
    assert caught.value.usage.seconds > 0
    assert all(gone(pid, 0.1) for pid in pids(tmp_path / "pids", 2))


CALLER = """
import multiprocessing, os, sys, threading, time
from pathlib import Path
from autoresearch_magic.agents.processes import run_program

def ask(number):
    run_program(["/bin/sh", "-c", sys.argv[2], "sh", str(number)], text="", folder=Path(sys.argv[1]), env={"PATH": "/usr/bin:/bin"},
                deadline=600, wait=lambda *_: None)

threads = [threading.Thread(target=ask, args=(n,)) for n in (1, 2)]
for thread in threads:
    thread.start()
if len(sys.argv) > 3:  # a fork that holds a copy of everything that is open, as multiprocessing makes one
    time.sleep(1)
    if not os.fork():
        time.sleep(600)
time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("forks", [False, True])
def test_after_kill_9_of_the_study_no_program_goes_on(tmp_path, forks):
    code = "trap '' TERM; setsid sleep 600 & sleep 600 & echo $$ $! $PPID > pids.$1; sleep 600"
    caller = subprocess.Popen([sys.executable, "-c", CALLER, str(tmp_path), code, *["fork"] * forks])
    try:
        found = pids(tmp_path / "pids.1", 3) + pids(tmp_path / "pids.2", 3)
        me = psutil.Process(caller.pid)
        for _ in range(200):
            below = me.children(recursive=True)
            if len(below) >= 10 + forks:
                break
            time.sleep(0.05)
        assert len(below) >= 10  # two supervisors, two shells, six sleeps
        copies = [p for p in me.children() if forks and p.cmdline() == me.cmdline()]
        assert len(copies) == forks
    finally:
        caller.kill()
        caller.wait()
    try:
        below = [p for p in below if p not in copies]
        assert all(gone(pid, 6) for pid in [*found, *(p.pid for p in below)])
    finally:
        for copy in copies:
            copy.kill()


def test_words_for_endings():
    assert [code_words(code) for code in (0, 3, -9, -200)] == ["exit code 0", "exit code 3", "SIGKILL", "signal 200"]
    assert last_line("a\n\n b   c \n\n") == "b c"
    assert last_line(" \n") == ""


def test_nothing_stays_open(tmp_path):
    me = psutil.Process()
    run(tmp_path, "true")
    before, others = me.num_fds(), me.children()  # others may be of other tests
    run(tmp_path, "true")
    run(tmp_path, "sleep 9", deadline=0.1)
    with pytest.raises(BackendRefused):
        run(tmp_path, ["/no/such/program"])
    assert (me.num_fds(), me.children()) == (before, others)
