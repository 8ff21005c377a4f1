"""Hostile versions of repositories on the real runner, with all walls that work here: each ends as its file says, and leaves nothing."""

import os

import pytest

from autoresearch_magic.runners.walls import probe

from .attack import cell_attacks, repository_attacks
from .lab import Lab
from .run_repositories import group_of, run_repository_attacks

ATTACKS = repository_attacks()
SHARED = group_of(next(each for each in ATTACKS if each.name == "two_readings"))
LAYERS = {layer for layer, why in probe().items() if not why} | ({"root"} if os.geteuid() == 0 else set())
"""What can hold attacks here; those that need another layer are not run."""


@pytest.fixture
def lab(tmp_path, monkeypatch):
    made = Lab(tmp_path / "lab", monkeypatch.setenv, monkeypatch.chdir)
    yield made
    monkeypatch.undo()
    made.close()


def test_there_are_many_attacks():
    assert len(ATTACKS) >= 40
    assert not {each.name for each in ATTACKS} & {each.name for each in cell_attacks()}
    assert {each.against for each in ATTACKS} == {"number", "walls", "record", "keys"}


@pytest.mark.slow
@pytest.mark.parametrize("part", [0, 1, 2, 3])
def test_hostile_versions_are_held(lab, part):
    closed = [each for each in ATTACKS if not each.open and each.needed(LAYERS)]
    parts = (
        [each for each in closed if group_of(each) == SHARED][::2],
        [each for each in closed if group_of(each) == SHARED][1::2],
        [each for each in closed if group_of(each) != SHARED and "guard" not in each.options],
        [each for each in closed if "guard" in each.options],
    )
    results = list(run_repository_attacks(lab, parts[part]))
    assert {each.attack: each.problems for each in results if not each.held} == {}
    assert len(results) == len(parts[part])
