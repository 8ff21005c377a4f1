"""Hostile targets on the real runner, with all walls that work here: each ends as its file says, and leaves nothing."""

import os

import pytest

from autoresearch_magic.runners.walls import probe

from .attack import cell_attacks
from .lab import Lab
from .run_cells import group_of, run_cell_attacks

ATTACKS = cell_attacks()
SHARED = group_of(next(each for each in ATTACKS if each.name == "labels_in_place"))
LAYERS = {layer for layer, why in probe().items() if not why} | ({"root"} if os.geteuid() == 0 else set())
"""What can hold attacks here; those that need another layer are not run."""


@pytest.fixture
def lab(tmp_path, monkeypatch):
    made = Lab(tmp_path / "lab", monkeypatch.setenv, monkeypatch.chdir)
    yield made
    monkeypatch.undo()
    made.close()


def test_there_are_many_attacks_of_each_kind():
    kinds = [each.against for each in ATTACKS]
    assert len(ATTACKS) >= 100
    assert {kind: kinds.count(kind) >= 5 for kind in ("number", "walls", "record", "keys")} == dict.fromkeys(
        ("number", "walls", "record", "keys"), True
    )


def chosen(against, shared):
    return [
        each
        for each in ATTACKS
        if each.against in against and (group_of(each) == SHARED) == shared and not each.open and each.needed(LAYERS)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("against", "shared"), [(("number",), True), (("number",), False), (("walls",), True), (("walls", "record", "keys"), False),
                            (("record", "keys"), True)],
    ids=["number", "number-own-setup", "walls", "walls-own-setup", "record"],
)  # fmt: skip
def test_hostile_targets_are_held(lab, against, shared):
    results = list(run_cell_attacks(lab, chosen(against, shared)))
    assert {each.attack: each.problems for each in results if not each.held} == {}
    assert len(results) > 2
