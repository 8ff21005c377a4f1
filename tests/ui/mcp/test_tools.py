"""What the tools that look at a study return, and that a plan may take longer than a call."""

import pytest
from mcp import Client

from autoresearch_magic.study.opening import open_study
from autoresearch_magic.ui import facts as ui_facts

from ...studies import SLOW
from .clients import call, facts, run

pytestmark = pytest.mark.slow  # folders, git and programs for most of them


def test_status_and_history(server, night):
    study = open_study("night", night)
    status = facts(call(server, "status"))
    assert (status["study"], status["state"], status["experiments"]) == ("night", "finished", study.status.done)
    assert status["headline"]["gain"] == study.headline.gain
    assert status["text"].startswith("night: finished")
    assert status["settings"] == ui_facts.status_facts(study)["settings"]
    history = facts(call(server, "history"))
    assert [row["experiment"] for row in history["experiments"]] == [e.number for e in study.experiments]
    assert [row["verdict"] for row in history["experiments"]] == [e.verdict for e in study.experiments]
    assert history["total"] == len(study.experiments)


def test_a_long_history_is_shown_in_part_and_says_so(server, night):
    total = len(open_study("night", night).experiments)
    history = facts(call(server, "history", last=1))
    assert [row["experiment"] for row in history["experiments"]] == [total - 1]
    assert f"{total - 1} earlier ones are not shown: last={total} shows all." in history["text"]
    assert all(
        row["verdict"] in ("baseline", "keep") for row in facts(call(server, "history", kept=True))["experiments"]
    )


def test_one_experiment_and_what_it_changed(server, night):
    study = open_study("night", night)
    shown = facts(call(server, "show", number=1))
    assert shown["measurements"][0]["value"] == study.experiment(1).measurements[0].value
    assert study.experiment(1).target.rstrip() in shown["text"]
    diff = facts(call(server, "diff", number=1))
    assert (diff["first"], diff["second"]) == (0, 1)
    assert "-X = 3.0" in diff["diff"]
    assert facts(call(server, "diff", number=0, other=0))["diff"] == ""


def test_analysis_and_briefing(server):
    evals = facts(call(server, "evals", study="night"))
    assert evals["advice"]["action"] in ("continue", "stop", "change strategy")
    assert evals["trend"]  # the parts that have no type of their own
    assert "# Lower it" in facts(call(server, "briefing"))["text"]


def test_a_note_reaches_the_briefing(server):
    assert facts(call(server, "say", text="--mind the gap"))["study"] == "night"
    assert "--mind the gap" in facts(call(server, "briefing"))["text"]


def test_nothing_is_stopped_or_waited_for_where_nothing_runs(server):
    assert "night is finished already" in facts(call(server, "stop"))["text"]
    waited = facts(call(server, "wait"))
    assert (waited["what"], waited["done"]) == ("nothing", True)
    assert waited["text"].startswith("Nothing is in progress in this server. night: finished")


SETTINGS = {"metric": "loss", "minimize": True, "budget": "0.05s", "repeats": 2}


@pytest.mark.slow
def test_a_plan_may_take_longer_than_a_call(empty):
    told = []

    async def progress(share, total, line):
        told.append((share, total, line))

    async def steps():
        async with Client(empty) as client:
            arguments = {"program": "Lower it", "target": SLOW, "settings": SETTINGS}
            first = await client.call_tool("plan", {**arguments, "seconds": 0})
            again = await client.call_tool("plan", arguments)
            last = await client.call_tool("wait", {}, progress_callback=progress)
            return first, again, last, await client.call_tool("wait", {})

    first, again, last, repeated = run(steps)
    assert facts(first)["done"] is False
    assert "Call the tool wait, until done is true." in facts(first)["text"]
    assert again.is_error
    assert "is in progress" in again.content[0].text
    plan = facts(last)
    assert plan["done"]
    assert plan["plan"]["trials"][0]["values"] == [3.0, 3.0]
    assert plan["text"].startswith("The target runs: loss 3")
    assert facts(repeated) == plan  # a client that has lost the answer may ask again
    shares = [share for share, _, _ in told]
    assert shares == sorted(set(shares))
    assert all(total == 1.0 and line for _, total, line in told)
    assert any(line.startswith("running the target, ") for _, _, line in told)


@pytest.mark.slow
def test_a_plan_that_fails_shows_why(empty):
    result = call(empty, "plan", program="Lower it", target="loss = 1 / 0", settings=SETTINGS)
    assert result.is_error
    line, _, traceback = result.content[0].text.partition("\n")
    assert "ZeroDivisionError" in line
    assert "loss = 1 / 0" in traceback
    assert "autoresearch_magic" not in traceback
