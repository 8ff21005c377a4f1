"""A shell script drives a study by ``autoresearch try``: the verdicts are those of the same proposals by an agent inside."""

import os
import subprocess
import sys

import pytest

from autoresearch_magic.agents.registry import BUILT_IN
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.study import Study

from ..driven import FILES, STEPS, Steps, judged
from ..repositories import repository, state
from ..studies import finish

CODES = {"keep": "0"}
"""Exit codes of verdicts; 5 for every other one."""
SOME = (*STEPS[:5], *STEPS[8:10], STEPS[12])
"""Every kind of verdict is among them."""


def script_of(steps):
    """Return a script that makes each change in the working tree and tries it."""
    python = f"'{sys.executable}' -m autoresearch_magic"
    lines = ["#!/bin/sh", "set -u", f"{python} begin program.md --name outside >>log || exit 9"]
    for summary, files in steps:
        for path, content in files.items():
            lines.append(f"rm -f {path}" if content is None else f"cat >{path} <<'END'\n{content}END")
        lines.append(f"{python} try '{summary}' --revert >>log; echo $? >>codes")
    return "\n".join([*lines, f"{python} finish >>log", ""])


@pytest.mark.slow
def test_verdicts_equal_those_of_an_agent_inside(tmp_path, monkeypatch):
    monkeypatch.setitem(BUILT_IN, "script", lambda order: Steps(SOME))
    inside = finish(
        Study(
            tmp_path / "inside" / "program.md", name="inside", agent="script", experiments=len(SOME) + 1, root=tmp_path / "studies",
            repo=str(repository(tmp_path / "inside", FILES)),
        ), 500,
    )  # fmt: skip
    repo = repository(tmp_path / "outside", FILES)
    before = state(repo)
    (tmp_path / "drive.sh").write_text(script_of(SOME))
    done = subprocess.run(
        ["sh", str(tmp_path / "drive.sh")], cwd=repo, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=900, env=dict(os.environ)
    )  # fmt: skip
    assert done.returncode == 0, done
    outside = open_study(repo / ".autoresearch" / "outside")
    assert len(outside.experiments) == len(SOME) + 1
    verdicts = [str(e.verdict) for e in outside.experiments[1:]]
    assert {"keep", "discard", "guard-failed", "crash", "duplicate", "rejected"} <= set(verdicts)
    assert judged(outside) == judged(inside)
    assert (repo / "codes").read_text().split() == [CODES.get(verdict, "5") for verdict in verdicts]
    assert outside.headline.number == inside.headline.number
    assert (outside.headline.best, outside.headline.baseline) == (inside.headline.best, inside.headline.baseline)
    after = state(repo)
    for part in ("head", "HEAD", "index", "stash", "refs", "config"):
        assert after[part] == before[part]
