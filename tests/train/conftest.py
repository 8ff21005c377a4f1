"""Fixtures for the tests of train/, whose modules import each other by name, so its folder is on the path."""

import sys

import pytest

from .helpers import TRAIN

sys.path.insert(0, str(TRAIN))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with an empty cache in it, for one test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HOME", raising=False)
    return tmp_path
