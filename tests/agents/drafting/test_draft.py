"""Drafting a program for a goal: real repositories, a real SDK with a loopback server, a real command-line model."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.agents.drafting import prompt as module
from autoresearch_magic.agents.drafting.attempts import FAILURES, REFUSALS, backend_for, make_draft
from autoresearch_magic.agents.drafting.draft import SEAT_BELT, Attempt, Draft, DraftResult, DryRun
from autoresearch_magic.agents.drafting.prompt import ask_draft, read_draft
from autoresearch_magic.agents.llm.backend import Backend, BackendFailed, BackendRefused, Completion, Turn, Usage
from autoresearch_magic.agents.llm.command import CommandBackend
from autoresearch_magic.agents.llm.reply_parser import ReplyError
from autoresearch_magic.agents.registry import make_agent
from autoresearch_magic.config.settings import Settings
from autoresearch_magic.errors import ProposalFailed, UserError
from autoresearch_magic.source.frozen_files import is_test, judging_files

from ...fake_messages import FakeMessages, answer

KEY = "sk-ant-test-0123456789-secret"
GOAL = "make the tests faster"
GOOD = """Here it is.
```
Metric: seconds
Direction: lower is better
Scope: src/*.py
Verify: python bench.py
Guard: python -m pytest -q
Why Metric: It is what the goal asks for.
Why Guard: The tests must still pass.
```
"""
DANGEROUS = GOOD.replace("python bench.py", "rm -rf build && pytest")
UNREADABLE = GOOD.replace("python bench.py", "python silent.py")


def match(scope, files):
    globs = [glob.strip() for glob in scope.split(",")]
    return [file for file in files if any(fnmatch(file, glob) for glob in globs)]


def danger(command):
    return "rm -r deletes files." if "rm -r" in command else ""


class Dry:
    """Runs a draft's commands in a copy of the repository, reads ``name: number``, and records the drafts."""

    def __init__(self, repo):
        self.repo, self.drafts = repo, []

    def __call__(self, draft):
        self.drafts.append(draft)
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copytree(self.repo, Path(folder) / "copy")
            run = self._run(draft.verify, copy)
            guard = self._run(draft.guard, copy) if draft.guard and not run.returncode else None
        found = re.findall(rf"^{re.escape(draft.metric)}: (\S+)$", run.stdout, re.MULTILINE)
        return DryRun(
            run.returncode, run.stdout + run.stderr, float(found[-1]) if found else None,
            "" if found else f"no line '{draft.metric}: NUMBER'", 2.5, guard.returncode if guard else None,
            guard.stdout if guard else "",
        )  # fmt: skip

    @staticmethod
    def _run(command, folder):
        command = command.replace("python", sys.executable)
        return subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True)


class Fixed:
    """Returns dry runs from a list, the last one repeatedly."""

    def __init__(self, *runs):
        self.runs, self.drafts = list(runs) or [DryRun(0, "seconds: 2.5", 2.5, seconds=3.0, guard_code=0)], []

    def __call__(self, draft):
        self.drafts.append(draft)
        return self.runs[min(len(self.drafts), len(self.runs)) - 1]


class Scripted(Backend):
    """A backend that answers from a list."""

    name = "scripted"

    def __init__(self, *texts):
        self.texts, self.prompts = list(texts), []

    def check(self):
        pass

    def complete(self, prompt, *, deadline, wait):
        self.prompts.append(prompt)
        text = self.texts.pop(0)
        if isinstance(text, Exception):
            raise text
        text, stop = text if isinstance(text, tuple) else (text, "end")
        return Completion(text, Usage(calls=1, input=100, output=10, cost=0.01), stop)

    @property
    def told(self):
        """The last message to the model."""
        return self.prompts[-1].turns[-1].text


def make(repo, backend, dry, **options):
    return make_draft(GOAL, repo, backend, dry, danger, match, **options)


