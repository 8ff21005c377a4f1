"""Drafts from a goal alone: real repositories, a real SDK against a loopback server, a real program as the agent."""

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
from autoresearch_magic.agents.drafting.draft import SEAT_BELT, Attempt, Draft, DraftResult, DryRun, NoDraft
from autoresearch_magic.agents.drafting.prompt import ask_draft, read_draft
from autoresearch_magic.agents.drafting.repository_summary import SUMMARY, hide, looks_secret, summarize, tracked_files
from autoresearch_magic.agents.llm.backend import Backend, BackendFailed, BackendRefused, Completion, Turn, Usage
from autoresearch_magic.agents.llm.command import CommandBackend
from autoresearch_magic.agents.registry import make_agent
from autoresearch_magic.config.settings import Settings
from autoresearch_magic.errors import UserError
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
FILES = {
    "src/a.py": "print('hello')\n",
    "src/b.py": "",
    "tests/test_a.py": "def test_a(): pass\n",
    "bench.py": "print('seconds: 2.5')\n",
    "silent.py": "import sys\nprint('nothing here')\nsys.exit(3)\n",
    "README.md": "# Toy\n\nA toy.\n",
    "pyproject.toml": "[project]\nname = 'toy'\n[tool.pytest.ini_options]\ntestpaths = ['tests']\n",
}


def commit(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if not (folder / ".git").exists():
        subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "add", "-A"], check=True)
    return folder


@pytest.fixture
def repo(tmp_path):
    return commit(tmp_path / "toy", FILES)


def match(scope, files):
    globs = [glob.strip() for glob in scope.split(",")]
    return [file for file in files if any(fnmatch(file, glob) for glob in globs)]


def danger(command):
    return "rm -r deletes files." if "rm -r" in command else ""


class Dry:
    """Runs a draft's commands in a copy, and remembers which it was given; reads ``name: number``."""

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
    """Gives dry runs from a list; the last one again."""

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
        """What was said to it last."""
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


def test_a_malformed_answer_is_told_once_then_read(repo, monkeypatch, tmp_path):
    with FakeMessages([answer("Let me think about it."), answer(GOOD)], key=KEY) as server:
        made = make(repo, claude(server, monkeypatch, tmp_path), Dry(repo))
        messages = server.requests[1].body["messages"]
    assert made.value == 2.5
    assert len(made.attempts) == 1
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert "no Metric and no Scope and no Verify line" in json.dumps(messages[-1])
    assert made.usage.calls == 2


def test_a_dangerous_command_is_never_run_and_told_once(repo, monkeypatch, tmp_path):
    dry = Dry(repo)
    with FakeMessages([answer(DANGEROUS), answer(GOOD)], key=KEY) as server:
        made = make(repo, claude(server, monkeypatch, tmp_path), dry)
        told = server.requests[1].prompt
    assert [draft.verify for draft in dry.drafts] == ["python bench.py"]
    assert "Verify must not be run: rm -r deletes files." in told
    assert made.value == 2.5
    assert [each.refused for each in made.attempts] == [True, False]
    assert "Tried: rm -rf build && pytest: Verify must not be run: rm -r deletes files." in made.text


def test_a_program_as_the_agent_mends_what_cannot_be_read(repo, tmp_path):
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


# -- how often --------------------------------------------------------------------------------------------------------


def test_danger_twice_ends_it(repo):
    backend, dry = Scripted(DANGEROUS, DANGEROUS, GOOD), Dry(repo)
    made = make(repo, backend, dry)
    assert dry.drafts == []
    assert len(made.attempts) == REFUSALS + 1
    assert (made.draft, made.cell(), made.value) == (None, "", None)
    assert made.failure.startswith("Verify must not be run: rm -r deletes files. ")
    assert made.text.startswith("No draft for 'make the tests faster': Verify must not be run")
    assert made.attempts[-1].draft.block() in made.text


