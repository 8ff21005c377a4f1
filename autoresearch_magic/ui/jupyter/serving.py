"""Answers a front end while a cell of ours blocks the kernel.

A kernel handles the messages of its main shell one after another, so a cell that waits keeps all others waiting. A page that is loaded
again asks which widgets there are before it shows any, and a JupyterLab without subshells asks the panels' questions there too. While
`Serving` is open, the waiting cell reads these messages itself, and handles at once those that cannot disturb it. Everything else,
above all the next cells, is handed back in its order.

It reads ipykernel's streams (6.29 and later). Where they are not as known, in another kernel or another thread than the main one,
nothing is read, and everybody waits as before.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.getipython import get_ipython

from ...study.study import Study

STEP = 0.1
"""Seconds after which a wait looks whether its study has ended, where no message comes in."""

AT_ONCE = frozenset(
    {
        "kernel_info_request", "comm_info_request", "comm_open", "comm_msg", "comm_close",
        "complete_request", "inspect_request", "is_complete_request",
    }
)  # fmt: skip
"""The messages that are handled at once: they run no code of the user's, except what listens to a widget."""


class Serving:
    """Serves the front end's messages while the cell that opened it runs; a context manager.

    Examples
    --------
    ::

        with Serving() as serving:
            while not done():
                serving.serve(0.1)
    """

    def __init__(self) -> None:
        self._kernel: Any = None
        self._stream: Any = None
        self._usual: Any = None  # the stream's own callback
        self._arrived: deque[Any] = deque()
        self._later: list[Any] = []

    def __enter__(self) -> Serving:
        kernel = getattr(get_ipython(), "kernel", None)
        stream = _main_stream(kernel)
        usual = getattr(stream, "_recv_callback", None)
        if usual is None or threading.current_thread() is not threading.main_thread():
            return self
        if getattr(usual, "__self__", None).__class__ is deque:  # one of ours is open already, and serves
            return self
        self._kernel, self._stream, self._usual = kernel, stream, usual
        stream.on_recv(self._arrived.append, copy=False)
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is None:
            return
        stream, self._stream = self._stream, None
        stream.on_recv(self._usual, copy=False)
        for message in (*self._later, *self._arrived):
            # As the stream itself would have done; the kernel's lock keeps their order.
            if inspect.isawaitable(begun := self._usual(message)):
                task = asyncio.ensure_future(begun)
                _tasks.add(task)
                task.add_done_callback(_tasks.discard)

    @property
    def works(self) -> bool:
        """Whether messages are served here."""
        return self._stream is not None

    def serve(self, seconds: float = 0.0) -> bool:
        """Handle what has arrived; wait at most so long for a first message.

        Returns
        -------
        bool
            Whether it is done so here. If not, nothing was waited for.
        """
        if (stream := self._stream) is None:
            return False
        if seconds > 0:
            stream.socket.poll(round(1000 * seconds))
        stream.flush(_POLLIN)
        while self._arrived:
            message = self._arrived[0]
            try:
                served = self._handle(message)
            finally:  # an interrupt ends the wait, and what it has interrupted is not begun twice
                self._arrived.popleft()
            if not served:
                self._later.append(message)
        return True

    def _handle(self, frames: Any) -> bool:
        """Handle a message, if it is one of those that may be handled now."""
        session = self._kernel.session
        try:
            identities, parts = session.feed_identities(frames, copy=False)
            # Only a look: to check the signature twice is refused as a replay.
            if session.unpack(parts[1].bytes)["msg_type"] not in AT_ONCE:
                return False
            message = session.deserialize(parts, content=True, copy=False)
        except Exception:  # a message without parts is ipykernel's own; a false one is refused where it is handled
            return False
        with self._as_parent(identities, message):
            handler = self._kernel.shell_handlers[message["msg_type"]]
            reply_to = _reply_stream(self._kernel)
            try:
                _finish(handler(reply_to, identities, message))
            except Exception as error:
                self._kernel.log.error("%s during a wait failed: %s", message["msg_type"], error)
            if hasattr(reply_to, "on_recv"):  # a stream, not a socket: it sends when its loop runs, which is blocked
                reply_to.flush(_POLLOUT)
        return True

    @contextmanager
    def _as_parent(self, identities: Any, message: Any) -> Iterator[None]:
        """Let what is sent carry this message as its parent; then the waiting cell again."""
        kernel = self._kernel
        before = kernel._parent_ident["shell"], kernel.get_parent("shell")
        events = kernel.shell.events.callbacks
        # A widget's message triggers what is to run around cells: it would show the open figures of the waiting cell elsewhere.
        muted = {name: events[name] for name in ("pre_execute", "post_execute") if name in events}
        events.update((name, []) for name in muted)
        kernel.set_parent(identities, message, channel="shell")
        kernel._publish_status("busy", "shell")
        try:
            yield
        finally:
            kernel._publish_status("idle", "shell")
            kernel.set_parent(*before, channel="shell")
            kernel._publish_status("busy", "shell")  # the cell still runs
            events.update(muted)


def wait_serving(study: Study, serving: Serving, seconds: float) -> bool:
    """Wait for a study as `Study.wait` does, and serve meanwhile."""
    end = time.monotonic() + seconds
    while True:
        works = serving.serve(max(0.0, min(STEP, end - time.monotonic())))
        if study.wait(0.0 if works else max(0.0, end - time.monotonic())):
            return True
        if time.monotonic() >= end:
            return False


_tasks: set[asyncio.Future[Any]] = set()
"""Messages that were handed back; a loop itself keeps no reference to its tasks."""
_POLLIN, _POLLOUT = 1, 2  # as in zmq, which is there wherever ipykernel is


def _main_stream(kernel: Any) -> Any:
    """Return the stream that brings messages to the kernel's main thread; None where it is not known."""
    if not hasattr(kernel, "shell_handlers") or not hasattr(kernel, "_parent_ident"):
        return None
    if (thread := getattr(kernel, "shell_channel_thread", None)) is None:
        return getattr(kernel, "shell_stream", None)
    pair = getattr(getattr(thread, "manager", None), "_shell_channel_to_main", None)
    return getattr(pair, "to_stream", None)


def _reply_stream(kernel: Any) -> Any:
    """Return where the main thread's replies are sent."""
    if (thread := getattr(kernel, "shell_channel_thread", None)) is None:
        return kernel.shell_stream
    return thread.manager.get_subshell_to_shell_channel_socket(None)


def _finish(begun: Any) -> None:
    """Run a handler's coroutine to its end, where it does not wait for anything."""
    if not inspect.iscoroutine(begun):
        return
    try:
        begun.send(None)
    except StopIteration:
        return
    begun.close()
    raise RuntimeError("it waits for something else")
