"""Send a message to a webhook, in the form that Slack, Discord and ntfy take, or as plain JSON."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from ...errors import UserError
from .address import Address
from .message import Message

TIMEOUT = 15.0
"""Seconds that a server may take."""

_TAGS = {"keep": "tada", "failure": "warning", "end": "checkered_flag"}
_PRIORITIES = {"keep": 3, "failure": 5, "end": 4}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect may lead the message to another host: it is an error."""

    def redirect_request(self, *args: Any, **keywords: Any) -> None:
        return None


def send(address: Address, message: Message) -> None:
    """Post a message.

    Raises
    ------
    UserError
        When the server does not take it; the line has no part of the address but its host.
    """
    url, body = request_of(address, message)
    url, headers = _without_userinfo(url)
    data = json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", "User-Agent": "autoresearch-magic", **headers})  # fmt: skip
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT) as answer:
            answer.read(1 << 16)
    except urllib.error.HTTPError as error:
        with error:
            said = " ".join(error.read(300).decode("utf-8", "replace").split())
        raise UserError(f"HTTP {error.code} {error.reason}{f': {said}' if said and '<' not in said else ''}") from None
    except urllib.error.URLError as error:
        raise UserError(f"it cannot be reached: {error.reason}") from None
    except OSError as error:
        raise UserError(f"it does not answer: {error}") from None


def request_of(address: Address, message: Message) -> tuple[str, dict[str, Any]]:
    """Return the URL to post to and the JSON of a message."""
    whole = f"{message.title}\n{message.text}"
    match address.form:
        case "slack":
            for sign, code in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):  # else <!channel> would call everybody
                whole = whole.replace(sign, code)
            return address.text, {"text": whole}
        case "discord":
            return address.text, {"content": whole[:2000], "allowed_mentions": {"parse": []}}
        case "ntfy":
            place = urlsplit(address.text)
            base, _, topic = place.path.rstrip("/").rpartition("/")
            body = {
                "topic": unquote(topic), "title": message.title, "message": message.text, "tags": [_TAGS[message.kind]],
                "priority": _PRIORITIES[message.kind],
            }  # fmt: skip
            return urlunsplit(place._replace(path=f"{base}/")), body
    return address.text, {**message.figures}


def _without_userinfo(url: str) -> tuple[str, dict[str, str]]:
    """Return an address without user and password, and the header that says them."""
    place = urlsplit(url)
    if not place.username:
        return url, {}
    pair = f"{unquote(place.username)}:{unquote(place.password or '')}".encode()
    host = place.netloc.rpartition("@")[2]
    return urlunsplit(place._replace(netloc=host)), {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
