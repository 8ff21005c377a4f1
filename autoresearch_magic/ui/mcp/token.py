"""The token of a server over HTTP: whoever reaches a port of this machine could start commands as its user, so each call proves who it is."""

from __future__ import annotations

import os

from mcp.server.auth.provider import AccessToken

from ...errors import UserError
from ..loopback import SHORTEST, new_token, same_token

VARIABLE = "AUTORESEARCH_MCP_TOKEN"
"""The environment variable that may hold the token, so that it need not be in a command line, which others can read."""


class OneToken:
    """Accepts one token; the protocol of the SDK's token verifiers."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return who it belongs to; None for any other."""
        if not same_token(token, self._token):
            return None
        return AccessToken(token=token, client_id="local", scopes=[])


def take_token() -> tuple[str, bool]:
    """Return the token, and whether the user has chosen it; else it is a new one.

    Raises
    ------
    UserError
        When the chosen one is too short to protect anything.
    """
    chosen = os.environ.get(VARIABLE, "").strip()
    if chosen and (len(chosen) < SHORTEST or not chosen.isascii() or not chosen.isprintable() or " " in chosen):
        raise UserError(f"{VARIABLE} must be at least {SHORTEST} letters and digits: unset it to get a new token.")
    return chosen or new_token(), bool(chosen)
