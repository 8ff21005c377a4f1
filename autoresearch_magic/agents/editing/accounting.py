"""What a coding agent tells of its use, so which limits can be kept and where an amount of money comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...config.settings import Settings
from ...errors import UserError
from ..hybrid import agents_of
from ..llm.prices import price
from .adapters import ADAPTERS, EDITOR


@dataclass(frozen=True)
class Accounting:
    """What an agent tells of its use.

    Attributes
    ----------
    title : str
        The agent, for messages.
    tokens : bool
        Whether it tells how many tokens it has used.
    cost : {"agent", "prices", ""}
        Where the cost comes from: the agent tells it, or it is that of its tokens by the price list, or it is not known.
    model : str
        The model that was named; empty for the agent's own choice.
    """

    title: str
    tokens: bool
    cost: Literal["agent", "prices", ""]
    model: str = ""

    @property
    def untold(self) -> str:
        """Which limits cannot be kept, and why, in one line; empty for none."""
        if self.cost:
            return ""
        if not self.tokens:
            return f"{self.title} tells neither tokens nor cost, so neither --max-tokens nor --max-cost can be kept: use -n or --hours"
        if self.model:
            return (
                f"{self.title} tells tokens but no cost, and the price of {self.model} is not known, so --max-cost cannot be kept: use "
                "--max-tokens, or put its price into a file (AUTORESEARCH_PRICES)"
            )
        return (
            f"{self.title} tells tokens but no cost, so --max-cost cannot be kept: use --max-tokens, or name its model"
        )


def accounting(spec: str) -> Accounting | None:
    """Return what the agent of ``--agent SPEC`` tells of its use; None for one that is no coding agent. Of a hybrid it is the first one.

    Raises
    ------
    UserError
        When the user's price list cannot be read.
    """
    name, _, argument = spec.partition(":")
    if name == "hybrid":
        return accounting(agents_of(argument)[0])
    if name == EDITOR:
        return Accounting("An editor: agent", False, "")
    if (adapter := ADAPTERS.get(name)) is None:
        return None
    by_prices = adapter.tells_tokens and argument and price(argument) is not None
    cost: Literal["agent", "prices", ""] = "agent" if adapter.tells_cost else "prices" if by_prices else ""
    return Accounting(adapter.title, adapter.tells_tokens, cost, argument)


def check_limits(settings: Settings, spec: str) -> None:
    """Raise a `UserError` where a limit is set that cannot be kept, before anything is paid for."""
    told = accounting(spec)
    if told is None:
        return
    if (settings.max_cost is not None and not told.cost) or (settings.max_tokens is not None and not told.tokens):
        raise UserError(f"{told.untold}.")
