"""The subcommand that serves studies to clients of the Model Context Protocol."""

from __future__ import annotations

import argparse
from importlib.util import find_spec

from ...errors import UserError
from ..reply import Reply
from ..session import Place, Session
from .table import STUDY_OPTION, argument, command


@command(
    "mcp",
    argument("--http", metavar="[ADDRESS:]PORT", help="serve streamable HTTP on this machine alone, in place of standard input and output; port 0 takes a free one"),
    STUDY_OPTION, places=[Place.SHELL],
)  # fmt: skip
def mcp(session: Session, arguments: argparse.Namespace) -> Reply:
    """Serve studies to a coding agent or any other client, by the Model Context Protocol."""
    if find_spec("mcp") is None or find_spec("mcp_types") is None:
        raise UserError("The MCP server needs the official SDK, version 2 or newer: pip install 'mcp>=2.0'")
    from ..mcp.http import read_address, serve_http
    from ..mcp.server import serve_stdio
    from ..mcp.serving import Serving

    address = None if arguments.http is None else read_address(arguments.http)
    serving = Serving(session.root, arguments.study or "")
    try:
        if address is None:
            serve_stdio(serving)
        else:
            serve_http(serving, *address)
    finally:
        serving.close()
    return Reply("")
