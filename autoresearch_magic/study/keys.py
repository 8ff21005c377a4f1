"""Keys in the parts of a study: references stand for them in what is stored, shown and sent; what runs gets them back."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from ..config.program import parse_program
from ..config.settings import Settings
from ..keys.redact import holds_key, keyed_name
from ..source.key_references import given_back, put_away, references
from .definition import Definition
from .notifying.address import without_secrets


def without_keys(definition: Definition) -> Definition:
    """Return a definition with references in place of keys.

    Files of a repository stay as git has them: they are in its objects already, and a version of them is a commit.
    """
    settings = definition.settings
    if settings.notify:
        settings = replace(settings, notify=tuple(map(without_secrets, settings.notify)))
    settings = _changed(settings, put_away)
    text = put_away(definition.program.text)
    program = definition.program if text == definition.program.text else parse_program(text, definition.program.path)
    if definition.checkout is not None:
        return replace(definition, program=program, settings=settings)
    return replace(
        definition,
        program=program,
        settings=settings,
        target=put_away(definition.target),
        setup=put_away(definition.setup),
    )


def with_keys(definition: Definition) -> Definition:
    """Return a definition to run, with the keys in setup, target and settings; raise a `UserError` where one is not known."""
    settings = _changed(
        definition.settings, lambda text: given_back(text, "study's settings"), but=("agent", "track", "notify")
    )
    return replace(
        definition,
        settings=settings,
        target=given_back(definition.target, "target"),
        setup=given_back(definition.setup, "setup"),
    )


def remark(definition: Definition) -> str:
    """Return what the user should know of the keys in a study's parts; empty where there are none."""
    parts = {"program": definition.program.text, "setup": definition.setup, "target": definition.target}
    parts |= {f"option {name}": str(value) for name, value in definition.settings.to_json().items()}
    named = {what: names for what, text in parts.items() if (names := references(text))}
    if not named:
        return ""
    names = list(dict.fromkeys(name for each in named.values() for name in each))
    made_up = [name for name in names if name.startswith("AUTORESEARCH_KEY_")]
    later = f"; a resume in another process needs it in the environment variable {made_up[0]}" if made_up else ""
    return (
        f"There is a key in the {' and the '.join(named)}: files of the study, agents and reports have [key removed: {names[0]}] "
        f"in its place, and only what is run gets it{later}."
    )


def passed_keys(settings: Settings) -> str:
    """Return what it means that ``--pass-env`` names keys; empty where it names none."""
    passed = [name for name in settings.pass_env if keyed_name(name) or holds_key(name, os.environ.get(name, ""))]
    if not passed:
        return ""
    reach = (
        "they can send it away: --network is on"
        if settings.network == "on"
        else "they cannot send it away by a network, unless --network is on"
    )
    return f"--pass-env {' '.join(passed)}: every experiment can read what looks like a key, and {reach}."


def _changed(settings: Settings, change: Callable[[str], str], but: tuple[str, ...] = ()) -> Settings:
    values: dict[str, Any] = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name not in but}
    new = {name: made for name, value in values.items() if (made := _text(value, change)) != value}
    return replace(settings, **new) if new else settings


def _text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    return tuple(_text(each, change) for each in value) if isinstance(value, tuple) else value
