"""Settings as the options that give them: the reverse of the argument parser."""

from __future__ import annotations

import dataclasses
import shlex
from decimal import Decimal
from typing import Any

from ..budget import Budget, format_duration, parse_duration
from ..text import exact
from .converters import UNLIMITED
from .settings import FIELDS, Settings

SECONDS = ("reply_timeout", "timeout")
"""Settings that are durations in seconds."""


def option_words(settings: Settings) -> list[str]:
    """Return the options that make these settings, as one text for each option, quoted for a magic or a shell.

    The metric and its direction are always included; any other setting only where it differs from its default, so that what
    depends on the machine (threads, memory) is left to the next one.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    list of str
        Such as ``["--metric loss", "--minimize", "--budget 5s"]``.
    """
    direction = "--minimize" if settings.minimize else "--maximize"
    options = [f"--metric {shlex.quote(settings.metric)}"] if settings.metric else []
    options.append(direction)
    for field in dataclasses.fields(settings):
        if field.name in ("metric", "minimize"):
            continue
        value = getattr(settings, field.name)
        default = field.default if field.default is not dataclasses.MISSING else _made(field.default_factory)
        if value == default:
            continue
        option = field.name.replace("_", "-")
        if isinstance(value, bool):
            # The parser has --no-NAME for what is on by default, and --NAME for what is off.
            options.append(f"--{option}" if value else f"--no-{option}")
        elif field.name == "stage":
            options += [f"--stage {shlex.quote(each)}" for each in value]
        else:
            text = _text(field.name, value)
            if field.name == "notify":  # commas are its own
                options += [f"--notify {shlex.quote(each)}" for each in value]
                continue
            # argparse takes a value that begins with a dash for another option, unless it is joined to its own.
            options.append(f"--{option}{'=' if text.startswith('-') else ' '}{shlex.quote(text)}")
    return options


def _made(factory: Any) -> Any:
    return factory()


def _text(name: str, value: Any) -> str:
    if name == "experiments" and value == UNLIMITED:
        return "unlimited"
    if isinstance(value, tuple):
        separator = " " if FIELDS[name].metadata["metavar"] == "GLOBS" else ","
        return (", " if name in ("also", "limit") else separator).join(value)
    if isinstance(value, Budget):
        return str(value) if value.unit == "steps" else _duration(value.amount)
    if name in SECONDS:
        return _duration(value)
    return exact(value) if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    """Return a duration that reads back as exactly these seconds."""
    text = format_duration(seconds)
    return text if seconds >= 0.01 and parse_duration(text) == seconds else f"{Decimal(repr(seconds)):f}s"
