"""What an agent that edits files is told."""

from dataclasses import replace
from pathlib import Path

import pytest

from autoresearch_magic.agents.base import Briefing, Rework
from autoresearch_magic.agents.editing.changes import Workspace
from autoresearch_magic.agents.editing.instructions import FAILURES, HISTORY, PROGRAM, RESULTS, instructions, texts
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.metric import Metric

TARGET = "x = 3.0\nloss = x\n"
BASELINE = Experiment(
    0, None, Proposal(TARGET, "baseline"), "", Verdict.BASELINE, "", (Measurement(Outcome.OK, 3.0, 0),)
)


def crashed(number, output="x\n"):
    run = Measurement(Outcome.CRASH, None, 0, output=output, traceback="KeyError: 'lr'")
    return Experiment(number, 0, Proposal("", f"step {number}"), "", Verdict.CRASH, "It crashed.", (run,))


@pytest.fixture
def briefing():
    return Briefing("# Lower it\n", "", Metric("loss", "loss", True), BASELINE, (BASELINE,), budget="20s", noise=0.1)


def asked(briefing, **options):
    named = options.pop("named", {name: name for name in texts(briefing)})
    space = Workspace(Path("/nowhere"), options.pop("base", TARGET), named, **options.pop("space", {}))
    return instructions(briefing, space, deadline=600, **options)


def test_our_files_are_called_by_their_real_names(briefing):
    text = asked(briefing, named={PROGRAM: "autoresearch-program.md", HISTORY: HISTORY, RESULTS: RESULTS})
    assert "`autoresearch-program.md`" in text
    assert "`program.md`" not in text


def test_files_are_bounded_and_the_target_is_not_among_them(briefing):
    failures = tuple(crashed(n, "y" * 50_000) for n in range(1, 40))
    found = texts(replace(briefing, history=(BASELINE, *failures), notes=("be bold", "be quick")))
    assert found.keys() == {PROGRAM, HISTORY, RESULTS, FAILURES, "notes.md"}
    assert found["notes.md"] == "- be bold\n- be quick\n"
    assert found[HISTORY].startswith("# The present target: the baseline (loss 3.0")
    assert "x = 3.0" not in found[HISTORY]
    assert len(found[HISTORY]) < 20_000
    assert len(found[FAILURES]) < 25_000
    assert found[FAILURES].startswith("# 39: step 39 (crash)")
    assert found[RESULTS].count("\n") == 41


def test_what_runs_what_else_is_asked_and_the_backlog_are_told(briefing):
    text = asked(replace(briefing, running=(crashed(4),), others=1, ideas=("2: use a heap",), advice="LR matters"))
    for said in (
        "- runs now: step 4",
        "1 other question like this one is being answered",
        "- 2: use a heap",
        "LR matters",
    ):
        assert said in text


def test_what_was_undone_and_what_is_to_be_repaired_are_told(briefing):
    rework = Rework(Proposal(TARGET, "bolder"), "The guard ended with exit status 1.", "boom")
    again = replace(briefing, rework=rework)
    text = asked(again, told=["You changed `bench.py`."])
    assert "# What was undone last time\n\n- You changed `bench.py`." in text
    assert "You proposed: bolder. The guard ended with exit status 1. See `guard-output.txt`." in text
    assert "boom" in texts(again)["guard-output.txt"]


def test_marked_lines_hidden_files_and_links_are_told(briefing):
    base = "# autoresearch: fixed\nA = 1\n# autoresearch: end\n"
    text = asked(briefing, base=base, space={"linked": ("data",), "withheld": ("answers.json",)})
    assert "Comments mark lines" in text
    assert "`data`: links to the user's own" in text
    assert "Kept from you on purpose: `answers.json`" in text


def test_a_program_that_opens_no_files_is_given_their_texts(briefing):
    text = asked(replace(briefing, setup="import math\n"), given=(PROGRAM, HISTORY, "setup.py"))
    assert "# program.md\n\n```\n# Lower it\n```" in text
    assert "# setup.py\n\n```\nimport math\n```" in text
    assert "- `program.md`" not in text
    assert "<summary>" in text


def test_such_a_program_also_sees_the_files_that_measure(briefing):
    in_repository = replace(
        briefing, setup="#% file bench.py\nprint('ms:', 1)\n", verify="python bench.py", scope=("src/**",)
    )
    text = asked(in_repository, given=(PROGRAM, "setup.py"))
    assert "# The files that measure: frozen\n\n```\n#% file bench.py" in text
    assert "setup.py" not in text
