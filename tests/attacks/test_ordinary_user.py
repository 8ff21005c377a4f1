"""A sample of the attacks as an ordinary user, where root runs the tests; any other user runs all of them so in `test_cells`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = [
    "labels_in_place", "pipe_by_number", "kernel_memory_by_proc", "kernel_killed", "worker_killed", "home_keys", "journal_deleted", "daemon",
    "loopback_tcp", "shared_folders_left",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
def test_a_sample_is_held_as_nobody():
    top = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(top), "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": "/tmp"}
    line = [sys.executable, "-m", "tests.attacks", "--json", "--as", "nobody", *SAMPLE]
    done = subprocess.run(line, cwd=top, env=environment, capture_output=True, text=True, timeout=120, check=False)
    if not done.stdout and ("Permission" in done.stderr or "ModuleNotFound" in done.stderr):
        pytest.skip("nobody may not read this installation")
    results = [json.loads(each) for each in done.stdout.splitlines()]
    assert {each["attack"]: each["problems"] for each in results if each["problems"]} == {}
    assert sorted(each["attack"] for each in results) == sorted(SAMPLE)
