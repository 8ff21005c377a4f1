"""The doctor's own attacks, on this install as it is and on one whose walls are taken away."""

import os
from functools import partial

import pytest

from autoresearch_magic.runners.walls import Walls, probe
from autoresearch_magic.ui.cli import main
from autoresearch_magic.ui.doctor import attacks
from autoresearch_magic.ui.doctor.attacks import Attacked, hostile_targets, layer_names
from autoresearch_magic.ui.replies import attacks_reply

from ..attacks.attack import cell_attacks

WALLS = [layer for layer, why in probe().items() if not why]


def test_the_targets_are_others_than_those_of_the_tests():
    targets = hostile_targets()
    assert len(targets) >= 12
    others = {each.sections["target"].strip() for each in cell_attacks()}
    assert not others & {each.target.strip() for each in targets}
    for each in targets:
        compile(each.target, each.title, "exec")
        assert each.layers
        assert each.limit <= 10


@pytest.mark.slow
def test_the_command_runs_them_and_leaves_nothing(tmp_path, monkeypatch, capsys):
    for name in ("temporary", "project"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(tmp_path / "project")
    code = main(["doctor", "--attacks"])
    lines = capsys.readouterr().out.splitlines()
    walls = [line for line in lines if "by namespaces" in line or "by Landlock" in line]
    assert len(walls) == 6 or not {"namespaces", "landlock"} & set(WALLS)
    assert [line for line in lines if line.startswith("held") and line.endswith(("by worker", "by redaction of keys"))]
    assert code == int(any(line.startswith("NOT HELD") for line in lines))
    assert [os.listdir(tmp_path / name) for name in ("temporary", "project")] == [[], []]


@pytest.mark.slow
def test_without_walls_it_says_what_was_reached_and_which_layers_it_takes(monkeypatch):
    chosen = [
        each for each in hostile_targets() if each.title.startswith(("reads a secret", "ends another", "writes to"))
    ]
    monkeypatch.setattr(attacks, "Walls", partial(Walls, layers=()))
    monkeypatch.setattr(attacks, "probe", lambda: dict.fromkeys(probe(), "taken away"))
    monkeypatch.setattr(attacks, "hostile_targets", lambda: chosen)
    shown = []
    found = attacks.attack(lambda share, text: shown.append(share))
    assert [each.achieved for each in found] == [
        "a file was read", "files outside of its own folder were changed", "the other process was ended"
    ]  # fmt: skip
    assert shown == sorted(shown)
    assert shown[-1] == 1.0
    reply = attacks_reply(found)
    assert "a file was read; it takes namespaces, Landlock, sandbox-exec" in reply.text
    assert (reply.exit_code, reply.text.count("open    ")) == (0, 3)


def test_what_could_be_held_and_was_not_is_a_failure():
    held = Attacked("a", "", ("clean",), ("clean",))
    failed = Attacked("b", "a key was read", ("landlock6",), ("landlock6",))
    assert attacks_reply([held]).exit_code == 0
    assert attacks_reply([held]).text.endswith("1 of 1 attacks are held.")
    reply = attacks_reply([held, failed])
    assert (reply.exit_code, reply.text.splitlines()[1]) == (1, "NOT HELD  b  a key was read")
    assert layer_names(("clean", "landlock6", "worker")) == "clean side, Landlock 6, worker"