def test_a_dangerous_guard_keeps_verify_from_running_too(repo):
    dry = Dry(repo)
    backend = Scripted(GOOD.replace("python -m pytest -q", "rm -rf build"), GOOD)
    assert make(repo, backend, dry).value == 2.5
    assert "Guard must not be run" in backend.told
    assert [draft.guard for draft in dry.drafts] == ["python -m pytest -q"]


def test_what_does_not_work_is_told_twice_at_most(repo):
    drafts = [UNREADABLE.replace("seconds", name) for name in ("first", "second", "third", "fourth")]
    backend, dry = Scripted(*drafts), Dry(repo)
    made = make(repo, backend, dry)
    assert [draft.metric for draft in dry.drafts] == ["first", "second", "third"]
    assert made.failure.startswith(f"{FAILURES + 1} drafts did not work; the last: The metric third could not be read")
    assert made.usage.calls == 3
    assert [turn.role for turn in backend.prompts[-1].turns] == ["user", "assistant", "user", "assistant", "user"]
    for name in ("first", "second", "third"):
        assert f"The metric {name} could not be read" in made.text


def test_refusals_and_failures_are_counted_apart(repo):
    drafts = [UNREADABLE, DANGEROUS, UNREADABLE.replace("seconds", "other"), GOOD]
    made = make(repo, Scripted(*drafts), Dry(repo))
    assert (made.value, len(made.attempts)) == (2.5, 4)


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
    assert made.failure.startswith("scripted gave no usable draft: There is no Metric")
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
def test_what_was_wrong_is_said(first, said):
    backend = Scripted(first, GOOD)
    assert ask_draft(backend, GOAL, "Nothing.").metric == "seconds"
    assert said in backend.told
    assert backend.prompts[-1].turns[1] == Turn(
        "assistant", (first[0] if isinstance(first, tuple) else first) or "(nothing)"
    )


def test_an_answer_that_cannot_be_had_is_one_line_and_counts(repo):
    with pytest.raises(NoDraft, match=r"^scripted gave no answer: too slow$"):
        ask_draft(Scripted(BackendFailed("too\nslow")), GOAL, "")
    made = make(repo, Scripted(UNREADABLE, BackendFailed("gone", Usage(calls=1, cost=0.5))), Dry(repo))
    assert made.failure == "scripted gave no answer: gone"
    assert made.usage.calls == 2
    assert made.usage.cost == pytest.approx(0.51)
    assert len(made.attempts) == 1
    with pytest.raises(BackendRefused):
        make(repo, Scripted(BackendRefused("a wrong key")), Dry(repo))


def test_a_caller_who_cannot_try_ends_it(repo):
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
def test_scopes_that_will_not_do_are_told_before_anything_runs(repo, draft, said):
    backend, dry = Scripted(draft, GOOD), Fixed()
    assert make(repo, backend, dry).value == 2.5
    assert said in backend.told
    assert len(dry.drafts) == 1


def test_a_scope_that_cannot_be_read_is_told(repo):
    def strict(scope, files):
        if "[" in scope:
            raise UserError("A bracket is open.")
        return match(scope, files)

    backend = Scripted(GOOD.replace("src/*.py", "src/[a"), GOOD)
    make_draft(GOAL, repo, backend, Fixed(), danger, strict)
    assert "The scope cannot be read: A bracket is open." in backend.told


def test_one_program_that_is_run_and_improved_is_let_through_when_the_model_says_why(repo):
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
def test_runs_that_will_not_do_are_told(repo, run, said):
    backend = Scripted(GOOD, GOOD.replace("src/*", "src/a*"))
    made = make(repo, backend, Fixed(run, DryRun(0, "", 2.0, guard_code=0)))
    assert said in backend.told
    assert (run.guard_output or run.output) in backend.told
    assert (made.value, len(made.attempts)) == (2.0, 2)


