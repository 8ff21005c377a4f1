"""Real coding agents from ``.test-agents``, with a home of their own and nothing but loopback as their world."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
AGENTS = Path(os.environ.get("AUTORESEARCH_TEST_AGENTS", REPOSITORY / ".test-agents"))
PROGRAMS = {
    "codex": AGENTS / "node/node_modules/.bin",
    "opencode": AGENTS / "node/node_modules/.bin",
    "aider": AGENTS / "aider/bin",
}
MODELS = {"codex": "", "opencode": "loop/loop", "aider": "openai/gpt-4o"}

CODEX = """model = "loop"
model_provider = "loop"

[model_providers.loop]
name = "loop"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "CODEX_LOOP_KEY"
"""


def opencode_settings(url):
    model = {"name": "loop", "cost": {"input": 1, "output": 5}, "limit": {"context": 100_000, "output": 8_000}}
    provider = {
        "npm": "@ai-sdk/openai-compatible", "name": "Loop", "options": {"baseURL": f"{url}/v1", "apiKey": "loop-key"},
        "models": {"loop": model},
    }  # fmt: skip
    return json.dumps({"provider": {"loop": provider}, "autoupdate": False, "share": "disabled"})


class Home:
    """A home folder and an environment in which one agent speaks with a server on loopback, and with nothing else."""

    def __init__(self, folder, agent, url):
        self.folder, self.agent = folder, agent
        found = [
            str(PROGRAMS[agent]),
            *(str(Path(shutil.which(each)).parent) for each in ("node", "git") if shutil.which(each)),
        ]
        self.environment = {
            "HOME": str(folder), "PATH": os.pathsep.join([*found, str(Path(sys.executable).parent), "/usr/bin", "/bin"]), "LANG": "C.UTF-8",
            "PYTHONPATH": str(REPOSITORY), "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1,localhost",
        }  # fmt: skip
        if agent == "codex":
            self._write(".codex/config.toml", CODEX.format(url=url))
            self.environment["CODEX_LOOP_KEY"] = "loop-key"
        elif agent == "opencode":
            self._write(".config/opencode/opencode.json", opencode_settings(url))
            self.environment["OPENCODE_DISABLE_MODELS_FETCH"] = "1"
        else:
            self.environment |= {"OPENAI_API_BASE": f"{url}/v1", "OPENAI_API_KEY": "loop-key"}

    def _write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @property
    def spec(self):
        """What follows ``--agent``."""
        return f"{self.agent}:{MODELS[self.agent]}".rstrip(":")

    def run(self, folder, *words, timeout=200):
        """Run ``autoresearch``."""
        return subprocess.run(
            [sys.executable, "-m", "autoresearch_magic", *words], cwd=folder, env=self.environment, timeout=timeout,
            capture_output=True, text=True, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip


@pytest.fixture
def home(tmp_path):
    def home(agent, url):
        if not (PROGRAMS[agent] / agent).exists():
            pytest.skip(f"{agent} is not in {AGENTS}: make test-agents puts it there")
        folder = tmp_path / "home"
        folder.mkdir(exist_ok=True)
        return Home(folder, agent, url)

    return home
