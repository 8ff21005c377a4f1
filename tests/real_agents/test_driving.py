"""Real coding agents that drive a study themselves, by the MCP server or by the shell's command: ``make test-agents``."""

import json
import os
import subprocess
import sys

import pytest

from .conftest import PROGRAMS, REPOSITORY
from .loopback import Call, Say, loopback
from .projects import MODEL, git, repository
from .test_studies import experiments

pytestmark = [pytest.mark.agents, pytest.mark.slow]

RATE = "4.0"
BETTER = MODEL.replace("rate = 10.0", f"rate = {RATE}")
SUMMARY = f"Lower the rate to {RATE}"


class Driver:
    """A "model" that tries one version with the tool of our server, reads the verdict, and ends with it."""

    def __init__(self):
        self.offered, self.verdicts = set(), []

    def __call__(self, conversation):
        ours = sorted(name for name in conversation.tools if "autoresearch" in name)
        self.offered |= set(ours)
        tool = next((name for name in ours if name.endswith(("_try", "/try"))), None)
        if tool is None:
            return Say("A title")  # what agents ask for besides
        if conversation.results:
            self.verdicts.append(conversation.results[-1])
            return Say(f"The verdict: {conversation.results[-1][:400]}")
        return Call(tool, {"summary": SUMMARY, "files": {"model.py": BETTER}, "expect": "-40"})


def begin(here, folder):
    done = here.run(folder, "begin", "program.md", "--name", "s")
    assert done.returncode == 0, done


def ask(here, folder, *words):
    """Run the agent itself, in the repository."""
    return subprocess.run(
        [str(PROGRAMS[here.agent] / here.agent), *words], cwd=folder, env=here.environment, timeout=200, capture_output=True,
        text=True, stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def check_kept(here, folder):
    baseline, tried = experiments(here, folder)
    assert (tried["verdict"], tried["summary"]) == ("keep", SUMMARY)
    assert tried["value"] < baseline["value"]
    assert f"rate = {RATE}" in git(folder, "show", "autoresearch/s:model.py")


@pytest.mark.timeout(400)
def test_codex_drives_a_study_by_the_server(home, tmp_path):
    model = Driver()
    with loopback(model) as server:
        here = home("codex", server.url)
        settings = (
            here.folder / ".codex" / "config.toml"
        )  # required: else `exec` does not wait until the server is there
        settings.write_text(
            settings.read_text() + f'\n[mcp_servers.autoresearch]\ncommand = "{sys.executable}"\nargs = ["-m", "autoresearch_magic", "mcp"]\n'
            f'env = {{ PYTHONPATH = "{REPOSITORY}" }}\ndefault_tools_approval_mode = "approve"\nrequired = true\n'
        )  # fmt: skip
        folder = repository(tmp_path / "repository")
        begin(here, folder)

        done = ask(here, folder, "exec", "--json", "--skip-git-repo-check", "Improve the model.")

        assert model.verdicts, (done, model.offered, server.strange)
        assert "keep" in model.verdicts[0] or "kept" in model.verdicts[0]
        check_kept(here, folder)


@pytest.mark.timeout(400)
def test_opencode_drives_a_study_by_the_server(home, tmp_path):
    model = Driver()
    with loopback(model) as server:
        here = home("opencode", server.url)
        settings = here.folder / ".config" / "opencode" / "opencode.json"
        known = json.loads(settings.read_text())
        known["mcp"] = {
            "autoresearch": {
                "type": "local", "command": [sys.executable, "-m", "autoresearch_magic", "mcp"], "enabled": True,
                "environment": {"PYTHONPATH": str(REPOSITORY)},
            }
        }  # fmt: skip
        settings.write_text(json.dumps(known))
        folder = repository(tmp_path / "repository")
        begin(here, folder)

        done = ask(here, folder, "run", "--model", "loop/loop", "Improve the model.")

        assert model.verdicts, (done, model.offered, server.strange)
        check_kept(here, folder)


@pytest.mark.timeout(400)
def test_codex_drives_a_study_by_the_command_and_reads_the_skill(home, tmp_path):
    prompts, outputs = [], []

    def model(conversation):
        prompts.append(conversation.system + conversation.text)
        if conversation.results:
            outputs.append(conversation.results[-1])
            return Say("Done.")
        change = f"sed -i 's/rate = 10.0/rate = {RATE}/' model.py"
        return Call(
            "exec_command", {"cmd": f'{change} && {sys.executable} -m autoresearch_magic try "{SUMMARY}" --json'}
        )

    with loopback(model) as server:
        here = home("codex", server.url)
        folder = repository(tmp_path / "repository")
        assert here.run(folder, "skill", "install", "--for", "codex", "--project").returncode == 0
        git(folder, "add", "--all")
        git(folder, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "The skill")
        begin(here, folder)

        done = ask(
            here, folder, "exec", "--json", "--skip-git-repo-check", "--sandbox", "danger-full-access",
            "Use autoresearch-magic to improve the model.",
        )  # fmt: skip

        assert outputs, done
        assert '"keep"' in outputs[0]
        assert "autoresearch-magic" in prompts[0]  # Codex has found the skill
        check_kept(here, folder)
        assert f"rate = {RATE}" in (folder / "model.py").read_text()
    assert os.listdir(folder / ".agents" / "skills") == ["autoresearch-magic"]
