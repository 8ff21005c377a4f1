"""Processes of a study are killed at random moments; then nothing is missing, nothing is there twice, and all records agree.

``AUTORESEARCH_CHAOS=200`` kills as many (`make chaos`); ``AUTORESEARCH_CHAOS_SEED`` chooses other moments.
"""

import os
import random

import pytest

from .scene import Scene

KILLS = int(os.environ.get("AUTORESEARCH_CHAOS", "6"))
SEED = int(os.environ.get("AUTORESEARCH_CHAOS_SEED", "1"))
VICTIMS = ("kernel", "worker", "experiment", "kernel", "git", "agent")


@pytest.fixture
def scene(tmp_path):
    made = Scene(tmp_path, seed=SEED)
    yield made
    made.close()


def one_round(scene, victim):
    """Let the study go on, kill one of its processes, and look; then let it go on, stop it, and look again."""
    scene.start()
    if victim == "agent" and not scene.programs:
        scene.stop()
        scene.begin_another()
        scene.start()
    processes = scene.below
    if scene.kill(victim):
        if victim == "kernel":
            assert not scene.gone([*processes, *scene.below])
            if wrong := scene.wrong(settled=False):
                return wrong
            scene.start()
        scene.wait_judged(2)
    if left := scene.stop():
        return [f"left: {line}" for line in left]
    if (scene.root / "status").read_text() != "0":
        return [f"it has ended: {scene.told()}"]
    wrong = scene.wrong(settled=True)
    if scene.ended():
        scene.judged += scene.count()
        if not wrong:
            scene.forget()
        scene.begin_another()
    return wrong


@pytest.mark.slow
@pytest.mark.timeout(60 + 20 * KILLS)
def test_nothing_is_missing_and_nothing_twice_whatever_is_killed(scene):
    order = random.Random(SEED)
    while (total := scene.killed.total()) < KILLS:
        victim = VICTIMS[total % len(VICTIMS)] if KILLS < 20 else order.choice(VICTIMS)
        wrong = one_round(scene, victim)
        assert not wrong, (dict(scene.killed), victim, scene.root, wrong, scene.told())
    scene.judged += scene.count()
    print(f"{dict(scene.killed)} in {scene.studies} studies with {scene.judged} experiments")
