"""A client drives a study: the verdicts are those of an agent inside, and what takes long is neither lost nor repeated."""

from functools import partial

import anyio
import pytest
from mcp import Client

from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.ui.mcp.server import Server
from autoresearch_magic.ui.mcp.serving import Serving

from ...repositories import repository, state
from ...studies import NOISY, PROPOSALS, QUICK, finish
from .clients import call, facts, refused, run

pytestmark = pytest.mark.slow  # folders, git and programs for most of them

SETTINGS = {"metric": "loss", "minimize": True, "budget": "5steps", "repeats": 3}
QUICKLY = {**SETTINGS, "repeats": 1}


def x(value):
    return QUICK.replace("3.0", str(value))


def held(gate, value=2.0):
    """Return a version that runs until a file is gone."""
    return f"import pathlib, time\nwhile pathlib.Path({str(gate)!r}).exists(): time.sleep(0.02)\n{x(value)}"


async def until_it_runs(client, number=1):
    """Wait until the candidate's run is in progress."""
    while f"Experiment {number} " not in (await client.call_tool("status", {})).structured_content["text"]:
        await anyio.sleep(0.05)


def verdicts(root, name):
    return [str(e.verdict) for e in open_study(name, root).experiments]


@pytest.mark.slow
def test_tries_have_the_verdicts_of_an_agent_inside(tmp_path, empty, make_study, script):
    """The first ten proposals have every kind of verdict; all twenty are tried in the test of tries."""
    proposals = PROPOSALS[:10]
    script(*proposals)
    inside = finish(make_study(NOISY, agent="script", name="inside", experiments=len(proposals), **SETTINGS))

    async def steps():
        async with Client(empty) as client:
            begun = await client.call_tool(
                "start", {"program": "Lower it", "target": NOISY, "settings": SETTINGS, "name": "outside"}
            )
            tried = [
                await client.call_tool("try", {"summary": f"step {n}", "source": source})
                for n, source in enumerate(proposals)
            ]
            return begun, tried, await client.call_tool("finish", {})

    begun, tried, finished = run(steps)
    begun, finished = facts(begun)["begun"], facts(finished)["finished"]
    assert (begun["runs"], begun["baseline"]) == (3, inside.experiments[0].value)
    tried = [facts(each)["tried"] for each in tried]
    assert {"keep", "discard", "duplicate", "crash", "rejected"} <= {each["verdict"] for each in tried}
    assert [(each["experiment"], each["verdict"]) for each in tried] == [
        (e.number, e.verdict) for e in inside.experiments[1:]
    ]
    outside = open_study("outside", tmp_path / ".autoresearch")

    def runs(study):
        with Journal(study.folder / "journal.sqlite") as journal:
            return [(r.experiment, r.kind, r.measurement.seed, r.measurement.value) for r in journal.runs()]

    assert runs(outside) == runs(inside)
    assert finished["headline"]["gain"] == inside.headline.gain
    assert outside.status.usage.calls == 0


@pytest.mark.slow
def test_a_try_may_take_longer_than_a_call(tmp_path, empty):
    gate = tmp_path / "gate"
    gate.touch()
    told = []

    async def progress(share, total, line):
        told.append((share, total, line))
        if "Experiment 1" in line:
            gate.unlink(missing_ok=True)

    async def steps():
        async with Client(empty) as client:
            await client.call_tool(
                "start", {"program": "Lower it", "target": QUICK, "settings": QUICKLY, "name": "night"}
            )
            arguments = {"summary": "nearer", "source": held(gate), "hypothesis": "it is nearer", "expect": "-3"}
            first = await client.call_tool("try", {**arguments, "seconds": 0})
            again = await client.call_tool("try", arguments)
            last = await client.call_tool("wait", {}, progress_callback=progress)
            return first, again, last, await client.call_tool("wait", {}), await client.call_tool("status", {})

    first, again, last, repeated, status = run(steps)
    assert (facts(first)["done"], facts(first)["tried"]) == (False, None)
    assert "is in progress" in refused(again)
    tried = facts(last)["tried"]
    assert (tried["experiment"], tried["kept"], tried["summary"], tried["hypothesis"]) == (
        1,
        True,
        "nearer",
        "it is nearer",
    )
    assert facts(repeated) == facts(last)
    assert facts(status)["best"]["experiment"] == 1
    shares = [share for share, _, _ in told]
    assert shares == sorted(set(shares))
    assert all(0 <= share < 1 and total == 1 and line for share, total, line in told)


