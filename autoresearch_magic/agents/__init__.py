"""Agents propose the next version of the target; these names are all that an agent of another package needs."""

from ..experiment import Proposal
from .base import Agent, Briefing, Order, Rework

__all__ = ["Agent", "Briefing", "Order", "Proposal", "Rework"]