def test_only_the_end_of_an_output_is_told_and_without_keys(repo, monkeypatch):
    monkeypatch.setenv("SERVICE_TOKEN", "hunter2hunter2")
    output = "first line\n" + "x" * 5000 + "\n\x1b[31mhunter2hunter2 and sk-0123456789abcdef01\x1b[0m\nthe end"
    backend = Scripted(GOOD, GOOD.replace("src/*", "src/a*"))
    make(repo, backend, Fixed(DryRun(0, output, None), DryRun(0, "", 2.0, guard_code=0)))
    assert "*** and ***\nthe end" in backend.told
    assert "first line" not in backend.told
    assert len(backend.told) < 2_600


def test_what_a_user_should_know_is_said(repo):
    unguarded = GOOD.replace("python -m pytest -q", "none")
    made = make(repo, Scripted(unguarded), Fixed(DryRun(1, "", 0.0)))
    assert made.draft.guard == ""
    assert "Guard:" not in made.cell()
    assert len(made.warnings) == 3
    for words in ("There is no guard", "ended with exit code 1", "is 0 already"):
        assert words in made.text
    assert make(repo, Scripted(GOOD), Fixed()).warnings == ()


def test_markdown_cannot_be_broken_out_of():
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
def test_forms_that_are_understood(text):
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
def test_what_is_not_understood_is_said(text, said):
    with pytest.raises(ValueError, match=said):
        read_draft(text, GOAL)


LINE = st.from_regex(r"[A-Za-z0-9./'\"$|&<>()*{}=: -]{1,30}", fullmatch=True).map(str.strip).filter(bool)


@given(
    scope=LINE, metric=st.from_regex(r"[a-z_]{1,9}(=[a-z.]{1,9})?", fullmatch=True), minimize=st.booleans(), verify=LINE,
    guard=LINE.filter(lambda text: not module._none(text)),
)  # fmt: skip
def test_a_block_is_read_back_as_it_was(scope, metric, minimize, verify, guard):
    draft = Draft(GOAL, scope, metric, minimize, verify, guard)
    for text in (draft.block(), f"```\n{draft.block()}\n```", module._as_reply(draft)):
        assert read_draft(text, GOAL) == draft
    assert len(draft.block().splitlines()) == 6


@given(st.text(max_size=200))
def test_any_answer_is_a_draft_or_a_line_for_the_model(text):
    try:
        draft = read_draft(text + "\nMetric: n (lower)", GOAL)
    except ValueError:
        return
    assert draft.verify.isprintable()
    assert draft.scope


def test_a_pattern_that_speaks_of_directions_stays_whole():
    metric = r"size=re:(higher|lower) is (\d+) (lower) \w+"
    assert read_draft(f"Metric: {metric} (lower is better)\nScope: a\nVerify: x", GOAL).metric == metric


def test_the_goal_is_the_users_own_words_on_one_line(repo):
    made = make_draft('  "make the\n tests ```faster``` "', repo, Scripted(GOOD), Fixed(), danger, match)
    assert made.draft.goal == "make the tests `faster`"
    assert ask_draft(Scripted(GOOD), 'call it "fast"', "").goal == 'call it "fast"'
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


# -- the survey -------------------------------------------------------------------------------------------------------

SECRET = "hunter2-very-secret-value"
CLOSED = (
    ".env", ".env.local", "sub/.env", "deploy.pem", "server.key", "my_key.txt", "deploykey.txt", "apiKey.json", "credentials",
    "credentials.json", "conf/db_password.yml", ".npmrc", ".aws/config", "id_rsa", "id_rsa.pub", "secrets/README.md",
    "secrets.py", "api_key.py", "keys/package.json", "client_secret.toml", "token.txt", "prod.env", "store.p12",
)  # fmt: skip
OPEN = (
    "src/tokenizer.py", "src/keyboard.py", "monkey.py", "tokenizer.json", "README.md", "environment.yml", "envs.py", "package.json",
    "docs/passes.md", "hotkeys.ts", "author.md",
)  # fmt: skip


def test_which_files_look_secret():
    assert [path for path in CLOSED if not looks_secret(path)] == []
    assert [path for path in OPEN if looks_secret(path)] == []


