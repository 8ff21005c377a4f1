"""Command-line programs as models, with real programs."""

import os
import shlex
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from autoresearch_magic.agents.llm.ask import ask as ask_model
from autoresearch_magic.agents.llm.backend import BackendFailed, BackendRefused, Prompt, Turn
from autoresearch_magic.agents.llm.command import CommandBackend
from autoresearch_magic.agents.llm.reply_parser import read_reply
from autoresearch_magic.agents.processes import GRACE
from autoresearch_magic.errors import ProposalFailed, Stopped
from autoresearch_magic.study.study import Study

from ...studies import QUICK

pytestmark = pytest.mark.slow  # folders, git and programs for most of them

PROMPT = Prompt("Be brief.", "The program.", (Turn("user", "1?"), Turn("assistant", "2"), Turn("user", "ä?")))


@pytest.fixture
def script(tmp_path):
    """Return a function that writes a Python or shell script as an executable and returns its quoted path."""

    def make(code, interpreter=f"{sys.executable} -S"):
        path = tmp_path / "my agent"
        path.write_text(f"#!{interpreter}\n{textwrap.dedent(code)}")
        path.chmod(0o755)
        return f"'{path}'"

    return make


def patient(seconds, reason):
    assert (seconds, reason) == (0.0, "")


def ask(line, prompt=PROMPT, *, deadline=10.0, wait=patient):
    return CommandBackend(line).complete(prompt, deadline=deadline, wait=wait)


def fails(line, prompt=PROMPT, **options):
    with pytest.raises(BackendFailed) as caught:
        ask(line, prompt, **options)
    assert "\n" not in str(caught.value)
    assert caught.value.usage.cost is None
    return str(caught.value)


def gone(pid):
    """Return whether a process has ended; a zombie has, as it may not be reaped yet."""
    for _ in range(100):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_the_prompt_is_read_and_the_output_is_the_answer():
    got = ask("cat")
    assert got.text == "Be brief.\n\nThe program.\n\n1?\n\n2\n\nä?\n"
    assert (got.stop, got.usage.calls, got.usage.tokens, got.usage.cost) == ("end", 1, 0, None)
    assert 0 < got.usage.seconds < 5


def test_words_are_split_like_a_shell_but_without_one():
    assert ask("echo 'a  b' $HOME '|' cat").text == "a  b $HOME | cat\n"


def test_it_runs_in_an_empty_folder_with_the_users_environment(script, monkeypatch, tmp_path):
    monkeypatch.setenv("MY_API_KEY", "0123456789")
    monkeypatch.chdir(tmp_path)
    script('echo "$MY_API_KEY $PWD"; ls -A; touch seen', "/bin/sh")
    line = "'./my agent'"
    CommandBackend(line).check()
    key, folder = ask(line).text.split()
    assert key == "0123456789"
    assert tmp_path not in Path(folder).parents
    assert not Path(folder).exists()


def test_its_folder_is_in_no_repository_for_git_and_in_one_for_codex():
    said = ask("sh -c 'ls -A; cat ../.git/HEAD; git rev-parse --git-dir 2>/dev/null || echo none'").text
    assert said == "ref: refs/heads/main\nnone\n"