def claude(server, monkeypatch, tmp_path):
    pytest.importorskip("anthropic")
    for name in [name for name in os.environ if name.startswith("ANTHROPIC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("HOME", str(tmp_path))
    return backend_for(Settings(agent="claude", base_url=server.url), tmp_path)


# -- whole, with a server and with a program --------------------------------------------------------------------------


@pytest.mark.slow
def test_a_good_draft_from_a_model_behind_the_real_sdk(repo, monkeypatch, tmp_path):
    dry, shown = Dry(repo), []
    with FakeMessages([answer(GOOD)], key=KEY) as server:
        made = make(
            repo, claude(server, monkeypatch, tmp_path), dry, show=lambda share, words: shown.append((share, words))
        )
        (request,) = server.requests
    assert made.failure == ""
    assert (made.value, made.seconds, len(made.attempts), len(dry.drafts)) == (2.5, 2.5, 1, 1)
    assert made.draft == Draft(
        GOAL, "src/*.py", "seconds", True, "python bench.py", "python -m pytest -q",
        (("Metric", "It is what the goal asks for."), ("Guard", "The tests must still pass.")),
    )  # fmt: skip
    assert "src/ a.py, b.py" in request.prompt
    assert f"# The goal\n\n{GOAL}" in request.prompt
    assert made.cell("--agent claude").splitlines() == [
        "%%autoresearch --agent claude", "Goal: make the tests faster", "Scope: src/*.py", "Metric: seconds (lower is better)",
        "Verify: python bench.py", "Guard: python -m pytest -q", "Iterations: 24",
    ]  # fmt: skip
    assert SEAT_BELT in made.text
    assert "seat belt, not a sandbox" in made.markdown
    assert "seconds is 2.5 now (lower is better), and the guard passes" in made.text
    assert made.draft.block() in made.text
    assert made.draft.block() in made.markdown
    assert made.usage.calls == 1
    assert "Agent: 1 call, " in made.text
    shares = [share for share, _ in shown]
    assert shares == sorted(shares)
    assert shown[-1][0] == 1.0


@pytest.mark.slow
def test_a_malformed_answer_is_sent_back_once(repo, monkeypatch, tmp_path):
    with FakeMessages([answer("Let me think about it."), answer(GOOD)], key=KEY) as server:
        made = make(repo, claude(server, monkeypatch, tmp_path), Dry(repo))
        messages = server.requests[1].body["messages"]
    assert made.value == 2.5
    assert len(made.attempts) == 1
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert "no Metric and no Scope and no Verify line" in json.dumps(messages[-1])
    assert made.usage.calls == 2


@pytest.mark.slow
def test_a_dangerous_command_is_never_run_and_sent_back_once(repo, monkeypatch, tmp_path):
    dry = Dry(repo)
    with FakeMessages([answer(DANGEROUS), answer(GOOD)], key=KEY) as server:
        made = make(repo, claude(server, monkeypatch, tmp_path), dry)
        told = server.requests[1].prompt
    assert [draft.verify for draft in dry.drafts] == ["python bench.py"]
    assert "Verify must not be run: rm -r deletes files." in told
    assert made.value == 2.5
    assert [each.refused for each in made.attempts] == [True, False]
    assert "Tried: rm -rf build && pytest: Verify must not be run: rm -r deletes files." in made.text


@pytest.mark.slow
def test_a_command_line_model_corrects_a_metric_that_cannot_be_read(repo, tmp_path):
    script = tmp_path / "agent.py"
    script.write_text(
        "import sys\n"
        "told = sys.stdin.read()\n"
        f"print({GOOD!r} if 'nothing here' in told and 'exit code 3' in told else {UNREADABLE!r})\n"
    )
    dry = Dry(repo)
    backend = backend_for(Settings(agent=f"command:{sys.executable} {script}"), tmp_path)
    made = make(repo, backend, dry)
    assert [draft.verify for draft in dry.drafts] == ["python silent.py", "python bench.py"]
    assert (made.value, len(made.attempts)) == (2.5, 2)
    assert made.attempts[0].run.exit_code == 3
    assert "could not be read: no line 'seconds: NUMBER'. Verify ended with exit code 3." in made.text
    assert made.agent == backend.name


@pytest.mark.slow
def test_what_a_model_changes_in_the_repository_is_undone_and_told(repo, tmp_path):
    script = tmp_path / "agent.py"
    script.write_text(f"open({str(repo / 'README.md')!r}, 'w').write('bad')\nprint({GOOD!r})\n")
    backend = backend_for(Settings(agent=f"command:{sys.executable} {script}"), tmp_path / "studies")
    made = make(repo, backend, Dry(repo))
    assert (repo / "README.md").read_text().startswith("# Toy")
    assert f"README.md in {repo} was changed while the agent was asked and is restored." in made.text


# -- how often --------------------------------------------------------------------------------------------------------


def test_a_second_dangerous_command_ends_the_drafting(repo):
    backend, dry = Scripted(DANGEROUS, DANGEROUS, GOOD), Dry(repo)
    made = make(repo, backend, dry)
    assert dry.drafts == []
    assert len(made.attempts) == REFUSALS + 1
    assert (made.draft, made.cell(), made.value) == (None, "", None)
    assert made.failure.startswith("Verify must not be run: rm -r deletes files. ")
    assert made.text.startswith("No draft for 'make the tests faster': Verify must not be run")
    assert made.attempts[-1].draft.block() in made.text


@pytest.mark.slow
def test_a_dangerous_guard_keeps_verify_from_running_too(repo):
    dry = Dry(repo)
    backend = Scripted(GOOD.replace("python -m pytest -q", "rm -rf build"), GOOD)
    assert make(repo, backend, dry).value == 2.5
    assert "Guard must not be run" in backend.told
    assert [draft.guard for draft in dry.drafts] == ["python -m pytest -q"]


def test_a_draft_that_does_not_work_is_sent_back_twice_at_most(repo):
    drafts = [UNREADABLE.replace("seconds", name) for name in ("first", "second", "third", "fourth")]
    backend, dry = Scripted(*drafts), Dry(repo)
    made = make(repo, backend, dry)
    assert [draft.metric for draft in dry.drafts] == ["first", "second", "third"]
    assert made.failure.startswith(f"{FAILURES + 1} drafts did not work; the last: The metric third could not be read")
    assert made.usage.calls == 3
    assert [turn.role for turn in backend.prompts[-1].turns] == ["user", "assistant", "user", "assistant", "user"]
    for name in ("first", "second", "third"):
        assert f"The metric {name} could not be read" in made.text


@pytest.mark.slow
def test_refusals_and_failures_are_counted_separately(repo):
    drafts = [UNREADABLE, DANGEROUS, UNREADABLE.replace("seconds", "other"), GOOD]
    made = make(repo, Scripted(*drafts), Dry(repo))
    assert (made.value, len(made.attempts)) == (2.5, 4)


@pytest.mark.slow
def test_the_same_draft_again_is_not_run_again(repo):
    dry = Dry(repo)
    backend = Scripted(UNREADABLE, UNREADABLE.replace("Why Guard", "Why Verify"), GOOD)
    assert make(repo, backend, dry).value == 2.5
    assert "the same draft as before" in backend.told
    assert len(dry.drafts) == 2


def test_malformed_twice_is_no_draft(repo):
    dry = Dry(repo)
    made = make(repo, Scripted("no", "no"), dry)
    assert (made.draft, made.attempts, dry.drafts) == (None, (), [])
    assert made.failure.startswith("No usable reply: There is no Metric")
    assert SEAT_BELT not in made.text  # there is no command to read
    assert made.usage.calls == 2


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (("", "refusal"), "You declined"),
        ((GOOD, "length"), "cut off"),
        ("```\nMetric: a (lower)\nScope: *\nVerify: x\nplus this\n```", "'plus this'"),
    ],
)
def test_an_unreadable_answer_names_the_problem(first, said):
    backend = Scripted(first, GOOD)
    assert ask_draft(backend, GOAL, "Nothing.").value.metric == "seconds"
    assert said in backend.told
    assert backend.prompts[-1].turns[1] == Turn(
        "assistant", (first[0] if isinstance(first, tuple) else first) or "(nothing)"
    )


