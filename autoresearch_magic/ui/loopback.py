"""What servers on this machine share: a socket on a loopback address, and the token that each call has to prove."""

from __future__ import annotations

import secrets
import socket

from ..errors import UserError

HOST = "127.0.0.1"

SHORTEST = 16
"""Characters of a token: fewer protect nothing."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on a loopback address; port 0 takes a free one.

    Raises
    ------
    UserError
        When the port cannot be used.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()  # from now on clients wait in a queue, although nobody serves them yet
    except OSError as error:
        listening.close()
        raise UserError(
            f"Port {port} of {host} cannot be used: {error.strerror}. Take another, or 0 for a free one."
        ) from None
    return listening


def new_token() -> str:
    """Return a new token, which can stand in an address."""
    return secrets.token_urlsafe(24)


def same_token(given: str, token: str) -> bool:
    """Whether a token is the right one; how long the answer takes does not tell how much of it is."""
    return secrets.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode())
