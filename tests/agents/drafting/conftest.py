"""Fixtures of drafting."""

import pytest

from .repositories import FILES, commit


@pytest.fixture
def repo(tmp_path):
    return commit(tmp_path / "toy", FILES)
