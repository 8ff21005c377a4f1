"""Calls between two processes over a socket: each may call the other, also while it is being called.

A message is one line of JSON, which says how long each buffer behind it is and where it lies: in the shared memory that the
sender writes (`Arena`), or after the line where that has no room. The receiver copies a buffer before it uses it, so that the
sender cannot change it afterwards.
"""

from __future__ import annotations

import json
import mmap
import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .wire import CannotForward

ARENA = 64 << 20
"""Bytes of shared memory for each direction; the system gives a page when it is first written."""
SMALL = 4096
"""Bytes of a buffer up to which it is sent over the socket: as fast, and the shared memory stays untouched."""
LONGEST = 256 << 20
"""Bytes of the longest JSON line that is taken."""
DEPTH = 40
"""Most calls that wait for one another."""


class Gone(Exception):
    """The other process has ended, or has sent what is no message."""


def shared_memory() -> int:
    """Return a descriptor of new shared memory for both directions; -1 where the system has no anonymous files."""
    if not hasattr(os, "memfd_create"):
        return -1
    fd = os.memfd_create("autoresearch", os.MFD_CLOEXEC)
    os.ftruncate(fd, 2 * ARENA)
    return fd


class Arena:
    """Shared memory that one process writes and the other one reads.

    Parameters
    ----------
    fd : int
        From `shared_memory`; -1 for none.
    half : int
        Which half this process writes, 0 or 1.
    """

    def __init__(self, fd: int, half: int) -> None:
        self._written: mmap.mmap | None = None
        self._read: mmap.mmap | None = None
        self._used = 0
        if fd >= 0:
            halves = [mmap.mmap(fd, ARENA, offset=i * ARENA) for i in (0, 1)]
            self._written, self._read = halves[half], halves[1 - half]

    def begin(self) -> None:
        """Forget what was written: the next message begins."""
        self._used = 0

    def put(self, data: memoryview) -> int:
        """Write a buffer; return its place, or -1 where there is no room."""
        start = -(-self._used // 64) * 64
        if self._written is None or len(data) <= SMALL or start + len(data) > ARENA:
            return -1
        self._written[start : start + len(data)] = data
        self._used = start + len(data)
        return start

    def get(self, start: int, length: int) -> bytearray:
        """Return a copy of a buffer that the other process has written."""
        if self._read is None or not 0 <= start <= start + length <= ARENA:
            raise Gone("a buffer outside of the shared memory")
        return bytearray(memoryview(self._read)[start : start + length])


class Channel:
    """One end of the connection.

    Parameters
    ----------
    connection : socket
    arena : Arena
    answer : callable
        Gets a call (a mapping with ``do``, and the buffers that came with it) and returns the reply's mapping and its buffers.
    most : int
        Bytes of all buffers of one message that are taken.
    """

    def __init__(
        self, connection: socket.socket, arena: Arena,
        answer: Callable[[Mapping[str, Any], Sequence[bytearray]], tuple[Mapping[str, Any], Sequence[Any]]], *, most: int = 1 << 36,
    ) -> None:  # fmt: skip
        self._socket, self._arena, self._answer, self._most = connection, arena, answer, most
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._depth = 0
        self._inbox = bytearray()

    def call(
        self, message: Mapping[str, Any], buffers: Sequence[Any] = ()
    ) -> tuple[Mapping[str, Any], list[bytearray]]:
        """Send a call and return the reply; calls of the other process are answered until it comes.

        Raises
        ------
        Gone
        CannotForward
            From a process that was forked since.
        """
        if os.getpid() != self._process:
            raise CannotForward("a call from another process, such as a worker of a DataLoader")
        with self._lock:
            if self._depth >= DEPTH:
                raise CannotForward(f"more than {DEPTH} calls that wait for one another")
            self._depth += 1
            try:
                self._send(message, buffers)
                while True:
                    got, data = self._receive()
                    if "do" not in got:
                        return got, data
                    self._reply(got, data)
            finally:
                self._depth -= 1

    def serve(self) -> None:
        """Answer calls until the other process closes its end."""
        while True:
            try:
                got, data = self._receive()
                self._reply(got, data)
            except Gone:
                return

    def _reply(self, message: Mapping[str, Any], data: Sequence[bytearray]) -> None:
        self._send(*self._answer(message, data))

    def _send(self, message: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        self._arena.begin()
        views = [memoryview(each).cast("B") if len(each) else memoryview(b"") for each in buffers]
        places = [[self._arena.put(view), len(view)] for view in views]
        line = json.dumps({**message, "data": places}, allow_nan=False, ensure_ascii=False).encode()
        try:
            self._socket.sendall(len(line).to_bytes(8, "little") + line)
            for view, (place, length) in zip(views, places, strict=True):
                if place < 0 and length:
                    self._socket.sendall(view)
        except OSError:
            raise Gone from None

    def _receive(self) -> tuple[Mapping[str, Any], list[bytearray]]:
        length = int.from_bytes(self._exactly(8), "little")
        if length > LONGEST:
            raise Gone("a message that is too long")
        try:
            message = json.loads(bytes(self._exactly(length)))
            places = [(int(place), int(size)) for place, size in message.pop("data")]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Gone("what is no message") from None
        if any(size < 0 for _, size in places) or sum(size for _, size in places) > self._most:
            raise Gone("buffers that are too long")
        return message, [self._exactly(size) if place < 0 else self._arena.get(place, size) for place, size in places]

    def _exactly(self, size: int) -> bytearray:
        data = bytearray(size)
        view, got = memoryview(data), 0
        while got < size:
            try:
                count = self._socket.recv_into(view[got:])
            except OSError:
                count = 0
            if not count:
                raise Gone
            got += count
        return data

    def close(self) -> None:
        """Close this end; the other process notices it."""
        self._socket.close()
