"""What the proposals of a study have shown, as arrays: the evidence that the prior of the next effect is fitted to.

A row's densities under the parts of the prior are worked out once, not for each later proposal. The fit is that of `effects.fit_effects`
over the latest `RECENT` rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .effects import (
    COARSEST,
    DECAY,
    OTHERS,
    SCALES,
    Array,
    Effects,
    Posterior,
    fit_table,
    foretold_of,
    table_of,
    without_evidence,
)

RECENT = 1000
"""Proposals that the prior of the next one is fitted to: what is older weighs less than 2e-5 observations in all."""

TABLES = 3
"""Tables of densities that are kept, each for other scales of the prior: a single candidate may ask for larger ones."""

_DECAYS = DECAY ** np.arange(RECENT - 1, -1, -1.0)
_EFFECT, _VARIANCE, _WILD, _RUNS, _FORECAST, _FORECAST_SD, _FORETOLD, _AGENT = range(8)


@dataclass(frozen=True)
class Estimate:
    """What the runs of one proposal say about its effect, before the prior.

    Attributes
    ----------
    effect, variance, wild : float
        In units of the noise; see `effects.Evidence`.
    runs : int
    posterior : Posterior
    effects : Effects
        The prior as it was when the proposal was judged.
    """

    effect: float
    variance: float
    wild: float
    runs: int
    posterior: Posterior
    effects: Effects


@dataclass(frozen=True)
class Row:
    """An experiment's row of evidence."""

    number: int
    agent: str
    estimate: Estimate | None  # None for one that was stopped early
    forecast: tuple[float, float] | None


@dataclass
class _Densities:
    """The densities of rows from `first` up to `end`, under one prior."""

    prior: Effects
    values: Array
    first: int
    end: int


class EvidenceTable:
    """The rows of evidence of one study in their order.

    Attributes
    ----------
    rows : dict of int to Row
        By the experiment's number.
    """

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self._columns = np.empty((64, 8))
        self._agents: dict[str, int] = {}
        self._densities: dict[float, _Densities] = {}

    def first(self, count: int) -> EvidenceTable:
        """Return a table with the first so many rows."""
        made = EvidenceTable()
        whole = count == len(self.rows)
        made.rows = self.rows.copy() if whole else dict(list(self.rows.items())[:count])
        made._columns = self._columns.copy()
        made._agents = dict(self._agents)
        made._densities = {
            largest: _Densities(known.prior, known.values.copy(), known.first, min(known.end, count))
            for largest, known in self._densities.items()
            if known.first < count
        }
        return made

    def add(self, row: Row) -> int:
        """Add a row, and return how many there are."""
        at = len(self.rows)
        if at == len(self._columns):
            self._columns = np.concatenate([self._columns, np.empty_like(self._columns)])
        found, nan = row.estimate, math.nan
        agent = self._agents.setdefault(row.agent, len(self._agents))
        values = (found.effect, found.variance, found.wild, found.runs) if found else (nan, nan, 0.0, 1.0)
        self._columns[at] = (*values, *(row.forecast or (nan, nan)), 0.0, agent)
        if found and row.forecast:
            one = self._columns[at : at + 1]
            one[:, _FORETOLD] = foretold_of(one[:, _EFFECT], one[:, _VARIANCE], one[:, _FORECAST], one[:, _FORECAST_SD])
        self.rows[row.number] = row
        return at + 1

    def fit(self, count: int, agent: str, largest: float, start: Effects | None) -> Effects:
        """Return the prior of an effect, from the first `count` rows; see `effects.fit_effects`."""
        if not count:
            return without_evidence(1.0, largest)
        first = max(0, count - RECENT)
        window = self._columns[first:count]
        prior, seen = self._seen(first, count, largest)
        weight = _DECAYS[RECENT - len(window) :] * np.where(
            window[:, _AGENT] == self._agents.get(agent, -1), 1.0, OTHERS
        )
        measured = ~np.isnan(window[:, _EFFECT])
        foretold, forecast = window[:, _FORETOLD], window[:, _FORECAST]
        if not measured.all():
            seen, foretold, forecast = seen[measured], foretold[measured], forecast[measured]
        told = not bool(np.isnan(forecast).all())
        return fit_table(seen, foretold, weight, measured, prior, start, told=told)

    def _seen(self, first: int, count: int, largest: float) -> tuple[Effects, Array]:
        """Return the prior without evidence, and the densities of the rows of a window under it."""
        key = max(COARSEST, largest)
        known = self._densities.pop(key, None)
        if known is None or known.first > first or known.end < first:
            known = _Densities(without_evidence(1.0, largest), np.empty((0, 1 + 2 * SCALES)), first, first)
        while len(self._densities) >= TABLES:
            del self._densities[next(iter(self._densities))]
        self._densities[key] = known
        if len(known.values) < count - known.first:
            more = np.empty((max(RECENT, 2 * (count - known.first)), 1 + 2 * SCALES))
            kept = known.values[first - known.first : known.end - known.first]
            more[: len(kept)] = kept
            known.values, known.first = more, first
        if known.end < count:
            new = self._columns[known.end : count]
            known.values[known.end - known.first : count - known.first] = table_of(
                known.prior, new[:, _EFFECT], new[:, _VARIANCE], new[:, _WILD], new[:, _RUNS]
            )
            known.end = count
        return known.prior, known.values[first - known.first : count - known.first]
