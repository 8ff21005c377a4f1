"""The server as a user starts it, and the official client, over both transports; and what a client that goes away leaves."""

import json
import os
import signal
import subprocess
import sys

import anyio
import psutil
import pytest

from autoresearch_magic.study.opening import open_study

from ...studies import QUICK, wait_for
from .clients import WORDS, HttpServer, facts, over_stdio, run, text_of
from .test_driving import QUICKLY, held, until_it_runs, verdicts, x

START = {"program": "Lower it", "target": QUICK, "settings": QUICKLY, "name": "night"}


async def drive(client, gate):
    """Begin a study, try three versions, cancel one of them, finish it; return what the client saw."""
    begun = await client.call_tool("start", START)
    told = []

    async def progress(share, total, line):
        told.append((share, line))

    first = await client.call_tool("try", {"summary": "nearer", "source": x(2.0)}, progress_callback=progress)
    gate.touch()
    arguments = {"summary": "nearest", "source": held(gate, 1.0)}
    async with anyio.create_task_group() as group:
        group.start_soon(client.call_tool, "try", arguments)
        await until_it_runs(client, 2)
        group.cancel_scope.cancel()
    gate.unlink()
    again = await client.call_tool("try", arguments)
    while again.is_error and "is in progress" in text_of(
        again
    ):  # the cancellation is on another connection, and still on its way
        await anyio.sleep(0.1)
        again = await client.call_tool("try", arguments)
    worse = await client.call_tool("try", {"summary": "far", "source": x(9.0)})
    status = await client.call_tool("status", {})
    briefing = (await client.read_resource("autoresearch://briefing")).contents[0].text
    return begun, told, first, again, worse, status, briefing


def check(root, seen):
    begun, told, first, again, worse, status, briefing = seen
    assert facts(begun)["begun"]["baseline"] == 4
    assert told
    assert [share for share, _ in told] == sorted({share for share, _ in told})
    assert (facts(first)["tried"]["experiment"], facts(first)["tried"]["verdict"]) == (1, "keep")
    assert (facts(again)["tried"]["experiment"], facts(again)["tried"]["verdict"]) == (2, "keep")
    assert facts(worse)["tried"]["verdict"] == "discard"
    assert facts(status)["best"]["experiment"] == 2
    assert "Lower it" in briefing
    assert verdicts(root, "night") == ["baseline", "keep", "keep", "discard"]


@pytest.mark.slow
def test_over_stdio(tmp_path):
    """In the older protocol; the present one is in the next test, and over this transport in that of a killed server."""

    async def steps():
        async with over_stdio(tmp_path, mode="legacy") as client:
            return await drive(client, tmp_path / "gate")

    check(tmp_path / ".autoresearch", run(steps))


@pytest.mark.slow
def test_over_http(tmp_path):
    """In the present protocol; an older client speaks to the same server in the next test."""
    server = HttpServer(tmp_path)

    async def steps():
        async with server.client() as client:
            return await drive(client, tmp_path / "gate")

    check(tmp_path / ".autoresearch", run(steps))
    assert server.end() == 0
    assert "Traceback" not in server.errors


@pytest.mark.slow
def test_a_client_that_goes_away_loses_nothing(tmp_path):
    server, gate = HttpServer(tmp_path), tmp_path / "gate"
    gate.touch()

    async def first():
        async with server.client() as client:
            await client.call_tool("start", START)
            running = await client.call_tool("try", {"summary": "nearer", "source": held(gate), "seconds": 0})
            await until_it_runs(client)
            return running

    async def second():
        async with server.client("legacy") as client:
            before = await client.call_tool("wait", {"seconds": 0})
            gate.unlink()
            return before, await client.call_tool("wait", {})

    assert facts(run(first))["done"] is False
    before, after = run(second)
    assert facts(before)["done"] is False
    assert facts(after)["tried"]["verdict"] == "keep"
    assert server.end() == 0


@pytest.mark.slow
@pytest.mark.parametrize("how", ["closed", "terminated", "killed"])
def test_a_server_that_ends_in_the_middle_of_a_run_leaves_no_process_and_the_study_goes_on(tmp_path, how):
    gate = tmp_path / "gate"
    gate.touch()
    version = f"print('at the gate', flush=True)\n{held(gate)}"
    with Raw(tmp_path) as server:
        server.call("start", **START)
        server.call("try", summary="nearer", source=version, seconds=0)
        log = tmp_path / ".autoresearch" / "night" / "logs" / "0001.log"
        wait_for(lambda: log.exists() and "at the gate" in log.read_text())
        below = psutil.Process(server.process.pid).children(recursive=True)
        assert len(below) >= 2, "a worker, and the run that waits for the gate"
        server.end(how)
    wait_for(lambda: not any(alive(process) for process in below))
    study = open_study("night", tmp_path / ".autoresearch")
    assert (study.state, len(study.experiments)) == ("stopped", 1)
    if how != "killed":
        return  # what is recorded is the same, so that what another server makes of it is
    gate.unlink()

    async def steps():
        async with over_stdio(tmp_path) as client:
            waited = await client.call_tool("wait", {})
            return waited, await client.call_tool("try", {"summary": "nearer", "source": version})

    waited, again = run(steps)
    assert facts(waited)["what"] == "nothing"
    assert "Experiment 1, nearer, was begun and not finished" in facts(waited)["text"]
    assert (facts(again)["tried"]["experiment"], facts(again)["tried"]["verdict"]) == (1, "keep")
    assert verdicts(tmp_path / ".autoresearch", "night") == ["baseline", "keep"]


NOISY_SETUP = "import os, sys\nprint('setup')\nos.write(1, b'bytes\\n')\n"
NOISY_TARGET = "print('target'); os.write(1, b'more'); os.system('echo shell'); sys.stderr.write('error')\n"


@pytest.mark.slow
def test_nothing_but_the_protocol_is_on_the_standard_output(tmp_path):
    with Raw(tmp_path) as server:
        begun = server.call("start", **{**START, "target": NOISY_TARGET + QUICK}, setup=NOISY_SETUP)
        assert begun["structuredContent"]["done"]
        tried = server.call("try", summary="nearer", source=NOISY_TARGET + x(2.0))
        assert tried["structuredContent"]["tried"]["verdict"] == "keep"
        assert server.call("shw")["isError"]
        assert server.end("closed") == 0
    assert len(server.lines) == 4
    for line in server.lines:
        assert json.loads(line)["jsonrpc"] == "2.0"
    assert "Traceback" not in server.errors


class Raw:
    """A server over standard input and output whose every line is kept."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            [sys.executable, *WORDS], cwd=folder, env=dict(os.environ), text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.lines, self.number = [], 0
        client = {"name": "raw", "version": "1"}
        self.ask("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=client)
        self.send({"method": "notifications/initialized"})

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        if self.process.returncode is None:
            self.end("killed")

    def send(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def ask(self, method, **params):
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        while True:
            self.lines.append(self.process.stdout.readline())
            message = json.loads(self.lines[-1])
            if message.get("id") == self.number:
                return message["result"]

    def call(self, tool, /, **arguments):
        return self.ask("tools/call", name=tool, arguments=arguments)

    def end(self, how):
        if how != "closed":
            self.process.send_signal(signal.SIGKILL if how == "killed" else signal.SIGTERM)
            self.process.wait(timeout=30)
        rest, self.errors = self.process.communicate(timeout=30)  # closes its input
        self.lines += rest.splitlines()
        return self.process.returncode


def alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
