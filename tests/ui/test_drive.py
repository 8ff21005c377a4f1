"""A study that is driven from outside, as its user types it: begin, try, wait and finish in a real shell, and the magics."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest
from filelock import FileLock

from autoresearch_magic.errors import UserError
from autoresearch_magic.study import registry
from autoresearch_magic.study.export import COLUMNS
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.commands.table import run as run_line
from autoresearch_magic.ui.session import Session

from ..command_line import shell
from ..repositories import repository, run_git, state, write
from ..studies import QUICK, wait_for
from .test_shell import documented

APP = "SIZE = 40\nDEPTH = 5\n\n\ndef cost():\n    return SIZE + DEPTH\n"
FILES = {
    "src/app.py": APP, "src/old.py": "A = 1\n", ".gitignore": "__pycache__/\n", "README.md": "Hello\n",
    "bench.py": "import os, sys, time\nsys.path.insert(0, 'src')\nimport app\nwhile os.path.exists(os.environ.get('GATE', '')):\n    time.sleep(0.02)\nprint('ms:', app.cost())\n",
    "check.py": "import sys\nsys.path.insert(0, 'src')\nimport app\nif app.SIZE < 10:\n    sys.exit('SIZE is too small')\n",
    "program.md": "# Make it cheap\n\nMetric: ms\nDirection: lower\nScope: src/**\nVerify: python bench.py\nGuard: python check.py\n",
}  # fmt: skip


def told(done):
    return json.loads(done.stdout)


def one_line(done, code, pattern):
    assert done.returncode == code, done
    assert done.stdout == "", done
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert re.search(pattern, done.stderr), done.stderr
    assert "%autoresearch" not in done.stderr


@pytest.fixture
def repo(tmp_path):
    return repository(tmp_path / "repo", FILES)


@pytest.fixture
def begun(repo):
    """A repository with a study, ``one``, whose baseline is measured."""
    assert shell(repo, "begin", "program.md", "--name", "one", "--pass-env", "GATE", "--sandbox", "off").returncode == 0
    return repo


def app(size=40, depth=5):
    return {"src/app.py": APP.replace("40", str(size)).replace("DEPTH = 5", f"DEPTH = {depth}")}


@pytest.mark.slow
def test_begin_try_and_finish(repo):
    done = shell(repo, "begin", "program.md", "--name", "one", "--json")
    begin = told(done)
    assert (done.returncode, begin["study"], begin["baseline"], begin["sd"]) == (0, "one", 45.0, 0.0)
    assert set(begin) == documented("begin") | {"study", "metric"}
    assert begin["settings"]["agent"] == "me"
    assert "experiments until it is stopped" in begin["text"]
    assert "autoresearch try" in begin["briefing"]
    assert "%autoresearch" not in begin["briefing"]
    before = state(repo)

    write(
        repo,
        {
            **app(30),
            "src/new.py": "B = 2\n",
            "src/old.py": None,
            "notes.txt": "scratch",
            ".claude/skills/autoresearch-magic/SKILL.md": "ours",
        },
    )
    done = shell(repo, "try", "smaller", "--hypothesis", "less work", "--expect", "-10")
    assert done.returncode == 0, done
    assert (
        "Experiment 1 of one: kept, it is the best version now. ms 35 (1 run) against 45 (3 runs) of the baseline."
        in done.stdout
    )
    assert "untracked and outside the scope: notes.txt." in done.stdout
    assert run_git(repo, "show", "autoresearch/one:src/new.py") == "B = 2\n"
    assert "src/old.py" not in run_git(repo, "ls-tree", "-r", "--name-only", "autoresearch/one")
    assert (repo / "src/app.py").read_text() == app(30)["src/app.py"]

    write(repo, app(5))
    done = shell(repo, "try", "tiny", "--json")
    tiny = told(done)
    assert (done.returncode, tiny["verdict"], tiny["kept"], tiny["output"]) == (
        5,
        "guard-failed",
        False,
        "SIZE is too small",
    )
    assert set(tiny) == documented("try") | set(COLUMNS) - {"source", "repeats"} | {"study", "metric"}
    assert (tiny["parent"], tiny["best"]["experiment"], tiny["reverted"]) == (1, 1, [])
    assert (repo / "src/app.py").read_text() == app(5)["src/app.py"]

    write(repo, {**app(31), "src/more.py": "C = 3\n"})
    done = shell(repo, "try", "larger", "--revert")
    assert done.returncode == 5
    assert "Put back to the best version: src/app.py, src/more.py." in done.stdout
    assert (repo / "src/app.py").read_text() == app(30)["src/app.py"]
    assert not (repo / "src/more.py").exists()
    one_line(shell(repo, "try", "nothing"), 2, "the same as experiment 1, the best so far")

    done = shell(repo, "finish")
    assert done.returncode == 0, done
    assert "ms 35 (sd 0) against a baseline of 45 (sd 0), both measured again 3 times: 10 better" in done.stdout
    assert shell(repo, "status").stdout.startswith("one: finished")
    assert shell(repo, "report").returncode == 0
    study = open_study(repo / ".autoresearch" / "one")
    assert [(str(e.verdict), e.proposal.agent) for e in study.experiments[1:]] == [
        ("keep", "me"), ("guard-failed", "me"), ("discard", "me"),
    ]  # fmt: skip
    assert (study.experiments[1].proposal.hypothesis, study.experiments[1].proposal.expect) == ("less work", "-10")
    after = state(repo)
    assert {key: after[key] for key in ("head", "HEAD", "index", "stash", "refs", "config")} == {
        key: before[key] for key in ("head", "HEAD", "index", "stash", "refs", "config")
    }
    assert (
        one_line(shell(repo, "resume", "one"), 2, "nobody in the study proposes changes: try your own version") is None
    )
    assert shell(repo, "resume", "one", "--agent", "tuner", "-n", "5").returncode in (0, 3)


@pytest.mark.slow
def test_the_briefing_before_and_after_a_try(begun):
    done = shell(begun, "try", "--briefing")
    assert done.returncode == 0
    for text in (
        "# Make it cheap",
        "Files of",
        "`src/**`",
        "`python bench.py`",
        "`bench.py`, `check.py`",
        "the baseline (ms 45",
    ):
        assert text in done.stdout
    assert "SIZE = 40" not in done.stdout
    write(begun, app(5))
    shell(begun, "try", "tiny")
    facts = told(shell(begun, "try", "--briefing", "--json"))
    assert set(facts) == {"study", "metric", "briefing"}
    assert "tiny" in facts["briefing"]


@pytest.mark.slow
def test_a_try_in_a_process_of_its_own_survives_the_shell(begun):
    write(begun, app(30))
    gate = begun.parent / "gate"
    gate.touch()
    script = f"{sys.executable} -m autoresearch_magic try slow --background --json"
    started = subprocess.run(
        ["bash", "-c", script], cwd=begun, env={**os.environ, "GATE": str(gate)}, capture_output=True, text=True, start_new_session=True
    )  # fmt: skip
    assert started.returncode == 0, started
    facts = json.loads(started.stdout)
    assert (facts["running"], facts["task"], facts["summary"]) == (True, "try", "slow")
    still = shell(begun, "wait", "--timeout", "0.1s", "--json")
    assert (still.returncode, told(still)["running"]) == (6, True)
    one_line(
        shell(begun, "try", "another"), 2, "Another process is working on one: wait for it with  autoresearch wait one"
    )
    one_line(shell(begun, "finish"), 2, "Another process is working on one")
    gate.unlink()
    done = shell(begun, "wait", "--timeout", "1m", "--json")
    assert (done.returncode, told(done)["verdict"], told(done)["running"]) == (0, "keep", False)
    again = shell(begun, "wait")
    assert again.returncode == 0
    assert "kept, it is the best version now" in again.stdout
    assert "kept, it is the best version now" in (begun / ".autoresearch/one/logs/background.log").read_text()
    assert shell(begun, "finish", "--background").returncode == 0
    done = shell(begun, "wait", "--json")
    assert (done.returncode, told(done)["task"], told(done)["state"]) == (0, "finish", "finished")


@pytest.mark.slow
def test_a_begin_in_a_process_of_its_own(repo):
    gate = repo.parent / "gate"
    gate.touch()
    done = shell(
        repo,
        "begin",
        "program.md",
        "--name",
        "two",
        "--background",
        "--pass-env",
        "GATE",
        "--sandbox",
        "off",
        env={"GATE": str(gate)},
    )
    assert done.returncode == 0, done
    assert "Wait for it with  autoresearch wait two" in done.stdout
    assert "not measured yet" in shell(repo, "try", "--briefing").stdout
    gate.unlink()
    done = shell(repo, "wait", "--json")
    assert (done.returncode, told(done)["task"], told(done)["baseline"]) == (0, "begin", 45.0)


@pytest.mark.slow
def test_a_begin_that_fails_is_told_by_wait(repo):
    write(repo, {"bench.py": "print('nothing')\n"})
    run_git(repo, "commit", "-qam", "broken")
    done = shell(repo, "begin", "program.md", "--name", "two")
    assert (done.returncode, done.stdout) == (1, "")
    assert shell(repo, "begin", "program.md", "--name", "three", "--background").returncode == 0
    done = shell(repo, "wait", "--study", "three")
    assert (done.returncode, done.stdout) == (1, "")
    assert "gives no value" in done.stderr


@pytest.mark.slow
def test_a_killed_try_is_finished_by_the_next_one_or_dropped(begun):
    gate = begun.parent / "gate"

    def killed(summary):
        gate.touch()
        process = subprocess.Popen(
            [sys.executable, "-m", "autoresearch_magic", "try", summary], cwd=begun, env={**os.environ, "GATE": str(gate)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        count = len(open_study(begun / ".autoresearch" / "one").experiments)
        with_attempt = f"SELECT count(*) FROM event WHERE kind = 'attempt' AND body LIKE '%: {count}}}'"
        import sqlite3

        wait_for(
            lambda: sqlite3.connect(begun / ".autoresearch/one/journal.sqlite").execute(with_attempt).fetchone()[0]
        )
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        gate.unlink()

    write(begun, app(30))
    killed("smaller")
    run_git(begun, "checkout", "-q", "--detach")
    done = shell(begun, "wait")
    assert (done.returncode, done.stdout) == (1, "")
    assert "tried  smaller  ended before the verdict: the next try finishes experiment 1 first" in done.stderr
    facts = told(shell(begun, "try", "again", "--json"))
    assert (facts["experiment"], facts["summary"], facts["verdict"], facts["finished_first"]) == (
        1,
        "smaller",
        "keep",
        [],
    )
    write(begun, app(29))
    killed("29")
    write(begun, app(28))
    facts = told(shell(begun, "try", "28", "--json"))
    assert (facts["experiment"], facts["verdict"]) == (3, "keep")
    assert facts["finished_first"] == [{"experiment": 2, "verdict": "keep"}]
    assert (
        "Experiment 2, 29, had been begun and not finished, and came first: keep; your version is without its change."
        in facts["text"]
    )
    write(begun, app(27))
    killed("27")
    write(begun, app(26))
    facts = told(shell(begun, "try", "26", "--drop", "--json"))
    assert (facts["experiment"], facts["finished_first"]) == (5, [{"experiment": 4, "verdict": "rejected"}])


@pytest.mark.slow
def test_bad_input_is_one_line(begun, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    one_line(
        shell(empty, "try", "x"), 2, "There is no study in .autoresearch: begin one with  autoresearch begin PROGRAM.md"
    )
    root = str(begun / ".autoresearch")
    one_line(shell(empty, "--root", root, "try", "x"), 2, "in no git repository")
    other = repository(tmp_path / "other", {"a.py": "A = 1\n"})
    one_line(shell(other, "--root", root, "try", "x"), 2, "files of .*repo, and this is .*other")
    one_line(shell(begun, "try", "x", "--study", "nine"), 2, "no study 'nine'")
    one_line(shell(begun, "try", "x"), 2, "the same as the baseline")
    write(begun, {"bench.py": "print('ms: 0')\n"})
    one_line(shell(begun, "try", "x"), 2, r"bench\.py \(frozen.*git checkout")
    one_line(shell(begun, "try", "x", "--background"), 2, r"bench\.py \(frozen.*git checkout")
    run_git(begun, "checkout", "bench.py")
    write(begun, {"README.md": "Bye"})
    one_line(shell(begun, "try", "x"), 2, r"README\.md \(outside the scope")
    run_git(begun, "checkout", "README.md")
    (begun / "src" / "deep").mkdir()
    one_line(
        shell(begun / "src" / "deep", "try", "x"), 2, f"no study in .autoresearch, but in {begun} there is: work there"
    )
    write(begun, app(30))
    assert shell(begun, "begin", "program.md").returncode == 2  # what is not committed is no baseline
    run_git(begun, "stash")
    assert shell(begun, "begin", "program.md", "--name", "two").returncode == 0
    run_git(begun, "stash", "pop")
    with FileLock(str(begun / ".autoresearch" / "two" / "lock")):
        one_line(
            shell(begun, "try", "x", "--study", "one"),
            2,
            "Another process is working on the study two, and that would disturb",
        )
        one_line(shell(begun, "finish", "--study", "one"), 2, "Another process is working on the study two")
    run_git(begun, "checkout", "src")
    one_line(shell(begun, "try", "x", "--target", "src/app.py"), 2, "name no file")
    one_line(shell(begun, "begin", "none.md"), 2, "cannot be read")
    assert len(open_study(begun / ".autoresearch" / "one").experiments) == 1


@pytest.mark.slow
def test_a_file_of_its_own(tmp_path):
    (tmp_path / "train.py").write_text(QUICK)
    (tmp_path / "prepare.py").write_text("Y = 1\n")
    (tmp_path / "program.md").write_text(
        "---\nmetric: loss\nminimize: true\nbudget: 0.1s\nrepeats: 2\n---\n# Lower it\n"
    )
    done = shell(
        tmp_path, "begin", "program.md", "--target", "train.py", "--setup", "prepare.py", "--name", "cell", "-n", "2"
    )
    assert done.returncode == 0, done
    (tmp_path / "train.py").write_text(QUICK.replace("3.0", "2.0"))
    assert shell(tmp_path, "try", "two").returncode == 0
    (tmp_path / "mine.py").write_text(QUICK.replace("3.0", "4.0"))
    done = shell(tmp_path, "try", "--target", "mine.py", "--revert")
    assert done.returncode == 5
    assert "All 2 experiments of the study were made (-n 2)." in done.stdout
    assert (tmp_path / "mine.py").read_text() == QUICK.replace("3.0", "2.0")
    (tmp_path / "prepare.py").write_text("Y = 2\n")
    one_line(shell(tmp_path, "try", "x"), 2, r"prepare\.py has changed since cell began, and it is frozen")


# -- in a notebook ---------------------------------------------------------------------------------------------------------------


def ask(session, line, cell=None):
    reply = run_line(session, line, cell)
    return reply.work(lambda share, text: None) if reply.work else reply


@pytest.fixture
def session(tmp_path):
    yield Session(tmp_path / "studies")
    if (study := registry.running()) is not None:
        study.stop()


@pytest.mark.slow
def test_a_students_idea_gets_an_honest_verdict(session, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_studies", {})
    run_line(session, "target", QUICK)
    run_line(session, "program --metric loss --minimize --repeats 2 --budget 0.05s -n 3", "# Lower it\n")
    reply = ask(session, 'try "two is nearer" --hypothesis "closer" --expect "-3"', QUICK.replace("3.0", "2.0"))
    assert reply.text.startswith("Experiment 1 of ")
    assert "kept, it is the best version now. loss 1 (2 runs) against 4 (2 runs) of the baseline." in reply.text
    assert "%%autoresearch try SUMMARY" in reply.text
    assert "lets tuner go on" in reply.text
    assert reply.data["verdict"] == "keep"
    (tmp_path / "mine.py").write_text(QUICK.replace("3.0", "5.0"))
    reply = ask(session, f"try {tmp_path / 'mine.py'} five is lucky")
    assert (reply.data["summary"], reply.data["verdict"]) == ("five is lucky", "discard")
    with pytest.raises(UserError, match=r"into a cell below  %%autoresearch try SUMMARY"):
        run_line(session, "try words alone")
    with pytest.raises(UserError, match="the same as experiment 1"):
        ask(session, "try", QUICK.replace("3.0", "2.0"))
    end = run_line(session, "finish")
    end.wait[0].wait()
    assert "loss 1 (sd 0) against a baseline of 4" in end.then().text


@pytest.mark.slow
def test_a_try_in_a_repository_from_a_notebook(session, repo, monkeypatch):
    monkeypatch.setattr(registry, "_studies", {})
    run_line(session, "program", FILES["program.md"])
    session.options = {"repo": str(repo), "agent": "me"}
    with pytest.raises(UserError, match="with one % and no cell"):
        ask(session, "try", "X = 1\n")
    write(repo, app(30))
    with pytest.raises(UserError, match="not committed"):  # a new study starts from a clean checkout
        ask(session, "try smaller")
    run_git(repo, "checkout", "src")
    study = Study(repo / "program.md", repo=str(repo), agent="me", root=session.root).begin()
    assert study.wait(60)
    write(repo, app(30))
    reply = ask(session, "try smaller")
    assert (reply.data["verdict"], reply.data["summary"]) == ("keep", "smaller")
    assert "the branch autoresearch/" in reply.text
    assert "%autoresearch try SUMMARY" in reply.text
    with pytest.raises(UserError, match="nothing to try"):
        ask(session, "try again")


@pytest.mark.slow
def test_an_interrupt_leaves_the_study_running(session, monkeypatch):
    monkeypatch.setattr(registry, "_studies", {})
    run_line(session, "target", "import time\n" + QUICK)
    run_line(session, "program --metric loss --minimize --repeats 2 --budget 0.05s -n 3", "# Lower it\n")
    reply = run_line(session, "try", "import time\ntime.sleep(1)\n" + QUICK.replace("3.0", "2.0"))

    def interrupted(share, text):
        raise KeyboardInterrupt

    with pytest.raises(UserError, match=r"Stopped waiting; .* goes on with your version"):
        reply.work(interrupted)
    study = registry.running()
    assert study is not None
    waiting = run_line(session, "wait")
    assert waiting.wait[0].wait(60)
    assert "kept, it is the best version now" in waiting.then().text
