"""Programs of editing agents in walls."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autoresearch_magic.agents.editing.adapters import ADAPTERS
from autoresearch_magic.agents.enclosed import AgentWalls, needed
from autoresearch_magic.agents.processes import run_program
from autoresearch_magic.agents.registry import make_agent
from autoresearch_magic.config.settings import Settings
from autoresearch_magic.errors import UserError
from autoresearch_magic.runners.walls import probe

LAYERS = [
    pytest.param(layer, marks=pytest.mark.skipif(probe()[layer] != "", reason=probe()[layer] or "works"))
    for layer in ("namespaces", "landlock")
]

PROGRAM = """
import json, os, sys
from pathlib import Path
places = json.loads(sys.argv[1])
def tried(act):
    try:
        return act() or "ok"
    except OSError as error:
        return type(error).__name__
said = {}
for name, path in places.items():
    path = Path(path)
    read = (lambda: "".join(path.read_text()[:0]) or "ok") if path.is_file() else (lambda: os.listdir(path) and "ok")
    said[name] = [tried(read), tried(lambda: (path / "new" if path.is_dir() else path).write_text("x") and "ok")]
said["kernel"] = tried(lambda: Path(f"/proc/{sys.argv[2]}/environ").read_text() and "read")
import socket
said["network"] = tried(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[3])), 5).close())
said["pid"] = os.getpid()
print(json.dumps(said))
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home below the temporary folder, with keys, an agent's state and a checkout."""
    home = tmp_path / "home"
    for path in (
        ".ssh/id",
        ".aws/credentials",
        ".claude/settings",
        ".codex/auth",
        "project/code.py",
        "project/.env",
        "project/.autoresearch/s/journal",
        ".config/gcloud/key",
    ):
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text("old")
    (tmp_path / "own" / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.mark.slow
@pytest.mark.parametrize("layer", LAYERS)
def test_what_a_program_can_reach(home, tmp_path, layer, monkeypatch):
    monkeypatch.setattr(AgentWalls, "layer", lambda self: layer)
    own = tmp_path / "own"
    places = {
        "ssh": home / ".ssh/id", "aws": home / ".aws/credentials", "other": home / ".codex/auth", "checkout": home / "project/code.py",
        "env": home / "project/.env", "journal": home / "project/.autoresearch/s/journal", "cloud": home / ".config/gcloud/key",
        "state": home / ".claude", "folder": own / "work",
    }  # fmt: skip
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        script = own / "program.py"
        script.write_text(PROGRAM)
        walls = AgentWalls(state=ADAPTERS["claude-code"].state, hidden=(str(home / "project/.autoresearch"),))
        env = {"HOME": str(home), "PATH": os.environ["PATH"]}
        words = [
            sys.executable,
            str(script),
            json.dumps({k: str(v) for k, v in places.items()}),
            str(os.getpid()),
            str(server.getsockname()[1]),
        ]
        ending = run_program(
            walls.around(words, [str(own / "work"), str(own)], env),
            text="",
            folder=own / "work",
            env=env,
            deadline=30,
            wait=lambda *_: None,
        )
    assert ending.code == 0, ending.errors
    said = json.loads(ending.output)
    assert said.pop("pid")
    assert said.pop("network") == "ok"
    assert said.pop("kernel") == "PermissionError"
    assert said.pop("folder") == ["ok", "ok"]
    assert said.pop("state") == ["ok", "ok"]
    assert (own / "work/new").read_text() == (home / ".claude/new").read_text() == "x"
    for name, (read, wrote) in said.items():
        assert read != "ok", name
        assert wrote != "ok" or layer == "namespaces", name  # there it is written to a temporary folder in memory
        assert places[name].read_text() == "old"


@pytest.mark.slow
@pytest.mark.skipif(probe()["namespaces"] != "", reason="no namespaces here")
def test_a_program_can_still_make_namespaces_of_its_own(tmp_path):
    (tmp_path / "work").mkdir()
    code = "import os, sys; sys.path.insert(0, sys.argv[1]); from autoresearch_magic.runners.walls.namespaces import own_user_namespace, NEW_NS; from autoresearch_magic.runners.walls import system; own_user_namespace(); system.unshare(NEW_NS); print('made')"
    root = str(Path(__file__).parents[2])
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    words = AgentWalls(read=(root,)).around([sys.executable, "-c", code, root], [str(tmp_path / "work")], env)
    ended = subprocess.run(
        words, capture_output=True, text=True, env=env, cwd=tmp_path / "work", timeout=30, check=False
    )
    assert ended.stdout.strip() == "made", ended.stderr


def test_without_walls_the_program_is_started_as_it_is():
    assert AgentWalls(sandbox="off").around(["/bin/true", "a"], ["/x"], {}) == ["/bin/true", "a"]


def test_a_layer_that_does_not_work_is_told(tmp_path):
    words = AgentWalls().around(["/bin/true"], [str(tmp_path)], {})
    if words[0] != sys.executable:
        pytest.skip("no layer works here")
    spec = json.loads(words[4]) | {"layer": "sandbox-exec"}
    ended = subprocess.run(
        [*words[:4], json.dumps(spec), *words[5:]], capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 126
    assert "The walls round true could not be made" in ended.stderr


def test_a_program_reads_the_packages_that_it_is_part_of(tmp_path):
    script = tmp_path / "lib/node_modules/agent/cli.py"
    script.parent.mkdir(parents=True)
    script.write_text(f"#!/usr/bin/env {Path(sys.executable).name}\n")
    link = tmp_path / "agent"
    link.symlink_to(script)
    found = needed([str(link), f"--file={tmp_path / 'lib'}", "plain"], {"PATH": str(Path(sys.executable).parent)})
    assert {str(link), str(script), str(tmp_path / "lib"), str(Path(sys.executable).parent)} <= set(found)
    assert "/" not in found


def test_strict_refuses_and_auto_tells_where_no_layer_works(tmp_path, monkeypatch):
    monkeypatch.setattr(AgentWalls, "layer", lambda self: "")
    with pytest.raises(UserError, match="--sandbox strict: this system has no layer to confine true"):
        make_agent("editor:true", "", Settings(metric="loss", sandbox="strict"), tmp_path).check()
    agent = make_agent("editor:true", "", Settings(metric="loss"), tmp_path)
    agent.check()
    assert agent.warning == "true is not confined: this system has no layer for that."
    agent = make_agent("editor:true", "", Settings(metric="loss", sandbox="off"), tmp_path)
    agent.check()
    assert agent.warning == ""
