"""Agents that edit files, with a real program in a real folder."""

import os
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from autoresearch_magic.agents.base import Briefing, Rework
from autoresearch_magic.agents.editing.adapters import ADAPTERS
from autoresearch_magic.agents.editing.agent import EditingAgent
from autoresearch_magic.agents.registry import make_agent
from autoresearch_magic.config.settings import Settings
from autoresearch_magic.errors import CallFailed, ProposalFailed, Stopped, UserError
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Usage, Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.source.files import split

from ...repositories import opened, repository, run_git, state, write

pytestmark = pytest.mark.slow  # folders, git and programs for most of them

STAND_IN = Path(__file__).with_name("stand_in.py")
FILES = {
    "src/app.py": "SIZE = 40\n",
    "src/util.py": "Y = 2\n",
    "bench.py": "import sys\nsys.path.insert(0, 'src')\nimport app\nprint('ms:', app.SIZE)\n",
    "README.md": "Hello\n",
}
CELL = "x = 3.0\nloss = (x - 1) ** 2\n"


def experiment(number, target, verdict, value=1.0, reason="", summary="baseline", **run):
    outcome = Outcome.OK if value is not None else Outcome.CRASH
    measured = Measurement(outcome, value, 0, **run)
    return Experiment(number, 0 if number else None, Proposal(target, summary), "", verdict, reason, (measured,))


def briefing(target=CELL, **fields):
    baseline = experiment(0, target, Verdict.BASELINE)
    known = {
        "program": "Lower the loss.", "setup": "", "metric": Metric("loss", "loss", True), "incumbent": baseline, "history": (baseline,),
        "noise": 0.1, "budget": "20s",
    }  # fmt: skip
    return Briefing(**known | fields)


@pytest.fixture
def repo(tmp_path):
    return repository(tmp_path / "repo", FILES)


@pytest.fixture
def in_repo(repo):
    checkout, target = opened(repo, ("src/**",), "python bench.py")

    def make(**fields):
        known = {
            "verify": "python bench.py",
            "scope": checkout.scope,
            "checkout": checkout,
            "tracked": checkout.tracked,
            "budget": "",
        }
        return briefing(target, **known | fields)

    return make


@pytest.fixture
def agent(tmp_path):
    """Return a function that makes an agent whose program does one line of Python a question."""

    def make(*plan, argument=False, **settings):
        (tmp_path / "plan").write_text("\n".join(plan))
        line = f"editor:{sys.executable} -S {STAND_IN} {tmp_path / 'plan'} {tmp_path / 'asked'}{' {text}' if argument else ''}"
        made = make_agent(line, "", Settings(metric="loss", **{"sandbox": "off", **settings}), tmp_path / "studies")
        assert isinstance(made, EditingAgent)
        return made

    return make


def asked(tmp_path, number=0):
    return (tmp_path / f"asked-{number:03d}").read_text()


def refused(agent, brief, kind=ProposalFailed):
    with pytest.raises(kind) as caught:
        agent.propose(brief)
    assert "\n" not in str(caught.value)
    return caught.value


def test_what_it_changed_within_the_scope_is_the_proposal(agent, in_repo, repo):
    before = state(repo)
    made = agent(
        "edit('src/app.py', 'SIZE = 30\\n'); edit('src/new.py', 'A = 1\\n'); say('smaller', 'it is shorter', '<expect>-10</expect>')"
    )
    proposal = made.propose(in_repo())
    assert split(proposal.target) == {"src/app.py": "SIZE = 30\n", "src/new.py": "A = 1\n", "src/util.py": "Y = 2\n"}
    assert (proposal.summary, proposal.hypothesis, proposal.expect) == ("smaller", "it is shorter", "-10")
    assert proposal.agent == made.name
    assert proposal.agent.startswith("editor:")
    assert "Lower the loss." in proposal.prompt or "program.md" in proposal.prompt
    assert state(repo) == before


def test_a_cell_is_changed_in_target_py(agent, tmp_path):
    made = agent(
        "edit('target.py', **{'3.0': '1.5'}); print(sorted(os.listdir())); print('Set x nearer to one. It is quadratic.')"
    )
    proposal = made.propose(briefing(setup="import math\n", notes=("be bold",)))
    assert proposal.target == CELL.replace("3.0", "1.5")
    assert (
        proposal.summary == "['.git', 'history.md', 'notes.md', 'program.md', 'results.tsv', 'setup.py', 'target.py']"
    )


