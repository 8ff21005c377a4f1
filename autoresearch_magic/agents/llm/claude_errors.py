"""What an error of Anthropic's SDK means and how it reads in one line, without keys.

Not here: the waits and retries that follow from it (`calls`).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ...keys.redact import REMOVED, cleaned
from ...text import shorten
from .calls import Problem
from .claude_models import current_models
from .retry_after import retry_after

if TYPE_CHECKING:
    import anthropic

URL_HINT = "ANTHROPIC_BASE_URL"
"""The setting to check when the address is wrong."""

# An error event in mid-stream comes with status 200; its type stands for the status it would have had.
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

# Limits of the account: they come as 429 too, but waiting does not lift them.
_MONEY = re.compile(r"spend_limit_reached|organization_on_hold|billing")

_KEY = re.compile(r"sk-ant-[\w-]+")


def explain(sdk: ModuleType, client: anthropic.Anthropic, model: str, error: BaseException) -> Problem:
    """Return what an error of a request means.

    Parameters
    ----------
    sdk : module
    client : Anthropic
        The client that sent the request.
    model : str
    error : BaseException

    Raises
    ------
    BaseException
        The error itself when it comes from neither the SDK nor the network: it is a bug.
    """
    if isinstance(error, sdk.APIStatusError):
        return _of_status(client, model, error)
    if isinstance(error, sdk.CredentialsError):
        return Problem("refused", f"Anthropic's SDK has no key: {clean(str(error), *_secrets(client))}")
    if isinstance(error, sdk.APIResponseValidationError | json.JSONDecodeError | UnicodeDecodeError):
        return Problem("again", f"{address(client)} gave an answer in no known form.")
    # In mid-stream the HTTP library's own errors come through. They are recognised by module, as the library's name has
    # changed once already.
    if isinstance(error, sdk.APIConnectionError | OSError) or type(error).__module__.startswith("http"):
        # Without the error's text: some transports put addresses with passwords into it.
        return Problem("again", f"The connection to {address(client)} broke.")
    raise error


def _of_status(client: anthropic.Anthropic, model: str, error: anthropic.APIStatusError) -> Problem:
    kind, code = str(getattr(error, "type", "") or ""), str(getattr(error, "error_code", "") or "")
    status = error.status_code if error.status_code >= 400 else _STATUS.get(kind, 500)
    message = reach(error.body, "error", "message")
    text = clean(message if isinstance(message, str) and message else f"HTTP {status}", *_secrets(client))
    if status == 402 or _MONEY.search(code) or "credit balance" in text.lower():
        return Problem("refused", f"Anthropic does not serve this account: {text}")
    if status == 429:
        return Problem("limit", f"Rate limit of Claude: {text}", retry_after(error.response.headers))
    if status == 529:
        return Problem("limit", f"Claude is overloaded: {text}", retry_after(error.response.headers))
    if status == 401:
        return Problem("refused", f"{address(client)} does not accept the key: set ANTHROPIC_API_KEY to a valid one.")
    if status == 403:
        return Problem("refused", f"This key may not use {model}: {text}")
    if status == 404 and is_unknown_model(error):
        current = ", ".join(current_models()[:6])
        return Problem("refused", f"There is no model {model!r} for this key: use one of {current}.")
    if status == 404:
        return Problem("refused", f"{address(client)} has no Messages API ({URL_HINT}).")
    if status == 413 or (status == 400 and re.search(r"prompt is too long|exceeds? .*context", text, re.I)):
        return Problem("unfit", f"The prompt is too long for {model}: {text}")
    if status in (408, 409) or status >= 500:
        return Problem("again", f"Claude's server failed: {text}")
    return Problem("refused", f"Claude's server refuses the request: {text}")


def is_unknown_model(error: anthropic.APIStatusError) -> bool:
    """Return whether a 404 is about the model; a proxy without the endpoint answers 404 too, but in another form."""
    message = reach(error.body, "error", "message")
    known = error.status_code == 404 and reach(error.body, "error", "type") == "not_found_error"
    return known and isinstance(message, str) and "model" in message.lower()


def address(client: anthropic.Anthropic) -> str:
    """Return the server's address for messages: without user and password."""
    parts = urlsplit(str(client.base_url))
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path.rstrip('/')}"


def clean(text: str, *secrets: str | None) -> str:
    """Return a server's text as one line of at most 300 characters, without the keys given, the environment's or others."""
    hidden = {*secrets, os.environ.get("ANTHROPIC_API_KEY"), os.environ.get("ANTHROPIC_AUTH_TOKEN")}
    for secret in sorted(filter(None, hidden), key=len, reverse=True):
        text = text.replace(secret, REMOVED)
    return shorten(_KEY.sub(REMOVED, cleaned(text)), 300)


def _secrets(client: anthropic.Anthropic) -> tuple[str | None, ...]:
    """Return what a client identifies itself with: a key, a token, headers set by the user."""
    headers = {name.lower(): str(value) for name, value in client.default_headers.items()}
    bearer = headers.get("authorization", "").removeprefix("Bearer ")
    return client.api_key, headers.get("x-api-key"), bearer


def reach(thing: object, *path: str) -> object:
    """Return what a path of keys or attributes leads to; None where it ends early."""
    for step in path:
        thing = thing.get(step) if isinstance(thing, Mapping) else getattr(thing, step, None)
    return thing
