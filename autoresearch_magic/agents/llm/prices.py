"""Prices of tokens, as of a date, for every backend that counts tokens.

Prices change and differ by contract, so the user's own price list takes precedence: ``AUTORESEARCH_PRICES`` names a
JSON file that maps model names to US dollars per million tokens,

    {"my-model": {"input": 1.0, "output": 4.0, "cached": 0.1, "written": 1.25}, "qwen*": {"input": 0, "output": 0}}

where ``cached`` (read from the vendor's cache) and ``written`` (written to it) default to ``input``. A name that ends
in ``*`` matches all names with that beginning; any other matches itself and its dated versions. The cost of a model
without a price is None, which means unknown and never 0.

Not here: discounts (batches, contracts), surcharges (regions, fast modes) and longer cache lifetimes.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...budget import format_duration
from ...errors import UserError
from ...experiment import Usage
from ...text import counted

VARIABLE = "AUTORESEARCH_PRICES"
"""The environment variable that names the user's own price list."""

PRICES_AS_OF = "2026-10-24"
"""The date of `PRICES`."""


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens.

    Attributes
    ----------
    input, cached, written, output : float
        For tokens read outside the cache, read from it, written to it, and answered.
    above : int or None
        When the prompt (input, cached and written together) has more tokens than this, `long` applies to the whole request.
    long : Price or None
    """

    input: float
    cached: float
    written: float
    output: float
    above: int | None = None
    long: Price | None = None


_OPUS = Price(5.0, 0.5, 6.25, 25.0)
_SONNET = Price(3.0, 0.3, 3.75, 15.0)
_FABLE_5 = Price(10.0, 1.0, 12.5, 50.0)
_FABLE_5_1 = Price(10.0, 0.25, 12.5, 50.0)

# From the vendor's public price list (platform.claude.com/docs/en/about-claude/pricing) and from notes of people who
# follow it, as archived on the date above and not checked since: check again before relying on an amount. `written` is
# the price of the five-minute cache, the only one used here. Models without a trustworthy price are left out.
PRICES: Mapping[str, Price] = {
    "claude-fable-5-1": _FABLE_5_1,
    "claude-mythos-5-1": _FABLE_5_1,
    "claude-fable-5": _FABLE_5,
    "claude-mythos-5": _FABLE_5,
    "claude-opus-5-5": Price(4.0, 0.2, 5.0, 20.0),
    "claude-opus-5": _OPUS,
    "claude-opus-4-8": _OPUS,
    "claude-opus-4-7": _OPUS,
    "claude-opus-4-6": _OPUS,
    "claude-opus-4-5": _OPUS,
    "claude-sonnet-5-5": Price(2.0, 0.1, 2.5, 10.0),
    "claude-sonnet-5": Price(2.0, 0.2, 2.5, 10.0),
    "claude-sonnet-4-6": _SONNET,
    "claude-sonnet-4-5": _SONNET,
    "claude-haiku-5-5": Price(0.1, 0.01, 0.125, 0.5, above=100_000, long=Price(0.5, 0.05, 0.625, 2.5)),
    "claude-haiku-4-5": Price(1.0, 0.1, 1.25, 5.0),
}

# Suffixes of another version of the same model: claude-fable-5-20260609 is claude-fable-5, but claude-fable-5-2 is
# another model with another price.
_VERSION = re.compile(r"(?:[-@]\d{8}|-\d{4}-\d\d-\d\d|-latest|-v\d+(?::\d+)?)?$")


def load_prices(path: str | Path | None = None) -> Mapping[str, Price]:
    """Return `PRICES`, overridden by the user's own price list.

    Parameters
    ----------
    path : str, Path or None
        The user's list; None for the one that ``AUTORESEARCH_PRICES`` names, if any.

    Raises
    ------
    UserError
        When that file cannot be read or is not a price list.
    """
    path = path or os.environ.get(VARIABLE)
    if not path:
        return PRICES
    try:
        data = json.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"The price list {path} ({VARIABLE}) cannot be read: {_line(error)}.") from None
    if not isinstance(data, dict):
        raise UserError(
            f'The price list {path} ({VARIABLE}) must map names to prices: {{"MODEL": {{"input": 1.0, ...}}}}.'
        )
    return {**PRICES, **{str(name): _price(str(name), entry, path) for name, entry in data.items()}}


def _line(error: Exception) -> str:
    return " ".join((getattr(error, "strerror", None) or str(error)).split())


def _price(name: str, entry: object, path: str | Path) -> Price:
    where = f"The price of {name!r} in {path} ({VARIABLE})"
    if not isinstance(entry, dict) or not {"input", "output"} <= set(entry):
        raise UserError(f'{where} needs "input" and "output", in US dollars per million tokens.')
    if strange := set(entry) - {"input", "output", "cached", "written"}:
        raise UserError(f"{where} has an unknown key {min(strange)!r}: use input, output, cached, written.")
    for key, value in entry.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise UserError(f"{where}: {key} must be a number of US dollars, not {value!r}.")
    fresh = float(entry["input"])
    cached, written = float(entry.get("cached", fresh)), float(entry.get("written", fresh))
    return Price(fresh, cached, written, float(entry["output"]))


def price(model: str, prices: Mapping[str, Price] | None = None) -> Price | None:
    """Return the price of a model, by the longest name that matches; None when none does."""
    prices = load_prices() if prices is None else prices
    for name in sorted(prices, key=lambda name: (len(name.rstrip("*")), not name.endswith("*")), reverse=True):
        stem = name.removesuffix("*")
        if model.startswith(stem) and (name.endswith("*") or _VERSION.match(model[len(stem) :])):
            return prices[name]
    return None


def cost(model: str, usage: Usage, prices: Mapping[str, Price] | None = None) -> float | None:
    """Return the cost of one request in US dollars.

    Parameters
    ----------
    model : str
    usage : Usage
        Of a single request, as some prices depend on the length of the prompt.
    prices : mapping or None
        None for `load_prices`.

    Returns
    -------
    float or None
        None when the model's price is not known.
    """
    found = price(model, prices)
    if found is None:
        return None
    if found.long is not None and found.above is not None and usage.input + usage.cached + usage.written > found.above:
        found = found.long
    dollars = usage.input * found.input + usage.cached * found.cached
    return (dollars + usage.written * found.written + usage.output * found.output) / 1e6


def usage_line(used: Usage, *, told: bool = False) -> str:
    """Return a line with an agent's calls, tokens, seconds and cost; empty when it made no calls.

    Parameters
    ----------
    used : Usage
    told : bool
        Whether the agent itself has told the cost.
    """
    if not (used.calls or used.tokens or used.cost):
        return ""
    by = "by its own account" if told else f"at list prices of {PRICES_AS_OF}"
    money = "cost unknown" if used.cost is None else f"${used.cost:.2f} {by}"
    read = (
        f"{counted(used.input + used.cached + used.written, 'token')} in ({used.cached:,} cached), {used.output:,} out"
        if used.tokens
        else "tokens unknown"
    )
    return f"Agent: {counted(used.calls, 'call')}, {read}, {format_duration(max(0.1, round(used.seconds, 1)))}, {money}"