def test_a_failed_request_is_one_line_and_its_usage_counts(repo):
    with pytest.raises(ProposalFailed, match=r"^No reply: too slow$"):
        ask_draft(Scripted(BackendFailed("too\nslow")), GOAL, "")
    made = make(repo, Scripted(UNREADABLE, BackendFailed("gone", Usage(calls=1, cost=0.5))), Dry(repo))
    assert made.failure == "No reply: gone"
    assert made.usage.calls == 2
    assert made.usage.cost == pytest.approx(0.51)
    assert len(made.attempts) == 1
    with pytest.raises(BackendRefused):
        make(repo, Scripted(BackendRefused("a wrong key")), Dry(repo))


def test_an_error_of_the_dry_run_ends_the_drafting(repo):
    def broken(draft):
        raise UserError("No worktree can be made.")

    with pytest.raises(UserError, match="No worktree"):
        make(repo, Scripted(GOOD), broken)


# -- what will not do -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        (GOOD.replace("src/*.py", "lib/*.py"), "'lib/*.py' matches none of the 7 tracked files"),
        (GOOD.replace("src/*.py", "**"), "contains tests (tests/test_a.py)"),
        (GOOD.replace("src/*.py", "src/*.py, bench.py"), "run bench.py, which the scope allows to change"),
        (GOOD.replace("src/*.py", "*.toml"), "configure verify or guard (pyproject.toml)"),
        (GOOD.replace("python bench.py", "cd src && python a.py"), "run src/a.py"),
    ],
)
def test_unusable_scopes_are_sent_back_before_anything_runs(repo, draft, said):
    backend, dry = Scripted(draft, GOOD), Fixed()
    assert make(repo, backend, dry).value == 2.5
    assert said in backend.told
    assert len(dry.drafts) == 1