def test_relative_words_that_name_files_go_on_working(script, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    script("import sys; print('|'.join(sys.argv[1:]))")
    (tmp_path / "my.yml").touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x.py").touch()
    (tmp_path / "-p").touch()
    (tmp_path / "agent.sh").write_text('#!/bin/sh\necho "$0 $1"')
    (tmp_path / "agent.sh").chmod(0o755)
    assert ask("./agent.sh sub/../my.yml").text == f"{tmp_path}/agent.sh {tmp_path}/my.yml\n"
    line = f"{sys.executable} -S 'my agent' my.yml sub/x.py --config=my.yml --other=no.yml -p a=my.yml"
    backend = CommandBackend(line)
    monkeypatch.chdir("/")
    said = backend.complete(PROMPT, deadline=10, wait=patient).text.strip()
    assert said.split("|") == [
        f"{tmp_path}/my.yml", f"{tmp_path}/sub/x.py", f"--config={tmp_path}/my.yml", "--other=no.yml", "-p", "a=my.yml",
    ]  # fmt: skip


def test_long_input_and_output_do_not_block():
    text = "x = 1\n" * 300_000
    assert len(ask("cat", Prompt("", "", (Turn("user", text),))).text) == len(text)


def test_it_may_write_everything_before_reading(script):
    line = script("""
        import sys
        sys.stdout.write("a" * 1_000_000)
        sys.stderr.write("b" * 1_000_000)
        sys.stdout.write(str(len(sys.stdin.read())))
    """)
    assert ask(line, Prompt("", "", (Turn("user", "c" * 1_000_000),))).text.endswith("a1000001")


def test_it_need_not_read_its_input():
    assert ask("echo yes", Prompt("", "", (Turn("user", "c" * 1_000_000),))).text == "yes\n"


def test_endless_output_is_ended():
    assert "more than 4 MiB" in fails("yes")


def test_endless_errors_are_not_kept(script):
    line = script("import sys; sys.stderr.write('e' * 3_000_000 + '\\nthe end\\n'); sys.exit(3)")
    assert fails(line).endswith("exit code 3: the end")


def test_a_failure_says_what_the_program_said_last(script, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "abc-0123456789")
    line = script('echo start >&2; echo "bad key  $SOME_API_KEY" >&2; echo >&2; exit 2', "/bin/sh")
    assert fails(line) == "my agent ended with exit code 2: bad key [key removed]"
    assert fails(script("echo only here; exit 1", "/bin/sh")).endswith("exit code 1: only here")
    assert fails(script("kill -9 $$", "/bin/sh")).endswith("ended with SIGKILL")


def test_an_empty_answer_is_a_failure(script):
    assert fails(script("echo; echo no idea >&2", "/bin/sh")) == "my agent gave an empty answer: no idea"
    assert fails("true") == "true gave an empty answer."


@pytest.mark.slow
def test_a_slow_program_is_ended_at_the_deadline():
    start = time.monotonic()
    assert fails("sleep 60", deadline=0.4) == "sleep gave no answer within 0.4 s and was ended."
    assert time.monotonic() - start < 1.5


@pytest.mark.slow
def test_a_program_that_closes_its_pipes_is_ended_at_the_deadline():
    assert "no answer" in fails("sh -c 'exec <&- >&- 2>&-; sleep 60'", deadline=0.4)


@pytest.mark.slow
def test_a_program_that_ignores_signals_is_killed_with_its_children(script, tmp_path):
    line = script(f"""
        import os, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        pid = os.fork()
        if pid:
            open({str(tmp_path / "pids")!r}, "w").write(f"{{os.getpid()}} {{pid}}")
        while True:
            time.sleep(1)
    """)
    start = time.monotonic()
    fails(line, deadline=0.8)
    assert time.monotonic() - start < 0.8 + GRACE + 1
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    assert all(gone(pid) for pid in pids)


@pytest.mark.slow
def test_processes_left_running_are_ended(script):
    start = time.monotonic()
    text = ask(script("sleep 60 & echo $!", "/bin/sh"), deadline=30).text  # it holds our pipes open
    assert time.monotonic() - start < 3
    assert gone(int(text))


@pytest.mark.slow
def test_a_stopped_study_ends_it(script, tmp_path):
    looks = []

    def wait(seconds, reason):
        looks.append(seconds)
        if len(looks) > 2:
            raise Stopped

    line = script(f"echo $$ > '{tmp_path}/pid'; sleep 60", "/bin/sh")
    start = time.monotonic()
    with pytest.raises(Stopped):
        ask(line, deadline=60, wait=wait)
    assert time.monotonic() - start < 2.5
    assert gone(int((tmp_path / "pid").read_text()))


@pytest.mark.slow
def test_an_interrupt_of_the_kernel_does_not_reach_it(tmp_path):
    # A process group of its own, so that the interrupt hits whoever is in it: only the caller, as it turns out.
    code = """
import signal, sys
from autoresearch_magic.agents.llm.backend import Prompt, Turn
from autoresearch_magic.agents.llm.command import CommandBackend
signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
prompt = Prompt("", "", (Turn("user", "hello"),))
print("ready", flush=True)
print(CommandBackend("sh -c 'sleep 0.8; cat'").complete(prompt, deadline=20, wait=lambda *_: None).text, flush=True)
"""
    caller = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, process_group=0)
    with caller:
        assert caller.stdout.readline() == "ready\n"
        time.sleep(0.3)
        os.killpg(caller.pid, signal.SIGINT)
        assert caller.stdout.read().split() == ["interrupted", "hello"]


def test_nothing_stays_open():
    me = psutil.Process()
    ask("cat")
    before, threads, others = me.num_fds(), threading.active_count(), me.children()  # others may be of other tests
    ask("cat")
    fails("false")
    fails("sleep 9", deadline=0.1)
    assert (me.num_fds(), threading.active_count(), me.children()) == (before, threads, others)


def test_check_finds_the_program_without_running_it(tmp_path):
    CommandBackend(f"touch '{tmp_path / 'ran'}'").check()
    assert not list(tmp_path.iterdir())