def test_secrets_are_in_no_survey(tmp_path, monkeypatch):
    monkeypatch.setenv("DEPLOY_PASSWORD", f"{SECRET}-9")
    files = {
        **dict.fromkeys(CLOSED, SECRET),
        "Makefile": f"deploy:\n\tAPI_KEY={SECRET} curl -H 'Authorization: Bearer {SECRET}' https://me:{SECRET}@host.example/\n",
        "package.json": json.dumps({"scripts": {"publish": f"x --auth-token {SECRET}", "test": "jest"}}),
        "tox.ini": f"[testenv]\nsetenv =\n  aws_secret_access_key = {SECRET}\ncommands = pytest -q\n",
        "pyproject.toml": f"[tool.poe.tasks]\nrun = 'TOKEN={SECRET} go'\n",
        "README.md": f"Use\n-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----\n"
        f"or ghp_0123456789012345678901234 or {SECRET}-9 and password: '{SECRET}'.\n",
    }
    said = summarize(commit(tmp_path, files))
    assert SECRET not in said
    assert "ghp_" not in said
    assert [name for name in CLOSED if re.search(rf"(^|[\s/]){re.escape(name.split('/')[-1])}($|[\s,])", said)] == [
        "secrets/README.md", "keys/package.json",
    ]  # fmt: skip  # whose open namesakes are listed
    assert "secrets/" not in said
    assert "keys/" not in said
    assert f"{len(files)} files are tracked ({len(CLOSED)} whose names look like secrets are not listed)" in said
    for word in ("deploy: API_KEY=***", "jest", "commands = pytest -q", "poe.tasks", "Use\n***\nor ***"):
        assert word in said


