"""What a client did wrong is told in one line; every tool has a schema of its arguments and of its result."""

import pytest
from mcp import Client, MCPError

from autoresearch_magic.errors import UserError
from autoresearch_magic.ui.mcp.serving import Serving
from autoresearch_magic.ui.mcp.wording import TOOLS, for_client

from .clients import call, refused, run

pytestmark = pytest.mark.slow  # folders, git and programs for most of them


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("shw", {}, "There is no tool 'shw': did you mean show?"),
        ("fly", {}, "There is no tool 'fly': the tools are plan, "),
        ("show", {}, "show: number is missing."),
        ("show", {"number": "best"}, "show: number: input should be a valid integer"),
        ("show", {"number": -1}, "show: number: input should be greater than or equal to 0"),
        ("show", {"number": 1, "studdy": "night"}, "show takes no argument 'studdy': did you mean study?"),
        ("wait", {"number": 1}, "wait takes no argument 'number': it takes seconds."),
        ("show", {"number": 77}, "There is no experiment 77 in night: they are numbered 0 to "),
        ("diff", {"number": 0}, "The baseline has nothing before it"),
        ("say", {"text": ""}, "say: text: string should have at least 1 character"),
        ("say", {}, "say: text is missing."),
        ("history", {"last": 0}, "history: last: input should be greater than or equal to 1"),
        ("wait", {"seconds": "soon"}, "wait: seconds: input should be a valid number"),
        ("status", {"study": "nightt"}, "There is no study 'nightt' in "),
        ("stop", {"study": "day"}, "There is no study 'day' in "),
        ("plan", {}, "plan: program is missing."),
        ("plan", {"program": "gone.md"}, "The program gone.md cannot be read: No such file"),
        ("plan", {"program": "Faster"}, "Say what experiments may change: target is a Python file"),
        ("plan", {"program": "x", "settings": {"budgt": "1s"}}, "There is no setting 'budgt': did you mean budget?"),
        ("plan", {"program": "x", "settings": {"root": "/"}}, "There is no setting 'root'"),
        ("plan", {"program": "x", "settings": "fast"}, "plan: settings: input should be a valid dictionary"),
        ("plan", {"program": "x", "target": "loss = 1", "settings": {}}, "metric"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_one_line(server, name, arguments, said):
    assert said in refused(call(server, name, **arguments))


@pytest.mark.parametrize("name", ["status", "history", "evals", "briefing", "stop", "wait"])
def test_without_a_study_each_tool_says_how_to_begin(empty, name):
    assert refused(call(empty, name)) == f"There is no study in {empty_root()} yet: begin one with the tool start."


def empty_root():
    from pathlib import Path

    return Path.cwd() / ".autoresearch"


def test_a_named_study_must_exist(night):
    with pytest.raises(UserError, match="There is no study 'day'"):
        Serving(night, "day")
    assert Serving(night, "night").name() == "night"


def test_resources(server, empty):
    async def steps():
        async with Client(server) as client:
            listed = [str(each.uri) for each in (await client.list_resources()).resources]
            return {uri: (await client.read_resource(uri)).contents[0].text for uri in listed}

    found = run(steps)
    assert found["autoresearch://program"].strip() == "# Lower it\nBy small steps."
    assert "loss = (X - 1) ** 2" in found["autoresearch://incumbent"]
    assert "Lower it" in found["autoresearch://briefing"]
    assert len(found) == 3

    async def without():
        async with Client(empty) as client:
            with pytest.raises(MCPError) as raised:
                await client.read_resource("autoresearch://briefing")
            return str(raised.value)

    assert run(without) == f"There is no study in {empty_root()} yet: begin one with the tool start."


def test_every_tool_has_schemas_and_says_what_it_does(server):
    async def steps():
        async with Client(server) as client:
            return (await client.list_tools()).tools, client.instructions

    tools, instructions = run(steps)
    assert [tool.name for tool in tools] == list(TOOLS)
    for tool in tools:
        assert tool.output_schema["type"] == "object", tool.name
        assert tool.description.endswith("."), tool.name
        for name, schema in tool.input_schema.get("properties", {}).items():
            assert schema.get("description"), (tool.name, name)
    assert "`try`" in instructions


def test_a_crash_of_a_tool_shows_a_client_no_traceback(server, monkeypatch):
    monkeypatch.setattr(Serving, "reply", lambda *words, **study: 1 / 0)
    result = call(server, "status")
    assert result.is_error
    [content] = result.content
    assert content.text.startswith("Error executing tool status")
    assert "\n" not in content.text


def test_commands_are_named_as_tools():
    assert for_client("wait for it (%autoresearch wait) or stop it") == "wait for it (the tool wait) or stop it"
    assert for_client("Continue with  %autoresearch resume night") == "Continue with  autoresearch resume night"
    assert for_client("%autoresearch starts") == "autoresearch starts"
    assert for_client("by trying with --revert, or --drop.") == "by trying with revert, or drop."