@pytest.mark.slow
def test_a_try_that_is_cancelled_can_be_tried_again(tmp_path, empty):
    gate = tmp_path / "gate"
    gate.touch()

    async def steps():
        async with Client(empty) as client:
            await client.call_tool(
                "start", {"program": "Lower it", "target": QUICK, "settings": QUICKLY, "name": "night"}
            )
            arguments = {"summary": "nearer", "source": held(gate)}
            async with anyio.create_task_group() as group:
                group.start_soon(client.call_tool, "try", arguments)
                await until_it_runs(client)
                group.cancel_scope.cancel()
            after = await client.call_tool("wait", {})
            gate.unlink()
            return after, await client.call_tool("try", arguments)

    after, again = run(steps)
    assert facts(after)["done"]
    assert "Experiment 1" in facts(after)["text"] or "experiment 1" in facts(after)["text"]
    assert facts(after)["tried"] is None
    assert facts(again)["tried"]["experiment"] == 1
    assert verdicts(tmp_path / ".autoresearch", "night") == ["baseline", "keep"]


@pytest.mark.slow
def test_the_tool_stop_ends_a_try_and_another_version_comes_after_it(tmp_path, empty):
    gate = tmp_path / "gate"
    gate.touch()

    async def steps():
        async with Client(empty) as client:
            await client.call_tool(
                "start", {"program": "Lower it", "target": QUICK, "settings": QUICKLY, "name": "night"}
            )
            await client.call_tool("try", {"summary": "nearer", "source": held(gate), "seconds": 0})
            await until_it_runs(client)
            stopped = await client.call_tool("stop", {})
            gate.unlink()
            return stopped, await client.call_tool("try", {"summary": "far", "source": x(9.0)})

    stopped, other = run(steps)
    assert facts(stopped)["text"] == "The try of night is stopped."
    tried = facts(other)["tried"]
    assert (tried["experiment"], tried["verdict"]) == (2, "discard")
    assert tried["finished_first"] == [{"experiment": 1, "verdict": "keep"}]


@pytest.mark.slow
def test_a_plan_and_a_start_that_are_cancelled_end_at_once(tmp_path, empty):
    gate = tmp_path / "gate"
    gate.touch()
    arguments = {"program": "Lower it", "target": held(gate), "settings": QUICKLY}

    async def steps():
        async with Client(empty) as client:
            for name in ("plan", "start"):
                runs = anyio.Event()

                async def progress(share, total, line, runs=runs):
                    if line.startswith(("running the target", "Baseline")):
                        runs.set()

                async with anyio.create_task_group() as group:
                    group.start_soon(partial(client.call_tool, name, arguments, progress_callback=progress))
                    await runs.wait()
                    group.cancel_scope.cancel()
                waited = await client.call_tool("wait", {})
                assert facts(waited)["done"], name
                assert "stopped" in facts(waited)["text"], name
            gate.unlink()
            return await client.call_tool("try", {"summary": "nearer", "source": x(1.0)})

    assert facts(run(steps))["tried"]["experiment"] == 1


@pytest.mark.slow
def test_a_start_whose_target_fails_shows_why(empty):
    result = call(empty, "start", program="Lower it", target="loss = 1 / 0\n", settings=QUICKLY)
    assert result.is_error
    line, _, traceback = result.content[0].text.partition("\n")
    assert "ZeroDivisionError" in line
    assert "loss = 1 / 0" in traceback


VERIFY = "import f\nprint('cost:', (f.N - 20) ** 2)\n"
PROGRAM = "Goal: lower the cost\nScope: *.py\nMetric: cost\nDirection: lower\nVerify: python v.py\n"


@pytest.fixture
def repo(tmp_path, monkeypatch):
    """A repository, which is the server's folder, and the server."""
    made = repository(tmp_path / "repo", {"f.py": "N = 7\n", "v.py": VERIFY, "program.md": PROGRAM})
    monkeypatch.chdir(made)
    return made, Server(Serving(made / ".autoresearch"))


