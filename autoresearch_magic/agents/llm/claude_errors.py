"""What an error of Anthropic's SDK means for us, and how it is told: in one line, without keys.

Not here: the waiting and the retries that follow from it, which are `claude`'s.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from .claude_models import current_models
from .retry_after import retry_after

if TYPE_CHECKING:
    import anthropic

URL_HINT = "ANTHROPIC_BASE_URL"
"""What to look at when the address is wrong."""

# An error event in mid-stream comes with status 200: its type says what the status would have been.
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}

# Limits that no wait of ours outlasts, though they come as 429.
_MONEY = re.compile(r"spend_limit_reached|organization_on_hold|billing")

_KEY = re.compile(r"sk-ant-[\w-]+")


@dataclass(frozen=True)
class Meaning:
    """What an error means.

    Attributes
    ----------
    kind : {"limit", "again", "failed", "refused"}
        Wait; retry soon; this answer has failed; so will every other.
    line : str
    seconds : float or None
        How long the server asks to wait; None when it does not say.
    """

    kind: Literal["limit", "again", "failed", "refused"]
    line: str
    seconds: float | None = None


def meaning(sdk: ModuleType, client: anthropic.Anthropic, model: str, error: BaseException) -> Meaning:
    """Say what an error of a request means.

    Parameters
    ----------
    sdk : module
    client : Anthropic
        Whose request it was.
    model : str
    error : BaseException

    Raises
    ------
    BaseException
        The error itself when it is a bug: neither the SDK's nor the network's.
    """
    if isinstance(error, sdk.APIStatusError):
        return _of_status(client, model, error)
    if isinstance(error, sdk.CredentialsError):
        return Meaning("refused", f"Anthropic's SDK has no key: {clean(str(error), *_secrets(client))}")
    if isinstance(error, sdk.APIResponseValidationError | json.JSONDecodeError | UnicodeDecodeError):
        return Meaning("again", f"{place(client)} answered in no known form.")
    # In mid-stream the HTTP library's own errors come through; its name has changed once, so they go by where
    # they are from.
    if isinstance(error, sdk.APIConnectionError | OSError) or type(error).__module__.startswith("http"):
        # Its text is left out: some transports put addresses with passwords into it.
        return Meaning("again", f"The connection to {place(client)} broke.")
    raise error


def _of_status(client: anthropic.Anthropic, model: str, error: anthropic.APIStatusError) -> Meaning:
    kind, code = str(getattr(error, "type", "") or ""), str(getattr(error, "error_code", "") or "")
    status = error.status_code if error.status_code >= 400 else _STATUS.get(kind, 500)
    said = reach(error.body, "error", "message")
    text = clean(said if isinstance(said, str) and said else f"HTTP {status}", *_secrets(client))
    if status == 402 or _MONEY.search(code) or "credit balance" in text.lower():
        return Meaning("refused", f"Anthropic will not go on with this account: {text}")
    if status == 429:
        return Meaning("limit", f"Rate limit of Claude: {text}", retry_after(error.response.headers))
    if status == 529:
        return Meaning("limit", f"Claude is overloaded: {text}", retry_after(error.response.headers))
    if status == 401:
        return Meaning("refused", f"{place(client)} does not accept the key: set ANTHROPIC_API_KEY to a valid one.")
    if status == 403:
        return Meaning("refused", f"This key may not use {model}: {text}")
    if status == 404 and is_unknown_model(error):
        current = ", ".join(current_models()[:6])
        return Meaning("refused", f"There is no model {model!r} for this key: use one of {current}.")
    if status == 404:
        return Meaning("refused", f"{place(client)} has no Messages API ({URL_HINT}).")
    if status == 413 or (status == 400 and re.search(r"prompt is too long|exceeds? .*context", text, re.I)):
        return Meaning("failed", f"The prompt is too long for {model}: {text}")
    if status in (408, 409) or status >= 500:
        return Meaning("again", f"Claude's server failed: {text}")
    return Meaning("refused", f"Claude's server refuses the request: {text}")


def is_unknown_model(error: anthropic.APIStatusError) -> bool:
    """Whether a 404 is about the model; a proxy without the endpoint answers 404 as well, but not like this."""
    said = reach(error.body, "error", "message")
    known = error.status_code == 404 and reach(error.body, "error", "type") == "not_found_error"
    return known and isinstance(said, str) and "model" in said.lower()


def place(client: anthropic.Anthropic) -> str:
    """Return the server's address, for people: without user and password."""
    parts = urlsplit(str(client.base_url))
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path.rstrip('/')}"


def clean(text: str, *secrets: str | None) -> str:
    """Return a text of the server's as one line, not too long, without keys: those given, the environment's, any other."""
    hidden = {*secrets, os.environ.get("ANTHROPIC_API_KEY"), os.environ.get("ANTHROPIC_AUTH_TOKEN")}
    for secret in sorted(filter(None, hidden), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = " ".join(_KEY.sub("***", text).split())
    return text if len(text) <= 300 else f"{text[:297]}..."


def _secrets(client: anthropic.Anthropic) -> tuple[str | None, ...]:
    """Return what a client identifies itself with: a key, a token, headers of the user's own."""
    headers = {name.lower(): str(value) for name, value in client.default_headers.items()}
    bearer = headers.get("authorization", "").removeprefix("Bearer ")
    return client.api_key, headers.get("x-api-key"), bearer


def reach(thing: object, *path: str) -> object:
    """Follow keys or attributes as far as they go; None where they end."""
    for step in path:
        thing = thing.get(step) if isinstance(thing, Mapping) else getattr(thing, step, None)
    return thing
