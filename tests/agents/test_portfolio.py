"""The shares of the tuner's sources."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from autoresearch_magic.agents.observations import SOURCES, Observation, source_of
from autoresearch_magic.agents.portfolio import SHARES, order, shares

ALL = SHARES


def observation(source: str, kept: bool) -> Observation:
    return Observation({}, 1.0, 0, kept, {}, source=source)


def test_before_any_proposal_the_shares_are_those_a_priori() -> None:
    assert shares([], ALL) == pytest.approx(dict(SHARES))
    without = shares([observation("", True)] * 9, {"bold": 0.2, "tpe": 0.1})
    assert without["bold"] / without["tpe"] == pytest.approx(SHARES["bold"] / SHARES["tpe"])


@pytest.mark.parametrize("better", [*ALL])
def test_the_share_of_what_pays_off_grows_and_none_vanishes(better: str) -> None:
    history = [observation(source, source == better) for _ in range(12) for source in ALL]
    now = shares(history, ALL)
    assert sum(now.values()) == pytest.approx(1)
    assert now[better] > SHARES[better]
    assert min(now.values()) > 0.015


def test_what_paid_off_long_ago_counts_less() -> None:
    early = [observation("bold", True), observation("model", False)] * 10
    late = [observation("bold", False), observation("model", True)] * 40
    assert shares(early, ALL)["bold"] > SHARES["bold"] > shares([*early, *late], ALL)["bold"]


def test_every_source_is_asked_in_some_order() -> None:
    first = Counter(order([], ALL, random.Random(seed))[0] for seed in range(400))
    assert {len(set(order([], ALL, random.Random(seed)))) for seed in range(20)} == {len(ALL)}
    for name in ALL:
        assert abs(first[name] / 400 - SHARES[name]) < 0.08


def test_a_hypothesis_names_its_source() -> None:
    for name, sentence in SOURCES.items():
        assert source_of(f"LR: never changed so far. {sentence}") == name
    assert source_of("The learning rate is too small.") == ""
