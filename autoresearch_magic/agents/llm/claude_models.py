"""What names and the installed SDK tell about Anthropic's models: which exist, which end, what replaces them.

The SDK is imported only when one of the functions needs it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from types import ModuleType
from typing import get_args

from .backend import BackendRefused

DEFAULT_MODEL = "claude-opus-5-5"
"""A strong current model at a moderate price; a test checks it against the SDK's list."""

EFFORTS = ("low", "medium", "high", "xhigh", "max")
"""Values of ``output_config.effort``; not every model has all of them."""

# Models older than adaptive thinking.
_OLD = re.compile(r"claude-(?:[123]\b|instant|(?:opus|sonnet|haiku)-4(?:-[0-5])?(?:[-@]\d{8})?$)")


def load_sdk() -> ModuleType:
    """Return Anthropic's SDK.

    Raises
    ------
    BackendRefused
        When it is not installed.
    """
    try:
        import anthropic
    except ImportError:
        raise BackendRefused("Claude needs Anthropic's SDK: pip install anthropic and restart the kernel.") from None
    return anthropic


def known_models() -> tuple[str, ...]:
    """Return the model names that the installed SDK lists, newest first."""
    load_sdk()
    from anthropic.types.model import Model

    return tuple(name for part in get_args(Model) for name in get_args(part))


def deprecated_models() -> Mapping[str, str]:
    """Return the models that the installed SDK calls deprecated, each with the day it ends on, as text."""
    try:
        from anthropic.resources.messages.messages import DEPRECATED_MODELS
    except ImportError:  # no SDK, or a version that keeps the list elsewhere
        return {}
    return DEPRECATED_MODELS


def current_models() -> tuple[str, ...]:
    """Return the SDK's models that are not deprecated, `DEFAULT_MODEL` first."""
    deprecated = deprecated_models()
    others = (name for name in known_models() if name not in deprecated and name != DEFAULT_MODEL)
    return (DEFAULT_MODEL, *others)


def successor(model: str) -> str:
    """Return a current model of the same family, or `DEFAULT_MODEL`."""
    family = re.search(r"opus|sonnet|haiku|fable|mythos", model)
    return next((name for name in current_models() if family and family.group() in name), DEFAULT_MODEL)


def has_adaptive_thinking(model: str) -> bool:
    """Return whether a model has adaptive thinking, by its name; the server's own description takes precedence."""
    return model.startswith("claude-") and not _OLD.match(model)


def ended(model: str) -> str:
    """Return a line saying that a model has ended and what to use instead; empty when it has not ended."""
    end = _day(deprecated_models().get(model, ""))
    return "" if end is None or end > _today() else f"The model {model} ended on {end}: {_instead(model)}."


def retired(model: str) -> str:
    """Return a line saying that the server has retired a model and what to use instead."""
    return f"The model {model} is retired: {_instead(model)}."


def leaving(model: str, lifecycle: str) -> str:
    """Return a line saying that a model is deprecated and what to use instead; empty when it is not deprecated.

    Parameters
    ----------
    model : str
    lifecycle : str
        The server's word for the model's state, such as ``deprecated``; empty when it is not known.
    """
    end = deprecated_models().get(model)
    if end is None and lifecycle != "deprecated":
        return ""
    when = f" and ends on {end}" if end else ""
    return f"The model {model} is deprecated{when}: {_instead(model)}."


def _instead(model: str) -> str:
    new = successor(model)
    return f"use {new} (--agent claude:{new})"


def _day(words: str) -> date | None:
    """Parse a date as the SDK writes it, ``November 30th, 2026``; None for anything else."""
    with suppress(ValueError):
        return datetime.strptime(re.sub(r"(\d)(?:st|nd|rd|th)\b", r"\1", words), "%B %d, %Y").date()
    return None


def _today() -> date:
    return datetime.now(UTC).date()
