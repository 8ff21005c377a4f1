r"""The tuner's sources of changes, and which of them makes the next proposal.

Bold steps and leaps explore, the model of all runs exploits, and samples of TPE do a bit of both by other assumptions; which is best
depends on the program, on its noise, and on how far the study has come. So each has a share of the proposals, which follows
what has paid off: with the discounted number of a source's proposals N and of its keeps S, and the rate of keeps r of all of
them, its share is proportional to

.. math:: w \cdot \max\left(\tfrac14, \frac{S + k r}{(N + k) r}\right)

where w is its share a priori: its rate of keeps beside that of all, shrunk towards 1 while it has few proposals. It is keeps and
not gains, because gains shrink during a study: beside a large early gain all later ones would count for nothing. Which
source made a proposal is the last sentence of its hypothesis, so it is known from the history alone.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from .observations import Observations

SHARES: Mapping[str, float] = {"model": 0.7, "bold": 0.2, "tpe": 0.1}
"""Shares of the sources a priori."""
SWITCHES: Mapping[str, float] = {"model": 0.6, "bold": 0.15, "leap": 0.15, "tpe": 0.1}
"""The same where there are choices without an order, which often help only together with others."""
FIRST_SHARES: Mapping[str, float] = {"bold": 0.5, "leap": 0.5}
"""The same of the first proposals, which the model learns from."""
FIRST_SWITCHES: Mapping[str, float] = {"bold": 0.1, "leap": 0.9}
"""The same where there are choices without an order, which often help only together with others."""
DISCOUNT = 0.95
"""Factor on a proposal's weight for each later one."""
SHRINK = 4.0
"""Number of proposals with the keep rate of all that each source has a priori."""
LEAST = 0.25
"""Least factor on a source's share."""


def shares(observations: Observations, among: Mapping[str, float]) -> dict[str, float]:
    """Return the shares of some sources in the next proposal, which sum to 1, by their shares a priori."""
    tried, kept = dict.fromkeys(among, 0.0), dict.fromkeys(among, 0.0)
    weight = 1.0
    for o in reversed(observations):
        if o.source in tried:
            tried[o.source] += weight
            kept[o.source] += weight * o.kept
            weight *= DISCOUNT
    rate = (sum(kept.values()) + 1) / (sum(tried.values()) + 5)
    factor = {
        name: among[name] * max(LEAST, (kept[name] + SHRINK * rate) / (tried[name] + SHRINK) / rate) for name in among
    }
    total = sum(factor.values())
    return {name: value / total for name, value in factor.items()}


def order(observations: Observations, among: Mapping[str, float], rng: random.Random) -> list[str]:
    """Return some sources in the order in which they are asked: the first by the shares, the others for when it has nothing new."""
    left, found = dict(shares(observations, among)), []
    while left:
        name = rng.choices([*left], [*left.values()])[0]
        found.append(name)
        del left[name]
    return found