@pytest.mark.parametrize("argument", [False, True])
def test_the_instructions_reach_it_by_standard_input_or_as_an_argument(agent, in_repo, tmp_path, argument):
    made = agent("edit('src/app.py', 'SIZE = 1\\n')", argument=argument)
    made.propose(in_repo(guard="python check.py", ideas=("3: fewer steps",), others=2))
    text = asked(tmp_path)
    for said in ("`python bench.py`", "loss is read", "lower is better", "`src/**`", "`bench.py`", "3: fewer steps", "2 other questions",
                 "`python check.py` must pass", "10m", "`history.md`", "<summary>"):  # fmt: skip
        assert said in text, said


@pytest.mark.parametrize(
    ("words", "summary"),
    [
        ("Done! I replaced the loop by a formula. Tests pass.", "I replaced the loop by a formula"),
        ("## What I did\n\n- **Halved** `SIZE` in the app", "Halved SIZE in the app"),
        ("我把循环换成了公式。测试通过。", "我把循环换成了公式"),
        ("", "change src/app.py"),
        ("<summary>one</summary> no, better:\n<summary>two</summary>", "two"),
        ("```\n<summary>code</summary>\n```\nHalved the size of the list.", "Halved the size of the list"),
    ],
)
def test_its_first_sentence_is_the_summary_where_it_gives_none(agent, in_repo, words, summary):
    proposal = agent(f"edit('src/app.py', 'SIZE = 1\\n'); print({words!r})").propose(in_repo())
    assert proposal.summary == summary


def test_instructions_that_it_repeats_are_not_taken_for_its_words(agent, in_repo, tmp_path):
    made = agent(
        "edit('src/app.py', 'SIZE = 1\\n'); print(asked); print('Halved the size of the list.')".replace(
            "print(asked)", f"print(Path({str(tmp_path / 'asked-000')!r}).read_text())"
        )
    )
    proposal = made.propose(in_repo(ideas=("3: fewer steps",)))
    assert proposal.summary == "Halved the size of the list"
    assert (proposal.hypothesis, proposal.ideas, proposal.tries) == ("", (), ())


def test_ideas_and_the_number_of_the_one_that_it_tries(agent, in_repo):
    made = agent(
        "edit('src/app.py', 'SIZE = 1\\n'); say('a', more='<ideas>- use a heap\\n- cache it</ideas>\\n<idea>3</idea>')"
    )
    proposal = made.propose(in_repo(ideas=("3: fewer steps",)))
    assert (proposal.ideas, proposal.tries) == (("use a heap", "cache it"), (3,))


def test_nothing_changed_is_told_with_its_words(agent, in_repo):
    failed = refused(agent("print('There is nothing left to improve here.')"), in_repo())
    assert failed.unchanged
    assert str(failed).endswith('has changed nothing. It says: "There is nothing left to improve here."')
    assert failed.output == "There is nothing left to improve here."


def test_comments_alone_are_no_change(agent, in_repo):
    failed = refused(agent("edit('src/app.py', 'SIZE  =  40  # well\\n')"), in_repo())
    assert failed.unchanged
    assert "only layout, comments or docstrings" in str(failed)


def test_changes_elsewhere_are_not_taken_and_told_to_it_once(agent, in_repo, tmp_path):
    made = agent(
        "edit('bench.py', 'print(0)\\n'); edit('README.md', 'x'); say('cheat')", "edit('bench.py', 'print(0)\\n'); edit('src/app.py', 'SIZE = 1\\n')",
        "edit('src/app.py', 'SIZE = 2\\n')", "edit('src/app.py', 'SIZE = 3\\n')",
    )  # fmt: skip
    failed = refused(made, in_repo())
    assert failed.unchanged
    assert "has changed only what is not to be changed: README.md, bench.py." in str(failed)
    proposal = made.propose(in_repo())
    assert split(proposal.target) == {"src/app.py": "SIZE = 1\n", "src/util.py": "Y = 2\n"}
    assert proposal.reply.endswith("[Not taken: bench.py.]")
    made.propose(in_repo())
    made.propose(in_repo())
    told = [f"You changed {named}: that is not what you may change" for named in ("README.md, bench.py", "bench.py")]
    assert [[each in asked(tmp_path, n) for each in told] for n in range(4)] == [
        [False] * 2,
        [True, False],
        [False, True],
        [False] * 2,
    ]


def test_it_may_run_what_the_repository_has(agent, in_repo):
    made = agent(
        "import subprocess; edit('src/app.py', 'SIZE = 5\\n'); print(subprocess.check_output(['python', 'bench.py'], text=True), 'is the number now')"
    )
    assert made.propose(in_repo()).reply.startswith("ms: 5")


