"""The official client: of a server in this process, or of one that was started by the command."""

import json
import os
import subprocess
import sys
from contextlib import asynccontextmanager

import anyio
import httpx2
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

WORDS = ("-m", "autoresearch_magic", "mcp")


def run(steps, *arguments):
    """Run an async function to its end, in at most two minutes."""

    async def limited():
        with anyio.fail_after(120):
            return await steps(*arguments)

    return anyio.run(limited)


def call(server, tool, /, **arguments):
    """Call one tool of a server in this process; return the result."""

    async def steps():
        async with Client(server) as client:
            return await client.call_tool(tool, arguments)

    return run(steps)


def text_of(result):
    [content] = result.content
    return content.text


def refused(result):
    """Return the one line of a call that was refused."""
    assert result.is_error, result
    line = text_of(result)
    assert "\n" not in line, line
    assert "Traceback" not in line
    assert "%autoresearch" not in line
    return line


def facts(result):
    """Return the structured result of a call; its text is the same as JSON."""
    assert not result.is_error, text_of(result)
    assert json.loads(text_of(result)) == result.structured_content
    return result.structured_content


@asynccontextmanager
async def over_stdio(folder, *words, mode="auto", log=None):
    """A client of a server that it starts itself in a folder."""
    parameters = StdioServerParameters(
        command=sys.executable, args=[*WORDS, *words], cwd=str(folder), env=dict(os.environ)
    )
    async with Client(stdio_client(parameters, errlog=log or sys.stderr), mode=mode) as client:
        yield client


class HttpServer:
    """A server over HTTP, started by the command on a free port."""

    def __init__(self, folder, *words, **env):
        self.process = subprocess.Popen(
            [sys.executable, *WORDS, "--http", "0", *words], cwd=folder, env={**os.environ, **env}, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.url = self.process.stdout.readline().strip()
        name, _, value = self.process.stdout.readline().strip().partition(": ")
        self.headers = {name: value}

    @asynccontextmanager
    async def client(self, mode="auto"):
        http = httpx2.AsyncClient(headers=self.headers, timeout=100)
        async with http, Client(streamable_http_client(self.url, http_client=http), mode=mode) as client:
            yield client

    def end(self):
        """Ask it to end, and return its exit status."""
        self.process.terminate()
        _, self.errors = self.process.communicate(timeout=30)
        return self.process.returncode