def test_check_refuses_unusable_commands_in_one_line(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("echo")
    for line, said in [
        ("", "No command"),
        ("echo 'a", "cannot be read"),
        ("no-such-program-x -p", "no command 'no-such-program-x'"),
        (str(plain), "chmod"),
        (str(tmp_path), "no command"),
    ]:
        with pytest.raises(BackendRefused, match=said) as caught:
            CommandBackend(line).check()
        assert "\n" not in str(caught.value)


def test_a_program_without_its_interpreter_is_refused(script):
    with pytest.raises(BackendRefused, match="cannot be started"):
        ask(script("", "/no/such/interpreter"))


def test_a_limit_is_waited_out_until_the_time_that_the_program_says(script, tmp_path):
    tries = tmp_path / "tries"
    line = script(
        f"""
        echo x >> '{tries}'
        case $(wc -l < '{tries}') in
            1) echo "You've hit your limit, try again in 2 hours"; exit 1;;
            2) echo "API Error: Rate limit reached";;
            3) echo '{{"error": {{"code": 429, "status": "RESOURCE_EXHAUSTED"}}}}' >&2; exit 1;;
            *) cat;;
        esac
        """,
        "/bin/sh",
    )
    waits = []
    got = ask(line, wait=lambda seconds, reason: waits.append((seconds, reason)) if reason else None)
    assert got.text.startswith("Be brief.")
    (first, reason), (second, _), (third, _) = waits
    assert round(first) == 7200
    assert 1.6 <= second < third < 10
    assert reason == "my agent is at its limit: You've hit your limit, try again in 2 hours."
    assert (got.usage.calls, got.usage.cost) == (1, None)


def test_a_missing_login_is_refused_at_once(script):
    with pytest.raises(BackendRefused, match=r"^my agent cannot work: Invalid API key · Please run /login$") as caught:
        ask(script("echo 'Invalid API key · Please run /login'", "/bin/sh"))
    assert caught.value.usage.cost is None
    with pytest.raises(
        BackendRefused, match=r"sh cannot work: it calls a command that does not exist .*no-such-program-x"
    ):
        ask("sh -c no-such-program-x")


def test_the_name_is_short_and_without_keys(monkeypatch):
    monkeypatch.setenv("X_TOKEN", "0123456789")
    assert CommandBackend(" claude  -p ").name == "command:claude -p"
    assert CommandBackend("a --key 0123456789").name == "command:a --key [key removed]"
    assert len(CommandBackend("a " * 100).name) < 80


def test_what_is_not_clear_about_the_words_is_told(script, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    script("print('hi')")
    (tmp_path / "gpt").mkdir()
    (tmp_path / "agent").touch()
    long = "x" * 5000
    assert CommandBackend("echo my other ./gpt /tmp -m").warning == ""
    assert CommandBackend(f"echo gpt agent {long}").warning.endswith(
        f"runs in an empty folder: agent is taken for the file {tmp_path}/agent, gpt is not taken for the folder {tmp_path}/gpt (./gpt would be)."
    )
    assert ask("echo gpt ./gpt agent . --dir=./gpt --dir=gpt").text.split() == [
        "gpt", f"{tmp_path}/gpt", f"{tmp_path}/agent", str(tmp_path), f"--dir={tmp_path}/gpt", "--dir=gpt",
    ]  # fmt: skip
    assert ask(f"echo {long}").text == f"{long}\n"


def test_a_module_of_the_users_folder_is_found(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    (tmp_path / "my_agents").mkdir()
    (tmp_path / "my_agents" / "good.py").write_text("import os; print(os.environ['PYTHONPATH'])")
    assert ask(f"{sys.executable} -m my_agents.good").text == f"{tmp_path}\n"
    assert ask("sh -c 'echo \"[$PYTHONPATH]\"' -m my_agents").text == "[]\n"


def test_a_program_that_needs_the_users_folder_is_told_how(script, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_agent.py").write_text("print('hi')")
    line = f"sh -c '{sys.executable} -S my_agent.py'"
    with pytest.raises(BackendRefused, match="cannot work") as caught:
        ask(line)
    assert str(caught.value).endswith(
        f"It runs in an empty folder: write {tmp_path}/my_agent.py instead of my_agent.py."
    )
    script("echo 'No such file: pyproject.toml' >&2; exit 1", "/bin/sh")
    said = fails("'./my agent'")
    command = said.rpartition("  --agent ")[2]
    assert "if it needs yours" in said
    assert command.startswith("'command:sh -c ")
    assert "It runs in" not in fails("false")


def test_files_instead_of_an_answer(script):
    line = script("echo x > target.py; mkdir -p a .git; echo y > a/b; echo z > .git/c", "/bin/sh")
    got = ask(line)
    assert got.text == ""
    assert got.hint == (
        f"It wrote target.py, a/b in its empty folder: a program that edits files is started by  --agent {shlex.quote('editor:' + line)}"
    )
    assert ask("echo hi").hint == ""
    assert fails(script("echo x > target.py; exit 3", "/bin/sh")).startswith(
        "my agent ended with exit code 3. It wrote target.py in"
    )
    assert "gave no answer within 0.4 s and was ended. It wrote t" in fails(
        script("echo x > t; sleep 60", "/bin/sh"), deadline=0.4
    )


@pytest.mark.slow
def test_a_study_with_a_program_that_edits_ends_after_three_answers(script, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    line = script("echo x >> calls; echo 'I improved target.py.'; echo 'X = 1' > target.py; cat >/dev/null", "/bin/sh")
    study = Study(
        "# Less", QUICK, metric="loss", minimize=True, experiments=20, repeats=1, budget="2s", agent=f"command:{line}"
    )
    study.start()
    assert study.wait(60)
    tried = [e for e in study.experiments if e.number]
    assert len(tried) == 3
    assert all("editor:" in e.reason and "It wrote calls, target.py in its empty folder" in e.reason for e in tried)
    assert "has ended 3 times in a row" in study.status.message
    assert "editor:" in study.status.message
    assert "I improved target.py." in study.status.traceback
    assert not (tmp_path / "target.py").exists()


DAEMON = "import os, time\nif os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\nopen(PIDS, 'a').write(f'{os.getpid()}\\n')\ntime.sleep(600)\n"
LIVES = {
    "prints a megabyte": ("print('no code here. ' * 60_000)", "No usable reply: "),
    "prints a megabyte and fails": ("print('x' * 10**6)\nsys.exit(3)", "No reply: my agent ended with exit code 3: xxx"),
    "closes its pipes and ends": ("for n in (0, 1, 2): os.close(n)", "No reply: my agent gave an empty answer."),
    "closes its pipes and goes on": ("for n in (0, 1, 2): os.close(n)\ntime.sleep(600)", "No reply: my agent gave no answer within 2 s"),
    "leaves a daemon": ("if not os.fork():\n    DAEMON\nos.wait()\ntime.sleep(0.3)", "No reply: my agent gave an empty answer."),
    "ignores SIGTERM": (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.fork()\nopen(PIDS, 'a').write(f'{os.getpid()}\\n')\ntime.sleep(600)",
        "No reply: my agent gave no answer within 2 s and was ended.",
    ),
    "prints what is no UTF-8": ("sys.stdout.buffer.write(bytes(range(256)) * 9)", "No usable reply: "),
    "says it on standard error in no UTF-8": (
        "sys.stderr.buffer.write(b'bad \\xff\\xfe thing\\n')\nsys.exit(1)", "No reply: my agent ended with exit code 1: bad \ufffd\ufffd thing",
    ),
    "reads nothing": ("print('I read nothing.')", "No usable reply: "),
    "dies": ("os.kill(os.getpid(), 11)", "No reply: my agent ended with SIGSEGV"),
    "kills its parent": ("os.kill(os.getppid(), 9)\ntime.sleep(600)", "No reply: my agent ended with SIGKILL"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("life", LIVES)
def test_whatever_it_does_is_one_line_and_leaves_nothing_running(life, script, tmp_path):
    code, said = LIVES[life]
    others = psutil.Process().children()  # of other tests
    daemon = DAEMON.replace("\n", "\n    ")
    line = script(
        "import os, signal, sys, time\nPIDS = " + repr(str(tmp_path / "pids")) + "\n" + code.replace("DAEMON", daemon)
    )
    prompt = Prompt("", "", (Turn("user", "c" * 1_000_000),))
    with pytest.raises(ProposalFailed) as caught:
        ask_model(
            CommandBackend(line),
            prompt,
            lambda text: read_reply(text, QUICK),
            form="code",
            instead="",
            deadline=2.0,
            wait=patient,
        )
    told = str(caught.value)
    assert told.startswith(said), told
    assert "\n" not in told
    assert len(told) < 500
    left = (tmp_path / "pids").read_text().split() if (tmp_path / "pids").exists() else []
    assert len(left) == {"leaves a daemon": 1, "ignores SIGTERM": 2}.get(life, 0)
    assert all(gone(int(pid)) for pid in left)
    assert psutil.Process().children() == others