def test_a_crash_is_no_reply_and_half_a_change_is_not_used(agent, in_repo):
    failed = refused(agent("edit('src/app.py', 'SIZE = 1\\n'); stop('out of ideas')"), in_repo(), CallFailed)
    assert str(failed).endswith("ended with exit code 1: out of ideas. What it had changed until then is not used.")
    failed = refused(agent("os.kill(os.getpid(), 9)"), in_repo(), CallFailed)
    assert str(failed).endswith("ended with SIGKILL.")


@pytest.mark.slow
def test_a_hang_is_ended_and_half_a_change_is_not_used(agent, in_repo):
    made = agent("edit('src/app.py', 'SIZE = 1\\n'); time.sleep(60)", reply_timeout=4.0)
    failed = refused(made, in_repo(), CallFailed)
    assert "was ended. What it had changed until then is not used." in str(failed)


def test_a_megabyte_is_read_and_kept_short(agent, in_repo):
    made = agent("edit('src/app.py', 'SIZE = 1\\n'); print('x' * 2**20); print('<summary>much</summary>')")
    proposal = made.propose(in_repo())
    assert proposal.summary == "much"
    assert len(proposal.reply) < 25_000
    failed = refused(agent("print('x' * 2**24)"), in_repo(), CallFailed)
    assert "wrote more than 4 MiB and was ended" in str(failed)


def test_a_limit_is_waited_out_and_asked_again_in_a_new_folder(agent, in_repo):
    waits = []
    made = agent(
        "edit('src/app.py', 'SIZE = 1\\n'); stop('usage limit reached, try again in 5 minutes')",
        "edit('src/util.py', 'Y = 1\\n')",
    )
    proposal = made.propose(in_repo(wait=lambda seconds, reason: waits.append((seconds, reason)) if reason else None))
    assert split(proposal.target) == {"src/app.py": "SIZE = 40\n", "src/util.py": "Y = 1\n"}
    [(seconds, reason)] = waits
    assert seconds == 300
    assert "usage limit reached" in reason
    assert "What it had changed until then is not used." in reason


def test_a_missing_login_ends_the_search(agent, in_repo):
    failed = refused(agent("stop('Error: not logged in')"), in_repo(), UserError)
    assert "not logged in" in str(failed)


def test_a_stop_ends_it_at_once_and_leaves_no_folder(agent, in_repo, tmp_path):
    stop = threading.Event()

    def wait(seconds, reason):
        if (tmp_path / "asked-000").exists() and (tmp_path / "here").exists():
            stop.set()
            raise Stopped

    paid = []
    made = agent(f"Path({str(tmp_path / 'here')!r}).write_text(os.getcwd()); time.sleep(60)")
    with pytest.raises(Stopped):
        made.propose(in_repo(wait=wait, paid=lambda usage: paid.append(usage) or True))
    assert stop.is_set()
    assert not Path((tmp_path / "here").read_text()).exists()
    assert [each.calls for each in paid] == [0]


def test_a_rework_starts_from_the_refused_proposal_with_the_output_in_a_file(agent, in_repo, tmp_path):
    brief = in_repo()
    target = brief.incumbent.target.replace("SIZE = 40", "SIZE = 5")
    rework = Rework(
        Proposal(target, "much smaller"), "The guard ended with exit status 1.", "AssertionError: too small\n"
    )
    made = agent("print(Path('guard-output.txt').read_text()); edit('src/app.py', **{'5': '15'})")
    proposal = made.propose(replace(brief, rework=rework))
    assert split(proposal.target)["src/app.py"] == "SIZE = 15\n"
    assert "AssertionError: too small" in proposal.reply
    assert "much smaller" in asked(tmp_path)


def test_failures_are_in_a_file_with_the_end_of_their_output(agent, in_repo):
    brief = in_repo()
    crash = experiment(
        1, "", Verdict.CRASH, None, "exit status 1", "bolder", output="x" * 9000 + "\nKeyError: 'size'\n"
    )
    made = agent("edit('src/app.py', 'SIZE = 1\\n'); print(Path('failures.md').read_text())")
    said = made.propose(replace(brief, history=(*brief.history, crash))).reply
    assert "# 1: bolder (crash)" in said
    assert "KeyError: 'size'" in said
    assert len(said) < 5_000


def test_the_hidden_setup_is_shown_as_names(agent, tmp_path):
    made = agent("edit('target.py', 'x = 2.0\\nloss = x\\n')", hide=("setup",))
    made.propose(briefing(setup="def evaluate(): ...\n", hidden=("setup",)))
    assert "what is in them is kept from you" in asked(tmp_path)


