"""The Python side of the open pages: each browser tab is a view with a session of the panel of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from ...study.study import Study
from ..panel.answers import PanelSession
from ..panel.opening import open_session
from ..wording import for_shell
from .framing import Message

PATIENCE = 10.0
"""Seconds that an HTTP answer waits for the answer to a question that takes a while; it comes with a later one then."""

FORGOTTEN = 600.0
"""Seconds without a message after which a view is forgotten; it begins anew if it comes back."""

MOST = 64
"""Most views at once."""

MOST_MESSAGES = 256
"""Most messages that wait for a view."""


class View:
    """One open page: it takes the messages of the page, and collects what is sent to it.

    Parameters
    ----------
    study : Study
    """

    def __init__(self, study: Study) -> None:
        self.used = time.monotonic()
        self._changed = threading.Condition()
        self._taking = threading.Lock()
        self._waiting: list[Message] = []
        self._open: set[str] = set()  # the keys of questions without an answer
        self._taken = 0  # commands that were carried out or refused
        self.session: PanelSession = open_session(study, self._send)

    def _send(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        with self._changed:
            self._waiting.append((_worded(content), buffers or []))
            del self._waiting[:-MOST_MESSAGES]
            self._open.discard(str(content.get("key")))
            self._taken += content.get("type") == "taken"
            self._changed.notify_all()

    def exchange(self, content: dict[str, Any]) -> list[Message]:
        """Take a message of the page, and return what has been sent to it: the answer, and what came unasked."""
        self.used = time.monotonic()
        key, before = str(content.get("key")), self._taken
        if "key" in content:
            with self._changed:
                self._open.add(key)
        with self._taking:
            self.session.take(content)

        def answered() -> bool:
            if "key" in content:
                return key not in self._open
            return content.get("type") != "command" or self._taken != before

        with self._changed:
            self._changed.wait_for(answered, PATIENCE)
            self._open.discard(key)
            messages, self._waiting = self._waiting, []
        return messages


class Views:
    """The open pages by the names that they have given themselves.

    Parameters
    ----------
    study : callable
        Returns the study to show.
    """

    def __init__(self, study: Callable[[], Study]) -> None:
        self._study = study
        self._views: dict[str, View] = {}
        self._lock = threading.Lock()

    def view(self, name: str) -> View:
        """Return the view of a page; a new one for a page that is not known, such as after a restart of the server."""
        now = time.monotonic()
        with self._lock:
            self._views = {key: each for key, each in self._views.items() if now - each.used < FORGOTTEN}
            if (found := self._views.get(name)) is not None:
                found.used = now
                return found
            while len(self._views) >= MOST:
                del self._views[min(self._views, key=lambda key: self._views[key].used)]
            made = self._views[name] = View(self._study())
            return made


def _worded(content: dict[str, Any]) -> dict[str, Any]:
    """Return content with the commands in its messages as a shell types them."""
    worded = {key: _worded(each) if isinstance(each, dict) else each for key, each in content.items()}
    if isinstance(said := worded.get("message"), str):
        worded["message"] = for_shell(said)
    return worded
