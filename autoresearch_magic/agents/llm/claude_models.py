"""Anthropic's models, as far as their names and the installed SDK tell: which there are, which end, what replaces them.

The SDK is imported only when it is asked.
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
"""The strong model of the current list at a moderate price; a test holds it against the SDK's list."""

EFFORTS = ("low", "medium", "high", "xhigh", "max")
"""What ``output_config.effort`` can be; not every model has every one."""

# Models from before adaptive thinking.
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
    """Return the models that the installed SDK knows by name, the newest first."""
    load_sdk()
    from anthropic.types.model import Model

    return tuple(name for part in get_args(Model) for name in get_args(part))


def deprecated_models() -> Mapping[str, str]:
    """Return the deprecated models of the installed SDK and the days, in words, on which they end."""
    try:
        from anthropic.resources.messages.messages import DEPRECATED_MODELS
    except ImportError:  # no SDK, or one that keeps them elsewhere
        return {}
    return DEPRECATED_MODELS


def current_models() -> tuple[str, ...]:
    """Return the models that the installed SDK knows and that are not deprecated, our default first."""
    deprecated = deprecated_models()
    others = (name for name in known_models() if name not in deprecated and name != DEFAULT_MODEL)
    return (DEFAULT_MODEL, *others)


def successor(model: str) -> str:
    """Return a current model of the same line, or the default."""
    line = re.search(r"opus|sonnet|haiku|fable|mythos", model)
    return next((name for name in current_models() if line and line.group() in name), DEFAULT_MODEL)


def thinks(model: str) -> bool:
    """Whether a model, by its name, has adaptive thinking; the server's list of models knows better, where it says."""
    return model.startswith("claude-") and not _OLD.match(model)


def ended(model: str) -> str:
    """Say in one line that a model has ended, and what to use; empty when it has not."""
    end = _day(deprecated_models().get(model, ""))
    return "" if end is None or end > _today() else f"The model {model} ended on {end}: {_instead(model)}."


def retired(model: str) -> str:
    """Say in one line that the server has retired a model, and what to use."""
    return f"The model {model} is retired: {_instead(model)}."


def leaving(model: str, lifecycle: str) -> str:
    """Say in one line that a model is on its way out, and what to use; empty when it is not.

    Parameters
    ----------
    model : str
    lifecycle : str
        The server's word for its state, ``deprecated`` for such a one; empty when it is not known.
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
    """Read a date as the SDK writes it, ``November 30th, 2026``."""
    with suppress(ValueError):
        return datetime.strptime(re.sub(r"(\d)(?:st|nd|rd|th)\b", r"\1", words), "%B %d, %Y").date()
    return None


def _today() -> date:
    return datetime.now(UTC).date()