def test_a_deleted_folder_or_target_is_a_line(agent, in_repo):
    failed = refused(agent("import shutil; shutil.rmtree(os.getcwd())"), in_repo())
    assert failed.unchanged
    assert str(failed).endswith("has deleted the folder in which it works.")
    failed = refused(agent("Path('src/app.py').unlink(); Path('src/util.py').unlink()"), in_repo())
    assert str(failed).endswith("has deleted every file of the scope.")
    failed = refused(agent("Path('target.py').unlink()"), briefing())
    assert str(failed).endswith("has changed only what is not to be changed: target.py (deleted).")


def test_a_program_that_is_missing_is_told_before_the_start(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = Settings(metric="loss")
    for name in ADAPTERS:
        made = make_agent(f"{name}:some-model", "", settings, tmp_path)
        assert made.name == f"{name}:some-model"
        assert (made.slow, made.parallel, made.reworks) == (True, True, True)
        with pytest.raises(UserError, match=r"There is no command .*: install it by"):
            made.check()


def test_a_script_that_is_only_found_from_here_is_told_before_the_start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"agent.py": "print(1)\n"})
    made = make_agent(f"editor:{sys.executable} -S agent.py", "", Settings(metric="loss"), tmp_path)
    with pytest.raises(UserError, match=f"write {tmp_path}/agent.py"):
        made.check()


def test_a_coding_agents_own_json_gives_message_cost_and_tokens(in_repo, tmp_path, monkeypatch):
    claude = tmp_path / "bin" / "claude"
    claude.parent.mkdir()
    claude.write_text(
        f"#!{sys.executable} -S\nimport json, sys\nopen('src/app.py', 'w').write('SIZE = 1\\n')\n"
        "usage = {'input_tokens': 10, 'output_tokens': 5, 'cache_read_input_tokens': 0, 'cache_creation_input_tokens': 0}\n"
        "print(json.dumps({'type': 'result', 'is_error': False, 'session_id': 's', 'total_cost_usd': 0.25, 'usage': usage,\n"
        "    'result': '<summary>one</summary>' + ' '.join(sys.argv[1:])}))\n"
    )
    claude.chmod(0o755)
    monkeypatch.setenv("PATH", f"{claude.parent}{os.pathsep}{os.environ['PATH']}")
    paid = []
    made = make_agent("claude-code:opus", "", Settings(metric="loss", max_cost=2.0, sandbox="off"), tmp_path)
    made.check()
    proposal = made.propose(in_repo(paid=lambda usage: paid.append(usage) or True))
    assert proposal.agent == "claude-code:opus"
    assert (proposal.usage.cost, proposal.usage.tokens, proposal.usage.calls) == (0.25, 15, 1)
    assert [each.cost for each in paid] == [0.25]
    assert "--model opus" in proposal.reply
    assert "--max-budget-usd 2.0000" in proposal.reply


@pytest.mark.parametrize(
    ("spec", "known", "counted", "said"),
    [
        ("claude-code", True, 0.3, "$0.30, the most that a question has used so far, is counted for it."),
        ("claude-code", False, 0.0, "it is not counted."),
        ("codex", True, 3, "3 tokens, the most that a question has used so far, is counted for it."),
    ],
)
def test_what_a_question_that_was_ended_has_used_is_taken_from_the_others(
    standins, in_repo, tmp_path, spec, known, counted, said
):
    limit = {"max_cost": 5.0} if spec == "claude-code" else {"max_tokens": 9_000}
    made = make_agent(spec, "", Settings(metric="loss", sandbox="off", **limit), tmp_path)
    cost = (lambda n: n / 10) if spec == "claude-code" else lambda n: None
    done = [
        Experiment(n, 0, Proposal("", "s", agent=spec, usage=Usage(1, output=n, seconds=9, cost=cost(n))))
        for n in (1, 3, 2)
    ]
    brief, told, paid = in_repo(), [], []
    brief = replace(
        brief, history=(*brief.history, *(done if known else ())), paid=lambda usage: paid.append(usage) or True,
        wait=lambda seconds, reason: told.append(reason) if reason else None,
    )  # fmt: skip
    standins.behave("crash")
    refused(made, brief, CallFailed)
    [usage] = paid
    assert (usage.cost if spec == "claude-code" else usage.tokens) == counted
    assert next(line for line in told if "told" in line).endswith(said)
    standins.behave("quota")
    paid.clear()
    with pytest.raises(Stopped):
        made.propose(replace(brief, wait=stop_at_limit))
    assert [(each.cost, each.tokens, each.calls) for each in paid] == [(0.0, 0, 0)]


def stop_at_limit(seconds, reason):
    if seconds:
        raise Stopped


