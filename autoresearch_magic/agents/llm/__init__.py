"""Agents that are language models, and the backends that reach them."""
