"""The tools: each is a function whose parameters and result are its schema."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from anyio.to_thread import run_sync
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp_types import ToolAnnotations
from pydantic import Field

from ...study.summary import history_text
from ..driving import Version
from ..facts import history_facts
from . import results
from .long_calls import begun, carried_out, finished, nothing_to_wait_for, planned, tried, waited_for
from .serving import Serving
from .wording import briefing_of, for_client

INSTRUCTIONS = """\
autoresearch measures and judges changes to code by a number that a command or a function gives, and remembers all that was tried.

You propose, it decides. Begin a study with `start` (or go on with the newest one), then repeat: read `briefing`, think of one change,
call `try` with it and a summary, read the verdict. `keep` means that the change is the new base; after any other verdict go on from the
base as it was. Noise is measured: a difference that chance explains is no gain, so do not try the same change twice to get luck, and do not
change what measures.

A run may take longer than your client lets one call take. `start`, `try` and `plan` return `done: false` then, and the work goes on: call
`wait` until `done` is true. Cancelling a call ends its run; nothing that was recorded is lost.
"""

Study = Annotated[str, Field(description="a study's name; without it, the one that was begun here, else the newest")]
Seconds = Annotated[
    float, Field(ge=0, le=86_400, description="how long to wait for the end before `done: false` is returned; keep it below your client's limit for one call")
]  # fmt: skip
Program = Annotated[
    str, Field(min_length=1, description="goal and rules in Markdown, or the path of a .md file with them; it may begin with settings, as front matter or `Key: value` lines")
]  # fmt: skip
Target = Annotated[
    str, Field(description="the file that experiments may change (a path that ends in .py), or its source; without it, settings name `scope` and `verify` for files of a git repository")
]  # fmt: skip
Setup = Annotated[
    str, Field(description="frozen code that runs once before the target: a path that ends in .py, or its source")
]
Settings = Annotated[
    dict[str, Any] | None,
    Field(description="settings by their long names, with _ for -, such as metric, minimize, budget, repeats, scope, verify, guard, repo; the help of the command line lists all"),
]  # fmt: skip
Number = Annotated[int, Field(ge=0, description="number of an experiment; 0 is the baseline")]

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
RUNS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False)

WAIT = 45.0
"""Seconds that a call waits by default: several clients give a call up after 60."""

MOST_ROWS = 50


def add_tools(server: MCPServer[Any], serving: Serving) -> None:
    """Give a server the tools that drive the studies of `serving`."""
    _add_work(server, serving)
    _add_looks(server, serving)

    @server.tool(title="Note for the agent", annotations=RUNS)
    def say(
        text: Annotated[str, Field(min_length=1, description="what it should know")], study: Study = ""
    ) -> results.Said:
        """Leave a note that every later briefing contains."""
        reply = serving.reply("say", "--", text, study=study)
        return results.Said(text=for_client(reply.text), study=serving.name(study))

    @server.tool(title="Stop", annotations=RUNS)
    def stop(study: Study = "") -> results.Said:
        """End the run in progress and leave the study so that it can go on; also where another process runs it."""
        work = serving.work
        if work is not None and work.running and (not study or study == work.study.name):
            work.stop()
            return results.Said(text=f"The {work.what} of {work.study.name} is stopped.", study=work.study.name)
        reply = serving.reply("stop", study=study)
        return results.Said(text=for_client(reply.text), study=serving.name(study))


def _add_work(server: MCPServer[Any], serving: Serving) -> None:
    @server.tool(title="Plan", annotations=RUNS)
    async def plan(
        program: Program, context: Context[Any, Any], target: Target = "", setup: Setup = "", settings: Settings = None,
        seconds: Seconds = WAIT,
    ) -> results.Work:  # fmt: skip
        """Run the target a few times before a start, and tell noise, time and which gains can be seen; nothing is recorded."""
        return await carried_out(partial(planned, serving, program, target, setup, settings or {}), seconds, context)

    @server.tool(title="Begin a study", annotations=RUNS)
    async def start(
        program: Program, context: Context[Any, Any], target: Target = "", setup: Setup = "",
        name: Annotated[str, Field(description="the study's name; made from date and metric by default")] = "",
        settings: Settings = None, seconds: Seconds = WAIT,
    ) -> results.Work:  # fmt: skip
        """Begin a study: check program and settings, measure the baseline and its noise. Then try changes with `try`."""
        return await carried_out(
            partial(begun, serving, program, target, setup, name, settings or {}), seconds, context
        )

    @server.tool(name="try", title="Try a change", annotations=RUNS)
    async def try_change(
        summary: Annotated[str, Field(min_length=1, description="what was changed, in one line")],
        context: Context[Any, Any],
        source: Annotated[str, Field(description="the whole new source of the target, where that is one file")] = "",
        files: Annotated[
            dict[str, str | None] | None,
            Field(
                description="changed files of a repository study: paths from its top to whole new contents, null to delete; the others are as in the current best"
            ),
        ] = None,
        hypothesis: Annotated[str, Field(description="why it should help")] = "",
        expect: Annotated[str, Field(description="the effect on the number that you expect, such as `-0.02`")] = "",
        revert: Annotated[
            bool, Field(description="put the files on disk back to the best version where yours is not kept")
        ] = False,
        drop: Annotated[
            bool,
            Field(description="give up an experiment that was begun and not finished, instead of finishing it first"),
        ] = False,
        study: Study = "",
        seconds: Seconds = WAIT,
    ) -> results.Work:
        """Measure and judge one change against the current best. Without source and files, what you have changed on disk is tried."""
        version = Version("", summary, hypothesis, expect, drop, revert)
        return await carried_out(partial(tried, serving, study, source, files, version), seconds, context)

    @server.tool(title="Finish", annotations=RUNS)
    async def finish(context: Context[Any, Any], study: Study = "", seconds: Seconds = WAIT) -> results.Work:
        """End the search: choose the final version, and measure it and the baseline again on fresh seeds. That is the result to report."""
        return await carried_out(partial(finished, serving, study), seconds, context)

    @server.tool(title="Wait", annotations=READS)
    async def wait(context: Context[Any, Any], seconds: Seconds = WAIT) -> results.Work:
        """Wait for what `plan`, `start` or `try` has left running, and return its result; the last result again when nothing runs."""
        if (work := serving.work) is None:
            return await run_sync(nothing_to_wait_for, serving)
        return await waited_for(work, seconds, context)


def _add_looks(server: MCPServer[Any], serving: Serving) -> None:
    @server.tool(title="Status", annotations=READS)
    def status(study: Study = "") -> results.Status:
        """Show the state of the study and its result so far."""
        reply = serving.reply("status", study=study)
        return results.Status(text=for_client(reply.text), **(reply.data or {}))

    @server.tool(title="History", annotations=READS)
    def history(
        study: Study = "",
        kept: Annotated[bool, Field(description="only kept experiments")] = False,
        last: Annotated[int, Field(ge=1, description="at most so many, the newest")] = MOST_ROWS,
    ) -> results.History:
        """List the experiments: verdicts, values, gains with intervals, summaries."""
        return history_of(serving, study, kept, last)

    @server.tool(title="One experiment", annotations=READS)
    def show(number: Number, study: Study = "") -> results.Shown:
        """Show an experiment: its result, reasoning, runs, code, and its error if it failed."""
        reply = serving.reply("show", str(number), study=study)
        return results.Shown(text=for_client(reply.text), **(reply.data or {}))

    @server.tool(title="Difference", annotations=READS)
    def diff(
        number: Number,
        other: Annotated[int | None, Field(ge=0, description="compare with this one instead of the version it was made from")] = None,
        study: Study = "",
    ) -> results.Diff:  # fmt: skip
        """Show what an experiment changed, or how two differ."""
        reply = serving.reply("diff", str(number), *([] if other is None else [str(other)]), study=study)
        data = reply.data or {}
        return results.Diff(
            text=reply.text, study=data["study"], first=data["from"], second=data["to"], diff=data["diff"]
        )

    @server.tool(title="Analysis", annotations=READS)
    def evals(study: Study = "") -> results.Evals:
        """Analyze the study: trend, plateau, which kinds of changes helped or failed, what to do next."""
        reply = serving.reply("evals", study=study)
        return results.Evals(text=for_client(reply.text), **(reply.data or {}))

    @server.tool(title="Briefing", annotations=READS)
    def briefing(study: Study = "") -> results.Briefing:
        """Tell what a proposer should know now: program, current best with its code, history, failures, notes. Read it before each try."""
        return results.Briefing(text=briefing_of(serving.study(study)), study=serving.name(study))


def history_of(serving: Serving, name: str, kept: bool, last: int) -> results.History:
    """Return the newest experiments of a study."""
    study = serving.study(name)
    found = [e for e in study.experiments if e.kept or not kept]
    shown = found[-last:]
    left = (
        f"\n{len(found) - last} earlier ones are not shown: last={len(found)} shows all." if len(found) > last else ""
    )
    text = history_text(study.status, shown) if shown else f"{study.name} has no finished experiment yet."
    return results.History(text=f"{text}{left}", total=len(study.experiments), **history_facts(study, shown))
