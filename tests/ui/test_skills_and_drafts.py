"""Skills, drafts of programs from goals, and repository studies, through the commands a user types."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from autoresearch_magic.config.skills import find_skill
from autoresearch_magic.errors import UserError
from autoresearch_magic.events import Notice
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui import cli
from autoresearch_magic.ui.commands.table import run
from autoresearch_magic.ui.session import Session

ANSWER = """
```
Metric: ms
Direction: lower is better
Scope: near.py
Verify: {verify}
Guard: python -m unittest discover -q -s tests
Why Verify: it prints the time of the fastest round
```
"""


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("AUTORESEARCH_SKILLS", raising=False)


@pytest.fixture
def session(tmp_path):
    return Session(root=tmp_path / ".autoresearch")


def git(folder, *arguments):
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def model(tmp_path, *replies):
    """Return an agent that gives these replies in order, and the file that records its prompts."""
    prompts, script = tmp_path / "prompts.jsonl", tmp_path / "model.py"
    script.write_text(
        "import json, sys\nfrom pathlib import Path\n"
        f"prompts = Path({str(prompts)!r})\nbefore = prompts.read_text().splitlines() if prompts.exists() else []\n"
        "prompts.write_text('\\n'.join([*before, json.dumps(sys.stdin.read())]) + '\\n')\n"
        f"print({list(replies)!r}[len(before)])\n"
    )
    return f"command:{shlex.join([sys.executable, str(script)])}", prompts


def test_skills_are_listed(session):
    reply = run(session, "skills")
    assert "speed" in reply.text
    assert "| `speed` |" in reply.markdown
    mine = Path(".autoresearch/skills/mine")
    mine.mkdir(parents=True)
    (mine / "SKILL.md").write_text("---\nname: mine\ndescription: Does it.\n---\n# Mine\n")
    (mine.parent / "broken").mkdir()
    (mine.parent / "broken" / "SKILL.md").write_text("# No front matter\n")
    reply = run(session, "skills")
    assert re.search(r"mine +Does it\. \(.*skills/mine\)", reply.text)
    assert "broken/SKILL.md has no front matter" in reply.text


@pytest.mark.slow
def test_a_skill_is_put_into_the_next_cell_and_runs(session):
    reply = run(session, "skill speed --example demo")
    first, _, body = reply.next_cell.partition("\n")
    assert first == "%%autoresearch --repo demo"
    assert body.strip() == find_skill("speed").text
    started = run(session, first.removeprefix("%%autoresearch") + " -n 2", body)
    started.watch.wait()
    assert started.watch.state == "finished", started.watch.status.message
    assert len(started.watch.experiments) == 3
    assert git("demo", "status", "--porcelain") == ""
    assert run(session, "skill speed --example other --no-cell").next_cell == ""
    with pytest.raises(UserError, match="not empty"):
        run(session, "skill speed --example demo")
    with pytest.raises(UserError, match="did you mean speed"):
        run(session, "skill sped")


@pytest.mark.slow
def test_best_shows_the_change_and_apply_commits_it(session):
    run(session, "skill fix --example demo")
    study = run(session, "--repo demo --agent recorded:fix --repeats 1", find_skill("fix").text).watch
    study.wait()
    shown = run(session, "best")
    assert "+++ b/words/" in shown.text
    assert "```diff" in shown.markdown
    with pytest.raises(UserError, match="apply 1"):
        run(session, "restore 1")
    subprocess.run(["git", "config", "user.name", "A"], cwd="demo", check=True)
    subprocess.run(["git", "config", "user.email", "a@example.org"], cwd="demo", check=True)
    reply = run(session, "apply")
    assert git("demo", "rev-parse", "HEAD").startswith(re.search(r"as (\w+),", reply.text)[1])
    assert git("demo", "status", "--porcelain") == ""
    assert git("demo", "log", "-1", "--format=%s").strip() == "errors 10 -> 0"
    with pytest.raises(UserError, match="already has"):
        run(session, "apply")
    run(session, "export best.patch")
    clone = subprocess.run(["git", "worktree", "add", "-q", "../fresh", "HEAD~1"], cwd="demo", check=True)
    assert clone.returncode == 0
    git("fresh", "apply", "--check", "../best.patch")
    run(session, "export again.ipynb")
    cells = json.loads(Path("again.ipynb").read_text())["cells"]
    start = next(cell["source"] for cell in cells if cell["cell_type"] == "code" and "%%autoresearch" in cell["source"])
    assert "--repo demo" in start
    assert "--verify 'python checks.py'" in start


@pytest.mark.slow
def test_init_copies_an_example_that_runs(capsys):
    assert cli.main(["init", "speed", "demo"]) == 0
    assert "autoresearch run demo/program.md" in capsys.readouterr().out
    assert cli.main(["run", "demo/program.md", "-n", "2", "--name", "fast"]) in (0, 3)
    assert "autoresearch/fast" in git("demo", "branch")
    assert cli.main(["skills"]) == 0
    assert "api-latency" in capsys.readouterr().out
    assert cli.main(["init"]) == 2


@pytest.mark.slow
def test_a_goal_becomes_a_program_that_runs(session, tmp_path):
    run(session, "skill speed --example demo --no-cell")
    agent, prompts = model(tmp_path, ANSWER.format(verify="python bench.py"))
    reply = run(session, f"plan --repo demo --agent {shlex.quote(agent)} find the close pairs sooner")
    shares = []
    drafted = reply.work(lambda share, words: shares.append((share, words)))
    assert shares[-1][0] == 1.0
    assert "Nothing has started" in drafted.text
    assert "seat belt, not a sandbox" in drafted.text
    assert "near.py" in json.loads(prompts.read_text().splitlines()[0])
    first, _, body = drafted.next_cell.partition("\n")
    assert "Verify: python bench.py" in body
    study = run(
        session, first.removeprefix("%%autoresearch").replace(shlex.quote(agent), "tuner") + " -n 1", body
    ).watch
    study.wait()
    assert study.state == "finished", study.status.message
    assert git("demo", "worktree", "list").count("\n") == 1  # the user's alone: runs have exports


@pytest.mark.slow
def test_dangerous_commands_are_refused_and_failed_drafts_are_sent_back(session, tmp_path):
    run(session, "skill speed --example demo --no-cell")
    agent, prompts = model(
        tmp_path, ANSWER.format(verify="rm -rf tests && python bench.py"), ANSWER.format(verify="echo nothing"),
        ANSWER.format(verify="python bench.py"),
    )  # fmt: skip
    Path("program.txt").write_text("")
    session.program = None
    drafted = run(session, f"plan --repo demo --agent {shlex.quote(agent)} be quick").work(lambda *_: None)
    assert "Verify: python bench.py" in drafted.next_cell
    second, third = (json.loads(line) for line in prompts.read_text().splitlines()[1:])
    assert "must not be run" in second
    assert "ms" in third
    assert Path("demo/tests/test_near.py").exists()
    assert git("demo", "status", "--porcelain") == ""


@pytest.mark.slow
def test_a_draft_is_made_without_what_is_hidden(session, tmp_path):
    run(session, "skill speed --example demo --no-cell")
    Path("demo/README.md").write_text("the answer is 31415926\n")
    Path("demo/check.py").write_text("wanted_value = 31415926\nassert 0, wanted_value\n")
    git("demo", "add", "-A")
    git("demo", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "more")
    agent, prompts = model(tmp_path, ANSWER.format(verify="python check.py"), ANSWER.format(verify="python bench.py"))
    line = f"plan --repo demo --hide 'README.md check.py' --agent {shlex.quote(agent)} be quick"
    drafted = run(session, line).work(lambda *_: None)
    asked = prompts.read_text()
    assert "check.py" in asked
    assert "31415926" not in asked
    assert "--hide 'README.md check.py'" in drafted.next_cell.partition("\n")[0]
    with pytest.raises(UserError, match=r"--hide nowhere.py: git tracks no such file"):
        run(session, f"plan --repo demo --hide nowhere.py --agent {shlex.quote(agent)} be quick")


@pytest.mark.slow
def test_a_program_with_a_goal_alone_is_drafted_too(session, tmp_path):
    run(session, "skill speed --example demo --no-cell")
    agent, _ = model(tmp_path, ANSWER.format(verify="python bench.py"))
    run(session, f"program --repo demo --agent {shlex.quote(agent)}", "Goal: find the close pairs sooner\n")
    assert "Verify: python bench.py" in run(session, "plan").work(lambda *_: None).next_cell
    with pytest.raises(UserError, match="language model"):
        run(session, "plan --repo demo --agent tuner be quick")


@pytest.mark.slow
def test_a_plan_of_a_repository_leaves_nothing_behind(session):
    run(session, "skill speed --example demo --no-cell")
    run(session, "program --repo demo --repeats 2", find_skill("speed").text)
    reply = run(session, "plan").work(lambda *_: None)
    assert "The command runs: ms" in reply.text
    assert "The guard passes" in reply.text
    assert git("demo", "worktree", "list").count("\n") == 1
    assert git("demo", "branch").split() == ["*", "main"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--repo demo --scope near.py --verify 'rm -rf src; python bench.py' --metric ms", "not run, because it"),
        ("--repo demo --scope near.py --verify 'git push && python bench.py' --metric ms", "not run, because it"),
        ("--repo demo --scope nowhere.py --verify 'python bench.py' --metric ms", "no tracked file"),
        ("--repo nowhere --scope near.py --verify 'python bench.py' --metric ms", "There is no folder"),
        ("--repo demo --scope near.py --verify 'python bench.py' --metric 'ms=re:('", "not a regular expression"),
        ("--repo demo --scope near.py --metric ms", "verify"),
    ],
)
def test_impossible_options_are_one_line(session, line, says):
    run(session, "skill speed --example demo --no-cell")
    with pytest.raises(UserError, match=says) as caught:
        run(session, line, "# A goal\n")
    assert "\n" not in str(caught.value)
    assert not Path(".autoresearch").exists()


@pytest.mark.slow
def test_program_keys_may_follow_the_magic_on_its_line(session):
    run(session, "skill speed --example demo --no-cell")
    study = run(session, "Iterations: 1 --repo demo", find_skill("speed").text.replace("Iterations: 24\n", "")).watch
    study.wait()
    assert study.settings.experiments == 1


@pytest.mark.slow
def test_a_study_on_a_detached_head_says_so(session):
    run(session, "skill fix --example demo --no-cell")
    git("demo", "checkout", "--quiet", "--detach")
    seen = []
    study = Study(
        find_skill("fix").text, repo="demo", agent="recorded:fix", repeats=1, experiments=1, observers=[seen.append]
    )
    study.start().wait()
    assert any("detached" in event.message for event in seen if isinstance(event, Notice))
    assert len(study.experiments) == 2
    with pytest.raises(UserError, match="detached"):
        run(session, "apply")