def test_a_scope_that_cannot_be_read_is_sent_back(repo):
    def strict(scope, files):
        if "[" in scope:
            raise UserError("A bracket is open.")
        return match(scope, files)

    backend = Scripted(GOOD.replace("src/*.py", "src/[a"), GOOD)
    make_draft(GOAL, repo, backend, Fixed(), danger, strict)
    assert "The scope cannot be read: A bracket is open." in backend.told


def test_a_measuring_file_in_the_scope_is_accepted_with_a_reason(repo):
    alone = GOOD.replace("python bench.py", "python src/a.py")
    said = alone.replace("Why Guard: ", "Why Scope: src/a.py is what is to be improved; b.py measures.\nWhy Guard: ")
    dry = Fixed()
    made = make(repo, Scripted(alone, said), dry)
    assert [draft.verify for draft in dry.drafts] == ["python src/a.py"]
    assert "The commands run src/a.py, which the scope allows to change: review kept changes" in made.text
    assert made.warnings[0] in made.text
    silent = Fixed()
    assert make(repo, Scripted(alone, alone, alone), silent).draft is None
    assert silent.drafts == []
    late = Fixed()
    assert make(repo, Scripted(said, alone, said), late).value == 2.5
    assert [dict(draft.why).get("Scope") is not None for draft in late.drafts] == [True]
    assert len(make(repo, Scripted(said, said), Fixed()).attempts) == 2, "it counts only once it was told"


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (
            DryRun(1, "boom", None, ""),
            "its output holds no such number. Verify ended with exit code 1. The end of its output",
        ),
        (DryRun(None, "", None, "no end after 60 s"), "no end after 60 s. The end of its output"),
        (DryRun(0, "seconds: nan", float("nan")), "is nan, which cannot be compared"),
        (
            DryRun(0, "", 2.0, guard_code=1, guard_output="1 failed"),
            "Guard ended with exit code 1 on the unchanged code",
        ),
        (DryRun(0, "", 2.0, guard_code=None), "Guard was stopped before it ended"),
    ],
)
def test_failed_dry_runs_are_sent_back(repo, run, said):
    backend = Scripted(GOOD, GOOD.replace("src/*", "src/a*"))
    made = make(repo, backend, Fixed(run, DryRun(0, "", 2.0, guard_code=0)))
    assert said in backend.told
    assert (run.guard_output or run.output) in backend.told
    assert (made.value, len(made.attempts)) == (2.0, 2)


@pytest.mark.slow
def test_the_model_sees_the_end_of_an_output_without_keys(repo, monkeypatch):
    monkeypatch.setenv("SERVICE_TOKEN", "hunter2hunter2")
    output = "first line\n" + "x" * 5000 + "\n\x1b[31mhunter2hunter2 and sk-0123456789abcdef01\x1b[0m\nthe end"
    backend = Scripted(GOOD, GOOD.replace("src/*", "src/a*"))
    make(repo, backend, Fixed(DryRun(0, output, None), DryRun(0, "", 2.0, guard_code=0)))
    assert "[key removed] and [key removed]\nthe end" in backend.told
    assert "first line" not in backend.told
    assert len(backend.told) < 2_600