@pytest.mark.slow
def test_changes_of_a_repository(repo):
    folder, server = repo

    async def steps():
        async with Client(server) as client:

            async def give(**arguments):
                return await client.call_tool("try", {"summary": "a change", **arguments})

            begun = await client.call_tool("start", {"program": "program.md", "settings": {"repeats": 1}})
            nothing = await give()
            before = state(folder)
            by_files = await give(files={"f.py": "N = 9\n"})
            untouched = state(folder) == before
            (folder / "f.py").write_text("N = 12\n")
            on_disk = await give()
            (folder / "f.py").write_text("N = 1\n")
            reverted = await give(revert=True)
            same = await give()
            frozen = await give(files={"v.py": "print('cost: 0')\n"})
            outside = await give(files={"notes.txt": "x\n"})
            deleted = await give(files={"g.py": None})
            emptied = await give(files={"f.py": None})
            upward = await give(files={"../f.py": "N = 1\n"})
            both = await give(source="N = 1", files={"f.py": "N = 1\n"})
            one_text = await give(source="N = 1\n")
            wrong = await give(files={"f.py": "N = 1\n"}, revert=True)
            resource = (await client.read_resource("autoresearch://incumbent")).contents[0].text
            return (
                begun,
                nothing,
                by_files,
                untouched,
                on_disk,
                reverted,
                (same, frozen, outside, deleted, emptied, upward, both, one_text, wrong),
                resource,
            )

    begun, nothing, by_files, untouched, on_disk, reverted, wrong, resource = run(steps)
    assert facts(begun)["begun"]["baseline"] == 169
    assert "nothing to try" in refused(nothing).lower()
    assert facts(by_files)["tried"]["kept"]
    assert "The files stay as they are" not in facts(by_files)["text"]
    assert untouched
    assert "The files stay as they are" in facts(on_disk)["text"]
    assert (facts(on_disk)["tried"]["kept"], facts(on_disk)["tried"]["value"]) == (True, 64)
    assert facts(reverted)["tried"]["verdict"] == "discard"
    assert facts(reverted)["tried"]["reverted"] == ["f.py"]
    assert (folder / "f.py").read_text() == "N = 12\n"
    for each in wrong:
        refused(each)
    assert "N = 12" in resource
    assert run_lines(folder) == ["baseline", "keep", "keep", "discard"]


def run_lines(folder):
    [name] = [path.parent.name for path in (folder / ".autoresearch").glob("*/journal.sqlite")]
    return verdicts(folder / ".autoresearch", name)


@pytest.mark.slow
def test_a_study_that_another_process_works_on_is_refused(night, server, tmp_path):
    study = open_study("night", night)
    with study._lock:
        other = Server(Serving(night))
        for name, arguments in (("try", {"summary": "x", "source": x(1.5)}), ("finish", {})):
            assert refused(call(other, name, **arguments)) == (
                "Another process is working on night: wait for its end, or end it with the tool stop."
            )


def test_wrong_tries(empty, night, server):
    assert refused(call(empty, "try", summary="x")).endswith("begin one with the tool start.")
    assert refused(call(empty, "finish")).endswith("begin one with the tool start.")
    assert refused(call(server, "try")) == "try: summary is missing."
    assert refused(call(server, "try", summary="x")).startswith(
        "The target of night lies in no file: give its whole new text"
    )
    assert (
        refused(call(server, "try", summary="x", source="y", file="f"))
        == "try takes no argument 'file': did you mean files?"
    )
    assert "the same as" in refused(
        call(server, "try", summary="x", source=open_study("night", night).incumbent.target)
    )
    only = Server(Serving(night, "night"))
    assert refused(call(only, "start", program="x", target=QUICK)).startswith(
        "This server is for the study night alone"
    )
    for settings, said in (
        ({"metrc": "loss"}, "did you mean metric?"),
        ({"metric": "loss", "budget": "soon"}, "budget"),
        ({}, "metric"),
    ):
        assert said in refused(call(server, "start", program="Lower it", target=QUICK, settings=settings))
    assert "There is a study 'night' already" in refused(
        call(server, "start", program="x", target=QUICK, name="night", settings=SETTINGS)
    )
