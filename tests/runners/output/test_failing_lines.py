import pytest

from autoresearch_magic.runners.output.failing_lines import IN_REASON, MOST, failing_lines, quoted

PYTEST = """\
F.                                                                       [100%]
=================================== FAILURES ===================================
    def test_a():
>       assert f(1) == 2
E       assert 1 == 2

test_a.py:4: AssertionError
=========================== short test summary info ============================
FAILED test_a.py::test_a - assert 1 == 2
1 failed, 1 passed in 0.02s
"""
UNITTEST = """\
FAIL: test_x (test_m.T.test_x)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "/tmp/test_m.py", line 5, in test_x
AssertionError: 1 != 2

FAILED (failures=1)
"""
GO = "--- FAIL: TestAdd (0.00s)\n    add_test.go:8: Add(1,2) = 4; want 3\nFAIL\nexit status 1\n"
CARGO = "test a ... ok\ntest b ... FAILED\n\nthread 'b' panicked at src/lib.rs:10:9:\n\ntest result: FAILED. 1 passed; 1 failed\n"
ESLINT = "/app/a.js\n  3:5  error  'x' is not defined  no-undef\n\n✖ 1 problem (1 error, 0 warnings)\n"
MOCHA = "  1 passing (5ms)\n  1 failing\n\n  1) math\n     AssertionError [ERR_ASSERTION]: 3 == 4\n"
TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 3, in <module>\nValueError: bad\n'


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        (PYTEST, ["FAILED test_a.py::test_a - assert 1 == 2"]),
        (UNITTEST, ["FAIL: test_x (test_m.T.test_x)", "AssertionError: 1 != 2"]),
        (GO, ["--- FAIL: TestAdd (0.00s)", "add_test.go:8: Add(1,2) = 4; want 3"]),
        (CARGO, ["test b ... FAILED", "thread 'b' panicked at src/lib.rs:10:9:"]),
        (ESLINT, ["3:5 error 'x' is not defined no-undef"]),
        (MOCHA, ["1) math", "AssertionError [ERR_ASSERTION]: 3 == 4"]),
        (TRACEBACK, ["ValueError: bad"]),
        ("a.py:3: error: Wrong\nFound 1 error in 1 file\n", ["a.py:3: error: Wrong"]),
        ("src/a.ts(3,5): error TS2322: Type 'string'.\n", ["src/a.ts(3,5): error TS2322: Type 'string'."]),
        ("sh: 1: pytst: not found\n", ["sh: 1: pytst: not found"]),
        ("0 errors\nthe result differs\n", ["0 errors", "the result differs"]),
        ("\x1b[31mfatal: no\x1b[0m\n", ["fatal: no"]),
        ("", []),
    ],
)
def test_the_lines_that_say_what_failed(output, lines):
    assert failing_lines(output) == lines


def test_lines_and_reason_are_bounded():
    lines = failing_lines("".join(f"FAILED a.py::test_{n} - {'x' * 500}\n" for n in range(400)))
    assert len(lines) == MOST
    assert len(quoted(lines)) < IN_REASON + 40
    assert quoted(lines).endswith("more")
    assert quoted(["one", "two"]) == "one · two"