def test_what_git_does_in_its_folder_stays_there(agent, in_repo, repo):
    before = state(repo)
    made = agent(
        "import subprocess; run = lambda *w: subprocess.run(['git', *w], check=True, capture_output=True); edit('src/app.py', 'SIZE = 1\\n'); "
        "run('commit', '-qam', 'mine'); run('branch', 'other'); run('tag', 'x'); edit('src/app.py', 'SIZE = 2\\n'); run('stash'); run('stash', 'pop'); say('x')"
    )
    assert split(made.propose(in_repo()).target)["src/app.py"] == "SIZE = 2\n"
    assert state(repo) == before
    assert run_git(repo, "branch", "--list").split() == ["*", "main"]


def test_what_it_writes_into_the_checkout_is_told_undone_and_kept(agent, in_repo, repo, tmp_path):
    before, told = state(repo), []
    made = agent(f"edit({str(repo / 'src/util.py')!r}, 'Y = 9\\n'); edit('src/app.py', 'SIZE = 1\\n'); say('x')")
    proposal = made.propose(in_repo(wait=lambda seconds, reason: told.append(reason) if reason else None))
    assert split(proposal.target)["src/util.py"] == "Y = 2\n"
    [line] = told
    assert line.startswith(f"src/util.py in {repo} was changed while the agent was asked and is restored.")
    after = state(repo)
    assert {path: content for path, (content, _) in after["files"].items()} == {
        path: content for path, (content, _) in before["files"].items()
    }
    assert {**after, "files": None} == {**before, "files": None}
    [kept] = (tmp_path / "studies" / "checkout-changes").rglob("util.py")
    assert kept.read_text() == "Y = 9\n"


def test_packages_that_it_installs_into_a_linked_environment_are_told(agent, in_repo, repo):
    write(repo, {".git/info/exclude": ".venv\n", ".venv/lib/python3.11/site-packages/there/__init__.py": ""})
    (repo / ".venv" / "bin").mkdir()
    (repo / ".venv" / "bin" / "python").symlink_to(sys.executable)
    told = []
    made = agent("os.mkdir('.venv/lib/python3.11/site-packages/more'); edit('src/app.py', 'SIZE = 1\\n')")
    made.propose(in_repo(wait=lambda seconds, reason: told.append(reason) if reason else None))
    [line] = told
    assert line.startswith(f"lib/python3.11/site-packages/more in {repo}/.venv changed while")


@pytest.mark.parametrize("argument", [False, True])
def test_instructions_are_bounded_and_pass_whatever_they_hold(agent, in_repo, tmp_path, argument):
    made = agent("edit('src/app.py', 'SIZE = 1\\n')", argument=argument)
    made.propose(
        in_repo(
            ideas=tuple(f"{n}: 汉{'x' * 900}\ud800\0" for n in range(500)),
            advice="\n".join(["变" * 500] * 500),
            guard="g" * 9_000,
        )
    )
    assert len(asked(tmp_path).encode()) < 120_000


def test_a_repository_that_git_cannot_read_any_more_is_one_line(agent, in_repo, repo):
    brief = in_repo()
    (repo / ".git" / "HEAD").unlink()
    assert "cannot be" in str(refused(agent("1"), brief, UserError))


@pytest.mark.parametrize("spec", ["claude-code", "codex", "gemini:some-model", "opencode", "aider:sonnet", "cursor"])
def test_each_coding_agent_proposes_in_a_repository_and_in_a_cell(standins, in_repo, tmp_path, spec):
    made = make_agent(spec, "", Settings(metric="loss", sandbox="off"), tmp_path / "studies")
    made.check()
    standins.behave({"mode": "edit"}, {"mode": "edit"}, {"mode": "outside"}, {"mode": "edit"})
    first = made.propose(in_repo(notes=("be bold",)))
    assert [path for path, text in split(first.target).items() if text != FILES[path]] == ["src/app.py"]
    assert (first.summary, first.hypothesis, first.agent) == (
        "Step 1 of the stand-in",
        "A smaller number fits better",
        spec,
    )
    assert made.propose(briefing(setup="import math\n")).target != CELL
    made.propose(briefing())
    made.propose(briefing())
    texts = [call["text"] for call in standins.calls]
    assert ["What was undone last time" in text for text in texts] == [False, False, False, True]
    # A program that opens only the files it is given has the others in its instructions.
    assert ("be bold" in texts[0]) == (made.adapter.name == "aider")
    assert all("GIT_DIR" not in call["variables"] for call in standins.calls)
    assert not any(Path(call["folder"]).exists() for call in standins.calls)
