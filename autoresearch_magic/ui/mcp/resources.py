"""The resources: the program, the current best version, and what a proposer should know now."""

from __future__ import annotations

from typing import Any

from mcp.server import MCPServer

from .serving import Serving
from .wording import briefing_of


def add_resources(server: MCPServer[Any], serving: Serving) -> None:
    """Give a server the resources of the study that it serves."""

    @server.resource(
        "autoresearch://program", name="program", title="Program", mime_type="text/markdown",
        description="Goal and rules of the study, as its user wrote them",
    )  # fmt: skip
    def program() -> str:
        return serving.study().definition.program.text

    @server.resource(
        "autoresearch://incumbent", name="incumbent", title="Current best", mime_type="text/plain",
        description="The version to improve on: the target's source; of a repository, the files of its scope, each below a line that names it",
    )  # fmt: skip
    def incumbent() -> str:
        return serving.study().incumbent.target

    @server.resource(
        "autoresearch://briefing", name="briefing", title="Briefing", mime_type="text/plain",
        description="What a proposer should know now: program, current best, history, failures, notes",
    )  # fmt: skip
    def briefing() -> str:
        return briefing_of(serving.study())
