"""Whether the tests are tests: each asserts something, none is skipped, and they notice when the wallet is broken.

For the last, each of a few faults is put into a copy of the package in turn. Those that the tests noticed at first, they must
still notice; to run a line is not to test it. Ends with an error where something is amiss.
"""

import ast
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FAULTS = [
    ("money.py", "{rest:02}", "{rest}"),
    ("ledger.py", "return sum(", "return -sum("),
]


def silent_tests(path):
    """Return the names of the tests of a file that assert nothing, or are skipped."""
    return [
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test")
        and (
            not any(isinstance(n, ast.Attribute) and n.attr.startswith("assert") for n in ast.walk(node))
            or any("skip" in ast.unparse(decorator) for decorator in node.decorator_list)
        )
    ]


def noticed(name, right, wrong):
    """Whether the tests fail when a fault is put in."""
    with tempfile.TemporaryDirectory() as folder:
        for part in ("wallet", "tests"):
            (Path(folder) / part).mkdir()
            for path in Path(part).glob("*.py"):
                text = path.read_text()
                if path.name == name:
                    assert text.count(right) == 1, f"{right!r} must be in {name} once"
                    text = text.replace(right, wrong)
                (Path(folder) / part / path.name).write_text(text)
        command = [sys.executable, "-m", "unittest", "discover", "-s", "tests"]
        return subprocess.run(command, cwd=folder, env=os.environ, capture_output=True).returncode != 0


def main():
    for path in sorted(Path("tests").glob("test_*.py")):
        if names := silent_tests(path):
            sys.exit(f"{path}: {', '.join(names)} asserts nothing or is skipped")
    for fault in FAULTS:
        if not noticed(*fault):
            sys.exit(f"no test notices {fault[2]!r} in place of {fault[1]!r} in {fault[0]}")
    print("the tests are tests")


if __name__ == "__main__":
    main()
