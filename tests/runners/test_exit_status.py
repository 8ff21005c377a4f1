"""What exit statuses say about a printed number. The commands are run by a real bash."""

import subprocess

import pytest

from autoresearch_magic.runners.exit_status import crash_line, exit_rule, read_statuses
from autoresearch_magic.runners.shell import find_shell

FILES = {
    "log": "fine\n",
    "broken.sh": "echo PASS; echo 'Traceback (most recent call last):' >&2; echo '  File \"x\"' >&2; echo 'ValueError: x' >&2; exit 1\n",
    "finds.sh": "echo WARN; exit 1\n",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exits")
    for name, text in FILES.items():
        (folder / name).write_text(text)

    def run(command):
        """Return the rule, the exit status, the statuses of the parts, and the output."""
        statuses = folder / "statuses"
        statuses.unlink(missing_ok=True)
        done = subprocess.run(
            find_shell("/usr/bin:/bin").arguments(command, str(statuses)), cwd=folder, env={"PATH": "/usr/bin:/bin"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        written = statuses.read_text() if statuses.exists() else ""
        return exit_rule(command), done.returncode, read_statuses(written, done.returncode), done.stdout

    return run


@pytest.mark.parametrize(
    "command",
    [
        "grep -c error log", "cat log | grep -c error", "cat log 2>&1 | grep -ci error", "test -f log && grep -c error log",
        "cat log > copy && grep -c error copy", "sh finds.sh > copy || true; grep -c error copy", "timeout 9 grep -c error log",
        "cd . && LC_ALL=C grep --count error log", "set -o pipefail; grep error log | wc -l", "(cat log; cat log) | grep -c error",
        "for f in log log; do grep -c error $f; done", "bash -c 'grep -c error log'", "yes | head -3 | grep -c n",
        "grep -vc fine log", "cat log \\\n  | grep -c error",
    ],
)  # fmt: skip
def test_a_zero_that_a_counting_tool_printed_counts(run, command):
    rule, status, statuses, output = run(command)
    assert status == 1
    assert output.split()[-1] == "0"
    assert rule.accepts(status, statuses)
    assert rule.crash(status, statuses, output) == ""
    assert rule.empty_count(statuses) == ""


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("sh broken.sh | grep -c FAIL", "ValueError: x"),
        ("sh broken.sh 2>&1 | grep -c FAIL", "sh broken.sh ended with exit status 1, and grep counted 0"),
        ("sh broken.sh 2>&1 | grep FAIL | wc -l", "sh broken.sh ended with exit status 1, and wc counted 0"),
        ("sh broken.sh > out 2>&1; grep -c FAIL out", "sh broken.sh ended with exit status 1, and grep counted 0"),
        ("sh broken.sh > out 2>&1; cat out | grep FAIL | wc -l", "sh broken.sh ended with exit status 1, and wc"),
        ("no-such-program 2>&1 | grep -c error", "no-such-program, at the front of the pipe, was not found"),
        ("sh -c 'kill -SEGV $$' | tail -1", "was killed by SIGSEGV"),
        ("sh broken.sh | tail -1", "ValueError: x"),
        ("echo ms: 5; kill -KILL $BASHPID", ""),
        ("echo ms: 5; sh -c 'kill -SEGV $$'", "was killed by SIGSEGV (exit status 139)"),
        ("echo ms: 5; no-such-program", "was not found (exit status 127)"),
        ("echo ms: 5; timeout 0.1 sleep 9", "The command was ended by timeout (exit status 124)."),
        ("timeout 0.1 sleep 9 | tail -1", "sleep 9, at the front of the pipe, was ended by timeout"),
    ],
)
def test_a_number_printed_beside_a_crash_is_no_value(run, command, why):
    rule, status, statuses, output = run(command)
    found = rule.crash(status, statuses, output) or rule.empty_count(statuses)
    assert why in found
    assert found or status < 0, "the shell itself was killed, which the worker reports"


@pytest.mark.parametrize(
    "command",
    ["grep -c error missing", "sh finds.sh && grep -c error log", "set -e; sh finds.sh; grep -c error log", "grep error log",
     "sh finds.sh", "bash -c 'cat log | grep -c error'", "exit 1; grep -c error log", "grep -c fine log; exit 1", "set -o pipefail; sh finds.sh | wc -l"],
)  # fmt: skip
def test_another_failure_is_not_taken_for_a_count(run, command):
    rule, status, statuses, _ = run(command)
    assert status > 0
    assert not rule.accepts(status, statuses)


@pytest.mark.parametrize(
    ("command", "statuses"),
    [
        ("mypy src", {1}), ("python -m mypy src", {1}), ("uv run ruff check src", {1}), ("npx tsc --noEmit", {1, 2}), ("rg -c x", {1}),
        ("vulture src", {3}), ("pytest -q", set()), ("python bench.py", set()), ("grep x f", set()), ("make bench", set()),
    ],
)  # fmt: skip
def test_tools_that_end_with_another_status_when_they_find_something(command, statuses):
    assert exit_rule(command).found == statuses
    assert 2 not in exit_rule("pylint src").found - {2, 4, 8, 16}
    assert 1 not in exit_rule("pylint src").found, "a fatal message"


def test_a_count_of_tests_is_read_from_a_pytest_that_found_failures():
    assert exit_rule("pytest -q", "failed").found == {1}
    assert exit_rule("python -m pytest -q tests", "Passed").found == {1}
    assert exit_rule("pytest -q", "ms").found == set()


def test_the_rule_is_told_in_one_line():
    def told(command):
        return exit_rule(command).describe()

    assert told("python bench.py") == "Exit status: 0 counts; any other is a crash."
    assert (
        told("python bench.py | tail -1")
        == "Exit status: 0 counts (of a pipe, that of its last command); any other is a crash."
    )
    assert (
        told("grep -c x log")
        == "Exit status: 0 counts, and 1 of grep, with which it ends when it counts 0; any other is a crash."
    )
    assert "A count of 0 is a crash if tsc --noEmit failed." in told("npx tsc --noEmit | grep -c error")
    assert "only 0 counts. grep ends with 1 when it counts 0, but so may python build.py before it: write ;" in told(
        "python build.py && grep -c x log"
    )
    assert "write the pipe without that" in told("bash -c 'cat log | grep -c x'")
    assert "2 to 30 of pylint" in told("pylint src")
    assert "when it finds nothing" in told("set -o pipefail; grep x log | wc -l")
    for command in ("python a.py && grep -c x f", "bash -c 'a | grep -c x'", "", "ruff check ."):
        assert "\n" not in told(command)


def test_a_guard_that_cannot_fail_is_known():
    assert exit_rule("pytest -q | tail -5").always_passes.startswith("its exit status is that of tail, not of pytest")
    for command in ("pytest -q", "set -o pipefail; pytest -q | tail -5", "pytest -q | grep passed", "cat a | diff - b"):
        assert exit_rule(command).always_passes == ""


def test_the_end_of_the_output_says_whether_something_was_raised():
    raised = 'ms: 5\nTraceback (most recent call last):\n  File "a.py", line 1, in <module>\n    x\nNameError: x\n'
    assert crash_line(raised) == "NameError: x"
    assert crash_line(raised + "more of the message\n") == "NameError: x"
    assert (
        crash_line("a.js:1\nthrow x\n\nTypeError: x is odd\n    at main.js:1:2\n\nNode.js v20.1.0\n")
        == "TypeError: x is odd"
    )
    assert crash_line("3\n\nNode.js v20.1.0\n") == "Node.js v20.1.0"
    assert (
        crash_line("thread 'main' panicked at src/main.rs:2:5:\nboom\n") == "thread 'main' panicked at src/main.rs:2:5:"
    )
    summary = (
        raised.replace("NameError: x", "AssertionError: 1 != 2")
        + "\n-----\nRan 3 tests in 0.001s\n\nFAILED (failures=1)\n"
    )
    assert crash_line(summary) == "", "unittest goes on after it"
    assert crash_line("ms: 5\n") == ""
    assert crash_line("") == ""


def test_a_malformed_file_of_statuses_is_read_as_far_as_possible():
    assert read_statuses("", 0).pipe == ()
    assert read_statuses("failed x\npipe a 1\nfailed 2 'unclosed\n", 0).failed == (("'unclosed", 2),)
    assert read_statuses("failed 3 sh\\ x\nfailed 1 grep\npipe 1\n", 1).failed == (("sh x", 3),)
