"""The server: its tools and resources, with errors of one line, over standard input and output.

The official SDK speaks the protocol. While it serves, the standard output carries nothing else: the SDK keeps a duplicate of its
descriptor, and lets everything that is printed, by this process and by those that it starts, go to the standard error.
"""

from __future__ import annotations

import difflib
import os
import signal
from collections.abc import Iterable
from typing import Any

import anyio
from anyio.to_thread import run_sync
from mcp.server import MCPServer
from mcp.server.auth.settings import AuthSettings
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from mcp_types import CallToolResult, InputRequiredResult, TextContent
from pydantic import AnyHttpUrl, AnyUrl, ValidationError

from ... import __version__
from ...errors import UserCodeError, UserError
from .resources import add_resources
from .serving import Serving
from .token import OneToken
from .tools import INSTRUCTIONS, add_tools
from .wording import for_client

TRACEBACK = 2_000
"""Characters of the end of a traceback of the user's code."""


class Server(MCPServer[Any]):
    """An MCP server whose errors are one line each, that says what to do.

    Parameters
    ----------
    serving : Serving
        What the tools work on.
    token : str
        What clients must send as ``Authorization: Bearer TOKEN``; without one, everybody who can reach the server may use it.
    """

    def __init__(self, serving: Serving, token: str = "") -> None:
        # Both addresses are parts of a login by OAuth, which a server with one token of its own has not.
        auth = AuthSettings(issuer_url=AnyHttpUrl("http://127.0.0.1"), resource_server_url=None) if token else None
        super().__init__(
            "autoresearch", title="autoresearch", version=__version__, instructions=INSTRUCTIONS, log_level="WARNING",
            token_verifier=OneToken(token) if token else None, auth=auth,
        )  # fmt: skip
        add_tools(self, serving)
        add_resources(self, serving)

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; what the caller can mend is a result that says so in one line."""
        try:
            await self._check_names(name, arguments)
            return await super().call_tool(name, arguments, context)
        except UserError as error:
            return _refused(error)
        except ToolError as error:
            for cause in _causes(error):
                if isinstance(cause, UserError):
                    return _refused(cause)
                if isinstance(cause, ValidationError) and cause is error.__cause__:
                    return _refused(UserError(f"{name}: {_wrong_values(cause)}"))
            raise

    async def _check_names(self, name: str, arguments: dict[str, Any]) -> None:
        tools = {tool.name: tool for tool in await self.list_tools()}
        if name not in tools:
            near = difflib.get_close_matches(name, tools, n=1)
            meant = f"did you mean {near[0]}?" if near else f"the tools are {', '.join(tools)}."
            raise UserError(f"There is no tool {name!r}: {meant}")
        known = tools[name].input_schema.get("properties", {})
        if unknown := [each for each in arguments if each not in known]:
            near = difflib.get_close_matches(unknown[0], known, n=1)
            meant = f"did you mean {near[0]}?" if near else f"it takes {', '.join(known) or 'nothing'}."
            raise UserError(f"{name} takes no argument {unknown[0]!r}: {meant}")

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Any, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """Read a resource; what the caller can mend is an error of one line."""
        try:
            return await super().read_resource(uri, context)
        except ResourceError as error:
            for cause in _causes(error):
                if isinstance(cause, UserError):
                    raise ResourceError(for_client(str(cause))) from None
            raise


def _causes(error: BaseException) -> Iterable[BaseException]:
    """Yield what an exception was raised from or for, and what that was raised from; the SDK wraps a tool's exception, up to twice."""
    cause = error.__cause__ or error.__context__
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _refused(error: UserError) -> CallToolResult:
    """Return the error's line, and below it where the user's own code has failed."""
    line = for_client(str(error))
    text = f"{line}\n\n{error.traceback[-TRACEBACK:]}" if isinstance(error, UserCodeError) and error.traceback else line
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)


def _wrong_values(error: ValidationError) -> str:
    """Return in one line which arguments are missing or have a wrong value, and what they should be."""
    parts = []
    for each in error.errors():
        where = ".".join(map(str, each["loc"][:1])) or "the arguments"
        said = each["msg"][:1].lower() + each["msg"][1:]
        parts.append(f"{where} is missing" if each["type"] == "missing" else f"{where}: {said}")
    return f"{'; '.join(dict.fromkeys(parts))}."


def serve_stdio(serving: Serving) -> None:
    """Serve one client over standard input and output, until it closes its end or this process is asked to end."""
    anyio.run(_serve_stdio, serving)


async def _serve_stdio(serving: Serving) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(_end_by_signal, serving)
        await Server(serving).run_stdio_async()
        group.cancel_scope.cancel()


async def _end_by_signal(serving: Serving) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            await run_sync(serving.close)
            os._exit(0)  # the thread that reads the standard input cannot be interrupted, and would be waited for
