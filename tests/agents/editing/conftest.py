"""The stand-ins of coding agents, found before any real ones."""

import pytest

from .standins import first_in_path, install


@pytest.fixture
def standins(tmp_path, monkeypatch):
    made = install(tmp_path / "standins")
    monkeypatch.setenv("PATH", first_in_path(made.folder))
    monkeypatch.delenv("STANDIN_MODE", raising=False)
    return made
