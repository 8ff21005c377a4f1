"""The token in front of each message from the worker to the kernel: it shows that a message is the worker's own.

The worker keeps it in a page that its forks do not have, reads it from the socket straight into that page, and sends it from there: so it is
nowhere else in the memory that an experiment is a copy of. (macOS has no such page: there an experiment's copy holds it.)
"""

from __future__ import annotations

import mmap
import secrets
import socket
from collections.abc import Sequence

LENGTH = 32


def new_token() -> bytes:
    """Return a token, of hexadecimal digits."""
    return secrets.token_hex(LENGTH // 2).encode()


def receive_token(control: socket.socket) -> memoryview | None:
    """Return the token that a kernel sends first, in memory that no fork shares; None when the kernel is gone."""
    page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_DONTFORK"):
        page.madvise(mmap.MADV_DONTFORK)
    token = memoryview(page)[:LENGTH]
    return token if control.recv_into(token, LENGTH, socket.MSG_WAITALL) == LENGTH else None


class Outbox:
    """Messages that wait to be sent, each behind the token."""

    def __init__(self, token: memoryview) -> None:
        self._token = token
        self._waiting: list[memoryview] = []
        self.size = 0

    def add(self, message: bytes) -> None:
        """Add a message, one line."""
        self._waiting += [self._token, memoryview(message)]
        self.size += len(self._token) + len(message)

    def send(self, control: socket.socket) -> None:
        """Send what the socket takes.

        Raises
        ------
        OSError
            ``BlockingIOError`` when it takes no more.
        """
        while self._waiting:
            batch: Sequence[memoryview] = self._waiting[:64]
            sent = control.sendmsg(batch)
            self.size -= sent
            while sent:
                first = self._waiting[0]
                if sent < len(first):
                    self._waiting[0] = first[sent:]
                    break
                sent -= len(first)
                del self._waiting[0]
