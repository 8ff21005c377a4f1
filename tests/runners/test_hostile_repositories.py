"""Hostile versions of a repository at a runner's level: none gets a better number, and the next honest run measures the same."""

import pytest

from autoresearch_magic.experiment import Outcome
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.command import CommandRunner, GuardCommand
from autoresearch_magic.runners.export import Export
from autoresearch_magic.runners.walls import Walls
from autoresearch_magic.source.files import join, split
from autoresearch_magic.storage.git.checkout import open_checkout

from ..repositories import repository, run_git

FILES = {
    "bench.py": "import sys\nsys.path.insert(0, 'src')\nimport app\nimport helper\nprint('ms:', helper.double(app.cost()))\n",
    "helper.py": "def double(x):\n    return 2 * x\n",
    "src/app.py": "def cost():\n    return 5\n",
    "tests/test_app.py": "import sys\nsys.path.insert(0, 'src')\nimport app\ndef test_one():\n    assert app.cost() > 3\ndef test_two():\n    assert app.cost() < 100\n",
    ".gitignore": "__pycache__/\n.pytest_cache/\n*.local\n",
}
COMMANDS = ("python bench.py", "python -m pytest -q tests")
HONEST = "def cost():\n    return 4\n"


@pytest.fixture(scope="module", params=["walls", "none"])
def runner(tmp_path_factory, request):
    """Make one runner for all cases, with walls and without any."""
    place = tmp_path_factory.mktemp("hostile")
    repo = repository(place / "repo", FILES)
    checkout, target, _ = open_checkout(repo, ("src/**",), COMMANDS)
    made = CommandRunner(
        Export(repo / ".autoresearch" / "one" / "export", checkout, split(target)), COMMANDS[0], Metric("ms", ""),
        guard=GuardCommand(COMMANDS[1]), worker_log=place / "log", walls=Walls(sandbox="off") if request.param == "none" else Walls(),
    )  # fmt: skip
    made.target, made.repo = target, repo
    assert measure(made, {}).value == 10
    assert check(made, {}).failure == ""
    yield made
    made.close()


def version(runner, files):
    return join({**split(runner.target), **files})


def measure(runner, files):
    return runner.measure(version(runner, files), seed=0, deadline=60)


def check(runner, files):
    return runner.check(version(runner, files), deadline=60, allowed=None, log="/dev/null")


def app(text):
    return {"src/app.py": text + HONEST}


