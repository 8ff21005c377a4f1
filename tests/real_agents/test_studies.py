"""Real coding agents inside of whole studies, against a model server on loopback: ``make test-agents``."""

import json

import pytest

from autoresearch_magic.agents.editing.adapters import ADAPTERS

from .conftest import MODELS, PROGRAMS, REPOSITORY
from .loopback import Fail, loopback
from .projects import CELL, MODEL, RATES, Improver, git, repository

pytestmark = [pytest.mark.agents, pytest.mark.slow]
AGENTS = tuple(PROGRAMS)


def experiments(home, folder):
    return json.loads(home.run(folder, "history", "--json").stdout)["experiments"]


def check_study(home, folder, server, model):
    found = experiments(home, folder)
    assert [e["verdict"] for e in found] == ["baseline", "keep", "keep"]
    assert [e["summary"] for e in found[1:]] == [f"Lower the rate to {rate}" for rate in RATES[:2]]
    assert {e["agent"] for e in found[1:]} == {home.spec}
    assert found[-1]["value"] < found[0]["value"]
    assert model.rates[:2] == list(RATES[:2])
    assert server.strange == []
    sent = {headers.get("Authorization", headers.get("authorization")) for _, headers, body in server.requests if body}
    assert sent == {"Bearer loop-key"}
    told = home.run(folder, "status").stdout
    assert "Agent: 2 calls" in told
    assert ("cost unknown" in told) == (not ADAPTERS[home.agent].tells_cost)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("agent", AGENTS)
def test_its_changes_to_a_repository_are_kept_and_the_checkout_stays_as_it_was(agent, home, tmp_path):
    model = Improver("model.py")
    with loopback(model) as server:
        here = home(agent, server.url)
        folder = repository(tmp_path / "repository")
        before = git(folder, "rev-parse", "HEAD"), git(folder, "stash", "list")

        done = here.run(folder, "run", "program.md", "--agent", here.spec, "-n", "2", "--name", "s")

        assert done.returncode == 0, done
        check_study(here, folder, server, model)
        assert (git(folder, "rev-parse", "HEAD"), git(folder, "stash", "list")) == before
        assert git(folder, "status", "--short") == ""
        assert (folder / "model.py").read_text() == MODEL
        assert f"rate = {RATES[1]}" in git(folder, "show", "autoresearch/s:model.py")


@pytest.mark.timeout(400)
@pytest.mark.parametrize("agent", AGENTS)
def test_its_changes_to_one_file_are_kept(agent, home, tmp_path):
    model = Improver("target.py")
    with loopback(model) as server:
        here = home(agent, server.url)
        folder = tmp_path / "study"
        folder.mkdir()
        (folder / "program.md").write_text("# Lower the loss\n")
        (folder / "train.py").write_text(CELL)

        done = here.run(
            folder, "run", "program.md", "--target", "train.py", "--metric", "loss", "--minimize", "--agent", here.spec, "-n", "2", "--name", "s"
        )  # fmt: skip

        assert done.returncode == 0, done
        check_study(here, folder, server, model)
        assert (folder / "train.py").read_text() == CELL
        assert sorted(p.name for p in folder.iterdir()) == [".autoresearch", "program.md", "train.py"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("agent", AGENTS)
def test_a_key_that_is_not_accepted_ends_the_search_with_one_line(agent, home, tmp_path):
    refusal = Fail(
        401,
        {"error": {"type": "authentication_error", "message": "Incorrect API key provided", "code": "invalid_api_key"}},
    )
    with loopback(lambda conversation: refusal) as server:
        here = home(agent, server.url)
        folder = repository(tmp_path / "repository")

        done = here.run(folder, "run", "program.md", "--agent", here.spec, "-n", "2", "--name", "s")

        said = f"{ADAPTERS[agent].title} is not logged in ("
        assert said in done.stderr, done
        assert ADAPTERS[agent].login in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr
        assert [e["verdict"] for e in experiments(here, folder)] == ["baseline"]


def test_the_versions_that_are_installed_are_those_that_the_table_was_checked_with():
    makefile = (REPOSITORY / "Makefile").read_text()

    for package, agent in (("@openai/codex@", "codex"), ("opencode-ai@", "opencode"), ("aider-chat==", "aider")):
        assert f"{package}{ADAPTERS[agent].seen}" in makefile
    assert set(MODELS) == set(AGENTS)
