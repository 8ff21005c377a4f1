"""Looking for coding agents: concurrently, for a limited time, and without the user's keys."""

import os
import time

import pytest

from autoresearch_magic.agents.editing.adapters import ADAPTERS, editor_adapter
from autoresearch_magic.agents.editing.found import find_all


@pytest.mark.slow
def test_every_installed_agent_tells_its_version(standins):
    found = find_all(ADAPTERS.values())

    assert {name: each.version for name, each in found.items()} == {
        "claude-code": "2.1.197", "codex": "0.171.0", "gemini": "0.61.0", "opencode": "1.18.33", "aider": "0.86.2",
        "cursor": "2026.11.20-a1b2c3d",
    }  # fmt: skip
    assert all(each.path == str(standins.folder / ADAPTERS[name].program) for name, each in found.items())
    assert not any(each.problem for each in found.values())


def test_what_is_not_installed_is_said_with_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    found = find_all(ADAPTERS.values())

    assert not any(each.path or each.version for each in found.values())
    assert found["aider"].problem.startswith("There is no command 'aider': install it by ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "version", "problem"),
    [
        ("sleep 60", "", "no version within 1 s"),
        ("echo 9.9; sleep 60 & sleep 60", "", "no version within 1 s"),
        ("echo broken >&2; exit 3", "", "no version: broken"),
        ("exit 0", "", "no version"),
        ("echo 'thing v3.2.1-beta (of today)'", "3.2.1-beta", ""),
        ("echo 4.5 >&2", "4.5", ""),
        ("while :; do echo 1.2.3 padding padding padding; done", "", "no version: 1.2.3 padding padding padding"),
    ],
)
def test_whatever_a_program_does_it_takes_no_longer_than_it_may(tmp_path, script, version, problem):
    program = tmp_path / "agent"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    adapter = editor_adapter(str(program))

    start = time.monotonic()
    found = find_all([adapter], patience=1.0)[adapter.name]

    assert time.monotonic() - start < 30
    assert (found.version, found.problem[: len(problem)], bool(found.problem)) == (version, problem, bool(problem))


def test_a_program_that_cannot_be_started_is_said(tmp_path):
    program = tmp_path / "agent"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    adapter = editor_adapter(str(program))

    found = find_all([adapter])[adapter.name]

    assert "cannot be started" in found.problem


@pytest.mark.slow
def test_no_key_reaches_a_program_that_tells_its_version(tmp_path, monkeypatch):
    program = tmp_path / "agent"
    program.write_text(f"#!/bin/sh\nenv > {tmp_path}/seen; pwd > {tmp_path}/folder; echo 1.0\n")
    program.chmod(0o755)
    monkeypatch.setenv("SOME_API_KEY", "secret-of-the-test")

    find_all([editor_adapter(str(program))])

    assert "secret-of-the-test" not in (tmp_path / "seen").read_text()
    assert (tmp_path / "folder").read_text().strip() != os.getcwd()


def test_nothing_to_look_for():
    assert find_all([]) == {}
