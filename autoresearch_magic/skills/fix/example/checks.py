"""How many checks are not passed: `errors: N`.

All tests that stand in the files of tests/ count, whether or not they could be run: so a module that cannot be imported fails
every test of it, and a skipped test is none that was passed.

With --keep, it is only seen that what was passed when this began (passing.txt) still is; it ends with an error when not.
"""

import ast
import sys
import unittest
from pathlib import Path


def expected():
    """Return the names of all tests, as read from their files."""
    return {
        f"{path.stem}.{case.name}.{test.name}"
        for path in Path("tests").glob("test_*.py")
        for case in ast.parse(path.read_text()).body
        if isinstance(case, ast.ClassDef)
        for test in case.body
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test")
    }


class Passed(unittest.TestResult):
    """Collects the names of the tests that were passed."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def addSuccess(self, test):
        self.names.add(test.id())


def passed():
    """Run the tests and return the names of those that were passed."""
    result = Passed()
    unittest.TestLoader().discover("tests").run(result)
    for test, trace in result.failures + result.errors:
        said = [line for line in trace.splitlines() if "Error" in line.partition(":")[0]]
        print(f"{test.id()}: {said[-1] if said else trace}")
    return result.names


def main():
    sys.path.insert(0, ".")
    wanted, done = expected(), passed()
    if sys.argv[1:] == ["--keep"]:
        if broken := sorted(set(Path("passing.txt").read_text().split()) - done):
            sys.exit(f"passed before and not now: {', '.join(broken)}")
        return
    print(f"errors: {len(wanted - done)}")


if __name__ == "__main__":
    main()
