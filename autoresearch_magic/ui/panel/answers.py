"""The Python side of a panel: it answers the messages of one view, wherever that is shown.

`page/panel.js` describes the messages. A kind of message has one function, registered with `answers`; hosts (the widget, the web
page) pass messages on to a `PanelSession` and send what it sends.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any, Protocol

from ...errors import UserError
from ...study.study import Study
from .delta import Feed

SILENCE = 2.5
"""Seconds without a request after which updates are sent unasked; the front end asks every second."""

Answer = dict[str, Any] | tuple[dict[str, Any], list[bytes]] | None
"""What a function answers: the content, or the content with buffers; None where it has sent what there is to say."""
Function = Callable[["PanelSession", dict[str, Any]], Answer]


class Send(Protocol):
    """Sends a message to the view."""

    def __call__(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> Any:
        """Send it."""
        ...


_functions: dict[str, tuple[Function, bool]] = {}


def answers(kind: str, *, slow: bool = False) -> Callable[[Function], Function]:
    """Register the function that answers a kind of message.

    Parameters
    ----------
    kind : str
        The message's ``type``.
    slow : bool
        Whether it may take longer than a blink: then it runs in a thread of its own, and the kernel stays free.

    Notes
    -----
    The function is given the session and the message. A `UserError` that it raises is shown in the panel. A ``key`` in the message
    is repeated in the answer, so that the view knows which of its questions is answered.
    """

    def register(function: Function) -> Function:
        _functions[kind] = function, slow
        return function

    return register


class PanelSession:
    """The Python side of one panel.

    Parameters
    ----------
    study : Study
    send : callable
        Sends a message to the view, as a dict of plain values and a list of buffers.
    """

    def __init__(self, study: Study, send: Send) -> None:
        self.study = study
        self._send = send
        self.asked_at = time.monotonic()
        # A resumed study may have other rows than the view knows: a new epoch makes the view drop them.
        self.feed = Feed(study, uuid.uuid4().hex[:8])

    def take(self, content: dict[str, Any]) -> None:
        """Take a message of the view, and answer it."""
        kind = content.get("type")
        if kind == "pull":
            self.asked_at = time.monotonic()
            answer, buffers = self.feed.answer(content)
            self._send({**answer, "asked": True}, buffers)
            return
        function, slow = _functions.get(str(kind), (None, False))
        if function is None:
            self._send({"type": "refused", "message": f"The panel has no message {kind!r}.", "key": content.get("key")})
        elif slow:
            self.in_thread(lambda: self._answer(function, content))
        else:
            self._answer(function, content)

    def _answer(self, function: Function, content: dict[str, Any]) -> None:
        key = {"key": content["key"]} if "key" in content else {}
        try:
            answer = function(self, content)
        except UserError as error:
            self._send({"type": "refused", "message": str(error), **key})
            return
        if answer is not None:
            found, buffers = answer if isinstance(answer, tuple) else (answer, [])
            self._send({**found, **key}, buffers)

    def in_thread(self, work: Callable[[], None]) -> None:
        """Do something that takes longer than a blink in a thread of its own."""
        threading.Thread(target=work, name="autoresearch-panel", daemon=True).start()

    def send_changes(self) -> None:
        """Send, unasked, what has changed since the last answer."""
        content, buffers = self.feed.unasked()
        self._send({**content, "asked": False}, buffers)

    def push_updates(self) -> None:
        """Send changes unasked if no request has come in for a while."""
        if time.monotonic() - self.asked_at > SILENCE:
            self.send_changes()

    def tell(self, message: str) -> None:
        """Say in the panel for a few seconds that something is done, in one line."""
        self._send({"type": "told", "message": message})

    def refuse(self, message: str) -> None:
        """Show a message of one line in the panel for a few seconds."""
        self._send({"type": "refused", "message": message})

    def taken(self, name: str) -> None:
        """Say that a command was carried out or refused, so that the view need not wait for its effect any longer."""
        self._send({"type": "taken", "name": name})