def test_warnings(repo):
    unguarded = GOOD.replace("python -m pytest -q", "none")
    made = make(repo, Scripted(unguarded), Fixed(DryRun(1, "", 0.0)))
    assert made.draft.guard == ""
    assert "Guard:" not in made.cell()
    assert len(made.warnings) == 3
    for words in ("There is no guard", "ended with exit code 1", "is 0 already"):
        assert words in made.text
    assert make(repo, Scripted(GOOD), Fixed()).warnings == ()


def test_markdown_is_escaped():
    evil = Draft("a <b>*goal*", "src/*.py", "n", False, "echo '<img>'", "", (("Scope", "[x](y) <script>"),))
    made = DraftResult(evil.goal, "command:x", evil, 1.0, 0.5, (Attempt(evil),))
    outside = made.markdown.replace(f"```text\n{evil.block()}\n```", "")
    assert len(outside) < len(made.markdown)
    assert "<script>" not in outside.replace("\\<", "")
    assert "Metric: n (higher is better)" in made.text


# -- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Metric: n\nDirection: higher\nScope: a.py\nVerify: x -n\nGuard: none",
        "Sure.\n\n- **Metric:** n (higher is better)\n- **Scope:** `a.py`\n- **Verify:** `x -n`\n",
        "```text\nGoal: something else\nmetric: n\ndirection: maximize\nscope: a.py\n# how\nverify: x -n\nGuard:\nIterations: 9\n```",
        "```bash\nx -n\n```\nso\n~~~\nMetric: n (larger)\nScope: a.py\nVerify: x -n\n~~~\n",
        "```\nMetric: n (higher is better)\nDirection: up\nScope: a.py\nVerify: x -n",
    ],
)
def test_readable_answers(text):
    assert read_draft(text, GOAL) == Draft(GOAL, "a.py", "n", False, "x -n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no Metric and no Scope and no Verify"),
        ("Metric: n\nScope: a.py\nVerify: x", "better direction"),
        ("Metric: n (lower is better)\nDirection: higher\nScope: a.py\nVerify: x", "better direction"),
        ("Metric: n\nDirection: lower (or higher) is better\nScope: a.py\nVerify: x", "better direction"),
        ("Metric: (lower)\nScope: a.py\nVerify: x", "names no metric"),
        ("Metric: n (lower)\nScope: a.py\nVerify: x\nVerify: y", "Verify occurs twice"),
        ("Metric: n (lower)\nScope: a.py\nVerify: x\u202ey", "cannot be shown"),
        ("Metric: n (lower)\nScope: a.py\nVerify: x ``` y", "cannot be shown"),
        ("```\nMetric: n (lower)\nScope: a.py\nVerify: x \\\n  | y\n```", r"'\| y'"),
        ("```\nMetric: n (lower)\nScope: a.py\nVerify: x\nBudget: 3\n```", "'Budget: 3'"),
        ("```\nVerify: x\n```\n```\nVerify: y\n```", "2 blocks"),
    ],
)
def test_unreadable_answers_name_the_problem(text, said):
    with pytest.raises(ReplyError, match=said):
        read_draft(text, GOAL)


LINE = st.from_regex(r"[A-Za-z0-9./'\"$|&<>()*{}=: -]{1,30}", fullmatch=True).map(str.strip).filter(bool)


@pytest.mark.slow
@given(
    scope=LINE, metric=st.from_regex(r"[a-z_]{1,9}(=[a-z.]{1,9})?", fullmatch=True), minimize=st.booleans(), verify=LINE,
    guard=LINE.filter(lambda text: not module._none(text)),
)  # fmt: skip
def test_a_block_is_read_back_unchanged(scope, metric, minimize, verify, guard):
    draft = Draft(GOAL, scope, metric, minimize, verify, guard)
    for text in (draft.block(), f"```\n{draft.block()}\n```", module._as_reply(draft)):
        assert read_draft(text, GOAL) == draft
    assert len(draft.block().splitlines()) == 6


