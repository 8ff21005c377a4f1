"""Summaries of test runners, as they print them."""

import pytest

from autoresearch_magic.runners.summaries import Counts, lacking, read_summaries


@pytest.mark.parametrize(
    ("output", "name", "counts"),
    [
        ("..\n== 5 passed, 1 skipped, 2 deselected in 0.12s ==\n", "pytest", (5, 0, 3)),
        ("\x1b[32m\x1b[1m5 passed\x1b[0m\x1b[32m in 0.01s\x1b[0m\n", "pytest", (5, 0, 0)),
        ("1 failed, 4 passed, 1 xfailed, 2 warnings in 62.10s (0:01:02)\n", "pytest", (5, 1, 0)),
        ("Ran 7 tests in 0.002s\n\nOK (skipped=2)\n", "unittest", (5, 0, 2)),
        ("Ran 7 tests in 0.002s\n\nFAILED (failures=1, errors=1)\n", "unittest", (5, 2, 0)),
        ("Tests:       1 failed, 2 skipped, 5 passed, 8 total\n", "jest", (5, 1, 2)),
        ("      Tests  5 passed | 1 skipped (6)\n", "vitest", (5, 0, 1)),
        ("\n  5 passing (12ms)\n  1 pending\n", "mocha", (5, 0, 1)),
        ("# tests 6\n# suites 0\n# pass 5\n# fail 0\n# cancelled 0\n# skipped 1\n", "node", (5, 0, 1)),
        ("ok  \texample.org/a\t0.003s\nok  \texample.org/b\t(cached)\n?   \texample.org/c\t[no test files]\n", "go", (2, 0, 0)),
        ("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s\n"
         "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n", "cargo", (5, 0, 3)),
        ("80% tests passed, 1 tests failed out of 5\n", "ctest", (4, 1, 0)),
        ("OK (5 tests, 9 assertions)\n", "phpunit", (5, 0, 0)),
        ("Tests: 5, Assertions: 9, Failures: 1, Skipped: 1.\n", "phpunit", (3, 1, 1)),
        ("5 examples, 1 failure, 1 pending\n", "rspec", (3, 1, 1)),
        ("Passed!  - Failed:     0, Passed:     5, Skipped:     1, Total:     6, Duration: 10 ms\n", "dotnet", (5, 0, 1)),
        ("[INFO] Tests run: 5, Failures: 0, Errors: 0, Skipped: 1\n", "maven", (4, 0, 1)),
        ("1..3\nok 1 - a\nok 2 - b # skip\nnot ok 3\n", "TAP", (1, 1, 1)),
    ],
)  # fmt: skip
def test_summaries(output, name, counts):
    assert read_summaries(output)[name] == Counts(*counts)


@pytest.mark.parametrize(
    "output",
    ["", "ms: 5\n", "no tests ran in 0.01s\n", "5 tests collected in 0.01s\n", "Ran 0 tests in 0.000s\n\nOK\n"],
)
def test_an_output_without_tests_has_none(output):
    assert read_summaries(output) == {}


def test_what_is_lacking():
    five, four = {"pytest": Counts(5)}, {"pytest": Counts(4, 1)}
    assert (
        lacking(five, five, passed=True)
        == lacking({}, {}, passed=True)
        == lacking(five, {"pytest": Counts(9)}, passed=True)
        == ""
    )
    assert lacking(five, {}, passed=True).startswith("no summary of pytest was printed")
    assert lacking(five, four, passed=True).startswith("4 tests passed by pytest's summary, and 5")
    assert lacking(five, four, passed=False) == "", "a number may say that a test fails"
    assert lacking(five, {"pytest": Counts(3, 1)}, passed=False).startswith("4 tests ran")
    assert "1 tests left out" in lacking(five, {"pytest": Counts(5, 0, 1)}, passed=True)
