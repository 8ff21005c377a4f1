"""Studies whose agent edits files: a real program in real folders, one time in five misbehaving, and a process that is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from autoresearch_magic.events import Notice
from autoresearch_magic.experiment import Verdict
from autoresearch_magic.source.files import split
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.study import Study

from ..command_line import shell
from ..repositories import add_hooks, commit, repository, run_git, state, write
from ..studies import finish, wait_for

STAND_IN = Path(__file__).parents[1] / "agents" / "editing" / "stand_in.py"
FILES = {
    "src/app.py": "SIZE = 400\n\n\ndef cost():\n    return SIZE\n",
    "src/util.py": "NAME = 'x'\n",
    "bench.py": "import sys\nsys.path.insert(0, 'src')\nimport app\nprint('ms:', app.cost())\n",
}
GOOD = (
    "value = 390 - 7 * number + 40 * (number % 3); edit('src/app.py', Path('src/app.py').read_text().replace("
    "[l for l in Path('src/app.py').read_text().splitlines() if l.startswith('SIZE')][0], f'SIZE = {value}')); "
)
BAD = [
    "edit('bench.py', 'print(\"ms: 0\")\\n'); edit('README.md', 'mine'); say('fake the number')",
    "print('I see nothing that would help.')",
    GOOD + "time.sleep(3600)",
    GOOD + "os.kill(os.getpid(), 9)",
    GOOD + "print('x' * 2**20); say(f'much talk {number}')",
    GOOD + "stop('usage limit reached, try again in 1 second')",
]
"""Edits elsewhere, edits nothing, hangs, dies, prints a megabyte, is at its quota."""


def plan_of(questions):
    """Return what the stand-in does, a line a question: one time in five it misbehaves."""
    lines, bad = [], 0
    for number in range(questions):
        if number % 5 == 2:
            lines.append(BAD[bad % len(BAD)])
            bad += 1
        else:
            lines.append(GOOD + "say(f'size {value}')")
    return lines


def editor(folder, lines):
    """Return the name of an agent that follows a plan; its questions are files ``asked-000``, ..."""
    (folder / "plan").write_text("\n".join(lines))
    return f"editor:{sys.executable} -S {STAND_IN} {folder / 'plan'} {folder / 'asked'}"


def questions(folder):
    return len(list(folder.glob("asked-*")))


def working():
    """Return the processes of the stand-in."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and str(STAND_IN) in process.cmdline():
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_thirty_experiments_with_a_program_that_misbehaves_one_time_in_five_and_a_kill(tmp_path):
    repo = repository(tmp_path / "repo", FILES)
    write(repo, {"src/util.py": "NAME = 'y'\n"})
    run_git(repo, "stash")
    run_git(repo, "branch", "other")
    run_git(repo, "tag", "mine")
    add_hooks(repo, tmp_path / "hooks.log")
    before = state(repo)
    scratch, studies = tmp_path / "tmp", tmp_path / "studies"
    scratch.mkdir()
    studies.mkdir()
    write(tmp_path, {"program.md": "# Make it small\n"})
    agent = editor(tmp_path, plan_of(60))
    cli = [sys.executable, "-m", "autoresearch_magic"]
    env = {**os.environ, "TMPDIR": str(scratch), "PYTHONWARNINGS": ""}
    with open(tmp_path / "said", "w") as said:
        process = subprocess.Popen(
            [*cli, "run", str(tmp_path / "program.md"), "--repo", str(repo), "--scope", "src/**", "--verify", "python bench.py", "--metric",
             "ms", "--minimize", "-n", "30", "--repeats", "2", "--agent", agent, "--reply-timeout", "8s", "--name", "one", "--sandbox", "off"],
            cwd=studies, env=env, stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip
        root = studies / ".autoresearch"

        def halfway():
            assert process.poll() is None, (tmp_path / "said").read_text()[-3000:]
            return questions(tmp_path) > 18 and working()  # the one that dies has been taken note of

        try:
            wait_for(halfway, 240)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    wait_for(lambda: not working())
    assert state(repo) == before
    left = list(scratch.glob("autoresearch-agent-*"))
    for folder in left:  # as if that was longer ago
        os.utime(folder, (time.time() - 600,) * 2)
    recorded = [e.number for e in open_study("one", root).experiments]
    done = shell(studies, "resume", "one", env=env, timeout=400)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert state(repo) == before
    assert not (tmp_path / "hooks.log").exists()
    assert not any(folder.exists() for folder in left)
    assert not list(scratch.glob("autoresearch-agent-*"))

    study = open_study("one", root)
    experiments = study.experiments
    assert sum(e.ran for e in experiments if e.number) == 30
    assert [e.number for e in experiments] == list(range(len(experiments)))
    assert recorded == [e.number for e in experiments][: len(recorded)]
    verdicts = Counter(e.verdict for e in experiments)
    assert verdicts[Verdict.KEEP] >= 2
    assert verdicts[Verdict.CRASH] == 0
    refused = [e for e in experiments if e.proposal.failure]
    assert {e.verdict for e in refused} == {Verdict.REJECTED}
    assert any("has changed only what is not to be changed: README.md, bench.py." in e.reason for e in refused)
    assert any("I see nothing that would help." in e.reason for e in refused)
    with Journal(root / "one" / "journal.sqlite") as journal:
        failed = [body["message"] for _, kind, body in journal.notes() if kind == "call failed"]
    assert any("was ended. What it had changed until then is not used." in line for line in failed)
    assert any("ended with SIGKILL. What it had changed until then is not used." in line for line in failed)
    assert any(e.summary.startswith("much talk") for e in experiments)
    # Every question is accounted for: an experiment, a failed call, a limit that was waited out, or open when the process ended.
    limits = sum("usage limit reached" in line for line in plan_of(60)[: questions(tmp_path)])
    missing = questions(tmp_path) - (len(experiments) - 1) - len(failed) - limits
    assert 0 <= missing <= 4, (questions(tmp_path), len(experiments), failed, limits)
    assert all(set(split(e.target)) == {"src/app.py", "src/util.py"} for e in experiments)


@pytest.mark.slow
def test_ten_experiments_on_a_cell(make_study, tmp_path):
    change = (
        "text = Path('target.py').read_text(); edit('target.py', text.replace(text.splitlines()[0], f'X = {2.7 - number * 0.3:.2f}')); "
        "import subprocess; subprocess.run([sys.executable, '-c', Path('setup.py').read_text() + Path('target.py').read_text()], check=True); "
    )
    agent = editor(
        tmp_path,
        [change + "say(f'X down, step {number}')"] * 3
        + ["edit('setup.py', 'Y = 0\\n'); say('cheat')"]
        + [change + "say(f'{number}')"],
    )
    study = make_study(
        "X = 3.0\nloss = (X - Y) ** 2\n", "Y = 1.0\n", agent=agent, experiments=10, repeats=1, sandbox="off"
    )
    finish(study, 120)
    ran = [e for e in study.experiments if e.ran and e.number]
    assert len(ran) == 10
    assert all(e.proposal.agent == agent[: len(e.proposal.agent)] for e in ran)
    told = study.briefing()
    assert "You improve one Python file, target.py" in told
    assert "===== history.md" in told
    [cheat] = [e for e in study.experiments if e.proposal.failure]
    assert "has changed only what is not to be changed: setup.py." in cheat.reason
    assert study.incumbent.value < 0.5


@pytest.mark.slow
def test_a_hybrid_with_the_tuner(make_study, tmp_path):
    change = "text = Path('target.py').read_text(); edit('target.py', text + f'loss = loss * {0.9 - number / 100}\\n'); say(f'scale {number}')"
    study = make_study(agent=f"hybrid:{editor(tmp_path, [change])}+tuner", experiments=6, sandbox="off")
    finish(study, 120)
    agents = Counter(e.proposal.agent.partition(":")[0] for e in study.experiments if e.ran and e.number)
    assert agents.keys() == {"editor", "tuner"}


@pytest.mark.slow
def test_the_next_folder_is_made_while_the_experiment_runs(make_study, tmp_path):
    """The first experiment ends only when the second question has been asked."""
    waiting = (
        f"import pathlib, time\nfor _ in range(400):\n    if X == 3.0 or pathlib.Path({str(tmp_path / 'asked-001')!r}).exists():\n        break\n"
        "    time.sleep(0.05)\nelse:\n    raise TimeoutError\nloss = X\n"
    )
    change = "text = Path('target.py').read_text(); edit('target.py', text.replace(text.splitlines()[0], f'X = {2.5 - number / 10}')); say('less')"
    study = make_study(
        f"X = 3.0\n{waiting}", agent=editor(tmp_path, [change]), experiments=2, repeats=1, timeout="60s", sandbox="off"
    )
    finish(study, 120)
    assert [e.verdict for e in study.experiments if e.ran][1:].count(Verdict.CRASH) == 0
    assert "runs now: less" in (tmp_path / "asked-001").read_text()


@pytest.mark.slow
def test_three_answers_without_a_change_end_the_search(make_study, tmp_path):
    study = make_study(agent=editor(tmp_path, ["print('Nothing to do.')"]), experiments=10, repeats=1, sandbox="off")
    study.start()
    assert study.wait(60)
    assert questions(tmp_path) <= 4
    assert "Nothing to do." in study.status.message
    assert study.state == "failed"  # nothing was kept, so there is nothing to confirm


@pytest.mark.slow
def test_a_machine_reads_plan_and_status_with_such_an_agent(tmp_path):
    repo = repository(tmp_path / "repo", FILES)
    commit(repo, {".gitignore": ".autoresearch/\n__pycache__/\n"})
    write(tmp_path, {"program.md": "# Make it small\n"})
    agent = editor(tmp_path, [GOOD + "say('x')"])
    options = [
        "--repo",
        str(repo),
        "--scope",
        "src/**",
        "--verify",
        "python bench.py",
        "--metric",
        "ms",
        "--minimize",
        "-n",
        "1",
        "--sandbox",
        "off",
        "--repeats",
        "2",
    ]

    def call(*words):
        done = shell(repo, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    call("run", str(tmp_path / "program.md"), *options, "--agent", agent, "--name", "one")
    known = json.loads(call("history", "one", "--json"))
    assert "editor" in json.dumps(known)


@pytest.mark.slow
def test_a_change_of_the_checkout_is_told_also_where_the_study_is_stopped(tmp_path):
    repo = repository(tmp_path / "repo", FILES)
    seen = []
    study = Study(
        "# Small", metric="ms", minimize=True, scope="src/**", verify="python bench.py", repo=str(repo), root=tmp_path / "studies", repeats=1,
        agent=editor(tmp_path, [f"edit({str(repo / 'bench.py')!r}, 'print(1)\\n'); time.sleep(3600)"]), observers=[seen.append], sandbox="off",
    )  # fmt: skip
    study.start()
    wait_for(lambda: (repo / "bench.py").read_text() == "print(1)\n")
    study.stop(wait=True)
    wait_for(lambda: any("bench.py" in e.message and "is restored" in e.message for e in seen if isinstance(e, Notice)))
    assert (repo / "bench.py").read_text() == FILES["bench.py"]
    assert study.state == "stopped"