REPLACED = "import pathlib\np = pathlib.Path('{path}')\nt = p.read_text()\np.write_text({text!r})\n"
REWRITTEN = {
    "the bench, and put back": REPLACED.format(path="bench.py", text="print('ms: 0')\n") + "import os\ns = p.stat()\np.write_text(t)\n",
    "a helper outside the scope": REPLACED.format(path="helper.py", text="def double(x):\n    return 0\n"),
    "a helper, and put back at the exit": REPLACED.format(path="helper.py", text="def double(x):\n    return 0\n")
    + "import atexit\natexit.register(lambda: p.write_text(t))\n",
    "by another file of the name": "import os\nos.rename('helper.py', 'old.py')\nopen('helper.py', 'w').write('def double(x):\\n    return 0\\n')\n"
    "import helper\nos.remove('helper.py')\nos.rename('old.py', 'helper.py')\n",
    "its folder is moved, and put back": "import os\nos.rename('tests', 'away')\nos.rename('away', 'tests')\n",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("what", REWRITTEN)
def test_what_measures_is_not_rewritten(runner, what):
    m = measure(runner, app(REWRITTEN[what]))
    assert (m.outcome, m.value) == (Outcome.TAMPERED, None)
    assert measure(runner, app("")).value == 8


POISONS = {
    "a compiled module": "import py_compile, os\nopen('x.local', 'w').write('def double(x):\\n    return 0\\n')\n"
    "s = os.stat('helper.py')\nos.makedirs('__pycache__', exist_ok=True)\n"
    "py_compile.compile('x.local', __import__('importlib.util').util.cache_from_source('helper.py'), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)\n",
    "a sitecustomize": "open('src/sitecustomize.py', 'w').write('print(\"ms: 0\")\\n')\nopen('sitecustomize.py', 'w').write('print(\"ms: 0\")\\n')\n",
    "an ignored module": "import os\nos.makedirs('src/helper.local', exist_ok=True)\nopen('src/helper.local/x', 'w').write('1')\nopen('src/json.py', 'w').write('x = 1')\n",
    "git's bits and excludes": "import subprocess\nfor c in (['git', 'init', '-q'], ['git', 'add', '-A'], ['git', 'update-index', '--skip-worktree', 'bench.py']):\n"
    "    subprocess.run(c)\nopen('.git/info/exclude', 'a').write('*.py\\n')\nopen('sitecustomize.py', 'w').write('print(\"ms: 0\")')\n",
    "pytest's configuration": "open('pytest.ini', 'w').write('[pytest]\\naddopts = --co -q\\n')\nopen('pytest.py', 'w').write('print(\"2 passed in 0.1s\")')\n",
    "the result of another run": "open('result.local', 'w').write('ms: 0')\n",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("what", POISONS)
def test_what_a_run_leaves_does_not_reach_the_next_one(runner, what):
    measure(runner, app(POISONS[what]))
    assert measure(runner, app("")).value == 8
    if "pytest" in what:
        assert check(runner, app("")).failure == ""
    left = {
        path.relative_to(runner.export.folder).as_posix() for path in runner.export.folder.rglob("*") if path.is_file()
    }
    assert {path for path in left if "__pycache__" not in path and ".pytest_cache" not in path} == set(FILES)


@pytest.mark.slow
def test_the_plan_says_what_passes_the_guard(runner):
    assert (
        "Guard: as many tests must pass as of the unchanged version, by the summary that is printed (2 tests of pytest)."
        in runner.describe()
    )


PRETENDED = {
    "it leaves at once": "import os\nos._exit(0)\n",
    "it collects only": "import sys\nimport pytest\npytest.main = None\nsys.argv.append('--co')\nimport os\nprint('2 tests collected in 0.01s')\nos._exit(0)\n",
    "fewer tests": "import os\nprint('1 passed in 0.01s', flush=True)\nos._exit(0)\n",
    "tests are skipped": "import pytest\npytest.skip('no', allow_module_level=True)\n",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("what", PRETENDED)
def test_a_guard_is_not_passed_by_its_exit_status_alone(runner, what):
    checked = check(runner, app(PRETENDED[what]))
    assert checked.failure, checked.output


@pytest.mark.parametrize(
    "path", ["src/sitecustomize.py", "src/json.py", "src/helper.py", "src/pytest.py", "src/pytest/__init__.py", "src/pytest.ini", "src/conftest.py", "src/x.pth"]
)  # fmt: skip
def test_files_that_decide_by_their_names_are_refused_before_anything_runs(runner, path):
    why = runner.export.checkout.refusal(runner.target, version(runner, {path: "x = 1\n"}))
    assert why.startswith((f"It adds {path}, which", f"It changes {path}, which looks like a test"))


@pytest.mark.slow
def test_git_in_an_experiment_finds_no_repository_of_the_user(runner):
    before = (
        run_git(runner.repo, "for-each-ref"),
        run_git(runner.repo, "rev-parse", "HEAD"),
        sorted((runner.repo / ".git").rglob("*")),
    )
    calls = "import subprocess\nfor c in ('update-ref refs/heads/mine HEAD', 'update-ref -d HEAD', 'config filter.x.clean false', 'commit --allow-empty -m x'):\n    subprocess.run(['git', *c.split()])\n"
    measure(runner, app(calls))
    assert (
        run_git(runner.repo, "for-each-ref"),
        run_git(runner.repo, "rev-parse", "HEAD"),
        sorted((runner.repo / ".git").rglob("*")),
    ) == before
    assert measure(runner, app("")).value == 8
