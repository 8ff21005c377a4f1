"""The files that decide what is measured."""

from __future__ import annotations

import pytest

from autoresearch_magic.source.frozen_files import is_test, judging_files


@pytest.mark.parametrize(
    ("path", "test"),
    [
        ("tests/test_app.py", True), ("test_app.py", True), ("src/app_test.go", True), ("conftest.py", True),
        ("src/__tests__/a.js", True), ("src/a.spec.ts", True), ("src/contest.py", False), ("latest.py", False),
        ("attestation/x.py", False), ("src/testing/tools.py", True),
    ],
)  # fmt: skip
def test_tests_are_recognised_by_their_path(path: str, test: bool) -> None:
    assert is_test(path) is test


def test_files_that_a_command_names() -> None:
    paths = ["bench.py", "src/bench.py", "src/__main__.py", "data.json", "other.py"]
    assert judging_files("python ./bench.py --n 3 | tail -1", paths) == {"bench.py"}
    assert judging_files("python -m src.bench < data.json", paths) == {"data.json", "src/bench.py"}
    assert judging_files("python -m src", paths) == {"src/__main__.py"}
    assert judging_files("make bench && pytest -q", [*paths, "Makefile", "tox.ini"]) == {"Makefile", "tox.ini"}