@given(st.text(max_size=200))
def test_any_answer_is_a_draft_or_an_error(text):
    try:
        draft = read_draft(text + "\nMetric: n (lower)", GOAL)
    except ReplyError:
        return
    assert draft.verify.isprintable()
    assert draft.scope


def test_a_pattern_with_direction_words_stays_whole():
    metric = r"size=re:(higher|lower) is (\d+) (lower) \w+"
    assert read_draft(f"Metric: {metric} (lower is better)\nScope: a\nVerify: x", GOAL).metric == metric


def test_the_goal_is_the_users_own_words_on_one_line(repo):
    made = make_draft('  "make the\n tests ```faster``` "', repo, Scripted(GOOD), Fixed(), danger, match)
    assert made.draft.goal == "make the tests `faster`"
    assert ask_draft(Scripted(GOOD), 'call it "fast"', "").value.goal == 'call it "fast"'
    with pytest.raises(UserError, match="No goal"):
        make_draft("''", repo, Scripted(GOOD), Fixed(), danger, match)


# -- what measures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("python bench.py --fast", {"bench.py"}),
        ("./run.sh | tail -1", {"run.sh"}),
        ("sh -c 'cd sub && python bench.py'", {"bench.py", "sub/bench.py"}),
        ("python -m pkg.timing", {"pkg/timing.py"}),
        ("python -m pkg", {"pkg/__main__.py"}),
        ("tool --config=conf/x.toml", {"conf/x.toml"}),
        ("pytest tests/test_a.py::test_b", {"tests/test_a.py", "pyproject.toml"}),
        ("uv run python -m pytest -q", {"pyproject.toml"}),
        ("/usr/bin/make bench", {"Makefile"}),
        ("npm test", {"package.json"}),
        ("echo hello", set()),
    ],
)
def test_files_that_judge(command, found):
    files = [
        "bench.py", "sub/bench.py", "run.sh", "pkg/timing.py", "pkg/__main__.py", "conf/x.toml", "tests/test_a.py",
        "pyproject.toml", "Makefile", "package.json", "other.py",
    ]  # fmt: skip
    assert judging_files(command, files) == found
    assert judging_files(command, files, implied=False) == found - {"pyproject.toml", "Makefile", "package.json"}


def test_what_is_a_test():
    for path in (
        "tests/data.json", "a/test/x.c", "test_a.py", "a/conftest.py", "x_test.go", "a/b.test.tsx", "b.spec.js", "FooTest.java",
        "__tests__/a.js", "a_spec.rb", "src/tests.py",
    ):  # fmt: skip
        assert is_test(path), path
    for path in ("src/a.py", "src/latest.py", "contest.py", "testing.py", "Latest.java", "protest/a.py", "attest.go"):
        assert not is_test(path), path


# -- which model ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("agent", ["tuner", "tuner:X", "replay:some"])
def test_an_agent_without_a_language_model_is_refused(tmp_path, agent):
    with pytest.raises(UserError, match=r"needs a language model.*--agent claude") as caught:
        backend_for(Settings(agent=agent), tmp_path)
    assert "\n" not in str(caught.value)


def test_the_model_within_an_agent_is_found(tmp_path):
    settings = Settings(agent=f"hybrid:command:{sys.executable}+tuner")
    found = backend_for(settings, tmp_path)
    assert isinstance(found, CommandBackend)
    assert make_agent(f"command:{sys.executable}", "", settings, tmp_path).backend.line == found.line
    assert make_agent("tuner", "X = 1.0\n", settings, tmp_path).backend is None
    hybrid = make_agent(f"hybrid:command:{sys.executable}+tuner", "X = 1.0\n", settings, tmp_path)
    assert hybrid.backend.line == found.line


def test_an_unusable_model_is_refused_at_once(tmp_path):
    with pytest.raises(BackendRefused, match="no-such-program"):
        backend_for(Settings(agent="command:no-such-program -p"), tmp_path)


def test_drafts_are_compared_by_what_is_run():
    draft = Draft(GOAL, "a", "n", True, "x")
    assert replace(draft, why=(("Scope", "so"),)).measured == draft.measured
    assert replace(draft, guard="y").measured != draft.measured
