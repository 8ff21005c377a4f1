"""A finished study, and a server of it in this process."""

import pytest

from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.mcp.server import Server
from autoresearch_magic.ui.mcp.serving import Serving

from ...studies import QUICK, finish


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """The folder of studies, with a finished one, ``night``."""
    root = tmp_path_factory.mktemp("served") / ".autoresearch"
    settings = {"metric": "loss", "minimize": True, "budget": "0.05s", "experiments": 3, "repeats": 2}
    finish(Study("# Lower it\nBy small steps.", QUICK, name="night", root=root, **settings))
    return root


@pytest.fixture
def server(night):
    return Server(Serving(night))


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A server in an empty folder, without a study."""
    monkeypatch.chdir(tmp_path)
    return Server(Serving(tmp_path / ".autoresearch"))