def test_no_link_and_nothing_untracked_is_read(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text(SECRET)
    repo = commit(tmp_path / "repo", {"a.py": "", "conf/.env": SECRET})
    (repo / "README.md").symlink_to("conf/.env")
    (repo / "Makefile").symlink_to(outside)
    commit(repo, {})
    (repo / "package.json").write_text(json.dumps({"name": SECRET}))
    said = summarize(repo)
    assert SECRET not in said
    assert "package.json" not in said


def test_the_survey_says_how_things_are_tested(tmp_path):
    said = summarize(
        commit(
            tmp_path,
            {
                "src/a.py": "", "web/b.ts": "", "cmd/c.go": "",
                "pyproject.toml": "[project]\nname = 'toy'\n[tool.pytest.ini_options]\ntestpaths = ['t']\n[tool.ruff]\n",
                "web/package.json": json.dumps({"scripts": {"test": "vitest run", "lint": "eslint ."}}),
                "Makefile": "X := 1\n.PHONY: test\ntest: build ## run\n\t@pytest -q\n\techo done\nlint:\n\truff check\n",
                "tox.ini": "[tox]\nenvlist = py311\n[testenv]\ncommands = pytest\n[other]\nx = 1\n",
                "go.mod": "module example.com/toy\n\ngo 1.22\n\nrequire x v1\n",
                "Cargo.toml": "[package]\nname = 'toy'\n[[bench]]\nname = 'speed'\n",
                "setup.cfg": "[tool:pytest]\naddopts = -x\n", "noxfile.py": "", ".flake8": "",
                "README.md": "# Toy\n\nIt plays.\n",
            },
        )
    )  # fmt: skip
    for words in (
        "Python 2, Go 1, TypeScript 1", "web/ b.ts, package.json", 'project.name: "toy"', '"testpaths": ["t"]', "tools: pytest, ruff",
        '"test": "vitest run"', "test: @pytest -q", "echo done", "lint: ruff check", "[tox] envlist = py311",
        "[testenv] commands = pytest", "module example.com/toy\ngo 1.22", '"speed"', "[tool:pytest] addopts = -x",
        "Also there: .flake8, noxfile.py", "## README.md, beginning\n\n```text\n# Toy\n\nIt plays.",
    ):  # fmt: skip
        assert words in said, words
    assert "X:" not in said
    assert "[other]" not in said


def test_broken_configuration_is_no_obstacle(tmp_path):
    broken = {
        "package.json": "{" * 9,
        "pyproject.toml": "a = = 1",
        "tox.ini": "no section",
        "Cargo.toml": "package = 3\n",
    }
    said = summarize(commit(tmp_path, {**broken, "setup.cfg": "", "README.md": ""}))
    assert said.count("(cannot be read)") == 3
    (tmp_path / "package.json").unlink()  # tracked, and gone
    assert "package.json:\n(cannot be read)" in summarize(tmp_path)
    (tmp_path / "package.json").write_text("[" * 150_000)
    assert "package.json:\n(cannot be read)" in summarize(tmp_path)


def test_a_large_repository_is_summed_up(tmp_path):
    files = {f"lib/part{n % 60}/deep{n % 7}/module_{n}.py": "" for n in range(3000)}
    top = {f"top-{n}.md": "" for n in range(400)}
    long = {"README.md": "word " * 5000, "Makefile": "".join(f"target{n}:\n\techo {'x' * 99}\n" for n in range(300))}
    said = summarize(commit(tmp_path, {**files, **top, **long}))
    assert SUMMARY / 2 < len(said) <= SUMMARY
    assert "3402 files are tracked" in said
    assert "lib/part7/ 50 files (.py 50)" in said
    assert "./ " in said
    for part in ("## Files", "## Configuration", "## README.md"):
        assert part in said


def test_small_folders_are_listed_whole_beside_large_ones(tmp_path):
    files = {f"data/sample_with_a_long_name_{n}.csv": "" for n in range(500)}
    said = summarize(commit(tmp_path, {**files, "src/core/a.py": "", "src/core/b.py": ""}))
    assert "data/ 500 files (.csv 500)" in said
    assert "src/core/ a.py, b.py" in said


@pytest.mark.parametrize("name", ["odd\nname.py", "bell\a.py"])
def test_names_that_cannot_be_shown_are_not(tmp_path, name):
    assert "odd" not in (said := summarize(commit(tmp_path, {name: "", "a.py": ""})))
    assert said.isascii()
    assert "\a" not in said


def test_no_repository_is_one_line(tmp_path):
    with pytest.raises(UserError, match=f"^{tmp_path.name} is not a git repository: run git init"):
        tracked_files(tmp_path)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    with pytest.raises(UserError, match="tracks no file"):
        summarize(tmp_path)


def test_no_git_is_one_line(repo, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(UserError, match="no git here"):
        tracked_files(repo)


def test_a_survey_of_another_repository_than_the_environment_says(repo, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert tracked_files(repo) == sorted(FILES)


@given(st.text(alphabet=st.characters(codec="ascii", categories=("L", "N")), min_size=8, max_size=40))
def test_what_is_given_as_a_key_is_hidden(value):
    for line in (f"API_KEY={value}", f'"clientSecret": "{value}"', f"password: {value}", f"x --access-token {value} y"):
        assert value not in hide(line).replace("clientSecret", "").replace("password", "").replace("access-token", "")
    assert hide(f"count = {value}x") == f"count = {value}x"


def test_plain_lines_stay_as_they_are():
    for line in (
        "keywords = ['a', 'b']",
        "pytest -q tests",
        "token: $TOKEN",
        "https://example.org/a?b=c",
        "seconds: 2.5",
    ):
        assert hide(line) == line


# -- whom to ask ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("agent", ["tuner", "tuner:X", "replay:some"])
def test_who_is_no_language_model_is_told(tmp_path, agent):
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


def test_who_cannot_be_asked_is_told_at_once(tmp_path):
    with pytest.raises(BackendRefused, match="no-such-program"):
        backend_for(Settings(agent="command:no-such-program -p"), tmp_path)


def test_a_draft_is_compared_by_what_is_run():
    draft = Draft(GOAL, "a", "n", True, "x")
    assert replace(draft, why=(("Scope", "so"),)).measured == draft.measured
    assert replace(draft, guard="y").measured != draft.measured
