"""Who proposes the next version of the target."""

from .base import Agent, Briefing, Order, Rework

__all__ = ["Agent", "Briefing", "Order", "Rework"]
